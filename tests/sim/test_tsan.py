#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""Threads in the simulated driver under ThreadSanitizer, in a build of its own: the unit tests of
threads, and racers.c while trouble is ordered in its lab: faults, latency, clients, reboots, a trace.
That the sanitizer would speak is shown by copies of single lines that are wrong on purpose.

clang, as gcc knows no fences under ThreadSanitizer; setarch -R, as the sanitizer of this version
can't place its shadow where the kernel randomises much. What is seen are the threads of one process:
what processes do to each other's mapping is for tests/model and the tests of the lab.
"""
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import driver

FOLDER = driver.BUILD / "tsan"
LIBRARY = "src/sim/libnvidia-ml.so.1"
MIGCTL = driver.BUILD / "migctl"
# The order of locks is not judged where a forked child goes on using the library: there it makes the
# lab's lock anew (as it cannot give back its parent's), which the sanitizer takes for still held.
TARGETS = {"tests/unit_nvml_threads": "halt_on_error=1",
           "tests/unit_nvml_host": "halt_on_error=1:detect_deadlocks=0",
           "tests/unit_abi_events": "halt_on_error=1"}
# One line of the library, and what it must not be: each makes a race of two threads.
MUTATIONS = {
    "a fault's calls are counted in two steps": (
        "src/lab/trouble_call.c",
        "if (lab_word_swap(base, at, was, lab_count_tag(id) | (so_far & COUNT_MASK)))",
        "if (*(volatile uint64_t *)(void *)(base + at) = lab_count_tag(id) | so_far)"),
    "after a call the lab's word is found by a plain pointer": (
        "src/sim/trouble.c",
        "if (sim_watch_bits() & LAB_WATCH_TRACE)",
        "if (__atomic_load_n(sim_watch_word, __ATOMIC_ACQUIRE) & LAB_WATCH_TRACE)"),
}
REPORT = "ThreadSanitizer"
PATIENCE = 200  # seconds that anything is waited for
STATUS_OF_REPORT = 66


def run(*words, env=None):
    done = subprocess.run([str(w) for w in words], cwd=driver.ROOT, stdin=subprocess.DEVNULL,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **(env or {})})
    if done.returncode:
        print(done.stdout[-6000:])
        sys.exit(1)
    return done.stdout


def place(library):
    """The library under the name by which programs load it."""
    (FOLDER / "sim").mkdir(exist_ok=True)
    to = FOLDER / "sim" / "libnvidia-ml.so.1"
    to.unlink(missing_ok=True)
    to.write_bytes(pathlib.Path(library).read_bytes())
    return to


def mutated(name, folder):
    """The library with one wrong line: that file is compiled and the library linked anew."""
    path, right, wrong = MUTATIONS[name]
    text = (driver.ROOT / path).read_text(encoding="utf-8")
    if text.count(right) != 1:
        sys.exit(f"{path} has no longer the line that '{name}' is about")
    source, made = folder / pathlib.Path(path).name, folder / "mutated.o"
    source.write_text(text.replace(right, wrong), encoding="utf-8")
    commands = json.loads((FOLDER / "compile_commands.json").read_text(encoding="utf-8"))
    [command] = [c for c in commands if c["file"].endswith("/" + path)]
    words = shlex.split(command["command"])
    words[words.index("-o") + 1] = made
    words[words.index("-c") + 1] = source
    subprocess.run([*map(str, words), "-w"], cwd=FOLDER, check=True)
    link = shlex.split(run("ninja", "-C", FOLDER, "-t", "commands", LIBRARY).splitlines()[-1])
    library = folder / "libnvidia-ml.so.1"
    link[link.index("-o") + 1] = str(library)
    # Instead of the file's own object, or before the archive that has that: then it is not taken.
    link = [w for w in link if w != command["output"]]
    link.insert(link.index("-o") + 2, str(made))
    subprocess.run(link, cwd=FOLDER, check=True)
    return library


def build_racers(folder, library):
    program = folder / "racers"
    run("clang-14", "-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-fsanitize=thread", "-pthread",
        "-I", driver.ROOT / "src", "-o", program, driver.ROOT / "tests" / "sim" / "racers.c",
        library, f"-Wl,-rpath,{library.parent}")
    return program


def migctl(*words):
    return run(MIGCTL, *words)


class Racers:
    """The running program. What goes wrong in it ends it, and is in its output."""

    def __init__(self, program, library):
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            ["setarch", "-R", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True,
            env={**os.environ, "TSAN_OPTIONS": f"halt_on_error=1:exitcode={STATUS_OF_REPORT}",
                 "LD_LIBRARY_PATH": str(library.parent)})

    def counts(self):
        """None: it has ended."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def until(self, what, enough):
        """Lets the threads go on until enough(before, now); False: the program has ended."""
        before, end = self.counts(), time.monotonic() + PATIENCE
        now = before
        while now and not enough(before, now):
            if time.monotonic() > end:
                sys.exit(f"{what}: not within {PATIENCE} s; {before}, then {now}")
            time.sleep(0.01)
            now = self.counts()
        return bool(now)

    def go_on(self, what, *kinds, succeed=True):
        """Each of these kinds of calls was made some more times, and succeeded if it should."""
        return self.until(what, lambda a, b: all(b[k][succeed] - a[k][succeed] >= 8 for k in kinds))

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.errors.seek(0)
        return status, self.errors.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def faults():
    return json.loads(migctl("lab", "fault", "list", "-o", "json"))["faults"]


def struck(racers):
    """Each fault that is ordered has met somebody."""
    return racers.until("faults strike", lambda a, b: all(f["struck"] for f in faults()))


def order_faults(racers):
    add = ["lab", "fault", "add"]
    migctl(*add, "group:create", "--return", "UNKNOWN", "--probability", "0.5")
    migctl(*add, "group:destroy", "--return-after", "TIMEOUT", "--every", "3")
    migctl(*add, "group:sensor", "--take", "1ms", "--times", "200")
    migctl(*add, "any", "--return", "MEMORY", "--every", "7")
    migctl(*add, "nvmlDeviceGetMigMode", "--xid", "13", "--every", "5")
    on = struck(racers)
    # Both that read; the others are not kept by it.
    migctl(*add, "nvmlDeviceGetUUID", "--hang", "--times", "2")
    on = on and racers.until("two threads hang", lambda a, b: faults()[-1]["hanging"] == 2)
    on = on and racers.go_on("beside the hanging", "init", "create", "event", succeed=False)
    migctl("lab", "fault", "clear", str(faults()[0]["id"]))
    migctl("lab", "fault", "clear", "--all")
    return on and racers.go_on("after faults", "init", "read", "create", "destroy", "event",
                               succeed=False)


def order_latency(racers, folder):
    table = folder / "latency.yaml"
    table.write_text("group:mig: 300us\ngroup:create: 1ms\ngroup:destroy: 1ms\ngroup:init: 100us\n",
                     encoding="utf-8")
    migctl("lab", "latency", table)
    on = racers.go_on("with latency", "init", "read", "create", "destroy")
    migctl("lab", "latency", "none")
    return on


def order_clients(racers):
    migctl("lab", "client", "start", "--name", "racing", "--gpu", "2", "--memory", "64MiB")
    migctl("lab", "client", "start", "--name", "open", "--gpu", "1")
    on = racers.go_on("with clients", "init", "read", succeed=False)
    migctl("lab", "client", "stop", "racing")
    migctl("lab", "client", "stop", "--all")
    return on


def order_reboot(racers):
    migctl("lab", "inject", "1", "lost")
    on = racers.go_on("without a GPU", "init", "read", succeed=False)
    migctl("lab", "reboot")
    # They succeed again: all of them have let go of the lab of before.
    return on and racers.go_on("after a reboot", "init", "read", "create", "destroy")


def order_trace(racers, folder):
    to = folder / "trace"
    # That of the round before would say that this one had begun.
    to.unlink(missing_ok=True)
    with subprocess.Popen([MIGCTL, "lab", "trace", "-o", "json", "--to", to], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as tracer:
        try:
            on = racers.until("the trace tells",
                              lambda a, b: to.exists() and to.stat().st_size > 50000)
            on = on and order_faults(racers)
        finally:
            tracer.send_signal(signal.SIGINT)
            said = tracer.communicate()[0]
    if on and tracer.returncode not in (0, 130):
        sys.exit(f"lab trace: exit {tracer.returncode}: {said}")
    return on


def torture(racers, folder):
    """One round of all trouble; False: the program has ended."""
    return (racers.go_on("undisturbed", "init", "read", "create", "destroy") and
            order_faults(racers) and order_latency(racers, folder) and order_clients(racers) and
            order_trace(racers, folder) and order_reboot(racers))


def run_racers(program, library, folder, rounds):
    """Exit status, what was said, and the last counts."""
    driver.lab("--board", "a100-80gb-pcie:3", "--driver", "535.261.03")
    racers, counts = Racers(program, library), None
    try:
        for _ in range(rounds):
            if not torture(racers, folder):
                break
        counts = racers.counts()
        return (*racers.end(), counts)
    finally:
        racers.kill()
        migctl("lab", "client", "stop", "--all")


def main():
    # The kernel of some containers refuses to switch the randomisation off; then nothing can be said.
    if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode:
        driver.skip("setarch -R is not allowed here, and ThreadSanitizer needs it")
    if not (FOLDER / "build.ninja").exists():
        run("meson", "setup", FOLDER, "-Db_sanitize=thread", "-Db_lundef=false", "-Doptimization=1",
            env={"CC": "clang-14"})
    run("setarch", "-R", "ninja", "-C", FOLDER, LIBRARY, *TARGETS)
    library = place(FOLDER / LIBRARY)
    for target, options in TARGETS.items():
        said = run("setarch", "-R", FOLDER / target,
                   env={"MIGKIT_BUILD": str(FOLDER), "TSAN_OPTIONS": options})
        if REPORT in said:
            sys.exit(said)
    with tempfile.TemporaryDirectory(prefix="migkit-test.") as name:
        folder = pathlib.Path(name)
        program = build_racers(folder, library)
        status, said, counts = run_racers(program, library, folder, 2)
        if status or said:
            sys.exit(f"racers: exit {status}\n{said[:8000]}")
        print("calls made and succeeded:", json.dumps(counts))
        for mutation in MUTATIONS:
            status, said, _ = run_racers(program, mutated(mutation, folder), folder, 60)
            if status != STATUS_OF_REPORT or f"{REPORT}: data race" not in said:
                sys.exit(f"'{mutation}' is not found: exit {status}\n{said[:4000]}")
            print(f"reported, as it should be: {mutation}")
    print("threads, forks, changes and trouble: ThreadSanitizer found nothing else")


if __name__ == "__main__":
    main()
