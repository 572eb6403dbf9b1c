/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices there are and who they are. */
#include "sim/sim.h"

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

/* How many GPUs there are before the first that is lost. */
static unsigned until_lost(void)
{
	struct lab_place place[LAB_MAX_GPUS];
	unsigned n = lab_read_places(sim_lab(), place), end = 0;

	while (end < n && !place[end].lost)
		end++;
	return end;
}

SIM_ENTRY(nvmlDeviceGetHandleBySerial, (const char *serial, nvmlDevice_t *device), (serial, device))
{
	unsigned end;
	int gpu;

	if (!serial || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	gpu = lab_find_gpu(sim_lab(), offsetof(struct lab_gpu, serial), serial);
	/* nvml.h: GPU_IS_LOST if any GPU has fallen off the bus; those before it can be found. */
	end = until_lost();
	if (gpu < 0 || (unsigned)gpu >= end)
		return end < sim_const()->n_gpus ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_NOT_FOUND;
	*device = sim_gpu_handle((unsigned)gpu);
	return NVML_SUCCESS;
}

/* "MIG-GPU-.../GI/CI", the form before R470, which all drivers understand. */
static bool is_old_form(const char *uuid)
{
	return strncmp(uuid, "MIG-GPU-", 8) == 0;
}

/* The MIG device of that UUID on one GPU, NULL: none. */
static nvmlDevice_t mig_by_uuid(const struct sim_dev *dev, const char *uuid)
{
	bool old = is_old_form(uuid);

	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *g = &dev->gpu.gi[i];

		for (unsigned k = 0; g->used && k < MIG_MAX_CI; k++) {
			const struct lab_ci *c = &g->ci[k];
			char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

			if (!c->used)
				continue;
			if (old)
				sim_mig_uuid_old(dev, g->id, c->id, text);
			else
				sim_mig_uuid(dev, g, c, text);
			if (strcmp(text, uuid) == 0)
				return sim_ci_handle(dev, SIM_MIG, g->id, c->id, c->generation);
		}
	}
	return NULL;
}

/*
 * On which GPU a UUID was found last, by 7 of its bits: where to look first. Nothing more than that
 * is believed of it.
 */
static _Atomic uint8_t found_on[128];

static _Atomic uint8_t *found_on_of(const char *uuid)
{
	unsigned h = 0;

	for (unsigned i = 0; i < 12 && uuid[i]; i++)
		h = h * 31 + (unsigned char)uuid[i];
	return &found_on[h % 128];
}

static nvmlDevice_t on_gpu(unsigned gpu, const char *uuid)
{
	struct sim_dev dev;

	if (sim_gpu_all(gpu, &dev) != NVML_SUCCESS)
		return NULL;
	if (strcmp(dev.gpu.uuid, uuid) == 0)
		return sim_gpu_handle(gpu);
	return mig_by_uuid(&dev, uuid);
}

/* A lost GPU ends the search, as what it has is not known. */
static nvmlReturn_t by_uuid(const char *uuid, nvmlDevice_t *device)
{
	_Atomic uint8_t *first = found_on_of(uuid);
	unsigned end = until_lost();
	nvmlDevice_t found;

	for (unsigned i = 0; i <= end; i++) {
		/* The likely one, then all. */
		unsigned gpu = i ? i - 1 : *first;

		found = gpu < end ? on_gpu(gpu, uuid) : NULL;
		if (!found)
			continue;
		if (*first != gpu)
			*first = (uint8_t)gpu;
		*device = found;
		return NVML_SUCCESS;
	}
	return end < sim_const()->n_gpus ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_NOT_FOUND;
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

/* Position of a MIG device among those of its GPU: what GetMigDeviceHandleByIndex took. */
static unsigned mig_index(const struct sim_dev *dev)
{
	uint8_t gi[MIG_MAX_GI * MIG_MAX_CI], ci[MIG_MAX_GI * MIG_MAX_CI];
	unsigned n = lab_mig_devices(&dev->gpu, gi, ci, MIG_MAX_GI * MIG_MAX_CI);
	unsigned i;

	for (i = 0; i < n; i++)
		if (&dev->gpu.gi[gi[i]].ci[ci[i]] == dev->ci)
			break;
	return i;
}

SIM_ENTRY(nvmlDeviceGetIndex, (nvmlDevice_t device, unsigned int *index), (device, index))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device_all(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!index)
		return NVML_ERROR_INVALID_ARGUMENT;
	*index = sim_is_mig(&dev) ? mig_index(&dev) : dev.ref.gpu;
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
