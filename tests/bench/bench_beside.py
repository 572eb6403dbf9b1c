#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""The simulated driver beside go-nvml's mock of a DGX A100: the same program does the same on both,
in turns, through go-nvml's Go interface. No aim is set: they are not the same kind of thing.
"""
import json
import os
import pathlib
import sys

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).parents[2]).resolve()
sys.path.insert(0, str(SOURCE / "tests" / "clients"))
import gotools  # noqa: E402
from common import CACHE, Machine  # noqa: E402

ROUNDS = 15
OTHER = "github.com/NVIDIA/k8s-test-infra"
WHAT = """the library: a lab of 8 A100, one file that all processes share; each call goes from Go through cgo
  to NVML's C ABI, checks handle, arguments and rights, follows the rules of placement, and a change is
  published to all processes and shows in the machine's files
the mock: Go structs within the one process that made them; a call goes to a Go function and is written
  down for later questions; no ABI, no other process, no placement (an instance is a counter), no limit"""


def time(ns):
    return f"{ns / 1000:9.2f} us" if ns >= 10000 else f"{ns:9.0f} ns"


def other_mock():
    """k8s-test-infra's nvml-mock could start beside them if the module proxy had it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder, why = gotools.download(gotools.find_go("1.19", OTHER), f"{OTHER}@latest", CACHE)
    print(f"{OTHER}: {'at ' + str(folder) if folder else 'not to be had (' + why.rsplit(': ', 1)[-1] + ')'}")


def main():
    module = gotools.Module("walk")
    program = module.build("./nvml-beside")
    with Machine("--machine", "dgx-a100", "--driver", "580.159.04") as m:
        rows = json.loads(m.run([program, str(ROUNDS)]).stdout)
    print(f"go-nvml {module.version('github.com/NVIDIA/go-nvml')}, best of {ROUNDS} rounds in turns")
    print(f"  {'':34}{'library':>12}{'mock':>13}{'library/mock':>14}")
    for r in rows:
        print(f"  {r['name']:34}{time(r['library'])} {time(r['mock'])}{r['library'] / r['mock']:14.2f}")
    print(WHAT)
    other_mock()


main()
