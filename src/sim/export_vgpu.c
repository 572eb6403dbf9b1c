/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual GPUs, licences, encoder and capture sessions, as a board without a vGPU host driver
 * answers (measured on H200): no vGPU is supported, there is nothing to license and nobody encodes.
 */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"

/* --- virtual GPUs --------------------------------------------------------------------------- */

/* DRA's dynamic MIG refuses to start without an answer. A lab is a bare machine. */
SIM_NUMBER(nvmlDeviceGetVirtualizationMode, sim_device, nvmlGpuVirtualizationMode_t,
	   NVML_GPU_VIRTUALIZATION_MODE_NONE)
SIM_REFUSED_SET(nvmlDeviceSetVirtualizationMode,
		(nvmlDevice_t device, nvmlGpuVirtualizationMode_t virtualMode),
		(device, virtualMode),
		(unsigned)virtualMode <= NVML_GPU_VIRTUALIZATION_MODE_HOST_VSGA)
SIM_REFUSED(nvmlDeviceGetHostVgpuMode, (nvmlDevice_t device, nvmlHostVgpuMode_t *pHostVgpuMode),
	    (device, pHostVgpuMode), pHostVgpuMode)
SIM_REFUSED_V(nvmlDeviceGetVgpuHeterogeneousMode, nvmlVgpuHeterogeneousMode_t,
	      nvmlVgpuHeterogeneousMode_v1)
SIM_REFUSED_SET(nvmlDeviceSetVgpuHeterogeneousMode,
		(nvmlDevice_t device, const nvmlVgpuHeterogeneousMode_t *pHeterogeneousMode),
		(device, pHeterogeneousMode), pHeterogeneousMode)
SIM_REFUSED(nvmlDeviceGetVgpuCapabilities,
	    (nvmlDevice_t device, nvmlDeviceVgpuCapability_t capability, unsigned int *capResult),
	    (device, capability, capResult), ((void)capability, capResult))
SIM_REFUSED_SET(nvmlDeviceSetVgpuCapabilities,
		(nvmlDevice_t device, nvmlDeviceVgpuCapability_t capability,
		 nvmlEnableState_t state),
		(device, capability, state),
		((void)capability, (unsigned)state <= NVML_FEATURE_ENABLED))
SIM_REFUSED(nvmlDeviceGetActiveVgpus,
	    (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuInstance_t *vgpuInstances),
	    (device, vgpuCount, vgpuInstances), ((void)vgpuInstances, vgpuCount))
SIM_REFUSED(nvmlDeviceGetSupportedVgpus,
	    (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuTypeId_t *vgpuTypeIds),
	    (device, vgpuCount, vgpuTypeIds), ((void)vgpuTypeIds, vgpuCount))
SIM_REFUSED(nvmlDeviceGetCreatableVgpus,
	    (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuTypeId_t *vgpuTypeIds),
	    (device, vgpuCount, vgpuTypeIds), ((void)vgpuTypeIds, vgpuCount))
SIM_REFUSED(nvmlDeviceGetPgpuMetadataString,
	    (nvmlDevice_t device, char *pgpuMetadata, unsigned int *bufferSize),
	    (device, pgpuMetadata, bufferSize), ((void)pgpuMetadata, bufferSize))

SIM_ENTRY(nvmlGetVgpuDriverCapabilities,
	  (nvmlVgpuDriverCapability_t capability, unsigned int *capResult), (capability, capResult))
{
	(void)capability;
	if (!capResult)
		return NVML_ERROR_INVALID_ARGUMENT;
	return NVML_ERROR_NOT_SUPPORTED;
}

/* Versions of the protocol between host and guest driver: of 580 they are known (measured). */
SIM_ENTRY(nvmlGetVgpuVersion, (nvmlVgpuVersion_t * supported, nvmlVgpuVersion_t *current),
	  (supported, current))
{
	const nvmlVgpuVersion_t of_580 = { .minVersion = 0x120001, .maxVersion = 0x1a0001 };

	if (!supported || !current)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (sim_const()->driver_major != 580)
		return NVML_ERROR_NOT_SUPPORTED;
	*supported = of_580;
	*current = of_580;
	return NVML_SUCCESS;
}

/* --- licences ------------------------------------------------------------------------------- */

/*
 * The struct grew with each name: a feature of the first had 136 bytes, of the last 288. With no
 * feature in it, the two leading words are all that each of them reads.
 */
static nvmlReturn_t licences(nvmlDevice_t device, nvmlGridLicensableFeatures_t *features)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!features)
		return NVML_ERROR_INVALID_ARGUMENT;
	features->isGridLicenseSupported = 0;
	features->licensableFeaturesCount = 0;
	return NVML_SUCCESS;
}

#define SIM_LICENCES(sym)                                                                        \
	SIM_ENTRY(sym,                                                                           \
		  (nvmlDevice_t device, nvmlGridLicensableFeatures_t * pGridLicensableFeatures), \
		  (device, pGridLicensableFeatures))                                             \
	{                                                                                        \
		return licences(device, pGridLicensableFeatures);                                \
	}

SIM_LICENCES(nvmlDeviceGetGridLicensableFeatures)
SIM_LICENCES(nvmlDeviceGetGridLicensableFeatures_v2)
SIM_LICENCES(nvmlDeviceGetGridLicensableFeatures_v3)
SIM_LICENCES(nvmlDeviceGetGridLicensableFeatures_v4)

/* --- encoder and capture sessions ----------------------------------------------------------- */

/* Percent of the encoder that is free: 100 also on an H200, which has none (measured). */
SIM_ENTRY(nvmlDeviceGetEncoderCapacity,
	  (nvmlDevice_t device, nvmlEncoderType_t encoderQueryType, unsigned int *encoderCapacity),
	  (device, encoderQueryType, encoderCapacity))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!encoderCapacity || (unsigned)encoderQueryType > NVML_ENCODER_QUERY_AV1)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (encoderQueryType == NVML_ENCODER_QUERY_AV1)
		return NVML_ERROR_NOT_SUPPORTED;
	*encoderCapacity = 100;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetEncoderSessions,
	  (nvmlDevice_t device, unsigned int *sessionCount, nvmlEncoderSessionInfo_t *sessionInfos),
	  (device, sessionCount, sessionInfos))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	(void)sessionInfos;
	if (status != NVML_SUCCESS)
		return status;
	if (!sessionCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*sessionCount = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetFBCSessions,
	  (nvmlDevice_t device, unsigned int *sessionCount, nvmlFBCSessionInfo_t *sessionInfo),
	  (device, sessionCount, sessionInfo))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	(void)sessionInfo;
	if (status != NVML_SUCCESS)
		return status;
	if (!sessionCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*sessionCount = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetEncoderStats,
	  (nvmlDevice_t device, unsigned int *sessionCount, unsigned int *averageFps,
	   unsigned int *averageLatency),
	  (device, sessionCount, averageFps, averageLatency))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!sessionCount || !averageFps || !averageLatency)
		return NVML_ERROR_INVALID_ARGUMENT;
	*sessionCount = 0;
	*averageFps = 0;
	*averageLatency = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetFBCStats, (nvmlDevice_t device, nvmlFBCStats_t *fbcStats),
	  (device, fbcStats))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!fbcStats)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(fbcStats, 0, sizeof(*fbcStats));
	return NVML_SUCCESS;
}
