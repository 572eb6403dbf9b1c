/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/gpu.h"

#include <stdio.h>
#include <string.h>

void observe_identity(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	unsigned int minor = 0;
	nvmlPciInfo_t pci;

	gpu->minor = -1;
	if (OBSERVE_ESSENTIAL(o, gpu, nvmlDeviceGetName, dev, gpu->name, sizeof(gpu->name)))
		gpu->name[0] = '\0';
	if (OBSERVE_ESSENTIAL(o, gpu, nvmlDeviceGetUUID, dev, gpu->uuid, sizeof(gpu->uuid)))
		gpu->uuid[0] = '\0';
	if (!OBSERVE_ESSENTIAL(o, gpu, nvmlDeviceGetPciInfo_v3, dev, &pci)) {
		snprintf(gpu->bus_id, sizeof(gpu->bus_id), "%.23s", pci.busId);
		gpu->board.pci_device_id = pci.pciDeviceId;
		gpu->board.pci_subsystem_id = pci.pciSubSystemId;
	}
	/* Boards without a number answer NOT_SUPPORTED. */
	if (OBSERVE_CALL(o, gpu, nvmlDeviceGetSerial, dev, gpu->serial, sizeof(gpu->serial)))
		gpu->serial[0] = '\0';
	if (!OBSERVE_CALL(o, gpu, nvmlDeviceGetMinorNumber, dev, &minor))
		gpu->minor = (int32_t)minor;
}

static struct mig_reading reading(nvmlReturn_t status, unsigned long long value)
{
	return (struct mig_reading){ .status = (int32_t)status, .value = status ? 0 : value };
}

/*
 * The newer form, as nvidia-smi asks it: its "used" leaves out what the driver holds for itself,
 * 0 on an idle GPU where the older one says 480 MiB (measured on an H100 under 580).
 */
void observe_memory(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu,
		    struct mig_reading *used, struct mig_reading *free_, struct mig_reading *total)
{
	nvmlMemory_v2_t m2 = { .version = nvmlMemory_v2 };
	nvmlMemory_t m1;
	nvmlReturn_t status = OBSERVE_CALL(o, gpu, nvmlDeviceGetMemoryInfo_v2, dev, &m2);

	if (status == NVML_ERROR_FUNCTION_NOT_FOUND ||
	    status == NVML_ERROR_ARGUMENT_VERSION_MISMATCH) {
		memset(&m1, 0, sizeof(m1));
		status = OBSERVE_CALL(o, gpu, nvmlDeviceGetMemoryInfo, dev, &m1);
		m2.used = m1.used;
		m2.free = m1.free;
		m2.total = m1.total;
	}
	*used = reading(status, m2.used);
	*free_ = reading(status, m2.free);
	*total = reading(status, m2.total);
}
