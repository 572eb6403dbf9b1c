#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""`migctl plan` from end to end: a lab in a random layout, a random request, and the answer against
the brute force's. Then the nvidia-smi lines that it prints are typed: the GPU has what was wanted,
and what was to stay is there as it was. `migctl status` tells the same of fullness.
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
from labtest import MIGCTL, Place, fail  # noqa: E402

# Requests on each board.
BOARDS = {"a100-80gb": 30, "h100-80gb": 15, "a30": 10, "rtx-pro-6000": 15}
NAMES = ("migctl", "nvidia-smi", "sudo")


class Machine:
    """A lab of one GPU, in which the words of NAMES mean our program."""

    def __init__(self, place, board):
        self.model = brute.Model(board)
        key, driver = board.ours
        place.ok("lab", "create", board.name, "--board", key, "--driver", driver)
        programs = place.root / "bin"
        programs.mkdir(exist_ok=True)
        for name in NAMES:
            if not (programs / name).is_symlink():
                (programs / name).symlink_to(MIGCTL)
        self.env = {**place.env, "MIGKIT_LAB": place.ok("lab", "path", board.name).strip(),
                    "PATH": f"{programs}:{place.env['PATH']}", "COLUMNS": "200"}
        self.sh("sudo nvidia-smi -i 0 -mig 1")

    def run(self, line):
        return subprocess.run(["sh", "-c", line], env=self.env, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)

    def sh(self, line):
        done = self.run(line)
        if done.returncode:
            fail(f"{line}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def now(self):
        """slot -> (GI id, its compute instances), and what status says of the GPU."""
        said = json.loads(self.sh("migctl status -i 0 -o json"))
        there = {}
        for row in said["instances"]:
            profile = self.model.board.by_id(row["profile_id"])
            slot = self.model.slot_at(profile.position, row["start"])
            gi, cis = there.get(slot, (row["gi"], 0))
            there[slot] = (gi, cis + (row["ci"] is not None))
        return there, said["gpus"][0]

    def become(self, layout, with_ci):
        there = self.now()[0]
        if any(cis for _, cis in there.values()):
            self.sh("sudo nvidia-smi mig -i 0 -dci")
        if there:
            self.sh("sudo nvidia-smi mig -i 0 -dgi")
        for some, option in ((layout & with_ci, " -C"), (layout & ~with_ci, "")):
            slots = [self.model.slots[n] for n in brute.bits(some)]
            if slots:
                words = ",".join(f"{s.profile.id}:{s.start}" for s in slots)
                self.sh(f"sudo nvidia-smi mig -i 0 -cgi {words}{option}")


def request(model, counts, at):
    """A goal as words of the command line."""
    words = [f"{s.profile.name}@{s.start}" for s in (model.slots[n] for n in brute.bits(at))]
    named = model._count(at)
    for p, n in enumerate(counts):
        if n > named[p]:
            words.append(f"{n - named[p]}x{model.board.profiles[p].name}")
    return words


class Trial:
    """One request, and what is wrong with the answer."""

    def __init__(self, machine, rng):
        self.machine, self.model = machine, machine.model
        model = self.model
        self.layout = rng.choice(model.layouts)
        machine.become(self.layout, rng.getrandbits(len(model.slots)) | rng.getrandbits(
            len(model.slots)))
        self.there, self.gpu = machine.now()
        self.pinned = self.layout & rng.getrandbits(len(model.slots)) & rng.getrandbits(
            len(model.slots))
        keep = ",".join(str(self.there[n][0]) for n in brute.bits(self.pinned) if n in self.there)
        # One in which a process runs stays without being told to.
        self.busy = 0
        computing = [n for n, (_, cis) in self.there.items() if cis]
        if computing and not rng.randrange(3):
            slot = rng.choice(computing)
            self.busy = 1 << slot
            self.pinned |= self.busy
            machine.sh(f"migctl lab client start --memory 1GiB --device 0/{self.there[slot][0]}/0")
        goal = rng.choice(model.layouts[1:])
        if rng.randrange(2):  # one that can be had
            goal = rng.choice(model.containing(self.pinned)) or goal
        else:
            more = self.layout & rng.getrandbits(len(model.slots)) & ~self.pinned
            keep = ",".join([keep] * bool(keep) + [str(self.there[n][0]) for n in brute.bits(more)
                                                   if n in self.there])
            self.pinned |= more
        self.at = goal & rng.getrandbits(len(model.slots)) & rng.getrandbits(len(model.slots))
        self.counts = tuple(max(a, b) for a, b in zip(model.counts[goal], model._count(self.at)))
        if not rng.randrange(5):  # too much
            p = rng.choice(model.chosen)
            self.counts = tuple(n + (i == p) * rng.randrange(1, 4)
                                for i, n in enumerate(self.counts))
        self.n_ci = [self.there.get(n, (0, 0))[1] for n in range(len(model.slots))]
        self.keep = f" -i 0 --keep {keep}" if keep else " -i 0"
        self.line = " ".join(["migctl plan", *request(model, self.counts, self.at)]) + self.keep
        # Of the lines of a plan that one without starts is typed, where there is an order.
        self.by_order = rng.randrange(2)
        self.needs = []
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            like = model.board.profiles[rng.choice(model.chosen)]
            self.needs.append(rng.choice(((like.memory_mb, 0), (like.memory_mb - 1000, like.sm),
                                          (0, like.sm), (0, like.sm - 1))))

    def gone(self):
        return not json.loads(self.machine.sh("migctl status -i 0 -o json"))["processes"]

    def close(self):
        if self.busy:
            self.machine.sh("migctl lab client stop --all")

    def by_need(self):
        """The same question by what programs need, and only looked at."""
        words = "".join(" --need " + ",".join([f"{memory}MiB"] * (memory > 0) +
                                              [f"{sm}SM"] * (sm > 0))
                        for memory, sm in self.needs)
        line = f"migctl plan{words}{self.keep} -o json"
        done = self.machine.run(line)
        if done.returncode not in (0, 3):
            yield f"{line}: exit {done.returncode}: {done.stderr}"
            return
        said = json.loads(done.stdout)
        true = questions.cheapest(self.model, self.pinned, self.needs)
        names = [row["profile"] for row in said["needs"]]
        if names != [p is not None and self.model.board.profiles[p].name or None
                     for p in true or [None] * len(self.needs)]:
            yield f"{line}: {names}, not {true}"
        elif true:
            counts = list(self.model.counts[self.pinned])
            for p in true:
                counts[p] += 1
            best = self.model.changes(self.layout, self.pinned, self.n_ci, tuple(counts))[0][0]
            if suite.layout_of(self.model, said["plans"][0]["words"]) != best:
                yield f"{line}: {said['plans'][0]['words']}, not {best:#x}"

    def problems(self):
        if self.busy and self.gone():
            yield "the process is gone"
        if set(self.there) != set(brute.bits(self.layout)):
            yield f"status shows {self.there} of {self.layout:#x}"
            return
        yield from self.fullness()
        if self.needs:
            yield from self.by_need()
        done = self.machine.run(self.line + " -o json")
        if done.returncode not in (0, 3):
            yield f"exit {done.returncode}: {done.stderr}"
            return
        said = json.loads(done.stdout)
        true = self.model.changes(self.layout, self.pinned, self.n_ci, self.counts, self.at)
        if bool(true) != said["fits"] or said["fits"] != (done.returncode == 0):
            yield f"fits: {said['fits']}, exit {done.returncode}, but there are {len(true)} ways"
        elif true:
            yield from self.plans(said, true)
        else:
            yield from self.refusal(said)

    def fullness(self):
        true = self.model.measure(self.layout)
        profiles = self.model.board.profiles
        for key, value in (("compute_slices_free", true["slices_free"]),
                           ("placement_units_free", true["units_free"]),
                           ("placement_units_unusable", true["dead_mask"].bit_count()),
                           ("layouts_reachable", true["room"]),
                           ("layouts_reachable_rearranged", true["room_best"]),
                           ("largest_profile", profiles[true["largest"]].name
                            if true["largest"] >= 0 else None),
                           ("largest_profile_rearranged", profiles[true["largest_best"]].name
                            if true["largest_best"] >= 0 else None)):
            if self.gpu[key] != value:
                yield f"status: {key} is {self.gpu[key]}, not {value}"

    def plans(self, said, true):
        model = self.model
        for plan, (target, gone) in zip(said["plans"], true):
            new = target & ~self.layout
            created = model._count(new)
            ends = model.ends(self.layout & ~gone, created)
            figures = (suite.layout_of(model, plan["words"]), plan["destroys"],
                       plan["ci_destroys"], plan["creates"], plan["keeps"], plan["room"],
                       plan["order"] is not None)
            expected = (target, gone.bit_count(), sum(self.n_ci[n] for n in brute.bits(gone)),
                        new.bit_count(), (target & self.layout).bit_count(), model.room[target],
                        bool(new) and target in ends)
            if figures != expected:
                yield f"plan {plan['plan']}: {figures}, not {expected}"
        if not 1 <= len(said["plans"]) <= 3 or len(said["plans"]) != min(3, len(true)):
            yield f"{len(said['plans'])} plans of {len(true)}"
        yield from self.typed(said, true[0][0])

    def typed(self, said, target):
        """The lines of the first plan, one after the other."""
        order = said["plans"][0]["order"]
        for row in said["commands"]:
            if row["plan"] != 1:
                continue
            line = row["command"]
            if order and self.by_order:
                line = re.sub(r"-cgi \S+", f"-cgi {order}", line)
            done = self.machine.run(line)
            if done.returncode:
                yield f"{line}: exit {done.returncode}: {done.stdout}{done.stderr}"
        after = self.machine.now()[0]
        if set(after) != set(brute.bits(target)):
            yield f"after the plan's lines: {sorted(after)}, not {sorted(brute.bits(target))}"
        for slot in brute.bits(target & self.layout):
            if after.get(slot) != self.there[slot]:
                yield f"what was to stay, {self.there[slot]}, is {after.get(slot)}"
        for slot in brute.bits(target & ~self.layout):
            if after.get(slot, (0, 0))[1] != 1:
                yield f"{after.get(slot)} is new and has not one compute instance"

    def refusal(self, said):
        model = self.model
        true = model.must_go(self.pinned, self.n_ci, self.counts, self.at)
        gis = sorted(self.there[n][0] for n in brute.bits(true or 0))
        if sorted(row["gi"] for row in said["must_go"]) != gis:
            yield f"must go: {said['must_go']}, not {gis}"
        near = questions.nearest_goals(model, self.pinned, self.counts, self.at)
        named = [suite.counts_of(self.model, row["words"]) for row in said["nearest"]]
        if named != near[:len(named)] or (near and not named):
            yield f"nearest: {[row['words'] for row in said['nearest']]}, not {near[:5]}"
        kind, a, b, wanted, have = questions.reason(model, self.counts, self.at)
        profiles, text = model.board.profiles, said["reason"]
        parts = {"total": f"{have} of {a is not None and profiles[a].name} at most, not {wanted}",
                 "units": f"they need {wanted} ", "slices": f"they need {wanted} compute slices",
                 "media": a is not None and profiles[a].name, "starts": " takes ",
                 "arrangement": "room in sum", "none": "would have to go"}
        if true is None and kind == "none":  # only beside those that stay
            kind, parts = "", {"": text}
        if not text or parts[kind] not in text:
            yield f"no reason: {text}: it is {kind}, {parts[kind]}"


def main():
    wrong = 0
    seed = int(os.environ.get("MIGKIT_SEED") or 1)
    with Place() as place:
        for name, n in BOARDS.items():
            machine, rng = Machine(place, brute.boards()[name]), random.Random(seed * 100 + n)
            fits = busy = 0
            for _ in range(n * suite.LONG):
                trial = Trial(machine, rng)
                for line in trial.problems():
                    wrong += 1
                    print(f"{name}, slots {sorted(brute.bits(trial.layout))}, in use "
                          f"{trial.busy:#x}: {trial.line}: {line}")
                busy += bool(trial.busy)
                trial.close()
                fits += bool(trial.model.changes(trial.layout, trial.pinned, trial.n_ci,
                                                 trial.counts, trial.at))
            print(f"{name}: {n * suite.LONG} requests (seed {seed}), of which {fits} fit, were "
                  f"carried out and looked at; {busy} times a process ran", flush=True)
    if wrong:
        fail(f"{wrong} answers differ")


if __name__ == "__main__":
    main()
