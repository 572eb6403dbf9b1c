#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Every exported function on a GPU that is lost, needs a reset, or waits for a row to be remapped.

Each is called in many ways on the handles of a healthy GPU and of its MIG device, and the same ways on
handles that were taken before the condition came. Which answers differ is recorded in conditions.txt,
to be read; "test_conditions.py --update" writes it anew. Readings that the conditions are about, what
ends them, and what "lab status" says, are held against what was injected.
"""
import ctypes
import difflib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import calls
import driver

HERE = pathlib.Path(__file__).resolve().parent
RECORDED = HERE / "conditions.txt"
HEAD = """# SPDX-License-Identifier: Apache-2.0
# What NVML's functions answer on a GPU in a condition, where that differs from what they answer on a
# healthy one: an H100 with MIG on under 580, on the GPU's handle and on its MIG device's, in all the
# ways that tests/sim/test_conditions.py calls them. Numbers are NVML's codes: 0 success, 2 invalid
# argument, 3 not supported, 4 no permission, 6 not found, 7 insufficient size, 15 GPU is lost,
# 16 reset required, 25 version mismatch.
"""
BOARD = ("--board", "h100-80gb-sxm:2", "--driver", "580.159.04", "--seed", "5")
STATUSES = {"lost": ["lost"], "needs-reset": ["needs-reset"],
            "memory errors": ["row-remap", "row-remap-failure", "double-bit-ecc", "single-bit-ecc"]}
RESET, REFUSED = 16, (2, 3)
# What still succeeds on a lost GPU: nothing that is asked of it by its handle.
STAYS = ("nvmlInit", "nvmlShutdown", "nvmlSystem", "nvmlUnit", "nvmlEventSet", "nvmlGpmSample",
         "nvmlGpmMetricsGet", "nvmlGetVgpu", "nvmlSetVgpu", "nvmlGetExcluded", "nvmlGetBlacklist",
         "nvmlDeviceGetCount",
         "nvmlDeviceGetHandleBy", "nvmlDeviceQueryDrainState", "nvmlDeviceGetTopologyCommonAncestor")


def migctl(lab, *words):
    done = subprocess.run([driver.BUILD / "migctl", *words], env={"MIGKIT_LAB": str(lab), "HOME": str(lab)},
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    if done.returncode:
        raise SystemExit(f"migctl {' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout


def prepared(folder):
    """A lab with a GPU instance and a compute instance on GPU 0."""
    lab = pathlib.Path(driver.lab(*BOARD))
    migctl(lab, "smi", "-i", "0", "-mig", "1")
    migctl(lab, "smi", "mig", "-i", "0", "-cgi", "9", "-C")
    # Device nodes cannot be copied by everybody, and no call looks at them.
    return shutil.copytree(lab, folder / "lab", symlinks=True, ignore=shutil.ignore_patterns("dev", ".spare"))


def answers(program, folder, lab, what):
    """name -> (codes on the GPU, codes on the MIG device), after what was injected."""
    after = folder / "lab.after"
    shutil.rmtree(after, ignore_errors=True)
    shutil.copytree(lab, after, symlinks=True)
    if what:
        migctl(after, "lab", "inject", "0", *STATUSES[what])
    report = folder / f"report-{what}"
    rows = calls.walk(program, "befall", lab, report)
    crashed = [name for name, row in rows.items() if "crash" in row]
    if crashed:
        raise SystemExit(f"{what}: {crashed} crash")
    return {name: (row["gpu"], row["mig"]) for name, row in rows.items()}


def codes(values):
    return " ".join(map(str, values)) or "-"


def text_of(healthy, now):
    """Groups of functions whose answers changed alike."""
    groups = {}
    for name, before in healthy.items():
        for handle, (a, b) in zip(("GPU", "MIG device"), zip(before, now[name])):
            if a != b:
                groups.setdefault((handle, codes(a), codes(b)), []).append(name)
    lines = []
    for (handle, a, b), names in sorted(groups.items()):
        lines.append(f"{handle}: {a} -> {b}")
        lines += [f"\t{name}" for name in sorted(names)]
    return "\n".join(lines or ["nothing"]) + "\n"


def rules(found, healthy, now):
    """What holds of all of them, whatever is recorded."""
    for name, handles in now["lost"].items():
        if name.startswith(STAYS):
            continue
        for got in handles:
            found.same(f"lost: {name} succeeds", 0 in got, False)
    for name, handles in now["needs-reset"].items():
        for before, got in zip(healthy[name], handles):
            new = set(got) - set(before)
            # Where one way of calling it does not succeed any more, the others are tried as well.
            found.same(f"needs-reset: new codes of {name}", new <= {RESET, *REFUSED}, True)
            if RESET in new and not name.startswith(("nvmlDeviceGetClock", "nvmlDeviceGetMaxCustomer")):
                found.same(f"needs-reset: {name} succeeds all the same", 0 in got, False)
    found.same("memory errors: codes", now["memory errors"], healthy)


class Rows(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint) for n in ("cor", "cor_waiting", "unc", "unc_waiting", "pending", "failed")]


def remapped(library):
    """(correctable, uncorrectable, pending, failed), and the second version of the same."""
    gpu = driver.gpu(library)
    n = [ctypes.c_uint() for _ in range(4)]
    assert library.nvmlDeviceGetRemappedRows(gpu, *map(ctypes.byref, n)) == 0
    rows = Rows()
    assert library.nvmlDeviceGetRemappedRows_v2(gpu, ctypes.byref(rows)) == 0
    return tuple(v.value for v in n), tuple(getattr(rows, f) for f, _ in Rows._fields_)


def conditions(lab):
    return [(r["condition"], r["count"], r["until"])
            for r in json.loads(migctl(lab, "lab", "status", "-o", "json"))["conditions"] if r["gpu"] == 0]


def rows_of_a_gpu(found):
    """A row counts at once, waits until a reset, and stays; what a failure leaves stays as well."""
    lab = driver.lab("--board", "a100-80gb-sxm", "--driver", "580.159.04")
    library = driver.load()
    found.same("init", library.nvmlInit_v2(), 0)
    for n in (1, 2):
        migctl(lab, "lab", "inject", "0", "row-remap")
        found.same(f"{n} rows", remapped(library), ((0, n, 1, 0), (0, 0, 0, n, 1, 0)))
    found.same("conditions", conditions(lab), [("row-remap", 2, "reset")])
    library.nvmlShutdown()
    migctl(lab, "smi", "-i", "0", "-r")
    found.same("init", library.nvmlInit_v2(), 0)
    found.same("2 rows, reset", remapped(library), ((0, 2, 0, 0), (0, 0, 2, 0, 0, 0)))
    migctl(lab, "lab", "inject", "0", "row-remap-failure", "row-remap", "double-bit-ecc", "single-bit-ecc")
    found.same("failed", remapped(library), ((0, 3, 1, 1), (0, 0, 2, 1, 1, 1)))
    found.same("conditions", conditions(lab),
               [("row-remap", 1, "reset"), ("row-remap-failure", 1, None), ("double-bit-ecc", 1, "reset"),
                ("single-bit-ecc", 1, "reset")])
    migctl(lab, "lab", "reboot")
    found.same("conditions after a reboot", conditions(lab), [("row-remap-failure", 1, None)])
    library.nvmlShutdown()


def ends(found):
    """A reset ends what needs one, a reboot all of it; a lost GPU is none that 580 could reset (6)."""
    lab = driver.lab("--board", "a100-80gb-sxm", "--driver", "580.159.04")
    library = driver.load()
    for what, end, code, left in (("needs-reset", ("smi", "-r"), 0, []),
                                  ("needs-reset", ("lab", "reboot"), 0, []),
                                  ("lost", ("smi", "-r"), 6, ["lost"]),
                                  (None, ("lab", "reboot"), 0, [])):
        if what:
            migctl(lab, "lab", "inject", "0", what)
            found.same(f"conditions, {what}", [c[0] for c in conditions(lab)], [what])
        done = subprocess.run([driver.BUILD / "migctl", *end], env={"MIGKIT_LAB": lab, "HOME": lab},
                              capture_output=True, stdin=subprocess.DEVNULL)
        found.same(f"{what}, {end}", done.returncode, code)
        found.same(f"{what}, after {end}", [c[0] for c in conditions(lab)], left)
    found.same("init", library.nvmlInit_v2(), 0)
    mode = (ctypes.c_uint(), ctypes.c_uint())
    gpu = driver.gpu(library)
    migctl(lab, "lab", "inject", "0", "needs-reset")
    found.same("power", library.nvmlDeviceGetPowerUsage(gpu, ctypes.byref(mode[0])), RESET)
    found.same("MIG mode", library.nvmlDeviceGetMigMode(gpu, *map(ctypes.byref, mode)), 0)
    found.same("setting it", library.nvmlDeviceSetMigMode(gpu, 1, ctypes.byref(mode[0])), RESET)
    library.nvmlShutdown()


def mode_by_reset(found):
    """A reset that brings a pending MIG mode brings what MIG mode brings: the default compute mode."""
    lab = driver.lab("--board", "a100-80gb-sxm", "--driver", "580.159.04")
    library = driver.load()
    found.same("init", library.nvmlInit_v2(), 0)
    gpu, why, mode = driver.gpu(library), ctypes.c_uint(), ctypes.c_uint()
    found.same("exclusive", library.nvmlDeviceSetComputeMode(gpu, 3), 0)
    subprocess.run([driver.BUILD / "migctl", "lab", "client", "start", "--name", "holder"], check=True,
                   env={"MIGKIT_LAB": lab, "HOME": lab}, stdout=subprocess.DEVNULL)
    found.same("MIG mode", (library.nvmlDeviceSetMigMode(gpu, 1, ctypes.byref(why)), why.value), (0, 19))
    migctl(lab, "lab", "client", "stop", "--all")
    library.nvmlShutdown()
    migctl(lab, "smi", "-r")
    found.same("init", library.nvmlInit_v2(), 0)
    found.same("compute mode", (library.nvmlDeviceGetComputeMode(gpu, ctypes.byref(mode)), mode.value), (0, 0))
    library.nvmlShutdown()


def main():
    found = driver.Findings()
    with tempfile.TemporaryDirectory(prefix="migkit-test.") as name:
        folder = pathlib.Path(name)
        program = calls.build(folder)
        lab = prepared(folder)
        healthy = answers(program, folder, lab, None)
        now = {what: answers(program, folder, lab, what) for what in STATUSES}
    rules(found, healthy, now)
    text = HEAD + "".join(f"\n== {what}\n{text_of(healthy, now[what])}" for what in STATUSES)
    if sys.argv[1:] == ["--update"]:
        RECORDED.write_text(text, encoding="utf-8")
    want = RECORDED.read_text(encoding="utf-8") if RECORDED.exists() else ""
    difference = list(difflib.unified_diff(want.splitlines(), text.splitlines(), "conditions.txt", "now", n=0,
                                           lineterm=""))
    found.same("conditions.txt", difference, [])
    rows_of_a_gpu(found)
    ends(found)
    mode_by_reset(found)
    found.finish(f"{len(healthy)} functions, {len(STATUSES)} conditions")


if __name__ == "__main__":
    main()
