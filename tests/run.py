#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make test: builds with gcc and clang, runs every test, and ends with the count.

Usage: tests/run.py [FOLDER]

FOLDER (build) is built with gcc and gets all tests; FOLDER/clang is built with clang 14 under
AddressSanitizer and UndefinedBehaviorSanitizer and gets the unit tests again. Warnings are errors
in both. Before the last lines stand the foreign programs that ran on the simulated driver, with their
versions. The last line is "N passed, N failed, N skipped"; the exit code is 0 only if nothing failed.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GCC = {"CC": "gcc"}
CLANG = {"CC": "clang-14"}
SANITIZED = ("-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1")
CI = os.environ.get("CI") == "true"


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def take(self, name, result, text, suites):
        if result in ("OK", "EXPECTEDFAIL"):
            self.passed += 1
        elif result != "SKIP":
            self.failed.append((name, f"{result.lower()}\n{text}"))
        elif CI and any(s.endswith("must-run") for s in suites):
            self.failed.append((name, f"must not be skipped where CI=true: {reason(text)}"))
        else:
            self.skipped.append((name, reason(text)))


def reason(text):
    """Why a test was skipped: the line in which it says so, or its last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if "skipped:" in line:
            return line.partition("skipped:")[2].strip()
    return lines[-1] if lines else "it does not say why"


def build(folder, env, options, count):
    print(f"== building {folder} with {env['CC']}", flush=True)
    done = subprocess.run(["tools/build", "--quiet", str(folder), *options], cwd=ROOT,
                          env=os.environ | env, stdin=subprocess.DEVNULL)
    count.take(f"build with {env['CC']}", "OK" if done.returncode == 0 else "FAIL",
               "it does not build, see above", [])
    return done.returncode == 0


def meson_test(folder, prefix, count):
    # meson's own exit code says nothing more than its log, from which all is read.
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    # The limits end what hangs; a machine that is busy with other things hangs nothing.
    subprocess.run(["meson", "test", "-C", str(folder), "--no-rebuild", "--timeout-multiplier", "4",
                    "--num-processes", str(max(2, os.cpu_count() or 2))], cwd=ROOT, stdin=subprocess.DEVNULL)
    if not log.exists():
        count.take(f"{prefix}meson test", "FAIL", "it left no log", [])
        return
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        t = json.loads(line)
        suites = t["name"].partition(" / ")[0].partition(":")[2].split("+")
        text = t.get("stdout", "") + t.get("stderr", "")
        count.take(prefix + t["name"].rpartition(" / ")[2], t["result"], text, suites)


def clients(folder):
    """What ran, as the tests of tests/clients and tests/smi left it (report() in their common.py)."""
    lines = [line for path in sorted((folder / "clients").glob("*"))
             for line in path.read_text(encoding="utf-8").splitlines()]
    return [f"Programs that ran on the simulated driver: {len(lines)}", *lines] if lines else []


def main():
    folder = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build")
    count = Count()
    start = time.monotonic()
    (folder / "count").unlink(missing_ok=True)
    shutil.rmtree(folder / "clients", ignore_errors=True)
    if build(folder, GCC, (), count):
        meson_test(folder, "", count)
    if build(folder / "clang", CLANG, SANITIZED, count):
        meson_test(folder / "clang", "sanitized: ", count)

    for name, text in count.failed:
        print(f"\n== failed: {name}\n{text.rstrip()[-6000:]}")
    print()
    for line in clients(folder):
        print(line)
    for name, why in count.skipped:
        print(f"skipped: {name}: {why}")
    print(f"{time.monotonic() - start:.0f} seconds")
    # Again, by name: who sees only the end of a long output sees what to look for.
    for name, text in count.failed:
        print(f"failed: {name}: {text.partition(chr(10))[0]}")
    line = f"{count.passed} passed, {len(count.failed)} failed, {len(count.skipped)} skipped"
    (folder / "count").write_text(line + "\n")
    print(line, flush=True)
    sys.exit(1 if count.failed else 0)


if __name__ == "__main__":
    main()
