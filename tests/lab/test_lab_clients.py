#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of a lab are real processes: their names, what they hold, and every way they can end."""
import os
import pathlib
import signal

from labtest import NOT_FOUND, USAGE, Place, alive, check, wait_gone
from nvmlmini import make_mig_device


def start(p, *words, lab="one"):
    out = p.ok("lab", "client", "start", "--lab", lab, *words)
    check(out.strip().isdigit(), f"no pid: {out!r}")
    return int(out)


def names(p):
    """What ps and killall look at."""
    p.create()
    pid = start(p, "--name", "nvidia-persistenced")
    proc = pathlib.Path(f"/proc/{pid}")
    check(proc.joinpath("cmdline").read_bytes() == b"nvidia-persistenced\0",
          f"arguments: {proc.joinpath('cmdline').read_bytes()}")
    check(proc.joinpath("comm").read_text() == "nvidia-persiste\n",
          f"name: {proc.joinpath('comm').read_text()}")
    check(os.getsid(pid) == pid, "it is in somebody else's session")
    fds = sorted(int(fd.name) for fd in proc.joinpath("fd").iterdir())
    targets = {os.readlink(proc / "fd" / str(fd)) for fd in fds[:3]}
    check(fds[:3] == [0, 1, 2] and targets == {"/dev/null"}, f"standard files: {fds} {targets}")
    extra = {os.readlink(proc / "fd" / str(fd)) for fd in fds[3:]}
    check(all(name.startswith(str(p.labs)) for name in extra), f"files left open: {extra}")
    check(p.clients() == [{"pid": pid, "name": "nvidia-persistenced", "kind": "attached",
                           "device": "all", "gpu": None, "gi": None, "ci": None,
                           "memory_bytes": 0}], f"listed as {p.clients()}")
    gpu = p.json("lab", "status", "one")["gpus"][0]
    check(gpu["in_use"] is True, "the GPU is not in use")


def deaths(p):
    """However it dies, the next call of anybody does not see it any more."""
    p.create()
    for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV):
        pid = start(p, "--memory", "2GiB", "--name", "train")
        used = p.json("lab", "status", "one")["gpus"][0]["memory_used_bytes"]
        check(used == 2 << 30, f"memory in use: {used}")
        os.kill(pid, sig)
        wait_gone(pid)
        check(p.clients() == [], f"after {sig.name}: {p.clients()}")
        gpu = p.json("lab", "status", "one")["gpus"][0]
        check(gpu["memory_used_bytes"] == 0 and not gpu["in_use"], f"after {sig.name}: {gpu}")


def pid_used_again(p):
    """A process that got the number of a dead client is not taken for it, nor signalled."""
    p.create()
    pid = start(p, "--memory", "1GiB")
    os.kill(pid, signal.SIGKILL)
    wait_gone(pid)
    heir = fork_with_pid(pid)
    if heir is None:
        print("note: this user cannot choose a pid; the case of a reused one is left out")
        return
    try:
        check(p.clients() == [], f"taken for the client: {p.clients()}")
        p.refused(NOT_FOUND, [str(pid)], "lab", "client", "stop", "--lab", "one", str(pid))
        p.ok("lab", "client", "stop", "--lab", "one", "--all")
        p.ok("lab", "reboot", "one")
        check(alive(heir), "somebody else's process was ended")
    finally:
        os.kill(heir, signal.SIGKILL)
        os.waitpid(heir, 0)


def fork_with_pid(pid):
    """A child with that pid, or None: only root may ask for one, and somebody may be faster."""
    for _ in range(20):
        try:
            pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1), encoding="ascii")
        except OSError:
            return None
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        if child == pid:
            return child
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return None


def many(p):
    p.create(board="a30:2", driver="535.261.03")
    pids = [start(p, "--gpu", str(i % 2), "--memory", "64", "--name", f"job{i % 3}")
            for i in range(12)]
    check({c["pid"] for c in p.clients()} == set(pids), "not all are listed")
    used = [g["memory_used_bytes"] for g in p.json("lab", "status", "one")["gpus"]]
    check(used == [6 * 64 << 20] * 2, f"memory: {used}")
    p.ok("lab", "client", "stop", "--lab", "one", str(pids[0]), "job1")
    wait_gone(pids[0])
    left = {c["name"] for c in p.clients()}
    check(left == {"job0", "job2"} and len(p.clients()) == 7, f"left: {p.clients()}")
    p.ok("lab", "client", "stop", "--lab", "one", "--all")
    check(p.clients() == [], f"after --all: {p.clients()}")
    for pid in pids:
        wait_gone(pid)


def stop_is_about_clients(p):
    """A pid or name that is no client of this lab is left alone."""
    p.create()
    p.create("two")
    pid = start(p, "--name", "mine", lab="two")
    p.refused(NOT_FOUND, [str(pid)], "lab", "client", "stop", "--lab", "one", str(pid))
    p.refused(NOT_FOUND, ["'mine'"], "lab", "client", "stop", "--lab", "one", "mine")
    p.refused(NOT_FOUND, ["'1'"], "lab", "client", "stop", "--lab", "one", "1")
    p.refused(NOT_FOUND, [str(os.getpid())], "lab", "client", "stop", "--lab", "one",
              str(os.getpid()))
    p.refused(USAGE, ["--all"], "lab", "client", "stop", "--lab", "one")
    check(alive(pid), "another lab's client was ended")


def stubborn(p):
    """A stopped process does not react to SIGTERM; stop insists."""
    p.create()
    pid = start(p, "--name", "stuck")
    os.kill(pid, signal.SIGSTOP)
    p.ok("lab", "client", "stop", "--lab", "one", "stuck")
    wait_gone(pid)


def lab_ends(p):
    p.create("one", "--persistenced")
    first = p.clients()
    check([c["name"] for c in first] == ["nvidia-persistenced"], f"--persistenced: {first}")
    job = start(p, "--memory", "64")
    p.ok("lab", "reboot", "one")
    wait_gone(job)
    wait_gone(first[0]["pid"])
    after = p.clients()
    check([c["name"] for c in after] == ["nvidia-persistenced"] and
          after[0]["pid"] != first[0]["pid"], f"after the reboot: {after}")
    p.ok("lab", "destroy", "one")
    wait_gone(after[0]["pid"])


def refused(p):
    p.create()
    where = ("lab", "client", "start", "--lab", "one")
    p.refused(NOT_FOUND, ["GPU 4"], *where, "--gpu", "4")
    p.refused(NOT_FOUND, ["GPU-0"], *where, "--gpu", "GPU-0")
    p.refused(USAGE, ["MIG mode"], *where, "--device", "0/1/0")
    p.refused(NOT_FOUND, ["MIG-00000000"], *where, "--device",
              "MIG-00000000-0000-0000-0000-000000000000")
    p.refused(USAGE, ["GPU/GI/CI"], *where, "--device", "0")
    p.refused(USAGE, ["2xb"], *where, "--memory", "2xb")
    p.refused(1, ["81920 MiB"], *where, "--memory", "100GiB")
    p.refused(USAGE, ["--name"], *where, "--name", "n" * 200)
    check(p.clients() == [], f"a refused start left {p.clients()}")


def on_mig_devices(p):
    lab = p.create()
    gi, ci, uuid = make_mig_device(p, lab)
    where = ("lab", "client", "start", "--lab", "one")
    p.refused(USAGE, ["MIG mode", "--device"], *where, "--memory", "1GiB")
    p.refused(NOT_FOUND, [f"compute instance {ci + 1}"], *where, "--device", f"0/{gi}/{ci + 1}")
    p.refused(1, ["MiB"], *where, "--device", uuid, "--memory", "60GiB")
    by_uuid = start(p, "--device", uuid, "--memory", "2GiB", "--name", "python")
    by_ids = start(p, "--device", f"0/{gi}/{ci}", "--memory", "1GiB", "--name", "python")
    rows = p.clients()
    check({c["pid"] for c in rows} == {by_uuid, by_ids} and
          all((c["gpu"], c["gi"], c["ci"]) == (0, gi, ci) for c in rows), f"clients: {rows}")
    instances = p.json("lab", "status", "one")["instances"]
    check(len(instances) == 1 and instances[0]["uuid"] == uuid and instances[0]["gi"] == gi and
          instances[0]["profile"] == "3g.40gb", f"instances: {instances}")
    check(instances[0]["memory_used_bytes"] >= 3 << 30, f"memory: {instances}")
    # A GI of which the GPU knows its number takes readings of its own.
    p.ok("lab", "set", f"0/{gi}", "memory-used=19", "--lab", "one")
    used = p.json("lab", "status", "one")["instances"][0]["memory_used_bytes"]
    check(used == (3 << 30) + (19 << 20), f"memory set to 19 MiB beside clients: {used}")
    p.ok("lab", "client", "stop", "--lab", "one", "python")
    p.ok("lab", "reboot", "one")
    status = p.json("lab", "status", "one")
    check(status["instances"] == [] and status["gpus"][0]["mig_current"] == "on",
          f"after a reboot: {status}")


def main():
    for case in (names, deaths, pid_used_again, many, stop_is_about_clients, stubborn, lab_ends, refused,
                 on_mig_devices):
        with Place() as p:
            case(p)


main()
