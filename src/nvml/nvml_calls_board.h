/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_CALLS_BOARD_H
#define MIGKIT_NVML_NVML_CALLS_BOARD_H

/* The calls of nvml_calls.h that are about the board itself; included by it. No driver needs them.
 */

/* clang-format off */
/* --- clocks, performance states --- */
#define NVML_CALLS_PERF(X)                                                           \
	X(nvmlDeviceGetAdaptiveClockInfoStatus, OPTIONAL,                            \
	  (nvmlDevice_t device, unsigned int *adaptiveClockStatus))                  \
	X(nvmlDeviceGetClkMonStatus, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlClkMonStatus_t *status))                         \
	X(nvmlDeviceGetClockOffsets, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlClockOffset_t *info))                            \
	X(nvmlDeviceSetClockOffsets, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlClockOffset_t *info))                            \
	X(nvmlDeviceGetCurrentClockFreqs, OPTIONAL,                                  \
	  (nvmlDevice_t device, nvmlDeviceCurrentClockFreqs_t *currentClockFreqs))   \
	X(nvmlDeviceGetDynamicPstatesInfo, OPTIONAL,                                 \
	  (nvmlDevice_t device, nvmlGpuDynamicPstatesInfo_t *pDynamicPstatesInfo))   \
	X(nvmlDeviceGetGpcClkMinMaxVfOffset, OPTIONAL,                               \
	  (nvmlDevice_t device, int *minOffset, int *maxOffset))                     \
	X(nvmlDeviceGetGpcClkVfOffset, OPTIONAL, (nvmlDevice_t device, int *offset)) \
	X(nvmlDeviceSetGpcClkVfOffset, OPTIONAL, (nvmlDevice_t device, int offset))  \
	X(nvmlDeviceGetMemClkMinMaxVfOffset, OPTIONAL,                               \
	  (nvmlDevice_t device, int *minOffset, int *maxOffset))                     \
	X(nvmlDeviceGetMemClkVfOffset, OPTIONAL, (nvmlDevice_t device, int *offset)) \
	X(nvmlDeviceSetMemClkVfOffset, OPTIONAL, (nvmlDevice_t device, int offset))  \
	X(nvmlDeviceGetMinMaxClockOfPState, OPTIONAL,                                \
	  (nvmlDevice_t device, nvmlClockType_t type, nvmlPstates_t pstate,          \
	   unsigned int *minClockMHz, unsigned int *maxClockMHz))                    \
	X(nvmlDeviceGetPerformanceModes, OPTIONAL,                                   \
	  (nvmlDevice_t device, nvmlDevicePerfModes_t *perfModes))                   \
	X(nvmlDeviceGetSupportedPerformanceStates, OPTIONAL,                         \
	  (nvmlDevice_t device, nvmlPstates_t *pstates, unsigned int size))          \
	X(nvmlDeviceGetViolationStatus, OPTIONAL,                                    \
	  (nvmlDevice_t device, nvmlPerfPolicyType_t perfPolicyType,                 \
	   nvmlViolationTime_t *violTime))                                           \
	X(nvmlDeviceSetApplicationsClocks, OPTIONAL,                                 \
	  (nvmlDevice_t device, unsigned int memClockMHz,                            \
	   unsigned int graphicsClockMHz))                                           \
	X(nvmlDeviceResetApplicationsClocks, OPTIONAL, (nvmlDevice_t device))        \
	X(nvmlDeviceSetGpuLockedClocks, OPTIONAL,                                    \
	  (nvmlDevice_t device, unsigned int minGpuClockMHz,                         \
	   unsigned int maxGpuClockMHz))                                             \
	X(nvmlDeviceResetGpuLockedClocks, OPTIONAL, (nvmlDevice_t device))           \
	X(nvmlDeviceSetMemoryLockedClocks, OPTIONAL,                                 \
	  (nvmlDevice_t device, unsigned int minMemClockMHz,                         \
	   unsigned int maxMemClockMHz))                                             \
	X(nvmlDeviceResetMemoryLockedClocks, OPTIONAL, (nvmlDevice_t device))        \
	X(nvmlDeviceSetAutoBoostedClocksEnabled, OPTIONAL,                           \
	  (nvmlDevice_t device, nvmlEnableState_t enabled))                          \
	X(nvmlDeviceSetDefaultAutoBoostedClocksEnabled, OPTIONAL,                    \
	  (nvmlDevice_t device, nvmlEnableState_t enabled, unsigned int flags))      \
	X(nvmlDeviceSetAPIRestriction, OPTIONAL,                                     \
	  (nvmlDevice_t device, nvmlRestrictedAPI_t apiType,                         \
	   nvmlEnableState_t isRestricted))

/* --- power, temperature, fans --- */
#define NVML_CALLS_POWER(X)                                                            \
	X(nvmlDeviceSetPowerManagementLimit, OPTIONAL,                                 \
	  (nvmlDevice_t device, unsigned int limit))                                   \
	X(nvmlDeviceSetPowerManagementLimit_v2, OPTIONAL,                              \
	  (nvmlDevice_t device, nvmlPowerValue_v2_t *powerValue))                      \
	X(nvmlDeviceGetPowerMizerMode_v1, OPTIONAL,                                    \
	  (nvmlDevice_t device, nvmlDevicePowerMizerModes_v1_t *powerMizerMode))       \
	X(nvmlDeviceSetPowerMizerMode_v1, OPTIONAL,                                    \
	  (nvmlDevice_t device, nvmlDevicePowerMizerModes_v1_t *powerMizerMode))       \
	X(nvmlDevicePowerSmoothingActivatePresetProfile, OPTIONAL,                     \
	  (nvmlDevice_t device, nvmlPowerSmoothingProfile_t *profile))                 \
	X(nvmlDevicePowerSmoothingSetState, OPTIONAL,                                  \
	  (nvmlDevice_t device, nvmlPowerSmoothingState_t *state))                     \
	X(nvmlDevicePowerSmoothingUpdatePresetProfileParam, OPTIONAL,                  \
	  (nvmlDevice_t device, nvmlPowerSmoothingProfile_t *profile))                 \
	X(nvmlDeviceWorkloadPowerProfileClearRequestedProfiles, OPTIONAL,              \
	  (nvmlDevice_t device,                                                        \
	   nvmlWorkloadPowerProfileRequestedProfiles_t *requestedProfiles))            \
	X(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles, OPTIONAL,                  \
	  (nvmlDevice_t device,                                                        \
	   nvmlWorkloadPowerProfileCurrentProfiles_t *currentProfiles))                \
	X(nvmlDeviceWorkloadPowerProfileGetProfilesInfo, OPTIONAL,                     \
	  (nvmlDevice_t device, nvmlWorkloadPowerProfileProfilesInfo_t *profilesInfo)) \
	X(nvmlDeviceWorkloadPowerProfileSetRequestedProfiles, OPTIONAL,                \
	  (nvmlDevice_t device,                                                        \
	   nvmlWorkloadPowerProfileRequestedProfiles_t *requestedProfiles))            \
	X(nvmlDeviceGetCoolerInfo, OPTIONAL,                                           \
	  (nvmlDevice_t device, nvmlCoolerInfo_t *coolerInfo))                         \
	X(nvmlDeviceGetThermalSettings, OPTIONAL,                                      \
	  (nvmlDevice_t device, unsigned int sensorIndex,                              \
	   nvmlGpuThermalSettings_t *pThermalSettings))                                \
	X(nvmlDeviceSetTemperatureThreshold, OPTIONAL,                                 \
	  (nvmlDevice_t device, nvmlTemperatureThresholds_t thresholdType, int *temp)) \
	X(nvmlDeviceGetFanControlPolicy_v2, OPTIONAL,                                  \
	  (nvmlDevice_t device, unsigned int fan, nvmlFanControlPolicy_t *policy))     \
	X(nvmlDeviceSetFanControlPolicy, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned int fan, nvmlFanControlPolicy_t policy))      \
	X(nvmlDeviceGetFanSpeedRPM, OPTIONAL,                                          \
	  (nvmlDevice_t device, nvmlFanSpeedInfo_t *fanSpeed))                         \
	X(nvmlDeviceGetMinMaxFanSpeed, OPTIONAL,                                       \
	  (nvmlDevice_t device, unsigned int *minSpeed, unsigned int *maxSpeed))       \
	X(nvmlDeviceGetTargetFanSpeed, OPTIONAL,                                       \
	  (nvmlDevice_t device, unsigned int fan, unsigned int *targetSpeed))          \
	X(nvmlDeviceSetFanSpeed_v2, OPTIONAL,                                          \
	  (nvmlDevice_t device, unsigned int fan, unsigned int speed))                 \
	X(nvmlDeviceSetDefaultFanSpeed_v2, OPTIONAL,                                   \
	  (nvmlDevice_t device, unsigned int fan))

/* --- errors, modes, the board --- */
#define NVML_CALLS_BOARD_MODE(X)                                                         \
	X(nvmlDeviceClearEccErrorCounts, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlEccCounterType_t counterType))                       \
	X(nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts, OPTIONAL,                    \
	  (nvmlDevice_t device, nvmlEccSramUniqueUncorrectedErrorCounts_t *errorCounts)) \
	X(nvmlDeviceSetEccMode, OPTIONAL, (nvmlDevice_t device, nvmlEnableState_t ecc))  \
	X(nvmlDeviceGetRetiredPages_v2, OPTIONAL,                                        \
	  (nvmlDevice_t device, nvmlPageRetirementCause_t cause,                         \
	   unsigned int *pageCount, unsigned long long *addresses,                       \
	   unsigned long long *timestamps))                                              \
	X(nvmlDeviceGetLastBBXFlushTime, OPTIONAL,                                       \
	  (nvmlDevice_t device, unsigned long long *timestamp,                           \
	   unsigned long *durationUs))                                                   \
	X(nvmlDeviceGetPlatformInfo, OPTIONAL,                                           \
	  (nvmlDevice_t device, nvmlPlatformInfo_t *platformInfo))                       \
	X(nvmlDeviceGetHostname_v1, OPTIONAL,                                            \
	  (nvmlDevice_t device, nvmlHostname_v1_t *hostname))                            \
	X(nvmlDeviceSetHostname_v1, OPTIONAL,                                            \
	  (nvmlDevice_t device, nvmlHostname_v1_t *hostname))                            \
	X(nvmlDeviceSetDriverModel, OPTIONAL,                                            \
	  (nvmlDevice_t device, nvmlDriverModel_t driverModel, unsigned int flags))      \
	X(nvmlDeviceSetGpuOperationMode, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlGpuOperationMode_t mode))                            \
	X(nvmlDeviceSetComputeMode, OPTIONAL,                                            \
	  (nvmlDevice_t device, nvmlComputeMode_t mode))                                 \
	X(nvmlDeviceGetDramEncryptionMode, OPTIONAL,                                     \
	  (nvmlDevice_t device, nvmlDramEncryptionInfo_t *current,                       \
	   nvmlDramEncryptionInfo_t *pending))                                           \
	X(nvmlDeviceSetDramEncryptionMode, OPTIONAL,                                     \
	  (nvmlDevice_t device, const nvmlDramEncryptionInfo_t *dramEncryption))         \
	X(nvmlDeviceQueryDrainState, OPTIONAL,                                           \
	  (nvmlPciInfo_t *pciInfo, nvmlEnableState_t *currentState))

/* --- virtual GPUs, sessions --- */
#define NVML_CALLS_VGPU(X)                                                               \
	X(nvmlDeviceSetVirtualizationMode, OPTIONAL,                                     \
	  (nvmlDevice_t device, nvmlGpuVirtualizationMode_t virtualMode))                \
	X(nvmlDeviceGetHostVgpuMode, OPTIONAL,                                           \
	  (nvmlDevice_t device, nvmlHostVgpuMode_t *pHostVgpuMode))                      \
	X(nvmlDeviceGetVgpuHeterogeneousMode, OPTIONAL,                                  \
	  (nvmlDevice_t device, nvmlVgpuHeterogeneousMode_t *pHeterogeneousMode))        \
	X(nvmlDeviceSetVgpuHeterogeneousMode, OPTIONAL,                                  \
	  (nvmlDevice_t device, const nvmlVgpuHeterogeneousMode_t *pHeterogeneousMode))  \
	X(nvmlDeviceGetVgpuCapabilities, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlDeviceVgpuCapability_t capability,                   \
	   unsigned int *capResult))                                                     \
	X(nvmlDeviceSetVgpuCapabilities, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlDeviceVgpuCapability_t capability,                   \
	   nvmlEnableState_t state))                                                     \
	X(nvmlDeviceGetActiveVgpus, OPTIONAL,                                            \
	  (nvmlDevice_t device, unsigned int *vgpuCount,                                 \
	   nvmlVgpuInstance_t *vgpuInstances))                                           \
	X(nvmlDeviceGetSupportedVgpus, OPTIONAL,                                         \
	  (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuTypeId_t *vgpuTypeIds)) \
	X(nvmlDeviceGetCreatableVgpus, OPTIONAL,                                         \
	  (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuTypeId_t *vgpuTypeIds)) \
	X(nvmlDeviceGetPgpuMetadataString, OPTIONAL,                                     \
	  (nvmlDevice_t device, char *pgpuMetadata, unsigned int *bufferSize))           \
	X(nvmlDeviceGetGridLicensableFeatures, OPTIONAL,                                 \
	  (nvmlDevice_t device, nvmlGridLicensableFeatures_t *pGridLicensableFeatures))  \
	X(nvmlDeviceGetGridLicensableFeatures_v2, OPTIONAL,                              \
	  (nvmlDevice_t device, nvmlGridLicensableFeatures_t *pGridLicensableFeatures))  \
	X(nvmlDeviceGetGridLicensableFeatures_v3, OPTIONAL,                              \
	  (nvmlDevice_t device, nvmlGridLicensableFeatures_t *pGridLicensableFeatures))  \
	X(nvmlDeviceGetGridLicensableFeatures_v4, OPTIONAL,                              \
	  (nvmlDevice_t device, nvmlGridLicensableFeatures_t *pGridLicensableFeatures))  \
	X(nvmlDeviceGetEncoderCapacity, OPTIONAL,                                        \
	  (nvmlDevice_t device, nvmlEncoderType_t encoderQueryType,                      \
	   unsigned int *encoderCapacity))                                               \
	X(nvmlDeviceGetEncoderSessions, OPTIONAL,                                        \
	  (nvmlDevice_t device, unsigned int *sessionCount,                              \
	   nvmlEncoderSessionInfo_t *sessionInfos))                                      \
	X(nvmlDeviceGetFBCSessions, OPTIONAL,                                            \
	  (nvmlDevice_t device, unsigned int *sessionCount,                              \
	   nvmlFBCSessionInfo_t *sessionInfo))

/* --- confidential computing --- */
#define NVML_CALLS_CC(X)                                                               \
	X(nvmlDeviceGetConfComputeMemSizeInfo, OPTIONAL,                               \
	  (nvmlDevice_t device, nvmlConfComputeMemSizeInfo_t *memInfo))                \
	X(nvmlDeviceGetConfComputeGpuCertificate, OPTIONAL,                            \
	  (nvmlDevice_t device, nvmlConfComputeGpuCertificate_t *gpuCert))             \
	X(nvmlDeviceGetConfComputeGpuAttestationReport, OPTIONAL,                      \
	  (nvmlDevice_t device, nvmlConfComputeGpuAttestationReport_t *gpuAtstReport)) \
	X(nvmlDeviceSetConfComputeUnprotectedMemSize, OPTIONAL,                        \
	  (nvmlDevice_t device, unsigned long long sizeKiB))

/* --- the system, units --- */
#define NVML_CALLS_BOARD_SYSTEM(X)                                                    \
	X(nvmlSystemGetConfComputeCapabilities, OPTIONAL,                             \
	  (nvmlConfComputeSystemCaps_t *capabilities))                                \
	X(nvmlSystemGetConfComputeState, OPTIONAL,                                    \
	  (nvmlConfComputeSystemState_t *state))                                      \
	X(nvmlSystemGetConfComputeSettings, OPTIONAL,                                 \
	  (nvmlSystemConfComputeSettings_t *settings))                                \
	X(nvmlSystemGetConfComputeGpusReadyState, OPTIONAL,                           \
	  (unsigned int *isAcceptingWork))                                            \
	X(nvmlSystemSetConfComputeGpusReadyState, OPTIONAL,                           \
	  (unsigned int isAcceptingWork))                                             \
	X(nvmlSystemGetConfComputeKeyRotationThresholdInfo, OPTIONAL,                 \
	  (nvmlConfComputeGetKeyRotationThresholdInfo_t *pKeyRotationThrInfo))        \
	X(nvmlGetVgpuDriverCapabilities, OPTIONAL,                                    \
	  (nvmlVgpuDriverCapability_t capability, unsigned int *capResult))           \
	X(nvmlGetVgpuVersion, OPTIONAL,                                               \
	  (nvmlVgpuVersion_t *supported, nvmlVgpuVersion_t *current))                 \
	X(nvmlSystemGetHicVersion, OPTIONAL,                                          \
	  (unsigned int *hwbcCount, nvmlHwbcEntry_t *hwbcEntries))                    \
	X(nvmlGetExcludedDeviceCount, OPTIONAL, (unsigned int *deviceCount))          \
	X(nvmlGetExcludedDeviceInfoByIndex, OPTIONAL,                                 \
	  (unsigned int index, nvmlExcludedDeviceInfo_t *info))                       \
	X(nvmlGetBlacklistDeviceCount, OPTIONAL, (unsigned int *deviceCount))         \
	X(nvmlGetBlacklistDeviceInfoByIndex, OPTIONAL,                                \
	  (unsigned int index, nvmlExcludedDeviceInfo_t *info))                       \
	X(nvmlUnitGetCount, OPTIONAL, (unsigned int *unitCount))                      \
	X(nvmlUnitGetHandleByIndex, OPTIONAL, (unsigned int index, nvmlUnit_t *unit)) \
	X(nvmlUnitGetUnitInfo, OPTIONAL, (nvmlUnit_t unit, nvmlUnitInfo_t *info))     \
	X(nvmlUnitGetLedState, OPTIONAL, (nvmlUnit_t unit, nvmlLedState_t *state))    \
	X(nvmlUnitGetPsuInfo, OPTIONAL, (nvmlUnit_t unit, nvmlPSUInfo_t *psu))        \
	X(nvmlUnitGetTemperature, OPTIONAL,                                           \
	  (nvmlUnit_t unit, unsigned int type, unsigned int *temp))                   \
	X(nvmlUnitGetFanSpeedInfo, OPTIONAL,                                          \
	  (nvmlUnit_t unit, nvmlUnitFanSpeeds_t *fanSpeeds))                          \
	X(nvmlUnitGetDevices, OPTIONAL,                                               \
	  (nvmlUnit_t unit, unsigned int *deviceCount, nvmlDevice_t *devices))        \
	X(nvmlUnitSetLedState, OPTIONAL, (nvmlUnit_t unit, nvmlLedColor_t color))
/* clang-format on */

#define NVML_CALLS_BOARD(X)      \
	NVML_CALLS_PERF(X)       \
	NVML_CALLS_POWER(X)      \
	NVML_CALLS_BOARD_MODE(X) \
	NVML_CALLS_VGPU(X)       \
	NVML_CALLS_CC(X)         \
	NVML_CALLS_BOARD_SYSTEM(X)

#endif
