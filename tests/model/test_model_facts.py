#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The model itself against what real GPUs were seen to do, and against published counts (facts.json).
No driver is asked: a model that is wrong in the same way as the driver is found here."""
import json
import sys

from mig import HERE, INSUFFICIENT_RESOURCES, Board, Gpu, bits
from walks import layouts

found = []


def same(what, got, want):
    if got != want:
        found.append(f"{what}: {got}, not {want}")


def fresh(case):
    gpu = Gpu(Board(case["board"], case["driver"], case.get("numbering", "I")))
    gpu.ports = False
    gpu.m(1)
    return gpu


def order(case):
    gpu = fresh(case)
    words = [gpu.C(i).split() for i in case["create"]]
    same(case["source"], [int(w[3]) for w in words], case["ids"])
    if "starts" in case:
        same(case["source"], [int(w[4].split("@")[1].split("+")[0]) for w in words],
             case["starts"])
    if "fails" in case:
        same(case["source"], gpu.C(case["fails"]), f"C {INSUFFICIENT_RESOURCES}")


def free(case):
    gpu = fresh(case)
    for profile, start, want in case["steps"]:
        if profile is not None:
            gpu.W(profile, start, gpu.board.by_id[profile].size)
        same(case["source"], [gpu.board.remaining(gpu.layout, gpu.board.by_id[i].position)
                              for i in case["profiles"]], want)


def filled(case):
    gpu = fresh(case)
    gi_id = int(gpu.C(case["gi"]).split()[3])
    places = []
    for ci_profile in case["create"]:
        start, size = gpu.c(gi_id, ci_profile).split("@")[1].split("+")
        places.append([int(start), int(size)])
    return gpu.gis[gi_id], places


def free_inside(case):
    gi, _ = filled(case)
    same(case["source"], [gi.inside.remaining(gi.taken(), p.position) for p in gi.inside.profiles],
         case["free"])


def inside(case):
    places = filled(case)[1]
    if "anywhere" in case:  # in which order was not told
        same(case["source"], sorted(places), case["anywhere"])
    else:
        same(case["source"], places, case["places"])


def count(case):
    board = Board(case["board"], case["driver"])
    left_out = 0
    for profile_id in case["without"]:
        left_out |= board.slots.of[board.by_id[profile_id].position]
    every = [x for x in layouts(board) if x and not x & left_out]
    if "layouts" in case:
        same(f"layouts: {case['source']}", len(every), case["layouts"])
    if "maximal" in case:
        most = [x for x in every if not board.free(x) & ~left_out]
        same(f"maximal: {case['source']}", len(most), case["maximal"])
    if "multisets" in case:
        kinds = {tuple(sorted(board.slots.spans[s][0] for s in bits(x))) for x in every}
        same(f"multisets: {case['source']}", len(kinds), case["multisets"])


def main():
    with open(HERE / "facts.json", encoding="utf-8") as f:
        facts = json.load(f)
    number = 0
    for name, check in (("orders", order), ("free", free), ("free_inside", free_inside),
                        ("inside", inside), ("counts", count)):
        for case in facts[name]:
            check(case)
            number += 1
    for text in found:
        print(text)
    if found:
        sys.exit(f"FAILED: {len(found)} facts")
    print(f"{number} recorded cases and published counts, all as the model says")


if __name__ == "__main__":
    main()
