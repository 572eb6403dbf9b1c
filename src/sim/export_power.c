/* SPDX-License-Identifier: Apache-2.0 */
/* Power: what is drawn, may be drawn and was drawn. A MIG device has no power of its own. */
#include "sim/sim.h"

#include "sim/numbers.h"
#include "sim/reading.h"

SIM_NUMBER(nvmlDeviceGetPowerUsage, sim_live_parent, unsigned int,
	   lab_power_mw(dev.board, &dev.gpu))
SIM_NUMBER(nvmlDeviceGetEnforcedPowerLimit, sim_live_parent, unsigned int, sim_power_limit_mw(&dev))
SIM_NUMBER(nvmlDeviceGetPowerManagementLimit, sim_live_parent, unsigned int,
	   sim_power_limit_mw(&dev))
SIM_NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, sim_live_parent, unsigned int,
	   dev.board->power_limit_mw)
SIM_NUMBER(nvmlDeviceGetPowerManagementMode, sim_parent, nvmlEnableState_t, NVML_FEATURE_ENABLED)
SIM_NUMBER(nvmlDeviceGetPowerSource, sim_parent, nvmlPowerSource_t, NVML_POWER_SOURCE_AC)
SIM_NUMBER(nvmlDeviceGetPowerState, sim_live_parent, nvmlPstates_t,
	   (nvmlPstates_t)sim_set_or(dev.gpu.set.pstate, 0))
SIM_NUMBER(nvmlDeviceGetPerformanceState, sim_live_parent, nvmlPstates_t,
	   (nvmlPstates_t)sim_set_or(dev.gpu.set.pstate, 0))
/* Millijoules since the driver started the GPU. */
SIM_NUMBER(nvmlDeviceGetTotalEnergyConsumption, sim_live_parent, unsigned long long,
	   lab_energy_mj(dev.board, &dev.gpu, lab_now_us()))

SIM_ENTRY(nvmlDeviceGetPowerManagementLimitConstraints,
	  (nvmlDevice_t device, unsigned int *minLimit, unsigned int *maxLimit),
	  (device, minLimit, maxLimit))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!minLimit || !maxLimit)
		return NVML_ERROR_INVALID_ARGUMENT;
	*minLimit = dev.board->power_min_mw;
	*maxLimit = dev.board->power_max_mw;
	return NVML_SUCCESS;
}

/* --- setting the limit ---------------------------------------------------------------------- */

static int set_limit(struct lab_settings *user, const void *arg)
{
	user->power_limit_mw = *(const unsigned *)arg;
	return 0;
}

/* Root's, until the driver starts anew (nvidia-smi -pl); outside the bounds it is refused. */
static nvmlReturn_t limit_power(nvmlDevice_t device, unsigned mw)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (mw < dev.board->power_min_mw || mw > dev.board->power_max_mw)
		return NVML_ERROR_INVALID_ARGUMENT;
	return sim_status(lab_set_settings(sim_lab(), dev.ref.gpu, set_limit, &mw));
}

SIM_ENTRY(nvmlDeviceSetPowerManagementLimit, (nvmlDevice_t device, unsigned int limit),
	  (device, limit))
{
	return limit_power(device, limit);
}

/* With a scope: the GPU's own limit; those of module and memory are N/A on these boards. */
SIM_ENTRY(nvmlDeviceSetPowerManagementLimit_v2,
	  (nvmlDevice_t device, nvmlPowerValue_v2_t *powerValue), (device, powerValue))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!powerValue)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (powerValue->version != nvmlPowerValue_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (powerValue->powerScope != NVML_POWER_SCOPE_GPU)
		return powerValue->powerScope <= 2 ? NVML_ERROR_NOT_SUPPORTED
						   : NVML_ERROR_INVALID_ARGUMENT;
	return limit_power(device, powerValue->powerValueMw);
}

/* --- what these boards do not have ---------------------------------------------------------- */

/* PowerMizer is for displays' boards; smoothing and profiles came with Blackwell (-q: N/A). */
SIM_REFUSED(nvmlDeviceGetPowerMizerMode_v1,
	    (nvmlDevice_t device, nvmlDevicePowerMizerModes_v1_t *powerMizerMode),
	    (device, powerMizerMode), powerMizerMode)
SIM_REFUSED_SET(nvmlDeviceSetPowerMizerMode_v1,
		(nvmlDevice_t device, nvmlDevicePowerMizerModes_v1_t *powerMizerMode),
		(device, powerMizerMode), powerMizerMode)
SIM_REFUSED_V(nvmlDevicePowerSmoothingActivatePresetProfile, nvmlPowerSmoothingProfile_t,
	      nvmlPowerSmoothingProfile_v1)
SIM_REFUSED_V(nvmlDevicePowerSmoothingUpdatePresetProfileParam, nvmlPowerSmoothingProfile_t,
	      nvmlPowerSmoothingProfile_v1)
SIM_REFUSED_V(nvmlDevicePowerSmoothingSetState, nvmlPowerSmoothingState_t,
	      nvmlPowerSmoothingState_v1)
SIM_REFUSED_V(nvmlDeviceWorkloadPowerProfileGetProfilesInfo, nvmlWorkloadPowerProfileProfilesInfo_t,
	      nvmlWorkloadPowerProfileProfilesInfo_v1)
SIM_REFUSED_V(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles,
	      nvmlWorkloadPowerProfileCurrentProfiles_t, nvmlWorkloadPowerProfileCurrentProfiles_v1)
SIM_REFUSED_V(nvmlDeviceWorkloadPowerProfileSetRequestedProfiles,
	      nvmlWorkloadPowerProfileRequestedProfiles_t,
	      nvmlWorkloadPowerProfileRequestedProfiles_v1)
SIM_REFUSED_V(nvmlDeviceWorkloadPowerProfileClearRequestedProfiles,
	      nvmlWorkloadPowerProfileRequestedProfiles_t,
	      nvmlWorkloadPowerProfileRequestedProfiles_v1)
