#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which NVML library migctl loads: with a lab its own, verified, or none at all; never what stands in
LD_LIBRARY_PATH in its place. Stand-ins for a real driver leave a mark when they are only loaded."""
import re
import shutil
import subprocess

from labtest import BUILD, NO_DRIVER, SOURCE, Place, check

DRIVER_NOT_LOADED, UNKNOWN = 9, 999

SOURCE_TEXT = """
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void)
{{
	FILE *f = fopen(getenv("MIGKIT_TEST_MARK"), "a");
	if (f) {{ fputs("loaded\\n", f); fclose(f); }}
}}
const char *nvmlErrorString(int r) {{ (void)r; return "the stand-in's words"; }}
{calls}
"""


def stand_in(p, name, status):
    """A library with every call that migctl requires, each answering with the status."""
    header = (SOURCE / "src" / "nvml" / "nvml_calls.h").read_text(encoding="utf-8")
    names = re.findall(r"X\((nvml\w+), REQUIRED", header)
    check(len(names) > 5, f"nvml_calls.h cannot be read: {names}")
    folder = p.root / name
    folder.mkdir()
    source = folder / "stand-in.c"
    calls = "".join(f"int {call}(void) {{ return {status}; }}\n" for call in names)
    source.write_text(SOURCE_TEXT.format(calls=calls))
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def own_build(p):
    """A copy of the build whose library can be spoilt."""
    own = p.root / "build"
    own.mkdir()
    shutil.copy(BUILD / "migctl", own)
    shutil.copytree(BUILD / "sim", own / "sim", symlinks=True)
    p.migctl = own / "migctl"
    return own / "sim" / "libnvidia-ml.so.1"


def main():
    with Place() as p:
        mark = p.root / "mark"
        real = stand_in(p, "real", UNKNOWN)
        unloaded = stand_in(p, "unloaded", DRIVER_NOT_LOADED)
        p.env["MIGKIT_TEST_MARK"] = str(mark)
        path = {"LD_LIBRARY_PATH": str(real.parent)}
        # The stand-in is what migctl takes for a driver while no lab is chosen.
        p.refused(1, ["no lab is chosen", "the stand-in's words"], "smi", "-L", env=path)
        check(mark.exists(), "the stand-in leaves no mark")
        p.refused(NO_DRIVER, ["migctl lab use", "not loaded"], "smi", "-L",
                  env={"LD_LIBRARY_PATH": str(unloaded.parent)})
        mark.unlink()

        p.create()
        chosen = {**path, "MIGKIT_LAB": str(p.labs / "one")}
        p.run("smi", "-L", env=chosen)
        library = own_build(p)
        p.run("smi", "-L", env=chosen)
        check(not mark.exists(), "with a lab chosen another library was loaded")
        spoilt = (("missing", lambda: library.unlink()),
                  ("empty", lambda: library.write_bytes(b"")),
                  ("no library", lambda: library.write_text("#!/bin/sh\n")),
                  ("of another machine", lambda: library.write_bytes(
                      (BUILD / "sim" / "libnvidia-ml.so.1").read_bytes()[:18] + b"\x08\x00" * 999)))
        for what, spoil in spoilt:
            spoil()
            p.refused(1, ["migkit" if what == "missing" else "the lab cannot be used"], "smi", "-L",
                      env=chosen)
            check(not mark.exists(), f"{what}: another library was loaded instead")
        # A library that is not ours in our library's place: loaded, and not taken.
        shutil.copy(real, library)
        p.refused(1, ["not migkit's simulated library"], "smi", "-L", env=chosen)
        # A lab that is gone is an error, not the real driver.
        mark.unlink(missing_ok=True)
        shutil.copy(BUILD / "sim" / "libnvidia-ml.so.1", library)
        p.ok("lab", "destroy", "one")
        p.refused(6, ["MIGKIT_LAB"], "smi", "-L", env=chosen)
        check(not mark.exists(), "a lab that is gone led to another library")


main()
