# SPDX-License-Identifier: Apache-2.0
"""One simulated GPU whose instances are made and destroyed through NVML, slot by slot of a
brute.Model. To be used in a process of its own, whose environment names the lab."""
import ctypes
from ctypes import byref, c_int, c_uint, c_void_p

import ask

INSUFFICIENT_RESOURCES = 23


class Placement(ctypes.Structure):
    _fields_ = [("start", c_uint), ("size", c_uint)]


class GiInfo(ctypes.Structure):
    _fields_ = [("device", c_void_p), ("id", c_uint), ("profile", c_uint),
                ("placement", Placement)]


class SimGpu:
    def __init__(self, model):
        self.model = model
        self.lib = ctypes.CDLL(str(ask.BUILD / "sim" / "libnvidia-ml.so.1"))
        self.gpu, mode = c_void_p(), c_int(-1)
        self.must("nvmlInit_v2")
        self.must("nvmlDeviceGetHandleByIndex_v2", 0, byref(self.gpu))
        self.must("nvmlDeviceSetMigMode", self.gpu, 1, byref(mode))
        self.places = [Placement(s.start, s.profile.size) for s in model.slots]
        self.there = {}  # slot -> handle
        self.calls = 0

    def call(self, name, *args):
        self.calls += 1
        return getattr(self.lib, name)(*args)

    def must(self, name, *args):
        self.calls = getattr(self, "calls", 0) + 1
        rc = getattr(self.lib, name)(*args)
        if rc:
            raise SystemExit(f"FAILED: {name}: {rc}")

    def create(self, slot):
        """True, or False: the driver says that there is no room."""
        handle = c_void_p()
        rc = self.call("nvmlDeviceCreateGpuInstanceWithPlacement", self.gpu,
                       self.model.slots[slot].profile.id, byref(self.places[slot]), byref(handle))
        if rc == 0:
            self.there[slot] = handle
        elif rc != INSUFFICIENT_RESOURCES:
            raise SystemExit(f"FAILED: creating slot {slot}: {rc}")
        return rc == 0

    def destroy(self, slot):
        self.must("nvmlGpuInstanceDestroy", self.there.pop(slot))

    def become(self, layout):
        """From whatever there is to a layout."""
        for slot in [s for s in self.there if not layout >> s & 1]:
            self.destroy(slot)
        for slot in range(len(self.places)):
            if layout >> slot & 1 and slot not in self.there and not self.create(slot):
                raise SystemExit(f"FAILED: the driver does not make slot {slot} of {layout:#x}")

    def default_start(self, profile):
        """Where the driver puts one itself, -1: nowhere; it is gone again."""
        handle, info = c_void_p(), GiInfo()
        rc = self.call("nvmlDeviceCreateGpuInstance", self.gpu, profile.id, byref(handle))
        if rc == INSUFFICIENT_RESOURCES:
            return -1
        if rc:
            raise SystemExit(f"FAILED: creating a {profile.name}: {rc}")
        self.must("nvmlGpuInstanceGetInfo", handle, byref(info))
        self.must("nvmlGpuInstanceDestroy", handle)
        return info.placement.start

    def remaining(self, profile):
        n = c_uint()
        self.must("nvmlDeviceGetGpuInstanceRemainingCapacity", self.gpu, profile.id, byref(n))
        return n.value
