#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Default placements that real GPUs chose (cases.json), replayed on labs through migctl smi.

Each case: the same ids in the same order, the same starts in -lgi, and the refusal where there was
one. A case marked as an outlier must differ: if it doesn't any more, our rule has changed.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MIGCTL = pathlib.Path(os.environ.get("MIGKIT_BUILD") or HERE.parents[1] / "build") / "migctl"
BOARDS = {
    "A100-40GB": "a100-40gb-sxm",
    "A100-80GB": "a100-80gb-sxm",
    "A30": "a30",
    "H100 80GB HBM3": "h100-80gb-sxm",
    "RTX PRO 6000 Blackwell Max-Q Workstation Edition": "rtx-pro-6000-max-q",
}
# A driver where the transcript names none, or a branch only.
DRIVERS = {"": "550.54.14", "R450": "450.80.02", "580": "580.159.04"}


def run(env, *words):
    done = subprocess.run([str(MIGCTL), *words], env=env, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def ids_in(text):
    return [int(n) for n in re.findall(r"created GPU instance ID +(\d+) ", text)]


def starts_in(text):
    """GPU instance id -> start, of an -lgi table."""
    rows = re.findall(r"^\|  +\d+  MIG \S+ +\d+ +(\d+) +(\d+):\d+ +\|$", text, re.M)
    return {int(gi): int(start) for gi, start in rows}


def compare(case, env):
    """What differs from the transcript, in words."""
    if "Workstation" in case["gpu"]:  # has no MIG mode with display ports
        run(env, "lab", "set", "0", "display=off")
    run(env, "smi", "-i", "0", "-mig", "1")
    text = run(env, "smi", "mig", "-i", "0", "-cgi", ",".join(map(str, case["cgi"])))[1]
    ids = ids_in(text)
    if ids != case["ids"]:
        return [f"ids are {ids}, not {case['ids']}: {text}"]
    starts = starts_in(run(env, "smi", "mig", "-i", "0", "-lgi")[1])
    if [starts.get(i) for i in ids] != case["starts"]:
        return [f"starts are {starts}, not {dict(zip(ids, case['starts']))}"]
    fails = case.get("then_fails")
    if not fails:
        return []
    rc, text = run(env, "smi", "mig", "-i", "0", "-cgi", str(fails["profile"]))
    if rc == 0 or fails["error"] not in text:
        return [f"profile {fails['profile']} then answers {rc}: {text}"]
    return []


def play(case, folder):
    env = {"PATH": "/usr/bin:/bin", "HOME": folder, "XDG_STATE_HOME": folder, "LC_ALL": "C.UTF-8"}
    words = ["lab", "create", "placement", "--board", BOARDS[case["gpu"]],
             "--driver", DRIVERS.get(case["driver"], case["driver"])]
    if case["numbering"] != "-":
        words += ["--numbering", case["numbering"]]
    rc, text = run(env, *words)
    if rc:
        return [f"no lab: {text}"]
    env["MIGKIT_LAB"] = run(env, "lab", "path", "placement")[1].strip()
    try:
        return compare(case, env)
    finally:
        run(env, "lab", "destroy", "placement")


def main():
    with open(HERE / "cases.json", encoding="utf-8") as f:
        cases = json.load(f)["cases"]
    played, failed = 0, 0
    for case in cases:
        name = f"{case['gpu']} {case['driver']} -cgi {','.join(map(str, case['cgi']))}"
        with tempfile.TemporaryDirectory(prefix="migkit-placement-") as folder:
            differs = play(case, folder)
        played += 1
        if case.get("outlier"):
            differs = [] if differs else ["an outlier, but it agrees: cases.json is out of date"]
        failed += bool(differs)
        for line in differs:
            print(f"{name}: {line}")
    print(f"{played} of {len(cases)} cases played, {failed} failed")
    sys.exit(1 if failed or played < 14 else 0)


if __name__ == "__main__":
    main()
