#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""`migctl explain` itself, in layouts of simulated GPUs: its yes and no against what the driver then
does, what it says is in the way and its ways against the brute force's, each way carried out, and of
one the lines typed that it prints. (All layouts, starts and ways: test_explain_sim.py, which asks
the library.)
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lab")]
import brute  # noqa: E402
import questions  # noqa: E402
import suite  # noqa: E402
from simgpu import Driver, GpuInstances  # noqa: E402

# Questions on each board.
BOARDS = {"a100-80gb": 120, "h100-80gb": 40, "a30": 30, "rtx-pro-6000": 60}
NAMES = ("migctl", "nvidia-smi", "sudo")


class Asked:
    """One question, in one layout."""

    def __init__(self, sim, rng):
        self.sim, self.model = sim, sim.model
        model = self.model
        self.now = rng.choice(model.layouts)
        sim.become(self.now)
        self.ids = sim.look()
        slot = rng.choice(model.slots)
        self.position, self.start = slot.position, rng.choice((-1, slot.start))
        self.profile = slot.profile
        self.pinned = self.now & rng.getrandbits(len(model.slots)) & rng.getrandbits(
            len(model.slots)) if rng.randrange(2) else 0
        self.typed = rng.randrange(2)
        keep = ",".join(str(self.ids[n]) for n in brute.bits(self.pinned))
        word = self.profile.name + (f"@{self.start}" if self.start >= 0 else "")
        self.line = f"migctl explain {word} -i 0" + (f" --keep {keep}" if keep else "")

    def run(self, line):
        return subprocess.run(["sh", "-c", line], text=True, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=60)

    def can(self):
        """What the driver does: whether one can be created there."""
        if self.start < 0:
            return self.sim.default_start(self.profile) >= 0
        slot = self.model.slot_at(self.position, self.start)
        if slot in self.sim.there or not self.sim.create(slot):
            return False
        self.sim.destroy(slot)
        return True

    def problems(self):
        done = self.run(self.line + " -o json")
        if done.returncode not in (0, 3):
            yield f"exit {done.returncode}: {done.stderr}"
            return
        said, can = json.loads(done.stdout), self.can()
        if said["fits"] != can or (done.returncode == 0) != can or bool(said["reason"]) == can:
            yield f"fits: {said['fits']}, exit {done.returncode}, but the driver: {can}"
        if said["remaining"] != self.sim.remaining(self.profile):
            yield f"{said['remaining']} more, the driver: {self.sim.remaining(self.profile)}"
        yield from self.places(said)
        if not can:
            yield from self.ways(said)
        if self.typed and said["commands"]:
            yield from self.lines(said)

    def places(self, said):
        model = self.model
        true = {s.start: n for n, s in enumerate(model.slots)
                if s.position == self.position and self.start in (-1, s.start)}
        if sorted(row["start"] for row in said["places"]) != sorted(true):
            yield f"places {[row['start'] for row in said['places']]}, not {sorted(true)}"
            return
        for row in said["places"]:
            slot = true[row["start"]]
            blockers = model.blockers(self.now, slot)
            named = {int(n) for n in re.findall(r"GI (\d+)", row["in_the_way"] or "")}
            if (row["free"] != bool(model.free(self.now) >> slot & 1) or
                    named != {self.ids[n] for n in brute.bits(blockers)} or
                    row["by_rule"] != bool(blockers) & (
                        model.blockers_by_rule(self.now, slot) == blockers)):
                yield f"at {row['start']}: {row}, in the way is {blockers:#x}"

    def ways(self, said):
        """Those shown are ways, in order, the best among them; and they do make room."""
        model, sim = self.model, self.sim
        true = questions.ways_of(model, self.now, self.pinned, [0] * len(model.slots),
                                 self.position, self.start)
        after = [(self.now & ~gone | again | 1 << slot, gone.bit_count(), not again, slot)
                 for gone, again, slot, _ in true]
        shown = [(suite.layout_of(model, row["words"]), row["destroys"], row["loses"],
                  model.slot_at(self.position, row["start"])) for row in said["ways"]]
        if [a for a in after if a in shown] != shown or after[:1] != shown[:1]:
            yield f"ways {said['ways']}, not of {after}"
        for layout, *_ in shown:
            for n in brute.bits(self.now & ~layout):
                sim.destroy(n)
            for n in brute.bits(layout & ~self.now):
                if not sim.create(n):
                    yield f"no room for slot {n} on the way to {layout:#x}"
            sim.become(self.now)

    def lines(self, said):
        """The first way's lines, typed."""
        for row in said["commands"]:
            if row["plan"] == 1:
                done = self.run(row["command"])
                if done.returncode:
                    yield f"{row['command']}: exit {done.returncode}: {done.stdout}{done.stderr}"
        there = self.sim.look()
        wanted = [n for n in there if self.model.slots[n].position == self.position and
                  self.start in (-1, self.model.slots[n].start)]
        stays = [n for n in brute.bits(self.pinned) if there.get(n) != self.ids[n]]
        if not wanted or stays:
            yield f"after its lines: {there} of {self.ids}"
        # Compute instances that came with them go first.
        self.run("sudo nvidia-smi mig -i 0 -dci; sudo nvidia-smi mig -i 0 -dgi")
        self.sim.look()


def judge(name):
    """In a process of its own: MIGKIT_LAB names a lab of that board."""
    driver, wrong, fits = Driver(), 0, 0
    sim = GpuInstances(driver, brute.Model(brute.boards()[name]), driver.gpu)
    seed = int(os.environ.get("MIGKIT_SEED") or 1)
    rng, n = random.Random(seed), BOARDS[name] * suite.LONG
    for _ in range(n):
        asked = Asked(sim, rng)
        fits += asked.can()
        for line in asked.problems():
            wrong += 1
            print(f"{name}, slots {sorted(brute.bits(asked.now))}: {asked.line}: {line}")
    print(f"{name}: {n} questions (seed {seed}), {fits} times there was room: {wrong} exceptions",
          flush=True)
    return bool(wrong)


def main():
    from labtest import MIGCTL, Place, fail
    failed = []
    with Place() as place:
        programs = place.root / "bin"
        programs.mkdir()
        for name in NAMES:
            (programs / name).symlink_to(MIGCTL)
        for name in BOARDS:
            key, driver = brute.boards()[name].ours
            place.ok("lab", "create", name, "--board", key, "--driver", driver)
            env = {**os.environ, **place.env, "MIGKIT_LAB_ROOT": "1", "COLUMNS": "200",
                   "MIGKIT_LAB": place.ok("lab", "path", name).strip(),
                   "PATH": f"{programs}:{place.env['PATH']}"}
            if subprocess.run([sys.executable, __file__, name], env=env, check=False,
                              timeout=280).returncode:
                failed.append(name)
    if failed:
        fail(f"explain is wrong: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(judge(sys.argv[1]) if len(sys.argv) > 1 else main())
