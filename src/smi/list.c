/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi_ctx.h"

#include <string.h>

#include "base/util.h"

/* "MIG 1g.10gb+me" of "NVIDIA A100 80GB PCIe MIG 1g.10gb+me". */
static const char *profile_of(const char *name, const char *parent)
{
	size_t n = strlen(parent);

	if (!strncmp(name, parent, n) && name[n] == ' ')
		return name + n + 1;
	return name;
}

static void list_mig(struct smi *smi, nvmlDevice_t gpu, const char *parent)
{
	unsigned int i, max = 0;

	if (smi->api->nvmlDeviceGetMaxMigDeviceCount(gpu, &max))
		return;
	for (i = 0; i < max; i++) {
		char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
		char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
		nvmlDevice_t dev;

		if (smi->api->nvmlDeviceGetMigDeviceHandleByIndex(gpu, i, &dev) ||
		    smi->api->nvmlDeviceGetName(dev, name, sizeof(name)) ||
		    smi->api->nvmlDeviceGetUUID(dev, uuid, sizeof(uuid)))
			continue;
		fprintf(smi->out, smi->d->mig_device, profile_of(name, parent), i, uuid);
	}
}

int smi_list(struct smi *smi)
{
	unsigned int i;
	int code = 0;

	if (!smi->n_gpus) {
		fputs("No devices found.\n", smi->out);
		return 0;
	}
	for (i = 0; i < smi->n_gpus; i++) {
		char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = "";
		char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "";
		nvmlDevice_t dev;
		nvmlReturn_t r = smi->api->nvmlDeviceGetHandleByIndex_v2(i, &dev);

		if (r) {
			/* In other letters than everywhere else, and the rest is listed. */
			fprintf(smi->out, "Unable to determine the device handle for gpu %u: %s\n",
				i, smi_error(smi, r));
			code = smi_exit_code(r);
			continue;
		}
		smi->api->nvmlDeviceGetName(dev, name, sizeof(name));
		smi->api->nvmlDeviceGetUUID(dev, uuid, sizeof(uuid));
		fprintf(smi->out, "GPU %u: %s (UUID: %s)\n", i, name, uuid);
		list_mig(smi, dev, name);
	}
	return code;
}
