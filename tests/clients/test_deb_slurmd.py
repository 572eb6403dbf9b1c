#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's slurmd -G with its gpu/nvml plugin: the GPUs and MIG devices that it would schedule."""
import pathlib
import re
import tempfile

import debian12
from changes import changes
from common import Machine, check, minor, report, same

LABS = (("a100-40gb-sxm", "550.163.01", "9,14,19"), ("h100-80gb-sxm", "580.65.06", "9,15,19"))


def start(m, gres, rc=0):
    """slurmd -G on a node with these GRES; what it says."""
    (m.root / "spool").mkdir(exist_ok=True)
    host = pathlib.Path("/proc/sys/kernel/hostname").read_text().strip().partition(".")[0]
    (m.root / "slurm.conf").write_text(f"""ClusterName=test
SlurmctldHost={host}
PluginDir={debian12.SLURM}
GresTypes=gpu
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdSpoolDir={m.root}/spool
SlurmdPidFile={m.root}/pid
StateSaveLocation={m.root}/spool
SlurmUser=root
NodeName={host} Gres={gres} CPUs=1
PartitionName=all Nodes=ALL Default=YES
""")
    (m.root / "gres.conf").write_text("AutoDetect=nvml\n")
    # It asks the system for devices only if it is called slurmd: in Debian an alternative is.
    program = m.bin / "slurmd"
    if not program.is_symlink():
        program.symlink_to(debian12.ROOT / "usr" / "sbin" / "slurmd-wlm")
    done = m.run([program, "-G", "-f", m.root / "slurm.conf"], files=True, env=debian12.environment(m),
                 rc=rc)
    return done.stdout + done.stderr


def wanted(m):
    """[(type, device files, MIG UUID)] by migctl's word."""
    found = []
    for gpu in m.gpus():
        node = f"/dev/nvidia{gpu['gpu']}"
        if gpu["mig_current"] == "off":
            found.append((gpu["name"].lower().replace(" ", "_"), node, "(null)"))
        for i in m.mig_devices(gpu["gpu"]):
            caps = [f"/dev/nvidia-caps/nvidia-cap{minor(gpu['gpu'], i['gi'], ci)}"
                    for ci in (None, i["ci"])]
            # Slurm cuts the GPU's name at its first hyphen and adds the profile.
            board = gpu["name"].lower().replace(" ", "_").partition("-")[0]
            found.append((f"{board}_{i['ci_profile']}", ",".join([node, *caps]), i["uuid"]))
    return sorted(found)


def detected(m, stage):
    """With a type that none has, it lists all that it found as ignored."""
    text = start(m, "gpu:none:1")
    got = re.findall(r"GRES\[gpu\] Type:(nvidia\S+) .*? File:(\S+) UniqueId:(\S+)", text)
    same(f"{stage}: detected", sorted(got), wanted(m))
    check(f"{len(m.gpus())} GPU system device(s) detected" in text, f"{stage}: {text}")


def scheduled(m, stage):
    """With the types of slurm.conf, each is a GRES of its own.

    MIG devices or, where there are none, GPUs: Slurm takes a type for any device whose type has it
    as a part, and the type of an H100 is a part of those of its MIG devices.
    """
    types = sorted(i["ci_profile"] for i in m.mig_devices())
    files = [f for _, f, _ in wanted(m) if bool(types) == ("nvidia-cap" in f)]
    types = types or [kind for kind, _, _ in wanted(m)]
    text = start(m, ",".join(f"gpu:{t}:{types.count(t)}" for t in sorted(set(types))))
    got = re.findall(r"Gres Name=gpu Type=(\S+) Count=(\d+) .*?File=(\S+) ", text)
    same(f"{stage}: scheduled", sorted(f for _, _, f in got), sorted(files))
    same(f"{stage}: types", {t: sum(int(n) for u, n, _ in got if u == t) for t in types},
         {t: types.count(t) for t in types})


def main():
    stages = 0
    with tempfile.TemporaryDirectory(prefix="migkit-slurm-") as folder:
        for board, driver, profiles in LABS:
            machine = debian12.this_host(pathlib.Path(folder), board)
            with Machine("--machine", str(machine), "--driver", driver) as m:
                for stage in changes(m, profiles):
                    stages += 1
                    if m.gpus()[0]["mig_current"] == "on" and not m.mig_devices(0):
                        # So it does on hardware: it ends where MIG mode is on and nothing is made.
                        text = start(m, "gpu:none:1", rc=1)
                        check("MIG mode is enabled, but no MIG devices were found" in text, text)
                        continue
                    detected(m, f"{board}: {stage}")
                    if m.mig_devices() or stage.startswith("mode off"):
                        scheduled(m, f"{board}: {stage}")
    report("slurmd", debian12.version("slurmd"), f"-G with AutoDetect=nvml in {stages} stages: types, device "
           "files with capability nodes, MIG UUIDs")


main()
