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

enum match {
	NO_MATCH,
	MATCH,
	MALFORMED,
};

static enum match match_bus_id(struct smi *smi, const char *word, const struct smi_gpu *gpu)
{
	nvmlDevice_t dev;
	nvmlReturn_t r = smi->api->nvmlDeviceGetHandleByPciBusId_v2(word, &dev);

	if (r == NVML_ERROR_INVALID_ARGUMENT) {
		/* NVIDIA's program prints an empty (or uninitialised) name here. */
		fputs("Problem with GPU : Invalid PCI bus id format. Try format "
		      "[domain:]bus:device.function E.g. 0:2:0.0\n",
		      smi->out);
		return MALFORMED;
	}
	return r == NVML_SUCCESS && dev == gpu->dev ? MATCH : NO_MATCH;
}

/* The words are tried in turn, for each GPU anew: those behind a match are not looked at. */
static enum match match(struct smi *smi, const char *list, const struct smi_gpu *gpu)
{
	_cleanup_free_ char *copy = strdup(list);
	enum match found = copy ? NO_MATCH : MALFORMED;
	char *word, *rest;

	for (word = copy ? strtok_r(copy, ",", &rest) : NULL; word && found == NO_MATCH;
	     word = strtok_r(NULL, ",", &rest)) {
		if (is_index(word, gpu->index) || is_named(smi, word, gpu))
			found = MATCH;
		else if (strchr(word, ':'))
			found = match_bus_id(smi, word, gpu);
	}
	return found;
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

/* Drops the GPUs that are not in the list. */
static int keep(struct smi *smi, const char *list, struct smi_gpus *gpus)
{
	unsigned int i, n = 0;

	if (!list[strspn(list, ",")]) {
		fputs("Failed to parse device string on command line", smi->out);
		return 255;
	}
	for (i = 0; i < gpus->n; i++) {
		enum match found = match(smi, list, &gpus->gpu[i]);

		if (found == MALFORMED)
			return 255;
		if (found == MATCH)
			gpus->gpu[n++] = gpus->gpu[i];
	}
	gpus->n = n;
	return 0;
}

int smi_select(struct smi *smi, const char *list, struct smi_gpus *ret)
{
	int code = all_gpus(smi, ret);

	if (!code && list)
		code = keep(smi, list, ret);
	if (!code && !ret->n) {
		fputs("No devices were found\n", smi->out);
		code = 6;
	}
	return code;
}
