#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""What foreign programs do when something goes wrong: doc/what-tools-do-under-faults.md, row by row.

Every row of the page is run again and compared, byte for byte; --update writes the page anew. A number
as argument runs that section alone and prints it.
"""
import concurrent.futures
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "faults"))
import findings
import page
import play
import programs
from common import SOURCE, Machine, fail, report, skip
from kubelet import ROOM
from situations import PARTS

PAGE = SOURCE / "doc" / "what-tools-do-under-faults.md"
# Some of them wait for a fault most of the time; the others take a processor each.
AT_ONCE = min(4, 1 + (os.cpu_count() or 1))


def branches(command):
    return ("535", "550") if programs.program_of(command) == "nvidia-smi" else ("550",)


class Runs:
    """All runs, each once; what goes without a trouble is shared."""

    def __init__(self, tools, pool, old):
        self.tools, self.pool, self.old = tools, pool, old
        self.well, self.lock = {}, threading.Lock()

    def undisturbed(self, name, command, branch):
        key = (name, command, branch)
        with self.lock:
            if key not in self.well:
                self.well[key] = self.pool.submit(play.undisturbed, self.tools, *key)
            return self.well[key]

    def settled(self, before, on):
        """Whether a watcher's row is what the page has; None: there is no page yet."""
        if self.old is None:
            return None
        return lambda row: page.cells(before, row, on, "") in self.old

    def disturbed(self, situation, name, command, branch, before):
        before = before.result()
        return before, play.disturbed(self.tools, situation, command, branch, name, before,
                                      self.settled(before, name))

    def order(self, situation):
        """Futures of a section's rows."""
        rows = []
        for name, command in situation.runs:
            made = {}
            for branch in branches(command):
                before = self.undisturbed(name, command, branch)
                made[branch] = (situation, name, command, branch, before)
            rows.append((name, command, made))
        return rows


def run(tools, sections, old):
    """[(situation, [(on, command, {branch: (before, row)})])]"""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = Runs(tools, pool, old)
        ordered = [(s, runs.order(s)) for _, s in sections]
        # All that goes without a trouble was submitted first, so nobody waits for one behind him.
        ordered = [(s, [(on, command, {b: pool.submit(runs.disturbed, *job) for b, job in made.items()})
                        for on, command, made in rows]) for s, rows in ordered]
        return [(s, [(on, command, {b: f.result() for b, f in made.items()}) for on, command, made in rows])
                for s, rows in ordered]


def write(tools, results):
    """The whole page."""
    parts, number = [], 0
    found = {id(s): rows for s, rows in results}
    for title, situations in PARTS:
        parts.append(f"## {title}\n")
        for s in situations:
            number += 1
            parts.append(page.section(number, s, found[id(s)]))
    return "\n".join([page.head(tools), findings.table(results), *parts])


def namespaces():
    with Machine("--board", "a100-40gb-sxm", "--driver", "550.163.01") as m:
        if m.run([*ROOM, "true"], files=True, rc=None).returncode:
            skip("no namespace can be had for the kubelet's folder")


def differences(old, new):
    import difflib
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), "the page", "now", lineterm="", n=0))


def main():
    namespaces()
    tools = programs.Programs()
    sections = list(enumerate((s for _, situations in PARTS for s in situations), 1))
    if chosen := [int(w) for w in sys.argv[1:] if w.isdigit()]:
        sections = [(n, s) for n, s in sections if n in chosen]
        for (n, s), (_, rows) in zip(sections, run(tools, sections, None)):
            print(page.section(n, s, rows))
        return
    update = "--update" in sys.argv
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    results = run(tools, sections, None if update else old)
    new = write(tools, results)
    if update:
        PAGE.write_text(new, encoding="utf-8")
    elif new != old:
        fail(f"{PAGE.name} is not what these programs do; tests/clients/test_under_faults.py --update writes "
             f"it anew\n{differences(old, new)}")
    rows = sum(len(made) for _, section in results for _, _, made in section)
    report("under-faults", f"{len(tools.versions)} programs",
           f"{rows} runs in {len(results)} situations, as {PAGE.relative_to(SOURCE)} says")


if __name__ == "__main__":
    main()
