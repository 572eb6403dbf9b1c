#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""tests/real/read, which runs every reading command on a real driver, tried on a simulated one in its
place; what it brings back is kept and replayed as a real recording would be. And it notices what it is
there to notice: a command that changes something, or one that fails."""
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path[:0] = [str(SOURCE / "tests" / folder) for folder in ("lab", "real")]
import commands  # noqa: E402
import reading  # noqa: E402
from labtest import BUILD, check, skip  # noqa: E402

ENV = {**os.environ, "MIGKIT_BUILD": str(BUILD)}


def script(name, *words, env=None):
    return subprocess.run([SOURCE / "tests/real" / name, *map(str, words)], capture_output=True, text=True,
                          env={**ENV, **(env or {})}, check=False, timeout=250)


def judges():
    """A Case says what is wrong with how a command ended and what it called."""
    case = commands.Case("x", ["status", "-o", "json"])
    ended = subprocess.CompletedProcess([], 0, b"{}", b"")
    fine = [reading.Call("1 nvmlInit_v2 0 1"), reading.Call("1 nvmlShutdown 0 1")]
    check(case.judge(ended, fine, reading) == [], "a good run is found wrong")
    for done, found in ((subprocess.CompletedProcess([], 1, b"", b"no"), fine), (ended, []),
                        (subprocess.CompletedProcess([], 0, b"{", b""), fine),
                        (ended, [*fine, reading.Call("1 nvmlDeviceSetMigMode 0 1")])):
        check(len(case.judge(done, found, reading)) == 1, f"not noticed: {done}, {len(found)} calls")


def main():
    judges()
    with tempfile.TemporaryDirectory(prefix="migkit-trial-") as root:
        root = pathlib.Path(root)
        done = script("pack", root / "pack")
        if done.returncode == 77:
            skip(done.stdout.partition("skipped: ")[2].strip())
        check(done.returncode == 0, f"pack: {done.stdout}{done.stderr}")
        for board in ("h100-80gb-sxm", "h200"):
            out = root / board
            done = script("read", "--trial", "--board", board, "--pack", root / "pack", "--out", out)
            check(done.returncode == 0 and done.stdout.endswith("\n0 wrong\n"),
                  f"read on {board}: {done.stdout[-4000:]}{done.stderr}")
            done = script("keep", out / "read.tar.gz", board, "--into", root / "recorded")
            check(done.returncode == 0, f"keep: {done.stdout}{done.stderr}")
        done = subprocess.run([sys.executable, SOURCE / "tests/cli/test_recorded.py", root / "recorded", "--same"],
                              env=ENV, capture_output=True, text=True, check=False)
        check(done.returncode == 0 and done.stdout == "2 machines\n", f"replay: {done.stdout}{done.stderr}")
        print("two simulated machines read, kept and replayed")


main()
