#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=120
"""tests/real/pass.c, which proves on a real driver that nothing is changed: it has the driver's names,
passes arguments and answers unharmed, misses no call, and lets none pass that may change something."""
import ctypes
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path[:0] = [str(SOURCE / f"tests/{folder}") for folder in ("lab", "real", "sim")]
import calls  # noqa: E402
import driver as wide  # noqa: E402
import reading  # noqa: E402
from labtest import BUILD, Place, check, skip  # noqa: E402


def build(root):
    """The library as it is used, and one that lets all pass: root/guard and root/open."""
    if os.uname().machine != "x86_64":
        skip("tests/real/pass.c is written for x86-64")
    path = str(SOURCE / "tests/real/pack")
    loader = importlib.machinery.SourceFileLoader("pack", path)
    pack = importlib.util.module_from_spec(importlib.util.spec_from_loader("pack", loader))
    loader.exec_module(pack)
    pack.build_pass(root / "guard")
    pack.build_pass(root / "open", "-DPASS_OPEN")


class Driver:
    """A lab that programs take for a driver, seen through the library that writes calls down."""

    def __init__(self, p, folder):
        self.p, self.log = p, p.root / "calls"
        lab = p.create("one", board="h100-80gb-sxm", driver="580.159.04")
        # MIGKIT_LOG is the simulated library's own list of the same calls.
        self.env = {"LD_LIBRARY_PATH": str(folder), "NVML_PASS_LAB": str(lab),
                    "NVML_PASS_REAL": str(BUILD / "sim-branch" / "580" / "libnvidia-ml.so.1"),
                    "NVML_PASS_LOG": str(self.log), "MIGKIT_LOG": str(p.root / "told")}

    def own_var_lib(self):
        var = self.p.root / "var"
        var.mkdir(exist_ok=True)
        users = ["--user", "--map-root-user"] if os.geteuid() != 0 else []
        return ["unshare", "--mount", *users, "sh", "-c", f'mount --bind "{var}" /var/lib && exec "$@"', "sh"]

    def run(self, *words):
        """(what migctl said, the calls seen), which are those that the library itself tells of.
        What migctl writes down goes to an empty /var/lib of its own, not to this machine's."""
        for path in (self.log, self.p.root / "told"):
            path.unlink(missing_ok=True)
        done = self.p.run(*words, env=self.env, before=self.own_var_lib())
        found = reading.calls(self.log)
        told = [line.split()[1:3] for line in (self.p.root / "told").read_text().splitlines()]
        seen = [[c.name, str(c.status)] for c in found
                if c.name not in (reading.TABLE, "nvmlErrorString") and not c.blocked]
        told = [t for t in told if t[0].startswith("nvml") and t[0] not in ("nvmlErrorString",
                                                                            reading.TABLE)]
        check(seen == told, f"migctl {' '.join(words)}: seen {seen}, told {told}")
        return done, found


def names(folder):
    library = ctypes.CDLL(str(folder / "libnvidia-ml.so.1"))
    text = (SOURCE / "data/nvml/symbols.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("nvml"):
            check(hasattr(library, line.split()[0]), f"it lacks {line.split()[0]}")


def judged(lines):
    return reading.judge([reading.Call(line) for line in lines])


def verdicts():
    """What the judge lets pass, and what not."""
    fine = ["1 nvmlInit_v2 0 1.0", "1 nvmlDeviceGetCount_v2 0 1.0", "1 nvmlShutdown 0 1.0",
            f"1 nvmlInternalGetExportTable 6 1.0 {reading.OWN_TABLE}"]
    check(judged(fine) == [], f"{judged(fine)}")
    for line in ("1 nvmlDeviceSetMigMode 4 1.0", "1 nvmlGpuInstanceDestroy 0 1.0",
                 "1 nvmlDeviceCreateGpuInstance 0 1.0", "1 nvmlDeviceSomethingNew 0 1.0",
                 "1 nvmlDeviceGetCount_v2 4 1.0 BLOCKED", f"1 nvmlInternalGetExportTable 0 1.0 {'00' * 16}",
                 f"1 nvmlInternalGetExportTable 4 1.0 {reading.OWN_TABLE} BLOCKED"):
        check(len(judged([*fine, line])) == 1, f"{line} passes")
    check(judged(fine[1:]) and judged([]) and judged([*fine[:1], *fine[:2]]),
          "an unseen or a second start passes")
    check(judged(fine[:2]) == [], "a process may leave it to the kernel to end what it had")


def unharmed(folder, root):
    """Every function, called with arguments of all its types, answers what it answers without it."""
    program = calls.build(root)
    lab = wide.lab("--board", "h100-80gb-sxm:2", "--driver", "580.159.04")
    direct = calls.walk(program, "make", lab, root / "direct")
    os.environ.update(NVML_PASS_REAL=str(wide.LIBRARY), NVML_PASS_LOG=str(root / "log"))
    passed = calls.walk(program, "make", lab, root / "passed",
                        library=folder / "libnvidia-ml.so.1")
    check(len(direct) > 400 and direct.keys() == passed.keys(), "the walk is not the same")
    for name, row in direct.items():
        for key in ("gpu", "mig", "crash"):
            check(row.get(key) == passed[name].get(key),
                  f"{name}: {key} is {passed[name].get(key)}, without it {row.get(key)}")
    seen = {c.name for c in reading.calls(root / "log")}
    called = {name for name, row in direct.items() if row.get("gpu") or row.get("mig")}
    check(called <= seen, f"not written down: {sorted(called - seen)[:5]}")


def blocked(folder, root):
    """The same walk through the guard: whatever does not read is refused there, and never arrives."""
    program = calls.build(root)
    lab = wide.lab("--board", "h100-80gb-sxm:2", "--driver", "580.159.04")
    log, told = root / "blocked", root / "told"
    os.environ.update(NVML_PASS_LOG=str(log), MIGKIT_LOG=str(told))
    calls.walk(program, "whole", lab, root / "guarded", library=folder / "libnvidia-ml.so.1")
    del os.environ["MIGKIT_LOG"]
    found = [c for c in reading.calls(log) if c.name != reading.TABLE]
    wrong = {str(c) for c in found if c.blocked == reading.reads(c.name) or (c.blocked and c.status != 4)}
    check(not wrong, f"the guard errs: {sorted(wrong)[:5]}")
    stopped = {c.name for c in found if c.blocked}
    check(len(stopped) > 80 and "nvmlDeviceSetMigMode" in stopped, f"{len(stopped)} are stopped")
    arrived = {line.split()[1] for line in told.read_text().splitlines()}
    check(not stopped & arrived, f"stopped, and yet there: {sorted(stopped & arrived)[:5]}")


def reading_passes(driver):
    for words in (["smi"], ["smi", "-L"], ["smi", "--query-gpu=name,uuid,memory.total", "--format=csv"],
                  ["smi", "mig", "-lgip"], ["status"], ["who"], ["profiles"]):
        done, found = driver.run(*words)
        check(len(found) > 5 and reading.judge(found) == [],
              f"migctl {' '.join(words)}: {done}, {reading.judge(found)}")


def said(driver):
    return json.loads(driver.run("history", "-o", "json")[0].stdout)["operations"]


def written_down(driver):
    """What it did, also in part, by failing and before it was killed."""
    done, _ = driver.run("smi", "mig", "-cgi", "14,9,9", "-C")
    check(done.returncode != 0, f"{done}")
    driver.run("smi", "mig", "-dgi", "-gi", "13")
    driver.p.ok("--lab", "one", "lab", "fault", "add", "nvmlDeviceCreateGpuInstance", "--kill", "after")
    killed = driver.p.run("smi", "mig", "-cgi", "19", env=driver.env, before=driver.own_var_lib())
    check(killed.returncode == -9, f"{killed}")
    driver.p.ok("--lab", "one", "lab", "fault", "clear", "--all")
    driver.run("smi", "mig", "-dci")
    got = [(h["command"], h["from"], h["to"], h["result"]) for h in said(driver)]
    one, two, three = "3g.40gb@4", "3g.40gb@4 2g.20gb@0", "3g.40gb@4 2g.20gb@0 1g.10gb@2 (none)"
    check(got == [("migctl smi -mig 1", "no instances", "no instances", "nothing"),
                  ("migctl smi -mig 1", None, "MIG mode on", "done"),
                  ("migctl smi mig -cgi 9 -C", "no instances", one, "done"),
                  ("migctl smi mig -cgi 14,9,9 -C", one, two, "done"),
                  ("migctl smi mig -dgi -gi 13", two, two, "nothing"),
                  ("migctl smi mig -cgi 19", two, two, "cut"),
                  ("migctl smi mig -dci", three, "3g.40gb@4 (none) 2g.20gb@0 (none) 1g.10gb@2 (none)", "done")],
          f"{got}")


def changes(driver, open_folder):
    state = driver.p.labs / "one" / "state"
    before = state.read_bytes()
    done, found = driver.run("smi", "-mig", "1")
    check(said(driver)[-1]["result"] == "nothing", f"{said(driver)}")
    wrong = reading.judge(found)
    check(done.returncode != 0 and any("nvmlDeviceSetMigMode 4 BLOCKED" in w for w in wrong),
          f"a change is not stopped: {done}, {wrong}")
    check(state.read_bytes() == before, "a change came through the guard")
    driver.env["LD_LIBRARY_PATH"] = str(open_folder)
    for words, least in ((["-mig", "1"], 1), (["mig", "-cgi", "9", "-C"], 2)):
        done, found = driver.run("smi", *words)
        check(done.returncode == 0 and len(reading.judge(found)) >= least, f"a change is not noticed: {done}")
    check(state.read_bytes() != before, "nothing was changed without the guard: nothing was tried")
    written_down(driver)


def main():
    verdicts()
    with Place() as p, tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        build(root)
        names(root / "guard")
        unharmed(root / "open", root)
        blocked(root / "guard", root)
        driver = Driver(p, root / "guard")
        reading_passes(driver)
        changes(driver, root / "open")


if __name__ == "__main__":
    main()
