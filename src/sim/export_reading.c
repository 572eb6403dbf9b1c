/* SPDX-License-Identifier: Apache-2.0 */
/* Readings: temperature, power, clocks, utilization. A MIG device has none of its own. */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"

/* What "lab set" fixed, or else the board's idle value. */
static unsigned set_or(int32_t set, uint32_t idle)
{
	return set == LAB_AUTO || set < 0 ? idle : (unsigned)set;
}

static int temperature(const struct sim_dev *dev)
{
	int32_t set = dev->gpu.set.temperature_c;

	return set == LAB_AUTO ? dev->board->idle_temperature_c : set;
}

SIM_ENTRY(nvmlDeviceGetTemperature,
	  (nvmlDevice_t device, nvmlTemperatureSensors_t sensorType, unsigned int *temp),
	  (device, sensorType, temp))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!temp || sensorType != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	*temp = (unsigned)temperature(&dev);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetTemperatureV, (nvmlDevice_t device, nvmlTemperature_t *value),
	  (device, value))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!value)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (value->version != nvmlTemperature_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (value->sensorType != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	value->temperature = temperature(&dev);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetTemperatureThreshold,
	  (nvmlDevice_t device, nvmlTemperatureThresholds_t thresholdType, unsigned int *temp),
	  (device, thresholdType, temp))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	int32_t v;

	if (status != NVML_SUCCESS)
		return status;
	if (!temp || (unsigned)thresholdType >= NVML_TEMPERATURE_THRESHOLD_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (thresholdType == NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)
		v = dev.board->shutdown_c;
	else if (thresholdType == NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)
		v = dev.board->slowdown_c;
	else
		return NVML_ERROR_NOT_SUPPORTED;
	if (v <= 0)
		return NVML_ERROR_NOT_SUPPORTED;
	*temp = (unsigned)v;
	return NVML_SUCCESS;
}

static nvmlReturn_t fan(nvmlDevice_t device, unsigned index, unsigned *speed)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!dev.board->has_fan)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!speed || index > 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	*speed = set_or(dev.gpu.set.fan_percent, 30);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetFanSpeed, (nvmlDevice_t device, unsigned int *speed), (device, speed))
{
	return fan(device, 0, speed);
}

SIM_ENTRY(nvmlDeviceGetFanSpeed_v2, (nvmlDevice_t device, unsigned int index, unsigned int *speed),
	  (device, index, speed))
{
	return fan(device, index, speed);
}

SIM_NUMBER(nvmlDeviceGetNumFans, sim_parent, unsigned int, dev.board->has_fan)

/* --- power ---------------------------------------------------------------------------------- */

SIM_NUMBER(nvmlDeviceGetPowerUsage, sim_parent, unsigned int,
	   set_or(dev.gpu.set.power_mw, dev.board->idle_power_mw))
SIM_NUMBER(nvmlDeviceGetEnforcedPowerLimit, sim_parent, unsigned int, dev.board->power_limit_mw)
SIM_NUMBER(nvmlDeviceGetPowerManagementLimit, sim_parent, unsigned int, dev.board->power_limit_mw)
SIM_NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, sim_parent, unsigned int,
	   dev.board->power_limit_mw)
SIM_NUMBER(nvmlDeviceGetPowerManagementMode, sim_parent, nvmlEnableState_t, NVML_FEATURE_ENABLED)
SIM_NUMBER(nvmlDeviceGetPowerSource, sim_parent, nvmlPowerSource_t, NVML_POWER_SOURCE_AC)
SIM_NUMBER(nvmlDeviceGetPowerState, sim_parent, nvmlPstates_t,
	   (nvmlPstates_t)set_or(dev.gpu.set.pstate, 0))
SIM_NUMBER(nvmlDeviceGetPerformanceState, sim_parent, nvmlPstates_t,
	   (nvmlPstates_t)set_or(dev.gpu.set.pstate, 0))

SIM_ENTRY(nvmlDeviceGetPowerManagementLimitConstraints,
	  (nvmlDevice_t device, unsigned int *minLimit, unsigned int *maxLimit),
	  (device, minLimit, maxLimit))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!minLimit || !maxLimit)
		return NVML_ERROR_INVALID_ARGUMENT;
	*minLimit = dev.board->power_min_mw;
	*maxLimit = dev.board->power_max_mw;
	return NVML_SUCCESS;
}

/* --- clocks --------------------------------------------------------------------------------- */

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
		*ret = max ? b->max_mem_mhz : set_or(dev.gpu.set.mem_mhz, b->idle_mem_mhz);
	else if (type == NVML_CLOCK_VIDEO)
		*ret = max ? b->max_video_mhz : b->idle_video_mhz;
	else
		*ret = max ? b->max_sm_mhz : set_or(dev.gpu.set.sm_mhz, b->idle_sm_mhz);
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

/* --- utilization ---------------------------------------------------------------------------- */

/* In MIG mode no driver tells how busy the whole GPU is: "N/A" in nvidia-smi. */
static nvmlReturn_t busy_device(nvmlDevice_t device, const void *out, struct sim_dev *dev)
{
	nvmlReturn_t status = sim_parent(device, dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!out)
		return NVML_ERROR_INVALID_ARGUMENT;
	return dev->gpu.mig_current ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetUtilizationRates, (nvmlDevice_t device, nvmlUtilization_t *utilization),
	  (device, utilization))
{
	struct sim_dev dev;
	nvmlReturn_t status = busy_device(device, utilization, &dev);

	if (status != NVML_SUCCESS)
		return status;
	utilization->gpu = set_or(dev.gpu.set.utilization_gpu, 0);
	utilization->memory = set_or(dev.gpu.set.utilization_memory, 0);
	return NVML_SUCCESS;
}

static nvmlReturn_t engine_busy(nvmlDevice_t device, unsigned *utilization, unsigned *period)
{
	struct sim_dev dev;
	nvmlReturn_t status = busy_device(device, utilization, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!period)
		return NVML_ERROR_INVALID_ARGUMENT;
	*utilization = 0;
	*period = 1000000;
	return NVML_SUCCESS;
}

#define SIM_ENGINE(sym)                                                                        \
	SIM_ENTRY(sym, (nvmlDevice_t device, unsigned int *utilization, unsigned int *period), \
		  (device, utilization, period))                                               \
	{                                                                                      \
		return engine_busy(device, utilization, period);                               \
	}

SIM_ENGINE(nvmlDeviceGetEncoderUtilization)
SIM_ENGINE(nvmlDeviceGetDecoderUtilization)
SIM_ENGINE(nvmlDeviceGetJpgUtilization)
SIM_ENGINE(nvmlDeviceGetOfaUtilization)

SIM_ENTRY(nvmlDeviceGetEncoderStats,
	  (nvmlDevice_t device, unsigned int *sessionCount, unsigned int *averageFps,
	   unsigned int *averageLatency),
	  (device, sessionCount, averageFps, averageLatency))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!sessionCount || !averageFps || !averageLatency)
		return NVML_ERROR_INVALID_ARGUMENT;
	*sessionCount = 0;
	*averageFps = 0;
	*averageLatency = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetFBCStats, (nvmlDevice_t device, nvmlFBCStats_t *fbcStats),
	  (device, fbcStats))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!fbcStats)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(fbcStats, 0, sizeof(*fbcStats));
	return NVML_SUCCESS;
}

/* --- field values --------------------------------------------------------------------------- */

static void uint_field(nvmlFieldValue_t *f, unsigned v)
{
	f->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
	f->value.uiVal = v;
	f->nvmlReturn = NVML_SUCCESS;
}

static void field(const struct sim_dev *dev, nvmlFieldValue_t *f)
{
	unsigned power = set_or(dev->gpu.set.power_mw, dev->board->idle_power_mw);

	f->timestamp = 0;
	f->latencyUsec = 0;
	f->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
	switch (f->fieldId) {
	case NVML_FI_DEV_ECC_CURRENT:
		uint_field(f, dev->gpu.ecc_current);
		break;
	case NVML_FI_DEV_ECC_PENDING:
		uint_field(f, dev->gpu.ecc_pending);
		break;
	case NVML_FI_DEV_MEMORY_TEMP:
		uint_field(f, (unsigned)temperature(dev));
		break;
	case NVML_FI_DEV_PCIE_REPLAY_COUNTER:
	case NVML_FI_DEV_REMAPPED_COR:
	case NVML_FI_DEV_REMAPPED_UNC:
	case NVML_FI_DEV_REMAPPED_PENDING:
	case NVML_FI_DEV_REMAPPED_FAILURE:
		uint_field(f, 0);
		break;
	case NVML_FI_DEV_POWER_AVERAGE:
	case NVML_FI_DEV_POWER_INSTANT:
		uint_field(f, power);
		break;
	case NVML_FI_DEV_POWER_MIN_LIMIT:
		uint_field(f, dev->board->power_min_mw);
		break;
	case NVML_FI_DEV_POWER_MAX_LIMIT:
		uint_field(f, dev->board->power_max_mw);
		break;
	case NVML_FI_DEV_POWER_DEFAULT_LIMIT:
	case NVML_FI_DEV_POWER_CURRENT_LIMIT:
	case NVML_FI_DEV_POWER_REQUESTED_LIMIT:
		uint_field(f, dev->board->power_limit_mw);
		break;
	default:
		break;
	}
}

SIM_ENTRY(nvmlDeviceGetFieldValues,
	  (nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values),
	  (device, valuesCount, values))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!values || valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (int i = 0; i < valuesCount; i++)
		field(&dev, &values[i]);
	return NVML_SUCCESS;
}
