#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nvitop from PyPI: its Python interface, its report and its screen, through the changes of a layout."""
import json
import re

import pypi
from changes import changes
from common import Machine, check, report, same
from screen import Screen

MIB = 1 << 20
LABS = (("a100-40gb-sxm:2", "550.163.01", "9,14,19"), ("h100-80gb-sxm:2", "580.65.06", "9,15,19"),
        ("a30:2", "535.104.05", "14,5"))
BIN = pypi.environment() / "bin"


def processes(status, **where):
    """pid -> memory of the processes with these ids."""
    return {str(c["pid"]): c["memory_bytes"] for c in status["clients"]
            if all(c.get(k) == v for k, v in where.items())}


def interface(m, stage):
    """Each value that migctl knows too."""
    said = json.loads(m.run([BIN / "python", pypi.HERE / "nvitop_api.py"]).stdout)
    status = m.status()
    same(f"{stage}: driver", said["driver"], status["driver"])
    same(f"{stage}: GPUs", said["count"], len(status["gpus"]))
    for got, gpu in zip(said["gpus"], status["gpus"]):
        what = f"{stage}: GPU {gpu['gpu']}"
        on = gpu["mig_current"] == "on"
        for key, want in (("index", gpu["gpu"]), ("uuid", gpu["uuid"]), ("name", gpu["name"]),
                          ("bus_id", gpu["bus_id"]), ("serial", gpu["serial"]),
                          ("total", gpu["memory_total_bytes"]), ("used", gpu["memory_used_bytes"]),
                          ("mode", "Enabled" if on else "Disabled")):
            same(f"{what}: {key}", got[key], want)
        same(f"{what}: utilization", got["utilization"], None if on else 0)
        temperature = got["temperature"]
        # By nvmlDeviceGetTemperatureV where the library has that symbol, which drivers before 565 have not.
        check(temperature is not None and 20 <= temperature <= 60, f"{what}: temperature {temperature}")
        mine = m.mig_devices(gpu["gpu"])
        same(f"{what}: MIG devices", [x["uuid"] for x in got["migs"]], [i["uuid"] for i in mine])
        check(got["most"] >= len(mine), f"{what}: at most {got['most']} MIG devices")
        for index, (g, i) in enumerate(zip(got["migs"], mine)):
            mig_device(f"{what}: MIG device {index}", g, i, index, gpu, status)
        same(f"{what}: processes", {p: x["memory"] for p, x in got["processes"].items()},
             processes(status, gpu=gpu["gpu"]))
        for x in got["processes"].values():
            same(f"{what}: type of a process", x["type"], "C")


def mig_device(what, got, instance, index, gpu, status):
    ids = {"gi": instance["gi"], "ci": instance["ci"]}
    same(f"{what}: index", got["index"], [gpu["gpu"], index])
    same(f"{what}: ids", {k: got[k] for k in ids}, ids)
    same(f"{what}: name", got["name"], f"{gpu['name']} MIG {instance['ci_profile']}")
    same(f"{what}: used", got["used"], instance["memory_used_bytes"])
    check(0 < got["total"] < gpu["memory_total_bytes"], f"{what}: total {got['total']}")
    # What only a whole GPU has.
    same(f"{what}: temperature, power", (got["temperature"], got["power"]), (None, None))
    same(f"{what}: processes", {p: x["memory"] for p, x in got["processes"].items()},
         processes(status, gpu=gpu["gpu"], **ids))
    for x in got["processes"].values():
        same(f"{what}: ids of a process", {k: x[k] for k in ids}, ids)


def shown(text, m, stage):
    """The rows of nvitop's table are those that migctl has."""
    status = m.status()
    head = text.partition("Processes:")[0]
    rows = re.findall(r"(\d+):(\d+)\s+(\S+) @ GI/CI:\s*(\d+)/(\d+)", head)
    want = []
    for gpu in status["gpus"]:
        want += [(str(gpu["gpu"]), str(n), i["ci_profile"], str(i["gi"]), str(i["ci"]))
                 for n, i in enumerate(m.mig_devices(gpu["gpu"]))]
    same(f"{stage}: rows of MIG devices", rows, want)
    for gpu in status["gpus"]:
        mode = "Enabled" if gpu["mig_current"] == "on" else "Disabled"
        check(re.search(rf"{re.escape(gpu['bus_id'])}.*\s{mode}\s", head),
              f"{stage}: no row of GPU {gpu['gpu']} with {mode}:\n{text}")
    for c in status["clients"]:
        row = re.search(rf"^\S\s*(\S+)\s+{c['pid']}\s+C\s+\S+\s+([\d.]+)MiB.*{c['name']}", text, re.M)
        check(row, f"{stage}: no row of process {c['pid']}:\n{text}")
        same(f"{stage}: memory of process {c['pid']}", float(row[2]) * MIB, c["memory_bytes"])
        index = [f"{i['gpu']}:{n}" for n, i in enumerate(m.mig_devices(c["gpu"]))
                 if (i["gi"], i["ci"]) == (c.get("gi"), c.get("ci"))] or [str(c["gpu"])]
        same(f"{stage}: where process {c['pid']} is", row[1], index[0])


def once(m, stage):
    done = m.run([BIN / "nvitop", "--once"])
    shown(done.stdout, m, stage)
    return done


def screen(m, stage):
    s = Screen(m, [BIN / "nvitop", "--monitor", "full"])
    status = m.status()
    words = [g["bus_id"] for g in status["gpus"]] + [str(c["pid"]) for c in status["clients"]]
    for gpu in status["gpus"]:
        words += [f"{i['ci_profile']} @ GI/CI:{i['gi']:>2}/{i['ci']}" for i in m.mig_devices(gpu["gpu"])]
    s.until(words)
    err = s.close()
    check("Traceback" not in err and "FunctionNotFound" not in err, f"{stage}: {err}")


def main():
    version, stages = pypi.pinned()["nvitop"], 0
    for board, driver, profiles in LABS:
        with Machine("--board", board, "--driver", driver) as m:
            m.client("gpu:1", memory="256MiB", name="other")
            for stage in changes(m, profiles):
                stages += 1
                interface(m, f"{board}: {stage}")
                done = once(m, f"{board}: {stage}")
                same(f"{board}: {stage}: complaints", done.stderr, "")
                if stage in ("mode off", "busy", "no compute instances"):
                    screen(m, f"{board}: {stage}")
    report("nvitop", version, f"its Python interface, --once and its screen through {stages} stages "
                              f"on {', '.join(lab[0].partition(':')[0] for lab in LABS)}")


main()
