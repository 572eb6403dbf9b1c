/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/summary.h"

#include <string.h>

#include "base/util.h"

nvmlReturn_t summary_memory(struct smi *smi, nvmlDevice_t dev, unsigned long long *ret_used,
			    unsigned long long *ret_total)
{
	nvmlMemory_v2_t v2 = { .version = nvmlMemory_v2 };
	nvmlMemory_t v1;
	nvmlReturn_t r = smi->api->nvmlDeviceGetMemoryInfo_v2(dev, &v2);

	if (!r) {
		*ret_used = v2.used;
		*ret_total = v2.total;
	}
	if (r != NVML_ERROR_FUNCTION_NOT_FOUND)
		return r;
	r = smi->api->nvmlDeviceGetMemoryInfo(dev, &v1);
	if (!r) {
		*ret_used = v1.used;
		*ret_total = v1.total;
	}
	return r;
}

static void on_off(char *cell, nvmlReturn_t r, nvmlEnableState_t state, const char *format)
{
	if (r)
		snprintf(cell, SMI_CELL, "%s", summary_error(r));
	else
		snprintf(cell, SMI_CELL, format, state == NVML_FEATURE_ENABLED ? "On" : "Off");
}

/* "42%", "33C": a number and its unit. */
static void number(char *cell, nvmlReturn_t r, unsigned int value, const char *unit)
{
	if (r)
		snprintf(cell, SMI_CELL, "%s", summary_error(r));
	else
		snprintf(cell, SMI_CELL, "%u%s", value, unit);
}

static void watts(char *cell, nvmlReturn_t r, unsigned int milliwatts, const char *error_format)
{
	unsigned int w = milliwatts / 1000;

	if (r)
		snprintf(cell, SMI_CELL, error_format, summary_error(r));
	else
		snprintf(cell, SMI_CELL, "%uW", w ? w : 1);
}

static void identity(struct smi *smi, const struct smi_gpu *gpu, struct smi_cells *c)
{
	nvmlEnableState_t state = NVML_FEATURE_DISABLED;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	unsigned int index = 0;
	nvmlPciInfo_t pci;
	nvmlReturn_t r;

	r = smi->api->nvmlDeviceGetIndex(gpu->dev, &index);
	if (r)
		snprintf(c->text[0], SMI_CELL, "%s", summary_error(r));
	else
		snprintf(c->text[0], SMI_CELL, "%3u", index);
	r = smi->api->nvmlDeviceGetName(gpu->dev, name, sizeof(name));
	snprintf(c->text[1], SMI_CELL, "%s", r ? summary_error(r) : name);
	r = smi->api->nvmlDeviceGetPersistenceMode(gpu->dev, &state);
	on_off(c->text[2], r, state, " %s");
	r = smi->api->nvmlDeviceGetPciInfo_v3(gpu->dev, &pci);
	snprintf(c->text[3], SMI_CELL, "%s", r ? summary_error(r) : pci.busId);
	r = smi->api->nvmlDeviceGetDisplayActive(gpu->dev, &state);
	on_off(c->text[4], r, state, "%s");
}

/* A star, as behind the MIG mode: a change is waiting for a reset. */
static void ecc(struct smi *smi, const struct smi_gpu *gpu, char *cell)
{
	nvmlEnableState_t current = NVML_FEATURE_DISABLED, pending = NVML_FEATURE_DISABLED;
	unsigned long long errors = 0;
	nvmlReturn_t r = smi->api->nvmlDeviceGetEccMode(gpu->dev, &current, &pending);
	const char *star = !r && current != pending ? "*" : "";

	if (r || current != NVML_FEATURE_ENABLED || summary_mig_enabled(smi, gpu)) {
		on_off(cell, r, current, "%s");
	} else {
		r = smi->api->nvmlDeviceGetTotalEccErrors(
			gpu->dev, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC, &errors);
		if (r)
			snprintf(cell, SMI_CELL, "%s", summary_error(r));
		else
			snprintf(cell, SMI_CELL, "%llu", errors);
	}
	snprintf(cell + strlen(cell), SMI_CELL - strlen(cell), "%s", star);
}

static void readings(struct smi *smi, const struct smi_gpu *gpu, struct smi_cells *c)
{
	unsigned long long used = 0, total = 0;
	nvmlUtilization_t busy = { 0 };
	nvmlPstates_t pstate = 0;
	unsigned int n = 0;
	nvmlReturn_t r;

	r = smi->api->nvmlDeviceGetFanSpeed(gpu->dev, &n);
	number(c->text[6], r, n, "%");
	r = smi->api->nvmlDeviceGetTemperature(gpu->dev, NVML_TEMPERATURE_GPU, &n);
	number(c->text[7], r, n, "C");
	r = smi->api->nvmlDeviceGetPerformanceState(gpu->dev, &pstate);
	if (r)
		snprintf(c->text[8], SMI_CELL, "%s ", summary_error(r));
	else
		snprintf(c->text[8], SMI_CELL, "P%u", (unsigned int)pstate);
	r = smi->api->nvmlDeviceGetPowerUsage(gpu->dev, &n);
	watts(c->text[9], r, n, smi->d->summary->power_error);
	r = smi->api->nvmlDeviceGetEnforcedPowerLimit(gpu->dev, &n);
	watts(c->text[10], r, n, smi->d->summary->limit_error);
	r = summary_memory(smi, gpu->dev, &used, &total);
	if (r == NVML_ERROR_NO_PERMISSION) /* other errors are spelled out, this is not */
		snprintf(c->text[11], SMI_CELL, "%20s", summary_error(NVML_ERROR_NOT_SUPPORTED));
	else if (r)
		snprintf(c->text[11], SMI_CELL, "%s", smi_error(smi, r));
	else
		snprintf(c->text[11], SMI_CELL, smi->d->summary->memory, smi_mib(smi, used),
			 smi_mib(smi, total));
	r = smi->api->nvmlDeviceGetUtilizationRates(gpu->dev, &busy);
	number(c->text[12], r, busy.gpu, "%");
}

static void modes(struct smi *smi, const struct smi_gpu *gpu, struct smi_cells *c)
{
	static const char *const names[] = { "Default", "E. Thread", "Prohibited", "E. Process" };
	nvmlComputeMode_t mode = NVML_COMPUTEMODE_DEFAULT;
	unsigned int current = 0, pending = 0;
	nvmlReturn_t r;

	r = smi->api->nvmlDeviceGetComputeMode(gpu->dev, &mode);
	if (r || (unsigned int)mode >= ARRAY_SIZE(names))
		snprintf(c->text[13], SMI_CELL, "%s", summary_error(r));
	else
		snprintf(c->text[13], SMI_CELL, "%s", names[mode]);
	r = smi->api->nvmlDeviceGetMigMode(gpu->dev, &current, &pending);
	if (r)
		snprintf(c->text[14], SMI_CELL, "%s", summary_error(r));
	else /* the star: a change is waiting for a reset */
		snprintf(c->text[14], SMI_CELL, "%s%s", pending ? "Enabled" : "Disabled",
			 current != pending ? "*" : "");
}

void summary_gpu(struct smi *smi, const struct smi_gpu *gpu)
{
	struct smi_cells c;

	identity(smi, gpu, &c);
	ecc(smi, gpu, c.text[5]);
	readings(smi, gpu, &c);
	modes(smi, gpu, &c);
	smi_row(smi->out, smi->d->summary->gpu, &c);
}
