# SPDX-License-Identifier: Apache-2.0
"""Programs that draw on a terminal: what they show, and that they end when told to."""
import os
import pty
import re
import select
import struct
import termios
import time
from fcntl import ioctl

from common import check, same


class Screen:
    """A program on a terminal of 120 by 50; text() is what it drew, without the colours."""

    def __init__(self, m, words, env=None):
        self.m = m
        self.master, slave = pty.openpty()
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        self.complaints = m.root / "complaints"
        with open(self.complaints, "w", encoding="utf-8") as stderr:
            self.program = m.start(words, stdin=slave, stdout=slave,
                                   stderr=stderr, env={"TERM": "xterm-256color", **(env or {})})
        os.close(slave)
        self.drawn = b""

    def text(self):
        """Cursor moves become ends of lines: rows of a table are drawn in one go."""
        text = self.drawn.decode("utf-8", "replace")
        text = re.sub(r"\x1b\[\d+;\d+H|\x1b\[\d*d", "\n", text)
        text = re.sub(r"\x1b\[(\d+)C", lambda c: " " * int(c[1]), text)
        text = re.sub(r"\x1b\[(\d+)X", lambda c: " " * int(c[1]), text)
        text = re.sub(r"(.)\x1b\[(\d+)b", lambda c: c[1] * (1 + int(c[2])), text)
        return re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x0f", "", text)

    def until(self, words, limit=20):
        end = time.monotonic() + limit
        while not all(w in self.text() for w in words):
            left = end - time.monotonic()
            check(left > 0, f"the screen does not show {words}:\n{self.text()[-6000:]}")
            if select.select([self.master], [], [], min(left, 0.2))[0]:
                try:
                    self.drawn += os.read(self.master, 65536)
                except OSError:
                    break
            if self.program.poll() is not None:
                break
        check(all(w in self.text() for w in words), f"it ended before it drew {words}: "
              f"{self.complaints.read_text()}\n{self.text()}")

    def close(self):
        """Quits it as a person does, by q; what it said on stderr."""
        os.write(self.master, b"q")
        end = time.monotonic() + 10
        while self.program.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    os.read(self.master, 65536)
                except OSError:
                    break
        rc = self.program.wait(10)
        err = self.complaints.read_text()
        self.m.running.remove(self.program)
        os.close(self.master)
        same("a screen that was told to quit ends with", rc, 0)
        return err
