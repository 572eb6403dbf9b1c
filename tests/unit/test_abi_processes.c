/* SPDX-License-Identifier: Apache-2.0 */
/* A process on a MIG device: in every generation's list, in the way of a destroy, gone when dead.
 */

#include "unit/abi_fixture.h"
#include "unit/client_fixture.h"

static struct nvml_api nvml;

static void listed(nvmlDevice_t device, pid_t pid, unsigned gi)
{
	nvmlProcessInfo_v1_t v1[2];
	nvmlProcessInfo_v2_t v2[2];
	nvmlProcessDetail_v1_t detail[2];
	nvmlProcessDetailList_t list = { .version = nvmlProcessDetailList_v1,
					 .mode = NVML_PROCESS_MODE_COMPUTE,
					 .numProcArrayEntries = 2,
					 .procArray = detail };
	unsigned n = 0;
	char name[16];

	CHECK_EQ(nvml.nvmlDeviceGetComputeRunningProcesses_v3(device, &n, NULL),
		 NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(n, 1);
	n = 2;
	memset(v1, 0xa5, sizeof(v1));
	CHECK_EQ(nvml.nvmlDeviceGetComputeRunningProcesses(device, &n, v1), NVML_SUCCESS);
	CHECK_EQ(n, 1);
	CHECK_EQ(v1[0].pid, pid);
	CHECK_EQ(v1[0].usedGpuMemory, CLIENT_MEMORY);
	CHECK_EQ(v1[1].pid, 0xa5a5a5a5);
	n = 2;
	memset(v2, 0xa5, sizeof(v2));
	CHECK_EQ(nvml.nvmlDeviceGetComputeRunningProcesses_v2(device, &n, v2), NVML_SUCCESS);
	CHECK_EQ(v2[0].gpuInstanceId, gi);
	CHECK_EQ(v2[0].computeInstanceId, 0);
	CHECK_EQ(v2[1].pid, 0xa5a5a5a5);
	n = 2;
	CHECK_EQ(nvml.nvmlDeviceGetComputeRunningProcesses_v3(device, &n, v2), NVML_SUCCESS);
	CHECK_EQ(v2[0].pid, pid);
	n = 2;
	CHECK_EQ(nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(device, &n, v2), NVML_SUCCESS);
	CHECK_EQ(n, 0);
	CHECK_EQ(nvml.nvmlDeviceGetRunningProcessDetailList(device, &list), NVML_SUCCESS);
	CHECK_EQ(list.numProcArrayEntries, 1);
	CHECK_EQ(detail[0].gpuInstanceId, gi);
	CHECK_EQ(nvml.nvmlSystemGetProcessName((unsigned)pid, name, sizeof(name)), NVML_SUCCESS);
	CHECK_STR(name, "train");
	CHECK_EQ(nvml.nvmlSystemGetProcessName((unsigned)pid, name, 5),
		 NVML_ERROR_INSUFFICIENT_SIZE);
}

static unsigned count(nvmlDevice_t device)
{
	nvmlProcessInfo_t infos[4];
	unsigned n = 4;

	CHECK_EQ(nvml.nvmlDeviceGetComputeRunningProcesses_v3(device, &n, infos), NVML_SUCCESS);
	return n;
}

static unsigned long long used(nvmlDevice_t device)
{
	nvmlMemory_t m;

	CHECK_EQ(nvml.nvmlDeviceGetMemoryInfo(device, &m), NVML_SUCCESS);
	return m.used;
}

int main(void)
{
	nvmlComputeInstance_t ci[2];
	nvmlGpuInstanceInfo_t info;
	unsigned long long before;
	nvmlReturn_t activation;
	nvmlDevice_t gpu, mig[2];
	nvmlGpuInstance_t gi;
	struct fixture f;
	pid_t pid;

	abi_lab(&f, &nvml, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceGetInfo(gi, &info), NVML_SUCCESS);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci[i]), NVML_SUCCESS);
		CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, i, &mig[i]), NVML_SUCCESS);
	}
	before = used(mig[0]);
	pid = client_start(&f, 0, (int)info.id, 0);
	listed(mig[0], pid, info.id);
	listed(gpu, pid, info.id);
	CHECK_EQ(count(mig[1]), 0);
	/* Memory is the GPU instance's: both its devices show it. */
	CHECK_EQ(used(mig[0]), before + CLIENT_MEMORY);
	CHECK_EQ(used(mig[1]), before + CLIENT_MEMORY);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci[0]), NVML_ERROR_IN_USE);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci[1]), NVML_SUCCESS);

	client_kill(pid);
	CHECK_EQ(count(mig[0]), 0);
	CHECK_EQ(count(gpu), 0);
	CHECK(used(mig[0]) <= before);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci[0]), NVML_SUCCESS);
	abi_end(&f, &nvml);
	return 0;
}
