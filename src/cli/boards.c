/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/boards.h"
#include "cli/cmd.h"
#include "cli/nearest.h"
#include "cli/source.h"
#include "observe/observe.h"

/* "migctl boards": every GPU product that we know of, and what of it hardware has shown. */

struct args {
	struct cli_source_args source;
	const char *driver;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt boards_opts[] = {
	OPT_STR("driver", 'd', A(driver), "VERSION",
		"as that driver shows them, such as 515.86.01; the newest without it"),
	CLI_SOURCE_OPTS(A(source)), OPT_END
};
#undef A

struct board_row {
	const char *key, *state;
	char name[64];
	char since[24];
	int32_t slices, memory_slices, units, memory_mib, profiles;
	bool simulated;
	const char *lacks;
};

#define R(f) offsetof(struct board_row, f)
static const struct cli_field board_fields[] = {
	{ "key", "BOARD", F_PTR, R(key) },
	{ "name", "PRODUCT", F_STR, R(name), CLI_WRAP },
	{ "compute_slices", "SLICES", F_INT, R(slices) },
	{ "memory_slices", NULL, F_INT, R(memory_slices) },
	{ "placement_units", NULL, F_INT, R(units) },
	{ "memory_mib", "MIB", F_INT, R(memory_mib) },
	{ "profiles", "PROFILES", F_INT, R(profiles), CLI_DROP },
	{ "since_driver", "SINCE DRIVER", F_STR, R(since), CLI_DROP },
	{ "state", "STATE", F_PTR, R(state), CLI_WRAP },
	{ "simulated", NULL, F_BOOL, R(simulated) },
	{ "lacks", NULL, F_PTR, R(lacks) },
	{ NULL },
};
#undef R

const char *cli_board_state_name(enum mig_board_state state)
{
	static const char *const names[] = {
		[MIG_BOARD_CONFIRMED] = "confirmed",
		[MIG_BOARD_PARTLY] = "partly unconfirmed",
		[MIG_BOARD_UNCONFIRMED] = "unconfirmed",
		[MIG_BOARD_KNOWN] = "cannot be simulated",
	};

	return names[state];
}

/* The first value of a figure, or none. */
static int32_t figure(const struct mig_board_def *def, enum mig_board_figure fig)
{
	return def->fig[fig].n ? (int32_t)def->fig[fig].v[0].value : CLI_NONE;
}

static void fill_row(const struct mig_board_def *def, const struct mig_board *board,
		     struct board_row *row)
{
	*row = (struct board_row){
		.key = def->key,
		.slices = figure(def, MIG_FIG_COMPUTE_SLICES),
		.memory_slices = figure(def, MIG_FIG_MEMORY_SLICES),
		.units = figure(def, MIG_FIG_UNITS),
		.memory_mib = figure(def, MIG_FIG_MEMORY_TOTAL),
		.profiles = (int32_t)(board ? board->n_gi : def->n_gi),
		.state = cli_board_state_name(board ? mig_board_state(board) : MIG_BOARD_KNOWN),
		.simulated = board != NULL,
		.lacks = def->lacks[0] ? def->lacks : NULL,
	};
	snprintf(row->name, sizeof(row->name), "%s",
		 board ? board->name : def->text[MIG_TEXT_NAME].v[0].text);
	if (def->first_driver.n)
		mig_driver_format((uint32_t)def->first_driver.v[0].value, row->since,
				  sizeof(row->since));
}

/* All, in the order of their keys; those that the driver does not know are left out. */
static unsigned fill_rows(const char *driver, struct board_row *rows, unsigned cap)
{
	const struct mig_board_def *def, *known;
	unsigned n = 0, i = 0, k = 0;
	struct mig_board board;

	while (n < cap) {
		def = mig_board_at(i);
		known = mig_known_at(k);
		if (!def && !known)
			break;
		if (!def || (known && strcmp(known->key, def->key) < 0)) {
			fill_row(known, NULL, &rows[n++]);
			k++;
			continue;
		}
		if (mig_board_resolve(def, driver, &board, NULL) >= 0)
			fill_row(def, &board, &rows[n++]);
		i++;
	}
	return n;
}

static int list(struct cli_out *out, const char *driver, struct mig_error *reterr)
{
	struct board_row rows[128];
	unsigned n = fill_rows(driver, rows, ARRAY_SIZE(rows));
	int r = cli_out_list(out, "boards", NULL, NULL, board_fields, rows, n, sizeof(rows[0]));

	return r < 0 ? mig_fail(reterr, r, "cannot print the list: %s", strerror(-r)) : 0;
}

static int no_board(const char *key, struct mig_error *reterr)
{
	const struct mig_board_def *def;
	struct cli_nearest near;

	cli_nearest_begin(&near, key, strlen(key));
	for (unsigned i = 0; (def = mig_board_at(i)); i++)
		cli_nearest_add(&near, def->key);
	for (unsigned i = 0; (def = mig_known_at(i)); i++)
		cli_nearest_add(&near, def->key);
	if (cli_nearest_get(&near))
		return mig_fail(reterr, -EINVAL, "there is no board '%s': did you mean '%s'?", key,
				cli_nearest_get(&near));
	return mig_fail(reterr, -EINVAL,
			"there is no board '%s': 'migctl boards' without a word lists them", key);
}

static int show(struct cli_out *out, const struct args *a, const char *driver, const char *key,
		struct mig_error *reterr)
{
	const struct mig_board_def *def = mig_board_find(key), *known = mig_known_find(key);
	struct mig_driver parsed;
	struct mig_board board;
	int r;

	if (!def && !known)
		return no_board(key, reterr);
	r = mig_driver_parse(driver, &parsed, reterr);
	if (r >= 0 && def)
		r = mig_board_resolve(def, driver, &board, reterr);
	if (r < 0)
		return r;
	r = cli_board_show(out, (enum cli_format)a->source.format, def ?: known,
			   def ? &board : NULL, parsed.code);
	return r < 0 ? mig_fail(reterr, r, "cannot print the board: %s", strerror(-r)) : 0;
}

/* The board of the GPU that -i names, as its driver shows it. */
static int show_gpu(struct cli_out *out, const struct args *a, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	const struct mig_gpu *gpu;
	int r = cli_source_open(&a->source, OBSERVE_BOARD, &source, reterr);

	if (r >= 0)
		r = cli_source_one_gpu(&source, &gpu, reterr);
	if (r < 0)
		return r;
	if (gpu->status)
		return observe_gpu_answers(gpu, reterr);
	if (!gpu->board.key[0])
		return mig_fail(reterr, -ENOENT,
				"GPU %u (%s) is none of the boards that are known: 'migctl boards "
				"capture' writes a file of what NVML says of it",
				gpu->index, gpu->name);
	return show(out, a, a->driver ?: source.snapshot->driver, gpu->board.key, reterr);
}

static int print(struct cli_out *out, const struct args *a, const char *key,
		 struct mig_error *reterr)
{
	char newest[16];

	if (key && (a->source.gpus || a->source.snapshot))
		return mig_fail(reterr, -EINVAL,
				"'%s' and %s are two answers to which board: give one", key,
				a->source.gpus ? "--id" : "--snapshot");
	if (a->source.gpus || a->source.snapshot)
		return show_gpu(out, a, reterr);
	cli_newest_driver(newest);
	return key ? show(out, a, a->driver ?: newest, key, reterr)
		   : list(out, a->driver ?: newest, reterr);
}

int cmd_boards(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct args a = { 0 };
	struct mig_driver parsed;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0 && a.driver)
		r = mig_driver_parse(a.driver, &parsed, reterr);
	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r < 0)
		return r;
	r = print(out, &a, argv[0], reterr);
	if (r >= 0)
		r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
