# SPDX-License-Identifier: Apache-2.0
"""The one way in which tests run foreign programs: a simulated machine, and programs on it.

    with Machine("--board", "a100-40gb-sxm", "--driver", "550.163.01") as m:
        m.migctl("smi", "-mig", "1")
        done = m.run([program, "--list"])           # library and environment alone
        done = m.run([program, "--list"], files=True)    # with the lab's files in place as well
    report("program", "1.2.3", "what was shown, in one line")

Each program is started inside tests/real/guard, where no real GPU can be reached, and by
tests/clients/first, which stops unless our library answers on this machine's lab: that of the branch
of the machine's driver.
"""
import contextlib
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).parents[2]).resolve()
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
MIGCTL = BUILD / "migctl"
# One simulated library for each branch of the driver, with the names that it has.
BRANCHES = BUILD / "sim-branch"
GUARD = SOURCE / "tests" / "real" / "guard"
FIRST = SOURCE / "tests" / "clients" / "first"
# What is fetched or built once and kept: it outlives a test, not the build folder.
CACHE = BUILD / "clients-cache"
# Neither guard nor first ran the program.
NOT_RUN = 125


def fail(text):
    raise SystemExit(f"FAILED: {text}")


def check(ok, text):
    if not ok:
        fail(text)


def same(what, got, want):
    check(got == want, f"{what}:\n  got  {got!r}\n  want {want!r}")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def report(name, version, shown):
    """Says, for the list at the end of 'make test', that a client ran and what that showed."""
    folder = BUILD / "clients"
    folder.mkdir(exist_ok=True)
    line = f"{name} {version}: {shown}"
    (folder / name.replace("/", "-")).write_text(line + "\n", encoding="utf-8")
    print(line)


def minor(gpu, gi, ci=None):
    """The capability minor of an instance, as the driver numbers them (GI 0..14, CI 0..7)."""
    return 3 + 135 * gpu + 9 * gi + (0 if ci is None else 1 + ci)


def group_runs(group):
    """Whether a process group has a process that runs. Dead ones don't count: in a container without
    an init nobody collects the orphans."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            return True
    return False


class Machine:
    """A lab of its own, with a home folder, and the programs that run on it."""

    def __init__(self, *create, name="test"):
        self.name = name
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="migkit-client-"))
        self.running = []
        self.bin = self.root / "bin"
        self.bin.mkdir()
        # Clients that call nvidia-smi meet migctl, which speaks its grammar.
        (self.bin / "nvidia-smi").symlink_to(MIGCTL)
        state = self.root / "state"
        self.env = {"HOME": str(self.root), "XDG_STATE_HOME": str(state), "LC_ALL": "C.UTF-8",
                    "PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC",
                    "TERM": "dumb", "TMPDIR": str(self.root)}
        self.lab = state / "migkit" / "labs" / name
        try:
            self.migctl("lab", "create", name, *create)
        except BaseException:
            shutil.rmtree(self.root, ignore_errors=True)
            raise
        self.env["MIGKIT_LAB"] = str(self.lab)
        self.sim = BRANCHES / self.status()["driver"].partition(".")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self.running:
            self.stop(program)
        self.try_migctl("lab", "client", "stop", "--all")
        subprocess.run(["chmod", "-R", "u+rwX", str(self.root)], check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    # migctl, which is asked what is true

    def try_migctl(self, *words, env=None):
        return subprocess.run([MIGCTL, *words], env={**self.env, **(env or {})}, cwd=self.root,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def migctl(self, *words, env=None):
        done = self.try_migctl(*words, env=env)
        check(done.returncode == 0, f"migctl {' '.join(words)}: exit {done.returncode}: "
                                    f"{done.stderr or done.stdout}")
        return done.stdout

    def smi(self, *words):
        return self.migctl("smi", *words)

    def status(self):
        return json.loads(self.migctl("lab", "status", self.name, "-o", "json"))

    def gpus(self):
        return self.status()["gpus"]

    def mig_devices(self, gpu=None):
        """The MIG devices (compute instances) in the order of their MIG indexes."""
        return [i for i in self.status()["instances"]
                if i.get("ci") is not None and gpu in (None, i["gpu"])]

    def layout(self):
        """What a layout is to a program: {GPU: [(GI, profile, start, [(CI, its profile)])]}."""
        found = {}
        for i in self.status()["instances"]:
            instances = found.setdefault(i["gpu"], {})
            entry = instances.setdefault(i["gi"], (i["gi"], i["profile"], i["start"], []))
            if i.get("ci") is not None:
                entry[3].append((i["ci"], i["ci_profile"]))
        return {gpu: sorted(instances.values()) for gpu, instances in found.items()}

    def client(self, device, memory="1GiB", name="train"):
        """A compute process on a MIG device (its UUID, or GPU/GI/CI) or 'gpu:N'; its pid."""
        where = ["--gpu", device[4:]] if device.startswith("gpu:") else ["--device", device]
        return int(self.migctl("lab", "client", "start", "--name", name, "--memory", memory, *where))

    def stop_clients(self):
        self.migctl("lab", "client", "stop", "--all")

    def driver_root(self):
        """A folder as a driver's installation has it, for programs that look for its libraries there.

        libnvidia-ml is ours, under the names that a driver's has. CUDA is not simulated: libcuda is an
        empty file, which such programs name but don't load.
        """
        root, version = self.root / "driver", self.status()["driver"]
        folder = root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
        folder.mkdir(parents=True)
        shutil.copy(self.sim / "libnvidia-ml.so.1", folder / f"libnvidia-ml.so.{version}")
        (folder / f"libcuda.so.{version}").touch()
        for name in ("libnvidia-ml.so", "libcuda.so"):
            (folder / f"{name}.1").symlink_to(f"{name}.{version}")
        (root / "usr" / "bin").mkdir()
        shutil.copy(MIGCTL, root / "usr" / "bin" / "nvidia-smi")
        return root

    # foreign programs

    def command(self, words, files):
        words = [sys.executable, FIRST, self.sim, *words]
        if files:
            # --proc: where the host's /proc has no place for the driver's files (no driver, no modules).
            words = [MIGCTL, "lab", "exec", "--proc", "--", *words]
        return [str(w) for w in (GUARD, self.sim, FIRST, *words)]

    def environment(self, env):
        return {**self.env, "LD_LIBRARY_PATH": str(self.sim), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}

    def run(self, words, files=False, timeout=60, env=None, stdin=None, rc=0):
        """Runs a foreign program to its end. rc: the exit code it must have; None: any."""
        program = self.start(words, files, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        said = " ".join(str(w) for w in words)
        try:
            out, err = program.communicate(stdin or "", timeout=timeout)
        except subprocess.TimeoutExpired:
            self.stop(program, signal.SIGKILL)
            fail(f"{said}: not done after {timeout} s")
        self.running.remove(program)
        check(program.returncode != NOT_RUN or "nothing was run" not in err, f"{said}: {err}")
        check(rc is None or program.returncode == rc,
              f"{said}: exit {program.returncode}, not {rc}\n{out[-3000:]}\n{err[-3000:]}")
        return subprocess.CompletedProcess(words, program.returncode, out, err)

    def start(self, words, files=False, env=None, stdin=subprocess.DEVNULL, stdout=None, stderr=None):
        """Starts a program that goes on; it ends with the machine, or by stop()."""
        program = subprocess.Popen(self.command(words, files), env=self.environment(env),
                                   cwd=self.root, stdin=stdin, stdout=stdout, stderr=stderr,
                                   text=True, start_new_session=True)
        self.running.append(program)
        return program

    def stop(self, program, sig=signal.SIGTERM, timeout=10):
        """Ends a program that start() started, with all that it started."""
        if program in self.running:
            self.running.remove(program)
        for s in (sig, signal.SIGKILL):
            end = time.monotonic() + timeout
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, s)
            # Until the last of its children is gone, too: it may have a GPU open.
            while group_runs(program.pid) and time.monotonic() < end:
                program.poll()
                time.sleep(0.02)
        program.wait(timeout)
        for pipe in (program.stdin, program.stdout, program.stderr):
            if pipe:
                pipe.close()
        return program.returncode
