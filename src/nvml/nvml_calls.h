/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_CALLS_H
#define MIGKIT_NVML_NVML_CALLS_H

#include "nvml/nvml_abi.h"
#include "nvml/nvml_calls_board.h"
#include "nvml/nvml_calls_live.h"

/*
 * The NVML calls of this project, once: X(symbol, REQUIRED or OPTIONAL, (parameters)). The loader
 * makes its table of them, the simulated library its declarations. REQUIRED is what every driver
 * with MIG has (R450 and later) and nothing here works without.
 */

/* clang-format off */
/* --- life and system --- */
#define NVML_CALLS_SYSTEM(X)                                                                      \
	X(nvmlInit, REQUIRED, (void))                                                             \
	X(nvmlInit_v2, REQUIRED, (void))                                                          \
	X(nvmlInitWithFlags, OPTIONAL, (unsigned int flags))                                      \
	X(nvmlShutdown, REQUIRED, (void))                                                         \
	X(nvmlSystemGetDriverVersion, REQUIRED, (char *version, unsigned int length))             \
	X(nvmlSystemGetNVMLVersion, REQUIRED, (char *version, unsigned int length))               \
	X(nvmlSystemGetCudaDriverVersion, OPTIONAL, (int *cudaDriverVersion))                     \
	X(nvmlSystemGetCudaDriverVersion_v2, OPTIONAL, (int *cudaDriverVersion))                  \
	X(nvmlSystemGetProcessName, OPTIONAL,                                                     \
	  (unsigned int pid, char *name, unsigned int length))                                    \
	X(nvmlSystemGetDriverBranch, OPTIONAL,                                                    \
	  (nvmlSystemDriverBranchInfo_t *branchInfo, unsigned int length))                        \
	X(nvmlSystemGetTopologyGpuSet, OPTIONAL,                                                  \
	  (unsigned int cpuNumber, unsigned int *count, nvmlDevice_t *deviceArray))               \
	X(nvmlInternalGetExportTable, OPTIONAL, (const void **table, const void *uuid))

/* --- devices and who they are --- */
#define NVML_CALLS_IDENTITY(X)                                                                    \
	X(nvmlDeviceGetCount, OPTIONAL, (unsigned int *deviceCount))                              \
	X(nvmlDeviceGetCount_v2, REQUIRED, (unsigned int *deviceCount))                           \
	X(nvmlDeviceGetHandleByIndex, OPTIONAL, (unsigned int index, nvmlDevice_t *device))       \
	X(nvmlDeviceGetHandleByIndex_v2, REQUIRED, (unsigned int index, nvmlDevice_t *device))    \
	X(nvmlDeviceGetHandleBySerial, OPTIONAL, (const char *serial, nvmlDevice_t *device))      \
	X(nvmlDeviceGetHandleByUUID, REQUIRED, (const char *uuid, nvmlDevice_t *device))          \
	X(nvmlDeviceGetHandleByUUIDV, OPTIONAL, (const nvmlUUID_t *uuid, nvmlDevice_t *device))   \
	X(nvmlDeviceGetHandleByPciBusId, OPTIONAL, (const char *pciBusId, nvmlDevice_t *device))  \
	X(nvmlDeviceGetHandleByPciBusId_v2, REQUIRED,                                             \
	  (const char *pciBusId, nvmlDevice_t *device))                                           \
	X(nvmlDeviceGetName, REQUIRED, (nvmlDevice_t device, char *name, unsigned int length))    \
	X(nvmlDeviceGetBrand, OPTIONAL, (nvmlDevice_t device, nvmlBrandType_t *type))             \
	X(nvmlDeviceGetIndex, REQUIRED, (nvmlDevice_t device, unsigned int *index))               \
	X(nvmlDeviceGetSerial, OPTIONAL,                                                          \
	  (nvmlDevice_t device, char *serial, unsigned int length))                               \
	X(nvmlDeviceGetUUID, REQUIRED, (nvmlDevice_t device, char *uuid, unsigned int length))    \
	X(nvmlDeviceGetMinorNumber, OPTIONAL, (nvmlDevice_t device, unsigned int *minorNumber))   \
	X(nvmlDeviceGetModuleId, OPTIONAL, (nvmlDevice_t device, unsigned int *moduleId))         \
	X(nvmlDeviceGetBoardId, OPTIONAL, (nvmlDevice_t device, unsigned int *boardId))           \
	X(nvmlDeviceGetMultiGpuBoard, OPTIONAL,                                                   \
	  (nvmlDevice_t device, unsigned int *multiGpuBool))                                      \
	X(nvmlDeviceGetBoardPartNumber, OPTIONAL,                                                 \
	  (nvmlDevice_t device, char *partNumber, unsigned int length))                           \
	X(nvmlDeviceGetVbiosVersion, OPTIONAL,                                                    \
	  (nvmlDevice_t device, char *version, unsigned int length))                              \
	X(nvmlDeviceGetInforomVersion, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlInforomObject_t object, char *version, unsigned int length))  \
	X(nvmlDeviceGetInforomImageVersion, OPTIONAL,                                             \
	  (nvmlDevice_t device, char *version, unsigned int length))                              \
	X(nvmlDeviceGetInforomConfigurationChecksum, OPTIONAL,                                    \
	  (nvmlDevice_t device, unsigned int *checksum))                                          \
	X(nvmlDeviceValidateInforom, OPTIONAL, (nvmlDevice_t device))                             \
	X(nvmlDeviceGetArchitecture, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlDeviceArchitecture_t *arch))                                  \
	X(nvmlDeviceGetCudaComputeCapability, OPTIONAL,                                           \
	  (nvmlDevice_t device, int *major, int *minor))                                          \
	X(nvmlDeviceGetNumGpuCores, OPTIONAL, (nvmlDevice_t device, unsigned int *numCores))      \
	X(nvmlDeviceGetBusType, OPTIONAL, (nvmlDevice_t device, nvmlBusType_t *type))             \
	X(nvmlDeviceGetIrqNum, OPTIONAL, (nvmlDevice_t device, unsigned int *irqNum))             \
	X(nvmlDeviceGetMemoryBusWidth, OPTIONAL, (nvmlDevice_t device, unsigned int *busWidth))   \
	X(nvmlDeviceGetGspFirmwareVersion, OPTIONAL, (nvmlDevice_t device, char *version))        \
	X(nvmlDeviceGetGspFirmwareMode, OPTIONAL,                                                 \
	  (nvmlDevice_t device, unsigned int *isEnabled, unsigned int *defaultMode))              \
	X(nvmlDeviceGetPdi, OPTIONAL, (nvmlDevice_t device, nvmlPdi_t *pdi))                      \
	X(nvmlDeviceGetCapabilities, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlDeviceCapabilities_t *caps))                                  \
	X(nvmlDeviceGetAddressingMode, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlDeviceAddressingMode_t *mode))                                \
	X(nvmlDeviceGetNumaNodeId, OPTIONAL, (nvmlDevice_t device, unsigned int *node))

/* --- PCI and topology --- */
#define NVML_CALLS_PCI(X)                                                                         \
	X(nvmlDeviceGetPciInfo, OPTIONAL, (nvmlDevice_t device, nvmlPciInfo_v1_t *pci))           \
	X(nvmlDeviceGetPciInfo_v2, OPTIONAL, (nvmlDevice_t device, nvmlPciInfo_v2_t *pci))        \
	X(nvmlDeviceGetPciInfo_v3, REQUIRED, (nvmlDevice_t device, nvmlPciInfo_t *pci))           \
	X(nvmlDeviceGetPciInfoExt, OPTIONAL, (nvmlDevice_t device, nvmlPciInfoExt_t *pci))        \
	X(nvmlDeviceGetMaxPcieLinkGeneration, OPTIONAL,                                           \
	  (nvmlDevice_t device, unsigned int *maxLinkGen))                                        \
	X(nvmlDeviceGetGpuMaxPcieLinkGeneration, OPTIONAL,                                        \
	  (nvmlDevice_t device, unsigned int *maxLinkGenDevice))                                  \
	X(nvmlDeviceGetMaxPcieLinkWidth, OPTIONAL,                                                \
	  (nvmlDevice_t device, unsigned int *maxLinkWidth))                                      \
	X(nvmlDeviceGetCurrPcieLinkGeneration, OPTIONAL,                                          \
	  (nvmlDevice_t device, unsigned int *currLinkGen))                                       \
	X(nvmlDeviceGetCurrPcieLinkWidth, OPTIONAL,                                               \
	  (nvmlDevice_t device, unsigned int *currLinkWidth))                                     \
	X(nvmlDeviceGetPcieThroughput, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlPcieUtilCounter_t counter, unsigned int *value))              \
	X(nvmlDeviceGetPcieReplayCounter, OPTIONAL, (nvmlDevice_t device, unsigned int *value))   \
	X(nvmlDeviceGetPcieLinkMaxSpeed, OPTIONAL, (nvmlDevice_t device, unsigned int *maxSpeed)) \
	X(nvmlDeviceGetPcieSpeed, OPTIONAL, (nvmlDevice_t device, unsigned int *pcieSpeed))       \
	X(nvmlDeviceGetCpuAffinity, OPTIONAL,                                                     \
	  (nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet))                  \
	X(nvmlDeviceGetCpuAffinityWithinScope, OPTIONAL,                                          \
	  (nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet,                   \
	   nvmlAffinityScope_t scope))                                                            \
	X(nvmlDeviceGetMemoryAffinity, OPTIONAL,                                                  \
	  (nvmlDevice_t device, unsigned int nodeSetSize, unsigned long *nodeSet,                 \
	   nvmlAffinityScope_t scope))                                                            \
	X(nvmlDeviceSetCpuAffinity, OPTIONAL, (nvmlDevice_t device))                              \
	X(nvmlDeviceClearCpuAffinity, OPTIONAL, (nvmlDevice_t device))                            \
	X(nvmlDeviceGetTopologyCommonAncestor, OPTIONAL,                                          \
	  (nvmlDevice_t device1, nvmlDevice_t device2, nvmlGpuTopologyLevel_t *pathInfo))         \
	X(nvmlDeviceGetTopologyNearestGpus, OPTIONAL,                                             \
	  (nvmlDevice_t device, nvmlGpuTopologyLevel_t level, unsigned int *count,                \
	   nvmlDevice_t *deviceArray))                                                            \
	X(nvmlDeviceOnSameBoard, OPTIONAL,                                                        \
	  (nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard))                         \
	X(nvmlDeviceGetBridgeChipInfo, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlBridgeChipHierarchy_t *bridgeHierarchy))                      \
	X(nvmlDeviceGetC2cModeInfoV, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlC2cModeInfo_v1_t *c2cModeInfo))                               \
	X(nvmlDeviceGetGpuFabricInfo, OPTIONAL,                                                   \
	  (nvmlDevice_t device, nvmlGpuFabricInfo_t *gpuFabricInfo))                              \
	X(nvmlDeviceGetGpuFabricInfoV, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlGpuFabricInfoV_t *gpuFabricInfo))

/* --- modes --- */
#define NVML_CALLS_MODE(X)                                                                        \
	X(nvmlDeviceGetPersistenceMode, OPTIONAL, (nvmlDevice_t device, nvmlEnableState_t *mode)) \
	X(nvmlDeviceSetPersistenceMode, OPTIONAL, (nvmlDevice_t device, nvmlEnableState_t mode))  \
	X(nvmlDeviceGetComputeMode, OPTIONAL, (nvmlDevice_t device, nvmlComputeMode_t *mode))     \
	X(nvmlDeviceGetDisplayMode, OPTIONAL, (nvmlDevice_t device, nvmlEnableState_t *display))  \
	X(nvmlDeviceGetDisplayActive, OPTIONAL,                                                   \
	  (nvmlDevice_t device, nvmlEnableState_t *isActive))                                     \
	X(nvmlDeviceGetDriverModel, OPTIONAL,                                                     \
	  (nvmlDevice_t device, nvmlDriverModel_t *current, nvmlDriverModel_t *pending))          \
	X(nvmlDeviceGetDriverModel_v2, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlDriverModel_t *current, nvmlDriverModel_t *pending))          \
	X(nvmlDeviceGetGpuOperationMode, OPTIONAL,                                                \
	  (nvmlDevice_t device, nvmlGpuOperationMode_t *current,                                  \
	   nvmlGpuOperationMode_t *pending))                                                      \
	X(nvmlDeviceGetVirtualizationMode, OPTIONAL,                                              \
	  (nvmlDevice_t device, nvmlGpuVirtualizationMode_t *pVirtualMode))                       \
	X(nvmlDeviceGetAccountingMode, OPTIONAL, (nvmlDevice_t device, nvmlEnableState_t *mode))  \
	X(nvmlDeviceGetAccountingBufferSize, OPTIONAL,                                            \
	  (nvmlDevice_t device, unsigned int *bufferSize))                                        \
	X(nvmlDeviceGetAccountingPids, OPTIONAL,                                                  \
	  (nvmlDevice_t device, unsigned int *count, unsigned int *pids))                         \
	X(nvmlDeviceGetEccMode, OPTIONAL,                                                         \
	  (nvmlDevice_t device, nvmlEnableState_t *current, nvmlEnableState_t *pending))          \
	X(nvmlDeviceGetDefaultEccMode, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlEnableState_t *defaultMode))                                  \
	X(nvmlDeviceGetAPIRestriction, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlRestrictedAPI_t apiType, nvmlEnableState_t *isRestricted))    \
	X(nvmlDeviceGetAutoBoostedClocksEnabled, OPTIONAL,                                        \
	  (nvmlDevice_t device, nvmlEnableState_t *isEnabled,                                     \
	   nvmlEnableState_t *defaultIsEnabled))

/* --- memory and its errors --- */
#define NVML_CALLS_MEMORY(X)                                                                      \
	X(nvmlDeviceGetMemoryInfo, REQUIRED, (nvmlDevice_t device, nvmlMemory_t *memory))         \
	X(nvmlDeviceGetMemoryInfo_v2, OPTIONAL, (nvmlDevice_t device, nvmlMemory_v2_t *memory))   \
	X(nvmlDeviceGetBAR1MemoryInfo, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlBAR1Memory_t *bar1Memory))                                    \
	X(nvmlDeviceGetConfComputeProtectedMemoryUsage, OPTIONAL,                                 \
	  (nvmlDevice_t device, nvmlMemory_t *memory))                                            \
	X(nvmlDeviceGetTotalEccErrors, OPTIONAL,                                                  \
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType,                                  \
	   nvmlEccCounterType_t counterType, unsigned long long *eccCounts))                      \
	X(nvmlDeviceGetDetailedEccErrors, OPTIONAL,                                               \
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType,                                  \
	   nvmlEccCounterType_t counterType, nvmlEccErrorCounts_t *eccCounts))                    \
	X(nvmlDeviceGetMemoryErrorCounter, OPTIONAL,                                              \
	  (nvmlDevice_t device, nvmlMemoryErrorType_t errorType,                                  \
	   nvmlEccCounterType_t counterType, nvmlMemoryLocation_t locationType,                   \
	   unsigned long long *count))                                                            \
	X(nvmlDeviceGetSramEccErrorStatus, OPTIONAL,                                              \
	  (nvmlDevice_t device, nvmlEccSramErrorStatus_t *status))                                \
	X(nvmlDeviceGetRetiredPages, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned int *pageCount,         \
	   unsigned long long *addresses))                                                        \
	X(nvmlDeviceGetRetiredPagesPendingStatus, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlEnableState_t *isPending))                                    \
	X(nvmlDeviceGetRemappedRows, OPTIONAL,                                                    \
	  (nvmlDevice_t device, unsigned int *corrRows, unsigned int *uncRows,                    \
	   unsigned int *isPending, unsigned int *failureOccurred))                               \
	X(nvmlDeviceGetRemappedRows_v2, OPTIONAL,                                                 \
	  (nvmlDevice_t device, nvmlRemappedRowsInfo_v2_t *info))                                 \
	X(nvmlDeviceGetUnrepairableMemoryFlag_v1, OPTIONAL,                                       \
	  (nvmlDevice_t device, nvmlUnrepairableMemoryStatus_v1_t *unrepairableMemoryStatus))     \
	X(nvmlDeviceGetRowRemapperHistogram, OPTIONAL,                                            \
	  (nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *values))                        \
	X(nvmlDeviceGetRepairStatus, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlRepairStatus_t *repairStatus))

/* --- readings --- */
#define NVML_CALLS_READING(X)                                                                     \
	X(nvmlDeviceGetTemperature, OPTIONAL,                                                     \
	  (nvmlDevice_t device, nvmlTemperatureSensors_t sensorType, unsigned int *temp))         \
	X(nvmlDeviceGetTemperatureV, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlTemperature_t *temperature))                                  \
	X(nvmlDeviceGetTemperatureThreshold, OPTIONAL,                                            \
	  (nvmlDevice_t device, nvmlTemperatureThresholds_t thresholdType, unsigned int *temp))   \
	X(nvmlDeviceGetMarginTemperature, OPTIONAL,                                               \
	  (nvmlDevice_t device, nvmlMarginTemperature_t *marginTempInfo))                         \
	X(nvmlDeviceGetFanSpeed, OPTIONAL, (nvmlDevice_t device, unsigned int *speed))            \
	X(nvmlDeviceGetFanSpeed_v2, OPTIONAL,                                                     \
	  (nvmlDevice_t device, unsigned int fan, unsigned int *speed))                           \
	X(nvmlDeviceGetNumFans, OPTIONAL, (nvmlDevice_t device, unsigned int *numFans))           \
	X(nvmlDeviceGetPowerUsage, OPTIONAL, (nvmlDevice_t device, unsigned int *power))          \
	X(nvmlDeviceGetPowerState, OPTIONAL, (nvmlDevice_t device, nvmlPstates_t *pState))        \
	X(nvmlDeviceGetPerformanceState, OPTIONAL, (nvmlDevice_t device, nvmlPstates_t *pState))  \
	X(nvmlDeviceGetPowerManagementMode, OPTIONAL,                                             \
	  (nvmlDevice_t device, nvmlEnableState_t *mode))                                         \
	X(nvmlDeviceGetPowerManagementLimit, OPTIONAL,                                            \
	  (nvmlDevice_t device, unsigned int *limit))                                             \
	X(nvmlDeviceGetPowerManagementLimitConstraints, OPTIONAL,                                 \
	  (nvmlDevice_t device, unsigned int *minLimit, unsigned int *maxLimit))                  \
	X(nvmlDeviceGetPowerManagementDefaultLimit, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned int *defaultLimit))                                      \
	X(nvmlDeviceGetEnforcedPowerLimit, OPTIONAL, (nvmlDevice_t device, unsigned int *limit))  \
	X(nvmlDeviceGetTotalEnergyConsumption, OPTIONAL,                                          \
	  (nvmlDevice_t device, unsigned long long *energy))                                      \
	X(nvmlDeviceGetPowerSource, OPTIONAL,                                                     \
	  (nvmlDevice_t device, nvmlPowerSource_t *powerSource))                                  \
	X(nvmlDeviceGetClockInfo, OPTIONAL,                                                       \
	  (nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock))                       \
	X(nvmlDeviceGetMaxClockInfo, OPTIONAL,                                                    \
	  (nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock))                       \
	X(nvmlDeviceGetClock, OPTIONAL,                                                           \
	  (nvmlDevice_t device, nvmlClockType_t clockType, nvmlClockId_t clockId,                 \
	   unsigned int *clockMHz))                                                               \
	X(nvmlDeviceGetApplicationsClock, OPTIONAL,                                               \
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz))               \
	X(nvmlDeviceGetDefaultApplicationsClock, OPTIONAL,                                        \
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz))               \
	X(nvmlDeviceGetMaxCustomerBoostClock, OPTIONAL,                                           \
	  (nvmlDevice_t device, nvmlClockType_t clockType, unsigned int *clockMHz))               \
	X(nvmlDeviceGetSupportedMemoryClocks, OPTIONAL,                                           \
	  (nvmlDevice_t device, unsigned int *count, unsigned int *clocksMHz))                    \
	X(nvmlDeviceGetSupportedGraphicsClocks, OPTIONAL,                                         \
	  (nvmlDevice_t device, unsigned int memoryClockMHz, unsigned int *count,                 \
	   unsigned int *clocksMHz))                                                              \
	X(nvmlDeviceGetCurrentClocksEventReasons, OPTIONAL,                                       \
	  (nvmlDevice_t device, unsigned long long *clocksEventReasons))                          \
	X(nvmlDeviceGetCurrentClocksThrottleReasons, OPTIONAL,                                    \
	  (nvmlDevice_t device, unsigned long long *clocksThrottleReasons))                       \
	X(nvmlDeviceGetSupportedClocksEventReasons, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned long long *supportedClocksEventReasons))                 \
	X(nvmlDeviceGetSupportedClocksThrottleReasons, OPTIONAL,                                  \
	  (nvmlDevice_t device, unsigned long long *supportedClocksThrottleReasons))              \
	X(nvmlDeviceGetUtilizationRates, OPTIONAL,                                                \
	  (nvmlDevice_t device, nvmlUtilization_t *utilization))                                  \
	X(nvmlDeviceGetEncoderUtilization, OPTIONAL,                                              \
	  (nvmlDevice_t device, unsigned int *utilization, unsigned int *samplingPeriodUs))       \
	X(nvmlDeviceGetDecoderUtilization, OPTIONAL,                                              \
	  (nvmlDevice_t device, unsigned int *utilization, unsigned int *samplingPeriodUs))       \
	X(nvmlDeviceGetJpgUtilization, OPTIONAL,                                                  \
	  (nvmlDevice_t device, unsigned int *utilization, unsigned int *samplingPeriodUs))       \
	X(nvmlDeviceGetOfaUtilization, OPTIONAL,                                                  \
	  (nvmlDevice_t device, unsigned int *utilization, unsigned int *samplingPeriodUs))       \
	X(nvmlDeviceGetEncoderStats, OPTIONAL,                                                    \
	  (nvmlDevice_t device, unsigned int *sessionCount, unsigned int *averageFps,             \
	   unsigned int *averageLatency))                                                         \
	X(nvmlDeviceGetFBCStats, OPTIONAL, (nvmlDevice_t device, nvmlFBCStats_t *fbcStats))       \
	X(nvmlDeviceGetFieldValues, OPTIONAL,                                                     \
	  (nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values))

/* --- processes and events --- */
#define NVML_CALLS_PROCESS(X)                                                                     \
	X(nvmlDeviceGetComputeRunningProcesses, OPTIONAL,                                         \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_v1_t *infos))            \
	X(nvmlDeviceGetComputeRunningProcesses_v2, OPTIONAL,                                      \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_v2_t *infos))            \
	X(nvmlDeviceGetComputeRunningProcesses_v3, OPTIONAL,                                      \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_t *infos))               \
	X(nvmlDeviceGetGraphicsRunningProcesses, OPTIONAL,                                        \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_v1_t *infos))            \
	X(nvmlDeviceGetGraphicsRunningProcesses_v2, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_v2_t *infos))            \
	X(nvmlDeviceGetGraphicsRunningProcesses_v3, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_t *infos))               \
	X(nvmlDeviceGetMPSComputeRunningProcesses, OPTIONAL,                                      \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_v1_t *infos))            \
	X(nvmlDeviceGetMPSComputeRunningProcesses_v2, OPTIONAL,                                   \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_v2_t *infos))            \
	X(nvmlDeviceGetMPSComputeRunningProcesses_v3, OPTIONAL,                                   \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_t *infos))               \
	X(nvmlDeviceGetRunningProcessDetailList, OPTIONAL,                                        \
	  (nvmlDevice_t device, nvmlProcessDetailList_t *plist))                                  \
	X(nvmlDeviceGetProcessUtilization, OPTIONAL,                                              \
	  (nvmlDevice_t device, nvmlProcessUtilizationSample_t *utilization,                      \
	   unsigned int *processSamplesCount, unsigned long long lastSeenTimeStamp))              \
	X(nvmlEventSetCreate, OPTIONAL, (nvmlEventSet_t *set))                                    \
	X(nvmlEventSetFree, OPTIONAL, (nvmlEventSet_t set))                                       \
	X(nvmlEventSetWait, OPTIONAL,                                                             \
	  (nvmlEventSet_t set, nvmlEventData_v1_t *data, unsigned int timeoutms))                 \
	X(nvmlEventSetWait_v2, OPTIONAL,                                                          \
	  (nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms))                    \
	X(nvmlDeviceRegisterEvents, OPTIONAL,                                                     \
	  (nvmlDevice_t device, unsigned long long eventTypes, nvmlEventSet_t set))               \
	X(nvmlDeviceGetSupportedEventTypes, OPTIONAL,                                             \
	  (nvmlDevice_t device, unsigned long long *eventTypes))

/* --- Multi-Instance GPU --- */
#define NVML_CALLS_MIG(X)                                                                         \
	X(nvmlDeviceSetMigMode, REQUIRED,                                                         \
	  (nvmlDevice_t device, unsigned int mode, nvmlReturn_t *activationStatus))               \
	X(nvmlDeviceGetMigMode, REQUIRED,                                                         \
	  (nvmlDevice_t device, unsigned int *currentMode, unsigned int *pendingMode))            \
	X(nvmlDeviceGetMaxMigDeviceCount, REQUIRED, (nvmlDevice_t device, unsigned int *count))   \
	X(nvmlDeviceGetMigDeviceHandleByIndex, REQUIRED,                                          \
	  (nvmlDevice_t device, unsigned int index, nvmlDevice_t *migDevice))                     \
	X(nvmlDeviceIsMigDeviceHandle, REQUIRED,                                                  \
	  (nvmlDevice_t device, unsigned int *isMigDevice))                                       \
	X(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, REQUIRED,                                 \
	  (nvmlDevice_t migDevice, nvmlDevice_t *device))                                         \
	X(nvmlDeviceGetGpuInstanceId, REQUIRED, (nvmlDevice_t device, unsigned int *id))          \
	X(nvmlDeviceGetComputeInstanceId, REQUIRED, (nvmlDevice_t device, unsigned int *id))      \
	X(nvmlDeviceGetAttributes, OPTIONAL,                                                      \
	  (nvmlDevice_t device, nvmlDeviceAttributes_v1_t *attributes))                           \
	X(nvmlDeviceGetAttributes_v2, OPTIONAL,                                                   \
	  (nvmlDevice_t device, nvmlDeviceAttributes_t *attributes))                              \
	X(nvmlDeviceGetGpuInstanceProfileInfo, REQUIRED,                                          \
	  (nvmlDevice_t device, unsigned int profile, nvmlGpuInstanceProfileInfo_t *info))        \
	X(nvmlDeviceGetGpuInstanceProfileInfoV, OPTIONAL,                                         \
	  (nvmlDevice_t device, unsigned int profile, nvmlGpuInstanceProfileInfo_v2_t *info))     \
	X(nvmlDeviceGetGpuInstanceProfileInfoByIdV, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstanceProfileInfo_v2_t *info))   \
	X(nvmlDeviceGetGpuInstancePossiblePlacements, REQUIRED,                                   \
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstancePlacement_t *placements,   \
	   unsigned int *count))                                                                  \
	X(nvmlDeviceGetGpuInstancePossiblePlacements_v2, OPTIONAL,                                \
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstancePlacement_t *placements,   \
	   unsigned int *count))                                                                  \
	X(nvmlDeviceGetGpuInstanceRemainingCapacity, REQUIRED,                                    \
	  (nvmlDevice_t device, unsigned int profileId, unsigned int *count))                     \
	X(nvmlDeviceCreateGpuInstance, REQUIRED,                                                  \
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstance_t *gpuInstance))          \
	X(nvmlDeviceCreateGpuInstanceWithPlacement, OPTIONAL,                                     \
	  (nvmlDevice_t device, unsigned int profileId,                                           \
	   const nvmlGpuInstancePlacement_t *placement, nvmlGpuInstance_t *gpuInstance))          \
	X(nvmlGpuInstanceDestroy, REQUIRED, (nvmlGpuInstance_t gpuInstance))                      \
	X(nvmlDeviceGetGpuInstances, REQUIRED,                                                    \
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstance_t *gpuInstances,          \
	   unsigned int *count))                                                                  \
	X(nvmlDeviceGetGpuInstanceById, REQUIRED,                                                 \
	  (nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *gpuInstance))                 \
	X(nvmlGpuInstanceGetInfo, REQUIRED,                                                       \
	  (nvmlGpuInstance_t gpuInstance, nvmlGpuInstanceInfo_t *info))                           \
	X(nvmlGpuInstanceGetComputeInstanceProfileInfo, REQUIRED,                                 \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profile, unsigned int engProfile,          \
	   nvmlComputeInstanceProfileInfo_t *info))                                               \
	X(nvmlGpuInstanceGetComputeInstanceProfileInfoV, OPTIONAL,                                \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profile, unsigned int engProfile,          \
	   nvmlComputeInstanceProfileInfo_v2_t *info))                                            \
	X(nvmlGpuInstanceGetComputeInstanceRemainingCapacity, REQUIRED,                           \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId, unsigned int *count))           \
	X(nvmlGpuInstanceGetComputeInstancePossiblePlacements, OPTIONAL,                          \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,                                 \
	   nvmlComputeInstancePlacement_t *placements, unsigned int *count))                      \
	X(nvmlGpuInstanceCreateComputeInstance, REQUIRED,                                         \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,                                 \
	   nvmlComputeInstance_t *computeInstance))                                               \
	X(nvmlGpuInstanceCreateComputeInstanceWithPlacement, OPTIONAL,                            \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,                                 \
	   const nvmlComputeInstancePlacement_t *placement,                                       \
	   nvmlComputeInstance_t *computeInstance))                                               \
	X(nvmlComputeInstanceDestroy, REQUIRED, (nvmlComputeInstance_t computeInstance))          \
	X(nvmlGpuInstanceGetComputeInstances, REQUIRED,                                           \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,                                 \
	   nvmlComputeInstance_t *computeInstances, unsigned int *count))                         \
	X(nvmlGpuInstanceGetComputeInstanceById, REQUIRED,                                        \
	  (nvmlGpuInstance_t gpuInstance, unsigned int id,                                        \
	   nvmlComputeInstance_t *computeInstance))                                               \
	X(nvmlComputeInstanceGetInfo, OPTIONAL,                                                   \
	  (nvmlComputeInstance_t computeInstance, nvmlComputeInstanceInfo_v1_t *info))            \
	X(nvmlComputeInstanceGetInfo_v2, OPTIONAL,                                                \
	  (nvmlComputeInstance_t computeInstance, nvmlComputeInstanceInfo_t *info))
/* clang-format on */

#define NVML_CALLS(X)          \
	NVML_CALLS_SYSTEM(X)   \
	NVML_CALLS_IDENTITY(X) \
	NVML_CALLS_PCI(X)      \
	NVML_CALLS_MODE(X)     \
	NVML_CALLS_MEMORY(X)   \
	NVML_CALLS_READING(X)  \
	NVML_CALLS_PROCESS(X)  \
	NVML_CALLS_LIVE(X)     \
	NVML_CALLS_MIG(X)      \
	NVML_CALLS_BOARD(X)

/* Every NVML function answers a status; nvmlErrorString alone does not, so it is not in the list.
 */
#define NVML_DECLARE(sym, need, args) nvmlReturn_t sym args;
NVML_CALLS(NVML_DECLARE)
#undef NVML_DECLARE
const char *nvmlErrorString(nvmlReturn_t result);

#endif
