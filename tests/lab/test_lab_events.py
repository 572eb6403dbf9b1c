#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events between processes: one waits, others change the layout or let something happen. Waits that
must not end by themselves have no end, so that the test's time limit would show it."""
import ctypes
import os
import subprocess
import sys
import time

from labtest import BUILD, NOT_FOUND, UNAVAILABLE, USAGE, Place, check, fail

TIMEOUT, FOREVER = 10, 1000000
XID, DOUBLE_BIT, MIG_CHANGE, NONE = 8, 2, 0x100, 0xffffffff


class Event(ctypes.Structure):
    _fields_ = [("device", ctypes.c_void_p), ("type", ctypes.c_ulonglong),
                ("data", ctypes.c_ulonglong), ("gi", ctypes.c_uint), ("ci", ctypes.c_uint)]


def waiter(words):
    """Child: waits, as often as words say, and prints what came."""
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
    events, gpu = ctypes.c_void_p(), ctypes.c_void_p()

    def must(name, *args):
        status = getattr(lib, name)(*args)
        if status:
            fail(f"{name}: {status}")

    must("nvmlInit_v2")
    must("nvmlEventSetCreate", ctypes.byref(events))
    must("nvmlDeviceGetHandleByIndex_v2", 0, ctypes.byref(gpu))
    must("nvmlDeviceRegisterEvents", gpu, ctypes.c_ulonglong(XID | DOUBLE_BIT | MIG_CHANGE), events)
    print("ready", flush=True)
    for timeout in words:
        event, begin = Event(), time.monotonic()
        status = lib.nvmlEventSetWait_v2(events, ctypes.byref(event), int(timeout))
        took = time.monotonic() - begin
        if status == TIMEOUT and took < int(timeout) / 1000:
            fail(f"a wait of {timeout} ms in vain took {took} s")
        print(status, event.type, event.data, event.gi, event.ci, flush=True)
    os._exit(0)


def start(lab, *timeouts):
    child = subprocess.Popen([sys.executable, __file__, *map(str, timeouts)], text=True,
                             stdout=subprocess.PIPE, env={**os.environ, "MIGKIT_LAB": str(lab)})
    check(child.stdout.readline() == "ready\n", "the waiting process does not start")
    return child


def came(child):
    return [int(n) for n in child.stdout.readline().split()]


def events(place, lab):
    # A wait in vain takes its time: k8s-device-plugin waits in a loop.
    one = start(lab, 700, FOREVER, FOREVER, FOREVER, FOREVER, FOREVER)
    two = start(lab, FOREVER)
    check(came(one)[0] == TIMEOUT, "an event from nowhere")
    place.ok("lab", "inject", "0", "xid=43", "--lab", "one")
    for child in (one, two):
        got = came(child)
        check(got == [0, XID, 43, NONE, NONE], f"after xid=43: {got}")
    check(two.wait() == 0, "the second process failed")
    smi = dict(env={"MIGKIT_LAB": str(lab)})
    place.ok("smi", "-mig", "1", **smi)
    check(came(one) == [0, MIG_CHANGE, 0, NONE, NONE], "no event of the mode")
    place.ok("smi", "mig", "-cgi", "9", "-C", **smi)
    check(came(one) == [0, MIG_CHANGE, 0, NONE, NONE], "no event of the GPU instance")
    check(came(one) == [0, MIG_CHANGE, 0, NONE, NONE], "no event of the compute instance")
    gi = place.json("lab", "status", "one")["instances"][0]["gi"]
    place.ok("lab", "inject", f"0/{gi}/0", "xid=94", "--lab", "one")
    got = came(one)
    check(got == [0, XID, 94, gi, 0], f"an Xid of an instance: {got}")
    check(one.wait() == 0, "the first process failed")
    return gi


def status(place, gi):
    place.ok("lab", "inject", f"0/{gi}", "double-bit-ecc", "single-bit-ecc", "--lab", "one")
    rows = place.json("lab", "status", "one")["events"]
    check([(r["event"], r["xid"], r["gpu"], r["gi"], r["ci"]) for r in rows] ==
          [("xid", 43, 0, None, None), ("xid", 94, 0, gi, 0), ("double-bit-ecc", None, 0, gi, None),
           ("xid", 48, 0, gi, None), ("single-bit-ecc", None, 0, gi, None)], f"lab status lists {rows}")
    check([r["number"] for r in rows] == sorted(r["number"] for r in rows), "not in their order")
    check("single-bit-ecc" in place.ok("lab", "status", "one"), "not in the table")


def bad_input(place):
    for words, rc, parts in (
            (("0", "xid"), USAGE, ["'xid'", "xid=NUMBER"]),
            (("0", "xid=0"), USAGE, ["1 to 100000", "'0'"]),
            (("0", "xid=12x"), USAGE, ["'12x'"]),
            (("0", "xid=-3"), USAGE, ["'-3'"]),
            (("0", "fire"), USAGE, ["'fire'", "double-bit-ecc"]),
            (("x", "xid=1"), USAGE, ["'x'"]),
            (("7", "xid=1"), USAGE, ["no GPU 7"]),
            (("0/9", "xid=1"), NOT_FOUND, ["no GPU instance 9"]),
            (("0/200/1", "xid=1"), NOT_FOUND, ["0/200/1"]),
            (("0",), USAGE, [])):
        place.refused(rc, parts, "lab", "inject", *words, "--lab", "one")


def lost(place):
    place.ok("lab", "inject", "0", "xid=79", "--lab", "one")
    check(place.json("lab", "status", "one")["gpus"][0]["lost"], "xid=79 leaves the GPU there")
    place.refused(UNAVAILABLE, ["GPU 0 is lost", "reboot"], "lab", "inject", "0", "xid=1", "--lab", "one")
    place.ok("lab", "reboot", "one")
    check(not place.json("lab", "status", "one")["gpus"][0]["lost"], "lost after a reboot")


def main():
    if len(sys.argv) > 1:
        return waiter(sys.argv[1:])
    with Place() as place:
        lab = place.create(board="h100-80gb-sxm", driver="580.159.04")
        gi = events(place, lab)
        status(place, gi)
        bad_input(place)
        lost(place)
    print("events, between processes: as they should be")
    return 0


sys.exit(main())
