# SPDX-License-Identifier: Apache-2.0
"""The recorded views: tests/smi/recorded/BRANCH/NAME.console, as tests/golden/run.py runs them.

They are kept apart from tests/golden/, as our own nvidia-smi has not all of these views. Here is what
each shows; "tests/real/views NVIDIA_SMI BRANCH --record FOLDER" writes and records them.
"""
import pathlib
import sys

import pair

sys.path.insert(0, str(pair.SOURCE / "tests/golden"))
import run

RECORDED = pair.SOURCE / "tests/smi/recorded"
MASK = r"mask: [A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]{8} [0-9]{4}"

# Where the real ones were when they were measured.
ONE = """\
# Every view of one GPU with MIG off.
# Recorded from NVIDIA's nvidia-smi {driver} on the simulated library.
lab: --board {board} --driver {driver} --bus-id 00000000:00:06.0
setup: migctl smi -pm 1
{mask}
$ nvidia-smi -q
$ nvidia-smi -q -x
$ nvidia-smi topo -m
$ nvidia-smi nvlink -s
$ nvidia-smi pmon -c 1 -s um
$ nvidia-smi dmon -c 1 -s pucvmet
"""
TWO = """\
# Two GPUs, one of them with MIG on: what the views say of both, settings, and back.
# Recorded from NVIDIA's nvidia-smi {driver} on the simulated library.
lab: {lab} --driver {driver}
{mask}
$ nvidia-smi -q -i 0 -d MEMORY,ECC,COMPUTE,PERFORMANCE,TEMPERATURE,ROW_REMAPPER,ACCOUNTING
$ nvidia-smi topo -m
$ nvidia-smi topo -p2p r
$ nvidia-smi nvlink -s -i 0
$ nvidia-smi -i 1 -mig 1
$ nvidia-smi mig -i 1 -cgi {gis} -C
$ nvidia-smi -q -i 1
$ nvidia-smi -q -x -i 1 | sed /supported_graphics_clock/d
$ nvidia-smi -L
$ nvidia-smi dmon -c 1 -s pucvmet
$ nvidia-smi pmon -c 1 -s um
$ nvidia-smi --query-gpu=index,mig.mode.current,memory.used,memory.total,utilization.gpu,compute_mode,clocks.sm,power.limit,ecc.mode.current,pcie.link.gen.max,inforom.img,vbios_version --format=csv
$ nvidia-smi --query-remapped-rows=gpu_uuid,remapped_rows.correctable,remapped_rows.uncorrectable,remapped_rows.pending,remapped_rows.failure --format=csv
$ nvidia-smi --query-retired-pages=gpu_uuid,retired_pages.address,retired_pages.cause --format=csv
$ nvidia-smi -i 0 -c 3
$ nvidia-smi -i 0 -pl {watts}
$ nvidia-smi -i 0 -lgc 600,900
$ nvidia-smi -i 0 -e 0
$ nvidia-smi -i 0 -am 1
$ nvidia-smi --query-gpu=index,compute_mode,power.limit,ecc.mode.current,ecc.mode.pending,accounting.mode --format=csv
$ nvidia-smi -i 0 --gpu-reset
$ nvidia-smi -i 0 -rgc
$ nvidia-smi mig -i 1 -dci
$ nvidia-smi mig -i 1 -dgi
$ nvidia-smi -i 1 -mig 0
$ nvidia-smi -q -i 1 -d MEMORY,COMPUTE
"""
H100 = (ONE, {"board": "h100-80gb-sxm"})
H200 = (ONE, {"board": "h200"})
A100 = (TWO, {"lab": "--board a100-80gb-sxm:2", "gis": "9,14,19", "watts": 300})
A30 = (TWO, {"lab": "--board a30:2", "gis": "5,14,14", "watts": 150})
H200_TWO = (TWO, {"lab": "--board h200:2", "gis": "9,14,19", "watts": 500})
RTX = (TWO, {"lab": "--board rtx-pro-6000-server:2", "gis": "5,14", "watts": 400})
CASES = {"535": {"h100": H100, "a100": A100, "a30": A30},
         "550": {"h100": H100, "h200": H200, "h200-two": H200_TWO},
         "580": {"h100": H100, "h200": H200, "h200-two": H200_TWO, "a30": A30,
                 "rtx-pro-6000": RTX}}


def record(real, branch, folder):
    """Writes a branch's cases into a folder, with what a program prints; complaints."""
    complaints = []
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (text, values) in CASES[branch].items():
        path = folder / f"{name}.console"
        path.write_text(text.format(driver=pair.DRIVER[branch], mask=MASK, **values))
        complaints += [f"{path.name}: {line}" for line in run.run_case(path.resolve(), True, real)]
    return complaints


def replay(real, branch):
    """Complaints about the recorded views of a branch, byte for byte."""
    complaints = [f"{name}.console is not recorded" for name in CASES[branch]
                  if not (RECORDED / branch / f"{name}.console").exists()]
    return complaints + [f"{path.name}: {line}"
                         for path in sorted((RECORDED / branch).glob("*.console"))
                         for line in run.run_case(path, False, real)]
