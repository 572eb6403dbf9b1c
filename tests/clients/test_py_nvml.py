#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""nvidia-ml-py from PyPI: every function that it has, on parents, MIG devices and stale handles."""
import json
import sys

import pypi
from common import SOURCE, Machine, check, report

# GPU instances of the first GPU with a compute instance, the profile of one without, of which one more
# fits, and the version of nvidia-ml-py.
LABS = (
    ("a100-40gb-sxm:2", "535.104.05", "9,14", 19, "requirements-older.txt"),
    ("a30:2", "550.163.01", "14,14", 14, "requirements.txt"),
    ("h100-80gb-sxm:2", "580.65.06", "9,15", 19, "requirements.txt"),
    ("rtx-pro-6000-server:2", "580.105.08", "47,14", 14, "requirements.txt"),
)


def machine(board, driver):
    return Machine("--board", board, "--driver", driver)


def swept(m, profiles, free, only, modules):
    """Runs the sweep on a lab that gets its layout here; what it found."""
    m.smi("-i", "0", "-mig", "1")
    m.smi("mig", "-i", "0", "-cgi", profiles, "-C")
    m.smi("mig", "-i", "0", "-cgi", str(free))
    m.client(m.mig_devices()[0]["uuid"])
    m.client("gpu:1", name="other")
    status = {**m.status(), "free_profile": free}
    (m.root / "status.json").write_text(json.dumps(status))
    # Python's own guards around each buffer: a write beyond a struct ends the process.
    env = {"PYTHONMALLOC": "debug", **({"PYTHONPATH": modules} if modules else {})}
    done = m.run([pypi.environment() / "bin" / "python", pypi.HERE / "sweep.py",
                  m.root / "status.json", SOURCE / "data" / "nvml" / "symbols.txt", *only],
                 env=env, timeout=280)
    return json.loads(done.stdout.splitlines()[-1])


def sweep(board, driver, profiles, free, pinned, only=()):
    older = str(pypi.environment() / "older") if "older" in pinned else None
    with machine(board, driver) as m:
        result = swept(m, profiles, free, only, older)
    for line in result["said"]:
        print(f"{board} {driver}: {line}")
    totals = ", ".join(f"{n} {what}" for what, n in result["totals"].items())
    print(f"{board} {driver}: {result['functions']} functions: {totals}")
    print(f"{board} {driver}: change the lab: {' '.join(result['changing'])}")
    return result


# Four functions that are wrong on purpose, each in its own way.
BROKEN = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("pynvml", {real!r})
module = importlib.util.module_from_spec(spec)
sys.modules["pynvml"] = module
spec.loader.exec_module(module)
import ctypes

def nvmlDeviceGetCrash(handle):
    return ctypes.string_at(8)

def nvmlDeviceGetMemoryBusWidth(device):
    module.nvmlDeviceGetIndex(device)
    return 7

def nvmlDeviceGetName(handle):
    return module.nvmlDeviceGetUUID(handle)

def nvmlDeviceGetBeyond(handle):
    room = ctypes.create_string_buffer(64)
    ctypes.memset(room, 0x41, 72)

for f in nvmlDeviceGetCrash, nvmlDeviceGetMemoryBusWidth, nvmlDeviceGetName, nvmlDeviceGetBeyond:
    setattr(module, f.__name__, f)
"""


def sees_faults():
    """The sweep names a crash, a number out of range, another text than migctl's, and an overrun."""
    folder = pypi.environment()
    real = next(folder.glob("lib/python3*/site-packages/pynvml.py"))
    with machine(*LABS[0][:2]) as m:
        (m.root / "broken").mkdir()
        (m.root / "broken" / "pynvml.py").write_text(BROKEN.format(real=str(real)))
        names = "nvmlDeviceGetCrash,nvmlDeviceGetMemoryBusWidth,nvmlDeviceGetName,nvmlDeviceGetBeyond"
        said = "\n".join(swept(m, *LABS[0][2:4], [names], str(m.root / "broken"))["said"])
    for words in ("nvmlDeviceGetCrash(<GPU 0>): SIGSEGV", "answer is 7, not within 64..8192",
                  "; migctl says 'NVIDIA A100-SXM4-40GB'", "nvmlDeviceGetBeyond(<GPU 0>): SIGABRT"):
        check(words in said, f"the sweep does not see {words!r}:\n{said}")


def main():
    only = [",".join(sys.argv[1:])] if len(sys.argv) > 1 else []
    wrong, functions, calls = 0, 0, 0
    for lab in LABS:
        result = sweep(*lab, only=only)
        wrong += len(result["said"])
        functions, calls = max(functions, result["functions"]), calls + result["totals"]["calls"]
        check(result["totals"]["compared"] > 20 or only, "hardly anything was compared with migctl")
        if not only:
            # Those that a program changes a layout with did change it: the calls reach that far.
            for name in ("DeviceCreateGpuInstance", "GpuInstanceCreateComputeInstance",
                         "ComputeInstanceDestroy", "GpuInstanceDestroy", "DeviceSetMigMode"):
                check(f"nvml{name}" in result["changing"], f"no call of {name} changed the lab")
    check(not wrong, f"{wrong} findings")
    sees_faults()
    version = pypi.pinned()["nvidia-ml-py"]
    older = pypi.pinned("requirements-older.txt")["nvidia-ml-py"]
    report("nvidia-ml-py", f"{version} and {older}",
           f"its {functions} functions in {calls} calls on {len(LABS)} machines: none crashes, none misreads")


main()
