#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""An A100 with all its seven profiles: every layout that can be reached, and from each every instance
that can be made or destroyed next, or is refused; and every set of compute instances of every GPU
instance (at length, every state of them with their ids). The model and the simulated driver must say the same, line for line."""
import sys

from lockstep import LONG, Lab, Pair, Tally
from walks import Layouts, insides

LAYOUTS = 2319  # 2318 of the seven profiles, as counted over NVML's placements, and the empty one


def main():
    key, driver, numbering = "a100-80gb-sxm", "550.54.14", "I"
    tally = Tally()
    with Lab(key, driver=driver, numbering=numbering) as lab:
        pair = Pair(lab, tally, key, driver, numbering)
        for letter in "pfu":
            pair.ask(letter)
        pair.ask("m", 1)
        for letter in "pu":
            pair.ask(letter)
        found = Layouts(pair).walk()
        if found != LAYOUTS:
            sys.exit(f"FAILED: {found} layouts, not {LAYOUTS}")
        print(f"{found} layouts of GPU instances")
        before, what = tally.states, "states" if LONG else "sets"
        insides(pair, with_ids=(1, 2, 3, 4, 7) if LONG else ())
        print(f"{tally.states - before} {what} of compute instances in {len(pair.board.profiles)} kinds of "
              "GPU instances")
    tally.finish(f"{key} {driver}")


if __name__ == "__main__":
    main()
