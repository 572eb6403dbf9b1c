#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C file is formatted as .clang-format says (make fmt does it)."""
import subprocess

import common


def check(paths):
    if not paths:
        return []
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", "--style=file", *map(str, paths)],
                          cwd=common.ROOT, capture_output=True, text=True)
    found = {}
    for line in done.stderr.splitlines():
        if ": error: " in line:
            path, number = line.split(":")[:2]
            found.setdefault(path, number)
    return [f"{path}:{number}: not as .clang-format has it: make fmt" for path, number in found.items()]


if __name__ == "__main__":
    common.finish(check(common.files(".c", ".h")), "format")
