/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices there are and who they are. */
#include "sim/sim.h"

#include <stdatomic.h>
#include <string.h>

#include "base/sha1.h"
#include "sim/numbers.h"
#include "sim/parse.h"
#include "sim/text.h"

static nvmlReturn_t count_of(unsigned int *deviceCount)
{
	if (!deviceCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*deviceCount = sim_const()->n_gpus;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetCount, (unsigned int *deviceCount), (deviceCount))
{
	return count_of(deviceCount);
}

SIM_ENTRY(nvmlDeviceGetCount_v2, (unsigned int *deviceCount), (deviceCount))
{
	return count_of(deviceCount);
}

static nvmlReturn_t by_index(unsigned int index, nvmlDevice_t *device)
{
	struct sim_dev dev;
	nvmlReturn_t status;

	if (!device)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_gpu(index, &dev);
	if (status == NVML_SUCCESS)
		*device = sim_gpu_handle(index);
	return status;
}

SIM_ENTRY(nvmlDeviceGetHandleByIndex, (unsigned int index, nvmlDevice_t *device), (index, device))
{
	return by_index(index, device);
}

SIM_ENTRY(nvmlDeviceGetHandleByIndex_v2, (unsigned int index, nvmlDevice_t *device),
	  (index, device))
{
	return by_index(index, device);
}

/*
 * By what stands at an offset of struct lab_gpu. nvml.h: GPU_IS_LOST if any GPU has fallen off the
 * bus; those before it can be found.
 */
static nvmlReturn_t gpu_by(size_t offset, const char *text, nvmlDevice_t *device)
{
	int gpu = lab_find_gpu(sim_lab(), offset, text);
	unsigned end = lab_until_lost(sim_lab());

	if (gpu < 0 || (unsigned)gpu >= end)
		return end < sim_const()->n_gpus ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_NOT_FOUND;
	*device = sim_gpu_handle((unsigned)gpu);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetHandleBySerial, (const char *serial, nvmlDevice_t *device), (serial, device))
{
	if (!serial || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	return gpu_by(offsetof(struct lab_gpu, serial), serial, device);
}

/* "MIG-GPU-.../GI/CI" is the form before R470, which all drivers understand. */
static bool has_uuid(const struct sim_dev *dev, const struct lab_gi *gi, const struct lab_ci *ci,
		     const char *uuid)
{
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

	if (strncmp(uuid, "MIG-GPU-", 8) == 0)
		sim_mig_uuid_old(dev, gi->id, ci->id, text);
	else
		sim_mig_uuid(dev, gi, ci, text);
	return strcmp(text, uuid) == 0;
}

/* Where a MIG device is: its GPU, and the ids of its instances or -1, any. */
struct spot {
	uint8_t gpu;
	int8_t gi, ci;
	uint8_t pad; /* a whole word, which is stored at once */
};

static bool mig_at(struct spot spot, const char *uuid, nvmlDevice_t *device, struct spot *ret)
{
	bool any = spot.ci < 0;
	struct sim_dev dev;

	if (sim_gpu_with(spot.gpu, spot.gi < 0 ? LAB_GI_ALL : spot.gi, &dev) != NVML_SUCCESS)
		return false;
	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *g = &dev.gpu.gi[i];

		for (unsigned k = 0; g->used && k < MIG_MAX_CI; k++) {
			const struct lab_ci *c = &g->ci[k];

			if (!c->used || (!any && c->id != spot.ci) || !has_uuid(&dev, g, c, uuid))
				continue;
			*device = sim_ci_handle(&dev, SIM_MIG, g->id, c->id, c->generation);
			*ret = (struct spot){ spot.gpu, (int8_t)g->id, (int8_t)c->id, 0 };
			return true;
		}
	}
	return false;
}

/*
 * Where a MIG device's UUID was found last, by 7 bits of it: where to look first. Nothing more than
 * that is believed of it.
 */
static _Atomic struct spot found_at[128];

static _Atomic struct spot *found_at_of(const char *uuid, size_t len)
{
	uint64_t begin, end;

	/* The old form has its ids at the end. */
	memcpy(&begin, uuid + 4, sizeof(begin));
	memcpy(&end, uuid + len - sizeof(end), sizeof(end));
	return &found_at[((begin ^ end) * 0x9e3779b97f4a7c15u) >> 57];
}

/* A lost GPU ends the search, as what it has is not known. */
static nvmlReturn_t mig_by_uuid(const char *uuid, size_t len, nvmlDevice_t *device)
{
	_Atomic struct spot *likely = found_at_of(uuid, len);
	struct spot spot = atomic_load_explicit(likely, memory_order_relaxed);
	unsigned end = lab_until_lost(sim_lab());

	if (spot.gpu < end && mig_at(spot, uuid, device, &spot))
		return NVML_SUCCESS;
	for (unsigned gpu = 0; gpu < end; gpu++) {
		if (!mig_at((struct spot){ (uint8_t)gpu, -1, -1, 0 }, uuid, device, &spot))
			continue;
		atomic_store_explicit(likely, spot, memory_order_relaxed);
		return NVML_SUCCESS;
	}
	return end < sim_const()->n_gpus ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_NOT_FOUND;
}

static nvmlReturn_t by_uuid(const char *uuid, nvmlDevice_t *device)
{
	size_t len = strlen(uuid);

	/* Every UUID has more characters; a shorter word is nobody's. */
	if (len > 12 && strncmp(uuid, "MIG-", 4) == 0)
		return mig_by_uuid(uuid, len, device);
	return gpu_by(offsetof(struct lab_gpu, uuid), uuid, device);
}

SIM_ENTRY(nvmlDeviceGetHandleByUUID, (const char *uuid, nvmlDevice_t *device), (uuid, device))
{
	if (!uuid || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	return by_uuid(uuid, device);
}

/* "GPU-" or "MIG-" and the bytes as text. */
static void uuid_text(const unsigned char b[NVML_DEVICE_UUID_BINARY_LEN], const char *prefix,
		      char ret[NVML_DEVICE_UUID_ASCII_LEN])
{
	_Static_assert(NVML_DEVICE_UUID_ASCII_LEN >= 41, "a prefix of 4, 36 characters, a NUL");
	memcpy(ret, prefix, 4);
	base_uuid_text(b, ret + 4);
}

SIM_ENTRY(nvmlDeviceGetHandleByUUIDV, (const nvmlUUID_t *uuid, nvmlDevice_t *device),
	  (uuid, device))
{
	char text[NVML_DEVICE_UUID_ASCII_LEN];
	nvmlReturn_t status;

	if (!uuid || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (uuid->version != nvmlUUID_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (uuid->type == NVML_UUID_TYPE_ASCII) {
		memcpy(text, uuid->value.str, sizeof(text));
		text[sizeof(text) - 1] = '\0';
		return by_uuid(text, device);
	}
	if (uuid->type != NVML_UUID_TYPE_BINARY)
		return NVML_ERROR_INVALID_ARGUMENT;
	uuid_text(uuid->value.bytes, "GPU-", text);
	status = by_uuid(text, device);
	if (status != NVML_ERROR_NOT_FOUND)
		return status;
	uuid_text(uuid->value.bytes, "MIG-", text);
	return by_uuid(text, device);
}

static nvmlReturn_t by_bus_id(const char *text, nvmlDevice_t *device)
{
	struct sim_bus_id id;
	nvmlReturn_t status;
	unsigned gpu;

	if (!text || !device || !sim_parse_bus_id(text, &id))
		return NVML_ERROR_INVALID_ARGUMENT;
	/* nvml.h: GPU_IS_LOST if the target GPU has fallen off the bus. */
	status = sim_gpu_at(id.domain, id.bus, id.device, &gpu);
	if (status == NVML_SUCCESS)
		*device = sim_gpu_handle(gpu);
	return status;
}

SIM_ENTRY(nvmlDeviceGetHandleByPciBusId, (const char *pciBusId, nvmlDevice_t *device),
	  (pciBusId, device))
{
	return by_bus_id(pciBusId, device);
}

SIM_ENTRY(nvmlDeviceGetHandleByPciBusId_v2, (const char *pciBusId, nvmlDevice_t *device),
	  (pciBusId, device))
{
	return by_bus_id(pciBusId, device);
}

SIM_ENTRY(nvmlDeviceGetName, (nvmlDevice_t device, char *name, unsigned int length),
	  (device, name, length))
{
	char text[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	struct sim_text t = { .to = text, .room = sizeof(text) };
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!sim_is_mig(&dev))
		return sim_copy(name, length, dev.board->name);
	sim_put(&t, dev.board->name);
	sim_put(&t, " MIG ");
	sim_put(&t, dev.cp->name);
	return sim_copy(name, length, text);
}

/* Of a MIG device its position among those of its GPU: what GetMigDeviceHandleByIndex took. */
SIM_ENTRY(nvmlDeviceGetIndex, (nvmlDevice_t device, unsigned int *index), (device, index))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device_all(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!index)
		return NVML_ERROR_INVALID_ARGUMENT;
	*index = sim_is_mig(&dev) ? lab_mig_index(&dev.gpu, dev.gi, dev.ci) : dev.ref.gpu;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetUUID, (nvmlDevice_t device, char *uuid, unsigned int length),
	  (device, uuid, length))
{
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);
	bool mig;

	if (status != NVML_SUCCESS)
		return status;
	/* Of a CI's device handle some clients expect the MIG device's UUID; a rule of the lab. */
	mig = sim_is_mig(&dev) ||
	      (dev.ref.kind == SIM_CI_DEVICE && dev.con->rule[LAB_RULE_CI_DEVICE_HANDLE] == 0);
	if (!mig)
		return sim_copy(uuid, length, dev.gpu.uuid);
	sim_mig_uuid(&dev, dev.gi, dev.ci, text);
	return sim_copy(uuid, length, text);
}

SIM_ENTRY(nvmlDeviceGetSerial, (nvmlDevice_t device, char *serial, unsigned int length),
	  (device, serial, length))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	return status == NVML_SUCCESS ? sim_copy(serial, length, dev.gpu.serial) : status;
}

SIM_ENTRY(nvmlDeviceGetCudaComputeCapability, (nvmlDevice_t device, int *major, int *minor),
	  (device, major, minor))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!major || !minor)
		return NVML_ERROR_INVALID_ARGUMENT;
	*major = (int)dev.board->cc_major;
	*minor = (int)dev.board->cc_minor;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetBrand, (nvmlDevice_t device, nvmlBrandType_t *type), (device, type))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!type)
		return NVML_ERROR_INVALID_ARGUMENT;
	*type = NVML_BRAND_NVIDIA;
	return NVML_SUCCESS;
}

SIM_NUMBER(nvmlDeviceGetMinorNumber, sim_parent, unsigned int, dev.gpu.minor)
SIM_NUMBER(nvmlDeviceGetArchitecture, sim_device, nvmlDeviceArchitecture_t, dev.board->architecture)
/* Measured: NOT_SUPPORTED on a MIG handle. */
SIM_NUMBER(nvmlDeviceGetNumGpuCores, sim_parent, unsigned int, dev.board->cuda_cores)
SIM_NUMBER(nvmlDeviceGetBusType, sim_parent, nvmlBusType_t, NVML_BUS_TYPE_PCIE)
