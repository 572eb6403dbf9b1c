/* SPDX-License-Identifier: Apache-2.0 */
/* Performance states, clock offsets, and what held the clocks back. */
#include "sim/sim.h"

#include <string.h>

#include "sim/clock.h"
#include "sim/numbers.h"
#include "sim/reading.h"
#include "sim/text.h"

/* --- states --------------------------------------------------------------------------------- */

/* A state stands for a memory clock: P0 the highest, P2 the one below (measured on H200). */
static unsigned state_mem_mhz(const struct mig_board *board, nvmlPstates_t state)
{
	if (state == NVML_PSTATE_0)
		return board->max_mem_mhz;
	return (unsigned)state == 2 ? board->second_mem_mhz : 0;
}

/* size is in bytes; the rest of the array is filled with "unknown". Lowest state first. */
SIM_ENTRY(nvmlDeviceGetSupportedPerformanceStates,
	  (nvmlDevice_t device, nvmlPstates_t *pstates, unsigned int size), (device, pstates, size))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned n = 0, room = size / sizeof(*pstates);

	if (status != NVML_SUCCESS)
		return status;
	if (!pstates)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (room < (dev.board->second_mem_mhz ? 2u : 1u))
		return NVML_ERROR_INSUFFICIENT_SIZE;
	if (dev.board->second_mem_mhz)
		pstates[n++] = (nvmlPstates_t)2;
	pstates[n++] = NVML_PSTATE_0;
	while (n < room && n < NVML_MAX_GPU_PERF_PSTATES)
		pstates[n++] = NVML_PSTATE_UNKNOWN;
	return NVML_SUCCESS;
}

/* Measured on H200: UNKNOWN for a state that the board does not have. */
SIM_ENTRY(nvmlDeviceGetMinMaxClockOfPState,
	  (nvmlDevice_t device, nvmlClockType_t type, nvmlPstates_t pstate,
	   unsigned int *minClockMHz, unsigned int *maxClockMHz),
	  (device, type, pstate, minClockMHz, maxClockMHz))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned mem;

	if (status != NVML_SUCCESS)
		return status;
	if (!minClockMHz || !maxClockMHz || (unsigned)type >= NVML_CLOCK_COUNT ||
	    (unsigned)pstate > NVML_PSTATE_15)
		return NVML_ERROR_INVALID_ARGUMENT;
	mem = state_mem_mhz(dev.board, pstate);
	if (!mem)
		return NVML_ERROR_UNKNOWN;
	if (type == NVML_CLOCK_VIDEO)
		return NVML_ERROR_NOT_SUPPORTED;
	*minClockMHz = type == NVML_CLOCK_MEM ? mem : sim_min_sm_mhz(dev.board);
	*maxClockMHz = type == NVML_CLOCK_MEM ? mem : dev.board->max_sm_mhz;
	return NVML_SUCCESS;
}

/* "nvclock=..., memclock=..." as an H200 writes it; memory transfers twice a clock. */
static void put_clocks(const struct mig_board *b, unsigned sm, unsigned mem, struct sim_text *to)
{
	char clock[12], rate[12];
	struct sim_text mhz = { .to = clock, .room = sizeof(clock) };
	struct sim_text transfers = { .to = rate, .room = sizeof(rate) };

	sim_put_number(&mhz, mem);
	sim_put_number(&transfers, 2 * mem);
	sim_put(to, "nvclock=");
	sim_put_number(to, sm);
	sim_put(to, ", nvclockmin=");
	sim_put_number(to, sim_min_sm_mhz(b));
	sim_put(to, ", nvclockmax=");
	sim_put_number(to, b->max_sm_mhz);
	sim_put(to, ", nvclockeditable=0, memclock=");
	sim_put(to, clock);
	sim_put(to, ", memclockmin=");
	sim_put(to, clock);
	sim_put(to, ", memclockmax=");
	sim_put(to, clock);
	sim_put(to, ", memclockeditable=0, memTransferRate=");
	sim_put(to, rate);
	sim_put(to, ", memTransferRatemin=");
	sim_put(to, rate);
	sim_put(to, ", memTransferRatemax=");
	sim_put(to, rate);
	sim_put(to, ", memTransferRateeditable=0");
}

SIM_ENTRY(nvmlDeviceGetCurrentClockFreqs,
	  (nvmlDevice_t device, nvmlDeviceCurrentClockFreqs_t *currentClockFreqs),
	  (device, currentClockFreqs))
{
	struct sim_text to = { .room = sizeof(currentClockFreqs->str) };
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!currentClockFreqs)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (currentClockFreqs->version != nvmlDeviceCurrentClockFreqs_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	to.to = currentClockFreqs->str;
	put_clocks(dev.board, sim_sm_mhz(&dev), sim_mem_mhz(&dev), &to);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetPerformanceModes, (nvmlDevice_t device, nvmlDevicePerfModes_t *perfModes),
	  (device, perfModes))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	struct sim_text to = { .room = sizeof(perfModes->str) };
	unsigned mhz[2], n;

	if (status != NVML_SUCCESS)
		return status;
	if (!perfModes)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (perfModes->version != nvmlDevicePerfModes_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	n = sim_mem_clocks(dev.board, mhz);
	to.to = perfModes->str;
	for (unsigned i = 0; i < n; i++) { /* slowest first */
		sim_put(&to, i ? " ; perf=" : "perf=");
		sim_put_number(&to, i);
		sim_put(&to, ", ");
		put_clocks(dev.board, sim_min_sm_mhz(dev.board), mhz[n - 1 - i], &to);
	}
	return NVML_SUCCESS;
}

/* GPU, memory, video engines, bus: those four exist (measured on H200). In MIG mode none is told.
 */
SIM_ENTRY(nvmlDeviceGetDynamicPstatesInfo,
	  (nvmlDevice_t device, nvmlGpuDynamicPstatesInfo_t *pDynamicPstatesInfo),
	  (device, pDynamicPstatesInfo))
{
	nvmlGpuDynamicPstatesInfo_t info = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!pDynamicPstatesInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.gpu.mig_current)
		return NVML_ERROR_NOT_SUPPORTED;
	for (unsigned i = 0; i < 4; i++)
		info.utilization[i].bIsPresent = 1;
	info.utilization[0].percentage = sim_set_or(dev.gpu.set.utilization_gpu, 0);
	info.utilization[1].percentage = sim_set_or(dev.gpu.set.utilization_memory, 0);
	*pDynamicPstatesInfo = info;
	return NVML_SUCCESS;
}

/* Clocks adapt to the voltage (measured on H200); older boards were not asked. */
SIM_ENTRY(nvmlDeviceGetAdaptiveClockInfoStatus,
	  (nvmlDevice_t device, unsigned int *adaptiveClockStatus), (device, adaptiveClockStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!adaptiveClockStatus)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.board->architecture < NVML_DEVICE_ARCH_HOPPER)
		return NVML_ERROR_NOT_SUPPORTED;
	*adaptiveClockStatus = NVML_ADAPTIVE_CLOCKING_INFO_STATUS_ENABLED;
	return NVML_SUCCESS;
}

SIM_REFUSED(nvmlDeviceGetClkMonStatus, (nvmlDevice_t device, nvmlClkMonStatus_t *status_),
	    (device, status_), status_)

/* --- offsets -------------------------------------------------------------------------------- */

/* Measured on H200: an offset of 0 that may be from 0 to 0, so there is none to set. */
static nvmlReturn_t no_offset(nvmlDevice_t device, int *one, int *two)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!one || !two)
		return NVML_ERROR_INVALID_ARGUMENT;
	*one = *two = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetGpcClkVfOffset, (nvmlDevice_t device, int *offset), (device, offset))
{
	return no_offset(device, offset, offset);
}

SIM_ENTRY(nvmlDeviceGetMemClkVfOffset, (nvmlDevice_t device, int *offset), (device, offset))
{
	return no_offset(device, offset, offset);
}

SIM_ENTRY(nvmlDeviceGetGpcClkMinMaxVfOffset, (nvmlDevice_t device, int *minOffset, int *maxOffset),
	  (device, minOffset, maxOffset))
{
	return no_offset(device, minOffset, maxOffset);
}

SIM_ENTRY(nvmlDeviceGetMemClkMinMaxVfOffset, (nvmlDevice_t device, int *minOffset, int *maxOffset),
	  (device, minOffset, maxOffset))
{
	return no_offset(device, minOffset, maxOffset);
}

SIM_REFUSED_SET(nvmlDeviceSetGpcClkVfOffset, (nvmlDevice_t device, int offset), (device, offset),
		offset == 0)
SIM_REFUSED_SET(nvmlDeviceSetMemClkVfOffset, (nvmlDevice_t device, int offset), (device, offset),
		offset == 0)

/* The newer form of the same, for a clock in a state of the board. */
SIM_ENTRY(nvmlDeviceGetClockOffsets, (nvmlDevice_t device, nvmlClockOffset_t *info), (device, info))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != nvmlClockOffset_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if ((unsigned)info->type >= NVML_CLOCK_COUNT || (unsigned)info->pstate > NVML_PSTATE_15)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->type == NVML_CLOCK_VIDEO || !state_mem_mhz(dev.board, info->pstate))
		return NVML_ERROR_NOT_SUPPORTED;
	info->clockOffsetMHz = 0;
	info->minClockOffsetMHz = 0;
	info->maxClockOffsetMHz = 0;
	return NVML_SUCCESS;
}

SIM_REFUSED_V(nvmlDeviceSetClockOffsets, nvmlClockOffset_t, nvmlClockOffset_v1)

/* --- violations ----------------------------------------------------------------------------- */

/*
 * Nanoseconds that a policy held the clocks down since the driver started the GPU, at a time in
 * microseconds (measured on H200: an idle GPU counts low utilization and time below its application
 * clocks, and nothing else). A lab's GPU is idle but for what "lab set" fixes, which counts
 * nowhere.
 */
SIM_ENTRY(nvmlDeviceGetViolationStatus,
	  (nvmlDevice_t device, nvmlPerfPolicyType_t perfPolicyType, nvmlViolationTime_t *violTime),
	  (device, perfPolicyType, violTime))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	uint64_t now = lab_now_us();
	unsigned type = (unsigned)perfPolicyType;

	if (status != NVML_SUCCESS)
		return status;
	if (!violTime || type >= NVML_PERF_POLICY_COUNT ||
	    (type > NVML_PERF_POLICY_RELIABILITY && type < NVML_PERF_POLICY_TOTAL_APP_CLOCKS))
		return NVML_ERROR_INVALID_ARGUMENT;
	violTime->referenceTime = now;
	violTime->violationTime = 0;
	if ((type == NVML_PERF_POLICY_LOW_UTILIZATION ||
	     type >= NVML_PERF_POLICY_TOTAL_APP_CLOCKS) &&
	    now > dev.gpu.loaded_at_us)
		violTime->violationTime = (now - dev.gpu.loaded_at_us) * 1000;
	return NVML_SUCCESS;
}
