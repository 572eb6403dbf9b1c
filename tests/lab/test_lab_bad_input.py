#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run
"""Files and folders that are not as they should be: one sentence, the right exit code, and nothing
is harmed. Cases about permissions run as another user, for root may do everything; where the tests
run as root that is setpriv, and its absence is a failure."""
import hashlib
import os
import pathlib
import shutil
import struct
import subprocess
import sys

from labtest import BAD_LAB, NOT_FOUND, PERMISSION, Place, check, fail

HEADER_SUM = 72  # offset in the header of the checksum over what is before it


def digest(folder):
    """Everything about the files below a folder that a command could change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        st = path.lstat()
        found[str(path.relative_to(folder))] = (
            st.st_mode, st.st_size,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
    return found


READERS = (("lab", "status", "bad"), ("lab", "env", "bad"), ("lab", "reboot", "bad"),
           ("lab", "use", "bad"), ("lab", "shell", "bad", "-c", "true"),
           ("lab", "set", "0", "fan=1", "--lab", "bad"), ("lab", "client", "list", "--lab", "bad"),
           ("lab", "client", "start", "--lab", "bad"), ("--lab", "bad", "smi", "-L"))


def refused_by_all(p, parts):
    before = digest(p.labs / "bad")
    for words in READERS:
        p.refused(BAD_LAB, parts, *words)
        check(digest(p.labs / "bad") == before, f"migctl {' '.join(words)} changed a damaged lab")
    row = [r for r in p.json("lab", "list")["labs"] if r["name"] == "bad"]
    check(len(row) == 1 and row[0]["state"] != "ok", f"lab list: {row}")


def damaged(p):
    good = p.create("bad")
    state = good / "state"
    whole = state.read_bytes()
    for size in (0, 1, 100, 4096, len(whole) // 2, len(whole) - 1):
        state.write_bytes(whole[:size])
        refused_by_all(p, ["state"])
    state.write_bytes(b"#!/bin/sh\necho hello\n" * 4000)
    refused_by_all(p, ["not a lab's state file"])
    state.write_bytes(bytes(len(whole)))
    refused_by_all(p, ["not a lab's state file"])
    # One byte of what never changes: the driver's version, a board's table.
    for at in (HEADER_SUM - 8, 4096 + 70, 4096 + 5000):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x40
        state.write_bytes(bytes(spoilt))
        refused_by_all(p, ["state"])
    state.write_bytes(whole)
    p.ok("lab", "status", "bad")
    state.unlink()
    p.refused(NOT_FOUND, ["no lab"], "lab", "status", "bad")
    state.mkdir()
    done = p.run("lab", "status", "bad")
    check(done.returncode not in (0, 2) and len(done.stderr.splitlines()) == 1, f"a folder: {done}")


def newer(p):
    """A format number above ours, the file being whole otherwise."""
    state = p.create("bad") / "state"
    whole = bytearray(state.read_bytes())
    (ours,) = struct.unpack_from("<I", whole, 8)
    struct.pack_into("<I", whole, 8, ours + 1)
    state.write_bytes(bytes(whole))
    refused_by_all(p, ["newer"])


def destroyed(p):
    """The marks of a lab that was destroyed while a copy of its folder stayed."""
    lab = p.create("bad")
    keep = p.root / "kept"
    # Its sys has links in a circle, as the kernel's has.
    # Without its device nodes: those of an ordinary user's lab can't be opened.
    shutil.copytree(lab, keep, symlinks=True, ignore=shutil.ignore_patterns("dev", ".spare"))
    p.ok("lab", "destroy", "bad")
    check(not lab.exists(), "the folder is still there")
    shutil.copytree(keep, lab, symlinks=True)
    p.ok("lab", "status", "bad")
    # A file of somebody else's in the folder stays, and is named.
    (lab / "notes.txt").write_text("mine")
    done = p.run("lab", "destroy", "bad")
    check(done.returncode == 1 and "other files" in done.stderr and
          (lab / "notes.txt").read_text() == "mine", f"lab destroy: {done}")


def permissions(p):
    other = p.as_other()
    lab = p.create("mine")
    for folder in (p.root / "state", p.root / "state" / "migkit", p.labs, lab):
        folder.chmod(0o555)
    for name in ("state", "holders"):
        (lab / name).chmod(0o444)
    before = digest(p.labs)
    # Reading is allowed; whatever would write is refused and says what stood in the way.
    p.ok("lab", "status", "mine", before=other)
    for words in (("lab", "create", "new", "--board", "a30", "--driver", "535.261.03"),
                  ("lab", "destroy", "mine"), ("lab", "use", "mine"),
                  ("lab", "set", "0", "fan=1", "--lab", "mine"), ("lab", "reboot", "mine"),
                  ("lab", "client", "start", "--lab", "mine", "--memory", "1GiB")):
        p.refused(PERMISSION, [], *words, before=other)
        check(digest(p.labs) == before, f"migctl {' '.join(words)} changed a read-only lab")
    # A folder that cannot even be entered.
    p.labs.chmod(0o700 if other else 0)
    p.refused(PERMISSION, ["mine"], "lab", "status", "mine", before=other)
    p.refused(PERMISSION, ["labs"], "lab", "list", before=other)
    p.labs.chmod(0o755)


def root_of_the_lab(p):
    """--permissions real: what changes a GPU needs root, which in the lab sudo gives."""
    other = p.as_other()
    p.root.chmod(0o777)
    for made in (["lab", "create", "real", "--board", "a30", "--driver", "535.261.03",
                  "--permissions", "real"],):
        done = p.run(*made, before=other)
        check(done.returncode == 0, f"{made}: {done}")
    p.refused(PERMISSION, ["root"], "lab", "reboot", "real", before=other)
    done = p.run("lab", "shell", "real", "-c", "reboot", before=other)
    check(done.returncode == PERMISSION and "sudo reboot" in done.stderr, f"reboot: {done}")
    done = p.run("lab", "shell", "real", "-c", "sudo reboot", before=other)
    check(done.returncode == 0, f"sudo reboot: {done}")
    check(p.run("lab", "destroy", "real", before=other).returncode == 0, "lab destroy")


def full_disk(p):
    """Runs inside a mount namespace of its own, on 1 MiB."""
    small = p.root / "small"
    small.mkdir()
    script = pathlib.Path(__file__).resolve()
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]),
               sys.executable, str(script), "--on-full-disk", str(small)]
    done = subprocess.run(command, env={**os.environ, **p.env}, capture_output=True, text=True,
                          timeout=60, check=False)
    if done.returncode:
        fail(f"on a full disk: {done.stdout}{done.stderr}")


def on_full_disk(small):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "migkit-test", small],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"no tmpfs of 1 MiB here: {done.stderr}")
    p = Place(small)
    create = ("lab", "create", "big", "--board", "h200:16", "--driver", "580.65.06")
    p.refused(1, ["No space left"], *create)
    check(not p.labs.exists() or not list(p.labs.iterdir()), "half a lab was left")
    # A lab that fits works although nothing else does: its file has its size from the start.
    p.create("fits")
    filler = open(pathlib.Path(small) / "filler", "wb", buffering=0)
    try:
        while filler.write(b"x" * 4096):
            pass
    except OSError:
        pass
    filler.close()
    p.ok("lab", "set", "0", "temperature=50", "--lab", "fits")
    p.ok("lab", "reboot", "fits")
    pid = p.ok("lab", "client", "start", "--lab", "fits", "--memory", "1GiB")
    check([str(c["pid"]) for c in p.clients("fits")] == [pid.strip()], "the client is not seen")
    before = digest(p.labs)
    p.refused(1, ["No space left"], "lab", "create", "second", "--board", "a30", "--driver",
              "535.261.03")
    p.refused(1, ["No space left"], "lab", "use", "fits")
    check(digest(p.labs) == before, "a refused command changed something")
    # Nor do instances fail because there is no room for their files, which come when there is.
    p.ok("lab", "client", "stop", "--all", "--lab", "fits")
    p.ok("--lab", "fits", "smi", "-mig", "1")
    p.ok("--lab", "fits", "smi", "mig", "-cgi", "9", "-C")
    caps = p.labs / "fits/proc/driver/nvidia/capabilities/gpu0/mig"
    check(not list(caps.rglob("access")), "there was room for files: this test shows nothing")
    (pathlib.Path(small) / "filler").unlink()
    p.ok("lab", "path", "fits")
    files = [f.read_text() for f in caps.rglob("access")]
    check(len(files) == 2 and all("DeviceFileMinor" in text for text in files), f"{files}")
    p.ok("lab", "destroy", "fits")


def main():
    if sys.argv[1:2] == ["--on-full-disk"]:
        on_full_disk(sys.argv[2])
        return
    for case in (damaged, newer, destroyed, permissions, root_of_the_lab, full_disk):
        with Place() as p:
            case(p)


main()
