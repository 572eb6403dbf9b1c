/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "plan/table.h"

/* From what programs need to the cheapest profiles that have it. */

struct question {
	const struct mig_plan_table *t;
	mig_slots pinned;
	struct mig_counts stay; /* profiles of the pinned */
	unsigned stay_sum, stay_units, stay_slices;
	unsigned n;
	mig_profiles serve[MIG_MAX_GI]; /* for each need those that do */
	uint16_t engines[MIG_MAX_GI_PROFILES];
};

struct offer {
	struct mig_counts counts; /* without the pinned */
	unsigned units, slices, engines, room;
	uint8_t profile[MIG_MAX_GI];
};

static bool cheaper(const struct offer *a, const struct offer *b)
{
	if (a->units != b->units)
		return a->units < b->units;
	if (a->slices != b->slices)
		return a->slices < b->slices;
	if (a->engines != b->engines)
		return a->engines < b->engines;
	if (a->room != b->room)
		return a->room > b->room;
	return memcmp(a->counts.n, b->counts.n, sizeof(a->counts.n)) > 0;
}

/* What a multiset leaves beside the pinned; false: it has not their profiles, or not n more. */
static bool make_offer(const struct question *q, const struct plan_set *set, struct offer *ret)
{
	if (set->sum != q->n + q->stay_sum)
		return false;
	ret->units = set->units - q->stay_units;
	ret->slices = set->slices - q->stay_slices;
	ret->engines = 0;
	ret->counts = set->counts;
	for (unsigned i = 0; i < q->t->n_profiles; i++) {
		if (ret->counts.n[i] < q->stay.n[i])
			return false;
		ret->counts.n[i] = (uint8_t)(ret->counts.n[i] - q->stay.n[i]);
		ret->engines += ret->counts.n[i] * (unsigned)q->engines[i];
	}
	return true;
}

/* Who gets which: the first profile that leaves enough for the rest. */
static bool deal(const struct question *q, struct offer *offer, unsigned need)
{
	if (need == q->n)
		return true;
	for (unsigned p = 0; p < q->t->n_profiles; p++) {
		bool dealt;

		if (!offer->counts.n[p] || !(q->serve[need] >> p & 1))
			continue;
		offer->profile[need] = (uint8_t)p;
		offer->counts.n[p]--;
		dealt = deal(q, offer, need + 1);
		offer->counts.n[p]++;
		if (dealt)
			return true;
	}
	return false;
}

/* The most room of a layout of this multiset that has the pinned; 0: none has them. */
static unsigned most_room(const struct question *q, const struct plan_set *set)
{
	const struct plan_member *m = &q->t->grouped[set->first], *end = m + set->n;
	unsigned room = 0;

	for (; m < end; m++)
		if (!(q->pinned & ~m->slots) && m->room > room)
			room = m->room;
	return room;
}

static bool serves(const struct mig_gi_profile *p, const struct mig_need *need)
{
	return p->memory_mb >= need->memory_mib && p->sm >= need->sm;
}

static int ask(struct question *q, const struct mig_board *board, const struct mig_need *needs,
	       struct mig_error *reterr)
{
	for (unsigned i = 0; i < q->n; i++) {
		for (unsigned p = 0; p < q->t->n_profiles; p++)
			if (q->t->of_profile[p] && serves(&board->gi[p], &needs[i]))
				q->serve[i] |= (mig_profiles)1 << p;
		if (!q->serve[i])
			return mig_fail(reterr, -ENOSPC,
					"no profile of %s has %llu MiB and %u multiprocessors",
					q->t->what, (unsigned long long)needs[i].memory_mib,
					needs[i].sm);
	}
	for (unsigned p = 0; p < q->t->n_profiles; p++)
		q->engines[p] = (uint16_t)(board->gi[p].dec + board->gi[p].enc + board->gi[p].jpeg +
					   board->gi[p].ofa);
	return 0;
}

int mig_plan_needs(const struct mig_board *board, const struct mig_plan_table *table,
		   const struct mig_plan_state *state, const struct mig_need *needs, unsigned n,
		   uint8_t *ret, struct mig_error *reterr)
{
	struct question q = { .t = table, .pinned = state->pinned, .n = n };
	struct offer best, offer;
	bool found = false;
	int r;

	r = plan_check(table, state, NULL, reterr);
	if (r < 0)
		return r;
	if (board->n_gi != table->n_profiles)
		return mig_fail(reterr, -EINVAL, "%s is not the board %s", table->what, board->key);
	if (n > MIG_MAX_GI)
		return mig_fail(reterr, -EINVAL, "%u needs; a GPU has at most %d instances", n,
				MIG_MAX_GI);
	r = ask(&q, board, needs, reterr);
	if (r < 0)
		return r;
	q.stay = mig_plan_counts(table, state->pinned);
	q.stay_sum = plan_sum(table, &q.stay, &q.stay_units, &q.stay_slices);
	for (unsigned i = 0; i < table->n_sets; i++) {
		if (!make_offer(&q, &table->set[i], &offer))
			continue;
		/* The cheapest that it can be; its room is asked only of those that may win. */
		offer.room = UINT32_MAX;
		if (found && !cheaper(&offer, &best))
			continue;
		offer.room = most_room(&q, &table->set[i]);
		if (!offer.room || (found && !cheaper(&offer, &best)) || !deal(&q, &offer, 0))
			continue;
		best = offer;
		found = true;
	}
	if (!found)
		return mig_fail(reterr, -ENOSPC, "%s has no layout that serves %s%s", table->what,
				n == 1 ? "this need" : "these needs together",
				state->pinned ? " beside the instances that stay" : "");
	memcpy(ret, best.profile, n);
	return 0;
}
