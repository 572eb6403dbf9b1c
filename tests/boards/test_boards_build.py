#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""A board file that contradicts itself stops the build with file, line and column; adding a board is
adding a file. Shown with Meson and Ninja on a copy of the tree, in which a real build is set up."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
TABLES = "src/model/boards_gen.c"
failed = []


def check(what, good, output=""):
    print(("ok      " if good else "NOT OK  ") + what)
    if not good:
        failed.append(what)
        print(output)


def copy(to):
    """What a build reads: no tests, so that Meson has nothing else to look at."""
    for path in ROOT.iterdir():
        if path.name.startswith((".", "build", "tests")):
            continue
        if path.is_dir():
            shutil.copytree(path, to / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, to / path.name)
    (to / "tests").mkdir()
    (to / "tests" / "meson.build").write_text("# none\n")


def ninja(tree):
    done = subprocess.run(["ninja", "-C", tree / "build", TABLES], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main(tree):
    boards = tree / "data" / "boards"
    copy(tree)
    done = subprocess.run(["meson", "setup", tree / "build", tree], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"meson setup failed:\n{done.stdout}{done.stderr}")
    rc, out = ninja(tree)
    check("the boards build", rc == 0, out)
    tables = tree / "build" / TABLES
    n = tables.read_text().count(".key = ")
    check("every board file is in the tables", n == len(list(boards.glob("*.yaml"))) - 1)

    # Through the real file of a board: one figure changed.
    path = boards / "a30.yaml"
    text = path.read_text()
    line = next(i for i, l in enumerate(text.splitlines(), 1) if "name: 2g.12gb," in l)
    wrong = text.replace("{name: 2g.12gb, id: 5", "{name: 2g.12gb, id: 14")
    assert wrong != text
    path.write_text(wrong)
    rc, out = ninja(tree)
    check("a duplicate id stops the build",
          rc != 0 and re.search(rf"data/boards/a30\.yaml:{line}:\d+: profile 2g\.12gb has the id 14 "
                                r"of 1g\.6gb\n", out), out)
    check("the tables are as they were", tables.read_text().count(".key = ") == n)
    path.write_text(text)

    # A new file, which no list names.
    for bad in ("placement-outside", "name-memory"):
        (boards / "bad.yaml").write_bytes((ROOT / "tests/boards/bad" / f"{bad}.yaml").read_bytes())
        sentence = (ROOT / "tests/boards/bad" / f"{bad}.expect").read_text().strip()
        rc, out = ninja(tree)
        check(f"a new file with {bad} stops the build",
              rc != 0 and f"data/boards/bad.yaml:{sentence}\n" in out, out)
    (boards / "bad.yaml").unlink()

    good = (ROOT / "tests/boards/good/own.yaml").read_bytes()
    (boards / "misplaced.yaml").write_bytes(good)
    rc, out = ninja(tree)
    check("a board in a file of another name is refused",
          rc != 0 and "misplaced.yaml:1:1: the board own belongs into own.yaml" in out, out)
    (boards / "misplaced.yaml").rename(boards / "own.yaml")
    rc, out = ninja(tree)
    check("adding a board is adding a file", rc == 0 and '.key = "own"' in tables.read_text(), out)
    (boards / "own.yaml").unlink()
    rc, out = ninja(tree)
    check("and taking it away takes it away", rc == 0 and '.key = "own"' not in tables.read_text(),
          out)


with tempfile.TemporaryDirectory(prefix="migkit-boards-") as folder:
    main(pathlib.Path(folder))
sys.exit(1 if failed else 0)
