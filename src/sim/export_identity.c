/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices there are and who they are. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "sim/numbers.h"
#include "sim/parse.h"

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

SIM_ENTRY(nvmlDeviceGetHandleBySerial, (const char *serial, nvmlDevice_t *device), (serial, device))
{
	struct sim_dev dev;

	if (!serial || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	/* nvml.h: GPU_IS_LOST if any GPU has fallen off the bus; those before it can be found. */
	for (unsigned i = 0; i < sim_const()->n_gpus; i++) {
		nvmlReturn_t status = sim_gpu(i, &dev);

		if (status != NVML_SUCCESS)
			return status;
		if (strcmp(dev.gpu.serial, serial) == 0) {
			*device = sim_gpu_handle(i);
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_NOT_FOUND;
}

/* The MIG device of that UUID on one GPU, NULL: none. */
static nvmlDevice_t mig_by_uuid(const struct sim_dev *dev, const char *uuid)
{
	uint8_t gi[MIG_MAX_GI * MIG_MAX_CI], ci[MIG_MAX_GI * MIG_MAX_CI];
	unsigned n = lab_mig_devices(&dev->gpu, gi, ci, MIG_MAX_GI * MIG_MAX_CI);

	for (unsigned i = 0; i < n; i++) {
		const struct lab_gi *g = &dev->gpu.gi[gi[i]];
		const struct lab_ci *c = &g->ci[ci[i]];
		char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

		sim_mig_uuid(dev, g, c, text);
		if (strcmp(text, uuid) == 0)
			return sim_ci_handle(dev, SIM_MIG, g, c);
		/* The form before R470 is understood by all drivers. */
		snprintf(text, sizeof(text), "MIG-%.47s/%u/%u", dev->gpu.uuid, g->id, c->id);
		if (strcmp(text, uuid) == 0)
			return sim_ci_handle(dev, SIM_MIG, g, c);
	}
	return NULL;
}

static nvmlReturn_t by_uuid(const char *uuid, nvmlDevice_t *device)
{
	struct sim_dev dev;

	for (unsigned i = 0; i < sim_const()->n_gpus; i++) {
		nvmlDevice_t mig;
		nvmlReturn_t status = sim_gpu(i, &dev);

		if (status != NVML_SUCCESS)
			return status;
		if (strcmp(dev.gpu.uuid, uuid) == 0) {
			*device = sim_gpu_handle(i);
			return NVML_SUCCESS;
		}
		mig = mig_by_uuid(&dev, uuid);
		if (mig) {
			*device = mig;
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_NOT_FOUND;
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
	snprintf(ret, NVML_DEVICE_UUID_ASCII_LEN,
		 "%s%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", prefix,
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
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

	if (!text || !device || !sim_parse_bus_id(text, &id))
		return NVML_ERROR_INVALID_ARGUMENT;
	/* nvml.h: GPU_IS_LOST if the target GPU has fallen off the bus. */
	for (unsigned i = 0; i < sim_const()->n_gpus; i++) {
		struct sim_dev dev = { .gpu.lost = 0 };
		nvmlReturn_t status = sim_gpu(i, &dev);

		if (status != NVML_SUCCESS && !dev.gpu.lost)
			return status;
		if (dev.gpu.pci_domain != id.domain || dev.gpu.pci_bus != id.bus ||
		    dev.gpu.pci_device != id.device)
			continue;
		if (status == NVML_SUCCESS)
			*device = sim_gpu_handle(i);
		return status;
	}
	return NVML_ERROR_NOT_FOUND;
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
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (sim_is_mig(&dev))
		snprintf(text, sizeof(text), "%s MIG %s", dev.board->name, dev.cp->name);
	else
		snprintf(text, sizeof(text), "%s", dev.board->name);
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
	nvmlReturn_t status = sim_device(device, &dev);

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
