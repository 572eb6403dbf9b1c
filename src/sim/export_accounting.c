/* SPDX-License-Identifier: Apache-2.0 */
/* Accounting: which processes computed on a GPU, how long, with how much memory */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"
#include "sim/reading.h"

SIM_NUMBER(nvmlDeviceGetAccountingMode, sim_parent, nvmlEnableState_t,
	   dev.gpu.accounting ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED)
/* Measured on H100 and H200: 4000. A lab remembers LAB_MAX_ACCOUNTS, over all its GPUs. */
SIM_NUMBER(nvmlDeviceGetAccountingBufferSize, sim_parent, unsigned int, 4000)

/* Root's; NOT_SUPPORTED in MIG mode, where it is off (nvml.h). */
SIM_ENTRY(nvmlDeviceSetAccountingMode, (nvmlDevice_t device, nvmlEnableState_t mode),
	  (device, mode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (mode != NVML_FEATURE_DISABLED && mode != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	return sim_status(lab_set_accounting(sim_lab(), dev.ref.gpu, mode == NVML_FEATURE_ENABLED));
}

SIM_ENTRY(nvmlDeviceClearAccountingPids, (nvmlDevice_t device), (device))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	return sim_status(lab_clear_accounts(sim_lab(), dev.ref.gpu));
}

/* With accounting off: an empty list, and NOT_FOUND for each process (measured on an H200). */
SIM_ENTRY(nvmlDeviceGetAccountingPids,
	  (nvmlDevice_t device, unsigned int *count, unsigned int *pids), (device, count, pids))
{
	struct lab_account accounts[LAB_MAX_ACCOUNTS];
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned n, room;

	if (status != NVML_SUCCESS)
		return status;
	if (!count || (*count > 0 && !pids))
		return NVML_ERROR_INVALID_ARGUMENT;
	n = lab_accounts_of(sim_lab(), dev.ref.gpu, accounts);
	room = *count;
	*count = n;
	if (room < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < n; i++)
		pids[i] = accounts[i].pid;
	return NVML_SUCCESS;
}

/* A lab counts no utilization over a process's life: what the GPU's is while it runs. */
SIM_ENTRY(nvmlDeviceGetAccountingStats,
	  (nvmlDevice_t device, unsigned int pid, nvmlAccountingStats_t *stats),
	  (device, pid, stats))
{
	struct lab_account accounts[LAB_MAX_ACCOUNTS], *a = NULL;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned n;

	if (status != NVML_SUCCESS)
		return status;
	if (!stats)
		return NVML_ERROR_INVALID_ARGUMENT;
	n = lab_accounts_of(sim_lab(), dev.ref.gpu, accounts);
	/* Of processes that had the same pid the last one. */
	for (unsigned i = 0; i < n; i++)
		if (accounts[i].pid == pid)
			a = &accounts[i];
	if (!a)
		return NVML_ERROR_NOT_FOUND;
	memset(stats, 0, sizeof(*stats));
	stats->gpuUtilization = a->running ? sim_busy(&dev, NULL) : 0;
	stats->memoryUtilization = a->running ? sim_set_or(dev.gpu.set.utilization_memory, 0) : 0;
	stats->maxMemoryUsage = a->memory;
	stats->time = a->time_ms; /* 0 while it runs (nvml.h) */
	stats->startTime = a->start_us;
	stats->isRunning = a->running;
	return NVML_SUCCESS;
}
