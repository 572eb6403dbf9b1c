#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's nvtop: its screen, through the changes of a layout. It knows no MIG devices."""
import debian12
from changes import changes
from common import Machine, report
from screen import Screen

LABS = (("a100-40gb-sxm:2", "550.163.01", "9,14,19"), ("h100-80gb-sxm:2", "580.65.06", "9,15,19"))
MIB = 1 << 20


def words(m):
    """What its screen must show, by migctl's word: GPUs, their memory and their processes."""
    status = m.status()
    found = [f"Device {g['gpu']} [{g['name']}]" for g in status["gpus"]]
    for c in status["clients"]:
        found += [str(c["pid"]), f"{c['memory_bytes'] // MIB}MiB", c["name"]]
    return found


def main():
    stages = 0
    for board, driver, profiles in LABS:
        with Machine("--board", board, "--driver", driver) as m:
            m.client("gpu:1", memory="256MiB", name="other")
            for stage in changes(m, profiles):
                if stage in ("mode off", "mode on", "busy", "all destroyed"):
                    stages += 1
                    s = Screen(m, [debian12.ROOT / "usr" / "bin" / "nvtop"], env=debian12.environment(m))
                    s.until(words(m))
                    s.close()
    report("nvtop", debian12.version("nvtop"), f"its screen in {stages} stages: GPUs, memory, processes")


main()
