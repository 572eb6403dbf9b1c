#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""200 runs at once on a lab of two GPUs, while programs, their migctls, or both are killed at random: never two
programs on one device, and nothing is left behind in the end: no instance, no claim, no file. Who waits for a
device gets it in order of arrival, also where waiters in between were killed."""
import collections
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import MIGCTL, Place, check, wait_gone  # noqa: E402

RUNS, WAITERS = 200, 24
LIMIT = 200  # seconds; a machine with nothing else to do needs a tenth of it
# Says so if somebody else is on the device: the lock of a file of its name is the test's own. What is killed
# leaves its children, who have the device and the lock a moment longer.
PROGRAM = 'flock -n -E 99 "$0/$CUDA_VISIBLE_DEVICES" sleep 0.$1; [ $? != 99 ] || echo "$CUDA_VISIBLE_DEVICES" >>"$0/twice"'


class Machine:
    def __init__(self, p):
        self.p = p
        self.dir = p.create("two", board="a100-40gb-sxm:2", driver="550.54.15")
        self.env = {"MIGKIT_LAB": str(self.dir)}
        self.state = self.dir / "var" / "lib" / "migkit"
        self.locks = p.root / "locks"
        self.locks.mkdir()
        p.ok("mode", "on", "-i", "0,1", env=self.env)
        p.ok("create", "-i", "0", "7x1g.5gb", env=self.env)
        self.before = self.layout()

    def json(self, *words):
        return self.p.json(*words, env=self.env)

    def layout(self):
        return sorted((i["gpu"], i["profile"], i["start"], i["uuid"]) for i in self.json("status")["instances"])

    def start(self, *words):
        return subprocess.Popen([MIGCTL, *words], env={**self.p.env, **self.env}, cwd=self.p.root,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def words_of(machine, number):
    """Most want what is there; some make their own."""
    program = ["--", "sh", "-c", PROGRAM, str(machine.locks), str(random.randint(5, 25))]
    if number % 4:
        return ["run", "1g.5gb", "-i", "0", "--wait", *program]
    return ["run", random.choice(("1g.5gb", "2g.10gb", "3g.20gb")), "--create", "--wait", *program]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def killers(machine, runs, killed):
    """One blow: a program, its migctl, both, or a migctl whatever it does."""
    running = [r for r in machine.json("runs")["runs"] if r["state"] == "running"]
    blow = random.choice(("program", "migctl", "both", "any"))
    killed[blow] += 1
    if blow == "any":
        victims = [r.pid for r in runs if r.poll() is None]
        kill(random.choice(victims or [2 ** 22]))
    elif running:
        victim = random.choice(running)
        # A migctl that has ended may be somebody else by now: only those that were started here.
        mine = {r.pid for r in runs}
        if blow != "migctl":
            kill(victim["pid"])
        if blow != "program" and victim["migctl_pid"] in mine:
            kill(victim["migctl_pid"])


def torture(p):
    machine = Machine(p)
    runs = [machine.start(*words_of(machine, n)) for n in range(RUNS)]
    killed, begun = collections.Counter(), time.monotonic()
    while any(r.poll() is None for r in runs):
        killers(machine, runs, killed)
        time.sleep(0.1)
        if time.monotonic() - begun > LIMIT:
            left = machine.json("runs")["runs"]
            for r in runs:
                r.kill()
            check(False, f"after {LIMIT} s there are still {len(left)} runs: {left[:5]}")
    ends = collections.Counter()
    for r in runs:
        ends[r.returncode] += 1
        said = r.stderr.read()
        check(r.returncode in (0, 137, -9) and (not said or "next command" in said), f"exit {r.returncode}: {said}")
    for r in machine.json("runs")["runs"]:
        wait_gone(r["pid"])
    check(not (machine.locks / "twice").exists(), "two programs had one device")
    check(ends[0] > RUNS / 4 and ends[-9] and ends[137], f"no torture: {ends}")
    p.ok("recover", env=machine.env)
    nothing_left(machine)
    print(f"{RUNS} runs in {time.monotonic() - begun:.0f} s: exit codes {dict(ends)}; kills {dict(killed)}")


def nothing_left(machine):
    for _ in range(100):
        # Children of what was killed have their device until they end.
        if not machine.json("runs")["runs"]:
            break
        time.sleep(0.05)
    machine.p.ok("recover", env=machine.env)
    machine.p.ok("run", "1g.5gb", "--", "true", env=machine.env)
    check(machine.layout() == machine.before, f"left: {machine.layout()}")
    check([f.name for f in (machine.state / "runs").iterdir()] == ["door"], "files of runs are left")
    check(not list((machine.state / "made").iterdir()), "records of instances are left")
    results = {o["result"] for o in machine.json("history")["operations"]}
    check(results <= {"done", "back"}, f"history: {results}")
    machine.p.ok("lab", "check", "two")
    check("Nothing is half done" in machine.p.ok("recover", env=machine.env), "half done")


def in_order(p):
    machine = Machine.__new__(Machine)
    machine.p, machine.dir, machine.env = p, p.labs / "two", {"MIGKIT_LAB": str(p.labs / "two")}
    device = machine.layout()[0][3]
    gate, log = p.root / "gate", p.root / "order"
    first = machine.start("run", device, "--", "sh", "-c", 'until [ -e "$0" ]; do sleep 0.02; done', str(gate))
    waiters = []

    def waiting():
        return [r["pid"] for r in machine.json("runs")["runs"] if r["state"] == "waiting"]

    while not machine.json("runs")["runs"]:
        time.sleep(0.02)
    for n in range(WAITERS):
        waiters.append(machine.start("run", device, "--wait", "--", "sh", "-c", 'echo $1 >>"$0"', str(log), str(n)))
        while waiters[n].pid not in waiting():
            check(waiters[n].poll() is None, f"waiter {n} does not wait")
            time.sleep(0.01)
    check(waiting() == [w.pid for w in waiters], "runs lists them in another order")
    p.refused(5, ["came first"], "run", device, "--", "true", env=machine.env)
    dead = set(random.sample(range(WAITERS), WAITERS // 4))
    for n in dead:
        waiters[n].kill()
    gate.touch()
    for process in (first, *waiters):
        process.wait(timeout=60)
        process.stderr.close()
    order = [int(line) for line in log.read_text().split()]
    check(order == [n for n in range(WAITERS) if n not in dead], f"order of arrival: {order}, killed: {dead}")


def main():
    seed = int(sys.argv[1]) if sys.argv[1:] else random.randrange(1 << 30)
    print(f"seed {seed}")
    random.seed(seed)
    with Place() as p:
        torture(p)
        in_order(p)


if __name__ == "__main__":
    main()
