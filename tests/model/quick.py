#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The model check in a few seconds, for a driver with a fault in it (test_model_mutations.py): ends at
the first difference, which it prints.

Usage: quick.py [CASE]...   all of them without one
"""
import sys

from lockstep import Lab, Pair, Tally
from test_model_boards import with_ports
from test_model_company import keep_company
from walks import Insides, Layouts, Wander, insides


class Found(Exception):
    pass


class First(Tally):
    def differ(self, where, question, model, driver, history):
        raise Found(f"{where}: {question!r}: {driver[:90]!r}, and the model says {model[:90]!r}")


def begin(lab, key, driver, numbering, rules):
    pair = Pair(lab, First(), key, driver, numbering, rules)
    if pair.board.display:
        with_ports(lab, pair)
    for letter in "pfu":
        pair.ask(letter)
    pair.ask("C", pair.board.profiles[0].id)
    pair.ask("m", 1)
    for letter in "pfu":
        pair.ask(letter)
    pair.flush()
    return pair


def on_board(key, driver, numbering, steps, more=None, rules=None):
    with Lab(key, driver=driver, numbering=numbering, rules=rules) as lab:
        pair = begin(lab, key, driver, numbering, rules)
        if more:
            more(pair)
        Wander(pair, 1).walk(steps)


def everything(pair):
    Layouts(pair).walk()
    insides(pair)


def whole_inside(pair):
    some_insides(pair, (0,))


def some_insides(pair, profile_ids=(9, 15, 0)):
    for profile_id in profile_ids:
        gi_id = int(pair.ask("C", profile_id).split()[3])
        pair.ask("q", gi_id)
        Insides(pair, gi_id, False).walk()
        pair.ask("D", gi_id)


def ages():
    for driver, numbering in (("450.80.02", "I"), ("470.57.02", "X"), ("510.47.03", "I"),
                              ("525.60.13", "X")):
        on_board("a100-40gb-sxm", driver, numbering, 200)
    on_board("gh200-96gb", "570.133.20", "I", 200)


CASES = {
    "a30": lambda: on_board("a30", "535.183.01", "board", 400, everything),
    "hopper": lambda: on_board("h100-80gb-sxm", "580.159.04", "X", 1200, some_insides),
    "ampere": lambda: on_board("a100-80gb-sxm", "550.54.14", "I", 400, whole_inside),
    "separate": lambda: on_board("a30", "535.183.01", "board", 400, lambda pair: Layouts(pair).walk(),
                                 {"me-exclusive": "separate"}),
    "rtx": lambda: on_board("rtx-pro-6000-server", "580.65.06", "board", 1200),
    "ports": lambda: on_board("rtx-pro-6000-workstation", "580.65.06", "board", 100),
    "ages": ages,
    "company": lambda: keep_company(First(), 60),
}


def main():
    for name in sys.argv[1:] or CASES:
        try:
            CASES[name]()
        except Found as found:
            sys.exit(f"{name}: {found}")
    print("no difference")


if __name__ == "__main__":
    main()
