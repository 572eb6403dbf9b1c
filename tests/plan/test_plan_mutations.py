#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Faults put into src/plan, one at a time (mutations.json): the brute force must find each.

Each is built out of tree and asked a few seconds of questions (quick.py); first the planner as it
is, under the compiler's checks of memory and undefined behaviour, which must pass.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or HERE.parents[1])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
CC = os.environ.get("CC", "cc").split()
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fPIC", f"-I{SOURCE}/include", f"-I{SOURCE}/src"]
CHECKED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
LIMIT_S = 120


def compile_one(source, out, extra=()):
    subprocess.run([*CC, *FLAGS, *extra, "-c", str(source), "-o", str(out)], check=True)


def link(objects, out, extra=()):
    parts = [str(BUILD / "src" / p / f"lib{p}.a") for p in ("base", "model")]
    subprocess.run([*CC, "-shared", *extra, "-o", str(out), *map(str, objects),
                    "-Wl,--whole-archive", *parts, "-Wl,--no-whole-archive"], check=True)


def checker():
    """What lets Python load a library that is checked; its own leaks are not looked at."""
    found = subprocess.run([*CC, "-print-file-name=libasan.so"], text=True, check=False,
                           capture_output=True).stdout.strip()
    return {"LD_PRELOAD": found, "ASAN_OPTIONS": "detect_leaks=0"} if "/" in found else None


def ask(library, more=None):
    """None: all answers were right; otherwise what was wrong."""
    env = {**os.environ, "MIGKIT_PLANNER": str(library), "MIGKIT_BUILD": str(BUILD),
           "MIGKIT_LONG": "1", **(more or {})}
    try:
        done = subprocess.run([sys.executable, str(HERE / "quick.py")], env=env, text=True,
                              capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer in {LIMIT_S} s"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"it died of signal {-done.returncode}"
    for line in done.stderr.splitlines():
        if line.startswith("SUMMARY: ") or "runtime error: " in line:
            return line
    return (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]


def stale(mutations):
    """Those whose place in the source is gone."""
    for mutation in mutations:
        text = (SOURCE / "src" / "plan" / mutation["file"]).read_text(encoding="utf-8")
        if text.count(mutation["old"]) != 1:
            yield (f"{mutation['file']} has {text.count(mutation['old'])} times "
                   f"{mutation['old']!r} (\"{mutation['what']}\")")


def mutate(mutation, folder, objects):
    """The library with one fault."""
    path = SOURCE / "src" / "plan" / mutation["file"]
    text = path.read_text(encoding="utf-8")
    source = folder / mutation["file"]
    source.write_text(text.replace(mutation["old"], mutation["new"]), encoding="utf-8")
    changed, library = folder / "changed.o", folder / "libmutant.so"
    compile_one(source, changed)
    link([changed if o.stem == path.stem else o for o in objects], library)
    return library


def main():
    if not shutil.which(CC[0]):
        print(f"skipped: no compiler ({CC[0]})")
        sys.exit(77)
    with open(HERE / "mutations.json", encoding="utf-8") as f:
        mutations = json.load(f)
    gone = list(stale(mutations))
    if gone:
        sys.exit("FAILED: the source has changed; put these faults in anew (mutations.json): " +
                 "; ".join(gone))
    missed, sources = [], sorted((SOURCE / "src" / "plan").glob("*.c"))
    with tempfile.TemporaryDirectory(prefix="migkit-mutants-") as folder:
        folder = pathlib.Path(folder)
        for extra, name in ((CHECKED if checker() else [], "checked"), ([], "plain")):
            objects = [folder / name / f"{source.stem}.o" for source in sources]
            (folder / name).mkdir()
            for source, out in zip(sources, objects):
                compile_one(source, out, extra)
            if name == "checked":
                link(objects, folder / "libchecked.so", extra)
                wrong = ask(folder / "libchecked.so", checker())
                if wrong:
                    sys.exit(f"FAILED: without any fault: {wrong}")
        for mutation in mutations:
            began = time.monotonic()
            found = ask(mutate(mutation, folder, objects))
            print(f"{mutation['file']}: {mutation['what']}: {found or 'NOT FOUND'} "
                  f"({time.monotonic() - began:.1f} s)", flush=True)
            if not found or found.startswith(("Traceback", "OSError", "ImportError")):
                missed.append(mutation["what"])
    if missed:
        sys.exit(f"FAILED: {len(missed)} of {len(mutations)} faults are not found: {missed}")
    print(f"{len(mutations)} faults in src/plan, each found")


if __name__ == "__main__":
    main()
