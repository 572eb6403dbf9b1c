#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""k8s-device-plugin and a stand-in for the kubelet: registers, lists, allocates, sees an Xid.

The resources that it registers and the devices in them are compared with migctl, by MIG strategy and
while the layout changes.
"""
from common import Machine, check, minor, report, same, skip
from kubelet import MODULE, NAME, ROOM, Kubelet, plugin, stand_in

# An Xid of the hardware; the plugin ignores those that a program's own fault can raise, 13 among them.
BAD_XID, PROGRAM_XID = 48, 13


def resources(m, strategy, health=None):
    """What must be registered, by migctl: {resource: {device: health}}."""
    want = {}
    for g in m.gpus():
        mine = m.mig_devices(g["gpu"])
        if strategy == "none" or g["mig_current"] == "off":
            want.setdefault("nvidia.com/gpu", []).append(g["uuid"])
        else:
            for d in mine:
                name = "gpu" if strategy == "single" else f"mig-{d['ci_profile']}".replace("+", ".")
                want.setdefault(f"nvidia.com/{name}", []).append(d["uuid"])
    return {resource: {device: (health or {}).get(device, "Healthy") for device in devices}
            for resource, devices in want.items()}


def allocated(m, k, resource, device):
    """What a container gets: the device's id in the environment, and its nodes."""
    got = k.allocate(resource, device["uuid"])
    same("environment", got["envs"].get("NVIDIA_VISIBLE_DEVICES"), device["uuid"])
    nodes = {d["host_path"] for d in got["devices"]}
    want = {f"/dev/nvidia{device['gpu']}"}
    if "gi" in device:
        want |= {f"/dev/nvidia-caps/nvidia-cap{n}" for n in
                 (minor(device["gpu"], device["gi"]), minor(device["gpu"], device["gi"], device["ci"]))}
    common = {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"}
    same("nodes of the device", nodes - common, want)
    check("/dev/nvidiactl" in nodes, f"nodes: {nodes}")


def mixed(m):
    """Each kind of MIG device is a resource of its own; GPUs without MIG are nvidia.com/gpu."""
    m.smi("-i", "0", "-mig", "1")
    m.smi("mig", "-i", "0", "-cgi", "9,14,19", "-C")
    with Kubelet(m, "mixed") as k:
        k.until(resources(m, "mixed"), "mixed")
        for d in m.mig_devices():
            allocated(m, k, f"nvidia.com/mig-{d['ci_profile']}", d)
        allocated(m, k, "nvidia.com/gpu", {"uuid": m.gpus()[1]["uuid"], "gpu": 1})

        # An Xid that a program can cause is nobody's fault but its own.
        ill = m.mig_devices()[1]
        where = f"0/{ill['gi']}/{ill['ci']}"
        m.migctl("lab", "inject", where, f"xid={PROGRAM_XID}")
        k.stays(resources(m, "mixed"), 2, "after an Xid of a program")
        m.migctl("lab", "inject", where, f"xid={BAD_XID}")
        health = {ill["uuid"]: "Unhealthy"}
        k.until(resources(m, "mixed", health), f"after Xid {BAD_XID} of {where}")
        m.migctl("lab", "inject", "1", f"xid={BAD_XID}")
        health[m.gpus()[1]["uuid"]] = "Unhealthy"
        k.until(resources(m, "mixed", health), f"after Xid {BAD_XID} of GPU 1")

        pid = m.client(m.mig_devices()[0]["uuid"])
        k.stays(resources(m, "mixed", health), 1, "with a process on a MIG device")
        check(pid, "no process")
        m.stop_clients()
        m.smi("mig", "-i", "0", "-dci", "-gi", str(ill["gi"]))
        m.smi("mig", "-i", "0", "-dgi", "-gi", str(ill["gi"]))
        m.smi("mig", "-i", "0", "-cgi", "19", "-C")
        k.restart()
        k.until(resources(m, "mixed"), "after a change of the layout")
        same("kinds", sorted(k.devices), ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "nvidia.com/mig-3g.20gb"])
    print("mixed: well", flush=True)


def single(m):
    """MIG devices of one kind on every GPU are the node's nvidia.com/gpu."""
    m.smi("mig", "-i", "0", "-dci")
    m.smi("mig", "-i", "0", "-dgi")
    m.smi("-mig", "1")
    m.smi("mig", "-cgi", "14,14,14", "-C")
    with Kubelet(m, "single") as k:
        k.until(resources(m, "single"), "single")
        same("MIG devices", len(k.devices["nvidia.com/gpu"]), 6)
        for d in m.mig_devices():
            allocated(m, k, "nvidia.com/gpu", d)
        m.smi("mig", "-dci")
        m.smi("mig", "-dgi")
        m.smi("-mig", "0")
        # The plugin has the GPUs open: an Ampere GPU changes its mode at a reset, once they are free.
        same("MIG mode", [(g["mig_current"], g["mig_pending"]) for g in m.gpus()], [("on", "off")] * 2)
    m.smi("--gpu-reset")
    with Kubelet(m, "single") as k:
        k.until(resources(m, "single"), "with MIG off")
        allocated(m, k, "nvidia.com/gpu", {"uuid": m.gpus()[1]["uuid"], "gpu": 1})
    print("single: well", flush=True)


# Built before the first of them is timed.
plugin()
stand_in()
with Machine("--board", "a100-40gb-sxm:2", "--driver", "550.163.01") as machine:
    if machine.run([*ROOM, "true"], files=True, rc=None).returncode:
        skip("no namespace can be had for the kubelet's folder")
    machine.driver_root()
    mixed(machine)
    single(machine)
report("k8s-device-plugin", MODULE.version(NAME),
       "registers with a stand-in for the kubelet, lists and allocates MIG devices (mixed, single) with "
       "their nodes, marks the one with an injected Xid unhealthy, follows a changed layout; two A100 40GB")
