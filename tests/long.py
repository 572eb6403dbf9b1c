#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make check-long: what takes too long for every run.

Usage: tests/long.py [--seconds N] [--only fuzz|plan|model|outside|stress] [--target NAME] [FOLDER]

plan: the planner's tests with many more questions (MIGKIT_LONG multiplies them) and other seeds.
model: the simulated driver beside the model of MIG (tests/model/), over all layouts of all boards.
outside: 10,000 commands in labs, on a machine that looks as if it had a real driver (tests/cli/test_outside.py).
stress: sixteen processes on two labs (tests/stress/), N seconds (300), under faults, kills and reboots.
fuzz: every target of tests/fuzz under libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer,
N seconds each (300), from the inputs that are kept; executions and coverage are printed, and what it
found is left in FOLDER/fuzz/found, to be kept in tests/fuzz/NAME/ under a name that says what it is.
Ends with 1 on any finding.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Instrumented for libFuzzer, and for a report of the lines that ran.
COMPILE = "-fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping -O1"
FUZZER = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined",
          "-fprofile-instr-generate", "-fcoverage-mapping"]
# What a target is about: the share of its lines that ran is told of this file.
ABOUT = {"board": ("src/spec/board_",), "machine": ("src/spec/machine_yaml.c",),
         "request": ("src/spec/request.c",), "snapshot": ("src/spec/snapshot_",),
         "journal": ("src/engine/history.c", "src/engine/journal.c", "src/engine/layout.c"),
         "claim": ("src/engine/claims_text.c",), "names": ("src/engine/names.c",),
         "process": ("src/observe/proc_",), "calls": ("src/sim/", "src/lab/rules", "src/lab/ops.c"),
         "state": ("src/lab/check", "src/lab/map.c"), "fault": ("src/cli/lab_fault_parse.c",),
         "latency": ("src/spec/latency_yaml.c",), "trace": ("src/nvml/trace_",)}
TIMES = 10


def run(words, **more):
    done = subprocess.run([str(w) for w in words], cwd=ROOT, stdin=subprocess.DEVNULL, check=False, **more)
    return done.returncode


def must(words, what, env):
    done = subprocess.run([str(w) for w in words], cwd=ROOT, stdin=subprocess.DEVNULL, env=env,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


class Fuzz:
    """The instrumented build, and runs of its targets."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder / "fuzz", seconds
        self.found = self.folder / "found"
        self.env = {**os.environ, "CC": "clang-14", "LLVM_PROFILE_FILE": "/dev/null"}

    def build(self):
        options = ["-Db_sanitize=address,undefined", "-Db_lundef=false", f"-Dc_args={COMPILE}",
                   "-Dc_link_args=-fprofile-instr-generate"]
        if not (self.folder / "build.ninja").exists():
            must(["meson", "setup", self.folder, *options], "meson setup", self.env)
        targets = must(["ninja", "-C", self.folder, "-t", "targets", "all"], "ninja", self.env)
        libraries = re.findall(r"^(src/\w+/lib\w+\.a):", targets, re.M)
        must(["ninja", "-C", self.folder, "tests/calls_table.h", *libraries], "building for libFuzzer",
             self.env)
        return [self.folder / lib for lib in libraries]

    def link(self, source, libraries):
        program = self.folder / source.stem
        must(["clang-14", "-std=gnu11", "-D_GNU_SOURCE", "-DFUZZ_ENGINE", "-g", "-O1", *FUZZER,
              "-I", ROOT / "include", "-I", ROOT / "src", "-I", ROOT / "tests",
              "-I", self.folder / "tests", "-o", program, source,
              "-Wl,--start-group", *libraries, "-Wl,--end-group", "-lyaml", "-ljson-c", "-lsmartcols",
              "-ldl", "-pthread"], source.name, self.env)
        return program

    @staticmethod
    def memory():
        """A folder in memory, where there is one: labs are written to thousands of times a second."""
        return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def lines(self, name, program, profile):
        """'87 % of the lines of src/spec/request.c ran', by clang's coverage."""
        merged = profile.with_suffix(".profdata")
        must(["llvm-profdata-14", "merge", "-o", merged, profile], "llvm-profdata", self.env)
        report = json.loads(must(["llvm-cov-14", "export", "-summary-only", f"-instr-profile={merged}",
                                  program], "llvm-cov", self.env))
        about = ABOUT.get(name, (f"tests/fuzz/fuzz_{name}.c",))
        count = covered = 0
        for f in report["data"][0]["files"]:
            path = os.path.normpath(os.path.join(self.folder, f["filename"]))
            if any(part in path for part in about):
                count += f["summary"]["lines"]["count"]
                covered += f["summary"]["lines"]["covered"]
        share = f"{100 * covered / count:.1f} %" if count else "none"
        return f"{share} of {count} lines of {', '.join(about)}"

    def target(self, source, libraries):
        name = source.stem.removeprefix("fuzz_")
        program = self.link(source, libraries)
        found = self.found / name
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="migkit-fuzz-", dir=self.memory()) as work:
            profile = pathlib.Path(work) / "run.profraw"
            grown = pathlib.Path(work) / "corpus"
            grown.mkdir()
            # Labs that a target makes go with the folder. The libraries are built to go on after a finding.
            env = {**self.env, "LLVM_PROFILE_FILE": str(profile), "TMPDIR": work,
                   "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
            done = subprocess.run(
                [program, f"-max_total_time={self.seconds}", "-print_final_stats=1", "-max_len=65536",
                 "-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={found}/", grown,
                 ROOT / "tests/fuzz" / name], env=env, capture_output=True, text=True, check=False,
                cwd=work, stdin=subprocess.DEVNULL)
            number = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
            edges = re.findall(r"cov: (\d+)", done.stderr) or ["0"]
            findings = sorted(p.name for p in found.iterdir())
            ran = self.lines(name, program, profile) if profile.exists() else "no coverage was written"
        print(f"fuzz_{name}: {self.seconds} s, {number.group(1) if number else 0} executions, "
              f"{edges[-1]} edges, {ran}, {len(findings)} findings", flush=True)
        if done.returncode or findings:
            print(done.stderr[-3000:])
            print("\n".join(str(found / f) for f in findings))
        return bool(done.returncode or findings)

    def all(self, only):
        libraries = self.build()
        failed = 0
        for source in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c")):
            if only in (None, source.stem.removeprefix("fuzz_")):
                failed += self.target(source, libraries)
        return failed


def suite(folder, *names):
    """Tests of a folder, or one by its name, with many times the questions."""
    env = {**os.environ, "MIGKIT_LONG": str(TIMES)}
    return run(["meson", "test", "-C", folder, "--no-rebuild", *names, "--timeout-multiplier",
                str(4 * TIMES), "--print-errorlogs", "--num-processes", "2"], env=env) != 0


def stress(folder, seconds):
    """What must always be so is so, nothing is left, and how much of everything there was."""
    env = {**os.environ, "MIGKIT_TEST_SECONDS": str(seconds), "MIGKIT_BUILD": str(folder)}
    return run([folder / "tests/unit_stress"], env=env) != 0


def main():
    parser = argparse.ArgumentParser(description="Tests that take long.")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--only", choices=("plan", "model", "outside", "verify_faults", "stress", "fuzz"))
    parser.add_argument("--target")
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build")
    args = parser.parse_args()
    failed = 0
    for name in ("plan", "model"):
        if args.only in (None, name):
            failed += suite(args.folder, "--suite", name)
    for name in ("outside", "verify_faults"):
        if args.only in (None, name):
            failed += suite(args.folder, name)
    if args.only in (None, "stress"):
        failed += stress(args.folder.resolve(), args.seconds)
    if args.only in (None, "fuzz"):
        failed += Fuzz(args.folder.resolve(), args.seconds).all(args.target)
    print(f"check-long: {failed} failed" if failed else "check-long: fine")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
