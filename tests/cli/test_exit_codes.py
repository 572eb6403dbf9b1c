#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run timeout=300
"""Exit codes and options, the same for every command that reads: 0 done or fits, 1 error, 2 bad usage, 3 does not
fit, 4 not permitted, 6 not found, 7 a damaged lab, 9 neither lab nor driver. A refusal is one sentence
on stderr, and changes nothing."""
import pathlib
import subprocess

import readers  # finds labtest
from labtest import (BAD_LAB, MIGCTL, NO_DRIVER, NOT_FOUND, PERMISSION, UNAVAILABLE, USAGE, Place,
                     check)

FAILED = 1


def full_disk(p, words, env):
    """Output that can't be written is an error, not a shorter answer."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([MIGCTL, *words], env={**p.env, **env}, cwd=p.root, stdout=full,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    check(done.returncode == FAILED and "No space left" in done.stderr,
          f"migctl {' '.join(words)} on a full disk: {done}")


def every_command(p, env):
    for name, words in readers.COMMANDS.items():
        words = readers.words_for(words, "a100-80gb-pcie")
        shown = p.ok("help", words[0])
        for option in ("-i, --id", "--snapshot", "-o, --output", "--no-color"):
            check(option in shown, f"migctl {words[0]} has no {option}")
        bare = [w for i, w in enumerate(words) if "-i" not in (w, words[i - 1])]
        # On that machine a mode waits, and an instance is of no use.
        good = UNAVAILABLE if name == "doctor" else 0
        check(p.run(*words, env=env).returncode == good, f"migctl {name}: {p.run(*words, env=env)}")
        full_disk(p, words, env)
        p.refused(USAGE, ["--nonsense"], *words, "--nonsense", env=env)
        p.refused(USAGE, ["xml", "json"], *words, "-o", "xml", env=env)
        p.refused(NOT_FOUND, ["99"], *bare, "-i", "99", env=env)
        p.refused(NOT_FOUND, ["GPU-nobody"], *bare, "-i", "GPU-nobody", env=env)
        p.refused(NOT_FOUND, ["missing.json"], *words, "--snapshot", "missing.json", env=env)
        p.refused(NO_DRIVER, ["no lab is chosen"], *words)
        p.refused(NOT_FOUND, ["no lab"], "--lab", "nobody", *words)
        p.refused(BAD_LAB, ["state"], "--lab", "bad", *words)


def fits(p, env):
    """3 is no error: the answer is on stdout, and says why."""
    for words in (["plan", "WHOLE", "SMALL", "-i", "0"], ["explain", "WHOLE", "-i", "0"], ["doctor"]):
        words = readers.words_for(words, "a100-80gb-pcie")
        for more in ([], ["-o", "json"]):
            done = p.run(*words, *more, env=env)
            check(done.returncode == UNAVAILABLE and len(done.stdout) > 40 and not done.stderr,
                  f"migctl {' '.join(words + more)}: {done}")


def not_permitted(p, env):
    """Files that this user may not read or write; root may all, so that is tried as nobody."""
    who = p.as_other()
    subprocess.run(["chmod", "-R", "a+rX", str(p.root / "state")], check=True)
    secret = p.root / "secret.json"
    p.ok("snapshot", "secret.json", env=env)
    secret.chmod(0)
    p.refused(PERMISSION, ["secret.json"], "status", "--snapshot", str(secret), before=who)
    closed = p.root / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    for words in (["snapshot"], ["boards", "capture", "-i", "0"], ["draw", "-i", "0", "--svg"]):
        p.refused(PERMISSION, ["closed"], *words, str(closed / "file.yaml"), before=who, env=env)
        check(not list(closed.iterdir()), f"migctl {words[0]} left something in a closed folder")


def recordings(p, env):
    """What acts, or looks at more than a snapshot holds, refuses one."""
    p.ok("snapshot", "kept.json", env=env)
    for words in (["snapshot", "again.json"], ["boards", "capture", "-i", "0", "again.yaml"]):
        p.refused(USAGE, [], *words, "--snapshot", "kept.json", env=env)
        check(not list(p.root.glob("again*")), f"migctl {words[0]} wrote from a recording")


def main():
    with Place() as p:
        readers.make_machines(p)
        bad = p.create("bad") / "state"
        bad.write_bytes(bad.read_bytes()[:100])
        env = {"MIGKIT_LAB": str(p.labs / "full")}
        before = (p.labs / "full" / "state").read_bytes()
        every_command(p, env)
        fits(p, env)
        not_permitted(p, env)
        recordings(p, env)
        check((p.labs / "full" / "state").read_bytes() == before, "a reading command changed the lab")
        pathlib.Path(p.labs / "bad" / "state").unlink()


main()
