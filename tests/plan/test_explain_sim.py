#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""What `explain` says against what the simulated driver then does: in each layout of an A100 80GB
(2319 with the empty one), for each profile and start, and for each profile without one. Other
boards likewise, and the compute instances in each kind of GPU instance.

The planner and the simulated driver have no line of code in common. Of each layout: whether an
instance can be created there, where the driver would put one, how many more fit; and every change
that the planner proposes is carried out, and must make room.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lab")]
import ask  # noqa: E402
import brute  # noqa: E402
import suite  # noqa: E402
from simgpu import ComputeInstances, Driver, GpuInstances  # noqa: E402

# Board: its layouts, and of how many of them one is looked at (in make check-long at each). The
# H100 has the A100's, and another rule where its driver puts what is given no start.
BOARDS = {"a100-80gb": (2319, 1), "a30": (76, 1), "rtx-pro-6000": (717, 1),
          "h100-80gb": (2319, 7), "a100-40gb-r470": (1088, 7)}
# More than there ever are of one question: sets of at most eight that don't contain each other.
WAYS = 140


class Judge:
    def __init__(self, model, lib, instances, inside=False):
        self.model, self.table, self.lib = model, ask.Table(lib, model, inside), lib
        self.sim = instances
        self.wrong, self.asked, self.carried_out = [], 0, 0

    def say(self, now, text):
        slots = [self.model.slots[n] for n in brute.bits(now)]
        there = " ".join(f"{s.profile.name}@{s.start}" for s in slots)
        self.wrong.append(f"beside {there or 'nothing'}: {text}")

    def all(self, pick=1):
        for now in self.model.layouts[::pick]:
            self.layout(now)
        self.sim.become(0)
        print(f"{self.model.board.name}: {len(self.model.layouts[::pick])} of "
              f"{len(self.model.layouts)} layouts, {self.asked} questions, {self.carried_out} "
              f"changes carried out: {len(self.wrong)} exceptions", flush=True)
        for line in self.wrong[:20]:
            print(f"  {line}")
        return len(self.wrong)

    def layout(self, now):
        sim, t, lib = self.sim, self.table, self.lib
        sim.become(now)
        theirs, done = t.out(now), set()
        t.set_state(now, 0, [0] * len(self.model.slots))
        free = t.back(lib.mig_plan_free(t.handle, theirs))
        for n, slot in enumerate(self.model.slots):
            name = f"{slot.profile.name}@{slot.start}"
            self.asked += 1
            created = sim.create(n) if n not in sim.there else False
            if created:
                sim.destroy(n)
            blockers = lib.mig_plan_blockers(t.handle, theirs, t.to_theirs[n])
            if created != bool(free >> n & 1) or created != (blockers == 0):
                self.say(now, f"{name} can be created: {created}; free {free:#x}, in the way "
                              f"{blockers:#x}")
            self.ways(now, slot, slot.start, created, done)
        for p in self.model.chosen:
            self.profile(now, theirs, self.model.board.profiles[p], done)

    def profile(self, now, theirs, p, done):
        t, lib, sim = self.table, self.lib, self.sim
        self.asked += 1
        start, said = sim.default_start(p), lib.mig_plan_default_start(t.handle, theirs, p.position)
        if start != said:
            self.say(now, f"{p.name} goes to {start}, the planner says {said}")
        n, said = sim.remaining(p), lib.mig_plan_remaining(t.handle, theirs, p.position)
        if n != said:
            self.say(now, f"{p.name} fits {n} times, the planner says {said}")
        slot = next(s for s in self.model.slots if s.profile is p)
        self.ways(now, slot, -1, start >= 0, done)

    def ways(self, now, slot, start, fits, done):
        """Those not done yet are carried out, and taken back."""
        found = self.table.ways(slot.position, start, WAYS)
        name = f"{slot.profile.name}@{start}"
        if not found or (found[0][0] == 0) != fits:
            self.say(now, f"{name} fits: {fits}, but the first way of {len(found)} is "
                          f"{found[:1]}")
        for gone, again, new, _ in found:
            if (gone, again | 1 << new) not in done:
                done.add((gone, again | 1 << new))
                self.carry_out(now, gone, again | 1 << new, name)

    def carry_out(self, now, gone, new, name):
        sim, made = self.sim, []
        self.carried_out += 1
        if gone & ~now:
            self.say(now, f"{name}: {gone & ~now:#x} shall go, but is not there")
            return
        for n in brute.bits(gone):
            sim.destroy(n)
        for n in brute.bits(new):
            if n in sim.there or not sim.create(n):
                self.say(now, f"{name}: without {gone:#x} there is no room for slot {n} of "
                              f"{new:#x}")
                break
            made.append(n)
        for n in made:
            sim.destroy(n)
        for n in brute.bits(gone):
            if not sim.create(n):
                raise SystemExit(f"FAILED: the layout {now:#x} cannot be made again")


def inside(lib, driver, board):
    """The compute instances in an instance of each profile."""
    wrong, gis = 0, GpuInstances(driver, brute.Model(board), driver.gpu)
    for profile in board.profiles:
        model = brute.Model(brute.inside(board, profile))
        slot = gis.model.slot_at(profile.position, profile.starts[0])
        gis.become(1 << slot)
        cis = ComputeInstances(driver, model, gis.there[slot])
        for p in model.board.profiles:
            if cis.possible(p) != [(start, p.size) for start in p.starts]:
                print(f"  {model.board.name}: {p.name} may stand at {cis.possible(p)}")
                wrong += 1
        wrong += Judge(model, lib, cis, inside=True).all()
        cis.become(0)
    gis.become(0)
    return wrong


def judge(name):
    """In a process of its own: MIGKIT_LAB names a lab of that board."""
    board, lib, driver = brute.boards()[name], ask.load(), Driver()
    n_layouts, pick = BOARDS[name]
    model = brute.Model(board)
    if len(model.layouts) != n_layouts:
        raise SystemExit(f"FAILED: {len(model.layouts)} layouts, not {n_layouts}")
    wrong = Judge(model, lib, GpuInstances(driver, model, driver.gpu)).all(
        1 if suite.LONG > 1 else pick)
    # A driver of R470 has no call that creates a compute instance at a start.
    if name != "a100-40gb-r470":
        wrong += inside(lib, driver, board)
    print(f"  {driver.calls} NVML calls", flush=True)
    return bool(wrong)


def main():
    from labtest import Place, fail
    failed = []
    with Place() as place:
        for name in BOARDS:
            key, driver = brute.boards()[name].ours
            place.ok("lab", "create", name, "--board", key, "--driver", driver)
            env = {**os.environ, **place.env, "MIGKIT_LAB_ROOT": "1",
                   "MIGKIT_LAB": place.ok("lab", "path", name).strip()}
            if subprocess.run([sys.executable, __file__, name], env=env, check=False,
                              timeout=550).returncode:
                failed.append(name)
    if failed:
        fail(f"planner and simulated driver differ: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(judge(sys.argv[1]) if len(sys.argv) > 1 else main())
