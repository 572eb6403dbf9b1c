# SPDX-License-Identifier: Apache-2.0
"""The situations of doc/what-tools-do-under-faults.md, and which programs are put into each."""
import dataclasses

CLEAR = ("migctl lab fault clear --all",)
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
    ill: str = ""  # the GPU that is not well; the other one is

    def shown(self):
        return [*self.trouble, *(f"{c}   # while it runs" for c in self.meanwhile)]


def fault(calls, *does):
    return f"migctl lab fault add {' '.join(does)} {calls}"


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
INIT = "nvmlInit nvmlInitWithFlags"
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
    Situation(
        "Something holds an instance that no list of processes shows",
        [fault(DESTROY_GI, "--nth 2", "--return IN_USE")],
        on("three", APPLY, APPLY_NONE) + on("bare", DESTROY_GIS)),
]
SLOW = [
    Situation(
        "Each destroy takes a second",
        [fault("group:destroy", "--take 1s")],
        on("three", APPLY, DESTROY_CIS) + on("bare", DESTROY_GIS),
        why="About what hardware takes for a GPU instance."),
    Situation(
        "A destroy does not come back for a while",
        [fault(DESTROY_GI, "--hang")], on("three", APPLY) + on("bare", DESTROY_GIS), meanwhile=CLEAR),
    Situation(
        "The first call of all does not come back for a while",
        [fault(INIT, "--name PROGRAM", "--hang")],
        on("three", LIST, APPLY, CDI, LABELS, NVITOP, GPUSTAT), meanwhile=CLEAR),
]
CREATING = [
    Situation(
        "The second GPU instance is refused: INSUFFICIENT_RESOURCES",
        [fault(CREATE_GI, "--nth 2", "--return INSUFFICIENT_RESOURCES")],
        on("three", APPLY) + on("empty", APPLY, CREATE)),
    Situation(
        "The second GPU instance fails: UNKNOWN",
        [fault(CREATE_GI, "--nth 2", "--return UNKNOWN")], on("three", APPLY) + on("empty", CREATE)),
    Situation(
        "The second GPU instance fails: TIMEOUT",
        [fault(CREATE_GI, "--nth 2", "--return TIMEOUT")], on("empty", APPLY, CREATE)),
    Situation(
        "Every GPU instance fails: UNKNOWN",
        [fault(CREATE_GI, "--return UNKNOWN")], on("three", APPLY) + on("empty", CREATE)),
    Situation(
        "Nobody may create: NO_PERMISSION",
        [fault("group:create", "--return NO_PERMISSION")], on("three", APPLY) + on("empty", CREATE)),
    Situation(
        "The second compute instance is refused: INSUFFICIENT_RESOURCES",
        [fault(CREATE_CI, "--nth 2", "--return INSUFFICIENT_RESOURCES")],
        on("three", APPLY) + on("empty", CREATE) + on("bare", CREATE_CIS)),
    Situation(
        "The second GPU instance is made, and the call says UNKNOWN",
        [fault(CREATE_GI, "--nth 2", "--return-after UNKNOWN")],
        on("three", APPLY) + on("empty", CREATE),
        why="The driver has done it; its answer got lost."),
    Situation(
        "The second compute instance is made, and the call says UNKNOWN",
        [fault(CREATE_CI, "--nth 2", "--return-after UNKNOWN")],
        on("three", APPLY) + on("empty", CREATE)),
]
DESTROYING = [
    Situation(
        "The second compute instance cannot be destroyed: UNKNOWN",
        [fault(DESTROY_CI, "--nth 2", "--return UNKNOWN")], on("three", APPLY, APPLY_NONE, DESTROY_CIS)),
    Situation(
        "The second GPU instance is gone, and the call says UNKNOWN",
        [fault(DESTROY_GI, "--nth 2", "--return-after UNKNOWN")], on("three", APPLY) + on("bare", DESTROY_GIS)),
]
KILLED = [
    Situation(
        "Killed before its second GPU instance",
        [fault(CREATE_GI, "--nth 2", "--kill before")], on("three", APPLY) + on("empty", CREATE)),
    Situation(
        "Killed when its first GPU instance is made, before the compute instance",
        [fault(CREATE_GI, "--nth 1", "--kill after")], on("three", APPLY) + on("empty", CREATE)),
    Situation(
        "Killed when the first compute instance is destroyed",
        [fault(DESTROY_CI, "--nth 1", "--kill after")], on("three", APPLY, DESTROY_CIS)),
    Situation(
        "Killed when MIG mode is set",
        [fault(SET_MODE, "--nth 1", "--kill after")], on("off", APPLY, MODE_ON)),
]
MODE = [
    Situation(
        "MIG mode cannot be set: UNKNOWN",
        [fault(SET_MODE, "--return UNKNOWN")], on("off", APPLY, MODE_ON) + on("empty", APPLY_NONE, MODE_OFF)),
    Situation(
        "MIG mode cannot be set: NO_PERMISSION",
        [fault(SET_MODE, "--return NO_PERMISSION")], on("off", APPLY, MODE_ON)),
    Situation(
        "The mode of GPU 1 cannot be read: UNKNOWN",
        [fault(GET_MODE, "--gpu 1", "--return UNKNOWN")],
        on("both", *LOOKERS, APPLY), ill="GPU 1"),
]
LOST = [
    Situation(
        "One of two GPUs has fallen off the bus",
        ["migctl lab inject 1 xid=79"],
        on("both", *LOOKERS, TABLE, INSTANCES, ASSERT, APPLY, APPLY_BOTH, DESTROY_CIS), cure=REBOOT, ill="GPU 1"),
    Situation(
        "The GPU falls off the bus at the second create",
        [fault(CREATE_GI, "--nth 2", "--xid 79")], on("three", APPLY) + on("empty", CREATE), cure=REBOOT),
    Situation(
        "The GPU falls off the bus at the second destroy",
        [fault(DESTROY_GI, "--nth 2", "--xid 79")], on("three", APPLY) + on("bare", DESTROY_GIS), cure=REBOOT),
    Situation(
        "A GPU falls off the bus while a program watches",
        [], on("both", PLUGIN), meanwhile=["migctl lab inject 1 xid=79"], ill="GPU 1"),
    Situation(
        "One of two GPUs needs a reset",
        ["migctl lab inject 1 needs-reset"], on("both", LIST, CDI, PLUGIN, NVITOP, APPLY), cure=REBOOT, ill="GPU 1"),
]
ERRORS = [
    Situation(
        "Xid 48, a double-bit error, on an instance while a program watches",
        [], on("three", PLUGIN), meanwhile=["migctl lab inject 0/5/0 xid=48"]),
    Situation(
        "Xid 48 on an instance where two are of one resource",
        [], on("twins", PLUGIN), meanwhile=["migctl lab inject 0/9/0 xid=48"]),
    Situation(
        "Events cannot be registered: UNKNOWN",
        [fault("nvmlDeviceRegisterEvents", "--return UNKNOWN")], on("three", PLUGIN)),
    Situation(
        "A row remap is pending on one of two GPUs",
        ["migctl lab inject 1 row-remap"], on("both", LIST, PLUGIN, NVITOP, GPUSTAT, APPLY), cure=REBOOT, ill="GPU 1"),
]
STARTING = [
    Situation(
        "The driver is not loaded",
        [fault(INIT, "--name PROGRAM", "--return DRIVER_NOT_LOADED")],
        on("three", *LOOKERS, APPLY)),
    Situation(
        "Library and kernel module are of different versions",
        [fault(INIT, "--name PROGRAM", "--return LIB_RM_VERSION_MISMATCH")],
        on("three", LIST, CDI, PLUGIN, NVITOP, APPLY), why="After an upgrade without a reboot."),
    Situation(
        "The name of GPU 1 cannot be read: UNKNOWN",
        [fault("nvmlDeviceGetName", "--gpu 1", "--return UNKNOWN")], on("both", *LOOKERS), ill="GPU 1"),
    Situation(
        "The number of GPUs cannot be had: UNKNOWN",
        [fault("nvmlDeviceGetCount", "--return UNKNOWN")], on("three", LIST, LABELS, PLUGIN, GPUSTAT, APPLY)),
    Situation(
        "The memory of GPU 1 cannot be read: UNKNOWN",
        [fault("nvmlDeviceGetMemoryInfo", "--gpu 1", "--return UNKNOWN")],
        on("both", LABELS, NVITOP, GPUSTAT, APPLY), ill="GPU 1"),
    Situation(
        "MIG devices cannot be listed: UNKNOWN",
        [fault("nvmlDeviceGetMigDeviceHandleByIndex", "--gpu 1", "--return UNKNOWN")],
        on("both", LIST, CDI, LABELS, PLUGIN, NVITOP), ill="GPU 1"),
]
PARTS = [("Something is busy", BUSY), ("Something is slow", SLOW), ("A create fails", CREATING),
         ("A destroy fails", DESTROYING), ("The program is killed", KILLED), ("MIG mode", MODE),
         ("A GPU is lost", LOST), ("Errors that are reported", ERRORS), ("NVML does not start, or does not answer", STARTING)]
