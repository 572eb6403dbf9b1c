#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""clang-tidy 14 finds nothing in any file that is compiled (which checks: .clang-tidy).

It takes seconds a file, so a file found clean is remembered under the build folder by its content:
its text with all that it includes, the command line and .clang-tidy.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

import common

CONFIG = common.ROOT / ".clang-tidy"
CLANG_ONLY = ["-Wno-unknown-warning-option"]
# The analyzer of clang 14 does not know __attribute__((cleanup)): leaks are left to LeakSanitizer,
# under which every unit test runs. Use after free and double free are still found here.
UNKNOWING = re.compile(r"Potential leak of memory|Potential memory leak")
# What the analyzer has to know about our own functions.
MODEL = pathlib.Path(__file__).with_name("analyzer.h")


def arguments(entry):
    """The compiler's arguments without output and dependency files."""
    words = shlex.split(entry["command"])[1:]
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MQ", "-MT"):
            skip = True
        elif word not in ("-MD", "-c"):
            kept.append(word)
    if "src/" in entry["file"] and not entry["file"].endswith("src/base/error.c"):
        kept += ["-include", str(MODEL)]
    return kept


def key(entry, args):
    done = subprocess.run(["clang-14", "-E", "-C", *CLANG_ONLY, *args], cwd=entry["directory"],
                          capture_output=True)
    digest = hashlib.sha256(done.stdout + done.stderr)
    digest.update(CONFIG.read_bytes() + " ".join(args).encode())
    return digest.hexdigest()


def tidy(entry, cache):
    """The findings in one file."""
    args = arguments(entry)
    seen = cache / key(entry, args)
    if seen.exists():
        seen.touch()
        return []
    path = str((pathlib.Path(entry["directory"]) / entry["file"]).resolve())
    args = [a for a in args if a != entry["file"]]
    done = subprocess.run(["clang-tidy-14", "--quiet", f"--config-file={CONFIG}", path, "--", *CLANG_ONLY,
                           *args], cwd=entry["directory"], capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if ": warning: " in line or ": error: " in line]
    if done.returncode and not found:
        found = [f"{path}: clang-tidy failed: {done.stderr.strip()}"]
    found = [line for line in found if not UNKNOWING.search(line)]
    if not found:
        seen.touch()
    return found


def check(entries, cache):
    cache.mkdir(parents=True, exist_ok=True)
    findings = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for found in pool.map(lambda e: tidy(e, cache), entries):
            findings.update(found)
    return sorted(findings)


def forget(cache, days=30):
    """Old entries go, so that the folder does not grow for ever."""
    newest = max((p.stat().st_mtime for p in cache.iterdir()), default=0)
    for p in cache.iterdir():
        if p.stat().st_mtime < newest - days * 86400:
            p.unlink()


def entries(build, root):
    """What the build compiles of the files of root, generated ones left out."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(root) and common.is_ours(path, root):
            found.setdefault(path, entry)
    return [found[path] for path in sorted(found)]


if __name__ == "__main__":
    folder = common.BUILD / "tidy"
    result = check(entries(common.BUILD, common.ROOT), folder)
    forget(folder)
    common.finish(result, "clang-tidy")
