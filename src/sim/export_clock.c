/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: what they are, may be, and why they are not higher. */
#include "sim/sim.h"

#include <string.h>

#include "sim/clock.h"
#include "sim/reading.h"

/* Locked clocks keep what is asked of the GPU between two bounds; 0 above: there are none. */
static unsigned within(unsigned mhz, unsigned min, unsigned max)
{
	if (!max)
		return mhz;
	if (mhz < min)
		return min;
	return mhz > max ? max : mhz;
}

unsigned sim_sm_mhz(const struct sim_dev *dev)
{
	const struct lab_settings *user = &dev->gpu.user;

	if (dev->gpu.set.sm_mhz >= 0)
		return (unsigned)dev->gpu.set.sm_mhz;
	return within(dev->board->idle_sm_mhz, user->lock_sm_min, user->lock_sm_max);
}

unsigned sim_mem_mhz(const struct sim_dev *dev)
{
	const struct lab_settings *user = &dev->gpu.user;

	if (dev->gpu.set.mem_mhz >= 0)
		return (unsigned)dev->gpu.set.mem_mhz;
	return within(dev->board->idle_mem_mhz, user->lock_mem_min, user->lock_mem_max);
}

static nvmlReturn_t clock_of(nvmlDevice_t device, nvmlClockType_t type, bool max, unsigned *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = max ? sim_parent(device, &dev) : sim_live_parent(device, &dev);
	const struct mig_board *b;

	if (status != NVML_SUCCESS)
		return status;
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	/* Measured on H200: the current clock of an unknown type is not supported, others invalid.
	 */
	if ((unsigned)type >= NVML_CLOCK_COUNT)
		return max ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
	b = dev.board;
	if (type == NVML_CLOCK_MEM)
		*ret = max ? b->max_mem_mhz : sim_mem_mhz(&dev);
	else if (type == NVML_CLOCK_VIDEO)
		*ret = max ? b->max_video_mhz : b->idle_video_mhz;
	else
		*ret = max ? b->max_sm_mhz : sim_sm_mhz(&dev);
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

/* Application clocks exist for graphics, SM and memory; the default is the board's. */
static nvmlReturn_t app_clock(nvmlDevice_t device, nvmlClockType_t type, bool set, unsigned *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!ret || (unsigned)type >= NVML_CLOCK_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (type == NVML_CLOCK_VIDEO)
		return NVML_ERROR_NOT_SUPPORTED;
	if (type == NVML_CLOCK_MEM)
		*ret = set && dev.gpu.user.app_mem_mhz ? dev.gpu.user.app_mem_mhz
						       : dev.board->max_mem_mhz;
	else
		*ret = set && dev.gpu.user.app_sm_mhz ? dev.gpu.user.app_sm_mhz
						      : sim_default_sm_mhz(dev.board);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetApplicationsClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz),
	  (device, clockType, clockMHz))
{
	return app_clock(device, clockType, true, clockMHz);
}

SIM_ENTRY(nvmlDeviceGetDefaultApplicationsClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz),
	  (device, clockType, clockMHz))
{
	return app_clock(device, clockType, false, clockMHz);
}

SIM_ENTRY(nvmlDeviceGetMaxCustomerBoostClock,
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz),
	  (device, clockType, clockMHz))
{
	if (clockType == NVML_CLOCK_MEM || clockType == NVML_CLOCK_VIDEO)
		return sim_not_there(device, clockMHz);
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
		return app_clock(device, clockType, true, clockMHz);
	case NVML_CLOCK_ID_APP_CLOCK_DEFAULT:
		return app_clock(device, clockType, false, clockMHz);
	case NVML_CLOCK_ID_CUSTOMER_BOOST_MAX:
		if (clockType == NVML_CLOCK_MEM || clockType == NVML_CLOCK_VIDEO)
			return sim_not_there(device, clockMHz);
		return clock_of(device, clockType, true, clockMHz);
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

/*
 * Why the clocks are not higher: the GPU is idle, or what it draws, its temperature or its
 * application clocks hold it back. All of it follows from the GPU's own readings.
 */
static unsigned long long reasons_now(const struct sim_dev *dev)
{
	const struct mig_board *b = dev->board;
	unsigned long long mask = 0;

	if (dev->gpu.set.utilization_gpu <= 0)
		return nvmlClocksEventReasonGpuIdle;
	if (lab_power_mw(b, &dev->gpu) >= sim_power_limit_mw(dev))
		mask |= nvmlClocksEventReasonSwPowerCap;
	if (b->slowdown_c > 0 && sim_temperature(dev) >= b->slowdown_c)
		mask |= nvmlClocksThrottleReasonHwSlowdown |
			nvmlClocksThrottleReasonHwThermalSlowdown;
	if (dev->gpu.user.app_sm_mhz && dev->gpu.user.app_sm_mhz < sim_default_sm_mhz(b))
		mask |= nvmlClocksEventReasonApplicationsClocksSetting;
	return mask;
}

static nvmlReturn_t reasons(nvmlDevice_t device, unsigned long long all, unsigned long long *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = all ? sim_parent(device, &dev) : sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret = all ? all : reasons_now(&dev);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetCurrentClocksEventReasons,
	  (nvmlDevice_t device, unsigned long long *clocksEventReasons),
	  (device, clocksEventReasons))
{
	return reasons(device, 0, clocksEventReasons);
}

SIM_ENTRY(nvmlDeviceGetCurrentClocksThrottleReasons,
	  (nvmlDevice_t device, unsigned long long *clocksThrottleReasons),
	  (device, clocksThrottleReasons))
{
	return reasons(device, 0, clocksThrottleReasons);
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

unsigned sim_mem_clocks(const struct mig_board *board, unsigned ret[2])
{
	ret[0] = board->max_mem_mhz;
	ret[1] = board->second_mem_mhz;
	return board->second_mem_mhz ? 2 : 1;
}

unsigned sim_min_sm_mhz(const struct mig_board *board)
{
	if (board->min_sm_mhz)
		return board->min_sm_mhz;
	return board->architecture >= NVML_DEVICE_ARCH_HOPPER ? 345 : 210;
}

/* Writes a list in NVML's way: *count is the room on entry and the number on return. */
static nvmlReturn_t room_for(unsigned n, unsigned *count, const unsigned *list)
{
	unsigned room = *count;

	*count = n;
	if (room < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	return list ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

SIM_ENTRY(nvmlDeviceGetSupportedMemoryClocks,
	  (nvmlDevice_t device, unsigned int *count, unsigned int *clocksMHz),
	  (device, count, clocksMHz))
{
	unsigned mhz[2], n;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	n = sim_mem_clocks(dev.board, mhz);
	status = room_for(n, count, clocksMHz);
	for (unsigned i = 0; status == NVML_SUCCESS && i < n; i++)
		clocksMHz[i] = mhz[i];
	return status;
}

/* Four at a time, which is one store: there are up to two hundred. */
typedef uint32_t four_clocks __attribute__((vector_size(16)));

static void put_steps(unsigned highest, unsigned n, unsigned *ret)
{
	enum { STEP = SIM_GRAPHICS_STEP_MHZ };
	four_clocks four = { highest, highest - STEP, highest - 2 * STEP, highest - 3 * STEP };
	unsigned i = 0;

	for (; i + 4 <= n; i += 4, four -= 4 * STEP)
		memcpy(&ret[i], &four, sizeof(four));
	for (; i < n; i++)
		ret[i] = highest - i * STEP;
}

/* Steps of 15 MHz down to the lowest (measured on H100 and H200: 1980 to 345). */
SIM_ENTRY(nvmlDeviceGetSupportedGraphicsClocks,
	  (nvmlDevice_t device, unsigned int memoryClockMHz, unsigned int *count,
	   unsigned int *clocksMHz),
	  (device, memoryClockMHz, count, clocksMHz))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned lowest, n;

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!memoryClockMHz || (memoryClockMHz != dev.board->max_mem_mhz &&
				memoryClockMHz != dev.board->second_mem_mhz))
		return NVML_ERROR_NOT_FOUND;
	lowest = sim_min_sm_mhz(dev.board);
	if (dev.board->max_sm_mhz < lowest)
		return NVML_ERROR_NOT_SUPPORTED;
	n = (dev.board->max_sm_mhz - lowest) / SIM_GRAPHICS_STEP_MHZ + 1;
	status = room_for(n, count, clocksMHz);
	if (status != NVML_SUCCESS)
		return status;
	put_steps(dev.board->max_sm_mhz, n, clocksMHz);
	return NVML_SUCCESS;
}
