/* SPDX-License-Identifier: Apache-2.0 */
/* Modes other than MIG's. */
#include "sim/sim.h"

#include "sim/numbers.h"

SIM_NUMBER(nvmlDeviceGetPersistenceMode, sim_parent, nvmlEnableState_t,
	   dev.gpu.persistence ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED)

SIM_ENTRY(nvmlDeviceSetPersistenceMode, (nvmlDevice_t device, nvmlEnableState_t mode),
	  (device, mode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (mode != NVML_FEATURE_DISABLED && mode != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	return sim_status(
		lab_set_persistence(sim_lab(), dev.ref.gpu, mode == NVML_FEATURE_ENABLED));
}

SIM_NUMBER(nvmlDeviceGetComputeMode, sim_device, nvmlComputeMode_t,
	   (nvmlComputeMode_t)dev.gpu.compute_mode)
SIM_NUMBER(nvmlDeviceGetDisplayMode, sim_parent, nvmlEnableState_t,
	   dev.board->has_display ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED)
SIM_NUMBER(nvmlDeviceGetDisplayActive, sim_parent, nvmlEnableState_t, NVML_FEATURE_DISABLED)
/* DRA's dynamic MIG refuses to start without an answer. A lab is a bare machine. */
SIM_NUMBER(nvmlDeviceGetVirtualizationMode, sim_device, nvmlGpuVirtualizationMode_t,
	   NVML_GPU_VIRTUALIZATION_MODE_NONE)
SIM_NUMBER(nvmlDeviceGetDefaultEccMode, sim_parent, nvmlEnableState_t, NVML_FEATURE_ENABLED)
SIM_NUMBER(nvmlDeviceGetAccountingMode, sim_parent, nvmlEnableState_t, NVML_FEATURE_DISABLED)
/* Measured on H100: 4000. */
SIM_NUMBER(nvmlDeviceGetAccountingBufferSize, sim_parent, unsigned int, 4000)

/* Accounting is off, so it has seen no process. */
SIM_ENTRY(nvmlDeviceGetAccountingPids,
	  (nvmlDevice_t device, unsigned int *count, unsigned int *pids), (device, count, pids))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	(void)pids;
	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = 0;
	return NVML_SUCCESS;
}

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

/* Measured on H100: no shared addressing with the host ("None"), no extended memory. */
SIM_ENTRY(nvmlDeviceGetAddressingMode, (nvmlDevice_t device, nvmlDeviceAddressingMode_t *mode),
	  (device, mode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!mode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (mode->version != nvmlDeviceAddressingMode_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	mode->value = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetCapabilities, (nvmlDevice_t device, nvmlDeviceCapabilities_t *caps),
	  (device, caps))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!caps)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (caps->version != nvmlDeviceCapabilities_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	caps->capMask = 0;
	return NVML_SUCCESS;
}
