/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and its errors. */
#include "sim/sim.h"

#include <string.h>

#define MIB 1048576ull
#define KIB 1024ull

struct memory {
	uint64_t total, reserved, used;
};

static nvmlReturn_t memory_of(nvmlDevice_t device, struct memory *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (sim_is_mig(&dev)) {
		ret->total = dev.gp->memory_mb * MIB;
		ret->reserved = 0; /* an H100's MIG device shows "0 MiB" (nvidia-smi -q -x) */
		ret->used = lab_memory_used(sim_lab(), dev.ref.gpu, dev.gi->id);
	} else {
		/* In MIG mode the whole GPU's figures are for those who may see all instances. */
		if (dev.gpu.mig_current && sim_may_manage() != NVML_SUCCESS)
			return NVML_ERROR_NO_PERMISSION;
		ret->total = dev.board->memory_total_mib * MIB;
		ret->reserved = dev.board->memory_reserved_kib * KIB;
		ret->used = lab_memory_used(sim_lab(), dev.ref.gpu, -1);
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
			bar1Memory->bar1Used += lab_memory_used(sim_lab(), dev.ref.gpu, -1);
	}
	if (bar1Memory->bar1Used > bar1Memory->bar1Total)
		bar1Memory->bar1Used = bar1Memory->bar1Total;
	bar1Memory->bar1Free = bar1Memory->bar1Total - bar1Memory->bar1Used;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetConfComputeProtectedMemoryUsage, (nvmlDevice_t device, nvmlMemory_t *memory),
	  (device, memory))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(memory, 0, sizeof(*memory));
	return NVML_SUCCESS;
}

/* --- errors --------------------------------------------------------------------------------- */

/* Errors that "lab set" gave the GPU; a MIG device has had none. */
static nvmlReturn_t errors(const struct sim_dev *dev, nvmlMemoryErrorType_t type,
			   nvmlEccCounterType_t counter, unsigned long long *ret)
{
	int32_t set;

	if (!ret || (unsigned)type >= NVML_MEMORY_ERROR_TYPE_COUNT ||
	    (unsigned)counter >= NVML_ECC_COUNTER_TYPE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev->gpu.ecc_current)
		return NVML_ERROR_NOT_SUPPORTED;
	set = counter == NVML_VOLATILE_ECC ? dev->gpu.set.ecc_volatile : dev->gpu.set.ecc_aggregate;
	if (type != NVML_MEMORY_ERROR_TYPE_UNCORRECTED || sim_is_mig(dev) || set < 0)
		set = 0;
	*ret = (unsigned long long)set;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetTotalEccErrors,
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType, nvmlEccCounterType_t counterType,
	   unsigned long long *eccCounts),
	  (device, errorType, counterType, eccCounts))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	return status == NVML_SUCCESS ? errors(&dev, errorType, counterType, eccCounts) : status;
}

SIM_ENTRY(nvmlDeviceGetMemoryErrorCounter,
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType, nvmlEccCounterType_t counterType,
	   nvmlMemoryLocation_t locationType, unsigned long long *count),
	  (device, errorType, counterType, locationType, count))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);
	bool sram;

	if (status != NVML_SUCCESS)
		return status;
	/* Ampere and later count by the two kinds of memory only (measured on H100). */
	sram = locationType == NVML_MEMORY_LOCATION_SRAM;
	if (!sram && locationType != NVML_MEMORY_LOCATION_DRAM)
		return (unsigned)locationType < NVML_MEMORY_LOCATION_COUNT
			       ? NVML_ERROR_NOT_SUPPORTED
			       : NVML_ERROR_INVALID_ARGUMENT;
	status = errors(&dev, errorType, counterType, count);
	if (status == NVML_SUCCESS && sram)
		*count = 0;
	return status;
}

SIM_ENTRY(nvmlDeviceGetSramEccErrorStatus, (nvmlDevice_t device, nvmlEccSramErrorStatus_t *status),
	  (device, status))
{
	unsigned version;
	struct sim_dev dev;
	nvmlReturn_t r = sim_parent(device, &dev);

	if (r != NVML_SUCCESS)
		return r;
	if (!status)
		return NVML_ERROR_INVALID_ARGUMENT;
	version = status->version;
	if (version != nvmlEccSramErrorStatus_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	memset(status, 0, sizeof(*status));
	status->version = version;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetRemappedRows,
	  (nvmlDevice_t device, unsigned int *corrRows, unsigned int *uncRows,
	   unsigned int *isPending, unsigned int *failureOccurred),
	  (device, corrRows, uncRows, isPending, failureOccurred))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!corrRows || !uncRows || !isPending || !failureOccurred)
		return NVML_ERROR_INVALID_ARGUMENT;
	*corrRows = 0;
	*uncRows = 0;
	*isPending = 0;
	*failureOccurred = 0;
	return NVML_SUCCESS;
}

/* All banks have all their spare rows; 512 banks a stack pair, 2560 on an 80 GB board. */
SIM_ENTRY(nvmlDeviceGetRowRemapperHistogram,
	  (nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *values), (device, values))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!values)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(values, 0, sizeof(*values));
	values->max = (dev.board->memory_total_mib + 8192) / 16384 * 512;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetRepairStatus, (nvmlDevice_t device, nvmlRepairStatus_t *repairStatus),
	  (device, repairStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!repairStatus)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (repairStatus->version != nvmlRepairStatus_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	repairStatus->bChannelRepairPending = 0;
	repairStatus->bTpcRepairPending = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetRemappedRows_v2, (nvmlDevice_t device, nvmlRemappedRowsInfo_v2_t *info),
	  (device, info))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(info, 0, sizeof(*info));
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetUnrepairableMemoryFlag_v1,
	  (nvmlDevice_t device, nvmlUnrepairableMemoryStatus_v1_t *unrepairableMemoryStatus),
	  (device, unrepairableMemoryStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!unrepairableMemoryStatus)
		return NVML_ERROR_INVALID_ARGUMENT;
	unrepairableMemoryStatus->bUnrepairableMemory = 0;
	return NVML_SUCCESS;
}
