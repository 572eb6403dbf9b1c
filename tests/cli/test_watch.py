#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=120
"""migctl status --watch: on a terminal each look takes the place of the last one and nothing of it is
left, a changed window is followed at once, Ctrl-C and Ctrl-Z leave the terminal as it was; elsewhere the
looks follow one another. Between them the driver is free."""
import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import readers  # finds labtest
from labtest import MIGCTL, NOT_FOUND, USAGE, Place, check

BEGIN = "\x1b[?1049h"
END = "\x1b[?1049l"
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    """As much of a terminal as the watch needs; what it does not know is a failure."""

    def __init__(self, columns, rows):
        self.resize(columns, rows)
        self.alternate, self.cursor, self.wrap, self.looks = False, True, True, 0

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        # What a real one keeps of the old picture is anybody's guess.
        self.cells = [["#"] * columns for _ in range(rows)]
        self.x = self.y = 0

    def feed(self, text):
        at = 0
        while at < len(text):
            m = SEQUENCE.match(text, at)
            if m:
                self.sequence(*m.groups())
                at = m.end()
                continue
            self.put(text[at])
            at += 1

    def put(self, c):
        check(c != "\x1b", "an escape sequence of another kind")
        if c == "\r":
            self.x = 0
        elif c == "\n":
            self.y += 1
            check(self.y < self.rows, "the picture scrolls the screen")
        elif self.x < self.columns:
            self.cells[self.y][self.x] = c
            self.x += 1

    def sequence(self, private, numbers, kind):
        if private:
            on = kind == "h"
            check(kind in "hl", f"mode {numbers}{kind}")
            name = {"1049": "alternate", "25": "cursor", "7": "wrap"}[numbers]
            setattr(self, name, on)
        elif kind == "H":
            check(not numbers, f"moves to {numbers}")
            self.x = self.y = 0
            self.looks += 1
        elif kind == "K":
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif kind == "J":
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
            for y in range(self.y + 1, self.rows):
                self.cells[y] = [" "] * self.columns
        else:
            check(kind == "m", f"sequence {numbers}{kind}")

    def lines(self):
        text = ["".join(row).rstrip() for row in self.cells]
        while text and not text[-1]:
            text.pop()
        return text


# A shell in little: a job in the foreground of the terminal, and a line whenever it stops. Without a
# parent in its session a process could not be stopped by Ctrl-Z at all.
SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if not pid:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[2], sys.argv[2:])
with open(sys.argv[1], "w") as told:
    print(pid, file=told, flush=True)
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        print("stopped" if os.WIFSTOPPED(status) else -os.WTERMSIG(status), file=told, flush=True)
        if not os.WIFSTOPPED(status):
            break
"""


class Watch:
    """migctl status --watch on a terminal of its own."""

    def __init__(self, p, *words, columns=100, rows=50, before=(), **env):
        self.ours, theirs = pty.openpty()
        self.screen = Screen(columns, rows)
        # A signal that ends it may cut a character in two.
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.set_size(columns, rows)
        # Ctrl-C and Ctrl-Z would throw away what is on its way to us, in the middle of a character.
        mode = termios.tcgetattr(theirs)
        mode[3] |= termios.NOFLSH
        termios.tcsetattr(theirs, termios.TCSANOW, mode)
        self.all = ""
        self.child = subprocess.Popen([*before, MIGCTL, "status", *words], stdin=theirs, stdout=theirs, stderr=theirs,
                                      cwd=p.root, env={**p.env, "TERM": "xterm-256color", **env},
                                      start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY))
        os.close(theirs)

    def set_size(self, columns, rows):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.screen.resize(columns, rows)
        self.set_size(columns, rows)

    def read(self, seconds):
        ready, _, _ = select.select([self.ours], [], [], seconds)
        if not ready:
            return False
        try:
            part = os.read(self.ours, 65536)
        except OSError:
            return False
        text = self.decoder.decode(part)
        self.all += text
        if self.screen:
            self.screen.feed(text)
        return bool(part)

    def until(self, wanted, what):
        """Reads on until the whole screen is as wanted."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if wanted(self.screen.lines()):
                return
            self.read(0.2)
        raise SystemExit(f"FAILED: {what}; the screen shows\n" + "\n".join(self.screen.lines()))

    def key(self, code):
        os.write(self.ours, code)

    def finish(self):
        """Reads to the end; the exit code as Popen has it."""
        while self.read(5):
            pass
        rc = self.child.wait(20)
        os.close(self.ours)
        return rc


def shown(p, env, columns):
    """What a single look prints at that width."""
    return p.ok("status", env={**env, "COLUMNS": str(columns), "LC_ALL": "C.UTF-8"}).rstrip("\n").split("\n")


def is_look(expected):
    return lambda lines: lines[2:] == expected and lines[:1] and "Ctrl-C ends" in lines[0]


def replaces(p, env):
    w = Watch(p, "--watch", "0.2", **env)
    before = shown(p, env, 100)
    w.until(is_look(before), "the first look is not what a single one prints")
    p.ok("smi", "mig", "-i", "0", "-dci", "-gi", "2", env=env)
    p.ok("smi", "mig", "-i", "0", "-dgi", "-gi", "2", env=env)
    after = shown(p, env, 100)
    check(len(after) < len(before), "the second picture is not shorter: it would hide leftovers")
    w.until(is_look(after), "the change does not appear, or something of the last look is left")
    check(w.all.count(BEGIN) == 1 and w.screen.alternate and not w.screen.cursor, "the screen is not its own")
    w.key(b"\x03")
    check(w.finish() == -signal.SIGINT, "Ctrl-C does not end it as a signal does")
    check(w.all.rstrip().endswith(END) and w.screen.cursor and w.screen.wrap and not w.screen.alternate,
          "the terminal is not as it was")
    p.ok("smi", "mig", "-i", "0", "-cgi", "9", "-C", env=env)


def follows_the_window(p, env):
    w = Watch(p, "-w3600", **env)
    w.until(is_look(shown(p, env, 100)), "the first look, before the window changes")
    w.resize(160, 45)
    w.until(is_look(shown(p, env, 160)), "a wider window is not followed at once")
    w.resize(80, 12)
    whole = shown(p, env, 80)

    def clipped(lines):
        return (len(lines) == 12 and lines[2:11] == whole[:9] and
                lines[11] == f"... {len(whole) - 9} more lines: a higher window shows them, -i fewer GPUs")

    w.until(clipped, "a low window is not told how much is left")
    os.kill(w.child.pid, signal.SIGTERM)
    check(w.finish() == -signal.SIGTERM and w.all.rstrip().endswith(END), "SIGTERM leaves the terminal")


def stops_and_goes_on(p, env):
    told = p.root / "told"
    w = Watch(p, "-w", "0.2", before=(sys.executable, "-c", SHELL, told), **env)
    w.until(is_look(shown(p, env, 100)), "the first look, before Ctrl-Z")
    w.key(b"\x1a")
    w.until(lambda _: told.read_text().split()[1:] == ["stopped"], "Ctrl-Z does not stop it")
    while w.read(0.3):
        pass
    check(not w.screen.alternate and w.screen.cursor, "a stopped watch keeps the terminal")
    w.screen.resize(100, 50)
    os.kill(int(told.read_text().split()[0]), signal.SIGCONT)
    w.until(is_look(shown(p, env, 100)), "it does not go on")
    check(w.screen.alternate, "it goes on beside its screen")
    w.key(b"\x03")
    w.finish()
    check(told.read_text().split()[2:] == [str(-signal.SIGINT)], "after a stop Ctrl-C does not end it")


def leaves_the_driver(p):
    """An A30 changes its mode only when nobody has it open: between the looks nobody has."""
    p.create("free", board="a30", driver="535.261.03")
    env = {"MIGKIT_LAB": str(p.labs / "free")}
    w = Watch(p, "-w", "60", **env)
    w.until(is_look(shown(p, env, 100)), "the first look, of the A30")
    p.ok("smi", "-mig", "1", env=env)
    said = p.json("status", env=env)["gpus"][0]
    check(said["mig_current"] == "on", f"the watch kept the GPU from changing its mode: {said}")
    w.key(b"\x03")
    w.finish()


def failures(p, env):
    w = Watch(p, "-w", "-i", "9", **env)
    check(w.finish() == NOT_FOUND, f"a GPU that is not there: {w.all}")
    check("\x1b" not in w.all and "'9'" in w.all, f"more than the sentence: {w.all!r}")
    p.create("gone", board="a30", driver="535.261.03")
    gone = {"MIGKIT_LAB": str(p.labs / "gone")}
    w = Watch(p, "-w", "0.2", **gone)
    w.until(is_look(shown(p, gone, 100)), "the first look, before the lab goes")
    p.ok("lab", "destroy", "gone")
    w.until(lambda lines: len(lines) == 3 and lines[2].startswith("migctl: "), "a later failure is not shown")
    p.create("gone", board="a30", driver="535.261.03")
    w.until(is_look(shown(p, gone, 100)), "it does not recover")
    w.key(b"\x03")
    w.finish()
    for seconds in ("0", "0.01", "1e9", "1x", "9.9.9", "0x"):
        p.refused(USAGE, ["--watch", f"'{seconds}'"], "status", f"--watch={seconds}", env=env)
    p.refused(USAGE, ["does not expect 'x'"], "status", "--watch", "x", env=env)


def run_for(p, env, *words, ends=signal.SIGTERM, looks=3, count="GPU 0"):
    """Into a pipe until it has looked that often."""
    child = subprocess.Popen([MIGCTL, "status", "-w0.1", *words], env={**p.env, **env}, cwd=p.root, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = ""
    while said.count(count) < looks:
        line = child.stdout.readline()
        if not line:
            raise SystemExit(f"FAILED: it ends by itself: {said}{child.stderr.read()}")
        said += line
    child.send_signal(ends)
    rest, errors = child.communicate(timeout=20)
    check(child.returncode == -ends and not errors, f"exit {child.returncode}: {errors}")
    check("\x1b" not in said + rest, "escape sequences in a pipe")
    return said + rest


def streams(p, env):
    said = run_for(p, env)
    looks = re.split(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$\n", said)
    check(looks[0] == "" and len(looks) >= 4, f"no line with the time before each look: {said}")
    one = p.ok("status", env=env)
    check(looks[1] == one + "\n" and looks[2] == one + "\n", f"another look than a single one:\n{looks[1]}\n{one}")
    said = run_for(p, env, "-o", "json", ends=signal.SIGINT, count='"source"')
    single = p.json("status", env=env)
    decoder, at, n = json.JSONDecoder(), 0, 0
    while n < 2:
        value, at = decoder.raw_decode(said, at)
        while said[at:at + 1].isspace():
            at += 1
        check(value == single, "another object than a single look's")
        n += 1
    said = run_for(p, env, "-o", "csv", count="gpu,name")
    check(said.startswith(p.ok("status", "-o", "csv", env=env) * 2), f"CSV: {said}")
    # A terminal that can do nothing is none.
    w = Watch(p, "-w0.1", **env, TERM="dumb")
    w.screen = None
    while w.all.count("GPU 0") < 2:
        check(w.read(5), f"nothing more comes: {w.all}")
    check("\x1b" not in w.all, "escape sequences on a dumb terminal")
    w.key(b"\x03")
    w.finish()


def main():
    with Place() as p:
        p.create("one", board="a100-80gb-sxm", driver="550.54.15")
        env = {"MIGKIT_LAB": str(p.labs / "one")}
        p.ok("smi", "-mig", "1", env=env)
        p.ok("smi", "mig", "-cgi", "9,9", "-C", env=env)
        replaces(p, env)
        follows_the_window(p, env)
        stops_and_goes_on(p, env)
        leaves_the_driver(p)
        failures(p, env)
        streams(p, env)


assert readers
main()
