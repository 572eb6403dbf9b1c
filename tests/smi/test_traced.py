#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""NVIDIA's nvidia-smi 550 under 'migctl lab trace': it prints what it prints without, and the trace has
the NVML calls that the driver's own log has, and the slots of its private table."""
import collections
import json
import sys

import pair

COMMANDS = (["-L"], [], ["-q"], ["mig", "-lgip"], ["mig", "-cgi", "9,19", "-C"], ["mig", "-lgi"],
            ["mig", "-lcip"], ["mig", "-dci"], ["--query-gpu=uuid,mig.mode.current", "--format=csv"])


def logged(path):
    """(function, code) of the log's lines: "PID NAME CODE (WORDS)"."""
    found = collections.Counter()
    for line in path.read_text().splitlines():
        name, code = line.split(" ", 1)[1].split(" (")[0].rsplit(" ", 1)
        if name.startswith("nvml"):
            found[name, int(code)] += 1
    return found


def main():
    real = pair.behind_the_guard("550")
    wrong, calls, slots = [], 0, set()
    with pair.place() as root:
        p = pair.Pair(real, f"--board a100-80gb-pcie --driver {pair.DRIVER['550']}", root)
        p.both("smi", "-mig", "1")
        log, trace = p.root / "log", p.root / "trace"
        for words in COMMANDS:
            log.write_text("")
            p.env["ours"]["LD_LIBRARY_PATH"] = p.env["real"]["LD_LIBRARY_PATH"]
            p.ours = real
            plain = p.run("ours", words)
            before, p.real = p.real, pair.BUILD / "migctl"
            p.env["real"]["MIGKIT_LOG"] = str(log)
            traced = p.run("real", ["lab", "trace", p.env["real"]["MIGKIT_LAB"], "-o", "json", "--to", trace,
                                    "--", real, *words])
            p.real = before
            # Two labs have their own UUIDs and serial numbers only where they were made from others' seeds.
            if traced != plain:
                wrong.append(f"nvidia-smi {' '.join(words)}: {traced} and not {plain}")
            records = [json.loads(line) for line in trace.read_text().splitlines()]
            told = [r for r in records if r["event"] == "call"]
            if records[-1]["lost"]:
                wrong.append(f"{words}: {records[-1]['text']}")
            calls += len(told)
            slots |= {r["call"] for r in told if r["call"].startswith("smi slot ")}
            seen = collections.Counter((r["call"], r["code"]) for r in told if r["call"].startswith("nvml"))
            # A table of functions is asked for before init, and belongs to no lab.
            want = collections.Counter({k: n for k, n in logged(log).items()
                                        if k[0] != "nvmlInternalGetExportTable"})
            seen = collections.Counter({k: n for k, n in seen.items() if k[0] != "nvmlInternalGetExportTable"})
            if seen != want:
                wrong.append(f"{words}: {seen - want} more and {want - seen} fewer than in the log")
    if not slots:
        wrong.append("no slot of the private table is in it")
    print("\n".join(wrong[:20]) or f"{calls} calls, {len(slots)} slots: {', '.join(sorted(slots)[:4])} ...")
    return 1 if wrong or not calls else 0


sys.exit(main())
