# SPDX-License-Identifier: Apache-2.0
"""What the sweep of nvidia-ml-py passes: pools of arguments by the parameter's name.

A function's first call has only arguments that are right; then one argument at a time is varied over
its pool, so that each bad value meets good neighbours. Pointers are never garbage: NVML cannot know a
bad pointer, and a real driver crashes on it as well. Handles are: they are values to the caller.
"""
import ctypes as c
import itertools

HUGE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1, 2**64, 10**30)
NUMBERS = (*range(20), 21, 31, 32, 35, 38, 46, 47, 63, 64, 65, 67, 127, 255, 256, 1000, 65535,
           -1, -2, -2**31, -2**63, *HUGE)
WRONG = (None, "x", b"x", 1.5, True, [], {}, (), object())
STRINGS = ("", "x", "GPU-", "MIG-", "GPU-00000000-0000-0000-0000-000000000000", "A" * 79, "A" * 4096,
           "\x01\x7f", "\N{SNOWMAN}", "%s%n%x", "00000000:00:00.0", b"", None, 1.5, [], object())
# These decide how much memory the module itself allocates, or how long the call takes.
SIZES = (0, 1, 2, 3, 16, 1024, -1, None, "x", 1.5)
WAITS = (0, 1, 3, None, "x")

# function -> parameter -> class of the struct that it takes; versioned ones get every version.
STRUCTS = {
    "nvmlDeviceReadWritePRM_v1": {"c_info": "c_nvmlPRMTLV_v1_t"},
    "nvmlDeviceReadPRMCounters_v1": {"c_info": "c_nvmlPRMCounterList_v1_t"},
    "nvmlSystemGetCPER_v1": {"cper": "c_nvmlGetCPER_v1_t"},
    "nvmlDeviceGetPciInfoExt": {"c_info": "nvmlPciInfoExt_v1_t"},
    "nvmlEventSetRegisterGpuOperationalEvents_v1": {"config": "c_nvmlGpuOperationalEventConfig_v1_t"},
    "nvmlEventSetWait_v3": {"params": "c_nvmlEventSetWait_v3_t"},
    "nvmlEventSetGetContextCount_v1": {"params": "c_nvmlEventSetGetContextCount_v1_t"},
    "nvmlEventSetGetContextInfo_v1": {"params": "c_nvmlEventSetGetContextInfo_v1_t"},
    "nvmlEventSetGetContextData_v1": {"params": "c_nvmlEventSetGetContextData_v1_t"},
    "nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1":
        {"params": "c_nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1_t"},
    "nvmlDeviceSetNvLinkUtilizationControl": {"control": "nvmlNvLinkUtilizationControl_t"},
    "nvmlGetVgpuCompatibility": {"vgpuMetadata": "c_nvmlVgpuMetadata_t",
                                 "pgpuMetadata": "c_nvmlVgpuPgpuMetadata_t"},
    "nvmlDeviceSetVgpuSchedulerState": {"sched_state": "c_nvmlVgpuSchedulerSetState_t"},
    "nvmlSetVgpuVersion": {"vgpuVersion": "c_nvmlVgpuVersion_t"},
    "nvmlGetVgpuVersion": {"supported": "c_nvmlVgpuVersion_t", "current": "c_nvmlVgpuVersion_t"},
    "nvmlGpuInstanceGetCreatableVgpus": {"c_vgpus": "c_nvmlVgpuTypeIdInfo_v1_t"},
    "nvmlGpuInstanceGetActiveVgpus": {"c_vgpu_instance_info": "c_nvmlActiveVgpuInstanceInfo_v1_t"},
    "nvmlGpuInstanceSetVgpuSchedulerState": {"sched_state": "c_nvmlVgpuSchedulerState_v1_t"},
    "nvmlGpuInstanceGetVgpuSchedulerState":
        {"c_vgpu_sched_state_info": "c_nvmlVgpuSchedulerStateInfo_v1_t"},
    "nvmlGpuInstanceGetVgpuSchedulerLog":
        {"c_vgpu_sched_log_info": "c_nvmlVgpuSchedulerLogInfo_v1_t"},
    "nvmlGpuInstanceGetVgpuTypeCreatablePlacements":
        {"c_vgpu_placements": "c_nvmlVgpuCreatablePlacementInfo_v1_t"},
    "nvmlDeviceGetVgpuSchedulerState_v2":
        {"c_vgpu_sched_state_info_v2": "c_nvmlVgpuSchedulerStateInfo_v2_t"},
    "nvmlGpuInstanceGetVgpuSchedulerState_v2":
        {"c_vgpu_sched_state_info_v2": "c_nvmlVgpuSchedulerStateInfo_v2_t"},
    "nvmlDeviceGetVgpuSchedulerLog_v2":
        {"c_vgpu_sched_log_info_v2": "c_nvmlVgpuSchedulerLogInfo_v2_t"},
    "nvmlGpuInstanceGetVgpuSchedulerLog_v2":
        {"c_vgpu_sched_log_info_v2": "c_nvmlVgpuSchedulerLogInfo_v2_t"},
    "nvmlDeviceSetVgpuSchedulerState_v2": {"sched_state_v2": "c_nvmlVgpuSchedulerState_v2_t"},
    "nvmlGpuInstanceSetVgpuSchedulerState_v2": {"sched_state_v2": "c_nvmlVgpuSchedulerState_v2_t"},
    "nvmlDeviceCreateGpuInstanceWithPlacement": {"placement": "c_nvmlGpuInstancePlacement_t"},
    "nvmlGpuInstanceCreateComputeInstanceWithPlacement":
        {"placement": "c_nvmlComputeInstancePlacement_t"},
    "nvmlDeviceGetPowerMizerMode_v1": {"info": "c_nvmlDevicePowerMizerModes_v1_t"},
    "nvmlDeviceSetPowerMizerMode_v1": {"info": "c_nvmlDevicePowerMizerModes_v1_t"},
    "nvmlDeviceGetClockOffsets": {"info": "c_nvmlClockOffset_t"},
    "nvmlDeviceSetClockOffsets": {"info": "c_nvmlClockOffset_t"},
    "nvmlSystemGetConfComputeSettings": {"settings": "c_nvmlSystemConfComputeSettings_v1_t"},
    "nvmlGpmMetricsGet": {"metricsGet": "c_nvmlGpmMetricsGet_t"},
    "nvmlDeviceGetGpuFabricInfo": {"gpuFabricInfo": "c_nvmlGpuFabricInfo_t"},
    "nvmlDeviceGetGpuFabricInfoV": {"gpuFabricInfo": "c_nvmlGpuFabricInfo_v3_t"},
    "nvmlDeviceGetGpuFabricInfo_v4": {"gpuFabricInfo": "c_nvmlGpuFabricInfo_v4_t"},
    "nvmlDeviceGetSramEccErrorStatus": {"status": "c_nvmlEccSramErrorStatus_v1_t"},
    "nvmlDeviceGetCapabilities": {"caps": "c_nvmlDeviceCapabilities_v1_t"},
    "nvmlDeviceGetPlatformInfo": {"platformInfo": "c_nvmlPlatformInfo_v2_t"},
    "nvmlDeviceWorkloadPowerProfileGetProfilesInfo":
        {"profilesInfo": "c_nvmlWorkloadPowerProfileProfilesInfo_v1_t"},
    "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles":
        {"currentProfiles": "c_nvmlWorkloadPowerProfileCurrentProfiles_v1_t"},
    "nvmlDeviceWorkloadPowerProfileSetRequestedProfiles":
        {"requestedProfiles": "c_nvmlWorkloadPowerProfileRequestedProfiles_v1_t"},
    "nvmlDeviceWorkloadPowerProfileClearRequestedProfiles":
        {"requestedProfiles": "c_nvmlWorkloadPowerProfileRequestedProfiles_v1_t"},
    "nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1":
        {"updateProfiles": "c_nvmlWorkloadPowerProfileUpdateProfiles_v1_t"},
    "nvmlDeviceGetNvlinkSupportedBwModes": {"supportedBwModes": "c_nvmlNvlinkSupportedBwModes_v1_t"},
    "nvmlDeviceGetNvlinkBwMode": {"getBwMode": "c_nvmlNvlinkGetBwMode_v1_t"},
    "nvmlDeviceSetNvlinkBwMode": {"setBwMode": "c_nvmlNvlinkSetBwMode_v1_t"},
    "nvmlDeviceSetNvlinkBwModeAsync_v1": {"setBwModeAsync": "c_nvmlNvlinkSetBwModeAsync_v1_t"},
    "nvmlDevicePowerSmoothingActivatePresetProfile": {"profile": "c_nvmlPowerSmoothingProfile_v1_t"},
    "nvmlDevicePowerSmoothingUpdatePresetProfileParam":
        {"profile": "c_nvmlPowerSmoothingProfile_v1_t"},
    "nvmlDevicePowerSmoothingSetState": {"state": "c_nvmlPowerSmoothingState_v1_t"},
    "nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts":
        {"counts": "c_nvmlEccSramUniqueUncorrectedErrorCounts_v1_t"},
    "nvmlDeviceGetNvLinkInfo": {"info": "c_nvmlNvLinkInfo_v2_t"},
    "nvmlDeviceGetNvLinkTelemetrySamples_v1": {"samples": "c_nvmlNvlinkTelemetrySamples_v1_t"},
    "nvmlDeviceSetRusdSettings_v1": {"settings": "c_nvmlRusdSettings_v1_t"},
    "nvmlDevicePerfMetricsGetSamples_v1": {"samples": "c_nvmlPerfMetricsSamples_v1_t"},
    "nvmlDeviceGetRemappedRows_v2": {"info": "c_nvmlRemappedRowsInfo_v2_t"},
    "nvmlDeviceSetMemoryLimits_v1": {"limits": "c_nvmlSetMemoryLimits_v1_t"},
    "nvmlDeviceGetMemoryLimits_v1": {"limits": "c_nvmlGetMemoryLimits_v1_t"},
    "nvmlDeviceGetAdaptiveTgpModeInfo_v1": {"info": "c_nvmlAdaptiveTgpModeInfo_v1_t"},
    "nvmlDeviceGetBankRemapperStatus_v1": {"status": "c_nvmlEccBankRemapperStatus_v1_t"},
    "nvmlDeviceModifyDrainState": {"pciInfo": "nvmlPciInfo_t"},
    "nvmlDeviceQueryDrainState": {"pciInfo": "nvmlPciInfo_t"},
    "nvmlDeviceRemoveGpu": {"pciInfo": "nvmlPciInfo_t"},
    "nvmlDeviceDiscoverGpus": {"pciInfo": "nvmlPciInfo_t"},
    "nvmlDeviceGetClkMonStatus": {"c_clkMonInfo": "nvmlClkMonStatus_t"},
    "nvmlDeviceGetDynamicPstatesInfo": {"c_dynamicpstatesinfo": "c_nvmlGpuDynamicPstatesInfo_t"},
    "nvmlDeviceGetThermalSettings": {"c_thermalsettings": "c_nvmlGpuThermalSettings_t"},
}
# Arrays that a caller brings: (element, its count parameter).
ARRAYS = {"placementsRef": "c_nvmlGpuInstancePlacement_t", "gpuInstancesRef": "c_nvmlGpuInstance_t",
          "computeInstancesRef": "c_nvmlComputeInstance_t"}
ROOM = 64
# Plain pointers to a number, which the module makes itself unless a caller brings one.
OUTPUTS = {"moduleId", "minSpeed", "maxSpeed", "fanControlPolicy", "isEnabled", "defaultMode",
           "minClockMHz", "maxClockMHz", "minOffset", "maxOffset"}
DEVICES = {"handle", "device", "device1", "device2", "handle1", "handle2", "migDevice"}
HANDLES = {"gpuInstance": "gi", "computeInstance": "ci", "unit": "garbage", "eventSet": "events",
           "gpmSample": "samples", "setHandle": "garbage"}
FIELDS = ([1], [], [(1, 0)], list(range(1, 275)), [0], [2**32 - 1], [(91, 2**31)], [-1], None, [None])
# What a function needs so that its first call is right; all else is tried as numbers.
RIGHT = {"serial": "serial", "uuid": "uuid", "pciBusId": "bus_id", "vgpuTypeId": 1, "vgpuInstance": 1,
         "pid": "pid", "type": 0, "cpuSetSize": 16, "nodeSetSize": 1, "scope": 0, "level": 30,
         "powerScope": 0, "flags": 0, "eventTypes": 0x8, "timeoutms": 1, "timeoutMs": 1,
         "profileId": "profile_id", "gpuInstanceId": "gi_id", "computeInstanceId": "ci_id"}


class Struct:
    """A struct made anew for each call: of a class, with a version word, and filled with a byte.

    Of a placement: its start and its size.
    """

    def __init__(self, kind, version, fill=0, place=None):
        self.kind, self.version, self.fill, self.place = kind, version, fill, place

    def make(self):
        # Lists say in their constructor how many members they have.
        s = self.kind(2) if self.kind.__name__ == "c_nvmlPRMCounterList_v1_t" else self.kind()
        if self.fill:
            c.memset(c.byref(s), self.fill, c.sizeof(s))
            clear_pointers(s)
        if self.version is not None:
            s.version = self.version
        if self.place:
            s.start, s.size = self.place
        return s

    def __repr__(self):
        v = f" version {self.version:#x}" if self.version is not None else f" {self.place or ''}"
        return f"<{self.kind.__name__}{v}{' filled' if self.fill else ''}>"


class Room:
    """A caller's array for answers, or the number beside it."""

    def __init__(self, kind, n):
        self.kind, self.n = kind, n

    def make(self):
        return c.byref((self.kind * self.n)()) if self.n else c.byref(self.kind())

    def __repr__(self):
        return f"<{self.kind.__name__} * {self.n}>"


def clear_pointers(s):
    """Pointers inside of a filled struct would be garbage, which no driver can survive."""
    for name, kind, *_ in s._fields_:
        if issubclass(kind, (c._Pointer, c.c_void_p, c.c_char_p)):
            setattr(s, name, None)
        elif issubclass(kind, c.Structure):
            clear_pointers(getattr(s, name))
        elif issubclass(kind, c.Array) and issubclass(kind._type_, c.Structure):
            for one in getattr(s, name):
                clear_pointers(one)
        elif issubclass(kind, c.Array) and issubclass(kind._type_, (c._Pointer, c.c_void_p)):
            getattr(s, name)[:] = [None] * kind._length_


def structs(kind):
    """Right first: each version that the size allows, then versions that cannot be."""
    if "version" not in [f[0] for f in kind._fields_]:
        return [Struct(kind, None), Struct(kind, None, 0xff)]
    size, suffix = c.sizeof(kind), [p[1:] for p in kind.__name__.split("_") if p[1:].isdigit()]
    likely = int(suffix[-1]) if suffix else 1
    words = [size | likely << 24, *(size | v << 24 for v in range(6) if v != likely),
             0, 1, size, 0xffffffff, (size + 4) | likely << 24, (size - 4) | likely << 24]
    return [Struct(kind, w) for w in words] + [Struct(kind, words[0], 0xff)]


class Pools:
    """The pools of one process: `have` is what World.collect() found on this lab."""

    def __init__(self, pynvml, have):
        self.nv, self.have = pynvml, have

    def pool(self, function, name):
        if name in STRUCTS.get(function, {}):
            kind = getattr(self.nv, STRUCTS[function][name], None)
            places = [Struct(kind, None, 0, p) for p in (*self.have["places"], (0, 1), (99, 99))]
            return places if name == "placement" else structs(kind) if kind else [None]
        if function == "nvmlDeviceGetGspFirmwareVersion" and name == "version":
            return [None]
        if function.startswith("nvmlGpuInstanceGetComputeInstanceProfileInfo") and name == "device":
            return self.have["gi"]
        if name in ARRAYS:
            kind = getattr(self.nv, ARRAYS[name] if "Compute" not in function or name != "placementsRef"
                           else "c_nvmlComputeInstancePlacement_t")
            return [Room(kind, ROOM), None]
        if name == "countRef":
            return [Room(c.c_uint, 0), None]
        if name in OUTPUTS:
            return [Room(c.c_uint, 0)]
        if name in DEVICES:
            return self.have["device"]
        if name in HANDLES:
            return self.have[HANDLES[name]]
        return self.plain(function, name)

    def plain(self, function, name):
        right = RIGHT.get(name, 0)
        if name == "profileId" and function.startswith("nvmlGpuInstance"):
            right = 0
        right = self.have["right"].get(right, right) if isinstance(right, str) else right
        if name in ("serial", "uuid", "pciBusId", "hostname"):
            return [right or "host", *self.have["strings"], *STRINGS]
        if name == "fieldIds":
            return FIELDS
        if name == "c_nonce":
            return [bytes(32), b"", bytes(31), [0] * 32, None]
        if name in ("cpuSetSize", "nodeSetSize", "eventDataSize"):
            return [right, *SIZES]
        if name in ("timeoutms", "timeoutMs"):
            return [right, *WAITS]
        if name == "eventData":
            kind = self.nv.c_nvmlSystemEventData_v1_t
            return [(kind * 1024)()]
        if name == "version":
            words = [v for k, v in vars(self.nv).items() if isinstance(v, int) and
                     0x1000000 <= v < 0x6000000 and not k.startswith("NVML_")]
            return [2, 1, *sorted(set(words)), 0, 3, 2**32 - 1, -1, None, "x"]
        return [right, *NUMBERS, *WRONG]


def calls(pools, function, parameters):
    """Argument lists: the right one, each argument varied alone, then small numbers together."""
    names = list(parameters)
    columns = [pools.pool(function, n) for n in names]
    for i, default in enumerate(parameters.values()):
        if default is None or isinstance(default, int):
            columns[i] = [default, *columns[i]]
    seen = [col[0] for col in columns]
    yield list(seen)
    for i, column in enumerate(columns):
        for value in column[1:]:
            yield [*seen[:i], value, *seen[i + 1:]]
    numbers = [i for i, n in enumerate(names) if columns[i][1:] and type(columns[i][-1]) is object and
               n not in ("serial", "uuid", "pciBusId")]
    devices = [i for i, n in enumerate(names) if n in DEVICES]
    if len(numbers) > 1:
        for some in itertools.product(range(7 if len(numbers) == 2 else 4), repeat=len(numbers)):
            args = list(seen)
            for i, value in zip(numbers, some):
                args[i] = value
            yield args
    # Every good device with every small number: the answers that a program reads.
    if devices and numbers:
        for device, value in itertools.product(pools.have["good"], range(24)):
            args = list(seen)
            args[devices[0]], args[numbers[0]] = device, value
            yield args
    if len(devices) == 2:
        for pair in itertools.product(pools.have["device"], repeat=2):
            args = list(seen)
            args[devices[0]], args[devices[1]] = pair
            yield args
