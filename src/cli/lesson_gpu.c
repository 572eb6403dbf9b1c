/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli/lesson.h"
#include "cli/nvml_open.h"

/*
 * GPU 0 as a picture. Opened anew for each: as long as we have the library initialised we count as
 * somebody who uses the GPU, and the next mode change would have to wait for us.
 */

#define MAX_PROCESSES 64

/* Our texts leave out what nvidia-smi puts before each name. */
static void copy_name(char ret[MIG_PROFILE_NAME], const char *name)
{
	if (strncmp(name, "MIG ", 4) == 0)
		name += 4;
	snprintf(ret, MIG_PROFILE_NAME, "%.*s", MIG_PROFILE_NAME - 1, name);
}

/* The board's size: NVML says it only through its profiles. */
static void read_geometry(const struct nvml_api *api, nvmlDevice_t device, struct render_gpu *gpu)
{
	for (unsigned i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; i++) {
		nvmlGpuInstancePlacement_t at[32];
		nvmlGpuInstanceProfileInfo_t info;
		unsigned n = ARRAY_SIZE(at);

		if (api->nvmlDeviceGetGpuInstanceProfileInfo(device, i, &info) != NVML_SUCCESS ||
		    api->nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, info.id, at, &n) !=
			    NVML_SUCCESS)
			continue;
		if (info.sliceCount > gpu->compute_slices)
			gpu->compute_slices = (uint8_t)info.sliceCount;
		for (unsigned p = 0; p < n; p++)
			if (at[p].start + at[p].size > gpu->units)
				gpu->units = (uint8_t)(at[p].start + at[p].size);
	}
	/*
	 * Placement units are memory slices, but for boards that count a quarter as three of them.
	 * With seven compute slices there are eight of memory.
	 */
	gpu->memory_slices = gpu->units;
	if (gpu->compute_slices && gpu->units % gpu->compute_slices == 0)
		gpu->memory_slices = gpu->compute_slices;
}

static bool has_process(const nvmlProcessInfo_t *process, unsigned n, unsigned gi, unsigned ci)
{
	for (unsigned i = 0; i < n; i++)
		if (process[i].gpuInstanceId == gi && process[i].computeInstanceId == ci)
			return true;
	return false;
}

/* The CIs of one profile. */
static void read_cis(const struct nvml_api *api, nvmlGpuInstance_t handle, unsigned profile,
		     struct render_gi *gi)
{
	nvmlComputeInstanceProfileInfo_v2_t info = { .version = nvmlComputeInstanceProfileInfo_v2 };
	nvmlComputeInstance_t ci[MIG_MAX_CI];
	unsigned n = ARRAY_SIZE(ci);

	if (api->nvmlGpuInstanceGetComputeInstanceProfileInfoV(
		    handle, profile, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, &info) !=
		    NVML_SUCCESS ||
	    api->nvmlGpuInstanceGetComputeInstances(handle, info.id, ci, &n) != NVML_SUCCESS)
		return;
	for (unsigned i = 0; i < n && gi->n_ci < MIG_MAX_CI; i++) {
		struct render_ci *to = &gi->ci[gi->n_ci];
		nvmlComputeInstanceInfo_t about;

		if (api->nvmlComputeInstanceGetInfo_v2(ci[i], &about) != NVML_SUCCESS)
			continue;
		to->id = (uint8_t)about.id;
		to->start = (uint8_t)about.placement.start;
		to->slices = (uint8_t)info.sliceCount;
		copy_name(to->name, info.name);
		gi->n_ci++;
	}
}

/* The GIs of one profile, each with its CIs. */
static void read_gis(const struct nvml_api *api, nvmlDevice_t device, unsigned profile,
		     struct render_gpu *gpu)
{
	nvmlGpuInstanceProfileInfo_v2_t info = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstance_t gi[MIG_MAX_GI];
	unsigned n = ARRAY_SIZE(gi);

	if (api->nvmlDeviceGetGpuInstanceProfileInfoV(device, profile, &info) != NVML_SUCCESS ||
	    api->nvmlDeviceGetGpuInstances(device, info.id, gi, &n) != NVML_SUCCESS)
		return;
	for (unsigned i = 0; i < n && gpu->n_gi < MIG_MAX_GI; i++) {
		struct render_gi *to = &gpu->gi[gpu->n_gi];
		nvmlGpuInstanceInfo_t about;

		if (api->nvmlGpuInstanceGetInfo(gi[i], &about) != NVML_SUCCESS)
			continue;
		to->id = (uint8_t)about.id;
		to->start = (uint8_t)about.placement.start;
		to->size = (uint8_t)about.placement.size;
		to->slices = (uint8_t)info.sliceCount;
		copy_name(to->name, info.name);
		for (unsigned c = 0; c < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; c++)
			read_cis(api, gi[i], c, to);
		gpu->n_gi++;
	}
}

static void mark_used(const struct nvml_api *api, nvmlDevice_t device, struct render_gpu *gpu)
{
	nvmlProcessInfo_t process[MAX_PROCESSES];
	unsigned n = ARRAY_SIZE(process);

	if (api->nvmlDeviceGetComputeRunningProcesses_v3(device, &n, process) != NVML_SUCCESS)
		return;
	for (unsigned g = 0; g < gpu->n_gi; g++)
		for (unsigned c = 0; c < gpu->gi[g].n_ci; c++)
			gpu->gi[g].ci[c].in_use =
				has_process(process, n, gpu->gi[g].id, gpu->gi[g].ci[c].id);
}

static int open_gpu(struct cli_nvml *nvml, nvmlDevice_t *ret, struct mig_error *reterr)
{
	nvmlReturn_t status;
	int r;

	r = cli_nvml_open(nvml, reterr);
	if (r < 0)
		return r;
	status = nvml->api.nvmlDeviceGetHandleByIndex_v2(0, ret);
	if (status == NVML_SUCCESS)
		return 0;
	r = mig_fail(reterr, -EIO, "GPU 0 cannot be read: %s", nvml->api.nvmlErrorString(status));
	cli_nvml_close(nvml);
	return r;
}

int lesson_read_gpu(const struct render_words *words, struct render_gpu *ret,
		    struct mig_error *reterr)
{
	struct render_gpu gpu = { .words = words };
	unsigned current = 0, pending = 0;
	struct cli_nvml nvml;
	nvmlDevice_t device;
	int r;

	r = open_gpu(&nvml, &device, reterr);
	if (r < 0)
		return r;
	nvml.api.nvmlDeviceGetName(device, gpu.name, sizeof(gpu.name));
	nvml.api.nvmlDeviceGetMigMode(device, &current, &pending);
	gpu.mig = current;
	gpu.pending = pending;
	read_geometry(&nvml.api, device, &gpu);
	for (unsigned i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT && gpu.mig; i++)
		read_gis(&nvml.api, device, i, &gpu);
	mark_used(&nvml.api, device, &gpu);
	cli_nvml_close(&nvml);
	if (!gpu.units || !gpu.compute_slices)
		return mig_fail(reterr, -ENOTSUP, "%s has no MIG profiles to draw", gpu.name);
	*ret = gpu;
	return 0;
}

int lesson_mig_uuid(unsigned device, char ret[96], struct mig_error *reterr)
{
	nvmlDevice_t gpu, mig;
	struct cli_nvml nvml;
	nvmlReturn_t status;
	int r;

	r = open_gpu(&nvml, &gpu, reterr);
	if (r < 0)
		return r;
	status = nvml.api.nvmlDeviceGetMigDeviceHandleByIndex(gpu, device, &mig);
	if (status == NVML_SUCCESS)
		status = nvml.api.nvmlDeviceGetUUID(mig, ret, 96);
	if (status != NVML_SUCCESS)
		r = mig_fail(reterr, -EIO, "MIG device %u of GPU 0 cannot be read: %s", device,
			     nvml.api.nvmlErrorString(status));
	cli_nvml_close(&nvml);
	return r;
}
