#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""Each value of each rule that hardware has not settled, on boards on which it decides something: the
model and the simulated driver must say the same, and under two values of one rule not the same."""
import subprocess
import sys

from lockstep import BUILD, LONG, Lab, Pair, Tally
from mig import RULES
from walks import Insides, Layouts, Wander

H100, A100, A30, RTX = (("h100-80gb-sxm", "580.159.04", "X"), ("a100-80gb-sxm", "550.54.14", "I"),
                        ("a30", "535.183.01", "board"), ("rtx-pro-6000-server", "580.65.06", "board"))
# By rule: the board on which its values differ, and how its states are gone through.
WHERE = {
    "default-placement": (A100, "defaults"),
    "placement-1g-double": (H100, "defaults"),
    "disable-with-instances": (A30, "wander"),
    "ci-device-handle": (A30, "wander"),
    "free-before-first": (A30, "layouts"),
    "me-exclusive": (A30, "layouts"),
    "gfx-beside-compute": (RTX, "wander"),
    "ci-span-7g": (H100, "whole"),
    "ci-1g-double": (H100, "double"),
    "ci-id-reuse": (A30, "reuse"),
    "ci-placement": (H100, "whole"),
}


def rules_of_the_driver():
    """Names and values, as migctl lists them."""
    text = subprocess.run([BUILD / "migctl", "lab", "rules"], text=True, check=True,
                          capture_output=True, stdin=subprocess.DEVNULL).stdout
    rows = (line.split()[:2] for line in text.splitlines()[1:])
    return {name: tuple(values.split("|")) for name, values in rows}


def inside(pair, profile_id, with_ids):
    gi_id = int(pair.ask("C", profile_id).split()[3])
    pair.ask("q", gi_id)
    Insides(pair, gi_id, with_ids).walk()
    pair.ask("D", gi_id)


def go(pair, how):
    if how == "layouts":
        Layouts(pair).walk()
    elif how == "defaults":
        Layouts(pair, full=False).walk(defaults_only=True)
    elif how == "whole":
        inside(pair, 0, False)
    elif how == "double":
        inside(pair, 15, True)
    elif how == "reuse":
        inside(pair, 5, True)
        inside(pair, 0, False)
    Wander(pair, 1).walk(15000 if LONG else 1500)


def main():
    if rules_of_the_driver() != RULES:
        sys.exit(f"FAILED: the rules are not those of the model: {rules_of_the_driver()}")
    tally, runs = Tally(), 0
    for name, ((key, driver, numbering), how) in WHERE.items():
        said = set()
        for value in RULES[name]:
            rules = {name: value}
            with Lab(key, driver=driver, numbering=numbering, rules=rules) as lab:
                pair = Pair(lab, tally, key, driver, numbering, rules, keep=True)
                pair.ask("p")
                pair.ask("f")
                pair.ask("m", 1)
                go(pair, how)
                pair.flush()
                said.add(pair.kept.digest())
                runs += 1
        if len(said) != len(RULES[name]):
            sys.exit(f"FAILED: {name} decides nothing in what was asked")
    tally.finish(f"{len(WHERE)} rules, {runs} values")


if __name__ == "__main__":
    main()
