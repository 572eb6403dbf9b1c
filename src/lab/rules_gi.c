/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/util.h"
#include "lab/lab.h"
#include "lab/rules.h"

/*
 * GPU instances: ids, what fits, where the driver would put one. Sources of each rule:
 * doc/architecture.md, "Where the rules come from". A placement is a mask over placement units.
 */

/* One of a damaged file, at which the checks look as well, leaves nothing free. */
static uint32_t span_mask(unsigned start, unsigned size)
{
	if (start > 31 || size > 31)
		return UINT32_MAX;
	return ((1u << size) - 1) << start;
}

static uint32_t occupied(const struct lab_gpu *gpu)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used)
			mask |= span_mask(gpu->gi[i].start, gpu->gi[i].size);
	return mask;
}

int lab_profile_by_id(const struct mig_board *board, unsigned profile_id)
{
	for (unsigned i = 0; i < board->n_gi; i++)
		if (board->gi[i].id == profile_id)
			return (int)i;
	return -1;
}

int lab_profile_by_index(const struct mig_board *board, unsigned index)
{
	for (unsigned i = 0; i < board->n_gi; i++)
		if (board->gi[i].index == index)
			return (int)i;
	return -1;
}

/*
 * An id names a physical placement: 0 the whole, 1-2 halves, 3-6 quarters, 7-14 eighths. Boards
 * whose missing GPC lies in the other half (type X) count the units from the middle.
 */
unsigned lab_gi_id(const struct mig_board *board, enum mig_numbering numbering, unsigned start,
		   unsigned size)
{
	unsigned parts = board->units / size;
	unsigned physical = start;

	if (parts <= 1)
		return 0;
	if (numbering == MIG_NUMBERING_X)
		physical ^= board->units / 2u;
	return parts - 1 + physical / size;
}

/* Limits beside the placements: how many of a kind, and which media engines exclude each other. */
static bool limits_allow(const struct mig_board *board, const struct lab_gpu *gpu,
			 const uint8_t *rule, unsigned profile)
{
	const struct mig_gi_profile *want = &board->gi[profile];
	unsigned same = 0;

	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct mig_gi_profile *have;

		if (!gpu->gi[i].used)
			continue;
		have = &board->gi[gpu->gi[i].profile];
		same += gpu->gi[i].profile == profile;
		/* One share of JPEG and OFA: nvidia-smi's Total is 1 for each +me profile. */
		if (want->media == MIG_MEDIA_ME && have->media == MIG_MEDIA_ME &&
		    rule[LAB_RULE_ME_EXCLUSIVE] == 0)
			return false;
		/* nvml.h: an +me.all instance leaves only -me profiles creatable. */
		if ((want->media == MIG_MEDIA_ME_ALL && have->media != MIG_MEDIA_NO_ME) ||
		    (have->media == MIG_MEDIA_ME_ALL && want->media != MIG_MEDIA_NO_ME))
			return false;
		/* The guide has both kinds on one GPU in mind; no output shows them together. */
		if (rule[LAB_RULE_GFX_BESIDE_COMPUTE] == 1 &&
		    (want->media == MIG_MEDIA_GFX) != (have->media == MIG_MEDIA_GFX))
			return false;
		/* Before R510 the driver refused 4g beside 3g. */
		if (!board->gi_beside_4g3g && want->slices + have->slices == 7 &&
		    (want->slices == 3 || want->slices == 4))
			return false;
	}
	return same < want->total;
}

bool lab_gi_fits(const struct mig_board *board, const struct lab_gpu *gpu, const uint8_t *rule,
		 unsigned profile, unsigned start)
{
	return !(occupied(gpu) & span_mask(start, board->gi[profile].size)) &&
	       limits_allow(board, gpu, rule, profile);
}

unsigned lab_gi_remaining(const struct mig_board *board, const struct lab_gpu *gpu,
			  const uint8_t *rule, unsigned profile)
{
	const struct mig_gi_profile *p = &board->gi[profile];
	uint32_t busy = occupied(gpu);
	unsigned same = 0, n = 0;

	/* R510 to R550 on A100 were seen to print 0/N until the first instance exists. */
	if (!busy && board->mode_needs_reset && rule[LAB_RULE_FREE_BEFORE_FIRST] == 1)
		return 0;
	if (!limits_allow(board, gpu, rule, profile))
		return 0;
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		same += gpu->gi[i].used && gpu->gi[i].profile == profile;
	for (unsigned i = 0; i < p->n_starts; i++) {
		uint32_t mask = span_mask(p->starts[i], p->size);

		if (busy & mask)
			continue;
		busy |= mask;
		n++;
	}
	return n < p->total - same ? n : p->total - same;
}

/* The units of every (profile, start) pair of a board that is free. */
struct free_pairs {
	unsigned n;
	uint32_t mask[MIG_MAX_GI_PROFILES * MIG_MAX_STARTS];
};

static void find_free_pairs(const struct mig_board *board, uint32_t busy, struct free_pairs *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < board->n_gi; i++)
		for (unsigned s = 0; s < board->gi[i].n_starts; s++) {
			uint32_t mask = span_mask(board->gi[i].starts[s], board->gi[i].size);

			if (!(busy & mask))
				ret->mask[ret->n++] = mask;
		}
}

/* How many of them stay free when these units are taken. */
static unsigned stay_free(const struct free_pairs *pairs, uint32_t mask)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pairs->n; i++)
		n += !(pairs->mask[i] & mask);
	return n;
}

/* The free start that leaves the most room; ties go to the lowest. -1: none is free. */
static int roomiest_start(const struct mig_board *board, const struct mig_gi_profile *p,
			  uint32_t busy)
{
	struct free_pairs pairs;
	unsigned best_room = 0;
	int best = -1;

	find_free_pairs(board, busy, &pairs);
	for (unsigned i = 0; i < p->n_starts; i++) {
		uint32_t mask = span_mask(p->starts[i], p->size);
		unsigned room;

		if (busy & mask)
			continue;
		room = stay_free(&pairs, mask);
		if (best >= 0 && room <= best_room)
			continue;
		best = p->starts[i];
		best_room = room;
	}
	return best;
}

/* The first free start in the order in which an empty board would be filled with this profile. */
static int fixed_order_start(const struct mig_board *board, const struct mig_gi_profile *p,
			     uint32_t busy)
{
	uint32_t filled = 0;

	for (unsigned i = 0; i < p->n_starts; i++) {
		int start = roomiest_start(board, p, filled);

		if (start < 0)
			break;
		if (!(busy & span_mask((unsigned)start, p->size)))
			return start;
		filled |= span_mask((unsigned)start, p->size);
	}
	return -1;
}

/* Profile 15 on Hopper was seen to fill 4, 0, 2 (and presumably 6 last). */
static int middle_first_start(const struct mig_board *board, const struct mig_gi_profile *p,
			      uint32_t busy)
{
	unsigned half = board->units / 2u;
	unsigned order[MIG_MAX_STARTS];
	unsigned n = 0;

	order[n++] = half;
	for (unsigned i = 0; i < p->n_starts; i++)
		if (p->starts[i] != half)
			order[n++] = p->starts[i];
	for (unsigned i = 0; i < n && i < p->n_starts; i++)
		if (!(busy & span_mask(order[i], p->size)))
			return (int)order[i];
	return -1;
}

int lab_gi_default_start(const struct mig_board *board, const struct lab_gpu *gpu,
			 const uint8_t *rule, unsigned profile)
{
	const struct mig_gi_profile *p = &board->gi[profile];
	const bool double_memory = p->slices == 1 && p->size == 2 && board->units == 8;
	uint32_t busy = occupied(gpu);

	if (!limits_allow(board, gpu, rule, profile))
		return -1;
	if (double_memory && !board->mode_needs_reset && rule[LAB_RULE_PLACEMENT_1G_DOUBLE] == 0)
		return middle_first_start(board, p, busy);
	if (rule[LAB_RULE_DEFAULT_PLACEMENT] == 1)
		return fixed_order_start(board, p, busy);
	return roomiest_start(board, p, busy);
}

unsigned lab_gis_of(const struct lab_gpu *gpu, int profile, uint8_t ret[MIG_MAX_GI])
{
	uint8_t at[MIG_MAX_GI_ID + 1];
	uint32_t ids = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *gi = &gpu->gi[i];

		if (!gi->used || gi->id > MIG_MAX_GI_ID || (profile >= 0 && gi->profile != profile))
			continue;
		at[gi->id] = (uint8_t)i;
		ids |= 1u << gi->id;
	}
	for (; ids; ids &= ids - 1)
		ret[n++] = at[__builtin_ctz(ids)];
	return n;
}

unsigned lab_cis_of(const struct lab_gi *gi, int profile, uint8_t ret[MIG_MAX_CI])
{
	uint8_t at[MIG_MAX_CI];
	uint32_t ids = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < MIG_MAX_CI; i++) {
		const struct lab_ci *ci = &gi->ci[i];

		if (!ci->used || ci->id >= MIG_MAX_CI || (profile >= 0 && ci->profile != profile))
			continue;
		at[ci->id] = (uint8_t)i;
		ids |= 1u << ci->id;
	}
	for (; ids; ids &= ids - 1)
		ret[n++] = at[__builtin_ctz(ids)];
	return n;
}

unsigned lab_mig_devices(const struct lab_gpu *gpu, uint8_t *ret_gi, uint8_t *ret_ci, unsigned cap)
{
	uint8_t order[MIG_MAX_GI];
	unsigned n_gi = lab_gis_of(gpu, -1, order);
	unsigned n = 0;

	for (unsigned g = 0; g < n_gi; g++) {
		uint8_t ci[MIG_MAX_CI];
		unsigned n_ci = lab_cis_of(&gpu->gi[order[g]], -1, ci);

		for (unsigned c = 0; c < n_ci && n < cap; c++) {
			ret_gi[n] = order[g];
			ret_ci[n++] = ci[c];
		}
	}
	return n;
}

static unsigned n_cis(const struct lab_gi *gi)
{
	unsigned n = 0;

	for (unsigned c = 0; c < MIG_MAX_CI; c++)
		n += gi->ci[c].used != 0;
	return n;
}

/* Counting those that come before takes a third of the time of putting all in order. */
unsigned lab_mig_index(const struct lab_gpu *gpu, const struct lab_gi *gi, const struct lab_ci *ci)
{
	unsigned n = 0;

	for (unsigned g = 0; g < MIG_MAX_GI; g++)
		if (gpu->gi[g].used && gpu->gi[g].id < gi->id)
			n += n_cis(&gpu->gi[g]);
	for (unsigned c = 0; c < MIG_MAX_CI; c++)
		n += gi->ci[c].used && gi->ci[c].id < ci->id;
	return n;
}

bool lab_mig_at(const struct lab_gpu *gpu, unsigned index, const struct lab_gi **ret_gi,
		const struct lab_ci **ret_ci)
{
	uint8_t order[MIG_MAX_GI], at[MIG_MAX_CI];
	unsigned n_gi = lab_gis_of(gpu, -1, order);

	for (unsigned g = 0; g < n_gi; g++) {
		const struct lab_gi *gi = &gpu->gi[order[g]];
		unsigned n = n_cis(gi);

		if (index >= n) {
			index -= n;
			continue;
		}
		if (index >= lab_cis_of(gi, -1, at))
			return false; /* one without a possible id: no lab's state */
		*ret_gi = gi;
		*ret_ci = &gi->ci[at[index]];
		return true;
	}
	return false;
}

uint64_t lab_gi_idle_bytes(const struct mig_board *board, const struct lab_gi *gi)
{
	bool has_ci = false;

	if (gi->memory_used_mib != LAB_AUTO)
		return (uint64_t)gi->memory_used_mib << 20;
	for (unsigned c = 0; c < MIG_MAX_CI && !has_ci; c++)
		has_ci = gi->ci[c].used;
	if (!has_ci)
		return 0;
	return (uint64_t)board->idle_gi_kib_per_slice * board->gi[gi->profile].slices * 1024;
}

uint64_t lab_gpu_idle_bytes(const struct mig_board *board, const struct lab_gpu *gpu)
{
	uint64_t sum = 0;

	if (gpu->set.memory_used_mib != LAB_AUTO)
		return (uint64_t)gpu->set.memory_used_mib << 20;
	if (!gpu->mig_current)
		return 0;
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used)
			sum += lab_gi_idle_bytes(board, &gpu->gi[i]);
	return sum;
}
