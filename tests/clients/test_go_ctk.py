#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""nvidia-ctk cdi generate: the devices of a simulated machine and the nodes that each is made of.

A container that gets a MIG device needs its GPU's node and two capability nodes, whose minors follow
from GPU, GPU instance and compute instance; nvidia-ctk reads them from mig-minors.
"""
import json

from common import Machine, check, minor, report, same
from gotools import Module

MODULE = Module("container-toolkit")
NAME = "github.com/NVIDIA/nvidia-container-toolkit"
CTK = MODULE.build(f"{NAME}/cmd/nvidia-ctk")
COMMON = {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"}


def nodes(edits):
    return {node["path"] for node in edits.get("deviceNodes", [])}


def expected(m):
    """{name: its nodes} by migctl: devices are named by index and by UUID."""
    want, every = {}, set()
    for g in m.gpus():
        gpu = g["gpu"]
        if g["mig_current"] == "off":
            own = {f"/dev/nvidia{gpu}"}
            want |= {f"{gpu}": own, g["uuid"]: own}
            every |= own
        for index, d in enumerate(m.mig_devices(gpu)):
            own = {f"/dev/nvidia{gpu}"} | {f"/dev/nvidia-caps/nvidia-cap{n}" for n in
                                           (minor(gpu, d["gi"]), minor(gpu, d["gi"], d["ci"]))}
            want |= {f"{gpu}:{index}": own, d["uuid"]: own}
            every |= own
    return want | ({"all": every} if want else {})


def look(m, root):
    words = [CTK, "cdi", "generate", "--format", "json", "--mode", "nvml", "--driver-root", root,
             "--dev-root", "/"]
    spec = json.loads(m.run(words, files=True).stdout)
    same("kind", spec["kind"], "nvidia.com/gpu")
    same("devices", {d["name"]: nodes(d["containerEdits"]) for d in spec["devices"]}, expected(m))
    shared = nodes(spec["containerEdits"])
    check(COMMON - {"/dev/nvidia-modeset"} <= shared <= COMMON, f"nodes of every container: {shared}")
    return spec


def capabilities(m):
    """The nodes of MIG's configuration and monitor, which only an administrator's container gets."""
    words = [CTK, "cdi", "generate", "--format", "json", "--mode", "mig-caps", "--device", "config", "--device",
             "monitor"]
    spec = json.loads(m.run(words, files=True).stdout)
    found = {d["name"]: nodes(d["containerEdits"]) for d in spec["devices"]}
    same("MIG capabilities", {name: found.get(name) for name in ("config", "monitor")},
         {"config": {"/dev/nvidia-caps/nvidia-cap1"}, "monitor": {"/dev/nvidia-caps/nvidia-cap2"}})


def machine(board, driver, layout):
    with Machine("--board", f"{board}:3", "--driver", driver) as m:
        root = m.driver_root()
        look(m, root)
        m.smi("-i", "1,2", "-mig", "1")
        m.smi("mig", "-i", "1", "-cgi", layout, "-C")
        look(m, root)
        m.smi("mig", "-i", "2", "-cgi", layout.split(",")[0])
        m.smi("mig", "-i", "2", "-cci", "0,0")
        spec = look(m, root)
        busy = m.mig_devices(2)[1]
        node = f"/dev/nvidia-caps/nvidia-cap{minor(2, busy['gi'], busy['ci'])}"
        check(node in json.dumps(spec), f"{node} is missing")
        m.client(busy["uuid"])
        look(m, root)
        capabilities(m)
        m.stop_clients()
        m.smi("mig", "-i", "1", "-dci", "-gi", str(m.mig_devices(1)[0]["gi"]))
        look(m, root)
        m.smi("mig", "-dci")
        m.smi("mig", "-dgi")
        m.smi("-mig", "0")
        look(m, root)
        print(f"{board} under {driver}: well", flush=True)


machine("a100-40gb-sxm", "550.163.01", "9,14,19")
machine("h100-80gb-sxm", "580.159.04", "9,19,19")
report("nvidia-ctk", MODULE.version(NAME),
       "cdi generate: GPUs and MIG devices with their capability nodes by the formula, on three A100 40GB "
       "and three H100, while the layout changes")
