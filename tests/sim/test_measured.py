#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated H100 and H200 against readings from the real boards, field by field."""
import ctypes as C
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["MIGKIT_BUILD"])
V1 = ["id", "isP2pSupported", "sliceCount", "instanceCount", "multiprocessorCount",
      "copyEngineCount", "decoderCount", "encoderCount", "jpegCount", "ofaCount"]


class ProfileV1(C.Structure):
    _fields_ = [(n, C.c_uint) for n in V1] + [("memorySizeMB", C.c_ulonglong)]


class ProfileV2(C.Structure):
    _fields_ = ([("version", C.c_uint)] + [(n, C.c_uint) for n in V1] +
                [("memorySizeMB", C.c_ulonglong), ("name", C.c_char * 96)])


class Placement(C.Structure):
    _fields_ = [("start", C.c_uint), ("size", C.c_uint)]


class Memory(C.Structure):
    _fields_ = [(n, C.c_ulonglong) for n in ("total", "free", "used")]


class Pci(C.Structure):
    _fields_ = [("busIdLegacy", C.c_char * 16), ("domain", C.c_uint), ("bus", C.c_uint),
                ("device", C.c_uint), ("pciDeviceId", C.c_uint), ("pciSubSystemId", C.c_uint),
                ("busId", C.c_char * 32)]


def as_dict(s):
    d = {n: getattr(s, n) for n, _ in s._fields_}
    return {n: v.decode() if isinstance(v, bytes) else v for n, v in d.items()}


class Sim:
    def __init__(self):
        self.lib = C.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
        self.dev = C.c_void_p()
        self.must("nvmlInit_v2")
        self.must("nvmlDeviceGetHandleByIndex_v2", 0, C.byref(self.dev))

    def must(self, name, *args):
        rc = getattr(self.lib, name)(*args)
        if rc:
            raise SystemExit(f"{name}: {rc}")

    def profile(self, cls, name, n, version=None):
        info = cls()
        if version:
            info.version = version
        rc = getattr(self.lib, name)(self.dev, n, C.byref(info))
        return rc if rc else as_dict(info)

    def placements(self, name, n):
        count = C.c_uint(0xdead)
        rc = getattr(self.lib, name)(self.dev, n, None, C.byref(count))
        if rc:
            return rc
        some = (Placement * max(count.value, 1))()
        rc = getattr(self.lib, name)(self.dev, n, some, C.byref(count))
        return rc if rc else [[p.start, p.size] for p in some[:count.value]]

    def remaining(self, n):
        count = C.c_uint(0)
        rc = self.lib.nvmlDeviceGetGpuInstanceRemainingCapacity(self.dev, n, C.byref(count))
        return [rc, 0 if rc else count.value]

    def uint(self, name, n=1):
        out = [C.c_uint(0xdead) for _ in range(n)]
        self.must(name, self.dev, *[C.byref(o) for o in out])
        return out[0].value if n == 1 else [o.value for o in out]

    def struct(self, cls, name):
        s = cls()
        self.must(name, self.dev, C.byref(s))
        return as_dict(s)


def compare_profiles(sim, want, report):
    for key, w in want.items():
        n = int(key)
        got = {
            "v1": sim.profile(ProfileV1, "nvmlDeviceGetGpuInstanceProfileInfo", n),
            "v2": sim.profile(ProfileV2, "nvmlDeviceGetGpuInstanceProfileInfoV", n, 0x02000098),
            "byid": sim.profile(ProfileV2, "nvmlDeviceGetGpuInstanceProfileInfoByIdV", n,
                                0x02000098),
        }
        pid = w["v1"]["id"] if isinstance(w["v1"], dict) else n
        for name in ("nvmlDeviceGetGpuInstancePossiblePlacements_v2",
                     "nvmlDeviceGetGpuInstancePossiblePlacements"):
            got[name] = sim.placements(name, pid)
        got["remaining"] = sim.remaining(pid)
        for what, value in got.items():
            report(f"profiles {key} {what}", value, w[what])


def compare_board(sim, want, report):
    # Not the virtualization mode: the measured boards were passed through to a guest, a lab's are
    # not, and that is no figure of the board.
    for name in ("nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMinorNumber",
                 "nvmlDeviceGetNumGpuCores", "nvmlDeviceGetArchitecture"):
        report(name, sim.uint(name), want[name])
    report("nvmlDeviceIsMigDeviceHandle", f"c_uint({sim.uint('nvmlDeviceIsMigDeviceHandle')})",
           want["nvmlDeviceIsMigDeviceHandle"])
    for name in ("nvmlDeviceGetMigMode", "nvmlDeviceGetCudaComputeCapability"):
        report(name, sim.uint(name, 2), want[name])
    text = C.create_string_buffer(96)
    sim.must("nvmlDeviceGetName", sim.dev, text, 96)
    report("nvmlDeviceGetName", text.value.decode(), want["nvmlDeviceGetName"])
    pci = sim.struct(Pci, "nvmlDeviceGetPciInfo_v3")
    for field in ("pciDeviceId", "pciSubSystemId"):
        report(f"nvmlDeviceGetPciInfo {field}", pci[field], want["nvmlDeviceGetPciInfo"][field])
    memory = sim.struct(Memory, "nvmlDeviceGetMemoryInfo")
    report("nvmlDeviceGetMemoryInfo total", memory["total"],
           want["nvmlDeviceGetMemoryInfo"]["total"])
    bar1 = Memory()
    sim.must("nvmlDeviceGetBAR1MemoryInfo", sim.dev, C.byref(bar1))
    report("nvmlDeviceGetBAR1MemoryInfo total", bar1.total,
           want["nvmlDeviceGetBAR1MemoryInfo"]["bar1Total"])
    attributes = (C.c_ubyte * 64)()
    report("nvmlDeviceGetAttributes_v2", sim.lib.nvmlDeviceGetAttributes_v2(sim.dev, attributes), 3)


def one_board(path):
    want = json.loads(path.read_text())
    wrong, right = [], 0

    def report(what, got, expected):
        nonlocal right
        if got == expected:
            right += 1
        else:
            wrong.append(f"{path.stem}: {what}: {got}, measured {expected}")

    sim = Sim()
    text = C.create_string_buffer(80)
    for name, key in (("nvmlSystemGetDriverVersion", "driver"),
                      ("nvmlSystemGetNVMLVersion", "nvml")):
        sim.must(name, text, 80)
        report(name, text.value.decode(), want[key])
    compare_profiles(sim, want["profiles"], report)
    compare_board(sim, want["mig"], report)
    print("\n".join(wrong) if wrong else f"{path.stem}: {right} readings equal")
    return bool(wrong) or right < 200


def in_lab(path):
    """A process per board: the library reads MIGKIT_LAB once."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "XDG_STATE_HOME": home, "HOME": home}
        env.pop("MIGKIT_LAB", None)
        migctl = str(BUILD / "migctl")
        subprocess.run([migctl, "lab", "create", "m", "--board", path.stem, "--driver",
                        json.loads(path.read_text())["driver"]], env=env, check=True,
                       stdout=subprocess.DEVNULL)
        lab = subprocess.run([migctl, "lab", "path", "m"], env=env, check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
        return subprocess.run([sys.executable, __file__, str(path)],
                              env={**env, "MIGKIT_LAB": lab}, check=False).returncode


def main():
    if len(sys.argv) > 1:
        return one_board(pathlib.Path(sys.argv[1]))
    boards = [p for p in sorted((HERE / "measured").glob("*.json"))
              if "profiles" in json.loads(p.read_text())]
    return any([in_lab(b) for b in boards]) or not boards


sys.exit(main())
