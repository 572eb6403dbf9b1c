/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lab/lab.h"
#include "lab/rules.h"

/*
 * Compute instances inside one GPU instance. Two kinds of boards: up to Ampere a CI takes the
 * lowest free run of slices; from Hopper on it takes an aligned span, chosen so that the most spans
 * stay usable (the allocator of NVIDIA's open kernel modules; unconfirmed by output, so a switch).
 */

static bool aligned_spans(const struct mig_board *board)
{
	return !board->mode_needs_reset && board->units == 8;
}

/* One of a damaged file, at which the checks look as well, leaves nothing free. */
static uint32_t run_mask(unsigned start, unsigned size)
{
	if (start > 31 || size > 31)
		return UINT32_MAX;
	return ((1u << size) - 1) << start;
}

int lab_ci_profile_by_id(const struct mig_gi_profile *gp, unsigned ci_profile_id)
{
	for (unsigned i = 0; i < gp->n_ci; i++)
		if (gp->ci[i].id == ci_profile_id)
			return (int)i;
	return -1;
}

unsigned lab_ci_span(const struct mig_board *board, const uint8_t *rule,
		     const struct mig_gi_profile *gp, unsigned ci_profile)
{
	const struct mig_ci_profile *cp = &gp->ci[ci_profile];

	if (aligned_spans(board) && cp->slices == 7)
		return rule[LAB_RULE_CI_SPAN_7G] == 1 ? 7 : 8;
	return cp->span;
}

/* Units that the spans of a GI are laid on: its memory slices where spans are aligned. */
static unsigned width(const struct mig_board *board, const struct mig_gi_profile *gp)
{
	if (!aligned_spans(board))
		return gp->slices;
	return gp->size > gp->slices ? gp->size : gp->slices;
}

unsigned lab_ci_starts(const struct mig_board *board, const uint8_t *rule,
		       const struct mig_gi_profile *gp, unsigned ci_profile,
		       uint8_t ret[MIG_MAX_STARTS])
{
	unsigned span = lab_ci_span(board, rule, gp, ci_profile);
	unsigned step = aligned_spans(board) ? span : 1;
	unsigned n = 0;

	for (unsigned s = 0; s + span <= width(board, gp) && n < MIG_MAX_STARTS; s += step) {
		/* The last unit of a 3g or 7g has memory but no compute behind it. */
		if (s + gp->ci[ci_profile].slices > gp->slices)
			break;
		ret[n++] = (uint8_t)s;
	}
	return n;
}

static uint32_t taken(const struct lab_gi *gi, const struct mig_gi_profile *gp,
		      unsigned *ret_slices)
{
	uint32_t mask = 0;

	*ret_slices = 0;
	for (unsigned c = 0; c < MIG_MAX_CI; c++) {
		if (!gi->ci[c].used)
			continue;
		mask |= run_mask(gi->ci[c].start, gi->ci[c].size);
		*ret_slices += gp->ci[gi->ci[c].profile].slices;
	}
	return mask;
}

unsigned lab_ci_remaining(const struct mig_board *board, const uint8_t *rule,
			  const struct lab_gi *gi, unsigned ci_profile)
{
	const struct mig_gi_profile *gp = &board->gi[gi->profile];
	const struct mig_ci_profile *cp = &gp->ci[ci_profile];
	unsigned span = lab_ci_span(board, rule, gp, ci_profile);
	uint8_t starts[MIG_MAX_STARTS];
	unsigned n_starts = lab_ci_starts(board, rule, gp, ci_profile, starts);
	unsigned slices, n = 0;
	uint32_t busy = taken(gi, gp, &slices);

	for (unsigned i = 0; i < n_starts; i++) {
		if (busy & run_mask(starts[i], span))
			continue;
		if (slices + cp->slices > gp->slices)
			break;
		busy |= run_mask(starts[i], span);
		slices += cp->slices;
		n++;
	}
	return n;
}

/* How many (CI profile, start) pairs of the GI stay free. */
static unsigned free_pairs(const struct mig_board *board, const uint8_t *rule,
			   const struct mig_gi_profile *gp, uint32_t busy)
{
	uint8_t starts[MIG_MAX_STARTS];
	unsigned n = 0;

	for (unsigned p = 0; p < gp->n_ci; p++) {
		unsigned span = lab_ci_span(board, rule, gp, p);
		unsigned n_starts = lab_ci_starts(board, rule, gp, p, starts);

		for (unsigned i = 0; i < n_starts; i++)
			n += !(busy & run_mask(starts[i], span));
	}
	return n;
}

int lab_ci_default_start(const struct mig_board *board, const uint8_t *rule,
			 const struct lab_gi *gi, unsigned ci_profile)
{
	const struct mig_gi_profile *gp = &board->gi[gi->profile];
	const bool lowest = !aligned_spans(board) || rule[LAB_RULE_CI_PLACEMENT] == 1;
	unsigned span = lab_ci_span(board, rule, gp, ci_profile);
	uint8_t starts[MIG_MAX_STARTS];
	unsigned n_starts = lab_ci_starts(board, rule, gp, ci_profile, starts);
	unsigned slices, best_room = 0;
	uint32_t busy = taken(gi, gp, &slices);
	int best = -1;

	if (slices + gp->ci[ci_profile].slices > gp->slices)
		return -1;
	for (unsigned i = 0; i < n_starts; i++) {
		uint32_t mask = run_mask(starts[i], span);
		unsigned room;

		if (busy & mask)
			continue;
		if (lowest)
			return starts[i];
		room = free_pairs(board, rule, gp, busy | mask);
		if (best >= 0 && room <= best_room)
			continue;
		best = starts[i];
		best_room = room;
	}
	return best;
}
