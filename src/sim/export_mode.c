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
/*
 * Root's, until a reboot. In MIG mode there is the default alone (nvml.h); one thread's own use of
 * the GPU went with CUDA 8.
 */
SIM_ENTRY(nvmlDeviceSetComputeMode, (nvmlDevice_t device, nvmlComputeMode_t mode), (device, mode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if ((unsigned)mode >= NVML_COMPUTEMODE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (mode == NVML_COMPUTEMODE_EXCLUSIVE_THREAD)
		return NVML_ERROR_NOT_SUPPORTED;
	return sim_status(lab_set_compute_mode(sim_lab(), dev.ref.gpu, (unsigned)mode));
}

SIM_NUMBER(nvmlDeviceGetDisplayMode, sim_parent, nvmlEnableState_t,
	   dev.board->has_display ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED)
SIM_NUMBER(nvmlDeviceGetDisplayActive, sim_parent, nvmlEnableState_t, NVML_FEATURE_DISABLED)
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

/* --- what these boards, or Linux, do not have ----------------------------------------------- */

#define SIM_DRIVER_MODEL(sym)                                                                    \
	SIM_REFUSED(                                                                             \
		sym,                                                                             \
		(nvmlDevice_t device, nvmlDriverModel_t * current, nvmlDriverModel_t * pending), \
		(device, current, pending), current || pending)

SIM_DRIVER_MODEL(nvmlDeviceGetDriverModel)
SIM_DRIVER_MODEL(nvmlDeviceGetDriverModel_v2)
SIM_REFUSED_SET(nvmlDeviceSetDriverModel,
		(nvmlDevice_t device, nvmlDriverModel_t driverModel, unsigned int flags),
		(device, driverModel, flags),
		(unsigned)driverModel <= NVML_DRIVER_MCDM && flags <= 1)
SIM_REFUSED(nvmlDeviceGetGpuOperationMode,
	    (nvmlDevice_t device, nvmlGpuOperationMode_t *current, nvmlGpuOperationMode_t *pending),
	    (device, current, pending), current &&pending)
SIM_REFUSED_SET(nvmlDeviceSetGpuOperationMode, (nvmlDevice_t device, nvmlGpuOperationMode_t mode),
		(device, mode), (unsigned)mode <= NVML_GOM_LOW_DP)

SIM_ENTRY(nvmlDeviceGetDramEncryptionMode,
	  (nvmlDevice_t device, nvmlDramEncryptionInfo_t *current,
	   nvmlDramEncryptionInfo_t *pending),
	  (device, current, pending))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!current || !pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (current->version != nvmlDramEncryptionInfo_v1 ||
	    pending->version != nvmlDramEncryptionInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return NVML_ERROR_NOT_SUPPORTED;
}

SIM_REFUSED_SET(nvmlDeviceSetDramEncryptionMode,
		(nvmlDevice_t device, const nvmlDramEncryptionInfo_t *dramEncryption),
		(device, dramEncryption), dramEncryption)

/* A GPU that is about to be taken out. None of a lab is: draining hides it from new processes. */
SIM_ENTRY(nvmlDeviceQueryDrainState, (nvmlPciInfo_t * pciInfo, nvmlEnableState_t *currentState),
	  (pciInfo, currentState))
{
	unsigned gpu;

	if (!pciInfo || !currentState ||
	    sim_gpu_at(pciInfo->domain, pciInfo->bus, pciInfo->device, &gpu) != NVML_SUCCESS)
		return NVML_ERROR_INVALID_ARGUMENT;
	*currentState = NVML_FEATURE_DISABLED;
	return NVML_SUCCESS;
}
