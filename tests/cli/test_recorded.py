#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Real machines, recorded by tests/real/read and tests/real/keep: every command says of the snapshot
what it said there of the machine; and a lab of the captured board offers what the real board did, as
does a lab of our own file for that board."""
import json
import os
import pathlib
import re
import sys

import readers  # noqa: F401  (finds labtest)
from labtest import Place, check, skip

RECORDED = pathlib.Path(sys.argv[1] if sys.argv[1:] else
                        f"{os.environ['MIGKIT_SOURCE']}/tests/real/recorded")
# The head names the source; memory and time move on between a command and the snapshot.
HEAD = re.compile(r"^(?:Machine|Recording|Driver|Taken):.*\n", re.M)
MOVES = re.compile(r"source|recorded|taken|lab|memory_(?:used|free)\w*")
# What a lab cannot have of the real machine, or what is not the board's.
OF_THE_MACHINE = re.compile(MOVES.pattern + r"|driver|uuid|serial|bus_id|unconfirmed")


def without(value, keys):
    if isinstance(value, dict):
        return {k: without(v, keys) for k, v in value.items() if not keys.fullmatch(k)}
    return [without(v, keys) for v in value] if isinstance(value, list) else value


def comparable(text, keys=MOVES):
    if text.startswith("{"):
        return without(json.loads(text), keys)
    # Memory in use is a figure of the moment, in tables as well.
    return re.sub(r"[\d.]+ ?[MG]iB", "MiB", HEAD.sub("", text)).strip()


def replay(p, folder):
    for case in json.loads((folder / "cases.json").read_text()):
        words = case["words"] or ["status"]
        if words[0] in ("snapshot", "draw"):
            continue
        done = p.run(*words, "--snapshot", str(folder / "snapshot.json"),
                     env={"COLUMNS": str(case["columns"])})
        what = f"{folder.name}: migctl {' '.join(words)}"
        check(done.returncode == case["rc"], f"{what}: exit {done.returncode}, there {case['rc']}: {done.stderr}")
        then = (folder / f"{case['name']}.out").read_text()
        if words[-1] == "csv" and words[0] == "status":
            done.stdout, then = done.stdout.partition("\n")[0], then.partition("\n")[0]
        check(comparable(done.stdout) == comparable(then), f"{what}:\n{done.stdout}\nthere:\n{then}")


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
    found = sorted(f.parent for f in RECORDED.glob("*/cases.json"))
    if not found:
        skip("no machine is recorded yet: tests/real/read and tests/real/keep do that")
    with Place() as p:
        for folder in found:
            replay(p, folder)
            boards(p, folder)
    print(f"{len(found)} machines")


main()
