#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The topics of 'migctl help' say what is so: each command in them runs on a machine with an A100 80GB
and is understood, each topic and command that they point to is there, and what fragmentation.txt and
placement.txt tell of an A100 happens on one."""
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path[:0] = [str(SOURCE / "tests" / "lab")]
from labtest import UNAVAILABLE, Place, check  # noqa: E402

TOPICS = sorted((SOURCE / "data" / "help").glob("*.txt"))


def examples(p, env):
    tried = 0
    for topic in TOPICS:
        text = topic.read_text(encoding="utf-8")
        for words in re.findall(r"^ +\$ migctl (.*)$", text, re.M):
            done = p.run(*words.split(), env=env)
            check(done.returncode in (0, UNAVAILABLE) and done.stdout and not done.stderr,
                  f"{topic.name}: migctl {words}: {done}")
            tried += 1
        for name in re.findall(r"migctl help (\w+)", text):
            p.ok("help", name)
        for name in re.findall(r"'migctl ([a-z]+)", text):
            p.ok("help", name)
    return tried


def listed(p):
    overview = p.ok("help")
    for topic in TOPICS:
        title = topic.read_text(encoding="utf-8").split("\n", 1)[0]
        check(topic.stem in overview and title.split(" ", 1)[0] in overview, f"{topic.stem} is not listed")
        check(topic.read_text(encoding="utf-8") in p.ok("help", topic.stem), f"{topic.stem} is not printed")


def smi(p, words, rc=0):
    done = p.run("--lab", "one", "smi", *words.split())
    check(done.returncode == rc, f"nvidia-smi {words}: {done}")


def clear(p):
    for row in p.json("lab", "status", "one")["instances"]:
        if row["ci"] is not None:
            smi(p, f"mig -gi {row['gi']} -dci")
        smi(p, f"mig -gi {row['gi']} -dgi")


def starts(p):
    return [row["start"] for row in p.json("lab", "status", "one")["instances"]]


def placement(p):
    """The orders of placement.txt, by the simulated driver's own choice."""
    text = (SOURCE / "data" / "help" / "placement.txt").read_text(encoding="utf-8")
    told = dict(re.findall(r"^  ([1234]g)   ([0-9 ]+)$", text, re.M))
    check(set(told) == {"1g", "2g", "3g", "4g"}, f"placement.txt tells {told}")
    for name, number in (("1g", 19), ("2g", 14), ("3g", 9), ("4g", 5)):
        for n, start in enumerate(told[name].split()):
            smi(p, f"mig -cgi {number}")
            check(sorted(starts(p)) == sorted(map(int, told[name].split()[:n + 1])),
                  f"{name}: {starts(p)}, and placement.txt has {start} as number {n + 1}")
        clear(p)
    smi(p, "mig -cgi 14,14,9", rc=23)
    clear(p)
    smi(p, "mig -cgi 9,14,14")
    clear(p)


def fragmentation(p, env):
    """Its example: 1g at 0, 2 and 4; and the same three at 4, 5 and 6."""
    smi(p, "mig -cgi 19:0,19:2,19:4")
    for profile, rc in (("3g.40gb", 3), ("2g.20gb", 3), ("4g.40gb", 3), ("1g.20gb@6", 0)):
        check(p.run("explain", profile, env=env).returncode == rc, f"{profile} beside 0, 2 and 4")
    clear(p)
    smi(p, "mig -cgi 19:4,19:5,19:6")
    check(p.run("explain", "4g.40gb", env=env).returncode == 0, "4g.40gb beside 4, 5 and 6")


def main():
    with Place() as p:
        p.create("one", driver="580.65.06")
        env = {"MIGKIT_LAB": str(p.labs / "one")}
        smi(p, "-mig 1")
        listed(p)
        placement(p)
        fragmentation(p, env)
        print(f"{examples(p, env)} examples in {len(TOPICS)} topics")


main()
