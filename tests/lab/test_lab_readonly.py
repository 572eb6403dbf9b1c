#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A container with a read-only root, or with the lab mounted read-only: all that reads works, also
init (which counts as having the GPUs open), and what changes is NO_PERMISSION."""
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys

from labtest import BUILD, MIGCTL, PERMISSION, Place, check, fail
from nvmlmini import make_mig_device

NO_PERMISSION, IN_USE = 4, 19


class Memory(ctypes.Structure):
    _fields_ = [(n, ctypes.c_ulonglong) for n in ("total", "free", "used")]


def client(gi_id):
    """Prints what a program in that container gets of each call."""
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
    gpu, mig, gi, ci = (ctypes.c_void_p() for _ in range(4))
    number, mode, memory = ctypes.c_uint(0), ctypes.c_int(), Memory()
    said = {"init": lib.nvmlInit_v2(),
            "handle": lib.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(gpu)),
            "MIG device": lib.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, ctypes.byref(mig)),
            "memory": lib.nvmlDeviceGetMemoryInfo(mig, ctypes.byref(memory)),
            "processes": lib.nvmlDeviceGetComputeRunningProcesses_v3(gpu, ctypes.byref(number), None),
            "GI": lib.nvmlDeviceGetGpuInstanceById(gpu, gi_id, ctypes.byref(gi)),
            "CI": lib.nvmlGpuInstanceGetComputeInstanceById(gi, 0, ctypes.byref(ci))}
    changes = {"mode": lib.nvmlDeviceSetMigMode(gpu, 0, ctypes.byref(mode)),
               "create GI": lib.nvmlDeviceCreateGpuInstance(gpu, 19, ctypes.byref(mig)),
               "destroy CI": lib.nvmlComputeInstanceDestroy(ci),
               "destroy GI": lib.nvmlGpuInstanceDestroy(gi),
               "create CI": lib.nvmlGpuInstanceCreateComputeInstance(gi, 0, ctypes.byref(ci)),
               "persistence": lib.nvmlDeviceSetPersistenceMode(gpu, 1)}
    # The next two lines tell the test that the process is there, and let it end.
    print(json.dumps([said, changes]), flush=True)
    sys.stdin.readline()
    lib.nvmlShutdown()


def namespace():
    """Words that run a shell command in a mount namespace of its own; None where that is forbidden."""
    for words in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        done = subprocess.run([*words, "mount", "--bind", "/tmp", "/tmp"], capture_output=True)
        if not done.returncode:
            return words
    return None


MOUNTS = {
    "the lab read-only": 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"',
    "everything read-only": 'mount -o remount,bind,ro / && '
                            'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2"',
}


def in_container(space, mounts, place, lab, *words, **more):
    script = f'{mounts} && shift 2 && exec "$@"'
    return subprocess.Popen([*space, "sh", "-c", script, "sh", str(lab), str(place.root),
                             *map(str, words)], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**place.env, "MIGKIT_LAB": str(lab), "MIGKIT_BUILD": str(BUILD)},
                            **more)


def mode_change(place, lab):
    """Outside: what switching MIG off on the other GPU gives, while somebody has the GPUs open."""
    return place.run("--lab", lab.name, "smi", "-i", "1", "-mig", "1").stdout


def test_library(space, what, mounts, place, lab, gi):
    child = in_container(space, mounts, place, lab, sys.executable, os.path.abspath(__file__),
                         "client", str(gi))
    line = child.stdout.readline()
    if not line:
        fail(f"{what}: {child.communicate()[1]}")
    reads, changes = json.loads(line)
    for call, status in reads.items():
        check(status == 0, f"{what}: {call}: {status}")
    for call, status in changes.items():
        check(status == NO_PERMISSION, f"{what}: {call}: {status}, not NO_PERMISSION")
    # An Ampere GPU's mode changes only when nobody has the GPUs open: that is seen across the mount.
    text = mode_change(place, lab)
    check("In use by another client" in text, f"{what}: the reader is not seen: {text}")
    _, said = child.communicate("\n", timeout=60)
    check(child.returncode == 0 and not said, f"{what}: the client ended with {said}")


def test_migctl(space, what, mounts, place, lab, expected):
    def run(*words):
        child = in_container(space, mounts, place, lab, MIGCTL, *words)
        out, said = child.communicate(timeout=60)
        return child.returncode, out, said

    rc, out, said = run("lab", "status", "-o", "json")
    check((rc, said) == (0, ""), f"{what}: lab status: exit {rc}, {said}")
    check(json.loads(out) == expected, f"{what}: lab status shows {out}")
    rc, out, said = run("smi", "-L")
    check(rc == 0 and out.count("MIG ") == 1 and not said, f"{what}: smi -L: {rc} {out} {said}")
    rc, out, said = run("smi", "mig", "-cgi", "19")
    check(rc != 0 and "Insufficient Permissions" in out, f"{what}: smi mig -cgi: {rc} {out} {said}")
    for words in (["lab", "set", "0", "temperature=50"], ["lab", "reboot"],
                  ["lab", "client", "start", "--gpu", "0"]):
        rc, out, said = run(*words)
        check(rc not in (0, 1) and said.startswith("migctl: ") and said.count("\n") == 1 and not out,
              f"{what}: {' '.join(words)}: exit {rc}, {out}{said}")


def test_other_user(place, lab, gi):
    """File modes alone: a lab of somebody else's, who lets others read it."""
    if os.geteuid():
        return "not tested as another user: that needs root"
    before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for folder in (place.root, place.root / "state", place.labs.parent, place.labs):
        folder.chmod(0o755)
    # The build and the source may lie where only root can go.
    own, source = place.root / "build", pathlib.Path(__file__).resolve().parent
    own.mkdir()
    shutil.copy(MIGCTL, own)
    shutil.copytree(BUILD / "sim", own / "sim", symlinks=True)
    for script in source.glob("*.py"):
        shutil.copy(script, own)
    place.migctl = own / "migctl"
    words = [*before, sys.executable, own / pathlib.Path(__file__).name, "client", str(gi)]
    if subprocess.run([*before, sys.executable, "-c", "pass"], capture_output=True).returncode:
        return "not tested as another user: who can't run Python here"
    done = subprocess.run(words, text=True, input="\n", capture_output=True,
                          env={**place.env, "MIGKIT_LAB": str(lab), "MIGKIT_BUILD": str(own)})
    if done.returncode:
        fail(f"as another user: {done.stderr}")
    reads, changes = json.loads(done.stdout)
    check(set(reads.values()) == {0}, f"as another user: {reads}")
    check(set(changes.values()) == {NO_PERMISSION}, f"as another user: {changes}")
    before_state = (lab / "state").read_bytes()
    done = place.run("lab", "status", env={"MIGKIT_LAB": str(lab)}, before=before)
    check(done.returncode == 0, f"lab status as another user: {done.stderr}")
    check((lab / "state").read_bytes() == before_state, "the lab has changed")
    return "as another user too"


def main():
    with Place() as place:
        place.ok("lab", "create", "readonly", "--board", "a100-80gb-pcie:2", "--driver", "535.261.03")
        lab = place.labs / "readonly"
        gi, _, _ = make_mig_device(place, lab)
        print(test_other_user(place, lab, gi))
        space = namespace()
        if not space:
            print("skipped: mount namespaces are not allowed here")
            sys.exit(77)
        for what, mounts in MOUNTS.items():
            state = (lab / "state").read_bytes()
            expected = json.loads(place.ok("--lab", "readonly", "lab", "status", "-o", "json"))
            test_migctl(space, what, mounts, place, lab, expected)
            check((lab / "state").read_bytes() == state, f"{what}: the lab has changed")
            test_library(space, what, mounts, place, lab, gi)
            print(f"{what}: reads work, changes are refused")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        client(int(sys.argv[2]))
    else:
        main()
