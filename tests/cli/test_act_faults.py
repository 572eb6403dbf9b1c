#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""Every acting command, while each NVML call that it makes fails, lies about its failure, or kills it before or
after its effect: the GPU is as before or as wished, or the command says that it is not, and 'migctl recover'
gets there. Machines are copies of a lab, one for each case. Not verify, which makes hundreds of changes and wants none:
test_verify_faults.py has it."""
import collections
import concurrent.futures
import itertools
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import Place, check, in_memory  # noqa: E402

PARTLY, PENDING = 32, 16
CHANGES = re.compile(r"nvml(Device(Create|SetMig)|GpuInstance(Create|Destroy)|ComputeInstanceDestroy)")

# name: what a lab has before, the command
SCENES = {
    "create": ([["mode", "on", "-i", "0"], ["create", "-i", "0", "1g.5gb@6"]],
               ["create", "-i", "0", "3g.20gb/1c,1c", "1g.5gb"]),
    "create inside": ([["mode", "on", "-i", "0"], ["create", "-i", "0", "3g.20gb@4/1c"]],
                      ["create", "0/1/1c,1c"]),
    "create all": ([["mode", "on", "-i", "0"]], ["create", "-i", "0", "7x1g.5gb/none"]),
    "destroy": ([["mode", "on", "-i", "0"], ["create", "-i", "0", "3g.20gb@4/1c,1c", "1g.5gb@0", "2g.10gb@2"]],
                ["destroy", "3g.20gb@4", "1g.5gb@0", "-i", "0"]),
    "destroy ci": ([["mode", "on", "-i", "0"], ["create", "-i", "0", "3g.20gb@4/1c,2c"]],
                   ["destroy", "-i", "0", "0/1/0"]),
    "mode on": ([], ["mode", "on", "-i", "0"]),
    "mode off": ([["mode", "on", "-i", "0"]], ["mode", "off", "-i", "0"]),
    "reset": ([["mode", "on", "-i", "0"]], ["reset", "-i", "0"]),
}


class Scene:
    def __init__(self, p, name):
        self.p, self.name = p, name
        self.setup, self.words = SCENES[name]
        self.base = p.root / name.replace(" ", "-")
        p.ok("lab", "create", str(self.base), "--board", "a100-40gb-sxm:2", "--driver", "550.54.15", "--seed", "1")
        for words in self.setup:
            self.run(self.base, *words)
        self.before = self.state(self.base)
        wished = self.copy("wish")
        log = p.root / "log"
        log.unlink(missing_ok=True)
        self.run(wished, *self.words, env={"MIGKIT_LOG": str(log)})
        self.wish = self.state(wished)
        self.calls = collections.Counter(re.findall(r"^\d+ (nvml\w+)", log.read_text(), re.M))
        shutil.rmtree(wished)

    def copy(self, name, of=None):
        to = self.p.root / f"{self.base.name}-{name}"
        shutil.copytree(of or self.base, to, symlinks=True, copy_function=copy_file)
        return to

    def run(self, lab, *words, env=None, may_fail=False):
        done = self.p.run(*words, env={"MIGKIT_LAB": str(lab), **(env or {})})
        check(may_fail or done.returncode == 0, f"{self.name}: {words}: {done.returncode} {done.stderr}")
        return done

    def state(self, lab):
        """Instances by their places: ids may differ after a way back."""
        got = self.p.json("status", env={"MIGKIT_LAB": str(lab)})
        gpus = tuple((g["mig_current"], g["mig_pending"]) for g in got["gpus"])
        return gpus, tuple(sorted((i["gpu"], i["profile"], i["start"], i["ci_profile"] or "", i["ci_start"] or 0)
                                  for i in got["instances"]))


def copy_file(source, to):
    # Nodes of devices that are no real ones: an empty file does for them here.
    if os.path.isfile(source):
        return shutil.copy2(source, to)
    open(to, "wb").close()
    return to


def cases(scene):
    """(what, faults)"""
    for call, n in scene.calls.items():
        exact = call if re.search(r"_v\d+$", call) else call + "_v1"
        changes = CHANGES.match(call)
        which = range(1, n + 1) if changes else sorted({1, n})
        for nth in which:
            one = [exact, "--nth", str(nth)]
            yield [[*one, "--return", "UNKNOWN"]]
            yield [[*one, "--kill", "before"]]
            if not changes:
                continue
            yield [[*one, "--return-after", "UNKNOWN"]]
            yield [[*one, "--kill", "after"]]
            # And the way back fails as well.
            yield [[*one, "--return", "INSUFFICIENT_RESOURCES"], ["group:destroy", "--return", "UNKNOWN"],
                   ["group:create", "--nth", str(nth + 1) + "-", "--return", "UNKNOWN"]]
            # The GPU goes while it happens.
            yield [[*one, "--xid", "79"]]


def mode_of(scene):
    return scene.words[0] in ("mode", "reset")


def judge(scene, lab, done, faults):
    """What is wrong, or None."""
    lines = done.stderr.splitlines()
    now = scene.state(lab)
    if any("--xid" in f for f in faults):
        # What a lost GPU has nobody can read, and a reboot ends it with its instances.
        if done.returncode <= 0 or "migctl: " not in done.stderr:
            return f"exit {done.returncode} though the GPU is lost"
        return None
    if done.returncode == 0:
        return None if now == scene.wish else f"says success, and there is {now}"
    if done.returncode < 0:
        return recover(scene, lab, faults)
    if len(lines) != 1 or not lines[0].startswith("migctl: ") or len(lines[0]) < 30:
        return f"not one sentence: {lines}"
    if done.returncode == PARTLY:
        if "migctl recover" not in lines[0] and not (mode_of(scene) and "'migctl status' shows it" in lines[0]):
            return f"does not say what helps: {lines[0]}"
        return recover(scene, lab, faults)
    if done.returncode == PENDING or now == scene.before:
        return None
    return f"exit {done.returncode} ({lines[0]}), and there is {now}"


def recover(scene, lab, faults):
    mode = mode_of(scene)
    for words, ends in ((["recover", "--finish"], (scene.wish, scene.before)), (["recover"], (scene.before, scene.wish))):
        copy = scene.copy(f"{lab.name[-8:]}-r{len(words)}", lab)
        was = scene.state(copy)
        done = scene.run(copy, *words, may_fail=True)
        now = scene.state(copy)
        if done.returncode != 0:
            return f"{words} ends with {done.returncode}: {done.stderr}"
        if now != ends[0] and not (now == ends[1] and "Nothing is half done" in done.stdout) and not mode:
            return f"{words} leads to {now}, from {was}: {done.stdout}"
        # Whatever it was, the next command is served.
        done = scene.run(copy, "create", "-i", "1", "1g.5gb", may_fail=True)
        if "half way" in done.stderr or "recover" in done.stderr:
            return f"after {words} still: {done.stderr}"
        shutil.rmtree(copy)
    return None


def try_case(scene, number, faults):
    lab = scene.copy(f"case{number:04}")
    for fault in faults:
        scene.run(lab, "lab", "fault", "add", *fault, "--lab", str(lab))
    done = scene.run(lab, *scene.words, may_fail=True)
    scene.run(lab, "lab", "fault", "clear", "--all", "--lab", str(lab))
    wrong = judge(scene, lab, done, faults)
    shutil.rmtree(lab, ignore_errors=True)
    return wrong and f"{scene.name} under {faults}: {wrong}", done.returncode


def main():
    in_memory()
    ends, wrong = collections.Counter(), []
    with Place() as p, concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = []
        number = itertools.count()
        for name in sys.argv[1:] or SCENES:
            scene = Scene(p, name)
            check(scene.before != scene.wish or name == "reset", f"{name} changes nothing")
            jobs += [pool.submit(try_case, scene, next(number), f) for f in cases(scene)]
        for job in jobs:
            bad, code = job.result()
            ends["killed" if code < 0 else f"exit {code}"] += 1
            wrong += [bad] if bad else []
    check(not wrong, f"{len(wrong)} of {sum(ends.values())}:\n" + "\n".join(wrong[:20]))
    check(ends["killed"] > 50 and ends["exit 32"] > 5 and len(ends) > 4, f"too few kinds of ends: {ends}")
    print(f"{sum(ends.values())} cases, 0 exceptions: " + ", ".join(f"{k}: {n}" for k, n in sorted(ends.items())))


if __name__ == "__main__":
    main()
