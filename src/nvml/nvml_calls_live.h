/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_CALLS_LIVE_H
#define MIGKIT_NVML_NVML_CALLS_LIVE_H

/* The calls of nvml_calls.h that are about what goes on: links, samples, counted processes. */

/* clang-format off */
#define NVML_CALLS_LIVE(X)                                                                        \
	X(nvmlDeviceGetP2PStatus, OPTIONAL,                                                       \
	  (nvmlDevice_t device1, nvmlDevice_t device2, nvmlGpuP2PCapsIndex_t p2pIndex,            \
	   nvmlGpuP2PStatus_t *p2pStatus))                                                        \
	X(nvmlDeviceGetNvLinkState, OPTIONAL,                                                     \
	  (nvmlDevice_t device, unsigned int link, nvmlEnableState_t *isActive))                  \
	X(nvmlDeviceGetNvLinkVersion, OPTIONAL,                                                   \
	  (nvmlDevice_t device, unsigned int link, unsigned int *version))                        \
	X(nvmlDeviceGetNvLinkCapability, OPTIONAL,                                                \
	  (nvmlDevice_t device, unsigned int link, nvmlNvLinkCapability_t capability,             \
	   unsigned int *capResult))                                                              \
	X(nvmlDeviceGetNvLinkRemoteDeviceType, OPTIONAL,                                          \
	  (nvmlDevice_t device, unsigned int link, nvmlIntNvLinkDeviceType_t *pNvLinkDeviceType)) \
	X(nvmlDeviceGetNvLinkRemotePciInfo, OPTIONAL,                                             \
	  (nvmlDevice_t device, unsigned int link, nvmlPciInfo_v2_t *pci))                        \
	X(nvmlDeviceGetNvLinkRemotePciInfo_v2, OPTIONAL,                                          \
	  (nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci))                           \
	X(nvmlDeviceGetNvLinkErrorCounter, OPTIONAL,                                              \
	  (nvmlDevice_t device, unsigned int link, nvmlNvLinkErrorCounter_t counter,              \
	   unsigned long long *counterValue))                                                     \
	X(nvmlDeviceResetNvLinkErrorCounters, OPTIONAL, (nvmlDevice_t device, unsigned int link)) \
	X(nvmlSystemGetNvlinkBwMode, OPTIONAL, (unsigned int *nvlinkBwMode))                      \
	X(nvmlDeviceClearFieldValues, OPTIONAL,                                                   \
	  (nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values))                       \
	X(nvmlDeviceGetSamples, OPTIONAL,                                                         \
	  (nvmlDevice_t device, nvmlSamplingType_t type, unsigned long long lastSeenTimeStamp,    \
	   nvmlValueType_t *sampleValType, unsigned int *sampleCount, nvmlSample_t *samples))     \
	X(nvmlDeviceSetAccountingMode, OPTIONAL, (nvmlDevice_t device, nvmlEnableState_t mode))   \
	X(nvmlDeviceGetAccountingStats, OPTIONAL,                                                 \
	  (nvmlDevice_t device, unsigned int pid, nvmlAccountingStats_t *stats))                  \
	X(nvmlDeviceClearAccountingPids, OPTIONAL, (nvmlDevice_t device))                         \
	X(nvmlDeviceGetProcessesUtilizationInfo, OPTIONAL,                                        \
	  (nvmlDevice_t device, nvmlProcessesUtilizationInfo_t *procesesUtilInfo))                \
	X(nvmlGpmSampleAlloc, OPTIONAL, (nvmlGpmSample_t *gpmSample))                             \
	X(nvmlGpmSampleFree, OPTIONAL, (nvmlGpmSample_t gpmSample))                               \
	X(nvmlGpmSampleGet, OPTIONAL, (nvmlDevice_t device, nvmlGpmSample_t gpmSample))           \
	X(nvmlGpmMigSampleGet, OPTIONAL,                                                          \
	  (nvmlDevice_t device, unsigned int gpuInstanceId, nvmlGpmSample_t gpmSample))           \
	X(nvmlGpmMetricsGet, OPTIONAL, (nvmlGpmMetricsGet_t * metricsGet))                        \
	X(nvmlGpmQueryDeviceSupport, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlGpmSupport_t *gpmSupport))                                    \
	X(nvmlGpmQueryIfStreamingEnabled, OPTIONAL, (nvmlDevice_t device, unsigned int *state))   \
	X(nvmlGpmSetStreamingEnabled, OPTIONAL, (nvmlDevice_t device, unsigned int state))
/* clang-format on */

#endif
