/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gpu_picture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/picture.h"

void cli_memory_text(const struct mig_reading *used, const struct mig_reading *total,
		     struct render_memory *ret)
{
	*ret = (struct render_memory){ .full = "" };
	if (used->status)
		return;
	snprintf(ret->brief, sizeof(ret->brief), "%" PRIu64 "MiB", used->value >> 20);
	if (total->status)
		snprintf(ret->full, sizeof(ret->full), "%s used", ret->brief);
	else
		snprintf(ret->full, sizeof(ret->full), "%s of %" PRIu64 "MiB used", ret->brief,
			 total->value >> 20);
}

/* The last part of a program's path, for a box is narrow. */
static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash && slash[1] ? slash + 1 : name;
}

bool cli_process_runs(const struct mig_process *p)
{
	return p->kind & (MIG_PROCESS_COMPUTE | MIG_PROCESS_GRAPHICS | MIG_PROCESS_MPS);
}

/* gi, ci: -1 for processes that NVML places on no instance. */
static void users_of(const struct mig_snapshot *s, const struct mig_gpu *gpu, int gi, int ci,
		     struct render_users *ret)
{
	ret->n = 0;
	for (uint32_t i = 0; i < s->n_process; i++) {
		const struct mig_process *p = &s->process[i];

		if (p->gpu != gpu->index || p->gi != gi || p->ci != ci || !cli_process_runs(p))
			continue;
		if (ret->n < RENDER_MAX_USERS) {
			struct render_user *user = &ret->user[ret->n];

			user->pid = p->pid;
			snprintf(user->name, sizeof(user->name), "%.31s", base_name(p->name));
		}
		ret->n++;
	}
}

static void fill_ci(const struct mig_snapshot *s, const struct mig_gpu *gpu,
		    const struct mig_gi *gi, const struct mig_ci *ci, struct render_ci *ret)
{
	const struct mig_gi_profile *p = &gpu->board.gi[gi->profile];

	*ret = (struct render_ci){ .id = ci->id, .start = ci->start };
	/* What the board has no profile for is drawn as long as NVML says. */
	ret->slices = ci->profile < p->n_ci ? p->ci[ci->profile].slices : ci->size;
	snprintf(ret->name, sizeof(ret->name), "%s", ci->name);
	users_of(s, gpu, gi->id, ci->id, &ret->users);
	ret->in_use = ret->users.n > 0;
}

static void fill_gi(const struct mig_snapshot *s, const struct mig_gpu *gpu,
		    const struct mig_gi *gi, struct render_gi *ret)
{
	const struct mig_gi_profile *p = &gpu->board.gi[gi->profile];

	*ret = (struct render_gi){ .id = gi->id,
				   .start = gi->start,
				   .size = gi->size,
				   .slices = p->slices,
				   .hidden = gi->ci_status != 0 };
	snprintf(ret->name, sizeof(ret->name), "%s", p->name);
	for (unsigned i = 0; i < gi->n_ci; i++)
		fill_ci(s, gpu, gi, &gi->ci[i], &ret->ci[ret->n_ci++]);
	/* NVML tells an instance's memory by its MIG devices, and each tells that of the whole GI.
	 */
	if (gi->n_ci)
		cli_memory_text(&gi->ci[0].memory_used, &gi->ci[0].memory_total, &ret->memory);
}

/* Whether everything is known that a picture shows: half of it would show taken slices as free. */
static bool all_placed(const struct mig_gpu *gpu)
{
	if (gpu->gi_status || !gpu->board.units || !gpu->board.memory_slices)
		return false;
	for (unsigned i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		if (gi->start == MIG_START_UNKNOWN || gi->profile >= gpu->board.n_gi)
			return false;
		for (unsigned c = 0; c < gi->n_ci; c++)
			if (gi->ci[c].start == MIG_START_UNKNOWN)
				return false;
	}
	return true;
}

bool cli_gpu_picture(const struct mig_snapshot *snapshot, const struct mig_gpu *gpu,
		     unsigned columns, struct render_gpu *ret)
{
	if (gpu->status || (gpu->mode == MIG_MODE_ON && !all_placed(gpu)))
		return false;
	*ret = (struct render_gpu){ .words = &cli_gpu_words,
				    .index = gpu->index,
				    .columns = columns,
				    .mig = gpu->mode == MIG_MODE_ON,
				    .pending = gpu->pending == MIG_MODE_ON,
				    .mode = gpu->mig_capable ? NULL : "no MIG mode" };
	snprintf(ret->name, sizeof(ret->name), "%.63s", gpu->name);
	if (gpu->board_origin != MIG_BOARD_NONE) {
		ret->compute_slices = gpu->board.compute_slices;
		ret->memory_slices = gpu->board.memory_slices;
		ret->units = gpu->board.units;
	}
	cli_memory_text(&gpu->memory_used, &gpu->memory_total, &ret->memory);
	users_of(snapshot, gpu, -1, -1, &ret->users);
	for (unsigned i = 0; i < gpu->n_gi; i++)
		fill_gi(snapshot, gpu, &gpu->gi[i], &ret->gi[ret->n_gi++]);
	return true;
}

static int layout_of(const struct mig_gpu *gpu, const struct mig_plan_table *table, mig_slots *ret)
{
	mig_slots now = 0;

	for (unsigned i = 0; i < gpu->n_gi; i++) {
		int slot = mig_plan_slot_at(table, gpu->gi[i].profile, gpu->gi[i].start);

		if (slot < 0)
			return -ENOTSUP;
		now |= (mig_slots)1 << slot;
	}
	if (!mig_plan_is_layout(table, now))
		return -ENOTSUP;
	*ret = now;
	return 0;
}

int cli_gpu_measure(const struct mig_gpu *gpu, struct cli_gpu_full *full)
{
	int r;

	if (gpu->status || gpu->mode != MIG_MODE_ON || !all_placed(gpu))
		return -ENODATA;
	if (!full->table || memcmp(&full->board, &gpu->board, sizeof(full->board)) != 0) {
		cli_gpu_full_done(full);
		r = mig_plan_table_new(&gpu->board, mig_profiles_all(&gpu->board), &full->table,
				       NULL);
		if (r < 0)
			return r == -ENOMEM ? r : -ENOTSUP;
		full->board = gpu->board;
	}
	r = layout_of(gpu, full->table, &full->now);
	if (r < 0)
		return r;
	mig_plan_measure(full->table, full->now, &full->measure);
	return 0;
}

void cli_gpu_full_done(struct cli_gpu_full *full)
{
	mig_plan_table_free(full->table);
	full->table = NULL;
}
