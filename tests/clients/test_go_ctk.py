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


def doctor(m):
    """What migctl doctor finds: {check: finding}."""
    done = m.try_migctl("doctor", "-o", "json")
    check(done.returncode in (0, 3), f"doctor: {done}")
    return {f["check"]: f for f in json.loads(done.stdout)["findings"]}


def doctors():
    """doctor knows a file of nvidia-ctk's that is of an old layout, and its command makes a new one."""
    with Machine("--board", "a100-40gb-sxm:2", "--driver", "550.163.01") as m:
        (m.bin / "nvidia-ctk").symlink_to(CTK)
        (m.bin / "migctl").symlink_to(m.bin / "nvidia-smi")
        m.smi("-pm", "1")
        m.smi("-i", "1", "-mig", "1")
        m.smi("mig", "-i", "1", "-cgi", "9,14", "-C")
        root = m.driver_root()
        for folder, suffix in (("etc/cdi", "yaml"), ("var/run/cdi", "json")):
            path = m.lab / folder / f"nvidia.{suffix}"
            path.parent.mkdir(parents=True)
            m.run([CTK, "cdi", "generate", "--driver-root", root, "--dev-root", "/", "--output", path],
                  files=True)
            same(f"a fresh {suffix} file", doctor(m), {})
            old = m.mig_devices(1)[1]
            m.smi("mig", "-i", "1", "-gi", str(old["gi"]), "-dci")
            m.smi("mig", "-i", "1", "-gi", str(old["gi"]), "-dgi")
            m.smi("mig", "-i", "1", "-cgi", "19" if suffix == "yaml" else "14", "-C")
            found = doctor(m)
            same("found", list(found), ["cdi-stale", "cdi-lacks"])
            check(old["uuid"] in found["cdi-stale"]["what"] and "1:1" in found["cdi-stale"]["what"], f"{found}")
            new = m.mig_devices(1)[1]
            check(f"MIG device 1/{new['gi']}/{new['ci']}" in found["cdi-lacks"]["what"], f"{found}")
            # The mount namespace that the command makes lies in that of the wrapper.
            m.run(["sh", "-c", found["cdi-stale"]["command"]])
            same(f"the {suffix} file that the command makes", doctor(m), {})
            path.unlink()


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
doctors()
report("nvidia-ctk", MODULE.version(NAME),
       "cdi generate: GPUs and MIG devices with their capability nodes by the formula, on three A100 40GB "
       "and three H100, while the layout changes")
