/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "plan/table.h"

/* Goals that cannot be reached: what must go, why, and what is nearest. */

/* Whether some layout of a multiset has all of these slots. */
static bool reachable(const struct mig_plan_table *t, const struct plan_set *set, mig_slots must)
{
	const struct plan_member *m = &t->grouped[set->first], *end = m + set->n;

	for (; m < end; m++)
		if (!(must & ~m->slots))
			return true;
	return false;
}

static bool counts_hold(const struct mig_plan_table *t, const struct mig_counts *counts,
			mig_slots must)
{
	uint32_t set = plan_find_set(t, counts);

	return set != PLAN_NONE && reachable(t, &t->set[set], must);
}

static bool goal_holds(const struct mig_plan_table *t, const struct mig_plan_goal *goal,
		       mig_slots pinned)
{
	struct mig_counts wanted = plan_wanted(t, goal, pinned | goal->at);

	return counts_hold(t, &wanted, pinned | goal->at);
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
	unsigned units, slices;

	plan_sum(t, wanted, &units, &slices);
	for (unsigned i = 0; i < t->n_profiles; i++) {
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
	if (counts_hold(table, &wanted, goal->at))
		return;
	if (find_sum(table, &wanted, ret) || find_rivals(table, &wanted, ret) ||
	    find_clash(table, goal->at, ret))
		return;
	ret->no = MIG_PLAN_NO_ARRANGEMENT;
}

/* The goal that does not fit, and what is compared with it. */
struct wish {
	const struct mig_plan_table *t;
	struct mig_counts counts;
	unsigned sum, units, slices;
};

/*
 * The sum of the lesser ones of eight bytes each, all below 128: the upper bit of (a + 128 - b)
 * tells whether b is the lesser one.
 */
static unsigned lesser_bytes(uint64_t a, uint64_t b)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t of_b = ((((a | high) - b) & high) >> 7) * 0xff;

	return (unsigned)(((b & of_b) | (a & ~of_b)) * UINT64_C(0x0101010101010101) >> 56);
}

/* Of each profile the lesser count, summed up: instances that need no change. */
static unsigned shared(const struct wish *w, const struct mig_counts *c)
{
	uint64_t a[3] = { 0 }, b[3] = { 0 };
	unsigned sum;

	_Static_assert(sizeof(c->n) <= sizeof(a), "three words of eight profiles");

	memcpy(a, w->counts.n, sizeof(w->counts.n));
	memcpy(b, c->n, sizeof(c->n));
	sum = lesser_bytes(a[0], b[0]);
	for (unsigned i = 1; 8 * i < w->t->n_profiles; i++)
		sum += lesser_bytes(a[i], b[i]);
	return sum;
}

/*
 * How far a multiset is from the wish, as one number that sorts: instances changed, then units
 * lost, then slices lost.
 */
static uint64_t distance(const struct wish *w, const struct mig_counts *c, unsigned units,
			 unsigned slices)
{
	uint64_t lost_units = w->units > units ? w->units - units : 0;
	uint64_t lost_slices = w->slices > slices ? w->slices - slices : 0;

	return (uint64_t)(w->sum - shared(w, c)) << 32 | lost_units << 16 | lost_slices;
}

static uint64_t distance_of(const struct wish *w, const struct mig_counts *c)
{
	unsigned units, slices;

	plan_sum(w->t, c, &units, &slices);
	return distance(w, c, units, slices);
}

static bool nearer(uint64_t a, const struct mig_counts *ca, uint64_t b, const struct mig_counts *cb)
{
	return a != b ? a < b : memcmp(ca->n, cb->n, sizeof(ca->n)) > 0;
}

/*
 * Best first, at most cap. The distances of what is kept are measured anew when something is
 * compared with it, which is cheaper than a second list: few come so far.
 */
static unsigned insert_near(const struct wish *w, struct mig_counts *ret, unsigned n, unsigned cap,
			    const struct mig_counts *c, uint64_t d)
{
	unsigned k = n;

	for (; k > 0 && nearer(d, c, distance_of(w, &ret[k - 1]), &ret[k - 1]); k--)
		if (k < cap)
			ret[k] = ret[k - 1];
	if (k == cap)
		return n;
	ret[k] = *c;
	return n < cap ? n + 1 : n;
}

unsigned mig_plan_nearest(const struct mig_plan_table *table, const struct mig_plan_state *state,
			  const struct mig_plan_goal *goal, struct mig_counts *ret, unsigned cap)
{
	struct wish w = { .t = table };
	uint64_t d, worst = UINT64_MAX;
	unsigned n = 0;

	w.counts = plan_wanted(table, goal, state->pinned | goal->at);
	w.sum = plan_sum(table, &w.counts, &w.units, &w.slices);
	/* No layout has as many, and shared() wants less than 128. */
	for (unsigned i = 0; i < MIG_MAX_GI_PROFILES; i++)
		if (w.counts.n[i] > 2 * MIG_MAX_GI)
			w.counts.n[i] = 2 * MIG_MAX_GI;
	/* The last one is empty, and no answer. */
	for (uint32_t i = table->sum_first[w.sum < MIG_MAX_GI ? w.sum : MIG_MAX_GI];
	     cap && i + 1 < table->n_sets; i++) {
		const struct plan_set *set = &table->set[table->by_sum[i]];

		if ((uint64_t)(w.sum - set->sum) << 32 > worst)
			break;
		d = distance(&w, &set->counts, set->units, set->slices);
		if (d > worst)
			continue;
		if (n == cap && !nearer(d, &set->counts, worst, &ret[n - 1]))
			continue;
		if (!reachable(table, set, state->pinned))
			continue;
		n = insert_near(&w, ret, n, cap, &set->counts, d);
		if (n == cap)
			worst = distance_of(&w, &ret[n - 1]);
	}
	return n;
}
