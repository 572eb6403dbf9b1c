# SPDX-License-Identifier: Apache-2.0
"""What the checks share: which files there are, C without its comments, functions and their extent."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).parents[2]).resolve()
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or ROOT / "build").resolve()

SKIPPED_FOLDERS = {".git", "__pycache__"}


def is_ours(path, root):
    parts = path.relative_to(root).parts
    return not any(p in SKIPPED_FOLDERS or p == "build" or p.startswith("build-") for p in parts)


def files(*suffixes, root=ROOT, below=("include", "src", "tests", "tools")):
    """Our files with one of the suffixes, in a fixed order."""
    found = []
    for folder in below:
        for path in (root / folder).rglob("*"):
            if path.suffix in suffixes and path.is_file() and is_ours(path, root):
                found.append(path)
    return sorted(found)


def read(path):
    return path.read_text(encoding="utf-8")


TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def code_only(text, keep_strings=False):
    """C with comments (and what stands in strings) blanked; every line stays where it was."""
    def blank(m):
        word = m.group(0)
        if word[0] == "/":
            return re.sub(r"[^\n]", " ", word)
        if keep_strings:
            return word
        return word[0] + " " * (len(word) - 2) + word[-1]
    return TOKEN.sub(blank, text)


def functions(path):
    """(name, first line, last line) of each function of a C file, by universal-ctags."""
    out = subprocess.run(["ctags", "--language-force=C", "--kinds-C=f", "--fields=+ne", "-f", "-",
                          "--sort=no", str(path)], check=True, capture_output=True, text=True).stdout
    found = []
    for line in out.splitlines():
        if line.startswith("!"):
            continue
        name = line.split("\t", 1)[0]
        first, last = re.search(r"\tline:(\d+)", line), re.search(r"\tend:(\d+)", line)
        if first and last:
            found.append((name, int(first.group(1)), int(last.group(1))))
    return found


def where(path, line=None, root=ROOT):
    path = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{path}:{line}" if line else str(path)


def finish(findings, what):
    """Prints the findings, one a line, and ends the program: 0 without any, 1 else."""
    for finding in findings:
        print(finding)
    print(f"{what}: {len(findings)} found" if findings else f"{what}: fine")
    sys.exit(1 if findings else 0)
