/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "plan/table.h"

/*
 * Orders of creation for tools that cannot name a start (NVIDIA's mig-parted, `nvidia-smi mig -cgi
 * 9,14`): the driver chooses, and what it chooses depends on what is there. The choice in each
 * layout is worked out with the tables.
 */

/* The free start that leaves the most pairs which nothing overlaps; ties to the lowest. */
static int roomiest(const struct mig_plan_table *t, const struct plan_row *row, unsigned profile)
{
	uint64_t taken = 0;
	unsigned slot, most = 0, left;
	int best = -1;

	PLAN_EACH(slot, row->slots)
	taken |= t->covers[slot];
	PLAN_EACH(slot, row->free & t->of_profile[profile])
	{
		left = plan_count(t->pairs & ~(taken | t->covers[slot]));
		if (best >= 0 && left <= most)
			continue;
		best = (int)slot;
		most = left;
	}
	return best;
}

static int choose(const struct mig_plan_table *t, const struct plan_row *row, unsigned profile)
{
	mig_slots can = row->free & t->of_profile[profile];
	int middle;

	if (!can)
		return -1;
	switch (t->choice[profile]) {
	case PLAN_CHOICE_MIDDLE_FIRST:
		middle = t->at[profile][t->units / 2];
		if (middle >= 0 && (can & plan_bit((unsigned)middle)))
			return middle;
		return (int)plan_lowest(can);
	case PLAN_CHOICE_LOWEST:
		return (int)plan_lowest(can);
	default:
		return roomiest(t, row, profile);
	}
}

/* The most that still fit, for each row: one more than in the best row that has one more. */
static void count_remaining(struct mig_plan_table *t, uint32_t i)
{
	const struct plan_row *row = &t->row[i];
	uint8_t *most = &t->remaining[(size_t)i * t->n_profiles];
	unsigned slot;

	PLAN_EACH(slot, row->free)
	{
		unsigned p = t->slot[slot].profile;
		uint32_t next = plan_find(t, row->slots | plan_bit(slot));
		uint8_t n = (uint8_t)(t->remaining[(size_t)next * t->n_profiles + p] + 1);

		if (most[p] < n)
			most[p] = n;
	}
}

int plan_make_choices(struct mig_plan_table *t)
{
	size_t n = t->n_rows * (t->n_profiles ? t->n_profiles : 1);

	t->remaining = calloc(n, sizeof(*t->remaining));
	t->chosen = calloc(n, sizeof(*t->chosen));
	if (!t->remaining || !t->chosen)
		return -ENOMEM;
	/* Fuller layouts first: each asks those that have one instance more. */
	for (unsigned size = t->max_instances + 1; size-- > 0;)
		for (uint32_t i = 0; i < t->n_rows; i++)
			if (plan_count(t->row[i].slots) == size)
				count_remaining(t, i);
	for (size_t i = 0; i < t->n_rows; i++)
		for (unsigned p = 0; p < t->n_profiles; p++)
			t->chosen[i * t->n_profiles + p] = (int16_t)choose(t, &t->row[i], p);
	return 0;
}

unsigned mig_plan_remaining(const struct mig_plan_table *table, mig_slots now, unsigned profile)
{
	uint32_t row = plan_find(table, now);

	if (row == PLAN_NONE || profile >= table->n_profiles)
		return 0;
	return table->remaining[(size_t)row * table->n_profiles + profile];
}

int mig_plan_default_start(const struct mig_plan_table *table, mig_slots now, unsigned profile)
{
	uint32_t row = plan_find(table, now);
	int slot;

	if (row == PLAN_NONE || profile >= table->n_profiles)
		return -1;
	slot = table->chosen[(size_t)row * table->n_profiles + profile];
	return slot < 0 ? -1 : table->slot[slot].start;
}

/* Orders of a multiset: (sum)! / each n!, as a product of binomials; ULONG_MAX beyond counting. */
static unsigned long count_orders(const struct mig_counts *counts)
{
	unsigned long orders = 1, product;
	unsigned sum = 0;

	for (unsigned i = 0; i < MIG_MAX_GI_PROFILES; i++) {
		for (unsigned k = 1; k <= counts->n[i]; k++) {
			sum++;
			if (__builtin_mul_overflow(orders, sum, &product))
				return ULONG_MAX;
			orders = product / k;
		}
	}
	return orders;
}

/*
 * A row is reached by many orders, and what can follow depends on the row alone: one that was seen
 * to fail is not followed again, its orders count as known to fail.
 */
struct walk {
	const struct mig_plan_table *t;
	struct mig_counts left;
	unsigned n_left;
	mig_slots end;
	uint64_t *failed; /* bit for each row */
	struct mig_plan_order *ret;
};

/* Of so many orders those that begin with one of n out of sum. */
static unsigned long share(unsigned long orders, unsigned n, unsigned sum)
{
	unsigned long product;

	return __builtin_mul_overflow(orders, n, &product) ? orders : product / sum;
}

static void fail_all(struct walk *w, unsigned long orders)
{
	unsigned long sum;

	w->ret->tried = __builtin_add_overflow(w->ret->tried, orders, &sum) ? ULONG_MAX : sum;
}

/* All orders of what is left, from this row on; how many they are is known. */
static bool follow(struct walk *w, uint32_t row, unsigned long orders)
{
	const struct mig_plan_table *t = w->t;
	struct mig_plan_order *ret = w->ret;

	if (ret->n > ret->most)
		ret->most = ret->n;
	if (!w->n_left) {
		ret->tried++;
		ret->end = t->row[row].slots;
		return !w->end || w->end == ret->end;
	}
	if (w->failed[row / 64] >> (row % 64) & 1) {
		fail_all(w, orders);
		return false;
	}
	/* The larger ones are wanted first, as people write them. */
	for (unsigned p = t->n_profiles; p-- > 0;) {
		int slot = t->chosen[(size_t)row * t->n_profiles + p];
		unsigned long part;

		if (!w->left.n[p])
			continue;
		part = share(orders, w->left.n[p], w->n_left);
		if (slot < 0) {
			fail_all(w, part);
			continue;
		}
		ret->profile[ret->n] = (uint8_t)p;
		ret->start[ret->n] = t->slot[slot].start;
		ret->n++;
		w->left.n[p]--;
		w->n_left--;
		if (follow(w, plan_find(t, t->row[row].slots | plan_bit((unsigned)slot)), part))
			return true;
		ret->n--;
		w->left.n[p]++;
		w->n_left++;
	}
	w->failed[row / 64] |= UINT64_C(1) << row % 64;
	return false;
}

int mig_plan_order(const struct mig_plan_table *table, mig_slots now,
		   const struct mig_counts *counts, mig_slots end, struct mig_plan_order *ret)
{
	_cleanup_free_ uint64_t *failed = NULL;
	struct walk w = { .t = table, .left = *counts, .end = end, .ret = ret };
	uint32_t row = plan_find(table, now);
	unsigned units, slices;

	*ret = (struct mig_plan_order){ .orders = count_orders(counts) };
	if (row == PLAN_NONE)
		return -EINVAL;
	w.n_left = plan_sum(table, counts, &units, &slices);
	for (unsigned i = table->n_profiles; i < MIG_MAX_GI_PROFILES; i++)
		if (counts->n[i])
			return -EINVAL;
	failed = calloc(table->n_rows / 64 + 1, sizeof(*failed));
	if (!failed)
		return -ENOMEM;
	w.failed = failed;
	if (!follow(&w, row, ret->orders)) {
		ret->n = 0;
		ret->end = 0;
		/* Sums that saturate on the way would not meet the product. */
		ret->tried = ret->orders;
		return -ENOSPC;
	}
	ret->most = 0;
	return 0;
}
