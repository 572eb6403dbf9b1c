/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_OBSERVE_H
#define MIGKIT_OBSERVE_OBSERVE_H

#include <migkit/error.h>
#include <migkit/snapshot.h>

#include "nvml/nvml_api.h"

/*
 * Snapshots from NVML. Only calls that read; tests list them for each wish. A GPU that fails has
 * its error in its place, the others are there.
 */

/* What to ask for: each costs calls, and some commands are held to be fast. */
enum observe_wish {
	OBSERVE_BASE = 0,	    /* GPUs, names, modes, instances, MIG devices */
	OBSERVE_MEMORY = 1 << 0,    /* readings of memory */
	OBSERVE_BOARD = 1 << 1,	    /* all of the board's profiles and placements, from NVML */
	OBSERVE_REMAINING = 1 << 2, /* how many more of each profile, where MIG mode is on */
	OBSERVE_PROCESSES = 1 << 3, /* NVML's lists */
	OBSERVE_HOLDERS = 1 << 4,   /* and who has the device files open, by /proc */
	/* The same where it is off: drivers differ in what they say then, and nothing fits. */
	OBSERVE_REMAINING_OFF = 1 << 5,
	OBSERVE_ALL = (1 << 6) - 1,
};

/*
 * api is initialised. gpus: which, in nvidia-smi's words for -i (index, UUID, serial, bus id,
 * separated by commas); NULL: all. A word that names no GPU is -ENOENT.
 */
int observe_machine(const struct nvml_api *api, const char *gpus, unsigned wish,
		    struct mig_snapshot **ret, struct mig_error *reterr);

/*
 * Writes a snapshot as a file: beside, then renamed. -EEXIST: what is there is no recording, and is
 * not replaced.
 */
int observe_write(const struct mig_snapshot *snapshot, const char *path, struct mig_error *reterr);

/* The same as a text that the caller frees; NULL: out of memory. */
char *observe_text(const struct mig_snapshot *snapshot);

/* -EIO with a sentence: the GPU does not answer; 0: it does. */
int observe_gpu_answers(const struct mig_gpu *gpu, struct mig_error *reterr);

/* NVML's name of a code: "NVML_ERROR_NO_PERMISSION"; never NULL. */
const char *observe_status_name(int status);

#endif
