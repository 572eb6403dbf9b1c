# SPDX-License-Identifier: Apache-2.0
"""One simulated GPU whose instances are made and destroyed through NVML, slot by slot of a
brute.Model; and one GPU instance with its compute instances. To be used in a process of its own,
whose environment names the lab."""
import ctypes
from ctypes import byref, c_int, c_uint, c_void_p

import ask

INSUFFICIENT_RESOURCES = 23


class Placement(ctypes.Structure):
    _fields_ = [("start", c_uint), ("size", c_uint)]


class GiInfo(ctypes.Structure):
    _fields_ = [("device", c_void_p), ("id", c_uint), ("profile", c_uint),
                ("placement", Placement)]


class CiInfo(ctypes.Structure):
    _fields_ = [("device", c_void_p), ("gi", c_void_p), ("id", c_uint), ("profile", c_uint),
                ("placement", Placement)]


class Driver:
    """NVML, its calls counted."""

    def __init__(self):
        self.lib = ctypes.CDLL(str(ask.BUILD / "sim" / "libnvidia-ml.so.1"))
        self.calls = 0
        self.gpu, mode = c_void_p(), c_int(-1)
        self.must("nvmlInit_v2")
        self.must("nvmlDeviceGetHandleByIndex_v2", 0, byref(self.gpu))
        self.must("nvmlDeviceSetMigMode", self.gpu, 1, byref(mode))

    def call(self, name, *args):
        self.calls += 1
        return getattr(self.lib, name)(*args)

    def must(self, name, *args):
        rc = self.call(name, *args)
        if rc:
            raise SystemExit(f"FAILED: {name}: {rc}")

    def makes(self, name, *args):
        """A handle, or None: the driver says that there is no room."""
        handle = c_void_p()
        rc = self.call(name, *args, byref(handle))
        if rc not in (0, INSUFFICIENT_RESOURCES):
            raise SystemExit(f"FAILED: {name}: {rc}")
        return handle if rc == 0 else None


class Instances:
    """What stands in a GPU or a GPU instance; the kinds below say by which calls."""

    def __init__(self, driver, model, inside):
        self.driver, self.model, self.inside = driver, model, inside
        self.places = [Placement(s.start, s.profile.size) for s in model.slots]
        self.there = {}  # slot -> handle

    def create(self, slot):
        """True, or False: the driver says that there is no room."""
        handle = self.driver.makes(self.CREATE_AT, self.inside, self.model.slots[slot].profile.id,
                                   byref(self.places[slot]))
        if handle:
            self.there[slot] = handle
        return handle is not None

    def destroy(self, slot):
        self.driver.must(self.DESTROY, self.there.pop(slot))

    def become(self, layout):
        """From whatever there is to a layout."""
        for slot in [s for s in self.there if not layout >> s & 1]:
            self.destroy(slot)
        for slot in range(len(self.places)):
            if layout >> slot & 1 and slot not in self.there and not self.create(slot):
                raise SystemExit(f"FAILED: the driver does not make slot {slot} of {layout:#x}")

    def default_start(self, profile):
        """Where the driver puts one itself, -1: nowhere; it is gone again."""
        handle, info = self.driver.makes(self.CREATE, self.inside, profile.id), self.INFO()
        if not handle:
            return -1
        self.driver.must(self.GET_INFO, handle, byref(info))
        self.driver.must(self.DESTROY, handle)
        return info.placement.start

    def look(self):
        """Others have changed it: what is there now, and the ids."""
        self.there, ids = {}, {}
        for profile in self.model.board.profiles:
            n, handles = c_uint(ask.MAX_GI), (c_void_p * ask.MAX_GI)()
            self.driver.must(self.LIST, self.inside, profile.id, handles,
                             byref(n))
            for handle in handles[:n.value]:
                info = self.INFO()
                self.driver.must(self.GET_INFO, c_void_p(handle), byref(info))
                slot = self.model.slot_at(profile.position, info.placement.start)
                self.there[slot], ids[slot] = c_void_p(handle), info.id
        return ids

    def remaining(self, profile):
        n = c_uint()
        self.driver.must(self.REMAINING, self.inside, profile.id, byref(n))
        return n.value


class GpuInstances(Instances):
    CREATE, CREATE_AT = "nvmlDeviceCreateGpuInstance", "nvmlDeviceCreateGpuInstanceWithPlacement"
    DESTROY, GET_INFO, INFO = "nvmlGpuInstanceDestroy", "nvmlGpuInstanceGetInfo", GiInfo
    LIST, REMAINING = "nvmlDeviceGetGpuInstances", "nvmlDeviceGetGpuInstanceRemainingCapacity"


class ComputeInstances(Instances):
    CREATE = "nvmlGpuInstanceCreateComputeInstance"
    CREATE_AT = "nvmlGpuInstanceCreateComputeInstanceWithPlacement"
    DESTROY, GET_INFO = "nvmlComputeInstanceDestroy", "nvmlComputeInstanceGetInfo_v2"
    INFO, LIST = CiInfo, "nvmlGpuInstanceGetComputeInstances"
    REMAINING = "nvmlGpuInstanceGetComputeInstanceRemainingCapacity"

    def possible(self, profile):
        """[(start, size)] that the driver names."""
        n, places = c_uint(ask.MAX_STARTS), (Placement * ask.MAX_STARTS)()
        self.driver.must("nvmlGpuInstanceGetComputeInstancePossiblePlacements", self.inside,
                         profile.id, places, byref(n))
        return [(p.start, p.size) for p in places[:n.value]]
