/* SPDX-License-Identifier: Apache-2.0 */
/* Confidential computing, off: what an H200 in a machine without it answers (measured). */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"

/* Hopper and the data centre boards of Blackwell could. */
static bool capable(const struct mig_board *board)
{
	return board->cc_major == 9 || board->cc_major == 10;
}

static bool any_capable(void)
{
	struct lab_place place[LAB_MAX_GPUS];
	unsigned n = lab_read_places(sim_lab(), place);

	for (unsigned i = 0; i < n; i++)
		if (!place[i].lost && capable(&sim_const()->board[place[i].board]))
			return true;
	return false;
}

SIM_ENTRY(nvmlSystemGetConfComputeCapabilities, (nvmlConfComputeSystemCaps_t * capabilities),
	  (capabilities))
{
	if (!capabilities)
		return NVML_ERROR_INVALID_ARGUMENT;
	capabilities->cpuCaps = NVML_CC_SYSTEM_CPU_CAPS_NONE;
	capabilities->gpusCaps =
		any_capable() ? NVML_CC_SYSTEM_GPUS_CC_CAPABLE : NVML_CC_SYSTEM_GPUS_CC_NOT_CAPABLE;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlSystemGetConfComputeState, (nvmlConfComputeSystemState_t * state), (state))
{
	if (!state)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(state, 0, sizeof(*state));
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlSystemGetConfComputeSettings, (nvmlSystemConfComputeSettings_t * settings),
	  (settings))
{
	if (!settings)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (settings->version != nvmlSystemConfComputeSettings_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	*settings = (nvmlSystemConfComputeSettings_t){ .version = settings->version };
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlSystemGetConfComputeGpusReadyState, (unsigned int *isAcceptingWork),
	  (isAcceptingWork))
{
	if (!isAcceptingWork)
		return NVML_ERROR_INVALID_ARGUMENT;
	*isAcceptingWork = NVML_CC_ACCEPTING_CLIENT_REQUESTS_FALSE;
	return NVML_SUCCESS;
}

/* There is nothing to make ready while it is off. */
SIM_ENTRY(nvmlSystemSetConfComputeGpusReadyState, (unsigned int isAcceptingWork), (isAcceptingWork))
{
	if (isAcceptingWork > 1)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (sim_may_manage() != NVML_SUCCESS)
		return NVML_ERROR_NO_PERMISSION;
	return NVML_ERROR_NOT_SUPPORTED;
}

SIM_ENTRY(nvmlSystemGetConfComputeKeyRotationThresholdInfo,
	  (nvmlConfComputeGetKeyRotationThresholdInfo_t * pKeyRotationThrInfo),
	  (pKeyRotationThrInfo))
{
	if (!pKeyRotationThrInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (pKeyRotationThrInfo->version != nvmlConfComputeGetKeyRotationThresholdInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!any_capable())
		return NVML_ERROR_NOT_SUPPORTED;
	pKeyRotationThrInfo->attackerAdvantage = 60;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetConfComputeProtectedMemoryUsage, (nvmlDevice_t device, nvmlMemory_t *memory),
	  (device, memory))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(memory, 0, sizeof(*memory));
	return NVML_SUCCESS;
}

/* All that the driver does not keep for itself is unprotected. */
SIM_ENTRY(nvmlDeviceGetConfComputeMemSizeInfo,
	  (nvmlDevice_t device, nvmlConfComputeMemSizeInfo_t *memInfo), (device, memInfo))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!memInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	memInfo->protectedMemSizeKib = 0;
	memInfo->unprotectedMemSizeKib =
		dev.board->memory_total_mib * 1024ull - dev.board->memory_reserved_kib;
	return NVML_SUCCESS;
}

SIM_REFUSED_SET(nvmlDeviceSetConfComputeUnprotectedMemSize,
		(nvmlDevice_t device, unsigned long long sizeKiB), (device, sizeKiB), sizeKiB > 0)

/* An H200 answers "unknown error" to both while it is off; what never could has no certificate. */
static nvmlReturn_t attest(nvmlDevice_t device, const void *out)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!out)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (capable(dev.board))
		return NVML_ERROR_UNKNOWN;
	return NVML_ERROR_NOT_SUPPORTED;
}

SIM_ENTRY(nvmlDeviceGetConfComputeGpuCertificate,
	  (nvmlDevice_t device, nvmlConfComputeGpuCertificate_t *gpuCert), (device, gpuCert))
{
	return attest(device, gpuCert);
}

SIM_ENTRY(nvmlDeviceGetConfComputeGpuAttestationReport,
	  (nvmlDevice_t device, nvmlConfComputeGpuAttestationReport_t *gpuAtstReport),
	  (device, gpuAtstReport))
{
	return attest(device, gpuAtstReport);
}
