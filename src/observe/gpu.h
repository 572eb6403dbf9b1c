/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_GPU_H
#define MIGKIT_OBSERVE_GPU_H

#include "model/snapshot.h"
#include "observe/observe.h"

/* The parts of observe_machine(). A call that is refused leaves its code in the value it is for. */

struct observe {
	const struct nvml_api *api;
	unsigned wish; /* enum observe_wish */
	struct mig_snapshot *s;
	uint32_t process_cap;  /* room in s->process */
	bool managed, refused; /* a call that root may make was answered, was refused */
	/* MIG devices of the GPU that is being looked at. */
	unsigned n_mig;
	nvmlDevice_t mig[MIG_MAX_GI * MIG_MAX_CI];
};

/*
 * Notes a GPU's failing. A lost GPU fails whatever is asked; of the calls without which nothing can
 * be said of it (essential), any failure counts but what is an answer: not supported, not allowed,
 * not there.
 */
nvmlReturn_t observe_note(struct mig_gpu *gpu, const char *call, bool essential,
			  nvmlReturn_t status);
#define OBSERVE_CALL(o, gpu, sym, ...) observe_note(gpu, #sym, false, (o)->api->sym(__VA_ARGS__))
#define OBSERVE_ESSENTIAL(o, gpu, sym, ...) \
	observe_note(gpu, #sym, true, (o)->api->sym(__VA_ARGS__))

/* The same of a call that the driver keeps to root: says, too, whether it let us. */
nvmlReturn_t observe_managed(struct observe *o, struct mig_gpu *gpu, const char *call,
			     nvmlReturn_t status);
#define OBSERVE_MANAGED(o, gpu, sym, ...) observe_managed(o, gpu, #sym, (o)->api->sym(__VA_ARGS__))

/* Name, UUID, bus id, serial number, minor, and the PCI ids; dev is the GPU's handle. */
void observe_identity(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu);
/* Used, free, total of a GPU or of a MIG device's instance. */
void observe_memory(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu,
		    struct mig_reading *used, struct mig_reading *free_, struct mig_reading *total);
/* The board as NVML lists it. */
void observe_board(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu);
void observe_remaining(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu);
/* Instances and MIG devices of a GPU in MIG mode; the board is there. */
void observe_instances(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu);
/* Whether the ids of the instances show the board's kind of numbering. */
bool observe_numbering_shown(const struct mig_gpu *gpu);
/* The MIG device's place; NULL: there is none. */
struct mig_ci *observe_find_ci(struct mig_gpu *gpu, unsigned gi, unsigned ci);

/* The snapshot's record of the same GPU, GI, CI and pid; NULL: none. */
struct mig_process *observe_find_process(const struct mig_snapshot *s, const struct mig_process *p);
/* Puts a record behind the others; cap: room in s->process, 0: not known. -ENOMEM. */
int observe_append_process(struct mig_snapshot *s, uint32_t *cap, const struct mig_process *p);

/* NVML's process lists; -ENOMEM. */
int observe_processes(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu);
/* Adds a process, or what is new of one that is there (same GPU, GI, CI, pid); -ENOMEM. */
int observe_process_add(struct observe *o, const struct mig_process *p);

/*
 * CI profiles of a GI profile by the rule of the chip's family (facts: CI tables of A100, A30, H100
 * outputs; what no output shows is marked unconfirmed in each).
 */
void observe_ci_by_family(const struct mig_board *board, struct mig_gi_profile *gi);

#endif
