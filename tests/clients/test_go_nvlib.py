#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""go-nvlib: its packages device and info on a simulated machine, against migctl.

go-nvlib names MIG devices by its own reckoning (attributes, memory, NVML's enumerators), as
k8s-device-plugin, mig-parted and nvidia-ctk do; a wrong memory size or enumerator gives another name.
"""
import json
import re

from common import Machine, check, report, same
from gotools import Module

MODULE = Module("walk")
WALK = MODULE.build("./nvlib-walk")
NAME = re.compile(r"^\| +\d+ +MIG (\S+) +(\d+) ", re.M)
NOT_ONE = ("9g.5gb", "1g.5gb+", "1g5gb", "")


def named(device):
    """As go-nvlib calls a MIG device: what sets its GPU instance's profile apart belongs to the name.

    What NVIDIA's driver calls a compute instance of a +me profile is not recorded anywhere; in a lab
    it has no suffix.
    """
    suffix = "".join(re.findall(r"[+-].*", device["profile"]))
    return device["ci_profile"].removesuffix(suffix) + suffix


def look(m, names=()):
    said = json.loads(m.run([WALK, *names]).stdout)
    same("error", said["error"], "<nil>")
    check(said["has_nvml"], f"no NVML: {said['why']}")
    same("platform", (said["platform"], said["tegra"]), ("nvml", False))
    gpus = m.gpus()
    same("GPUs", [(g["uuid"], g["by_uuid"], g["mig_capable"], g["mig_enabled"]) for g in said["gpus"]],
         [(g["uuid"], True, True, g["mig_current"] == "on") for g in gpus])
    for want, g in zip(gpus, said["gpus"]):
        same("bus id", g["bus_id"], want["bus_id"][4:].lower())
        same("errors", (g["profiles_error"], g["mig_devices_error"]), ("<nil>", "<nil>"))
        same("MIG devices", [(d["uuid"], d["profile"]["name"], d["by_uuid"]) for d in g["mig_devices"]],
             [(d["uuid"], named(d), True) for d in m.mig_devices(want["gpu"])])
        # It asks for nvmlDeviceGetAddressingMode, of R580, where the library has that symbol.
        new = int(m.status()["driver"].partition(".")[0]) >= 580
        same("addressing mode", (g["coherent"], g["addressing"]), (False, "None" if new else ""))
        for d in g["mig_devices"]:
            same("profile found by UUID", d["profile_by_uuid"], d["profile"])
    return said


def profiles(m, said, gpu=0):
    """The names that go-nvlib makes are those that the driver gives."""
    want = {name for name, _ in NAME.findall(m.smi("mig", "-lgip", "-i", str(gpu)))}
    made = {p["name"] for p in said["gpus"][gpu]["profiles"] if "c." not in p["name"]}
    # Enumerators that only newer drivers have are no profiles of older ones: none may be missing.
    same("GPU instance profiles", made, want)
    return sorted(want)


def machine(board, driver, layout):
    """Each word of the layout: a GPU instance profile, with compute instance profiles after a colon."""
    with Machine("--board", f"{board}:2", "--driver", driver) as m:
        look(m)
        m.smi("-i", "1", "-mig", "1")
        said = look(m)
        names = profiles(m, said, 1)
        said = look(m, [*names, *NOT_ONE])
        for name in names:
            same(f"the parsed {name}", said["parsed"][name]["name"], name)
        for name in NOT_ONE:
            check("error" in said["parsed"][name], f"{name!r} is taken for {said['parsed'][name]}")
        for word in layout:
            gi, _, cis = word.partition(":")
            m.smi("mig", "-i", "1", "-cgi", gi)
            number = max(m.status()["instances"], key=lambda i: i["ci"] is None)["gi"]
            for ci in cis.split(",") if cis else [None]:
                m.smi("mig", "-i", "1", "-gi", str(number), "-cci", *([ci] if ci else []))
            look(m)
        same("MIG devices", len(m.mig_devices(1)), sum(max(1, len(w.partition(":")[2].split(",")))
                                                       for w in layout))
        m.client(m.mig_devices(1)[0]["uuid"])
        look(m)
        m.stop_clients()
        m.smi("mig", "-i", "1", "-dci")
        look(m)
        m.smi("mig", "-i", "1", "-dgi")
        m.smi("-i", "1", "-mig", "0")
        look(m)
        print(f"{board} under {driver}: well", flush=True)


machine("a100-40gb-sxm", "550.163.01", ("3g.20gb:0,1", "2g.10gb", "1g.5gb+me"))
machine("a30", "550.163.01", ("2g.12gb:0,0", "1g.6gb", "1g.6gb+me"))
machine("h100-80gb-sxm", "580.159.04", ("4g.40gb:1,0", "1g.20gb", "1g.10gb"))
machine("h200", "580.159.04", ("7g.141gb:0,1,2",))
machine("rtx-pro-6000-server", "580.159.04", ("2g.48gb+gfx:0,0", "1g.24gb+me", "1g.24gb-me"))
report("go-nvlib", MODULE.version("github.com/NVIDIA/go-nvlib"),
       "device and info: GPUs, MIG devices and their profile names, profile tables and parsing, on A100 "
       "40GB, A30, H100, H200 and RTX PRO 6000, equal to migctl")
