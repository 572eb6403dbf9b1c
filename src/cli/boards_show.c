/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/boards.h"

/*
 * One board: its own figures, its profiles, the compute instances in them, and where all of it is
 * from. In tables "?" stands behind what no hardware output confirms, "-" for what nobody knows; in
 * JSON an unconfirmed figure is named in "unconfirmed" of its record.
 */

#define MAX_CI_ROWS (MIG_MAX_GI_PROFILES * MIG_MAX_CI_PROFILES)

struct figure_row {
	const char *group, *key;
	char value[80];
	char shown[84];
	char sources[64];
	bool unconfirmed;
};

#define R(f) offsetof(struct figure_row, f)
static const struct cli_field figure_table[] = { { "group", "GROUP", F_PTR, R(group) },
						 { "figure", "FIGURE", F_PTR, R(key) },
						 { "value", "VALUE", F_STR, R(shown) },
						 { "sources", "SOURCES", F_STR, R(sources),
						   CLI_WRAP },
						 { NULL } };
static const struct cli_field figure_json[] = {
	{ "group", NULL, F_PTR, R(group) },	{ "figure", NULL, F_PTR, R(key) },
	{ "value", NULL, F_STR, R(value) },	{ "unconfirmed", NULL, F_BOOL, R(unconfirmed) },
	{ "sources", NULL, F_STR, R(sources) }, { NULL }
};
#undef R

/* A number of a profile, for both: as it is, and with its mark. */
struct cell {
	int32_t value;
	char shown[12];
};

struct profile_row {
	const char *name;
	struct cell fig[MIG_PROFILE_FIGURE_MAX];
	char placements[48];
	char starts[40];
	char since[24];
	char sources[64];
	char unconfirmed[80];
};

#define V(f) offsetof(struct profile_row, fig[MIG_PFIG_##f].value)
#define S(f) offsetof(struct profile_row, fig[MIG_PFIG_##f].shown)
#define R(f) offsetof(struct profile_row, f)
static const struct cli_field profile_table[] = {
	{ "name", "PROFILE", F_PTR, R(name) },
	{ "id", "ID", F_STR, S(ID) },
	{ "slices", "SLICES", F_STR, S(SLICES) },
	{ "placements", "STARTS:SIZE", F_STR, R(placements) },
	{ "total", "TOTAL", F_STR, S(TOTAL) },
	{ "memory_mb", "MIB", F_STR, S(MEMORY_MB) },
	{ "bar1_mb", "BAR1", F_STR, S(BAR1_MB), CLI_DROP },
	{ "sm", "SM", F_STR, S(SM) },
	{ "ce", "CE", F_STR, S(CE) },
	{ "dec", "DEC", F_STR, S(DEC) },
	{ "enc", "ENC", F_STR, S(ENC) },
	{ "jpeg", "JPEG", F_STR, S(JPEG) },
	{ "ofa", "OFA", F_STR, S(OFA) },
	{ "since", "SINCE", F_STR, R(since), CLI_DROP },
	{ "sources", "SOURCES", F_STR, R(sources), CLI_DROP },
	{ NULL }
};
static const struct cli_field profile_json[] = { { "name", NULL, F_PTR, R(name) },
						 { "id", NULL, F_INT, V(ID) },
						 { "index", NULL, F_INT, V(INDEX) },
						 { "slices", NULL, F_INT, V(SLICES) },
						 { "size", NULL, F_INT, V(SIZE) },
						 { "starts", NULL, F_STR, R(starts) },
						 { "total", NULL, F_INT, V(TOTAL) },
						 { "memory_mib", NULL, F_INT, V(MEMORY_MB) },
						 { "bar1_mib", NULL, F_INT, V(BAR1_MB) },
						 { "sm", NULL, F_INT, V(SM) },
						 { "ce", NULL, F_INT, V(CE) },
						 { "dec", NULL, F_INT, V(DEC) },
						 { "enc", NULL, F_INT, V(ENC) },
						 { "jpeg", NULL, F_INT, V(JPEG) },
						 { "ofa", NULL, F_INT, V(OFA) },
						 { "since_driver", NULL, F_STR, R(since) },
						 { "unconfirmed", NULL, F_STR, R(unconfirmed) },
						 { "sources", NULL, F_STR, R(sources) },
						 { NULL } };
#undef V
#undef S
#undef R

struct ci_row {
	const char *gi, *name;
	int32_t id, slices, total, span, sm;
	char shown[4][12]; /* id, total, span, sm */
	char unconfirmed[48];
	char sources[64];
};

#define R(f) offsetof(struct ci_row, f)
static const struct cli_field ci_table[] = { { "profile", "PROFILE", F_PTR, R(gi) },
					     { "name", "COMPUTE INSTANCE", F_PTR, R(name) },
					     { "id", "ID", F_STR, R(shown[0]) },
					     { "total", "TOTAL", F_STR, R(shown[1]) },
					     { "span", "SPAN", F_STR, R(shown[2]) },
					     { "sm", "SM", F_STR, R(shown[3]) },
					     { "sources", "SOURCES", F_STR, R(sources), CLI_WRAP },
					     { NULL } };
static const struct cli_field ci_json[] = {
	{ "profile", NULL, F_PTR, R(gi) },	{ "name", NULL, F_PTR, R(name) },
	{ "id", NULL, F_INT, R(id) },		{ "slices", NULL, F_INT, R(slices) },
	{ "total", NULL, F_INT, R(total) },	{ "span", NULL, F_INT, R(span) },
	{ "sm", NULL, F_INT, R(sm) },		{ "unconfirmed", NULL, F_STR, R(unconfirmed) },
	{ "sources", NULL, F_STR, R(sources) }, { NULL }
};
#undef R

#define R(f) offsetof(struct mig_note, f)
static const struct cli_field note_fields[] = { { "about", "ABOUT", F_STR, R(about) },
						{ "text", "NOTE", F_STR, R(text), CLI_WRAP },
						{ NULL } };
#undef R

struct source_row {
	const char *code, *text;
	bool confirms;
};

#define R(f) offsetof(struct source_row, f)
static const struct cli_field source_fields[] = { { "code", "SOURCE", F_PTR, R(code) },
						  { "confirms", "CONFIRMS", F_BOOL, R(confirms) },
						  { "text", "WHAT", F_PTR, R(text), CLI_WRAP },
						  { NULL } };
#undef R

static void sources_of(const struct mig_board_def *def, uint32_t sources, char buf[64])
{
	mig_sources_format(def->sources, def->n_sources, sources, buf, 64);
}

/* A figure as it is, and with its mark. */
static void put_value(struct figure_row *row, const char *value, uint32_t sources)
{
	row->unconfirmed = sources & MIG_DEF_UNCONFIRMED;
	snprintf(row->value, sizeof(row->value), "%s", value);
	snprintf(row->shown, sizeof(row->shown), "%s%s", value, row->unconfirmed ? "?" : "");
}

static int show_figures(struct cli_out *out, bool json, const struct mig_board_def *def,
			uint32_t code)
{
	struct figure_row rows[MIG_BOARD_TEXT_MAX + MIG_BOARD_FIGURE_MAX];
	const struct mig_text_variant *t;
	const struct mig_variant *v;
	struct figure_row *row;
	char value[80];
	unsigned n = 0;

	for (unsigned i = 0; i < MIG_BOARD_TEXT_MAX; i++) {
		t = mig_text_at(&def->text[i], code);
		if (!t)
			continue;
		row = &rows[n++];
		*row = (struct figure_row){ .group = "product", .key = mig_board_text_name(i) };
		put_value(row, t->text, t->sources);
		sources_of(def, t->sources, row->sources);
	}
	for (unsigned i = 0; i < MIG_BOARD_FIGURE_MAX; i++) {
		v = mig_figure_at(&def->fig[i], code);
		if (!v)
			continue;
		row = &rows[n++];
		*row = (struct figure_row){ .group = mig_board_figure_name(i)->group,
					    .key = mig_board_figure_name(i)->key };
		mig_value_format(mig_board_figure_name(i)->kind, v->value, value, sizeof(value));
		put_value(row, value, v->sources);
		sources_of(def, v->sources, row->sources);
	}
	return cli_out_list(out, "figures", NULL, NULL, json ? figure_json : figure_table, rows, n,
			    sizeof(rows[0]));
}

static void add_word(char *buf, size_t size, const char *word)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s", n ? ", " : "", word);
}

static void fill_profile(const struct mig_board_def *def, const struct mig_gi_def *gi,
			 uint32_t code, struct profile_row *row)
{
	const struct mig_variant *v;
	uint32_t all = 0;
	char starts[40] = "";
	bool doubt;
	size_t n = 0;

	*row = (struct profile_row){ .name = gi->name };
	for (unsigned i = 0; i < MIG_PROFILE_FIGURE_MAX; i++) {
		v = mig_figure_at(&gi->fig[i], code);
		row->fig[i].value = v ? (int32_t)v->value : CLI_NONE;
		if (!v)
			continue;
		all |= v->sources;
		doubt = v->sources & MIG_DEF_UNCONFIRMED;
		snprintf(row->fig[i].shown, sizeof(row->fig[i].shown), "%d%s", row->fig[i].value,
			 doubt ? "?" : "");
		if (doubt)
			add_word(row->unconfirmed, sizeof(row->unconfirmed),
				 mig_profile_figure_name(i)->key);
	}
	for (unsigned i = 0; i < gi->n_starts; i++)
		n += (size_t)snprintf(starts + n, sizeof(starts) - n, "%s%u", i ? "," : "",
				      gi->starts[i]);
	snprintf(row->starts, sizeof(row->starts), "%s", starts);
	doubt = gi->starts_sources & MIG_DEF_UNCONFIRMED;
	if (gi->n_starts)
		snprintf(row->placements, sizeof(row->placements), "%s:%d%s", starts,
			 row->fig[MIG_PFIG_SIZE].value, doubt ? "?" : "");
	if (doubt)
		add_word(row->unconfirmed, sizeof(row->unconfirmed), "starts");
	v = mig_figure_at(&gi->since, code);
	if (v)
		mig_value_format(MIG_KIND_DRIVER, v->value, row->since, sizeof(row->since));
	if (v && v->sources & MIG_DEF_UNCONFIRMED)
		add_word(row->unconfirmed, sizeof(row->unconfirmed), "since");
	sources_of(def, all | gi->starts_sources, row->sources);
}

/* Of a board that the driver shows only the profiles that it has; of another all. */
static bool shows(const struct mig_board *board, const char *name)
{
	for (uint32_t i = 0; board && i < board->n_gi; i++)
		if (strcmp(board->gi[i].name, name) == 0)
			return true;
	return !board;
}

static int show_profiles(struct cli_out *out, bool json, const struct mig_board_def *def,
			 const struct mig_board *board, uint32_t code)
{
	struct profile_row rows[MIG_MAX_GI_PROFILES];
	unsigned n = 0;

	for (uint32_t i = 0; i < def->n_gi; i++)
		if (shows(board, def->gi[i].name))
			fill_profile(def, &def->gi[i], code, &rows[n++]);
	return cli_out_list(out, "profiles", NULL, "No profile is known.",
			    json ? profile_json : profile_table, rows, n, sizeof(rows[0]));
}

static void fill_ci(const struct mig_board_def *def, const struct mig_gi_profile *gi,
		    const struct mig_ci_profile *ci, struct ci_row *row)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} marks[4] = { { MIG_UNCONFIRMED_ID, "id" },
		       { MIG_UNCONFIRMED_TOTAL, "total" },
		       { MIG_UNCONFIRMED_PLACEMENT, "span" },
		       { MIG_UNCONFIRMED_SM, "sm" } };
	const int32_t value[4] = { ci->id, ci->total, ci->span, ci->sm };

	*row = (struct ci_row){ .gi = gi->name,
				.name = ci->name,
				.id = ci->id,
				.slices = ci->slices,
				.total = ci->total,
				.span = ci->span,
				.sm = ci->sm };
	for (unsigned i = 0; i < ARRAY_SIZE(marks); i++) {
		bool doubt = ci->unconfirmed & marks[i].bit;

		snprintf(row->shown[i], sizeof(row->shown[i]), "%d%s", value[i], doubt ? "?" : "");
		if (doubt)
			add_word(row->unconfirmed, sizeof(row->unconfirmed), marks[i].word);
	}
	for (uint32_t g = 0; g < def->n_gi; g++)
		for (unsigned c = 0; c < def->gi[g].n_ci; c++)
			if (strcmp(def->gi[g].name, gi->name) == 0 &&
			    def->gi[g].ci[c].p.id == ci->id)
				sources_of(def, def->gi[g].ci[c].sources, row->sources);
}

static int show_cis(struct cli_out *out, bool json, const struct mig_board_def *def,
		    const struct mig_board *board)
{
	_cleanup_free_ struct ci_row *rows = calloc(MAX_CI_ROWS, sizeof(*rows));
	unsigned n = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; board && i < board->n_gi; i++)
		for (unsigned c = 0; c < board->gi[i].n_ci; c++)
			fill_ci(def, &board->gi[i], &board->gi[i].ci[c], &rows[n++]);
	return cli_out_list(out, "compute_instances", NULL, NULL, json ? ci_json : ci_table, rows,
			    n, sizeof(rows[0]));
}

static int show_sources(struct cli_out *out, const struct mig_board_def *def)
{
	struct source_row rows[MIG_DEF_SOURCES];

	for (uint32_t i = 0; i < def->n_sources; i++)
		rows[i] = (struct source_row){ def->sources[i].code, def->sources[i].text,
					       def->sources[i].confirms };
	return cli_out_list(out, "sources", NULL, NULL, source_fields, rows, def->n_sources,
			    sizeof(rows[0]));
}

int cli_board_show(struct cli_out *out, enum cli_format format, const struct mig_board_def *def,
		   const struct mig_board *board, uint32_t driver_code)
{
	bool json = format != CLI_TABLE;
	char lacks[200] = "", since[24] = "";
	const struct mig_variant *v;
	int r;

	cli_out_main_list(out, "profiles");
	if (def->lacks[0])
		snprintf(lacks, sizeof(lacks), "no source gives %s", def->lacks);
	r = cli_out_str(out, "board", "Board:", def->key);
	if (r >= 0)
		r = cli_out_str(
			out, "state", "State:",
			cli_board_state_name(board ? mig_board_state(board) : MIG_BOARD_KNOWN));
	if (r >= 0)
		r = cli_out_str(out, "lacks", "Lacks:", lacks[0] ? lacks : NULL);
	v = mig_figure_at(&def->first_driver, driver_code);
	if (v)
		mig_value_format(MIG_KIND_DRIVER, v->value, since, sizeof(since));
	if (r >= 0)
		r = cli_out_str(out, "since_driver", "Since:", v ? since : NULL);
	if (r >= 0)
		r = cli_out_str(out, "like", "Like:", def->like[0] ? def->like : NULL);
	if (r >= 0)
		r = show_figures(out, json, def, driver_code);
	if (r >= 0)
		r = show_profiles(out, json, def, board, driver_code);
	if (r >= 0)
		r = show_cis(out, json, def, board);
	if (r >= 0)
		r = cli_out_list(out, "notes", NULL, NULL, note_fields, def->notes, def->n_notes,
				 sizeof(def->notes[0]));
	return r < 0 ? r : show_sources(out, def);
}
