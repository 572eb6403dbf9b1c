# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's nvidia-smi and ours on two equal labs: what both print, their exit codes, both states."""
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or HERE.parents[1])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
TIMEOUT = 20
# Bytes of the clients in a state (src/lab/lab.h): their pids are different processes.
CLIENTS = 64 * 128
# The time of day at the head of the summary, and of the log.
TIME = re.compile(r"^((?:Timestamp\s+: )?)[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}", re.M)
# 470 asks its library for the chip by a private way before a reset, says this and resets it.
CHIP = re.compile(r"^Cannot detect chip architecture for .*\n", re.M)
DRIVER = {"470": "470.256.02", "535": "535.261.03", "550": "550.163.01", "580": "580.159.04"}


def behind_the_guard(branch):
    """Starts this very test again inside tests/real/guard; there, returns the real program.

    MIGKIT_GUARDED says that this is inside, and which program: so 580, which no registry has, is
    tried on a machine that has it.
    """
    if "MIGKIT_GUARDED" in os.environ:
        return os.environ["MIGKIT_GUARDED"]
    done = subprocess.run([SOURCE / "tests/real/fetch-nvidia-smi", branch], capture_output=True,
                          text=True, env={**os.environ, "MIGKIT_BUILD": str(BUILD)})
    if done.returncode:
        print(done.stdout + done.stderr, end="")
        sys.exit(done.returncode)
    program = done.stdout.strip()
    words = [SOURCE / "tests/real/guard", BUILD / "sim", program, sys.executable, *sys.argv]
    sys.exit(subprocess.run(words, env={**os.environ, "MIGKIT_GUARDED": program}).returncode)


def without_times(data):
    """A state without its times (microseconds of today) and what stands before each: energy used."""
    words = list(struct.unpack(f"<{len(data) // 8}Q", data))
    now = time.time() * 1e6
    for i, word in enumerate(words):
        if abs(word - now) < 86400e6:
            words[i - 1:i + 1] = [0, 0]
    return words


class Pair:
    """Two labs made from the same arguments, for the real program and for ours."""

    def __init__(self, real, arguments, root):
        self.real, self.root = real, pathlib.Path(root)
        (self.root / "bin").mkdir()
        self.ours = self.root / "bin" / "nvidia-smi"
        self.ours.symlink_to(BUILD / "migctl")
        self.env = {}
        for side in ("real", "ours"):
            home = self.root / side
            home.mkdir()
            env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_STATE_HOME": str(home),
                   "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb"}
            self.env[side] = env
            self.migctl(side, "lab", "create", "pair", *shlex.split(arguments))
            env["MIGKIT_LAB"] = str(home / "migkit/labs/pair")
        self.env["real"]["LD_LIBRARY_PATH"] = str(BUILD / "sim")

    def migctl(self, side, *words):
        env = {k: v for k, v in self.env[side].items() if k != "LD_LIBRARY_PATH"}
        done = subprocess.run([BUILD / "migctl", *words], env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT)
        if done.returncode:
            raise SystemExit(f"migctl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def both(self, *words):
        """A command of migctl on both labs."""
        for side in ("real", "ours"):
            self.migctl(side, *words)

    def run(self, side, words):
        program = self.real if side == "real" else self.ours
        done = subprocess.run([program, *words], env=self.env[side], capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT, cwd=self.root)
        text = CHIP.sub("", done.stdout.decode(errors="backslashreplace"))
        return (TIME.sub(r"\1(time)", text),
                done.stderr.decode(errors="backslashreplace"), done.returncode)

    def state(self, side):
        """What the lab's file holds as current, but for its sequence number and its clients."""
        data = (self.root / side / "migkit/labs/pair/state").read_bytes()
        copies, size = struct.unpack_from("<2Q", data, 40), struct.unpack_from("<Q", data, 56)[0]
        seq = struct.unpack_from("<Q", data, 128)[0]
        at = copies[seq % 2] + 8
        return without_times(data[at + 8:at + 24] + data[at + 24 + CLIENTS:at + size])

    def differences(self, words):
        """Runs a command on both and says in which ways they differ."""
        real, ours = self.run("real", words), self.run("ours", words)
        found = [f"{what}\n  NVIDIA's: {r!r}\n  ours:     {o!r}"
                 for what, r, o in zip(("stdout", "stderr", "exit code"), real, ours) if r != o]
        if self.state("real") != self.state("ours"):
            found.append("the states of the two labs differ")
        return found


def place():
    return tempfile.TemporaryDirectory(prefix="migkit-pair-")
