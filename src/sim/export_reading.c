/* SPDX-License-Identifier: Apache-2.0 */
/* Readings: temperature and utilization. A MIG device has none of its own. */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"
#include "sim/reading.h"

SIM_ENTRY(nvmlDeviceGetTemperature,
	  (nvmlDevice_t device, nvmlTemperatureSensors_t sensorType, unsigned int *temp),
	  (device, sensorType, temp))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!temp || sensorType != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	*temp = (unsigned)sim_temperature(&dev);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetTemperatureV, (nvmlDevice_t device, nvmlTemperature_t *value),
	  (device, value))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!value)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (value->version != nvmlTemperature_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (value->sensorType != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	value->temperature = sim_temperature(&dev);
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
	switch (thresholdType) {
	case NVML_TEMPERATURE_THRESHOLD_SHUTDOWN:
		v = dev.board->shutdown_c;
		break;
	case NVML_TEMPERATURE_THRESHOLD_SLOWDOWN:
		v = dev.board->slowdown_c;
		break;
	case NVML_TEMPERATURE_THRESHOLD_MEM_MAX:
		v = dev.board->memory_max_c;
		break;
	case NVML_TEMPERATURE_THRESHOLD_GPU_MAX:
		v = dev.board->max_operating_c ? dev.board->max_operating_c
					       : sim_max_temperature(dev.board);
		break;
	default:
		return NVML_ERROR_NOT_SUPPORTED;
	}
	if (v <= 0)
		return NVML_ERROR_NOT_SUPPORTED;
	*temp = (unsigned)v;
	return NVML_SUCCESS;
}

/* Acoustic thresholds alone may be set, and boards without a fan of their own have none. */
SIM_REFUSED_SET(nvmlDeviceSetTemperatureThreshold,
		(nvmlDevice_t device, nvmlTemperatureThresholds_t thresholdType, int *temp),
		(device, thresholdType, temp),
		temp && (unsigned)thresholdType < NVML_TEMPERATURE_THRESHOLD_COUNT)

/* What a sensor's bounds are was seen on none of these boards. */
SIM_REFUSED(nvmlDeviceGetThermalSettings,
	    (nvmlDevice_t device, unsigned int sensorIndex,
	     nvmlGpuThermalSettings_t *pThermalSettings),
	    (device, sensorIndex, pThermalSettings), ((void)sensorIndex, pThermalSettings))

SIM_ENTRY(nvmlDeviceGetMarginTemperature,
	  (nvmlDevice_t device, nvmlMarginTemperature_t *marginTempInfo), (device, marginTempInfo))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	int max;

	if (status != NVML_SUCCESS)
		return status;
	if (!marginTempInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (marginTempInfo->version != nvmlMarginTemperature_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	max = sim_max_temperature(dev.board);
	if (max <= 0)
		return NVML_ERROR_NOT_SUPPORTED;
	marginTempInfo->marginTemperature = max - sim_temperature(&dev);
	return NVML_SUCCESS;
}

/* --- utilization ---------------------------------------------------------------------------- */

/* In MIG mode no driver tells how busy the whole GPU is: "N/A" in nvidia-smi. */
static nvmlReturn_t busy_device(nvmlDevice_t device, const void *out, struct sim_dev *dev)
{
	nvmlReturn_t status = sim_live_parent(device, dev);

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
	utilization->gpu = sim_set_or(dev.gpu.set.utilization_gpu, 0);
	utilization->memory = sim_set_or(dev.gpu.set.utilization_memory, 0);
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
	*period = 100000; /* microseconds, measured on H200 */
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
