/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "plan/table.h"

/* What is in the way of one more instance, and the smallest changes that make room for it. */

mig_slots mig_plan_blockers(const struct mig_plan_table *table, mig_slots now, unsigned slot)
{
	mig_slots same, out;

	if (slot >= table->n_slots)
		return 0;
	out = now & table->excludes[slot];
	/* 7x 1g: its total is reached, but the one that stands there is all that is in the way. */
	same = now & table->of_profile[table->slot[slot].profile] & ~out;
	if (plan_count(same) >= table->total[table->slot[slot].profile])
		out |= same;
	/* A sum is: compute slices of a GPU instance, or eight instances. Each has its part in it.
	 */
	if (!out && mig_plan_is_layout(table, now) && !(mig_plan_free(table, now) & plan_bit(slot)))
		out = now;
	return out;
}

mig_slots mig_plan_blockers_by_rule(const struct mig_plan_table *table, mig_slots now,
				    unsigned slot)
{
	if (slot >= table->n_slots)
		return 0;
	return mig_plan_blockers(table, now, slot) & ~table->overlaps[slot];
}

/* A way, with what it is compared by. */
struct way {
	struct mig_plan_way way;
	unsigned n;
	unsigned room;
	mig_slots end;
};

/*
 * Ways of one kind, best first: one for each .destroy, and none whose .destroy contains another's.
 * Sets that don't contain each other, of at most eight instances: at most 70 (Sperner).
 */
struct ways {
	struct way way[70];
	unsigned n;
};

static bool better(const struct way *a, const struct way *b)
{
	if (a->n != b->n)
		return a->n < b->n;
	if (a->way.n_ci_destroy != b->way.n_ci_destroy)
		return a->way.n_ci_destroy < b->way.n_ci_destroy;
	if (a->room != b->room)
		return a->room > b->room;
	if (a->end != b->end)
		return plan_before(a->end, b->end);
	if (a->way.destroy != b->way.destroy)
		return plan_before(a->way.destroy, b->way.destroy);
	return a->way.slot < b->way.slot;
}

static void add(struct ways *ways, const struct way *w)
{
	unsigned n = 0, k;

	for (unsigned i = 0; i < ways->n; i++) {
		mig_slots have = ways->way[i].way.destroy;

		/* As small as one that is here: only the same set, and better, is wanted. */
		if (!(have & ~w->way.destroy) &&
		    (have != w->way.destroy || !better(w, &ways->way[i])))
			return;
	}
	for (unsigned i = 0; i < ways->n; i++)
		if (w->way.destroy & ~ways->way[i].way.destroy)
			ways->way[n++] = ways->way[i];
	for (k = n; k > 0 && better(w, &ways->way[k - 1]); k--)
		ways->way[k] = ways->way[k - 1];
	ways->way[k] = *w;
	ways->n = n + 1;
}

struct question {
	const struct mig_plan_table *t;
	const struct mig_plan_state *state;
	mig_slots wanted; /* slots that would do */
};

static struct way way_of(const struct question *q, mig_slots destroy, mig_slots again,
			 unsigned slot, mig_slots end, unsigned room)
{
	return (struct way){
		.way = { .destroy = destroy,
			 .again = again,
			 .slot = slot,
			 .n_ci_destroy = plan_cis_in(q->state, destroy) },
		.n = plan_count(destroy),
		.room = room,
		.end = end,
	};
}

/* Whether a way that is here destroys less and no other. */
static bool has_smaller(const struct ways *ways, mig_slots destroy)
{
	for (unsigned i = 0; i < ways->n; i++)
		if (ways->way[i].way.destroy != destroy && !(ways->way[i].way.destroy & ~destroy))
			return true;
	return false;
}

/*
 * What loses nothing ends in a layout that has the same instances and one more. Each of those is
 * looked at; what it lacks of now is destroyed, what it has more is created, and of that one is the
 * wanted one. Where none of it is at the wanted start, an instance of that very profile stands
 * there and stays there in the end: it has to go, too, and comes back elsewhere.
 */
static void ways_that_move(const struct question *q, unsigned profile, struct ways *ways)
{
	const struct mig_plan_table *t = q->t;
	struct mig_counts counts = mig_plan_counts(t, q->state->now);
	const struct plan_member *m, *end;
	mig_slots now = q->state->now;
	uint32_t set;

	counts.n[profile]++;
	set = plan_find_set(t, &counts);
	if (set == PLAN_NONE)
		return;
	m = &t->grouped[t->set[set].first];
	for (end = m + t->set[set].n; m < end; m++) {
		mig_slots gone = now & ~m->slots, come = m->slots & ~now, bit;
		struct way w;

		bit = come & q->wanted ? come & q->wanted : m->slots & q->wanted;
		bit &= -bit;
		gone |= now & bit;
		if (gone & q->state->pinned)
			continue;
		if (!bit || has_smaller(ways, gone))
			continue;
		w = way_of(q, gone, come & ~bit, plan_lowest(bit), m->slots, m->room);
		add(ways, &w);
	}
}

/*
 * What excludes the slot has to go. That is enough, unless a limit of number is in the way (a
 * profile's total, eight instances): then every larger part of what may go is tried, and add()
 * keeps the smallest.
 */
static void ways_that_destroy(const struct question *q, struct ways *ways)
{
	mig_slots now = q->state->now, least, rest, more, stay, end;
	unsigned slot;

	PLAN_EACH(slot, q->wanted)
	{
		least = now & q->t->excludes[slot];
		if (least & q->state->pinned)
			continue;
		rest = now & ~least & ~q->state->pinned;
		more = 0;
		do {
			stay = now & ~(least | more);
			end = stay | plan_bit(slot);
			if (mig_plan_free(q->t, stay) & plan_bit(slot)) {
				struct way w = way_of(q, least | more, 0, slot, end,
						      mig_plan_room(q->t, end));

				add(ways, &w);
				if (!more)
					break;
			}
			more = (more - rest) & rest;
		} while (more);
	}
}

unsigned mig_plan_ways(const struct mig_plan_table *table, const struct mig_plan_state *state,
		       unsigned profile, int start, struct mig_plan_way *ret, unsigned cap)
{
	struct question q = { .t = table, .state = state };
	struct ways ways = { .n = 0 };
	unsigned n = 0;

	if (profile >= table->n_profiles || !mig_plan_is_layout(table, state->now))
		return 0;
	q.wanted = table->of_profile[profile];
	if (start >= 0)
		q.wanted = mig_plan_slot_at(table, profile, (unsigned)start) < 0
				   ? 0
				   : plan_bit((unsigned)mig_plan_slot_at(table, profile,
									 (unsigned)start));
	ways_that_move(&q, profile, &ways);
	for (unsigned i = 0; i < ways.n && n < cap; i++)
		ret[n++] = ways.way[i].way;
	if (ways.n && !ways.way[0].way.destroy)
		return n;
	ways.n = 0;
	ways_that_destroy(&q, &ways);
	for (unsigned i = 0; i < ways.n && n < cap; i++)
		ret[n++] = ways.way[i].way;
	return n;
}
