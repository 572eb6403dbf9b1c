#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random sequences of nvidia-ml-py's functions: none crashes, and what they leave is a layout.

By hand, for longer: tests/clients/test_py_fuzz.py SECONDS SEED
"""
import json
import sys

import pypi
from common import Machine, check, report, same

LABS = (("a100-40gb-sxm:2", "550.163.01", 19), ("rtx-pro-6000-server:2", "580.105.08", 14))


def whole(m):
    """The lab can be read, its instances do not overlap, and NVML tells of the same MIG devices."""
    status = m.status()
    for gpu in status["gpus"]:
        taken = set()
        for gi, start, size in {(i["gi"], i["start"], i["size"]) for i in status["instances"]
                                if i["gpu"] == gpu["gpu"]}:
            units = set(range(start, start + size))
            check(not taken & units, f"GPU {gpu['gpu']}: instance {gi} lies on another: {status}")
            taken |= units
        check(gpu["mig_current"] == "on" or not taken, f"GPU {gpu['gpu']}: instances without MIG mode")
    listed = m.run(["nvidia-smi", "-L"]).stdout
    same("MIG devices that nvidia-smi lists", listed.count("UUID: MIG-"), len(m.mig_devices()))
    for i in m.mig_devices():
        check(i["uuid"] in listed, f"{i['uuid']} is not listed:\n{listed}")


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "6"
    seed = sys.argv[2] if len(sys.argv) > 2 else "1"
    totals = {}
    for board, driver, free in LABS:
        with Machine("--board", board, "--driver", driver) as m:
            m.smi("-mig", "1")
            (m.root / "status.json").write_text(json.dumps({**m.status(), "free_profile": free}))
            done = m.run([pypi.environment() / "bin" / "python", pypi.HERE / "fuzz.py",
                          m.root / "status.json", seconds, seed], env={"PYTHONMALLOC": "debug"},
                         timeout=float(seconds) + 60)
            result = json.loads(done.stdout.splitlines()[-1])
            check(not result["said"], f"{board}: {result['said']}\n{done.stderr[-2000:]}")
            check(result["success"] > 20, f"{board}: hardly a call succeeds: {result}")
            whole(m)
        totals = {k: totals.get(k, 0) + v for k, v in result.items() if k != "said"}
    report("nvidia-ml-py in random sequences", pypi.pinned()["nvidia-ml-py"],
           f"{totals['calls']} calls of {totals['seeds']} seeds, {totals['success']} of them successful")


main()
