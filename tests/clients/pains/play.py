# SPDX-License-Identifier: Apache-2.0
"""Plays one situation in two labs, and writes its section of doc/situations.md."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import textwrap
import time

from common import BUILD, Machine, check

DRIVER = "550.163.01"
OTHER = 65534  # a user who owns nothing
AS_OTHER = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"]


class Lab:
    def __init__(self, case, smi):
        self.case, self.smi = case, smi
        self.m = Machine("--board", case.board, "--driver", DRIVER, "--permissions", case.permissions)
        self.holder = None
        self.bin = BUILD

    def __enter__(self):
        try:
            for command in self.case.make:
                self.must(command)
            if self.case.hold:
                self.hold()
            if self.case.user:
                self.open_to_others()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.let_go()
        self.m.__exit__()

    def hold(self):
        """A program of the lab's machine that has a device file open and does nothing."""
        words = [BUILD / "migctl", "lab", "exec", "test", "--", "sh", "-c",
                 f"exec 3<{self.case.hold}; echo ready; read line"]
        self.holder = subprocess.Popen([str(w) for w in words], env=self.m.env, cwd=self.m.root, text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        check(self.holder.stdout.readline() == "ready\n", f"{self.case.hold} cannot be opened")

    def let_go(self):
        if self.holder:
            self.holder.communicate("\n")
            self.holder = None

    def open_to_others(self):
        """The build may lie where only root can go."""
        own = self.m.root / "build"
        own.mkdir()
        shutil.copy(BUILD / "migctl", own)
        for part in ("sim", "sim-branch", "lab-shell"):
            shutil.copytree(BUILD / part, own / part, symlinks=True)
        shutil.copy(self.smi, own / "nvidia-smi")
        subprocess.run(["chmod", "-R", "a+rX", str(self.m.root)], check=True)
        (self.m.lab / "dev/nvidia-caps/nvidia-cap1").chmod(0o400)
        self.bin = own

    def shell(self, command, before=()):
        """(exit code, all that it printed) of a line in the lab's shell."""
        words = [*before, self.bin / "migctl", "lab", "shell", "test", "-c", command]
        done = subprocess.run([str(w) for w in words], env={**self.m.env, "COLUMNS": "100"}, cwd=self.m.root,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def must(self, command):
        code, out = self.shell(command)
        check(code == 0, f"{command}: exit {code}: {out}")

    def nvidia_smi(self, words, other=False):
        """NVIDIA's own, never ours."""
        program = self.bin / "nvidia-smi" if other else self.smi
        if other:
            env = {**self.m.env, "LD_LIBRARY_PATH": str(self.bin / "sim-branch" / DRIVER.partition(".")[0])}
            done = subprocess.run([*AS_OTHER, str(program), *words.split()], env=env, cwd="/", capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        else:
            done = self.m.run([program, *words.split()], rc=None)
        return done.returncode, done.stdout + done.stderr

    def uuid(self):
        """The MIG device of the smallest GPU instance's id: who asks for one by UUID asks for that."""
        found = sorted((d["gi"], d["uuid"]) for d in json.loads(self.m.migctl("devices", "-o", "json"))["devices"])
        return found[0][1]


class Words:
    """What the page has instead of what is different each time."""

    def __init__(self, lab):
        self.lab = lab
        self.real = lab.uuid() if any("MIG-UUID" in c for c in (*lab.case.theirs, *(lab.case.then or ()))) else None

    def typed(self, command):
        return command.replace("MIG-UUID", self.real) if self.real else command

    def shown(self, text):
        text = text.replace(str(self.lab.m.lab), "@LAB@").replace(str(self.lab.m.root), "@HOME@")
        if self.real:
            text = text.replace(self.real, "MIG-UUID")
        text = re.sub(r" \\\n +", " ", text)  # how a command is broken depends on the length of the paths
        text = re.sub(r"\((?:[\w-]+, )?process \d+(, [\w-]+(?=[,)]))?", "(process PID", text)
        text = re.sub(r"\bkill \d+", "kill PID", text)
        text = re.sub(r"(?m)^(\d+,\d+,\d+),\d+,files,", r"\1,PID,files,", text)
        text = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:]{8}Z,[\w-]+,\d+,", "TIME,USER,PID,", text)
        return re.sub(r"\b\d{4}-\d\d-\d\d[T ][\d:]{8}Z?|\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}", "TIME", text)


def part_of(text, words):
    """The whole of a short output, of others the lines with one of the words."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    if not words or len(lines) <= 2:
        return lines
    found = []
    for line in lines:
        if any(w in line for w in words.split()):
            found.append(line)
        elif found[-1:] != ["..."]:
            found.append("...")
    return found


def block(command, code, text, words=""):
    return [f"$ {command}", *part_of(text, words), *([f"[exit {code}]"] if code else [])]


def printed(text, pattern):
    """The commands as they stand in migctl's words, each once."""
    found = re.findall(pattern, re.sub(r" \\\n +", " ", text))
    check(found, f"it does not name '{pattern}':\n{text}")
    return dict.fromkeys(found)


def theirs(case, smi):
    lines = []
    with Lab(case, smi) as lab:
        words = Words(lab)
        for command in case.theirs:
            code, text = lab.nvidia_smi(words.typed(command), case.user)
            lines += block(f"nvidia-smi {command}", code, words.shown(text))
    return lines


def ours(case, smi):
    with Lab(case, smi) as lab:
        words, said, lines = Words(lab), "", []
        for command in case.ours:
            code, text = lab.shell(words.typed(command), AS_OTHER if case.user else ())
            said += text
            lines += block(command, code, words.shown(text), case.lines)
        flat = " ".join(said.split())
        for part in case.says:
            check(part in flat, f"it does not say '{part}':\n{said}")
        return lines, mended(case, lab, words, said)


def wait_for_killed(command):
    """kill does not wait for the end, and people are slower than this is."""
    for pid in re.findall(r"\bkill (\d+)", command):
        until = time.monotonic() + 20
        while lives(pid) and time.monotonic() < until:
            time.sleep(0.02)


def lives(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def mended(case, lab, words, said):
    lines = []
    for command in (c for pattern in case.mend for c in printed(said, pattern)):
        code, text = lab.shell(command)
        check(code == 0, f"{command}: exit {code}: {text}")
        wait_for_killed(command)
        lines.append(f"$ {words.shown(command)}")
    if lab.holder:
        lab.let_go()
        lines.append("(the program ends)")
    for command in (*case.also, *(case.then if case.then is not None else case.ours[-1:])):
        code, text = lab.shell(words.typed(command))
        check(code == 0, f"afterwards {command}: exit {code}: {text}")
        lines.append(f"$ {command}")
    code, text = lab.nvidia_smi(case.end[0])
    check(code == 0 and case.end[1] in text, f"in the end nvidia-smi {case.end[0]}: exit {code}: {text}")
    return lines + block(f"nvidia-smi {case.end[0]}", code, words.shown(text))


def section(number, case, smi):
    they = theirs(case, smi)
    we, after = ours(case, smi)
    made = ["```", *(f"$ {c}" for c in case.make), "```", ""] if case.make else []
    held = [f"A program has `{case.hold}` open.", ""] if case.hold else []
    why = textwrap.fill(f"{case.why} Met in {case.met}.", 116, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"### {number}. {case.title}", "", why, "",
                      f"On {case.board}:" if made else f"On {case.board}, as it is:", "", *made, *held,
                      "nvidia-smi:", "", "```", *they, "```", "", "migctl:", "", "```", *we, "```", "",
                      "Mended:", "", "```", *after, "```", ""])
