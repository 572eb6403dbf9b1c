/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that programs set: root's, seen by every process, gone when the driver starts anew. */
#include "sim/sim.h"

#include "sim/clock.h"
#include "sim/numbers.h"

struct clocks {
	unsigned mem, sm;  /* application clocks; 0: the board's own */
	unsigned min, max; /* of a lock; 0: none */
};

/* Looks the GPU up and lets fn change its settings; fn's result is an errno. */
static nvmlReturn_t change(const struct sim_dev *dev,
			   int (*fn)(struct lab_settings *user, const void *arg),
			   const struct clocks *arg)
{
	return sim_status(lab_set_settings(sim_lab(), dev->ref.gpu, fn, arg));
}

static int set_application(struct lab_settings *user, const void *arg)
{
	const struct clocks *c = arg;

	user->app_mem_mhz = c->mem;
	user->app_sm_mhz = c->sm;
	return 0;
}

static int lock_sm(struct lab_settings *user, const void *arg)
{
	const struct clocks *c = arg;

	user->lock_sm_min = c->min;
	user->lock_sm_max = c->max;
	return 0;
}

static int lock_mem(struct lab_settings *user, const void *arg)
{
	const struct clocks *c = arg;

	user->lock_mem_min = c->min;
	user->lock_mem_max = c->max;
	return 0;
}

/* Only a pair that the two lists of supported clocks have (nvml.h at SetApplicationsClocks). */
static bool offered(const struct mig_board *board, unsigned mem, unsigned sm)
{
	unsigned mhz[2], n = sim_mem_clocks(board, mhz);
	bool found = false;

	for (unsigned i = 0; i < n; i++)
		found = found || mhz[i] == mem;
	return found && sm >= sim_min_sm_mhz(board) && sm <= board->max_sm_mhz &&
	       (board->max_sm_mhz - sm) % SIM_GRAPHICS_STEP_MHZ == 0;
}

SIM_ENTRY(nvmlDeviceSetApplicationsClocks,
	  (nvmlDevice_t device, unsigned int memClockMHz, unsigned int graphicsClockMHz),
	  (device, memClockMHz, graphicsClockMHz))
{
	struct clocks c = { .mem = memClockMHz, .sm = graphicsClockMHz };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!offered(dev.board, memClockMHz, graphicsClockMHz))
		return NVML_ERROR_INVALID_ARGUMENT;
	return change(&dev, set_application, &c);
}

SIM_ENTRY(nvmlDeviceResetApplicationsClocks, (nvmlDevice_t device), (device))
{
	struct clocks none = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	return status == NVML_SUCCESS ? change(&dev, set_application, &none) : status;
}

/* nvidia-smi -lgc passes the words "tdp" and "unlimited" as numbers above every clock. */
static unsigned limit(unsigned mhz, const struct mig_board *board)
{
	if (mhz == NVML_CLOCK_LIMIT_ID_TDP)
		return sim_default_sm_mhz(board);
	return mhz == NVML_CLOCK_LIMIT_ID_UNLIMITED ? board->max_sm_mhz : mhz;
}

/* Bounds outside what the GPU can do are drawn to its nearest clock. */
static nvmlReturn_t bounds(unsigned min, unsigned max, unsigned lowest, unsigned highest,
			   struct clocks *ret)
{
	if (min > max || max == 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret->min = min < lowest ? lowest : min > highest ? highest : min;
	ret->max = max < lowest ? lowest : max > highest ? highest : max;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceSetGpuLockedClocks,
	  (nvmlDevice_t device, unsigned int minGpuClockMHz, unsigned int maxGpuClockMHz),
	  (device, minGpuClockMHz, maxGpuClockMHz))
{
	struct clocks c = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	status = bounds(limit(minGpuClockMHz, dev.board), limit(maxGpuClockMHz, dev.board),
			sim_min_sm_mhz(dev.board), dev.board->max_sm_mhz, &c);
	return status == NVML_SUCCESS ? change(&dev, lock_sm, &c) : status;
}

SIM_ENTRY(nvmlDeviceResetGpuLockedClocks, (nvmlDevice_t device), (device))
{
	struct clocks none = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	return status == NVML_SUCCESS ? change(&dev, lock_sm, &none) : status;
}

SIM_ENTRY(nvmlDeviceSetMemoryLockedClocks,
	  (nvmlDevice_t device, unsigned int minMemClockMHz, unsigned int maxMemClockMHz),
	  (device, minMemClockMHz, maxMemClockMHz))
{
	struct clocks c = { 0 };
	unsigned mhz[2], n;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	n = sim_mem_clocks(dev.board, mhz);
	status = bounds(minMemClockMHz, maxMemClockMHz, mhz[n - 1], mhz[0], &c);
	return status == NVML_SUCCESS ? change(&dev, lock_mem, &c) : status;
}

SIM_ENTRY(nvmlDeviceResetMemoryLockedClocks, (nvmlDevice_t device), (device))
{
	struct clocks none = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	return status == NVML_SUCCESS ? change(&dev, lock_mem, &none) : status;
}

/* Boost that can be switched off ended with Pascal. */
SIM_REFUSED(nvmlDeviceGetAutoBoostedClocksEnabled,
	    (nvmlDevice_t device, nvmlEnableState_t *isEnabled,
	     nvmlEnableState_t *defaultIsEnabled),
	    (device, isEnabled, defaultIsEnabled), isEnabled &&defaultIsEnabled)
SIM_REFUSED_SET(nvmlDeviceSetAutoBoostedClocksEnabled,
		(nvmlDevice_t device, nvmlEnableState_t enabled), (device, enabled),
		(unsigned)enabled <= NVML_FEATURE_ENABLED)
SIM_REFUSED_SET(nvmlDeviceSetDefaultAutoBoostedClocksEnabled,
		(nvmlDevice_t device, nvmlEnableState_t enabled, unsigned int flags),
		(device, enabled, flags), (unsigned)enabled <= NVML_FEATURE_ENABLED && !flags)

/* Measured on H200: application clocks know no restriction, boosted clocks have none. */
SIM_ENTRY(nvmlDeviceGetAPIRestriction,
	  (nvmlDevice_t device, nvmlRestrictedAPI_t apiType, nvmlEnableState_t *isRestricted),
	  (device, apiType, isRestricted))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!isRestricted || (unsigned)apiType >= NVML_RESTRICTED_API_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (apiType == NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS)
		return NVML_ERROR_NOT_SUPPORTED;
	*isRestricted = NVML_FEATURE_DISABLED;
	return NVML_SUCCESS;
}

SIM_REFUSED_SET(nvmlDeviceSetAPIRestriction,
		(nvmlDevice_t device, nvmlRestrictedAPI_t apiType, nvmlEnableState_t isRestricted),
		(device, apiType, isRestricted),
		(unsigned)apiType < NVML_RESTRICTED_API_COUNT &&
			(unsigned)isRestricted <= NVML_FEATURE_ENABLED)
