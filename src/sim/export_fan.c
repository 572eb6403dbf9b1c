/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fans. A passive board has none: its fan speed is not supported, and every call that names a fan
 * by number has the number wrong (measured on H200). A board with a fan has one, number 0.
 */
#include "sim/sim.h"

#include "sim/numbers.h"
#include "sim/reading.h"

static unsigned percent(const struct sim_dev *dev)
{
	return sim_set_or(dev->gpu.set.fan_percent,
			  dev->gpu.user.fan_percent ? dev->gpu.user.fan_percent : 30);
}

/* The GPU whose fan of that number is meant. */
static nvmlReturn_t fan_of(nvmlDevice_t device, unsigned fan, struct sim_dev *ret)
{
	nvmlReturn_t status = sim_parent(device, ret);

	if (status != NVML_SUCCESS)
		return status;
	return ret->board->has_fan && fan == 0 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

SIM_NUMBER(nvmlDeviceGetNumFans, sim_parent, unsigned int, dev.board->has_fan)

SIM_ENTRY(nvmlDeviceGetFanSpeed, (nvmlDevice_t device, unsigned int *speed), (device, speed))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!speed)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev.board->has_fan)
		return NVML_ERROR_NOT_SUPPORTED;
	status = sim_alive(&dev);
	if (status != NVML_SUCCESS)
		return status;
	*speed = percent(&dev);
	return NVML_SUCCESS;
}

static nvmlReturn_t speed_of(nvmlDevice_t device, unsigned fan, unsigned *speed)
{
	struct sim_dev dev;
	nvmlReturn_t status = fan_of(device, fan, &dev);

	if (status == NVML_SUCCESS)
		status = sim_alive(&dev);
	if (status != NVML_SUCCESS)
		return status;
	if (!speed)
		return NVML_ERROR_INVALID_ARGUMENT;
	*speed = percent(&dev);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetFanSpeed_v2, (nvmlDevice_t device, unsigned int index, unsigned int *speed),
	  (device, index, speed))
{
	return speed_of(device, index, speed);
}

SIM_ENTRY(nvmlDeviceGetTargetFanSpeed,
	  (nvmlDevice_t device, unsigned int fan, unsigned int *targetSpeed),
	  (device, fan, targetSpeed))
{
	return speed_of(device, fan, targetSpeed);
}

/* How fast it turns and may turn is known of no board here. */
SIM_ENTRY(nvmlDeviceGetFanSpeedRPM, (nvmlDevice_t device, nvmlFanSpeedInfo_t *fanSpeed),
	  (device, fanSpeed))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!fanSpeed)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (fanSpeed->version != nvmlFanSpeedInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!dev.board->has_fan || fanSpeed->fan != 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	return NVML_ERROR_NOT_SUPPORTED;
}

SIM_ENTRY(nvmlDeviceGetMinMaxFanSpeed,
	  (nvmlDevice_t device, unsigned int *minSpeed, unsigned int *maxSpeed),
	  (device, minSpeed, maxSpeed))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!minSpeed || !maxSpeed || !dev.board->has_fan)
		return NVML_ERROR_INVALID_ARGUMENT;
	return NVML_ERROR_NOT_SUPPORTED;
}

SIM_REFUSED_V(nvmlDeviceGetCoolerInfo, nvmlCoolerInfo_t, nvmlCoolerInfo_v1)

SIM_ENTRY(nvmlDeviceGetFanControlPolicy_v2,
	  (nvmlDevice_t device, unsigned int fan, nvmlFanControlPolicy_t *policy),
	  (device, fan, policy))
{
	struct sim_dev dev;
	nvmlReturn_t status = fan_of(device, fan, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!policy)
		return NVML_ERROR_INVALID_ARGUMENT;
	*policy = dev.gpu.user.fan_percent ? NVML_FAN_POLICY_MANUAL
					   : NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW;
	return NVML_SUCCESS;
}

/* --- setting -------------------------------------------------------------------------------- */

static int set_percent(struct lab_settings *user, const void *arg)
{
	user->fan_percent = *(const uint8_t *)arg;
	return 0;
}

/* 0: by temperature again. */
static nvmlReturn_t drive(nvmlDevice_t device, unsigned fan, unsigned speed)
{
	struct sim_dev dev;
	nvmlReturn_t status = fan_of(device, fan, &dev);
	uint8_t value = (uint8_t)speed;

	if (status != NVML_SUCCESS)
		return status;
	return sim_status(lab_set_settings(sim_lab(), dev.ref.gpu, set_percent, &value));
}

SIM_ENTRY(nvmlDeviceSetFanSpeed_v2, (nvmlDevice_t device, unsigned int fan, unsigned int speed),
	  (device, fan, speed))
{
	struct sim_dev dev;
	nvmlReturn_t status = fan_of(device, fan, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (speed < 1 || speed > 100)
		return NVML_ERROR_INVALID_ARGUMENT;
	return drive(device, fan, speed);
}

SIM_ENTRY(nvmlDeviceSetDefaultFanSpeed_v2, (nvmlDevice_t device, unsigned int fan), (device, fan))
{
	return drive(device, fan, 0);
}

SIM_ENTRY(nvmlDeviceSetFanControlPolicy,
	  (nvmlDevice_t device, unsigned int fan, nvmlFanControlPolicy_t policy),
	  (device, fan, policy))
{
	struct sim_dev dev;
	nvmlReturn_t status = fan_of(device, fan, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (policy > NVML_FAN_POLICY_MANUAL)
		return NVML_ERROR_INVALID_ARGUMENT;
	/* By hand: at the speed that it has, until another is set. */
	return drive(device, fan, policy == NVML_FAN_POLICY_MANUAL ? percent(&dev) : 0);
}
