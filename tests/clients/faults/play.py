# SPDX-License-Identifier: Apache-2.0
"""Plays one command on a machine in trouble, and says what became of both.

A row is made on a fresh machine: its layout, the trouble, the command; then what the lab has. What was
wanted is what the same command makes of an equal machine without the trouble: so whether a layout is
half made is found out, not written down.
"""
import dataclasses
import json
import shlex
import signal
import subprocess
import time

import kubelet
import programs
from common import Machine, check, fail

BOARD = "a100-40gb-sxm:2"
# Layouts before the trouble: what is said of each, and the nvidia-smi commands that make it.
LAYOUTS = {
    "off": ("MIG mode is off on both GPUs", []),
    "empty": ("GPU 0 is in MIG mode and empty, GPU 1 has MIG mode off", ["-i 0 -mig 1"]),
    "three": ("GPU 0 has 3g.20gb, 2g.10gb and 1g.5gb, GPU 1 has MIG mode off",
              ["-i 0 -mig 1", "mig -i 0 -cgi 9,14,19 -C"]),
    "both": ("both GPUs have 3g.20gb, 2g.10gb and 1g.5gb", ["-mig 1", "mig -cgi 9,14,19 -C"]),
    "twins": ("GPU 0 has 2g.10gb and two 1g.5gb, GPU 1 has MIG mode off",
              ["-i 0 -mig 1", "mig -i 0 -cgi 14,19,19 -C"]),
    "bare": ("GPU 0 has the GPU instances 3g.20gb and 2g.10gb without compute instances, GPU 1 has MIG mode off",
             ["-i 0 -mig 1", "mig -i 0 -cgi 9,14"]),
}
# How long a program is watched that does not end by itself, and how long one is given to end.
WATCH, LIMIT = 2, 60
QUIET = 6


@dataclasses.dataclass
class Row:
    command: str
    branch: str
    exit: str = ""
    says: list = dataclasses.field(default_factory=list)
    shows: list = None  # readers: things by name
    after: dict = None  # changers: the layout
    again: str = ""  # changers: the command once more, when the trouble is gone
    slowed: int = 0  # seconds in calls that a fault made take longer


@dataclasses.dataclass
class Before:
    """What a command does without the trouble."""
    layout: dict
    row: Row

    def asked(self):
        """The GPUs that the command is to change."""
        return [g for g, words in self.layout.items() if self.row.after[g] != words]


def layout(m):
    """The layout in words, alike for all placements: {GPU: '3g.20gb, 2g.10gb (no compute instance)'}."""
    status = m.status()
    found = {}
    for g in status["gpus"]:
        own = [i for i in status["instances"] if i["gpu"] == g["gpu"]]
        names = []
        for gi, profile in sorted({(i["gi"], i["profile"]) for i in own}, key=lambda x: (-slices(x[1]), x[0])):
            inside = [i["ci_profile"] for i in own if i["gi"] == gi and i.get("ci") is not None]
            names.append(profile if inside == [profile] else
                         f"{profile} ({', '.join(inside) or 'no compute instance'})")
        pending = g["mig_pending"] if g["mig_pending"] != g["mig_current"] else None
        words = ", ".join(names) or ("empty" if g["mig_current"] == "on" else "MIG off")
        found[g["gpu"]] = words + (f", MIG {pending} pending" if pending else "")
    return found


def slices(profile):
    return int(profile.partition("g")[0])


def ended(code):
    """A program that a signal ended says so itself, or the shell's way by the one that waited for it."""
    if code < 0:
        return f"killed ({signal.Signals(-code).name})"
    return "killed (SIGKILL)" if code == 128 + signal.SIGKILL else str(code)


class Play:
    """One machine with its layout."""

    def __init__(self, tools, name, branch):
        self.m = Machine("--board", BOARD, "--driver", programs.DRIVERS[branch])
        tools.install(self.m, branch)
        for words in LAYOUTS[name][1]:
            self.m.smi(*words.split())
        programs.learn(self.m)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.m.__exit__()

    def migctl(self, commands):
        for command in commands:
            self.m.migctl(*shlex.split(command.removeprefix("migctl ")))

    def faults(self):
        return json.loads(self.m.migctl("lab", "fault", "list", "-o", "json"))["faults"]

    def hangs(self):
        """Whether a fault holds a call of somebody just now."""
        return any(f["hanging"] for f in self.faults())

    def start(self, command):
        words, files = programs.words(self.m, command)
        return self.m.start(words, files, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)

    def run(self, command, branch, meanwhile=()):
        """meanwhile: what happens while a fault holds the program in a call."""
        m, row, held = self.m, Row(command, branch), ""
        program = self.start(command)
        try:
            if meanwhile:
                end = time.monotonic() + LIMIT
                while not self.hangs():
                    check(program.poll() is None, f"{command} ended before anything held it")
                    check(time.monotonic() < end, f"nothing holds {command}")
                    time.sleep(0.25)
                held = "waits, then " if waits(program) else ""
                self.migctl(meanwhile)
            out, err = program.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            fail(f"{command}: not done after {LIMIT} s")
        finally:
            m.stop(program)
        check(program.returncode != 125 or "nothing was run" not in err, f"{command}: {err}")
        row.exit = held + ended(program.returncode)
        name = programs.program_of(command)
        programs.learn(m)
        row.says = programs.said(m, name, out, err)
        if programs.changes(command):
            row.after = layout(m)
        else:
            row.shows = programs.ITEMS[name](m, out)
        return row

    def watch(self, command, branch, meanwhile=(), settled=None, before=None):
        """The device plugin, which goes on: until what it says is settled(row)."""
        m = self.m
        row = Row(command, branch, exit="runs on")
        programs.words(m, command)
        strategy = shlex.split(command)[-1]
        with kubelet.Kubelet(m, strategy, may_end=True) as k:
            if meanwhile:
                self.listen(k, row, lambda r: r.shows == before.row.shows)
                self.migctl(meanwhile)
            self.listen(k, row, settled)
        return row

    def listen(self, k, row, settled):
        """Until settled() is so and stays so, or without it until nothing more comes."""
        end, since, last = time.monotonic() + kubelet.WAIT, time.monotonic(), None
        while time.monotonic() < end:
            k.next(time.monotonic() + 0.25)
            row.shows = programs.plugin_items(self.m, k.devices)
            row.says = programs.said(self.m, "nvidia-device-plugin", "", k.all())
            row.exit = "runs on" if k.exited is None else ended(k.exited)
            now = (row.shows, row.says, row.exit)
            if now != last or (settled and not settled(row)):
                since, last = time.monotonic(), now
            if (k.devices or row.exit != "runs on") and time.monotonic() - since > (0.5 if settled else QUIET):
                return


def waits(program):
    """A program in a call that does not come back: it does not give up while it is watched."""
    try:
        program.wait(WATCH)
    except subprocess.TimeoutExpired:
        return True
    return False


def filled(commands, command):
    """The trouble's commands with the name that the kernel has for the program."""
    return [c.replace("PROGRAM", programs.program_of(command)[:15]) for c in commands]


def undisturbed(tools, name, command, branch):
    """What a command does with a layout when nothing goes wrong."""
    with Play(tools, name, branch) as p:
        had = layout(p.m)
        if programs.program_of(command) == "nvidia-device-plugin":
            # All MIG devices, and the GPUs without MIG.
            every = sorted(n for n in p.m.names.values() if n.startswith("MIG") or had[int(n[4:])] == "MIG off")
            return Before(had, p.watch(command, branch, settled=lambda r: r.shows == every))
        return Before(had, p.run(command, branch))


def disturbed(tools, situation, command, branch, name, before, settled=None):
    """One row: a command in a situation."""
    with Play(tools, name, branch) as p:
        p.migctl(filled(situation.trouble, command))
        if programs.program_of(command) == "nvidia-device-plugin":
            return p.watch(command, branch, situation.meanwhile, settled, before)
        row = p.run(command, branch, situation.meanwhile)
        if any("--take" in c for c in situation.trouble):
            row.slowed = sum(f["struck"] * f["take_us"] for f in p.faults()) // 1000000
        if row.after and row.after != before.row.after and programs.repeats(command):
            p.migctl(situation.cure)
            more = p.run(command, branch)
            left = [f"GPU {g}: {more.after[g]}" for g in before.asked() if more.after[g] != before.row.after[g]]
            row.again = f"exit {more.exit}, {'; '.join(left)}" if left else "done"
        return row
