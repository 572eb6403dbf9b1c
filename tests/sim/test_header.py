#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our declaration of NVML's ABI against NVIDIA's own nvml.h: every struct, number and prototype.

The header is that of the go-nvml module (13.x), fetched once as the Go tools fetch modules and kept
in the build folder; it is compiled and read, never copied into the tree.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import driver

MODULE = "github.com/NVIDIA/go-nvml@v0.13.4-1"
SHA256 = "c5de65a896402f4770b14e12128016ff974104b569ac08b4ba2aee8e66f5d9bf"
CACHED = driver.BUILD / "cache" / "nvml-13.4.h"
NVML = driver.ROOT / "src" / "nvml"

# Layouts of base names that nvml.h no longer has, and prototypes that carry them.
OLDER_STRUCTS = {"nvmlPciInfo_v1_t", "nvmlPciInfo_v2_t", "nvmlEventData_v1_t",
                 "nvmlDeviceAttributes_v1_t", "nvmlComputeInstanceInfo_v1_t"}
OLDER_PROTOTYPES = {"nvmlDeviceGetPciInfo", "nvmlDeviceGetPciInfo_v2", "nvmlEventSetWait",
                    "nvmlDeviceGetAttributes", "nvmlComputeInstanceGetInfo",
                    "nvmlDeviceGetNvLinkRemotePciInfo"}
# Known by use only (nvml.h never declared it), and older names that a macro of nvml.h stands for.
UNDECLARED = {"nvmlInternalGetExportTable", "nvmlGetBlacklistDeviceCount",
              "nvmlGetBlacklistDeviceInfoByIndex"}
# Include guards.
OURS = re.compile(r"MIGKIT_\w+")


def fetch():
    if CACHED.exists() and hashlib.sha256(CACHED.read_bytes()).hexdigest() == SHA256:
        return
    go = shutil.which("go")
    if not go:
        driver.skip("the Go tools, which fetch NVIDIA's nvml.h, are not installed")
    with tempfile.TemporaryDirectory(prefix="migkit-header-") as folder:
        env = {**os.environ, "GOMODCACHE": f"{folder}/mod", "GOFLAGS": "-modcacherw"}
        done = subprocess.run([go, "mod", "download", "-json", MODULE], env=env, cwd=folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
        answer = json.loads(done.stdout or "{}")
        if done.returncode or "Dir" not in answer:
            why = (answer.get("Error") or done.stderr).strip().splitlines() or ["no word of why"]
            driver.skip(f"NVIDIA's nvml.h cannot be fetched ({why[-1]})")
        name = "pkg/nvml/nvml.h"
        text = (pathlib.Path(answer["Dir"]) / name).read_bytes()
    if hashlib.sha256(text).hexdigest() != SHA256:
        sys.exit(f"{name} of the module is not the file that is expected")
    CACHED.parent.mkdir(parents=True, exist_ok=True)
    CACHED.write_bytes(text)


def plain(path):
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"//[^\n]*", " ", text)


def structs(text):
    """name -> fields, of every struct and union with a typedef."""
    found = {}
    for m in re.finditer(r"typedef (?:struct|union)\s*\w*\s*\{(.*?)\}\s*([^;]+);", text, re.S):
        fields = [re.sub(r"\[.*", "", f.split()[-1].lstrip("*")) for f in m.group(1).split(";")
                  if f.strip()]
        for name in m.group(2).replace(" ", "").split(","):
            found[name] = fields
    return found


def typedefs(text):
    """Every name that a typedef makes, structs and all others."""
    return re.findall(r"^typedef [^{};]*?(\w+);|^\} (\w+);", text, re.M)


def unchecked(text, checked):
    """Structs of which a field, or all of them, would escape structs()."""
    lines = []
    for m in re.finditer(r"^typedef (?:struct|union)[^{;]*\{(.*?)^\} ([^;]+);", text, re.S | re.M):
        for name in m.group(2).replace(" ", "").split(","):
            if m.group(1).count(";") != len(checked.get(name, [])) or "{" in m.group(1):
                lines.append(f"{name}: a field of it is not compared")
    return lines


def asserted():
    """Structs whose size the compiler holds as well, on every architecture."""
    text = "".join(p.read_text() for p in NVML.glob("nvml_layout*.h"))
    return set(re.findall(r"^\s*SIZE\((\w+)", text, re.M))


def constants(text):
    """Names of enumerators and of macros with a value, functions of macros left out."""
    names = []
    for m in re.finditer(r"\benum\s*\w*\s*\{(.*?)\}", text, re.S):
        names += [e.split("=")[0].strip() for e in m.group(1).split(",") if e.strip()]
    names += re.findall(r"^#define[ \t]+(\w+)[ \t]+\S", text, re.M)
    return [n for n in names if not OURS.fullmatch(n)]


def words(header):
    """What each struct and number is, as the compiler sees it."""
    ours = "".join(plain(p) for p in sorted(NVML.glob("nvml_abi*.h")))
    older = OLDER_STRUCTS if "nvml_abi" not in header else set()
    lines = []
    for name, fields in structs(ours).items():
        if name in older:
            continue
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        lines += [f'printf("{name}.{f} %zu %zu\\n", offsetof({name}, {f}), sizeof((({name} *)0)->{f}));'
                  for f in fields]
    for name in {a or b for a, b in typedefs(ours)} - older:
        lines.append(f'printf("sizeof({name}) %zu\\n", sizeof({name}));')
    for name in constants(ours):
        if name.removesuffix("_t").endswith("_v1") and f"{name}_t" in OLDER_STRUCTS:
            continue
        lines.append(f'printf("{name} %lld\\n", (long long)({name}));')
    return lines


def measure(header, include):
    body = "\n".join(words(header))
    program = (f"#include <stddef.h>\n#include <stdio.h>\n#define NVML_NO_UNVERSIONED_FUNC_DEFS\n"
               f'#include "{header}"\nint main(void)\n{{\n{body}\nreturn 0;\n}}\n')
    folder = pathlib.Path(tempfile.mkdtemp(prefix="migkit-test."))
    try:
        (folder / "m.c").write_text(program)
        done = subprocess.run(["cc", "-w", f"-I{include}", "-o", folder / "m", folder / "m.c"],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{header}: {done.stderr[:2000]}")
        out = subprocess.run([folder / "m"], check=True, capture_output=True, text=True).stdout
    finally:
        shutil.rmtree(folder)
    return dict(line.split(" ", 1) for line in out.splitlines())


def parameter_types(text):
    """The types of a parameter list: names and spaces do not matter."""
    types = []
    for p in text.split(","):
        p = re.sub(r"\s*\*\s*", "* ", p.strip())
        types.append(re.sub(r"(?<=[\s*])\w+$", "", p).strip() if p not in ("void", "") else "void")
    return [re.sub(r"\s+", " ", t).replace(" *", "*") for t in types]


def prototypes(text, pattern):
    return {m.group(1): parameter_types(m.group(2)) for m in re.finditer(pattern, text, re.S)}


def main():
    fetch()
    found = driver.Findings()
    theirs = measure(CACHED.name, CACHED.parent)
    ours = measure("nvml/nvml_abi.h", driver.ROOT / "src")
    for what, value in theirs.items():
        found.same(what, ours.get(what), value)
    lists = "".join(plain(p) for p in sorted(NVML.glob("nvml_calls*.h")))
    calls = prototypes(lists.replace("\\\n", "\n"),
                       r"X\((nvml\w+),\s*(?:REQUIRED|OPTIONAL),\s*\((.*?)\)\)")
    declared = prototypes(plain(CACHED), r"nvmlReturn_t\s+DECLDIR (nvml\w+)\s*\(([^)]*)\)")
    for name, types in calls.items():
        if name not in OLDER_PROTOTYPES | UNDECLARED:
            found.same(f"parameters of {name}", types, declared.get(name))
    text = "".join(plain(p) for p in sorted(NVML.glob("nvml_abi*.h")))
    known = structs(text)
    found.same("structs that escape the comparison", unchecked(text, known), [])
    found.same("structs without a _Static_assert of their size", sorted(set(known) - asserted()), [])
    names = {name for name, _ in driver.symbols()}
    newer = (driver.ROOT / "data" / "nvml" / "newer.txt").read_text().splitlines()
    found.same("names that NVIDIA's library lacks", [n for n in newer if not n.startswith("#")],
               sorted(set(re.findall(r"DECLDIR (nvml\w+)", plain(CACHED))) - names))
    print(f"{len(known)} structs, {len(constants(text))} numbers, {len(calls)} prototypes")
    for name in OLDER_PROTOTYPES:
        found.same(f"{name} differs from nvml.h", calls[name] != declared[name], True)
    found.finish("nvml.h")


main()
