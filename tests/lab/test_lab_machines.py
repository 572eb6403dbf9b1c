#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Labs of whole machines, of many and of mixed boards; the list of machines; migctl boards."""
import ctypes
import os
import subprocess
import sys

from labtest import BUILD, SOURCE, UNAVAILABLE, USAGE, Place, check

DGX_A100 = ["07", "0F", "47", "4E", "87", "90", "B7", "BD"]


def affinity():
    """In the lab that MIGKIT_LAB names, for each GPU: its bus id and its CPUs, as NVML tells them."""
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
    check(lib.nvmlInit_v2() == 0, "init")
    n = ctypes.c_uint()
    lib.nvmlDeviceGetCount_v2(ctypes.byref(n))
    for i in range(n.value):
        gpu, cpus = ctypes.c_void_p(), (ctypes.c_ulong * 16)()
        check(lib.nvmlDeviceGetHandleByIndex_v2(i, ctypes.byref(gpu)) == 0, f"no handle of GPU {i}")
        check(lib.nvmlDeviceGetCpuAffinity(gpu, 16, cpus) == 0, f"no affinity of GPU {i}")
        print(",".join(str(w * 64 + b) for w in range(16) for b in range(64) if cpus[w] >> b & 1))


def cpus_of(place, lab):
    done = subprocess.run([sys.executable, os.path.abspath(__file__), "affinity"], check=False, text=True,
                          env={**place.env, "MIGKIT_LAB": lab, "MIGKIT_BUILD": str(BUILD)},
                          capture_output=True, cwd=os.path.dirname(os.path.abspath(__file__)))
    check(done.returncode == 0, done.stderr)
    return [[int(c) for c in line.split(",")] for line in done.stdout.splitlines()]


def machines(p):
    listed = {m["key"]: m for m in p.json("lab", "machines")["machines"]}
    check(set(listed) >= {"dgx-a100", "dgx-h100", "nc24ads-a100-v4"}, f"machines: {sorted(listed)}")
    check(listed["dgx-a100"]["cpus"] == 256 and listed["dgx-h100"]["nvlinks_per_gpu"] == 18,
          f"{listed}")
    check(listed["dgx-a100"]["unconfirmed"] == "bus-ids", f"{listed['dgx-a100']}")
    p.ok("lab", "create", "a", "--machine", "dgx-a100", "--driver", "535.261.03")
    gpus = p.json("lab", "status", "a")["gpus"]
    check([g["bus_id"] for g in gpus] == [f"00000000:{b}:00.0" for b in DGX_A100], f"{gpus}")
    check({g["name"] for g in gpus} == {"NVIDIA A100-SXM4-40GB"}, f"{gpus}")
    near = cpus_of(p, p.ok("lab", "path", "a").strip())
    check(near[0] == [*range(48, 64), *range(176, 192)], f"CPUs of GPU 0: {near[0]}")
    check(near[7] == [*range(80, 96), *range(208, 224)], f"CPUs of GPU 7: {near[7]}")
    # Another board in the same slots.
    p.ok("lab", "create", "b", "-m", "dgx-a100", "-b", "a100-80gb-sxm", "--driver", "535.261.03")
    gpus = p.json("lab", "status", "b")["gpus"]
    check(len(gpus) == 8 and {g["board"] for g in gpus} == {"a100-80gb-sxm"}, f"{gpus}")
    p.ok("lab", "create", "c", "-m", "nc24ads-a100-v4", "--driver", "515.86.01")
    check(cpus_of(p, p.ok("lab", "path", "c").strip()) == [list(range(24))], "not 24 CPUs")
    p.ok("lab", "create", "d", "-m", str(SOURCE / "tests" / "machines" / "own.yaml"), "-d", "535.261.03")
    gpus = p.json("lab", "status", "d")["gpus"]
    check([g["bus_id"] for g in gpus] == ["0000000A:C1:1F.0", "00000000:02:00.0"], f"{gpus}")
    check([g["board"] for g in gpus] == ["a30", "a100-80gb-pcie"], f"{gpus}")


def refusals(p):
    p.refused(USAGE, ["did you mean 'dgx-a100'"], "lab", "create", "--machine", "dgx-a10",
              "--driver", "535.261.03")
    p.refused(USAGE, ["migctl lab machines"], "lab", "create", "--machine", "workstation", "-d",
              "535.261.03")
    p.refused(USAGE, ["has 8 GPUs"], "lab", "create", "-m", "dgx-a100", "-b", "a30:2", "-d", "535.261.03")
    p.refused(USAGE, ["own bus ids"], "lab", "create", "-m", "dgx-a100", "--bus-id", "00000000:01:00.0",
              "-d", "535.261.03")
    p.refused(USAGE, ["does not know the board h100-80gb-sxm"], "lab", "create", "-m", "dgx-h100", "-d",
              "515.86.01")
    bad = str(SOURCE / "tests" / "machines" / "bad" / "cpu-twice.yaml")
    p.refused(USAGE, [f"{bad}:4:23: a CPU of"], "lab", "create", "-m", bad, "-d", "535.261.03")
    p.refused(UNAVAILABLE, ["the board b300 is known", "no source gives"], "lab", "create", "-b", "b300",
              "-d", "580.105.08")
    known = str(SOURCE / "data" / "boards" / "b200.yaml")
    p.refused(UNAVAILABLE, [known, "no source gives"], "lab", "create", "-b", known, "-d", "580.105.08")


def sixteen(p):
    p.ok("lab", "create", "many", "-b", "a30:5", "-b", "h100-nvl:5", "-b", "rtx-pro-6000-server:5", "-b",
         "gh200-96gb", "--driver", "580.105.08")
    gpus = p.json("lab", "status", "many")["gpus"]
    check(len(gpus) == 16 and len({g["uuid"] for g in gpus}) == 16 and
          len({g["bus_id"] for g in gpus}) == 16, f"{gpus}")
    p.refused(USAGE, ["at most 16"], "lab", "create", "-b", "a30:16", "-b", "a30", "-d", "535.261.03")
    text = p.ok("--lab", "many", "smi", "mig", "-lgip")
    for row in ("|  15  MIG 7g.96gb", "|   9  MIG 7g.94gb", "|  10  MIG 1g.24gb+me.all  65"):
        check(row in text, f"-lgip lacks {row!r}")


def display_ports(p):
    """A workstation board has no MIG mode while it has display ports."""
    p.ok("lab", "create", "w", "-b", "rtx-pro-6000-workstation", "-b", "a30", "-d", "580.105.08")
    query = ("--lab", "w", "smi", "--query-gpu=mig.mode.current", "--format=csv,noheader")
    check(p.ok(*query) == "[N/A]\nDisabled\n", p.ok(*query))
    check([g["mig_current"] for g in p.json("lab", "status", "w")["gpus"]] == [None, "off"], "status")
    check("Not Supported" in p.ok("--lab", "w", "smi", "-i", "0", "-mig", "1"), "MIG without a mode")
    p.refused(UNAVAILABLE, ["NVIDIA A30", "display ports"], "--lab", "w", "lab", "set", "1", "display=off")
    p.ok("--lab", "w", "lab", "set", "0", "display=off")
    check(p.ok(*query) == "Disabled\nDisabled\n", p.ok(*query))
    p.ok("--lab", "w", "smi", "-i", "0", "-mig", "1")
    p.ok("--lab", "w", "smi", "mig", "-i", "0", "-cgi", "65,67", "-C")
    check("MIG 1g.24gb+me.all" in p.ok("--lab", "w", "smi", "mig", "-lgi"), "-lgi")
    p.ok("lab", "reboot", "w")
    check(p.ok(*query) == "Disabled\nDisabled\n", "the display ports are back after a reboot")


def boards(p):
    rows = {b["key"]: b for b in p.json("boards")["boards"]}
    files = {f.stem for f in (SOURCE / "data" / "boards").glob("*.yaml")} - {"sources"}
    check(set(rows) == files, f"migctl boards and data/boards differ: {set(rows) ^ files}")
    for key, state in (("h100-80gb-sxm", "confirmed"), ("a800-80gb-sxm", "unconfirmed"),
                       ("h100-pcie", "partly unconfirmed"), ("b200", "cannot be simulated")):
        check(rows[key]["state"] == state, f"{key}: {rows[key]}")
    check(rows["b200"]["memory_mib"] is None and not rows["b200"]["simulated"], f"{rows['b200']}")
    check(rows["rtx-pro-6000-server"]["placement_units"] == 12, f"{rows['rtx-pro-6000-server']}")
    old = {b["key"] for b in p.json("boards", "--driver", "470.82.01")["boards"] if b["simulated"]}
    check(old == {"a100-40gb-pcie", "a100-40gb-sxm", "a100-80gb-pcie", "a100-80gb-sxm", "a30"}, f"{old}")
    one = p.json("boards", "h100-pcie")
    row = one["profiles"][0]
    check((row["id"], row["index"], row["memory_mib"], row["sm"]) == (19, 0, 9984, 14), f"{row}")
    check("starts" in row["unconfirmed"] and "memory-mb" not in row["unconfirmed"], f"{row}")
    check(any(s["code"] == "T12" and s["confirms"] for s in one["sources"]), f"{one['sources']}")
    text = p.ok("boards", "h100-pcie")
    check("0,4:4?" in text and "40448" in text and "40448?" not in text, text)
    b200 = p.json("boards", "b200")
    check(b200["profiles"][6]["memory_mib"] is None and "three largest" in b200["lacks"], f"{b200}")
    check("cannot be simulated" in p.ok("boards", "b200"), "b200 in words")
    # As an older driver shows it.
    seven = p.json("boards", "a100-40gb-sxm", "-d", "510.47.03")["profiles"]
    check([r["memory_mib"] for r in seven] == [4864, 4864, 9984, 20096, 20096, 40448], f"{seven}")
    p.refused(USAGE, ["did you mean 'h200-nvl'"], "boards", "h200-nvm")
    p.refused(USAGE, ["does not know the board"], "boards", "h200", "-d", "470.82.01")
    p.refused(USAGE, ["is no driver version"], "boards", "-d", "new")


def main():
    if sys.argv[1:] == ["affinity"]:
        return affinity()
    with Place() as p:
        machines(p)
        refusals(p)
        sixteen(p)
        display_ports(p)
        boards(p)
    return None


main()
