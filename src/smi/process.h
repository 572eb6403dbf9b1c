/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_PROCESS_H
#define MIGKIT_SMI_PROCESS_H

#include <stdlib.h>

#include "smi/smi_ctx.h"

#define PROCESS_NAME 4096

enum process_type {
	PROCESS_MPS = 1,
	PROCESS_COMPUTE = 2,
	PROCESS_GRAPHICS = 4,
};

struct process {
	unsigned int gpu;
	unsigned int gi, ci; /* UINT_MAX: none */
	unsigned int pid;
	unsigned int types;	   /* enum process_type */
	unsigned long long memory; /* ULLONG_MAX: unknown */
};

struct processes {
	struct process *p;
	unsigned int n;
};

static inline void processes_free(struct processes *all)
{
	free(all->p);
	all->p = NULL;
}

/* Appends the processes of a GPU or MIG device that are in one of the lists of types. */
nvmlReturn_t processes_add(struct smi *smi, nvmlDevice_t dev, unsigned int gpu, unsigned int types,
			   struct processes *all);
/* The program's name as NVML tells it; false: it does not. */
bool process_name(struct smi *smi, const struct process *p, char ret[PROCESS_NAME]);

#endif
