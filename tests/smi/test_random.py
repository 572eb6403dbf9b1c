#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600 must-run
"""500 random command sequences through NVIDIA's nvidia-smi 535 and through ours on equal labs:
the same bytes, the same exit codes, the same state. A failure prints its seed; run that one alone
with: test_random.py SEED. Another number of sequences: MIGKIT_TEST_SEQUENCES; another branch of
NVIDIA's driver: MIGKIT_TEST_BRANCH.
"""
import concurrent.futures
import os
import random
import subprocess
import sys

import pair

BOARDS = {
    "a100-80gb-pcie": ["19", "20", "15", "14", "9", "5", "0", "1g.10gb", "1g.10gb+me", "1g.20gb",
                       "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb", "MIG 3g.40gb"],
    "a30": ["14", "21", "5", "6", "0", "1g.6gb", "1g.6gb+me", "2g.12gb", "2g.12gb+me", "4g.24gb",
            "MIG 2g.12gb"],
    "h100-80gb-sxm": ["19", "20", "15", "14", "9", "5", "0", "1g.10gb", "1g.10gb+me", "1g.20gb",
                      "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb", "MIG 1g.10gb+me"],
}
WRONG = ["77", "6", "32", "255", "-1", "x", "3g.20gb", "3g", "MIG", "mig 3g.40gb", "1c.3g.40gb",
         "9.5", "0x13", "+19", " 19", "99999999999"]
CI = ["0", "1", "2", "3", "4", "7", "1c.3g.40gb", "2c.3g.40gb", "3g.40gb", "MIG 1c.2g.20gb",
      "1g.10gb", "1c.2g.12gb", "bogus", "0:0", "9", ""]
FIELDS = ["index", "name", "uuid", "serial", "pci.bus_id", "driver_version", "memory.total",
          "memory.reserved", "memory.used", "memory.free", "mig.mode.current", "mig.mode.pending",
          "utilization.gpu", "utilization.memory", "temperature.gpu", "power.draw", "gpu_name",
          "gpu_uuid", "gpu_serial", "gpu_bus_id"]
APPS = ["pid", "name", "process_name", "used_memory", "used_gpu_memory", "gpu_uuid", "gpu_name",
        "gpu_bus_id", "gpu_serial"]


BRANCH = os.environ.get("MIGKIT_TEST_BRANCH", "535")


class Writer:
    """Writes commands; knows as much of the labs as a user does who types fast."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.board = self.r.choice(list(BOARDS))
        self.gpus = self.r.choice((1, 1, 1, 2, 3, 4))
        self.numbering = "" if self.board == "a30" else f" --numbering {self.r.choice('IX')}"

    def lab(self, seed):
        more = " --bus-id 00000001:00:00.0" if self.gpus == 1 and self.r.random() < 0.3 else ""
        return (f"--board {self.board}:{self.gpus} --driver {pair.DRIVER[BRANCH]}{self.numbering} "
                f"--seed {seed}{more}")

    def typo(self, word):
        if self.r.random() > 0.04 or not word:
            return word
        at = self.r.randrange(len(word))
        what = self.r.choice(("drop", "double", "swap", "change"))
        if what == "drop":
            return word[:at] + word[at + 1:]
        if what == "double":
            return word[:at] + word[at] + word[at:]
        if what == "swap":
            return word[:at] + word[at:at + 2][::-1] + word[at + 2:]
        return word[:at] + self.r.choice("0123456789abgmx:,.+ -") + word[at + 1:]

    def some(self, words, most=3):
        return ",".join(self.typo(self.r.choice(words)) for _ in range(self.r.randint(1, most)))

    def gpu(self, always=False):
        if not always and self.r.random() < 0.6:
            return []
        ids = [str(i) for i in range(self.gpus)]
        wrong = ["9", "x", "", "0,", "GPU-00000000-0000-0000-0000-000000000000", "0,0"]
        word = self.some(ids, 2) if self.r.random() < 0.85 else self.r.choice(wrong)
        return [self.r.choice(("-i", "--id")) if self.r.random() < 0.9 else "-i", word]

    def gi(self):
        if self.r.random() < 0.5:
            return []
        ids = [str(i) for i in range(15)] if self.r.random() < 0.9 else ["15", "99", "x", "-1", ""]
        return ["-gi", self.some(ids)]

    def ci(self):
        return ["-ci", self.some(["0", "1", "2", "3", "7", "x"])] if self.r.random() < 0.3 else []

    def profile(self):
        if self.r.random() < 0.08:
            return self.r.choice(WRONG)
        word = self.typo(self.r.choice(BOARDS[self.board]))
        if self.r.random() < 0.25:
            word += ":" + self.r.choice(("0", "1", "2", "3", "4", "5", "6", "7", "8", "x", ""))
        return word

    def create(self):
        names = ",".join(self.profile() for _ in range(self.r.choice((1, 1, 2, 3, 7))))
        return ["-cgi", names] + (["-C"] if self.r.random() < 0.5 else [])

    def mig(self):
        kind = self.r.choices(("create", "cci", "dci", "dgi", "list", "odd"),
                              (30, 14, 12, 10, 32, 2))[0]
        if kind == "create":
            words = [self.create(), self.gpu()]
        elif kind == "cci":
            words = [["-cci"] + ([self.some(CI)] if self.r.random() < 0.8 else []), self.gpu(),
                     self.gi()]
        elif kind == "dci":
            words = [["-dci"], self.gpu(), self.gi(), self.ci()]
        elif kind == "dgi":
            words = [["-dgi"], self.gpu(), self.gi()]
        elif kind == "list":
            words = [[self.r.choice(("-lgip", "-lgipp", "-lgi", "-lcip", "-lcipp", "-lci",
                                     "--list-gpu-instances", "--list-compute-instances",
                                     "--list-gpu-instance-profiles"))], self.gpu(), self.gi()]
        else:
            words = [[self.r.choice(("-h", "-bogus", "extra", "-C", "-lgi -lci", ""))]]
        self.r.shuffle(words)
        return ["mig"] + [w for part in words for w in part]

    def query(self):
        form = self.r.choice(("csv", "csv", "csv,noheader", "csv,nounits", "csv,noheader,nounits",
                              "cvs", "csv,bogus", "noheader"))
        words = [["--format=" + form]]
        if self.r.random() < 0.8:
            words.append(["--query-gpu=" + self.some(FIELDS, 5)])
        else:
            words.append(["--query-compute-apps=" + self.some(APPS, 4)])
        words.append(self.gpu())
        self.r.shuffle(words)
        return [w for part in words for w in part]

    def other(self):
        return self.r.choice((
            lambda: self.gpu(),
            lambda: self.gpu(True),
            lambda: ["-L"],
            lambda: ["-L"] + self.gpu(),
            lambda: ["-pm", self.r.choice("01x")] + self.gpu(),
            lambda: ["--gpu-reset"] + self.gpu(),
            lambda: ["-r"] + self.gpu(True),
            lambda: ["-bogus"],
            lambda: ["-mig"],
            self.query,
            self.query,
        ))()

    def command(self, first):
        if first or self.r.random() < 0.07:
            value = "1" if first else self.r.choice(("0", "1", "1", "2", "on", ""))
            return self.r.choice((["-mig", value], ["--multi-instance-gpu=" + value])) + self.gpu()
        return self.mig() if self.r.random() < 0.75 else self.other()


def sequence(seed, real):
    """The first difference of one sequence, or nothing."""
    writer = Writer(seed)
    with pair.place() as root:
        labs = pair.Pair(real, writer.lab(seed), root)
        for step in range(writer.r.randint(6, 12)):
            words = writer.command(step == 0)
            try:
                found = labs.differences(words)
            except subprocess.TimeoutExpired as late:
                found = [f"still running after {late.timeout} s: {late.cmd[0]}"]
            if found:
                return "\n".join([f"seed {seed}, {writer.board} x{writer.gpus}{writer.numbering}, "
                                  f"step {step + 1}: nvidia-smi {words}", *found])
    return ""


def main():
    real = pair.behind_the_guard(BRANCH)
    if len(sys.argv) > 1:
        seeds = [int(s) for s in sys.argv[1:]]
    else:
        seeds = list(range(1, 1 + int(os.environ.get("MIGKIT_TEST_SEQUENCES", "500"))))
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        failures = [f for f in pool.map(lambda s: sequence(s, real), seeds) if f]
    print("\n".join(failures[:20]))
    print(f"{len(seeds)} sequences, {len(failures)} of them differ")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
