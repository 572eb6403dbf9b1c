#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lesson's commands in the lesson's order, typed into the lab's shell: each of its 14 screens is
a contiguous part of what the command before it prints, trailing blanks included.

Where the lesson shows something else than its command prints, a command of ours is named that the
author must have run: the screen after "-mig 1" is a later "nvidia-smi -i 0".
"""
import hashlib
import json
import sys

from common import HERE, Place, blocks

CREATE = ("--board", "a100-80gb-pcie", "--driver", "515.86.01", "--numbering", "X",
          "--bus-id", "00000001:00:00.0")
PERSISTENCED = "migctl lab client start --name nvidia-persistenced"

# (what has to be so before, the command, the screen that it shows)
STEPS = (
    ("migctl lab set 0 temperature=33 power=46 memory-used=148", "nvidia-smi -i 0", "01.txt"),
    (PERSISTENCED, "sudo nvidia-smi -i 0 -mig 1", "03.txt"),
    ("sudo killall nvidia-persistenced", "sudo nvidia-smi --gpu-reset", None),
    ("migctl lab set 0 temperature=37 power=69 memory-used=0", "nvidia-smi -i 0", "02.txt"),
    (None, "nvidia-smi mig -i 0 -lgip", "04.txt"),
    (None, "sudo nvidia-smi mig -i 0 -cgi 3g.40gb", None),
    ("sudo nvidia-smi mig -i 0 -dgi", "sudo nvidia-smi mig -i 0 -cgi 9", None),
    ("sudo nvidia-smi mig -i 0 -dgi", "sudo nvidia-smi mig -i 0 -cgi 3g.40gb,3g.40gb", "05.txt"),
    (None, "sudo nvidia-smi mig -i 0 -lgi", "06.txt"),
    (None, "sudo nvidia-smi mig -i 0 -gi 1 -lcip", "07.txt"),
    (None, "sudo nvidia-smi mig -i 0 -gi 1 -cci 1c.3g.40gb,1c.3g.40gb", "08.txt"),
    (None, "sudo nvidia-smi mig -i 0 -gi 1 -lci", "09.txt"),
    ("migctl lab set 0 temperature=40 power=59 memory-used=38 && "
     "migctl lab set 0/1 memory-used=19", "sudo nvidia-smi", "10.txt"),
    (None, "sudo nvidia-smi mig -i 0 -gi 1 -ci 0,1 -dci", "11.txt"),
    (None, "sudo nvidia-smi mig -i 0 -gi 1 -dgi", "12.txt"),
    (None, "sudo nvidia-smi -i 0 -mig 0", "13.txt"),
    ("migctl lab set 0 temperature=36 power=40 memory-used=99", "sudo nvidia-smi", "14.txt"),
)


def check_sources():
    """The kept bytes are those that the script took out: their checksums stand in the index."""
    with open(HERE / "blocks" / "index.json", encoding="utf-8") as f:
        index = json.load(f)
    for block in index["blocks"]:
        data = (HERE / "blocks" / block["file"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != block["sha256"]:
            return [f"blocks/{block['file']} was changed since it was extracted"]
    if len(index["blocks"]) != 14:
        return [f"{len(index['blocks'])} blocks instead of 14"]
    return []


def play(place, screens):
    rc, text = place.run("lab", "create", "lesson", *CREATE)
    if rc:
        return [f"no lab: {text}"]
    try:
        for before, command, screen in STEPS:
            if before:
                rc, text = place.run("lab", "shell", "lesson", "-c", before)
                if rc:
                    return [f"{before}: ended with {rc}: {text}"]
            rc, text = place.run("lab", "shell", "lesson", "-c", command)
            if rc:
                return [f"{command}: ended with {rc}: {text}"]
            if screen and screens.pop(screen) not in text:
                return [f"{command}: blocks/{screen} is no part of it:\n{text}"]
        return [f"never shown: {', '.join(screens)}"] if screens else []
    finally:
        place.run("lab", "destroy", "lesson")


def main():
    complaints = check_sources()
    with Place() as place:
        complaints += play(place, blocks())
        if place.reached.exists():
            complaints.append(f"reached the host's: {place.reached.read_text()}")
    print("\n".join(complaints) or "14 screens, all as the lesson's author saw them")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
