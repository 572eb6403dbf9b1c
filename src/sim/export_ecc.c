/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of memory and what the board does about them: ECC, spare rows, retired pages. */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"
#include "sim/reading.h"

/* --- mode ----------------------------------------------------------------------------------- */

SIM_NUMBER(nvmlDeviceGetDefaultEccMode, sim_parent, nvmlEnableState_t, NVML_FEATURE_ENABLED)

SIM_ENTRY(nvmlDeviceGetEccMode,
	  (nvmlDevice_t device, nvmlEnableState_t *current, nvmlEnableState_t *pending),
	  (device, current, pending))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!current || !pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	*current = dev.gpu.ecc_current ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
	*pending = dev.gpu.ecc_pending ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
	return NVML_SUCCESS;
}

/* Pending until the GPU is reset or the machine rebooted; the inforom keeps it (nvidia-smi -e). */
SIM_ENTRY(nvmlDeviceSetEccMode, (nvmlDevice_t device, nvmlEnableState_t ecc), (device, ecc))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (ecc != NVML_FEATURE_DISABLED && ecc != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	return sim_status(lab_set_ecc_mode(sim_lab(), dev.ref.gpu, ecc == NVML_FEATURE_ENABLED));
}

/* --- counters ------------------------------------------------------------------------------- */

/* Errors that "lab set" gave the GPU's memory; a MIG device has had none. */
static nvmlReturn_t errors(const struct sim_dev *dev, nvmlMemoryErrorType_t type,
			   nvmlEccCounterType_t counter, unsigned long long *ret)
{
	const struct lab_readings *set = &dev->gpu.set;
	bool corrected = type == NVML_MEMORY_ERROR_TYPE_CORRECTED;
	int32_t n;

	if ((unsigned)type >= NVML_MEMORY_ERROR_TYPE_COUNT ||
	    (unsigned)counter >= NVML_ECC_COUNTER_TYPE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev->gpu.ecc_current)
		return NVML_ERROR_NOT_SUPPORTED;
	if (counter == NVML_VOLATILE_ECC)
		n = corrected ? set->ecc_volatile_corrected : set->ecc_volatile;
	else
		n = corrected ? set->ecc_aggregate_corrected : set->ecc_aggregate;
	*ret = sim_is_mig(dev) ? 0 : sim_set_or(n, 0);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetTotalEccErrors,
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType, nvmlEccCounterType_t counterType,
	   unsigned long long *eccCounts),
	  (device, errorType, counterType, eccCounts))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live(device, &dev);

	if (status == NVML_SUCCESS && !eccCounts)
		return NVML_ERROR_INVALID_ARGUMENT;
	return status == NVML_SUCCESS ? errors(&dev, errorType, counterType, eccCounts) : status;
}

/* The parts of a GPU before Ampere: of them the memory alone still counts (measured on H200). */
SIM_ENTRY(nvmlDeviceGetDetailedEccErrors,
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType, nvmlEccCounterType_t counterType,
	   nvmlEccErrorCounts_t *eccCounts),
	  (device, errorType, counterType, eccCounts))
{
	nvmlEccErrorCounts_t counts = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status == NVML_SUCCESS && !eccCounts)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (status == NVML_SUCCESS)
		status = errors(&dev, errorType, counterType, &counts.deviceMemory);
	if (status == NVML_SUCCESS)
		*eccCounts = counts;
	return status;
}

SIM_ENTRY(nvmlDeviceGetMemoryErrorCounter,
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType, nvmlEccCounterType_t counterType,
	   nvmlMemoryLocation_t locationType, unsigned long long *count),
	  (device, errorType, counterType, locationType, count))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live(device, &dev);
	unsigned long long n = 0;
	bool sram;

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	/* Ampere and later count by the two kinds of memory only (measured on H100 and H200). */
	sram = locationType == NVML_MEMORY_LOCATION_SRAM;
	if (!sram && locationType != NVML_MEMORY_LOCATION_DRAM)
		return (unsigned)locationType < NVML_MEMORY_LOCATION_COUNT
			       ? NVML_ERROR_NOT_SUPPORTED
			       : NVML_ERROR_INVALID_ARGUMENT;
	status = errors(&dev, errorType, counterType, &n);
	if (status == NVML_SUCCESS)
		*count = sram ? 0 : n;
	return status;
}

SIM_ENTRY(nvmlDeviceClearEccErrorCounts, (nvmlDevice_t device, nvmlEccCounterType_t counterType),
	  (device, counterType))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if ((unsigned)counterType >= NVML_ECC_COUNTER_TYPE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	return sim_status(lab_clear_ecc(sim_lab(), dev.ref.gpu, counterType == NVML_AGGREGATE_ECC));
}

/* Errors of a lab are the memory's; those of the chip itself (SRAM) are none. */
SIM_ENTRY(nvmlDeviceGetSramEccErrorStatus, (nvmlDevice_t device, nvmlEccSramErrorStatus_t *status),
	  (device, status))
{
	unsigned version;
	struct sim_dev dev;
	nvmlReturn_t r = sim_live_parent(device, &dev);

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

SIM_ENTRY(nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts,
	  (nvmlDevice_t device, nvmlEccSramUniqueUncorrectedErrorCounts_t *errorCounts),
	  (device, errorCounts))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!errorCounts)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (errorCounts->version != nvmlEccSramUniqueUncorrectedErrorCounts_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	errorCounts->entryCount = 0;
	return NVML_SUCCESS;
}

/* --- spare rows ----------------------------------------------------------------------------- */

SIM_ENTRY(nvmlDeviceGetRemappedRows,
	  (nvmlDevice_t device, unsigned int *corrRows, unsigned int *uncRows,
	   unsigned int *isPending, unsigned int *failureOccurred),
	  (device, corrRows, uncRows, isPending, failureOccurred))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!corrRows || !uncRows || !isPending || !failureOccurred)
		return NVML_ERROR_INVALID_ARGUMENT;
	*corrRows = sim_set_or(dev.gpu.set.remapped_correctable, 0);
	*uncRows = sim_set_or(dev.gpu.set.remapped_uncorrectable, 0);
	*isPending = sim_set_or(dev.gpu.set.remap_pending, 0) > 0;
	*failureOccurred = sim_set_or(dev.gpu.set.remap_failure, 0);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetRemappedRows_v2, (nvmlDevice_t device, nvmlRemappedRowsInfo_v2_t *info),
	  (device, info))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	unsigned waiting;

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	waiting = sim_waiting_rows(&dev);
	*info = (nvmlRemappedRowsInfo_v2_t){
		.corrActiveRemaps = sim_set_or(dev.gpu.set.remapped_correctable, 0),
		.uncActiveRemaps = sim_set_or(dev.gpu.set.remapped_uncorrectable, 0) - waiting,
		.uncInactiveRemaps = waiting,
		.bPending = sim_set_or(dev.gpu.set.remap_pending, 0) > 0,
		.bFailureOccurred = sim_set_or(dev.gpu.set.remap_failure, 0),
	};
	return NVML_SUCCESS;
}

/*
 * How many banks have all their spare rows, or fewer. Each remapped row of a lab is in a bank of
 * its own, and a failure means that one bank has none left.
 */
SIM_ENTRY(nvmlDeviceGetRowRemapperHistogram,
	  (nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *values), (device, values))
{
	unsigned used, failed;
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!values)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev.board->remap_banks)
		return NVML_ERROR_NOT_SUPPORTED;
	failed = sim_set_or(dev.gpu.set.remap_failure, 0);
	used = sim_set_or(dev.gpu.set.remapped_correctable, 0) +
	       sim_set_or(dev.gpu.set.remapped_uncorrectable, 0);
	if (used > dev.board->remap_banks - failed)
		used = dev.board->remap_banks - failed;
	memset(values, 0, sizeof(*values));
	values->max = dev.board->remap_banks - used - failed;
	values->high = used;
	values->none = failed;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetRepairStatus, (nvmlDevice_t device, nvmlRepairStatus_t *repairStatus),
	  (device, repairStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

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

SIM_ENTRY(nvmlDeviceGetUnrepairableMemoryFlag_v1,
	  (nvmlDevice_t device, nvmlUnrepairableMemoryStatus_v1_t *unrepairableMemoryStatus),
	  (device, unrepairableMemoryStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!unrepairableMemoryStatus)
		return NVML_ERROR_INVALID_ARGUMENT;
	unrepairableMemoryStatus->bUnrepairableMemory = sim_set_or(dev.gpu.set.remap_failure, 0);
	return NVML_SUCCESS;
}

/* --- retired pages -------------------------------------------------------------------------- */

/* Ampere and later replace rows and retire no pages (measured on H100 and H200). */
SIM_REFUSED(nvmlDeviceGetRetiredPages,
	    (nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned int *pageCount,
	     unsigned long long *addresses),
	    (device, cause, pageCount, addresses),
	    ((void)addresses, pageCount) && (unsigned)cause < NVML_PAGE_RETIREMENT_CAUSE_COUNT)
SIM_REFUSED(nvmlDeviceGetRetiredPages_v2,
	    (nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned int *pageCount,
	     unsigned long long *addresses, unsigned long long *timestamps),
	    (device, cause, pageCount, addresses, timestamps),
	    ((void)addresses, (void)timestamps, pageCount) &&
		    (unsigned)cause < NVML_PAGE_RETIREMENT_CAUSE_COUNT)
SIM_REFUSED(nvmlDeviceGetRetiredPagesPendingStatus,
	    (nvmlDevice_t device, nvmlEnableState_t *isPending), (device, isPending), isPending)
