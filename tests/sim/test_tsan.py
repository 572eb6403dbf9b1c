#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""The threads test (tests/unit/test_nvml_threads.c) under ThreadSanitizer, in a build of its own.

clang, as gcc knows no fences under ThreadSanitizer; setarch -R, as the sanitizer of this version
can't place its shadow where the kernel randomises much.
"""
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
FOLDER = pathlib.Path(os.environ["MIGKIT_BUILD"]) / "tsan"
TARGETS = ("src/sim/libnvidia-ml.so.1", "tests/unit_nvml_threads")


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
run("setarch", "-R", "ninja", "-C", FOLDER, *TARGETS)
(FOLDER / "sim").mkdir(exist_ok=True)
library = FOLDER / "sim" / "libnvidia-ml.so.1"
library.write_bytes((FOLDER / TARGETS[0]).read_bytes())
said = run("setarch", "-R", FOLDER / TARGETS[1],
           env={"MIGKIT_BUILD": str(FOLDER), "TSAN_OPTIONS": "halt_on_error=1"})
if "ThreadSanitizer" in said:
    sys.exit(said)
print("threads, forks and changes: ThreadSanitizer found nothing")
