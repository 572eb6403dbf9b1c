/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_PLAN_TABLE_H
#define MIGKIT_PLAN_TABLE_H

#include <migkit/plan.h>

/*
 * What a table is made of; for src/plan alone. Slots are numbered by start, then by the order of
 * -lgip, so that of two layouts the one "whose slots come first" is the one that owns the lowest
 * bit in which they differ.
 */

/*
 * Above this many layouts a table is refused. The most that a known board has is 2319; a board file
 * or a recording from elsewhere must not make us count to billions.
 */
#define PLAN_MAX_LAYOUTS 65536

#define PLAN_NONE UINT32_MAX

struct plan_row {
	mig_slots slots;
	mig_slots free; /* what can be added */
	uint64_t units; /* occupied */
	uint32_t room;	/* layouts that contain this one */
	uint32_t set;	/* its multiset */
};

/* A multiset of profiles and the layouts that have it. */
struct plan_set {
	struct mig_counts counts;
	uint64_t key;
	unsigned sum, units, slices; /* of its instances */
	uint32_t first, n;	     /* in .grouped */
	uint32_t best;		     /* in .grouped: most room, then whose slots come first */
	int16_t largest; /* profile that the kindest of its layouts has room for, -1 none */
	bool maximal;	 /* nothing can be added to one of its layouts */
	bool uncovered;	 /* contained in no other multiset */
};

/* A layout among those of its multiset, the one whose slots come first first. */
struct plan_member {
	mig_slots slots;
	uint32_t room;
	uint32_t row;
};

/* How the driver chooses a start: doc/unconfirmed.md, default-placement. */
enum plan_choice {
	PLAN_CHOICE_MOST_ROOM = 0,
	PLAN_CHOICE_LOWEST,
	PLAN_CHOICE_MIDDLE_FIRST,
};

struct mig_plan_table {
	char what[MIG_PROFILE_NAME + 16]; /* of what: a board's key, a GI profile's name */
	unsigned n_slots, n_profiles;
	unsigned units, slices;
	unsigned max_slices; /* sum that instances may have together */
	unsigned max_instances;
	struct mig_slot slot[MIG_PLAN_MAX_SLOTS];
	uint64_t units_of[MIG_PLAN_MAX_SLOTS];
	mig_slots overlaps[MIG_PLAN_MAX_SLOTS]; /* itself included */
	mig_slots excludes[MIG_PLAN_MAX_SLOTS]; /* .overlaps, and by rule */
	/* Of all pairs (profile, start) that the board has, those that a slot overlaps. */
	uint64_t covers[MIG_PLAN_MAX_SLOTS];
	uint64_t pairs;
	mig_slots of_profile[MIG_MAX_GI_PROFILES];
	mig_profiles rivals[MIG_MAX_GI_PROFILES]; /* excluded by rule wherever they stand */
	uint8_t total[MIG_MAX_GI_PROFILES];
	uint8_t slices_of[MIG_MAX_GI_PROFILES], size_of[MIG_MAX_GI_PROFILES];
	uint8_t choice[MIG_MAX_GI_PROFILES]; /* enum plan_choice */
	char name[MIG_MAX_GI_PROFILES][MIG_PROFILE_NAME];
	int16_t at[MIG_MAX_GI_PROFILES][64]; /* slot of (profile, start), -1 none */

	size_t n_rows;
	struct plan_row *row;
	unsigned n_masks; /* distinct .units */
	uint32_t *row_hash;
	unsigned row_bits;
	unsigned n_sets;
	struct plan_set *set;
	uint32_t *set_hash;
	unsigned set_bits;
	uint32_t *by_sum;		    /* multisets, most instances first */
	uint32_t sum_first[MIG_MAX_GI + 1]; /* where those of n instances begin */
	struct plan_member *grouped;
	/* For each row and profile: how many more fit, and the slot that the driver would choose.
	 */
	uint8_t *remaining;
	int16_t *chosen;
};

/* Row of a layout, PLAN_NONE: it is none. */
uint32_t plan_find(const struct mig_plan_table *t, mig_slots slots);
/* Number of a multiset, PLAN_NONE: no layout has it. */
uint32_t plan_find_set(const struct mig_plan_table *t, const struct mig_counts *counts);
uint64_t plan_counts_key(const struct mig_plan_table *t, const struct mig_counts *counts);

/* Layouts and all that is worked out of them, once slots and rules stand (rows.c). */
int plan_make_rows(struct mig_plan_table *t);
int plan_make_sets(struct mig_plan_table *t);
int plan_make_choices(struct mig_plan_table *t);
int plan_count_masks(struct mig_plan_table *t);

/* Lowest slot of a set that is not empty; how many it has. */
static inline unsigned plan_lowest(mig_slots slots)
{
	return (unsigned)__builtin_ctzll(slots);
}

static inline mig_slots plan_bit(unsigned slot)
{
	return (mig_slots)1 << slot;
}

/* Portable x86-64 has no instruction for it, and the compiler's call costs more than this. */
static inline unsigned plan_count(mig_slots s)
{
	s -= s >> 1 & UINT64_C(0x5555555555555555);
	s = (s & UINT64_C(0x3333333333333333)) + (s >> 2 & UINT64_C(0x3333333333333333));
	s = (s + (s >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(s * UINT64_C(0x0101010101010101) >> 56);
}

/* Whether the slots of a come before those of b. */
static inline bool plan_before(mig_slots a, mig_slots b)
{
	mig_slots differ = a ^ b;

	return (differ & -differ & a) != 0;
}

#define PLAN_EACH(slot, set)                                           \
	for (mig_slots left_##slot = (set);                            \
	     left_##slot && ((slot) = plan_lowest(left_##slot), true); \
	     left_##slot &= left_##slot - 1)

/* Least counts of a target: the goal's, or those of the slots that it must have. */
struct mig_counts plan_wanted(const struct mig_plan_table *t, const struct mig_plan_goal *goal,
			      mig_slots must);
/* Largest profile of these slots, -1: there are none. */
int plan_largest(const struct mig_plan_table *t, mig_slots slots);
/* Compute instances in these slots. */
unsigned plan_cis_in(const struct mig_plan_state *state, mig_slots slots);
/* -EINVAL unless state and goal (may be NULL) are of this table. */
int plan_check(const struct mig_plan_table *t, const struct mig_plan_state *state,
	       const struct mig_plan_goal *goal, struct mig_error *reterr);
/* How many instances these are, with the units and compute slices that they take. */
unsigned plan_sum(const struct mig_plan_table *t, const struct mig_counts *counts,
		  unsigned *ret_units, unsigned *ret_slices);

#endif
