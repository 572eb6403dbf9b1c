# SPDX-License-Identifier: Apache-2.0
"""The situations of doc/what-tools-do-under-faults.md, and which programs are put into each."""
import dataclasses

CLEAR = ("migctl lab fault clear",)
STOP = ("migctl lab client stop --all",)
REBOOT = ("migctl lab reboot",)


@dataclasses.dataclass
class Situation:
    title: str
    trouble: list  # commands of migctl that make it; PROGRAM: the kernel's name of the program
    runs: list  # (layout, command)
    why: str = ""  # what it is on a machine
    meanwhile: list = ()  # commands while the program hangs in a fault, or watches
    cure: list = CLEAR
    again: bool = True  # whether a command that did not do its work is tried once more after the cure
    ill: str = ""  # the GPU that is not well; the other one is

    def shown(self):
        return [*self.trouble, *(f"{c}   # while it runs" for c in self.meanwhile)]


def fault(calls, *does):
    return f"migctl lab fault add {calls} {' '.join(does)}"


def on(layout, *commands):
    return [(layout, c) for c in commands]


APPLY = "nvidia-mig-parted apply -f config.yaml -c gpu0"
APPLY_BOTH = "nvidia-mig-parted apply -f config.yaml -c both"
APPLY_NONE = "nvidia-mig-parted apply -f config.yaml -c none"
ASSERT = "nvidia-mig-parted assert -f config.yaml -c gpu0"
EXPORT = "nvidia-mig-parted export"
MODE_ON, MODE_OFF = "nvidia-smi -i 0 -mig 1", "nvidia-smi -i 0 -mig 0"
CREATE = "nvidia-smi mig -i 0 -cgi 14,14,19 -C"
CREATE_CIS = "nvidia-smi mig -i 0 -cci"
DESTROY_CIS, DESTROY_GIS = "nvidia-smi mig -i 0 -dci", "nvidia-smi mig -i 0 -dgi"
LIST, TABLE, INSTANCES = "nvidia-smi -L", "nvidia-smi", "nvidia-smi mig -lgi"
PLUGIN = "nvidia-device-plugin --mig-strategy mixed"
LABELS = "gpu-feature-discovery --oneshot --mig-strategy mixed"
CDI = "nvidia-ctk cdi generate"
NVITOP, GPUSTAT = "nvitop --once", "gpustat"
LOOKERS = (LIST, EXPORT, CDI, LABELS, PLUGIN, NVITOP, GPUSTAT)

CREATE_GI, CREATE_CI = "nvmlDeviceCreateGpuInstance", "nvmlGpuInstanceCreateComputeInstance"
DESTROY_GI, DESTROY_CI = "nvmlGpuInstanceDestroy", "nvmlComputeInstanceDestroy"
SET_MODE, GET_MODE = "nvmlDeviceSetMigMode", "nvmlDeviceGetMigMode"

BUSY = [
    Situation(
        "A process computes on one of three instances",
        ["migctl lab client start --device 0/1/0 --memory 1GiB --name train"],
        on("three", APPLY, APPLY_NONE, DESTROY_CIS), cure=STOP),
    Situation(
        "A process has a GPU open and computes nothing",
        ["migctl lab client start --gpu 0 --name monitor"],
        on("off", APPLY, MODE_ON) + on("three", APPLY, DESTROY_CIS), cure=STOP,
        why="A monitor, or nvidia-persistenced. On Ampere it keeps MIG mode from changing."),
]
LOST = [
    Situation(
        "One of two GPUs has fallen off the bus",
        ["migctl lab inject 1 xid=79"],
        on("both", *LOOKERS, TABLE, INSTANCES, ASSERT, APPLY, APPLY_BOTH, DESTROY_CIS), cure=REBOOT, ill="GPU 1"),
    Situation(
        "A GPU falls off the bus while a program watches",
        [], on("both", PLUGIN), meanwhile=["migctl lab inject 1 xid=79"], ill="GPU 1"),
]
ERRORS = [
    Situation(
        "Xid 48, a double-bit error, on an instance while a program watches",
        [], on("three", PLUGIN), meanwhile=["migctl lab inject 0/5/0 xid=48"]),
    Situation(
        "Xid 48 on an instance where two are of one resource",
        [], on("twins", PLUGIN), meanwhile=["migctl lab inject 0/9/0 xid=48"]),
]
PARTS = [("Something is busy", BUSY), ("A GPU is lost", LOST), ("Errors that are reported", ERRORS)]
