# SPDX-License-Identifier: Apache-2.0
"""The simulated driver as a Python program sees it: ctypes over build/sim, on a lab of its own."""
import atexit
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).parents[2]).resolve()
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or ROOT / "build").resolve()
LIBRARY = BUILD / "sim" / "libnvidia-ml.so.1"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def lab(*arguments):
    """Makes a lab that ends with the test, chooses it and returns its folder."""
    home = tempfile.mkdtemp(prefix="migkit-test.")
    atexit.register(shutil.rmtree, home, True)
    env = dict(os.environ, XDG_STATE_HOME=home)
    subprocess.run([BUILD / "migctl", "lab", "create", "test", *arguments], check=True, env=env,
                   stdout=subprocess.DEVNULL)
    folder = os.path.join(home, "migkit", "labs", "test")
    os.environ["MIGKIT_LAB"] = folder
    return folder


def load():
    return ctypes.CDLL(str(LIBRARY))


def gpu(library, index=0):
    handle = ctypes.c_void_p()
    status = library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
    assert status == 0, status
    return handle


def symbols():
    """(name, first driver branch) of data/nvml/symbols.txt."""
    rows = []
    for line in (ROOT / "data" / "nvml" / "symbols.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, since, _ = line.split(" ", 2)
            rows.append((name, int(since)))
    return rows


class Findings:
    """Differences; a test ends with finish()."""

    def __init__(self):
        self.lines, self.compared = [], 0

    def same(self, what, got, want):
        self.compared += 1
        if got != want:
            self.lines.append(f"{what}: {got!r}, not {want!r}")

    def finish(self, what):
        for line in self.lines[:40]:
            print(line)
        print(f"{what}: {self.compared} compared, {len(self.lines)} differ")
        sys.exit(1 if self.lines or not self.compared else 0)
