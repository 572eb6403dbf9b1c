/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: what they are, may be, and why they are not higher. */
#include "sim/sim.h"

#include "sim/reading.h"

static nvmlReturn_t clock_of(nvmlDevice_t device, nvmlClockType_t type, bool max, unsigned *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	const struct mig_board *b;

	if (status != NVML_SUCCESS)
		return status;
	if (!ret || (unsigned)type >= NVML_CLOCK_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	b = dev.board;
	if (type == NVML_CLOCK_MEM)
		*ret = max ? b->max_mem_mhz : sim_set_or(dev.gpu.set.mem_mhz, b->idle_mem_mhz);
	else if (type == NVML_CLOCK_VIDEO)
		*ret = max ? b->max_video_mhz : b->idle_video_mhz;
	else
		*ret = max ? b->max_sm_mhz : sim_set_or(dev.gpu.set.sm_mhz, b->idle_sm_mhz);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetClockInfo, (nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock),
	  (device, type, clock))
{
	return clock_of(device, type, false, clock);
}

SIM_ENTRY(nvmlDeviceGetMaxClockInfo,
	  (nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock), (device, type, clock))
{
	return clock_of(device, type, true, clock);
}

/* Application clocks exist for graphics, SM and memory; nobody moves them here. */
static nvmlReturn_t app_clock(nvmlDevice_t device, nvmlClockType_t type, unsigned *ret)
{
	if (type == NVML_CLOCK_VIDEO)
		return NVML_ERROR_NOT_SUPPORTED;
	return clock_of(device, type, true, ret);
}

SIM_ENTRY(nvmlDeviceGetApplicationsClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz),
	  (device, clockType, clockMHz))
{
	return app_clock(device, clockType, clockMHz);
}

SIM_ENTRY(nvmlDeviceGetDefaultApplicationsClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz),
	  (device, clockType, clockMHz))
{
	return app_clock(device, clockType, clockMHz);
}

SIM_ENTRY(nvmlDeviceGetMaxCustomerBoostClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz),
	  (device, clockType, clockMHz))
{
	if (clockType != NVML_CLOCK_GRAPHICS && clockType != NVML_CLOCK_SM)
		return NVML_ERROR_NOT_SUPPORTED;
	return clock_of(device, clockType, true, clockMHz);
}

SIM_ENTRY(nvmlDeviceGetClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, nvmlClockId_t clockId,
	   unsigned int *clockMHz),
	  (device, clockType, clockId, clockMHz))
{
	switch (clockId) {
	case NVML_CLOCK_ID_CURRENT:
		return clock_of(device, clockType, false, clockMHz);
	case NVML_CLOCK_ID_APP_CLOCK_TARGET:
	case NVML_CLOCK_ID_APP_CLOCK_DEFAULT:
		return app_clock(device, clockType, clockMHz);
	case NVML_CLOCK_ID_CUSTOMER_BOOST_MAX:
		if (clockType == NVML_CLOCK_MEM || clockType == NVML_CLOCK_VIDEO)
			return NVML_ERROR_NOT_SUPPORTED;
		return clock_of(device, clockType, true, clockMHz);
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

static nvmlReturn_t reasons(nvmlDevice_t device, unsigned long long value, unsigned long long *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret = value;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetCurrentClocksEventReasons,
	  (nvmlDevice_t device, unsigned long long *clocksEventReasons),
	  (device, clocksEventReasons))
{
	return reasons(device, nvmlClocksEventReasonGpuIdle, clocksEventReasons);
}

SIM_ENTRY(nvmlDeviceGetCurrentClocksThrottleReasons,
	  (nvmlDevice_t device, unsigned long long *clocksThrottleReasons),
	  (device, clocksThrottleReasons))
{
	return reasons(device, nvmlClocksEventReasonGpuIdle, clocksThrottleReasons);
}

/* Every reason that nvml.h names below 0x200. */
#define ALL_REASONS 0x1ffull

SIM_ENTRY(nvmlDeviceGetSupportedClocksEventReasons,
	  (nvmlDevice_t device, unsigned long long *supportedClocksEventReasons),
	  (device, supportedClocksEventReasons))
{
	return reasons(device, ALL_REASONS, supportedClocksEventReasons);
}

SIM_ENTRY(nvmlDeviceGetSupportedClocksThrottleReasons,
	  (nvmlDevice_t device, unsigned long long *supportedClocksThrottleReasons),
	  (device, supportedClocksThrottleReasons))
{
	return reasons(device, ALL_REASONS, supportedClocksThrottleReasons);
}

/* --- clocks that may be asked for ----------------------------------------------------------- */

/* Writes a list in NVML's way: *count is the room on entry and the number on return. */
static nvmlReturn_t write_clocks(unsigned first, unsigned step, unsigned n, unsigned *count,
				 unsigned *list)
{
	unsigned room = *count;

	*count = n;
	if (room < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	if (!list)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < n; i++)
		list[i] = first - i * step;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetSupportedMemoryClocks,
	  (nvmlDevice_t device, unsigned int *count, unsigned int *clocksMHz),
	  (device, count, clocksMHz))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	return write_clocks(dev.board->max_mem_mhz, 0, 1, count, clocksMHz);
}

/* Steps of 15 MHz down to the lowest (measured on H100: 1980 to 345; Ampere ends at 210). */
#define GRAPHICS_STEP_MHZ 15

SIM_ENTRY(nvmlDeviceGetSupportedGraphicsClocks,
	  (nvmlDevice_t device, unsigned int memoryClockMHz, unsigned int *count,
	   unsigned int *clocksMHz),
	  (device, memoryClockMHz, count, clocksMHz))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned lowest;

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (memoryClockMHz != dev.board->max_mem_mhz)
		return NVML_ERROR_NOT_FOUND;
	lowest = dev.board->architecture >= NVML_DEVICE_ARCH_HOPPER ? 345 : 210;
	if (dev.board->max_sm_mhz < lowest)
		return NVML_ERROR_NOT_SUPPORTED;
	return write_clocks(dev.board->max_sm_mhz, GRAPHICS_STEP_MHZ,
			    (dev.board->max_sm_mhz - lowest) / GRAPHICS_STEP_MHZ + 1, count,
			    clocksMHz);
}
