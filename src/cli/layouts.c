/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/goal.h"
#include "cli/picture.h"

/*
 * "migctl layouts": which combinations of instances a board allows. Without options it is the
 * figure of NVIDIA's guide: plain profiles, and only layouts to which nothing can be added.
 */

enum which { ONLY_MAXIMAL, EVERY_ONE, PATTERNS };
enum { PLAIN, ALL };
static const char *const profile_sets[] = { "plain", "all", NULL };

struct args {
	struct cli_subject_args subject;
	struct cli_list with;
	int profiles;
	bool maximal, all, patterns;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt layouts_opts[] = {
	OPT_LIST("with", 'w', A(with), "PROFILE[@START]",
		 "only layouts that have this; may be given more than once"),
	OPT_ENUM("profiles", 'p', A(profiles), "WHICH", profile_sets,
		 "plain ones, or those of double memory and of media engines as well"),
	OPT_FLAG("maximal", 'm', A(maximal), "layouts to which nothing can be added (the default)"),
	OPT_FLAG("all", 'a', A(all), "all layouts"),
	OPT_FLAG("patterns", 0, A(patterns),
		 "which profiles can be had together, wherever they stand"),
	CLI_SUBJECT_OPTS(A(subject)),
	OPT_END
};
#undef A

/* What is shown: layouts by their place in the table, the empty one left out. */
struct listing {
	const struct cli_subject *s;
	const char *set;
	char reason[CLI_PLAN_TEXT]; /* why there are none; "" */
	enum which which;
	struct mig_plan_goal with;
	unsigned n;
	unsigned *number; /* from 1: what it has without --with */
	mig_slots *slots;
};

struct layout_row {
	uint32_t number, instances;
	uint32_t units_free, slices_free;
	bool maximal;
	char text[CLI_PLAN_TEXT];
};

#define R(f) offsetof(struct layout_row, f)
static const struct cli_field layout_fields[] = {
	{ "layout", "LAYOUT", F_U32, R(number) },
	{ "instances", "INSTANCES", F_U32, R(instances) },
	{ "words", "WORDS", F_STR, R(text), CLI_WRAP },
	{ "maximal", "MAXIMAL", F_BOOL, R(maximal) },
	{ "units_free", NULL, F_U32, R(units_free) },
	{ "slices_free", NULL, F_U32, R(slices_free) },
	{ NULL },
};
#undef R

struct instance_row {
	uint32_t layout, profile_id, start, size;
	const char *profile;
};

#define R(f) offsetof(struct instance_row, f)
static const struct cli_field instance_fields[] = {
	{ "layout", "LAYOUT", F_U32, R(layout) },     { "profile", "PROFILE", F_PTR, R(profile) },
	{ "profile_id", "ID", F_U32, R(profile_id) }, { "start", "START", F_U32, R(start) },
	{ "size", "SIZE", F_U32, R(size) },	      { NULL },
};
#undef R

struct pattern_row {
	uint32_t instances, layouts, maximal;
	bool widest;
	char text[CLI_PLAN_TEXT];
};

#define R(f) offsetof(struct pattern_row, f)
static const struct cli_field pattern_fields[] = {
	{ "words", "INSTANCES", F_STR, R(text), CLI_WRAP },
	{ "instances", NULL, F_U32, R(instances) },
	{ "layouts", "LAYOUTS", F_U32, R(layouts) },
	{ "maximal_layouts", "MAXIMAL", F_U32, R(maximal) },
	{ "uncovered", "NOT IN ANOTHER", F_BOOL, R(widest) },
	{ NULL },
};
#undef R

static bool contains(const struct mig_counts *a, const struct mig_counts *b)
{
	for (unsigned i = 0; i < MIG_MAX_GI_PROFILES; i++)
		if (a->n[i] < b->n[i])
			return false;
	return true;
}

static bool wanted(const struct listing *l, mig_slots slots)
{
	struct mig_counts counts = mig_plan_counts(l->s->table, slots);

	return (slots & l->with.at) == l->with.at && contains(&counts, &l->with.counts);
}

static int find(struct listing *l, struct mig_error *reterr)
{
	const struct mig_plan_table *t = l->s->table;
	size_t n = mig_plan_n_layouts(t);
	unsigned number = 0;

	l->number = calloc(n, sizeof(*l->number));
	l->slots = calloc(n, sizeof(*l->slots));
	if (!l->number || !l->slots)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (size_t i = 1; i < n; i++) {
		mig_slots slots = mig_plan_layout(t, i);

		if (l->which == ONLY_MAXIMAL && mig_plan_free(t, slots))
			continue;
		number++;
		if (!wanted(l, slots))
			continue;
		l->number[l->n] = number;
		l->slots[l->n++] = slots;
	}
	return 0;
}

static int print_picture(struct cli_out *out, const struct listing *l)
{
	_cleanup_free_ struct render_layout *rows = calloc(l->n, sizeof(*rows));
	const struct mig_board *board = l->s->board;
	struct render_layouts picture = { .words = &cli_gpu_words,
					  .units = board->units,
					  .memory_slices = board->memory_slices,
					  .n = l->n,
					  .layout = rows,
					  .columns = cli_out_columns(out),
					  .number = l->number };

	if (!rows)
		return -ENOMEM;
	for (unsigned i = 0; i < l->n; i++)
		cli_picture_layout(board, l->s->table, l->slots[i], &rows[i]);
	cli_out_gap(out);
	return cli_out_draw(out, 0, render_layouts, &picture);
}

static int print_rows(struct cli_out *out, const struct listing *l)
{
	_cleanup_free_ struct layout_row *rows = calloc(l->n, sizeof(*rows));
	_cleanup_free_ struct instance_row *parts =
		calloc((size_t)l->n * MIG_MAX_GI, sizeof(*parts));
	const struct mig_board *board = l->s->board;
	size_t n_parts = 0;
	int r;

	if (!rows || !parts)
		return -ENOMEM;
	for (unsigned i = 0; i < l->n; i++) {
		struct layout_row *row = &rows[i];

		row->number = l->number[i];
		row->maximal = !mig_plan_free(l->s->table, l->slots[i]);
		row->units_free = board->units;
		row->slices_free = board->compute_slices;
		cli_slots_text(board, l->s->table, l->slots[i], row->text, sizeof(row->text));
		for (unsigned k = 0; k < mig_plan_n_slots(l->s->table); k++) {
			const struct mig_slot *slot = mig_plan_slot(l->s->table, k);

			if (!(l->slots[i] >> k & 1))
				continue;
			row->instances++;
			row->units_free -= slot->size;
			row->slices_free -= slot->slices;
			parts[n_parts++] =
				(struct instance_row){ .layout = l->number[i],
						       .profile_id = board->gi[slot->profile].id,
						       .profile = board->gi[slot->profile].name,
						       .start = slot->start,
						       .size = slot->size };
		}
	}
	r = cli_out_list(out, "layouts", NULL, NULL, layout_fields, rows, l->n, sizeof(*rows));
	return r < 0 ? r
		     : cli_out_list(out, "instances", NULL, NULL, instance_fields, parts, n_parts,
				    sizeof(*parts));
}

/* Nothing is in a wider one that is shown as well. */
static bool is_widest(const struct mig_plan_table *t, const struct mig_counts *counts)
{
	struct mig_counts other;

	for (unsigned i = 0; mig_plan_multiset(t, i, &other); i++)
		if (memcmp(&other, counts, sizeof(other)) != 0 && contains(&other, counts))
			return false;
	return true;
}

static int print_patterns(struct cli_out *out, const struct listing *l)
{
	const struct mig_plan_table *t = l->s->table;
	_cleanup_free_ struct pattern_row *rows = NULL;
	struct mig_counts counts;
	unsigned n = 0, all = 0;

	while (mig_plan_multiset(t, all, &counts))
		all++;
	rows = calloc(all + 1u, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (unsigned i = 1; mig_plan_multiset(t, i, &counts); i++) {
		struct pattern_row *row = &rows[n];

		for (unsigned k = 0; k < l->n; k++) {
			struct mig_counts have = mig_plan_counts(t, l->slots[k]);

			if (memcmp(&have, &counts, sizeof(have)) != 0)
				continue;
			row->layouts++;
			row->maximal += !mig_plan_free(t, l->slots[k]);
			row->instances = (uint32_t)__builtin_popcountll(l->slots[k]);
		}
		if (!row->layouts)
			continue;
		row->widest = is_widest(t, &counts);
		cli_counts_text(l->s->board, &counts, row->text, sizeof(row->text));
		n++;
	}
	return cli_out_list(out, "patterns", NULL, NULL, pattern_fields, rows, n, sizeof(*rows));
}

/* Facts: how many there are of each kind, of the profiles that count. */
static int print_totals(struct cli_out *out, const struct listing *l)
{
	struct mig_plan_totals t;
	char names[CLI_PLAN_TEXT];
	struct mig_counts one = { 0 };
	int r;

	mig_plan_totals(l->s->table, &t);
	for (unsigned i = 0; i < mig_plan_n_slots(l->s->table); i++)
		one.n[mig_plan_slot(l->s->table, i)->profile] = 1;
	cli_counts_text(l->s->board, &one, names, sizeof(names));
	r = cli_out_is_table(out)
		    ? 0
		    : cli_out_bool(out, "unconfirmed", NULL, cli_subject_unconfirmed(l->s));
	if (r >= 0)
		r = cli_out_str(out, "profile_set", NULL, l->set);
	if (r >= 0)
		r = cli_out_str(out, "profiles", "Profiles:", names);
	if (r >= 0)
		r = cli_out_u64(out, "total_layouts", NULL, t.layouts);
	if (r >= 0)
		r = cli_out_u64(out, "total_maximal", NULL, t.maximal);
	if (r >= 0)
		r = cli_out_u64(out, "total_patterns", NULL, t.multisets);
	if (r >= 0)
		r = cli_out_u64(out, "total_uncovered", NULL, t.multisets_uncovered);
	if (r >= 0)
		r = cli_out_str(out, "reason", NULL, l->reason[0] ? l->reason : NULL);
	if (r < 0)
		return r;
	cli_subject_doubts(l->s, out);
	cli_out_gap(out);
	if (l->reason[0]) {
		cli_counts_text(l->s->board, &l->with.counts, names, sizeof(names));
		cli_out_say(out, RENDER_PLAIN, "No layout has %s: %s.", names, l->reason);
		return 0;
	}
	if (l->which == PATTERNS)
		cli_out_say(out, RENDER_PLAIN,
			    "%u combinations of profiles in %u layouts; %u are not contained in "
			    "another one.",
			    t.multisets, t.layouts, t.multisets_uncovered);
	else
		cli_out_say(out, RENDER_PLAIN, "%u layouts, %u of them with room for nothing more.",
			    t.layouts, t.maximal);
	return 0;
}

static int print(struct cli_out *out, const struct listing *l)
{
	int r = cli_subject_heading(l->s, out);

	if (r >= 0)
		r = print_totals(out, l);
	if (r < 0)
		return r;
	if (!l->n && cli_out_is_table(out))
		return 0;
	if (l->which == PATTERNS)
		return print_patterns(out, l);
	return cli_out_is_table(out) ? print_picture(out, l) : print_rows(out, l);
}

/* Words of a list option, which are argv's own. */
static char *const *words_of(const struct cli_list *list)
{
	return (char *const *)(uintptr_t)list->v;
}

/* Only the profiles that count, and those that are asked for by name. */
static int narrow(struct cli_subject *s, const struct args *a, struct mig_error *reterr)
{
	mig_profiles profiles = mig_profiles_plain(s->board);
	struct mig_plan_goal goal;
	int r;

	if (a->profiles == ALL)
		return 0;
	r = cli_goal_from_words(s, words_of(&a->with), a->with.n, &goal, reterr);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < s->board->n_gi; i++)
		if (goal.counts.n[i])
			profiles |= (mig_profiles)1 << i;
	mig_plan_table_free(s->table);
	s->table = NULL;
	return mig_plan_table_new(s->board, profiles, &s->table, reterr);
}

/* No layout has what --with names: the board's sums or its starts say why. */
static void fill_reason(struct listing *l)
{
	struct mig_plan_reason why;

	mig_plan_why_not(l->s->table, &l->with, &why);
	cli_reason_text(l->s->board, l->s->table, &l->with, &why, l->reason, sizeof(l->reason));
}

static int choose(const struct args *a, enum which *ret, struct mig_error *reterr)
{
	if (a->maximal + a->all + a->patterns > 1)
		return mig_fail(reterr, -EINVAL, "only one of --maximal, --all and --patterns");
	*ret = a->all ? EVERY_ONE : a->patterns ? PATTERNS : ONLY_MAXIMAL;
	return 0;
}

static int run(struct cli_out *out, const struct args *a, struct cli_subject *s,
	       struct mig_error *reterr)
{
	struct listing l = { .s = s, .set = profile_sets[a->profiles] };
	int r = choose(a, &l.which, reterr);

	if (r >= 0)
		r = narrow(s, a, reterr);
	if (r >= 0)
		r = cli_goal_from_words(s, words_of(&a->with), a->with.n, &l.with, reterr);
	if (r >= 0)
		r = find(&l, reterr);
	if (r >= 0) {
		if (!l.n)
			fill_reason(&l);
		r = print(out, &l);
		if (r < 0)
			mig_fail(reterr, r, "cannot print the layouts: %s", strerror(-r));
		else
			r = l.n ? CLI_EXIT_OK : CLI_EXIT_UNAVAILABLE;
	}
	free(l.number);
	free(l.slots);
	return r;
}

int cmd_layouts(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(cli_subject_close) struct cli_subject s = { 0 };
	struct args a = { 0 };
	int r, code;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0 && argc && a.subject.board)
		r = mig_fail(reterr, -EINVAL, "two boards: '%s' and --board %s", argv[0],
			     a.subject.board);
	if (r < 0)
		return r;
	if (argc)
		a.subject.board = argv[0];
	r = cli_source_out(&a.subject.source, &out, reterr);
	if (r < 0)
		return r;
	cli_out_main_list(out, a.patterns ? "patterns" : "layouts");
	r = cli_subject_open(&a.subject, CLI_SUBJECT_BOARD, &s, reterr);
	if (r < 0)
		return r;
	code = run(out, &a, &s, reterr);
	r = code < 0 ? code : cli_out_end(out, reterr);
	return r < 0 ? r : code;
}
