#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""`migctl explain` itself, in layouts of simulated GPUs: its yes and no against what the driver
then does, what it says is in the way and its ways against the brute force's, each way carried out,
and of one the lines typed that it prints. All layouts, starts and ways: test_explain_sim.py, which
asks the library, and this one in make check-long.
"""
import itertools
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
from simgpu import ComputeInstances, Driver, GpuInstances  # noqa: E402

# Questions on each board.
BOARDS = {"a100-80gb": 120, "h100-80gb": 40, "a30": 30, "rtx-pro-6000": 60}
NAMES = ("migctl", "nvidia-smi", "sudo")


class OnGpu:
    """Where a question is asked: how its words are written and read."""
    who, options, clean = "GI", "", "sudo nvidia-smi mig -i 0 -dci; sudo nvidia-smi mig -i 0 -dgi"

    def __init__(self, sim):
        self.sim = sim
        self.names = [p.name for p in sim.model.board.profiles]

    def layout(self, words):
        """"2g.20gb@0 3g.40gb@4" as slots."""
        found = [(self.names.index(name), int(start))
                 for name, start in re.findall(r"(\S+)@(\d+)", words)]
        return sum(1 << self.sim.model.slot_at(*place) for place in found)


class InGi(OnGpu):
    """Compute instances: named after their GPU instance without its media engines (seen with +me),
    the one that fills it as itself."""
    who, clean = "CI", "sudo nvidia-smi mig -i 0 -dci"

    def __init__(self, sim, profile, gi_id):
        super().__init__(sim)
        name = re.sub(r"[+-].*", "", profile.name)
        self.names = [name if p.slices == profile.slices else f"{p.slices}c.{name}"
                      for p in sim.model.board.profiles]
        self.options = f" --gi {gi_id}"


class Asked:
    """One question, in one layout."""

    def __init__(self, scope, now, profile, start, pinned=0, typed=False):
        self.scope, self.sim, self.model, self.now = scope, scope.sim, scope.sim.model, now
        self.sim.become(now)
        self.ids = self.sim.look()
        self.profile, self.position, self.start = profile, profile.position, start
        self.pinned, self.typed = pinned, typed
        keep = ",".join(str(self.ids[n]) for n in brute.bits(pinned))
        word = scope.names[profile.position] + (f"@{start}" if start >= 0 else "")
        self.line = (f"migctl explain {word} -i 0{scope.options}" +
                     (f" --keep {keep}" if keep else ""))

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
        if not can and not self.reason(said["reason"]):
            yield f"no reason: {said['reason']}"
        yield from self.places(said)
        if self.typed and said["commands"]:
            yield from self.lines(said)
        if not can:
            yield from self.ways(said)

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
            text = row["in_the_way"] or ""
            named = {int(n) for n in re.findall(self.scope.who + r" (\d+)", text)}
            if (row["free"] != bool(model.free(self.now) >> slot & 1) or
                    named != {self.ids[n] for n in brute.bits(blockers)} or
                    row["by_rule"] != bool(blockers) & (
                        model.blockers_by_rule(self.now, slot) == blockers)):
                yield f"at {row['start']}: {row}, in the way is {blockers:#x}"

    def reason(self, text):
        """That what is said is so, and that it is a reason."""
        model = self.model
        measure, size = model.measure(self.now), self.profile.size
        free = set(brute.bits(measure["free_mask"]))
        numbers = [int(n) for n in re.findall(r"\d+", text)]
        side_by_side = any(free.issuperset(range(n, n + size)) for n in free)
        slots = [n for n, s in enumerate(model.slots)
                 if s.position == self.position and self.start in (-1, s.start)]
        if found := re.search(r"it needs (\d+) compute slices?, and (\d+) of (\d+) are", text):
            needs, left, of = map(int, found.groups())
            return (needs, left, of) == (self.profile.slices, measure["slices_free"],
                                         measure["slices"]) and left < needs
        if found := re.search(r"it needs (\d+) [a-z ]+, and (\d+) of (\d+) are free", text):
            needs, left, of = map(int, found.groups())
            return (needs, left, of) == (size, len(free), measure["units"]) and left < needs
        if found := re.search(r"it needs (\d+) .* side by side, and (?:of )?the free ones, (.*),",
                              text):
            named = {int(n) for n in re.findall(r"\d+", found.group(2))}
            return int(found.group(1)) == size and named == free and not side_by_side
        if found := re.search(r"it starts at ([\d,]+) only, and the free .* (?:are|is) (.*)$",
                              text):
            starts = [int(n) for n in found.group(1).split(",")]
            return (starts == self.profile.starts and
                    {int(n) for n in re.findall(r"\d+", found.group(2))} == free)
        by_rule = [model.blockers_by_rule(self.now, n) for n in slots
                   if model.blockers(self.now, n) == model.blockers_by_rule(self.now, n)]
        if found := re.search(r"the one \+me of the board is taken, by GI (\d+)", text):
            return self.profile.media == "me" and {int(found.group(1))} == {
                self.ids[n] for mask in by_rule for n in brute.bits(mask)}
        if "takes all media engines" in text or "by rule, wherever they stand" in text:
            named = {int(n) for n in re.findall(self.scope.who + r" (\d+)", text)}
            return any(named == {self.ids[n] for n in brute.bits(mask)} for mask in by_rule)
        if "in the way" in text and self.start >= 0:
            named = {int(n) for n in re.findall(r"CI (\d+)" if self.scope.who == "CI" else
                                                r"GI (\d+)", text)}
            return bool(numbers) and named == {
                self.ids[n] for n in brute.bits(model.blockers(self.now, slots[0]))}
        return False

    def ways(self, said):
        """Those shown are ways, in order, the best among them; and they do make room."""
        model, sim = self.model, self.sim
        true = questions.ways_of(model, self.now, self.pinned, [0] * len(model.slots),
                                 self.position, self.start)
        after = [(self.now & ~gone | again | 1 << slot, gone.bit_count(), not again, slot)
                 for gone, again, slot, _ in true]
        shown = [(self.scope.layout(row["words"]), row["destroys"], row["loses"],
                  model.slot_at(self.position, row["start"])) for row in said["ways"]]
        if [a for a in after if a in shown] != shown or after[:1] != shown[:1]:
            yield f"ways {said['ways']}, not of {after}"
        for layout, *_ in shown:
            sim.become(self.now)
            for n in brute.bits(self.now & ~layout):
                sim.destroy(n)
            for n in brute.bits(layout & ~self.now):
                if not sim.create(n):
                    yield f"no room for slot {n} on the way to {layout:#x}"

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
        self.run(self.scope.clean)
        self.sim.look()


def at_random(scope, n, rng):
    model = scope.sim.model
    for _ in range(n):
        now, slot, pinned = rng.choice(model.layouts), rng.choice(model.slots), 0
        if scope.who == "GI" and rng.randrange(2):
            pinned = now & rng.getrandbits(len(model.slots)) & rng.getrandbits(len(model.slots))
        # The one that fills a GPU instance is named as that: no question of its own.
        if "c." in scope.names[slot.position] or scope.who == "GI":
            yield Asked(scope, now, slot.profile, rng.choice((-1, slot.start)), pinned,
                        rng.randrange(2))


def every(scope):
    model = scope.sim.model
    for now in model.layouts:
        for slot in model.slots:
            yield Asked(scope, now, slot.profile, slot.start)
        for profile in model.board.profiles:
            yield Asked(scope, now, profile, -1)


def inside(driver, gis, n, rng):
    """Compute instances in an instance of each profile."""
    for profile in gis.model.board.profiles:
        slot = gis.model.slot_at(profile.position, profile.starts[0])
        gis.become(1 << slot)
        model = brute.Model(brute.inside(gis.model.board, profile))
        cis = ComputeInstances(driver, model, gis.there[slot])
        yield from at_random(InGi(cis, profile, gis.look()[slot]), n if profile.slices > 2 else 2,
                             rng)
        cis.become(0)


def judge(name):
    """In a process of its own: MIGKIT_LAB names a lab of that board."""
    driver, wrong, fits = Driver(), 0, 0
    gis = GpuInstances(driver, brute.Model(brute.boards()[name]), driver.gpu)
    seed, n = int(os.environ.get("MIGKIT_SEED") or 1), 0
    rng, many = random.Random(seed), BOARDS[name] * suite.LONG
    whole = suite.LONG > 1 and name == "a100-80gb"
    on_gpu = every(OnGpu(gis)) if whole else at_random(OnGpu(gis), many, rng)
    for asked in itertools.chain(on_gpu, inside(driver, gis, many // 6, rng)):
        n += 1
        fits += asked.can()
        for line in asked.problems():
            wrong += 1
            print(f"{name}, slots {sorted(brute.bits(asked.now))}: {asked.line}: {line}")
    how = "each layout, profile and start" if whole else f"seed {seed}"
    print(f"{name}: {n} questions ({how}), {fits} times there was room: {wrong} exceptions",
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
            if subprocess.run([sys.executable, __file__, name], env=env,
                              check=False).returncode:
                failed.append(name)
    if failed:
        fail(f"explain is wrong: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(judge(sys.argv[1]) if len(sys.argv) > 1 else main())
