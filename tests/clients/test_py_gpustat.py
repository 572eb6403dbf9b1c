#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gpustat from PyPI: its JSON and its lines, through the changes of a layout. It knows no MIG devices."""
import json
import re

import pypi
from changes import changes
from common import Machine, check, report, same

MIB = 1 << 20
# Under 470 it must take nvmlDeviceGetComputeRunningProcesses_v2: the third is of R510.
LABS = (("a100-40gb-sxm:2", "470.256.02", "9,14,19"), ("a100-40gb-sxm:2", "535.104.05", "9,14,19"), ("h200:2", "580.65.06", "9,15,19"))
GPUSTAT = pypi.environment() / "bin" / "gpustat"


def memory(what, got, gpu, status):
    """nvmlDeviceGetMemoryInfo_v2 is of R510. The first counts what the driver keeps as in use, too."""
    more = got - gpu["memory_used_bytes"] // MIB
    check(more == 0 if int(status["driver"].partition(".")[0]) >= 510 else 0 < more < 1024,
          f"{what}: memory in use {got}, which is {more} MiB more than migctl's")


def as_json(m, stage):
    said = json.loads(m.run([GPUSTAT, "--json"]).stdout)
    status = m.status()
    same(f"{stage}: driver", said["driver_version"], status["driver"])
    same(f"{stage}: GPUs", len(said["gpus"]), len(status["gpus"]))
    for got, gpu in zip(said["gpus"], status["gpus"]):
        what = f"{stage}: GPU {gpu['gpu']}"
        on = gpu["mig_current"] == "on"
        for key, want in (("index", gpu["gpu"]), ("uuid", gpu["uuid"]), ("name", gpu["name"]),
                          ("memory.total", gpu["memory_total_bytes"] // MIB),
                          # A GPU has no utilization while MIG mode is on, as on hardware.
                          ("utilization.gpu", None if on else 0)):
            same(f"{what}: {key}", got[key], want)
        memory(what, got["memory.used"], gpu, status)
        check(20 <= got["temperature.gpu"] <= 60, f"{what}: {got['temperature.gpu']} degrees")
        check(0 < got["power.draw"] < got["enforced.power.limit"], f"{what}: {got['power.draw']} W")
        # Processes of MIG devices are listed with their GPU.
        same(f"{what}: processes", sorted((p["pid"], p["command"], p["gpu_memory_usage"])
                                          for p in got["processes"]),
             sorted((c["pid"], c["name"], c["memory_bytes"] // MIB) for c in status["clients"]
                    if c["gpu"] == gpu["gpu"]))


def as_text(m, stage):
    text = m.run([GPUSTAT, "--show-all", "--no-color"]).stdout
    status = m.status()
    for gpu in status["gpus"]:
        row = re.search(rf"^\[{gpu['gpu']}\] (.*?)\s*\|\s*(\d+).C,.*?(\d+) /\s*(\d+) MB \|(.*)$", text, re.M)
        check(row, f"{stage}: no row of GPU {gpu['gpu']}:\n{text}")
        same(f"{stage}: row of GPU {gpu['gpu']}", (row[1], int(row[4])),
             (gpu["name"], gpu["memory_total_bytes"] // MIB))
        memory(f"{stage}: row of GPU {gpu['gpu']}", int(row[3]), gpu, status)
        for c in status["clients"]:
            check((f"{c['name']}/{c['pid']}({c['memory_bytes'] // MIB}M)" in row[5]) ==
                  (c["gpu"] == gpu["gpu"]), f"{stage}: processes of GPU {gpu['gpu']}: {row[5]}")


def main():
    stages = 0
    for board, driver, profiles in LABS:
        with Machine("--board", board, "--driver", driver) as m:
            m.client("gpu:1", memory="256MiB", name="other")
            for stage in changes(m, profiles):
                stages += 1
                as_json(m, f"{board}: {stage}")
                as_text(m, f"{board}: {stage}")
    report("gpustat", pypi.pinned()["gpustat"], f"--json and plain through {stages} stages on "
           f"{', '.join(lab[0].partition(':')[0] for lab in LABS)}")


main()
