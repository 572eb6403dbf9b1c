# SPDX-License-Identifier: Apache-2.0
"""What the tests of the lesson share."""
import json
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
MIGCTL = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve() / "migctl"


def blocks():
    """name -> text of the lesson's screens, in the lesson's order."""
    with open(HERE / "blocks" / "index.json", encoding="utf-8") as f:
        names = [b["file"] for b in json.load(f)["blocks"]]
    return {name: (HERE / "blocks" / name).read_bytes().decode() for name in names}


# Words of the lesson that mean something else on the host. They stand behind the lab's own in PATH and
# say if they were reached.
HOST = ("sudo", "killall", "pkill", "shutdown", "reboot", "systemctl", "nvidia-smi", "migctl")


class Place:
    """A home and a temporary folder of its own; nothing may be left in the latter."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="migkit-test-lesson-")
        root = pathlib.Path(self.folder.name)
        self.home, self.tmp = root / "home", root / "tmp"
        self.reached = root / "reached"
        bin_dir = root / "bin"
        for folder in (self.home, self.tmp, bin_dir):
            folder.mkdir()
        for name in HOST:
            stand_in = bin_dir / name
            stand_in.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.reached}"\nexit 99\n')
            stand_in.chmod(0o755)
        self.env = {"PATH": f"{bin_dir}:/usr/bin:/bin", "HOME": str(self.home), "TMPDIR": str(self.tmp),
                    "XDG_STATE_HOME": str(self.home / "state"), "LC_ALL": "C.UTF-8",
                    "TERM": "xterm", "COLUMNS": "80"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, *words, **env):
        done = subprocess.run([str(MIGCTL), *words], env=self.env | env, cwd=self.home,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode()
