/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "plan/table.h"

/* Goals that cannot be reached: what must go, why, and what is nearest. */

/* Whether some layout has exactly these counts and all of these slots. */
static bool reachable(const struct mig_plan_table *t, const struct mig_counts *counts,
		      mig_slots must)
{
	uint32_t set = plan_find_set(t, counts);
	const struct plan_member *m, *end;

	if (set == PLAN_NONE)
		return false;
	m = &t->grouped[t->set[set].first];
	for (end = m + t->set[set].n; m < end; m++)
		if (!(must & ~m->slots))
			return true;
	return false;
}

static bool goal_holds(const struct mig_plan_table *t, const struct mig_plan_goal *goal,
		       mig_slots pinned)
{
	struct mig_counts wanted = plan_wanted(t, goal, pinned | goal->at);

	return reachable(t, &wanted, pinned | goal->at);
}

/*
 * Each part of the pinned instances is tried; there are at most eight, so 256 parts. That fewer
 * pinned ones never make a goal harder needs no proof here: nothing is skipped.
 */
int mig_plan_must_go(const struct mig_plan_table *table, const struct mig_plan_state *state,
		     const struct mig_plan_goal *goal, mig_slots *ret)
{
	unsigned n_best = 0, ci_best = 0, n, ci;
	mig_slots go = state->pinned, best = 0;
	bool found = false;
	int r;

	r = plan_check(table, state, goal, NULL);
	if (r < 0)
		return r;
	if (goal_holds(table, goal, state->pinned)) {
		*ret = 0;
		return 0;
	}
	for (; go; go = (go - 1) & state->pinned) {
		n = plan_count(go);
		if (found && n > n_best)
			continue;
		ci = plan_cis_in(state, go);
		if (found && n == n_best &&
		    (ci > ci_best || (ci == ci_best && !plan_before(go, best))))
			continue;
		if (!goal_holds(table, goal, state->pinned & ~go))
			continue;
		found = true;
		best = go;
		n_best = n;
		ci_best = ci;
	}
	if (!found)
		return -ENOSPC;
	*ret = best;
	return 0;
}

/* Two of the wanted profiles that exclude each other by rule. */
static bool find_rivals(const struct mig_plan_table *t, const struct mig_counts *wanted,
			struct mig_plan_reason *ret)
{
	for (unsigned a = 0; a < t->n_profiles; a++) {
		if (!wanted->n[a])
			continue;
		for (unsigned b = a; b < t->n_profiles; b++) {
			if (wanted->n[b] < (a == b ? 2 : 1) || !(t->rivals[a] >> b & 1))
				continue;
			ret->no = MIG_PLAN_NO_MEDIA;
			ret->a = a;
			ret->b = b;
			return true;
		}
	}
	return false;
}

static bool find_clash(const struct mig_plan_table *t, mig_slots at, struct mig_plan_reason *ret)
{
	unsigned slot;
	mig_slots others;

	PLAN_EACH(slot, at)
	{
		others = t->excludes[slot] & at & ~plan_bit(slot);
		if (!others)
			continue;
		ret->no = MIG_PLAN_NO_STARTS;
		ret->a = slot;
		ret->b = plan_lowest(others);
		return true;
	}
	return false;
}

/* Sums that nothing can help: they are what a person can check in the head. */
static bool find_sum(const struct mig_plan_table *t, const struct mig_counts *wanted,
		     struct mig_plan_reason *ret)
{
	unsigned units = 0, slices = 0;

	for (unsigned i = 0; i < t->n_profiles; i++) {
		units += (unsigned)wanted->n[i] * t->size_of[i];
		slices += (unsigned)wanted->n[i] * t->slices_of[i];
		if (ret->no || wanted->n[i] <= t->total[i])
			continue;
		ret->no = MIG_PLAN_NO_TOTAL;
		ret->a = i;
		ret->wanted = wanted->n[i];
		ret->have = t->total[i];
	}
	if (ret->no)
		return true;
	if (units > t->units) {
		ret->no = MIG_PLAN_NO_UNITS;
		ret->wanted = units;
		ret->have = t->units;
	} else if (slices > t->slices) {
		ret->no = MIG_PLAN_NO_SLICES;
		ret->wanted = slices;
		ret->have = t->slices;
	}
	return ret->no != MIG_PLAN_NO_NONE;
}

void mig_plan_why_not(const struct mig_plan_table *table, const struct mig_plan_goal *goal,
		      struct mig_plan_reason *ret)
{
	struct mig_counts wanted = plan_wanted(table, goal, goal->at);

	*ret = (struct mig_plan_reason){ .no = MIG_PLAN_NO_NONE };
	if (reachable(table, &wanted, goal->at))
		return;
	if (find_sum(table, &wanted, ret) || find_rivals(table, &wanted, ret) ||
	    find_clash(table, goal->at, ret))
		return;
	ret->no = MIG_PLAN_NO_ARRANGEMENT;
}

/* How far one multiset is from the wanted one. */
struct distance {
	unsigned changed, units, slices;
};

/* False: it is not made of the wanted one by dropping and swapping. */
static bool measure_distance(const struct mig_plan_table *t, const struct mig_counts *wanted,
			     const struct mig_counts *c, struct distance *ret)
{
	unsigned gone = 0, added = 0;
	int units = 0, slices = 0;

	for (unsigned i = 0; i < t->n_profiles; i++) {
		int less = wanted->n[i] - c->n[i];

		if (less > 0)
			gone += (unsigned)less;
		else
			added += (unsigned)-less;
		units += less * t->size_of[i];
		slices += less * t->slices_of[i];
	}
	ret->changed = gone;
	ret->units = units > 0 ? (unsigned)units : 0;
	ret->slices = slices > 0 ? (unsigned)slices : 0;
	return added <= gone;
}

static bool nearer(const struct distance *a, const struct mig_counts *ca, const struct distance *b,
		   const struct mig_counts *cb)
{
	if (a->changed != b->changed)
		return a->changed < b->changed;
	if (a->units != b->units)
		return a->units < b->units;
	if (a->slices != b->slices)
		return a->slices < b->slices;
	return memcmp(ca->n, cb->n, sizeof(ca->n)) > 0;
}

/*
 * Best first, at most cap. The distances of what is kept are measured anew when something is
 * compared with it, which is cheaper than a second list: few come so far.
 */
static unsigned insert_near(const struct mig_plan_table *t, const struct mig_counts *wanted,
			    struct mig_counts *ret, unsigned n, unsigned cap,
			    const struct mig_counts *c, const struct distance *d)
{
	struct distance other;
	unsigned k = n;

	for (; k > 0; k--) {
		measure_distance(t, wanted, &ret[k - 1], &other);
		if (!nearer(d, c, &other, &ret[k - 1]))
			break;
		if (k < cap)
			ret[k] = ret[k - 1];
	}
	if (k == cap)
		return n;
	ret[k] = *c;
	return n < cap ? n + 1 : n;
}

unsigned mig_plan_nearest(const struct mig_plan_table *table, const struct mig_plan_state *state,
			  const struct mig_plan_goal *goal, struct mig_counts *ret, unsigned cap)
{
	struct mig_counts wanted = plan_wanted(table, goal, state->pinned | goal->at);
	struct distance d, worst;
	unsigned n = 0;

	/* Set 0 is the empty one. */
	for (unsigned i = 1; cap && i < table->n_sets; i++) {
		const struct mig_counts *c = &table->set[i].counts;

		if (!measure_distance(table, &wanted, c, &d))
			continue;
		if (n == cap) {
			measure_distance(table, &wanted, &ret[n - 1], &worst);
			if (!nearer(&d, c, &worst, &ret[n - 1]))
				continue;
		}
		if (reachable(table, c, state->pinned))
			n = insert_near(table, &wanted, ret, n, cap, c, &d);
	}
	return n;
}
