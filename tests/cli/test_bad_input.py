#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Bad input to every command that reads: bad_input.py has the rows. Without an exit code in a row, any
of a refusal will do."""
import hashlib
import re

import bad_input
import readers  # finds labtest
from labtest import SOURCE, Place, check


def files(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in root.rglob("*") if p.is_file() and not p.is_symlink() and "dev" not in p.parts}


def refused(p, words, rc, parts, env):
    done = p.run(*words, env=env)
    said = f"migctl {' '.join(map(repr, words))}: exit {done.returncode}: {done.stdout[:200]}{done.stderr}"
    lines = done.stderr.splitlines()
    check(done.returncode == rc or (rc is None and done.returncode in (1, 2, 4, 6, 7)),
          f"not exit {rc} but {said}")
    check(not done.stdout and len(lines) == 1 and lines[0].startswith("migctl: "), f"not one sentence: {said}")
    check(lines[0].isprintable(), f"what was typed comes back raw: {said!r}")
    for part in parts:
        check(part in lines[0], f"{part!r} is missing: {said}")


def spoil(root):
    """The files of bad_input.files(), from a good one."""
    good = (root / "good.json").read_text()
    board = (SOURCE / "data/boards/a30.yaml").read_text()
    first, second = (f'"id": {n},\n' for n in (1, 6))
    texts = {"cut.json": good[:len(good) // 2], "empty.json": "", "text.json": "banana: [\n",
             "text.yaml": "banana: [\n", "cut.yaml": board[:len(board) // 2],
             "newer.json": good.replace('"version": 1,', '"version": 2,'),
             # GI 6 stands at 2; where GI 1 is.
             "overlap.json": re.sub(r'("id": 6,\s+"start": )2', r"\g<1>4", good),
             "twice.json": good.replace(second, first)}
    for name, text in texts.items():
        check(text not in (good, board), f"{name} is not spoilt")
        (root / name).write_text(text)


def main():
    with Place() as p:
        readers.make_machines(p)
        env = {"MIGKIT_LAB": str(p.labs / bad_input.FULL)}
        p.ok("snapshot", "good.json", env=env)
        spoil(p.root)
        before, wrong = files(p.root), []
        for n, (words, rc, parts) in enumerate(bad_input.rows(), 1):
            try:
                refused(p, words, rc, parts, env)
            except SystemExit as e:
                wrong.append(str(e))
        check(not wrong, "\n".join([f"{len(wrong)} of {n} rows", *wrong]))
        check(files(p.root) == before, f"changed: {set(files(p.root).items()) ^ set(before.items())}")
        print(f"{n} refusals")


main()
