/* SPDX-License-Identifier: Apache-2.0 */
/* Field values: each equals its dedicated function, follows "lab set", and is known to its driver.
 */
#include "unit/abi_fixture.h"

static struct nvml_api nvml;
static struct lab *lab;
static nvmlDevice_t gpu;

static nvmlFieldValue_t field(unsigned id, unsigned scope)
{
	nvmlFieldValue_t f[2];

	memset(f, 0xa5, sizeof(f));
	f[0].fieldId = id;
	f[0].scopeId = scope;
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(gpu, 1, f), NVML_SUCCESS);
	CHECK_EQ(f[1].fieldId, 0xa5a5a5a5);
	return f[0];
}

static unsigned uint_of(unsigned id)
{
	nvmlFieldValue_t f = field(id, 0);

	CHECK_EQ(f.nvmlReturn, NVML_SUCCESS);
	CHECK_EQ(f.valueType, NVML_VALUE_TYPE_UNSIGNED_INT);
	CHECK(f.timestamp > 1600000000ll * 1000000 && f.latencyUsec >= 0);
	return f.value.uiVal;
}

static unsigned long long ull_of(unsigned id)
{
	nvmlFieldValue_t f = field(id, 0);

	CHECK_EQ(f.nvmlReturn, NVML_SUCCESS);
	CHECK_EQ(f.valueType, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG);
	return f.value.ullVal;
}

static void set(const char *key, const char *value)
{
	CHECK_EQ(lab_set_reading(lab, 0, -1, key, value, NULL), 0);
}

static void follow(void)
{
	unsigned long long errors, energy;
	unsigned mw, pending, low, high;
	nvmlEnableState_t ecc[2];

	set("power", "234");
	CHECK_EQ(nvml.nvmlDeviceGetPowerUsage(gpu, &mw), NVML_SUCCESS);
	CHECK_EQ(uint_of(NVML_FI_DEV_POWER_INSTANT), mw);
	CHECK_EQ(mw, 234000);
	CHECK_EQ(nvml.nvmlDeviceGetPowerManagementLimitConstraints(gpu, &low, &high), NVML_SUCCESS);
	CHECK_EQ(uint_of(NVML_FI_DEV_POWER_MIN_LIMIT), low);
	CHECK_EQ(uint_of(NVML_FI_DEV_POWER_MAX_LIMIT), high);
	CHECK_EQ(nvml.nvmlDeviceGetEnforcedPowerLimit(gpu, &mw), NVML_SUCCESS);
	CHECK_EQ(uint_of(NVML_FI_DEV_POWER_CURRENT_LIMIT), mw);
	/* Of the memory alone: measured on this board. A module's power is not known. */
	CHECK_EQ(field(NVML_FI_DEV_POWER_AVERAGE, 2).nvmlReturn, NVML_SUCCESS);
	CHECK_EQ(field(NVML_FI_DEV_POWER_AVERAGE, 2).value.uiVal, 37350);
	CHECK_EQ(field(NVML_FI_DEV_POWER_AVERAGE, 1).nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(field(NVML_FI_DEV_POWER_INSTANT, 2).nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu, &energy), NVML_SUCCESS);
	CHECK(ull_of(83) >= energy && ull_of(83) < energy + 100000);
	CHECK_EQ(nvml.nvmlDeviceGetEccMode(gpu, &ecc[0], &ecc[1]), NVML_SUCCESS);
	CHECK_EQ(ull_of(NVML_FI_DEV_ECC_CURRENT), ecc[0]);
	CHECK_EQ(ull_of(NVML_FI_DEV_ECC_PENDING), ecc[1]);
	set("ecc-volatile", "3");
	set("ecc-aggregate-corrected", "8");
	CHECK_EQ(nvml.nvmlDeviceGetTotalEccErrors(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						  NVML_VOLATILE_ECC, &errors),
		 NVML_SUCCESS);
	CHECK(errors == 3 && ull_of(4) == 3 && ull_of(5) == 8 && ull_of(3) == 0);
	set("remapped-uncorrectable", "2");
	set("remap-pending", "1");
	CHECK_EQ(ull_of(NVML_FI_DEV_REMAPPED_UNC), 2);
	CHECK_EQ(ull_of(NVML_FI_DEV_REMAPPED_PENDING), 1);
	set("temperature", "61");
	CHECK_EQ(uint_of(NVML_FI_DEV_MEMORY_TEMP), 61);
	CHECK_EQ(nvml.nvmlDeviceGetPcieReplayCounter(gpu, &pending), NVML_SUCCESS);
	CHECK_EQ(uint_of(NVML_FI_DEV_PCIE_REPLAY_COUNTER), pending);
}

static void known(unsigned last)
{
	CHECK_EQ(field(0, 0).nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
	CHECK(field(last, 0).nvmlReturn != NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(field(last + 1, 0).nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(field(~0u, 0).nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
}

/* Each of several has its own code; wrong calls have one for all. */
static void several(void)
{
	nvmlFieldValue_t f[3] = { { .fieldId = NVML_FI_DEV_MEMORY_TEMP },
				  { .fieldId = 7777 },
				  { .fieldId = 32 } };

	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(gpu, 3, f), NVML_SUCCESS);
	CHECK_EQ(f[0].nvmlReturn, NVML_SUCCESS);
	CHECK_EQ(f[1].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(f[2].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(gpu, 0, f), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(gpu, -1, f), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(gpu, 1, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(NULL, 1, f), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceClearFieldValues(gpu, 2, f), NVML_SUCCESS);
	CHECK_EQ(f[0].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(f[1].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
}

static void of_a_mig_device(void)
{
	nvmlFieldValue_t f = { .fieldId = NVML_FI_DEV_POWER_INSTANT };
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;
	nvmlDevice_t mig;

	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 19, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(mig, 1, &f), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetFieldValues(gpu, 1, &f), NVML_SUCCESS);
	CHECK_EQ(f.nvmlReturn, NVML_SUCCESS);
}

static void open_lab(struct fixture *f, const char *board, const char *driver)
{
	abi_lab(f, &nvml, board, driver, 1, MIG_NUMBERING_X);
	lab = fixture_open(f);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
}

static void close_lab(struct fixture *f)
{
	lab_close(lab);
	abi_end(f, &nvml);
}

int main(void)
{
	struct fixture f;

	open_lab(&f, "h100-80gb-sxm", "580.159.04");
	follow();
	known(302);
	several();
	CHECK_EQ(uint_of(184), 1); /* MIG mode without a reset */
	of_a_mig_device();
	close_lab(&f);

	open_lab(&f, "a100-80gb-pcie", "550.54.14");
	known(227);
	CHECK_EQ(uint_of(184), 0);
	/* A PCIe board alone: no links, no distances to a limit (Hopper and later). */
	CHECK_EQ(field(91, 0).nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(field(NVML_FI_DEV_POWER_AVERAGE, 2).nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(field(NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT, 0).nvmlReturn,
		 NVML_ERROR_NOT_SUPPORTED);
	close_lab(&f);

	open_lab(&f, "a100-80gb-pcie", "470.256.02");
	known(146);
	close_lab(&f);
	return 0;
}
