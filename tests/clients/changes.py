# SPDX-License-Identifier: Apache-2.0
"""The changes of a layout that each client is held against: its life from mode on to mode off.

    for stage in changes(machine, "9,14,19"):
        ... what does the client say now, and what does migctl?

GPU 0 goes through them; other GPUs of the machine stay as they are. After each stage migctl has been
asked that it is what it should be.
"""
from common import check, same

# nvidia-smi's exit code where something is in use.
IN_USE = 19


def changes(m, profiles):
    yield "mode off"
    m.smi("-i", "0", "-mig", "1")
    same("MIG mode", m.gpus()[0]["mig_current"], "on")
    yield "mode on"
    m.smi("mig", "-i", "0", "-cgi", profiles, "-C")
    same("MIG devices", len(m.mig_devices(0)), len(profiles.split(",")))
    yield "created"
    device = m.mig_devices(0)[-1]
    pid = m.client(device["uuid"], memory="512MiB", name="train")
    same("processes", [c["pid"] for c in m.status()["clients"] if c["gpu"] == 0], [pid])
    yield "process"
    busy = ("mig", "-i", "0", "-gi", str(device["gi"]), "-ci", str(device["ci"]), "-dci")
    done = m.try_migctl("smi", *busy)
    check(done.returncode == IN_USE, f"an instance in use is destroyed: exit {done.returncode}")
    same("MIG devices while one is busy", len(m.mig_devices(0)), len(profiles.split(",")))
    yield "busy"
    m.migctl("lab", "client", "stop", str(pid))
    m.smi(*busy)
    m.smi("mig", "-i", "0", "-gi", str(device["gi"]), "-dgi")
    same("MIG devices", len(m.mig_devices(0)), len(profiles.split(",")) - 1)
    yield "one destroyed"
    m.smi("mig", "-i", "0", "-dci")
    yield "no compute instances"
    m.smi("mig", "-i", "0", "-dgi")
    same("instances", m.layout(), {})
    yield "all destroyed"
    m.smi("-i", "0", "-mig", "0")
    same("MIG mode", m.gpus()[0]["mig_current"], "off")
    yield "mode off again"
