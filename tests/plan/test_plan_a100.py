#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""All 325,008 questions (layout, pinned subset, target multiset that contains the pinned ones) of
an A100 80GB with six profiles, and every other kind of question, against the brute force."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import brute  # noqa: E402
import suite  # noqa: E402

QUESTIONS = 325008
SIX = (19, 15, 14, 9, 5, 0)


def main():
    lib, boards = suite.load()
    board = boards["a100-80gb"]
    chosen = [board.by_id(i).position for i in SIX]
    wrong, pair = suite.run(lib, brute.Model(board, chosen))
    if pair.changes != QUESTIONS:
        wrong.append(f"{pair.changes} questions, not {QUESTIONS}")
    # Of all seven: +me can stand in for a plain one, and only once.
    wrong += suite.run(lib, brute.Model(board), pick=20)[0]
    wrong += suite.run(lib, brute.Model(board, suite.plain(board)))[0]
    suite.finish(wrong)


if __name__ == "__main__":
    main()
