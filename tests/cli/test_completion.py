#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600 must-run
"""Completion: what 'migctl __complete' offers, and that bash, zsh and fish offer the same; live words
of a lab, of none, of one whose driver hangs, and of a recording; every prefix of every command."""
import json
import pathlib
import subprocess
import time

import readers
import shells
from labtest import SOURCE, USAGE, Place, check


def raw(p, *words, env=None):
    done = p.run("__complete", "--", *words, env=env)
    check(done.returncode == 0 and not done.stderr, f"__complete {words}: {done}")
    return done.stdout.splitlines()


# For what is there a busy machine may take its time; what hangs is given up after the usual one.
PATIENT = {"MIGKIT_COMPLETION_MS": "60000"}


def offered(p, *words, env=None):
    return [line.split("\t")[0] for line in raw(p, *words, env=env) if line[0] != ":"]


def every_prefix(p, table):
    """Of each word of each command, and of each option."""
    for command in table["commands"]:
        words = command["name"].split()
        for n, word in enumerate(words):
            for length in range(len(word) + 1):
                check(word in offered(p, *words[:n], word[:length]),
                      f"'migctl {' '.join([*words[:n], word[:length]])}' is not completed to {word}")
        for option in command["options"]:
            name = "--" + option["name"]
            for length in (1, 2, 3, len(name)):
                check(name in offered(p, *words, name[:length]), f"migctl {command['name']} {name[:length]}: no {name}")
            for value in option["values"]:
                check(value in offered(p, *words, name, value[:1]), f"{command['name']} {name} lacks {value}")
                check(f"{name}={value}" in offered(p, *words, f"{name}="), f"{command['name']} {name}= lacks {value}")
        found = {o for o in offered(p, *words, "--") if o != "--help"}
        check(command["name"] == "smi" or found == {"--" + o["name"] for o in command["options"]},
              f"{command['name']}: completes {found}")


def live(p):
    """What the lab 'full' of readers.py has: an A100 with three instances, another one, an H200."""
    status = p.json("status", env={"MIGKIT_LAB": str(p.labs / "full")})
    lab = ("--lab", "full")
    uuids = [g["uuid"] for g in status["gpus"]]
    check(offered(p, *lab, "devices", "-i", "") == ["0", uuids[0], "1", uuids[1], "2", uuids[2]], "-i")
    check(offered(p, *lab, "devices", "-i", "0,2") == ["0,2"], "the second GPU of -i")
    check(offered(p, *lab, "devices", "-i0,GPU-") == [f"-i0,{u}" for u in uuids], "-i0,GPU-")
    parts = {"{gpu}/{gi}/{ci}".format(**i) for i in p.json("lab", "status", "full")["instances"]
             if i["ci"] is not None}
    check(parts < set(offered(p, *lab, "who", "0")) and parts, f"{parts} of who 0")
    migs = offered(p, *lab, "who", "MIG-")
    check(len(migs) == len(parts), f"MIG devices: {migs}")
    check(offered(p, *lab, "plan", "-i", "0", "3g.40gb@") == ["3g.40gb@0", "3g.40gb@4"], "starts")
    check("2x1g.10gb" in offered(p, *lab, "plan", "-i", "0", "3g.40gb", "2x1"), "counts")
    check("1c.3g.40gb" in offered(p, *lab, "explain", "1c."), "compute instances")
    check("2g.12gb" in offered(p, "layouts", "a30", "--with", "2"), "profiles of an operand's board")
    check("2g.12gb" in offered(p, "plan", "--board", "a30", "2"), "profiles of --board")
    ids = offered(p, *lab, "explain", "1g.10gb", "-i", "0", "--gi", "")
    check(ids == [str(i) for i in sorted({r["gi"] for r in p.json("lab", "status", "full")["instances"]})], f"ids: {ids}")
    check("1" in offered(p, *lab, "plan", "--keep", "") and "all" in offered(p, *lab, "plan", "--keep", ""), "keep")
    p.ok("snapshot", "kept.json", env={"MIGKIT_LAB": str(p.labs / "full")})
    check(offered(p, "who", "--snapshot", "kept.json", "-i", "GPU") == uuids, "of a recording")


def labs(p):
    names = sorted(d.name for d in p.labs.iterdir())
    for words in (("--lab", ""), ("lab", "use", ""), ("lab", "status", ""), ("lab", "set", "--lab", "")):
        check(offered(p, *words) == names, f"{words}: {offered(p, *words)}")
    check(offered(p, "--lab=fu") == ["--lab=full"], "--lab=")
    # GPUs of the lab that stands in the words, wherever it stands.
    check("0/1" in offered(p, "lab", "set", "--lab", "full", "0"), "lab set --lab")
    check("0/1" in offered(p, "--lab", "full", "lab", "set", "0"), "--lab in front")
    check("temperature=" in offered(p, "lab", "set", "0", "t"), "readings")
    check("xid=" in offered(p, "lab", "inject", "0", "") and "lost" in offered(p, "lab", "inject", "0", ""), "events")
    check({"train", "watch"} <= set(offered(p, "lab", "client", "stop", "--lab", "full", "")), "clients")
    check(offered(p, "lab", "fault", "clear", "--lab", "lost", "") == ["1", "2", "3", "4"], "faults")
    check("DeviceGetName" in offered(p, "lab", "fault", "add", "DeviceGetN"), "calls")
    check("group:create" in offered(p, "lab", "fault", "add", "group:"), "groups")
    check("gfx-beside-compute=refuse" in offered(p, "lab", "create", "--rule", "gfx"), "rules")
    check(offered(p, "lab", "latency", "m") == ["measured"], "words")
    check("dgx-a100" in offered(p, "lab", "create", "-m", "dgx"), "machines")
    check("create" in offered(p, "help", "lab", "") and "modes" in offered(p, "help", "mo"), "help")


def left_to_the_shell(p):
    for words, line in ((("snapshot", ""), ":file 0"), (("status", "--snapshot=x"), ":file 11"),
                        (("layouts", "./"), ":file 0"), (("lab", "exec", "t", "--", ""), ":program 4"),
                        (("--lab", "t", "lab", "shell", "--", "ls", "-"), ":arguments 5")):
        check(raw(p, *words)[-1:] == [line], f"{words}: {raw(p, *words)}")
    for words in (("smi", "-"), ("lab", "list", ""), ("lab", "create", "new"), ("nonsense", ""), ("lab", "x", "")):
        check(raw(p, *words) == [], f"{words}: {raw(p, *words)}")
    p.refused(USAGE, ["__complete"], "__complete")
    p.refused(USAGE, ["__complete"], "__complete", "--")


def trouble(p):
    """Silent and quick, whatever the driver does."""
    before = time.monotonic()
    check(offered(p, "who", "") == [] and offered(p, "plan", "") == [], "without a driver")
    check(offered(p, "--lab", "nobody", "who", "") == [], "of a lab that is not there")
    check(time.monotonic() - before < 20, "slow without a driver")
    p.env.pop("MIGKIT_COMPLETION_MS")
    for n, call in enumerate(("Init", "any")):
        p.ok("lab", "fault", "add", call, "--hang", "--lab", "off")
        before = time.monotonic()
        check(offered(p, "--lab", "off", "who", "") == [], "a driver that hangs")
        took = time.monotonic() - before
        check(1 < took < 20, f"a driver that hangs costs {took:.1f} s")
        check("--keep" in offered(p, "--lab", "off", "plan", "--k"), "options while the driver hangs")
        check(offered(p, "--lab", "off", "plan", "--keep", "a") == ["all"], "a word while the driver hangs")
        check(offered(p, "lab", "fault", "clear", "--lab", "off", "") == [str(n + 1)], "the fault that hangs")
        p.ok("lab", "fault", "clear", "--all", "--lab", "off")
    p.ok("lab", "fault", "add", "any", "--kill", "before", "--times", "1", "--lab", "off")
    check(offered(p, "--lab", "off", "who", "") == [], "a driver that kills")
    p.env.update(PATIENT)


# line: what must be among the candidates; for bash, which completes pieces, what it is there.
LINES = {
    "migctl lab cre": ("create", None),
    "migctl ": ("status", None),
    "migctl lab client ": ("stop", None),
    "migctl plan --ke": ("--keep", None),
    "migctl --lab fu": ("full", None),
    "migctl --lab=fu": ("--lab=full", "full"),
    "migctl status -o j": ("json", None),
    "migctl status --output=j": ("--output=json", "json"),
    "migctl --lab full who 0/1": ("0/1/0", None),
    "migctl --lab full plan 3g.40gb@": ("3g.40gb@4", "4"),
    "migctl lab create --board a100-80gb-p": ("a100-80gb-pcie", None),
    "migctl lab create --rule gfx-beside-compute=r": ("gfx-beside-compute=refuse", "refuse"),
    "migctl lab fault add group:cre": ("group:create", "create"),
    "migctl lab set --lab full 0 temp": ("temperature=", None),
    "migctl --lab 'full' who 0/1": ("0/1/0", None),
    "migctl --lab 'fu": ("full", None),
    "migctl status --snapshot kep": ("kept.json", None),
    "migctl status --snapshot=kep": ("--snapshot=kept.json", "kept.json"),
    "migctl lab client stop --lab odd od": ("odd name", "odd\\ name"),
    "migctl lab client stop --lab odd 'od": ("odd name", None),
    "migctl lab exec full -- mkfi": ("mkfifo", None),
    "migctl lab exec full -- cat kep": ("kept.json", None),
    "migctl help frag": ("fragmentation", None),
    "migctl completion z": ("zsh", None),
}


def in_shells(p):
    p.create("odd")
    p.ok("lab", "client", "start", "--lab", "odd", "--name", "odd name")
    for name, shell in shells.SHELLS.items():
        got = shell(p, {}).ask(LINES)
        check(len(got) == len(LINES), f"{name} answers {len(got)} of {len(LINES)} lines")
        for (line, (want, piece)), words in zip(LINES.items(), got):
            want = piece if name == "bash" and piece else want
            if name == "zsh":
                # zsh quotes what it is given, and takes the part in front of a file out of the word.
                words = [w.replace("\\ ", " ") for w in words]
                words += [f"--snapshot={w}" for w in words]
            check(want in words, f"{name}: '{line}' is completed to {words}, without {want}")


def scripts(p):
    for shell in shells.SHELLS:
        script = p.ok("completion", shell)
        check(script == (SOURCE / "data" / "completion" / f"migctl.{shell}").read_text(), f"completion {shell}")
        path = p.root / "script"
        path.write_text(script)
        done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
        check(done.returncode == 0 and not done.stderr, f"{shell}: {done.stderr}")
    p.refused(USAGE, ["ksh", "bash, zsh or fish"], "completion", "ksh")


def main():
    with Place() as p:
        p.env.update(PATIENT)
        readers.make_machines(p)
        table = json.loads(p.ok("__table"))
        before = (p.labs / "full" / "state").read_bytes()
        every_prefix(p, table)
        live(p)
        labs(p)
        left_to_the_shell(p)
        check((p.labs / "full" / "state").read_bytes() == before, "completion changed the lab")
        trouble(p)
        scripts(p)
        in_shells(p)
        pathlib.Path(p.root / "script").unlink()


main()
