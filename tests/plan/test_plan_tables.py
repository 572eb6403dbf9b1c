#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Published counts of layouts, from the brute force; and what boards.json says of each board, which
was typed for these tests, against what the library was built with."""
import ast
import pathlib
import sys
from ctypes import byref

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import ask  # noqa: E402
import brute  # noqa: E402
import suite  # noqa: E402

# Board, profile ids (None: the plain ones): layouts, maximal ones, masks, multisets, uncovered.
COUNTS = [
    ("a100-80gb", None, (297, 19, 144, 37, 12)),
    ("a100-40gb-r470", None, (None, 18, None, None, None)),
    ("a100-80gb", (19, 15, 14, 9, 5, 0), (722, 78, 192, 77, 28)),
    ("a100-80gb", (19, 20, 15, 14, 9, 5, 0), (2318, 239, None, 127, 44)),
    ("h100-80gb", None, (297, 19, 144, 37, 12)),
    ("a30", None, (25, 5, None, 9, 4)),
    ("rtx-pro-6000", (14, 21, 47, 65, 67, 5, 35, 64, 66, 0, 32), (716, None, None, None, None)),
]

DRIVER = b"580.159.04"  # new enough for all of them


def counts(boards):
    for name, ids, true in COUNTS:
        board = boards[name]
        chosen = suite.plain(board) if ids is None else [board.by_id(i).position for i in ids]
        layouts, maximal, masks, multisets, _, uncovered = brute.Model(board, chosen).totals()
        found = (layouts, maximal, masks, multisets, uncovered)
        if any(t is not None and t != f for f, t in zip(found, true)):
            yield f"{name} with {ids or 'plain profiles'}: {found}, published {true}"


def resolved(lib, board):
    """The library's own board of that name and driver."""
    key, driver = board.ours
    out, error = ask.CBoard(), ask.Error()
    if lib.mig_board_resolve(lib.mig_board_find(key.encode()), driver.encode(), byref(out),
                             byref(error)):
        sys.exit(f"FAILED: {key}, driver {driver}: {error.msg.decode()}")
    return out


def compare(lib, board):
    theirs = resolved(lib, board)
    said = ask.brute_board(theirs)
    for name in ("units", "compute_slices", "memory_slices", "architecture", "beside_4g3g"):
        if getattr(said, name) != getattr(board, name):
            yield f"{board.name}: {name} {getattr(said, name)}, not {getattr(board, name)}"
    rows = [[getattr(p, column) for column in brute.COLUMNS] for p in said.profiles]
    for row, p in zip(rows, board.profiles):
        true = [getattr(p, column) for column in brute.COLUMNS]
        if row != true:
            yield f"{board.name}: {row}, not {true}"
    if len(rows) != len(board.profiles):
        yield f"{board.name}: {len(rows)} profiles, not {len(board.profiles)}"
    if lib.mig_profiles_all(byref(theirs)) != (1 << len(rows)) - 1:
        yield f"{board.name}: not all profiles"
    if lib.mig_profiles_plain(byref(theirs)) != sum(1 << p for p in suite.plain(board)):
        yield f"{board.name}: other profiles are plain than {suite.plain(board)}"
    for p in board.profiles:
        slots = (ask.CSlot * ask.MAX_SLOTS)()
        n = lib.mig_ci_slots_by_family(byref(theirs), p.position, slots)
        # By position in a list of compute instance profiles that ascends by id, as here.
        said = sorted((s.profile, s.start, s.size, s.slices) for s in slots[:n])
        true = sorted((c.position, start, c.size, c.slices)
                      for c in brute.inside(board, p).profiles for start in c.starts)
        if said != true:
            yield f"compute instances of {board.name} {p.name}: {said}, not {true}"


def shape(board):
    """What the planner sees of it."""
    return (board.units, board.compute_slices, board.architecture > 7, board.beside_4g3g,
            tuple((p.id, p.slices, p.size, p.total, p.media, *p.starts) for p in board.profiles))


def every_board(lib, boards):
    """Each that the library has has the places of one that is asked about here."""
    typed, n, known = {shape(b) for b in boards.values()}, 0, 0
    while lib.mig_board_at(n):
        out, error = ask.CBoard(), ask.Error()
        # Not of one of which too little is known.
        if lib.mig_board_resolve(lib.mig_board_at(n), DRIVER, byref(out), byref(error)) == 0:
            known += 1
            if shape(ask.brute_board(out)) not in typed:
                yield f"{out.key.decode()} has other places than those in boards.json"
        n += 1
    print(f"{known} of {n} boards under {DRIVER.decode()} have the places of one typed here")
    if known < 10:
        yield f"{known} boards of {n} only"


def independent():
    """The brute force takes nothing from us: the standard library and boards.json."""
    tree = ast.parse((HERE / "brute.py").read_text(encoding="utf-8"))
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    names += [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    for name in set(names) - {"itertools", "json", "math", "pathlib"}:
        yield f"brute.py imports {name}"


def main():
    lib, boards = suite.load()
    wrong = [*independent(), *counts(boards)]
    for board in boards.values():
        wrong += compare(lib, board)
    wrong += every_board(lib, boards)
    for line in wrong:
        print(f"  {line}")
    if wrong:
        sys.exit(f"FAILED: {len(wrong)} figures differ")
    print(f"{len(COUNTS)} published counts; {len(boards)} boards as typed here")


if __name__ == "__main__":
    main()
