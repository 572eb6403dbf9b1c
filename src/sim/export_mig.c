/* SPDX-License-Identifier: Apache-2.0 */
/* MIG mode and MIG devices. */
#include "sim/sim.h"

SIM_ENTRY(nvmlDeviceSetMigMode,
	  (nvmlDevice_t device, unsigned int mode, nvmlReturn_t *activationStatus),
	  (device, mode, activationStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	int r;

	if (status != NVML_SUCCESS)
		return status;
	if (!activationStatus || mode > NVML_DEVICE_MIG_ENABLE)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	r = lab_set_mig_mode(sim_lab(), dev.ref.gpu, mode == NVML_DEVICE_MIG_ENABLE);
	if (r < 0)
		return sim_status(r);
	/* Pending is a success whose activation failed: nvidia-smi 535 tells them apart so. */
	*activationStatus = r == 0 ? NVML_SUCCESS : NVML_ERROR_IN_USE;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetMigMode,
	  (nvmlDevice_t device, unsigned int *currentMode, unsigned int *pendingMode),
	  (device, currentMode, pendingMode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!currentMode || !pendingMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!lab_has_mig_mode(dev.board, &dev.gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	*currentMode = dev.gpu.mig_current;
	*pendingMode = dev.gpu.mig_pending;
	return NVML_SUCCESS;
}

/* A ceiling, not the number present; 0 with MIG off (measured on H100 and H200). */
SIM_ENTRY(nvmlDeviceGetMaxMigDeviceCount, (nvmlDevice_t device, unsigned int *count),
	  (device, count))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = sim_is_mig(&dev) || !dev.gpu.mig_current ? 0 : dev.board->compute_slices;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetMigDeviceHandleByIndex,
	  (nvmlDevice_t device, unsigned int index, nvmlDevice_t *migDevice),
	  (device, index, migDevice))
{
	const struct lab_gi *g;
	const struct lab_ci *c;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent_all(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!migDevice)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev.gpu.mig_current)
		return NVML_ERROR_NOT_SUPPORTED;
	/* libnvidia-container and Slurm take NOT_FOUND, and only it, for the end. */
	if (!lab_mig_at(&dev.gpu, index, &g, &c))
		return NVML_ERROR_NOT_FOUND;
	*migDevice = sim_ci_handle(&dev, SIM_MIG, g->id, c->id, c->generation);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceIsMigDeviceHandle, (nvmlDevice_t device, unsigned int *isMigDevice),
	  (device, isMigDevice))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!isMigDevice)
		return NVML_ERROR_INVALID_ARGUMENT;
	*isMigDevice = sim_is_mig(&dev);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetDeviceHandleFromMigDeviceHandle,
	  (nvmlDevice_t migDevice, nvmlDevice_t *device), (migDevice, device))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(migDevice, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!device)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.ref.kind == SIM_GPU) /* measured on H200 */
		return NVML_ERROR_NOT_SUPPORTED;
	*device = sim_gpu_handle(dev.ref.gpu);
	return NVML_SUCCESS;
}

/* GPU instance (compute false) or compute instance id of a MIG device. */
static nvmlReturn_t instance_id(nvmlDevice_t device, bool compute, unsigned *id)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!id)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.ref.kind == SIM_GPU) /* measured on H200 */
		return NVML_ERROR_INVALID_ARGUMENT;
	*id = compute ? dev.ci->id : dev.gi->id;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetGpuInstanceId, (nvmlDevice_t device, unsigned int *id), (device, id))
{
	return instance_id(device, false, id);
}

SIM_ENTRY(nvmlDeviceGetComputeInstanceId, (nvmlDevice_t device, unsigned int *id), (device, id))
{
	return instance_id(device, true, id);
}

/* Multiprocessors are the compute instance's own; engines are shared within the GPU instance. */
static nvmlReturn_t attributes_of(nvmlDevice_t device, nvmlDeviceAttributes_t *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!sim_is_mig(&dev))
		return NVML_ERROR_NOT_SUPPORTED;
	*ret = (nvmlDeviceAttributes_t){
		.multiprocessorCount = dev.cp->sm,
		.sharedCopyEngineCount = dev.gp->ce,
		.sharedDecoderCount = dev.gp->dec,
		.sharedEncoderCount = dev.gp->enc,
		.sharedJpegCount = dev.gp->jpeg,
		.sharedOfaCount = dev.gp->ofa,
		.gpuInstanceSliceCount = dev.gp->slices,
		.computeInstanceSliceCount = dev.cp->slices,
		.memorySizeMB = dev.gp->memory_mb,
	};
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetAttributes, (nvmlDevice_t device, nvmlDeviceAttributes_v1_t *attributes),
	  (device, attributes))
{
	nvmlDeviceAttributes_t all;
	nvmlReturn_t status;

	if (!attributes)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = attributes_of(device, &all);
	if (status != NVML_SUCCESS)
		return status;
	*attributes = (nvmlDeviceAttributes_v1_t){
		.multiprocessorCount = all.multiprocessorCount,
		.sharedCopyEngineCount = all.sharedCopyEngineCount,
		.sharedDecoderCount = all.sharedDecoderCount,
		.sharedEncoderCount = all.sharedEncoderCount,
		.sharedJpegCount = all.sharedJpegCount,
		.sharedOfaCount = all.sharedOfaCount,
	};
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetAttributes_v2, (nvmlDevice_t device, nvmlDeviceAttributes_t *attributes),
	  (device, attributes))
{
	nvmlDeviceAttributes_t all;
	nvmlReturn_t status;

	if (!attributes)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = attributes_of(device, &all);
	if (status == NVML_SUCCESS)
		*attributes = all;
	return status;
}
