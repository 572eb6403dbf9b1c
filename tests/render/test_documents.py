#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pictures of our own documents are what migctl draws; --update writes them anew."""
import os
import pathlib
import sys

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
sys.path[:0] = [str(SOURCE / "tests/lab")]
from labtest import Place, check  # noqa: E402

FOLDER = SOURCE / "doc" / "pictures"


def pictures(p):
    p.create("one", driver="580.95.05")
    p.ok("--lab", "one", "smi", "-mig", "1")
    p.ok("--lab", "one", "smi", "mig", "-cgi", "9:4,14:0,19:2", "-C")
    yield "plan.svg", ["--lab", "one", "draw", "-i", "0", "--plan", "3g.40gb", "2x2g.20gb", "--keep", "5"]
    yield "layouts.svg", ["draw", "--board", "a100-80gb-pcie"]


def main():
    names = set()
    with Place() as p:
        for name, words in pictures(p):
            drawn = p.ok(*words, "--svg", "-")
            names.add(name)
            if "--update" in sys.argv:
                (FOLDER / name).write_text(drawn, encoding="utf-8")
            check((FOLDER / name).read_text(encoding="utf-8") == drawn,
                  f"doc/pictures/{name} is not what 'migctl {' '.join(words)}' draws: "
                  f"tests/render/test_documents.py --update")
    there = {f.name for f in FOLDER.iterdir()}
    check(there == names, f"doc/pictures has {there ^ names} that nothing draws")
    readme = (SOURCE / "README.md").read_text(encoding="utf-8")
    for name in names:
        check(f"doc/pictures/{name}" in readme, f"the README does not show {name}")


if __name__ == "__main__":
    main()
