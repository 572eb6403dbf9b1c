#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""The A30 and the RTX PRO 6000 whole, an A100 before R510, boards that nobody makes (the planner
knows no board), and the compute instances in every GPU instance, against the brute force."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ask  # noqa: E402
import brute  # noqa: E402
import suite  # noqa: E402

MOST_LAYOUTS = 1500


def made_up(seed):
    """A board of random profiles: sizes, starts and totals that no rule of ours expects."""
    rng = random.Random(seed)
    units = rng.choice((4, 6, 8, 12, 16))
    rows = []
    for i in range(rng.randrange(3, 8)):
        size = rng.randrange(1, units // 2 + 2)
        starts = sorted(rng.sample(range(units - size + 1), min(units - size + 1,
                                                                rng.randrange(1, 5))))
        slices = rng.randrange(1, 8)
        media = rng.choice(("", "", "", "me", "me.all", "-me", "gfx"))
        total = 1 if media.startswith("me") else rng.randrange(1, len(starts) + 1)
        rows.append([f"p{i}", 100 + i, slices, size, starts, total, media,
                     size * 1000, slices * 14, rng.randrange(3), 0, rng.randrange(2), 0])
    rows.sort(key=lambda row: (row[2], row[7], row[1]))
    return brute.Board({"name": f"made up {seed}", "architecture": rng.choice((7, 9, 10)),
                        "units": units,
                        "compute_slices": rng.randrange(4, 12), "memory_slices": units,
                        "4g_beside_3g": rng.randrange(2), "profiles": rows})


def made_up_inside(seed):
    """A GPU instance whose compute instances stand where nobody expects them."""
    rng = random.Random(seed)
    units, rows = rng.choice((2, 3, 4, 7, 8)), []
    slices = rng.randrange(1, 8)
    for i in range(rng.randrange(1, 5)):
        size = rng.randrange(1, units + 1)
        step = rng.choice((1, size))
        starts = list(range(0, units - size + 1, step))[:ask.MAX_STARTS]
        rows.append([f"c{i}", i, rng.randrange(1, slices + 1), size, starts,
                     rng.randrange(1, len(starts) + 1), "", 0, 0, 0, 0, 0, 0])
    board = brute.Board({"name": f"made up inside {seed}", "architecture": 9,
                         "units": max(row[4][-1] + row[3] for row in rows),
                         "compute_slices": slices, "memory_slices": units, "4g_beside_3g": True,
                         "profiles": rows})
    board.inside, board.most_slices = True, slices
    # As in the GPU instances of Ampere, whose spans start anywhere.
    board.lowest_first = any(start % p.size for p in board.profiles for start in p.starts)
    return board


def all_made_up(lib, n):
    wrong = []
    for seed in range(n):
        model = brute.Model(made_up_inside(seed))
        wrong += suite.run(lib, model, scale=0.03, seed=seed + 1, inside=True,
                           pick=1 + len(model.layouts) // 30)[0]
        model = brute.Model(made_up(seed))
        if len(model.layouts) <= MOST_LAYOUTS:
            wrong += suite.run(lib, model, scale=0.05, seed=seed + 1,
                               pick=1 + len(model.layouts) // 60)[0]
    return wrong


def loose():
    """A GPU instance with starts for more compute instances than it has slices."""
    rows = [[f"{n}c", n, n, n, list(range(0, 5 - n)), 3 // n, "", 0, 0, 0, 0, 0, 0] for n in (1, 2)]
    board = brute.Board({"name": "a loose GPU instance", "architecture": 7, "units": 4,
                         "compute_slices": 3, "memory_slices": 4, "4g_beside_3g": True,
                         "profiles": rows})
    board.most_slices, board.lowest_first = 3, True
    return board


def inside(lib, boards):
    """Compute instances: each GPU instance profile of each board, by its family's rule."""
    wrong, seen = suite.run(lib, brute.Model(loose()), scale=0.1, inside=True)[0], set()
    for name in ("a100-80gb", "a30", "h100-80gb"):
        for profile in boards[name].profiles:
            kind = boards[name].architecture, profile.slices, profile.size, profile.id == 15
            if kind not in seen:
                seen.add(kind)
                model = brute.Model(brute.inside(boards[name], profile))
                wrong += suite.run(lib, model, scale=0.1, inside=True,
                                   pick=1 + len(model.layouts) // 150)[0]
    return wrong


def main():
    lib, boards = suite.load()
    wrong = suite.run(lib, brute.Model(boards["a30"]))[0]
    wrong += suite.run(lib, brute.Model(boards["rtx-pro-6000"]))[0]
    wrong += suite.run(lib, brute.Model(boards["a100-40gb-r470"]), pick=4)[0]
    wrong += inside(lib, boards)
    wrong += all_made_up(lib, 25 * suite.LONG)
    suite.finish(wrong)


if __name__ == "__main__":
    main()
