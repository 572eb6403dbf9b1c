/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_ABI_BOARD_H
#define MIGKIT_NVML_NVML_ABI_BOARD_H

/* The part of nvml_abi.h that is about the board itself; included by it. */

/* --- clocks and performance states ---------------------------------------------------------- */

#define nvmlClocksEventReasonApplicationsClocksSetting 0x0000000000000002LL
#define nvmlClocksEventReasonSwPowerCap		       0x0000000000000004LL
#define nvmlClocksThrottleReasonHwSlowdown	       0x0000000000000008LL
#define nvmlClocksThrottleReasonHwThermalSlowdown      0x0000000000000040LL

typedef enum nvmlClockLimitId_enum {
	NVML_CLOCK_LIMIT_ID_RANGE_START = 0xffffff00,
	NVML_CLOCK_LIMIT_ID_TDP,
	NVML_CLOCK_LIMIT_ID_UNLIMITED
} nvmlClockLimitId_t;

#define NVML_ADAPTIVE_CLOCKING_INFO_STATUS_ENABLED 0x00000001

#define NVML_MAX_GPU_PERF_PSTATES   16
#define NVML_MAX_GPU_UTILIZATIONS   8
#define NVML_PERF_MODES_BUFFER_SIZE 2048
#define MAX_CLK_DOMAINS		    32

#define NVML_PCIE_LINK_MAX_SPEED_32000MBPS 0x00000005

typedef struct nvmlClkMonFaultInfo_struct {
	unsigned int clkApiDomain;
	unsigned int clkDomainFaultMask;
} nvmlClkMonFaultInfo_t;

typedef struct nvmlClkMonStatus_status {
	unsigned int bGlobalStatus;
	unsigned int clkMonListSize;
	nvmlClkMonFaultInfo_t clkMonList[MAX_CLK_DOMAINS];
} nvmlClkMonStatus_t;

typedef struct {
	unsigned int version;
	nvmlClockType_t type;
	nvmlPstates_t pstate;
	int clockOffsetMHz;
	int minClockOffsetMHz;
	int maxClockOffsetMHz;
} nvmlClockOffset_v1_t;
typedef nvmlClockOffset_v1_t nvmlClockOffset_t;
#define nvmlClockOffset_v1 NVML_STRUCT_VERSION(ClockOffset, 1)

typedef struct {
	unsigned int version;
	char str[NVML_PERF_MODES_BUFFER_SIZE];
} nvmlDeviceCurrentClockFreqs_v1_t;
typedef nvmlDeviceCurrentClockFreqs_v1_t nvmlDeviceCurrentClockFreqs_t;
#define nvmlDeviceCurrentClockFreqs_v1 NVML_STRUCT_VERSION(DeviceCurrentClockFreqs, 1)

typedef struct {
	unsigned int version;
	char str[NVML_PERF_MODES_BUFFER_SIZE];
} nvmlDevicePerfModes_v1_t;
typedef nvmlDevicePerfModes_v1_t nvmlDevicePerfModes_t;
#define nvmlDevicePerfModes_v1 NVML_STRUCT_VERSION(DevicePerfModes, 1)

typedef struct {
	unsigned int bIsPresent;
	unsigned int percentage;
	unsigned int incThreshold;
	unsigned int decThreshold;
} nvmlGpuDynamicPstatesInfoUtilization_t;

typedef struct nvmlGpuDynamicPstatesInfo_st {
	unsigned int flags;
	nvmlGpuDynamicPstatesInfoUtilization_t utilization[NVML_MAX_GPU_UTILIZATIONS];
} nvmlGpuDynamicPstatesInfo_t;

typedef enum nvmlPerfPolicyType_enum {
	NVML_PERF_POLICY_POWER = 0,
	NVML_PERF_POLICY_THERMAL = 1,
	NVML_PERF_POLICY_SYNC_BOOST = 2,
	NVML_PERF_POLICY_BOARD_LIMIT = 3,
	NVML_PERF_POLICY_LOW_UTILIZATION = 4,
	NVML_PERF_POLICY_RELIABILITY = 5,
	NVML_PERF_POLICY_TOTAL_APP_CLOCKS = 10,
	NVML_PERF_POLICY_TOTAL_BASE_CLOCKS = 11,
	NVML_PERF_POLICY_COUNT
} nvmlPerfPolicyType_t;

/* --- power ---------------------------------------------------------------------------------- */

typedef unsigned char nvmlPowerScopeType_t;

typedef struct {
	unsigned int version;
	nvmlPowerScopeType_t powerScope;
	unsigned int powerValueMw;
} nvmlPowerValue_v2_t;
#define nvmlPowerValue_v2 NVML_STRUCT_VERSION(PowerValue, 2)

typedef struct {
	unsigned int currentMode;
	unsigned int mode;
	unsigned int supportedPowerMizerModes;
} nvmlDevicePowerMizerModes_v1_t;

typedef struct {
	unsigned int version;
	unsigned int profileId;
	unsigned int paramId;
	double value;
} nvmlPowerSmoothingProfile_v1_t;
typedef nvmlPowerSmoothingProfile_v1_t nvmlPowerSmoothingProfile_t;
#define nvmlPowerSmoothingProfile_v1 NVML_STRUCT_VERSION(PowerSmoothingProfile, 1)

typedef struct {
	unsigned int version;
	nvmlEnableState_t state;
} nvmlPowerSmoothingState_v1_t;
typedef nvmlPowerSmoothingState_v1_t nvmlPowerSmoothingState_t;
#define nvmlPowerSmoothingState_v1 NVML_STRUCT_VERSION(PowerSmoothingState, 1)

#define NVML_255_MASK_NUM_ELEMS		 8
#define NVML_WORKLOAD_POWER_MAX_PROFILES (255)

typedef struct {
	unsigned int mask[NVML_255_MASK_NUM_ELEMS];
} nvmlMask255_t;

typedef struct {
	unsigned int version;
	nvmlMask255_t requestedProfilesMask;
} nvmlWorkloadPowerProfileRequestedProfiles_v1_t;
typedef nvmlWorkloadPowerProfileRequestedProfiles_v1_t nvmlWorkloadPowerProfileRequestedProfiles_t;
#define nvmlWorkloadPowerProfileRequestedProfiles_v1 \
	NVML_STRUCT_VERSION(WorkloadPowerProfileRequestedProfiles, 1)

typedef struct {
	unsigned int version;
	nvmlMask255_t perfProfilesMask;
	nvmlMask255_t requestedProfilesMask;
	nvmlMask255_t enforcedProfilesMask;
} nvmlWorkloadPowerProfileCurrentProfiles_v1_t;
typedef nvmlWorkloadPowerProfileCurrentProfiles_v1_t nvmlWorkloadPowerProfileCurrentProfiles_t;
#define nvmlWorkloadPowerProfileCurrentProfiles_v1 \
	NVML_STRUCT_VERSION(WorkloadPowerProfileCurrentProfiles, 1)

typedef struct {
	unsigned int version;
	unsigned int profileId;
	unsigned int priority;
	nvmlMask255_t conflictingMask;
} nvmlWorkloadPowerProfileInfo_v1_t;
typedef nvmlWorkloadPowerProfileInfo_v1_t nvmlWorkloadPowerProfileInfo_t;
#define nvmlWorkloadPowerProfileInfo_v1 NVML_STRUCT_VERSION(WorkloadPowerProfileInfo, 1)

typedef struct {
	unsigned int version;
	nvmlMask255_t perfProfilesMask;
	nvmlWorkloadPowerProfileInfo_t perfProfile[NVML_WORKLOAD_POWER_MAX_PROFILES];
} nvmlWorkloadPowerProfileProfilesInfo_v1_t;
typedef nvmlWorkloadPowerProfileProfilesInfo_v1_t nvmlWorkloadPowerProfileProfilesInfo_t;
#define nvmlWorkloadPowerProfileProfilesInfo_v1 \
	NVML_STRUCT_VERSION(WorkloadPowerProfileProfilesInfo, 1)

/* --- temperature and fans ------------------------------------------------------------------- */

#define NVML_MAX_THERMAL_SENSORS_PER_GPU 3

typedef enum {
	NVML_THERMAL_CONTROLLER_NONE = 0,
	NVML_THERMAL_CONTROLLER_GPU_INTERNAL = 1,
	NVML_THERMAL_CONTROLLER_UNKNOWN = -1
} nvmlThermalController_t;

typedef enum {
	NVML_THERMAL_TARGET_NONE = 0,
	NVML_THERMAL_TARGET_GPU = 1,
	NVML_THERMAL_TARGET_MEMORY = 2,
	NVML_THERMAL_TARGET_ALL = 15,
	NVML_THERMAL_TARGET_UNKNOWN = -1
} nvmlThermalTarget_t;

typedef struct {
	nvmlThermalController_t controller;
	int defaultMinTemp;
	int defaultMaxTemp;
	int currentTemp;
	nvmlThermalTarget_t target;
} nvmlGpuThermalSettingsSensor_t;

typedef struct {
	unsigned int count;
	nvmlGpuThermalSettingsSensor_t sensor[NVML_MAX_THERMAL_SENSORS_PER_GPU];
} nvmlGpuThermalSettings_t;

typedef enum nvmlCoolerControl_enum {
	NVML_THERMAL_COOLER_SIGNAL_NONE = 0,
	NVML_THERMAL_COOLER_SIGNAL_TOGGLE = 1,
	NVML_THERMAL_COOLER_SIGNAL_VARIABLE = 2,
	NVML_THERMAL_COOLER_SIGNAL_COUNT
} nvmlCoolerControl_t;

typedef enum nvmlCoolerTarget_enum {
	NVML_THERMAL_COOLER_TARGET_NONE = 1,
	NVML_THERMAL_COOLER_TARGET_GPU = 2,
	NVML_THERMAL_COOLER_TARGET_MEMORY = 4,
	NVML_THERMAL_COOLER_TARGET_POWER_SUPPLY = 8,
	NVML_THERMAL_COOLER_TARGET_GPU_RELATED = 14
} nvmlCoolerTarget_t;

typedef struct {
	unsigned int version;
	unsigned int index;
	nvmlCoolerControl_t signalType;
	nvmlCoolerTarget_t target;
} nvmlCoolerInfo_v1_t;
typedef nvmlCoolerInfo_v1_t nvmlCoolerInfo_t;
#define nvmlCoolerInfo_v1 NVML_STRUCT_VERSION(CoolerInfo, 1)

typedef unsigned int nvmlFanControlPolicy_t;
#define NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW 0
#define NVML_FAN_POLICY_MANUAL			 1

typedef struct {
	unsigned int version;
	unsigned int fan;
	unsigned int speed;
} nvmlFanSpeedInfo_v1_t;
typedef nvmlFanSpeedInfo_v1_t nvmlFanSpeedInfo_t;
#define nvmlFanSpeedInfo_v1 NVML_STRUCT_VERSION(FanSpeedInfo, 1)

/* --- errors --------------------------------------------------------------------------------- */

typedef struct {
	unsigned int unit;
	unsigned int location;
	unsigned int sublocation;
	unsigned int extlocation;
	unsigned int address;
	unsigned int isParity;
	unsigned int count;
} nvmlEccSramUniqueUncorrectedErrorEntry_v1_t;

typedef struct {
	unsigned int version;
	unsigned int entryCount;
	nvmlEccSramUniqueUncorrectedErrorEntry_v1_t *entries;
} nvmlEccSramUniqueUncorrectedErrorCounts_v1_t;
typedef nvmlEccSramUniqueUncorrectedErrorCounts_v1_t nvmlEccSramUniqueUncorrectedErrorCounts_t;
#define nvmlEccSramUniqueUncorrectedErrorCounts_v1 \
	NVML_STRUCT_VERSION(EccSramUniqueUncorrectedErrorCounts, 1)

/* --- platform, drain, memory encryption ----------------------------------------------------- */

#define NVML_DEVICE_HOSTNAME_BUFFER_SIZE 64

typedef struct {
	unsigned int version;
	unsigned char ibGuid[16];
	unsigned char rackGuid[16];
	unsigned char chassisPhysicalSlotNumber;
	unsigned char computeSlotIndex;
	unsigned char nodeIndex;
	unsigned char peerType;
	unsigned char moduleId;
} nvmlPlatformInfo_v1_t;
#define nvmlPlatformInfo_v1 NVML_STRUCT_VERSION(PlatformInfo, 1)

typedef struct {
	unsigned int version;
	unsigned char ibGuid[16];
	unsigned char chassisSerialNumber[16];
	unsigned char slotNumber;
	unsigned char trayIndex;
	unsigned char hostId;
	unsigned char peerType;
	unsigned char moduleId;
} nvmlPlatformInfo_v2_t;
typedef nvmlPlatformInfo_v2_t nvmlPlatformInfo_t;
#define nvmlPlatformInfo_v2 NVML_STRUCT_VERSION(PlatformInfo, 2)

typedef struct {
	char value[NVML_DEVICE_HOSTNAME_BUFFER_SIZE];
} nvmlHostname_v1_t;

typedef struct {
	unsigned int version;
	nvmlEnableState_t encryptionState;
} nvmlDramEncryptionInfo_v1_t;
typedef nvmlDramEncryptionInfo_v1_t nvmlDramEncryptionInfo_t;
#define nvmlDramEncryptionInfo_v1 NVML_STRUCT_VERSION(DramEncryptionInfo, 1)

typedef struct nvmlExcludedDeviceInfo_st {
	nvmlPciInfo_t pciInfo;
	char uuid[NVML_DEVICE_UUID_BUFFER_SIZE];
} nvmlExcludedDeviceInfo_t;

typedef struct nvmlHwbcEntry_st {
	unsigned int hwbcId;
	char firmwareVersion[32];
} nvmlHwbcEntry_t;

/* --- confidential computing ----------------------------------------------------------------- */

#define NVML_CC_SYSTEM_CPU_CAPS_NONE		0
#define NVML_CC_SYSTEM_GPUS_CC_NOT_CAPABLE	0
#define NVML_CC_SYSTEM_GPUS_CC_CAPABLE		1
#define NVML_CC_ACCEPTING_CLIENT_REQUESTS_FALSE 0

#define NVML_GPU_CERT_CHAIN_SIZE		0x1000
#define NVML_GPU_ATTESTATION_CERT_CHAIN_SIZE	0x1400
#define NVML_CC_GPU_CEC_NONCE_SIZE		0x20
#define NVML_CC_GPU_ATTESTATION_REPORT_SIZE	0x2000
#define NVML_CC_GPU_CEC_ATTESTATION_REPORT_SIZE 0x1000

typedef struct nvmlConfComputeSystemCaps_st {
	unsigned int cpuCaps;
	unsigned int gpusCaps;
} nvmlConfComputeSystemCaps_t;

typedef struct nvmlConfComputeSystemState_st {
	unsigned int environment;
	unsigned int ccFeature;
	unsigned int devToolsMode;
} nvmlConfComputeSystemState_t;

typedef struct {
	unsigned int version;
	unsigned int environment;
	unsigned int ccFeature;
	unsigned int devToolsMode;
	unsigned int multiGpuMode;
} nvmlSystemConfComputeSettings_v1_t;
typedef nvmlSystemConfComputeSettings_v1_t nvmlSystemConfComputeSettings_t;
#define nvmlSystemConfComputeSettings_v1 NVML_STRUCT_VERSION(SystemConfComputeSettings, 1)

typedef struct nvmlConfComputeGetKeyRotationThresholdInfo_st {
	unsigned int version;
	unsigned long long attackerAdvantage;
} nvmlConfComputeGetKeyRotationThresholdInfo_v1_t;
typedef nvmlConfComputeGetKeyRotationThresholdInfo_v1_t
	nvmlConfComputeGetKeyRotationThresholdInfo_t;
#define nvmlConfComputeGetKeyRotationThresholdInfo_v1 \
	NVML_STRUCT_VERSION(ConfComputeGetKeyRotationThresholdInfo, 1)

typedef struct nvmlConfComputeMemSizeInfo_st {
	unsigned long long protectedMemSizeKib;
	unsigned long long unprotectedMemSizeKib;
} nvmlConfComputeMemSizeInfo_t;

typedef struct nvmlConfComputeGpuCertificate_st {
	unsigned int certChainSize;
	unsigned int attestationCertChainSize;
	unsigned char certChain[NVML_GPU_CERT_CHAIN_SIZE];
	unsigned char attestationCertChain[NVML_GPU_ATTESTATION_CERT_CHAIN_SIZE];
} nvmlConfComputeGpuCertificate_t;

typedef struct nvmlConfComputeGpuAttestationReport_st {
	unsigned int isCecAttestationReportPresent;
	unsigned int attestationReportSize;
	unsigned int cecAttestationReportSize;
	unsigned char nonce[NVML_CC_GPU_CEC_NONCE_SIZE];
	unsigned char attestationReport[NVML_CC_GPU_ATTESTATION_REPORT_SIZE];
	unsigned char cecAttestationReport[NVML_CC_GPU_CEC_ATTESTATION_REPORT_SIZE];
} nvmlConfComputeGpuAttestationReport_t;

/* --- virtual GPUs, encoder and capture sessions --------------------------------------------- */

typedef unsigned int nvmlVgpuInstance_t;
typedef unsigned int nvmlVgpuTypeId_t;

typedef enum nvmlHostVgpuMode_enum {
	NVML_HOST_VGPU_MODE_NON_SRIOV = 0,
	NVML_HOST_VGPU_MODE_SRIOV = 1
} nvmlHostVgpuMode_t;

typedef struct {
	unsigned int version;
	unsigned int mode;
} nvmlVgpuHeterogeneousMode_v1_t;
typedef nvmlVgpuHeterogeneousMode_v1_t nvmlVgpuHeterogeneousMode_t;
#define nvmlVgpuHeterogeneousMode_v1 NVML_STRUCT_VERSION(VgpuHeterogeneousMode, 1)

typedef enum nvmlDeviceVgpuCapability_enum {
	NVML_DEVICE_VGPU_CAP_FRACTIONAL_MULTI_VGPU = 0,
	NVML_DEVICE_VGPU_CAP_MIG_TIMESLICING_ENABLED = 11
} nvmlDeviceVgpuCapability_t;

typedef enum nvmlVgpuDriverCapability_enum {
	NVML_VGPU_DRIVER_CAP_HETEROGENEOUS_MULTI_VGPU = 0,
	NVML_VGPU_DRIVER_CAP_WARM_UPDATE = 1
} nvmlVgpuDriverCapability_t;

typedef struct nvmlVgpuVersion_st {
	unsigned int minVersion;
	unsigned int maxVersion;
} nvmlVgpuVersion_t;

typedef enum nvmlEncoderQueryType_enum {
	NVML_ENCODER_QUERY_H264 = 0x00,
	NVML_ENCODER_QUERY_HEVC = 0x01,
	NVML_ENCODER_QUERY_AV1 = 0x02,
	NVML_ENCODER_QUERY_UNKNOWN = 0xFF
} nvmlEncoderType_t;

typedef struct nvmlEncoderSessionInfo_st {
	unsigned int sessionId;
	unsigned int pid;
	nvmlVgpuInstance_t vgpuInstance;
	nvmlEncoderType_t codecType;
	unsigned int hResolution;
	unsigned int vResolution;
	unsigned int averageFps;
	unsigned int averageLatency;
} nvmlEncoderSessionInfo_t;

typedef enum nvmlFBCSessionType_enum {
	NVML_FBC_SESSION_TYPE_UNKNOWN = 0,
	NVML_FBC_SESSION_TYPE_HWENC = 4
} nvmlFBCSessionType_t;

typedef struct nvmlFBCSessionInfo_st {
	unsigned int sessionId;
	unsigned int pid;
	nvmlVgpuInstance_t vgpuInstance;
	unsigned int displayOrdinal;
	nvmlFBCSessionType_t sessionType;
	unsigned int sessionFlags;
	unsigned int hMaxResolution;
	unsigned int vMaxResolution;
	unsigned int hResolution;
	unsigned int vResolution;
	unsigned int averageFPS;
	unsigned int averageLatency;
} nvmlFBCSessionInfo_t;

#define NVML_GRID_LICENSE_BUFFER_SIZE	    128
#define NVML_GRID_LICENSE_FEATURE_MAX_COUNT 3

typedef enum {
	NVML_GRID_LICENSE_FEATURE_CODE_UNKNOWN = 0,
	NVML_GRID_LICENSE_FEATURE_CODE_VGPU = 1,
	NVML_GRID_LICENSE_FEATURE_CODE_COMPUTE = 4
} nvmlGridLicenseFeatureCode_t;

typedef struct nvmlGridLicenseExpiry_st {
	unsigned int year;
	unsigned short month;
	unsigned short day;
	unsigned short hour;
	unsigned short min;
	unsigned short sec;
	unsigned char status;
} nvmlGridLicenseExpiry_t;

typedef struct nvmlGridLicensableFeature_st {
	nvmlGridLicenseFeatureCode_t featureCode;
	unsigned int featureState;
	char licenseInfo[NVML_GRID_LICENSE_BUFFER_SIZE];
	char productName[NVML_GRID_LICENSE_BUFFER_SIZE];
	unsigned int featureEnabled;
	nvmlGridLicenseExpiry_t licenseExpiry;
} nvmlGridLicensableFeature_t;

typedef struct nvmlGridLicensableFeatures_st {
	int isGridLicenseSupported;
	unsigned int licensableFeaturesCount;
	nvmlGridLicensableFeature_t gridLicensableFeatures[NVML_GRID_LICENSE_FEATURE_MAX_COUNT];
} nvmlGridLicensableFeatures_t;

/* --- units: S-class boxes of GPUs ----------------------------------------------------------- */

typedef enum nvmlFanState_enum { NVML_FAN_NORMAL = 0, NVML_FAN_FAILED = 1 } nvmlFanState_t;

typedef struct nvmlUnitFanInfo_st {
	unsigned int speed;
	nvmlFanState_t state;
} nvmlUnitFanInfo_t;

typedef struct nvmlUnitFanSpeeds_st {
	nvmlUnitFanInfo_t fans[24];
	unsigned int count;
} nvmlUnitFanSpeeds_t;

typedef enum nvmlLedColor_enum {
	NVML_LED_COLOR_GREEN = 0,
	NVML_LED_COLOR_AMBER = 1
} nvmlLedColor_t;

typedef struct nvmlLedState_st {
	char cause[256];
	nvmlLedColor_t color;
} nvmlLedState_t;

typedef struct nvmlPSUInfo_st {
	char state[256];
	unsigned int current;
	unsigned int voltage;
	unsigned int power;
} nvmlPSUInfo_t;

typedef struct nvmlUnitInfo_st {
	char name[96];
	char id[96];
	char serial[96];
	char firmwareVersion[96];
} nvmlUnitInfo_t;

#endif
