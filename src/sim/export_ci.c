/* SPDX-License-Identifier: Apache-2.0 */
/* Compute instances: profiles, placements, making, listing and destroying. */
#include "sim/sim.h"

#include <string.h>

#include "sim/text.h"

/*
 * NVML_COMPUTE_INSTANCE_PROFILE_COUNT in the header of each CUDA release: 6 in 11.1, 7 in 11.6, 8
 * since 12.0. nvidia-smi 460.106.00 asks for 0 to 6. An id equals its index.
 */
static unsigned profile_index_count(unsigned driver_major)
{
	if (driver_major >= 525)
		return 8;
	return driver_major >= 460 ? 7 : 6;
}

static nvmlReturn_t profile_by_index(nvmlGpuInstance_t gi, unsigned index, unsigned engine,
				     struct sim_dev *dev)
{
	nvmlReturn_t status = sim_gi(gi, dev);
	int i;

	if (status != NVML_SUCCESS)
		return status;
	if (index >= profile_index_count(dev->con->driver_major) ||
	    engine >= NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	i = lab_ci_profile_by_id(dev->gp, index);
	if (i < 0)
		return NVML_ERROR_NOT_SUPPORTED;
	dev->cp = &dev->gp->ci[i];
	return NVML_SUCCESS;
}

static void fill_v1(const struct sim_dev *dev, nvmlComputeInstanceProfileInfo_t *info)
{
	*info = (nvmlComputeInstanceProfileInfo_t){
		.id = dev->cp->id,
		.sliceCount = dev->cp->slices,
		.instanceCount = dev->cp->total,
		.multiprocessorCount = dev->cp->sm,
		.sharedCopyEngineCount = dev->gp->ce,
		.sharedDecoderCount = dev->gp->dec,
		.sharedEncoderCount = dev->gp->enc,
		.sharedJpegCount = dev->gp->jpeg,
		.sharedOfaCount = dev->gp->ofa,
	};
}

static void fill_v2(const struct sim_dev *dev, nvmlComputeInstanceProfileInfo_v2_t *info)
{
	*info = (nvmlComputeInstanceProfileInfo_v2_t){
		.id = dev->cp->id,
		.sliceCount = dev->cp->slices,
		.instanceCount = dev->cp->total,
		.multiprocessorCount = dev->cp->sm,
		.sharedCopyEngineCount = dev->gp->ce,
		.sharedDecoderCount = dev->gp->dec,
		.sharedEncoderCount = dev->gp->enc,
		.sharedJpegCount = dev->gp->jpeg,
		.sharedOfaCount = dev->gp->ofa,
	};
	sim_put_mig(info->name, sizeof(info->name), dev->cp->name);
}

static void fill_v3(const struct sim_dev *dev, nvmlComputeInstanceProfileInfo_v3_t *info)
{
	*info = (nvmlComputeInstanceProfileInfo_v3_t){
		.id = dev->cp->id,
		.sliceCount = dev->cp->slices,
		.instanceCount = dev->cp->total,
		.multiprocessorCount = dev->cp->sm,
		.sharedCopyEngineCount = dev->gp->ce,
		.sharedDecoderCount = dev->gp->dec,
		.sharedEncoderCount = dev->gp->enc,
		.sharedJpegCount = dev->gp->jpeg,
		.sharedOfaCount = dev->gp->ofa,
		.capabilities = dev->gp->media == MIG_MEDIA_GFX
					? NVML_COMPUTE_INSTANCE_PROFILE_CAPS_GFX
					: 0,
	};
	sim_put_mig(info->name, sizeof(info->name), dev->cp->name);
}

SIM_ENTRY(nvmlGpuInstanceGetComputeInstanceProfileInfo,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profile, unsigned int engProfile,
	   nvmlComputeInstanceProfileInfo_t *info),
	  (gpuInstance, profile, engProfile, info))
{
	struct sim_dev dev;
	nvmlReturn_t status;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = profile_by_index(gpuInstance, profile, engProfile, &dev);
	if (status == NVML_SUCCESS)
		fill_v1(&dev, info);
	return status;
}

SIM_ENTRY(nvmlGpuInstanceGetComputeInstanceProfileInfoV,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profile, unsigned int engProfile,
	   nvmlComputeInstanceProfileInfo_v2_t *info),
	  (gpuInstance, profile, engProfile, info))
{
	const struct sim_version versions[] = { { nvmlComputeInstanceProfileInfo_v2, 510 },
						{ nvmlComputeInstanceProfileInfo_v3, 550 } };
	struct sim_dev dev;
	nvmlReturn_t status;
	unsigned version;
	void *any = info;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	version = sim_version_of(info->version, versions, 2);
	if (!version)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	status = profile_by_index(gpuInstance, profile, engProfile, &dev);
	if (status != NVML_SUCCESS)
		return status;
	if (version == 3)
		fill_v3(&dev, any);
	else
		fill_v2(&dev, info);
	return NVML_SUCCESS;
}

/* A GPU instance in which the caller may handle compute instances, and a profile of it by id. */
static nvmlReturn_t managed(nvmlGpuInstance_t gi, unsigned profile_id, const void *out,
			    struct sim_dev *dev, unsigned *ret_profile)
{
	nvmlReturn_t status = sim_gi(gi, dev);
	int i;

	if (status != NVML_SUCCESS)
		return status;
	if (!out)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	i = lab_ci_profile_by_id(dev->gp, profile_id);
	if (i < 0)
		return profile_id < profile_index_count(dev->con->driver_major)
			       ? NVML_ERROR_NOT_SUPPORTED
			       : NVML_ERROR_INVALID_ARGUMENT;
	*ret_profile = (unsigned)i;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlGpuInstanceGetComputeInstanceRemainingCapacity,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId, unsigned int *count),
	  (gpuInstance, profileId, count))
{
	struct sim_dev dev;
	unsigned profile;
	nvmlReturn_t status = managed(gpuInstance, profileId, count, &dev, &profile);

	if (status == NVML_SUCCESS)
		*count = lab_ci_remaining(dev.board, dev.con->rule, dev.gi, profile);
	return status;
}

SIM_ENTRY(nvmlGpuInstanceGetComputeInstancePossiblePlacements,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,
	   nvmlComputeInstancePlacement_t *placements, unsigned int *count),
	  (gpuInstance, profileId, placements, count))
{
	uint8_t starts[MIG_MAX_STARTS];
	struct sim_dev dev;
	unsigned profile, n, size;
	nvmlReturn_t status = managed(gpuInstance, profileId, count, &dev, &profile);

	if (status != NVML_SUCCESS)
		return status;
	n = lab_ci_starts(dev.board, dev.con->rule, dev.gp, profile, starts);
	size = lab_ci_span(dev.board, dev.con->rule, dev.gp, profile);
	for (unsigned i = 0; placements && i < n; i++)
		placements[i] =
			(nvmlComputeInstancePlacement_t){ .start = starts[i], .size = size };
	*count = n;
	return NVML_SUCCESS;
}

static nvmlReturn_t by_id(nvmlGpuInstance_t gi, unsigned id, nvmlComputeInstance_t *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_gi(gi, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	for (unsigned i = 0; i < MIG_MAX_CI; i++)
		if (dev.gi->ci[i].used && dev.gi->ci[i].id == id) {
			*ret = sim_ci_handle(&dev, SIM_CI, dev.gi->id, id,
					     dev.gi->ci[i].generation);
			return NVML_SUCCESS;
		}
	return NVML_ERROR_NOT_FOUND;
}

static nvmlReturn_t create(nvmlGpuInstance_t gi, unsigned profile_id, int start, int size,
			   nvmlComputeInstance_t *ret)
{
	struct sim_dev dev;
	struct lab_made made;
	unsigned profile;
	nvmlReturn_t status = managed(gi, profile_id, ret, &dev, &profile);
	int r;

	if (status != NVML_SUCCESS)
		return status;
	r = lab_ci_create(sim_lab(), dev.ref.gpu, dev.gi->id, dev.gi->generation, profile_id, start,
			  size, &made);
	if (r < 0)
		return sim_status(r);
	*ret = sim_ci_handle(&dev, SIM_CI, dev.gi->id, made.id, made.generation);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlGpuInstanceCreateComputeInstance,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,
	   nvmlComputeInstance_t *computeInstance),
	  (gpuInstance, profileId, computeInstance))
{
	return create(gpuInstance, profileId, -1, -1, computeInstance);
}

SIM_ENTRY(nvmlGpuInstanceCreateComputeInstanceWithPlacement,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,
	   const nvmlComputeInstancePlacement_t *placement, nvmlComputeInstance_t *computeInstance),
	  (gpuInstance, profileId, placement, computeInstance))
{
	if (!placement || placement->start > 255 || placement->size > 255)
		return NVML_ERROR_INVALID_ARGUMENT;
	return create(gpuInstance, profileId, (int)placement->start, (int)placement->size,
		      computeInstance);
}

SIM_ENTRY(nvmlComputeInstanceDestroy, (nvmlComputeInstance_t computeInstance), (computeInstance))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_ci(computeInstance, &dev);

	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	return sim_status(
		lab_ci_destroy(sim_lab(), dev.ref.gpu, dev.gi->id, dev.ci->id, dev.ci->generation));
}

SIM_ENTRY(nvmlGpuInstanceGetComputeInstances,
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,
	   nvmlComputeInstance_t *computeInstances, unsigned int *count),
	  (gpuInstance, profileId, computeInstances, count))
{
	uint8_t at[MIG_MAX_CI];
	struct sim_dev dev;
	unsigned profile, n;
	nvmlReturn_t status = managed(gpuInstance, profileId, count, &dev, &profile);

	if (status != NVML_SUCCESS)
		return status;
	n = lab_cis_of(dev.gi, (int)profile, at);
	for (unsigned i = 0; computeInstances && i < n; i++) {
		const struct lab_ci *ci = &dev.gi->ci[at[i]];

		computeInstances[i] =
			sim_ci_handle(&dev, SIM_CI, dev.gi->id, ci->id, ci->generation);
	}
	*count = n;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlGpuInstanceGetComputeInstanceById,
	  (nvmlGpuInstance_t gpuInstance, unsigned int id, nvmlComputeInstance_t *computeInstance),
	  (gpuInstance, id, computeInstance))
{
	return by_id(gpuInstance, id, computeInstance);
}

static nvmlReturn_t info_of(nvmlComputeInstance_t handle, nvmlComputeInstanceInfo_t *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_ci(handle, &dev);

	if (status != NVML_SUCCESS)
		return status;
	*ret = (nvmlComputeInstanceInfo_t){
		.device = sim_ci_handle(&dev, SIM_CI_DEVICE, dev.gi->id, dev.ci->id,
					dev.ci->generation),
		.gpuInstance = sim_gi_handle(&dev, dev.gi->id, dev.gi->generation),
		.id = dev.ci->id,
		.profileId = dev.cp->id,
		.placement = { .start = dev.ci->start, .size = dev.ci->size },
	};
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlComputeInstanceGetInfo,
	  (nvmlComputeInstance_t computeInstance, nvmlComputeInstanceInfo_v1_t *info),
	  (computeInstance, info))
{
	nvmlComputeInstanceInfo_t all;
	nvmlReturn_t status;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = info_of(computeInstance, &all);
	if (status != NVML_SUCCESS)
		return status;
	*info = (nvmlComputeInstanceInfo_v1_t){
		.device = all.device,
		.gpuInstance = all.gpuInstance,
		.id = all.id,
		.profileId = all.profileId,
	};
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlComputeInstanceGetInfo_v2,
	  (nvmlComputeInstance_t computeInstance, nvmlComputeInstanceInfo_t *info),
	  (computeInstance, info))
{
	nvmlComputeInstanceInfo_t all;
	nvmlReturn_t status;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = info_of(computeInstance, &all);
	if (status == NVML_SUCCESS)
		*info = all;
	return status;
}
