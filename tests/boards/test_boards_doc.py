#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doc/boards.md is what the build writes from data/boards/ and data/machines/.

tests/boards/test_boards_doc.py --update writes it anew: look at git diff before you keep it.
"""
import difflib
import os
import pathlib
import sys

ROOT = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or ROOT / "build")
DOC = ROOT / "doc" / "boards.md"
WRITTEN = BUILD / "src" / "model" / "boards.md"


def main():
    want = WRITTEN.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--update"]:
        DOC.write_text(want, encoding="utf-8")
        return 0
    have = DOC.read_text(encoding="utf-8") if DOC.exists() else ""
    if have == want:
        print(f"{len(want.splitlines())} lines agree")
        return 0
    print("doc/boards.md is out of date; tests/boards/test_boards_doc.py --update writes it anew")
    print("\n".join(list(difflib.unified_diff(have.splitlines(), want.splitlines(), "doc/boards.md",
                                               "as built", lineterm="", n=0))[:40]))
    return 1


sys.exit(main())
