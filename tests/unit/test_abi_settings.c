/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs set: limits, clocks, ECC, compute mode, fans. It is the lab's: another process sees
 * it at once, a MIG device has none of it, only root may, and a reboot brings the board's own back.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/abi_fixture.h"

#define NOBODY 65534

static struct nvml_api nvml;

static unsigned number(nvmlReturn_t (*fn)(nvmlDevice_t, unsigned *), nvmlDevice_t gpu)
{
	unsigned v = 0;

	CHECK_EQ(fn(gpu, &v), NVML_SUCCESS);
	return v;
}

static unsigned clock_now(nvmlDevice_t gpu, nvmlClockType_t type, nvmlClockId_t id)
{
	unsigned v = 0;

	CHECK_EQ(nvml.nvmlDeviceGetClock(gpu, type, id, &v), NVML_SUCCESS);
	return v;
}

/* Runs fn in a process of its own, which must find all its checks true. */
static void elsewhere(void (*fn)(nvmlDevice_t gpu), nvmlDevice_t gpu)
{
	int status = 0;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		fn(gpu);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void board_own(nvmlDevice_t gpu)
{
	nvmlComputeMode_t mode;

	CHECK_EQ(number(nvml.nvmlDeviceGetPowerManagementLimit, gpu), 700000);
	CHECK_EQ(number(nvml.nvmlDeviceGetEnforcedPowerLimit, gpu), 700000);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_GRAPHICS, NVML_CLOCK_ID_APP_CLOCK_TARGET), 1980);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_MEM, NVML_CLOCK_ID_APP_CLOCK_TARGET), 2619);
	CHECK_EQ(nvml.nvmlDeviceGetComputeMode(gpu, &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_COMPUTEMODE_DEFAULT);
}

static void set_all(nvmlDevice_t gpu)
{
	nvmlPowerValue_v2_t power = { .version = nvmlPowerValue_v2, .powerValueMw = 450000 };

	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit(gpu, 300000), NVML_SUCCESS);
	CHECK_EQ(number(nvml.nvmlDeviceGetEnforcedPowerLimit, gpu), 300000);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu, &power), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetApplicationsClocks(gpu, 1593, 1500), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(gpu, 900, 1200), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMemoryLockedClocks(gpu, 1593, 1593), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetComputeMode(gpu, NVML_COMPUTEMODE_EXCLUSIVE_PROCESS),
		 NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetEccMode(gpu, NVML_FEATURE_DISABLED), NVML_SUCCESS);
}

static void seen(nvmlDevice_t gpu)
{
	nvmlEnableState_t current, pending;
	nvmlComputeMode_t mode;

	CHECK_EQ(number(nvml.nvmlDeviceGetPowerManagementLimit, gpu), 450000);
	CHECK_EQ(number(nvml.nvmlDeviceGetEnforcedPowerLimit, gpu), 450000);
	CHECK_EQ(number(nvml.nvmlDeviceGetPowerManagementDefaultLimit, gpu), 700000);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_APP_CLOCK_TARGET), 1500);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_MEM, NVML_CLOCK_ID_APP_CLOCK_TARGET), 1593);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_APP_CLOCK_DEFAULT), 1980);
	/* An idle GPU would be at 345: the lock lifts it. */
	CHECK(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_CURRENT) >= 900);
	CHECK(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_CURRENT) <= 1200);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_MEM, NVML_CLOCK_ID_CURRENT), 1593);
	CHECK_EQ(nvml.nvmlDeviceGetComputeMode(gpu, &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_COMPUTEMODE_EXCLUSIVE_PROCESS);
	CHECK_EQ(nvml.nvmlDeviceGetEccMode(gpu, &current, &pending), NVML_SUCCESS);
	CHECK_EQ(current, NVML_FEATURE_ENABLED);
	CHECK_EQ(pending, NVML_FEATURE_DISABLED);
}

static void taken_back(nvmlDevice_t gpu)
{
	CHECK_EQ(nvml.nvmlDeviceResetApplicationsClocks(gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceResetGpuLockedClocks(gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceResetMemoryLockedClocks(gpu), NVML_SUCCESS);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_APP_CLOCK_TARGET), 1980);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_MEM, NVML_CLOCK_ID_CURRENT), 2619);
}

static void wrong_values(nvmlDevice_t gpu)
{
	nvmlPowerValue_v2_t power = { .version = nvmlPowerValue_v2 + 1, .powerValueMw = 450000 };

	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit(gpu, 199999), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit(gpu, 700001), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu, &power),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu, NULL), NVML_ERROR_INVALID_ARGUMENT);
	power.version = nvmlPowerValue_v2;
	power.powerScope = 1;
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu, &power), NVML_ERROR_NOT_SUPPORTED);
	power.powerScope = 9;
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu, &power),
		 NVML_ERROR_INVALID_ARGUMENT);
	/* Neither a memory clock nor a step of 15 MHz that the lists have. */
	CHECK_EQ(nvml.nvmlDeviceSetApplicationsClocks(gpu, 2000, 1980),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetApplicationsClocks(gpu, 2619, 1981),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetApplicationsClocks(gpu, 2619, 1979),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(gpu, 1200, 900), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetComputeMode(gpu, NVML_COMPUTEMODE_COUNT),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetEccMode(gpu, (nvmlEnableState_t)2), NVML_ERROR_INVALID_ARGUMENT);
	/* A passive board has no fan to turn. */
	CHECK_EQ(nvml.nvmlDeviceSetFanSpeed_v2(gpu, 0, 50), NVML_ERROR_INVALID_ARGUMENT);
	board_own(gpu);
}

/* Bounds beyond what the GPU can do are drawn to it; the words of -lgc are numbers. */
static void locked_to_what_it_can(nvmlDevice_t gpu)
{
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(gpu, 5000, 6000), NVML_SUCCESS);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_CURRENT), 1980);
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(gpu, NVML_CLOCK_LIMIT_ID_TDP,
						   NVML_CLOCK_LIMIT_ID_UNLIMITED),
		 NVML_SUCCESS);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_CURRENT), 1980);
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(gpu, 0, 1), NVML_SUCCESS);
	CHECK_EQ(clock_now(gpu, NVML_CLOCK_SM, NVML_CLOCK_ID_CURRENT), 345);
	CHECK_EQ(nvml.nvmlDeviceResetGpuLockedClocks(gpu), NVML_SUCCESS);
}

static void refused(nvmlDevice_t gpu)
{
	CHECK_EQ(seteuid(NOBODY), 0);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit(gpu, 300000), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceSetApplicationsClocks(gpu, 2619, 1980), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(gpu, 900, 1200), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceResetMemoryLockedClocks(gpu), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceSetComputeMode(gpu, NVML_COMPUTEMODE_PROHIBITED),
		 NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceSetEccMode(gpu, NVML_FEATURE_DISABLED), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceClearEccErrorCounts(gpu, NVML_VOLATILE_ECC),
		 NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceSetGpuOperationMode(gpu, NVML_GOM_COMPUTE),
		 NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(seteuid(0), 0);
}

/* In MIG mode there is one compute mode, and what is the whole GPU's is not a MIG device's. */
static void on_mig(nvmlDevice_t gpu)
{
	nvmlReturn_t activation;
	nvmlComputeInstance_t ci;
	nvmlGpuInstance_t gi;
	nvmlComputeMode_t mode;
	nvmlDevice_t mig;

	CHECK_EQ(nvml.nvmlDeviceSetComputeMode(gpu, NVML_COMPUTEMODE_PROHIBITED), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(activation, NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetComputeMode(gpu, &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_COMPUTEMODE_DEFAULT);
	CHECK_EQ(nvml.nvmlDeviceSetComputeMode(gpu, NVML_COMPUTEMODE_PROHIBITED),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit(mig, 300000), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceSetApplicationsClocks(mig, 2619, 1980), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceSetGpuLockedClocks(mig, 900, 1200), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceSetEccMode(mig, NVML_FEATURE_DISABLED), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceSetComputeMode(mig, NVML_COMPUTEMODE_DEFAULT),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetPowerManagementLimit(mig, 300000), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 0, &activation), NVML_SUCCESS);
}

static void reboot(const struct fixture *f)
{
	struct mig_error err = { 0 };
	struct lab *lab = fixture_open(f);

	CHECK_EQ(lab_reboot(lab, &err), 0);
	lab_close(lab);
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
}

static void after_reboot(nvmlDevice_t gpu)
{
	nvmlEnableState_t current, pending;
	unsigned long long n = 0;

	board_own(gpu);
	CHECK_EQ(nvml.nvmlDeviceGetEccMode(gpu, &current, &pending), NVML_SUCCESS);
	CHECK_EQ(current, NVML_FEATURE_DISABLED);
	CHECK_EQ(pending, NVML_FEATURE_DISABLED);
	/* Without ECC nobody counts. */
	CHECK_EQ(nvml.nvmlDeviceGetTotalEccErrors(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						  NVML_AGGREGATE_ECC, &n),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceClearEccErrorCounts(gpu, NVML_VOLATILE_ECC),
		 NVML_ERROR_NOT_SUPPORTED);
}

/* A workstation board has one fan, number 0. */
static void one_fan(void)
{
	nvmlFanControlPolicy_t policy;
	struct fixture f;
	nvmlDevice_t gpu;
	unsigned v;

	abi_lab(&f, &nvml, "rtx-pro-6000-max-q", "580.159.04", 1, MIG_NUMBERING_QUARTER);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	CHECK_EQ(number(nvml.nvmlDeviceGetNumFans, gpu), 1);
	CHECK_EQ(nvml.nvmlDeviceSetFanSpeed_v2(gpu, 0, 80), NVML_SUCCESS);
	CHECK_EQ(number(nvml.nvmlDeviceGetFanSpeed, gpu), 80);
	CHECK_EQ(nvml.nvmlDeviceGetTargetFanSpeed(gpu, 0, &v), NVML_SUCCESS);
	CHECK_EQ(v, 80);
	CHECK_EQ(nvml.nvmlDeviceGetFanControlPolicy_v2(gpu, 0, &policy), NVML_SUCCESS);
	CHECK_EQ(policy, NVML_FAN_POLICY_MANUAL);
	CHECK_EQ(nvml.nvmlDeviceSetFanSpeed_v2(gpu, 0, 101), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetFanSpeed_v2(gpu, 1, 50), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetDefaultFanSpeed_v2(gpu, 0), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetFanControlPolicy_v2(gpu, 0, &policy), NVML_SUCCESS);
	CHECK_EQ(policy, NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW);
	CHECK(number(nvml.nvmlDeviceGetFanSpeed, gpu) != 80);
	abi_end(&f, &nvml);
}

int main(void)
{
	struct fixture f;
	nvmlDevice_t gpu;

	if (geteuid() != 0)
		CHECK_SKIP("only root can become somebody else");
	abi_lab_of_root(&f, &nvml, "h100-80gb-sxm", "580.159.04");
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);

	board_own(gpu);
	wrong_values(gpu);
	refused(gpu);
	board_own(gpu);
	locked_to_what_it_can(gpu);
	elsewhere(set_all, gpu);
	seen(gpu);
	elsewhere(seen, gpu);
	elsewhere(taken_back, gpu);
	taken_back(gpu);
	elsewhere(set_all, gpu);
	seen(gpu);
	reboot(&f);
	after_reboot(gpu);
	on_mig(gpu);
	abi_end(&f, &nvml);
	one_fan();
	return 0;
}
