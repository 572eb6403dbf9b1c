#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""migctl name in labs: a name stands for its place in every command that asks for a device, whatever ids and UUIDs the
instances there have; it outlives them, a reboot, and a writer that is killed; two writers lose nothing; a file that
somebody broke is told with its place, and changes nothing."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import BUSY, NOT_FOUND, PERMISSION, UNAVAILABLE, USAGE, Place, check  # noqa: E402

FAILED = 1
STATE = "var/lib/migkit"


class Lab:
    def __init__(self, p, name, board="a100-40gb-sxm:2"):
        self.p = p
        self.dir = p.create(name, board=board, driver="550.54.15")
        self.env = {"MIGKIT_LAB": str(self.dir)}
        self.file = self.dir / STATE / "names.json"
        self.ok("mode", "on", "-i", "0,1")

    def ok(self, *words):
        return self.p.ok(*words, env=self.env)

    def refused(self, code, parts, *words, **more):
        self.p.refused(code, parts, *words, env=self.env, **more)

    def names(self, *words):
        return {n["name"]: n for n in self.p.json("name", *words, env=self.env)["names"]}

    def layout(self):
        return sorted((i["gpu"], f"{i['profile']}@{i['start']}")
                      for i in self.p.json("status", env=self.env)["instances"])

    def device(self, *words):
        """The device that a run gets."""
        said = self.ok("run", *words, "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        return said.strip()


def gives_and_takes(p):
    lab = Lab(p, "gives")
    lab.ok("create", "-i", "0", "3g.20gb@4", "1g.5gb@0")
    check(not lab.names(), "names from nowhere")
    lab.ok("name", "train-a", "0/3g.20gb@4")
    gi = next(i for i in p.json("status", env=lab.env)["instances"] if i["profile"] == "1g.5gb")
    lab.ok("name", "by.its_ids", f"0/{gi['gi']}")
    lab.refused(BUSY, ["by.its_ids"], "name", "by-uuid", gi["uuid"])
    lab.ok("name", "--remove", "by.its_ids")
    lab.ok("name", "by-uuid", gi["uuid"])
    lab.ok("name", "whole", "1/7g.40gb")
    names = lab.names()
    check(list(names) == ["train-a", "by-uuid", "whole"], names)
    check((names["by-uuid"]["profile"], names["by-uuid"]["start"], names["by-uuid"]["uuid"]) ==
          ("1g.5gb", 0, gi["uuid"]), names)
    check((names["whole"]["gpu"], names["whole"]["gi"], names["whole"]["devices"], names["whole"]["uuid"]) ==
          (1, None, 0, None), names)
    lab.refused(USAGE, ["which GPU", "0/1g.5gb@3"], "name", "where", "1g.5gb@3")
    check(list(lab.names("train-a")) == ["train-a"], "one is asked for")
    lab.refused(BUSY, ["train-a", "3g.20gb@4", "--remove"], "name", "train-a", "0/3g.20gb@0")
    lab.refused(NOT_FOUND, ["nobody"], "name", "nobody")
    # A part of a cut instance is no place.
    lab.ok("create", "-i", "1", "3g.20gb@0/1c,2c")
    cut = [i for i in p.json("status", env=lab.env)["instances"] if i["gpu"] == 1]
    lab.refused(USAGE, ["whole"], "name", "part", cut[0]["uuid"])
    lab.ok("name", "cut", f"1/{cut[0]['gi']}")
    check((lab.names()["cut"]["devices"], lab.names()["cut"]["uuid"]) == (2, None), lab.names())


def wherever_a_device_is_asked_for(p):
    lab = Lab(p, "where")
    lab.ok("create", "-i", "0", "3g.20gb@4", "1g.5gb@0")
    lab.ok("create", "-i", "1", "3g.20gb@0")
    lab.ok("name", "a", "0/3g.20gb@4")
    lab.ok("name", "b", "0/1g.5gb@0")
    lab.ok("name", "c", "1/3g.20gb@0")
    uuid = lab.names()["a"]["uuid"]
    check(lab.device("a") == uuid and lab.device("c") == lab.names()["c"]["uuid"], "run")
    shown = p.json("devices", env=lab.env)["devices"]
    check(sorted(d["name"] for d in shown) == ["a", "b", "c"], shown)
    check({i["name"] for i in p.json("status", env=lab.env)["instances"]} == {"a", "b", "c"}, "status")
    check("NAME" in lab.ok("devices"), "the column is there")
    pid = lab.ok("lab", "client", "start", "--device", "a", "--name", "python3").strip()
    said = p.json("who", "a", env=lab.env)
    check([str(x["pid"]) for x in said["processes"]] == [pid], said)
    check(not p.json("who", "b", env=lab.env)["processes"], "who else")
    lab.refused(BUSY, ["python3"], "destroy", "a")
    lab.ok("lab", "client", "stop", "--all")
    lab.ok("destroy", "a", "c")
    check(lab.layout() == [(0, "1g.5gb@0")], lab.layout())
    for words in (["who", "a"], ["destroy", "a"], ["destroy", "b", "a"]):
        lab.refused(NOT_FOUND, ["a", "3g.20gb@4", "migctl create a"], *words)
    lab.refused(NOT_FOUND, ["no MIG device a"], "run", "a", "--", "touch", "never")
    lab.refused(NOT_FOUND, ["3g.20gb@4"], "lab", "client", "start", "--device", "a")
    # It is the way back, too, at the same place, with another id where an instance was made before.
    for words in (["run"], ["who"], ["destroy"], ["create"], ["explain"], ["plan"], ["name", "--remove"],
                  ["lab", "client", "start", "--device"]):
        offered = [line.split("\t")[0] for line in lab.ok("__complete", "--", *words, "").splitlines()]
        check({"a", "b", "c"} <= set(offered), f"{words} is completed to {offered}")
    lab.ok("create", "a/1c,2c")
    check(lab.layout() == [(0, "1g.5gb@0"), (0, "3g.20gb@4"), (0, "3g.20gb@4")], lab.layout())
    for words in ([], ["--create"]):
        lab.refused(USAGE, ["at a, 0/", "cut into 2", "0/1/0"], "run", "a", *words, "--", "touch", "never")
    lab.refused(USAGE, ["2 MIG devices"], "lab", "client", "start", "--device", "a")
    lab.ok("destroy", "a")
    lab.ok("create", "a/none")
    lab.refused(NOT_FOUND, ["no compute instance", "migctl create 0/1/3g.20gb"], "run", "a", "--", "touch", "never")
    lab.ok("destroy", "a")
    check(p.run("explain", "a", env=lab.env).returncode == 0, "explain")
    check("create 3g.20gb at 4" in lab.ok("plan", "a", "b"), "plan")
    lab.refused(USAGE, ["-i and the name"], "create", "a", "-i", "0")
    lab.refused(USAGE, ["another GPU"], "create", "a", "c")
    lab.refused(UNAVAILABLE, ["3g.20gb"], "create", "a", "3g.20gb", "3g.20gb")
    check(lab.layout() == [(0, "1g.5gb@0")], "refused and done")
    check(lab.device("c", "--create").startswith("MIG-") and lab.layout() == [(0, "1g.5gb@0")], "run --create")
    check("\na   " in lab.ok("create", "a", "1g.5gb"), "create shows the name")
    check(lab.device("a") == uuid, "the same place has the same UUID here")
    # A recording may be of another machine: no name of this one is in it.
    lab.ok("snapshot", str(p.root / "where.json"))
    check({d["name"] for d in p.json("devices", "--snapshot", str(p.root / "where.json"), env=lab.env)["devices"]} ==
          {None}, "names of a recording")
    lab.refused(USAGE, ["'a'"], "explain", "a", "--snapshot", str(p.root / "where.json"), "-i", "0")


def outlives(p):
    lab = Lab(p, "outlives")
    lab.ok("name", "late", "1/1g.5gb@2")
    lab.ok("lab", "reboot", "outlives")
    lab.ok("mode", "off", "-i", "1")
    check(lab.names()["late"]["gpu"] == 1, "after a reboot")
    lab.refused(UNAVAILABLE, ["mode on"], "create", "late")
    lab.ok("mode", "on", "-i", "1")
    lab.ok("create", "late")
    check(lab.layout() == [(1, "1g.5gb@2")], lab.layout())
    lab.ok("lab", "inject", "1", "lost")
    check(lab.names()["late"]["gpu"] in (None, 1), "a lost GPU")
    other = Lab(p, "another")
    check(not other.names(), "names are of a machine")
    (other.dir / STATE).mkdir(parents=True, exist_ok=True)
    other.file.write_bytes(lab.file.read_bytes().replace(b"GPU-", b"GPU-0"))
    check(other.names()["late"]["gpu"] is None, "a GPU that is not there")
    check("?/1g.5gb@2" in other.ok("name"), other.ok("name"))
    other.refused(NOT_FOUND, ["late"], "destroy", "late")
    other.ok("name", "--remove", "late")


def broken_files(p):
    lab = Lab(p, "broken")
    lab.ok("create", "-i", "0", "1g.5gb@0")
    lab.ok("name", "a", "0/1g.5gb@0")
    good = lab.file.read_bytes()
    before = lab.layout()
    for text, parts in ((good[:-20], [":"]), (b"", ["ends too early"]), (b"{}", ["no list"]),
                        (good + b"x", [":4:1", "follows"]), (b'{"names": [7]}', ["entry 1", "object"]),
                        (good.replace(b"GPU-", b"gpu-"), ["entry 1", "UUID"]),
                        (good.replace(b'"a"', b'"0/1"'), ["entry 1", "name"]), (b"\xff" * 9, [":1:1"]),
                        (good.replace(b'"start": 0', b'"start": -1'), ["entry 1", "start"])):
        lab.file.write_bytes(text)
        for words in (["name"], ["name", "b", "0/1g.5gb@1"], ["destroy", "a"], ["run", "a", "--", "touch", "never"],
                      ["create", "a"], ["who", "a"]):
            lab.refused(USAGE, ["names.json", *parts], *words)
        check(lab.file.read_bytes() == text and lab.layout() == before, "a broken file changed something")
        # What asks for no name does not need it.
        lab.ok("devices")
        lab.ok("run", "0/1g.5gb@0", "--", "true")
    check(not (p.root / "never").exists(), "a program was started")
    lab.file.write_bytes(good)
    lab.file.with_suffix(".json.new").mkdir()
    lab.refused(FAILED, ["names.json", "nothing was changed"], "name", "b", "0/1g.5gb@1")
    check(lab.file.read_bytes() == good, "the old file went")
    lab.file.with_suffix(".json.new").rmdir()
    other = p.as_other()
    if other:
        subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)
        lab.refused(PERMISSION, ["sudo"], "name", "b", "0/1g.5gb@1", before=other)
        check(lab.file.read_bytes() == good, "somebody else wrote")
        check(list(lab.names()) == ["a"], "and still reads")


def many_at_once(p):
    """Each with a place of its own: all are there in the end."""
    lab = Lab(p, "many")
    places = [f"{gpu}/1g.5gb@{start}" for gpu in (0, 1) for start in range(7)]
    children = [subprocess.Popen([p.migctl, "name", "--wait", "60", f"n{i}", place], env={**p.env, **lab.env},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                for i, place in enumerate(places)]
    for child in children:
        said = child.communicate()[1]
        check(child.returncode == 0, said)
    names = lab.names()
    check({f"{n['gpu']}/{n['profile']}@{n['start']}" for n in names.values()} == set(places), names)


def killed(p):
    """At each system call that touches a file: the old names or the new ones, and the next writer succeeds."""
    lab = Lab(p, "killed")
    lab.ok("name", "stays", "0/1g.5gb@0")
    counted = {}
    for call in ("openat", "write", "rename", "fsync", "ftruncate"):
        for nth in range(1, 200):
            done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                   f"inject={call}:signal=SIGKILL:when={nth}", p.migctl, "name", "new", "1/1g.5gb@0"],
                                  env={**p.env, **lab.env}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            names = set(lab.names())
            check(names in ({"stays"}, {"stays", "new"}), f"killed at {call} {nth}: {names}")
            if "new" in names:
                lab.ok("name", "-r", "new")
            if done.returncode == 0:
                break
            check(done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), f"{call} {nth}: {done}")
            counted[call] = nth
    print("killed at:", json.dumps(counted))
    check(counted.get("rename", 0) >= 1 and counted.get("fsync", 0) >= 1, counted)


def main():
    with Place() as p:
        for part in (gives_and_takes, wherever_a_device_is_asked_for, outlives, broken_files, many_at_once, killed):
            part(p)


if __name__ == "__main__":
    main()
