/* SPDX-License-Identifier: Apache-2.0 */
/* Field values: readings by number. */
#include "sim/sim.h"

#include "sim/reading.h"

static void uint_field(nvmlFieldValue_t *f, unsigned v)
{
	f->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
	f->value.uiVal = v;
	f->nvmlReturn = NVML_SUCCESS;
}

static void int_field(nvmlFieldValue_t *f, int v)
{
	f->valueType = NVML_VALUE_TYPE_SIGNED_INT;
	f->value.siVal = v;
	f->nvmlReturn = NVML_SUCCESS;
}

/* Power has scopes: the GPU's own is known; memory and module are not (an SXM module's is N/A). */
static void power_field(const struct sim_dev *dev, nvmlFieldValue_t *f)
{
	const struct mig_board *b = dev->board;

	if (f->scopeId != NVML_POWER_SCOPE_GPU)
		return;
	switch (f->fieldId) {
	case NVML_FI_DEV_POWER_AVERAGE:
	case NVML_FI_DEV_POWER_INSTANT:
		uint_field(f, sim_set_or(dev->gpu.set.power_mw, b->idle_power_mw));
		break;
	case NVML_FI_DEV_POWER_MIN_LIMIT:
		uint_field(f, b->power_min_mw);
		break;
	case NVML_FI_DEV_POWER_MAX_LIMIT:
		uint_field(f, b->power_max_mw);
		break;
	default:
		uint_field(f, b->power_limit_mw);
		break;
	}
}

/* Distances to the highest operating temperature: 0 at it, negative beyond (measured on H100). */
static void temperature_field(const struct sim_dev *dev, nvmlFieldValue_t *f)
{
	int max = sim_max_temperature(dev->board);

	if (max <= 0)
		return;
	if (f->fieldId == NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)
		int_field(f, max - dev->board->shutdown_c);
	else if (f->fieldId == NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)
		int_field(f, max - dev->board->slowdown_c);
	else
		int_field(f, 0);
}

static void field(const struct sim_dev *dev, nvmlFieldValue_t *f)
{
	f->timestamp = 0;
	f->latencyUsec = 0;
	f->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
	switch (f->fieldId) {
	case NVML_FI_DEV_ECC_CURRENT:
		uint_field(f, dev->gpu.ecc_current);
		break;
	case NVML_FI_DEV_ECC_PENDING:
		uint_field(f, dev->gpu.ecc_pending);
		break;
	case NVML_FI_DEV_MEMORY_TEMP:
		uint_field(f, (unsigned)sim_temperature(dev));
		break;
	case NVML_FI_DEV_PCIE_REPLAY_COUNTER:
	case NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER:
	case NVML_FI_DEV_REMAPPED_COR:
	case NVML_FI_DEV_REMAPPED_UNC:
	case NVML_FI_DEV_REMAPPED_PENDING:
	case NVML_FI_DEV_REMAPPED_FAILURE:
		uint_field(f, 0);
		break;
	case NVML_FI_DEV_POWER_AVERAGE:
	case NVML_FI_DEV_POWER_INSTANT:
	case NVML_FI_DEV_POWER_MIN_LIMIT:
	case NVML_FI_DEV_POWER_MAX_LIMIT:
	case NVML_FI_DEV_POWER_DEFAULT_LIMIT:
	case NVML_FI_DEV_POWER_CURRENT_LIMIT:
	case NVML_FI_DEV_POWER_REQUESTED_LIMIT:
		power_field(dev, f);
		break;
	case NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT:
	case NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT:
	case NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT:
	case NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT:
		temperature_field(dev, f);
		break;
	default:
		break;
	}
}

SIM_ENTRY(nvmlDeviceGetFieldValues,
	  (nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values),
	  (device, valuesCount, values))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!values || valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (int i = 0; i < valuesCount; i++)
		field(&dev, &values[i]);
	return NVML_SUCCESS;
}
