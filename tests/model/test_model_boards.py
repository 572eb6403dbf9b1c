#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""Every board that can be simulated, in both numberings, under drivers that differ: what each offers,
and a walk by chance through its GPU instances, compute instances, modes, resets and reboots. Boards with
few layouts are walked through whole, at length all are. The model and the simulated driver must say the same."""
import sys

from lockstep import LONG, Lab, Pair, Tally, all_boards, boards_of_the_driver
from mig import BOARDS
from walks import Layouts, Wander, insides

STEPS = 4000 if LONG else 400
# Whole: A30 and RTX PRO 6000; an A100 under a driver that takes no start, and one without 4g beside 3g.
WHOLE = {("a30", "460.32.03"), ("a30", "535.183.01"), ("rtx-pro-6000-server", "580.65.06"),
         ("a100-40gb-sxm", "450.80.02")}
# The sets of compute instances of each family and its oldest driver.
INSIDE = {("a30", "460.32.03"), ("h100-80gb-sxm", "580.159.04"), ("h100-pcie", "570.169"),
          ("rtx-pro-6000-server", "575.51.03")}


def same_boards():
    """The model has every board that a lab can be made of, and no other."""
    ours = {b["key"] for b in boards_of_the_driver()["boards"] if b["simulated"]}
    if ours != set(BOARDS):
        sys.exit(f"FAILED: boards of one side only: {sorted(ours ^ set(BOARDS))}")


def with_ports(lab, pair):
    """A board whose display ports are on has no MIG mode."""
    for question in ("f", "p", "u"):
        pair.ask(question)
    pair.ask("m", 1)
    pair.ask("C", pair.board.profiles[0].id)
    pair.flush()
    lab.migctl("lab", "set", "0", "display=off", "--lab", "one")
    pair.gpu.ports = False


def one(key, driver, numbering, seed, tally):
    with Lab(key, driver=driver, numbering=numbering, seed=seed) as lab:
        pair = Pair(lab, tally, key, driver, numbering)
        if pair.board.display:
            with_ports(lab, pair)
        for letter in "pfu":
            pair.ask(letter)
        pair.ask("C", pair.board.profiles[0].id)
        pair.ask("m", 1)
        for letter in "pfu":
            pair.ask(letter)
        if LONG or ((key, driver) in WHOLE and numbering != "X"):
            print(f"{key} {driver} {numbering}: {Layouts(pair).walk()} layouts")
        if LONG or ((key, driver) in INSIDE and numbering != "I"):
            insides(pair)
        Wander(pair, seed).walk(STEPS)


def main():
    same_boards()
    tally = Tally()
    for seed, (key, driver, numbering) in enumerate(all_boards(), 1):
        one(key, driver, numbering, seed, tally)
    tally.finish(f"{len(BOARDS)} boards, {seed} combinations of board, driver and numbering")


if __name__ == "__main__":
    main()
