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

/* Whether the word is a number below that of the GPUs. */
static bool is_number(const struct smi *smi, const char *word, unsigned int *ret)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(word, &end, 0);
	if (errno || end == word || *end || n >= smi->n_gpus)
		return false;
	*ret = (unsigned int)n;
	return true;
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

/* lost: a lost GPU was found by a place already. */
static enum match match_bus_id(struct smi *smi, const char *word, const struct smi_gpu *gpu,
			       bool *lost)
{
	nvmlDevice_t dev = NULL;
	nvmlReturn_t r = smi->api->nvmlDeviceGetHandleByPciBusId_v2(word, &dev);

	if (r == NVML_ERROR_INVALID_ARGUMENT) {
		/* NVIDIA's program prints an empty (or uninitialised) name here. */
		fputs("Problem with GPU : Invalid PCI bus id format. Try format "
		      "[domain:]bus:device.function E.g. 0:2:0.0\n",
		      smi->out);
		return MALFORMED;
	}
	/*
	 * NVIDIA's program compares places, which NVML does not tell of a lost GPU: of several the
	 * first is taken.
	 */
	if (r == NVML_ERROR_GPU_IS_LOST && gpu->status == r && !*lost) {
		*lost = true;
		return MATCH;
	}
	return r == NVML_SUCCESS && dev == gpu->dev ? MATCH : NO_MATCH;
}

/* Serial numbers and UUIDs are asked of each GPU, whichever the word means. */
static enum match match_name(struct smi *smi, const char *word, const struct smi_gpu *gpu)
{
	if (gpu->status) {
		fprintf(smi->out, "Problem with GPU %u: %s\n", gpu->index,
			smi_handle_error(smi, gpu->status));
		return MALFORMED;
	}
	return is_named(smi, word, gpu) ? MATCH : NO_MATCH;
}

/* The words are tried in turn, for each GPU anew: those behind a match are not looked at. */
static enum match match(struct smi *smi, const char *list, const struct smi_gpu *gpu, bool *lost)
{
	_cleanup_free_ char *copy = strdup(list);
	enum match found = copy ? NO_MATCH : MALFORMED;
	char *word, *rest;
	unsigned int n;

	for (word = copy ? strtok_r(copy, ",", &rest) : NULL; word && found == NO_MATCH;
	     word = strtok_r(NULL, ",", &rest)) {
		if (is_number(smi, word, &n))
			found = n == gpu->index ? MATCH : NO_MATCH;
		else if (strchr(word, ':'))
			found = match_bus_id(smi, word, gpu, lost);
		else
			found = match_name(smi, word, gpu);
	}
	return found;
}

/* Adds a GPU to those that the command is about: only then it has to answer. */
static int take(struct smi *smi, const struct smi_gpu *gpu, struct smi_gpus *ret)
{
	if (gpu->status == NVML_ERROR_NO_PERMISSION) {
		fputs("No devices were found. Please make sure /dev/nvidia* files are readable by "
		      "current user.\n",
		      smi->out);
		return smi_exit_code(gpu->status);
	}
	if (gpu->status == NVML_ERROR_GPU_IS_LOST && smi->d->goes_on_without_lost) {
		fprintf(smi->env->err, "Unable to determine the device handle for GPU%u: %u: %s\n",
			gpu->index, gpu->index, smi_handle_error(smi, gpu->status));
		return 0;
	}
	if (gpu->status) {
		fprintf(smi->out, "Unable to determine the device handle for GPU%u: %s\n",
			gpu->index, smi_handle_error(smi, gpu->status));
		return smi_exit_code(gpu->status);
	}
	ret->gpu[ret->n++] = *gpu;
	return 0;
}

int smi_select(struct smi *smi, const char *list, struct smi_gpus *ret)
{
	bool lost = false;
	int code = 0;

	ret->n = 0;
	ret->gpu = calloc(smi->n_gpus ? smi->n_gpus : 1, sizeof(*ret->gpu));
	if (!ret->gpu)
		return 255;
	if (list && !list[strspn(list, ",")]) {
		fputs("Failed to parse device string on command line", smi->out);
		return 255;
	}
	for (unsigned int i = 0; i < smi->n_gpus && !code; i++) {
		/* What NVIDIA's program prints where it has no bus id. */
		struct smi_gpu gpu = { .index = i, .bus_id = "(null)" };
		nvmlPciInfo_t pci;
		enum match found;

		gpu.status = smi->api->nvmlDeviceGetHandleByIndex_v2(i, &gpu.dev);
		if (!gpu.status && !smi->api->nvmlDeviceGetPciInfo_v3(gpu.dev, &pci))
			snprintf(gpu.bus_id, sizeof(gpu.bus_id), "%s", pci.busId);
		found = list ? match(smi, list, &gpu, &lost) : MATCH;
		if (found == MALFORMED)
			return 255;
		if (found == MATCH)
			code = take(smi, &gpu, ret);
	}
	if (!code && !ret->n) {
		fputs("No devices were found\n", smi->out);
		code = 6;
	}
	return code;
}
