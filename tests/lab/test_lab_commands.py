#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands of migctl about labs: what they do, and what they say when the words are wrong."""
import json
import os
import subprocess

from labtest import (BUILD, BUSY, MIGCTL, NO_DRIVER, NOT_FOUND, SOURCE, USAGE, Place, check)


def create_and_list(p):
    p.ok("lab", "create", "--board", "a30", "--driver", "535.261.03")
    p.ok("lab", "create", "--board", "a30", "--driver", "535.261.03")
    p.create("mixed", "--board", "h200:2", "--bus-id", "00000007:0A:1F.0", "--seed", "7",
             board="a100-80gb-sxm", driver="580.65.06")
    labs = {row["name"]: row for row in p.json("lab", "list")["labs"]}
    check(sorted(labs) == ["default", "default-2", "mixed"], f"labs: {sorted(labs)}")
    check(labs["mixed"]["gpus"] == 3 and labs["mixed"]["boards"] == "a100-80gb-sxm, h200:2",
          f"mixed: {labs['mixed']}")
    check(not any(row["chosen"] for row in labs.values()), "a lab was chosen by itself")
    check(all(row["state"] == "ok" for row in labs.values()), f"states: {labs}")
    table = p.ok("lab", "list")
    check("mixed" in table and "580.65.06" in table, f"no table: {table}")
    gpus = p.json("lab", "status", "mixed")["gpus"]
    check([g["board"] for g in gpus] == ["a100-80gb-sxm", "h200", "h200"], f"gpus: {gpus}")
    check(gpus[0]["bus_id"] == "00000007:0A:1F.0", f"bus id: {gpus[0]['bus_id']}")
    check(len({g["uuid"] for g in gpus}) == 3 and len({g["bus_id"] for g in gpus}) == 3,
          f"two GPUs are alike: {gpus}")
    p.refused(BUSY, ["'mixed' already"], "lab", "create", "mixed", "--board", "a30", "--driver",
              "535.261.03")


def seed_decides(p):
    uuids = []
    for name, seed in (("s1", "5"), ("s2", "5"), ("s3", "6")):
        p.create(name, "--seed", seed)
        uuids.append(p.json("lab", "status", name)["gpus"][0]["uuid"])
    check(uuids[0] == uuids[1] != uuids[2], f"UUIDs do not follow the seed: {uuids}")


def numbering(p):
    for kind in "IX":
        p.create("n" + kind, "--numbering", kind)
        got = p.json("lab", "status", "n" + kind)["gpus"][0]["numbering"]
        check(got == kind, f"--numbering {kind} made {got}")
    p.refused(USAGE, ["a30"], "lab", "create", "--board", "a30", "--driver", "535.261.03",
              "--numbering", "X")


def choosing(p):
    lab = p.create("chosen")
    p.refused(NOT_FOUND, ["no lab is chosen", "migctl lab use"], "lab", "status")
    p.ok("lab", "use", "chosen")
    check(p.json("lab", "status")["name"] == "chosen", "lab use has no effect")
    check(p.ok("lab", "path").strip() == str(lab), "lab path")
    other = p.create("other")
    env = {"MIGKIT_LAB": str(other)}
    check(p.json("lab", "status", env=env)["name"] == "other", "MIGKIT_LAB goes before lab use")
    check(p.json("--lab", "chosen", "lab", "status", env=env)["name"] == "chosen",
          "--lab goes before MIGKIT_LAB")
    # A failed $(...) must not mean the real GPUs.
    p.refused(USAGE, ["MIGKIT_LAB", "empty"], "smi", env={"MIGKIT_LAB": ""})
    p.refused(NOT_FOUND, ["MIGKIT_LAB", "/nowhere"], "smi", env={"MIGKIT_LAB": "/nowhere"})
    p.ok("lab", "destroy", "other")
    p.refused(NOT_FOUND, ["MIGKIT_LAB"], "smi", env=env)
    os.rename(lab, str(lab) + "-moved")
    p.refused(NOT_FOUND, ["lab use", "--none"], "smi")
    os.rename(str(lab) + "-moved", lab)
    p.ok("lab", "use", "--none")
    p.refused(NOT_FOUND, ["no lab is chosen"], "lab", "status")
    p.ok("lab", "use", "chosen")
    p.ok("lab", "destroy", "chosen")
    check(not lab.exists(), "lab destroy leaves the folder")
    p.refused(NOT_FOUND, ["no lab is chosen"], "lab", "status")
    p.refused(USAGE, ["--none"], "lab", "use")
    p.refused(NOT_FOUND, ["'nosuch'"], "lab", "use", "nosuch")


def no_lab_no_driver(p):
    if os.path.exists("/proc/driver/nvidia"):
        print("note: a real driver is loaded here; the case without one is left out")
        return
    said = p.refused(NO_DRIVER, ["migctl lab", "NVIDIA driver"], "smi", "-L")
    check("migctl lab use" in said and "load the NVIDIA driver" in said, f"ways out: {said}")
    # Our own library on the path is no driver either.
    p.refused(NO_DRIVER, ["migctl lab use"], "smi", "-L",
              env={"LD_LIBRARY_PATH": str(BUILD / "sim")})
    p.refused(NO_DRIVER, ["migkit's simulated library"], "smi", "-L",
              env={"LD_LIBRARY_PATH": str(BUILD / "sim-branch" / "450")})


def environment(p):
    lab = p.create("env-lines")
    lines = p.ok("lab", "env", "env-lines")
    shell = subprocess.run(["/bin/sh", "-c", lines + 'echo "$MIGKIT_LAB"; echo "$LD_LIBRARY_PATH"'],
                           env={**p.env, "LD_LIBRARY_PATH": ""}, capture_output=True, text=True,
                           check=True)
    got = shell.stdout.splitlines()
    branch = BUILD / "sim-branch" / json.loads(p.ok("lab", "status", "env-lines", "-o", "json"))["driver"][:3]
    check(got == [str(lab), str(branch)], f"lab env: {got}")
    again = p.ok("lab", "env", "env-lines", env={"LD_LIBRARY_PATH": got[1]})
    check(again.count(str(branch)) == 1, f"the folder twice: {again}")
    quoted = p.ok("lab", "env", "env-lines", env={"LD_LIBRARY_PATH": "/it's"})
    shell = subprocess.run(["/bin/sh", "-c", quoted + 'echo "$LD_LIBRARY_PATH"'], env=p.env,
                           capture_output=True, text=True, check=True)
    check(shell.stdout.strip().endswith(":/it's"), f"quoting: {quoted}")


def setting(p):
    lab = p.create("set")
    p.ok("lab", "set", "0", "temperature=33", "power=46", "memory-used=148", "persistence=on",
         "utilization=7", "fan=30", "--lab", "set")
    gpu = p.json("lab", "status", "set")["gpus"][0]
    want = {"set_temperature_c": 33, "set_power_mw": 46000, "memory_used_bytes": 148 << 20,
            "persistence": "on", "set_utilization_percent": 7, "set_fan_percent": 30}
    check({k: gpu[k] for k in want} == want, f"lab set: {gpu}")
    p.ok("--lab", "set", "lab", "set", "0", "memory-used=2GiB", "temperature=auto")
    gpu = p.json("lab", "status", "set")["gpus"][0]
    check(gpu["memory_used_bytes"] == 2 << 30 and gpu["set_temperature_c"] is None, f"units: {gpu}")
    before = (lab / "state").read_bytes()
    # All of them or none.
    p.refused(USAGE, ["power"], "lab", "set", "0", "temperature=50", "power=much", "--lab", "set")
    p.refused(USAGE, ["temprature"], "lab", "set", "0", "temprature=50", "--lab", "set")
    p.refused(USAGE, ["GPU 3"], "lab", "set", "3", "temperature=50", "--lab", "set")
    p.refused(NOT_FOUND, ["GPU instance 2"], "lab", "set", "0/2", "memory-used=19", "--lab", "set")
    p.refused(USAGE, ["memory-used", "2XB"], "lab", "set", "0", "memory-used=2XB", "--lab", "set")
    p.refused(USAGE, ["KEY=VALUE"], "lab", "set", "0", "temperature", "--lab", "set")
    p.refused(USAGE, ["0/2"], "lab", "set", "gpu0", "fan=1", "--lab", "set")
    check((lab / "state").read_bytes() == before, "a refused 'lab set' changed the state")


def words(p):
    p.refused(NO_DRIVER, ["migctl help", "migctl lesson"])
    p.refused(USAGE, ["'--outptu'", "did you mean '--output'"], "-i", "0", "--outptu", "json")
    p.refused(USAGE, ["'smy'", "did you mean 'smi'"], "smy")
    p.refused(USAGE, ["'lab craete'", "did you mean 'lab create'"], "lab", "craete")
    p.refused(USAGE, ["'lab client strat'", "'lab client start'"], "lab", "client", "strat")
    p.refused(USAGE, ["'migctl help'"], "xyzzy")
    p.refused(USAGE, ["further word", "migctl help lab"], "lab")
    p.refused(USAGE, ["did you mean '--version'"], "--versoin")
    p.refused(USAGE, ["--nosuch"], "--nosuch")
    p.refused(USAGE, ["--bord", "did you mean '--board'"], "lab", "create", "--bord", "a30")
    p.refused(USAGE, ["-z"], "lab", "create", "-z")
    p.refused(USAGE, ["--driver", "needs a value"], "lab", "create", "--driver")
    p.refused(USAGE, ["json", "xml"], "lab", "list", "-o", "xml")
    p.refused(USAGE, ["'two'"], "lab", "create", "one", "two", "--board", "a30")
    p.refused(USAGE, ["which board?"], "lab", "create")
    p.refused(USAGE, ["which driver?"], "lab", "create", "--board", "a30")
    p.refused(USAGE, ["did you mean 'a100-80gb-pcie'"], "lab", "create", "--board",
              "a100-80gb-pci", "--driver", "515.86.01")
    p.refused(USAGE, ["'quadro'", "migctl boards"], "lab", "create", "--board", "quadro",
              "--driver", "515.86.01")
    p.refused(USAGE, ["count", "1 to 16"], "lab", "create", "--board", "a30:17", "--driver",
              "535.261.03")
    p.refused(USAGE, ["16 GPUs"], "lab", "create", "--board", "a30:9", "--board", "a30:8",
              "--driver", "535.261.03")
    p.refused(USAGE, ["900"], "lab", "create", "--board", "a30", "--driver", "900.1")
    done = p.run("lab", "create", "--board", "h200", "--driver", "515.86.01")
    check(done.returncode != 0 and "h200" in done.stderr, f"an H200 on 515: {done}")
    p.refused(USAGE, ["--bus-id", "00:zz"], "lab", "create", "--board", "a30", "--driver",
              "535.261.03", "--bus-id", "00:zz")
    p.refused(USAGE, ["two GPUs"], "lab", "create", "--board", "a30:2", "--driver", "535.261.03",
              "--bus-id", "1:0:0.0", "--bus-id", "00000001:00:00.0")
    p.refused(USAGE, ["too many"], "lab", "create", "--board", "a30", "--driver", "535.261.03",
              "--bus-id", "1:0:0.0", "--bus-id", "2:0:0.0")
    p.refused(USAGE, ["--rule", "migctl lab rules"], "lab", "create", "--board", "a30", "--driver",
              "535.261.03", "--rule", "gravity=off")
    p.refused(USAGE, ["'-x'"], "lab", "create", "--board", "a30", "--driver", "535.261.03", "--",
              "-x")
    p.refused(NOT_FOUND, ["nosuch.yaml"], "lab", "create", "--board", "./nosuch.yaml", "--driver",
              "535.261.03")
    check(not p.labs.exists() or not list(p.labs.iterdir()), "a refused 'lab create' left a lab")


def board_file(p):
    """A board that was written after migkit was built: a copy under another key."""
    text = (SOURCE / "data" / "boards" / "a30.yaml").read_text()
    check("board: a30" in text, "the board file's form has changed")
    own = p.root / "own.yaml"
    own.write_text(text.replace("board: a30", "board: my-board"))
    p.ok("lab", "create", "own", "--board", "own.yaml:2", "--driver", "535.261.03")
    gpus = p.json("lab", "status", "own")["gpus"]
    check([g["board"] for g in gpus] == ["my-board", "my-board"], f"board file: {gpus}")
    own.write_text(text.replace("board: a30", "board: [a30"))
    done = p.run("lab", "create", "own2", "--board", "own.yaml", "--driver", "535.261.03")
    check(done.returncode != 0 and "own.yaml:" in done.stderr, f"a damaged board file: {done}")


def help_texts(p):
    version = p.ok("--version")
    check(version.startswith("migctl (migkit) "), version)
    overview = p.ok("--help")
    check(overview == p.ok("help") == p.ok("-h"), "three ways to the overview differ")
    for words_ in ("lab create", "lab client start", "lab shell", "smi"):
        check(f"\n  {words_}" in overview, f"{words_} is not in the overview")
    text = p.ok("help", "lab", "create")
    check(text == p.ok("lab", "create", "--help"), "help and --help differ")
    check("--board" in text and "--rule" in text, text)
    check("migctl lab client stop" in p.ok("help", "lab"), "help of a family")
    check(p.ok("lab", "--help") == p.ok("help", "lab"), "lab --help")
    p.refused(USAGE, ["did you mean 'lab shell'"], "help", "lab", "shel")
    check(all(len(line) <= 80 for line in overview.splitlines()), "the overview is too wide")


def full_stdout(p):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([str(MIGCTL), "help"], env=p.env, stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    check(done.returncode == 1 and "cannot write the output" in done.stderr, f"full disk: {done}")


def main():
    for case in (words, create_and_list, seed_decides, numbering, choosing, no_lab_no_driver,
                 environment, setting, board_file, help_texts, full_stdout):
        with Place() as p:
            case(p)


main()
