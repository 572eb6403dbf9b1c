#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""What a trace says of each NVML call is what its caller passed and got: every function, on a GPU, a
MIG device and garbage, with every version of its structs; arguments, results, counts, texts, handles."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import driver

HERE = pathlib.Path(__file__).resolve().parent
MISSING = object()
# NVML says how many there would be.
SUCCESS, SMALL = 0, 7


def same_entry(got, want):
    """An argument as the trace has it, and as its caller saw it."""
    if isinstance(got, dict) and isinstance(want, dict):
        return got.keys() <= want.keys() and all(same_entry(v, want[k]) for k, v in got.items()) and (
            got.keys() == want.keys() or list(got) == ["version"])
    if isinstance(got, list) and isinstance(want, list):
        return len(got) <= len(want) and all(same_entry(*pair) for pair in zip(got, want))
    if isinstance(want, str) and want in ("event set", "GPM sample"):
        return str(got).startswith(want)
    if isinstance(want, str) and want.startswith("?"):
        return str(got).endswith("(no handle)") or "(stale)" in str(got)
    if isinstance(got, str) and isinstance(want, str):
        # Bytes of which the call says how many it wrote.
        return got.removesuffix(" (stale)") == want or (len(got) > 40 and want.startswith(got))
    return got == want


def same_out(got, want):
    """A pointer leads to one thing or to a list, of which as much is shown as there is."""
    if isinstance(want, list) and not isinstance(got, list):
        want = want[0]
    return same_entry(got, want)


def stubs():
    """Functions that a lab has nothing to say to: they answer without having looked at arguments."""
    done = subprocess.run([sys.executable, driver.ROOT / "tools" / "gen-nvml-coverage", "--json"],
                          check=True, capture_output=True, text=True)
    return {row["name"] for row in json.loads(done.stdout) if row["here"] == "stub"}


def compare(record, saw, silent, found):
    name = saw["call"]
    found.same(f"{name}: code", record["code"], saw["code"])
    if name in silent:
        found.same(f"{name}: arguments", (record["in"], record["out"]), (None, None))
    if saw["in"] is None or name in silent:
        return 0
    shown = 0
    for key, want in saw["in"].items():
        found.same(f"{name}: {key}: {record['in'].get(key)!r} for {want!r}",
                   same_entry(record["in"].get(key, MISSING), want), True)
    for key, want in saw["out"].items():
        got = record["out"].get(key, record["in"].get(key, MISSING))
        if got is MISSING:
            found.same(f"{name}: {key} is not shown after {saw['code']}", saw["code"] == SUCCESS, False)
            continue
        shown += 1
        found.same(f"{name}: {key}: {json.dumps(got)[:300]} for {json.dumps(want)[:300]}",
                   same_out(got, want), True)
    return shown


def counted(records, found):
    """Lists have as many entries as their counts say."""
    for record in records:
        out = record["out"] or {}
        counts = [v for k, v in out.items() if k.lower().endswith("count") and isinstance(v, int)]
        lists = [v for v in out.values() if isinstance(v, list)]
        if record["code"] == SUCCESS and len(counts) == 1:
            for entries in lists:
                found.same(f"{record['call']}: entries", len(entries), counts[0])


def main():
    found = driver.Findings()
    lab = driver.lab("--board", "a100-80gb-pcie:2", "--driver", "580.159.04")
    with tempfile.TemporaryDirectory(prefix="migkit-test-") as folder:
        trace, report = os.path.join(folder, "trace"), os.path.join(folder, "report")
        done = subprocess.run([driver.BUILD / "migctl", "lab", "trace", lab, "-o", "json", "--to", trace, "--",
                               sys.executable, HERE / "trace_caller.py", driver.LIBRARY, report],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280)
        if done.returncode:
            sys.exit(f"exit {done.returncode}: {done.stdout}{done.stderr[-2000:]}")
        records = [json.loads(line) for line in pathlib.Path(trace).read_text().splitlines()]
        saw = [json.loads(line) for line in pathlib.Path(report).read_text().splitlines()]
    end = records[-1]
    found.same("the last record", (end["event"], end["lost"]), ("end", 0))
    # As they came in; on a busy machine two calls may change places.
    records = sorted((r for r in records if r["event"] == "call"), key=lambda r: r["number"])
    # A call without init belongs to no lab: it is the one that is not there.
    found.same("the last call", saw[-1]["code"], 1)
    saw = [s for s in saw if s["code"] != 1]
    found.same("calls", len(records), len(saw))
    found.same("in this order", [r["call"] for r in records], [s["call"] for s in saw])
    found.same("numbers", [r["number"] for r in records], list(range(1, len(records) + 1)))
    shown, silent = {}, stubs()
    for record, one in zip(records, saw):
        shown[one["call"]] = shown.get(one["call"], 0) + compare(record, one, silent, found)
    counted(records, found)
    found.same("functions", len(shown) > 400, True)
    print(f"{len(saw)} calls of {len(shown)} functions; of {sum(1 for n in shown.values() if n)} "
          "something is shown that was written")
    found.finish("trace")


main()
