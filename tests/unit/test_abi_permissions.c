/* SPDX-License-Identifier: Apache-2.0 */
/* A lab with a real driver's permissions: who is not root may look at MIG devices and no more. */
#include <sys/stat.h>

#include "unit/abi_fixture.h"

#define NOBODY 65534

static struct nvml_api nvml;

static void refused(nvmlDevice_t gpu, nvmlGpuInstance_t gi, nvmlComputeInstance_t ci)
{
	nvmlGpuInstancePlacement_t at = { .start = 0, .size = 4 };
	nvmlGpuInstance_t more;
	nvmlReturn_t activation;
	nvmlMemory_t memory;
	unsigned n;

	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 0, &activation), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceSetPersistenceMode(gpu, 1), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &more), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstanceWithPlacement(gpu, 9, &at, &more),
		 NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstances(gpu, 9, &more, &n), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceById(gpu, 2, &more), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(gpu, &memory), NVML_ERROR_NO_PERMISSION);
}

static void allowed(nvmlDevice_t gpu)
{
	nvmlGpuInstanceProfileInfo_t info;
	unsigned current, pending;
	nvmlMemory_t memory;
	nvmlDevice_t mig;
	char text[96];

	CHECK_EQ(nvml.nvmlDeviceGetMigMode(gpu, &current, &pending), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, 2, &info), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetUUID(mig, text, sizeof(text)), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(mig, &memory), NVML_SUCCESS);
}

int main(void)
{
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;
	struct fixture f;
	nvmlDevice_t gpu;

	if (geteuid() != 0)
		CHECK_SKIP("only root can become somebody else");
	abi_lab_of_root(&f, &nvml, "h100-80gb-sxm", "580.159.04");
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);

	CHECK_EQ(seteuid(NOBODY), 0);
	refused(gpu, gi, ci);
	allowed(gpu);
	CHECK_EQ(seteuid(0), 0);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_SUCCESS);
	abi_end(&f, &nvml);
	return 0;
}
