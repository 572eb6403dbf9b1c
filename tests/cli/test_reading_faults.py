#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""Every command that reads, while each NVML call that it makes fails with each of four codes: one clear
sentence, or an answer in which what could not be read is missing and said to be, and all else is right.
Never a crash, never another figure than the healthy driver gave."""
import itertools
import json
import os
import re
import sys

import readers  # finds labtest
from labtest import Place, check

CODES = ("GPU_IS_LOST", "UNKNOWN", "NO_PERMISSION", "TIMEOUT")
COMMANDS = {
    "status": ["status"],
    "profiles": ["profiles"],
    "devices": ["devices"],
    "who": ["who"],
    "plan": ["plan", "1g.10gb", "-i", "0"],
    "draw": ["draw"],
    "explain": ["explain", "4g.40gb", "-i", "0"],
    "layouts": ["layouts", "-i", "0"],
    "boards": ["boards", "-i", "0"],
    "snapshot": ["snapshot", "-"],
}
# What is said of a GPU, answering or not.
WHO = ("uuid", "bus_id", "serial", "name")
# A lab keeps so many faults.
ROUND = 60
# In a table, what tells that something is not known.
TOLD = re.compile(r"not known|names no profiles|did not list|does not answer|could not be read|does not tell|NVML_ERROR_|[?]", re.I)
# By the clock. An ordinary user may look at its own processes alone, others come and go; and whether it
# may manage a GPU is seen by what that answers.
VOLATILE = ("taken",) if os.geteuid() == 0 else ("taken", "privileged", "unread_processes", "n_unread")
# What tells in a record that something could not be read.
SIGN = re.compile(r"(status|error|failed_call|unconfirmed|complete|seen|limited|partial)")


def machine(p):
    lab = p.create("one", board="a100-80gb-pcie:2", driver="580.65.06")
    readers.smi(p, "one", "-i", "0", "-mig", "1")
    readers.smi(p, "one", "mig", "-i", "0", "-cgi", "9,19", "-C")
    readers.smi(p, "one", "mig", "-i", "0", "-cgi", "14")
    device = next(i for i in p.json("lab", "status", "one")["instances"] if i["ci"] is not None)
    p.ok("lab", "client", "start", "--lab", "one", "--name", "train", "--memory", "1GiB", "--device",
         device["uuid"])
    return lab


class Reader:
    """Runs migctl under names of its own, each of which has one fault."""

    def __init__(self, p, lab):
        self.p, self.env = p, {"MIGKIT_LAB": str(lab)}
        self.bin = p.root / "bin"
        self.bin.mkdir()
        self.migctl = p.migctl

    def healthy(self, words):
        log = self.p.root / "log"
        log.unlink(missing_ok=True)
        done = self.p.run(*words, env={**self.env, "MIGKIT_LOG": str(log)})
        return done, sorted(set(re.findall(r"^\d+ (nvml\w+)", log.read_text(), re.M)))

    def order(self, cases):
        """{(call, code): name of a process}"""
        self.p.ok("lab", "fault", "clear", "--all", "--lab", "one")
        names = {}
        for n, (call, code) in enumerate(cases):
            name = f"reader{n}"
            if not (self.bin / name).is_symlink():
                (self.bin / name).symlink_to(self.migctl)
            # As the kernel names the process that the link starts.
            self.p.ok("lab", "fault", "add", exactly(call), "--return", code, "--name", name, "--lab", "one")
            names[call, code] = name
        return names

    def run(self, name, words):
        self.p.migctl = self.bin / name
        try:
            return self.p.run(*words, env=self.env)
        finally:
            self.p.migctl = self.migctl


def exactly(call):
    return call if re.search(r"_v\d+$", call) else call + "_v1"


def covered(got, want, key=""):
    """Whether nothing in got is other than in want: it may be missing."""
    if got is None or key in VOLATILE or SIGN.search(key):
        return True
    if isinstance(got, dict):
        if "refused" in got and "says" in got:
            return True
        return isinstance(want, dict) and all(covered(v, want.get(k), k) for k, v in got.items())
    if isinstance(got, list):
        return isinstance(want, list) and all(any(covered(g, w) for w in want) for g in got)
    return got == want


def signs(value, key=""):
    """What says that something is missing."""
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in signs(v, k)]
    if isinstance(value, list):
        return [s for v in value for s in signs(v, key)]
    return [(key, str(value))] if SIGN.search(key) and value not in (None, 0, False) else []


def lost(got, want):
    """Whether a record is missing; a value that is missing is null, which says it."""
    if isinstance(got, dict) and isinstance(want, dict):
        return any(lost(got.get(k), v) for k, v in want.items())
    if isinstance(got, list) and isinstance(want, list):
        return len(got) < len(want) or any(lost(g, w) for g, w in zip(got, want))
    return False


def judge(name, words, done, healthy):
    """What is wrong with an answer, or None."""
    lines = done.stderr.splitlines()
    if done.returncode < 0 or done.returncode > 9 or "Sanitizer" in done.stderr:
        return "crashes"
    if done.returncode not in (0, 3) or (done.returncode == 3 and not done.stdout):
        if done.stdout or len(lines) != 1 or not lines[0].startswith("migctl: ") or len(lines[0]) < 20:
            return f"not one sentence: {done.stdout[:200]!r} {lines}"
        return None
    if "json" not in words and name != "snapshot":
        return None if done.stdout else "says nothing"
    got, want = json.loads(done.stdout), json.loads(healthy.stdout)
    if name == "snapshot":
        # Of a board that could not be read whole the file keeps what was; 0 there is "not known".
        # A GPU, or the list of its instances, that has a status is not whole: who it is stays right.
        for d in (got, want):
            d.pop("boards")
        got["gpus"] = [{k: v for k, v in gpu.items() if k != "board" and
                        (k in WHO or not (gpu["gi_status"] or gpu["status"] or gpu["board_origin"] != 1))}
                       for gpu in got["gpus"]]
        for gpu in got["gpus"]:
            for key in WHO:
                gpu[key] = gpu[key] or None
        return None if covered(got, want) else f"another answer: {difference(got, want)}"
    if name == "draw":
        notes = [part["title"] for part in got["parts"] if part["kind"] == "note"]
        if notes and all(TOLD.search(n) or "can't be read" in n for n in notes):
            return None
        got, want = ({"parts": [{k: v for k, v in part.items() if k not in ("id", "title", "state")}
                                for part in d["parts"]]} for d in (got, want))
    if not covered(got, want):
        return f"another answer: {difference(got, want)}"
    if lost(got, want) and not lines and not set(signs(got)) - set(signs(want)):
        return f"does not say that something is missing: {difference(want, got)}"
    return None


def told(name, code, done, healthy):
    """Whether a person who gets the table knows that something is missing. That an ordinary user is
    refused the list of all instances is no trouble, and "who" names those that it sees."""
    new = [line for line in done.stdout.splitlines() if line not in healthy.stdout.splitlines()]
    return (name, code) == ("who", "NO_PERMISSION") or done.returncode in (0, 3) and TOLD.search("\n".join(new))


def difference(got, want, where=""):
    """The first place at which they differ."""
    if isinstance(got, dict) and isinstance(want, dict):
        for k, v in got.items():
            d = k not in VOLATILE and difference(v, want.get(k), f"{where}/{k}")
            if d:
                return d
        return None
    if isinstance(got, list) and isinstance(want, list):
        for i, (g, w) in enumerate(itertools.zip_longest(got, want)):
            d = difference(g, w, f"{where}[{i}]")
            if d:
                return d
        return None
    return None if got == want else f"{where}: {json.dumps(got)[:150]} where {json.dumps(want)[:150]}"


def main():
    wrong, tried, said = [], 0, 0
    only = os.environ.get("READING_FAULTS", "")
    with Place() as p:
        reader = Reader(p, machine(p))
        runs = {}
        for name, words in COMMANDS.items():
            for form in ([], ["-o", "json"]) if name != "snapshot" else ([],):
                done, calls = reader.healthy(words + form)
                check(done.returncode in (0, 3) and not done.stderr, f"{words + form}: {done}")
                runs[name, bool(form)] = (words + form, done, calls)
        calls = sorted({c for _, _, found in runs.values() for c in found})
        check(len(calls) > 25, f"few calls: {calls}")
        cases = [(call, code) for call in calls for code in CODES]
        for at in range(0, len(cases), ROUND):
            for (call, code), process in reader.order(cases[at:at + ROUND]).items():
                for n, ((name, is_json), (words, healthy, made)) in enumerate(runs.items()):
                    # The table with one of the codes only: its records are those of the JSON.
                    if call not in made or only not in name or (
                            not is_json and name != "snapshot" and
                            CODES.index(code) != (n + calls.index(call)) % len(CODES)):
                        continue
                    tried += 1
                    what = judge(name, words, reader.run(process, words), healthy)
                    if what and is_json and told(
                            name, code, reader.run(process, runs[name, False][0]), runs[name, False][1]):
                        said += 1
                    elif what:
                        wrong.append(f"migctl {' '.join(words)}, {call} returns {code}: {what}")
        counts = p.json("lab", "fault", "list", "--lab", "one")["faults"]
        check(all(f["struck"] for f in counts), "a fault that nobody met")
    check(not wrong, "\n".join([*wrong, f"{len(wrong)} of {tried}"]))
    print(f"{tried} readings with a call that fails: {len(COMMANDS)} commands, {len(calls)} calls, "
          f"{len(CODES)} codes; of {said} only the table says what is missing")
    return 0


sys.exit(main())
