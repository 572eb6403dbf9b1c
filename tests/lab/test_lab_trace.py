#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""migctl lab trace: every call of every process, as long as nothing is dropped; what is dropped is
counted; nobody waits for a tracer that is stopped, full or dead; and none that ends leaves anything."""
import collections
import ctypes
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

from labtest import BUILD, BUSY, MIGCTL, NOT_FOUND, PERMISSION, USAGE, Place, check, fail

LIBRARY = BUILD / "sim" / "libnvidia-ml.so.1"
KEYS = ["event", "time", "pid", "tid", "process", "number", "call", "in", "out", "status", "code", "fault",
        "duration_ns", "calls", "lost", "text"]
# The state's header: the word that calls look at (src/lab/format.h), and its bit of a trace.
WATCH, TRACED = 160, 4


def until(what, true):
    for _ in range(6000):
        if true():
            return
        time.sleep(0.01)
    fail(f"does not come to pass: {what}")


def watched(lab):
    word = (lab / "state").read_bytes()[WATCH:WATCH + 8]
    return bool(int.from_bytes(word, sys.byteorder) & TRACED)


def records(path):
    """What is written: each line whole, with all its keys."""
    found = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        check(list(record) == KEYS, f"keys of {line}")
        found.append(record)
    return found


class Tracer:
    """migctl lab trace in the background."""

    def __init__(self, p, lab, *words, **more):
        self.lab = lab
        self.process = subprocess.Popen([MIGCTL, "lab", "trace", lab, *words], env=p.env, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, **more)
        until("the trace begins", lambda: watched(lab) or self.process.poll() is not None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()

    def end(self, rc=0):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        check(self.process.returncode == rc, f"exit {self.process.returncode}: {err}")
        check(not watched(self.lab), "calls are still looked at")
        return out, err


# --- programs that are traced -----------------------------------------------------------------------

def ask(calls, threads=1):
    """init, calls in threads, shutdown; a child of a fork does the same. Prints how many."""
    import threading
    lib = ctypes.CDLL(str(LIBRARY))
    lib.nvmlInit_v2()
    count = ctypes.c_uint()

    def work():
        for _ in range(calls // threads):
            lib.nvmlDeviceGetCount_v2(ctypes.byref(count))

    made = [threading.Thread(target=work) for _ in range(threads)]
    for t in made:
        t.start()
    for t in made:
        t.join()
    pid = os.fork()
    work()
    if pid:
        os.waitpid(pid, 0)
    lib.nvmlShutdown()
    print(os.getpid(), 2 + calls // threads * (threads + 1), pid or "")
    if not pid:
        sys.stdout.flush()
        os._exit(0)


def ask_for_ever():
    lib = ctypes.CDLL(str(LIBRARY))
    lib.nvmlInit_v2()
    count = ctypes.c_uint()
    print("ready", flush=True)
    while True:
        lib.nvmlDeviceGetCount_v2(ctypes.byref(count))


def program(p, lab, *words, **more):
    return subprocess.Popen([sys.executable, os.path.abspath(__file__), *map(str, words)], text=True,
                            env={**p.env, "MIGKIT_LAB": str(lab), "MIGKIT_BUILD": str(BUILD)},
                            stdout=subprocess.PIPE, **more)


# --- tests ------------------------------------------------------------------------------------------

def test_all_calls(p, lab):
    """16 processes, each with threads and a child: as many calls as they made, numbered without a gap."""
    with Tracer(p, lab, "-o", "json", "--to", "all") as t:
        made = [program(p, lab, "ask", 40, 2) for _ in range(16)]
        said = [line.split() for m in made for line in m.communicate(timeout=120)[0].splitlines()]
        t.end()
    found = records("all")
    calls = [r for r in found if r["event"] == "call"]
    check(found[0]["event"] == "begin" and found[-1]["event"] == "end", "begin and end")
    check(found[-1]["calls"] == len(calls), f"{found[-1]['text']}, but {len(calls)} calls")
    numbers, threads = collections.defaultdict(list), collections.defaultdict(set)
    for r in calls:
        numbers[r["pid"]].append(r["number"])
        threads[r["pid"]].add(r["tid"])
        check(r["duration_ns"] >= 0 and r["fault"] is False and r["process"].startswith("python"), str(r))
    check(len(said) == 32, f"{len(said)} processes")
    lost = 0
    for pid, count, child in ((int(s[0]), int(s[1]), len(s) > 2) for s in said):
        got = sorted(numbers[pid])
        # The child did not make the calls of the threads before it, and init.
        made = count if child else count - 1 - 40
        check(got == sorted(set(got)) and set(got) <= set(range(1, made + 1)), f"{pid}: {got}, of {made}")
        lost += made - len(got)
        check(not child or lost or len(threads[pid]) == 3, f"{pid}: threads {threads[pid]}")
    check(found[-1]["lost"] == lost, f"{lost} calls are not there, it says {found[-1]['lost']}")
    check(all(r["out"] == {"deviceCount": 1} for r in calls if r["call"] == "nvmlDeviceGetCount_v2"), "counts")
    return len(calls), lost


def test_command(p, lab):
    """The exit code and the streams are the command's."""
    for code in (0, 7):
        done = p.run("lab", "trace", lab, "--", "sh", "-c", f"echo out; nvidia-smi -L >&2; exit {code}")
        check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stderr}")
        check(done.stdout == "out\n", f"stdout {done.stdout!r}")
        check("GPU 0: " in done.stderr and "nvmlDeviceGetCount_v2(deviceCount -> 1) = SUCCESS" in done.stderr
              and " none lost" in done.stderr.splitlines()[-1], done.stderr)
    done = p.run("lab", "trace", lab, "--", "sh", "-c", "kill -9 $$")
    check(done.returncode == 128 + 9, f"exit {done.returncode} of a killed command")
    p.refused(NOT_FOUND, ["cannot run", "no-such-program"], "lab", "trace", str(lab), "--to", "none", "--",
              "no-such-program")
    p.refused(USAGE, ["which program"], "lab", "trace", str(lab), "--")
    p.refused(NOT_FOUND, ["no-such-lab"], "lab", "trace", "no-such-lab")
    p.refused(NOT_FOUND, ["/no/such/folder"], "lab", "trace", str(lab), "--to", "/no/such/folder/file")
    check(not watched(lab), "calls are still looked at")


def test_name(p, lab):
    with Tracer(p, lab, "-o", "json", "--to", "named", "--name", "migctl") as t:
        program(p, lab, "ask", 2).communicate(timeout=60)
        p.ok("status", env={"MIGKIT_LAB": str(lab)})
        t.end()
    names = {r["process"] for r in records("named") if r["event"] == "call"}
    check(names == {"migctl"}, f"processes {names}")


def test_killed_client(p, lab):
    """One that is killed at any place ends its own calls and no more."""
    with Tracer(p, lab, "-o", "json", "--to", "killed") as t:
        for i in range(20):
            with program(p, lab, "ask-for-ever") as one:
                one.stdout.readline()
                time.sleep(0.001 * (i % 7))
                one.kill()
        check(t.process.poll() is None, "the tracer ended with them")
        p.ok("status", env={"MIGKIT_LAB": str(lab)})
        t.end()
    found = [r for r in records("killed") if r["event"] == "call"]
    check(found[-1]["process"] == "migctl" and found[-1]["code"] == 0, f"the last call: {found[-1]}")
    check(len({r["pid"] for r in found}) == 21, "not all of them were seen")


def test_stopped_tracer(p, lab):
    """A stopped tracer makes nobody wait, and says afterwards what it missed."""
    with Tracer(p, lab, "-o", "json", "--to", "stopped") as t:
        t.process.send_signal(signal.SIGSTOP)
        # More than any queue holds; each of them returns.
        one = program(p, lab, "ask", 12000)
        said = one.communicate(timeout=120)[0].split()
        check(one.returncode == 0 and said, "a client of a stopped tracer")
        # Past the lease nobody is told of it any more.
        time.sleep(5.5)
        program(p, lab, "ask", 10).communicate(timeout=60)
        t.process.send_signal(signal.SIGCONT)
        until("it goes on", lambda: any(r["event"] == "gap" for r in records_so_far("stopped")))
        p.ok("status", env={"MIGKIT_LAB": str(lab)})
        t.end()
    found = records("stopped")
    calls = [r for r in found if r["event"] == "call"]
    lost = sum(r["lost"] for r in found if r["event"] == "lost")
    check(lost > 0 and found[-1]["lost"] == lost, f"lost {lost}: {found[-1]['text']}")
    asked = [r for r in calls if r["process"] != "migctl"]
    check(len(asked) + lost <= 12000 * 3 + 3, f"{len(asked)} calls and {lost} lost are more than there were")
    check(any(r["process"] == "migctl" for r in calls), "it does not go on")
    return len(asked), lost


def records_so_far(path):
    """Whole lines of a file that is being written."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def test_killed_tracer(p, lab):
    """Its trace ends by itself, and the next one begins as if nothing had been."""
    with Tracer(p, lab) as t:
        done = p.run("lab", "trace", lab)
        check(done.returncode == BUSY and str(t.process.pid) in done.stderr, f"a second one: {done}")
        t.process.kill()
        t.process.wait()
    check(watched(lab), "a killed tracer cleans up?")
    program(p, lab, "ask", 50).communicate(timeout=60)
    done = p.run("lab", "trace", lab, "-o", "json", "--", "nvidia-smi", "-L")
    check(done.returncode == 0, done.stderr)
    end = json.loads(done.stderr.splitlines()[-1])
    check(end["event"] == "end" and end["calls"] > 3 and end["lost"] == 0, f"the next one: {end}")
    check(not watched(lab), "calls are still looked at")


def test_full_disk(p, lab):
    """The trace ends with a sentence; who is traced does not notice."""
    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    with Tracer(p, lab, "--to", "full", preexec_fn=small) as t:
        program(p, lab, "ask", 300).communicate(timeout=60)
        out, err = t.process.communicate(timeout=60)
        check(t.process.returncode == 1, f"exit {t.process.returncode}")
        check("cannot write the trace to full: " in err and not out, f"it says {err!r}")
    check(not watched(lab), "calls are still looked at")
    # A program that it started goes on to its end.
    done = subprocess.run([MIGCTL, "lab", "trace", lab, "--to", "full", "--", sys.executable,
                           os.path.abspath(__file__), "ask", "300"], preexec_fn=small, text=True,
                          env={**p.env, "MIGKIT_BUILD": str(BUILD)}, capture_output=True, timeout=120)
    check(done.returncode == 1 and len(done.stdout.splitlines()) == 2, f"{done}")
    check("cannot write the trace to full: " in done.stderr, done.stderr)


def test_reboot_and_destroy(p):
    lab = p.create("gone")
    with Tracer(p, lab, "-o", "json", "--to", "gone") as t:
        p.ok("status", env={"MIGKIT_LAB": str(lab)})
        p.ok("lab", "reboot", "gone")
        p.ok("devices", env={"MIGKIT_LAB": str(lab)})
        until("the second is seen", lambda: len({r["pid"] for r in records_so_far("gone")}) >= 3)
        p.ok("lab", "destroy", "gone")
        check(t.process.wait(timeout=60) == 0, "the trace of a lab that is destroyed")
    end = records("gone")[-1]
    check(end["event"] == "end" and "destroyed" in end["text"], str(end))
    check(not lab.exists(), f"left in the lab's folder: {list(lab.iterdir()) if lab.exists() else ''}")


def test_other_user(p):
    """Another user's calls are seen; he may not trace."""
    before = p.as_other()
    if not before:
        return
    lab = p.create("theirs", "--permissions", "real")
    for folder in [lab, *lab.parents]:
        if folder == p.root.parent:
            break
        folder.chmod(0o755)
    with Tracer(p, lab, "-o", "json", "--to", "theirs") as t:
        p.ok("status", before=before, env={"MIGKIT_LAB": str(lab)})
        t.end()
    calls = [r for r in records("theirs") if r["event"] == "call"]
    check(len(calls) > 10, f"{len(calls)} calls of another user")
    p.refused(PERMISSION, ["lab"], "lab", "trace", str(lab), before=before)


def test_long_path(p):
    """A lab whose path is longer than a socket's may be."""
    folder = p.root / ("deep" * 20) / ("deeper" * 10)
    folder.mkdir(parents=True)
    long = {"XDG_STATE_HOME": str(folder)}
    p.ok("lab", "create", "far", "--board", "a30", "--driver", "550.163.01", env=long)
    done = p.run("lab", "trace", "far", "-o", "json", "--", "nvidia-smi", "-L", env=long)
    end = json.loads(done.stderr.splitlines()[-1])
    check(done.returncode == 0 and end["calls"] > 3 and end["lost"] == 0, f"{done}")


def main():
    with Place() as p:
        os.chdir(p.root)
        lab = p.create()
        calls, lost = test_all_calls(p, lab)
        print(f"{calls} calls of 32 processes, {lost} lost")
        test_command(p, lab)
        test_name(p, lab)
        test_killed_client(p, lab)
        print("stopped: %d calls, %d lost" % test_stopped_tracer(p, lab))
        test_killed_tracer(p, lab)
        test_full_disk(p, lab)
        test_reboot_and_destroy(p)
        test_long_path(p)
        test_other_user(p)


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(*map(int, sys.argv[2:]))
    elif sys.argv[1:2] == ["ask-for-ever"]:
        ask_for_ever()
    else:
        main()
