# SPDX-License-Identifier: Apache-2.0
"""The clients from PyPI, by the pinned versions of py/requirements*.txt, in the build folder.

pip's own cache makes the second build folder of a machine fast; within one build folder they are
installed once for all tests.
"""
import fcntl
import hashlib
import pathlib
import re
import subprocess
import sys

from common import CACHE, skip

HERE = pathlib.Path(__file__).resolve().parent / "py"


def pinned(name="requirements.txt"):
    """package -> version"""
    return dict(re.findall(r"^([\w-]+)==(\S+)", (HERE / name).read_text(encoding="utf-8"), re.M))


def run(words, what):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["no word of why"]
        said = next((s for s in lines if s.startswith("ERROR")), lines[-1])
        if re.search(r"hash|HASH", said):
            sys.exit(f"{what}: {said}")
        skip(f"{what}: {said}")


def install(folder):
    run([sys.executable, "-m", "venv", folder], "a virtual environment can't be made")
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes",
           "--disable-pip-version-check", "--no-deps"]
    what = "the clients from PyPI can't be had here"
    run([*pip, "--only-binary", ":all:", "-r", HERE / "requirements-build.txt"], what)
    run([*pip, "--no-build-isolation", "-r", HERE / "requirements.txt"], what)
    run([*pip, "--only-binary", ":all:", "--target", folder / "older", "-r",
         HERE / "requirements-older.txt"], what)
    run([folder / "bin" / "python", "-m", "pip", "check"], "the pinned versions don't fit together")


def kept(name, files, fill):
    """A virtual environment of the build folder, filled once by fill(folder)."""
    words = b"".join((HERE / f).read_bytes() for f in files) + sys.version.encode()
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"{name}-{hashlib.sha256(words).hexdigest()[:12]}"
    with open(CACHE / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            # Scripts of a virtual environment name its folder, so it is made in place.
            subprocess.run(["rm", "-rf", str(folder)], check=True)
            fill(folder)
            (folder / "complete").touch()
    return folder


def environment():
    """The folder of the virtual environment; bin/python, bin/nvitop ... are in it."""
    return kept("pypi", [f"requirements{s}.txt" for s in ("", "-build", "-older")], install)


def install_schema(folder):
    run([sys.executable, "-m", "venv", folder], "a virtual environment can't be made")
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
         "--disable-pip-version-check", "--only-binary", ":all:", "-r", HERE / "requirements-schema.txt"],
        "jsonschema can't be had here")


def schema_environment():
    """The folder of one that has jsonschema alone, for tests of our own JSON."""
    return kept("schema", ["requirements-schema.txt"], install_schema)
