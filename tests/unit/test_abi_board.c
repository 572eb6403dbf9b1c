/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a board says of itself: values with their source in data/boards, errors and energy that a
 * lab set, and the same calls with NULL, with a struct of another version, on a MIG device and on a
 * stale handle. Values of H100 and H200 at large are compared in tests/sim/test_getters.py.
 */
#include <time.h>

#include "unit/abi_fixture.h"

static struct nvml_api nvml;

static nvmlDevice_t first(void)
{
	nvmlDevice_t gpu;

	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	return gpu;
}

static void set(const struct fixture *f, const char *key, const char *value)
{
	struct mig_error err = { 0 };
	struct lab *lab = fixture_open(f);
	int r = lab_set_reading(lab, 0, -1, key, value, &err);

	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
	lab_close(lab);
}

static void text(nvmlReturn_t (*fn)(nvmlDevice_t, char *, unsigned), nvmlDevice_t gpu,
		 const char *want)
{
	char got[96];

	CHECK_EQ(fn(gpu, got, sizeof(got)), NVML_SUCCESS);
	CHECK_STR(got, want);
	CHECK_EQ(fn(gpu, got, 4), NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(fn(gpu, NULL, sizeof(got)), NVML_ERROR_INVALID_ARGUMENT);
}

/* An A100-SXM4-40GB as nvidia-smi -q of 535.129.03 shows one. */
static void a100(void)
{
	nvmlRowRemapperHistogramValues_t rows;
	nvmlGpuFabricInfo_t fabric;
	struct fixture f;
	char version[64];
	nvmlDevice_t gpu;
	unsigned v, mhz[8];

	abi_lab(&f, &nvml, "a100-40gb-sxm", "535.129.03", 1, MIG_NUMBERING_I);
	gpu = first();
	text(nvml.nvmlDeviceGetInforomImageVersion, gpu, "G506.0200.00.04");
	CHECK_EQ(nvml.nvmlDeviceGetInforomVersion(gpu, NVML_INFOROM_ECC, version, 16),
		 NVML_SUCCESS);
	CHECK_STR(version, "6.16");
	CHECK_EQ(nvml.nvmlDeviceGetInforomVersion(gpu, NVML_INFOROM_POWER, version, 16),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetGspFirmwareVersion(gpu, version), NVML_SUCCESS);
	CHECK_STR(version, "535.129.03");
	CHECK_EQ(nvml.nvmlDeviceGetRowRemapperHistogram(gpu, &rows), NVML_SUCCESS);
	CHECK_EQ(rows.max, 640);
	CHECK_EQ(nvml.nvmlDeviceGetDefaultApplicationsClock(gpu, NVML_CLOCK_GRAPHICS, &v),
		 NVML_SUCCESS);
	CHECK_EQ(v, 1095);
	CHECK_EQ(
		nvml.nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_GPU_MAX, &v),
		NVML_SUCCESS);
	CHECK_EQ(v, 85);
	CHECK_EQ(nvml.nvmlDeviceGetModuleId(gpu, &v), NVML_SUCCESS);
	CHECK_EQ(v, 1);
	/* Not known of it: a second memory clock; not of its time: a fabric. */
	v = 8;
	CHECK_EQ(nvml.nvmlDeviceGetSupportedMemoryClocks(gpu, &v, mhz), NVML_SUCCESS);
	CHECK_EQ(v, 1);
	CHECK_EQ(nvml.nvmlDeviceGetGpuFabricInfo(gpu, &fabric), NVML_ERROR_NOT_SUPPORTED);
	abi_end(&f, &nvml);
}

/* Nothing is taken from the board that this one is like. */
static void a100_pcie(void)
{
	nvmlRowRemapperHistogramValues_t rows;
	struct fixture f;
	char version[64];
	nvmlDevice_t gpu;
	unsigned v;

	abi_lab(&f, &nvml, "a100-40gb-pcie", "535.129.03", 1, MIG_NUMBERING_I);
	gpu = first();
	CHECK_EQ(nvml.nvmlDeviceGetInforomImageVersion(gpu, version, 64), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryBusWidth(gpu, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetRowRemapperHistogram(gpu, &rows), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetModuleId(gpu, &v), NVML_SUCCESS);
	CHECK_EQ(v, 0);
	abi_end(&f, &nvml);
}

static unsigned long long count(nvmlDevice_t gpu, nvmlMemoryErrorType_t type,
				nvmlEccCounterType_t counter)
{
	unsigned long long n = 99;

	CHECK_EQ(nvml.nvmlDeviceGetTotalEccErrors(gpu, type, counter, &n), NVML_SUCCESS);
	return n;
}

static void errors(const struct fixture *f, nvmlDevice_t gpu)
{
	nvmlRowRemapperHistogramValues_t rows;
	unsigned corr, unc, pending, failure;
	nvmlEccErrorCounts_t detailed;
	unsigned long long n;

	set(f, "ecc-volatile", "3");
	set(f, "ecc-aggregate", "7");
	set(f, "ecc-volatile-corrected", "20");
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC), 3);
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC), 7);
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC), 20);
	CHECK_EQ(nvml.nvmlDeviceGetDetailedEccErrors(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						     NVML_VOLATILE_ECC, &detailed),
		 NVML_SUCCESS);
	CHECK_EQ(detailed.deviceMemory, 3);
	CHECK_EQ(detailed.l2Cache, 0);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryErrorCounter(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						      NVML_VOLATILE_ECC, NVML_MEMORY_LOCATION_DRAM,
						      &n),
		 NVML_SUCCESS);
	CHECK_EQ(n, 3);
	CHECK_EQ(nvml.nvmlDeviceClearEccErrorCounts(gpu, NVML_VOLATILE_ECC), NVML_SUCCESS);
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC), 0);
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC), 7);

	set(f, "remapped-correctable", "2");
	set(f, "remapped-uncorrectable", "1");
	set(f, "remap-pending", "1");
	CHECK_EQ(nvml.nvmlDeviceGetRemappedRows(gpu, &corr, &unc, &pending, &failure),
		 NVML_SUCCESS);
	CHECK(corr == 2 && unc == 1 && pending == 1 && failure == 0);
	CHECK_EQ(nvml.nvmlDeviceGetRowRemapperHistogram(gpu, &rows), NVML_SUCCESS);
	CHECK(rows.max == 2557 && rows.high == 3 && rows.none == 0);
}

static unsigned long long energy(nvmlDevice_t gpu)
{
	unsigned long long mj = 0;

	CHECK_EQ(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu, &mj), NVML_SUCCESS);
	return mj;
}

/* It grows at the power that is drawn: at 1000 W by 20 J in 20 ms, and what was is kept. */
static void power(const struct fixture *f, nvmlDevice_t gpu)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	unsigned long long before, after;
	unsigned long long reasons;

	set(f, "power", "1000");
	before = energy(gpu);
	nanosleep(&pause, NULL);
	after = energy(gpu);
	CHECK(after - before >= 20000);
	set(f, "power", "0");
	CHECK(energy(gpu) >= after);
	before = energy(gpu);
	nanosleep(&pause, NULL);
	CHECK_EQ(energy(gpu), before);
	/* Idle, until it is said to be busy; then what holds it back. */
	CHECK_EQ(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu, &reasons), NVML_SUCCESS);
	CHECK_EQ(reasons, nvmlClocksEventReasonGpuIdle);
	set(f, "utilization", "90");
	CHECK_EQ(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu, &reasons), NVML_SUCCESS);
	CHECK_EQ(reasons, nvmlClocksEventReasonNone);
	set(f, "power", "700");
	set(f, "temperature", "90");
	CHECK_EQ(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu, &reasons), NVML_SUCCESS);
	CHECK_EQ(reasons, nvmlClocksEventReasonSwPowerCap | nvmlClocksThrottleReasonHwSlowdown |
				  nvmlClocksThrottleReasonHwThermalSlowdown);
}

/* A reset of the GPU ends what is the driver's: volatile errors, energy, a row that waited. */
static void reset(const struct fixture *f, nvmlDevice_t gpu)
{
	unsigned corr, unc, pending, failure;
	struct lab *lab;

	set(f, "power", "auto");
	set(f, "ecc-volatile", "5");
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	lab = fixture_open(f);
	CHECK_EQ(lab_gpu_reset(lab, 0), 0);
	lab_close(lab);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC), 0);
	CHECK_EQ(count(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC), 7);
	CHECK_EQ(nvml.nvmlDeviceGetRemappedRows(gpu, &corr, &unc, &pending, &failure),
		 NVML_SUCCESS);
	CHECK(corr == 2 && unc == 1 && pending == 0);
	CHECK(energy(gpu) < 20000);
}

static void bad_arguments(nvmlDevice_t gpu)
{
	nvmlPdi_t pdi = { .version = 7 };
	nvmlClockOffset_t offset = { .version = nvmlClockOffset_v1, .type = NVML_CLOCK_COUNT };
	nvmlPlatformInfo_t platform = { .version = nvmlPlatformInfo_v2 };
	nvmlGpuFabricInfoV_t fabric = { .version = nvmlGpuFabricInfo_v3 };
	nvmlPciInfo_t nowhere = { .bus = 0x99 };
	nvmlEnableState_t state;
	unsigned n = 0, mhz[2];

	CHECK_EQ(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetPdi(gpu, &pdi), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlDeviceGetPdi(gpu, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetClockOffsets(gpu, &offset), NVML_ERROR_INVALID_ARGUMENT);
	offset.version = 1;
	CHECK_EQ(nvml.nvmlDeviceGetClockOffsets(gpu, &offset),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlDeviceGetPlatformInfo(gpu, &platform), NVML_ERROR_NOT_SUPPORTED);
	platform.version = 0;
	CHECK_EQ(nvml.nvmlDeviceGetPlatformInfo(gpu, &platform),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlDeviceGetGpuFabricInfoV(gpu, &fabric), NVML_SUCCESS);
	CHECK_EQ(fabric.state, NVML_GPU_FABRIC_STATE_NOT_SUPPORTED);
	fabric.version = nvmlGpuFabricInfo_v3 + 1;
	CHECK_EQ(nvml.nvmlDeviceGetGpuFabricInfoV(gpu, &fabric),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlDeviceGetSupportedMemoryClocks(gpu, &n, mhz),
		 NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(n, 2);
	CHECK_EQ(nvml.nvmlDeviceQueryDrainState(&nowhere, &state), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetSupportedPerformanceStates(gpu, (nvmlPstates_t *)mhz, 4),
		 NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(nvml.nvmlSystemGetConfComputeState(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlUnitGetCount(NULL), NVML_ERROR_INVALID_ARGUMENT);
}

/* Power, clocks, fans, temperature, firmware: the whole GPU's. Memory and identity: its own. */
static void on_mig(nvmlDevice_t gpu)
{
	nvmlGpuDynamicPstatesInfo_t dynamic;
	nvmlEnableState_t current, pending;
	nvmlReturn_t activation;
	nvmlComputeInstance_t ci;
	nvmlUtilization_t busy;
	unsigned long long big;
	nvmlViolationTime_t time;
	nvmlGpuInstance_t gi;
	nvmlMemory_t memory;
	nvmlBAR1Memory_t bar1;
	nvmlDevice_t mig;
	char name[96];
	unsigned v;

	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 19, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetPowerUsage(mig, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetTotalEnergyConsumption(mig, &big), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetClockInfo(mig, NVML_CLOCK_SM, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetFanSpeed(mig, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetTemperature(mig, NVML_TEMPERATURE_GPU, &v),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetUtilizationRates(mig, &busy), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetViolationStatus(mig, NVML_PERF_POLICY_POWER, &time),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetInforomImageVersion(mig, name, sizeof(name)),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetName(mig, name, sizeof(name)), NVML_SUCCESS);
	CHECK_STR(name, "NVIDIA H100 80GB HBM3 MIG 1g.10gb");
	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(mig, &memory), NVML_SUCCESS);
	CHECK_EQ(memory.total >> 20, 9984);
	CHECK_EQ(nvml.nvmlDeviceGetBAR1MemoryInfo(mig, &bar1), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetEccMode(mig, &current, &pending), NVML_SUCCESS);
	/* And of the parent, in MIG mode nobody says how busy it is. */
	CHECK_EQ(nvml.nvmlDeviceGetUtilizationRates(gpu, &busy), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetDynamicPstatesInfo(gpu, &dynamic), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetPowerUsage(gpu, &v), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetPowerUsage(mig, &v), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(mig, &memory), NVML_ERROR_INVALID_ARGUMENT);
}

static void h100(void)
{
	struct fixture f;
	nvmlDevice_t gpu;

	abi_lab(&f, &nvml, "h100-80gb-sxm", "580.159.04", 1, MIG_NUMBERING_I);
	gpu = first();
	text(nvml.nvmlDeviceGetVbiosVersion, gpu, "96.00.DA.00.0C");
	text(nvml.nvmlDeviceGetBoardPartNumber, gpu, "695-2G520-0200-000");
	bad_arguments(gpu);
	errors(&f, gpu);
	power(&f, gpu);
	reset(&f, gpu);
	on_mig(gpu);
	abi_end(&f, &nvml);
}

/* The NVLink fabric of an HGX machine: registered, as two H200 were. */
static void fabric(void)
{
	nvmlGpuFabricInfoV_t v2 = { .version = nvmlGpuFabricInfo_v2 };
	struct mig_error err = { 0 };
	nvmlGpuFabricInfo_t info;
	struct lab_spec spec;
	struct fixture f;

	fixture_make(&f);
	fixture_spec(&spec, f.dir, "h200", "580.159.04", 2, MIG_NUMBERING_I);
	spec.machine = (struct lab_machine){ .name = "hgx",
					     .n_cpus = 1,
					     .n_nodes = 1,
					     .nodes_per_socket = 1,
					     .nvlink = LAB_NVLINK_SWITCH,
					     .nvlinks = 18,
					     .node = { { .cpus = { 1 } } } };
	if (lab_create(&spec, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK(setenv("MIGKIT_LAB", f.dir, 1) == 0);
	abi_open(&nvml);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetGpuFabricInfo(first(), &info), NVML_SUCCESS);
	CHECK_EQ(info.state, NVML_GPU_FABRIC_STATE_COMPLETED);
	CHECK_EQ(info.status, NVML_SUCCESS);
	v2.healthSummary = 0x77; /* past the end of the second version */
	CHECK_EQ(nvml.nvmlDeviceGetGpuFabricInfoV(first(), &v2), NVML_SUCCESS);
	CHECK_EQ(v2.state, NVML_GPU_FABRIC_STATE_COMPLETED);
	CHECK_EQ(v2.healthSummary, 0x77);
	abi_end(&f, &nvml);
}

int main(void)
{
	a100();
	a100_pcie();
	h100();
	fabric();
	return 0;
}
