/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a program can do with a driver; migctl status is held against it. */
#include <dlfcn.h>

int main(void)
{
	void *nvml = dlopen("libnvidia-ml.so.1", RTLD_NOW), *device;
	int (*init)(void) = nvml ? (int (*)(void))dlsym(nvml, "nvmlInit_v2") : 0;
	int (*get)(unsigned, void **) = nvml ? dlsym(nvml, "nvmlDeviceGetHandleByIndex_v2") : 0;
	int (*end)(void) = nvml ? (int (*)(void))dlsym(nvml, "nvmlShutdown") : 0;

	if (!init || !get || !end || init() || get(0, &device))
		return 1;
	return end();
}
