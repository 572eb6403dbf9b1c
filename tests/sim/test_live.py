#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Simulated H200s of one NVLink fabric against two real ones: each field value with every scope, all
GPM metrics, links, topology, samples, accounting (tests/sim/measured/README.md)."""
import ctypes as C
import json
import pathlib
import re

import driver

MEASURED = pathlib.Path(__file__).resolve().parent / "measured" / "h200-live.json"
ALL_ONES = 0xffffffff
UNSIGNED, ULL, SIGNED = 1, 3, 5

# Their codes and types are compared, their values not: they go on with time, or tell what this one
# machine had been through.
LIVE = {78: "time", 80: "time", 81: "time", 82: "temperature", 83: "energy", 140: "traffic",
        141: "traffic", 169: "counted errors", 175: "counted errors", 176: "counted errors",
        177: "counted errors", 183: "counted errors", 185: "power", 186: "power", 191: "energy",
        197: "traffic", 198: "traffic"}
# Left untouched in the recording's array (type and times 0), though nvidia-smi prints them.
UNTOUCHED = {*range(187, 191), 192, *range(193, 197)}
# Errors that the real links had counted.
COUNTED = re.compile(r"nvmlDeviceGetNvLinkErrorCounter\(\d+,[34]\)")


class Value(C.Union):
    _fields_ = [("d", C.c_double), ("i", C.c_int), ("u", C.c_uint), ("q", C.c_ulonglong)]


class Field(C.Structure):
    _fields_ = [("id", C.c_uint), ("scope", C.c_uint), ("time", C.c_longlong),
                ("latency", C.c_longlong), ("type", C.c_int), ("status", C.c_int),
                ("value", Value)]


class Metric(C.Structure):
    _fields_ = [("id", C.c_uint), ("status", C.c_int), ("value", C.c_double),
                ("short", C.c_char_p), ("long", C.c_char_p), ("unit", C.c_char_p)]


class Metrics(C.Structure):
    _fields_ = [("version", C.c_uint), ("n", C.c_uint), ("one", C.c_void_p), ("two", C.c_void_p),
                ("metrics", Metric * 477)]


def fields(lib, gpu, want, found):
    for key, groups in want.items():
        number = int(key)
        for scopes, (status, *rest) in groups.items():
            for scope in map(int, scopes.split(",")):
                what = f"field {number}, scope {scope}"
                f = Field(id=number, scope=scope, type=77)
                found.same(f"{what}: call", lib.nvmlDeviceGetFieldValues(gpu, 1, C.byref(f)), 0)
                if number in UNTOUCHED and not status:
                    continue
                found.same(f"{what}: code", f.status, status)
                if status:
                    continue
                found.same(f"{what}: type", f.type, rest[0])
                found.same(f"{what}: has its time", f.time > 1600000000000000, True)
                if number not in LIVE:
                    value = f.value.q if f.type == ULL else f.value.u
                    found.same(f"{what}: value", value, rest[1])


def untouched(lib, gpu, found):
    """What nvidia-smi -q shows of them on an H100 with this driver: milliwatts, degrees below 0."""
    for number in sorted(UNTOUCHED):
        f = Field(id=number)
        lib.nvmlDeviceGetFieldValues(gpu, 1, C.byref(f))
        found.same(f"field {number}: code", f.status, 0)
        found.same(f"field {number}: type", f.type, SIGNED if number >= 193 else UNSIGNED)
        if number < 193:
            found.same(f"field {number}: watts", 100000 <= f.value.u <= 1000000, True)
        else:
            found.same(f"field {number}: degrees", -20 <= f.value.i <= 0, True)


def gpm(lib, gpu, want, refused, found):
    m = Metrics(version=1)
    samples = [C.c_void_p(), C.c_void_p()]
    for s in samples:
        found.same("GpmSampleAlloc", lib.nvmlGpmSampleAlloc(C.byref(s)), 0)
        found.same("GpmSampleGet", lib.nvmlGpmSampleGet(gpu, s), 0)
    m.one, m.two = samples
    numbers = [int(n) for n in want] + [refused[0], refused[1]]
    m.n = len(numbers)
    for i, n in enumerate(numbers):
        m.metrics[i].id = n
    found.same("GpmMetricsGet", lib.nvmlGpmMetricsGet(C.byref(m)), 0)
    for i, n in enumerate(numbers):
        got = m.metrics[i]
        if str(n) not in want:
            found.same(f"metric {n}: code", got.status, 2)
            continue
        names = [v.decode() if v else None for v in (got.short, got.long, got.unit)]
        found.same(f"metric {n}: code", got.status, 0)
        found.same(f"metric {n}: names", names, want[str(n)])
        found.same(f"metric {n} of an idle GPU", got.value, 0.0)
    for s in samples:
        found.same("GpmSampleFree", lib.nvmlGpmSampleFree(s), 0)


class Calls:
    """Each call as it was recorded: by name and numbers, a value or {"err": code}."""

    def __init__(self, lib):
        self.lib, self.gpu = lib, [driver.gpu(lib, i) for i in range(2)]

    def number(self, name, *args, kind=C.c_uint):
        out = kind()
        status = getattr(self.lib, name)(self.gpu[0], *args, C.byref(out))
        return {"err": status} if status else out.value

    def nearest(self, level):
        n = C.c_uint(0)
        status = self.lib.nvmlDeviceGetTopologyNearestGpus(self.gpu[0], level, C.byref(n), None)
        found = (C.c_void_p * max(n.value, 1))()
        if not status:
            status = self.lib.nvmlDeviceGetTopologyNearestGpus(self.gpu[0], level, C.byref(n), found)
        return {"err": status} if status else n.value

    def samples(self, kind, last):
        n, value = C.c_uint(0), C.c_int(77)
        status = self.lib.nvmlDeviceGetSamples(self.gpu[0], kind, C.c_ulonglong(last), C.byref(value),
                                               C.byref(n), None)
        return {"err": status} if status else [value.value, n.value]

    def pids(self):
        n = C.c_uint(0)
        status = self.lib.nvmlDeviceGetAccountingPids(self.gpu[0], C.byref(n), None)
        return {"err": status} if status else [None] * n.value

    def answer(self, name, args):
        if name == "nvmlDeviceGetTopologyNearestGpus":
            return self.nearest(*args)
        if name == "nvmlDeviceGetSamples":
            return self.samples(*args)
        if name == "nvmlDeviceGetAccountingPids":
            return self.pids()
        if name in ("P2PStatus", "TopologyCommonAncestor", "OnSameBoard"):
            name, args = f"nvmlDeviceGet{name}", (self.gpu[args[0]], *args[1:])
            got = self.number(name.replace("GetOn", "On"), *args)
            return bool(got) if name.endswith("Board") else got
        if name in ("nvmlDeviceGetNvLinkErrorCounter", "nvmlDeviceGetSupportedEventTypes"):
            return self.number(name, *args, kind=C.c_ulonglong)
        if name == "nvmlDeviceGetProcessUtilization":
            n = C.c_uint(0)
            return {"err": self.lib.nvmlDeviceGetProcessUtilization(self.gpu[0], None, C.byref(n),
                                                                    C.c_ulonglong(0))}
        if name == "nvmlDeviceGetAccountingStats":
            return {"err": self.lib.nvmlDeviceGetAccountingStats(self.gpu[0], args[0],
                                                                 (C.c_ubyte * 64)())}
        return self.number(name, *args)


# Structs: their unit tests compare them (test_abi_topology.c, test_abi_gpm.c, test_abi_accounting.c).
STRUCTS = ("nvmlDeviceGetNvLinkRemotePciInfo", "nvmlGpmQueryDeviceSupport",
           "nvmlDeviceGetProcessesUtilizationInfo", "nvmlDeviceGetNvLinkUtilizationControl")
# The real two are below one host bridge of a guest; the simulated on one board of a DGX.
MACHINE = ("TopologyCommonAncestor(1)", "nvmlDeviceGetTopologyNearestGpus(30)",
           "nvmlDeviceGetTopologyNearestGpus(40)", "nvmlDeviceGetTopologyNearestGpus(50)",
           "nvmlDeviceGetTopologyNearestGpus(20)")


def main():
    want = json.loads(MEASURED.read_text())
    found = driver.Findings()
    driver.lab("--machine", "dgx-h100", "--board", "h200", "--driver", want["driver"])
    lib = driver.load()
    assert lib.nvmlInit_v2() == 0
    calls = Calls(lib)
    fields(lib, calls.gpu[0], want["fields"], found)
    untouched(lib, calls.gpu[0], found)
    gpm(lib, calls.gpu[0], want["gpm"], want["gpm_refused"], found)
    for call, value in want["calls"].items():
        name, args = re.fullmatch(r"(\w+)\((.*)\)", call).groups()
        if name in STRUCTS or call in MACHINE or COUNTED.fullmatch(call) and not isinstance(
                value, dict):
            continue
        got = calls.answer(name, [int(a) for a in args.split(",") if a])
        found.same(call, got, value)
    found.finish("what goes on, H200")


main()
