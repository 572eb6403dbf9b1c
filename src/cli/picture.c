/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/picture.h"

const struct render_words cli_gpu_words = {
	.memory = "memory",
	.compute = "compute",
	.free = "free",
	.unused = "unused",
	.no_ci = "no CI",
	.in_use = "in use",
	.mig_on = "MIG on",
	.mig_off = "MIG off",
	.pending_on = "MIG off, waits to be on",
	.pending_off = "MIG on, waits to be off",
	.undivided = "not divided",
};

const struct render_plan_words cli_plan_words = {
	.free = "free",
	.stays = "stays",
	.goes = "goes",
	.comes = "new",
	.pinned = "pinned",
	.busy = "in use",
};

/* Slots of a table ascend by profile and start, pictures by start alone. */
static unsigned by_start(const struct mig_plan_table *table, mig_slots slots,
			 unsigned ret[MIG_MAX_GI])
{
	unsigned n = 0;

	for (unsigned slot = 0; slot < mig_plan_n_slots(table) && n < MIG_MAX_GI; slot++) {
		unsigned at = n;

		if (!(slots >> slot & 1))
			continue;
		for (; at > 0 &&
		       mig_plan_slot(table, ret[at - 1])->start > mig_plan_slot(table, slot)->start;
		     at--)
			ret[at] = ret[at - 1];
		ret[at] = slot;
		n++;
	}
	return n;
}

static void copy_name(char ret[MIG_PROFILE_NAME], const struct mig_board *board,
		      const struct mig_slot *slot)
{
	snprintf(ret, MIG_PROFILE_NAME, "%s", board->gi[slot->profile].name);
}

void cli_picture_layout(const struct mig_board *board, const struct mig_plan_table *table,
			mig_slots slots, struct render_layout *ret)
{
	unsigned order[MIG_MAX_GI], n = by_start(table, slots, order);

	ret->n = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		const struct mig_slot *slot = mig_plan_slot(table, order[i]);

		ret->block[i].start = slot->start;
		ret->block[i].size = slot->size;
		copy_name(ret->block[i].name, board, slot);
	}
}

/* The instance that a GPU has in a slot, or NULL. */
static const struct mig_gi *gi_in(const struct mig_gpu *gpu, const struct mig_slot *slot)
{
	for (unsigned i = 0; gpu && i < gpu->n_gi; i++)
		if (gpu->gi[i].profile == slot->profile && gpu->gi[i].start == slot->start)
			return &gpu->gi[i];
	return NULL;
}

mig_slots cli_picture_busy(const struct mig_snapshot *snapshot, const struct mig_gpu *gpu,
			   const struct mig_plan_table *table)
{
	mig_slots busy = 0;

	for (unsigned slot = 0; slot < mig_plan_n_slots(table); slot++) {
		const struct mig_gi *gi = gi_in(gpu, mig_plan_slot(table, slot));

		for (unsigned p = 0; gi && p < snapshot->n_process; p++)
			if (snapshot->process[p].gpu == gpu->index &&
			    snapshot->process[p].gi == gi->id)
				busy |= (mig_slots)1 << slot;
	}
	return busy;
}

struct fates {
	mig_slots keep, pinned, busy;
	enum render_fate others; /* of those that are not kept */
};

static void fill_stage(const struct mig_board *board, const struct mig_plan_table *table,
		       const struct mig_gpu *gpu, mig_slots slots, const struct fates *fates,
		       struct render_stage *ret)
{
	unsigned order[MIG_MAX_GI];

	ret->n = (uint8_t)by_start(table, slots, order);
	for (unsigned i = 0; i < ret->n; i++) {
		const struct mig_slot *slot = mig_plan_slot(table, order[i]);
		struct render_plan_block *block = &ret->block[i];
		bool keep = fates->keep >> order[i] & 1;
		const struct mig_gi *gi =
			keep || fates->others == RENDER_GOES ? gi_in(gpu, slot) : NULL;

		*block = (struct render_plan_block){
			.start = slot->start,
			.size = slot->size,
			.fate = (uint8_t)(keep ? RENDER_STAYS : fates->others),
			.pinned = fates->pinned >> order[i] & 1,
			.busy = fates->busy >> order[i] & 1,
			.gi = gi ? gi->id : -1,
		};
		copy_name(block->name, board, slot);
	}
}

void cli_picture_change(const struct mig_board *board, const struct mig_plan_table *table,
			const struct mig_gpu *gpu, const struct mig_plan_state *state,
			mig_slots busy, const struct mig_plan_change *change,
			struct render_plan *ret)
{
	struct fates fates = { change->keep, state->pinned & ~busy, busy, RENDER_GOES };

	*ret = (struct render_plan){
		.words = &cli_plan_words,
		.gpu = gpu ? (int)gpu->index : -1,
		.units = board->units,
		.memory_slices = board->memory_slices,
		.n = 2,
	};
	ret->stage[0].label = "before";
	ret->stage[1].label = "after";
	fill_stage(board, table, gpu, state->now, &fates, &ret->stage[0]);
	fates.others = RENDER_COMES;
	fill_stage(board, table, gpu, change->target, &fates, &ret->stage[1]);
}

void cli_picture_board(const struct mig_board *board, const struct mig_plan_table *table,
		       mig_slots slots, struct render_gpu *ret)
{
	unsigned order[MIG_MAX_GI], n = by_start(table, slots, order);

	*ret = (struct render_gpu){
		.words = &cli_gpu_words,
		.index = RENDER_NO_INDEX,
		.compute_slices = board->compute_slices,
		.memory_slices = board->memory_slices,
		.units = board->units,
		.mig = true,
		.pending = true,
		.mode = "",
		.n_gi = (uint8_t)n,
	};
	snprintf(ret->name, sizeof(ret->name), "%s", board->name);
	for (unsigned i = 0; i < n; i++) {
		const struct mig_slot *slot = mig_plan_slot(table, order[i]);
		const struct mig_gi_profile *profile = &board->gi[slot->profile];
		struct render_gi *gi = &ret->gi[i];

		gi->id = RENDER_NO_ID;
		gi->start = slot->start;
		gi->size = slot->size;
		gi->slices = slot->slices;
		copy_name(gi->name, board, slot);
		/* The whole of it as one compute instance, which is what -C makes. */
		gi->n_ci = 1;
		gi->ci[0].id = RENDER_NO_ID;
		gi->ci[0].slices = slot->slices;
		snprintf(gi->ci[0].name, sizeof(gi->ci[0].name), "%s", profile->name);
	}
}
