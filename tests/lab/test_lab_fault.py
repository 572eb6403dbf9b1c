#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""migctl lab fault between processes: who hangs is listed and released, by a clear, a reboot and the
lab's end; a killed one leaves the lab usable; faults are of one lab, one name, one GPU. Each bad word
has one sentence and changes nothing."""
import hashlib
import os
import signal
import subprocess
import sys
import time

from labtest import MIGCTL, NOT_FOUND, USAGE, Place, check, fail

LIMIT = 60  # seconds until what must happen has happened, on the busiest machine


def start(place, lab, *words):
    return subprocess.Popen([str(MIGCTL), *words], env={**place.env, "MIGKIT_LAB": str(place.labs / lab)},
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def faults(place, lab="one"):
    return place.json("lab", "fault", "list", "--lab", lab)["faults"]


def await_hanging(place, n):
    for _ in range(LIMIT * 20):
        row = faults(place)[0]
        if row["hanging"] == n:
            return row
        time.sleep(0.05)
    return fail(f"{n} should hang: {row}")


def hangs(place):
    place.ok("lab", "fault", "add", "Init", "--hang", "--name", "migctl", "--lab", "one")
    one, two = start(place, "one", "status"), start(place, "one", "status")
    row = await_hanging(place, 2)
    check(set(map(int, row["hanging_threads"].split(", "))) == {one.pid, two.pid}, f"who hangs: {row}")
    # Everybody else goes on, in the table as well; the other lab knows nothing of it.
    check(f" {row['id']} Init" in place.ok("lab", "status", "one"), "lab status does not list the fault")
    place.ok("lab", "set", "0", "temperature=50", "--lab", "one")
    check(start(place, "two", "status").wait(LIMIT) == 0, "the other lab hangs too")
    place.ok("lab", "fault", "clear", str(row["id"]), "--lab", "one")
    for child in (one, two):
        said, wrong = child.communicate(timeout=LIMIT)
        check(child.returncode == 0 and "GPU 0" in said and not wrong, f"after the release: {child.returncode}, {wrong}")


def reboot(place):
    place.ok("lab", "fault", "add", "DeviceGetName", "--hang", "--lab", "one")
    place.ok("lab", "fault", "add", "DeviceGetSerial", "--return", "UNKNOWN", "--permanent", "--name", "nobody",
             "--lab", "one")
    child = start(place, "one", "status")
    await_hanging(place, 1)
    place.ok("lab", "reboot", "one")
    child.communicate(timeout=LIMIT)
    check([row["calls"] for row in faults(place)] == ["DeviceGetSerial"], "what a reboot leaves")
    place.ok("lab", "fault", "clear", "--all", "--lab", "one")


def kills(place):
    place.ok("--lab", "one", "smi", "-mig", "1")
    place.ok("lab", "fault", "add", "DeviceCreateGpuInstance", "--kill", "after", "--nth", "2", "--lab", "one")
    child = start(place, "one", "smi", "mig", "-cgi", "19,19,19")
    said, _ = child.communicate(timeout=LIMIT)
    check(child.returncode == -signal.SIGKILL, f"not killed: {child.returncode}, {said}")
    check(len(place.json("lab", "status", "one")["instances"]) == 2, "the second instance is to be there")
    place.ok("--lab", "one", "smi", "mig", "-cgi", "19")
    row = faults(place)[0]
    check((row["seen"], row["struck"], row["kill"]) == (3, 1, "after"), f"counted: {row}")
    place.ok("lab", "fault", "clear", "--all", "--lab", "one")


def destroyed(place):
    place.ok("lab", "fault", "add", "any", "--hang", "--name", "migctl", "--lab", "two")
    child = start(place, "two", "status")
    for _ in range(LIMIT * 20):
        if faults(place, "two")[0]["hanging"]:
            break
        time.sleep(0.05)
    place.ok("lab", "destroy", "two")
    said, wrong = child.communicate(timeout=LIMIT)
    check(child.returncode >= 0 and ("NVML_ERROR_GPU_IS_LOST" in said or wrong),
          f"a lab that is gone answers: {child.returncode}, {said}{wrong}")


def bad_input(place):
    state = place.labs / "one" / "state"
    before = hashlib.sha256(state.read_bytes()).hexdigest()
    add = ("lab", "fault", "add")
    for words, rc, parts in (
            ((*add, "DeviceGetNme", "--hang"), USAGE, ["'DeviceGetNme'", "nvmlDeviceGetName"]),
            ((*add, "group:reed", "--hang"), USAGE, ["'reed'"]),
            ((*add, "group:text", "--hang"), USAGE, ["can fail"]),
            ((*add, "", "--hang"), USAGE, ["''"]),
            ((*add, "any"), USAGE, ["what is to happen"]),
            ((*add,), USAGE, []),
            ((*add, "any", "--return", "1000"), USAGE, ["--return", "'1000'"]),
            ((*add, "any", "--return", "-1"), USAGE, ["'-1'"]),
            ((*add, "any", "--return-after", "SUCCESS"), USAGE, ["SUCCESS"]),
            ((*add, "any", "--take", "0s"), USAGE, ["--take", "'0s'"]),
            ((*add, "any", "--take", "25h"), USAGE, ["'25h'"]),
            ((*add, "any", "--take", "nan"), USAGE, ["'nan'"]),
            ((*add, "any", "--take", "1s", "--hang"), USAGE, ["--take", "--hang"]),
            ((*add, "any", "--kill", "after", "--return", "UNKNOWN"), USAGE, ["--kill"]),
            ((*add, "any", "--xid", "0"), USAGE, ["--xid", "'0'"]),
            ((*add, "nvmlInit", "--xid", "79"), USAGE, ["nvmlInit"]),
            ((*add, "any", "--hang", "--nth", "0"), USAGE, ["'0'"]),
            ((*add, "any", "--hang", "--nth", "3-x"), USAGE, ["'3-x'"]),
            ((*add, "any", "--hang", "--every", "0"), USAGE, ["--every"]),
            ((*add, "any", "--hang", "--times", "x"), USAGE, ["--times"]),
            ((*add, "any", "--hang", "--probability", "0"), USAGE, ["--probability"]),
            ((*add, "any", "--hang", "--probability", "inf"), USAGE, ["'inf'"]),
            ((*add, "any", "--hang", "--seed", "3"), USAGE, ["--seed"]),
            ((*add, "any", "--hang", "--name", "/bin/sh"), USAGE, ["'/bin/sh'"]),
            ((*add, "any", "--hang", "--gpu", "1"), USAGE, ["no GPU 1"]),
            (("lab", "fault", "clear"), USAGE, ["--all"]),
            (("lab", "fault", "clear", "1", "--all"), USAGE, ["--all"]),
            (("lab", "fault", "clear", "one"), USAGE, ["'one'"]),
            (("lab", "fault", "clear", "99"), NOT_FOUND, ["no fault 99"])):
        place.refused(rc, parts, *words, "--lab", "one")
    place.refused(USAGE, ["'nothing'"], "lab", "fault", "calls", "nothing")
    check(hashlib.sha256(state.read_bytes()).hexdigest() == before, "bad input changed the lab")


def full(place):
    for _ in range(64):
        place.ok("lab", "fault", "add", "any", "--hang", "--name", "nobody", "--lab", "one")
    done = place.run("lab", "fault", "add", "any", "--hang", "--lab", "one")
    check(done.returncode and "at most 64 faults" in done.stderr, f"a 65th: {done}")
    check(len(faults(place)) == 64, "not 64 faults")


def read_only(place):
    """Another user may look, and order nothing."""
    before = place.as_other()
    if not before:
        return
    env = {"MIGKIT_LAB": str(place.labs / "one")}
    done = place.run("lab", "fault", "clear", "--all", env=env, before=before)
    check(done.returncode and done.stderr.startswith("migctl: ") and len(done.stderr.splitlines()) == 1,
          f"another user: {done}")
    check(len(faults(place)) == 64, "another user cleared faults")


def main():
    with Place() as place:
        place.create("one")
        place.create("two")
        hangs(place)
        reboot(place)
        kills(place)
        destroyed(place)
        bad_input(place)
        full(place)
        read_only(place)
    print("faults between processes: as they should be")
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
