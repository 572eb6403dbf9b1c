#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Colour only on a terminal, only where nobody has asked for none, and never the only sign: without it
the words and pictures are the same. For every command that reads, and no line is wider than the
terminal."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import readers  # finds labtest
from labtest import MIGCTL, Place, check

ESCAPE = re.compile(rb"\x1b\[[0-9;]*m")
# Those come and go while this runs.
OTHERS = re.compile(rb"\d+(?= process(?:es)? of other users)")
# Tables whose words can't be broken may be wider than this; pictures never.
NARROW, WIDE = 80, 200


def on_terminal(p, words, env, columns=100):
    """What a command writes to a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))
    child = subprocess.Popen([MIGCTL, *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=p.root,
                             env={**p.env, "TERM": "xterm-256color", **env})
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(ours)
    return OTHERS.sub(b"N", said.replace(b"\r\n", b"\n")), child.wait(60)


def compare(p, words, env):
    """The same command in all the ways; returns whether it has colours at all."""
    what = f"migctl {' '.join(words)}"
    coloured, rc = on_terminal(p, words, env)
    check(rc in (0, 3), f"{what} on a terminal: exit {rc}: {coloured.decode()}")
    plain = ESCAPE.sub(b"", coloured)
    check(b"\x1b" not in plain, f"{what}: another escape than colour: {plain!r}"[:600])
    for how, w, e in (("--no-color", [*words, "--no-color"], {}), ("NO_COLOR", words, {"NO_COLOR": "1"}),
                      ("TERM=dumb", words, {"TERM": "dumb"})):
        said, rc_now = on_terminal(p, w, {**env, **e})
        check(b"\x1b" not in said, f"{what}: {how} and yet colours")
        check(said == plain and rc_now == rc,
              f"{what}: other words with {how}:\n{said.decode()}\n{plain.decode()}")
    # An empty NO_COLOR is none (no-color.org).
    said, _ = on_terminal(p, words, {**env, "NO_COLOR": ""})
    check(said == coloured, f"{what}: NO_COLOR that is empty takes the colours away")
    piped = p.run(*words, env={**env, "TERM": "xterm-256color", "COLUMNS": "100"})
    check("\x1b" not in piped.stdout + piped.stderr, f"{what}: colours in a pipe")
    return coloured != plain


def widths(p, words, env):
    for columns in (NARROW, WIDE):
        said, _ = on_terminal(p, words, env, columns)
        for line in ESCAPE.sub(b"", said).decode().splitlines():
            check(len(line) <= columns, f"migctl {' '.join(words)}: {len(line)} of {columns}: {line}")


def main():
    with Place() as p:
        machines = readers.make_machines(p)
        coloured = set()
        for lab, board in machines.items():
            env = {"MIGKIT_LAB": str(p.labs / lab)}
            for name, words in (readers.COMMANDS | {"boards": ["boards"]}).items():
                words = readers.words_for(words, board)
                if compare(p, words, env):
                    coloured.add(name)
                widths(p, words, env)
        for name in readers.COLOURED:
            check(name in coloured, f"migctl {name} has no colours: nothing was tried")


main()
