#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every name of NVIDIA's library is there and answers: before init, after it, on an older driver."""
import subprocess
import sys

import driver

UNINITIALIZED, INVALID, NOT_SUPPORTED, NOT_THERE = 1, 2, 3, 13
# Not a call on something initialised: these start or end the library, or tell errors apart.
OTHER = {"nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags", "nvmlShutdown", "nvmlErrorString",
         "nvmlInternalGetExportTable"}


def exports():
    out = subprocess.run(["nm", "-D", "--defined-only", str(driver.LIBRARY)], check=True,
                         capture_output=True, text=True).stdout
    return sorted(line.split()[-1] for line in out.splitlines())


def answer(library, name):
    # Null wherever a pointer may stand.
    return getattr(library, name)(None, None, None, None, None, None, None)


def on(version, found):
    """In a process of its own: one library, one lab."""
    driver.lab("--board", "a100-40gb-sxm", "--driver", version)
    library = driver.load()
    names = [(n, since) for n, since in driver.symbols() if n not in OTHER]
    for name, _ in names:
        found.same(f"{name} before init", answer(library, name), UNINITIALIZED)
    found.same("nvmlInit_v2", library.nvmlInit_v2(), 0)
    for name, since in names:
        got = answer(library, name)
        if int(version.split(".")[0]) < since:
            found.same(f"{name} on {version}", got, NOT_THERE)
        else:
            found.same(f"{name} on {version}", got in (INVALID, NOT_SUPPORTED), True)
    found.same("nvmlShutdown", library.nvmlShutdown(), 0)
    for name, _ in names:
        found.same(f"{name} after shutdown", answer(library, name), UNINITIALIZED)


def main():
    found = driver.Findings()
    if len(sys.argv) > 1:
        on(sys.argv[1], found)
        found.finish(sys.argv[1])
    found.same("exported names", exports(), sorted(n for n, _ in driver.symbols()))
    for version in ("450.80.02", "515.86.01", "535.261.03", "580.159.04"):
        done = subprocess.run([sys.executable, __file__, version], capture_output=True, text=True)
        print(done.stdout + done.stderr, end="")
        found.same(version, done.returncode, 0)
    found.finish("symbols")


main()
