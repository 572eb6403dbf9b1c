/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <string.h>

#include "sim/text.h"

_Static_assert(sizeof(void *) == 8, "a handle holds 64 bits");

void *sim_handle(struct sim_ref ref)
{
	return (void *)(uintptr_t)migkit_handle_make(ref);
}

bool sim_ref(const void *handle, struct sim_ref *ret)
{
	return migkit_handle_read((uint64_t)(uintptr_t)handle, ret);
}

static const struct lab_gi *find_gi(const struct lab_gpu *gpu, unsigned id)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used && gpu->gi[i].id == id)
			return &gpu->gi[i];
	return NULL;
}

static const struct lab_ci *find_ci(const struct lab_gi *gi, unsigned id)
{
	for (unsigned i = 0; i < MIG_MAX_CI; i++)
		if (gi->ci[i].used && gi->ci[i].id == id)
			return &gi->ci[i];
	return NULL;
}

static nvmlReturn_t read_gpu(struct sim_dev *dev, int gi)
{
	int r = lab_read_gpu_with(sim_lab(), dev->ref.gpu, gi, &dev->gpu);

	if (r < 0)
		return sim_status(r);
	dev->con = sim_const();
	dev->board = lab_board(sim_lab(), &dev->gpu);
	dev->gi = NULL;
	dev->ci = NULL;
	dev->gp = NULL;
	dev->cp = NULL;
	return NVML_SUCCESS;
}

/* Finds the instances that the reference names; gone or made anew: the handle is stale. */
static nvmlReturn_t find_instances(struct sim_dev *dev)
{
	const struct sim_ref *ref = &dev->ref;

	dev->gi = find_gi(&dev->gpu, ref->gi);
	if (!dev->gi)
		return NVML_ERROR_INVALID_ARGUMENT;
	dev->gp = &dev->board->gi[dev->gi->profile];
	if (ref->kind == SIM_GI)
		return dev->gi->generation == ref->generation ? NVML_SUCCESS
							      : NVML_ERROR_INVALID_ARGUMENT;
	dev->ci = find_ci(dev->gi, ref->ci);
	if (!dev->ci || dev->ci->generation != ref->generation)
		return NVML_ERROR_INVALID_ARGUMENT;
	dev->cp = &dev->gp->ci[dev->ci->profile];
	return NVML_SUCCESS;
}

static nvmlReturn_t look_up(struct sim_dev *ret, bool all)
{
	int own = ret->ref.kind == SIM_GPU ? LAB_GI_NONE : ret->ref.gi;
	nvmlReturn_t status = read_gpu(ret, all ? LAB_GI_ALL : own);

	if (status != NVML_SUCCESS || ret->ref.kind == SIM_GPU)
		return status;
	return find_instances(ret);
}

static nvmlReturn_t device(nvmlDevice_t handle, struct sim_dev *ret, bool all)
{
	if (!sim_ref(handle, &ret->ref))
		return NVML_ERROR_INVALID_ARGUMENT;
	/* A GPU has one handle; the same with other bits below is garbage. */
	if (ret->ref.kind == SIM_GPU && handle != sim_gpu_handle(ret->ref.gpu))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (ret->ref.kind != SIM_GPU && ret->ref.kind != SIM_MIG && ret->ref.kind != SIM_CI_DEVICE)
		return NVML_ERROR_INVALID_ARGUMENT;
	return look_up(ret, all);
}

nvmlReturn_t sim_device(nvmlDevice_t handle, struct sim_dev *ret)
{
	return device(handle, ret, false);
}

nvmlReturn_t sim_device_all(nvmlDevice_t handle, struct sim_dev *ret)
{
	return device(handle, ret, true);
}

static nvmlReturn_t no_mig_device(nvmlReturn_t status, const struct sim_dev *dev)
{
	return status == NVML_SUCCESS && sim_is_mig(dev) ? NVML_ERROR_NOT_SUPPORTED : status;
}

nvmlReturn_t sim_parent(nvmlDevice_t handle, struct sim_dev *ret)
{
	return no_mig_device(device(handle, ret, false), ret);
}

nvmlReturn_t sim_parent_all(nvmlDevice_t handle, struct sim_dev *ret)
{
	return no_mig_device(device(handle, ret, true), ret);
}

nvmlReturn_t sim_live(nvmlDevice_t handle, struct sim_dev *ret)
{
	nvmlReturn_t status = sim_device(handle, ret);

	return status == NVML_SUCCESS ? sim_alive(ret) : status;
}

nvmlReturn_t sim_live_parent(nvmlDevice_t handle, struct sim_dev *ret)
{
	nvmlReturn_t status = sim_parent(handle, ret);

	return status == NVML_SUCCESS ? sim_alive(ret) : status;
}

nvmlReturn_t sim_not_there(nvmlDevice_t handle, const void *out)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(handle, &dev);

	if (status != NVML_SUCCESS)
		return status;
	return out ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t sim_gi(nvmlGpuInstance_t handle, struct sim_dev *ret)
{
	if (!sim_ref(handle, &ret->ref) || ret->ref.kind != SIM_GI)
		return NVML_ERROR_INVALID_ARGUMENT;
	return look_up(ret, false);
}

nvmlReturn_t sim_ci(nvmlComputeInstance_t handle, struct sim_dev *ret)
{
	if (!sim_ref(handle, &ret->ref) || ret->ref.kind != SIM_CI)
		return NVML_ERROR_INVALID_ARGUMENT;
	return look_up(ret, false);
}

nvmlReturn_t sim_gpu_with(unsigned index, int gi, struct sim_dev *ret)
{
	if (index >= sim_const()->n_gpus)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret->ref = (struct sim_ref){ .kind = SIM_GPU, .gpu = (uint8_t)index };
	return read_gpu(ret, gi);
}

nvmlReturn_t sim_gpu(unsigned index, struct sim_dev *ret)
{
	return sim_gpu_with(index, LAB_GI_NONE, ret);
}

nvmlReturn_t sim_gpu_at(unsigned domain, unsigned bus, unsigned device, unsigned *ret)
{
	struct lab_place place[LAB_MAX_GPUS];
	unsigned n = lab_read_places(sim_lab(), place);

	for (unsigned i = 0; i < n; i++) {
		if (place[i].pci_domain != domain || place[i].pci_bus != bus ||
		    place[i].pci_device != device)
			continue;
		*ret = i;
		return place[i].lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
	}
	return n ? NVML_ERROR_NOT_FOUND : NVML_ERROR_GPU_IS_LOST;
}

nvmlDevice_t sim_gpu_handle(unsigned index)
{
	return sim_handle((struct sim_ref){ .kind = SIM_GPU, .gpu = (uint8_t)index });
}

nvmlGpuInstance_t sim_gi_handle(const struct sim_dev *dev, unsigned gi, uint32_t generation)
{
	return sim_handle((struct sim_ref){
		.kind = SIM_GI, .gpu = dev->ref.gpu, .gi = (uint8_t)gi, .generation = generation });
}

void *sim_ci_handle(const struct sim_dev *dev, enum sim_kind kind, unsigned gi, unsigned ci,
		    uint32_t generation)
{
	return sim_handle((struct sim_ref){ .kind = (uint8_t)kind,
					    .gpu = dev->ref.gpu,
					    .gi = (uint8_t)gi,
					    .ci = (uint8_t)ci,
					    .generation = generation });
}

void sim_mig_uuid(const struct sim_dev *dev, const struct lab_gi *gi, const struct lab_ci *ci,
		  char ret[NVML_DEVICE_UUID_V2_BUFFER_SIZE])
{
	char uuid[48];

	/* Before R470 a MIG device was named by its GPU and its two ids. */
	if (dev->con->driver_major < 470) {
		sim_mig_uuid_old(dev, gi->id, ci->id, ret);
		return;
	}
	lab_mig_uuid(&dev->gpu, gi, ci->start, uuid);
	memcpy(ret, uuid, sizeof(uuid));
}

void sim_mig_uuid_old(const struct sim_dev *dev, unsigned gi, unsigned ci,
		      char ret[NVML_DEVICE_UUID_V2_BUFFER_SIZE])
{
	struct sim_text t = { .to = ret, .room = NVML_DEVICE_UUID_V2_BUFFER_SIZE };

	sim_put(&t, "MIG-");
	sim_put(&t, dev->gpu.uuid);
	sim_put_char(&t, '/');
	sim_put_number(&t, gi);
	sim_put_char(&t, '/');
	sim_put_number(&t, ci);
}

nvmlReturn_t sim_may_manage(void)
{
	return lab_may_change(sim_lab()) ? NVML_SUCCESS : NVML_ERROR_NO_PERMISSION;
}
