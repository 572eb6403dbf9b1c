#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run timeout=300
"""migctl doctor: healthy labs have no finding; each finding is made in a lab, says what it must, and is
gone when the command that it prints has run in that lab's shell. What cannot be looked at is said, and
nothing is changed by looking. CDI files of nvidia-ctk itself: tests/clients/test_go_ctk.py."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import readers  # finds labtest
from labtest import PERMISSION, UNAVAILABLE, Place, check

# Boards with a layout that fills them.
FULL = {"a100-80gb-pcie": "9,14,14", "a30": "14,14", "h100-80gb-sxm": "9,14,19,19",
        "rtx-pro-6000-server": "14,14,5"}
FULL_DRIVER = "580.65.06"


def doctor(p, lab, *words, **more):
    """What it finds: {check: [finding]}, and all of the JSON."""
    done = p.run("--lab", lab, "doctor", *words, "-o", "json", **more)
    check(done.returncode in (0, UNAVAILABLE) and not done.stderr, f"{lab}: {done}")
    said = json.loads(done.stdout)
    check(done.returncode == (UNAVAILABLE if said["findings"] else 0), f"{lab}: exit {done.returncode}: {said}")
    found = {}
    for f in said["findings"]:
        check(f["what"] and f["command"] and f["severity"] in ("problem", "note"), f"{f}")
        found.setdefault(f["check"], []).append(f)
    return found, said


def names(p, lab, *words):
    return sorted(doctor(p, lab, *words)[0])


def only(p, lab, name, *parts, n=1):
    """The findings of that name are all there are; the first says the parts."""
    found, said = doctor(p, lab)
    check(sorted(found) == [name] and len(found[name]) == n, f"{lab}: not {n} of {name} but {said['findings']}")
    for part in parts:
        check(part in found[name][0]["what"], f"{part!r} is missing: {found[name][0]}")
    return found[name][0]


def shell(p, lab, command):
    done = p.run("lab", "shell", lab, "-c", command)
    check(done.returncode == 0, f"{lab}: {command}: {done}")


def mend(p, lab, finding, left=()):
    """Its command, as printed, in the lab's shell."""
    shell(p, lab, finding["command"])
    check(names(p, lab) == sorted(left), f"{lab}: after {finding['command']}: {doctor(p, lab)[1]['findings']}")


def machine(p, name, board="a100-80gb-pcie", layout="9,14", count=1, driver=FULL_DRIVER):
    lab = p.create(name, board=f"{board}:{count}", driver=driver)
    readers.smi(p, name, "-pm", "1")
    if layout:
        readers.smi(p, name, "-i", "0", "-mig", "1")
        readers.smi(p, name, "mig", "-i", "0", "-cgi", layout, "-C")
    check(names(p, name) == [], f"{name} is not well: {doctor(p, name)[1]}")
    return lab


def healthy(p):
    for board, layout in FULL.items():
        lab = p.create(board, board=board, driver=FULL_DRIVER)
        check(names(p, board) == [], f"{board} with MIG off: {doctor(p, board)[1]}")
        readers.smi(p, board, "-mig", "1")
        note = doctor(p, board)[0].get("no-instances", [{}])[0]
        check(note.get("severity") == "note", f"{board} without instances: {doctor(p, board)[1]}")
        shell(p, board, note["command"])
        note = only(p, board, "persistence")
        check(note["severity"] == "note" and note["gpu"] == 0, f"{note}")
        mend(p, board, note)
        readers.smi(p, board, "mig", "-dci")
        readers.smi(p, board, "mig", "-dgi")
        readers.smi(p, board, "mig", "-cgi", layout, "-C")
        done = p.run("doctor", env={"MIGKIT_LAB": str(lab)})
        check(done.returncode == 0 and done.stdout.endswith("\nNothing was found.\n"), f"{board}: {done}")


def instances(p):
    for board, layout in FULL.items():
        ids = layout.split(",")
        name = f"no-ci-{board}"
        machine(p, name, board, ids[0])
        readers.smi(p, name, "mig", "-cgi", ids[1])
        f = only(p, name, "gi-without-ci", "no compute instance")
        check((f["severity"], f["gpu"], f["ci"]) == ("problem", 0, None) and
              f["command"].startswith(f"sudo migctl create 0/{f['gi']}/"), f"{f}")
        mend(p, name, f)


def pending(p):
    for on in ("1", "0"):
        name = f"pending-{on}"
        machine(p, name, "a30", None)
        if on == "0":
            # Ampere leaves MIG mode with GPU instances that hold no compute instances.
            readers.smi(p, name, "-mig", "1")
            readers.smi(p, name, "mig", "-cgi", "14")
        p.ok("lab", "client", "start", "--lab", name, "--name", "watch", "--gpu", "0")
        readers.smi(p, name, "-mig", on)
        said = "is off and waits for a reset of the GPU to be on" if on == "1" else "which ends its instances"
        f = doctor(p, name)[0]["pending-mode"][0]
        check(said in f["what"] and "1 process that could be seen keeps it" in f["what"], f"{f}")
        check("'migctl who'" in f["what"], f"{f}")
        done = p.run("lab", "shell", name, "-c", f["command"])
        check(done.returncode != 0, f"reset while somebody holds the GPU: {done}")
        p.ok("lab", "client", "stop", "--lab", name, "--all")
        f = doctor(p, name)[0]["pending-mode"][0]
        check("0 processes that could be seen keep it" in f["what"], f"{f}")
        mend(p, name, f, ["no-instances"] if on == "1" else [])


def conditions(p):
    for driver in ("515.86.01", FULL_DRIVER):
        name = f"ill-{driver}"
        machine(p, name, driver=driver, count=2)
        for what, key, part in (("needs-reset", "reset-required", "reset"),
                                ("row-remap", "row-remap-pending", "at the next reset"),
                                ("lost", "gpu-lost", "GPU_IS_LOST")):
            p.ok("lab", "inject", "1", what, "--lab", name)
            f = only(p, name, key, part)
            check(f["gpu"] == 1 and f["severity"] == "problem", f"{f}")
            check(names(p, name, "-i", "0") == [] and names(p, name, "-i", "1") == [key], f"{name}: -i")
            # A reboot takes the instances and, in a lab, persistence as well.
            mend(p, name, f, ["no-instances", "persistence"] if what == "lost" else [])
        p.ok("lab", "inject", "1", "row-remap-failure", "--lab", name)
        f = doctor(p, name)[0]["row-remap-failure"][0]
        check("could not be replaced" in f["what"], f"{f}")


def unlisted(p):
    """A GPU that the module has, and NVML does not list."""
    lab = machine(p, "unlisted")
    gpus = lab / "proc/driver/nvidia/gpus"
    shutil.copytree(gpus / "0000:07:00.0", gpus / "0000:47:00.0")
    only(p, "unlisted", "gpu-not-listed", "has the GPU 0000:47:00.0")
    check(names(p, "unlisted", "-i", "0") == ["gpu-not-listed"], "it is of no GPU that -i could leave out")
    about = gpus / "0000:47:00.0/information"
    about.chmod(0o644)
    about.write_text(about.read_text().replace("GPU Excluded:\t No", "GPU Excluded:\t Yes"))
    check(names(p, "unlisted") == [], "the driver was told to leave it out")


def down(p):
    """The driver does not start: a finding, and not an error."""
    lab = machine(p, "down")
    version = lab / "proc/driver/nvidia/version"
    text = version.read_text()
    for code, key, parts in (
            ("LIB_RM_VERSION_MISMATCH", "versions", ["kernel module is 580.65.06", "libnvidia-ml.so.1 580.65.06"]),
            ("DRIVER_NOT_LOADED", "driver-not-loaded", ["580.65.06 is loaded, but NVML"]),
            ("UNKNOWN", "driver-init", ["NVML_ERROR_UNKNOWN"])):
        p.ok("lab", "fault", "add", "Init", "--return", code, "--lab", "down")
        f = only(p, "down", key, *parts)
        said = doctor(p, "down")[1]
        check(said["driver"] is None and said["source"] == "lab down", f"{said}")
        check("Machine:   lab down\n" in p.run("--lab", "down", "doctor").stdout, "no heading")
        if code == "DRIVER_NOT_LOADED":
            version.unlink()
            module = lab / "sys/module/nvidia"
            module.rename(lab / "module")
            f = only(p, "down", key, "on the PCI bus (0000:07:00.0)")
            check(f["command"] == "sudo modprobe nvidia", f"{f}")
            (lab / ".dockerenv").touch()
            only(p, "down", key, "in this container (/.dockerenv)")
            (lab / ".dockerenv").unlink()
            # Neither a module nor a GPU: nothing to look at.
            (lab / "sys/bus/pci/devices").rename(lab / "sys/bus/pci/none")
            p.refused(1, ["Driver Not Loaded"], "--lab", "down", "doctor")
            (lab / "sys/bus/pci/none").rename(lab / "sys/bus/pci/devices")
            (lab / "module").rename(module)
            version.write_text(text)
        if key == "versions":
            mend(p, "down", f, ["no-instances", "persistence"])
        else:
            p.ok("lab", "fault", "clear", "--all", "--lab", "down")
    readers.smi(p, "down", "-pm", "1")


def versions(p):
    lab = machine(p, "old")
    version = lab / "proc/driver/nvidia/version"
    text = version.read_text()
    version.chmod(0o644)
    version.write_text(text.replace("580.65.06", "575.57.08"))
    f = only(p, "old", "versions", "module is 575.57.08", "580.65.06")
    check(f["file"] == str(version) and f["command"] == "sudo reboot", f"{f}")
    version.write_text(text)
    link = next(lab.glob("usr/lib/*/libcuda.so.1"))
    link.unlink()
    link.symlink_to("libcuda.so.550.54.15")
    f = only(p, "old", "versions", "libcuda.so.1 leads to version 550.54.15", "the driver is 580.65.06")
    mend(p, "old", f)
    version.unlink()
    check(names(p, "old") == [], "/sys/module tells the version as well")
    shutil.rmtree(lab / "sys/module/nvidia")
    said = doctor(p, "old")[1]
    check(said["findings"] == [] and "kernel module's version" in said["not_looked_at"][0]["what"], f"{said}")
    out = p.ok("--lab", "old", "doctor")
    check("Nothing was found in what could be looked at.\nCould not look at the kernel module's" in out, out)


def device_files(p):
    lab = machine(p, "files")
    if not (lab / "dev/nvidia0").is_char_device():
        print("no device nodes can be made here: their absence alone is tried")
    for path, key, where in (("dev/nvidia0", "device-file", (0, None, None)),
                             ("dev/nvidiactl", "device-file", (None, None, None)),
                             ("dev/nvidia-uvm", "device-file", (None, None, None)),
                             ("dev/nvidia-caps/nvidia-cap1", "capability-file", (None, None, None)),
                             ("dev/nvidia-caps/nvidia-cap12", "capability-file", (0, 1, None)),
                             ("dev/nvidia-caps/nvidia-cap13", "capability-file", (0, 1, 0))):
        node = lab / path
        is_node, mode = node.is_char_device(), node.stat().st_mode & 0o777
        node.unlink()
        f = only(p, "files", key, f"/{path} is missing")
        check((f["gpu"], f["gi"], f["ci"]) == where and f["file"] == str(node), f"{f}")
        # The driver makes that one when CUDA first asks for it.
        check(f["severity"] == ("note" if "uvm" in path else "problem"), f"{f}")
        if not is_node:
            node.touch()
            continue
        mend(p, "files", f)
        node.chmod(0)
        f = only(p, "files", key, "has the mode 0000", f"{mode:04o}", "cannot open it")
        check(f["severity"] == "problem", f"{f}")
        mend(p, "files", f)
        node.chmod(0o777)
        f = only(p, "files", key, "has the mode 0777", "more users")
        check(f["severity"] == "note", f"{f}")
        mend(p, "files", f)
    for part in ("gi1/ci0", "gi1"):
        shutil.rmtree(lab / "proc/driver/nvidia/capabilities/gpu0/mig" / part)
        found = doctor(p, "files")[0]
        check(list(found) == ["capability-file"], f"{found}")
        f = found["capability-file"][0]
        check(f"{part}/access is missing" in f["what"], f"{f}")
        mend(p, "files", f)
    (lab / "proc/driver/nvidia-caps/mig-minors").unlink()
    said = doctor(p, "files")[1]
    check(said["findings"] == [] and "which device files" in said["not_looked_at"][0]["what"], f"{said}")


def container(p):
    lab = machine(p, "inside")
    for sign in (".dockerenv", "run/.containerenv"):
        (lab / sign).parent.mkdir(exist_ok=True)
        (lab / sign).touch()
        check(doctor(p, "inside")[1]["container"] == f"/{sign}", f"{sign}")
        (lab / sign).unlink()
    ident = "0123456789abcdef" * 4
    (lab / "proc/self").mkdir()
    (lab / "proc/self/cgroup").write_text(f"0::/system.slice/docker-{ident}.scope\n")
    check(doctor(p, "inside")[1]["container"] == f"docker://{ident}", "a cgroup")
    check(f"Container: docker://{ident}\n" in p.ok("--lab", "inside", "doctor"), "a container is not said")
    # What a container was not given is not missing from the machine.
    (lab / "dev/nvidia-caps/nvidia-cap13").unlink()
    (lab / "dev/nvidia-caps/nvidia-cap1").unlink()
    f = only(p, "inside", "not-in-container", "nvidia-cap12 and /dev/nvidia-caps/nvidia-cap13")
    uuid = next(d["uuid"] for d in p.json("--lab", "inside", "devices")["devices"] if d["gi"] == 1)
    check(f["severity"] == "note" and f"NVIDIA_VISIBLE_DEVICES={uuid}" in f["command"], f"{f}")
    (lab / "proc/self/cgroup").unlink()
    check("capability-file" in names(p, "inside"), "outside of a container the files are missing")


def cdi_device(name, *nodes):
    return {"name": name, "containerEdits": {"deviceNodes": [{"path": f"/dev/{n}"} for n in nodes]}}


def cdi_of(p, lab):
    """As nvidia-ctk names devices, and what it gives them (tests/clients/test_go_ctk.py)."""
    devices = []
    for g in p.json("--lab", lab, "status")["gpus"]:
        if g["mig_current"] == "off":
            devices += [cdi_device(n, f"nvidia{g['gpu']}") for n in (str(g["gpu"]), g["uuid"])]
    every = []
    for d in p.json("--lab", lab, "devices")["devices"]:
        nodes = [f"nvidia{d['gpu']}", *(d[k].removeprefix("/dev/") for k in ("gi_capability_file", "ci_capability_file"))]
        devices += [cdi_device(n, *nodes) for n in (f"{d['gpu']}:{d['mig_device']}", d["uuid"])]
        every += nodes
    return {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [*devices, cdi_device("all", *every)]}


def cdi(p):
    lab = machine(p, "cdi", count=2)
    for folder in ("etc/cdi", "var/run/cdi"):
        (lab / folder).mkdir(parents=True)
        path = lab / folder / "nvidia.json"
        spec = cdi_of(p, "cdi")
        path.write_text(json.dumps(spec))
        check(names(p, "cdi") == [], f"{doctor(p, 'cdi')[1]}")
        # The layout changes: one instance goes, two come.
        readers.smi(p, "cdi", "mig", "-i", "0", "-gi", "5", "-dci")
        readers.smi(p, "cdi", "mig", "-i", "0", "-gi", "5", "-dgi")
        readers.smi(p, "cdi", "mig", "-i", "0", "-cgi", "19,19", "-C")
        found, said = doctor(p, "cdi")
        check(list(found) == ["cdi-stale", "cdi-lacks"], f"{said}")
        stale, lacks = found["cdi-stale"][0], found["cdi-lacks"][0]
        gone = next(d["name"] for d in spec["devices"] if d["name"].startswith("MIG-") and "nvidia-cap49" in str(d))
        for part in ("0:1 (nvidia-cap49: GPU 0, GI 5, CI 0)", gone, f"/{folder}/nvidia.json"):
            check(part in stale["what"], f"{part}: {stale}")
        for part in ("MIG device 0/11/0 (nvidia-cap103)", "MIG device 0/12/0 (nvidia-cap112)"):
            check(part in lacks["what"], f"{part}: {lacks}")
        for f in (stale, lacks):
            check(f["file"] == str(path) and f["command"].startswith(
                "migctl lab exec --proc -- nvidia-ctk cdi generate ") and f"--output={path}" in f["command"], f"{f}")
        path.write_text(json.dumps(cdi_of(p, "cdi")))
        check(names(p, "cdi") == [], f"{doctor(p, 'cdi')[1]}")
        readers.smi(p, "cdi", "mig", "-i", "0", "-gi", "11,12", "-dci")
        readers.smi(p, "cdi", "mig", "-i", "0", "-gi", "11,12", "-dgi")
        readers.smi(p, "cdi", "mig", "-i", "0", "-cgi", "14", "-C")
        path.unlink()
    path = lab / "etc/cdi/nvidia.yaml"
    for change, parts in (
            # An index means another device than the one whose nodes it has.
            (lambda s: s["devices"].append(cdi_device("0:0", "nvidia0", "nvidia-caps/nvidia-cap48",
                                                      "nvidia-caps/nvidia-cap49")), ["0:0 (now GI 1, CI 0)"]),
            (lambda s: s["devices"].append(cdi_device("0:7", "nvidia0")), ["1 of its devices is", "0:7"]),
            (lambda s: s["devices"].append(cdi_device("0", "nvidia0")), ["0 (all of GPU 0, which is in MIG mode)"]),
            (lambda s: s["devices"].append(cdi_device("MIG-x\x1b[31m", "nvidia0")), ["MIG-x"])):
        spec = cdi_of(p, "cdi")
        change(spec)
        path.write_text(json.dumps(spec))
        f = only(p, "cdi", "cdi-stale", *parts)
        check("\x1b" not in f["what"], f"{f}")
    # Where MIG devices do not tell who they are, no name is called wrong.
    path.write_text(json.dumps(cdi_of(p, "cdi")))
    p.ok("lab", "fault", "add", "DeviceGetMigDeviceHandleByIndex", "--return", "UNKNOWN", "--lab", "cdi")
    said = doctor(p, "cdi")[1]
    check(said["findings"] == [] and "names in the CDI files" in str(said["not_looked_at"]), f"{said}")
    p.ok("lab", "fault", "clear", "--all", "--lab", "cdi")
    spec["kind"] = "example.com/gpu"
    path.write_text(json.dumps(spec))
    check(names(p, "cdi") == [], "another vendor's file")
    for text, why in (("[", "neither YAML nor JSON"), ("", "empty")):
        path.write_text(text)
        said = doctor(p, "cdi")[1]
        check(said["findings"] == [] and why in said["not_looked_at"][0]["why"] and
              "nvidia.yaml" in said["not_looked_at"][0]["what"], f"{said}")


def gres(p, lab, **more):
    lines = []
    for g in p.json("--lab", lab, "status")["gpus"]:
        if g["mig_current"] == "off":
            lines.append(f"Name=gpu File=/dev/nvidia{g['gpu']}")
    for d in p.json("--lab", lab, "devices")["devices"]:
        lines.append(f"Name=gpu Type={d['ci_profile']} MultipleFiles=/dev/nvidia{d['gpu']},"
                     f"{d['gi_capability_file']},{d['ci_capability_file']}")
    return "".join(f"{line}\n" for line in lines)


def slurm(p):
    lab = machine(p, "slurm", count=2)
    for folder in ("etc/slurm", "etc/slurm-llnl"):
        (lab / folder).mkdir(parents=True)
        path = lab / folder / "gres.conf"
        path.write_text("# of this machine\nNodeName=other Name=gpu File=/dev/nvidia0\n" +
                        gres(p, "slurm").replace("Name=", "NodeName=gpu[1-3],slurm Name=", 1))
        check(names(p, "slurm") == [], f"{doctor(p, 'slurm')[1]}")
        readers.smi(p, "slurm", "mig", "-i", "0", "-gi", "5", "-dci")
        readers.smi(p, "slurm", "mig", "-i", "0", "-gi", "5", "-dgi")
        readers.smi(p, "slurm", "mig", "-i", "0", "-cgi", "19,19", "-C")
        found, said = doctor(p, "slurm")
        check(list(found) == ["slurm-stale", "slurm-lacks"], f"{said}")
        check("line 5 (nvidia-cap49 is no instance now: it was GPU 0, GI 5)" in found["slurm-stale"][0]["what"],
              f"{found}")
        for part in ("MIG device 0/11/0 (nvidia-cap103)", "MIG device 0/12/0 (nvidia-cap112)"):
            check(part in found["slurm-lacks"][0]["what"], f"{found}")
        mend(p, "slurm", found["slurm-stale"][0], ["slurm-lacks"])
        mend(p, "slurm", found["slurm-lacks"][0])
        text = path.read_text()
        check(text.startswith("# of this machine\nNodeName=other ") and "nvidia-cap49" not in text and
              "\nNodeName=gpu[1-3],slurm Name=gpu Type=1g.10gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/"
              "nvidia-cap102,/dev/nvidia-caps/nvidia-cap103\n" in text, text)
        readers.smi(p, "slurm", "mig", "-i", "0", "-gi", "11,12", "-dci")
        readers.smi(p, "slurm", "mig", "-i", "0", "-gi", "11,12", "-dgi")
        readers.smi(p, "slurm", "mig", "-i", "0", "-cgi", "14", "-C")
        path.unlink()
    path = lab / "etc/slurm/gres.conf"
    # A line may go on in the next, and is taken out whole.
    text = gres(p, "slurm")
    path.write_text(f"{text}Name=gpu \\\n  File=/dev/nvidia-caps/nvidia-cap102 \\\n  Count=1\n# end\n")
    f = only(p, "slurm", "slurm-stale", f"line {text.count(chr(10)) + 1} (")
    mend(p, "slurm", f)
    check(path.read_text() == f"{text}# end\n", path.read_text())
    path.write_text("AutoDetect=nvml\nName=gpu File=/dev/nvidia1\n")
    check(names(p, "slurm") == [], "what Slurm detects needs no line")
    path.write_text("name=gpu file=/dev/nvidia[0-1]\n" + "".join(
        line + "\n" for line in gres(p, "slurm").splitlines() if "Multiple" in line))
    # The line is of two GPUs, one of which is divided.
    readers.smi(p, "slurm", "-i", "1", "-mig", "1")
    readers.smi(p, "slurm", "mig", "-i", "1", "-cgi", "0", "-C")
    found = doctor(p, "slurm")[0]
    check("all of GPU" in found["slurm-stale"][0]["what"], f"{found}")


def recording(p):
    lab = machine(p, "kept", "a30", "14")
    readers.smi(p, "kept", "mig", "-cgi", "14")
    (lab / "dev/nvidia0").unlink()
    p.ok("--lab", "kept", "snapshot", "kept.json")
    done = p.run("doctor", "--snapshot", "kept.json", "-o", "json")
    said = json.loads(done.stdout)
    check(done.returncode == UNAVAILABLE and [f["check"] for f in said["findings"]] == ["gi-without-ci"], f"{said}")
    check(len(said["not_looked_at"]) == 4 and said["recorded"], f"{said}")


def ordinary(p):
    """A user who may not manage the GPU: what he is not told, or may not read, is said."""
    if os.geteuid() != 0:
        return
    lab = p.create("real", "--permissions", "real", board="a100-80gb-sxm", driver=FULL_DRIVER)
    for words in (["-pm", "1"], ["-mig", "1"], ["mig", "-cgi", "9,14", "-C"], ["mig", "-cgi", "19"]):
        readers.smi(p, "real", *words)
    for path in ("etc/cdi", "etc/slurm"):
        (lab / path).mkdir(parents=True)
    (lab / "etc/slurm/gres.conf").write_text("Name=gpu File=/dev/nvidia0\n")
    (lab / "etc/cdi/nvidia.json").write_text(json.dumps(cdi_of(p, "real")))
    before = p.as_other()
    subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)
    env = {"MIGKIT_LAB": str(lab), "XDG_STATE_HOME": "/nonexistent", "HOME": "/nonexistent"}
    subprocess.run(["chmod", "0400", lab / "dev/nvidia-caps/nvidia-cap1"], check=True)
    subprocess.run(["chmod", "0", lab / "etc/slurm/gres.conf"], check=True)
    subprocess.run(["chmod", "0700", lab / "etc/cdi"], check=True)
    done = p.run("doctor", "-o", "json", env=env, before=before)
    check(done.returncode == 0, f"{done}")
    said = json.loads(done.stdout)
    hidden = {u["what"]: u["why"] for u in said["not_looked_at"]}
    check(hidden == {"instances of GPU 0 that are no MIG device": "NVML_ERROR_NO_PERMISSION",
                     "CDI files in /etc/cdi": "this user may not",
                     "Slurm's /etc/slurm/gres.conf": "this user may not"}, f"{said}")
    check(said["not_looked_at"][0]["gpu"] == 0, f"{said}")
    p.refused(PERMISSION, [], "boards", "capture", "x.yaml", env=env, before=before)


def failing_calls(p):
    """Each call fails with each code: never a crash, and never 'nothing' without a word."""
    lab = machine(p, "calls", count=2)
    log = p.root / "log"
    p.ok("doctor", env={"MIGKIT_LAB": str(lab), "MIGKIT_LOG": str(log)})
    made = sorted(set(re.findall(r"^\d+ (nvml\w+)", log.read_text(), re.M)))
    # What no check on this machine is about, or what another call tells as well.
    harmless = re.compile(r"Serial|CudaDriverVersion|NVMLVersion|ErrorString|ExportTable|Attributes|MemoryInfo|"
                          r"Architecture|ComputeCapability|PciInfo|ProcessName|UUID|DeviceGetName|InstanceP|"
                          r"RunningProcesses|MigDevice|InstanceId|ComputeInstanceGetInfo")
    quiet = []
    for call in made:
        for code in ("UNKNOWN", "NO_PERMISSION", "GPU_IS_LOST"):
            p.ok("lab", "fault", "add", call if re.search(r"_v\d+$", call) else call + "_v1", "--return", code,
                 "--name", "migctl", "--lab", "calls")
            done = p.run("doctor", env={"MIGKIT_LAB": str(lab)})
            well = done.returncode == 0 and done.stdout.endswith("Nothing was found.\n")
            check(done.returncode in (0, 1, UNAVAILABLE) and (done.returncode == 1) == bool(done.stderr),
                  f"{call} returns {code}: {done}")
            if well and not harmless.search(call):
                quiet.append(f"{call} returns {code}")
            p.ok("lab", "fault", "clear", "--all", "--lab", "calls")
    check(not quiet, "nothing is found, and nothing said to be hidden:\n" + "\n".join(quiet))
    return len(made)


def printed(p):
    """The table's commands can be copied, however narrow it is; it is the same each time."""
    lab = machine(p, "shown", count=2)
    (lab / "etc/slurm").mkdir(parents=True)
    (lab / "etc/slurm/gres.conf").write_text("Name=gpu File=/dev/nvidia0\n")
    readers.smi(p, "shown", "mig", "-i", "0", "-cgi", "19")
    commands = [f["command"] for f in doctor(p, "shown")[1]["findings"]]
    check(len(commands) == 3, f"{commands}")
    for columns in ("40", "80", "300"):
        env = {"MIGKIT_LAB": str(lab), "COLUMNS": columns}
        text = p.run("doctor", env=env).stdout
        check(text == p.run("doctor", env=env).stdout, "another order")
        flat = re.sub(r" \\\n +", " ", text)
        check([line[4:] for line in flat.splitlines() if line.startswith("    ")] == commands, text)


def main():
    with Place(None) as p:
        for part in (healthy, instances, pending, conditions, unlisted, down, versions, device_files, container, cdi, slurm,
                     recording, ordinary, printed):
            part(p)
        print(f"each of {failing_calls(p)} calls fails")
    check(not list(pathlib.Path(p.root).glob("*")), "left behind")


main()
