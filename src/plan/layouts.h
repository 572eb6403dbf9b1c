/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_PLAN_LAYOUTS_H
#define MIGKIT_PLAN_LAYOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/board.h>
#include <migkit/error.h>

/* Layouts: sets of GPU instances that one board can hold at the same time. Pure. */

struct plan_slot {
	uint8_t profile; /* position in board->gi[] */
	uint8_t start;	 /* logical */
};

struct plan_layout {
	uint8_t n;
	struct plan_slot slot[MIG_MAX_GI]; /* ascending start */
};

/* A set of profiles: bit n is board->gi[n]. */
typedef uint32_t plan_profiles;

plan_profiles plan_profiles_all(const struct mig_board *board);
/*
 * The profiles of NVIDIA's well-known figure, 1g 2g 3g 4g 7g: without media variants, and of each
 * number of slices only the one with the least memory (no double-memory 1g).
 */
plan_profiles plan_profiles_plain(const struct mig_board *board);

/* Whether an instance of that profile (position) may stand at that start beside the layout's. */
bool plan_fits(const struct mig_board *board, const struct plan_layout *layout, unsigned profile,
	       unsigned start);

/* Whether no instance of any of the profiles fits beside the layout's. */
bool plan_is_maximal(const struct mig_board *board, plan_profiles profiles,
		     const struct plan_layout *layout);

/*
 * All non-empty layouts of these profiles, or only those to which none of them can be added. The
 * caller frees *ret. Order: the larger instance at the lower start first, an instance before a gap;
 * for the 19 maximal layouts of an A100 that is the order of NVIDIA's figure.
 */
int plan_layouts(const struct mig_board *board, plan_profiles profiles, bool only_maximal,
		 struct plan_layout **ret, size_t *ret_n, struct mig_error *reterr);

#endif
