#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices by UUID, serial number and index. The library keeps where it found a UUID last; so each is
asked for twice, and again after other processes changed the layout, after a reboot, in a lab that was
made anew in its place, in a forked child, and by two threads beside a writer. And the text of a
board's performance modes, which the library keeps, of two boards in turns."""
import ctypes as C
import os
import subprocess
import threading

import driver

SUCCESS, NOT_FOUND = 0, 6
BOARD, GPUS = "h100-80gb-sxm", 3
ROUNDS = 1000
# GPU instances with a compute instance each, and one without.
LAYOUT, MORE = "14,19,19", "15"

os.environ["MIGKIT_LAB_ROOT"] = "1"


def migctl(*words):
    return subprocess.run([driver.BUILD / "migctl", *words], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def text(lib, name, handle):
    buffer = C.create_string_buffer(96)
    status = getattr(lib, name)(handle, buffer, 96)
    assert status == SUCCESS, (name, status)
    return buffer.value


def by(lib, name, what):
    """Status and handle of a look-up by a text."""
    handle = C.c_void_p()
    status = getattr(lib, name)(what, C.byref(handle))
    return status, handle.value if status == SUCCESS else None


def number(lib, name, handle):
    value = C.c_uint(99)
    status = getattr(lib, name)(handle, C.byref(value))
    return value.value if status == SUCCESS else -status


def migs(lib, gpu):
    """MIG devices by index, to the first that is not there."""
    found = []
    while True:
        handle = C.c_void_p()
        status = lib.nvmlDeviceGetMigDeviceHandleByIndex(gpu, len(found), C.byref(handle))
        if status:
            assert status in (NOT_FOUND, 3), status
            return found
        found.append(handle)


def everything(lib, found, what):
    """UUID -> handle of all devices, each found by every name that it has, twice."""
    names = {}
    for i in range(GPUS):
        gpu = driver.gpu(lib, i)
        uuid = text(lib, "nvmlDeviceGetUUID", gpu)
        names[uuid] = gpu.value
        serial = text(lib, "nvmlDeviceGetSerial", gpu)
        found.same(f"{what}: {serial}", by(lib, "nvmlDeviceGetHandleBySerial", serial),
                   (SUCCESS, gpu.value))
        found.same(f"{what}: serial number's begin",
                   by(lib, "nvmlDeviceGetHandleBySerial", serial[:-1])[0], NOT_FOUND)
        order = []
        for at, mig in enumerate(migs(lib, gpu)):
            gi, ci = (number(lib, f"nvmlDeviceGet{kind}InstanceId", mig)
                      for kind in ("Gpu", "Compute"))
            order.append((gi, ci))
            found.same(f"{what}: index", number(lib, "nvmlDeviceGetIndex", mig), at)
            names[text(lib, "nvmlDeviceGetUUID", mig)] = mig.value
            names[b"MIG-%s/%d/%d" % (uuid, gi, ci)] = mig.value
        found.same(f"{what}: order", order, sorted(order))
    for uuid, handle in names.items():
        for _ in range(2):
            found.same(f"{what}: {uuid}", by(lib, "nvmlDeviceGetHandleByUUID", uuid),
                       (SUCCESS, handle))
        for wrong in (uuid + b"0", uuid[:-1] + b"x", uuid.replace(b"-", b"_", 1), uuid + b" " * 60):
            found.same(f"{what}: {wrong}", by(lib, "nvmlDeviceGetHandleByUUID", wrong)[0],
                       NOT_FOUND)
    for wrong in (b"", b"M", b"MIG-", b"MIG-GPU-", b"MIG-12345678", b"MIG-123456789", b"GPU-"):
        found.same(f"{what}: {wrong}", by(lib, "nvmlDeviceGetHandleByUUID", wrong)[0], NOT_FOUND)
    return names


def fill(gpu):
    migctl("smi", "mig", "-i", str(gpu), "-cgi", LAYOUT, "-C")
    migctl("smi", "mig", "-i", str(gpu), "-cgi", MORE)


def empty(gpu):
    migctl("smi", "mig", "-i", str(gpu), "-dci")
    migctl("smi", "mig", "-i", str(gpu), "-dgi")


def missing(lib, found, what, before, now):
    gone = set(before) - set(now)
    for uuid in gone:
        found.same(f"{what}: {uuid}", by(lib, "nvmlDeviceGetHandleByUUID", uuid)[0], NOT_FOUND)
    return gone


def threads(lib, found):
    """Two threads that look for all of them, some of which share a place, while another process
    makes and destroys instances of a GPU between."""
    wrong = []
    empty(1)
    names = everything(lib, found, "one empty")

    def look(keys):
        for _ in range(ROUNDS):
            for uuid in keys:
                got = by(lib, "nvmlDeviceGetHandleByUUID", uuid)
                if got != (SUCCESS, names[uuid]):
                    wrong.append((uuid, got))

    keys = sorted(names)
    both = [threading.Thread(target=look, args=(k,)) for k in (keys, keys[::-1])]
    for thread in both:
        thread.start()
    fill(1)
    while any(thread.is_alive() for thread in both):
        empty(1)
        fill(1)
    found.same("two threads beside a writer", wrong[:3], [])


def child(lib, names):
    pid = os.fork()
    if not pid:
        try:
            ok = all(by(lib, "nvmlDeviceGetHandleByUUID", uuid) == (SUCCESS, handle)
                     for uuid, handle in names.items())
            os._exit(0 if ok else 1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Text(C.Structure):
    _fields_ = [("version", C.c_uint), ("str", C.c_char * 2048)]


def modes(lib, gpu):
    text = Text(1 << 24 | C.sizeof(Text))
    status = lib.nvmlDeviceGetPerformanceModes(driver.gpu(lib, gpu), C.byref(text))
    assert status == SUCCESS, status
    return text.str


def boards_in_turns(found):
    """Each says its own clocks, also when the other's text was kept last."""
    driver.lab("--board", BOARD, "--board", "a30", "--driver", "580.159.04")
    lib = driver.load()
    assert lib.nvmlInit_v2() == SUCCESS
    seen = [(modes(lib, 0), modes(lib, 1)) for _ in range(3)]
    found.same("the modes of two boards, each time", set(seen), {seen[0]})
    for text, gpu in zip(seen[0], range(2)):
        most = C.c_uint()
        assert lib.nvmlDeviceGetMaxClockInfo(driver.gpu(lib, gpu), 0, C.byref(most)) == SUCCESS
        found.same(f"GPU {gpu}: its own clock", b"nvclockmax=%d," % most.value in text, True)
    found.same("the modes of two boards differ", seen[0][0] == seen[0][1], False)
    lib.nvmlShutdown()


def main():
    found = driver.Findings()
    boards_in_turns(found)
    arguments = "--board", f"{BOARD}:{GPUS}", "--driver", "580.159.04"
    folder = driver.lab(*arguments)
    migctl("smi", "-mig", "1")
    for i in range(GPUS):
        fill(i)
    # Two compute instances in one GPU instance of GPU 0.
    gi = next(gi for gi, profile in instances() if profile == 14)
    migctl("smi", "mig", "-i", "0", "-dci", "-gi", str(gi))
    migctl("smi", "mig", "-i", "0", "-cci", "0,0", "-gi", str(gi))
    lib = driver.load()
    assert lib.nvmlInit_v2() == SUCCESS
    names = everything(lib, found, "as made")
    found.same("a forked child", child(lib, names), 0)
    threads(lib, found)
    names = everything(lib, found, "after the threads")
    # Made anew in the same places: the same UUIDs, other handles.
    empty(2)
    fill(2)
    again = everything(lib, found, "made anew")
    found.same("the same UUIDs", set(names), set(again))
    found.same("other handles", any(h != again[u] for u, h in names.items()), True)
    # Gone, and other ones under the same ids.
    empty(0)
    gone = missing(lib, found, "emptied", names, everything(lib, found, "emptied"))
    found.same("some are gone", len(gone) > 4, True)
    migctl("smi", "mig", "-i", "0", "-cgi", "19,19,19,19,19,19,19", "-C")
    other = everything(lib, found, "another layout")
    missing(lib, found, "another layout", names, other)
    migctl("lab", "reboot")
    found.same("rebooted: nothing is found", by(lib, "nvmlDeviceGetHandleByUUID", min(gone))[0] != 0,
               True)
    lib.nvmlShutdown()
    assert lib.nvmlInit_v2() == SUCCESS
    missing(lib, found, "rebooted", other, everything(lib, found, "rebooted"))
    # Another lab in the place of this one.
    env = {**os.environ, "XDG_STATE_HOME": folder.split("/migkit/labs/", maxsplit=1)[0]}
    for words in (("destroy", "test"), ("create", "test", *arguments, "--seed", "77")):
        subprocess.run([driver.BUILD / "migctl", "lab", *words], check=True, env=env,
                       stdout=subprocess.DEVNULL)
    lib.nvmlShutdown()
    assert lib.nvmlInit_v2() == SUCCESS
    migctl("smi", "-mig", "1")
    fill(0)
    anew = everything(lib, found, "another lab")
    found.same("another lab: other UUIDs", set(names) & set(anew), set())
    missing(lib, found, "another lab", names, anew)
    found.finish("devices by their names")


def instances():
    """(GI id, profile id) of GPU 0, as nvidia-smi lists them."""
    rows = []
    for line in migctl("smi", "mig", "-i", "0", "-lgi").splitlines():
        words = line.replace("|", " ").split()
        if len(words) >= 5 and words[0] == "0" and words[1] == "MIG":
            rows.append((int(words[4]), int(words[3])))
    return rows


main()
