/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "unit/abi_fixture.h"

/*
 * A creation answers with the handle of what it made, also while another process destroys what it
 * finds: it never says NOT_FOUND, and each handle is another.
 */
enum { ROUNDS = 300 };

static struct nvml_api nvml;

static nvmlDevice_t gpu(void)
{
	nvmlDevice_t dev;

	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_SUCCESS);
	return dev;
}

/* Destroys what there is until it is killed; looking takes no lock and costs nobody anything. */
static void destroy_all(nvmlDevice_t dev)
{
	for (;;) {
		nvmlGpuInstance_t gi;

		if (nvml.nvmlDeviceGetGpuInstanceById(dev, 7, &gi) == NVML_SUCCESS)
			(void)nvml.nvmlGpuInstanceDestroy(gi);
	}
}

static void make_all(nvmlDevice_t dev)
{
	const nvmlGpuInstancePlacement_t at = { 0, 1 };
	nvmlGpuInstance_t made[ROUNDS], gi;

	for (unsigned i = 0; i < ROUNDS; i++) {
		while (nvml.nvmlDeviceGetGpuInstanceById(dev, 7, &gi) == NVML_SUCCESS)
			usleep(20);
		CHECK_EQ(nvml.nvmlDeviceCreateGpuInstanceWithPlacement(dev, 19, &at, &made[i]),
			 NVML_SUCCESS);
		for (unsigned k = 0; k < i; k++)
			CHECK(made[i] != made[k]);
	}
}

int main(void)
{
	nvmlReturn_t activation;
	struct fixture f;
	nvmlDevice_t dev;
	int status;
	pid_t pid;

	abi_lab(&f, &nvml, "a100-80gb-sxm", "550.54.14", 1, MIG_NUMBERING_I);
	dev = gpu();
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(dev, 1, &activation), NVML_SUCCESS);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		destroy_all(dev);
	}
	make_all(dev);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	abi_end(&f, &nvml);
	return 0;
}
