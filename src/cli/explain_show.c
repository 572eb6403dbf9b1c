/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/explain.h"
#include "cli/picture.h"

/* What "migctl explain" prints. */

#define MAX_PLACES (EXPLAIN_SCOPES * MIG_MAX_STARTS)
#define MAX_WAYS   (EXPLAIN_SCOPES * EXPLAIN_WAYS)

struct place_row {
	int32_t gi;
	uint32_t start, size;
	bool free, by_rule;
	char in_the_way[CLI_PLAN_TEXT];
};

#define R(f) offsetof(struct place_row, f)
static const struct cli_field place_fields[] = {
	{ "gi", NULL, F_INT, R(gi) },
	{ "start", "START", F_U32, R(start) },
	{ "size", "SIZE", F_U32, R(size) },
	{ "free", "FREE", F_BOOL, R(free) },
	{ "in_the_way", "IN THE WAY", F_STR, R(in_the_way), CLI_WRAP },
	{ "by_rule", NULL, F_BOOL, R(by_rule) },
	{ NULL },
};
static const struct cli_field place_fields_gi[] = {
	{ "gi", "GI", F_INT, R(gi) },
	{ "start", "START", F_U32, R(start) },
	{ "free", "FREE", F_BOOL, R(free) },
	{ "in_the_way", "IN THE WAY", F_STR, R(in_the_way), CLI_WRAP },
	{ NULL },
};
#undef R

struct way_row {
	uint32_t way, destroys, ci_destroys, start;
	int32_t gi;
	bool loses;
	char what[CLI_PLAN_TEXT];
	char words[CLI_PLAN_TEXT];
};

#define R(f) offsetof(struct way_row, f)
static const struct cli_field way_fields[] = {
	{ "way", "WAY", F_U32, R(way) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "text", "WHAT", F_STR, R(what), CLI_WRAP },
	{ "start", "THEN AT", F_U32, R(start) },
	{ "loses", NULL, F_BOOL, R(loses) },
	{ "destroys", NULL, F_U32, R(destroys) },
	{ "ci_destroys", NULL, F_U32, R(ci_destroys) },
	{ "words", "LAYOUT THEN", F_STR, R(words), CLI_WRAP },
	{ NULL },
};
#undef R

static int32_t gi_of(const struct explain_found *f)
{
	return f->scope.gi ? f->scope.gi->id : CLI_NONE;
}

static int print_places(struct cli_out *out, const struct explain_answer *a)
{
	_cleanup_free_ struct place_row *rows = calloc(MAX_PLACES, sizeof(*rows));
	bool table = cli_out_is_table(out);
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (unsigned i = 0; i < a->n; i++) {
		const struct explain_scope *c = &a->found[i].scope;

		for (unsigned k = 0; k < mig_plan_n_slots(c->table) && n < MAX_PLACES; k++) {
			const struct mig_slot *slot = mig_plan_slot(c->table, k);
			mig_slots way;

			if (slot->profile != a->found[i].profile ||
			    (a->start >= 0 && slot->start != a->start))
				continue;
			way = mig_plan_blockers(c->table, c->state.now, k);
			rows[n] = (struct place_row){
				.gi = gi_of(&a->found[i]),
				.start = slot->start,
				.size = slot->size,
				.free = mig_plan_free(c->table, c->state.now) >> k & 1,
				.by_rule = way && way == mig_plan_blockers_by_rule(c->table,
										   c->state.now, k),
			};
			if (way)
				explain_who(c, way, rows[n].in_the_way, sizeof(rows[n].in_the_way));
			n++;
		}
	}
	return cli_out_list(out, "places", NULL, NULL,
			    table && a->ci ? place_fields_gi : place_fields, rows, n,
			    sizeof(*rows));
}

/* "move GI 9 (1g.10gb) from 2 to 6": each that goes with the place where it comes back. */
static void moves_text(const struct explain_scope *c, const struct mig_plan_way *way, char *buf,
		       size_t size)
{
	mig_slots again = way->again;

	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		const struct mig_slot *from = mig_plan_slot(c->table, i);
		char who[96];

		if (!(way->destroy >> i & 1))
			continue;
		for (unsigned k = 0; k < mig_plan_n_slots(c->table); k++) {
			const struct mig_slot *to = mig_plan_slot(c->table, k);

			if (!(again >> k & 1) || to->profile != from->profile)
				continue;
			again &= ~((mig_slots)1 << k);
			cli_text_add(buf, size, "%smove %s from %u to %u", *buf ? ", " : "",
				     explain_who(c, (mig_slots)1 << i, who, sizeof(who)),
				     from->start, to->start);
			break;
		}
	}
}

static mig_slots after(const struct explain_scope *c, const struct mig_plan_way *way)
{
	return (c->state.now & ~way->destroy) | way->again | (mig_slots)1 << way->slot;
}

/* What stands there in the end: "2c.3g.40gb@0 1c.3g.40gb@2". */
static void words_of(const struct explain_scope *c, mig_slots slots, char *buf, size_t size)
{
	if (!c->of) {
		cli_slots_text(c->s->board, c->table, slots, buf, size);
		return;
	}
	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		const struct mig_slot *slot = mig_plan_slot(c->table, i);

		if (slots >> i & 1)
			cli_text_add(buf, size, "%s%s@%u", *buf ? " " : "",
				     c->of->ci[slot->profile].name, slot->start);
	}
}

static int print_ways(struct cli_out *out, const struct explain_answer *a)
{
	_cleanup_free_ struct way_row *rows = calloc(MAX_WAYS, sizeof(*rows));
	bool moves = false;
	size_t n = 0;
	int r;

	if (!rows)
		return -ENOMEM;
	/* What fits somewhere needs no change elsewhere. */
	for (unsigned i = 0; a->reason[0] && i < a->n; i++) {
		const struct explain_scope *c = &a->found[i].scope;

		for (unsigned k = 0; k < a->found[i].n_ways; k++) {
			const struct mig_plan_way *way = &a->found[i].way[k];
			struct way_row *row = &rows[n];
			char who[CLI_PLAN_TEXT];

			row->way = (uint32_t)++n;
			row->gi = gi_of(&a->found[i]);
			row->loses = !way->again;
			moves |= way->again != 0;
			row->destroys = (uint32_t)__builtin_popcountll(way->destroy);
			row->ci_destroys = way->n_ci_destroy;
			row->start = mig_plan_slot(c->table, way->slot)->start;
			words_of(c, after(c, way), row->words, sizeof(row->words));
			if (way->again)
				moves_text(c, way, row->what, sizeof(row->what));
			else
				snprintf(row->what, sizeof(row->what), "destroy %.240s",
					 explain_who(c, way->destroy, who, sizeof(who)));
		}
	}
	r = cli_out_list(out, "ways", "Changes that make room, those that lose nothing first", NULL,
			 way_fields, rows, n, sizeof(*rows));
	if (r >= 0 && moves)
		cli_out_say(
			out, RENDER_PLAIN,
			"To move an instance is to destroy it and to create it again elsewhere.");
	return r;
}

static struct mig_plan_change change_of(const struct explain_scope *c,
					const struct mig_plan_way *way)
{
	struct mig_plan_change change = { .keep = c->state.now & ~way->destroy,
					  .destroy = way->destroy,
					  .create = way->again | (mig_slots)1 << way->slot };

	change.target = change.keep | change.create;
	return change;
}

/* Where it goes if it fits: at the start that was asked for, else at the driver's choice. */
static struct mig_plan_way direct_way(const struct explain_answer *a, const struct explain_found *f)
{
	int start = a->start >= 0 ? a->start : f->by_default;
	int slot = mig_plan_slot_at(f->scope.table, f->profile, (unsigned)(start < 0 ? 0 : start));

	return (struct mig_plan_way){ .slot = (unsigned)(slot < 0 ? 0 : slot) };
}

static int draw(struct cli_out *out, const struct explain_answer *a,
		const struct mig_plan_change *change)
{
	const struct cli_subject *s = a->s;
	const struct mig_plan_change none = { .keep = s->state.now, .target = s->state.now };
	unsigned columns = cli_out_columns(out);
	struct render_plan picture;

	cli_picture_change(s->board, s->table, s->gpu, &s->state, s->busy, change ? change : &none,
			   &picture);
	picture.columns = columns > 2 ? columns - 2 : 0;
	if (!change) {
		picture.stage[0].label = "now";
		picture.n = 1;
	}
	cli_out_gap(out);
	return cli_out_draw(out, 2, render_plan, &picture);
}

/* The picture of the best change, and what does it. Tables have that one alone, JSON all. */
static int print_changes(struct cli_out *out, const struct explain_answer *a)
{
	struct mig_plan_change change[EXPLAIN_WAYS];
	const struct explain_found *f = &a->found[0];
	struct mig_plan_way direct;
	unsigned n = 0;
	int r;

	if (f->fits) {
		direct = direct_way(a, f);
		change[n++] = change_of(&f->scope, &direct);
	}
	for (unsigned i = 0; i < f->n_ways; i++)
		change[n++] = change_of(&f->scope, &f->way[i]);
	r = draw(out, a, n ? &change[0] : NULL);
	if (r >= 0)
		r = print_ways(out, a);
	return r < 0 ? r
		     : plan_print_steps(out, a->s, change, NULL,
					cli_out_is_table(out) && n ? 1 : n);
}

/* nvidia-smi takes starts of compute instances from R525 on, as its help says. */
static void ci_create_line(const struct explain_scope *c, mig_slots create, const char *where,
			   char line[CLI_PLAN_TEXT])
{
	bool starts = strtoul(c->s->driver, NULL, 10) >= 525, first = true;

	snprintf(line, CLI_PLAN_TEXT, "sudo nvidia-smi mig%s -cci ", where);
	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		const struct mig_slot *slot = mig_plan_slot(c->table, i);

		if (!(create >> i & 1))
			continue;
		cli_text_add(line, CLI_PLAN_TEXT, "%s%u", first ? "" : ",",
			     c->of->ci[slot->profile].id);
		if (starts)
			cli_text_add(line, CLI_PLAN_TEXT, ":%u", slot->start);
		first = false;
	}
}

static void ci_destroy_line(const struct explain_scope *c, mig_slots destroy, const char *where,
			    char line[CLI_PLAN_TEXT])
{
	bool first = true;

	snprintf(line, CLI_PLAN_TEXT, "sudo nvidia-smi mig%s -ci ", where);
	for (unsigned i = 0; c->gi && i < c->gi->n_ci; i++) {
		const struct mig_ci *ci = &c->gi->ci[i];
		int slot = mig_plan_slot_at(c->table, ci->profile, ci->start);

		if (slot < 0 || !(destroy >> slot & 1))
			continue;
		cli_text_add(line, CLI_PLAN_TEXT, "%s%u", first ? "" : ",", ci->id);
		first = false;
	}
	cli_text_add(line, CLI_PLAN_TEXT, " -dci");
}

static unsigned ci_lines(const struct explain_answer *a, const struct explain_found *f,
			 const struct mig_plan_way *way, uint32_t number,
			 struct plan_command rows[2])
{
	struct mig_plan_change c = change_of(&f->scope, way);
	char where[40];
	unsigned n = 0;

	snprintf(where, sizeof(where), " -i %u -gi %u", a->s->gpu->index, f->scope.gi->id);
	if (c.destroy) {
		rows[n].plan = number;
		ci_destroy_line(&f->scope, c.destroy, where, rows[n++].command);
	}
	rows[n].plan = number;
	ci_create_line(&f->scope, c.create, where, rows[n++].command);
	return n;
}

/* Those of the first that fits, else of each way; in tables of the first way. */
static int print_ci_lines(struct cli_out *out, const struct explain_answer *a)
{
	struct plan_command rows[2 * MAX_WAYS];
	bool table = cli_out_is_table(out);
	uint32_t number = 0;
	size_t n = 0;

	/* In a GPU instance that does not exist nothing can be pasted. */
	for (unsigned i = 0; i < a->n && a->s->gpu; i++) {
		const struct explain_found *f = &a->found[i];

		if (!a->reason[0] && f->fits && !n) {
			struct mig_plan_way way = direct_way(a, f);

			n = ci_lines(a, f, &way, 1, rows);
		}
		for (unsigned k = 0; a->reason[0] && k < f->n_ways && !(table && n); k++)
			n += ci_lines(a, f, &f->way[k], ++number, &rows[n]);
	}
	return plan_print_commands(out, a->s, rows, n);
}

static int print_ci(struct cli_out *out, const struct explain_answer *a)
{
	int r = print_ways(out, a);

	/* They have no steps of their own: the lines are all there is to do. */
	if (r >= 0 && !cli_out_is_table(out))
		r = plan_print_no_steps(out);
	return r < 0 ? r : print_ci_lines(out, a);
}

static void say_yes(struct cli_out *out, const struct explain_answer *a)
{
	const struct explain_found *f = a->found;
	const char *name;
	unsigned total = 0;

	for (unsigned i = 0; i < a->n; i++)
		total += a->found[i].remaining;
	while (!f->fits)
		f++;
	name = explain_profile_name(&f->scope, f->profile);
	cli_out_gap(out);
	if (a->start >= 0)
		cli_out_say(out, RENDER_STRONG, "Yes: %s can be created at %d.", name, a->start);
	else if (total == 1)
		cli_out_say(out, RENDER_STRONG, "Yes: %s can be created, once.", name);
	else
		cli_out_say(out, RENDER_STRONG, "Yes: %s can be created, %u times.", name, total);
	if (a->start >= 0 || f->by_default < 0)
		return;
	if (f->scope.gi)
		cli_out_say(out, RENDER_PLAIN,
			    "Without a start the driver would put it at %d of GI %u.",
			    f->by_default, f->scope.gi->id);
	else
		cli_out_say(out, RENDER_PLAIN, "Without a start the driver would put it at %d%s.",
			    f->by_default,
			    f->scope.state.now
				    ? ", by a rule that is not confirmed on a GPU that has "
				      "instances already"
				    : "");
}

static void say_no(struct cli_out *out, const struct explain_answer *a)
{
	const struct mig_gi_profile *gi = &a->s->board->gi[a->gi_profile];
	const char *name = a->ci ? gi->ci[a->ci_profile].name : gi->name;
	char at[24] = "", who[CLI_PLAN_TEXT];
	unsigned ways = 0;

	if (a->start >= 0)
		snprintf(at, sizeof(at), " at %d", a->start);
	cli_out_gap(out);
	cli_out_say(out, RENDER_STRONG, "No: %s cannot be created%s: %s.", name, at, a->reason);
	for (unsigned i = 0; i < a->n; i++)
		ways += a->found[i].n_ways;
	if (a->n && !ways && a->found[0].scope.state.pinned)
		cli_out_say(out, RENDER_PLAIN, "No change makes room that leaves %s.",
			    explain_who(&a->found[0].scope, a->found[0].scope.state.pinned, who,
					sizeof(who)));
}

static int print_facts(struct cli_out *out, const struct explain_answer *a)
{
	const struct mig_gi_profile *gi = &a->s->board->gi[a->gi_profile];
	unsigned total = 0;
	int r = cli_subject_heading(a->s, out);

	for (unsigned i = 0; i < a->n; i++)
		total += a->found[i].remaining;
	if (r < 0 || cli_out_is_table(out))
		return r;
	r = cli_out_bool(out, "fits", NULL, !a->reason[0]);
	if (r >= 0)
		r = cli_out_bool(out, "unconfirmed", NULL, cli_subject_unconfirmed(a->s));
	if (r >= 0)
		r = cli_out_bool(out, "mig_on", NULL, a->s->gpu && !cli_subject_mode_off(a->s));
	if (r >= 0)
		r = cli_out_str(out, "profile", NULL,
				a->ci ? gi->ci[a->ci_profile].name : gi->name);
	if (r >= 0)
		r = cli_out_u64(out, "profile_id", NULL, a->ci ? gi->ci[a->ci_profile].id : gi->id);
	if (r >= 0)
		r = cli_out_bool(out, "compute_instance", NULL, a->ci);
	if (r >= 0)
		r = cli_out_u64(out, "remaining", NULL, total);
	return r < 0 ? r : cli_out_str(out, "reason", NULL, a->reason[0] ? a->reason : NULL);
}

static void say_family(struct cli_out *out, const struct explain_answer *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->found[i].scope.by_family) {
			cli_out_say(
				out, RENDER_PLAIN,
				"Where compute instances start is the rule of the chip's family, "
				"not confirmed: the driver does not tell it here.");
			return;
		}
}

int explain_print(struct cli_out *out, const struct explain_answer *a)
{
	int r = print_facts(out, a);

	if (r < 0)
		return r;
	cli_subject_remarks(a->s, out);
	if (a->reason[0])
		say_no(out, a);
	else
		say_yes(out, a);
	say_family(out, a);
	r = print_places(out, a);
	if (r < 0)
		return r;
	return a->ci ? print_ci(out, a) : print_changes(out, a);
}
