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

/* One GPU's lines. A name that cannot be read is its end, a UUID is not; the index is NVIDIA's gap.
 */
static int list_gpu(struct smi *smi, unsigned int i, nvmlDevice_t dev)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = "";
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "";
	nvmlReturn_t r = smi->api->nvmlDeviceGetName(dev, name, sizeof(name));

	if (r) {
		fprintf(smi->out, "Unable to determine the product name for gpu : %s\n",
			smi_main_error(smi, r));
		return smi_exit_code(r);
	}
	r = smi->api->nvmlDeviceGetUUID(dev, uuid, sizeof(uuid));
	fprintf(smi->out, "GPU %u: %s (UUID: %s)\n", i, name, r ? smi_main_error(smi, r) : uuid);
	list_mig(smi, dev, name);
	return 0;
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
		nvmlDevice_t dev;
		nvmlReturn_t r = smi->api->nvmlDeviceGetHandleByIndex_v2(i, &dev);
		int one = r ? smi_exit_code(r) : list_gpu(smi, i, dev);

		/* In other letters than everywhere else, and the rest is listed. */
		if (r)
			fprintf(smi->out, "Unable to determine the device handle for gpu %u: %s\n",
				i, smi_handle_error(smi, r));
		code = one ? one : code;
	}
	return code;
}
