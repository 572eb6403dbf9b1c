/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "plan/table.h"

/* How many layouts there are; how full one is, and how fragmented. */

/* Larger in memory, then in compute, then earlier in -lgip. */
int plan_largest(const struct mig_plan_table *t, mig_slots free)
{
	int best = -1;

	for (unsigned p = 0; p < t->n_profiles; p++) {
		if (!(free & t->of_profile[p]))
			continue;
		if (best < 0 || t->size_of[p] > t->size_of[best] ||
		    (t->size_of[p] == t->size_of[best] && t->slices_of[p] > t->slices_of[best]))
			best = (int)p;
	}
	return best;
}

static uint64_t all_units(const struct mig_plan_table *t)
{
	return t->units < 64 ? (UINT64_C(1) << t->units) - 1 : UINT64_MAX;
}

void mig_plan_measure(const struct mig_plan_table *table, mig_slots now,
		      struct mig_plan_measure *ret)
{
	uint32_t i = plan_find(table, now);
	const struct plan_member *best;
	const struct plan_row *row;
	unsigned slot, slices = 0;
	uint64_t covered = 0;

	*ret = (struct mig_plan_measure){ .largest = -1, .largest_best = -1 };
	if (i == PLAN_NONE)
		return;
	row = &table->row[i];
	best = &table->grouped[table->set[row->set].best];
	PLAN_EACH(slot, now)
	slices += table->slot[slot].slices;
	PLAN_EACH(slot, row->free)
	covered |= table->units_of[slot];
	ret->units = table->units;
	ret->units_free = table->units - plan_count(row->units);
	ret->slices = table->slices;
	ret->slices_free = slices < table->slices ? table->slices - slices : 0;
	ret->free_mask = all_units(table) & ~row->units;
	ret->dead_mask = ret->free_mask & ~covered;
	ret->largest = plan_largest(table, row->free);
	ret->room = row->room;
	ret->room_best = best->room;
	ret->best = best->room > row->room ? best->slots : now;
	ret->largest_best = table->set[row->set].largest;
}

static int by_value(const void *a, const void *b)
{
	uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;

	return p < q ? -1 : p > q;
}

/* Distinct sets of occupied units; counted once, when the table is made. */
int plan_count_masks(struct mig_plan_table *t)
{
	uint64_t *masks = malloc(t->n_rows * sizeof(*masks));

	if (!masks)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_rows; i++)
		masks[i] = t->row[i].units;
	qsort(masks, t->n_rows, sizeof(*masks), by_value);
	t->n_masks = 1;
	for (size_t i = 1; i < t->n_rows; i++)
		t->n_masks += masks[i] != masks[i - 1];
	free(masks);
	return 0;
}

void mig_plan_totals(const struct mig_plan_table *table, struct mig_plan_totals *ret)
{
	*ret = (struct mig_plan_totals){
		.layouts = (unsigned)table->n_rows - 1,
		.masks = table->n_masks,
		.multisets = table->n_sets - 1,
	};
	for (size_t i = 0; i < table->n_rows; i++)
		ret->maximal += table->row[i].slots && !table->row[i].free;
	for (unsigned i = 0; i < table->n_sets; i++) {
		ret->multisets_maximal += i && table->set[i].maximal;
		ret->multisets_uncovered += i && table->set[i].uncovered;
	}
}

bool mig_plan_multiset(const struct mig_plan_table *table, unsigned i, struct mig_counts *ret)
{
	if (i >= table->n_sets)
		return false;
	*ret = table->set[i].counts;
	return true;
}
