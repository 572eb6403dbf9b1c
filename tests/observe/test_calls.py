#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run timeout=300
"""The NVML calls of every command that reads, on several machines: each is one that only reads, for
every command stands here which calls it may make; the machine is afterwards as it was, byte for byte;
and status, which is held to be fast, asks each thing once."""
import collections
import hashlib
import os
import pathlib
import subprocess
import sys
import time

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "cli"))
import readers  # noqa: E402
from labtest import Place, check  # noqa: E402

# Everybody's: what machine it is, which GPUs, their names and modes.
BASE = """nvmlInit_v2 nvmlShutdown nvmlInternalGetExportTable nvmlSystemGetDriverVersion
    nvmlSystemGetNVMLVersion nvmlSystemGetCudaDriverVersion_v2 nvmlErrorString nvmlDeviceGetCount_v2
    nvmlDeviceGetHandleByIndex_v2 nvmlDeviceGetName nvmlDeviceGetUUID nvmlDeviceGetPciInfo_v3
    nvmlDeviceGetSerial nvmlDeviceGetMinorNumber nvmlDeviceGetMigMode""".split()
MEMORY = "nvmlDeviceGetMemoryInfo_v2 nvmlDeviceGetMemoryInfo".split()
BOARD = """nvmlDeviceGetCudaComputeCapability nvmlDeviceGetArchitecture
    nvmlDeviceGetGpuInstanceProfileInfoV nvmlDeviceGetGpuInstanceProfileInfo
    nvmlDeviceGetGpuInstancePossiblePlacements_v2 nvmlDeviceGetGpuInstancePossiblePlacements""".split()
# In MIG mode: instances, and what they can hold.
INSTANCES = """nvmlDeviceGetGpuInstances nvmlGpuInstanceGetInfo
    nvmlGpuInstanceGetComputeInstanceProfileInfoV nvmlGpuInstanceGetComputeInstanceProfileInfo
    nvmlGpuInstanceGetComputeInstancePossiblePlacements nvmlGpuInstanceGetComputeInstances
    nvmlComputeInstanceGetInfo_v2 nvmlComputeInstanceGetInfo nvmlDeviceGetMaxMigDeviceCount
    nvmlDeviceGetMigDeviceHandleByIndex nvmlDeviceGetGpuInstanceId nvmlDeviceGetComputeInstanceId
    nvmlDeviceGetAttributes_v2""".split()
REMAINING = ["nvmlDeviceGetGpuInstanceRemainingCapacity"]
PROCESSES = """nvmlDeviceGetComputeRunningProcesses_v3 nvmlDeviceGetComputeRunningProcesses_v2
    nvmlDeviceGetGraphicsRunningProcesses_v3 nvmlDeviceGetGraphicsRunningProcesses_v2
    nvmlDeviceGetMPSComputeRunningProcesses_v3 nvmlDeviceGetMPSComputeRunningProcesses_v2
    nvmlSystemGetProcessName""".split()
# Figures of a board that no other command has a use for.
CAPTURE = """nvmlDeviceGetGpuMaxPcieLinkGeneration nvmlDeviceGetMaxPcieLinkGeneration
    nvmlDeviceGetMaxPcieLinkWidth nvmlDeviceGetDisplayMode nvmlDeviceGetVbiosVersion
    nvmlDeviceGetBoardPartNumber nvmlDeviceGetNumGpuCores nvmlDeviceGetBAR1MemoryInfo
    nvmlDeviceGetTemperatureThreshold nvmlDeviceGetTemperature nvmlDeviceGetFanSpeed
    nvmlDeviceGetPowerUsage nvmlDeviceGetPowerManagementDefaultLimit
    nvmlDeviceGetPowerManagementLimitConstraints nvmlDeviceGetFieldValues nvmlDeviceGetClockInfo
    nvmlDeviceGetMaxClockInfo nvmlDeviceGetDefaultApplicationsClock nvmlDeviceGetSupportedMemoryClocks
    nvmlDeviceGetSupportedGraphicsClocks nvmlDeviceGetInforomImageVersion nvmlDeviceGetInforomVersion
    nvmlDeviceGetModuleId nvmlDeviceGetMemoryBusWidth nvmlDeviceGetRowRemapperHistogram""".split()
# The condition of a GPU.
CONDITION = """nvmlDeviceGetPersistenceMode nvmlDeviceGetRemappedRows nvmlDeviceGetFieldValues
    nvmlDeviceGetTemperature""".split()
READ = BASE + MEMORY + BOARD + INSTANCES
ALL = READ + REMAINING + PROCESSES
MAY = collections.defaultdict(lambda: READ)
MAY |= {"status": ALL, "plan": ALL, "explain": ALL, "who": ALL, "devices": ALL, "draw": ALL,
        "doctor": ALL + CONDITION, "profiles": READ + REMAINING, "snapshot": ALL, "boards capture": READ + CAPTURE}
# Words that make it a question about a board.
BOARDS = {"--board"} | {f.stem for f in (SOURCE / "data" / "boards").glob("*.yaml")}
# In the sight of NVML's words: what changes something is called so.
CHANGES = ("Set", "Create", "Destroy", "Clear", "Reset", "Register", "Remove", "Discover", "Inject",
           "Freeze", "Validate", "Modify")
# With MIG off: what `migctl status` may cost on a machine where the ten-line program costs 10 ms.
STATUS_OFF = [name for name in BASE if name not in ("nvmlErrorString", "nvmlShutdown")] + MEMORY[:1] + \
    [name for name in PROCESSES if name.endswith("_v3")]


def digest(lab):
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(lab.rglob("*"))
            if f.is_file() and not f.is_symlink() and f.name != "holders"}


def calls(p, lab, words):
    """The calls of a command, in their order; the lab is afterwards as it was."""
    log = p.root / "log"
    log.unlink(missing_ok=True)
    before = digest(p.labs / lab)
    done = p.run("--lab", lab, *words, env={"MIGKIT_LOG": str(log)})
    check(done.returncode in (0, 3, 1, 5), f"{lab}: migctl {' '.join(words)}: {done}")
    check(digest(p.labs / lab) == before, f"{lab}: migctl {' '.join(words)} changes the machine")
    found = []
    for line in log.read_text().splitlines():
        name = line.split()[1]
        if name.startswith("nvml"):
            found.append(name)
    # A process that ends leaves it to the kernel to take back what it had of the driver.
    check(found.count("nvmlInit_v2") == 1 and "nvmlShutdown" not in found,
          f"{lab}: migctl {' '.join(words)}: not one init, no shutdown: {found}")
    return found


def watch(p, lab):
    """The calls of "status --watch": whoever has the driver open blocks a reset, so each look lets go."""
    log = p.root / "log"
    log.unlink(missing_ok=True)
    env = {**p.env, "MIGKIT_LOG": str(log)}
    with subprocess.Popen([p.migctl, "--lab", lab, "status", "--watch=0.1"], env=env,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as done:
        seen, end = 0, time.monotonic() + 30
        while seen < 3 and time.monotonic() < end:
            time.sleep(0.05)
            seen = log.read_text().count(" nvmlShutdown ") if log.exists() else 0
        done.terminate()
        done.stdout.read()
    return [line.split()[1] for line in log.read_text().splitlines() if line.split()[1].startswith("nvml")]


def commands(board):
    for name, words in readers.COMMANDS.items():
        for one in [words, *readers.MORE.get(name, [])]:
            # A question about a board asks no driver.
            if not BOARDS & set(one):
                yield one[0], readers.words_for(one, board)
    yield "snapshot", ["snapshot", "machine.json"]


def main():
    check(not [n for n in ALL + CONDITION + CAPTURE if any(word in n for word in CHANGES)], "a call that changes")
    seen = set()
    with Place() as p:
        machines = readers.make_machines(p)
        for lab, board in machines.items():
            for name, words in commands(board):
                found = calls(p, lab, words)
                seen |= set(found)
                more = sorted(set(found) - set(MAY[name]))
                check(not more, f"{lab}: migctl {' '.join(words)} also calls {more}")
        for lab, gpu in (("off", "0"), ("full", "0"), ("pro", "0")):
            words = ["boards", "capture", "-i", gpu, f"{lab}-{gpu}.yaml"]
            found = calls(p, lab, words)
            seen |= set(found)
            more = sorted(set(found) - set(MAY["boards capture"]))
            check(not more, f"{lab}: migctl {' '.join(words)} also calls {more}")
        found = calls(p, "off", ["status"])
        check(collections.Counter(found) == collections.Counter(STATUS_OFF),
              f"status with MIG off calls {found}")
        found = watch(p, "off")
        seen |= set(found)
        check(found.count("nvmlShutdown") >= 3 and
              found.count("nvmlInit_v2") - found.count("nvmlShutdown") in (0, 1), f"--watch: {found}")
        # A GPU that is not meant is not looked at.
        found = calls(p, "full", ["status", "-i", "1"])
        check(found.count("nvmlDeviceGetHandleByIndex_v2") == 1 and
              found.count("nvmlDeviceGetName") == 1, f"status -i 1 of three GPUs calls {found}")
    # What is allowed and never seen would hide what is not tested; these are for older drivers.
    older = {"nvmlErrorString", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetAttributes_v2",
             "nvmlDeviceGetGpuInstanceProfileInfo", "nvmlDeviceGetGpuInstancePossiblePlacements",
             "nvmlGpuInstanceGetComputeInstanceProfileInfo", "nvmlComputeInstanceGetInfo",
             "nvmlDeviceGetMaxPcieLinkGeneration"}
    unseen = {n for n in ALL + CONDITION + CAPTURE if n not in older and not n.endswith("Processes_v2")} - seen
    check(not unseen, f"allowed, but never called: {sorted(unseen)}")


main()
