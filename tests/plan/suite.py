# SPDX-License-Identifier: Apache-2.0
"""Runs the questions on boards, says how many were asked and how many answers are wrong."""
import os
import re
import sys
import time

import ask
import brute
import questions

SHOWN = 10
# How often random questions of each kind are asked; MIGKIT_LONG multiplies (make check-long), and
# has all questions of change and order asked.
SAMPLES = {"sets_of_slots": 2000, "nonsense": 300, "goals": 2000, "orders": 300,
           "random_ways": 600, "needs": 150}
LONG = int(os.environ.get("MIGKIT_LONG") or 1)


def kinds(pair, pick, scale, seed):
    """(name, generator of wrong answers) of everything that can be asked of a table."""
    yield "table", questions.table(pair)
    yield "changes", questions.all_changes(pair, pick, seed)
    yield "each_layout", questions.each_layout(pair)
    yield "all_orders", questions.all_orders(pair, pick, seed)
    for name, n in SAMPLES.items():
        if name != "needs" or pair.table.board:
            yield name, getattr(questions, name)(pair, max(20, int(n * scale)), seed)


def run(lib, model, pick=1, scale=1.0, seed=1, inside=False, only=None):
    """Wrong answers, after a line that says what was done."""
    if LONG > 1:
        pick = 1
    pair, wrong, began = questions.Pair(lib, model, inside), [], time.monotonic()
    for name, found in kinds(pair, pick, scale * LONG, seed * LONG):
        if only is None or name in only:
            wrong += [f"{name}: {line}" for line in found]
    names = len(model.chosen)
    how = "all" if pick == 1 else f"a layout of {pick} (seed {seed * LONG})"
    print(f"{model.board.name}, {names} profiles, {len(model.layouts)} layouts: {pair.changes} "
          f"questions of change ({how}) and {pair.asked} others in "
          f"{time.monotonic() - began:.1f} s: {len(wrong)} differences", flush=True)
    for line in wrong[:SHOWN]:
        print(f"  {line}")
    pair.table.close()
    return wrong, pair


def plain(board):
    """Positions of 1g, 2g, 3g, 4g, 7g: without media variants and the 1g of double memory."""
    least = {}
    for p in board.profiles:
        if not p.media and p.size < least.setdefault(p.slices, p).size:
            least[p.slices] = p
    return sorted(p.position for p in least.values())


def layout_of(model, words):
    """"2g.20gb@0 3g.40gb@4" as slots."""
    mask = 0
    for name, start in re.findall(r"(\S+)@(\d+)", words):
        profile = next(p for p in model.board.profiles if p.name == name)
        mask |= 1 << model.slot_at(profile.position, int(start))
    return mask


def counts_of(model, words):
    """"2x2g.20gb 3g.40gb" as a multiset."""
    counts = [0] * model.n_profiles
    for word in words.split():
        n, name = re.fullmatch(r"(?:(\d+)x)?(\S+)", word).groups()
        counts[next(p.position for p in model.board.profiles if p.name == name)] += int(n or 1)
    return tuple(counts)


def finish(wrong):
    if wrong:
        sys.exit(f"FAILED: {len(wrong)} answers of the planner differ from the brute force")


def load():
    return ask.load(), brute.boards()
