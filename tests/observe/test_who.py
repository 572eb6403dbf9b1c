#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""'migctl who' on labs with real processes: each way to hold a GPU is found; what it says must stop
before a change is what the simulated driver then asks for, and enough of it."""
import csv
import ctypes
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
from labtest import (BUILD, NOT_FOUND, USAGE, Place, check, fail, skip, wait_gone)  # noqa: E402


def hold_nvml():
    """Has the simulated driver open until its input ends."""
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
    print(lib.nvmlInit_v2(), flush=True)
    sys.stdin.readline()


class Holders:
    """Processes that end with the test."""

    def __init__(self, p):
        self.p, self.started = p, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.started:
            one.kill()
            one.wait()
            one.stdin.close()
            one.stdout.close()

    def start(self, words, env=None, before=()):
        one = subprocess.Popen([*before, *words], env={**self.p.env, **(env or {})}, cwd=self.p.root,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
        self.started.append(one)
        return one

    def nvml(self, lab):
        """Any program that has NVML initialised."""
        one = self.start([sys.executable, __file__, "hold-nvml"],
                         {"MIGKIT_LAB": str(self.p.labs / lab), "MIGKIT_BUILD": str(BUILD)})
        check(one.stdout.readline().strip() == "0", "NVML cannot be initialised")
        return one.pid

    def files(self, lab, *paths):
        """A program on the lab's machine that has device files open; None: they cannot be there."""
        opens = "; ".join(f"exec {n}<{path}" for n, path in enumerate(paths, 3))
        one = self.start([str(self.p.migctl), "lab", "exec", lab, "--", "sh", "-c",
                          f"({opens}) || exit 9; {opens}; echo ready; read line"])
        return one.pid if one.stdout.readline().strip() == "ready" else None


def smi(p, lab, *words):
    return p.run("--lab", lab, "smi", *words)


def who(p, lab, *words, **more):
    return p.json("--lab", lab, "who", *words, **more)


def partition(p, lab, gpu, *profiles):
    check(smi(p, lab, "-i", str(gpu), "-mig", "1").returncode == 0, "MIG mode does not go on")
    done = smi(p, lab, "mig", "-i", str(gpu), "-cgi", ",".join(profiles), "-C")
    check(done.returncode == 0, f"no instances: {done.stdout}{done.stderr}")


def client(p, lab, *words):
    return int(p.ok("lab", "client", "start", "--lab", lab, *words))


def instances(p, lab, gpu):
    return [i for i in p.json("lab", "status", lab)["instances"] if i["gpu"] == gpu]


def of(said, pid):
    return sorted((r["gpu"], r["gi"], r["ci"], r["kind"]) for r in said["processes"] if r["pid"] == pid)


def every_kind(p):
    p.create("all", board="a100-80gb-pcie:2", driver="535.261.03")
    partition(p, "all", 0, "9", "19")
    one, two = instances(p, "all", 0)
    empty = who(p, "all")
    check(empty["processes"] == [] and empty["stops"] == [], f"who holds an idle lab: {empty}")
    check("No process holds it." in p.ok("--lab", "all", "who"), "a table of nobody")
    with Holders(p) as h:
        train = client(p, "all", "--name", "train", "--device", one["uuid"], "--memory", "1GiB")
        daemon = client(p, "all", "--name", "nvidia-persistenced")
        watch = client(p, "all", "--name", "watch", "--gpu", "1")
        monitor = h.nvml("all")
        said = who(p, "all")
        check(of(said, train) == [(0, one["gi"], one["ci"], "compute")], f"train: {said}")
        check(of(said, daemon) == [(0, None, None, "attached"), (1, None, None, "attached")],
              f"persistenced: {said}")
        check(of(said, watch) == [(1, None, None, "attached")], f"watch: {said}")
        check(of(said, monitor) == [(g, None, None, "attached") for g in (0, 1)], f"NVML: {said}")
        check(len(said["processes"]) == 6, f"others: {said}")
        row = next(r for r in said["processes"] if r["pid"] == train)
        check(row["memory_bytes"] == 1 << 30 and row["name"] == "train" and row["command"] == "train",
              f"train is told wrongly: {row}")
        row = next(r for r in said["processes"] if r["pid"] == monitor)
        check(row["command"].endswith("test_who.py hold-nvml") and row["memory_bytes"] is None,
              f"the NVML program is told wrongly: {row}")
        check(row["user"] == subprocess.run(["id", "-un"], capture_output=True, text=True,
                                            check=False).stdout.strip(), f"its user: {row}")
        places(p, train, one, two, said)
        formats(p, said)
        recording(p, said)
        table = p.ok("--lab", "all", "who", env={"COLUMNS": "200"})
        for word in ("train", "nvidia-persistenced", "a change of MIG mode", f"kill {train}"):
            check(word in table, f"{word!r} is missing:\n{table}")
        # Ended, it holds nothing.
        os.kill(train, signal.SIGKILL)
        wait_gone(train)
        check(of(who(p, "all"), train) == [], "a dead client still holds")
    p.ok("lab", "client", "stop", "--all", "--lab", "all")


def places(p, train, one, two, whole):
    """DEVICE in all its forms, and what is none."""
    uuids = {g["gpu"]: g["uuid"] for g in p.json("lab", "status", "all")["gpus"]}
    buses = {g["gpu"]: g["bus_id"] for g in p.json("lab", "status", "all")["gpus"]}
    gi, ci = one["gi"], one["ci"]
    for word in ("0", uuids[0], buses[0]):
        said = who(p, "all", word)
        check({r["gpu"] for r in said["processes"]} == {0} and of(said, train), f"{word}: {said}")
        check({c["gpu"] for c in said["changes"]} == {0}, f"{word}: {said['changes']}")
    check(who(p, "all", "-i", "0,1")["processes"] == whole["processes"], "-i 0,1 is not all")
    check(who(p, "all", "-i", "1")["processes"] ==
          [r for r in whole["processes"] if r["gpu"] == 1], "-i 1")
    for word in (f"0/{gi}", f"{uuids[0]}/{gi}", f"0/{gi}/{ci}", one["uuid"]):
        said = who(p, "all", word)
        check([r["pid"] for r in said["processes"]] == [train], f"{word}: {said}")
        check(all(c["gi"] == gi and c["blocked"] for c in said["changes"]), f"{word}: {said}")
    said = who(p, "all", f"0/{two['gi']}")
    check(said["processes"] == [] and not any(c["blocked"] for c in said["changes"]),
          f"the other instance: {said}")
    at = ("--lab", "all", "who")
    for word in ("x/", "0/", "0/-1", "0/x", "0/1/2/3", "0,1", "0/300", "0/1/", "", "0/1 "):
        p.refused(USAGE, ["GPU/GI/CI"], *at, word)
    p.refused(USAGE, ["leave one out"], *at, "-i", "0", "0")
    p.refused(NOT_FOUND, ["GPU 0", "GPU instance 14", str(gi)], *at, "0/14")
    p.refused(NOT_FOUND, ["GPU instance", "compute instance 7"], *at, f"0/{gi}/7")
    p.refused(NOT_FOUND, ["'9'"], *at, "9")
    p.refused(NOT_FOUND, ["no MIG device"], *at, "MIG-00000000-0000-0000-0000-000000000000")


def formats(p, said):
    rows = list(csv.DictReader(io.StringIO(p.ok("--lab", "all", "who", "-o", "csv"))))
    check([r["pid"] for r in rows] == [str(r["pid"]) for r in said["processes"]], f"CSV: {rows}")
    check(list(rows[0]) == list(said["processes"][0]), "CSV has other keys than JSON")


def recording(p, said):
    path = p.root / "all.json"
    p.ok("--lab", "all", "snapshot", str(path))
    again = p.json("who", "--snapshot", str(path))
    check(again["recorded"] and again["processes"] == said["processes"] and
          again["stops"] == said["stops"], f"the recording tells otherwise: {again}")
    check("Recording" in p.ok("who", "--snapshot", str(path)), "it does not say that it is one")


ID = "0123456789abcdef" * 4
# On a real machine: pid, kind (2: graphics, 8: files, 1: compute), GI, unit, container; how it is stopped.
REAL = [
    (101, 8, None, "nvidia-persistenced.service", None, "systemctl stop nvidia-persistenced.service"),
    (102, 8, 1, "nv-hostengine.service", None, "systemctl stop nv-hostengine.service"),
    (103, 1, 1, None, f"docker://{ID}", f"docker stop {ID[:12]}"),
    (104, 1, 1, "containerd.service", f"containerd://{ID}", f"crictl stop {ID[:13]}"),
    (105, 1, 1, "user@1000.service", f"podman://{ID}", f"podman stop {ID[:12]}"),
    (106, 1, 1, None, f"cri-o://{ID}", f"crictl stop {ID[:13]}"),
    (107, 1, 1, None, "lxc://web1", "lxc-stop -n web1"),
    (108, 1, 1, None, "nspawn://build", "machinectl poweroff build"),
    (109, 1, 1, None, ID, "kill 109"),
    (110, 1, 1, "slurm/job_4711", None, "scancel 4711"),
    (111, 1, 1, "user@1000.service/jupyter.service", None, "systemctl --user stop jupyter.service"),
    (112, 1, 1, "session-3.scope", None, "kill 112"),
    (113, 1, 1, "user@1000.service", None, "kill 113"),
    (114, 2, None, None, None, "kill 114"),
]


def real_machine(p):
    """What no lab has, by a recording: units, containers, files of a real driver, a user who sees little."""
    p.create("real", board="h100-80gb-sxm", driver="580.65.06")
    partition(p, "real", 0, "9", "19")
    path = p.root / "real.json"
    p.ok("--lab", "real", "snapshot", str(path))
    whole = json.loads(path.read_text(encoding="utf-8"))
    gi = instances(p, "real", 0)[0]["gi"]
    whole["machine"].update(lab=False, source="driver 580.65.06")
    whole["processes"] = [
        {"gpu": 0, "gi": at and gi, "ci": None if kind == 8 or at is None else 0, "pid": pid, "kind": kind,
         "uid": 1000, "memory": None, "name": "python3", "command": "python3 train.py --batch 64",
         "user": "ada", "unit": unit, "container": container,
         "files": "/dev/nvidiactl /dev/nvidia0 /dev/nvidia-uvm /dev/nvidia-caps/nvidia-cap21"}
        for pid, kind, at, unit, container, _ in REAL]
    whole["holders"].update(n_unread=3, hidden=True, namespaced=True)
    path.write_text(json.dumps(whole), encoding="utf-8")
    said = p.json("who", "--snapshot", str(path))
    check((said["unread_processes"], said["others_hidden"], said["in_pid_namespace"]) == (3, True, True),
          f"what was not seen: {said}")
    how = {s["pid"]: s["command"] for s in said["stops"] if s["change"] == "reset"}
    check(how == {r[0]: r[5] for r in REAL}, f"how they are stopped: {how}")
    ends = {s["pid"] for s in said["stops"] if s["change"] == "destroy-gi" and s["gi"] == gi}
    check(ends == {r[0] for r in REAL if r[2] or r[1] == 2}, f"who holds the instance: {ends}")
    # A capability of the GPU instance alone keeps that, not what is in it.
    ends = {s["pid"] for s in said["stops"] if s["change"] == "destroy-ci" and s["gi"] == gi}
    check(ends == {r[0] for r in REAL if r[1] != 8}, f"who holds the compute instance: {ends}")
    ends = {s["pid"] for s in said["stops"] if s["change"] == "mode"}
    check(ends == {r[0] for r in REAL if r[2] or r[1] == 2}, f"Hopper's mode: {ends}")
    for width in ("80", "200"):
        table = p.ok("who", "--snapshot", str(path), env={"COLUMNS": width})
        check(max(map(len, table.splitlines())) <= int(width), f"wider than {width}:\n{table}")
        for word in ("scancel 4711", "3 processes", "hidepid", "namespace",
                     "kill 109 112 113 114"):
            check(word in " ".join(table.split()), f"{word!r} is missing at {width}:\n{table}")
    whole["processes"] = []
    path.write_text(json.dumps(whole), encoding="utf-8")
    check("nothing that is seen" in p.ok("who", "--snapshot", str(path)), "all is taken for seen")


def device_files(p):
    """Who only has files open is in no list of NVML's."""
    p.create("dev", board="a100-80gb-pcie:2", driver="550.90.07")
    p.create("other", board="a100-80gb-pcie:2", driver="550.90.07")
    partition(p, "dev", 0, "9", "19")
    gi = instances(p, "dev", 0)[0]["gi"]
    with Holders(p) as h:
        gpu1 = h.files("dev", "/dev/nvidia1", "/dev/nvidiactl")
        if gpu1 is None:
            return print("no mount namespace: device files were not tried")
        control = h.files("dev", "/dev/nvidiactl")
        cap = h.files("dev", f"/dev/nvidia-caps/nvidia-cap{3 + 9 * gi}",
                      f"/dev/nvidia-caps/nvidia-cap{3 + 9 * gi + 1}") if os.geteuid() == 0 else None
        said = who(p, "dev")
        check(of(said, gpu1) == [(1, None, None, "files")], f"/dev/nvidia1: {said}")
        row = next(r for r in said["processes"] if r["pid"] == gpu1)
        check(set(row["files"].split()) == {"/dev/nvidia1", "/dev/nvidiactl"}, f"its files: {row}")
        check(of(said, control) == [(None, None, None, "files")], f"/dev/nvidiactl: {said}")
        if cap:
            check(of(said, cap) == [(0, gi, 0, "files")], f"capabilities: {said}")
            check(of(who(p, "dev", f"0/{gi}"), cap), "the instance's holder is not told")
        check(said["stops"] == [], f"files block a lab: {said['stops']}")
        check("block nothing in a lab" in p.ok("--lab", "dev", "who"), "it is not said")
        # Of one GPU alone: not who holds the other, nor who holds none.
        check(not of(who(p, "dev", "0"), gpu1) and not of(who(p, "dev", "0"), control), "GPU 0 alone")
        # Another lab's machine, and the host, are other machines.
        check(who(p, "other")["processes"] == [], f"the other lab: {who(p, 'other')}")


def ordinary_user(p):
    """Whose files are not to be seen is counted, not left out."""
    if os.geteuid():
        return print("not root: another user was not tried")
    p.create("user", board="a100-80gb-pcie", driver="550.90.07")
    for folder in (p.root, *list(p.labs.parents)[:2], p.labs, p.labs / "user"):
        os.chmod(folder, 0o755)
    before = p.as_other()
    with Holders(p) as h:
        client(p, "user", "--name", "daemon")
        monitor = h.nvml("user")
        said = who(p, "user", before=before)
        check(said["unread_processes"] > 0, f"nobody is told that something is hidden: {said}")
        check(len(of(said, monitor)) == 1, f"attached programs are seen by all: {said}")
        row = next(r for r in said["processes"] if r["pid"] == monitor)
        check(row["user"] == "root" and "hold-nvml" in row["command"], f"what ps tells: {row}")
        check("root sees them" in p.run("--lab", "user", "who", before=before).stdout, "it is not said")
        check(who(p, "user")["unread_processes"] == 0, "root may see all")
    p.ok("lab", "client", "stop", "--all", "--lab", "user")


# --- what has to stop ----------------------------------------------------------------------------

BOARDS = [("a100-80gb-pcie", "535.261.03", ("9", "19")), ("h100-80gb-sxm", "580.65.06", ("9", "19"))]
# MIG mode, who is there
SCENES = [("off", []), ("off", ["attached"]), ("off", ["compute"]), ("empty", []), ("empty", ["attached"]),
          ("on", []), ("on", ["attached"]), ("on", ["device"]), ("on", ["attached", "device"])]


def scene(p, lab, board, driver, profiles, mode, holders):
    p.create(lab, board=board, driver=driver)
    if mode == "empty":
        smi(p, lab, "-mig", "1")
    elif mode == "on":
        partition(p, lab, 0, *profiles)
    for kind in holders:
        client(p, lab, "--name", kind, *{
            "attached": [], "compute": ["--memory", "1GiB"],
            "device": ["--device", next((i["uuid"] for i in instances(p, lab, 0)), "-")]}[kind])


def mode_of(p, lab):
    return p.json("lab", "status", lab)["gpus"][0]["mig_current"]


def attempt(p, lab, change):
    """Whether the change is done by nvidia-smi's words."""
    gi, ci = str(change["gi"]), str(change["ci"])
    if change["change"] == "mode":
        now = mode_of(p, lab)
        smi(p, lab, "-mig", "0" if now == "on" else "1")
        return mode_of(p, lab) != now
    words = {"reset": ["--gpu-reset", "-i", "0"], "first-gi": ["mig", "-cgi", "19"],
             "destroy-gi": ["mig", "-dgi", "-gi", gi], "destroy-ci": ["mig", "-dci", "-gi", gi, "-ci", ci]}
    return smi(p, lab, *words[change["change"]]).returncode == 0


def do_first(p, lab, change):
    """What else the change needs."""
    if change["change"] == "first-gi":
        smi(p, lab, "-mig", "1")
        return mode_of(p, lab) == "on"
    if not change["first"]:
        return True
    here = [i for i in instances(p, lab, 0) if change["gi"] in (None, i["gi"])]
    gi = [] if change["gi"] is None else ["-gi", str(change["gi"])]
    done = [smi(p, lab, "mig", "-dci", *gi)] if any(i["ci"] is not None for i in here) else []
    if here and change["change"] == "mode":
        done.append(smi(p, lab, "mig", "-dgi"))
    return all(d.returncode == 0 for d in done)


def stops(p):
    """Each change in each scene: tried as it is, and with those stopped who are said to be in the way."""
    tried = 0
    for board, driver, profiles in BOARDS:
        for mode, holders in SCENES:
            n = 0
            while True:
                lab = f"s{tried}"
                scene(p, lab, board, driver, profiles, mode, holders)
                said = who(p, lab)
                if n == len(said["changes"]):
                    break
                judge(p, lab, said, said["changes"][n], f"{board}, MIG {mode}, {holders}")
                p.ok("lab", "client", "stop", "--all", "--lab", lab)
                n, tried = n + 1, tried + 1
            p.ok("lab", "client", "stop", "--all", "--lab", lab)
            p.ok("lab", "destroy", lab)
    check(tried > 60, f"only {tried} changes")
    print(f"{tried} changes held against the simulated driver")


def judge(p, lab, said, change, where):
    where = f"{where}: {change}"
    mine = [s for s in said["stops"] if all(s[k] == change[k] for k in ("change", "gpu", "gi", "ci"))]
    check(bool(mine) == change["blocked"], f"{where}: blocked and its stops differ: {mine}")
    if change["change"] == "first-gi":
        check(bool(change["first"]) == (mode_of(p, lab) == "off"), f"{where}: what comes first")
    done = do_first(p, lab, change) and attempt(p, lab, change)
    check(done != change["blocked"], f"{where}: the driver {'did it' if done else 'refused it'}")
    if done:
        return
    for stop in mine:
        check(stop["command"] == f"kill {stop['pid']}", f"{where}: {stop}")
        os.kill(stop["pid"], signal.SIGTERM)
        wait_gone(stop["pid"])
    # A mode that was left waiting is asked for anew.
    check(do_first(p, lab, change), f"{where}: what it needs first fails after all have stopped")
    check(attempt(p, lab, change), f"{where}: refused though all who were named have stopped")


if __name__ == "__main__":
    if sys.argv[1:] == ["hold-nvml"]:
        hold_nvml()
        sys.exit(0)
    with Place() as place:
        every_kind(place)
        real_machine(place)
        device_files(place)
        ordinary_user(place)
        stops(place)
