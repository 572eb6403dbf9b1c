#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Bad input to every command that reads: bad_input.py has the rows. Without an exit code in a row, any
of a refusal will do."""
import hashlib

import bad_input
import readers  # finds labtest
from labtest import Place, check


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


def main():
    with Place() as p:
        readers.make_machines(p)
        env = {"MIGKIT_LAB": str(p.labs / bad_input.FULL)}
        p.ok("snapshot", "good.json", env=env)
        good = (p.root / "good.json").read_text()
        (p.root / "cut.json").write_text(good[:len(good) // 2])
        (p.root / "empty.json").write_text("")
        (p.root / "text.json").write_text("banana: [\n")
        (p.root / "text.yaml").write_text("banana: [\n")
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
