/* SPDX-License-Identifier: Apache-2.0 */
/* Each name writes the layout of its own generation and not a byte more; ages of functions. */
#include "unit/abi_fixture.h"

static struct nvml_api nvml;

/* Memory around what a call writes: the bytes behind must stay as they were. */
struct guarded {
	_Alignas(8) unsigned char byte[512];
};

static void *guard(struct guarded *g)
{
	memset(g->byte, 0xa5, sizeof(g->byte));
	return g->byte;
}

static void only(const struct guarded *g, size_t written)
{
	for (size_t i = written; i < sizeof(g->byte); i++)
		CHECK_EQ(g->byte[i], 0xa5);
	/* All of it was written: none of the structs ends in a byte that may be left. */
	CHECK(g->byte[written - 1] != 0xa5);
}

static void pci(nvmlDevice_t gpu)
{
	struct guarded g;
	nvmlPciInfo_v1_t *v1;
	nvmlPciInfo_t *v3;

	v1 = guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetPciInfo(gpu, (nvmlPciInfo_v1_t *)g.byte), NVML_SUCCESS);
	only(&g, 32);
	CHECK_STR(v1->busId, "0000:07:00.0");
	guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetPciInfo_v2(gpu, (nvmlPciInfo_v2_t *)g.byte), NVML_SUCCESS);
	only(&g, 52);
	v3 = guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetPciInfo_v3(gpu, (nvmlPciInfo_t *)g.byte), NVML_SUCCESS);
	only(&g, 68);
	CHECK_STR(v3->busId, "00000000:07:00.0");
	CHECK_EQ(v3->pciDeviceId, 0x20B210DE);
}

static void instances(nvmlDevice_t gpu, nvmlGpuInstance_t gi, nvmlComputeInstance_t ci)
{
	struct guarded g;
	nvmlDevice_t mig;
	unsigned n = 0xdeadbeef; /* as nvidia-smi leaves it */

	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetAttributes(mig, (nvmlDeviceAttributes_v1_t *)g.byte),
		 NVML_SUCCESS);
	only(&g, 24);
	guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetAttributes_v2(mig, (nvmlDeviceAttributes_t *)g.byte),
		 NVML_SUCCESS);
	only(&g, 40);
	guard(&g);
	CHECK_EQ(nvml.nvmlComputeInstanceGetInfo(ci, (nvmlComputeInstanceInfo_v1_t *)g.byte),
		 NVML_SUCCESS);
	only(&g, 24);
	guard(&g);
	CHECK_EQ(nvml.nvmlComputeInstanceGetInfo_v2(ci, (nvmlComputeInstanceInfo_t *)g.byte),
		 NVML_SUCCESS);
	only(&g, 32);
	guard(&g);
	CHECK_EQ(nvml.nvmlGpuInstanceGetInfo(gi, (nvmlGpuInstanceInfo_t *)g.byte), NVML_SUCCESS);
	only(&g, 24);

	/* The arrays are sized by the profile's instance count: never more than there are. */
	guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstances(gpu, 9, (nvmlGpuInstance_t *)g.byte, &n),
		 NVML_SUCCESS);
	CHECK_EQ(n, 1);
	only(&g, 8);
	n = 0xdeadbeef;
	guard(&g);
	CHECK_EQ(
		nvml.nvmlGpuInstanceGetComputeInstances(gi, 2, (nvmlComputeInstance_t *)g.byte, &n),
		NVML_SUCCESS);
	CHECK_EQ(n, 1);
	only(&g, 8);
	n = 0xdeadbeef;
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstancePossiblePlacements_v2(gpu, 9, NULL, &n),
		 NVML_SUCCESS);
	CHECK_EQ(n, 2);
}

static void profile_infos(nvmlDevice_t gpu, nvmlGpuInstance_t gi)
{
	nvmlGpuInstanceProfileInfo_v2_t v2 = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstanceProfileInfo_v3_t v3 = { .version = nvmlGpuInstanceProfileInfo_v3 };
	nvmlComputeInstanceProfileInfo_v2_t c2 = { .version = nvmlComputeInstanceProfileInfo_v2 };
	nvmlComputeInstanceProfileInfo_v3_t c3 = { .version = nvmlComputeInstanceProfileInfo_v3 };
	void *any = &v3, *any_ci = &c3;
	struct guarded g;

	guard(&g);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, 2,
							  (nvmlGpuInstanceProfileInfo_t *)g.byte),
		 NVML_SUCCESS);
	only(&g, 48);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, 2, &v2), NVML_SUCCESS);
	CHECK_STR(v2.name, "MIG 3g.40gb");
	CHECK_EQ(v2.version, 0);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, 2, any), NVML_SUCCESS);
	CHECK_STR(v3.name, "MIG 3g.40gb");
	CHECK_EQ(v3.memorySizeMB, v2.memorySizeMB);
	CHECK_EQ(v3.capabilities, 0);
	v2.version = nvmlGpuInstanceProfileInfo_v2 + 1;
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, 2, &v2),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, 2, 0, &c2), NVML_SUCCESS);
	CHECK_STR(c2.name, "MIG 3g.40gb");
	CHECK_EQ(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, 0, 0, any_ci),
		 NVML_SUCCESS);
	CHECK_STR(c3.name, "MIG 1c.3g.40gb");
	c2.version = 0;
	CHECK_EQ(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, 2, 0, &c2),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
}

static void memory(nvmlDevice_t gpu)
{
	nvmlMemory_v2_t v2 = { .version = nvmlMemory_v2 };
	nvmlMemory_t v1;

	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(gpu, &v1), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo_v2(gpu, &v2), NVML_SUCCESS);
	CHECK_EQ(v1.total, v2.total);
	CHECK_EQ(v1.used, v2.used + v2.reserved);
	CHECK_EQ(v1.total, v1.used + v1.free);
	CHECK_EQ(v1.free, v2.free);
	v2.version = 2;
	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo_v2(gpu, &v2), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
}

static nvmlDevice_t first_gpu(void)
{
	nvmlDevice_t gpu;

	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	return gpu;
}

static void on_550(void)
{
	nvmlReturn_t activation;
	nvmlComputeInstance_t ci;
	nvmlGpuInstance_t gi;
	struct fixture f;
	nvmlDevice_t gpu;

	abi_lab(&f, &nvml, "a100-80gb-sxm", "550.163.01", 1, MIG_NUMBERING_I);
	gpu = first_gpu();
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	pci(gpu);
	instances(gpu, gi, ci);
	profile_infos(gpu, gi);
	memory(gpu);
	abi_end(&f, &nvml);
}

/* A driver knows neither the functions nor the structs of its successors. */
static void on_515(void)
{
	nvmlGpuInstanceProfileInfo_v3_t v3 = { .version = nvmlGpuInstanceProfileInfo_v3 };
	nvmlGpuInstanceProfileInfo_v2_t v2 = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstanceProfileInfo_t v1;
	nvmlTemperature_t t = { .version = nvmlTemperature_v1 };
	void *any = &v3;
	struct fixture f;
	nvmlDevice_t gpu;

	abi_lab(&f, &nvml, "a100-80gb-pcie", "515.86.01", 1, MIG_NUMBERING_X);
	gpu = first_gpu();
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, 2, &v2), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, 2, any),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	v2.version = nvmlGpuInstanceProfileInfo_v2;
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfoByIdV(gpu, 9, &v2),
		 NVML_ERROR_FUNCTION_NOT_FOUND);
	CHECK_EQ(nvml.nvmlDeviceGetTemperatureV(gpu, &t), NVML_ERROR_FUNCTION_NOT_FOUND);
	/* Its list of profile indices ends at 8. */
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, 7, &v1), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, 5, &v1), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, 8, &v1),
		 NVML_ERROR_INVALID_ARGUMENT);
	abi_end(&f, &nvml);
}

/* MIG devices were named by their GPU and their ids before R470. */
static void on_450(void)
{
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;
	struct fixture f;
	char uuid[96];
	nvmlDevice_t gpu, mig, same;

	abi_lab(&f, &nvml, "a100-40gb-sxm", "450.80.02", 1, MIG_NUMBERING_I);
	gpu = first_gpu();
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK(!strncmp(uuid, "MIG-GPU-", 8) && strchr(uuid, '/') != NULL);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByUUID(uuid, &same), NVML_SUCCESS);
	CHECK(same == mig);
	abi_end(&f, &nvml);
}

int main(void)
{
	on_550();
	on_515();
	on_450();
	return 0;
}
