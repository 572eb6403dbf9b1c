/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi_ctx.h"

#include "base/util.h"

/* What one GPU's change came to. */
enum outcome {
	DONE,
	WARNED, /* nvidia-smi goes on, but for --error-on-warning */
	FAILED,
};

static enum outcome refused(struct smi *smi, nvmlReturn_t r)
{
	if (r != NVML_ERROR_NOT_SUPPORTED)
		return FAILED;
	fputs("Treating as warning and moving on.\n", smi->out);
	return WARNED;
}

static enum outcome pending(struct smi *smi, const struct smi_gpu *gpu, const char *verb,
			    nvmlReturn_t why)
{
	fprintf(smi->out, "Warning: MIG mode is in pending %s state for GPU %s:%s\n", verb,
		gpu->bus_id, smi_error(smi, why));
	if (why == NVML_ERROR_IN_USE)
		fprintf(smi->out,
			"%s is currently being used by one or more other processes (e.g. "
			"CUDA application or a monitoring application such as another "
			"instance of nvidia-smi). Please first kill all processes using "
			"the device and retry the command or reboot the system to make "
			"MIG mode effective.\n",
			gpu->bus_id);
	else
		fprintf(smi->out,
			"Reboot the system or try nvidia-smi --gpu-reset to make MIG mode "
			"effective on GPU %s\n",
			gpu->bus_id);
	return WARNED;
}

static enum outcome set_mig(struct smi *smi, const struct smi_gpu *gpu, unsigned int mode,
			    nvmlReturn_t *ret)
{
	nvmlEnableState_t persistence = NVML_FEATURE_ENABLED;
	nvmlReturn_t activation = NVML_SUCCESS;
	const char *verb = mode ? "enable" : "disable";

	if (mode > 1 && smi->d->checks_mig_mode) {
		fprintf(smi->out, "Invalid MIG Mode: %u\n", mode);
		*ret = NVML_ERROR_INVALID_ARGUMENT;
		return FAILED;
	}
	*ret = smi->api->nvmlDeviceSetMigMode(
		gpu->dev, mode ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE, &activation);
	if (*ret) {
		fprintf(smi->out, "Unable to %s MIG Mode for GPU %s: %s\n", verb, gpu->bus_id,
			smi_error(smi, *ret));
		return refused(smi, *ret);
	}
	if (activation)
		return pending(smi, gpu, verb, activation);
	fprintf(smi->out, "%s MIG Mode for GPU %s\n", mode ? "Enabled" : "Disabled", gpu->bus_id);
	if (smi->api->nvmlDeviceGetPersistenceMode(gpu->dev, &persistence) ||
	    persistence == NVML_FEATURE_ENABLED)
		return DONE;
	fprintf(smi->out,
		"\nWarning: persistence mode is disabled on device %s. See the Known "
		"Issues section of the nvidia-smi(1) man page for more information. Run "
		"with [--help | -h] switch to get more information on how to enable "
		"persistence mode.\n",
		gpu->bus_id);
	return WARNED;
}

static const char persistence_off[] = "Disabled persistence mode for GPU %s.\n";

static enum outcome set_persistence(struct smi *smi, const struct smi_gpu *gpu, unsigned int mode,
				    nvmlReturn_t *ret)
{
	nvmlEnableState_t now = NVML_FEATURE_DISABLED;
	const char *word = mode ? "Enabled" : "Disabled";

	*ret = smi->api->nvmlDeviceGetPersistenceMode(gpu->dev, &now);
	if (*ret == NVML_ERROR_NOT_SUPPORTED) {
		fprintf(smi->out,
			"Setting persistence mode is not supported for GPU %s on this "
			"platform.\n",
			gpu->bus_id);
		return refused(smi, *ret);
	}
	if (*ret) {
		fprintf(smi->out, "Unable to determine current persistence mode for GPU %s: %s\n",
			gpu->bus_id, smi_error(smi, *ret));
		return FAILED;
	}
	if (mode > 1) {
		fprintf(smi->out, "Invalid persistence mode: %u\n", mode);
		*ret = NVML_ERROR_INVALID_ARGUMENT;
		return FAILED;
	}
	if ((unsigned int)now == mode) {
		fprintf(smi->out, "Persistence mode is already %s for GPU %s.\n", word,
			gpu->bus_id);
		return DONE;
	}
	*ret = smi->api->nvmlDeviceSetPersistenceMode(gpu->dev, (nvmlEnableState_t)mode);
	if (*ret) {
		fprintf(smi->out, "Unable to set persistence mode for GPU %s: %s\n", gpu->bus_id,
			smi_error(smi, *ret));
		if (!smi->d->persistence_goes_on)
			return refused(smi, *ret);
	}
	fprintf(smi->out, mode ? smi->d->persistence_on : persistence_off, gpu->bus_id);
	return DONE;
}

typedef enum outcome (*change_fn)(struct smi *smi, const struct smi_gpu *gpu, unsigned int mode,
				  nvmlReturn_t *ret);

static int on_each(struct smi *smi, const char *ids, change_fn change, unsigned int mode,
		   bool fail_on_warning)
{
	_cleanup_(smi_gpus_free) struct smi_gpus gpus = { 0 };
	unsigned int i;
	int code = smi_select(smi, ids, &gpus);

	if (code)
		return code;
	for (i = 0; i < gpus.n; i++) {
		nvmlReturn_t r = NVML_SUCCESS;
		enum outcome got = change(smi, &gpus.gpu[i], mode, &r);

		if (got == DONE || (got == WARNED && !fail_on_warning))
			continue;
		fputs("Terminating early due to previous errors.\n", smi->out);
		return r ? smi_exit_code(r) : 255;
	}
	fputs("All done.\n", smi->out);
	return 0;
}

int smi_set_mig_mode(struct smi *smi, const char *ids, unsigned int mode, bool fail_on_warning)
{
	return on_each(smi, ids, set_mig, mode, fail_on_warning);
}

int smi_set_persistence(struct smi *smi, const char *ids, unsigned int mode, bool fail_on_warning)
{
	return on_each(smi, ids, set_persistence, mode, fail_on_warning);
}
