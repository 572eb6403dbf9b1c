# SPDX-License-Identifier: Apache-2.0
"""Go programs from the module proxy: built once from a pinned module, unmodified.

Each folder of tests/clients/go/ is a module that requires one client at one version and nothing newer
beside it, so that the client's dependencies are those of its own go.mod; go.sum pins every byte.
Programs end up in build/clients-cache/go; Go's own caches make a second clone fast.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess

from common import CACHE, SOURCE, check, fail, skip

MODULES = SOURCE / "tests" / "clients" / "go"
# Fetched as a module where the Go at hand is older than a client needs (Debian 12 has 1.19).
TOOLCHAIN = "1.26.8"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}


def numbers(version):
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def environment():
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false",
           "CGO_ENABLED": "1"}
    home = pathlib.Path(env.get("HOME") or "/nonexistent")
    if not os.access(home, os.W_OK):
        env |= {"GOPATH": str(CACHE / "gopath"), "GOCACHE": str(CACHE / "go-build")}
    env.pop("GOROOT", None)
    return env


def call(words, cwd, timeout=840):
    return subprocess.run([str(w) for w in words], cwd=cwd, env=environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)


def download(go, module, cwd):
    """(folder of a module, None) or (None, why not)."""
    done = call([go, "mod", "download", "-json", module], cwd)
    answer = json.loads(done.stdout or "{}")
    if done.returncode == 0 and "Dir" in answer:
        return pathlib.Path(answer["Dir"]), None
    why = (answer.get("Error") or done.stderr).strip().splitlines() or ["no word of why"]
    return None, why[-1]


def find_go(need, client):
    """A go command that is new enough for a client, the machine's own or a fetched one."""
    own = shutil.which("go")
    if not own:
        skip(f"{client} needs Go {need}, and no Go is installed")
    have = call([own, "env", "GOVERSION"], "/").stdout.strip()
    if numbers(have) >= numbers(need):
        return own
    arch = ARCH.get(platform.machine())
    CACHE.mkdir(parents=True, exist_ok=True)
    folder, why = download(own, f"golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.linux-{arch}", CACHE)
    if folder is None:
        skip(f"{client} needs Go {need}; this is {have}, and {TOOLCHAIN} can't be had: {why}")
    # Modules are stored without the right to execute; cmd/go gives it to toolchains in this way, too.
    for program in [*(folder / "bin").iterdir(), *(folder / "pkg" / "tool").rglob("*")]:
        if program.is_file() and not os.access(program, os.X_OK):
            program.chmod(0o555)
    return folder / "bin" / "go"


def fetch(module, digest, need="1.19"):
    """The folder of MODULE@VERSION whose sum (h1:...) must be the given one; for files, not programs."""
    go = find_go(need, module)
    CACHE.mkdir(parents=True, exist_ok=True)
    done = call([go, "mod", "download", "-json", module], CACHE)
    answer = json.loads(done.stdout or "{}")
    if done.returncode or "Dir" not in answer:
        skip(f"{module} can't be fetched: {(answer.get('Error') or done.stderr).strip()}")
    check(answer["Sum"] == digest, f"{module} has the sum {answer['Sum']}, not {digest}")
    return pathlib.Path(answer["Dir"])


class Module:
    """One folder of tests/clients/go."""

    def __init__(self, name):
        self.name = name
        self.folder = MODULES / name
        text = (self.folder / "go.mod").read_text(encoding="utf-8")
        self.need = re.search(r"^go (\S+)", text, re.M).group(1)
        self.required = dict(re.findall(r"^(?:require)?\s+(\S+\.\S+/\S+) (v\S+)", text, re.M))

    def version(self, module):
        check(module in self.required, f"{self.folder}/go.mod does not require {module}")
        return self.required[module]

    def key(self, package):
        """What a built program is kept under: anything that would make it another program."""
        digest = hashlib.sha256(package.encode())
        for path in [self.folder / "go.mod", self.folder / "go.sum", *self.folder.rglob("*.go")]:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def build(self, package):
        """The path of the built program; package: of the client, or ./FOLDER of the module itself."""
        name = package.rsplit("/", 1)[-1]
        program = CACHE / "go" / f"{name}-{self.key(package)}"
        if program.exists():
            return program
        program.parent.mkdir(parents=True, exist_ok=True)
        with open(CACHE / "go" / "lock", "w", encoding="utf-8") as lock:
            # One build at a time: two would only take the processors from each other.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if program.exists():
                return program
            go = find_go(self.need, name)
            done = call([go, "mod", "download"], self.folder)
            if done.returncode:
                lines = done.stderr.strip().splitlines() or ["no word of why"]
                skip(f"the modules of {name} can't be fetched: {lines[-1]}")
            part = program.with_name(program.name + ".part")
            done = call(["nice", "-n", "10", go, "build", "-trimpath", "-o", part, package], self.folder)
            if done.returncode:
                fail(f"{name} does not build with {go}:\n{done.stderr[-3000:]}")
            part.rename(program)
        return program

    def file(self, module, path):
        """A file of a required module, such as a client's examples."""
        go = find_go(self.need, self.name)
        folder, why = download(go, f"{module}@{self.version(module)}", self.folder)
        if folder is None:
            skip(f"{module} can't be fetched: {why}")
        return folder / path
