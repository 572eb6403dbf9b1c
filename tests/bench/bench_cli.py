#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""How long migctl's reading commands take on a lab, beside a ten-line program and NVIDIA's nvidia-smi.

Reported, not judged: a simulated nvmlInit takes microseconds, a real one milliseconds.
tests/real/bench judges the same ratios on a real driver.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import times  # noqa: E402

SOURCE = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
BRANCH, DRIVER, ROUNDS = "535", "535.261.03", 200


def nvidia_smi():
    """NVIDIA's own program, or None and why: the rows about it are left out then."""
    done = subprocess.run([SOURCE / "tests/real/fetch-nvidia-smi", BRANCH], capture_output=True,
                          text=True, env={**os.environ, "MIGKIT_BUILD": str(BUILD)}, check=False)
    if done.returncode:
        return None, (done.stdout + done.stderr).strip()
    return done.stdout.strip(), ""


def lab_environment(root):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(root), "XDG_STATE_HOME": str(root), "LC_ALL": "C.UTF-8",
           "TERM": "dumb", "LD_LIBRARY_PATH": str(BUILD / "sim-branch" / BRANCH)}
    for words in (["lab", "create", "bench", "--board", "h100-80gb-sxm", "--driver", DRIVER],
                  ["lab", "path", "bench"]):
        done = subprocess.run([BUILD / "migctl", *words], env=env, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise SystemExit(f"migctl {' '.join(words)}: {done.stderr}")
    return {**env, "MIGKIT_LAB": done.stdout.strip()}


def show(smi):
    migctl = BUILD / "migctl"
    commands = {times.TEN: [BUILD / "tests" / "ten_lines"], times.STATUS: [migctl, "status"],
                times.PROFILES: [migctl, "profiles"]}
    for name, words in (("migctl layouts", ["layouts", "-i", "0"]),
                        ("migctl plan", ["plan", "3g.40gb", "2g.20gb", "1g.10gb", "-i", "0"]),
                        ("migctl who", ["who"])):
        commands[name] = [migctl, *words]
    if smi:
        # Not its -lgip: of this version it ends at once where MIG is off, as it is in a new lab.
        commands[times.SMI] = [smi]
    with tempfile.TemporaryDirectory(prefix="migkit-bench-") as root:
        found = times.measure(BUILD / "tests" / "spawn", commands, lab_environment(root), ROUNDS)
    print(f"on a lab with an H100 and driver {DRIVER}, {ROUNDS} rounds")
    print("\n".join(times.table(found)))
    # Whoever ends otherwise is no measure of what it should have done.
    wrong = [n for n, t in found.items() if t.code]
    for line, _ in times.ratios(found):
        print(line.replace("(aim:", "(aim on a real driver:"))
    return wrong


def main():
    if sys.argv[1:2] == ["--inside"]:
        wrong = show(sys.argv[2])
    else:
        smi, why = nvidia_smi()
        if smi:
            guard = [SOURCE / "tests/real/guard", BUILD / "sim", smi]
            sys.exit(subprocess.run([*guard, sys.executable, __file__, "--inside", smi]).returncode)
        print(why)
        wrong = show(None)
    for name in wrong:
        print(f"{name} did not end as it should")
    sys.exit(bool(wrong))


main()
