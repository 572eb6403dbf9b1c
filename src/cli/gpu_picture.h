/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_GPU_PICTURE_H
#define MIGKIT_CLI_GPU_PICTURE_H

#include <migkit/plan.h>
#include <migkit/snapshot.h>

#include "render/render.h"

/*
 * A GPU of a snapshot, to be drawn by render_gpu: its instances, who runs there, its memory. The
 * words are English, from cli/picture.h.
 *
 * Return: false: the driver does not say where its instances lie (NO_PERMISSION), or the GPU does
 * not answer; there is nothing to draw.
 */
bool cli_gpu_picture(const struct mig_snapshot *snapshot, const struct mig_gpu *gpu,
		     unsigned columns, struct render_gpu *ret);

/* It computes or draws, as NVML's lists say; others only have device files or NVML open. */
bool cli_process_runs(const struct mig_process *p);

/* "12MiB of 40192MiB used"; what was refused is left out, "" if nothing is known. */
void cli_memory_text(const struct mig_reading *used, const struct mig_reading *total,
		     struct render_memory *ret);

/* How full a GPU in MIG mode is, as the planner sees it; begins as all zero. */
struct cli_gpu_full {
	struct mig_plan_table *table;
	struct mig_board board; /* the table's */
	mig_slots now;
	struct mig_plan_measure measure;
};

/*
 * The table stays for the next GPU, for most machines have several of one board.
 *
 * Return: 0; -ENODATA: MIG is off, or not all of its instances are known; -ENOTSUP: they contradict
 * the board; -ENOMEM.
 */
int cli_gpu_measure(const struct mig_gpu *gpu, struct cli_gpu_full *full);
void cli_gpu_full_done(struct cli_gpu_full *full);

#endif
