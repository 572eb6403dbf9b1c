/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/picture.h"
#include "cli/plan.h"

/* What "migctl plan" prints: the best plan whole, the others in a line each; or why there is none.
 */

struct plan_row {
	uint32_t plan, destroys, ci_destroys, creates, keeps, room;
	char words[CLI_PLAN_TEXT];
	char order[64];
	uint64_t orders, orders_tried;
};

#define R(f) offsetof(struct plan_row, f)
static const struct cli_field plan_fields[] = {
	{ "plan", "PLAN", F_U32, R(plan) },
	{ "words", "LAYOUT", F_STR, R(words), CLI_WRAP },
	{ "destroys", "DESTROYS", F_U32, R(destroys) },
	{ "ci_destroys", NULL, F_U32, R(ci_destroys) },
	{ "creates", "CREATES", F_U32, R(creates) },
	{ "keeps", "KEEPS", F_U32, R(keeps), CLI_DROP },
	{ "room", "ROOM", F_U32, R(room), CLI_DROP },
	{ "order", NULL, F_STR, R(order) },
	{ "orders", NULL, F_U64, R(orders) },
	{ "orders_tried", NULL, F_U64, R(orders_tried) },
	{ NULL },
};
#undef R

struct instance_row {
	uint32_t plan, profile_id, start, size, n_ci;
	int32_t gi;
	const char *profile, *fate;
	bool pinned, in_use;
};

#define R(f) offsetof(struct instance_row, f)
static const struct cli_field instance_fields[] = {
	{ "plan", NULL, F_U32, R(plan) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "profile", NULL, F_PTR, R(profile) },
	{ "profile_id", NULL, F_U32, R(profile_id) },
	{ "start", NULL, F_U32, R(start) },
	{ "size", NULL, F_U32, R(size) },
	{ "fate", NULL, F_PTR, R(fate) },
	{ "pinned", NULL, F_BOOL, R(pinned) },
	{ "in_use", NULL, F_BOOL, R(in_use) },
	{ "compute_instances", NULL, F_U32, R(n_ci) },
	{ NULL },
};
#undef R

struct step_row {
	uint32_t plan, step;
	const char *action, *profile;
	int32_t gi, profile_id, start;
	char text[160];
};

#define R(f) offsetof(struct step_row, f)
static const struct cli_field step_fields[] = {
	{ "plan", NULL, F_U32, R(plan) },
	{ "step", "STEP", F_U32, R(step) },
	{ "action", NULL, F_PTR, R(action) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "profile", NULL, F_PTR, R(profile) },
	{ "profile_id", NULL, F_INT, R(profile_id) },
	{ "start", NULL, F_INT, R(start) },
	{ "text", "WHAT", F_STR, R(text), CLI_WRAP },
	{ NULL },
};
#undef R

#define R(f) offsetof(struct plan_command, f)
static const struct cli_field command_fields[] = {
	{ "plan", NULL, F_U32, R(plan) },
	{ "command", "THE SAME WITH NVIDIA-SMI", F_STR, R(command) },
	{ NULL },
};
#undef R

struct free_row {
	uint32_t plan, profile_id, remaining;
	const char *profile;
	char starts[64];
};

#define R(f) offsetof(struct free_row, f)
static const struct cli_field free_fields[] = {
	{ "plan", NULL, F_U32, R(plan) },
	{ "profile", "STILL POSSIBLE", F_PTR, R(profile) },
	{ "profile_id", NULL, F_U32, R(profile_id) },
	{ "remaining", "TIMES", F_U32, R(remaining) },
	{ "starts", "AT", F_STR, R(starts), CLI_WRAP },
	{ NULL },
};
#undef R

struct need_row {
	uint32_t need;
	uint64_t memory_mib;
	int32_t sm, has_mib, has_sm, profile_id;
	const char *profile;
	bool unconfirmed;
	char text[40];
	char shown_mib[16], shown_sm[16]; /* with their marks */
};

#define R(f) offsetof(struct need_row, f)
static const struct cli_field need_fields[] = {
	{ "need", NULL, F_U32, R(need) },
	{ "text", "NEED", F_STR, R(text) },
	{ "memory_mib", NULL, F_U64, R(memory_mib) },
	{ "sm", NULL, F_INT, R(sm) },
	{ "profile", "SERVED BY", F_PTR, R(profile) },
	{ "profile_id", NULL, F_INT, R(profile_id) },
	{ "has_memory_mib", NULL, F_INT, R(has_mib) },
	{ "has_sm", NULL, F_INT, R(has_sm) },
	{ "unconfirmed", NULL, F_BOOL, R(unconfirmed) },
	{ NULL },
};
/* In tables a "?" stands behind a figure that no output of hardware confirms, as in 'boards'. */
static const struct cli_field need_table[] = {
	{ "text", "NEED", F_STR, R(text) },
	{ "profile", "SERVED BY", F_PTR, R(profile) },
	{ "has_memory_mib", "MIB", F_STR, R(shown_mib) },
	{ "has_sm", "SM", F_STR, R(shown_sm) },
	{ NULL },
};
#undef R

struct must_row {
	int32_t gi;
	uint32_t profile_id, start;
	const char *profile;
	bool in_use;
};

#define R(f) offsetof(struct must_row, f)
static const struct cli_field must_fields[] = {
	{ "gi", NULL, F_INT, R(gi) },
	{ "profile", NULL, F_PTR, R(profile) },
	{ "profile_id", NULL, F_U32, R(profile_id) },
	{ "start", NULL, F_U32, R(start) },
	{ "in_use", NULL, F_BOOL, R(in_use) },
	{ NULL },
};
#undef R

struct nearest_row {
	uint32_t rank;
	char words[CLI_PLAN_TEXT];
};

#define R(f) offsetof(struct nearest_row, f)
static const struct cli_field nearest_fields[] = {
	{ "rank", NULL, F_U32, R(rank) },
	{ "words", "NEAREST THAT FITS", F_STR, R(words), CLI_WRAP },
	{ NULL },
};
#undef R

static const struct mig_gi_profile *profile_of(const struct cli_subject *s, unsigned slot)
{
	return &s->board->gi[mig_plan_slot(s->table, slot)->profile];
}

static int print_plans(struct cli_out *out, const struct plan_answer *a)
{
	struct plan_row rows[PLAN_ALTERNATIVES] = { 0 };

	for (unsigned i = 0; i < a->n; i++) {
		const struct mig_plan_change *c = &a->change[i];
		struct plan_row *row = &rows[i];

		row->plan = i + 1;
		row->destroys = c->n_destroy;
		row->ci_destroys = c->n_ci_destroy;
		row->creates = (uint32_t)__builtin_popcountll(c->create);
		row->keeps = (uint32_t)__builtin_popcountll(c->keep);
		row->room = c->room;
		cli_slots_text(a->s->board, a->s->table, c->target, row->words, sizeof(row->words));
		if (a->ordered[i])
			plan_order_text(a->s, &a->order[i], row->order, sizeof(row->order));
		row->orders = a->order[i].orders;
		row->orders_tried = a->order[i].tried;
	}
	return cli_out_list(out, "plans", "All plans, the best first", NULL, plan_fields, rows,
			    a->n, sizeof(rows[0]));
}

static int print_instances(struct cli_out *out, const struct plan_answer *a)
{
	struct instance_row rows[PLAN_ALTERNATIVES * 2 * MIG_MAX_GI];
	const struct cli_subject *s = a->s;
	size_t n = 0;

	if (cli_out_is_table(out))
		return 0;
	for (unsigned i = 0; i < a->n; i++) {
		const struct mig_plan_change *c = &a->change[i];
		mig_slots all = c->keep | c->destroy | c->create;

		for (unsigned k = 0; k < mig_plan_n_slots(s->table); k++) {
			const struct mig_slot *slot = mig_plan_slot(s->table, k);
			const struct mig_gi *gi = cli_subject_gi(s, k);
			bool now = (c->keep | c->destroy) >> k & 1;

			if (!(all >> k & 1))
				continue;
			rows[n++] = (struct instance_row){
				.plan = i + 1,
				.gi = now && gi ? gi->id : CLI_NONE,
				.profile = profile_of(s, k)->name,
				.profile_id = profile_of(s, k)->id,
				.start = slot->start,
				.size = slot->size,
				.fate = c->keep >> k & 1 ? "keep"
					: now		 ? "destroy"
							 : "create",
				.pinned = s->state.pinned >> k & 1,
				.in_use = s->busy >> k & 1,
				.n_ci = now ? s->state.n_ci[k] : 1u,
			};
		}
	}
	return cli_out_list(out, "instances", NULL, NULL, instance_fields, rows, n,
			    sizeof(rows[0]));
}

static size_t fill_steps(const struct cli_subject *s, const struct plan_step *steps, unsigned n,
			 unsigned plan, struct step_row *rows)
{
	for (unsigned i = 0; i < n; i++) {
		const struct plan_step *step = &steps[i];
		const struct mig_gi *gi = NULL;

		rows[i] = (struct step_row){ .plan = plan,
					     .step = i + 1,
					     .action = plan_action_name(step->action),
					     .gi = CLI_NONE,
					     .profile_id = CLI_NONE,
					     .start = CLI_NONE };
		plan_step_text(s, step, rows[i].text, sizeof(rows[i].text));
		if (step->slot < 0)
			continue;
		if (step->action != PLAN_CREATE_GI)
			gi = cli_subject_gi(s, (unsigned)step->slot);
		rows[i].gi = gi ? gi->id : CLI_NONE;
		rows[i].profile = profile_of(s, (unsigned)step->slot)->name;
		rows[i].profile_id = profile_of(s, (unsigned)step->slot)->id;
		rows[i].start = mig_plan_slot(s->table, (unsigned)step->slot)->start;
	}
	return n;
}

/* Lines for a simulated or recorded GPU would change the host's, were they pasted just anywhere. */
static void say_where(struct cli_out *out, const struct cli_subject *s)
{
	if (s->gpu && s->source.snapshot->recorded)
		cli_out_say(out, RENDER_PLAIN,
			    "They are for the machine that was recorded, not for this one.");
	else if (s->gpu && s->source.snapshot->lab)
		cli_out_say(out, RENDER_PLAIN,
			    "They are for 'migctl lab shell': elsewhere nvidia-smi is the host's.");
}

int plan_print_commands(struct cli_out *out, const struct cli_subject *s,
			const struct plan_command *commands, size_t n)
{
	int r = cli_out_list(out, "commands", NULL, NULL, command_fields, commands, n,
			     sizeof(*commands));

	if (r >= 0 && n)
		say_where(out, s);
	return r;
}

int plan_print_steps(struct cli_out *out, const struct cli_subject *s,
		     const struct mig_plan_change *change, const struct mig_plan_order *order,
		     unsigned n)
{
	struct step_row rows[PLAN_MAX_CHANGES * PLAN_MAX_STEPS] = { 0 };
	struct plan_command lines[PLAN_MAX_CHANGES * PLAN_LINES];
	size_t n_rows = 0, n_lines = 0;
	int r;

	for (unsigned i = 0; i < n; i++) {
		struct plan_step steps[PLAN_MAX_STEPS];
		char text[PLAN_LINES][CLI_PLAN_TEXT];
		unsigned count = plan_steps(s, &change[i], order ? &order[i] : NULL, steps);
		unsigned text_lines = plan_lines(s, steps, count, order && order[i].n, text);

		n_rows += fill_steps(s, steps, count, i + 1, &rows[n_rows]);
		for (unsigned k = 0; k < text_lines; k++) {
			lines[n_lines].plan = i + 1;
			memcpy(lines[n_lines++].command, text[k], sizeof(text[k]));
		}
	}
	r = cli_out_list(out, "steps", NULL, NULL, step_fields, rows, n_rows, sizeof(rows[0]));
	return r < 0 ? r : plan_print_commands(out, s, lines, n_lines);
}

int plan_print_no_steps(struct cli_out *out)
{
	return cli_out_list(out, "steps", NULL, NULL, step_fields, NULL, 0,
			    sizeof(struct step_row));
}

static size_t fill_free(const struct cli_subject *s, mig_slots target, unsigned plan,
			struct free_row *rows)
{
	mig_slots can = mig_plan_free(s->table, target);
	size_t n = 0;

	for (unsigned p = 0; p < s->board->n_gi; p++) {
		struct free_row *row = &rows[n];
		uint64_t starts = 0;

		for (unsigned k = 0; k < mig_plan_n_slots(s->table); k++)
			if ((can >> k & 1) && mig_plan_slot(s->table, k)->profile == p)
				starts |= UINT64_C(1) << mig_plan_slot(s->table, k)->start;
		if (!starts)
			continue;
		*row = (struct free_row){ .plan = plan,
					  .profile = s->board->gi[p].name,
					  .profile_id = s->board->gi[p].id,
					  .remaining = mig_plan_remaining(s->table, target, p) };
		cli_starts_text(starts, row->starts, sizeof(row->starts));
		n++;
	}
	return n;
}

/* In tables of the best plan only, with a sentence in front. */
static int print_free(struct cli_out *out, const struct plan_answer *a)
{
	struct free_row rows[PLAN_ALTERNATIVES * MIG_MAX_GI_PROFILES];
	unsigned plans = cli_out_is_table(out) && a->n ? 1 : a->n;
	size_t n = 0;

	for (unsigned i = 0; i < plans; i++)
		n += fill_free(a->s, a->change[i].target, i + 1, &rows[n]);
	if (a->n) {
		struct mig_plan_measure m;
		char units[128];

		mig_plan_measure(a->s->table, a->change[0].target, &m);
		cli_out_gap(out);
		if (m.units_free)
			cli_out_say(out, RENDER_PLAIN,
				    "Free then: %u of %u compute slices, %u of %u %s (%s).%s",
				    m.slices_free, m.slices, m.units_free, m.units,
				    cli_units_name(a->s->board),
				    cli_units_text(m.free_mask, units, sizeof(units)),
				    n ? "" : " Nothing more can be created.");
		else
			cli_out_say(out, RENDER_PLAIN, "Nothing is free then.");
	}
	return cli_out_list(out, "free", NULL, NULL, free_fields, rows, n, sizeof(rows[0]));
}

static int print_needs(struct cli_out *out, const struct plan_answer *a)
{
	struct need_row rows[MIG_MAX_GI];

	for (unsigned i = 0; i < a->n_needs; i++) {
		const struct mig_gi_profile *p = &a->s->board->gi[a->serves[i]];
		struct need_row *row = &rows[i];

		*row = (struct need_row){ .need = i + 1,
					  .memory_mib = a->need[i].memory_mib,
					  .sm = a->need[i].sm ? a->need[i].sm : CLI_NONE,
					  .has_mib = CLI_NONE,
					  .has_sm = CLI_NONE,
					  .profile_id = CLI_NONE };
		plan_need_text(&a->need[i], row->text, sizeof(row->text));
		if (!a->n)
			continue;
		row->profile = p->name;
		row->profile_id = p->id;
		row->has_mib = (int32_t)p->memory_mb;
		row->has_sm = p->sm;
		row->unconfirmed = p->unconfirmed & (MIG_UNCONFIRMED_MEMORY | MIG_UNCONFIRMED_SM);
		snprintf(row->shown_mib, sizeof(row->shown_mib), "%u%s", p->memory_mb,
			 p->unconfirmed & MIG_UNCONFIRMED_MEMORY ? "?" : "");
		snprintf(row->shown_sm, sizeof(row->shown_sm), "%u%s", p->sm,
			 p->unconfirmed & MIG_UNCONFIRMED_SM ? "?" : "");
	}
	if (cli_out_is_table(out) && !a->n)
		return 0;
	return cli_out_list(out, "needs", NULL, NULL,
			    cli_out_is_table(out) ? need_table : need_fields, rows, a->n_needs,
			    sizeof(rows[0]));
}

static int print_must_go(struct cli_out *out, const struct plan_answer *a)
{
	struct must_row rows[MIG_MAX_GI];
	size_t n = 0;

	if (cli_out_is_table(out))
		return 0;
	for (unsigned k = 0; k < mig_plan_n_slots(a->s->table); k++) {
		const struct mig_gi *gi = cli_subject_gi(a->s, k);

		if (!(a->must_go >> k & 1))
			continue;
		rows[n++] = (struct must_row){ .gi = gi ? gi->id : CLI_NONE,
					       .profile = profile_of(a->s, k)->name,
					       .profile_id = profile_of(a->s, k)->id,
					       .start = mig_plan_slot(a->s->table, k)->start,
					       .in_use = a->s->busy >> k & 1 };
	}
	return cli_out_list(out, "must_go", NULL, NULL, must_fields, rows, n, sizeof(rows[0]));
}

static int print_nearest(struct cli_out *out, const struct plan_answer *a)
{
	struct nearest_row rows[PLAN_NEAREST];

	for (unsigned i = 0; i < a->n_nearest; i++) {
		rows[i].rank = i + 1;
		memcpy(rows[i].words, a->nearest[i], sizeof(rows[i].words));
	}
	return cli_out_list(out, "nearest", NULL, NULL, nearest_fields, rows, a->n_nearest,
			    sizeof(rows[0]));
}

/*
 * How far the driver's choice of starts is known: from listings of GPUs that were empty before, and
 * of plain profiles (doc/unconfirmed.md, default-placement and placement-1g-double).
 */
static const char *doubt_of_choice(const struct cli_subject *s, const struct mig_plan_change *c)
{
	mig_profiles plain = mig_profiles_plain(s->board);

	if (c->keep)
		return ", which is not confirmed on a GPU that has instances already";
	for (unsigned k = 0; k < mig_plan_n_slots(s->table); k++)
		if ((c->create >> k & 1) && !(plain >> mig_plan_slot(s->table, k)->profile & 1))
			return ", which is not confirmed for profiles of double memory or with media "
			       "engines";
	return "";
}

/* What a tool that cannot name starts has to know. */
static void say_order(struct cli_out *out, const struct plan_answer *a)
{
	const struct mig_plan_order *order = &a->order[0];
	const char *doubt = doubt_of_choice(a->s, &a->change[0]);
	char ids[64];

	if (!a->change[0].create)
		return;
	cli_out_gap(out);
	if (a->ordered[0])
		cli_out_say(out, RENDER_PLAIN,
			    "Without starts, -cgi %s ends in the same layout by the driver's own "
			    "choice of starts%s.",
			    plan_order_text(a->s, order, ids, sizeof(ids)), doubt);
	else
		cli_out_say(
			out, RENDER_PLAIN,
			"The starts are needed: without them none of the %lu orders of creation "
			"ends there by the driver's own choice%s.",
			order->orders, doubt);
}

static int draw(struct cli_out *out, const struct plan_answer *a)
{
	const struct cli_subject *s = a->s;
	struct render_plan picture;
	unsigned columns = cli_out_columns(out);

	cli_picture_change(s->board, s->table, s->gpu, &s->state, s->busy, &a->change[0], &picture);
	picture.columns = columns > 2 ? columns - 2 : 0;
	/* A board is empty before: there is nothing to be seen. */
	if (!s->gpu) {
		picture.stage[0] = picture.stage[1];
		picture.n = 1;
	}
	cli_out_gap(out);
	return cli_out_draw(out, 2, render_plan, &picture);
}

static void say_no(struct cli_out *out, const struct plan_answer *a)
{
	cli_out_gap(out);
	cli_out_say(out, RENDER_STRONG, "It does not fit: %s.", a->reason);
}

static int print_facts(struct cli_out *out, const struct plan_answer *a)
{
	int r = cli_subject_heading(a->s, out);

	if (r >= 0 && !cli_out_is_table(out)) {
		r = cli_out_bool(out, "fits", NULL, a->n > 0);
		if (r >= 0)
			r = cli_out_bool(out, "unconfirmed", NULL, cli_subject_unconfirmed(a->s));
		if (r >= 0)
			r = cli_out_bool(out, "mig_on", NULL,
					 a->s->gpu && !cli_subject_mode_off(a->s));
		if (r >= 0)
			r = cli_out_str(out, "reason", NULL, a->reason[0] ? a->reason : NULL);
	}
	if (r < 0)
		return r;
	cli_subject_remarks(a->s, out);
	return 0;
}

int plan_print(struct cli_out *out, const struct plan_answer *a)
{
	bool nothing = a->n && !a->change[0].destroy && !a->change[0].create;
	int r = print_facts(out, a);

	if (r >= 0 && !a->n)
		say_no(out, a);
	if (r >= 0 && !cli_out_is_table(out))
		r = print_plans(out, a);
	if (r >= 0)
		r = print_instances(out, a);
	if (r >= 0)
		r = print_needs(out, a);
	if (r >= 0 && a->n)
		r = draw(out, a);
	if (nothing) {
		cli_out_gap(out);
		cli_out_say(out, RENDER_PLAIN, "Nothing to create or to destroy: the GPU has it.");
	}
	if (r >= 0)
		r = plan_print_steps(out, a->s, a->change, a->order,
				     cli_out_is_table(out) && a->n ? 1 : a->n);
	if (r >= 0 && a->n)
		say_order(out, a);
	if (r >= 0)
		r = print_free(out, a);
	if (r >= 0 && cli_out_is_table(out) && a->n > 1)
		r = print_plans(out, a);
	if (r >= 0)
		r = print_must_go(out, a);
	return r < 0 ? r : print_nearest(out, a);
}
