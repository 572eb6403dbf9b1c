#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nvitop-exporter from PyPI: its /metrics, through the changes of a layout."""
import math
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pypi
from changes import changes
from common import Machine, check, report, same

MIB = 1 << 20
LABS = (("a100-80gb-sxm:2", "580.65.06", "9,14,19"),)
EXPORTER = pypi.environment() / "bin" / "nvitop-exporter"
# It lists the MIG devices when it starts, so for each of these it is started anew.
STAGES = ("mode off", "mode on", "process", "no compute instances", "mode off again")


class Exporter:
    """nvitop-exporter on a free port of the loopback interface."""

    def __init__(self, m):
        self.m = m
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.said = m.root / "exporter.txt"
        with open(self.said, "w", encoding="utf-8") as out:
            self.program = m.start([EXPORTER, "--hostname", "here", "--bind-address", "127.0.0.1",
                                    "--port", str(self.port), "--interval", "0.25"],
                                   stdout=out, stderr=subprocess.STDOUT)

    def read(self):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5).read().decode()

    def metrics(self, until):
        """(metric, device's uuid) -> value, of all samples, once `until` holds of it."""
        end = time.monotonic() + 20
        found = {}
        while time.monotonic() < end:
            check(self.program.poll() is None, f"it ended: {self.said.read_text()}")
            try:
                found = self.parse(self.read())
                if until(found):
                    return found
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.1)
        raise SystemExit(f"FAILED: /metrics never said what was waited for:\n{found}\n"
                         f"{self.said.read_text()}")

    @staticmethod
    def parse(text):
        found = {}
        for name, labels, value in re.findall(r"^(\w+)\{(.*)\} (\S+)$", text, re.M):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found[name, labels.get("uuid"), labels.get("pid")] = (float(value), labels)
        return found

    def stop(self):
        self.m.stop(self.program)


def devices(m):
    """uuid -> (index, name, used bytes, ids) of GPUs and MIG devices."""
    found = {}
    for gpu in m.gpus():
        found[gpu["uuid"]] = (str(gpu["gpu"]), gpu["name"], gpu["memory_used_bytes"], (gpu["gpu"],))
        for n, i in enumerate(m.mig_devices(gpu["gpu"])):
            found[i["uuid"]] = (f"{gpu['gpu']}:{n}", f"{gpu['name']} MIG {i['ci_profile']}",
                                i["memory_used_bytes"], (gpu["gpu"], i["gi"], i["ci"]))
    return found


def compare(m, stage):
    want, status = devices(m), m.status()
    pids = [str(c["pid"]) for c in status["clients"]]
    exporter = Exporter(m)
    found = exporter.metrics(lambda f: all(("gpu_memory_used_MiB", u, None) in f for u in want) and
                             all(any(k[0] == "process_gpu_memory_MiB" and k[2] == p for k in f)
                                 for p in pids))
    info = next(labels for (name, *_), (_, labels) in found.items() if name == "nvitop_info")
    same(f"{stage}: info", (info["driver_version"], info["device_count"]),
         (status["driver"], str(len(status["gpus"]))))
    same(f"{stage}: devices", {u for name, u, _ in found if name == "gpu_memory_used_MiB"}, set(want))
    for uuid, (index, name, used, ids) in want.items():
        what = f"{stage}: {index}"
        value, labels = found["gpu_memory_used_MiB", uuid, None]
        same(f"{what}: labels", (labels["index"], labels["devicename"]), (index, name))
        same(f"{what}: used", value * MIB, used)
        whole = len(ids) == 1
        for metric in ("gpu_temperature_C", "gpu_power_usage_W", "gpu_clock_sm_MHz"):
            check(math.isnan(found[metric, uuid, None][0]) != whole, f"{what}: {metric} of {name}")
        if whole:
            same(f"{what}: total", found["gpu_memory_total_MiB", uuid, None][0] * MIB,
                 status["gpus"][ids[0]]["memory_total_bytes"])
        mine = {str(c["pid"]): c["memory_bytes"] for c in status["clients"]
                if (c["gpu"], c["gi"], c["ci"])[:len(ids)] == ids}
        same(f"{what}: processes", {p: v * MIB for (n, u, p), (v, _) in found.items()
                                    if n == "process_gpu_memory_MiB" and u == uuid}, mine)
    exporter.stop()


def goes_on(m):
    """A MIG device goes while it runs: it serves on, and the device has no values any more."""
    m.smi("-i", "0", "-mig", "1")
    m.smi("mig", "-i", "0", "-cgi", "9,19", "-C")
    first, last = m.mig_devices(0)
    exporter = Exporter(m)
    key = ("gpu_memory_used_MiB", last["uuid"], None)
    exporter.metrics(lambda f: key in f and f[key][0] > 0)
    m.smi("mig", "-i", "0", "-gi", str(last["gi"]), "-ci", "0", "-dci")
    gone = exporter.metrics(lambda f: key not in f or math.isnan(f[key][0]))
    same("the other MIG device", gone["gpu_memory_used_MiB", first["uuid"], None][0] * MIB,
         m.mig_devices(0)[0]["memory_used_bytes"])
    exporter.stop()
    check("Traceback" not in exporter.said.read_text(), exporter.said.read_text())
    m.smi("mig", "-i", "0", "-dci")
    m.smi("mig", "-i", "0", "-dgi")


def main():
    for board, driver, profiles in LABS:
        with Machine("--board", board, "--driver", driver) as m:
            m.client("gpu:1", memory="256MiB", name="other")
            for stage in changes(m, profiles):
                if stage in STAGES:
                    compare(m, f"{board}: {stage}")
            goes_on(m)
    report("nvitop-exporter", pypi.pinned()["nvitop-exporter"],
           f"/metrics in {len(STAGES)} stages, and while a MIG device goes")


main()
