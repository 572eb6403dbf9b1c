/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/gpu.h"

#include <stdio.h>
#include <string.h>

/*
 * A CI's id is NVML's CI profile index, which names its slices (NVML_COMPUTE_INSTANCE_PROFILE_*).
 */
static const struct {
	uint8_t slices, id;
} kinds[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 3 }, { 7, 4 } };
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Multiprocessors of so many slices: those of the plain GI profile of that many. */
static unsigned sm_of(const struct mig_board *board, unsigned slices)
{
	for (unsigned i = 0; i < board->n_gi; i++)
		if (board->gi[i].slices == slices && board->gi[i].media == MIG_MEDIA_PLAIN)
			return board->gi[i].sm;
	return 0;
}

static void name_it(const char *of, struct mig_ci_profile *ci)
{
	/* A CI bears no "+me": the 1g.10gb+me instance holds a 1g.10gb (outputs of A30, H100). */
	char plain[MIG_PROFILE_NAME];

	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(of, "+-"), of);
	if (ci->is_default)
		memcpy(ci->name, plain, sizeof(ci->name));
	else
		snprintf(ci->name, sizeof(ci->name), "%uc.%.18s", ci->slices, plain);
}

static void add(const struct mig_board *board, struct mig_gi_profile *gi, unsigned slices,
		unsigned id, bool is_default)
{
	/* From Hopper on spans are aligned: 0:4 for a 3c on an H100, 0:3 on an A100 (outputs). */
	bool aligned = !board->mode_needs_reset && board->units == 8;
	struct mig_ci_profile *ci = &gi->ci[gi->n_ci];
	unsigned span = slices, total = 0;

	while (total < MIG_MAX_CI && (total + 1) * slices <= gi->slices)
		total++;
	if (aligned && slices == 3)
		span = 4;
	if (aligned && slices == 7)
		span = 8;
	*ci = (struct mig_ci_profile){
		.id = (uint8_t)id,
		.slices = (uint8_t)slices,
		.total = (uint8_t)total,
		.span = (uint8_t)span,
		.sm = (uint16_t)(is_default ? gi->sm : sm_of(board, slices)),
		.is_default = is_default,
		.unconfirmed = MIG_UNCONFIRMED_SM | MIG_UNCONFIRMED_PLACEMENT |
			       MIG_UNCONFIRMED_TOTAL | MIG_UNCONFIRMED_ID,
	};
	name_it(gi->name, ci);
	gi->n_ci++;
}

void observe_ci_by_family(const struct mig_board *board, struct mig_gi_profile *gi)
{
	gi->n_ci = 0;
	memset(gi->ci, 0, sizeof(gi->ci));
	/*
	 * From Hopper on, where a slice with twice the memory has more multiprocessors than the
	 * plain one, the CI that fills it has an id of its own, 7 (1_SLICE_REV1), and the plain CI
	 * can be had beside; where it has no more, the plain CI fills it (H100 PCIe: data/boards).
	 */
	if (gi->slices == 1 && board->cc_major >= 9 && board->units == 8 &&
	    gi->size * 8u > board->units) {
		bool more = gi->sm > sm_of(board, 1);

		if (more)
			add(board, gi, 1, 0, false);
		add(board, gi, 1, more ? 7 : 0, true);
		return;
	}
	for (unsigned i = 0; i < N_KINDS && kinds[i].slices <= gi->slices; i++) {
		/* No output shows a 3c in a 4g. */
		if (kinds[i].slices == 3 && gi->slices == 4)
			continue;
		add(board, gi, kinds[i].slices, kinds[i].id, kinds[i].slices == gi->slices);
	}
}
