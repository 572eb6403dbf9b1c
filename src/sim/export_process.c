/* SPDX-License-Identifier: Apache-2.0 */
/* Processes on a device. A lab has compute clients only: the other lists are empty. */
#include "sim/process.h"

#include <string.h>

nvmlReturn_t sim_processes(nvmlDevice_t device, struct lab_client ret[LAB_MAX_CLIENTS],
			   unsigned *ret_n)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);
	int n;

	if (status != NVML_SUCCESS)
		return status;
	n = lab_clients_of(sim_lab(), dev.ref.gpu, sim_is_mig(&dev) ? dev.gi->id : -1,
			   sim_is_mig(&dev) ? dev.ci->id : -1, ret, LAB_MAX_CLIENTS);
	if (n < 0)
		return sim_status(n);
	*ret_n = n < LAB_MAX_CLIENTS ? (unsigned)n : LAB_MAX_CLIENTS;
	return NVML_SUCCESS;
}

/* Each generation of the lists has its own entry; writes the i-th. */
typedef void write_entry(void *infos, unsigned i, const struct lab_client *c);

static void write_v1(void *infos, unsigned i, const struct lab_client *c)
{
	((nvmlProcessInfo_v1_t *)infos)[i] =
		(nvmlProcessInfo_v1_t){ .pid = c->pid, .usedGpuMemory = c->memory };
}

static void write_v2(void *infos, unsigned i, const struct lab_client *c)
{
	((nvmlProcessInfo_v2_t *)infos)[i] = (nvmlProcessInfo_v2_t){
		.pid = c->pid,
		.usedGpuMemory = c->memory,
		.gpuInstanceId = c->gi < 0 ? SIM_NO_INSTANCE : (unsigned)c->gi,
		.computeInstanceId = c->ci < 0 ? SIM_NO_INSTANCE : (unsigned)c->ci,
	};
}

static nvmlReturn_t compute_list(nvmlDevice_t device, unsigned *count, void *infos,
				 write_entry *write)
{
	struct lab_client clients[LAB_MAX_CLIENTS];
	unsigned n = 0, room;
	nvmlReturn_t status;

	if (!count || (*count > 0 && !infos))
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_processes(device, clients, &n);
	if (status != NVML_SUCCESS)
		return status;
	room = *count;
	*count = n;
	if (room < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < n; i++)
		write(infos, i, &clients[i]);
	return NVML_SUCCESS;
}

static nvmlReturn_t empty_list(nvmlDevice_t device, unsigned *count)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = 0;
	return NVML_SUCCESS;
}

#define SIM_COMPUTE_LIST(sym, type, write)                                          \
	SIM_ENTRY(sym, (nvmlDevice_t device, unsigned int *infoCount, type *infos), \
		  (device, infoCount, infos))                                       \
	{                                                                           \
		return compute_list(device, infoCount, infos, write);               \
	}

#define SIM_EMPTY_LIST(sym, type)                                                   \
	SIM_ENTRY(sym, (nvmlDevice_t device, unsigned int *infoCount, type *infos), \
		  (device, infoCount, infos))                                       \
	{                                                                           \
		(void)infos;                                                        \
		return empty_list(device, infoCount);                               \
	}

SIM_COMPUTE_LIST(nvmlDeviceGetComputeRunningProcesses, nvmlProcessInfo_v1_t, write_v1)
SIM_COMPUTE_LIST(nvmlDeviceGetComputeRunningProcesses_v2, nvmlProcessInfo_v2_t, write_v2)
SIM_COMPUTE_LIST(nvmlDeviceGetComputeRunningProcesses_v3, nvmlProcessInfo_t, write_v2)
SIM_EMPTY_LIST(nvmlDeviceGetGraphicsRunningProcesses, nvmlProcessInfo_v1_t)
SIM_EMPTY_LIST(nvmlDeviceGetGraphicsRunningProcesses_v2, nvmlProcessInfo_v2_t)
SIM_EMPTY_LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, nvmlProcessInfo_t)
SIM_EMPTY_LIST(nvmlDeviceGetMPSComputeRunningProcesses, nvmlProcessInfo_v1_t)
SIM_EMPTY_LIST(nvmlDeviceGetMPSComputeRunningProcesses_v2, nvmlProcessInfo_v2_t)
SIM_EMPTY_LIST(nvmlDeviceGetMPSComputeRunningProcesses_v3, nvmlProcessInfo_t)

SIM_ENTRY(nvmlDeviceGetRunningProcessDetailList,
	  (nvmlDevice_t device, nvmlProcessDetailList_t *plist), (device, plist))
{
	struct lab_client clients[LAB_MAX_CLIENTS];
	unsigned n = 0, room;
	nvmlReturn_t status;

	if (!plist)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (plist->version != nvmlProcessDetailList_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (plist->mode >= NVML_PROCESS_MODE_MAX)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_processes(device, clients, &n);
	if (status != NVML_SUCCESS)
		return status;
	if (plist->mode != NVML_PROCESS_MODE_COMPUTE && plist->mode != NVML_PROCESS_MODE_ALL)
		n = 0;
	room = plist->numProcArrayEntries;
	plist->numProcArrayEntries = n;
	if (n > 0 && (room < n || !plist->procArray))
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < n; i++) {
		nvmlProcessInfo_v2_t info;

		write_v2(&info, 0, &clients[i]);
		plist->procArray[i] = (nvmlProcessDetail_v1_t){
			.pid = info.pid,
			.usedGpuMemory = info.usedGpuMemory,
			.gpuInstanceId = info.gpuInstanceId,
			.computeInstanceId = info.computeInstanceId,
		};
	}
	return NVML_SUCCESS;
}
