/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvml/nvml_abi.h"
#include "nvml/nvml_abi_mig.h"

/*
 * A libnvidia-ml.so.1 that answers what a real driver answered about one GPU, and nothing else: no
 * line of the simulated driver is in it. readings.h holds the answers (test_real_readings.py makes
 * it). A call that would change something ends the process: no command that reads may make one.
 */
#include "readings.h"

#define API __attribute__((visibility("default")))
#define CHANGES(name)                                 \
	API nvmlReturn_t name(void)                   \
	{                                             \
		fputs(#name " was called\n", stderr); \
		abort();                              \
	}
/* Needed by every driver with MIG, and without an instance there is nothing to answer. */
#define SILENT(name)                             \
	API nvmlReturn_t name(void)              \
	{                                        \
		return NVML_ERROR_NOT_SUPPORTED; \
	}

static int gpu;

static nvmlReturn_t text(const char *from, char *to, unsigned int length)
{
	if (strlen(from) >= length)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(to, from, strlen(from) + 1);
	return NVML_SUCCESS;
}

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
API nvmlReturn_t nvmlInit(void)
{
	return NVML_SUCCESS;
}
API nvmlReturn_t nvmlInit_v2(void)
{
	return NVML_SUCCESS;
}
API nvmlReturn_t nvmlShutdown(void)
{
	return NVML_SUCCESS;
}
API const char *nvmlErrorString(nvmlReturn_t r)
{
	(void)r;
	return "an error";
}
API nvmlReturn_t nvmlSystemGetDriverVersion(char *to, unsigned int n)
{
	return text(DRIVER, to, n);
}
API nvmlReturn_t nvmlSystemGetNVMLVersion(char *to, unsigned int n)
{
	return text(NVML, to, n);
}

API nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *n)
{
	*n = 1;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *dev)
{
	*dev = (nvmlDevice_t)(void *)&gpu;
	return index ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t d, char *to, unsigned int n)
{
	(void)d;
	return text(NAME, to, n);
}

API nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t d, char *to, unsigned int n)
{
	(void)d;
	return text(UUID, to, n);
}

API nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, nvmlPciInfo_t *pci)
{
	(void)d;
	memset(pci, 0, sizeof(*pci));
	snprintf(pci->busId, sizeof(pci->busId), "%s", BUS_ID);
	pci->pciDeviceId = PCI_DEVICE;
	pci->pciSubSystemId = PCI_SUBSYSTEM;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t d, unsigned int *minor)
{
	(void)d;
	*minor = 0;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t d, unsigned int *now, unsigned int *pending)
{
	(void)d;
	*now = *pending = 0;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t d, nvmlMemory_t *m)
{
	(void)d;
	*m = (nvmlMemory_t){ .total = MEMORY_TOTAL, .free = MEMORY_FREE, .used = MEMORY_USED };
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t d, int *major, int *minor)
{
	(void)d;
	*major = CC_MAJOR;
	*minor = CC_MINOR;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t d, nvmlDeviceArchitecture_t *arch)
{
	(void)d;
	*arch = ARCHITECTURE;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetNumGpuCores(nvmlDevice_t d, unsigned int *n)
{
	(void)d;
	*n = CORES;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t d, unsigned int *n)
{
	(void)d;
	*n = 0;
	return NVML_SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t d, unsigned int index,
						      nvmlGpuInstanceProfileInfo_v2_t *info)
{
	(void)d;
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (profiles[i].index == index) {
			*info = profiles[i].info;
			return NVML_SUCCESS;
		}
	return index < N_INDEX ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
}

API nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t d, unsigned int id,
							       nvmlGpuInstancePlacement_t *to,
							       unsigned int *n)
{
	(void)d;
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (profiles[i].info.id == id) {
			if (to)
				memcpy(to, profiles[i].at, profiles[i].n_at * sizeof(*to));
			*n = profiles[i].n_at;
			return NVML_SUCCESS;
		}
	return NVML_ERROR_INVALID_ARGUMENT;
}

API nvmlReturn_t nvmlDeviceGetGpuInstanceRemainingCapacity(nvmlDevice_t d, unsigned int id,
							   unsigned int *n)
{
	(void)d;
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (profiles[i].info.id == id) {
			*n = profiles[i].remaining;
			return NVML_SUCCESS;
		}
	return NVML_ERROR_INVALID_ARGUMENT;
}

API nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t d, unsigned int *n,
							 void *infos)
{
	(void)d;
	(void)infos;
	*n = 0;
	return NVML_SUCCESS;
}

SILENT(nvmlDeviceGetHandleByUUID)
SILENT(nvmlDeviceGetHandleByPciBusId_v2)
SILENT(nvmlDeviceGetIndex)
SILENT(nvmlDeviceGetMigDeviceHandleByIndex)
SILENT(nvmlDeviceIsMigDeviceHandle)
SILENT(nvmlDeviceGetDeviceHandleFromMigDeviceHandle)
SILENT(nvmlDeviceGetGpuInstanceId)
SILENT(nvmlDeviceGetComputeInstanceId)
SILENT(nvmlDeviceGetGpuInstanceProfileInfo)
SILENT(nvmlDeviceGetGpuInstancePossiblePlacements)
SILENT(nvmlDeviceGetGpuInstances)
SILENT(nvmlDeviceGetGpuInstanceById)
SILENT(nvmlGpuInstanceGetInfo)
SILENT(nvmlGpuInstanceGetComputeInstanceProfileInfo)
SILENT(nvmlGpuInstanceGetComputeInstanceRemainingCapacity)
SILENT(nvmlGpuInstanceGetComputeInstances)
SILENT(nvmlGpuInstanceGetComputeInstanceById)
SILENT(nvmlComputeInstanceGetInfo)
SILENT(nvmlComputeInstanceGetInfo_v2)
CHANGES(nvmlDeviceSetMigMode)
CHANGES(nvmlDeviceCreateGpuInstance)
CHANGES(nvmlGpuInstanceDestroy)
CHANGES(nvmlGpuInstanceCreateComputeInstance)
CHANGES(nvmlComputeInstanceDestroy)
