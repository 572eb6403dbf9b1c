/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "plan/table.h"

/*
 * All layouts of a table, found once, and what every question asks of them: what is free beside
 * each, how many layouts contain it, where the driver would put the next instance. Rows are looked
 * up by their slots in a table of hashes that is at most half full.
 */

static unsigned hash_of(uint64_t key, unsigned bits)
{
	return (unsigned)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

static unsigned bits_for(size_t n)
{
	unsigned bits = 4;

	while ((size_t)1 << bits < 2 * n)
		bits++;
	return bits;
}

uint32_t plan_find(const struct mig_plan_table *t, mig_slots slots)
{
	unsigned mask = (1u << t->row_bits) - 1;

	for (unsigned h = hash_of(slots, t->row_bits);; h = (h + 1) & mask) {
		uint32_t row = t->row_hash[h];

		if (row == PLAN_NONE || t->row[row].slots == slots)
			return row;
	}
}

/* Sums of fixed odd numbers, so that a layout's key is the sum of its slots'. */
uint64_t plan_counts_key(const struct mig_plan_table *t, const struct mig_counts *counts)
{
	uint64_t key = 0, weight = UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned i = 0; i < t->n_profiles; i++) {
		key += counts->n[i] * weight;
		weight = weight * UINT64_C(0xd1342543de82ef95) + 2;
	}
	return key;
}

uint32_t plan_find_set(const struct mig_plan_table *t, const struct mig_counts *counts)
{
	uint64_t key = plan_counts_key(t, counts);
	unsigned mask = (1u << t->set_bits) - 1;

	for (unsigned h = hash_of(key, t->set_bits);; h = (h + 1) & mask) {
		uint32_t set = t->set_hash[h];

		if (set == PLAN_NONE)
			return set;
		if (t->set[set].key == key && !memcmp(&t->set[set].counts, counts, sizeof(*counts)))
			return set;
	}
}

struct search {
	struct mig_plan_table *t;
	uint8_t order[MIG_MAX_GI_PROFILES]; /* positions, larger profiles first */
	unsigned n_order;
	struct mig_counts counts;
	unsigned n, slices;
	size_t cap;
};

static int keep(struct search *s, mig_slots slots, uint64_t units)
{
	struct mig_plan_table *t = s->t;

	if (t->n_rows == PLAN_MAX_LAYOUTS)
		return -E2BIG;
	if (t->n_rows == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		struct plan_row *more = realloc(t->row, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->row = more;
		s->cap = cap;
	}
	t->row[t->n_rows++] = (struct plan_row){ .slots = slots, .units = units };
	return 0;
}

static int visit(struct search *s, unsigned unit, mig_slots slots, mig_slots out, uint64_t units);

/* One more instance, and everything that can stand behind it. */
static int visit_with(struct search *s, unsigned slot, mig_slots slots, mig_slots out,
		      uint64_t units)
{
	const struct mig_plan_table *t = s->t;
	const struct mig_slot *p = &t->slot[slot];
	int r;

	if ((out & plan_bit(slot)) || s->counts.n[p->profile] >= t->total[p->profile] ||
	    s->n == t->max_instances || s->slices + p->slices > t->max_slices)
		return 0;
	s->n++;
	s->counts.n[p->profile]++;
	s->slices += p->slices;
	r = visit(s, p->start + (unsigned)p->size, slots | plan_bit(slot), out | t->excludes[slot],
		  units | t->units_of[slot]);
	s->n--;
	s->counts.n[p->profile]--;
	s->slices -= p->slices;
	return r;
}

/*
 * Everything that can stand from this unit on: each instance that starts here, then none. That
 * order is the one of NVIDIA's figure (the larger instance at the lower start first), so the 19
 * maximal layouts of an A100 come as its rows do.
 */
static int visit(struct search *s, unsigned unit, mig_slots slots, mig_slots out, uint64_t units)
{
	int r = 0;

	if (unit >= s->t->units)
		return slots ? keep(s, slots, units) : 0;
	for (unsigned i = 0; i < s->n_order && r >= 0; i++) {
		int slot = s->t->at[s->order[i]][unit];

		if (slot >= 0)
			r = visit_with(s, (unsigned)slot, slots, out, units);
	}
	return r < 0 ? r : visit(s, unit + 1, slots, out, units);
}

static bool larger(const struct mig_plan_table *t, unsigned a, unsigned b)
{
	if (t->slices_of[a] != t->slices_of[b])
		return t->slices_of[a] > t->slices_of[b];
	return t->size_of[a] > t->size_of[b];
}

/* Insertion keeps equal ones in the order of -lgip. */
static void sort_profiles(struct search *s)
{
	unsigned k;

	for (unsigned i = 0; i < s->t->n_profiles; i++) {
		if (!s->t->of_profile[i])
			continue;
		for (k = s->n_order; k > 0; k--) {
			if (!larger(s->t, i, s->order[k - 1]))
				break;
			s->order[k] = s->order[k - 1];
		}
		s->order[k] = (uint8_t)i;
		s->n_order++;
	}
}

static int hash_rows(struct mig_plan_table *t)
{
	unsigned mask;

	t->row_bits = bits_for(t->n_rows);
	mask = (1u << t->row_bits) - 1;
	t->row_hash = malloc(sizeof(*t->row_hash) << t->row_bits);
	if (!t->row_hash)
		return -ENOMEM;
	memset(t->row_hash, 0xff, sizeof(*t->row_hash) << t->row_bits);
	for (uint32_t i = 0; i < t->n_rows; i++) {
		unsigned h = hash_of(t->row[i].slots, t->row_bits);

		while (t->row_hash[h] != PLAN_NONE)
			h = (h + 1) & mask;
		t->row_hash[h] = i;
	}
	return 0;
}

/* What is left when a layout is taken away from all that can be added; limits of number too. */
static mig_slots free_beside(const struct mig_plan_table *t, mig_slots slots)
{
	mig_slots out = 0, can = 0;
	unsigned slot;

	PLAN_EACH(slot, slots)
	out |= t->excludes[slot];
	for (unsigned i = 0; i < t->n_slots; i++)
		if (!(out & plan_bit(i)) && plan_find(t, slots | plan_bit(i)) != PLAN_NONE)
			can |= plan_bit(i);
	return can;
}

/* Each layout counts for each of its parts: the parts of a layout are layouts. */
static void count_room(struct mig_plan_table *t)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		mig_slots whole = t->row[i].slots, part = whole;

		for (;; part = (part - 1) & whole) {
			t->row[plan_find(t, part)].room++;
			if (!part)
				break;
		}
	}
}

int plan_make_rows(struct mig_plan_table *t)
{
	struct search s = { .t = t };
	int r;

	sort_profiles(&s);
	r = keep(&s, 0, 0);
	if (r >= 0)
		r = visit(&s, 0, 0, 0, 0);
	if (r >= 0)
		r = hash_rows(t);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t->n_rows; i++)
		t->row[i].free = free_beside(t, t->row[i].slots);
	count_room(t);
	return 0;
}

/* The set of a row's profiles; a new one where it is the first. */
static void put_in_set(struct mig_plan_table *t, struct plan_row *row)
{
	struct mig_counts counts = mig_plan_counts(t, row->slots);
	uint32_t set = plan_find_set(t, &counts);
	unsigned h, mask = (1u << t->set_bits) - 1;

	if (set == PLAN_NONE) {
		set = t->n_sets++;
		t->set[set] =
			(struct plan_set){ .counts = counts, .key = plan_counts_key(t, &counts) };
		t->set[set].sum = plan_sum(t, &counts, &t->set[set].units, &t->set[set].slices);
		for (h = hash_of(t->set[set].key, t->set_bits); t->set_hash[h] != PLAN_NONE;)
			h = (h + 1) & mask;
		t->set_hash[h] = set;
	}
	t->set[set].n++;
	t->set[set].maximal |= !row->free;
	row->set = set;
}

static int by_slots(const void *a, const void *b)
{
	const struct plan_member *p = a, *q = b;

	return p->slots == q->slots ? 0 : plan_before(p->slots, q->slots) ? -1 : 1;
}

/* A multiset in another one is also in one that has just one instance more. */
static bool is_uncovered(const struct mig_plan_table *t, const struct plan_set *set)
{
	struct mig_counts more = set->counts;

	for (unsigned i = 0; i < t->n_profiles; i++) {
		more.n[i]++;
		if (plan_find_set(t, &more) != PLAN_NONE)
			return false;
		more.n[i]--;
	}
	return true;
}

static void group_rows(struct mig_plan_table *t)
{
	uint32_t next = 0;

	for (unsigned i = 0; i < t->n_sets; i++) {
		t->set[i].first = next;
		next += t->set[i].n;
		t->set[i].n = 0;
	}
	for (uint32_t i = 0; i < t->n_rows; i++) {
		struct plan_set *set = &t->set[t->row[i].set];

		t->grouped[set->first + set->n++] = (struct plan_member){ .slots = t->row[i].slots,
									  .room = t->row[i].room,
									  .row = i };
	}
	for (unsigned i = 0; i < t->n_sets; i++) {
		struct plan_set *set = &t->set[i];

		mig_slots can = 0;

		qsort(&t->grouped[set->first], set->n, sizeof(*t->grouped), by_slots);
		set->best = set->first;
		for (uint32_t k = set->first; k < set->first + set->n; k++) {
			can |= t->row[t->grouped[k].row].free;
			if (t->grouped[k].room > t->grouped[set->best].room)
				set->best = k;
		}
		set->largest = (int16_t)plan_largest(t, can);
		set->uncovered = is_uncovered(t, set);
	}
}

/* Fewer instances come later: who looks for what is nearest may stop where it gets too few. */
static void sort_sets(struct mig_plan_table *t)
{
	uint32_t n = 0;

	for (unsigned sum = MIG_MAX_GI + 1; sum-- > 0;) {
		t->sum_first[sum] = n;
		for (uint32_t i = 0; i < t->n_sets; i++)
			if (t->set[i].sum == sum)
				t->by_sum[n++] = i;
	}
}

int plan_make_sets(struct mig_plan_table *t)
{
	t->set_bits = bits_for(t->n_rows);
	t->set = calloc(t->n_rows, sizeof(*t->set));
	t->set_hash = malloc(sizeof(*t->set_hash) << t->set_bits);
	t->grouped = calloc(t->n_rows, sizeof(*t->grouped));
	t->by_sum = calloc(t->n_rows, sizeof(*t->by_sum));
	if (!t->set || !t->set_hash || !t->grouped || !t->by_sum)
		return -ENOMEM;
	memset(t->set_hash, 0xff, sizeof(*t->set_hash) << t->set_bits);
	for (size_t i = 0; i < t->n_rows; i++)
		put_in_set(t, &t->row[i]);
	group_rows(t);
	sort_sets(t);
	return 0;
}
