/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/health.h"

/*
 * The numbers are NVML's own (nvml.h of R560 and later): a driver that does not know a field
 * answers that in the field's own status.
 */
#define FIELD_RECOVERY_ACTION 230

static struct mig_reading reading(nvmlReturn_t status, uint64_t value)
{
	return (struct mig_reading){ .status = (int32_t)status, .value = status ? 0 : value };
}

static void ask_rows(const struct nvml_api *api, nvmlDevice_t dev, struct observe_health *h)
{
	unsigned int correctable = 0, uncorrectable = 0, pending = 0, failed = 0;
	nvmlReturn_t r = api->nvmlDeviceGetRemappedRows(dev, &correctable, &uncorrectable, &pending,
							&failed);

	h->remapped = reading(r, (uint64_t)correctable + uncorrectable);
	h->remap_pending = reading(r, pending != 0);
	h->remap_failed = reading(r, failed != 0);
}

static void ask_recovery(const struct nvml_api *api, nvmlDevice_t dev, struct observe_health *h)
{
	nvmlFieldValue_t field = { .fieldId = FIELD_RECOVERY_ACTION };
	nvmlReturn_t r = api->nvmlDeviceGetFieldValues(dev, 1, &field);

	h->recovery = reading(r ? r : field.nvmlReturn, field.value.uiVal);
}

void observe_health(const struct nvml_api *api, uint32_t index, struct observe_health *ret)
{
	nvmlEnableState_t persistence = NVML_FEATURE_DISABLED;
	unsigned int celsius = 0;
	nvmlDevice_t dev;
	nvmlReturn_t r;

	*ret = (struct observe_health){ .status = MIG_NOT_ASKED };
	r = api->nvmlDeviceGetHandleByIndex_v2(index, &dev);
	ret->status = (int32_t)r;
	if (r)
		return;
	r = api->nvmlDeviceGetPersistenceMode(dev, &persistence);
	ret->persistence = reading(r, persistence == NVML_FEATURE_ENABLED);
	ask_rows(api, dev, ret);
	ask_recovery(api, dev, ret);
	r = api->nvmlDeviceGetTemperature(dev, NVML_TEMPERATURE_GPU, &celsius);
	ret->temperature = reading(r, celsius);
}
