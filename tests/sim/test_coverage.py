#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""What doc/nvml-coverage.md says is so: every function of the built library is called, on a GPU and
on a MIG device of several machines, with arguments of all its types, NULL and handles that are none.

And no call does anything to its host: errno, descriptors, environment, working folder, signals,
threads and the standard streams stay as they were, and it needs little of its stack.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import calls
import driver

SUCCESS, INVALID, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, TIMEOUT, MISMATCH = (
    0, 2, 3, 4, 6, 10, 25)
# What a thread of a foreign program must have: a 64 KiB stack serves, with room for the program.
STACK = 32 * 1024
# Boards with and without a fan, a display, NVLink; MIG on, and off; alone, two, a whole machine.
MACHINES = [("make", "a100-80gb-pcie"), ("make", "h100-80gb-sxm:2"), ("whole", "a100-80gb-pcie:2"),
            ("whole", "h100-80gb-sxm"), ("whole", "rtx-pro-6000-workstation"), ("make", "a30"),
            ("whole", "machine:dgx-h100"), ("make", "machine:dgx-a100")]
NAMES = {1: "UNINITIALIZED", 2: "INVALID_ARGUMENT", 3: "NOT_SUPPORTED", 4: "NO_PERMISSION",
         6: "NOT_FOUND"}


# Nobody computes on these machines: these look for a process and find none.
OF_PROCESSES = {"nvmlDeviceGetAccountingStats", "nvmlDeviceGetProcessUtilization",
                "nvmlDeviceGetProcessesUtilizationInfo"}


def page():
    done = subprocess.run([sys.executable, driver.ROOT / "tools" / "gen-nvml-coverage", "--json"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def on_machines(program, folder, found):
    """Name -> what it answered on all machines, on a GPU and on a MIG device; and the names that
    the first machine has an answer for."""
    gpu, mig, able, deepest = {}, {}, set(), (0, "")
    for how, board in MACHINES:
        what = ("--machine", board[8:]) if board.startswith("machine:") else ("--board", board)
        lab = driver.lab(*what, "--driver", "580.159.04")
        report = calls.walk(program, how, lab, folder / f"{how}-{board}")
        found.same(f"functions called on {board}", len(report) > 400, True)
        for name, row in report.items():
            if "crash" in row:
                found.same(f"{name} on {board}: wait status", row["crash"], 0)
                continue
            found.same(f"{name} on {board}: errno changed", row["errno"], 0)
            found.same(f"{name} on {board}: changes its host's", row["changed"], "")
            deepest = max(deepest, (row["stack"], name))
            if (how, board) == MACHINES[0] and SUCCESS in row["gpu"]:
                able.add(name)
            gpu.setdefault(name, set()).update(row["gpu"])
            mig.setdefault(name, set()).update(row["mig"])
    found.same(f"{deepest[1]} needs {deepest[0]} bytes of stack", deepest[0] <= STACK, True)
    print(f"deepest stack: {deepest[0]} bytes, {deepest[1]}")
    return gpu, mig, able


def judge(row, gpu, mig, found):
    name = row["name"]
    answered = {SUCCESS, TIMEOUT, *([NOT_FOUND] if name in OF_PROCESSES else [])} & (gpu | mig)
    if row["here"] == "stub":
        found.same(f"{name}, a stub", sorted(gpu | mig), [NOT_SUPPORTED])
        return
    found.same(f"{name} {row['here']}, it got {sorted(gpu | mig)}", bool(answered),
               row["here"] == "answers")
    if row["mig"] == "-":
        found.same(f"{name} takes no device, it got", sorted(mig), [])
    elif row["mig"] == "answers":
        found.same(f"{name} answers on a MIG device, it got {sorted(mig)}", SUCCESS in mig, True)
    else:
        code = next(c for c, n in NAMES.items() if n == row["mig"])
        found.same(f"{name} is {row['mig']} on a MIG device, it got {sorted(mig)}",
                   code in mig and mig <= {code, INVALID, MISMATCH}, True)


def without_rights(rows, able, program, folder, found):
    """As another user in a lab that only its owner may write: what changes it is NO_PERMISSION."""
    before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if not os.geteuid() else []
    lab = pathlib.Path(driver.lab("--board", "a100-80gb-pcie", "--driver", "580.159.04"))
    make = folder / "make"
    calls.walk(program, "make", lab, make, "nvmlDeviceGetCount_v2")
    kept = pathlib.Path(f"{lab}.copy")
    for path in (kept, *kept.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # Ways in for that user, where they are ours to open.
    for path in (folder, *kept.parents):
        mode = path.stat().st_mode | 0o1 | (0o2 if path == folder else 0)
        if mode != path.stat().st_mode and path.stat().st_uid == os.geteuid():
            path.chmod(mode)
    # The build may lie where only root can go.
    library = pathlib.Path(shutil.copy(driver.LIBRARY, folder))
    report = calls.walk(program, "keep", kept, folder / "kept", before=before, library=library)
    kept.chmod(0o755)
    found.same("most functions are called as another user", len(report) > 300, True)
    for row in rows:
        got = report.get(row["name"])
        if not got or "crash" in got:
            continue
        statuses = set(got["gpu"])
        if "changes" in row["rights"] and row["name"] in able:
            found.same(f"{row['name']} where the lab can't be written, it got {sorted(statuses)}",
                       SUCCESS not in statuses and NO_PERMISSION in statuses, True)
        elif "changes" not in row["rights"]:
            found.same(f"{row['name']} reads only, it got {sorted(statuses)}",
                       NO_PERMISSION in statuses, False)


def main():
    found = driver.Findings()
    rows = page()
    with tempfile.TemporaryDirectory(prefix="migkit-test.") as name:
        folder = pathlib.Path(name)
        program = calls.build(folder)
        gpu, mig, able = on_machines(program, folder, found)
        for row in rows:
            if row["name"] in gpu:
                judge(row, gpu[row["name"]], mig[row["name"]], found)
        without_rights(rows, able, program, folder, found)
    print(f"{len(gpu)} functions called")
    found.finish("coverage")


main()
