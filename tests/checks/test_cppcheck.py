#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""cppcheck finds nothing. What it found before is kept under the build folder, by content."""
import subprocess

import common

OPTIONS = ["--enable=warning,performance,portability", "--inline-suppr", "--std=c11", "--quiet",
           "--library=posix", "--library=gnu", "-D_GNU_SOURCE", "-D__cppcheck__",
           "--template={file}:{line}: {id}: {message}",
           "--suppress=missingIncludeSystem", "--suppress=unmatchedSuppression",
           # cppcheck 2.10 does not know __attribute__((cleanup)); LeakSanitizer sees leaks.
           "--suppress=memleak", "--suppress=resourceLeak",
           # glibc's readdir shares nothing between streams; readdir_r is the one to avoid.
           "--suppress=readdirCalled"]


def check(folders, cache=None, include=()):
    command = ["cppcheck", *OPTIONS, *(f"-I{i}" for i in include), *map(str, folders)]
    if cache:
        cache.mkdir(parents=True, exist_ok=True)
        command += [f"--cppcheck-build-dir={cache}", "-j2"]
    done = subprocess.run(command, cwd=common.ROOT, capture_output=True, text=True)
    if done.returncode:
        return [f"cppcheck itself failed: {done.stdout}{done.stderr}"]
    return [line for line in done.stderr.splitlines() if ": " in line]


if __name__ == "__main__":
    common.finish(check(["src"], common.BUILD / "cppcheck",
                        (common.ROOT / "include", common.ROOT / "src")), "cppcheck")
