/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>

#include "plan/table.h"

/*
 * From one layout to another. A goal says how many of each profile; so the targets are the layouts
 * of one multiset, and the best is found by looking at each of them: at most 140 on any board
 * known, 18 in the middle on an A100.
 */

struct mig_counts plan_wanted(const struct mig_plan_table *t, const struct mig_plan_goal *goal,
			      mig_slots must)
{
	struct mig_counts wanted = goal->counts, have = mig_plan_counts(t, must);

	for (unsigned i = 0; i < t->n_profiles; i++)
		if (wanted.n[i] < have.n[i])
			wanted.n[i] = have.n[i];
	return wanted;
}

unsigned plan_cis_in(const struct mig_plan_state *state, mig_slots slots)
{
	unsigned slot, n = 0;

	PLAN_EACH(slot, slots)
	n += state->n_ci[slot];
	return n;
}

/* Members of a multiset stand in the order of the last tie, so only "strictly better" counts. */
static bool better(const struct mig_plan_change *a, const struct mig_plan_change *b)
{
	if (a->n_destroy != b->n_destroy)
		return a->n_destroy < b->n_destroy;
	if (a->n_ci_destroy != b->n_ci_destroy)
		return a->n_ci_destroy < b->n_ci_destroy;
	return a->room > b->room;
}

/* Keeps the best cap, best first; behind equal ones. */
static unsigned insert(struct mig_plan_change *ret, unsigned n, unsigned cap,
		       const struct mig_plan_change *c)
{
	unsigned k;

	if (n == cap && !better(c, &ret[n - 1]))
		return n;
	if (n < cap)
		n++;
	for (k = n - 1; k > 0 && better(c, &ret[k - 1]); k--)
		ret[k] = ret[k - 1];
	ret[k] = *c;
	return n;
}

/* Most layouts destroy too much, which is seen before anything else is worked out. */
static unsigned best_of(const struct mig_plan_table *t, const struct plan_set *set,
			const struct mig_plan_state *state, mig_slots must,
			struct mig_plan_change *ret, unsigned cap)
{
	const struct plan_member *m = &t->grouped[set->first], *end = m + set->n;
	unsigned n = 0, n_destroy, limit = UINT_MAX;
	mig_slots now = state->now;

	for (; m < end; m++) {
		struct mig_plan_change c;

		if (must & ~m->slots)
			continue;
		n_destroy = plan_count(now & ~m->slots);
		if (n_destroy > limit)
			continue;
		c.target = m->slots;
		c.keep = now & m->slots;
		c.destroy = now & ~m->slots;
		c.create = m->slots & ~now;
		c.n_destroy = n_destroy;
		c.n_ci_destroy = plan_cis_in(state, c.destroy);
		c.room = m->room;
		n = insert(ret, n, cap, &c);
		if (n == cap)
			limit = ret[n - 1].n_destroy;
	}
	return n;
}

int plan_check(const struct mig_plan_table *t, const struct mig_plan_state *state,
	       const struct mig_plan_goal *goal, struct mig_error *reterr)
{
	if (!mig_plan_is_layout(t, state->now))
		return mig_fail(reterr, -EINVAL,
				"%s: the instances that it has now are no layout that it can have",
				t->what);
	if (state->pinned & ~state->now)
		return mig_fail(reterr, -EINVAL, "%s: an instance that is to stay is not there",
				t->what);
	if (goal && t->n_slots < 64 && goal->at >> t->n_slots)
		return mig_fail(reterr, -EINVAL, "%s has no such start", t->what);
	return 0;
}

int mig_plan_change(const struct mig_plan_table *table, const struct mig_plan_state *state,
		    const struct mig_plan_goal *goal, struct mig_plan_change *ret, unsigned cap,
		    struct mig_error *reterr)
{
	mig_slots must = state->pinned | goal->at;
	struct mig_counts wanted;
	unsigned n;
	uint32_t set;
	int r;

	r = plan_check(table, state, goal, reterr);
	if (r < 0)
		return r;
	if (!cap)
		return mig_fail(reterr, -EINVAL, "no room for an answer");
	wanted = plan_wanted(table, goal, must);
	set = plan_find_set(table, &wanted);
	if (set == PLAN_NONE)
		return mig_fail(reterr, -ENOSPC, "%s cannot hold these instances together",
				table->what);
	n = best_of(table, &table->set[set], state, must, ret, cap);
	if (!n)
		return mig_fail(reterr, -ENOSPC,
				"%s cannot hold these instances beside those that stay",
				table->what);
	return (int)n;
}
