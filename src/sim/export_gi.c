/* SPDX-License-Identifier: Apache-2.0 */
/* GPU instances: profiles, placements, making, listing and destroying. */
#include "sim/sim.h"

#include <string.h>

#include "sim/text.h"

/*
 * Where the list of profile indices ends: NVML_GPU_INSTANCE_PROFILE_COUNT in the header of each
 * CUDA release (6 in 11.1, 8 in 11.6, 10 in 12.0, 13 in 12.8, 17 in 12.9); measured on 580: 17 is
 * the first that is no index. R470 brought index 7 (1g+me). nvidia-smi 460.106.00 asks for 0 to 6
 * and takes INVALID_ARGUMENT for a failure, 570.133.07 for 0 to 12.
 */
static unsigned profile_index_count(unsigned driver_major)
{
	static const struct {
		unsigned since, count;
	} counts[] = { { 575, 17 }, { 570, 13 }, { 525, 10 }, { 470, 8 }, { 460, 7 }, { 0, 6 } };
	unsigned i = 0;

	while (driver_major < counts[i].since)
		i++;
	return counts[i].count;
}

static nvmlReturn_t profile_by_index(nvmlDevice_t device, unsigned index, struct sim_dev *dev)
{
	nvmlReturn_t status = sim_parent(device, dev);
	int i;

	if (status != NVML_SUCCESS)
		return status;
	if (index >= profile_index_count(dev->con->driver_major))
		return NVML_ERROR_INVALID_ARGUMENT;
	i = lab_profile_by_index(dev->board, index);
	if (i < 0)
		return NVML_ERROR_NOT_SUPPORTED;
	dev->gp = &dev->board->gi[i];
	return NVML_SUCCESS;
}

/* Ids that the driver knows and the board lacks, as bits of the board's two masks. */
static bool in_mask(uint64_t mask, unsigned id)
{
	return id < 64 && (mask >> id & 1);
}

/* Position of a profile id in the board's list; -1 and *ret_status: none, and what that is. */
static int profile_by_id(const struct mig_board *board, unsigned id, nvmlReturn_t *ret_status)
{
	int i = lab_profile_by_id(board, id);

	if (i < 0)
		*ret_status = in_mask(board->ids_not_supported, id) ? NVML_ERROR_NOT_SUPPORTED
								    : NVML_ERROR_INVALID_ARGUMENT;
	return i;
}

static void fill_v1(const struct mig_gi_profile *p, nvmlGpuInstanceProfileInfo_t *info)
{
	*info = (nvmlGpuInstanceProfileInfo_t){
		.id = p->id,
		.isP2pSupported = p->p2p,
		.sliceCount = p->slices,
		.instanceCount = p->total,
		.multiprocessorCount = p->sm,
		.copyEngineCount = p->ce,
		.decoderCount = p->dec,
		.encoderCount = p->enc,
		.jpegCount = p->jpeg,
		.ofaCount = p->ofa,
		.memorySizeMB = p->memory_mb,
	};
}

/* The version reads 0 afterwards (measured). */
static void fill_v2(const struct mig_gi_profile *p, nvmlGpuInstanceProfileInfo_v2_t *info)
{
	*info = (nvmlGpuInstanceProfileInfo_v2_t){
		.id = p->id,
		.isP2pSupported = p->p2p,
		.sliceCount = p->slices,
		.instanceCount = p->total,
		.multiprocessorCount = p->sm,
		.copyEngineCount = p->ce,
		.decoderCount = p->dec,
		.encoderCount = p->enc,
		.jpegCount = p->jpeg,
		.ofaCount = p->ofa,
		.memorySizeMB = p->memory_mb,
	};
	sim_put_mig(info->name, sizeof(info->name), p->name);
}

static void fill_v3(const struct mig_gi_profile *p, nvmlGpuInstanceProfileInfo_v3_t *info)
{
	*info = (nvmlGpuInstanceProfileInfo_v3_t){
		.id = p->id,
		.sliceCount = p->slices,
		.instanceCount = p->total,
		.multiprocessorCount = p->sm,
		.copyEngineCount = p->ce,
		.decoderCount = p->dec,
		.encoderCount = p->enc,
		.jpegCount = p->jpeg,
		.ofaCount = p->ofa,
		.memorySizeMB = p->memory_mb,
		.capabilities =
			(p->p2p ? NVML_GPU_INSTANCE_PROFILE_CAPS_P2P : 0) |
			(p->media == MIG_MEDIA_GFX ? NVML_GPU_INSTANCE_PROFILE_CAPS_GFX : 0),
	};
	sim_put_mig(info->name, sizeof(info->name), p->name);
}

/* The V calls take either version under the pointer type of the second. */
static unsigned profile_version(const void *info)
{
	const struct sim_version versions[] = { { nvmlGpuInstanceProfileInfo_v2, 510 },
						{ nvmlGpuInstanceProfileInfo_v3, 550 } };
	unsigned word;

	memcpy(&word, info, sizeof(word));
	return sim_version_of(word, versions, 2);
}

static void fill_versioned(const struct mig_gi_profile *p, unsigned version, void *info)
{
	if (version == 3)
		fill_v3(p, info);
	else
		fill_v2(p, info);
}

SIM_ENTRY(nvmlDeviceGetGpuInstanceProfileInfo,
	  (nvmlDevice_t device, unsigned int profile, nvmlGpuInstanceProfileInfo_t *info),
	  (device, profile, info))
{
	struct sim_dev dev;
	nvmlReturn_t status;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = profile_by_index(device, profile, &dev);
	if (status == NVML_SUCCESS)
		fill_v1(dev.gp, info);
	return status;
}

SIM_ENTRY(nvmlDeviceGetGpuInstanceProfileInfoV,
	  (nvmlDevice_t device, unsigned int profile, nvmlGpuInstanceProfileInfo_v2_t *info),
	  (device, profile, info))
{
	struct sim_dev dev;
	nvmlReturn_t status;
	unsigned version;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	version = profile_version(info);
	if (!version)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	status = profile_by_index(device, profile, &dev);
	if (status == NVML_SUCCESS)
		fill_versioned(dev.gp, version, info);
	return status;
}

SIM_ENTRY(nvmlDeviceGetGpuInstanceProfileInfoByIdV,
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstanceProfileInfo_v2_t *info),
	  (device, profileId, info))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned version;
	int i;

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	version = profile_version(info);
	if (!version)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	i = lab_profile_by_id(dev.board, profileId);
	if (i >= 0) {
		fill_versioned(&dev.board->gi[i], version, info);
		return NVML_SUCCESS;
	}
	/* Measured: what the other calls by id tell apart is NOT_FOUND here. */
	if (in_mask(dev.board->ids_not_supported | dev.board->ids_empty, profileId))
		return NVML_ERROR_NOT_FOUND;
	return NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t placements(nvmlDevice_t device, unsigned id, bool base,
			       nvmlGpuInstancePlacement_t *list, unsigned *count)
{
	const struct mig_gi_profile *p;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	int i;

	if (status == NVML_SUCCESS && !count)
		status = NVML_ERROR_INVALID_ARGUMENT;
	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	if (in_mask(dev.board->ids_empty, id)) {
		*count = 0;
		return NVML_SUCCESS;
	}
	i = profile_by_id(dev.board, id, &status);
	if (i < 0)
		return status;
	p = &dev.board->gi[i];
	/* The first form knew no profile of which less may exist than fit (measured: id 20). */
	if (base && p->media == MIG_MEDIA_ME)
		return NVML_ERROR_NOT_SUPPORTED;
	*count = p->n_starts;
	for (unsigned s = 0; list && s < p->n_starts; s++)
		list[s] = (nvmlGpuInstancePlacement_t){ .start = p->starts[s], .size = p->size };
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetGpuInstancePossiblePlacements,
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstancePlacement_t *list,
	   unsigned int *count),
	  (device, profileId, list, count))
{
	return placements(device, profileId, true, list, count);
}

SIM_ENTRY(nvmlDeviceGetGpuInstancePossiblePlacements_v2,
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstancePlacement_t *list,
	   unsigned int *count),
	  (device, profileId, list, count))
{
	return placements(device, profileId, false, list, count);
}

SIM_ENTRY(nvmlDeviceGetGpuInstanceRemainingCapacity,
	  (nvmlDevice_t device, unsigned int profileId, unsigned int *count),
	  (device, profileId, count))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent_all(device, &dev);
	int i;

	if (status == NVML_SUCCESS && !count)
		status = NVML_ERROR_INVALID_ARGUMENT;
	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	if (in_mask(dev.board->ids_empty, profileId)) {
		*count = 0;
		return NVML_SUCCESS;
	}
	i = profile_by_id(dev.board, profileId, &status);
	if (i < 0)
		return status;
	*count = lab_gi_remaining(dev.board, &dev.gpu, dev.con->rule, (unsigned)i);
	return NVML_SUCCESS;
}

/* A GPU on which the caller may handle instances: MIG on, and allowed. */
static nvmlReturn_t managed(nvmlDevice_t device, const void *out, struct sim_dev *dev)
{
	nvmlReturn_t status = sim_parent_all(device, dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!out)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	return dev->gpu.mig_current ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static nvmlReturn_t by_id(nvmlDevice_t device, unsigned id, nvmlGpuInstance_t *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = managed(device, ret, &dev);

	if (status != NVML_SUCCESS)
		return status;
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (dev.gpu.gi[i].used && dev.gpu.gi[i].id == id) {
			*ret = sim_gi_handle(&dev, id, dev.gpu.gi[i].generation);
			return NVML_SUCCESS;
		}
	return NVML_ERROR_NOT_FOUND;
}

static nvmlReturn_t create(nvmlDevice_t device, unsigned profile_id, int start, int size,
			   nvmlGpuInstance_t *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = managed(device, ret, &dev);
	struct lab_made made;
	int r;

	if (status != NVML_SUCCESS)
		return status;
	r = lab_gi_create(sim_lab(), dev.ref.gpu, profile_id, start, size, &made);
	if (r < 0)
		return sim_status(r);
	*ret = sim_gi_handle(&dev, made.id, made.generation);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceCreateGpuInstance,
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstance_t *gpuInstance),
	  (device, profileId, gpuInstance))
{
	return create(device, profileId, -1, -1, gpuInstance);
}

SIM_ENTRY(nvmlDeviceCreateGpuInstanceWithPlacement,
	  (nvmlDevice_t device, unsigned int profileId, const nvmlGpuInstancePlacement_t *placement,
	   nvmlGpuInstance_t *gpuInstance),
	  (device, profileId, placement, gpuInstance))
{
	if (!placement || placement->start > 255 || placement->size > 255)
		return NVML_ERROR_INVALID_ARGUMENT;
	return create(device, profileId, (int)placement->start, (int)placement->size, gpuInstance);
}

SIM_ENTRY(nvmlGpuInstanceDestroy, (nvmlGpuInstance_t gpuInstance), (gpuInstance))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_gi(gpuInstance, &dev);

	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	return sim_status(lab_gi_destroy(sim_lab(), dev.ref.gpu, dev.gi->id, dev.gi->generation));
}

/* count is output only: nvidia-smi passes it with whatever its stack held. */
SIM_ENTRY(nvmlDeviceGetGpuInstances,
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstance_t *gpuInstances,
	   unsigned int *count),
	  (device, profileId, gpuInstances, count))
{
	uint8_t at[MIG_MAX_GI];
	struct sim_dev dev;
	nvmlReturn_t status = managed(device, count, &dev);
	unsigned n;
	int i;

	if (status != NVML_SUCCESS)
		return status;
	if (in_mask(dev.board->ids_empty, profileId)) {
		*count = 0;
		return NVML_SUCCESS;
	}
	i = profile_by_id(dev.board, profileId, &status);
	if (i < 0)
		return status;
	n = lab_gis_of(&dev.gpu, i, at);
	for (unsigned k = 0; gpuInstances && k < n; k++) {
		const struct lab_gi *gi = &dev.gpu.gi[at[k]];

		gpuInstances[k] = sim_gi_handle(&dev, gi->id, gi->generation);
	}
	*count = n;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetGpuInstanceById,
	  (nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *gpuInstance),
	  (device, id, gpuInstance))
{
	return by_id(device, id, gpuInstance);
}

SIM_ENTRY(nvmlGpuInstanceGetInfo, (nvmlGpuInstance_t gpuInstance, nvmlGpuInstanceInfo_t *info),
	  (gpuInstance, info))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_gi(gpuInstance, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	*info = (nvmlGpuInstanceInfo_t){
		.device = sim_gpu_handle(dev.ref.gpu),
		.id = dev.gi->id,
		.profileId = dev.gp->id,
		.placement = { .start = dev.gi->start, .size = dev.gi->size },
	};
	return NVML_SUCCESS;
}
