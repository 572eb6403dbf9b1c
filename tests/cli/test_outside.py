#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Commands at random in labs, on a machine that looks as if it had a real driver: nothing outside the lab changes.

Where NVIDIA's libnvidia-ml.so.1 would be found lies tests/real/pass.c, which writes down each call and stops what
may change something; nvidia-smi and the words that end processes or the machine say when they are reached. All
commands of the table with options and words at random, MIGKIT_REAL set, so that no guard but the choice of the lab
keeps a change away. 2000 commands; 10000 with MIGKIT_LONG.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import readers  # finds labtest
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
import reading  # noqa: E402
import test_real_pass  # noqa: E402
from labtest import BUILD, Place, check  # noqa: E402

SEED = 20261130
COUNT = 10000 if os.environ.get("MIGKIT_LONG") else 2000
LIMIT = 5  # seconds that a command has: some go on until somebody ends them
WORKERS = 2
HOST = ("sudo", "killall", "pkill", "shutdown", "reboot", "poweroff", "systemctl", "modprobe", "nvidia-smi")
# The test's own: what a lab's shell runs, and what a word stands for.
PROFILES = ["1g.10gb", "2g.20gb", "3g.40gb", "7g.80gb", "4g.40gb", "1c.3g.40gb", "1g.5gb", "19", "banana"]
DEVICES = ["0", "1", "0/1", "0/2/0", "1/0", "all", "3g.40gb@4", "1g.10gb@6", "MIG-", "9", "GPU-0"]
ACTING = ("create", "destroy", "mode", "reset", "recover", "smi")
REQUESTS = [*PROFILES, "2x1g.10gb", "3g.40gb@0", "3g.40gb@4/1c,2c", "1g.10gb@6", "7x1g.10gb", "9x9"]
LINES = ["nvidia-smi", "sudo nvidia-smi -i 0 -mig 1", "sudo nvidia-smi mig -cgi 9,19 -C", "sudo killall train",
         "nvidia-smi mig -dci; nvidia-smi mig -dgi", "sudo reboot", "sudo shutdown now -r", "pkill train",
         "nvidia-smi -i 0 --gpu-reset", "systemctl stop nvidia-persistenced", "true"]
SMI = [[], ["-L"], ["-q"], ["-i", "0", "-mig", "1"], ["-mig", "0"], ["-pm", "1"], ["--gpu-reset", "-i", "0"],
       ["mig", "-lgi"], ["mig", "-lgip"], ["mig", "-cgi", "9,19", "-C"], ["mig", "-cgi", "19"], ["mig", "-cci"],
       ["mig", "-dci"], ["mig", "-dgi"], ["mig", "-i", "0", "-gi", "1", "-dgi"], ["nonsense"]]
# Of options with a value that the table does not list; others get a word that is none.
VALUES = {"GPU,...": ["0", "1", "0,1", "7"], "FILE": ["kept.json", "none"], "GI,...": ["1", "2", "all"], "GI": ["1", "2"], "GPU": ["0", "1"],
          "SECONDS": ["0"], "[SECONDS]": ["1"], "BOARD|FILE": ["a30", "h200", "none"], "VERSION": ["550.54.15", "1"],
          "SIZE": ["1GiB", "x"], "COMMAND": LINES, "MIG-UUID|GPU/GI/CI": ["0/1/0", "0/2/0"]}
# Words of commands that take none of GPUs, by the command; a list of lists is taken whole.
WORDS = {
    "smi": SMI, "mode": [["on"]] * 4 + [["off"], ["maybe"]], "help": [["create"], ["modes"], ["x"]],
    "completion": [["bash"], ["zsh"], ["fish"]], "explain": [[p] for p in PROFILES],
    "who": [[d] for d in DEVICES], "destroy": [[d] for d in DEVICES], "snapshot": [["kept.json"], ["-"]],
    "boards capture": [["own.yaml"]], "lab set": [["0", "temperature=50"], ["0/1", "memory-used=10"], ["x"]],
    "lab inject": [["0", "xid=31"], ["0", "needs-reset"], ["1", "row-remap"], ["0", "lost"], ["0", "x"]],
    "lab latency": [["measured"], ["none"], []], "lab client stop": [["train"], ["x"], []],
    "lab fault add": [["group:create", "--nth", "2", "--return", "UNKNOWN"], ["DeviceSetMigMode", "--return", "IN_USE"],
                      ["group:destroy", "--return-after", "TIMEOUT", "--times", "1"], ["x"],
                      ["group:create", "--nth", "1", "--kill", "after"]],
    "lab fault clear": [["--all"], ["1"]], "lab trace": [["--", "true"]],
    "lab exec": [["LAB", "--", "true"], ["LAB", "--", "/usr/bin/nvidia-smi", "-mig", "1"]],
    "lab shell": [["LAB", "-c", line] for line in LINES],
    "lab create": [["NEW", "--board", "a100-80gb-pcie:2", "--driver", "580.65.06"], ["NEW", "--board", "a30"], ["x/y"]],
    **{f"lab {w}": [["LAB"], ["none"], []] for w in ("status", "check", "env", "path", "use", "reboot")},
    "lab destroy": [["LAB"], ["none"], ["none"], []],
}


class Random:
    """Command lines of one worker, the same for the same seed."""

    def __init__(self, worker, commands):
        self.r, self.worker, self.commands = random.Random(f"{SEED} {worker}"), worker, commands

    def option(self, o):
        word = f"--{o['name']}" if o["letter"] is None or self.r.random() < 0.5 else f"-{o['letter']}"
        if o["arg"] is None:
            return [word]
        value = self.r.choice(o["values"] or VALUES.get(o["arg"], ["x"]))
        return [f"--{o['name']}={value}"] if o["arg"].startswith("[") else [word, value]

    def words(self, name):
        if name in WORDS:
            own = {"LAB": f"w{self.worker}", "NEW": self.r.choice([f"w{self.worker}", f"new{self.worker}"])}
            return [own.get(w, w) for w in self.r.choice(WORDS[name])]
        return self.r.sample(REQUESTS, self.r.randrange(1, 3))

    def line(self):
        c = self.r.choices(self.commands, [6 if c["name"] in ACTING else 1 for c in self.commands])[0]
        options = [w for o in c["options"] if self.r.random() < 0.5 / (1 + len(c["options"])) for w in self.option(o)]
        if c["name"] in ACTING and self.r.random() < 0.8:
            options += ["-i", "0"] if c["name"] != "recover" else []
        # Now and then words where none are taken.
        words = self.words(c["name"]) if c["args"] or self.r.random() < 0.1 else []
        if name_takes_rest(c["name"]):
            return [*c["name"].split(), *words]
        lab = ["--lab", self.r.choice([f"w{self.worker}"] * 5 + ["none"])] if self.r.random() < 0.2 else []
        return [*lab, *c["name"].split(), *options, *words]


def name_takes_rest(name):
    """What follows is another program's."""
    return name in ("smi", "lab exec", "lab shell", "lab trace")


class Worker:
    def __init__(self, p, number, env):
        self.p, self.number = p, number
        self.lab = p.labs / f"w{number}"
        self.files = p.root / "files" / str(number)
        self.files.mkdir(parents=True)
        self.env = {**p.env, **env, "MIGKIT_LAB": str(self.lab)}
        self.ends = collections.Counter()

    def make(self):
        self.run(["lab", "create", f"w{self.number}", "--board", "a100-80gb-pcie:2", "--driver", "580.65.06"])

    def run(self, words):
        with subprocess.Popen([str(self.p.migctl), *words], env=self.env, cwd=self.files, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as child:
            try:
                child.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.communicate()
                return "ended"
        return child.returncode

    def go(self, commands, n):
        maker = Random(self.number, commands)
        for i in range(n):
            # Rarely ready to be divided by chance alone.
            if i % 10 == 5:
                self.run(["mode", "on", "-i", "0"])
            # A destroyed lab stays chosen for a while: no fall-back to the driver then, either.
            if i % 25 == 0 and not (self.lab / "state").exists():
                self.make()
            if i % 50 == 0:
                self.run(["lab", "fault", "clear", "--all"])
                self.run(["lab", "client", "start", "--name", "train", "--gpu", "0"])
                self.run(["lab", "reboot"])
            self.ends[self.run(maker.line())] += 1
        self.run(["lab", "fault", "clear", "--all"])
        self.run(["lab", "client", "stop", "--all"])


def tree(root, leave):
    """Every file with what a change of it would change."""
    found = {}
    for path in sorted(root.rglob("*")):
        if not any(path.is_relative_to(x) for x in leave):
            s = path.lstat()
            found[str(path)] = (s.st_mode, s.st_uid, s.st_size if path.is_file() else 0,
                                s.st_mtime_ns if path.is_file() else 0)
    return found


def outside(p):
    """Of the test's own place, and what of the machine a command without a lab would write to."""
    machine = [pathlib.Path(x) for x in ("/var/lib/migkit", "/etc/cdi", "/etc/slurm", "/run/migkit")]
    return [tree(p.root, [p.root / "state", p.root / "files"]), *[tree(x, []) if x.exists() else None for x in machine]]


def machine(p):
    """A driver's library in the loader's way, and programs that say when they are reached."""
    test_real_pass.build(p.root)
    decoy = p.create("decoy", board="h100-80gb-sxm", driver="580.159.04")
    moved = decoy.rename(p.root / "decoy")
    programs = p.root / "bin"
    programs.mkdir()
    for name in HOST:
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{p.root}/files/reached"\nexit 99\n')
        (programs / name).chmod(0o755)
    return {"LD_LIBRARY_PATH": str(p.root / "guard"), "NVML_PASS_LAB": str(moved),
            "NVML_PASS_REAL": str(BUILD / "sim-branch/580/libnvidia-ml.so.1"),
            "NVML_PASS_LOG": str(p.root / "files/calls"), "MIGKIT_REAL": "1",
            "PATH": f"{programs}:{p.env['PATH']}", "TMPDIR": str(p.root / "files")}


def notices(p, env):
    """Without a lab the same library is found, and writes down what is asked of it."""
    done = p.run("mode", "on", "-i", "0", "--dry-run", env=env)
    found = reading.calls(p.root / "files/calls")
    check(done.returncode == 0 and len(found) > 5, f"the machine does not look as if it had a driver: {done}")
    (p.root / "files/calls").unlink()


def main():
    with Place() as p:
        (p.root / "files").mkdir()
        env = machine(p)
        notices(p, env)
        commands = [c for c in json.loads(p.ok("__table"))["commands"] if c["name"] != "lesson"]
        before = outside(p)
        workers = [Worker(p, n, env) for n in range(WORKERS)]
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for job in [pool.submit(w.go, commands, COUNT // WORKERS) for w in workers]:
                job.result()
        after = outside(p)
        found = reading.calls(p.root / "files/calls")
        ends = sum((w.ends for w in workers), collections.Counter())
        changing = [str(c) for c in found if c.changes()]
        check(not changing, f"{len(changing)} calls that may change a driver: {changing[:5]}")
        check(not found, f"{len(found)} calls of the driver although a lab is chosen: {[str(c) for c in found[:5]]}")
        reached = p.root / "files/reached"
        check(not reached.exists(), f"reached: {reached.read_text()[:500] if reached.exists() else ''}")
        check(before == after, "changed outside the lab: " + str([
            k for x, y in zip(before, after) for k in set(x or {}) | set(y or {}) if (x or {}).get(k) != (y or {}).get(k)]))
        done = sum(ends.values())
        check(ends[0] > done / 3 and len(ends) > 6, f"too little of it was done: {ends}")
        print(f"{done} commands, {len(commands)} kinds, exit codes {dict(ends.most_common())}: 0 calls of the driver")


if __name__ == "__main__":
    main()
