#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated H200 against every getter of two real ones, and the calls of nvidia-smi's views
against their return codes on a real H100 (tests/sim/measured/README.md says what was recorded)."""
import ctypes as C
import json
import pathlib
import re
import subprocess
import sys

import driver

MEASURED = pathlib.Path(__file__).resolve().parent / "measured"
V1, V2 = 1 << 24, 2 << 24

# What the call takes after the handle and its numbers: u unsigned, i int, q unsigned long long,
# t text with its length, T text without, l a count and a list, p anything; or a struct, by its
# fields, after the version word that goes into its first.
STRUCTS = {
    "nvmlDeviceGetAddressingMode": (8 | V1, ["version", "value"]),
    "nvmlDeviceGetC2cModeInfoV": (None, ["isC2cEnabled"]),
    "nvmlDeviceGetCoolerInfo": (16 | V1, ["version"]),
    "nvmlDeviceGetFanSpeedRPM": (12 | V1, ["version"]),
    "nvmlDeviceGetFBCStats": (None, ["sessionsCount", "averageFPS", "averageLatency"]),
    "nvmlDeviceGetMarginTemperature": (8 | V1, ["version", "marginTemperature"]),
    "nvmlDeviceGetPdi": (16 | V1, ["version"]),
    "nvmlDeviceGetRepairStatus": (12 | V1, ["version", "bChannelRepairPending",
                                            "bTpcRepairPending"]),
    "nvmlDeviceGetRowRemapperHistogram": (None, ["max", "high", "partial", "low", "none"]),
    "nvmlDeviceGetTemperatureV": (12 | V1, ["version", "sensorType", "temperature"]),
    "nvmlDeviceGetUnrepairableMemoryFlag_v1": (None, ["bUnrepairableMemory"]),
    "nvmlDeviceGetUtilizationRates": (None, ["gpu", "memory"]),
    "nvmlDeviceGetVgpuHeterogeneousMode": (8 | V1, ["version"]),
    "nvmlSystemGetConfComputeCapabilities": (None, ["cpuCaps", "gpusCaps"]),
    "nvmlSystemGetConfComputeState": (None, ["environment", "ccFeature", "devToolsMode"]),
}
LONG_STRUCTS = {
    "nvmlDeviceGetBAR1MemoryInfo": (None, ["bar1Total", "bar1Free", "bar1Used"]),
    "nvmlDeviceGetConfComputeMemSizeInfo": (None, ["protectedMemSizeKib", "unprotectedMemSizeKib"]),
    "nvmlDeviceGetConfComputeProtectedMemoryUsage": (None, ["total", "free", "used"]),
    "nvmlDeviceGetDetailedEccErrors": (None, ["l1Cache", "l2Cache", "deviceMemory", "registerFile"]),
    "nvmlDeviceGetMemoryInfo": (None, ["total", "free", "used"]),
    "nvmlDeviceGetMemoryInfo_v2": (40 | V2, ["version", "total", "reserved", "free", "used"]),
    "nvmlDeviceGetViolationStatus": (None, ["referenceTime", "violationTime"]),
    "nvmlSystemGetConfComputeKeyRotationThresholdInfo": (16 | V1, ["version", "attackerAdvantage"]),
}
OUT = {
    "nvmlDeviceGetActiveVgpus": "l", "nvmlDeviceGetAutoBoostedClocksEnabled": "uu",
    "nvmlDeviceGetBoardPartNumber": "t", "nvmlDeviceGetConfComputeGpuCertificate": "p",
    "nvmlDeviceGetCreatableVgpus": "l", "nvmlDeviceGetCudaComputeCapability": "ii",
    "nvmlDeviceGetCurrentClocksEventReasons": "q", "nvmlDeviceGetCurrentClocksThrottleReasons": "q",
    "nvmlDeviceGetDecoderUtilization": "uu", "nvmlDeviceGetDriverModel": "uu",
    "nvmlDeviceGetDriverModel_v2": "uu", "nvmlDeviceGetEccMode": "uu",
    "nvmlDeviceGetEncoderSessions": "l", "nvmlDeviceGetEncoderStats": "uuu",
    "nvmlDeviceGetEncoderUtilization": "uu", "nvmlDeviceGetFBCSessions": "l",
    "nvmlDeviceGetGpcClkMinMaxVfOffset": "ii", "nvmlDeviceGetGpcClkVfOffset": "i",
    "nvmlDeviceGetGpuOperationMode": "uu", "nvmlDeviceGetGspFirmwareMode": "uu",
    "nvmlDeviceGetGspFirmwareVersion": "T", "nvmlDeviceGetInforomImageVersion": "t",
    "nvmlDeviceGetInforomVersion": "t", "nvmlDeviceGetJpgUtilization": "uu",
    "nvmlDeviceGetLastBBXFlushTime": "qq", "nvmlDeviceGetMemClkMinMaxVfOffset": "ii",
    "nvmlDeviceGetMemClkVfOffset": "i", "nvmlDeviceGetMemoryErrorCounter": "q",
    "nvmlDeviceGetMigMode": "uu", "nvmlDeviceGetMinMaxClockOfPState": "uu",
    "nvmlDeviceGetMinMaxFanSpeed": "uu", "nvmlDeviceGetName": "t",
    "nvmlDeviceGetOfaUtilization": "uu", "nvmlDeviceGetPgpuMetadataString": "pp",
    "nvmlDeviceGetPowerManagementLimitConstraints": "uu", "nvmlDeviceGetRemappedRows": "uuuu",
    "nvmlDeviceGetRetiredPages": "pp", "nvmlDeviceGetRetiredPages_v2": "ppp",
    "nvmlDeviceGetSerial": "t", "nvmlDeviceGetSupportedClocksEventReasons": "q",
    "nvmlDeviceGetSupportedClocksThrottleReasons": "q", "nvmlDeviceGetSupportedGraphicsClocks": "l",
    "nvmlDeviceGetSupportedMemoryClocks": "l", "nvmlDeviceGetSupportedVgpus": "l",
    "nvmlDeviceGetTotalEccErrors": "q", "nvmlDeviceGetTotalEnergyConsumption": "q",
    "nvmlDeviceGetUUID": "t", "nvmlDeviceGetVbiosVersion": "t", "nvmlDeviceValidateInforom": "",
    "nvmlGetExcludedDeviceInfoByIndex": "p", "nvmlSystemGetCudaDriverVersion": "i",
    "nvmlSystemGetCudaDriverVersion_v2": "i", "nvmlSystemGetDriverVersion": "t",
    "nvmlSystemGetHicVersion": "l", "nvmlSystemGetNVMLVersion": "t",
}

# Not compared, beyond that both answer: what a sensor, a clock or a counter reads at a moment, ...
LIVE = re.compile(r"PowerUsage|TotalEnergyConsumption|Temperature\(0|TemperatureV|MarginTemperature|"
                  r"GetClockInfo\([013]\)|GetClock\([013], 0\)|CurrentClockFreqs|PcieThroughput|"
                  r"ViolationStatus")
# ... who the one GPU is, and where it sits,
IDENTITY = re.compile(r"GetSerial|GetUUID|GetPdi|GetBoardId|GetModuleId|BoardPartNumber|PciInfo_v3")
# ... and what was the machine's: a guest that the GPU was passed to, with nvidia-persistenced.
MACHINE = re.compile(r"VirtualizationMode|PersistenceMode")


def outs(library, name, handle, numbers):
    """(return code, value in the form of the recording) of a call."""
    if name == "nvmlDeviceGetTemperatureV":
        numbers = []  # the sensor, 0, is in the struct
    args = ([] if handle is None else [handle]) + [C.c_uint(n) for n in numbers]
    for table, kind in ((STRUCTS, C.c_uint), (LONG_STRUCTS, C.c_ulonglong)):
        if name in table:
            version, fields = table[name]
            words = (kind * 64)(version or 0)
            code = getattr(library, name)(*args, C.byref(words))
            return code, {f: words[i] for i, f in enumerate(fields)}
    kinds = {"u": C.c_uint, "i": C.c_int, "q": C.c_ulonglong}
    got, kept = [], []
    for letter in OUT.get(name, "u"):
        if letter in kinds:
            got.append(kinds[letter](0x5a5a))
            args.append(C.byref(got[-1]))
        elif letter in "tT":
            got.append(C.create_string_buffer(96))
            args += [got[-1]] + ([C.c_uint(96)] if letter == "t" else [])
        elif letter == "l":
            got += [C.c_uint(512), (C.c_uint * 4096)()]
            args += [C.byref(got[-2]), got[-1]]
        else:
            kept.append((C.c_ulonglong * 4096)(4096))
            args.append(kept[-1])
    code = getattr(library, name)(*args)
    if OUT.get(name) == "l":
        return code, list(got[1][:got[0].value if not code else 0])
    values = [v.value.decode() if isinstance(v.value, bytes) else v.value for v in got]
    return code, values[0] if len(values) == 1 else values or None


class Text(C.Structure):
    _fields_ = [("version", C.c_uint), ("str", C.c_char * 2048)]


def special(library, name, handle, numbers):
    """The calls with a shape of their own."""
    if name in ("nvmlDeviceGetCurrentClockFreqs", "nvmlDeviceGetPerformanceModes"):
        text = Text(2052 | V1)
        code = getattr(library, name)(handle, C.byref(text))
        return code, text.str.decode()
    if name == "nvmlDeviceGetDynamicPstatesInfo":
        words = (C.c_uint * 33)()
        keys = ("bIsPresent", "percentage", "incThreshold", "decThreshold")
        code = library.nvmlDeviceGetDynamicPstatesInfo(handle, C.byref(words))
        return code, {"flags": words[0],
                      "utilization": [dict(zip(keys, words[1 + 4 * i:])) for i in range(8)]}
    if name.startswith("nvmlDeviceGetGridLicensableFeatures"):
        words = (C.c_uint * 1024)(*[0x5a5a] * 1024)
        code = getattr(library, name)(handle, C.byref(words))
        # No feature is there, so none is written: an older program has room for smaller ones.
        assert words[2] == 0x5a5a
        return code, {"isGridLicenseSupported": words[0], "licensableFeaturesCount": words[1]}
    if name == "nvmlDeviceGetSupportedPerformanceStates":
        states = (C.c_uint * 16)()
        code = library.nvmlDeviceGetSupportedPerformanceStates(handle, states, C.sizeof(states))
        return code, [s for s in states if s != 32]
    if name == "nvmlDeviceGetDramEncryptionMode":
        current, pending = (C.c_uint * 2)(8 | V1), (C.c_uint * 2)(8 | V1)
        return library.nvmlDeviceGetDramEncryptionMode(handle, current, pending), None
    if name == "nvmlDeviceGetPciInfo_v3":
        words = (C.c_uint * 17)()
        return library.nvmlDeviceGetPciInfo_v3(handle, words), {"pciDeviceId": words[7]}
    if name == "nvmlGetVgpuVersion":
        pair = [(C.c_uint * 2)(), (C.c_uint * 2)()]
        return library.nvmlGetVgpuVersion(*pair), [list(p) for p in pair]
    if name == "nvmlSystemGetDriverBranch":
        branch = Text(84 | V1)
        return library.nvmlSystemGetDriverBranch(C.byref(branch), 80), {
            "branch": branch.str.decode(), "version": branch.version}
    return outs(library, name, handle, numbers)


def plain(value):
    """Both forms alike: a list of one is the one, a struct of one field its field."""
    if isinstance(value, dict):
        value = {k: v for k, v in value.items() if k not in ("version", "gridLicensableFeatures")}
        return plain(next(iter(value.values()))) if len(value) == 1 else value
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def getters(found):
    """Every getter of the recording, on the first of two GPUs."""
    recorded = json.loads((MEASURED / "h200-getters.json").read_text())
    driver.lab("--board", "h200:2", "--driver", recorded["driver"])
    library = driver.load()
    library.nvmlInit_v2()
    for part, handle in (("gpu", driver.gpu(library)), ("system", None)):
        for key, want in recorded[part].items():
            name, _, numbers = key.partition("(")
            numbers = [int(n) for n in re.findall(r"\d+", numbers)]
            if key == "nvmlDeviceGetMemoryInfo(33554472)":  # pynvml's way to ask for the second
                name, numbers = "nvmlDeviceGetMemoryInfo_v2", []
            code, got = special(library, name, handle, numbers)
            found.same(f"{key}: return code", code, want.get("err", 0))
            if "ok" not in want or LIVE.search(key) or IDENTITY.search(key) or MACHINE.search(key):
                continue
            expect, got = plain(want["ok"]), plain(got)
            if isinstance(expect, list) and isinstance(got, dict):
                got = [got[k] for k in got]
            if name == "nvmlDeviceGetRepairStatus":
                expect = list(expect)
            found.same(key, got, expect)
    found.same("getters compared", found.compared > 400, True)


def views(found):
    """Every call of every view of nvidia-smi on an H100, MIG off, with its arguments by value."""
    recorded = json.loads((MEASURED / "h100-calls.json").read_text())
    driver.lab("--board", "h100-80gb-sxm", "--driver", recorded["driver"])
    library = driver.load()
    library.nvmlInit_v2()
    handle = driver.gpu(library)
    for key, want in recorded["calls"].items():
        name, _, numbers = key.partition("(")
        numbers = [int(n) for n in re.findall(r"\d+", numbers)]
        code, _ = view_call(library, name, handle, numbers)
        found.same(f"nvidia-smi on H100: {key}", code, want)
    found.same("calls of views compared", len(recorded["calls"]) > 90, True)


# Structs whose version word stands first and that no table above has.
VERSIONED = {
    "nvmlDeviceGetCapabilities": 8 | V1, "nvmlDeviceGetGpuFabricInfoV": 40 | 3 << 24,
    "nvmlDeviceGetPciInfoExt": 64 | V1, "nvmlDeviceGetSramEccErrorStatus": 104 | V1,
    "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles": 100 | V1,
}


def view_call(library, name, handle, numbers):
    if name.startswith("nvmlSystem"):
        handle = None
    if name in VERSIONED:
        words = (C.c_uint * 256)(VERSIONED[name])
        return getattr(library, name)(handle, C.byref(words)), None
    if name == "nvmlDeviceGetRemappedRows_v2":
        return library.nvmlDeviceGetRemappedRows_v2(handle, (C.c_uint * 8)()), None
    return special(library, name, handle, numbers)


def main():
    found = driver.Findings()
    if len(sys.argv) > 1:
        {"getters": getters, "views": views}[sys.argv[1]](found)
        found.finish(sys.argv[1])
    for part in ("getters", "views"):  # a process each: one library, one lab
        done = subprocess.run([sys.executable, __file__, part], capture_output=True, text=True)
        print(done.stdout + done.stderr, end="")
        found.same(part, done.returncode, 0)
    found.finish("measured getters")


main()
