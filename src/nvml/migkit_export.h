/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_MIGKIT_EXPORT_H
#define MIGKIT_NVML_MIGKIT_EXPORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * What the simulated library offers beyond NVML: asked through nvmlInternalGetExportTable under
 * migkit's own UUID, as NVIDIA's programs ask for theirs. A library that answers it is ours; a real
 * driver does not know it. Status codes are nvmlReturn_t.
 */
#define MIGKIT_EXPORT_UUID                                                                    \
	{                                                                                     \
		0x9a, 0x2e, 0x41, 0x7d, 0x5c, 0x0b, 0x4e, 0x6b, 0x8d, 0x31, 0x6d, 0x69, 0x67, \
			0x6b, 0x69, 0x74                                                      \
	}
#define MIGKIT_EXPORT_ABI 1

/* One that has simulated GPUs open; NVML lists only those that compute. */
struct migkit_holder {
	uint32_t pid;
	int32_t gpu;	  /* index; -1: all of them */
	int32_t gi, ci;	  /* -1: the whole GPU */
	uint32_t compute; /* 1: computes; 0: has the GPU open, as nvidia-persistenced */
	uint32_t pad;
	uint64_t memory; /* bytes */
	char name[104];	 /* "" where the lab does not know it */
};

struct migkit_export {
	size_t size;  /* of this table in bytes */
	uint32_t abi; /* MIGKIT_EXPORT_ABI */
	uint32_t pad;
	const char *version;	      /* of migkit */
	const char *(*lab_dir)(void); /* the lab in use; NULL before init */
	/* Resets one GPU by index. 0, NVML_ERROR_IN_USE (19), NO_PERMISSION ... */
	int (*gpu_reset)(unsigned gpu);
	int (*reboot)(void);
	/*
	 * All processes but this one that have GPUs of the lab open. *count: room, then how many
	 * there are. 0, NVML_ERROR_INSUFFICIENT_SIZE, NVML_ERROR_UNKNOWN where the kernel does not
	 * tell.
	 */
	int (*holders)(unsigned *count, struct migkit_holder *list);
	/*
	 * Holds the lab against all that must always be so, as "migctl lab check" does. *breaches:
	 * how many there are; text, which may be NULL: a sentence for each, with a newline behind
	 * it, as many as have room. 0, NVML_ERROR_IN_USE where the lab's lock is held all the time.
	 */
	int (*check)(unsigned *breaches, char *text, size_t size);
	/* Counts the reboots of the simulated machine; 0 before init. */
	uint64_t (*boot)(void);
};

#endif
