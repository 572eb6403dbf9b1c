/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/cmd.h"
#include "cli/source.h"
#include "observe/observe.h"

/*
 * "migctl profiles": what can be cut out of a GPU, and how many more of each the driver says can be
 * created now; or what can be cut out of a board that nobody has here.
 */

struct args {
	struct cli_source_args source;
	const char *driver;
	bool ci;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt profiles_opts[] = {
	CLI_SOURCE_OPTS(A(source)),
	OPT_STR("driver", 'd', A(driver), "VERSION",
		"a BOARD as that driver shows it; the newest without it"),
	OPT_FLAG("ci", 'c', A(ci), "the profiles of compute instances as well"),
	OPT_END,
};
#undef A

struct gi_row {
	const char *name;
	struct mig_reading free;
	struct cli_marked total, memory, sm, ce, dec, enc, jpeg, ofa, id;
	int32_t gpu, index, slices, size;
	char starts[40], places[48], unconfirmed[64];
};

#define R(f) offsetof(struct gi_row, f)
static const struct cli_field gi_fields[] = {
	{ "gpu", "GPU", F_INT, R(gpu) },
	{ "profile", "PROFILE", F_PTR, R(name) },
	{ "profile_id", "ID", F_MARKED, R(id) },
	{ "profile_index", NULL, F_INT, R(index) },
	{ "slices", "SLICES", F_INT, R(slices) },
	{ "size", NULL, F_INT, R(size) },
	{ "starts", NULL, F_STR, R(starts) },
	{ "", "STARTS:SIZE", F_STR, R(places) },
	{ "free", "FREE", F_READING, R(free) },
	{ "free_status", NULL, F_STATUS, R(free.status) },
	{ "total", "TOTAL", F_MARKED, R(total) },
	{ "memory_mib", "MIB", F_MARKED, R(memory) },
	{ "sm", "SM", F_MARKED, R(sm) },
	{ "ce", "CE", F_MARKED, R(ce), CLI_DROP },
	{ "dec", "DEC", F_MARKED, R(dec), CLI_DROP },
	{ "enc", "ENC", F_MARKED, R(enc), CLI_DROP },
	{ "jpeg", "JPEG", F_MARKED, R(jpeg), CLI_DROP },
	{ "ofa", "OFA", F_MARKED, R(ofa), CLI_DROP },
	{ "unconfirmed", NULL, F_STR, R(unconfirmed) },
	{ NULL },
};
#undef R

struct ci_row {
	const char *gi, *name;
	struct cli_marked id, total, span, sm;
	int32_t gpu, slices;
	char unconfirmed[64];
};

#define R(f) offsetof(struct ci_row, f)
static const struct cli_field ci_fields[] = {
	{ "gpu", "GPU", F_INT, R(gpu) },
	{ "profile", "PROFILE", F_PTR, R(gi) },
	{ "ci_profile", "COMPUTE INSTANCE", F_PTR, R(name) },
	{ "ci_profile_id", "ID", F_MARKED, R(id) },
	{ "slices", "SLICES", F_INT, R(slices) },
	{ "total", "TOTAL", F_MARKED, R(total) },
	{ "span", "SPAN", F_MARKED, R(span) },
	{ "sm", "SM", F_MARKED, R(sm) },
	{ "unconfirmed", NULL, F_STR, R(unconfirmed) },
	{ NULL },
};
#undef R

struct rows {
	struct gi_row *gi;
	struct ci_row *ci;
	size_t n_gi, n_ci;
	bool doubt; /* some figure has a mark */
};

/* Which of the keys of a row no hardware output confirms: "memory_mib, sm". */
static void list_unconfirmed(uint32_t bits, const char *const keys[7], char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < 7; i++)
		if (bits & 1u << i && keys[i] && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 keys[i]);
}

static struct cli_marked marked(unsigned value, uint32_t bits, uint32_t bit)
{
	return (struct cli_marked){ (int32_t)value, (bits & bit) != 0 };
}

static void fill_gi(const struct mig_board *board, const struct mig_gi_profile *p, int32_t gpu,
		    const struct mig_reading *remaining, struct gi_row *row)
{
	/* In the order of enum mig_unconfirmed. */
	static const char *const keys[7] = { "memory_mib", "sm", "engines",   "starts",
					     "total",	   NULL, "profile_id" };
	const uint32_t u = p->unconfirmed;
	size_t n = 0;

	*row = (struct gi_row){
		.gpu = gpu,
		.name = p->name,
		.id = marked(p->id, u, MIG_UNCONFIRMED_ID),
		.index = p->index,
		.slices = p->slices,
		.size = p->size,
		.free = { .status = MIG_NOT_ASKED },
		.total = marked(p->total, u, MIG_UNCONFIRMED_TOTAL),
		.memory = marked(p->memory_mb, u, MIG_UNCONFIRMED_MEMORY),
		.sm = marked(p->sm, u, MIG_UNCONFIRMED_SM),
		.ce = marked(p->ce, u, MIG_UNCONFIRMED_ENGINES),
		.dec = marked(p->dec, u, MIG_UNCONFIRMED_ENGINES),
		.enc = marked(p->enc, u, MIG_UNCONFIRMED_ENGINES),
		.jpeg = marked(p->jpeg, u, MIG_UNCONFIRMED_ENGINES),
		.ofa = marked(p->ofa, u, MIG_UNCONFIRMED_ENGINES),
	};
	if (remaining)
		row->free = remaining[p - board->gi];
	for (unsigned i = 0; i < p->n_starts && n < sizeof(row->starts); i++)
		n += (size_t)snprintf(row->starts + n, sizeof(row->starts) - n, "%s%u",
				      i ? "," : "", p->starts[i]);
	snprintf(row->places, sizeof(row->places), "%s:%u%s", row->starts, p->size,
		 u & MIG_UNCONFIRMED_PLACEMENT ? "?" : "");
	list_unconfirmed(u, keys, row->unconfirmed, sizeof(row->unconfirmed));
}

static void fill_ci(const struct mig_gi_profile *p, const struct mig_ci_profile *c, int32_t gpu,
		    struct ci_row *row)
{
	static const char *const keys[7] = { NULL,    "sm", NULL,	    "span",
					     "total", NULL, "ci_profile_id" };

	*row = (struct ci_row){
		.gpu = gpu,
		.gi = p->name,
		.name = c->name,
		.slices = c->slices,
		.id = marked(c->id, c->unconfirmed, MIG_UNCONFIRMED_ID),
		.total = marked(c->total, c->unconfirmed, MIG_UNCONFIRMED_TOTAL),
		.span = marked(c->span, c->unconfirmed, MIG_UNCONFIRMED_PLACEMENT),
		.sm = marked(c->sm, c->unconfirmed, MIG_UNCONFIRMED_SM),
	};
	list_unconfirmed(c->unconfirmed, keys, row->unconfirmed, sizeof(row->unconfirmed));
}

/* BAR1 is no figure of these lists. */
#define SHOWN_BITS (~(uint32_t)MIG_UNCONFIRMED_BAR1)

static void add_board(const struct mig_board *board, int32_t gpu,
		      const struct mig_reading *remaining, bool with_ci, struct rows *rows)
{
	for (uint32_t i = 0; i < board->n_gi; i++) {
		const struct mig_gi_profile *p = &board->gi[i];

		rows->doubt |= (p->unconfirmed & SHOWN_BITS) != 0;
		fill_gi(board, p, gpu, remaining, &rows->gi[rows->n_gi++]);
		for (unsigned c = 0; c < p->n_ci; c++) {
			rows->doubt |= with_ci && p->ci[c].unconfirmed & SHOWN_BITS;
			fill_ci(p, &p->ci[c], gpu, &rows->ci[rows->n_ci++]);
		}
	}
}

static int make_rows(unsigned boards, struct rows *rows)
{
	size_t n = (size_t)boards * MIG_MAX_GI_PROFILES + 1;

	rows->gi = calloc(n, sizeof(*rows->gi));
	rows->ci = calloc(n * MIG_MAX_CI_PROFILES, sizeof(*rows->ci));
	return rows->gi && rows->ci ? 0 : -ENOMEM;
}

static void free_rows(struct rows *rows)
{
	free(rows->gi);
	free(rows->ci);
}

/* A board has no index and nothing on it: the columns would be empty. */
static void fit_board(struct cli_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].key &&
		    (!strcmp(fields[i].key, "gpu") || !strcmp(fields[i].key, "free")))
			fields[i].head = NULL;
}

static int show_rows(struct cli_out *out, const struct args *a, const struct rows *rows, bool board)
{
	struct cli_field gi[ARRAY_SIZE(gi_fields)], ci[ARRAY_SIZE(ci_fields)];
	int r;

	memcpy(gi, gi_fields, sizeof(gi));
	memcpy(ci, ci_fields, sizeof(ci));
	if (board) {
		fit_board(gi, ARRAY_SIZE(gi));
		fit_board(ci, ARRAY_SIZE(ci));
	}
	r = cli_out_list(out, "profiles", NULL, "There are no profiles.", gi, rows->gi, rows->n_gi,
			 sizeof(rows->gi[0]));
	if (r >= 0 && (a->ci || !cli_out_is_table(out)))
		r = cli_out_list(out, "ci_profiles", NULL, NULL, ci, rows->ci, rows->n_ci,
				 sizeof(rows->ci[0]));
	if (r >= 0 && rows->doubt)
		cli_out_say(out, RENDER_PLAIN, "?: no output of hardware confirms it.");
	return r;
}

/* What a GPU's rows do not tell, or why it has none. */
static void say_gpu(struct cli_out *out, const struct mig_gpu *gpu)
{
	if (cli_source_say_nothing(out, gpu))
		return;
	if (gpu->board_origin == MIG_BOARD_NONE)
		cli_out_say(out, RENDER_HERE, "GPU %u (%s): the driver names no profiles.",
			    gpu->index, gpu->name);
	else if (gpu->mode != MIG_MODE_ON)
		cli_out_say(out, RENDER_PLAIN,
			    "GPU %u: MIG mode is off; nothing can be created until it is on.",
			    gpu->index);
	if (!gpu->status && gpu->board_origin == MIG_BOARD_FROM_DATA)
		cli_out_say(out, RENDER_PLAIN,
			    "GPU %u: the driver does not tell the places to this user; they are "
			    "those of migkit's data for %s.",
			    gpu->index, gpu->board.key[0] ? gpu->board.key : "like profiles");
}

static int show_machine(struct cli_out *out, const struct args *a, const struct mig_snapshot *s)
{
	_cleanup_(free_rows) struct rows rows = { 0 };
	int r = make_rows(s->n_gpu, &rows);

	for (uint32_t i = 0; i < s->n_gpu && r >= 0; i++)
		if (!s->gpu[i].status && s->gpu[i].board_origin != MIG_BOARD_NONE)
			add_board(&s->gpu[i].board, (int32_t)s->gpu[i].index,
				  s->gpu[i].mode == MIG_MODE_ON ? s->gpu[i].remaining : NULL, a->ci,
				  &rows);
	if (r >= 0)
		r = show_rows(out, a, &rows, false);
	for (uint32_t i = 0; i < s->n_gpu && r >= 0; i++)
		say_gpu(out, &s->gpu[i]);
	return r;
}

static int show_board(struct cli_out *out, const struct args *a, const struct mig_board *board)
{
	_cleanup_(free_rows) struct rows rows = { 0 };
	int r = cli_out_str(out, "source", "Board:", board->name);

	/* The same keys as of a machine. */
	if (r >= 0)
		r = cli_out_str(out, "driver", NULL, a->driver);
	if (r >= 0)
		r = cli_out_str(out, "recorded", NULL, NULL);
	if (r >= 0)
		r = make_rows(1, &rows);
	if (r < 0)
		return r;
	add_board(board, CLI_NONE, NULL, a->ci, &rows);
	return show_rows(out, a, &rows, true);
}

static int check_words(const struct args *a, const char *board, struct mig_error *reterr)
{
	if (board && (a->source.gpus || a->source.snapshot))
		return mig_fail(reterr, -EINVAL,
				"'%s' is a board without a machine: it goes without %s", board,
				a->source.gpus ? "--id" : "--snapshot");
	if (!board && a->driver)
		return mig_fail(reterr, -EINVAL,
				"--driver is for a board: a GPU has the driver that it has");
	return 0;
}

int cmd_profiles(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct args a = { 0 };
	struct mig_board board;
	int r = cli_parse(cmd, &a, &argc, argv, reterr);

	if (r >= 0)
		r = check_words(&a, argv[0], reterr);
	if (r >= 0)
		r = argv[0] ? cli_board_arg(argv[0], a.driver, &board, reterr)
			    : cli_source_open(&a.source, OBSERVE_BOARD | OBSERVE_REMAINING, &source,
					      reterr);
	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r < 0)
		return r;
	r = argv[0] ? show_board(out, &a, &board) : cli_source_heading(&source, out);
	if (r >= 0 && !argv[0])
		r = show_machine(out, &a, source.snapshot);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the profiles: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
