/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/explain.h"

/* What is asked about: a GPU, or one GPU instance of it; and why something does not fit there. */

struct explain_scope explain_on_gpu(const struct cli_subject *s)
{
	return (struct explain_scope){
		.s = s, .table = s->table, .state = s->state, .busy = s->busy
	};
}

void explain_scope_close(struct explain_scope *scope)
{
	if (scope->own)
		mig_plan_table_free(scope->table);
	scope->own = false;
}

/* Places of compute instances: as the driver lists them, else by the family's rule. */
static unsigned ci_slots(struct explain_scope *c, unsigned profile,
			 struct mig_slot ret[MIG_PLAN_MAX_SLOTS])
{
	unsigned n = 0;

	for (unsigned p = 0; c->gi && p < c->of->n_ci; p++)
		for (unsigned start = 0; start < 32 && n < MIG_PLAN_MAX_SLOTS; start++)
			if (c->gi->ci_starts[p] >> start & 1)
				ret[n++] = (struct mig_slot){ .profile = (uint8_t)p,
							      .start = (uint8_t)start,
							      .size = c->of->ci[p].span,
							      .slices = c->of->ci[p].slices };
	c->by_family = !n;
	return n ? n : mig_ci_slots_by_family(c->s->board, profile, ret);
}

static bool runs_in(const struct explain_scope *c, const struct mig_ci *ci)
{
	const struct mig_snapshot *m = c->s->source.snapshot;

	for (uint32_t i = 0; i < m->n_process; i++) {
		const struct mig_process *p = &m->process[i];

		if (p->gpu == c->s->gpu->index && p->gi == c->gi->id && p->ci == ci->id)
			return true;
	}
	return false;
}

static int read_cis(struct explain_scope *c, struct mig_error *reterr)
{
	for (unsigned i = 0; c->gi && i < c->gi->n_ci; i++) {
		const struct mig_ci *ci = &c->gi->ci[i];
		int slot = mig_plan_slot_at(c->table, ci->profile, ci->start);

		if (slot < 0)
			return mig_fail(reterr, -ENOTSUP,
					"compute instance %u of GPU instance %u stands at %u, "
					"which is no place of its profile",
					ci->id, c->gi->id, ci->start);
		c->state.now |= (mig_slots)1 << slot;
		c->state.n_ci[slot] = 1;
		if (runs_in(c, ci))
			c->busy |= (mig_slots)1 << slot;
	}
	c->state.pinned = c->busy;
	return 0;
}

int explain_in_gi(const struct cli_subject *s, unsigned profile, const struct mig_gi *gi,
		  struct explain_scope *ret, struct mig_error *reterr)
{
	struct explain_scope c = { .s = s, .of = &s->board->gi[profile], .gi = gi };
	struct mig_slot slots[MIG_PLAN_MAX_SLOTS];
	unsigned n = ci_slots(&c, profile, slots);
	int r;

	if (gi && gi->ci_status)
		return mig_fail(
			reterr, -EACCES,
			"the compute instances of GPU instance %u cannot be read: ask as root",
			gi->id);
	r = mig_plan_table_new_ci(c.of, slots, n, &c.table, reterr);
	if (r < 0)
		return r;
	c.own = true;
	r = read_cis(&c, reterr);
	if (r < 0) {
		explain_scope_close(&c);
		return r;
	}
	*ret = c;
	return 0;
}

const char *explain_profile_name(const struct explain_scope *c, unsigned profile)
{
	return c->of ? c->of->ci[profile].name : c->s->board->gi[profile].name;
}

const char *explain_units(const struct explain_scope *c)
{
	return c->of ? "compute slices" : cli_units_name(c->s->board);
}

/* The compute instance that stands in a slot. */
static const struct mig_ci *ci_in(const struct explain_scope *c, const struct mig_slot *slot)
{
	for (unsigned i = 0; c->gi && i < c->gi->n_ci; i++)
		if (c->gi->ci[i].profile == slot->profile && c->gi->ci[i].start == slot->start)
			return &c->gi->ci[i];
	return NULL;
}

const char *explain_who(const struct explain_scope *c, mig_slots slots, char *buf, size_t size)
{
	unsigned n = (unsigned)__builtin_popcountll(slots), done = 0;

	if (!c->of)
		return cli_instances_text(c->s, slots, buf, size);
	buf[0] = 0;
	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		const struct mig_slot *slot = mig_plan_slot(c->table, i);
		const struct mig_ci *ci;

		if (!(slots >> i & 1))
			continue;
		ci = ci_in(c, slot);
		cli_text_add(buf, size, "%s", !done ? "" : done + 1 == n ? " and " : ", ");
		if (ci)
			cli_text_add(buf, size, "CI %u (%s)", ci->id, ci->name);
		else
			cli_text_add(buf, size, "%s@%u", c->of->ci[slot->profile].name,
				     slot->start);
		done++;
	}
	return buf;
}

/* Slots of a profile, at one start or at any. */
static mig_slots slots_of(const struct explain_scope *c, unsigned profile, int start)
{
	mig_slots ret = 0;

	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		const struct mig_slot *slot = mig_plan_slot(c->table, i);

		if (slot->profile == profile && (start < 0 || slot->start == start))
			ret |= (mig_slots)1 << i;
	}
	return ret;
}

static unsigned longest_run(uint64_t mask)
{
	unsigned n = 0;

	/* Each step takes the last unit of every run away. */
	for (; mask; mask &= mask >> 1)
		n++;
	return n;
}

/*
 * Whether another +me profile has the board's one JPEG and OFA. That this excludes it follows from
 * the number of engines; no output shows it (doc/unconfirmed.md, me-exclusive).
 */
static bool other_me(const struct explain_scope *c, mig_slots rule, unsigned profile)
{
	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++)
		if ((rule >> i & 1) && mig_plan_slot(c->table, i)->profile == profile)
			return false;
	return true;
}

/* A place that is free but for a rule: which, and who has what there is one of. */
static bool rule_reason(const struct explain_scope *c, unsigned profile, mig_slots wanted,
			char *buf, size_t size)
{
	const char *name = explain_profile_name(c, profile);
	enum mig_media media =
		c->of ? MIG_MEDIA_PLAIN : (enum mig_media)c->s->board->gi[profile].media;
	char who[CLI_PLAN_TEXT];

	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		mig_slots all, rule;

		if (!(wanted >> i & 1))
			continue;
		all = mig_plan_blockers(c->table, c->state.now, i);
		rule = mig_plan_blockers_by_rule(c->table, c->state.now, i);
		if (!all || all != rule)
			continue;
		explain_who(c, rule, who, sizeof(who));
		if (media == MIG_MEDIA_ME)
			cli_text_add(buf, size, "the one +me of the board is taken, by %s%s", who,
				     other_me(c, rule, profile)
					     ? " (that they exclude each other is not confirmed)"
					     : "");
		else if (media == MIG_MEDIA_ME_ALL)
			cli_text_add(buf, size, "%s takes all media engines, and %s is there", name,
				     who);
		else
			cli_text_add(buf, size, "%s excludes %s by rule, wherever they stand", who,
				     name);
		return true;
	}
	return false;
}

/* Enough is free, and yet not at a place that the profile has. */
static void fragmented(const struct explain_scope *c, unsigned profile, unsigned size_units,
		       const struct mig_plan_measure *m, char *buf, size_t size)
{
	uint64_t starts = 0;
	char units[128], text[64];

	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++)
		if (mig_plan_slot(c->table, i)->profile == profile)
			starts |= UINT64_C(1) << mig_plan_slot(c->table, i)->start;
	cli_units_text(m->free_mask, units, sizeof(units));
	/* One unit is never side by side with itself: what a 1g lacks is a start. */
	if (longest_run(m->free_mask) >= size_units)
		cli_text_add(buf, size, "it starts at %s only, and the free %s are %s",
			     cli_starts_text(starts, text, sizeof(text)), explain_units(c), units);
	else if (longest_run(m->free_mask) == 1)
		cli_text_add(buf, size,
			     "it needs %u %s side by side, and the free ones, %s, are not adjacent",
			     size_units, explain_units(c), units);
	else
		cli_text_add(buf, size,
			     "it needs %u %s side by side, and of the free ones, %s, no %u are",
			     size_units, explain_units(c), units, size_units);
}

void explain_why_not(const struct explain_scope *c, unsigned profile, int start, char *buf,
		     size_t size)
{
	mig_slots wanted = slots_of(c, profile, start);
	const struct mig_slot *first;
	struct mig_plan_measure m;
	char text[CLI_PLAN_TEXT];
	mig_slots way;

	buf[0] = 0;
	if (!wanted) {
		cli_text_add(buf, size, "%s has no place for %s",
			     c->of ? c->of->name : cli_board_short_name(c->s->board),
			     explain_profile_name(c, profile));
		return;
	}
	first = mig_plan_slot(c->table, (unsigned)__builtin_ctzll(wanted));
	way = mig_plan_blockers(c->table, c->state.now, (unsigned)__builtin_ctzll(wanted));
	mig_plan_measure(c->table, c->state.now, &m);
	if (rule_reason(c, profile, wanted, buf, size))
		return;
	if (start >= 0)
		cli_text_add(buf, size, "%s %s in the way", explain_who(c, way, text, sizeof(text)),
			     __builtin_popcountll(way) == 1 ? "is" : "are");
	else if (m.slices_free < first->slices)
		cli_text_add(buf, size, "it needs %u compute slice%s, and %u of %u are free",
			     first->slices, first->slices == 1 ? "" : "s", m.slices_free, m.slices);
	else if (m.units_free < first->size)
		cli_text_add(buf, size, "it needs %u %s, and %u of %u are free (%s)", first->size,
			     explain_units(c), m.units_free, m.units,
			     cli_units_text(m.free_mask, text, sizeof(text)));
	else
		fragmented(c, profile, first->size, &m, buf, size);
}
