# SPDX-License-Identifier: Apache-2.0
"""What the tests of the lab's commands share: a place of their own, and ways to say what is wrong."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
MIGCTL = BUILD / "migctl"

USAGE, UNAVAILABLE, PERMISSION, BUSY, NOT_FOUND, BAD_LAB, NO_DRIVER = 2, 3, 4, 5, 6, 7, 9
OTHER = 65534  # a user who owns nothing


def fail(text):
    raise SystemExit(f"FAILED: {text}")


def check(ok, text):
    if not ok:
        fail(text)


class Place:
    """A home folder for one test, with nothing of the caller's environment that chooses a lab."""

    def __init__(self, root=None):
        self.own = root is None
        self.root = pathlib.Path(root or tempfile.mkdtemp(prefix="migkit-lab-"))
        self.env = {"HOME": str(self.root), "XDG_STATE_HOME": str(self.root / "state"),
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb",
                    "SHELL": "/bin/sh"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.labs = self.root / "state" / "migkit" / "labs"
        self.migctl = MIGCTL

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Clients that a failed test has left, each through its lab.
        if self.labs.is_dir():
            for lab in self.labs.iterdir():
                self.run("--lab", lab.name, "lab", "client", "stop", "--all")
        if self.own:
            subprocess.run(["chmod", "-R", "u+rwX", str(self.root)], check=False)
            shutil.rmtree(self.root, ignore_errors=True)

    def run(self, *words, env=None, stdin=subprocess.DEVNULL, before=()):
        """Runs migctl; before: a program in front of it, such as setpriv."""
        return subprocess.run([*before, str(self.migctl), *words], env={**self.env, **(env or {})},
                              cwd=self.root, stdin=stdin, capture_output=True, text=True,
                              timeout=60)

    def as_other(self):
        """What runs a command as a user whom permissions bind; [] where this one is such a user."""
        if os.geteuid() != 0:
            return []
        setpriv = shutil.which("setpriv")
        if not setpriv:
            fail("the tests run as root, and there is no setpriv to leave that: install util-linux")
        self.root.chmod(0o755)
        own = self.root / "build"
        if not own.exists():
            # The build may lie where only root can go.
            own.mkdir()
            shutil.copy(BUILD / "migctl", own)
            for part in ("sim", "sim-branch", "lab-shell"):
                shutil.copytree(BUILD / part, own / part, symlinks=True)
            self.migctl = own / "migctl"
        return [setpriv, f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"]

    def ok(self, *words, **more):
        done = self.run(*words, **more)
        check(done.returncode == 0, f"migctl {' '.join(words)}: exit {done.returncode}, "
                                    f"{done.stderr or done.stdout}")
        return done.stdout

    def refused(self, rc, parts, *words, **more):
        """The command fails with that code and one sentence that holds all the parts."""
        done = self.run(*words, **more)
        said = f"migctl {' '.join(words)}: exit {done.returncode}: {done.stderr}"
        check(done.returncode == rc, f"not exit {rc} but {said}")
        check(done.stdout == "", f"prints {done.stdout!r} beside its error; {said}")
        lines = done.stderr.splitlines()
        check(len(lines) == 1 and lines[0].startswith("migctl: "), f"not one sentence: {said}")
        for part in parts:
            check(part in lines[0], f"{part!r} is missing: {said}")
        return lines[0]

    def json(self, *words, **more):
        return json.loads(self.ok(*words, "-o", "json", **more))

    def create(self, name="one", *words, board="a100-80gb-pcie", driver="515.86.01"):
        self.ok("lab", "create", name, "--board", board, "--driver", driver, *words)
        return self.labs / name

    def clients(self, lab="one"):
        return self.json("lab", "client", "list", "--lab", lab)["clients"]


def alive(pid):
    """Whether the process runs: one that waits for its parent's word has ended."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_gone(pid):
    for _ in range(500):
        if not alive(pid):
            return
        time.sleep(0.01)
    fail(f"process {pid} does not end")


def in_memory():
    """Thousands of small files are made and removed: where there is a folder in memory, there."""
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)
