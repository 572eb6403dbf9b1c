#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run timeout=300
"""What -o json prints is what doc/schemas/ says, for every command that has it, on several machines
and their recordings; each key is described, and seen with a value at least once. What -o csv prints is
the main list of it: the same keys, the same number of rows."""
import contextlib
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import time

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "clients"))
import pypi  # noqa: E402
import readers  # noqa: E402
from labtest import Place, check  # noqa: E402

SCHEMAS = SOURCE / "doc" / "schemas"
# No output but a file: what "migctl snapshot" writes.
FILE = "snapshot"
# An object in each line, while programs run: tests/lab/test_lab_trace.py reads them.
STREAM = "lab-trace"
# Fits or not, whole or broken: all are answers.
ANSWERS = (0, 3, 7)
# Keys that no machine here gives a value: what a simulated driver never refuses, and the like.
# NVML's refusals: a simulated driver tells its owner everything (tests/observe has one that refuses).
UNSEEN = {f"status/{key}" for key in (
    "gpus[]/memory_status", "gpus[]/instances_status", "instances[]/memory_status",
    "instances[]/compute_instances_status", "processes[]/memory_status")}
# Nobody here runs in a unit or a container, or has device files open: tests/observe has such.
UNSEEN |= {f"{name}/processes[]/{key}" for name in ("who", FILE) for key in ("unit", "container", "files")}
UNSEEN |= {"profiles/profiles[]/free_status", "devices/devices[]/memory_status"}
# Nobody hangs here: tests/lab/test_lab_fault.py has some who do.
UNSEEN |= {f"{name}/faults[]/hanging_threads" for name in ("lab-status", "lab-fault-list")}
# Of a status that the driver refuses to read again, and of processes: as above.
UNSEEN |= {f"create/instances[]/{key}" for key in ("memory_status", "compute_instances_status", "processes")}
# One form of steps for all commands: what is made has no id yet, and a mode is of no instance.
UNSEEN |= {f"create/steps[]/{key}" for key in ("gi", "ci")}
UNSEEN |= {f"{name}/steps[]/{key}" for name in ("mode", "reset") for key in ("profile", "gi", "ci", "start")}
# A recording runs nothing, and has no names.
UNSEEN |= {"runs/recorded", "name/recorded"}
# What is in the way of a reset is refused before it is tried.
UNSEEN |= {f"reset/{key}" for key in ("why", "gpus[]/why")}
# Nothing of this is found, or hidden, on these machines: test_doctor.py has all of it.
UNSEEN |= {f"doctor/{key}" for key in ("container", "findings[]/ci", "findings[]/file", "not_looked_at[]/gpu")}
# Compute instances that stand in the way of another are in tests/golden/explain.
UNSEEN |= {"explain/ways[]/gi"}
# A question about a board needs no machine, and has no recording.
BOARDS = {"a30", "a100-80gb-pcie", "a800-80gb-pcie", "gh200-96gb", "h20-141gb"}


def load(p):
    """The schemas; every command with -o json has one, and a row in readers.py."""
    found = {f.name.removesuffix(".schema.json"): json.loads(f.read_text(encoding="utf-8"))
             for f in sorted(SCHEMAS.glob("*.schema.json"))}
    tried = readers.COMMANDS | readers.STILL | {name: None for name, *_ in readers.ACTING if name}
    for name in tried:
        check(name in found, f"doc/schemas/{name}.schema.json is missing")
    for name in found:
        check(name in tried or name in (FILE, STREAM), f"no command is tried for {name}")
    for name in re.findall(r"^  (\S+(?: \S+)*?)(?:  |$)", p.ok("help"), re.M):
        if "--output" in p.ok("help", *name.split()):
            check(name.replace(" ", "-") in {*tried, STREAM}, f"migctl {name} has no row in readers.py")
    return found


def objects(schema, where):
    """(where, schema) of every object in a schema."""
    if "properties" in schema:
        yield where, schema
        for key, value in schema["properties"].items():
            yield from objects(value, f"{where}/{key}")
    if "items" in schema:
        yield from objects(schema["items"], where + "[]")


def described(name, schema):
    check(schema.get("$schema") == "https://json-schema.org/draft/2020-12/schema" and
          schema.get("description") and schema.get("title"), f"{name}: its head is not whole")
    check(schema.get("x-csv") in schema["properties"] or name in (FILE, STREAM),
          f"{name}: x-csv is none of its lists")
    for where, o in objects(schema, name):
        check(o.get("additionalProperties") is False, f"{where}: lets other keys pass")
        check(set(o.get("required", [])) == set(o["properties"]),
              f"{where}: a key that may be missing: {set(o['properties']) ^ set(o.get('required', []))}")
        for key, value in o["properties"].items():
            check(len(value.get("description", "")) > 3, f"{where}/{key}: no description")
            check(re.fullmatch(r"[a-z][a-z0-9_]*", key), f"{where}/{key}: not a key of ours")


def values(said, where):
    """Names of keys that have a value, as objects() names them."""
    if isinstance(said, dict):
        for key, value in said.items():
            if value is not None and value != []:
                yield f"{where}/{key}"
            yield from values(value, f"{where}/{key}")
    elif isinstance(said, list):
        for value in said:
            yield from values(value, where + "[]")


def every_command(p, machines):
    """(schema, words, environment) of all that is tried."""
    for name, words in readers.STILL.items():
        for w in (words, *readers.MORE.get(name, ())):
            yield name, w, {}
    for lab, board in machines.items():
        env = {"MIGKIT_LAB": str(p.labs / lab)}
        for name, words in readers.COMMANDS.items():
            for w in (words, *readers.MORE.get(name, ())):
                if BOARDS & set(w):
                    yield name, w, {}
                    continue
                w = readers.words_for(w, board)
                yield name, w, env
                yield name, [*w, "--snapshot", f"{lab}.json"], {}


def check_csv(p, name, schema, words, env, said):
    done = p.run(*words, "-o", "csv", env=env)
    what = f"migctl {' '.join(words)} -o csv"
    check(done.returncode in ANSWERS, f"{what}: exit {done.returncode}: {done.stderr}")
    rows = list(csv.reader(io.StringIO(done.stdout, newline="")))
    records = said[schema["x-csv"]]
    keys = schema["properties"][schema["x-csv"]]["items"]["properties"]
    check(rows and rows[0] == list(keys), f"{what}: its first line is {rows[:1]}, the keys {list(keys)}")
    check(len(rows) - 1 == len(records), f"{what}: {len(rows) - 1} rows, in JSON {len(records)}")
    for row, record in zip(rows[1:], records):
        check(len(row) == len(record), f"{what}: {row}")
        for cell, value in zip(row, record.values()):
            wanted = {None: "", True: "true", False: "false"}.get(value, value) if not isinstance(
                value, (int, float)) or isinstance(value, bool) else value
            check(cell == str(wanted), f"{what}: {cell!r} for {value!r}")


@contextlib.contextmanager
def beside(p, commands, env):
    """Runs that are there meanwhile: those that wait go first in the end."""
    children = []
    for n, words in enumerate(commands, 1):
        children.append(subprocess.Popen([p.migctl, *words], env={**p.env, **env}, cwd=p.root, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        while len(p.json("runs", env=env)["runs"]) < n:
            check(children[-1].poll() is None, f"{words} ended")
            time.sleep(0.02)
    try:
        yield
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()


def acting(p):
    """(schema, words, output) of those that change something; CSV is tried where nothing is changed."""
    # With a rule the other way, which verify is to find.
    p.create("act", "--rule", "ci-device-handle=parent", board="a100-40gb-sxm:2", driver="550.54.15")
    env = {"MIGKIT_LAB": str(p.labs / "act")}
    for name, words, more in readers.ACTING:
        if "fault" in more:
            p.ok("lab", "fault", "add", *more["fault"], "--lab", "act")
        with beside(p, more.get("beside", ()), env):
            done = p.run(*words, "-o", "json", env=env)
        p.ok("lab", "fault", "clear", "--all", "--lab", "act")
        check(("fault" in more) == (done.returncode != 0) or name in ("reset", "verify"), f"{words}: {done}")
        if name:
            yield name, words, env, done.stdout


def main():
    pairs, seen = [], set()
    with Place() as p:
        schemas = load(p)
        for name, schema in schemas.items():
            described(name, schema)
        machines = readers.make_machines(p)
        for lab in machines:
            p.ok("snapshot", f"{lab}.json", env={"MIGKIT_LAB": str(p.labs / lab)})
            pairs.append((str(SCHEMAS / f"{FILE}.schema.json"), str(p.root / f"{lab}.json")))
            seen.update(values(json.loads((p.root / f"{lab}.json").read_text()), FILE))
        for i, (name, words, env) in enumerate(every_command(p, machines)):
            done = p.run(*words, "-o", "json", env=env)
            check(done.returncode in ANSWERS, f"migctl {' '.join(words)}: exit {done.returncode}: {done.stderr}")
            instance = p.root / f"{i}-{name}"
            instance.write_text(done.stdout)
            pairs.append((str(SCHEMAS / f"{name}.schema.json"), str(instance)))
            said = json.loads(done.stdout)
            seen.update(values(said, name))
            check_csv(p, name, schemas[name], words, env, said)
        for i, (name, words, env, text) in enumerate(acting(p)):
            instance = p.root / f"{i}-act-{name}"
            instance.write_text(text)
            pairs.append((str(SCHEMAS / f"{name}.schema.json"), str(instance)))
            said = json.loads(text)
            seen.update(values(said, name))
            if name == "history" or "-n" in words:
                check_csv(p, name, schemas[name], words, env, said)
        p.ok("lab", "trace", "full", "-o", "json", "--to", "trace", "--", str(p.migctl), "status")
        for i, line in enumerate((p.root / "trace").read_text().splitlines()):
            instance = p.root / f"{i}-{STREAM}"
            instance.write_text(line)
            pairs.append((str(SCHEMAS / f"{STREAM}.schema.json"), str(instance)))
            seen.update(values(json.loads(line), STREAM))
        listed = p.root / "list"
        listed.write_text(json.dumps(pairs))
        python = pypi.schema_environment() / "bin" / "python"
        done = subprocess.run([python, pathlib.Path(__file__).with_name("check_schema.py"), listed],
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0 and not done.stdout, f"{done.stdout}{done.stderr}"[:3000])
    for name, schema in schemas.items():
        for where, o in objects(schema, name):
            for key in o["properties"]:
                check(f"{where}/{key}" in seen or f"{where}/{key}" in UNSEEN,
                      f"{where}/{key} was never seen with a value")
    print(f"{len(pairs)} outputs held against {len(schemas)} schemas")


main()
