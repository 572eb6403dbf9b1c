# SPDX-License-Identifier: Apache-2.0
"""The functions that read: which they are, and a lab on which they have something to say."""
import contextlib
import json
import os
import re
import subprocess
import sys

import calls
import driver

READS = re.compile(r"Get|Query|IsMig|OnSameBoard|Validate")
DRIVER, BOARD = "580.159.04", "a100-80gb-pcie:2"
# Room for one more 1g stays free.
LAYOUT = "9,19,19,19"


def names():
    """Those that doc/nvml-coverage.md says have an answer and change nothing."""
    done = subprocess.run([sys.executable, driver.ROOT / "tools" / "gen-nvml-coverage", "--json"],
                          check=True, capture_output=True, text=True)
    return [row["name"] for row in json.loads(done.stdout)
            if row["here"] == "answers" and "changes" not in row["rights"]
            and READS.search(row["name"]) and row["name"] != "nvmlInternalGetExportTable"]


def migctl(*words):
    subprocess.run([driver.BUILD / "migctl", *words], check=True, stdout=subprocess.DEVNULL)


def plain(*arguments):
    """A lab as it is made; returns its folder."""
    return driver.lab(*arguments, "--driver", DRIVER)


def lab(board=BOARD, layout=LAYOUT, more=()):
    """A lab whose GPU 0 is in MIG mode and has instances; returns its folder."""
    folder = plain("--board", board, *more)
    migctl("smi", "-i", "0", "-mig", "1")
    migctl("smi", "mig", "-i", "0", "-cgi", layout, "-C")
    return folder


@contextlib.contextmanager
def client():
    """While it lasts a process computes on the first MIG device of the lab made last."""
    done = subprocess.run([driver.BUILD / "migctl", "lab", "status", "-o", "json"], check=True,
                          stdout=subprocess.PIPE, text=True)
    gi = json.loads(done.stdout)["instances"][0]["gi"]
    migctl("lab", "client", "start", "--name", "reads", "--memory", "1GiB", "--device", f"0/{gi}/0")
    try:
        yield
    finally:
        migctl("lab", "client", "stop", "--all")


def run(program, how, folder, report, symbols):
    """Report of tests/sim/reads.c, by name."""
    done = subprocess.run([program, how, driver.LIBRARY, folder, report, *symbols], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          env={**os.environ, "MIGKIT_LAB": folder})
    if done.returncode:
        raise SystemExit(f"reads {how}: exit {done.returncode} {done.stdout}{done.stderr}")
    with open(report, encoding="utf-8") as f:
        return {row["name"]: row for row in map(json.loads, f)}


def build(folder):
    return calls.build(folder, "-O2", name="reads")
