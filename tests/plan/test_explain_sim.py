#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""What `explain` says against what the simulated driver then does: in each layout of an A100 80GB
(2319 with the empty one), for each profile and start, and for each profile without one.

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
from simgpu import SimGpu  # noqa: E402

BOARDS = {"a100-80gb": ([], 2319), "a30": ([], 76), "rtx-pro-6000": ([], 717)}
# More than there ever are of one question: sets of at most eight that don't contain each other.
WAYS = 140


class Judge:
    def __init__(self, model, lib):
        self.model, self.table, self.lib = model, ask.Table(lib, model), lib
        self.sim = SimGpu(model)
        self.wrong, self.asked, self.carried_out = [], 0, 0

    def say(self, now, text):
        slots = [self.model.slots[n] for n in brute.bits(now)]
        there = " ".join(f"{s.profile.name}@{s.start}" for s in slots)
        self.wrong.append(f"beside {there or 'nothing'}: {text}")

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


def judge(name):
    """In a process of its own: MIGKIT_LAB names a lab of that board."""
    board, n_layouts = brute.boards()[name], BOARDS[name][1]
    model = brute.Model(board)
    judge_ = Judge(model, ask.load())
    if len(model.layouts) != n_layouts:
        raise SystemExit(f"FAILED: {len(model.layouts)} layouts, not {n_layouts}")
    for now in model.layouts:
        judge_.layout(now)
    print(f"{name}: {len(model.layouts)} layouts, {judge_.asked} questions, "
          f"{judge_.carried_out} changes carried out, {judge_.sim.calls} NVML calls: "
          f"{len(judge_.wrong)} exceptions", flush=True)
    for line in judge_.wrong[:20]:
        print(f"  {line}")
    return bool(judge_.wrong)


def main():
    from labtest import Place, fail
    failed = []
    with Place() as place:
        for name in BOARDS:
            key, driver = brute.boards()[name].ours
            place.ok("lab", "create", name, "--board", key, "--driver", driver)
            if name.startswith("rtx"):  # no MIG mode with display ports
                place.run("--lab", name, "lab", "set", "0", "display=off")
            env = {**os.environ, **place.env, "MIGKIT_LAB_ROOT": "1",
                   "MIGKIT_LAB": place.ok("lab", "path", name).strip()}
            if subprocess.run([sys.executable, __file__, name], env=env, check=False,
                              timeout=550).returncode:
                failed.append(name)
    if failed:
        fail(f"planner and simulated driver differ: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(judge(sys.argv[1]) if len(sys.argv) > 1 else main())
