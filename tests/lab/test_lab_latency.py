#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The time that calls take: who waits, for how long at least, what ends it, and that nobody else waits.
Waits that are to be ended by something are far longer than the test may take."""
import ctypes
import os
import signal
import subprocess
import sys
import time

from labtest import BUILD, NOT_FOUND, USAGE, Place, check, fail

LOST = 15
LONG = "3600s"


def caller(name, ticks):
    """Child: one call about GPU 0, between two lines; a timer interrupts it all the time."""
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"), use_errno=True)
    gpu, text = ctypes.c_void_p(), ctypes.create_string_buffer(96)
    if lib.nvmlInit_v2() or lib.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(gpu)):
        fail("no GPU to ask")
    if ticks:
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    print("calls", flush=True)
    begin = time.monotonic()
    ctypes.set_errno(4711)
    status = getattr(lib, name)(gpu, text, 96)
    print(status, time.monotonic() - begin, ctypes.get_errno(), flush=True)
    os._exit(0)


class Caller:
    def __init__(self, lab, name, ticks=0):
        self.child = subprocess.Popen([sys.executable, __file__, name, str(ticks)], text=True,
                                      stdout=subprocess.PIPE, env={**os.environ, "MIGKIT_LAB": str(lab)})
        check(self.child.stdout.readline() == "calls\n", "the calling process does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def waits(self):
        return self.child.poll() is None

    def answer(self):
        """(status, seconds) of the call; its errno is the caller's own."""
        status, took, errno = self.child.stdout.readline().split()
        check(errno == "4711", f"errno after a call that waited: {errno}")
        return int(status), float(took)


def order(place, text):
    path = place.root / "times.yaml"
    path.write_text(text)
    return place.ok("lab", "latency", str(path), "--lab", "one")


def times(place):
    return {row["call"]: row["time_us"] for row in place.json("lab", "latency", "--lab", "one")["calls"]}


def files(place):
    """What a file may say, in whichever order."""
    order(place, "group:identity: 2ms\nnvmlDeviceGetName: 250us\n")
    one = times(place)
    order(place, "nvmlDeviceGetName: {time: 0.25ms, source: a watch}\n'group:identity': 0.002s\n")
    check(times(place) == one, "a call's own time depends on the order of the lines")
    check(one["nvmlDeviceGetName"] == 250 and one["nvmlDeviceGetUUID"] == 2000, f"times: {one}")
    check("nvmlDeviceGetTemperature" not in one, "a call of another group takes time")
    order(place, "nvmlDeviceGetName: 499ns\nnvmlDeviceGetUUID: 500ns\nnvmlDeviceGetIndex: 0\n")
    check(times(place) == {"nvmlDeviceGetUUID": 1}, f"rounded: {times(place)}")
    check(place.json("lab", "status", "one")["latency"].endswith("times.yaml"), "lab status: no latency")
    check("Calls take no time" in place.ok("lab", "latency", "none", "--lab", "one"), "none")
    check(place.json("lab", "status", "one")["latency"] is None, "lab status: still a latency")


def measured(place, lab):
    said = place.ok("lab", "latency", "measured", "--lab", "one")
    check("nvmlGpuInstanceDestroy: 1 s" in said, said)
    rows = place.json("lab", "latency", "--lab", "one")["calls"]
    check(len(rows) > 100 and all(r["source"] for r in rows), "a measured time has no source")
    check({r["call"] for r in rows if r["unconfirmed"]} > {"nvmlDeviceSetMigMode"}, "nothing is unconfirmed")
    check("130 us?" in place.ok("lab", "latency", "--lab", "one"), "what is unconfirmed is not marked")
    env = {"MIGKIT_LAB": str(lab)}
    place.ok("smi", "-mig", "1", env=env)
    place.ok("smi", "mig", "-cgi", "9", env=env)
    begin = time.monotonic()
    place.ok("smi", "mig", "-dgi", env=env)
    check(time.monotonic() - begin >= 1, "the end of a GPU instance takes no second")


def waiting(place, lab):
    order(place, "nvmlDeviceGetName: 300ms\n")
    with Caller(lab, "nvmlDeviceGetName", ticks=1) as c:
        status, took = c.answer()
        check(status == 0 and took >= 0.3, f"300 ms, with signals: {status} after {took} s")
    order(place, f"nvmlDeviceGetName: {LONG}\n")
    with Caller(lab, "nvmlDeviceGetName") as slow:
        # Others read and change meanwhile.
        with Caller(lab, "nvmlDeviceGetUUID") as other:
            check(other.answer()[0] == 0, "another call fails beside a slow one")
        place.ok("smi", "mig", "-cgi", "19", env={"MIGKIT_LAB": str(lab)})
        check(slow.waits(), "the slow call did not wait")
        place.ok("lab", "latency", "none", "--lab", "one")
        check(slow.answer()[0] == 0, "a call whose time was taken back fails")
    order(place, f"nvmlDeviceGetName: {LONG}\n")
    with Caller(lab, "nvmlDeviceGetName") as slow:
        check(slow.waits(), "the slow call did not wait")
    place.ok("lab", "set", "0", "temperature=40", "--lab", "one")  # whoever was killed had no lock
    with Caller(lab, "nvmlDeviceGetName") as slow:
        place.ok("lab", "reboot", "one")
        check(slow.answer()[0] == LOST, "a call over which the lab was rebooted")
    check(times(place) == {"nvmlDeviceGetName": 3600 * 10**6}, "a reboot took the latency away")


def bad_input(place, lab):
    state = lab / "state"
    before, name = state.read_bytes(), place.root / "bad.yaml"
    for text, where, parts in (
            ("nvmlDeviceGetNam: 1s\n", "1:1", ["'nvmlDeviceGetNam'", "nvmlDeviceGetName"]),
            ("group:identity: 1s\ngroup:speed: 1s\n", "2:1", ["'group:speed'"]),
            ("nvmlErrorString: 1s\n", "1:1", ["'nvmlErrorString'"]),
            ("nvmlDeviceGetName: 1\n", "1:20", ["'1'", "250us"]),
            ("nvmlDeviceGetName: -1s\n", "1:20", ["'-1s'"]),
            ("nvmlDeviceGetName: 1.2345s\n", "1:20", ["'1.2345s'"]),
            ("nvmlDeviceGetName: 999999999s\n", "1:20", ["too long", "3600s"]),
            ("nvmlDeviceGetName: [1s]\n", "1:20", ["250us"]),
            ("nvmlDeviceGetName: {source: me}\n", "1:20", ["time: 250us"]),
            ("nvmlDeviceGetName: {time: 1s, unit: s}\n", "1:31", ["'unit'"]),
            ("nvmlDeviceGetName: {time: 1s, unconfirmed: maybe}\n", "1:44", ["true or false"]),
            ("nvmlDeviceGetName: {time: 1s, source: [a]}\n", "1:39", ["a source is a text"]),
            ("nvmlDeviceGetName: 1s\nnvmlDeviceGetName: 2s\n", "2:1", ["twice"]),
            ("- nvmlDeviceGetName\n", "1:1", ["mapping"]), ("{", "", ["not YAML"]), ("", "1:1", ["empty"]),
            ("\xff", "", ["bad.yaml"])):
        name.write_text(text, encoding="latin-1")
        place.refused(USAGE, [f"bad.yaml:{where}", *parts], "lab", "latency", str(name), "--lab", "one")
    place.refused(NOT_FOUND, ["nosuch.yaml"], "lab", "latency", str(place.root / "nosuch.yaml"), "--lab", "one")
    place.refused(USAGE, [], "lab", "latency", "none", "measured", "--lab", "one")
    check(state.read_bytes() == before, "bad input changes the lab")


def main():
    if len(sys.argv) > 1:
        return caller(sys.argv[1], int(sys.argv[2]))
    with Place() as place:
        lab = place.create(board="h100-80gb-sxm", driver="580.159.04")
        files(place)
        measured(place, lab)
        waiting(place, lab)
        bad_input(place, lab)
    print("latency: as it should be")
    return 0


sys.exit(main())
