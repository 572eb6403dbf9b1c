#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=120
"""migctl status: who runs where stands in the box of its instance, memory is NVML's own figure, what
cannot be read says so and is never 0, and what is said of free and fragmented room is what the driver
then allows."""
import json
import re

import readers  # finds labtest
from labtest import NO_DRIVER, Place, check

UPRIGHTS = "│"


def picture(text, gpu):
    """The lines of one GPU's picture."""
    lines = text.split("\n")
    first = next(i for i, line in enumerate(lines) if line.strip().startswith(f"GPU {gpu} "))
    return lines[first:next(i for i in range(first, len(lines)) if re.match("[0-9A-F]{8}:", lines[i]))]


def cells(lines, label, n):
    """[(first column, last column, the texts below one another)] of the n lines from a label on."""
    first = next(i for i, line in enumerate(lines) if line.startswith(label))
    at = [i for i, c in enumerate(lines[first]) if c in UPRIGHTS]
    return [(a, b, [line[a + 1:b].strip() for line in lines[first:first + n]]) for a, b in zip(at, at[1:])]


def box_of(lines, label, words, n):
    found = [texts for _, _, texts in cells(lines, label, n) if texts[:len(words)] == words]
    check(len(found) == 1, f"{len(found)} boxes with {words}:\n" + "\n".join(lines))
    return found[0]


def start(p, lab, name, where, memory):
    p.ok("lab", "client", "start", "--lab", lab, "--name", name, "--memory", memory, *where)
    return next(c["pid"] for c in p.clients(lab) if c["name"] == name)


def who_runs(p):
    p.create("who", "--board", "a30:1", board="a100-80gb-sxm", driver="550.54.15")
    env = {"MIGKIT_LAB": str(p.labs / "who")}
    p.ok("smi", "-i", "0", "-mig", "1", env=env)
    p.ok("smi", "mig", "-i", "0", "-cgi", "9,14", "-C", env=env)
    said = p.json("status", "-i", "0", env=env)["instances"]
    gi = {i["profile"]: i["gi"] for i in said}
    train = start(p, "who", "train", ["--device", f"0/{gi['3g.40gb']}/0"], "3GiB")
    many = [start(p, "who", f"job{i}", ["--device", f"0/{gi['2g.20gb']}/0"], "1GiB") for i in range(5)]
    whole = start(p, "who", "whole", ["--gpu", "1"], "2GiB")
    wide = p.ok("status", env={**env, "COLUMNS": "200"})
    first = picture(wide, 0)
    box = box_of(first, "compute", ["CI 0", "3g.40gb"], 5)
    check(box[2:] == [f"● {train} train", "", ""], f"the box of 3g.40gb says {box}")
    box = box_of(first, "compute", ["CI 0", "2g.20gb"], 5)
    check(box[2:] == [f"● {many[0]} job0", f"● {many[1]} job1", "+3 more"], f"the box of 2g.20gb says {box}")
    check(any(f"● {whole} whole" in line for line in picture(wide, 1)), f"nobody runs on GPU 1:\n{wide}")
    # Where there is no room for a name, the number alone; the list below has it with its name.
    narrow = p.ok("status", "-i", "0", env={**env, "COLUMNS": "40"})
    box = box_of(picture(narrow, 0), "compute", ["CI 0", "2g.20gb"], 5)
    check(box[2:4] == [str(many[0]), str(many[1])] or box[2:4] == [f"● {many[0]}", f"● {many[1]}"],
          f"the narrow box says {box}")
    check(re.search(rf"(?m)^ +0 +\d+ +0 +{many[4]} compute +1024MiB job4$", wide), f"job4 is not listed:\n{wide}")
    memory(p, env, wide)
    data = p.json("status", env=env)
    listed = {(i["gpu"], i["gi"], i["ci"], i["pid"], i["name"], i["memory_used_bytes"]) for i in data["processes"]}
    check(listed == {(0, gi["3g.40gb"], 0, train, "train", 3 << 30), (1, None, None, whole, "whole", 2 << 30)} |
          {(0, gi["2g.20gb"], 0, pid, f"job{i}", 1 << 30) for i, pid in enumerate(many)}, f"processes: {listed}")
    check({i["gi"]: i["processes"] for i in data["instances"]} == {gi["3g.40gb"]: 1, gi["2g.20gb"]: 5},
          f"counts: {data['instances']}")
    pending(p, env)


def memory(p, env, wide):
    """As the lab itself says, and in MiB as nvidia-smi prints it."""
    lab = {i["gi"]: i["memory_used_bytes"] for i in p.json("lab", "status", "who")["instances"]}
    data = p.json("status", "-i", "0", env=env)
    for i in data["instances"]:
        check(i["memory_used_bytes"] == lab[i["gi"]], f"memory of GI {i['gi']}: {i}, the lab says {lab}")
        box = box_of(picture(wide, 0), "memory", [f"GI {i['gi']}", i["profile"]], 3)
        check(box[2] == f"{i['memory_used_bytes'] >> 20}MiB of {i['memory_total_bytes'] >> 20}MiB used",
              f"the box of {i['profile']} says {box}")
    check(p.json("lab", "status", "who")["gpus"][0]["memory_used_bytes"] ==
          data["gpus"][0]["memory_used_bytes"], "memory of the GPU")


def pending(p, env):
    """Why a mode waits, and for how many."""
    p.ok("smi", "-i", "1", "-mig", "1", env=env)
    said = p.ok("status", "-i", "1", env=env)
    check("MIG off, waits to be on" in said and "1 process runs on it" in said and "'migctl who -i 1'" in said,
          f"why it waits: {said}")
    gpu = p.json("status", "-i", "1", env=env)["gpus"][0]
    check((gpu["mig_current"], gpu["mig_pending"]) == ("off", "on") and gpu["pending_reason"], f"{gpu}")
    check(len(p.json("status", "-i", "1", env=env)["processes"]) == 1, "-i shows others' processes")


def only_open(p):
    """Who merely has the GPU open runs nothing there: a recording, which knows of it, says what the machine does."""
    p.create("open", board="a30", driver="535.261.03")
    env = {"MIGKIT_LAB": str(p.labs / "open")}
    p.ok("lab", "client", "start", "--lab", "open", "--gpu", "0")
    p.ok("smi", "-mig", "1", env=env)
    p.ok("snapshot", "open.json", env=env)
    live, kept = p.ok("status", env=env), p.ok("status", "--snapshot", "open.json")
    for said in (live, kept):
        check("Whoever has it open keeps it from a reset" in said, f"who keeps it: {said}")
    check(live.split("\n\n")[1:] == kept.split("\n\n")[1:], f"the recording says otherwise:\n{live}\n{kept}")


def changed(p, name, change):
    """A recording of the lab "who" with something in it otherwise."""
    p.ok("snapshot", name, env={"MIGKIT_LAB": str(p.labs / "who")})
    data = json.loads((p.root / name).read_text())
    change(data)
    (p.root / name).write_text(json.dumps(data))
    return p.ok("status", "--snapshot", name, env={"COLUMNS": "100"}), p.json("status", "--snapshot", name)


def not_told(p):
    """What a real driver refuses an ordinary user: no picture that shows taken slices as free."""
    def no_permission(data):
        data["gpus"][0]["gi_status"] = 4

    text, data = changed(p, "hidden.json", no_permission)
    check("│ GI" not in text and "cannot be read as this user (NVML_ERROR_NO_PERMISSION)" in " ".join(text.split()),
          f"instances that are hidden:\n{text}")
    gpu = data["gpus"][0]
    check(gpu["instances_status"] == "NVML_ERROR_NO_PERMISSION" and gpu["instances"] is None and
          gpu["compute_slices_free"] is None and gpu["fragmented"] is None, f"{gpu}")


    def refused(data):
        gpu = data["gpus"][0]
        gpu["process_status"] = 999
        gpu["memory_used"] = {"refused": 3}
        for gi in gpu["gpu_instances"]:
            for ci in gi["compute_instances"]:
                ci["memory_used"] = {"refused": 4}

    text, data = changed(p, "refused.json", refused)
    check("Who runs on it could not be read: NVML_ERROR_UNKNOWN." in text, f"processes that are refused:\n{text}")
    check(text.count("no permission") == 2, f"memory that is refused:\n{text}")
    check("MiB" not in "\n".join(picture(text, 0)), f"memory that nobody told:\n{text}")
    gpu = data["gpus"][0]
    check((gpu["memory_used_bytes"], gpu["memory_status"]) == (None, "NVML_ERROR_NOT_SUPPORTED"), f"{gpu}")
    check({(i["memory_used_bytes"], i["memory_status"]) for i in data["instances"]} ==
          {(None, "NVML_ERROR_NO_PERMISSION")}, f"{data['instances']}")
    # Processes that were not listed are not none.
    check({i["processes"] for i in data["instances"]} == {None}, f"{data['instances']}")

    def somewhere(data):
        data["gpus"][0]["gpu_instances"][0]["start"] = None

    text, data = changed(p, "somewhere.json", somewhere)
    check("│ GI" not in text and "does not tell where all" in " ".join(text.split()), f"a start that is not told:\n{text}")
    check(data["instances"][0]["start"] is None and data["gpus"][0]["compute_slices_free"] is None, f"{data}")


def room_is_true(p):
    """The largest profile that fits is the largest of which the driver says that it does."""
    p.create("room", board="h100-80gb-sxm", driver="580.65.06")
    env = {"MIGKIT_LAB": str(p.labs / "room")}
    p.ok("smi", "-mig", "1", env=env)
    for request in ("", "19", "14,19", "9", "19,19,19,19", "15,19", "5", "0"):
        if request:
            p.ok("smi", "mig", "-cgi", request, env=env)
        gpu = p.json("status", env=env)["gpus"][0]
        fits = {i["profile"]: (i["size"], i["slices"]) for i in p.json("profiles", env=env)["profiles"] if i["free"]}
        largest = gpu["largest_profile"]
        check(fits.get(largest) == max(fits.values(), default=None),
              f"beside {request}: {largest} is not the largest of {fits}")
        if request:
            p.ok("smi", "mig", "-dgi", env=env)


def main():
    with Place() as p:
        who_runs(p)
        only_open(p)
        not_told(p)
        room_is_true(p)
        # Nothing to show: the sentence says where to begin.
        for words in ((), ("status",)):
            p.refused(NO_DRIVER, ["lab create"], *words)


assert readers
main()
