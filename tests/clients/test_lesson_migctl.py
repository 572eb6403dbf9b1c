#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""The lesson of 'migctl lesson' with migctl's own commands instead of nvidia-smi's, on four boards: the same steps
in the same order, and after each NVIDIA's nvidia-smi is asked what has become of it."""
import concurrent.futures
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "faults"))
import programs
from common import Machine, check, report, same

# board: driver, and what the lesson cuts: a half, a quarter, the smallest.
BOARDS = {
    "a100-80gb-pcie": ("550.163.01", "3g.40gb", "2g.20gb", "1g.10gb"),
    "a30": ("550.163.01", "2g.12gb", "1g.6gb", "1g.6gb"),
    "h100-80gb-sxm": ("550.163.01", "3g.40gb", "2g.20gb", "1g.10gb"),
    "rtx-pro-6000-server": ("580.65.06", "2g.48gb", "1g.24gb", "1g.24gb"),
}
AMPERE = ("a100-80gb-pcie", "a30")
BUSY = 5
MODES = ["-i", "0", "--query-gpu=mig.mode.current,mig.mode.pending", "--format=csv,noheader"]
ROW = re.compile(r"^\|\s+0\s+(?:(\d+)\s+)?MIG (\S+)\s", re.M)


class Lesson:
    def __init__(self, m, smi, board):
        self.m, self.smi, self.board, self.steps = m, smi, board, 0
        self.half, self.quarter, self.small = BOARDS[board][1:]

    def asked(self, *words):
        """What NVIDIA's own says."""
        done = self.m.run([self.smi, *words], rc=None)
        return done.stdout

    def do(self, command, rc=0, says=()):
        self.steps += 1
        done = self.m.try_migctl(*command.split())
        said = f"{self.board}: migctl {command}: exit {done.returncode}: {done.stdout}{done.stderr}"
        check(done.returncode == rc, said)
        check(all(s in done.stdout + done.stderr for s in says), f"{said}\nwithout {says}")
        return done.stdout

    def mode(self, now, pending=None):
        same(f"{self.board}: MIG mode", self.asked(*MODES).strip(), f"{now}, {pending or now}")

    def instances(self, *profiles):
        """GPU instances by -lgi."""
        found = [name for _, name in ROW.findall(self.asked("mig", "-lgi"))]
        same(f"{self.board}: -lgi", sorted(found), sorted(profiles))

    def cis(self, *profiles):
        found = [name for _, name in ROW.findall(self.asked("mig", "-lci"))]
        same(f"{self.board}: -lci", sorted(found), sorted(profiles))

    def ids(self):
        return sorted({i["gi"] for i in self.m.status()["instances"]})


def mode(x):
    """On and off again; a daemon is in the way on Ampere; the two remedies."""
    x.do("status", says=["MIG"])
    x.mode("Disabled")
    for word, now in (("on", "Enabled"), ("off", "Disabled")):
        x.do(f"mode {word} -i 0")
        x.mode(now)
    x.m.migctl("lab", "client", "start", "--name", "nvidia-persistenced")
    if x.board in AMPERE:
        x.do("mode on -i 0", BUSY, ["nvidia-persistenced", "kill"])
        x.mode("Disabled")
    x.do("reset -i 0", BUSY, ["nvidia-persistenced"])
    x.m.stop_clients()
    x.do("reset -i 0")
    x.do("mode on -i 0")
    x.mode("Enabled")
    # Ampere keeps its mode over a reboot, later chips do not.
    x.m.migctl("lab", "reboot")
    x.mode("Enabled" if x.board in AMPERE else "Disabled")
    x.do("mode on -i 0")
    x.mode("Enabled")


def layouts(x):
    """What fits; the order in which it is named does not matter to migctl, as it did to nvidia-smi."""
    listed = {name for _, name in re.findall(r"^\|\s+0\s+()MIG (\S+)\s", x.asked("mig", "-lgip"), re.M)}
    told = {p["profile"] for p in json.loads(x.do("profiles -i 0 -o json"))["profiles"]}
    check(listed and listed <= told, f"{x.board}: profiles: {listed - told}")
    x.do("layouts -i 0")
    x.do(f"create -i 0 {x.small} {x.small} {x.half}")
    x.instances(x.small, x.small, x.half)
    x.do("destroy -i 0 all")
    x.instances()
    for one in (x.half, x.quarter, x.small):
        x.do(f"create -i 0 {one}")
    x.instances(x.half, x.quarter, x.small)
    x.do("destroy -i 0 all")
    x.instances()


def use(x):
    """Two halves, one of them cut in two; a program computes there."""
    c = f"1c.{x.half}"
    x.do(f"create -i 0 {x.half}/1c,1c {x.half}")
    x.instances(x.half, x.half)
    x.cis(c, c, x.half)
    told = [d["uuid"] for d in json.loads(x.do("devices -o json"))["devices"]]
    same(f"{x.board}: UUIDs", sorted(re.findall(r"MIG-[0-9a-f-]{36}", x.asked("-L"))), sorted(told))
    first = next(i for i in x.m.status()["instances"] if i["ci_profile"] == c)
    x.m.client(first["uuid"], "2GiB")
    check("train" in x.asked(), f"{x.board}: nvidia-smi shows no process")
    where = f"0/{first['gi']}/{first['ci']}"
    x.do(f"destroy {where}", BUSY, ["train", "kill"])
    x.cis(c, c, x.half)
    x.m.stop_clients()
    x.do(f"destroy {where}")
    x.cis(c, x.half)
    x.do("destroy -i 0 all")
    x.instances()
    return c


def down(x, c):
    """By default one compute instance fills each; cut anew; then everything is undone in order."""
    x.do(f"create -i 0 2x{x.half}")
    x.cis(x.half, x.half)
    gi = x.ids()[0]
    start = next(i["start"] for i in x.m.status()["instances"] if i["gi"] == gi)
    x.do(f"destroy 0/{gi}")
    x.do(f"create -i 0 {x.half}@{start}/1c,1c")
    x.cis(c, c, x.half)
    gi = next(i["gi"] for i in x.m.status()["instances"] if i["ci_profile"] == c)
    x.do(f"destroy 0/{gi}/0 0/{gi}/1")
    x.cis(x.half)
    x.instances(x.half, x.half)
    x.do(f"destroy 0/{gi}")
    x.instances(x.half)
    x.do("mode off -i 0", BUSY, ["migctl destroy -i 0 all"])
    x.do("destroy -i 0 all")
    x.do("mode off -i 0")
    x.mode("Disabled")
    check("\n" in x.do("history"), f"{x.board}: no history")


def play(board, smi):
    with Machine("--board", board, "--driver", BOARDS[board][0]) as m:
        x = Lesson(m, smi, board)
        mode(x)
        layouts(x)
        down(x, use(x))
        return x.steps


def main():
    smi = programs.nvidia_smi("550")
    with concurrent.futures.ThreadPoolExecutor(len(BOARDS)) as pool:
        steps = sum(pool.map(lambda board: play(board, smi), BOARDS))
    report("lesson-migctl", "550.163.01", f"{steps} commands of migctl on {len(BOARDS)} boards, each step seen by nvidia-smi")


if __name__ == "__main__":
    main()
