#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""The tests of threads (tests/unit/test_nvml_threads.c, test_nvml_host.c) under ThreadSanitizer, in a build of its own.

clang, as gcc knows no fences under ThreadSanitizer; setarch -R, as the sanitizer of this version
can't place its shadow where the kernel randomises much.
"""
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
FOLDER = pathlib.Path(os.environ["MIGKIT_BUILD"]) / "tsan"
LIBRARY = "src/sim/libnvidia-ml.so.1"
# The order of locks is not judged where a forked child goes on using the library: there it makes the
# lab's lock anew (as it cannot give back its parent's), which the sanitizer takes for still held.
TARGETS = {"tests/unit_nvml_threads": "halt_on_error=1",
           "tests/unit_nvml_host": "halt_on_error=1:detect_deadlocks=0",
           "tests/unit_abi_events": "halt_on_error=1"}


def run(*words, env=None):
    done = subprocess.run([str(w) for w in words], cwd=SOURCE, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **(env or {})})
    if done.returncode:
        print(done.stdout[-6000:])
        sys.exit(1)
    return done.stdout


# The kernel of some containers refuses to switch the randomisation off; then nothing can be said.
if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode:
    print("skipped: setarch -R is not allowed here, and ThreadSanitizer needs it")
    sys.exit(77)
if not (FOLDER / "build.ninja").exists():
    run("meson", "setup", FOLDER, "-Db_sanitize=thread", "-Db_lundef=false",
        env={"CC": "clang-14"})
run("setarch", "-R", "ninja", "-C", FOLDER, LIBRARY, *TARGETS)
(FOLDER / "sim").mkdir(exist_ok=True)
library = FOLDER / "sim" / "libnvidia-ml.so.1"
library.write_bytes((FOLDER / LIBRARY).read_bytes())
for target, options in TARGETS.items():
    said = run("setarch", "-R", FOLDER / target,
               env={"MIGKIT_BUILD": str(FOLDER), "TSAN_OPTIONS": options})
    if "ThreadSanitizer" in said:
        sys.exit(said)
print("threads, forks and changes: ThreadSanitizer found nothing")
