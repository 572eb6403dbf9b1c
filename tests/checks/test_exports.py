#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the shared libraries export and need.

The simulated driver is loaded into programs that know nothing of migkit: it exports nvml* only,
under the exact soname, needs libc only, and no symbol newer than glibc 2.28 (RHEL 8, Debian 10).
That of a driver branch exports exactly the names that data/nvml/symbols.txt gives to the branch.
libmigkit exports mig_* only, each declared with MIG_API in a public header, and all of those.
"""
import re
import subprocess

import common

MAX_GLIBC = (2, 28)
LOADER = re.compile(r"ld-linux-[\w-]+\.so\.\d+|linux-vdso\.so\.\d+")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def dynamic(path):
    """(soname, [needed])"""
    out = run("readelf", "-dW", str(path))
    soname = re.search(r"\(SONAME\).*\[(.*)\]", out)
    return (soname.group(1) if soname else None), re.findall(r"\(NEEDED\).*\[(.*)\]", out)


def exports(path):
    names = []
    for line in run("nm", "-D", "--defined-only", str(path)).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":  # the name of a version node
            names.append(name.split("@")[0])
    return sorted(names)


def glibc_versions(path):
    return [(m.group(1), tuple(int(n) for n in m.group(2).split(".")))
            for m in re.finditer(r"(\w+)@GLIBC_([\d.]+)", run("nm", "-D", "--undefined-only", str(path)))]


def check_driver(path, soname="libnvidia-ml.so.1"):
    if not path.exists():
        return [f"{path.name}: not built at {path}"]
    findings = []
    name, needed = dynamic(path)
    if name != soname:
        findings.append(f"{path.name}: its soname is {name}, not {soname}")
    for lib in needed:
        if lib != "libc.so.6" and not LOADER.fullmatch(lib):
            findings.append(f"{path.name}: needs {lib}; it may need libc.so.6 only")
    names = exports(path)
    findings += [f"{path.name}: exports {n}" for n in names if not n.startswith("nvml")]
    if not names:
        findings.append(f"{path.name}: exports nothing")
    for symbol, version in glibc_versions(path):
        if version > MAX_GLIBC:
            findings.append(f"{path.name}: {symbol} is of glibc {'.'.join(map(str, version))}; "
                            f"at most {'.'.join(map(str, MAX_GLIBC))}")
    return findings


def check_folder(folder):
    """A folder in LD_LIBRARY_PATH must not bring anything but the driver."""
    if not folder.exists():
        return [f"{folder} is not there"]
    allowed = {"libnvidia-ml.so.1", "libnvidia-ml.so"}
    # Meson keeps the objects of a target in a folder beside it, which no loader looks into.
    return [f"{folder.name}/{p.name}: only {', '.join(sorted(allowed))} may be there"
            for p in folder.iterdir()
            if p.name not in allowed and not (p.is_dir() and p.name.endswith(".p"))]


def named(text):
    """{name: the branch of the driver that first had it}, of data/nvml/symbols.txt."""
    return {m.group(1): int(m.group(2)) for m in re.finditer(r"^(nvml\w+) (\d{3}) ", text, re.M)}


def check_branch(folder, since):
    """The library of one branch, in a folder with its number for a name."""
    path, branch = folder / "libnvidia-ml.so.1", int(folder.name)
    findings = check_driver(path)
    found = set(exports(path)) if path.exists() else set()
    want = {name for name, first in since.items() if first <= branch}
    findings += [f"exports {n}, which driver {branch} has not" for n in sorted(found - want)]
    findings += [f"does not export {n}, which driver {branch} has" for n in sorted(want - found)]
    findings += check_folder(folder) if path.exists() else []
    return [f"sim-branch/{branch}: {f}" for f in findings]


def check_branches(root, since, driver_c):
    """One library for each branch that the driver's table knows, and no other."""
    known = set(re.findall(r"\{ (\d{3}), \d{5} \}", driver_c))
    there = {p.name for p in root.iterdir()} if root.is_dir() else set()
    findings = [f"{root.name}/{n}: src/model/driver.c knows no such branch" for n in sorted(there - known)]
    findings += [f"{root.name}: no branch {n}" for n in sorted(known - there)]
    if not known:
        findings.append("no branches in src/model/driver.c")
    for name in sorted(there & known):
        findings += check_branch(root / name, since)
    return findings


def declared(headers):
    """Names of the functions that public headers mark with MIG_API."""
    names = set()
    for path in headers:
        code = common.code_only(common.read(path))
        names |= set(re.findall(r"^MIG_API\b[^;({]*?\b(\w+)\s*\(", code, re.M))
        names |= set(re.findall(r"^MIG_API\s+extern\b[^;(]*?\b(\w+)(?:\[[^]]*\])*\s*;", code, re.M))
    return names


def check_library(path, headers, soname="libmigkit.so.0"):
    findings = []
    name, _ = dynamic(path)
    if name != soname:
        findings.append(f"{path.name}: its soname is {name}, not {soname}")
    public, found = declared(headers), set(exports(path))
    for n in sorted(found):
        if not n.startswith("mig_"):
            findings.append(f"{path.name}: exports {n}; only mig_* may be")
        elif n not in public:
            findings.append(f"{path.name}: exports {n}, which no public header declares")
    findings += [f"{path.name}: does not export {n}, which a public header declares"
                 for n in sorted(public - found)]
    return findings


if __name__ == "__main__":
    common.finish(check_driver(common.BUILD / "sim" / "libnvidia-ml.so.1")
                  + check_folder(common.BUILD / "sim")
                  + check_branches(common.BUILD / "sim-branch",
                                   named(common.read(common.ROOT / "data" / "nvml" / "symbols.txt")),
                                   common.read(common.ROOT / "src" / "model" / "driver.c"))
                  + check_library(common.BUILD / "libmigkit.so.0",
                                  common.files(".h", below=("include",))), "exports")
