# SPDX-License-Identifier: Apache-2.0
"""What the answers of the simulated driver must be: shape, range, and what migctl says."""
import ctypes as c
import re

# NVML's codes that a call may end with here. UNKNOWN (999) means that we are at a loss, but for
# functions that answered so on a real H200 (tests/sim/measured/).
STATUSES = {0, 2, 3, 4, 6, 7, 10, 13, 16, 17, 19, 21, 23, 25, 26, 27, 29}
UNKNOWN = 999
MEASURED_UNKNOWN = {"nvmlDeviceGetMinMaxClockOfPState", "nvmlDeviceGetConfComputeGpuCertificate",
                    "nvmlDeviceGetConfComputeGpuAttestationReport"}

# function -> prefix of the module's constants of which the answer (or each of it) is one
ENUMS = {
    "nvmlDeviceGetBrand": "NVML_BRAND_", "nvmlDeviceGetArchitecture": "NVML_DEVICE_ARCH_",
    "nvmlDeviceGetComputeMode": "NVML_COMPUTEMODE_", "nvmlDeviceGetPowerState": "NVML_PSTATE_",
    "nvmlDeviceGetPerformanceState": "NVML_PSTATE_", "nvmlDeviceGetBusType": "NVML_BUS_TYPE_",
    "nvmlDeviceGetTopologyCommonAncestor": "NVML_TOPOLOGY_",
    "nvmlDeviceGetP2PStatus": "NVML_P2P_STATUS_", "nvmlDeviceGetPowerSource": "NVML_POWER_SOURCE_",
    "nvmlDeviceGetVirtualizationMode": "NVML_GPU_VIRTUALIZATION_MODE_",
    "nvmlDeviceGetHostVgpuMode": "NVML_HOST_VGPU_MODE_",
    "nvmlDeviceGetGpuOperationMode": "NVML_GOM_", "nvmlDeviceGetEccMode": "NVML_FEATURE_",
    "nvmlDeviceGetDefaultEccMode": "NVML_FEATURE_", "nvmlDeviceGetPersistenceMode": "NVML_FEATURE_",
    "nvmlDeviceGetAccountingMode": "NVML_FEATURE_", "nvmlDeviceGetDisplayMode": "NVML_FEATURE_",
    "nvmlDeviceGetDisplayActive": "NVML_FEATURE_", "nvmlDeviceGetMigMode": "NVML_FEATURE_",
    "nvmlDeviceGetNvLinkState": "NVML_FEATURE_", "nvmlDeviceGetAPIRestriction": "NVML_FEATURE_",
    "nvmlDeviceGetPowerManagementMode": "NVML_FEATURE_",
    "nvmlDeviceGetRetiredPagesPendingStatus": "NVML_FEATURE_",
    "nvmlDeviceGetNvLinkRemoteDeviceType": "NVML_NVLINK_DEVICE_TYPE_",
    "nvmlDeviceOnSameBoard": "NVML_FEATURE_", "nvmlDeviceGetMultiGpuBoard": "NVML_FEATURE_",
    "nvmlDeviceIsMigDeviceHandle": "NVML_FEATURE_",
    "nvmlDeviceGetAdaptiveClockInfoStatus": "NVML_ADAPTIVE_CLOCKING_INFO_STATUS_",
}
# What a number may be where it is one. Hardware of the boards that there are, with some room.
RANGES = (
    (r"nvmlDeviceGet(Temperature|TemperatureV|TemperatureV1)$", 0, 120),
    (r"nvmlDeviceGetTemperatureThreshold$", -50, 150),
    (r"nvmlDeviceGetFanSpeed(_v2)?$|nvmlDeviceGetTargetFanSpeed$", 0, 105),
    (r"nvmlDeviceGetPowerUsage$", 1000, 2_000_000),
    (r"nvmlDeviceGet(PowerManagement(Default)?Limit|EnforcedPowerLimit)$", 10_000, 2_000_000),
    (r"nvmlDeviceGet(Max)?(Clock|ClockInfo|CustomerBoostClock|ApplicationsClock)$", 0, 20_000),
    (r"nvmlDeviceGetDefaultApplicationsClock$", 0, 20_000),
    (r"nvmlDeviceGetSupported(Memory|Graphics)Clocks$", 1, 20_000),
    (r"nvmlDeviceGet(Curr|Max|GpuMax)PcieLinkGeneration$", 1, 6),
    (r"nvmlDeviceGet(Curr|Max)PcieLinkWidth$", 1, 16),
    (r"nvmlDeviceGetPcieLinkMaxSpeed$", 0, 64_000),
    (r"nvmlDeviceGet(Encoder|Decoder|Jpg|Ofa)Utilization$", 0, 1_000_000),
    (r"nvmlDeviceGetNumGpuCores$", 1000, 30_000),
    (r"nvmlDeviceGetMemoryBusWidth$", 64, 8192),
    (r"nvmlDeviceGetCudaComputeCapability$", 0, 13),
    (r"nvmlDeviceGetMinorNumber$|nvmlDeviceGetIndex$", 0, 127),
    (r"nvmlDeviceGetMaxMigDeviceCount$", 0, 8),
    (r"nvmlDeviceGetNumFans$", 0, 8),
    (r"nvmlDeviceGetModuleId$", 0, 127),
    (r"nvmlDeviceGetNumaNodeId$", 0, 127),
    (r"nvmlDeviceGetAccountingBufferSize$", 1, 100_000),
    (r"nvmlDeviceGetEncoderCapacity$", 0, 100),
    (r"nvmlDeviceGetIrqNum$", 0, 100_000),
)
# Fields of structs, by the struct's class.
FIELD_RANGES = {
    "c_nvmlUtilization_t": {"gpu": (0, 100), "memory": (0, 100)},
    "nvmlPciInfo_t": {"bus": (0, 255), "device": (0, 31)},
    "c_nvmlGpuInstancePlacement_t": {"start": (0, 15), "size": (0, 16)},
    "c_nvmlComputeInstancePlacement_t": {"start": (0, 15), "size": (0, 16)},
    "c_nvmlDeviceAttributes": {"gpuInstanceSliceCount": (1, 8), "computeInstanceSliceCount": (1, 8),
                               "multiprocessorCount": (1, 200), "sharedCopyEngineCount": (0, 20)},
}


def known(symbol, status):
    return status in STATUSES or status == UNKNOWN and symbol in MEASURED_UNKNOWN


class Shape:
    """Looks a value over: text that ends and can be printed, numbers in range, no endless list."""

    def __init__(self, nv, function, say):
        self.nv, self.function, self.say = nv, function, say
        self.range = next(((low, high) for pattern, low, high in RANGES
                           if re.fullmatch(pattern.replace("$", ""), function)), None)
        prefix = ENUMS.get(function)
        self.allowed = prefix and {v for k, v in vars(nv).items()
                                   if k.startswith(prefix) and isinstance(v, int)}

    def look(self, value, where="answer"):
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, c._SimpleCData):
            value = value.value
        if isinstance(value, int):
            self.number(value, where)
        elif isinstance(value, (str, bytes)):
            self.text(value, where)
        elif isinstance(value, c.Structure):
            self.struct(value, where)
        elif isinstance(value, (list, tuple, c.Array)):
            if len(value) > 5000:
                self.say(f"{where} has {len(value)} members")
            for i, one in enumerate(value[:500]):
                self.look(one, f"{where}[{i}]")

    def number(self, value, where):
        if not -2**63 <= value < 2**64:
            self.say(f"{where} is {value}")
        if self.range and not self.range[0] <= value <= self.range[1]:
            self.say(f"{where} is {value}, not within {self.range[0]}..{self.range[1]}")
        if self.allowed and value not in self.allowed:
            self.say(f"{where} is {value}, which is none of {sorted(self.allowed)}")

    def text(self, value, where):
        value = value.decode("ascii", "replace") if isinstance(value, bytes) else value
        if not value.isascii() or not all(32 <= ord(ch) < 127 for ch in value):
            self.say(f"{where} is {value!r}, which is not text")

    def struct(self, s, where):
        kind = type(s).__name__
        raw = bytes(s)
        for name, field, *_ in s._fields_:
            at = f"{where}.{name}"
            if field is c.c_char or isinstance(field, type) and issubclass(field, c.Array) and \
                    field._type_ in (c.c_ubyte, c.c_byte):
                continue
            if isinstance(field, type) and issubclass(field, c.Array) and field._type_ is c.c_char:
                place = getattr(type(s), name)
                part = raw[place.offset:place.offset + place.size]
                # Not text: identifiers of fabrics and of racks are bytes.
                if not name.endswith(("Guid", "uuid", "Uuid")) or part[:4] in (b"GPU-", b"MIG-"):
                    if b"\0" not in part:
                        self.say(f"{at} does not end within its {place.size} bytes: {part!r}")
                    self.text(part.partition(b"\0")[0], at)
                continue
            value = getattr(s, name)
            if isinstance(value, (c.Structure, c.Array)):
                self.look(value, at)
            limits = FIELD_RANGES.get(kind, {}).get(name)
            if limits and not limits[0] <= value <= limits[1]:
                self.say(f"{at} is {value}, not within {limits[0]}..{limits[1]}")


def slices(name):
    return int(re.match(r"(\d+)g", name.split(".", 1)[-1] if re.match(r"\d+c\.", name) else name)[1])


class Truth:
    """What migctl says of the lab, as the answers of functions on its devices."""

    def __init__(self, status):
        self.status = status

    def gpu(self, gpu):
        on = gpu["mig_current"] == "on"
        pids = sorted(x["pid"] for x in self.status["clients"]
                      if x.get("gpu") == gpu["gpu"] and x.get("memory_bytes"))
        return {"nvmlDeviceGetName": gpu["name"], "nvmlDeviceGetUUID": gpu["uuid"],
                "nvmlDeviceGetSerial": gpu["serial"], "nvmlDeviceGetIndex": gpu["gpu"],
                "nvmlDeviceGetMigMode": [int(on), int((gpu["mig_pending"] or gpu["mig_current"]) == "on")],
                "nvmlDeviceGetPciInfo.busId": gpu["bus_id"],
                "nvmlDeviceGetPciInfo_v3.busId": gpu["bus_id"],
                "nvmlDeviceGetMemoryInfo.total": gpu["memory_total_bytes"],
                "nvmlDeviceIsMigDeviceHandle": 0,
                **({} if on else {"nvmlDeviceGetMaxMigDeviceCount": 0}),
                "nvmlDeviceGetPersistenceMode": int(gpu["persistence"] == "on"),
                "nvmlDeviceGetComputeRunningProcesses": pids,
                "nvmlDeviceGetComputeRunningProcesses_v2": pids,
                "nvmlDeviceGetComputeRunningProcesses_v3": pids,
                "nvmlDeviceGetGraphicsRunningProcesses": [],
                "nvmlDeviceGetMPSComputeRunningProcesses": []}

    def mig(self, index, instance):
        gpu = self.status["gpus"][instance["gpu"]]
        pids = sorted(x["pid"] for x in self.status["clients"] if x.get("gi") == instance["gi"] and
                      x.get("ci") == instance["ci"] and x.get("gpu") == instance["gpu"])
        name = f"{gpu['name']} MIG {instance['ci_profile']}"
        return {"nvmlDeviceGetName": name, "nvmlDeviceGetUUID": instance["uuid"],
                "nvmlDeviceGetIndex": index, "nvmlDeviceIsMigDeviceHandle": 1,
                "nvmlDeviceGetGpuInstanceId": instance["gi"],
                "nvmlDeviceGetComputeInstanceId": instance["ci"],
                "nvmlDeviceGetAttributes.gpuInstanceSliceCount": slices(instance["profile"]),
                "nvmlDeviceGetAttributes_v2.gpuInstanceSliceCount": slices(instance["profile"]),
                "nvmlDeviceGetMemoryInfo.used": instance["memory_used_bytes"],
                "nvmlDeviceGetComputeRunningProcesses": pids,
                "nvmlDeviceGetComputeRunningProcesses_v3": pids,
                "nvmlDeviceGetGraphicsRunningProcesses": []}

    def instance(self, entry):
        """Of a GPU instance's handle."""
        return {"nvmlGpuInstanceGetInfo.id": entry["gi"],
                "nvmlGpuInstanceGetInfo.placement.start": entry["start"],
                "nvmlGpuInstanceGetInfo.placement.size": entry["size"]}

    def compute(self, entry):
        return {"nvmlComputeInstanceGetInfo.id": entry["ci"],
                "nvmlComputeInstanceGetInfo_v2.id": entry["ci"]}

    def system(self):
        return {"nvmlSystemGetDriverVersion": self.status["driver"],
                "nvmlDeviceGetCount": len(self.status["gpus"])}


def plain(value):
    if isinstance(value, c._SimpleCData):
        return value.value
    if isinstance(value, (list, tuple, c.Array)):
        members = [getattr(v, "pid", v) for v in value]
        return sorted(members) if members and hasattr(value[0], "pid") else list(members)
    return value


def differences(function, value, truth):
    """Sentences on what the answer is and should be, by the truth of the device it was asked of."""
    compared = 0
    said = []
    for key, want in truth.items():
        name, _, path = key.partition(".")
        if name != function:
            continue
        got = value
        for part in path.split(".") if path else ():
            got = getattr(got, part)
        got = plain(got)
        compared += 1
        if got != want:
            said.append(f"{path or 'answer'} is {got!r}; migctl says {want!r}")
    return compared, said
