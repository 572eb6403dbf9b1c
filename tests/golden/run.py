#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs golden cases: what our programs print, byte for byte. tests/README.md describes the files.

Usage: tests/golden/run.py [--update] [--smi PROGRAM] [CASE or FOLDER]...

--update writes what was printed into the cases instead of comparing: read the difference that git
shows, for it is what users will see.
--smi PROGRAM takes NVIDIA's own nvidia-smi in the place of ours, on our simulated library: so cases
are recorded from it. On a machine with a real driver, only inside tests/real/guard.
"""
import argparse
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or HERE.parents[1] / "build").resolve()
# In a case these words mean our program, whatever the machine has.
NAMES = ("migctl", "nvidia-smi", "sudo", "killall", "shutdown", "reboot")
FIELDS = ("lab", "setup", "command", "env", "mask", "rc", "state")
TIMEOUT = 60


class Bad(Exception):
    """The case itself is wrong."""


class Case:
    """A .test or .console file, read."""

    def __init__(self, path):
        self.path = path
        self.is_console = path.suffix == ".console"
        self.fields = {name: [] for name in FIELDS}
        lines = path.read_bytes().decode().split("\n")
        n = 0
        while n < len(lines) and not (self.is_console and lines[n].startswith("$ ")):
            self.take(lines[n], n + 1)
            n += 1
        self.head = "".join(line + "\n" for line in lines[:n])
        if self.is_console:
            self.expected = "\n".join(lines[n:])
            # Only a prompt at the beginning of a line is a command: outputs hold "$" elsewhere.
            self.fields["command"] = [line[2:] for line in lines[n:] if line.startswith("$ ")]
            self.errors = ""
        else:
            self.expected = self.sibling(".out")
            self.errors = self.sibling(".err")
        if not self.fields["command"]:
            raise Bad(f"{path}: no command")
        for name in ("lab", "rc", "state"):
            if len(self.fields[name]) > 1:
                raise Bad(f"{path}: more than one '{name}:'")
        if self.fields["state"] not in ([], ["unchanged"]):
            raise Bad(f"{path}: 'state:' can only be 'unchanged'")

    def take(self, line, n):
        if not line.strip() or line.startswith("#"):
            return
        m = re.fullmatch(r"(\w+):\s*(.*?)\s*", line)
        if not m or m.group(1) not in FIELDS or (self.is_console and m.group(1) == "command"):
            raise Bad(f"{self.path}:{n}: neither a comment nor one of {', '.join(FIELDS)}: {line}")
        self.fields[m.group(1)].append(m.group(2))

    def sibling(self, suffix):
        path = self.path.with_suffix(suffix)
        return path.read_bytes().decode() if path.exists() else ""

    def update(self, out, err):
        if self.is_console:
            self.path.write_bytes((self.head + out).encode())
            return
        self.path.with_suffix(".out").write_bytes(out.encode())
        if err:
            self.path.with_suffix(".err").write_bytes(err.encode())
        else:
            self.path.with_suffix(".err").unlink(missing_ok=True)


class Place:
    """A folder of its own for one case: its programs, its lab, its environment."""

    def __init__(self, case, root, smi):
        self.root = root
        (root / "bin").mkdir()
        for name in NAMES:
            (root / "bin" / name).symlink_to(BUILD / "migctl")
        if smi:
            self.put_foreign_smi(root / "bin" / "nvidia-smi", smi)
        self.env = {"PATH": f"{root}/bin:/usr/bin:/bin", "HOME": str(root), "TZ": "UTC",
                    "XDG_STATE_HOME": str(root / "state"), "LC_ALL": "C.UTF-8", "COLUMNS": "100",
                    "NO_COLOR": "1", "TERM": "dumb"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        for line in case.fields["env"]:
            self.env.update(word.split("=", 1) for word in line.split())
        self.lab = None
        if case.fields["lab"]:
            self.make_lab(case)

    def put_foreign_smi(self, path, smi):
        path.unlink()
        path.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={BUILD}/sim exec {smi} "$@"\n')
        path.chmod(0o755)

    def make_lab(self, case):
        done = self.run("migctl lab create golden " + case.fields["lab"][0], subprocess.STDOUT)
        if done.returncode:
            raise Bad(f"{case.path}: no lab: {done.stdout.decode()}")
        found = [p.parent for p in (self.root / "state").rglob("state") if p.is_file()]
        if len(found) != 1:
            raise Bad(f"{case.path}: 'lab create' made {len(found)} labs below XDG_STATE_HOME")
        self.lab = found[0]
        self.env["MIGKIT_LAB"] = str(self.lab)

    def run(self, command, stderr):
        return subprocess.run(["/bin/sh", "-c", command], env=self.env, cwd=self.root, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)

    def state(self):
        return (self.lab / "state").read_bytes() if self.lab else None

    def leave(self):
        if self.lab:
            self.run("migctl lab destroy golden", subprocess.STDOUT)


def text_of(data, place):
    """Output as it is kept: no path of this run, and a missing last newline made visible."""
    text = data.decode(errors="backslashreplace").replace(str(place.root), "@HOME@")
    if text and not text.endswith("\n"):
        text += "\n[no newline at the end]\n"
    return text


def play(case, place):
    """(what a console shows, stderr where it is kept apart, [complaints])"""
    complaints, out, err = [], "", ""
    for command in case.fields["setup"]:
        done = place.run(command, subprocess.STDOUT)
        if done.returncode:
            raise Bad(f"{case.path}: setup failed ({done.returncode}): {command}\n"
                      f"{done.stdout.decode(errors='replace')}")
    before = place.state()
    done = None
    for command in case.fields["command"]:
        done = place.run(command, subprocess.STDOUT if case.is_console else subprocess.PIPE)
        out += f"$ {command}\n" + text_of(done.stdout, place)
        err += text_of(done.stderr or b"", place)
        if done.returncode:
            out += f"[exit {done.returncode}]\n"
    for rc in case.fields["rc"]:
        if done.returncode != int(rc):
            complaints.append(f"exit code {done.returncode}, not {rc}")
    if case.fields["state"] and place.state() != before:
        complaints.append("the lab's state changed")
    return out, err, complaints


def mask(case, text):
    for pattern in case.fields["mask"]:
        text = re.sub(pattern, lambda m: "*" * len(m.group(0)), text)
    return text


def difference(case, what, expected, got):
    expected, got = mask(case, expected), mask(case, got)
    if expected == got:
        return []
    lines = difflib.unified_diff(expected.splitlines(), got.splitlines(), f"expected {what}",
                                 f"printed {what}", lineterm="")
    return ["\n".join(lines) or f"{what} differs in its line ends only"]


def run_case(path, update, smi=None):
    """Complaints about one case."""
    try:
        case = Case(path)
        with tempfile.TemporaryDirectory(prefix="migkit-golden-") as folder:
            place = Place(case, pathlib.Path(folder).resolve(), smi)
            try:
                out, err, complaints = play(case, place)
            finally:
                place.leave()
    except Bad as e:
        return [str(e)]
    except subprocess.TimeoutExpired as e:
        return [f"{path}: still running after {TIMEOUT} s: {e.cmd[-1]}"]
    if update:
        case.update(out, err)
        return complaints
    return (complaints + difference(case, "output", case.expected, out)
            + difference(case, "stderr", case.errors, err))


def main():
    parser = argparse.ArgumentParser(description="Runs golden cases.")
    parser.add_argument("--update", action="store_true", help="write what was printed into the cases")
    parser.add_argument("--smi", type=pathlib.Path, help="NVIDIA's nvidia-smi in the place of ours")
    parser.add_argument("cases", nargs="*", type=pathlib.Path, default=[HERE])
    args = parser.parse_args()
    paths = []
    for path in args.cases:
        if path.is_dir():
            paths += sorted(p for s in ("*.test", "*.console") for p in path.rglob(s))
        else:
            paths.append(path)
    failed = 0
    for path in paths:
        complaints = run_case(path.resolve(), args.update, args.smi)
        if complaints:
            failed += 1
            print(f"{path}: failed\n" + "\n".join(complaints))
    print(f"{len(paths)} golden cases, {failed} failed")
    sys.exit(1 if failed or not paths else 0)


if __name__ == "__main__":
    main()
