#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""migctl run in labs: the program gets a device of its own and nobody else gets it, also not another user; exit
codes and signals pass through; it is free again however the program ends, and stays claimed while the program
outlives its migctl; what --create made goes, also after a kill -9 at any of its steps."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import BUSY, NOT_FOUND, UNAVAILABLE, USAGE, Place, alive, check, wait_gone  # noqa: E402

PARTLY = 32


class Lab:
    def __init__(self, p, name, *instances):
        self.p = p
        self.dir = p.create(name, board="a100-40gb-sxm:2", driver="550.54.15")
        self.env = {"MIGKIT_LAB": str(self.dir)}
        self.ok("mode", "on", "-i", "0")
        if instances:
            self.ok("create", "-i", "0", *instances)

    def run(self, *words, **more):
        return self.p.run(*words, env=self.env, **more)

    def ok(self, *words):
        return self.p.ok(*words, env=self.env)

    def refused(self, code, parts, *words):
        self.p.refused(code, parts, *words, env=self.env)

    def runs(self):
        return self.p.json("runs", env=self.env)["runs"]

    def devices(self):
        return self.p.json("devices", env=self.env)["devices"]

    def start(self, *words, until=1, before=()):
        """A run that is in the list, of that many, and whose program runs, unless it waits."""
        child = subprocess.Popen([*before, self.p.migctl, *words], env={**self.p.env, **self.env}, cwd=self.p.root,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(1000):
            runs = self.runs()
            if len(runs) == until and ("--wait" in words or all(r["pid"] != r["migctl_pid"] for r in runs)):
                return child
            check(child.poll() is None, f"{words}: ended with {child.returncode}")
            time.sleep(0.02)
        raise SystemExit(f"FAILED: {words} is never listed")

    def nothing_runs(self):
        for _ in range(500):
            if not self.runs():
                return
            time.sleep(0.02)
        raise SystemExit(f"FAILED: {self.runs()}")


def end(child, sig=signal.SIGTERM):
    child.send_signal(sig)
    # Not until its pipes are closed: a program that outlives it has them.
    child.wait(timeout=60)
    child.stdout.close()
    child.stderr.close()


def plain(p):
    """What the program is told, and what it tells."""
    lab = Lab(p, "plain", "3g.20gb/1c,2c", "1g.5gb")
    uuid = {d["ci_profile"]: d["uuid"] for d in lab.devices()}
    for words, profile in ((["1g.5gb"], "1g.5gb"), (["0/1/0"], "1c.3g.20gb"), (["2c.3g.20gb"], "2c.3g.20gb"),
                           ([uuid["1g.5gb"]], "1g.5gb"), (["0/1g.5gb"], "1g.5gb"), (["-i", "0", "1g.5gb@0"], "1g.5gb"),
                           (["--wait", "1g.5gb"], "1g.5gb"), (["--wait=5", "1g.5gb"], "1g.5gb")):
        told = lab.ok("run", *words, "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        check(told.strip() == uuid[profile], f"{words}: {told}")
    # It is a program of the lab's machine.
    check(str(lab.dir) in lab.ok("run", "1g.5gb", "--", "sh", "-c", "echo $MIGKIT_LAB"), "no lab")
    check("MIG 1g.5gb" in lab.ok("run", "1g.5gb", "--", "nvidia-smi", "-L"), "no driver")
    check(lab.run("run", "1g.5gb", "--", "sh", "-c", "exit 42").returncode == 42, "exit code")
    check(lab.run("run", "1g.5gb", "--", "sh", "-c", "kill -9 $$").returncode == 137, "the signal's number")
    # Its words are its own.
    check(lab.ok("run", "1g.5gb", "--", "echo", "--create", "--", "-o") == "--create -- -o\n", "words")
    lab.refused(NOT_FOUND, ["nosuch"], "run", "1g.5gb", "--", "nosuch")
    lab.refused(USAGE, ["which program"], "run", "1g.5gb")
    lab.refused(USAGE, ["which program"], "run", "--", "true")
    lab.refused(NOT_FOUND, ["2g.10gb", "--create"], "run", "2g.10gb", "--", "true")
    lab.refused(UNAVAILABLE, ["GPU 0", "nothing was changed"], "run", "2g.10gb@4", "--create", "--", "true")
    lab.refused(USAGE, ["--create makes"], "run", "0/1/0", "--create", "--", "true")
    lab.refused(USAGE, ["--create makes"], "run", "1c.3g.20gb", "--create", "--", "true")
    lab.refused(UNAVAILABLE, ["mode on"], "run", "-i", "1", "1g.5gb", "--create", "--", "true")
    check(not lab.runs() and os.listdir(lab.dir / "var/lib/migkit/runs") == ["door"], "left behind")


def signals(p):
    lab = Lab(p, "signals", "1g.5gb")
    trap = 'sleep 60 & trap "echo asked; kill $!; exit 3" TERM; echo ready; wait'
    child = lab.start("run", "1g.5gb", "--", "sh", "-c", trap)
    check(child.stdout.readline() == "ready\n", "not ready")
    child.send_signal(signal.SIGTERM)
    out, errors = child.communicate(timeout=60)
    check((child.returncode, out, errors) == (3, "asked\n", ""), f"{child.returncode}: {out}{errors}")
    # A waiter is no program yet: it just ends.
    first = lab.start("run", "1g.5gb", "--", "sleep", "60")
    waiter = lab.start("run", "1g.5gb", "--wait", "--", "true", until=2)
    end(waiter)
    check(waiter.returncode == -signal.SIGTERM and len(lab.runs()) == 1, "the waiter stays")
    end(first, signal.SIGINT)
    check(first.returncode == 128 + signal.SIGINT, f"{first.returncode}")


def taken(p):
    """Not twice; not what strangers compute on; not what a run has be destroyed."""
    lab = Lab(p, "taken", "2x1g.5gb")
    first = lab.start("run", "1g.5gb", "--", "sleep", "60")
    second = lab.start("run", "1g.5gb", "--", "sleep", "60", until=2)
    got = lab.runs()
    check(len({r["uuid"] for r in got}) == 2 and {r["state"] for r in got} == {"running"} and
          [r["command"] for r in got] == ["sleep 60"] * 2, f"{got}")
    lab.refused(BUSY, ["1g.5gb", "sleep 60", "--wait"], "run", "1g.5gb", "--", "true")
    begun = time.monotonic()
    lab.refused(BUSY, ["sleep 60"], "run", "1g.5gb", "--wait=1", "--", "true")
    check(0.9 < time.monotonic() - begun < 20, "it did not wait, or too long")
    where = f'0/{got[0]["gi"]}'
    lab.refused(BUSY, ["claimed by run", "sleep 60"], "destroy", where)
    lab.refused(BUSY, ["claimed by run"], "destroy", where, "--dry-run")
    lab.refused(BUSY, ["claimed by run"], "destroy", where, "--wait", "1")
    end(second)
    check(len(lab.runs()) == 1, "still there")
    lab.ok("destroy", where, "--evict", "--yes", "--grace", "5")
    check(first.wait(timeout=60) == 128 + signal.SIGTERM, "not evicted")
    first.communicate()
    lab.ok("lab", "client", "start", "--name", "stranger", "--memory", "1GiB", "--device", lab.devices()[0]["uuid"])
    lab.refused(BUSY, ["migctl who"], "run", "1g.5gb", "--", "true")
    lab.ok("lab", "client", "stop", "--all")
    lab.ok("run", "1g.5gb", "--", "true")


def outlived(p):
    """kill -9 of migctl: the program has its device until it ends."""
    lab = Lab(p, "outlived", "1g.5gb")
    child = lab.start("run", "1g.5gb", "--", "sleep", "60")
    program = lab.runs()[0]["pid"]
    end(child, signal.SIGKILL)
    got = lab.runs()
    check(alive(program) and len(got) == 1 and got[0]["migctl_pid"] is None, f"{got}")
    lab.refused(BUSY, ["sleep 60"], "run", "1g.5gb", "--", "true")
    lab.refused(BUSY, ["claimed"], "destroy", "1g.5gb@0", "-i", "0")
    os.kill(program, signal.SIGKILL)
    lab.nothing_runs()
    lab.ok("run", "1g.5gb", "--", "true")
    # So have processes that it leaves.
    done = lab.run("run", "1g.5gb", "--", "sh", "-c", "sleep 3 >/dev/null 2>&1 &")
    check(done.returncode == 0 and len(lab.runs()) == 1, f"{done} {lab.runs()}")
    lab.ok("run", "1g.5gb", "--wait", "--", "true")
    check(not lab.runs(), f"{lab.runs()}")


def made(p):
    """--create: an instance for the program, gone afterwards, and never more than that."""
    lab = Lab(p, "made", "1g.5gb@6")
    before = lab.devices()
    seen = json.loads(lab.ok("run", "2g.10gb@2", "--create", "--", str(p.migctl), "devices", "-o", "json"))["devices"]
    check([(d["profile"], d["start"]) for d in seen] == [("2g.10gb", 2), ("1g.5gb", 6)], f"{seen}")
    check(lab.devices() == before, "it stays")
    lab.ok("run", "1g.5gb", "--create", "--", "true")
    history = p.json("history", env=lab.env)["operations"]
    check([h["result"] for h in history] == ["done"] * 4 and "run 2g.10gb@2 --create" in history[-2]["command"] and
          history[-1]["command"].startswith("end of 'migctl run 2g"), f"{history}")
    # migctl is killed: the program keeps the instance, and the next who acts ends it.
    for act in (["recover"], ["create", "-i", "0", "1g.5gb@0"], ["run", "1g.5gb@6", "--", "true"]):
        child = lab.start("run", "3g.20gb", "--create", "--", "sleep", "60")
        program = lab.runs()[0]["pid"]
        end(child, signal.SIGKILL)
        lab.ok("recover")
        check(len(lab.devices()) == len(before) + 1, "destroyed under the program")
        os.kill(program, signal.SIGTERM)
        lab.nothing_runs()
        lab.ok(*act)
        lab.run("destroy", "1g.5gb@0", "-i", "0")
        check(lab.devices() == before, f"{act}: it stays: {lab.devices()}")
    # After a reboot there is nothing to end, and what somebody makes there then is theirs.
    child = lab.start("run", "3g.20gb@0", "--create", "--", "sleep", "60")
    program = lab.runs()[0]["pid"]
    end(child, signal.SIGKILL)
    os.kill(program, signal.SIGKILL)
    lab.ok("lab", "reboot")
    lab.ok("smi", "mig", "-i", "0", "-cgi", "9", "-C")
    lab.ok("recover")
    check([d["profile"] for d in lab.devices()] == ["3g.20gb"], f"{lab.devices()}")


def cut_off(p):
    """kill -9 at each change that a run --create makes: the next command ends it, and nothing is left."""
    lab = Lab(p, "cut", "1g.5gb@6")
    before = lab.devices()
    for call in ("group:create", "group:destroy"):
        for nth in ("1", "2"):
            for when in ("before", "after"):
                lab.ok("lab", "fault", "add", call, "--nth", nth, "--kill", when)
                done = lab.run("run", "2g.10gb", "--create", "--", "true")
                check(done.returncode == -signal.SIGKILL, f"{call} {nth} {when}: {done}")
                lab.ok("lab", "fault", "clear", "--all")
                lab.ok("run", "2g.10gb", "--create", "--", "true")
                check(lab.devices() == before and not lab.runs() and not os.listdir(lab.dir / "var/lib/migkit/made"),
                      f"{call} {nth} {when}: {lab.devices()}")
    # A step that fails is undone, and the program is not started.
    for nth in ("1", "2"):
        lab.ok("lab", "fault", "add", "group:create", "--nth", nth, "--return", "UNKNOWN")
        done = lab.run("run", "2g.10gb", "--create", "--", "touch", str(p.root / "started"))
        check(done.returncode > 0 and not (p.root / "started").exists() and lab.devices() == before, f"{done}")
        lab.ok("lab", "fault", "clear", "--all")
    lab.ok("run", "2g.10gb", "--create", "--", "true")


def users(p):
    """Another user's run gets another device, and sees whose the first is."""
    lab = Lab(p, "users", "2x1g.5gb")
    other = p.as_other()
    first = lab.start("run", "1g.5gb", "--", "sleep", "60")
    if other:
        subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)
        (lab.dir / "var/lib/migkit/runs").chmod(0o1777)
    done = lab.run("run", "1g.5gb", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES", before=other)
    check(done.returncode == 0 and done.stdout.strip() not in ("", lab.runs()[0]["uuid"]), f"{done}")
    second = lab.start("run", "1g.5gb", "--", "sleep", "60", before=other, until=2)
    done = lab.run("run", "1g.5gb", "--", "true", before=other)
    check(done.returncode == BUSY and "claimed" in done.stderr, f"{done}")
    program = lab.runs()[1]["pid"]
    end(second, signal.SIGKILL)
    os.kill(program, signal.SIGKILL)
    wait_gone(program)
    # What they leave is no claim.
    lab.ok("run", "1g.5gb", "--", "true")
    # Files that somebody puts there are none either, whatever they are.
    folder = lab.dir / "var/lib/migkit/runs"
    (folder / "run-7").write_text("nonsense")
    os.mkfifo(folder / "run-8")
    (folder / "run-9").symlink_to("/etc/passwd")
    lab.ok("run", "1g.5gb", "--", "true")
    check(len(lab.runs()) == 1, f"{lab.runs()}")
    end(first)


def main():
    with Place() as p:
        for test in (plain, signals, taken, outlived, made, cut_off, users):
            if not sys.argv[1:] or test.__name__ in sys.argv:
                test(p)


if __name__ == "__main__":
    main()
