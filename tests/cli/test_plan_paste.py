#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""What 'migctl plan' and 'migctl explain' print can be pasted: in a lab, from layouts chosen at random, the
lines are run as they are, and the GPU has what was promised; what is in use or kept is still there. Where an
order without starts is named, the driver's own choice of starts ends in the same layout. What is said not to
fit is refused by the driver. Compute instances likewise, in one GPU instance."""
import collections
import json
import os
import pathlib
import random
import re
import sys

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path[:0] = [str(SOURCE / "tests" / "lab")]
from labtest import UNAVAILABLE, Place, check  # noqa: E402

BOARDS = (("a100-80gb-pcie", "580.65.06"), ("a30", "535.261.03"), ("h200", "580.159.04"),
          ("rtx-pro-6000-server", "580.65.06"))
ROUNDS = 9
SEED = int(os.environ.get("SEED", "20261122"))
LAB = "one"


class Gpu:
    """One lab's GPU, and what the tests ask and do there."""

    def __init__(self, place, board, driver):
        self.p, self.board = place, board
        self.p.create(LAB, board=board, driver=driver)
        self.env = {"MIGKIT_LAB": str(self.p.labs / LAB)}
        self.smi("-mig 1")
        layouts = self.p.json("layouts", "-i", "0", "--all", "--profiles", "all", env=self.env)
        self.layouts = collections.defaultdict(list)
        for row in layouts["instances"]:
            self.layouts[row["layout"]].append((row["profile"], row["profile_id"], row["start"]))
        self.parts = self.p.json("boards", board, "--driver", driver)["compute_instances"]
        self.profiles = sorted({row[:2] for rows in self.layouts.values() for row in rows})

    def smi(self, words, rc=0):
        done = self.p.run("--lab", LAB, "smi", *words.split())
        check(rc is None or done.returncode == rc, f"{self.board}: nvidia-smi {words}: {done}")
        return done.returncode

    def paste(self, lines):
        for line in lines:
            done = self.p.run("lab", "shell", LAB, "-c", line)
            check(done.returncode == 0, f"{self.board}: {line}: {done.returncode} {done.stdout}{done.stderr}")

    def has(self):
        """{(profile, start): (gi, [ci])}"""
        found = {}
        for row in self.p.json("lab", "status", LAB)["instances"]:
            at = found.setdefault((row["profile"], row["start"]), (row["gi"], []))
            if row["ci"] is not None:
                at[1].append(row["ci"])
        return found

    def words(self):
        return " ".join(f"{p}@{s}" for p, s in sorted(self.has(), key=lambda x: x[1]))

    def clear(self):
        self.p.ok("lab", "client", "stop", "--all", "--lab", LAB)
        for gi, cis in self.has().values():
            if cis:
                self.smi(f"mig -i 0 -gi {gi} -dci")
            self.smi(f"mig -i 0 -gi {gi} -dgi")

    def fill(self, rng):
        """A layout by its starts, or none; some without a compute instance, at most one in use."""
        self.clear()
        if rng.random() < 0.3:
            return None
        for profile, number, start in rng.choice(list(self.layouts.values())):
            self.smi(f"mig -i 0 -cgi {number}:{start}" + (" -C" if rng.random() < 0.8 else ""))
        running = [(gi, cis) for gi, cis in self.has().values() if cis]
        if running and rng.random() < 0.5:
            gi, cis = rng.choice(running)
            self.p.ok("lab", "client", "start", "--lab", LAB, "--memory", "64MiB", "--device",
                      f"0/{gi}/{cis[0]}")
            return gi
        return None

    def ask(self, *words):
        done = self.p.run(*words, "-i", "0", "-o", "json", env=self.env)
        check(done.returncode in (0, UNAVAILABLE), f"{self.board}: {words}: {done}")
        return done.returncode == 0, json.loads(done.stdout)


def lines_of(said, plan):
    return [row["command"] for row in said["commands"] if row["plan"] == plan]


def try_plan(gpu, rng):
    """One question; returns what was seen of its answer."""
    busy = gpu.fill(rng)
    before = gpu.has()
    keep = [str(gi) for gi, _ in before.values() if rng.random() < 0.2]
    wanted = rng.choice(list(gpu.layouts.values()))
    words = [f"{p}@{s}" if rng.random() < 0.3 else p for p, _, s in wanted if rng.random() < 0.9]
    if not words:
        return "nothing"
    fits, said = gpu.ask("plan", *words, *(["--keep", ",".join(keep)] if keep else []))
    if not fits:
        check(said["reason"] and not said["plans"], f"{gpu.board}: {words}: {said}")
        return "no"
    plan = rng.choice(said["plans"])
    gpu.paste(lines_of(said, plan["plan"]))
    check(gpu.words() == plan["words"], f"{gpu.board}: {words}: {gpu.words()}, promised {plan}")
    after = {gi: where for where, (gi, _) in gpu.has().items()}
    for where, (gi, cis) in before.items():
        if gi == busy or str(gi) in keep:
            check(after.get(gi) == where and gpu.has()[where][1] == cis,
                  f"{gpu.board}: {words}: GI {gi} was to stay: {said}")
    return without_starts(gpu, plan) if not plan["keeps"] else "pasted"


def without_starts(gpu, plan):
    """From an empty GPU in the order that was named: the driver's own choice of starts."""
    if not plan["order"]:
        check(plan["orders"] == plan["orders_tried"], f"{gpu.board}: no proof: {plan}")
        return "pasted, no order"
    gpu.clear()
    gpu.smi(f"mig -i 0 -cgi {plan['order']} -C")
    check(gpu.words() == plan["words"], f"{gpu.board}: in order {gpu.words()}, promised {plan}")
    return "pasted, in order"


def try_explain(gpu, rng):
    gpu.fill(rng)
    profile, number = rng.choice(gpu.profiles)
    starts = sorted({s for rows in gpu.layouts.values() for p, _, s in rows if p == profile})
    start = rng.choice(starts) if rng.random() < 0.5 else None
    fits, said = gpu.ask("explain", profile if start is None else f"{profile}@{start}")
    plain = f"mig -i 0 -cgi {number}" + ("" if start is None else f":{start}")
    if fits:
        gpu.smi(plain)
        return "explained: fits"
    check(gpu.smi(plain, rc=None) != 0, f"{gpu.board}: {plain} works, though: {said}")
    if not said["ways"]:
        return "explained: no way"
    way = rng.choice(said["ways"])
    gpu.paste(lines_of(said, way["way"]))
    check(gpu.words() == way["words"], f"{gpu.board}: {gpu.words()}, promised {way}")
    return "explained: way"


def cis_of(gpu, gi):
    """"1c.3g.40gb@0 ..." of a GPU instance."""
    rows = [r for r in gpu.p.json("lab", "status", LAB)["instances"] if r["gi"] == gi and r["ci"] is not None]
    # The lab's status has no starts of compute instances; nvidia-smi -lci has.
    text = gpu.p.run("--lab", LAB, "smi", "mig", "-lci", "-gi", str(gi)).stdout
    at = {int(c): int(s) for c, s in re.findall(r"MIG \S+ +\d+ +(\d+) +(\d+):\d+", text)}
    return " ".join(f"{r['ci_profile']}@{at[r['ci']]}" for r in sorted(rows, key=lambda r: at[r["ci"]]))


def try_explain_ci(gpu, rng):
    """The same inside one GPU instance, after compute instances of it were created at random."""
    gpu.clear()
    # Media profiles share the names of plain ones; each GPU instance is named by its id.
    cut = sorted({(r["profile"], number) for r in gpu.parts for profile, number in gpu.profiles
                  if r["profile"] == profile and r["slices"] > 1})
    profile, number = rng.choice(cut)
    gpu.smi(f"mig -i 0 -cgi {number}")
    (gi, _), = gpu.has().values()
    parts = [r for r in gpu.parts if r["profile"] == profile]
    for _ in range(rng.randrange(4)):
        gpu.smi(f"mig -i 0 -gi {gi} -cci {rng.choice(parts)['id']}:{rng.randrange(7)}", rc=None)
    part = rng.choice(parts)
    fits, said = gpu.ask("explain", part["name"], "--gi", str(gi))
    if fits:
        before = cis_of(gpu, gi).split()
        gpu.paste(lines_of(said, 1))
        check(len(cis_of(gpu, gi).split()) == len(before) + 1, f"{gpu.board}: {said}")
        return "part: fits"
    check(gpu.smi(f"mig -i 0 -gi {gi} -cci {part['id']}", rc=None) != 0,
          f"{gpu.board}: {part['name']} can be created in {cis_of(gpu, gi)}, though: {said}")
    way = rng.choice(said["ways"])
    gpu.paste(lines_of(said, way["way"]))
    check(cis_of(gpu, gi) == way["words"], f"{gpu.board}: {cis_of(gpu, gi)}, promised {way}")
    return "part: way"


def main():
    seen = collections.Counter()
    rng = random.Random(SEED)
    for board, driver in BOARDS:
        with Place() as p:
            gpu = Gpu(p, board, driver)
            for _ in range(ROUNDS):
                seen[try_plan(gpu, rng)] += 1
                seen[try_explain(gpu, rng)] += 1
                seen[try_explain_ci(gpu, rng)] += 1
    for kind in ("no", "pasted", "pasted, in order", "explained: fits", "explained: way", "explained: no way",
                 "part: fits", "part: way"):
        check(seen[kind], f"never seen: {kind}; {dict(seen)}")
    print(f"seed {SEED}: {dict(seen)}")


main()
