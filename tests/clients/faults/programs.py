# SPDX-License-Identifier: Apache-2.0
"""The programs that are put under faults: how each is started, and what of its words is kept.

A command is written as a person types it, "nvidia-smi mig -i 0 -dgi"; what else it needs here (paths, a
format to read) is added by words(). What a program shows is a list of things by the same names for all
programs ("GPU 1", "MIG 0:2"), so that what is missing can be said by a comparison.
"""
import json
import os
import re
import shlex
import subprocess

import kubelet
import pypi
from common import BUILD, SOURCE, skip
from gotools import Module

CHANGES = re.compile(r"nvidia-mig-parted apply|nvidia-smi .*-(?:cgi|cci|dgi|dci|mig|gpu-reset)\b")
DRIVERS = {"535": "535.261.03", "550": "550.163.01"}
NVIDIA = "github.com/NVIDIA"
# They look for the driver's libraries in its folder.
NEED_ROOT = ("nvidia-ctk", "nvidia-device-plugin")
CONFIG = """\
version: v1
mig-configs:
  gpu0:
  - devices: [0]
    mig-enabled: true
    mig-devices: {"2g.10gb": 2, "1g.5gb": 1}
  none:
  - devices: [0]
    mig-enabled: false
    mig-devices: {}
  both:
  - devices: all
    mig-enabled: true
    mig-devices: {"2g.10gb": 2, "1g.5gb": 1}
"""


def nvidia_smi(branch):
    done = subprocess.run([SOURCE / "tests/real/fetch-nvidia-smi", branch], capture_output=True, text=True,
                          env={**os.environ, "MIGKIT_BUILD": str(BUILD)}, check=False)
    if done.returncode == 77:
        skip(done.stdout.strip().removeprefix("skipped: "))
    return done.stdout.strip()


class Programs:
    """Where they are, and their versions."""

    def __init__(self):
        parted, ctk = Module("mig-parted"), Module("container-toolkit")
        python = pypi.environment() / "bin"
        self.paths = {
            "nvidia-mig-parted": parted.build(f"{NVIDIA}/mig-parted/cmd/nvidia-mig-parted"),
            "gpu-feature-discovery": kubelet.MODULE.build(f"{kubelet.NAME}/cmd/gpu-feature-discovery"),
            "nvidia-device-plugin": kubelet.plugin(),
            "nvidia-ctk": ctk.build(f"{NVIDIA}/nvidia-container-toolkit/cmd/nvidia-ctk"),
            "nvitop": python / "nvitop", "gpustat": python / "gpustat"}
        kubelet.stand_in()
        self.smi = {branch: nvidia_smi(branch) for branch in DRIVERS}
        plugin, pinned = kubelet.MODULE.version(kubelet.NAME), pypi.pinned()
        self.versions = {
            "nvidia-smi": " and ".join(DRIVERS.values()),
            "nvidia-mig-parted": parted.version(f"{NVIDIA}/mig-parted"),
            "nvidia-device-plugin": plugin, "gpu-feature-discovery": plugin,
            "nvidia-ctk": ctk.version(f"{NVIDIA}/nvidia-container-toolkit"),
            "nvitop": pinned["nvitop"], "gpustat": pinned["gpustat"]}

    def install(self, m, branch):
        """Puts them into a machine's PATH. mig-parted calls nvidia-smi: NVIDIA's own here."""
        for name, path in {**self.paths, "nvidia-smi": self.smi[branch]}.items():
            (m.bin / name).unlink(missing_ok=True)
            (m.bin / name).symlink_to(path)
        (m.root / "config.yaml").write_text(CONFIG, encoding="utf-8")


def program_of(command):
    return command.split()[0]


def changes(command):
    return CHANGES.search(command) is not None


def repeats(command):
    """Whether a command asks for a state, not for one more of something."""
    return "-cgi" not in command


def words(m, command):
    """(all words of a command, whether it reads files of the driver)"""
    name, *rest = shlex.split(command)
    rest = [m.root / w if w == "config.yaml" else w for w in rest]
    root = m.root / "driver"
    if name in NEED_ROOT and not root.exists():
        m.driver_root()
    more = {"gpu-feature-discovery": ["--use-node-feature-api=false", "--output-file", m.root / "labels"],
            "nvidia-ctk": ["--format", "json", "--mode", "nvml", "--driver-root", root, "--dev-root", "/"],
            "gpustat": ["--no-color"]}.get(name, [])
    return [m.bin / name, *rest, *more], name not in ("nvidia-smi", "nvitop", "gpustat")


# What it says: the lines that tell of trouble, or else its last line

NOISE = re.compile(r"Error getting machine type|^migctl: |^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}|WARNING: unable to detect IOMMU FD|^\s*$|^Traceback|^  ")
# What is kept where nothing complains.
DONE = re.compile(r"MIG configuration applied|All done")
LOGRUS = re.compile(r'level=(error|fatal) msg=(".*")$')
# A line of klog: its kind, date and place go. The plugin tells of some failures as of mere information.
KLOG = re.compile(r"^(?:[EF]\d{4} \S+ +\d+ \S+\] (.*)|[IW]\d{4} \S+ +\d+ \S+\] ((?:Failed|Unable|Error).*))$")


def complaints(name, out, err):
    """Lines of a program that complain, each once, in their order."""
    if name in ("nvidia-mig-parted", "nvidia-ctk"):
        found = [json.loads(x[2]) for x in map(LOGRUS.search, err.splitlines()) if x]
        if not found and "panic:" in err:
            found = [line for line in err.splitlines() if line.startswith(("panic:", "fatal error:"))]
    elif name in ("gpu-feature-discovery", "nvidia-device-plugin"):
        # Its resources are watched by a thread each.
        found = sorted({x[1] or x[2] for x in map(KLOG.match, err.splitlines()) if x})
        found += [line for line in err.splitlines() if line.startswith(("panic:", "fatal error:"))]
    elif name == "nvidia-smi":
        lines = [*out.splitlines(), *err.splitlines()]
        found = [line.strip() for line in lines if not SHOWN["nvidia-smi"].match(line)]
    else:
        found = [line.strip() for line in err.splitlines()]
    found = [" ".join(line.split()) for line in found if line and not NOISE.search(line)]
    return list(dict.fromkeys(found))


def said(m, name, out, err, most=2):
    """The essential words: the first and the last complaint, without what is of one run."""
    lines = complaints(name, out, err)
    if not lines:
        lines = [line.strip() for line in out.splitlines() if DONE.match(line)]
    dropped = len(lines) - most
    if dropped > 0:
        lines = [lines[0], f"({dropped} more)", *lines[-1:]] if dropped > 1 else lines
    return [hide(m, line) for line in lines]


def hide(m, line):
    """UUIDs and folders are those of one lab: by name instead."""
    for uuid, name in m.names.items():
        line = line.replace(uuid, name)
    line = line.replace(str(m.root), "")
    line = re.sub(r"0x[0-9a-f]{6,}", "0x...", line)
    return re.sub(r"\bpid \d+", "pid N", line)


# What it shows

def learn(m):
    """Keeps the names of all GPUs and MIG devices, by UUID; those that are gone by then stay known."""
    names, counts = m.__dict__.setdefault("names", {}), {}
    status = m.status()
    names |= {g["uuid"]: f"GPU {g['gpu']}" for g in status["gpus"]}
    for i in status["instances"]:
        if i.get("ci") is not None:
            n = counts[i["gpu"]] = counts.get(i["gpu"], -1) + 1
            names.setdefault(i["uuid"], f"MIG {i['gpu']}:{n}")


SHOWN = {"nvidia-smi": re.compile(
    r"^GPU +\d+: .*UUID: (\S+)\)|^  MIG .*UUID: (\S+)\)|^Successfully|^[|+]|^(?:En|Dis)abled MIG|^All done")}
GI_ROW = re.compile(r"^\| +(\d+) +MIG (\S+) +\d+ +\d+ +(\d+):(\d+) ", re.M)
SMI_ROW = re.compile(r"^\|  +(\d+)  +NVIDIA |^\|  +(\d+)  +\d+  +\d+  +(\d+)  \|", re.M)
NVITOP_GPU = re.compile(r"^│ +(\d+) +(?:ERROR: (.*?)|\S.*?) +\S+ *│ +(?:[0-9A-F]{8}:|N/A)", re.M)
NVITOP_MIG = re.compile(r"(\d+):(\d+) +\S+ @ GI/CI:", re.M)


def smi_items(m, out):
    found = [m.names[x[1] or x[2]] for x in map(SHOWN["nvidia-smi"].match, out.splitlines())
             if x and (x[1] or x[2])]
    found += [f"GPU {x[1]}" if x[1] else f"MIG {x[2]}:{x[3]}" for x in SMI_ROW.finditer(out)]
    return found + [f"GPU {x[1]} {x[2]}" for x in GI_ROW.finditer(out)]


def parted_items(m, out):
    found, which = [], []
    for line in out.splitlines():
        if x := re.match(r"^  - devices: (?:(all)|\[(.*)\])$", line):
            which = [n[4:] for n in m.names.values() if n.startswith("GPU")] if x[1] else x[2].split(",")
        elif x := re.match(r"^    mig-enabled: (true|false)", line):
            found += [f"GPU {g} MIG {'on' if x[1] == 'true' else 'off'}" for g in which]
        elif x := re.match(r'^      "?(\d\S+?)"?: (\d+)$', line):
            found += [f"GPU {g} {x[2]}x{x[1]}" for g in which]
    return found


def gfd_items(m, _):
    path = m.root / "labels"
    if not path.exists():
        return []
    labels = dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())
    keep = re.compile(r"^nvidia\.com/((?:gpu|mig-\S+)\.count)$")
    return [f"{keep.match(k)[1]}={v}" for k, v in sorted(labels.items()) if keep.match(k)]


def ctk_items(_, out):
    try:
        names = [d["name"] for d in json.loads(out)["devices"]]
    except (ValueError, KeyError):
        return []
    return [f"MIG {n}" if ":" in n else f"GPU {n}" for n in names if re.match(r"^\d+(:\d+)?$", n)]


def nvitop_items(_, out):
    return ([f"GPU {x[1]}" + (f" as {x[2]!r}" if x[2] else "") for x in NVITOP_GPU.finditer(out)] +
            [f"MIG {x[1]}:{x[2]}" for x in NVITOP_MIG.finditer(out)])


def gpustat_items(_, out):
    return [f"GPU {x[1]}" + (f" as {x[2]!r}" if x[2] else "")
            for x in re.finditer(r"^\[(\d+)\] (?:\(\((.*?)\)\))?", out, re.M)]


ITEMS = {"nvidia-smi": smi_items, "nvidia-mig-parted": parted_items, "gpu-feature-discovery": gfd_items,
         "nvidia-ctk": ctk_items, "nvitop": nvitop_items, "gpustat": gpustat_items}


def plugin_items(m, devices):
    """Of what the device plugin lists at the kubelet's."""
    return sorted(m.names[i] + ("" if health == "Healthy" else f" {health.lower()}")
                  for listed in devices.values() for i, health in listed.items())
