#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Real machines, recorded by tests/real/read and tests/real/keep: every command says of the snapshot
what it said there of the machine; and a lab of the captured board offers what the real board did, as
does a lab of our own file for that board.

Usage: test_recorded.py [FOLDER] [--same]

Keys of JSON and CSV keep their name and meaning, so they are held against what was printed then; new
ones may have come. Texts for people may change from day to day: --same compares them as well, for
recordings that this very program has made (test_real_read.py).
"""
import argparse
import csv
import io
import json
import os
import pathlib
import re

import readers  # noqa: F401  (finds labtest)
from labtest import Place, check

# The head names the source, and lines to paste say that they are for another machine; memory and
# time move on between a command and the snapshot.
HEAD = re.compile(r"^(?:(?:Machine|Recording|Driver|Taken):|They are for the machine that was recorded).*\n",
                  re.M)
MOVES = re.compile(r"source|recorded|taken|lab|memory_(?:used|free)\w*")
# Sentences, which are for people in JSON as well.
SENTENCES = re.compile(MOVES.pattern + r"|\w*(?:reason|note|why)\w*")
# What a lab cannot have of the real machine, or what is not the board's.
OF_THE_MACHINE = re.compile(MOVES.pattern + r"|driver|uuid|serial|bus_id|unconfirmed")


def without(value, keys):
    if isinstance(value, dict):
        return {k: without(v, keys) for k, v in value.items() if not keys.fullmatch(k)}
    return [without(v, keys) for v in value] if isinstance(value, list) else value


def values(text, words):
    """What a program reads of an output; None: it is for people."""
    if "json" in words:
        return without(json.loads(text), SENTENCES)
    if "csv" in words:
        return [without(row, SENTENCES) for row in csv.DictReader(io.StringIO(text))]
    return None


def missing(then, now, where=""):
    """Where what was there then is not there any more."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key, value in then.items():
            yield from missing(value, now[key], f"{where}/{key}") if key in now else [f"{where}/{key}: gone"]
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for i, (value, other) in enumerate(zip(then, now)):
            yield from missing(value, other, f"{where}[{i}]")
    elif then != now:
        yield f"{where}: {now!r}, then {then!r}"


def plain(text):
    """Without the head, and memory in use, which is a figure of the moment."""
    return re.sub(r"[\d.]+ ?[MG]iB", "MiB", HEAD.sub("", text)).strip()


def replay(p, folder, same):
    for case in json.loads((folder / "cases.json").read_text()):
        words = case["words"] or ["status"]
        if words[0] in ("snapshot", "draw"):
            continue
        done = p.run(*words, "--snapshot", str(folder / "snapshot.json"),
                     env={"COLUMNS": str(case["columns"])})
        what = f"{folder.name}: migctl {' '.join(words)}"
        check(done.returncode == case["rc"], f"{what}: exit {done.returncode}, there {case['rc']}: {done.stderr}")
        then = (folder / f"{case['name']}.out").read_text()
        wrong = list(missing(values(then, words), values(done.stdout, words)))
        check(not wrong, f"{what}: {wrong[:5]}")
        if same and not {"json", "csv"} & set(words):
            check(plain(done.stdout) == plain(then), f"{what}:\n{done.stdout}\nthere:\n{then}")


def offers(p, lab, folder, name):
    """What a lab of a board says, and what the real machine did."""
    case = next(c for c in json.loads((folder / "cases.json").read_text()) if c["name"] == name)
    done = p.run("--lab", lab, *case["words"])
    check(done.returncode == 0, f"{folder.name}: {lab}: {done.stderr}")
    there = json.loads((folder / f"{name}.out").read_text())
    return [without(v, OF_THE_MACHINE) for v in (json.loads(done.stdout), there)]


def boards(p, folder):
    snapshot = json.loads((folder / "snapshot.json").read_text())
    key = snapshot["boards"][0]["key"]
    for lab, board in (("captured", folder / "board.yaml"), ("known", key)):
        p.ok("lab", "create", lab, "--board", str(board), "--driver", snapshot["machine"]["driver"])
        for name in ("profiles-json", "layouts-json"):
            ours, there = offers(p, lab, folder, name)
            for part in set(ours) | set(there):
                if part not in ("gpus", "board"):
                    check(ours.get(part) == there.get(part),
                          f"{folder.name}: {lab}: {part} of {name}: {ours.get(part)}, there {there.get(part)}")
        p.ok("lab", "destroy", lab)


def main():
    parser = argparse.ArgumentParser(description="Replays recorded machines.")
    parser.add_argument("folder", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(os.environ["MIGKIT_SOURCE"]) / "tests" / "real" / "recorded")
    parser.add_argument("--same", action="store_true")
    args = parser.parse_args()
    found = sorted(f.parent for f in args.folder.glob("*/cases.json"))
    check(found, "no machine is recorded")
    with Place() as p:
        for folder in found:
            replay(p, folder, args.same)
            boards(p, folder)
    print(f"{len(found)} machines")


main()
