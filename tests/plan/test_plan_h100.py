#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""An H100 80GB with its seven profiles: every question of change (layout, pinned subset, target
multiset), and every other kind of question, against the brute force."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import brute  # noqa: E402
import suite  # noqa: E402


def main():
    lib, boards = suite.load()
    suite.finish(suite.run(lib, brute.Model(boards["h100-80gb"]))[0])


if __name__ == "__main__":
    main()
