#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Acting commands where nothing may be changed: as an ordinary user, in a container without capability files, on
a read-only root. Each is one sentence that says which file, which mode and whether this is a container, and
nothing is changed."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
from labtest import PERMISSION, Place, check  # noqa: E402
from test_lab_readonly import MOUNTS, namespace  # noqa: E402

CAP = "/dev/nvidia-caps/nvidia-cap1"
# With MIG mode on and two instances on GPU 0, and GPU 1 undivided.
ACTING = (["mode", "on", "-i", "1"], ["reset", "-i", "1"], ["create", "-i", "0", "2g.20gb"],
          ["create", "-i", "0", "2g.20gb@2/1c,1c"], ["destroy", "0/1"], ["destroy", "0/1/0"],
          ["destroy", "3g.40gb@4", "-i", "0"], ["destroy", "all", "-i", "0"], ["recover"], ["recover", "--finish"])
# These need not write anything, and are refused all the same: nobody may see the instances.
DRY = (["create", "-i", "0", "2g.20gb", "-n"], ["destroy", "0/1", "-n"], ["destroy", "all", "-i", "0", "-n"])
ROOT = {"MIGKIT_LAB_ROOT": "1"}


class Lab:
    def __init__(self, p, name):
        self.p = p
        self.dir = p.create(name, "--permissions", "real", board="a100-80gb-pcie:2", driver="580.65.06")
        self.env = {"MIGKIT_LAB": str(self.dir)}
        for words in (["mode", "on", "-i", "0"], ["create", "-i", "0", "3g.40gb@4", "1g.10gb@0"]):
            p.ok(*words, env={**self.env, **ROOT})
        if (self.dir / CAP[1:]).exists():
            (self.dir / CAP[1:]).chmod(0o400)
        self.journal = self.dir / "var/lib/migkit/journal"
        self.tried = 0

    def what_is(self):
        return [(self.dir / "state").read_bytes(), self.journal.read_bytes(),
                sorted(str(f) for f in self.dir.rglob("*"))]

    def refused(self, words, parts, end, before=(), run=None):
        """One sentence with these parts, which is not cut off; nothing is changed."""
        self.tried += 1
        was = self.what_is()
        done = run(words) if run else self.p.run(*words, env=self.env, before=before)
        said = f"migctl {' '.join(words)}: {done}"
        check(done.returncode == PERMISSION and not done.stdout.startswith("Done") and "Done." not in done.stdout, said)
        check(done.stderr.startswith("migctl: ") and done.stderr.count("\n") == 1, f"not one sentence: {said}")
        for part in parts:
            check(part in done.stderr, f"{part!r} is missing: {said}")
        check(done.stderr.rstrip("\n").endswith(end), f"it does not end with {end!r}: {said}")
        check(self.what_is() == was, f"{said} changed something")


def open_to_read(p):
    subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)


def give_journal(lab, before):
    """What a site may do: its operators may write the journal; the driver refuses them still."""
    folder = lab.dir / "var/lib/migkit"
    for path in (folder, *folder.iterdir()):
        if before:
            os.chown(path, 65534, 65534)


def ordinary_user(p):
    lab = Lab(p, "user")
    before = p.as_other()
    open_to_read(p)
    cap = lab.dir / CAP[1:]
    if before:
        cap.chmod(0o400)
    mode = f"{CAP} has the mode {cap.stat().st_mode & 0o777:04o} of user {cap.stat().st_uid}"
    if not before:
        # Of the user's own lab the journal is his, too.
        lab.journal.with_name("lock").chmod(0o444)
    for words in ACTING:
        lab.refused(words, [f"'sudo migctl {' '.join(words)}'", mode, "Permission denied", "nothing was changed"],
                    "and this is no container", before)
    for words in DRY:
        lab.refused(words, ["NO_PERMISSION", "needs root"], "and this is no container", before)
    give_journal(lab, before)
    lab.journal.with_name("lock").chmod(0o644)
    for words in ACTING[:-2]:
        # What cannot be done leaves its lines in the journal.
        done = p.run(*words, env=lab.env, before=before)
        check(done.returncode == PERMISSION and "NO_PERMISSION" in done.stderr and mode in done.stderr, f"{words}: {done}")
        lab.tried += 1
    return lab.tried


def container(p):
    """Its runtime handed in no capability: outside they are there, and the sentence tells how to get them."""
    lab = Lab(p, "inside")
    before = p.as_other()
    (lab.dir / ".dockerenv").touch()
    for folder in ("dev/nvidia-caps", "proc/driver/nvidia/capabilities"):
        (lab.dir / folder).rename(lab.dir / f"{pathlib.Path(folder).name}.outside")
    open_to_read(p)
    if not before:
        lab.journal.with_name("lock").chmod(0o444)
    parts = ["in this container (/.dockerenv)", f"{CAP} is missing", "NVIDIA_MIG_CONFIG_DEVICES=all", "SYS_ADMIN"]
    for words in (*ACTING, *DRY):
        lab.refused(words, parts, "or change GPUs outside of it", before)
    # As root of the container, whom the driver refuses.
    lab.journal.with_name("lock").chmod(0o644)
    for call, words in (("DeviceSetMigMode", ["mode", "on", "-i", "1"]), ("group:create", ["create", "-i", "0", "2g.20gb"]),
                        ("group:destroy", ["destroy", "0/1"])):
        p.ok("lab", "fault", "add", call, "--return", "NO_PERMISSION", env={**lab.env, **ROOT})
        done = p.run(*words, env={**lab.env, **ROOT})
        check(done.returncode == PERMISSION and done.stderr.count("\n") == 1 and all(x in done.stderr for x in parts) and
              "NVML_ERROR_NO_PERMISSION (4)" in done.stderr, f"{words}: {done}")
        p.ok("lab", "fault", "clear", "--all", env={**lab.env, **ROOT})
        lab.tried += 1
    return lab.tried


def read_only(p):
    space = namespace()
    if not space:
        print("no mount namespace: a read-only root was not tried")
        return 0
    lab = Lab(p, "fixed")
    # Where nothing was ever written down, not even the folder is there.
    fresh = p.create("fresh", board="a100-80gb-pcie", driver="580.65.06")
    done = subprocess.run([*space, "sh", "-c", f'{MOUNTS["the lab read-only"]} && shift 2 && exec "$@"', "sh", str(fresh),
                           str(p.root), str(p.migctl), "mode", "on", "-i", "0"], env={**p.env, "MIGKIT_LAB": str(fresh)},
                          cwd="/", capture_output=True, text=True, timeout=60)
    check(done.returncode == PERMISSION and "Read-only file system" in done.stderr and "No such" not in done.stderr, f"{done}")
    for sign in (None, ".dockerenv"):
        if sign:
            (lab.dir / sign).touch()
        for mounts in MOUNTS.values():
            def run(words, mounts=mounts):
                script = f'{mounts} && shift 2 && exec "$@"'
                return subprocess.run([*space, "sh", "-c", script, "sh", str(lab.dir), str(p.root), str(p.migctl), *words],
                                      env={**p.env, **lab.env, **ROOT}, cwd="/", stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=60)

            for words in ACTING:
                if sign:
                    lab.refused(words, ["Read-only file system", "in this container (/.dockerenv)"],
                                "such as -v /var/lib/migkit:/var/lib/migkit", run=run)
                else:
                    lab.refused(words, ["Read-only file system", "mount a file system", "/var/lib/migkit"],
                                "this is no container", run=run)
    return lab.tried


def main():
    with Place() as p:
        counts = [test(p) for test in (ordinary_user, container, read_only)]
    print("{} refusals of an ordinary user, {} in a container, {} on a read-only root".format(*counts))


if __name__ == "__main__":
    main()
