#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone, as C; a public one also as C++."""
import subprocess

import common

FLAGS = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
INTERNAL = ["-D_GNU_SOURCE", f"-I{common.ROOT}/include", f"-I{common.ROOT}/src",
            f"-I{common.BUILD}/src"]  # sim/sim_since.h is made

# Not to be included alone: part -> the header that includes it.
PARTS = {
    "nvml/nvml_abi_board.h": "nvml/nvml_abi.h",
    "nvml/nvml_abi_mig.h": "nvml/nvml_abi.h",
    "nvml/nvml_calls_board.h": "nvml/nvml_calls.h",
    "nvml/nvml_layout_board.h": "nvml/nvml_layout.h",
    "nvml/nvml_abi_live.h": "nvml/nvml_abi.h",
    "nvml/nvml_layout_live.h": "nvml/nvml_layout.h",
}


def compile_alone(line, language, flags):
    # A file with nothing but macros is no translation unit in ISO C.
    done = subprocess.run(["clang-14", *FLAGS, *flags, "-x", language, "-"],
                          input=f"{line}\nextern int alone;\n", capture_output=True, text=True)
    errors = [e for e in done.stderr.splitlines() if "error:" in e]
    return [f"{line} ({language}): {errors[0] if errors else done.stderr}"] if done.returncode else []


def check_public(include):
    findings = []
    for path in sorted(include.rglob("*.h")):
        line = f"#include <{path.relative_to(include)}>"
        findings += compile_alone(line, "c", ["-std=c11", "-pedantic", f"-I{include}"])
        findings += compile_alone(line, "c++", ["-std=c++11", f"-I{include}"])
    return findings


def check_internal(src):
    findings = []
    for path in sorted(src.rglob("*.h")):
        if str(path.relative_to(src)) in PARTS:
            continue
        findings += compile_alone(f'#include "{path.relative_to(src)}"', "c",
                                  ["-std=gnu11", *INTERNAL])
    return findings


if __name__ == "__main__":
    common.finish(check_public(common.ROOT / "include") + check_internal(common.ROOT / "src"),
                  "headers")
