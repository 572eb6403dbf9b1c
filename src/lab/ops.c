/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "lab/format.h"

/* Changes of instances: each is checked and done on a private copy (lab_change_gpu). */

struct where {
	unsigned gpu, gi, ci;
	uint32_t generation;
	unsigned profile_id;
	int start, size;
	struct lab_made made; /* out */
};

static int run(struct lab *lab, lab_change_fn fn, struct where *w)
{
	if (!lab_may_change(lab))
		return -EPERM;
	if (w->gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	return lab_change_gpu(lab, w->gpu, fn, w);
}

static struct lab_gi *gi_by_id(struct lab_gpu *gpu, unsigned id)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used && gpu->gi[i].id == id)
			return &gpu->gi[i];
	return NULL;
}

static struct lab_ci *ci_by_id(struct lab_gi *gi, unsigned id)
{
	for (unsigned i = 0; i < MIG_MAX_CI; i++)
		if (gi->ci[i].used && gi->ci[i].id == id)
			return &gi->ci[i];
	return NULL;
}

static bool has_gi(const struct lab_gpu *gpu)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used)
			return true;
	return false;
}

/* A handle knows its instance by it: it never comes again. 0: there are no more of them. */
static uint32_t new_generation(struct lab_state *st)
{
	return st->next_generation < UINT32_MAX - 1 ? ++st->next_generation : 0;
}

/* What a profile id that the board lacks answers; see struct mig_board. */
static int unknown_profile(const struct mig_board *board, unsigned id)
{
	if (id < 64 && ((board->ids_not_supported | board->ids_empty) >> id & 1))
		return -ENOTSUP;
	return -EINVAL;
}

/* A start that the profile never offers is a wrong argument, one that is taken a lack of room. */
static int choose_start(const struct lab *lab, const struct lab_gpu *gpu, unsigned profile,
			int start, int size)
{
	const struct mig_board *board = lab_board(lab, gpu);
	const struct mig_gi_profile *p = &board->gi[profile];
	const uint8_t *rule = lab->map->con->rule;

	if (start < 0) {
		start = lab_gi_default_start(board, gpu, rule, profile);
		return start < 0 ? -ENOSPC : start;
	}
	if (size >= 0 && size != p->size)
		return -EINVAL;
	for (unsigned i = 0; i < p->n_starts; i++)
		if (p->starts[i] == start)
			return lab_gi_fits(board, gpu, rule, profile, (unsigned)start) ? start
										       : -ENOSPC;
	return -EINVAL;
}

static int gi_create(struct lab *lab, struct lab_state *st, void *arg)
{
	struct where *w = arg;
	struct lab_gpu *gpu = &st->gpu[w->gpu];
	const struct mig_board *board = lab_board(lab, gpu);
	int profile = lab_profile_by_id(board, w->profile_id), start;
	unsigned slot = 0;
	uint32_t generation;
	int r = lab_gpu_broken(gpu);

	if (r < 0)
		return r;
	if (!gpu->mig_current)
		return -ENOTSUP;
	if (profile < 0)
		return unknown_profile(board, w->profile_id);
	/* Partitioning starts with the first instance; nothing may run on the GPU then. */
	if (!has_gi(gpu) && lab_count_clients(lab, st, w->gpu, -1, -1))
		return -EBUSY;
	start = choose_start(lab, gpu, (unsigned)profile, w->start, w->size);
	if (start < 0)
		return start;
	while (slot < MIG_MAX_GI && gpu->gi[slot].used)
		slot++;
	generation = new_generation(st);
	if (slot == MIG_MAX_GI || !generation)
		return -ENOSPC;
	w->made = (struct lab_made){
		.id = lab_gi_id(board, gpu->numbering, (unsigned)start, board->gi[profile].size),
		.generation = generation,
	};
	gpu->gi[slot] = (struct lab_gi){
		.used = 1,
		.id = (uint8_t)w->made.id,
		.profile = (uint8_t)profile,
		.start = (uint8_t)start,
		.size = board->gi[profile].size,
		.generation = w->made.generation,
		.memory_used_mib = LAB_AUTO,
		.utilization_gpu = LAB_AUTO,
	};
	lab_raise(st, LAB_EVENT_MIG_CONFIG, w->gpu, -1, -1, 0);
	return 0;
}

int lab_gi_create(struct lab *lab, unsigned gpu, unsigned profile_id, int start, int size,
		  struct lab_made *ret_made)
{
	struct where w = { .gpu = gpu, .profile_id = profile_id, .start = start, .size = size };
	int r = run(lab, gi_create, &w);

	if (r >= 0)
		*ret_made = w.made;
	return r;
}

static int gi_destroy(struct lab *lab, struct lab_state *st, void *arg)
{
	struct where *w = arg;
	struct lab_gi *gi = gi_by_id(&st->gpu[w->gpu], w->gi);
	int r = lab_gpu_broken(&st->gpu[w->gpu]);

	if (r < 0)
		return r;
	if (!gi || gi->generation != w->generation)
		return -EINVAL;
	for (unsigned i = 0; i < MIG_MAX_CI; i++)
		if (gi->ci[i].used)
			return -EBUSY;
	if (lab_count_clients(lab, st, w->gpu, (int)w->gi, -1))
		return -EBUSY;
	memset(gi, 0, sizeof(*gi));
	lab_raise(st, LAB_EVENT_MIG_CONFIG, w->gpu, -1, -1, 0);
	return 0;
}

int lab_gi_destroy(struct lab *lab, unsigned gpu, unsigned gi, uint32_t generation)
{
	struct where w = { .gpu = gpu, .gi = gi, .generation = generation };

	return run(lab, gi_destroy, &w);
}

/* Ids 0 to 7; which free one is a switch of the lab. -1: none is free. */
static int next_ci_id(const struct lab_gi *gi, bool lowest)
{
	unsigned from = lowest ? 0 : gi->next_ci;

	for (unsigned i = 0; i < MIG_MAX_CI; i++) {
		unsigned id = (from + i) % MIG_MAX_CI;
		bool taken = false;

		for (unsigned c = 0; c < MIG_MAX_CI; c++)
			taken = taken || (gi->ci[c].used && gi->ci[c].id == id);
		if (!taken)
			return (int)id;
	}
	return -1;
}

static int choose_ci_start(const struct lab *lab, const struct lab_gpu *gpu,
			   const struct lab_gi *gi, unsigned profile, int start, int size)
{
	const struct mig_board *board = lab_board(lab, gpu);
	const struct mig_gi_profile *gp = &board->gi[gi->profile];
	const uint8_t *rule = lab->map->con->rule;
	unsigned span = lab_ci_span(board, rule, gp, profile), slices = 0;
	uint8_t starts[MIG_MAX_STARTS];
	unsigned n = lab_ci_starts(board, rule, gp, profile, starts);
	bool offered = false;

	if (start < 0) {
		start = lab_ci_default_start(board, rule, gi, profile);
		return start < 0 ? -ENOSPC : start;
	}
	for (unsigned i = 0; i < n; i++)
		offered = offered || starts[i] == start;
	if (!offered || (size >= 0 && (unsigned)size != span))
		return -EINVAL;
	for (unsigned c = 0; c < MIG_MAX_CI; c++) {
		const struct lab_ci *ci = &gi->ci[c];

		if (!ci->used)
			continue;
		slices += gp->ci[ci->profile].slices;
		if ((unsigned)start < (unsigned)ci->start + ci->size &&
		    ci->start < (unsigned)start + span)
			return -ENOSPC;
	}
	return slices + gp->ci[profile].slices > gp->slices ? -ENOSPC : start;
}

static int ci_create(struct lab *lab, struct lab_state *st, void *arg)
{
	struct where *w = arg;
	struct lab_gpu *gpu = &st->gpu[w->gpu];
	const struct mig_board *board = lab_board(lab, gpu);
	const uint8_t *rule = lab->map->con->rule;
	struct lab_gi *gi = gi_by_id(gpu, w->gi);
	const struct mig_gi_profile *gp;
	int profile, start, id, r = lab_gpu_broken(gpu);
	unsigned slot = 0;
	uint32_t generation;

	if (r < 0)
		return r;
	if (!gi || gi->generation != w->generation)
		return -EINVAL;
	gp = &board->gi[gi->profile];
	profile = lab_ci_profile_by_id(gp, w->profile_id);
	if (profile < 0)
		return w->profile_id < MIG_MAX_CI_PROFILES ? -ENOTSUP : -EINVAL;
	start = choose_ci_start(lab, gpu, gi, (unsigned)profile, w->start, w->size);
	if (start < 0)
		return start;
	id = next_ci_id(gi, rule[LAB_RULE_CI_ID_REUSE] == 0);
	while (slot < MIG_MAX_CI && gi->ci[slot].used)
		slot++;
	generation = new_generation(st);
	if (slot == MIG_MAX_CI || id < 0 || !generation)
		return -ENOSPC;
	w->made = (struct lab_made){ .id = (unsigned)id, .generation = generation };
	gi->ci[slot] = (struct lab_ci){
		.used = 1,
		.id = (uint8_t)id,
		.profile = (uint8_t)profile,
		.start = (uint8_t)start,
		.size = (uint8_t)lab_ci_span(board, rule, gp, (unsigned)profile),
		.generation = w->made.generation,
	};
	gi->next_ci = (uint8_t)((id + 1) % MIG_MAX_CI);
	lab_raise(st, LAB_EVENT_MIG_CONFIG, w->gpu, -1, -1, 0);
	return 0;
}

int lab_ci_create(struct lab *lab, unsigned gpu, unsigned gi, uint32_t gi_generation,
		  unsigned ci_profile_id, int start, int size, struct lab_made *ret_made)
{
	struct where w = { .gpu = gpu,
			   .gi = gi,
			   .generation = gi_generation,
			   .profile_id = ci_profile_id,
			   .start = start,
			   .size = size };
	int r = run(lab, ci_create, &w);

	if (r >= 0)
		*ret_made = w.made;
	return r;
}

static int ci_destroy(struct lab *lab, struct lab_state *st, void *arg)
{
	struct where *w = arg;
	struct lab_gi *gi = gi_by_id(&st->gpu[w->gpu], w->gi);
	struct lab_ci *ci = gi ? ci_by_id(gi, w->ci) : NULL;
	int r = lab_gpu_broken(&st->gpu[w->gpu]);

	if (r < 0)
		return r;
	if (!ci || ci->generation != w->generation)
		return -EINVAL;
	if (lab_count_clients(lab, st, w->gpu, (int)w->gi, (int)w->ci))
		return -EBUSY;
	memset(ci, 0, sizeof(*ci));
	lab_raise(st, LAB_EVENT_MIG_CONFIG, w->gpu, -1, -1, 0);
	return 0;
}

int lab_ci_destroy(struct lab *lab, unsigned gpu, unsigned gi, unsigned ci, uint32_t generation)
{
	struct where w = { .gpu = gpu, .gi = gi, .ci = ci, .generation = generation };

	return run(lab, ci_destroy, &w);
}
