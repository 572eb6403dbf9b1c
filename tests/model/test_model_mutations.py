#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""Faults put into src/sim and src/lab, one at a time (mutations.json): the model check must find each.

One file is compiled, and linked with the built objects of the others into a library of its own, which a
few seconds of the check (quick.py) then ask: the case that the fault names, and of every eighth fault all
cases from the first on, as if it were not known where to look. At length all are asked so.

Usage: test_model_mutations.py [WORD]...   those with all of the words in what they are
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from lockstep import BUILD, LONG, SOURCE

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 200
EVERY = 1 if LONG or sys.argv[1:] else 8
SIM = BUILD / "src/sim/libnvidia-ml.so.1.p"


def commands():
    """How each file of src/sim and src/lab is compiled, as the build has it."""
    with open(BUILD / "compile_commands.json", encoding="utf-8") as f:
        rows = json.load(f)
    found = {}
    for row in rows:
        path = (pathlib.Path(row["directory"]) / row["file"]).resolve()
        if path.is_relative_to(SOURCE.resolve() / "src"):
            found.setdefault(str(path.relative_to(SOURCE.resolve() / "src")), row)
    return found


def compile_to(row, source, out):
    """The build's own command, for another source and another object, and in less time."""
    words, given = shlex.split(row["command"]), []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MQ", "-c"):
            skip = True
        elif word not in ("-MD", "-O2", "-g", "-Werror") and word != row["file"]:
            given.append(word)
    own = (pathlib.Path(row["directory"]) / row["file"]).resolve().parent
    subprocess.run([*given, "-w", "-O0", f"-I{own}", "-c", str(source), "-o", str(out)], check=True,
                   cwd=row["directory"])


def link(changed, name, out):
    objects = [o for o in sorted(SIM.glob("*.o")) if not o.name.endswith(f"_{name}.o") and
               o.name != f"{name}.o"]
    archives = [str(BUILD / "src" / p / f"lib{p}.a") for p in ("lab", "model", "base")]
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-shared", "-o", str(out), str(changed),
                    *map(str, objects), *archives, f"-Wl,--version-script,{SOURCE}/src/sim/nvml.map",
                    "-Wl,-z,now", "-Wl,-z,nodelete", "-pthread"], check=True)


def ask(library, cases):
    """None: all answers were right; otherwise what was wrong."""
    env = {**os.environ, "MIGKIT_MODEL_LIBRARY": str(library), "MIGKIT_BUILD": str(BUILD),
           "MIGKIT_LONG": "1"}
    try:
        done = subprocess.run([sys.executable, str(HERE / "quick.py"), *cases], env=env, text=True,
                              capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer in {LIMIT_S} s"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]


def stale(mutations):
    """Those whose place in the source is gone."""
    for mutation in mutations:
        text = (SOURCE / "src" / mutation["file"]).read_text(encoding="utf-8")
        if text.count(mutation["old"]) != 1:
            yield (f"{mutation['file']} has {text.count(mutation['old'])} times {mutation['old']!r} "
                   f"(\"{mutation['what']}\")")


def try_one(number, mutation, row, folder):
    """Whether it was found; says so."""
    began = time.monotonic()
    path = SOURCE / "src" / mutation["file"]
    own = folder / str(number)
    own.mkdir()
    source = own / path.name
    source.write_text(path.read_text(encoding="utf-8").replace(mutation["old"], mutation["new"]),
                      encoding="utf-8")
    compile_to(row, source, own / "changed.o")
    library = own / "libnvidia-ml.so.1"
    link(own / "changed.o", path.name if mutation["file"].startswith("sim/") else "", library)
    found = ask(library, [] if number % EVERY == 0 else [mutation["quick"]])
    print(f"{mutation['file']}: {mutation['what']}: {found or 'NOT FOUND'} "
          f"({time.monotonic() - began:.1f} s)", flush=True)
    shutil.rmtree(own)
    # What is found must be a difference, a driver that died or one that hangs, or a state that no lab may
    # have and that every opening refuses; not trouble of ours.
    ours = bool(found) and found.startswith("FAILED: migctl") and " is damaged: " not in found
    return bool(found) and "Error" not in found.split(":")[0] and not ours


def main():
    if not shutil.which(shlex.split(os.environ.get("CC", "cc"))[0]):
        print("skipped: no compiler")
        sys.exit(77)
    with open(HERE / "mutations.json", encoding="utf-8") as f:
        mutations = [m for m in json.load(f) if all(word in m["what"] for word in sys.argv[1:])]
    gone = list(stale(mutations))
    if gone:
        sys.exit("FAILED: the source has changed; put these faults in anew (mutations.json): " +
                 "; ".join(gone))
    rows = commands()
    with tempfile.TemporaryDirectory(prefix="migkit-mutants-") as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(folder)
        # As it is, built in the same way: what is found is the fault and not the way.
        whole = folder / "libnvidia-ml.so.1"
        compile_to(rows["sim/handle.c"], SOURCE / "src/sim/handle.c", folder / "handle.o")
        link(folder / "handle.o", "handle.c", whole)
        wrong = ask(whole, [])
        if wrong:
            sys.exit(f"FAILED: without any fault: {wrong}")
        tries = [pool.submit(try_one, i, m, rows[m["file"]], folder) for i, m in enumerate(mutations)]
        missed = [m["what"] for m, t in zip(mutations, tries) if not t.result()]
    if missed:
        sys.exit(f"FAILED: {len(missed)} of {len(mutations)} faults are not found: {missed}")
    sim = sum(m["file"].startswith("sim/") for m in mutations)
    print(f"{sim} faults in src/sim and {len(mutations) - sim} in src/lab, each found")


if __name__ == "__main__":
    main()
