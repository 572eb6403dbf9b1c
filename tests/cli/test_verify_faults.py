#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""migctl verify, while an NVML call that changes something fails, lies about its failure, or kills it before or after
its effect: the GPU is empty as before, or the command, or the next one after a kill, says that it is not, and
'migctl recover' gets there. Some of the calls of an A30; all of them with MIGKIT_LONG."""
import collections
import concurrent.futures
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import UNAVAILABLE, Place, check, in_memory  # noqa: E402

CHANGES = re.compile(r"^\d+ nvml(DeviceCreateGpuInstance\w*|GpuInstanceCreateComputeInstance\w*|"
                     r"GpuInstanceDestroy|ComputeInstanceDestroy)", re.M)
PARTLY = 32
HOW = (["--return", "UNKNOWN"], ["--return-after", "TIMEOUT"], ["--kill", "before"], ["--kill", "after"])
SOME = 12  # of each call and each way


class Lab:
    """One for each thread: whatever happened, it is empty again after a case."""

    def __init__(self, p, name):
        self.p = p
        self.dir = p.create(name, board="a30", driver="535.261.03")
        self.env = {"MIGKIT_LAB": str(self.dir), "TMPDIR": str(p.root)}
        p.ok("mode", "on", env=self.env)

    def run(self, *words, **env):
        return self.p.run(*words, env={**self.env, **env})

    def left(self):
        return self.p.json("status", env=self.env)["instances"]

    def recover(self):
        """What is wrong, or None."""
        done = self.run("recover")
        if done.returncode or self.left():
            return f"recover: {done.returncode} {done.stderr}; there is {self.left()}"
        return None

    def serves(self):
        made = self.run("create", "1g.6gb@0")
        gone = self.run("destroy", "1g.6gb@0")
        return None if not made.returncode and not gone.returncode else f"not served: {made.stderr} {gone.stderr}"

    def judge(self, done):
        left = self.left()
        if done.returncode == -signal.SIGKILL:
            if not left:
                return None
            told = self.run("create", "1g.6gb@0")
            if told.returncode != PARTLY or "migctl recover" not in told.stderr:
                return f"the next command says {told.returncode} {told.stderr}"
            return self.recover()
        if done.returncode == PARTLY:
            return self.recover() if "migctl recover" in done.stderr else f"names no help: {done.stderr}"
        if left:
            return f"exit {done.returncode} and there is {left}"
        if done.returncode in (0, UNAVAILABLE):
            return None if not done.stderr else f"{done.returncode} and {done.stderr}"
        lines = done.stderr.splitlines()
        return None if len(lines) == 1 and "as it was" in lines[0] else f"no sentence: {lines}"

    def case(self, fault):
        self.p.ok("lab", "fault", "add", *fault, env=self.env)
        done = self.run("verify", "--yes")
        self.p.ok("lab", "fault", "clear", "--all", env=self.env)
        wrong = self.judge(done) or self.serves()
        # Every command reads all of it, and a verify writes 70 KB.
        journal = self.dir / "var/lib/migkit/journal"
        if journal.stat().st_size > 1 << 20:
            journal.unlink()
        if wrong:
            self.run("recover")
            self.run("destroy", "all")
        return wrong and f"{fault}: {wrong}", done.returncode


def cases(calls):
    for call, n in sorted(calls.items()):
        exact = call if re.search(r"_v\d+$", call) or "Destroy" in call else call + "_v1"
        step = 1 if os.environ.get("MIGKIT_LONG") else max(1, n // SOME)
        for i, how in enumerate(HOW):
            # Each way at other calls.
            for nth in range(1 + i * step // len(HOW), n + 1, step):
                yield [f"nvml{exact}", "--nth", str(nth), *how]


def main():
    in_memory()
    ends, wrong = collections.Counter(), []
    with Place() as p, concurrent.futures.ThreadPoolExecutor(2) as pool:
        labs = [Lab(p, "one"), Lab(p, "two")]
        log = p.root / "log"
        check(labs[0].run("verify", "--yes", MIGKIT_LOG=str(log)).returncode == 0, "not well before")
        calls = collections.Counter(CHANGES.findall(log.read_text()))
        check(len(calls) >= 4 and min(calls.values()) > 20, f"{calls}")
        faults = list(cases(calls))
        jobs = [pool.submit(lambda lab, part: [lab.case(f) for f in part], lab, faults[i::2])
                for i, lab in enumerate(labs)]
        for bad, code in (end for job in jobs for end in job.result()):
            ends["killed" if code < 0 else f"exit {code}"] += 1
            wrong += [bad] if bad else []
        left = [n for n in os.listdir(p.root) if n.startswith("migkit-verify")]
    check(not wrong, f"{len(wrong)} of {sum(ends.values())}:\n" + "\n".join(wrong[:20]))
    check(ends["killed"] > 50 and ends["exit 33"] > 20, f"too few kinds of ends: {ends}")
    check(not left, f"left behind: {left}")
    print(f"{sum(ends.values())} cases of {sum(calls.values()) * len(HOW)}, 0 exceptions: " +
          ", ".join(f"{k}: {n}" for k, n in sorted(ends.items())))


if __name__ == "__main__":
    main()
