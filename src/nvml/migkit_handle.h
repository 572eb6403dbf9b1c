/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_MIGKIT_HANDLE_H
#define MIGKIT_NVML_MIGKIT_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a handle of the simulated driver is made of, for the driver and for who shows a call of it:
 * mark 8 | kind 4 | gpu 8 | gi 6 | ci 6 | generation 32
 */
#define MIGKIT_HANDLE_MARK 0x4du /* top byte of each: not an address, not a small number */

enum sim_kind {
	SIM_GPU = 1,
	SIM_MIG,       /* a compute instance as a device, from GetMigDeviceHandleByIndex */
	SIM_CI_DEVICE, /* the device in a compute instance's info: see lab rule ci-device-handle */
	SIM_GI,
	SIM_CI,
	SIM_EVENT_SET,
	SIM_GPM_SAMPLE, /* slot: gi and gpu */
};

struct sim_ref {
	uint8_t kind;	/* enum sim_kind */
	uint8_t gpu;	/* index; of an event set: its slot */
	uint8_t gi, ci; /* ids */
	uint32_t generation;
};

static inline uint64_t migkit_handle_make(struct sim_ref ref)
{
	return (uint64_t)MIGKIT_HANDLE_MARK << 56 | (uint64_t)(ref.kind & 15u) << 52 |
	       (uint64_t)ref.gpu << 44 | (uint64_t)(ref.gi & 63u) << 38 |
	       (uint64_t)(ref.ci & 63u) << 32 | ref.generation;
}

/* False: not a handle of ours. */
static inline bool migkit_handle_read(uint64_t v, struct sim_ref *ret)
{
	if (v >> 56 != MIGKIT_HANDLE_MARK)
		return false;
	*ret = (struct sim_ref){
		.kind = v >> 52 & 15u,
		.gpu = v >> 44 & 255u,
		.gi = v >> 38 & 63u,
		.ci = v >> 32 & 63u,
		.generation = (uint32_t)v,
	};
	return true;
}

#endif
