#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=120 must-run
"""NVIDIA's nvidia-smi 535 and ours as a user who may not change GPUs: the same refusals."""
import os
import pathlib
import shutil
import subprocess
import sys

import pair

NOBODY = 65534
COMMANDS = ["", "-i 1", "-L", "-mig 1", "-i 1 -mig 0", "-pm 1", "-r", "-i 0 --gpu-reset",
            "mig -lgip", "mig -lgipp", "mig -lgi", "mig -lci", "mig -lcip", "mig -lcipp",
            "mig -cgi 19", "mig -cgi 19:2 -C", "mig -cgi nonsense", "mig -cci", "mig -cci 0",
            "mig -dci", "mig -dgi", "mig -i 1 -cgi 9",
            "--query-gpu=index,memory.used,mig.mode.current --format=csv",
            "--query-compute-apps=pid,name --format=csv"]


def prepare(root, real):
    """Copies that anybody may read, and a lab with instances; returns both programs' environments."""
    programs = root / "programs"
    programs.mkdir()
    shutil.copy(real, programs / "real")
    shutil.copy(pair.BUILD / "migctl", programs / "migctl")
    shutil.copytree(pair.BUILD / "sim", programs / "sim", symlinks=True,
                    ignore=lambda folder, names: [n for n in names if not n.startswith("libnv")])
    (programs / "nvidia-smi").symlink_to("migctl")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(root), "XDG_STATE_HOME": str(root),
           "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb"}
    lab = root / "migkit/labs/pair"
    for words in (["lab", "create", "pair", "--board", "a100-80gb-pcie:2", "--driver",
                   pair.DRIVER["535"], "--permissions", "real"],
                  ["smi", "-i", "0", "-mig", "1"], ["smi", "mig", "-i", "0", "-cgi", "9,19", "-C"]):
        subprocess.run([pair.BUILD / "migctl", *words], env={**env, "MIGKIT_LAB_ROOT": "1"},
                       check=True, capture_output=True)
        env["MIGKIT_LAB"] = str(lab)
    subprocess.run(["chmod", "-R", "a+rX", root], check=True)
    return lab, env


def run(program, words, env):
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([program, *words], env=env, cwd="/", stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=pair.TIMEOUT, **other)
    return (pair.TIME.sub(r"\1(time)", done.stdout.decode()), done.stderr.decode(),
            done.returncode)


def main():
    real = pair.behind_the_guard("535")
    failures, refused = [], 0
    with pair.place() as place:
        root = pathlib.Path(place)
        lab, env = prepare(root, real)
        before = (lab / "state").read_bytes()
        programs = root / "programs"
        theirs_env = {**env, "LD_LIBRARY_PATH": str(programs / "sim")}
        for command in COMMANDS:
            try:
                theirs = run(programs / "real", command.split(), theirs_env)
            except (OSError, subprocess.SubprocessError):
                print("skipped: nobody can be made of root in this user namespace")
                return 77
            ours = run(programs / "nvidia-smi", command.split(), env)
            refused += ours[2] == 4
            if theirs != ours:
                failures.append(f"nvidia-smi {command}\n  NVIDIA's: {theirs}\n  ours:     {ours}")
        if (lab / "state").read_bytes() != before:
            failures.append("the lab was changed")
    if refused < 15:
        failures.append(f"only {refused} commands were refused")
    print("\n".join(failures))
    print(f"{len(COMMANDS)} commands, {len(failures)} differ")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
