#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doc/nvml-coverage.md is what tools/gen-nvml-coverage reads from the source now."""
import difflib
import subprocess
import sys

import common

PAGE = common.ROOT / "doc" / "nvml-coverage.md"


def made(root):
    """The page of a source tree."""
    done = subprocess.run([sys.executable, common.ROOT / "tools" / "gen-nvml-coverage", root],
                          check=True, capture_output=True, text=True)
    return done.stdout


def check(page, source):
    """Rows in which a page and what the source says differ."""
    lines = difflib.unified_diff(page.splitlines(), source.splitlines(), "doc/nvml-coverage.md",
                                 "the source", lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


if __name__ == "__main__":
    different = check(common.read(PAGE), made(common.ROOT))
    if different:
        different.append("tools/gen-nvml-coverage >doc/nvml-coverage.md writes it anew")
    common.finish(different, "doc/nvml-coverage.md")
