#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=120
"""tests/real/pass.c, which proves on a real driver that nothing is changed: it has the driver's names,
passes arguments and answers unharmed, misses no call, and a change does not escape it."""
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])
sys.path[:0] = [str(SOURCE / f"tests/{folder}") for folder in ("lab", "real", "sim")]
import calls  # noqa: E402
import driver as wide  # noqa: E402
import reading  # noqa: E402
from labtest import BUILD, Place, check, skip  # noqa: E402


def pack(root):
    done = subprocess.run([SOURCE / "tests/real/pack", root / "pack"], capture_output=True, text=True,
                          env={**os.environ, "MIGKIT_BUILD": str(BUILD)}, check=False)
    if done.returncode == 77:
        skip(done.stdout.partition("skipped: ")[2].strip())
    check(done.returncode == 0, f"pack: {done.stdout}{done.stderr}")
    return root / "pack"


class Driver:
    """A lab that programs take for a driver, seen through the library that writes calls down."""

    def __init__(self, p, folder):
        self.p, self.log = p, p.root / "calls"
        lab = p.create("one", board="h100-80gb-sxm", driver="580.159.04")
        # MIGKIT_LOG is the simulated library's own list of the same calls.
        self.env = {"LD_LIBRARY_PATH": str(folder / "pass"), "NVML_PASS_LAB": str(lab),
                    "NVML_PASS_REAL": str(BUILD / "sim-branch" / "580" / "libnvidia-ml.so.1"),
                    "NVML_PASS_LOG": str(self.log), "MIGKIT_LOG": str(p.root / "told")}

    def run(self, *words):
        """(what migctl said, the calls seen), which are those that the library itself tells of."""
        for path in (self.log, self.p.root / "told"):
            path.unlink(missing_ok=True)
        done = self.p.run(*words, env=self.env)
        found = reading.calls(self.log)
        told = [line.split()[1:3] for line in (self.p.root / "told").read_text().splitlines()]
        seen = [[c.name, str(c.status)] for c in found
                if c.name != reading.TABLE and c.name != "nvmlErrorString"]
        told = [t for t in told if t[0].startswith("nvml") and t[0] not in ("nvmlErrorString",
                                                                            reading.TABLE)]
        check(seen == told, f"migctl {' '.join(words)}: seen {seen}, told {told}")
        return done, found


def names(folder):
    library = ctypes.CDLL(str(folder / "pass" / "libnvidia-ml.so.1"))
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
                 f"1 nvmlInternalGetExportTable 0 1.0 {'00' * 16}"):
        check(len(judged([*fine, line])) == 1, f"{line} passes")
    check(judged(fine[1:]) and judged(fine[:2]) and judged([]), "an unseen or unended start passes")


def unharmed(folder, root):
    """Every function, called with arguments of all its types, answers what it answers without it."""
    program = calls.build(root)
    lab = wide.lab("--board", "h100-80gb-sxm:2", "--driver", "580.159.04")
    direct = calls.walk(program, "make", lab, root / "direct")
    os.environ.update(NVML_PASS_REAL=str(wide.LIBRARY), NVML_PASS_LOG=str(root / "log"))
    passed = calls.walk(program, "make", lab, root / "passed",
                        library=folder / "pass" / "libnvidia-ml.so.1")
    check(len(direct) > 400 and direct.keys() == passed.keys(), "the walk is not the same")
    for name, row in direct.items():
        for key in ("gpu", "mig", "crash"):
            check(row.get(key) == passed[name].get(key),
                  f"{name}: {key} is {passed[name].get(key)}, without it {row.get(key)}")
    seen = {c.name for c in reading.calls(root / "log")}
    called = {name for name, row in direct.items() if row.get("gpu") or row.get("mig")}
    check(called <= seen, f"not written down: {sorted(called - seen)[:5]}")


def main():
    verdicts()
    with Place() as p, tempfile.TemporaryDirectory() as root:
        folder = pack(pathlib.Path(root))
        names(folder)
        unharmed(folder, pathlib.Path(root))
        driver = Driver(p, folder)
        for words in (["smi"], ["smi", "-L"], ["smi", "--query-gpu=name,uuid,memory.total", "--format=csv"]):
            done, found = driver.run(*words)
            check(done.returncode == 0 and len(found) > 5 and reading.judge(found) == [],
                  f"migctl {' '.join(words)}: {done}, {reading.judge(found)}")
        # Without MIGKIT_REAL migctl would refuse to change a driver; here it is a lab behind it.
        driver.env["MIGKIT_REAL"] = "1"
        done, found = driver.run("smi", "-mig", "1")
        check(done.returncode == 0 and any("nvmlDeviceSetMigMode" in w for w in reading.judge(found)),
              f"a change is not noticed: {done}")
        done, found = driver.run("smi", "mig", "-cgi", "9", "-C")
        check(done.returncode == 0 and len(reading.judge(found)) >= 2, f"a change is not noticed: {done}")


main()
