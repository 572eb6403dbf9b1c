/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi_ctx.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

void smi_gpus_free(struct smi_gpus *gpus)
{
	free(gpus->gpu);
	gpus->gpu = NULL;
}

static bool is_index(const char *word, unsigned int index)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(word, &end, 0);
	return !errno && end != word && !*end && n == index;
}

static bool is_named(struct smi *smi, const char *word, const struct smi_gpu *gpu)
{
	char name[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

	if (!smi->api->nvmlDeviceGetSerial(gpu->dev, name, NVML_DEVICE_SERIAL_BUFFER_SIZE) &&
	    !strcmp(word, name))
		return true;
	return !smi->api->nvmlDeviceGetUUID(gpu->dev, name, sizeof(name)) && !strcmp(word, name);
}

/* Marks the GPU at a bus id, if there is one. 0, or the exit code of a malformed bus id. */
static int mark_bus_id(struct smi *smi, const char *word, const struct smi_gpus *all, bool *chosen)
{
	nvmlDevice_t dev;
	nvmlReturn_t r = smi->api->nvmlDeviceGetHandleByPciBusId_v2(word, &dev);
	unsigned int i;

	if (r == NVML_ERROR_INVALID_ARGUMENT) {
		/* NVIDIA's program prints an empty (or uninitialised) name here. */
		fputs("Problem with GPU : Invalid PCI bus id format. Try format "
		      "[domain:]bus:device.function E.g. 0:2:0.0\n",
		      smi->out);
		return 255;
	}
	for (i = 0; i < all->n; i++)
		if (r == NVML_SUCCESS && all->gpu[i].dev == dev)
			chosen[i] = true;
	return 0;
}

static int mark(struct smi *smi, char *list, const struct smi_gpus *all, bool *chosen)
{
	char *word, *rest;
	unsigned int i, words = 0;

	for (word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		words++;
		for (i = 0; i < all->n; i++)
			if (is_index(word, i) || is_named(smi, word, &all->gpu[i]))
				chosen[i] = true;
		if (strchr(word, ':')) {
			int code = mark_bus_id(smi, word, all, chosen);

			if (code)
				return code;
		}
	}
	if (!words) {
		fputs("Failed to parse device string on command line", smi->out);
		return 255;
	}
	return 0;
}

static int all_gpus(struct smi *smi, struct smi_gpus *ret)
{
	unsigned int i;

	ret->n = 0;
	ret->gpu = calloc(smi->n_gpus ? smi->n_gpus : 1, sizeof(*ret->gpu));
	if (!ret->gpu)
		return 255;
	for (i = 0; i < smi->n_gpus; i++) {
		struct smi_gpu *gpu = &ret->gpu[ret->n];
		nvmlPciInfo_t pci;
		nvmlReturn_t r = smi->api->nvmlDeviceGetHandleByIndex_v2(i, &gpu->dev);

		if (r) {
			fprintf(smi->out, "Unable to determine the device handle for GPU%u: %s\n",
				i, smi_error(smi, r));
			return smi_exit_code(r);
		}
		gpu->index = i;
		if (!smi->api->nvmlDeviceGetPciInfo_v3(gpu->dev, &pci))
			snprintf(gpu->bus_id, sizeof(gpu->bus_id), "%s", pci.busId);
		ret->n++;
	}
	return 0;
}

int smi_select(struct smi *smi, const char *list, struct smi_gpus *ret)
{
	_cleanup_free_ char *copy = NULL;
	_cleanup_free_ bool *chosen = NULL;
	unsigned int i, n = 0;
	int code = all_gpus(smi, ret);

	if (code)
		return code;
	if (list) {
		copy = strdup(list);
		chosen = calloc(ret->n ? ret->n : 1, sizeof(*chosen));
		if (!copy || !chosen)
			return 255;
		code = mark(smi, copy, ret, chosen);
		if (code)
			return code;
		for (i = 0; i < ret->n; i++)
			if (chosen[i])
				ret->gpu[n++] = ret->gpu[i];
		ret->n = n;
	}
	if (!ret->n) {
		fputs("No devices were found\n", smi->out);
		return 6;
	}
	return 0;
}
