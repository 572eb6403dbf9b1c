# SPDX-License-Identifier: Apache-2.0
"""The few NVML calls that make instances, for tests of the lab that need some: by ctypes, so that
they rest on the library alone."""
import ctypes
import os
import subprocess
import sys

from labtest import BUILD, fail


class CiInfo(ctypes.Structure):
    _fields_ = [("device", ctypes.c_void_p), ("gi", ctypes.c_void_p), ("id", ctypes.c_uint),
                ("profile", ctypes.c_uint), ("start", ctypes.c_uint), ("size", ctypes.c_uint)]


class GiInfo(ctypes.Structure):
    _fields_ = [("device", ctypes.c_void_p), ("id", ctypes.c_uint), ("profile", ctypes.c_uint),
                ("start", ctypes.c_uint), ("size", ctypes.c_uint)]


def partition(gi_profile, ci_profile):
    """In the lab that MIGKIT_LAB names: MIG on, one GI, one CI; prints "GI CI UUID"."""
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
    gpu, gi, ci, mig = (ctypes.c_void_p() for _ in range(4))
    status = ctypes.c_int(-1)

    def must(name, *args):
        r = getattr(lib, name)(*args)
        if r:
            fail(f"{name}: {r}")

    must("nvmlInit_v2")
    must("nvmlDeviceGetHandleByIndex_v2", 0, ctypes.byref(gpu))
    must("nvmlDeviceSetMigMode", gpu, 1, ctypes.byref(status))
    if status.value:
        fail(f"MIG mode did not become active: {status.value}")
    must("nvmlDeviceCreateGpuInstance", gpu, gi_profile, ctypes.byref(gi))
    must("nvmlGpuInstanceCreateComputeInstance", gi, ci_profile, ctypes.byref(ci))
    gi_info, ci_info = GiInfo(), CiInfo()
    must("nvmlGpuInstanceGetInfo", gi, ctypes.byref(gi_info))
    must("nvmlComputeInstanceGetInfo_v2", ci, ctypes.byref(ci_info))
    must("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 0, ctypes.byref(mig))
    uuid = ctypes.create_string_buffer(96)
    must("nvmlDeviceGetUUID", mig, uuid, 96)
    must("nvmlShutdown")
    print(gi_info.id, ci_info.id, uuid.value.decode())


def make_mig_device(place, lab, gi_profile=9, ci_profile=2):
    """In a process of its own, for this one must not have the GPUs open: (gi, ci, uuid)."""
    done = subprocess.run([sys.executable, os.path.abspath(__file__), str(gi_profile),
                           str(ci_profile)], env={**place.env, "MIGKIT_LAB": str(lab),
                                                  "MIGKIT_BUILD": str(BUILD)},
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        fail(f"no MIG device: {done.stdout}{done.stderr}")
    gi, ci, uuid = done.stdout.split()
    return int(gi), int(ci), uuid


if __name__ == "__main__":
    partition(int(sys.argv[1]), int(sys.argv[2]))
