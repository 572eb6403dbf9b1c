#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A few seconds of every kind of question; stops at the first wrong answer. MIGKIT_PLANNER names
the library that is asked (test_plan_mutations.py)."""
import sys

import brute
import questions
import suite
import test_plan_boards
import test_plan_tables

PARTS = [
    # board, profile ids (None: all), of how many layouts one is asked about, scale of the others
    ("a30", None, 1, 0.1),
    ("a100-80gb", (19, 15, 14, 9, 5, 0), 30, 0.1),
    ("rtx-pro-6000", None, 30, 0.1),
    ("h100-80gb", (19, 15, 9, 5), 60, 0.02),
]


def models(boards):
    for name, ids, pick, scale in PARTS:
        board = boards[name]
        chosen = ids and [board.by_id(i).position for i in ids]
        yield brute.Model(board, chosen), pick, scale, False
    yield brute.Model(test_plan_boards.loose()), 1, 0.1, True
    for name, profile in (("a100-80gb", 9), ("h100-80gb", 5)):
        board = boards[name]
        yield brute.Model(brute.inside(board, board.by_id(profile))), 1, 0.1, True
    for seed in range(4):
        yield brute.Model(test_plan_boards.made_up(seed)), 1, 0.05, False


def main():
    lib, boards = suite.load()
    for board in boards.values():
        for line in test_plan_tables.compare(lib, board):
            sys.exit(f"tables: {line}")
    for model, pick, scale, inside in models(boards):
        pair = questions.Pair(lib, model, inside)
        for kind, found in suite.kinds(pair, pick, scale, 1):
            for line in found:
                sys.exit(f"{kind}, {model.board.name}: {line}")


if __name__ == "__main__":
    main()
