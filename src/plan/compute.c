/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/table.h"

/*
 * Where compute instances may stand in a GPU instance that is not there yet. A driver lists it for
 * instances that exist; for the others the family's rule has to do.
 */

/*
 * From Hopper on spans are whole multiples of their size ("CTS ids" of NVIDIA's open kernel
 * modules: a full, halves, quarters, eighths), where the GPU is cut into eighths; elsewhere any run
 * of slices will do.
 */
static bool whole_multiples(const struct mig_board *board)
{
	return !board->mode_needs_reset && board->units == 8;
}

unsigned mig_ci_slots_by_family(const struct mig_board *board, unsigned gi_profile,
				struct mig_slot ret[MIG_PLAN_MAX_SLOTS])
{
	const struct mig_gi_profile *gi;
	unsigned n = 0, width, step, span;

	if (gi_profile >= board->n_gi)
		return 0;
	gi = &board->gi[gi_profile];
	width = gi->slices;
	if (whole_multiples(board) && gi->size > width)
		width = gi->size;
	for (unsigned p = 0; p < gi->n_ci && p < MIG_MAX_CI_PROFILES; p++) {
		span = gi->ci[p].span;
		step = whole_multiples(board) ? span : 1;
		if (!span)
			continue;
		/*
		 * The last eighth of a 3g or a 7g has memory and no compute behind it: a 2c in a 3g
		 * fits at 0 and not at 2 (total 1 in -lcip).
		 */
		for (unsigned start = 0;
		     start + span <= width && start + gi->ci[p].slices <= gi->slices;
		     start += step) {
			if (n == MIG_PLAN_MAX_SLOTS)
				return n;
			ret[n++] = (struct mig_slot){ .profile = (uint8_t)p,
						      .start = (uint8_t)start,
						      .size = (uint8_t)span,
						      .slices = gi->ci[p].slices };
		}
	}
	return n;
}
