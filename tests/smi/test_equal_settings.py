#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=120 must-run
"""What the summary says of settings that our nvidia-smi cannot make: NVIDIA's 550 makes them on two
equal labs, then NVIDIA's and ours show them. Another branch: MIGKIT_TEST_BRANCH.
"""
import os
import subprocess
import sys

import pair

BRANCH = os.environ.get("MIGKIT_TEST_BRANCH", "550")
SETTINGS = ["-e 0", "-c 3", "-pm 1", "-i 0 -c 2", "-i 1 -c 0", "-e 1", "-i 0 -e 0",
            "-i 0 --gpu-reset", "-i 0 -e 1", "-i 1 -mig 1", "-i 1 -e 0", "-i 1 -c 3",
            "mig -i 1 -cgi 9 -C", "-i 0 -pl 250"]
FIELDS = ("index,memory.used,memory.free,memory.reserved,mig.mode.current,power.draw,utilization.gpu,"
          "temperature.gpu")
VIEWS = ([], ["-L"], ["--query-gpu=" + FIELDS, "--format=csv"], ["mig", "-lgi"])


def main():
    real, failures = pair.behind_the_guard(BRANCH), []
    for board in ("a100-80gb-pcie", "h100-80gb-sxm"):
        with pair.place() as root:
            labs = pair.Pair(real, f"--board {board}:2 --driver {pair.DRIVER[BRANCH]}", root)
            for words in SETTINGS:
                for side in ("real", "ours"):
                    env = {**labs.env[side], "LD_LIBRARY_PATH": str(pair.BUILD / "sim")}
                    done = subprocess.run([real, *words.split()], env=env, capture_output=True,
                                          timeout=pair.TIMEOUT, stdin=subprocess.DEVNULL)
                    if done.returncode:
                        failures.append(f"{board}: {words}: {done.stdout.decode()}")
                for view in VIEWS:
                    failures += [f"{board}, after {words}: nvidia-smi {' '.join(view)}\n{d}"
                                 for d in labs.differences(view)]
    print("\n".join(failures))
    print(f"{len(SETTINGS)} settings on two boards, {len(failures)} differences")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
