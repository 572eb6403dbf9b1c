# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's nvidia-smi and ours on equal labs in which one NVML call fails, with each code in turn.

Which calls a command makes is read from the library's log of NVIDIA's program. Each of them answers each
code of NVML once, on all calls; those that change something on the second alone, too. Both programs must print the same, end with the same
code and leave the same state. Every run takes a part of the cases, chosen by their names; MIGKIT_CASES=all
takes all of them.
"""
import os
import re
import shlex
import sys
import zlib

import pair

CODES = [*range(1, 29), 999]
# One of so many cases is taken.
SHARE = 1 if os.environ.get("MIGKIT_CASES") == "all" else 12
LAYOUTS = {"off": [], "empty": ["-i 0 -mig 1"], "full": ["-mig 1", "mig -cgi 9,14,19 -C"],
           "bare": ["-i 0 -mig 1", "mig -i 0 -cgi 9,14,19"]}
COMMANDS = [("full", "-L"), ("off", "-L"), ("full", "mig -lgip"), ("full", "mig -lgipp"), ("full", "mig -lgi"),
            ("full", "mig -lcip"), ("full", "mig -lci"), ("empty", "mig -i 0 -cgi 9,19"),
            ("empty", "mig -i 0 -cgi 14,19 -C"), ("bare", "mig -i 0 -cci"), ("full", "mig -i 0 -dci"),
            ("bare", "mig -i 0 -dgi"), ("off", "-i 0 -mig 1"), ("empty", "-i 0 -mig 0"), ("off", "-mig 1")]
# What either program calls first: one and the same function of NVML.
SAME = {"nvmlInitWithFlags": "nvmlInit_v2", "nvmlInit_v2": "nvmlInitWithFlags"}
# Calls without an answer that means something.
LEFT_OUT = re.compile(r"nvmlInternalGetExportTable|nvmlShutdown|nvmlErrorString")
# Only of these both programs make as many calls.
CHANGES = re.compile(r"Create(?:Gpu|Compute)Instance|InstanceDestroy|SetMigMode")
LOGGED = re.compile(r"^(\d+) (nvml\w+) ")


class Bench:
    """Two labs that are put back before each case."""

    def __init__(self, branch, real, root):
        self.pair = pair.Pair(real, f"--board a100-40gb-sxm:2 --driver {pair.DRIVER[branch]}", root)
        self.files = {side: self.pair.root / side / "migkit/labs/pair/state" for side in ("real", "ours")}
        new = self.read()
        self.kept = {}
        for name, commands in LAYOUTS.items():
            self.put(new)
            for words in commands:
                self.pair.both("smi", *words.split())
            self.kept[name] = self.read()

    def read(self):
        return {side: path.read_bytes() for side, path in self.files.items()}

    def put(self, kept):
        """Nobody has a lab open between two cases."""
        for side, data in kept.items():
            with open(self.files[side], "r+b") as file:
                file.write(data)

    def calls(self, layout, command):
        """Names of what NVIDIA's program calls, each with how often."""
        self.put(self.kept[layout])
        log = self.pair.root / "log"
        log.unlink(missing_ok=True)
        self.pair.env["real"]["MIGKIT_LOG"] = str(log)
        self.pair.run("real", shlex.split(command))
        del self.pair.env["real"]["MIGKIT_LOG"]
        found = {}
        for name in (m[2] for m in map(LOGGED.match, log.read_text().splitlines()) if m):
            if not LEFT_OUT.match(name):
                found[name] = found.get(name, 0) + 1
        return found

    def case(self, layout, command, function, nth, code):
        """In which ways the two differ."""
        self.put(self.kept[layout])
        names = [function, *([SAME[function]] if function in SAME else [])]
        for name in names:
            self.pair.both("lab", "fault", "add", name, *(["--nth", str(nth)] if nth else []), "--return", str(code))
        return self.pair.differences(shlex.split(command))


def cases(bench):
    for layout, command in COMMANDS:
        for function, count in bench.calls(layout, command).items():
            for nth in (0, 2) if count > 1 and CHANGES.search(function) else (0,):
                for code in CODES:
                    yield layout, command, function, nth, code


def taken(case):
    return zlib.crc32(repr(case).encode()) % SHARE == 0


# A pattern of "535 mig -lgi: nvmlDeviceGetMigMode 0 999" (0: each call, else the n-th) and why such cases differ.
REASONS = {
    r".*: nvmlInit\w* 0 (?:22|27|28)": "before NVML is up nobody knows the driver, whose words these are",
}


def known(branch, case, reasons):
    """Why a case may differ, if it may."""
    _, command, function, nth, code = case
    text = f"{branch} {command}: {function} {nth} {code}"
    return next((why for pattern, why in reasons.items() if re.fullmatch(pattern, text)), None)


def main(branch, reasons):
    real = pair.behind_the_guard(branch)
    wanted = re.compile(" ".join(sys.argv[1:]) or ".")
    run, differ, excused = 0, [], {}
    with pair.place() as root:
        bench = Bench(branch, real, root)
        for case in cases(bench):
            name = f"{case[0]}: {case[1]}: {case[2]} {case[3] or 'each'} {case[4]}"
            if not taken(case) or not wanted.search(name):
                continue
            run += 1
            found = bench.case(*case)
            why = found and known(branch, case, reasons)
            if why:
                excused[why] = excused.get(why, 0) + 1
            elif found:
                differ.append(f"nvidia-smi {name}\n" + "\n".join(found))
    print("\n".join(differ[:40]))
    for why, count in excused.items():
        print(f"{count} differ as known: {why}")
    print(f"nvidia-smi {pair.DRIVER[branch]}: {run} failing calls, {len(differ)} differ")
    return bool(differ) or (run < 200 and not sys.argv[1:])
