/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_PLAN_H
#define MIGKIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/api.h>
#include <migkit/board.h>
#include <migkit/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The planner: exact answers about what one GPU, or one GPU instance, can hold. Pure: no I/O, no
 * clock, no globals. It reads profiles and placements as a board's value has them (from its file or
 * from NVML), and knows no board.
 *
 * A slot is one place of one profile: a pair (profile, start). Slots are numbered by start, then by
 * the order of -lgip. A layout is a set of slots that can exist together. A table holds all layouts
 * of a board; it is made once, and every question is answered from it.
 *
 * "The layout whose slots come first" is, of two, the one that has the lowest slot in which they
 * differ.
 */

#define MIG_PLAN_MAX_SLOTS 64 /**< most seen: 30, RTX PRO 6000 */

/** A set of slots: bit n is slot n of the table. */
typedef uint64_t mig_slots;

/** A set of profiles: bit n is board->gi[n] (or, inside a GPU instance, its ci[n]). */
typedef uint32_t mig_profiles;

struct mig_slot {
	uint8_t profile; /**< position in board->gi[], or in the GI profile's ci[] */
	uint8_t start;	 /**< logical start, in placement units */
	uint8_t size;	 /**< in placement units */
	uint8_t slices;	 /**< compute slices */
};

/** Tables of one board and a set of its profiles, or of one GI profile. Opaque; read-only. */
struct mig_plan_table;

/** All profiles of a board. */
MIG_API mig_profiles mig_profiles_all(const struct mig_board *board);

/**
 * The profiles of NVIDIA's well-known figure, 1g 2g 3g 4g 7g: without media variants, and of each
 * number of slices only the one with the least memory.
 */
MIG_API mig_profiles mig_profiles_plain(const struct mig_board *board);

/**
 * Makes the tables of GPU instances on an empty board.
 *
 * @param board     copied as far as needed; may go afterwards
 * @param profiles  those that count; others are as if the board had none
 * @param ret       freed by mig_plan_table_free
 * Return: 0; -EINVAL: placements that contradict themselves or too many slots; -ENOMEM.
 */
MIG_API int mig_plan_table_new(const struct mig_board *board, mig_profiles profiles,
			       struct mig_plan_table **ret, struct mig_error *reterr);

/**
 * The same for the compute instances inside one GPU instance.
 *
 * @param slots, n  where each CI profile may start, as NVML lists it
 *                  (nvmlGpuInstanceGetComputeInstancePossiblePlacements), or as
 *                  mig_ci_slots_by_family() derives it. Placement units are those up to the
 *                  end of the last span; the compute slices are the GI's, and together compute
 *                  instances never have more
 */
MIG_API int mig_plan_table_new_ci(const struct mig_gi_profile *gi, const struct mig_slot *slots,
				  unsigned n, struct mig_plan_table **ret,
				  struct mig_error *reterr);

/**
 * Places of compute instances in a GI of that profile by the rule of the chip's family, for a board
 * without such an instance, of which NVML says nothing. Boards of 8 units from Hopper on: whole
 * multiples of the span. Others: anywhere. In both a compute instance does not reach beyond the
 * compute slices of its GI. Unconfirmed by hardware output.
 *
 * Return: how many were written.
 */
MIG_API unsigned mig_ci_slots_by_family(const struct mig_board *board, unsigned gi_profile,
					struct mig_slot ret[MIG_PLAN_MAX_SLOTS]);

MIG_API void mig_plan_table_free(struct mig_plan_table *table);

/** @name The table itself @{ */
MIG_API unsigned mig_plan_n_slots(const struct mig_plan_table *table);
MIG_API const struct mig_slot *mig_plan_slot(const struct mig_plan_table *table, unsigned slot);
/** Number of the slot, or -1: the profile does not start there. */
MIG_API int mig_plan_slot_at(const struct mig_plan_table *table, unsigned profile, unsigned start);
/**
 * All layouts: the empty one, then the larger instance at the lower start first and an instance
 * before a gap, which is the order of NVIDIA's figure.
 */
MIG_API size_t mig_plan_n_layouts(const struct mig_plan_table *table);
MIG_API mig_slots mig_plan_layout(const struct mig_plan_table *table, size_t i);
/** Whether a set of slots is a layout. */
MIG_API bool mig_plan_is_layout(const struct mig_plan_table *table, mig_slots slots);
/** Slots that exclude this one, itself included: overlap, or rules such as "one +me". */
MIG_API mig_slots mig_plan_excludes(const struct mig_plan_table *table, unsigned slot);
/** Slots that can still be created beside a layout. */
MIG_API mig_slots mig_plan_free(const struct mig_plan_table *table, mig_slots now);
/** Layouts that contain this one, itself included: all that creating alone can lead to. */
MIG_API unsigned mig_plan_room(const struct mig_plan_table *table, mig_slots now);
/** @} */

/** How many instances of each profile; by position. */
struct mig_counts {
	uint8_t n[MIG_MAX_GI_PROFILES];
};

MIG_API struct mig_counts mig_plan_counts(const struct mig_plan_table *table, mig_slots slots);

/** How many layouts there are, and how many multisets of profiles. */
struct mig_plan_totals {
	unsigned layouts;	    /**< non-empty */
	unsigned maximal;	    /**< to which nothing can be added */
	unsigned masks;		    /**< distinct sets of occupied units, the empty one included */
	unsigned multisets;	    /**< non-empty */
	unsigned multisets_maximal; /**< of maximal layouts */
	unsigned multisets_uncovered; /**< not contained in another */
};
MIG_API void mig_plan_totals(const struct mig_plan_table *table, struct mig_plan_totals *ret);

/** The i-th multiset, in the order of their first layouts (0: the empty one); false past the end.
 */
MIG_API bool mig_plan_multiset(const struct mig_plan_table *table, unsigned i,
			       struct mig_counts *ret);

/** @name From one layout to another @{ */

/** What a GPU has now. */
struct mig_plan_state {
	mig_slots now;			  /**< a layout */
	mig_slots pinned;		  /**< of these: must stay (busy, or told to) */
	uint8_t n_ci[MIG_PLAN_MAX_SLOTS]; /**< compute instances in each slot of now */
};

/** What it shall have, whole: instances that are neither wanted nor pinned go. */
struct mig_plan_goal {
	struct mig_counts counts; /**< instances of each profile, those of .at among them */
	mig_slots at;		  /**< slots that must be taken */
};

struct mig_plan_change {
	mig_slots target; /**< the layout in the end */
	mig_slots keep, destroy, create;
	unsigned n_destroy;    /**< GPU instances */
	unsigned n_ci_destroy; /**< compute instances in them */
	unsigned room;	       /**< mig_plan_room of the target */
};

/**
 * The best ways from a state to a goal. The target holds every pinned slot and all of goal->at; of
 * each profile as many as the goal wants, or as are pinned or named in .at if these are more. Best
 * is: fewest GPU instances destroyed, then fewest compute instances, then most room, then the
 * target whose slots come first (lower start, then the order of -lgip).
 *
 * @param ret  at most cap, best first, distinct targets
 * Return: how many were written, at least 1; -ENOSPC: there is no such target; -EINVAL: now is no
 * layout, pinned is not in it.
 */
MIG_API int mig_plan_change(const struct mig_plan_table *table, const struct mig_plan_state *state,
			    const struct mig_plan_goal *goal, struct mig_plan_change *ret,
			    unsigned cap, struct mig_error *reterr);

/**
 * For a goal that pinned instances make impossible: the smallest set of them that must go (no
 * longer pinned; it may still be wanted), ties by fewest compute instances, then the set whose
 * slots come first. Empty: the goal can be reached as it is.
 *
 * Return: 0; -ENOSPC: not even an empty GPU holds the goal; -EINVAL as for mig_plan_change.
 */
MIG_API int mig_plan_must_go(const struct mig_plan_table *table, const struct mig_plan_state *state,
			     const struct mig_plan_goal *goal, mig_slots *ret);

/**
 * Why no layout holds the goal, not even on an empty GPU: the first of these that is so, of the
 * goal's counts (of each profile those of .at, if they are more).
 */
enum mig_plan_no {
	MIG_PLAN_NO_NONE = 0, /**< it fits */
	/** More of one profile than the board's total: .a, .wanted of .have; the first such. */
	MIG_PLAN_NO_TOTAL,
	MIG_PLAN_NO_UNITS,  /**< more placement units than there are: .wanted of .have */
	MIG_PLAN_NO_SLICES, /**< more compute slices than there are: .wanted of .have */
	/**
	 * Two profiles exclude each other by rule, wherever they stand: .a before .b, or twice the
	 * same (which may be had once); the first such .a, then .b.
	 */
	MIG_PLAN_NO_MEDIA,
	/** Slots of .at exclude each other: slots .a before .b; the first such .a, then .b. */
	MIG_PLAN_NO_STARTS,
	MIG_PLAN_NO_ARRANGEMENT, /**< every sum is right, and yet no arrangement of starts works */
};
struct mig_plan_reason {
	enum mig_plan_no no;
	unsigned a, b;	       /**< profiles, or slots */
	unsigned wanted, have; /**< units, slices or instances */
};
MIG_API void mig_plan_why_not(const struct mig_plan_table *table, const struct mig_plan_goal *goal,
			      struct mig_plan_reason *ret);

/**
 * Goals nearest to one that does not fit beside the pinned slots. With W the goal's counts (of each
 * profile those of .at and the pinned together, if they are more), the candidates are the multisets
 * C, not empty, that some layout with all pinned slots has, and that come from W by dropping
 * instances and by swapping them one for one: C has no more instances than W. Named starts are
 * given up; so W itself is one where only they were in the way.
 *
 * First those with fewest instances changed (of W, those that C lacks), then those that lose the
 * fewest memory units (sum of W less sum of C, 0 where C has more), then the fewest compute slices
 * (likewise), then by the order of -lgip: the one with more of the first profile in whose count
 * they differ.
 *
 * Return: how many were written, at most cap.
 */
MIG_API unsigned mig_plan_nearest(const struct mig_plan_table *table,
				  const struct mig_plan_state *state,
				  const struct mig_plan_goal *goal, struct mig_counts *ret,
				  unsigned cap);
/** @} */

/** @name Orders of creation @{ */

/**
 * Where the driver puts an instance when no start is given (-1: nothing fits): of the starts that
 * are free, the one that leaves the most pairs (profile, start) of the whole board which nothing
 * overlaps, ties to the lowest. Profiles that the table leaves out count among the pairs; rules
 * such as "one +me" don't.
 *
 * Two exceptions: the 1g profile of double memory (1 slice, 2 of 8 units) on Hopper and later goes
 * to the middle (4) first, then to the lowest; and inside a GPU instance one of whose spans starts
 * off a multiple of its size (all up to Ampere) the lowest free start is taken.
 *
 * doc/unconfirmed.md has what is known of it. A board whose driver decides otherwise makes the
 * answer wrong, so whatever relies on it says so.
 */
MIG_API int mig_plan_default_start(const struct mig_plan_table *table, mig_slots now,
				   unsigned profile);

struct mig_plan_order {
	uint8_t n;
	uint8_t profile[MIG_MAX_GI];
	uint8_t start[MIG_MAX_GI]; /**< where each ends up */
	mig_slots end;		   /**< the layout in the end */
	/**
	 * Distinct orders of the profiles that there are (ULONG_MAX: too many to count), and of
	 * these how many were followed or are known to fail by the part that was followed, the one
	 * found among them.
	 */
	unsigned long tried, orders;
	uint8_t most; /**< none found: how many instances the best order placed */
};

/**
 * An order in which the instances of counts can be created beside now without naming starts.
 *
 * @param end  0: any layout will do; otherwise it must end in exactly this one
 * Return: 0; -ENOSPC: proved that none exists, .tried and .orders then are equal, and .most says
 * how far one comes (in vain too where all are placed, but elsewhere than in end); -EINVAL: now is
 * no layout.
 */
MIG_API int mig_plan_order(const struct mig_plan_table *table, mig_slots now,
			   const struct mig_counts *counts, mig_slots end,
			   struct mig_plan_order *ret);
/** @} */

/** @name What can be created, and what is in the way @{ */

/** The most of a profile that fit beside a layout: what NVML calls remaining capacity. */
MIG_API unsigned mig_plan_remaining(const struct mig_plan_table *table, mig_slots now,
				    unsigned profile);

struct mig_plan_way {
	mig_slots destroy; /**< go */
	mig_slots again;   /**< where all of them are created again; 0: they are lost */
	unsigned slot;	   /**< where the wanted one then stands */
	unsigned n_ci_destroy;
};

/**
 * The smallest changes that make room for one more instance. Pinned instances are never touched.
 *
 * Of two kinds: those that lose nothing (each instance of .destroy comes back as one of the same
 * profile in .again, which shares no slot with .destroy; both may be empty, then it fits as it is),
 * then those that destroy (.again is empty, .destroy is not). Within a kind there is one way for
 * each .destroy, and none whose .destroy contains another's; so one that fits as it is stands
 * alone, without the second kind.
 *
 * Each kind sorts by fewest GPU instances destroyed, then fewest compute instances, then most room
 * of the layout in the end, then the layout whose slots come first, then the .destroy whose slots
 * come first, then the lowest .slot.
 *
 * @param start  -1: any
 * Return: how many were written, at most cap; 0: no way without a pinned instance, or now is no
 * layout.
 */
MIG_API unsigned mig_plan_ways(const struct mig_plan_table *table,
			       const struct mig_plan_state *state, unsigned profile, int start,
			       struct mig_plan_way *ret, unsigned cap);

/**
 * What is in the way at one start: the instances (slots of now) that exclude it; where the
 * profile's total is reached even without these, all of that profile too; and where it is neither,
 * but only a sum (compute slices of a GPU instance, eight instances), all that there are.
 */
MIG_API mig_slots mig_plan_blockers(const struct mig_plan_table *table, mig_slots now,
				    unsigned slot);
/** Of these, those that exclude it by rule only (one +me ..., a total, a sum), not by overlap. */
MIG_API mig_slots mig_plan_blockers_by_rule(const struct mig_plan_table *table, mig_slots now,
					    unsigned slot);
/** @} */

/** @name How full, how fragmented @{ */
struct mig_plan_measure {
	unsigned units, units_free;   /**< placement units */
	unsigned slices, slices_free; /**< compute slices */
	uint64_t free_mask;	      /**< bit n: unit n is free */
	uint64_t dead_mask;	      /**< free units that no slot which is free covers */
	/**
	 * Largest profile that can be created now (most units, then most compute slices, then the
	 * first of -lgip), -1: none; and the largest that any arrangement of the same instances
	 * has room for, which is not always that of most room.
	 */
	int largest, largest_best;
	unsigned room;	    /**< mig_plan_room now */
	unsigned room_best; /**< and of .best */
	/**
	 * The arrangement of the same instances with the most room; now itself if it is as good,
	 * else the one whose slots come first.
	 */
	mig_slots best;
};
/** All 0 and -1 if now is no layout. */
MIG_API void mig_plan_measure(const struct mig_plan_table *table, mig_slots now,
			      struct mig_plan_measure *ret);
/** @} */

/** @name By need @{ */
struct mig_need {
	uint64_t memory_mib; /**< 0: any */
	uint16_t sm;	     /**< multiprocessors; 0: any */
};

/**
 * The cheapest profiles that serve all needs: for each need an instance of its own, beside the
 * pinned slots, which serve none. A profile serves a need if it has that much memory and that many
 * multiprocessors. The goal is then the pinned instances and these.
 *
 * Cheapest is fewest placement units in sum, then fewest compute slices, then fewest media engines
 * (decoders, encoders, JPEG and OFA), then most room (of the layouts that have these and the pinned
 * slots, the one with the most), then by the order of -lgip: more of the first profile in whose
 * count they differ. Which need gets which of them: the first profile of -lgip for the first need,
 * as far as the rest can be served.
 *
 * @param board  that of the table
 * @param ret  per need the profile; by position
 * Return: 0; -ENOSPC: no layout serves them all; -EINVAL: now is no layout, more than 8 needs.
 */
MIG_API int mig_plan_needs(const struct mig_board *board, const struct mig_plan_table *table,
			   const struct mig_plan_state *state, const struct mig_need *needs,
			   unsigned n, uint8_t *ret, struct mig_error *reterr);
/** @} */

#ifdef __cplusplus
}
#endif

#endif
