#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""create, destroy, mode, reset, history and recover in labs: what is in use is refused by name, waited for or
ended; several at once, full disks and strangers' rights change nothing; what was killed is told and ended."""
import concurrent.futures
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import BUSY, NOT_FOUND, PERMISSION, UNAVAILABLE, USAGE, Place, check  # noqa: E402

PARTLY = 32


class Lab:
    def __init__(self, p, name, board="a100-40gb-sxm", driver="550.54.15", mig=True):
        self.p, self.name = p, name
        self.dir = p.create(name, board=board, driver=driver)
        self.env = {"MIGKIT_LAB": str(self.dir)}
        if mig:
            self.ok("mode", "on", "-i", "0")

    def run(self, *words, **more):
        return self.p.run(*words, env=self.env, **more)

    def ok(self, *words):
        return self.p.ok(*words, env=self.env)

    def json(self, *words):
        return self.p.json(*words, env=self.env)

    def refused(self, code, parts, *words):
        before = self.state()
        self.p.refused(code, parts, *words, env=self.env)
        check(self.state() == before, f"{words} changed something")

    def state(self):
        return (self.dir / "state").read_bytes()

    def layout(self):
        got = self.json("status")["instances"]
        return sorted((i["gpu"], i["profile"], i["start"], i["ci_profile"], i["ci_start"]) for i in got)

    def client(self, device, name="train", *more):
        self.ok("lab", "client", "start", "--name", name, "--memory", "1GiB", "--device", device, *more)


def made(p):
    """What create says is what is there; plans are carried out as they were shown."""
    lab = Lab(p, "made")
    wish = lab.json("create", "--dry-run", "3g.20gb/1c,2c", "2x1g.5gb", "2g.10gb@2")
    check(wish["result"] == "planned" and wish["dry_run"] and not lab.layout(), f"a dry run: {wish}")
    got = lab.json("create", "3g.20gb/1c,2c", "2x1g.5gb", "2g.10gb@2")
    check(got["steps"] == wish["steps"] and got["result"] == "done", f"{got}\nplanned: {wish}")
    check([(i["profile"], i["start"], i["ci_profile"]) for i in got["instances"]] ==
          [("3g.20gb", 4, "1c.3g.20gb"), ("3g.20gb", 4, "2c.3g.20gb"), ("2g.10gb", 2, "2g.10gb"),
           ("1g.5gb", 0, "1g.5gb"), ("1g.5gb", 1, "1g.5gb")], f"{got['instances']}")
    devices = lab.json("devices")["devices"]
    check({d["uuid"] for d in devices} == {i["uuid"] for i in got["instances"]}, f"UUIDs: {devices}")
    lab.refused(UNAVAILABLE, ["GPU 0", "nothing was changed"], "create", "1g.5gb", "1g.5gb")
    lab.refused(BUSY, ["already"], "create", "1g.5gb@0")
    lab.refused(USAGE, ["9c", "1c.2g.10gb"], "create", "2g.10gb/9c")
    lab.refused(UNAVAILABLE, ["cannot be cut"], "create", "1g.5gb/4x1c")
    lab.refused(NOT_FOUND, ["0/9", "0/1"], "destroy", "0/9")
    lab.refused(USAGE, ["GPU/GI"], "destroy", "7")
    # Only what was named: the others keep their ids and UUIDs.
    lab.ok("destroy", "0/1/0", "1g.5gb@0", next(i["uuid"] for i in got["instances"] if i["start"] == 2))
    left = {(i["profile"], i["start"], i["ci_profile"]) for i in lab.json("status")["instances"]}
    check(left == {("3g.20gb", 4, "2c.3g.20gb"), ("2g.10gb", 2, None), ("1g.5gb", 1, "1g.5gb")}, f"left: {left}")
    check({d["uuid"] for d in lab.json("devices")["devices"]} < {d["uuid"] for d in devices}, "UUIDs changed")
    # What is there is named, and not called a wish.
    lab.ok("destroy", "-i", "0", "all")
    lab.ok("smi", "mig", "-cgi", "19,19,14", "-C")
    lab.refused(UNAVAILABLE, ["no room for it beside GI 7 (1g.5gb) and GI 9 (1g.5gb): 'migctl explain'"],
                "create", "3g.20gb")
    lab.refused(UNAVAILABLE, ["together they need", "nothing was changed"], "create", "7g.40gb")
    p.ok("lab", "destroy", "made")
    check(not lab.dir.exists(), "the journal keeps the lab's folder")


def in_what_is_there(p):
    """Compute instances beside those of a GPU instance that is there: all or none, and nothing else changes."""
    lab = Lab(p, "inside")
    lab.ok("create", "3g.20gb@4/none", "2g.10gb@0/none", "1g.5gb@2")
    before = lab.layout()
    wish = lab.json("create", "0/1/1c", "--dry-run")
    check(lab.layout() == before and len(wish["steps"]) == 1, f"{wish}")
    got = lab.json("create", "0/1/1c")
    check(got["steps"] == wish["steps"] and [i["ci_profile"] for i in got["instances"]] == ["1c.3g.20gb"], f"{got}")
    first = got["instances"][0]["uuid"]
    gi = next(i["gi"] for i in lab.json("status")["instances"] if i["profile"] == "2g.10gb")
    lab.refused(UNAVAILABLE, ["GPU instance 1 of GPU 0", "with 1 compute instance, has no room for 3g.20gb"],
                "create", "0/1/3g.20gb")
    # Two GPU instances at once, and one of what is asked for does not fit: neither gets anything.
    lab.refused(UNAVAILABLE, ["no room for 3x1c"], "create", f"0/{gi}/2g.10gb", "0/1/3x1c")
    lab.ok("lab", "fault", "add", "group:create", "--nth", "3", "--return", "UNKNOWN")
    done = lab.run("create", "0/1/1c,1c", f"0/{gi}/2g.10gb")
    lab.ok("lab", "fault", "clear", "--all")
    check(done.returncode and [i["ci"] for i in lab.json("status")["instances"]].count(None) == 1, f"{done}")
    lab.ok("create", "0/1/1c,1c", f"0/{gi}/2g.10gb")
    now = lab.json("status")["instances"]
    check(len(now) == 5 and sum(i["ci_profile"] == "1c.3g.20gb" for i in now) == 3, f"{now}")
    check(first in {i["uuid"] for i in now}, "the first one is another")
    for code, parts, words in (
            (UNAVAILABLE, ["no room for 1c"], ["0/1/1c"]), (NOT_FOUND, ["no GPU instance 0/12"], ["0/12/1c"]),
            (NOT_FOUND, ["3"], ["3/1/1c"]), (USAGE, ["7c", "1c.3g.20gb"], ["0/1/7c"]), (USAGE, ["0/1/1c"], ["0/1/"]),
            (USAGE, ["0/1/1c"], ["0/1/none"]), (USAGE, ["a command for each"], ["1g.5gb", "0/1/1c"]),
            (USAGE, ["another GPU"], ["0/1/1c", "1/1/1c"]), (USAGE, ["one GPU instance"], ["0/1/1c", "0/1/1c"]),
            (USAGE, ["leave one out"], ["-i", "0", "0/1/1c"]), (USAGE, ["no GPU"], ["0,1/1/1c"])):
        lab.refused(code, parts, "create", *words)
    lab.ok("destroy", "0/1/1")
    lab.ok("create", "0/1/1c")
    check(lab.json("status")["instances"] == now, "as before")


def long_journal(p):
    """The last operation is found also far in front of the end, and behind years of others."""
    lab = Lab(p, "long")
    journal = lab.dir / "var/lib/migkit/journal"
    for _ in range(3):
        lab.ok("create", "1g.5gb@0")
        lab.ok("destroy", "1g.5gb@0")
    # As others that have ended: more than what is looked at first.
    old = journal.read_text()
    journal.write_text(old * (600000 // len(old)) + old)
    last = lab.json("history")["operations"][-1]["op"]
    lab.ok("create", "1g.5gb@0")
    now = lab.json("history")["operations"][-1]
    check((now["op"], now["result"]) == (last + 1, "done"), f"{last}, then {now}")
    lab.ok("lab", "fault", "add", "group:create", "--nth", "3", "--kill", "before")
    check(lab.run("create", "1g.5gb@1", "1g.5gb@2").returncode == -signal.SIGKILL, "not killed")
    lab.ok("lab", "fault", "clear", "--all")
    for size in (1, 300000, 5000000):
        with journal.open("a") as f:
            f.write("\n" * size)
        lab.refused(PARTLY, ["'migctl create 1g.5gb@1 1g.5gb@2'", "cut off half way"], "create", "1g.5gb@4")
    lab.ok("recover")
    check(len(lab.layout()) == 1, f"{lab.layout()}")


def in_use(p):
    """Who is in the way is named; waited for; ended when that was said twice."""
    lab = Lab(p, "busy")
    uuid = lab.json("create", "3g.20gb", "1g.5gb")["instances"][0]["uuid"]
    other = lab.json("devices")["devices"][1]["uuid"]
    lab.client(uuid, "train")
    lab.client(other, "bystander")
    told = lab.run("smi", "mig", "-dgi", "-gi", "1")
    check("In use by another client" in told.stdout, f"nvidia-smi's grammar: {told}")
    lab.refused(BUSY, ["GPU instance 1 of GPU 0 is held by train (process "], "destroy", "0/1")
    lab.refused(BUSY, ["train"], "destroy", "0/1/0", "--wait", "1")
    lab.refused(BUSY, ["has 2 GPU instances"], "mode", "off", "-i", "0")
    lab.refused(USAGE, ["--yes"], "destroy", "0/1", "--evict")
    lab.refused(USAGE, ["--evict"], "destroy", "0/1", "--yes")
    begun = time.monotonic()
    stop = threading.Timer(1, lambda: lab.ok("lab", "client", "stop", "train"))
    stop.start()
    lab.ok("destroy", "0/1", "--wait", "30")
    stop.join()
    check(0.9 < time.monotonic() - begun < 20, "it did not wait, or too long")
    uuid = lab.json("create", "3g.20gb@4")["instances"][0]["uuid"]
    lab.client(uuid, "again")
    lab.ok("destroy", "0/1", "--evict", "--yes", "--grace", "5")
    names = [c["name"] for c in lab.json("lab", "client", "list")["clients"]]
    check(names == ["bystander"], f"clients: {names}")
    # Who is in no list: the driver alone knows that there is somebody.
    lab.ok("lab", "fault", "add", "nvmlComputeInstanceDestroy", "--return", "IN_USE")
    done = lab.run("destroy", "2g.10gb@2") if lab.run("create", "2g.10gb@2").returncode == 0 else None
    check(done and done.returncode == BUSY and "'migctl who' tells who has it open; " in done.stderr, f"{done}")
    lab.ok("lab", "fault", "clear", "--all")
    lab.ok("destroy", "2g.10gb@2")
    # One that does not end when asked.
    uuid = lab.json("create", "3g.20gb@4")["instances"][0]["uuid"]
    lab.client(uuid, "deaf")
    pid = next(c["pid"] for c in lab.json("lab", "client", "list")["clients"] if c["name"] == "deaf")
    os.kill(pid, signal.SIGSTOP)
    lab.ok("destroy", "0/1", "--evict", "--yes", "--grace", "1")
    lab.ok("lab", "client", "stop", "--all")


def modes(p):
    """Ampere's mode needs an idle GPU; what waits is said, and the reset ends it."""
    lab = Lab(p, "modes", board="a100-40gb-sxm:2", mig=False)
    lab.refused(USAGE, ["-i 0"], "mode", "on")
    lab.refused(USAGE, ["on or off"], "mode", "maybe", "-i", "0")
    lab.refused(UNAVAILABLE, ["migctl mode on -i 0"], "create", "-i", "0", "1g.5gb")
    lab.ok("lab", "client", "start", "--name", "watcher", "--memory", "1GiB", "--gpu", "0")
    lab.refused(BUSY, ["watcher"], "mode", "on", "-i", "0")
    lab.refused(BUSY, ["watcher"], "reset", "-i", "0")
    lab.ok("mode", "on", "-i", "1")
    got = {g["gpu"]: g["mig_current"] for g in lab.json("status")["gpus"]}
    check(got == {0: "off", 1: "on"}, f"modes: {got}")
    lab.ok("lab", "client", "stop", "--all")
    lab.ok("mode", "on", "-i", "0,1")
    lab.ok("lab", "inject", "0", "needs-reset")
    lab.ok("reset", "-i", "0")
    check(lab.json("status")["gpus"][0]["status"] is None, "the reset did not help")


def at_once(p):
    """Of many at once each is done or refused, and all that was done is there."""
    lab = Lab(p, "many")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ends = [job.result() for job in [pool.submit(lab.run, "create", "1g.5gb") for _ in range(10)]
                + [pool.submit(lab.run, "create", "1g.5gb", "--wait", "30") for _ in range(6)]]
    codes = [e.returncode for e in ends]
    check(set(codes) <= {0, BUSY, UNAVAILABLE} and codes.count(0) == len(lab.layout()), f"{codes}")
    check(BUSY not in codes[10:], f"--wait did not wait for the others: {codes}")
    told = [e.stderr for e in ends if e.returncode == BUSY]
    check(all("somebody else changes" in t for t in told) and
          (not told or any("'migctl create 1g.5gb'" in t for t in told)), f"who: {told}")
    history = lab.json("history")["operations"]
    check([h["result"] for h in history] == ["done"] * (1 + codes.count(0)), f"{history}")
    check([h["op"] for h in history] == list(range(1, len(history) + 1)), f"{history}")


def no_journal(p):
    """What cannot be written down is not done."""
    lab = Lab(p, "full")
    journal = lab.dir / "var" / "lib" / "migkit" / "journal"
    check(journal.stat().st_size > 100, "no journal")
    size, before = journal.stat().st_size, lab.state()
    for room in (0, 1, 100):
        done = subprocess.run([p.migctl, "create", "1g.5gb"], env={**p.env, **lab.env}, cwd=p.root,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, restore_signals=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size + room,) * 2))
        check(done.returncode == 1 and "journal" in done.stderr and "nothing was changed" in done.stderr,
              f"full disk: {done}")
        check(lab.state() == before and journal.stat().st_size == size, "a full disk changed something")
    # A torn line, and lines of nonsense, are passed over and counted.
    journal.write_bytes(journal.read_bytes() + b'{"op": 2, "event": "begin", "gp')
    lab.ok("create", "1g.5gb")
    got = lab.json("history")
    check(got["unreadable_lines"] == 1 and len(got["operations"]) == 2, f"torn: {got}")
    other = p.as_other()
    if other:
        subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)
    else:
        # This user is no root: what keeps others out keeps this one out, too.
        for path in (journal, journal.with_name("lock")):
            path.chmod(0o444)
    before = lab.state()
    done = lab.run("create", "1g.5gb", before=other)
    check(done.returncode == PERMISSION and "nothing was changed" in done.stderr and lab.state() == before,
          f"who may not: {done}")


def cut_off(p):
    """kill -9 in the middle: the next command says so, and recover goes either way."""
    lab = Lab(p, "killed")
    lab.ok("create", "1g.5gb@6")
    for words, want in ((["recover"], ["1g.5gb"]), (["recover", "--finish"], ["1g.5gb", "2g.10gb", "3g.20gb"])):
        lab.ok("lab", "fault", "add", "group:create", "--nth", "2", "--kill", "after")
        check(lab.run("create", "3g.20gb@0", "2g.10gb@4").returncode < 0, "it lived")
        lab.ok("lab", "fault", "clear", "--all")
        lab.refused(PARTLY, ["'migctl create 3g.20gb@0 2g.10gb@4'", "cut off half way", "migctl recover"],
                    "create", "1g.5gb")
        check("half done" in lab.ok("history"), "history does not tell")
        lab.ok(*words, "--dry-run")
        lab.refused(PARTLY, ["recover"], "destroy", "0/9")
        lab.ok(*words)
        check(sorted({i[1] for i in lab.layout()}) == want, f"{words}: {lab.layout()}")
        check("Nothing is half done" in lab.ok("recover"), "twice")
    check([h["result"] for h in lab.json("history")["operations"]] == ["done", "done", "back", "done"], "history")
    # A reboot ends what was half done: its instances are gone.
    lab.ok("destroy", "3g.20gb@0", "2g.10gb@4")
    lab.ok("lab", "fault", "add", "group:create", "--nth", "2", "--kill", "after")
    lab.run("create", "3g.20gb@0", "2g.10gb@4")
    lab.ok("lab", "reboot")
    lab.ok("create", "1g.5gb@0")
    # Somebody else's instance stays, wherever it was made meanwhile.
    lab.ok("lab", "fault", "add", "group:create", "--nth", "2", "--kill", "after")
    lab.run("create", "2g.10gb@2", "3g.20gb@4")
    lab.ok("lab", "fault", "clear", "--all")
    lab.ok("smi", "mig", "-cgi", "1g.5gb", "-C")
    theirs = [i for i in lab.layout() if i[1] == "1g.5gb"]
    lab.ok("recover")
    check(lab.layout() == theirs and len(theirs) == 2, f"{lab.layout()}")


def stopped(p):
    """Ctrl-C in the middle is a way back, not half a layout."""
    lab = Lab(p, "stopped")
    lab.ok("lab", "fault", "add", "group:create", "--nth", "3", "--take", "2s")
    with subprocess.Popen([p.migctl, "create", "3g.20gb", "2x1g.5gb"], env={**p.env, **lab.env}, cwd=p.root,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    check(child.returncode == 1 and "Interrupt" in errors and "as it was" in errors and not lab.layout(),
          f"{child.returncode}: {errors}; {lab.layout()}")


def main():
    with Place() as p:
        for test in (made, in_what_is_there, long_journal, in_use, modes, at_once, no_journal, cut_off, stopped):
            if not sys.argv[1:] or test.__name__ in sys.argv:
                test(p)


if __name__ == "__main__":
    main()
