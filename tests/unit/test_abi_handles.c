/* SPDX-License-Identifier: Apache-2.0 */
/* Handles are values: which are taken, what they answer as, when they are stale. */
#include <errno.h>

#include "unit/abi_fixture.h"

static struct nvml_api nvml;

static nvmlDevice_t mig_on(void)
{
	nvmlReturn_t activation = NVML_ERROR_UNKNOWN;
	nvmlDevice_t gpu;

	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(1, &gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(activation, NVML_SUCCESS);
	return gpu;
}

static void garbage(void)
{
	const void *bad[] = { NULL,
			      (void *)1,
			      &nvml,
			      (void *)-1,
			      (void *)0x4d70000000000000,
			      (void *)0x4d1ff00000000000 };
	unsigned v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		nvmlGpuInstanceInfo_t info;

		CHECK_EQ(nvml.nvmlDeviceGetIndex((nvmlDevice_t)bad[i], &v),
			 NVML_ERROR_INVALID_ARGUMENT);
		CHECK_EQ(nvml.nvmlGpuInstanceGetInfo((nvmlGpuInstance_t)bad[i], &info),
			 NVML_ERROR_INVALID_ARGUMENT);
		CHECK_EQ(nvml.nvmlComputeInstanceDestroy((nvmlComputeInstance_t)bad[i]),
			 NVML_ERROR_INVALID_ARGUMENT);
	}
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(2, (nvmlDevice_t *)&bad[0]),
		 NVML_ERROR_INVALID_ARGUMENT);
}

/* By index, UUID, serial and bus id: the same device. */
static void four_ways(nvmlDevice_t gpu)
{
	char uuid[96], serial[30], text[40];
	nvmlDevice_t same;
	nvmlPciInfo_t pci;
	nvmlUUID_t v = { .version = nvmlUUID_v1, .type = NVML_UUID_TYPE_ASCII };

	CHECK_EQ(nvml.nvmlDeviceGetUUID(gpu, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUID(uuid, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	memcpy(v.value.str, uuid, 40);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUIDV(&v, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	v.version = 1;
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUIDV(&v, &same), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlDeviceGetSerial(gpu, serial, sizeof(serial)), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetHandleBySerial(serial, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	CHECK_EQ(nvml.nvmlDeviceGetPciInfo_v3(gpu, &pci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByPciBusId_v2(pci.busId, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByPciBusId(pci.busIdLegacy, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	snprintf(text, sizeof(text), "%x:%x.0", pci.bus, pci.device);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByPciBusId_v2(text, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByPciBusId_v2("00000000:FF:1F.0", &same),
		 NVML_ERROR_NOT_FOUND);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByPciBusId_v2("gpu", &same), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUID("GPU-0", &same), NVML_ERROR_NOT_FOUND);
	CHECK_EQ(nvml.nvmlDeviceGetHandleBySerial("0", &same), NVML_ERROR_NOT_FOUND);
}

/* What a MIG device tells of itself and what only its GPU does. */
static void mig_device(nvmlDevice_t gpu, nvmlDevice_t mig, unsigned gi_id)
{
	unsigned v = 99, mode;
	char text[96], uuid[48], old[128];
	nvmlUtilization_t busy;
	nvmlMemory_t memory;
	nvmlBAR1Memory_t bar1;
	nvmlDeviceAttributes_t a;
	nvmlDevice_t same;

	CHECK_EQ(nvml.nvmlDeviceIsMigDeviceHandle(mig, &v), NVML_SUCCESS);
	CHECK_EQ(v, 1);
	CHECK_EQ(nvml.nvmlDeviceIsMigDeviceHandle(gpu, &v), NVML_SUCCESS);
	CHECK_EQ(v, 0);
	CHECK_EQ(nvml.nvmlDeviceGetIndex(mig, &v), NVML_SUCCESS);
	CHECK_EQ(v, 0);
	CHECK_EQ(nvml.nvmlDeviceGetName(mig, text, sizeof(text)), NVML_SUCCESS);
	CHECK_STR(text, "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK(!strncmp(uuid, "MIG-", 4) && strlen(uuid) == 40 && uuid[18] == '5');
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUID(uuid, &same), NVML_SUCCESS);
	CHECK(same == mig);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(gpu, text, sizeof(text)), NVML_SUCCESS);
	snprintf(old, sizeof(old), "MIG-%s/%u/0", text, gi_id);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUID(old, &same), NVML_SUCCESS);
	CHECK(same == mig);
	CHECK_EQ(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig, &same), NVML_SUCCESS);
	CHECK(same == gpu);
	CHECK_EQ(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(gpu, &same),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceId(mig, &v), NVML_SUCCESS);
	CHECK_EQ(v, gi_id);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceId(gpu, &v), NVML_ERROR_INVALID_ARGUMENT);

	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(mig, &memory), NVML_SUCCESS);
	CHECK_EQ(memory.total >> 20, 40448);
	CHECK_EQ(nvml.nvmlDeviceGetBAR1MemoryInfo(mig, &bar1), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetAttributes_v2(mig, &a), NVML_SUCCESS);
	CHECK_EQ(a.multiprocessorCount, 60);
	CHECK_EQ(a.gpuInstanceSliceCount, 3);
	CHECK_EQ(a.memorySizeMB, 40448);
	CHECK_EQ(nvml.nvmlDeviceGetAttributes_v2(gpu, &a), NVML_ERROR_NOT_SUPPORTED);

	CHECK_EQ(nvml.nvmlDeviceGetPowerUsage(mig, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetClockInfo(mig, NVML_CLOCK_SM, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetFanSpeed(mig, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetTemperature(mig, NVML_TEMPERATURE_GPU, &v),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetUtilizationRates(mig, &busy), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetUtilizationRates(gpu, &busy), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetNumGpuCores(mig, &v), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetMigMode(mig, &mode, &v), NVML_ERROR_NOT_SUPPORTED);
}

/* The device in a CI's info: the parent's index, the MIG device's UUID. */
static void ci_device(nvmlComputeInstance_t ci, nvmlDevice_t mig)
{
	char uuid[96], of_mig[96];
	nvmlComputeInstanceInfo_t info;
	unsigned v = 99;

	CHECK_EQ(nvml.nvmlComputeInstanceGetInfo_v2(ci, &info), NVML_SUCCESS);
	CHECK(info.device != mig);
	CHECK_EQ(nvml.nvmlDeviceGetIndex(info.device, &v), NVML_SUCCESS);
	CHECK_EQ(v, 1);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(info.device, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, of_mig, sizeof(of_mig)), NVML_SUCCESS);
	CHECK_STR(uuid, of_mig);
}

static void stale(nvmlDevice_t gpu)
{
	nvmlGpuInstance_t gi, again;
	nvmlComputeInstance_t ci, ci_again;
	nvmlDevice_t mig, none;
	nvmlGpuInstanceInfo_t info;
	char uuid[96], uuid_again[96];

	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceGetInfo(gi, &info), NVML_SUCCESS);
	CHECK(info.device == gpu);
	CHECK_EQ(info.placement.size, 4);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &none), NVML_ERROR_NOT_FOUND);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 1, &none), NVML_ERROR_NOT_FOUND);
	mig_device(gpu, mig, info.id);
	ci_device(ci, mig);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_SUCCESS);

	/* Handles survive the end of the library's use in between. */
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_ERROR_IN_USE);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_ERROR_INVALID_ARGUMENT);

	/* Made again with the same ids: the old handles stay stale, the UUID is the same. */
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &again), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(again, 2, &ci_again), NVML_SUCCESS);
	CHECK(again != gi && ci_again != ci);
	CHECK_EQ(nvml.nvmlGpuInstanceGetInfo(gi, &info), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, uuid_again, 96), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, uuid_again, 96), NVML_SUCCESS);
	CHECK_STR(uuid_again, uuid);
}

static void event_sets(nvmlDevice_t gpu)
{
	nvmlEventSet_t set, other;
	nvmlEventData_t data;

	CHECK_EQ(nvml.nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlEventSetCreate(&other), NVML_SUCCESS);
	CHECK(set != other);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu, nvmlEventTypeXidCriticalError, set),
		 NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlEventSetWait_v2(set, &data, 1), NVML_ERROR_TIMEOUT);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlEventSetWait_v2(set, &data, 1), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlEventSetFree(other), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlEventSetFree((nvmlEventSet_t)gpu), NVML_ERROR_INVALID_ARGUMENT);
}

/* The other value of rule ci-device-handle: the device in a CI's info is the parent in all. */
static void parent_rule(void)
{
	nvmlComputeInstanceInfo_t info;
	struct mig_error err = { 0 };
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;
	struct lab_spec spec;
	struct fixture f;
	nvmlDevice_t gpu;
	char uuid[96], of_gpu[96];

	fixture_make(&f);
	fixture_spec(&spec, f.dir, "h100-80gb-sxm", "580.159.04", 1, MIG_NUMBERING_I);
	CHECK_EQ(lab_rule_set(spec.rule, "ci-device-handle=parent"), 0);
	CHECK_EQ(lab_create(&spec, &err), 0);
	CHECK(setenv("MIGKIT_LAB", f.dir, 1) == 0);
	abi_open(&nvml);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 0, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 4, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlComputeInstanceGetInfo_v2(ci, &info), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(info.device, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(gpu, of_gpu, sizeof(of_gpu)), NVML_SUCCESS);
	CHECK_STR(uuid, of_gpu);
	abi_end(&f, &nvml);
}

/* Who had the library open while somebody rebooted has lost the GPU until the next init. */
static void reboot(const struct fixture *f, nvmlDevice_t gpu)
{
	struct lab *lab = fixture_open(f);
	struct mig_error err = { 0 };
	unsigned v;

	CHECK_EQ(lab_reboot(lab, &err), 0);
	lab_close(lab);
	CHECK_EQ(nvml.nvmlDeviceGetIndex(gpu, &v), NVML_ERROR_GPU_IS_LOST);
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetIndex(gpu, &v), NVML_SUCCESS);
	CHECK_EQ(v, 1);
	/* An H100 forgets MIG mode at a reboot. */
	CHECK_EQ(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu, &v), NVML_SUCCESS);
	CHECK_EQ(v, 0);
}

int main(void)
{
	struct fixture f;
	nvmlDevice_t gpu;

	abi_lab(&f, &nvml, "h100-80gb-sxm", "580.159.04", 2, MIG_NUMBERING_I);
	garbage();
	gpu = mig_on();
	four_ways(gpu);
	stale(gpu);
	event_sets(gpu);
	reboot(&f, gpu);
	abi_end(&f, &nvml);
	parent_rule();
	return 0;
}
