#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run timeout=300
"""Recordings of machines: what a command says of one is what it said of the machine; bad files are
refused with the place and what is wrong; nothing but a recording is ever replaced; board files that
were captured make labs that are captured alike."""
import copy
import json
import os
import pathlib
import re
import stat
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "cli"))
import readers  # noqa: E402
from labtest import BUSY, NOT_FOUND, PERMISSION, UNAVAILABLE, USAGE, Place, check  # noqa: E402

# What says where an answer is from.
HEAD = {"source", "recorded", "taken", "host", "lab"}


def same_answers(p, machines):
    """Every reading command says of the recording what it says of the machine."""
    for lab, board in machines.items():
        p.ok("--lab", lab, "snapshot", f"{lab}.json")
        text = (p.root / f"{lab}.json").read_text()
        check(json.loads(text)["version"] == 1, f"{lab}.json: {text[:100]}")
        for name, words in readers.COMMANDS.items():
            words = readers.words_for(words, board)
            if not {"-i", "status", "who", "draw"} & set(words):
                continue
            live = p.run("--lab", lab, *words, "-o", "json")
            dead = p.run(*words, "--snapshot", f"{lab}.json", "-o", "json")
            check(live.returncode == dead.returncode, f"{lab} {name}: {live} {dead}")
            if not live.stdout:
                continue
            # A picture's title says it as well.
            one, two = json.loads(live.stdout), json.loads(re.sub(r", recorded 20[^\"]*", "", dead.stdout))
            for key in HEAD:
                one.pop(key, None), two.pop(key, None)
            # Of other users there are more or fewer a moment later.
            one.pop("unread_processes", None), two.pop("unread_processes", None)
            # Places have names on their own machine only.
            for said in (one, two):
                for record in said.get("instances", []):
                    record.pop("name", None)
            check(one == two, f"{lab}: migctl {' '.join(words)} says of its recording:\n"
                              f"{dead.stdout}\ninstead of:\n{live.stdout}")


def says_so(p):
    """A table says that it is of a recording, and JSON when it was taken."""
    table = p.ok("status", "--snapshot", "full.json")
    check(re.search(r"^Recording:\s+full\.json$", table, re.M), table)
    check(re.search(r"^Taken:\s+20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ on lab full$", table, re.M), table)
    said = p.json("status", "--snapshot", "full.json")
    check(said["recorded"] and said["source"] == "full.json", f"{said}")
    check(p.json("--lab", "full", "status")["recorded"] is None, "a machine is no recording")
    # No machine is needed, and none is looked at.
    log = p.root / "log"
    p.ok("--lab", "full", "status", "--snapshot", "off.json", env={"MIGKIT_LOG": str(log)})
    check(not log.exists() or "nvml" not in log.read_text(), "a recording asks the machine")


def choices(p):
    whole = json.loads((p.root / "full.json").read_text())
    gpu = whole["gpus"][1]
    for word in ("1", gpu["uuid"], gpu["bus_id"], gpu["serial"]):
        said = p.json("status", "--snapshot", "full.json", "-i", word)
        check([g["gpu"] for g in said["gpus"]] == [1], f"-i {word}: {said}")
        check({q["gpu"] for q in said["processes"]} <= {1, None}, f"-i {word}: {said}")
    p.refused(NOT_FOUND, ["no GPU '9'", "0 to 2"], "status", "--snapshot", "full.json", "-i", "9")
    p.ok("--lab", "full", "snapshot", "-i", "1", "one.json")
    check(len(json.loads((p.root / "one.json").read_text())["gpus"]) == 1, "snapshot -i 1")
    p.refused(NOT_FOUND, ["no GPU '0'", "its index (1)"], "status", "--snapshot", "one.json", "-i", "0")
    p.ok("--lab", "full", "snapshot", "-i", "0,2", "two.json")
    p.refused(NOT_FOUND, ["no GPU '1'", "(0 to 2, not each)"], "status", "--snapshot", "two.json", "-i", "1")


def place_of(text, needle, nth=0):
    """line:column of the nth occurrence."""
    at = -1
    for _ in range(nth + 1):
        at = text.index(needle, at + 1)
    return f"{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def refused(p, text, parts):
    path = p.root / "bad.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for words in (["status"], ["who"], ["layouts", "-i", "0"], ["plan", "3g.40gb", "-i", "0"]):
        said = p.refused(USAGE, ["bad.json", *parts], *words, "--snapshot", "bad.json")
        check(re.search(r"bad\.json:\d+:\d+: ", said), f"no place: {said}")


def cut_short(p, text):
    """At every kind of byte: in names, numbers, words, between all of them, in every part."""
    kinds = {}
    for m in re.finditer(r'"[^"]*"|\d+|true|false|null|[][{},:]|\s+', text):
        where = "/".join(str(text.count(k, 0, m.start()) > 0) for k in
                         ('"boards"', '"gpus"', '"gpu_instances"', '"processes"', '"holders"'))
        kind = m.group()[0] if m.group()[0] in '[]{},:"' else "0" if m.group().isdigit() else m.group()[:2]
        kinds.setdefault((where, kind, m.group().count("\n")), (m.start(), m.end()))
    cuts = {0, 1, len(text) // 2, len(text.rstrip()) - 1}
    for start, end in kinds.values():
        cuts |= {start, start + 1, (start + end) // 2, end}
    check(len(cuts) > 60, f"only {len(cuts)} cuts")
    path = p.root / "bad.json"
    for cut in sorted(c for c in cuts if c < len(text.rstrip())):
        path.write_text(text[:cut])
        said = p.refused(USAGE, ["bad.json:"], "status", "--snapshot", "bad.json")
        check(re.search(r"bad\.json:\d+:\d+: ", said), f"cut at {cut}: {said}")
    # Nothing behind the last brace is needed.
    path.write_text(text.rstrip())
    p.ok("status", "--snapshot", "bad.json")


def contradictions(p, whole):
    """Each change of a good recording, and what is said of it."""
    def changed(change):
        value = copy.deepcopy(whole)
        change(value)
        return json.dumps(value, indent=2)

    def gi(v, n):
        return v["gpus"][0]["gpu_instances"][n]

    def overlap(v):
        big = next(g for g in v["gpus"][0]["gpu_instances"] if g["size"] == 4)
        small = next(g for g in v["gpus"][0]["gpu_instances"] if g["size"] == 1)
        small["start"] = big["start"]

    def twice(v):
        gi(v, 1)["id"] = gi(v, 0)["id"]

    cases = [
        (lambda v: v.update(version=2), ["format 2", "reads up to 1"]),
        (lambda v: v.update(version="1"), ["'version' is a whole number"]),
        (lambda v: v.update(format="other"), ["no recording", "migctl snapshot"]),
        (lambda v: v.pop("version"), ['lacks its "version"']),
        (lambda v: v.pop("boards"), ["lacks 'boards'"]),
        (lambda v: v.update(extra=1), ["has no key 'extra'"]),
        (overlap, ["overlaps GI"]),
        (twice, ["GI", "twice"]),
        (lambda v: gi(v, 0).update(start=3), ["the board has no", " at 3:"]),
        (lambda v: gi(v, 0).update(profile_id=99), ["no profile with id 99"]),
        (lambda v: gi(v, 0).update(id=15), ["'id' is a whole number from 0 to 14"]),
        (lambda v: gi(v, 0)["compute_instances"].append(
            dict(gi(v, 0)["compute_instances"][0])), ["CI", "twice"]),
        (lambda v: gi(v, 0)["compute_instances"].append(
            dict(gi(v, 0)["compute_instances"][0], id=1)), ["overlaps CI"]),
        (lambda v: gi(v, 0)["compute_instances"][0].update(profile_id=6), ["no CI profile with id 6"]),
        (lambda v: gi(v, 0)["compute_instances"][0].update(start=60), ["not within GI"]),
        (lambda v: v["gpus"][0].update(mode=0), ["has instances, but MIG mode is off"]),
        (lambda v: v["gpus"][0].update(mode=2), ["'mode' is a whole number from 0 to 1"]),
        (lambda v: v["gpus"][1].update(index=0), ["ascend by index"]),
        (lambda v: v["gpus"][1].update(uuid=v["gpus"][0]["uuid"]), ["same UUID"]),
        (lambda v: v["gpus"][0].update(board=77), ["'board' is a whole number from 0 to"]),
        (lambda v: v["gpus"][0].update(memory_used=-5), ["'memory_used'"]),
        (lambda v: v["gpus"][0].update(memory_used={"refused": 0}), ["code 0"]),
        (lambda v: v["gpus"][0].update(memory_used={}), ["'memory_used'", "refused"]),
        (lambda v: v["gpus"][0].update(name=5), ["'name' is a text in quotes"]),
        (lambda v: v["gpus"][0].update(name="x" * 200), ["'name' has at most 95 bytes"]),
        (lambda v: v["gpus"][0].update(mig_capable="yes"), ["true or false"]),
        (lambda v: v["gpus"][0].pop("serial"), ["lacks 'serial'"]),
        (lambda v: v["gpus"][0].update(gpu_instances=5), ["'gpu_instances' must be a list"]),
        (lambda v: v["gpus"][0].update(gpu_instances=[{}] * 9), ["9 entries, at most 8"]),
        (lambda v: v["boards"][0]["profiles"][0].update(starts=[0, 0]), ["ascend"]),
        (lambda v: v["boards"][0]["profiles"][0].update(starts=[]), ["has no start"]),
        (lambda v: v["boards"][0]["profiles"][1].update(id=v["boards"][0]["profiles"][0]["id"]),
         ["is there twice"]),
        (lambda v: v["boards"][0].update(units=2), ["end within the board's 2 units"]),
        (lambda v: v["processes"].append(dict(v["processes"][0], gpu=9)), ["GPU 9, which is not there"]),
        (lambda v: v.update(processes=[[]]), ["a process must be a mapping"]),
    ]
    for change, parts in cases:
        refused(p, changed(change), parts)
    # The place is that of what is wrong, to the column.
    text = json.dumps(whole, indent=2).replace('"version": 1', '"version": 9')
    refused(p, text, [f"bad.json:{place_of(text, '9')}: "])
    bad = copy.deepcopy(whole)
    bad["gpus"][0]["gpu_instances"][0]["profile_id"] = 4711
    text = json.dumps(bad, indent=2)
    refused(p, text, [f"bad.json:{place_of(text, '4711')}: "])


def other_files(p):
    for text, parts in ((b"", ["empty"]), (b"\n\n", ["empty"]), (b"[]", ["no recording"]),
                        (b"board: a30\n", ["no recording"]), (b"\xff\xfe\x00", []),
                        (b"\x7fELF\x02\x01\x01" + bytes(64), []), (b"{", ["cut short"]),
                        (b'{"format": "migkit-snapshot", "version": 1}', ["lacks 'machine'"]),
                        (b"&a [*a]", []), (b"[" * 3000, [])):
        refused(p, text, parts)
    p.refused(NOT_FOUND, ["nowhere.json"], "status", "--snapshot", "nowhere.json")
    done = p.run("status", "--snapshot", ".")
    check(done.returncode == 1 and len(done.stderr.splitlines()) == 1, f"a folder: {done}")
    (p.root / "big.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    done = p.run("status", "--snapshot", "big.json")
    check(done.returncode != 0 and "this is no recording" in done.stderr, f"a large file: {done}")


def written(p):
    """Where a recording goes, and what it never replaces."""
    p.ok("--lab", "off", "snapshot", "new.json")
    before = (p.root / "new.json").stat()
    p.ok("--lab", "off", "snapshot", "new.json")
    check((p.root / "new.json").stat().st_ino != before.st_ino, "an older recording is written into")
    mine = p.root / "mine.txt"
    mine.write_text("{\n  \"format\": \"mine\"\n}\n")
    p.refused(BUSY, ["mine.txt", "something else"], "--lab", "off", "snapshot", "mine.txt")
    check("mine" in mine.read_text(), "a file of somebody's is replaced")
    (p.root / "link.json").symlink_to("new.json")
    for path in ("link.json", ".", "/dev/null"):
        p.refused(BUSY, ["no regular file"], "--lab", "off", "snapshot", path)
    check(stat.S_ISCHR(os.stat("/dev/null").st_mode), "/dev/null is gone")
    p.refused(NOT_FOUND, ["nowhere/x.json"], "--lab", "off", "snapshot", "nowhere/x.json")
    check(json.loads(p.ok("--lab", "off", "snapshot", "-"))["format"] == "migkit-snapshot", "snapshot -")
    done = subprocess.run([p.migctl, "--lab", "off", "snapshot", "/dev/full"], env=p.env, cwd=p.root,
                          capture_output=True, text=True, check=False)
    check(done.returncode == BUSY, f"/dev/full: {done}")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([p.migctl, "--lab", "off", "snapshot", "-"], env=p.env, cwd=p.root, stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 1 and "cannot write" in done.stderr, f"snapshot - into a full disk: {done}")
    check(not list(p.root.glob("*.new")), f"left behind: {list(p.root.glob('*.new'))}")


def captured(p):
    """A captured board makes a lab that is captured to the same file."""
    p.create("h100", board="h100-80gb-sxm", driver="580.159.04")
    p.ok("--lab", "h100", "boards", "capture", "my-gpu.yaml")
    first = (p.root / "my-gpu.yaml").read_text()
    check("board: my-gpu\n" in first and "confirms: no" in first, first)
    p.refused(BUSY, ["my-gpu.yaml", "there already"], "--lab", "h100", "boards", "capture", "my-gpu.yaml")
    check((p.root / "my-gpu.yaml").read_text() == first, "a board file is replaced")
    p.ok("lab", "create", "again", "--board", "my-gpu.yaml", "--driver", "580.159.04")
    (p.root / "second").mkdir()
    p.ok("--lab", "again", "boards", "capture", "second/my-gpu.yaml")
    second = (p.root / "second/my-gpu.yaml").read_text()
    check(first.replace("lab h100", "lab again") == second, f"captured again:\n{first}\n{second}")
    # A board is called as its file, in the letters that a board's name has.
    p.ok("--lab", "h100", "boards", "capture", "second/My GPU (2).yaml")
    check("board: my-gpu--2-\n" in (p.root / "second/My GPU (2).yaml").read_text(), "a name from a file's")
    for words, parts in ((["x.json"], ["ends in .yaml"]), (["x"], ["ends in .yaml"]),
                         ([".yaml"], ["ends in .yaml"]),
                         (["x.yaml", "--snapshot", "full.json"], ["recording", "boards capture"])):
        p.refused(USAGE, parts, "--lab", "h100", "boards", "capture", *words)
    p.refused(USAGE, ["3 GPUs", "-i"], "--lab", "full", "boards", "capture", "x.yaml")
    p.refused(NOT_FOUND, ["no GPU '7'"], "--lab", "full", "boards", "capture", "-i", "7", "x.yaml")
    done = p.run("--lab", "lost", "boards", "capture", "-i", "1", "x.yaml")
    check(done.returncode == 1 and "NVML_ERROR_GPU_IS_LOST" in done.stderr, f"a lost GPU: {done}")
    p.create("screen", board="rtx-pro-6000-workstation", driver="580.159.04")
    p.refused(UNAVAILABLE, ["no MIG mode"], "--lab", "screen", "boards", "capture", "x.yaml")
    check(not (p.root / "x.yaml").exists(), "a refused capture leaves a file")
    cut = p.root / "cut.yaml"
    for n in (1, len(first) // 3, len(first) // 2, first.index("compute-instances") - 2):
        cut.write_text(first[:n])
        said = p.refused(USAGE, ["cut.yaml:"], "lab", "create", "cut", "--board", "cut.yaml", "--driver",
                         "580.159.04")
        check(re.search(r"cut\.yaml:\d+:\d+: ", said), said)


def as_nobody(p):
    """An ordinary user, where only root may manage: what he may not see is shown as such."""
    if os.geteuid() != 0:
        return
    lab = p.create("real", "--permissions", "real", board="a100-80gb-sxm", driver="580.65.06")
    for words in (["-mig", "1"], ["mig", "-cgi", "9,14,20", "-C"]):
        readers.smi(p, "real", *words)
    before = p.as_other()
    subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)
    env = {"MIGKIT_LAB": str(lab), "XDG_STATE_HOME": "/nonexistent", "HOME": "/nonexistent"}
    said = json.loads(p.ok("status", "-o", "json", env=env, before=before))
    gpu = said["gpus"][0]
    for key in ("instances_status", "memory_status"):
        check(gpu[key] == "NVML_ERROR_NO_PERMISSION", f"{key}: {gpu}")
    check(gpu["memory_used_bytes"] is None and gpu["compute_slices_free"] is None, f"{gpu}")
    check(len(said["instances"]) == 3 and all(i["start"] is None for i in said["instances"]), f"{said}")
    check("NVML_ERROR_NO_PERMISSION" in p.ok("status", env=env, before=before), "status does not say why")
    text = p.ok("snapshot", "-", env=env, before=before)
    value = json.loads(text)
    check(value["machine"]["privileged"] is False, "nobody is privileged")
    check(value["gpus"][0]["gi_status"] == 4, f"{value['gpus'][0]}")
    check(len(value["gpus"][0]["gpu_instances"]) == 3, "the MIG devices are not seen")
    check({i["compute_instances"][0]["uuid"][:4] for i in value["gpus"][0]["gpu_instances"]} == {"MIG-"},
          f"{value['gpus'][0]}")
    check(value["gpus"][0]["remaining"][0]["refused"] == 4, f"{value['gpus'][0]['remaining']}")
    (p.root / "nobody.json").write_text(text)
    p.ok("status", "--snapshot", "nobody.json")
    p.refused(PERMISSION, ["root"], "boards", "capture", "/tmp/never.yaml", env=env, before=before)


def main():
    with Place() as p:
        machines = readers.make_machines(p)
        same_answers(p, machines)
        says_so(p)
        choices(p)
        text = (p.root / "full.json").read_text()
        cut_short(p, text)
        contradictions(p, json.loads(text))
        other_files(p)
        written(p)
        captured(p)
        as_nobody(p)


main()
