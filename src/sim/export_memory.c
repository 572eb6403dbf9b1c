/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the board's, and the window to it. */
#include "sim/sim.h"

#define MIB 1048576ull
#define KIB 1024ull

struct memory {
	uint64_t total, reserved, used;
};

static nvmlReturn_t memory_of(nvmlDevice_t device, struct memory *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device_all(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (sim_is_mig(&dev)) {
		ret->total = dev.gp->memory_mb * MIB;
		ret->reserved = 0; /* an H100's MIG device shows "0 MiB" (nvidia-smi -q -x) */
		ret->used = lab_memory_of(sim_lab(), dev.ref.gpu, &dev.gpu, dev.gi->id);
	} else {
		/* In MIG mode the whole GPU's figures are for those who may see all instances. */
		if (dev.gpu.mig_current && sim_may_manage() != NVML_SUCCESS)
			return NVML_ERROR_NO_PERMISSION;
		ret->total = dev.board->memory_total_mib * MIB;
		ret->reserved = dev.board->memory_reserved_kib * KIB;
		ret->used = lab_memory_of(sim_lab(), dev.ref.gpu, &dev.gpu, -1);
	}
	if (ret->used > ret->total)
		ret->used = ret->total;
	if (ret->reserved > ret->total - ret->used)
		ret->reserved = ret->total - ret->used;
	return NVML_SUCCESS;
}

/* The first form counts what the driver holds as used (measured: 480 MiB on an idle H100). */
SIM_ENTRY(nvmlDeviceGetMemoryInfo, (nvmlDevice_t device, nvmlMemory_t *memory), (device, memory))
{
	struct memory m;
	nvmlReturn_t status = memory_of(device, &m);

	if (status != NVML_SUCCESS)
		return status;
	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	memory->total = m.total;
	memory->used = m.used + m.reserved;
	memory->free = m.total - memory->used;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetMemoryInfo_v2, (nvmlDevice_t device, nvmlMemory_v2_t *memory),
	  (device, memory))
{
	struct memory m;
	nvmlReturn_t status;

	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (memory->version != nvmlMemory_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	status = memory_of(device, &m);
	if (status != NVML_SUCCESS)
		return status;
	memory->total = m.total;
	memory->reserved = m.reserved;
	memory->used = m.used;
	memory->free = m.total - m.used - m.reserved;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetBAR1MemoryInfo, (nvmlDevice_t device, nvmlBAR1Memory_t *bar1Memory),
	  (device, bar1Memory))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!bar1Memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (sim_is_mig(&dev)) {
		bar1Memory->bar1Total = dev.gp->bar1_mb * MIB;
		bar1Memory->bar1Used = 0;
	} else {
		bar1Memory->bar1Total = dev.board->bar1_total_mib * MIB;
		bar1Memory->bar1Used = dev.board->bar1_used_kib * KIB;
		/* Hopper maps all memory in use: 1643 MiB used, BAR1 1644 (measured). */
		if (dev.board->architecture >= NVML_DEVICE_ARCH_HOPPER && !dev.gpu.mig_current)
			bar1Memory->bar1Used += lab_memory_of(sim_lab(), dev.ref.gpu, &dev.gpu, -1);
	}
	if (bar1Memory->bar1Used > bar1Memory->bar1Total)
		bar1Memory->bar1Used = bar1Memory->bar1Total;
	bar1Memory->bar1Free = bar1Memory->bar1Total - bar1Memory->bar1Used;
	return NVML_SUCCESS;
}
