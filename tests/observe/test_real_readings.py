#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reading commands on what a real H100 and a real H200 answered (tests/sim/measured): a driver
library made of those readings alone stands where NVIDIA's would, so that what migctl says of the
GPU, and the board that it captures, rest on no line of the simulated driver. The captured board, and
that of data/boards, are then simulated: both offer what the real GPU did."""
import json
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "lab"))
from labtest import Place, check  # noqa: E402

BOARDS = {"h100-80gb-sxm": ("3g.40gb", "2g.20gb", "1g.10gb", "7g.80gb"),
          "h200": ("3g.71gb", "2g.35gb", "1g.18gb", "7g.141gb")}
# In the order of the struct, behind its version.
INFO = ("id isP2pSupported sliceCount instanceCount multiprocessorCount copyEngineCount decoderCount "
        "encoderCount jpegCount ofaCount memorySizeMB").split()
KEYS = ("profile profile_id profile_index slices size starts total memory_mib sm ce dec enc jpeg "
        "ofa").split()


def offered(readings):
    """{index: (info, placements, remaining)} of the profiles that the GPU has."""
    return {int(i): (p["v2"], p["nvmlDeviceGetGpuInstancePossiblePlacements_v2"], p["remaining"][1])
            for i, p in readings["profiles"].items() if isinstance(p["v2"], dict)}


def header(readings):
    m = readings["mig"]
    q = json.dumps
    lines = [f"#define DRIVER {q(readings['driver'])}", f"#define NVML {q(readings['nvml'])}",
             f"#define NAME {q(m['nvmlDeviceGetName'])}", f"#define UUID {q(m['nvmlDeviceGetUUID'])}",
             f"#define BUS_ID {q(m['nvmlDeviceGetPciInfo']['busId'])}",
             f"#define PCI_DEVICE {m['nvmlDeviceGetPciInfo']['pciDeviceId']}u",
             f"#define PCI_SUBSYSTEM {m['nvmlDeviceGetPciInfo']['pciSubSystemId']}u",
             f"#define CC_MAJOR {m['nvmlDeviceGetCudaComputeCapability'][0]}",
             f"#define CC_MINOR {m['nvmlDeviceGetCudaComputeCapability'][1]}",
             f"#define ARCHITECTURE {m['nvmlDeviceGetArchitecture']}",
             f"#define CORES {m['nvmlDeviceGetNumGpuCores']}"]
    lines += [f"#define MEMORY_{k.upper()} {v}ull" for k, v in m["nvmlDeviceGetMemoryInfo"].items()]
    known = [int(i) for i, p in readings["profiles"].items() if p["v2"] != 2]
    lines += [f"#define N_INDEX {max(known) + 1}", "static const struct {", "\tunsigned index;",
              "\tnvmlGpuInstanceProfileInfo_v2_t info;", "\tunsigned n_at, remaining;",
              "\tnvmlGpuInstancePlacement_t at[8];", "} profiles[] = {"]
    for index, (info, places, remaining) in offered(readings).items():
        numbers = ", ".join(str(info[k]) for k in INFO)
        at = ", ".join(f"{{ {start}, {size} }}" for start, size in places)
        lines.append(f"\t{{ {index}, {{ 0, {numbers}, {q(info['name'])} }}, {len(places)}, {remaining}, "
                     f"{{ {at} }} }},")
    return "\n".join([*lines, "};\n"])


def driver(folder, readings):
    folder.mkdir()
    (folder / "readings.h").write_text(header(readings))
    done = subprocess.run(["cc", "-std=gnu11", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{folder}",
                           f"-I{SOURCE / 'include'}", f"-I{SOURCE / 'src'}", "-Wl,-soname,libnvidia-ml.so.1",
                           "-o", folder / "libnvidia-ml.so.1", SOURCE / "tests/observe/replay.c"],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"cc: {done.stderr}")
    return {"LD_LIBRARY_PATH": str(folder)}


def told(readings):
    """The rows of profiles that the readings are."""
    rows = []
    for index, (info, places, _) in offered(readings).items():
        rows.append(dict(zip(KEYS, (
            info["name"].removeprefix("MIG "), info["id"], index, info["sliceCount"], places[0][1],
            ",".join(str(start) for start, _ in places), info["instanceCount"], info["memorySizeMB"],
            info["multiprocessorCount"], info["copyEngineCount"], info["decoderCount"],
            info["encoderCount"], info["jpegCount"], info["ofaCount"]))))
    return sorted(rows, key=lambda r: r["profile_id"])


def rows_of(place, words, env=None):
    done = place.run(*words, env=env)
    check(done.returncode == 0, f"{words}: {done.stderr}")
    return sorted(({k: r[k] for k in KEYS} for r in json.loads(done.stdout)["profiles"]),
                  key=lambda r: r["profile_id"])


def fine(place, env, *words):
    done = place.run(*words, env=env)
    check(done.returncode == 0, f"migctl {' '.join(words)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def one(place, key, names):
    readings = json.loads((SOURCE / f"tests/sim/measured/{key}.json").read_text())
    env = driver(place.root / f"driver-{key}", readings)
    there = told(readings)
    check(len(there) == 7, f"{key}: {len(there)} profiles")
    check(rows_of(place, ["profiles", "-o", "json"], env) == there, f"{key}: profiles")
    gpu = json.loads(fine(place, env, "status", "-o", "json"))["gpus"][0]
    m = readings["mig"]
    check((gpu["name"], gpu["uuid"], gpu["mig_current"], gpu["memory_used_bytes"],
           gpu["memory_total_bytes"]) == (m["nvmlDeviceGetName"], m["nvmlDeviceGetUUID"], "off",
          m["nvmlDeviceGetMemoryInfo"]["used"], m["nvmlDeviceGetMemoryInfo"]["total"]), f"{key}: {gpu}")
    layouts = json.loads(fine(place, env, "layouts", "-i", "0", "-o", "json"))["layouts"]
    check(len(layouts) == 19, f"{key}: {len(layouts)} maximal layouts")
    half, quarter, small, whole = names
    plan = fine(place, env, "plan", half, quarter, small, "-i", "0")
    check("-cgi 9:4,19:0,14:2 -C" in plan and "turn MIG mode on" in plan, f"{key}: {plan}")
    check("Yes: " in fine(place, env, "explain", whole, "-i", "0"), f"{key}: explain {whole}")
    check("<svg" in fine(place, env, "draw", "-i", "0", "--svg", "-"), f"{key}: draw")
    fine(place, env, "who")
    fine(place, env, "snapshot", f"{key}.json")
    check(rows_of(place, ["profiles", "--snapshot", f"{key}.json", "-o", "json"]) == there,
          f"{key}: profiles of its recording")
    fine(place, env, "boards", "capture", f"{key}.yaml")
    for board in (f"{key}.yaml", key):
        lab = "of-file" if board.endswith(".yaml") else "of-data"
        place.create(f"{key}-{lab}", board=board, driver=readings["driver"])
        check(rows_of(place, ["--lab", f"{key}-{lab}", "profiles", "-o", "json"]) == there,
              f"{key}: a lab of {board} does not offer what the real GPU did")
    return len(there)


def main():
    with Place() as place:
        total = sum(one(place, key, names) for key, names in BOARDS.items())
    print(f"{total} profiles of two real GPUs, by their readings")


main()
