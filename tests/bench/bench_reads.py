#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""How long every reading function that has an answer takes, with those arguments with which it takes
longest, on labs whose GPUs have MIG instances, NVLink, a fan, no MIG. Reported, not judged.
"""
import os
import pathlib
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).parents[2]).resolve()
sys.path.insert(0, str(SOURCE / "tests" / "sim"))
import reading  # noqa: E402

AIM, SHOWN = 200, 12


def labs():
    yield "2 A100 with 4 MIG devices on one", reading.lab()
    yield "a DGX H100, MIG off", reading.plain("--machine", "dgx-h100")
    yield "a workstation board with a fan", reading.plain("--board", "rtx-pro-6000-workstation")
    yield "16 H100, the first full of MIG devices", reading.lab("h100-80gb-sxm:16", "19,19,19,19,19,19,19")


def main():
    names, made = reading.names(), list(labs())
    slowest = {}
    with tempfile.TemporaryDirectory(prefix="migkit-bench-") as folder:
        folder = pathlib.Path(folder)
        program = reading.build(folder)
        for what, lab in made:
            for name, row in reading.run(program, "time", lab, folder / "report", names).items():
                if row["answers"] and row["ns"] > slowest.get(name, (0, ""))[0]:
                    slowest[name] = row["ns"], what
    times = sorted(ns for ns, _ in slowest.values())
    below = sum(ns < AIM for ns in times)
    print(f"{len(times)} reading functions, on {len(made)} labs: the least {times[0]:.0f} ns, the "
          f"median {times[len(times) // 2]:.0f} ns; {below} below {AIM} ns (aim: all)")
    for name, (ns, what) in sorted(slowest.items(), key=lambda item: -item[1][0])[:SHOWN]:
        note = "  reads the host's /proc" if name == "nvmlSystemGetProcessName" else ""
        print(f"  {name:52}{ns:8.0f} ns  on {what}{note}")
    quiet = sorted(set(names) - set(slowest))
    if quiet:
        print("without an answer there: " + ", ".join(quiet))


main()
