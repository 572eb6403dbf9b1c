#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""migctl verify in labs: of a lab by default nothing differs; of one with a rule the other way that rule is named,
with its value, and explains every difference; a GPU that is not empty and idle is refused; and whatever fails, stops
or kills it, the GPU is as it was, or the next command and recover get there."""
import json
import os
import pty
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from labtest import BUSY, NOT_FOUND, PERMISSION, SOURCE, UNAVAILABLE, USAGE, Place, check, in_memory  # noqa: E402

PARTLY, NEEDS_RESET, DRIVER = 32, 16, 33
BOARDS = {"a100-40gb-sxm": "550.54.15", "a30": "535.261.03", "h100-80gb-sxm": "580.65.06",
          "rtx-pro-6000-server": "580.65.06"}
# Where a rule matters; the values of "lab rules" that are not the default.
MATTERS = {
    "default-placement": set(BOARDS),
    "placement-1g-double": {"h100-80gb-sxm"},
    "disable-with-instances": set(),
    "ci-device-handle": set(BOARDS),
    "free-before-first": {"a100-40gb-sxm", "a30"},
    "me-exclusive": {"a30"},
    "gfx-beside-compute": {"rtx-pro-6000-server"},
    "ci-span-7g": {"h100-80gb-sxm"},
    "ci-1g-double": {"h100-80gb-sxm"},
    "ci-id-reuse": set(BOARDS),
    "ci-placement": {"h100-80gb-sxm"},
}
CREATE, DESTROY = "DeviceCreateGpuInstance", "GpuInstanceDestroy"


class Lab:
    def __init__(self, p, name, board="a30", *words, driver=None, mode=True):
        self.p, self.board = p, board
        self.dir = p.create(name, *words, board=board, driver=driver or BOARDS[board.split(":")[0]])
        self.env = {"MIGKIT_LAB": str(self.dir), "TMPDIR": str(p.root)}
        p.run("lab", "set", "0", "display=off", env=self.env)
        if mode:
            self.ok("mode", "on", "-i", "0")

    def run(self, *words, **more):
        return self.p.run(*words, env=self.env, **more)

    def ok(self, *words):
        return self.p.ok(*words, env=self.env)

    def refused(self, code, parts, *words):
        before = (self.dir / "state").read_bytes()
        told = self.p.refused(code, parts, *words, env=self.env)
        check(before == (self.dir / "state").read_bytes(), f"{words} changed something")
        return told

    def status(self):
        got = self.p.json("status", env=self.env)
        return got["gpus"], got["instances"]

    def history(self):
        return self.p.json("history", env=self.env)["operations"]

    def verify(self, *words):
        """(exit code, the report); the GPU is as it was, and no folder is left."""
        before = self.status()
        done = self.run("verify", "-i", "0", "--yes", "-o", "json", *words)
        check(self.status() == before, f"{self.board}: not as it was: {self.status()}\n{done.stderr}")
        self.tidy()
        check(done.returncode in (0, 3) and not done.stderr, f"{self.board}: {done.returncode} {done.stderr}")
        return done.returncode, json.loads(done.stdout)

    def tidy(self):
        left = [n for n in os.listdir(self.p.root) if n.startswith("migkit-verify")]
        check(not left, f"left behind: {left}")

    def fault(self, *words):
        self.ok("lab", "fault", "add", *words)

    def well(self):
        self.ok("lab", "fault", "clear", "--all")

    def clean(self, what):
        check(not self.status()[1], f"{what}: {self.status()[1]}")

    def start(self, *words):
        return subprocess.Popen([self.p.migctl, *words], env={**self.p.env, **self.env}, cwd=self.p.root,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def gone(self):
        self.ok("lab", "destroy", self.dir.name)


def default(p):
    for board in BOARDS:
        lab = Lab(p, "default", board)
        code, got = lab.verify()
        check(code == 0 and got["result"] == "as-simulated" and not got["differences"] and not got["not_reached"] and
              got["compared"] == got["questions"] > 500, f"{board}: {got}")
        check([got["creates"] == got["destroys"], got["creates"] > 100, got["board"]] == [True, True, board], f"{got}")
        for r in got["rules"]:
            matters = board in MATTERS.get(r["rule"], ())
            if r["rule"] in ("numbering", "disable-with-instances"):
                continue
            check((r["result"], r["value"]) == (("settled", r["default"]) if matters else ("no-matter", None)) and
                  r["agree"] == r["answers"], f"{board}: {r}")
        check(lab.history()[-1]["result"] == "done" and "verify" in lab.history()[-1]["command"], f"{lab.history()}")
        lab.ok("lab", "check", "default")
        lab.gone()
    # Ids by the other numbering are the chip's own, and no difference.
    for numbering in ("I", "X"):
        lab = Lab(p, "numbering", "h100-80gb-sxm", "--numbering", numbering)
        code, got = lab.verify()
        check(code == 0 and got["rules"][0]["value"] == numbering, f"{numbering}: {got['rules'][0]}")
        lab.gone()


def every_board(p):
    """Also with the oldest driver that has it."""
    boards = [b for b in p.json("boards")["boards"] if b["simulated"]]
    check(len(boards) > 20, f"{boards}")
    for b in boards:
        since = b["since_driver"] if "." in b["since_driver"] else b["since_driver"] + ".32.03"
        for driver in ("580.65.06", since):
            lab = Lab(p, "every", b["key"], driver=driver)
            code, got = lab.verify()
            check(code == 0 and got["compared"] == got["questions"], f"{b['key']}, {driver}: {got['differences'][:5]}")
            lab.gone()


def rules(p):
    known = {r["name"]: r["values"].split("|") for r in p.json("lab", "rules")["rules"]}
    check(set(known) == set(MATTERS), f"{set(known) ^ set(MATTERS)}: say where that rule matters")
    for name, boards in MATTERS.items():
        for board in sorted(boards):
            for value in known[name][1:]:
                lab = Lab(p, "rule", board, "--rule", f"{name}={value}")
                code, got = lab.verify()
                found = {r["rule"]: r["value"] for r in got["rules"] if r["rule"] != "numbering" and
                         r["value"] not in (None, r["default"])}
                check(code == UNAVAILABLE and found == {name: value} and got["result"] == "differs", f"{board}: {found}")
                check(got["differences"] and all(d["rule"] == name for d in got["differences"]), f"{got['differences']}")
                lab.gone()
    # Several at once; and where one does not matter.
    lab = Lab(p, "many", "h100-80gb-sxm", "--rule", "ci-id-reuse=next", "--rule", "ci-placement=lowest",
              "--rule", "placement-1g-double=as-default", "--rule", "default-placement=fixed-order", "--numbering", "X")
    code, got = lab.verify()
    found = {r["rule"]: (r["result"], r["value"]) for r in got["rules"]}
    check(code == UNAVAILABLE and all(d["rule"] for d in got["differences"]), f"{got['differences']}")
    for name, value in (("ci-id-reuse", "next"), ("ci-placement", "lowest"), ("placement-1g-double", "as-default"),
                        ("default-placement", "fixed-order"), ("ci-span-7g", "8"), ("numbering", "X")):
        check(found[name] == ("settled", value), f"{name}: {found[name]}")
    text = lab.run("verify", "--yes").stdout
    check("fixed-order, which is not the default" in text and "more are not shown" in text, text)
    lab.gone()
    lab = Lab(p, "none", "a30", "--rule", "ci-placement=lowest")
    check(lab.verify()[0] == 0, "a rule that does not matter does")
    lab.gone()


def refused(p):
    lab = Lab(p, "refused", "a100-40gb-sxm:2", mode=False)
    lab.refused(UNAVAILABLE, ["migctl mode on -i 0", "nothing was changed"], "verify", "-i", "0", "--yes")
    lab.ok("mode", "on", "-i", "0")
    lab.refused(USAGE, ["-i"], "verify", "--yes")
    lab.refused(USAGE, ["--yes", "--dry-run"], "verify", "-i", "0")
    lab.refused(USAGE, ["--yes"], "verify", "-i", "0", "-o", "json")
    lab.refused(NOT_FOUND, ["7"], "verify", "-i", "7", "--yes")
    lab.ok("lab", "client", "start", "--name", "watcher", "--gpu", "0")
    lab.refused(BUSY, ["watcher", "nothing was changed"], "verify", "-i", "0", "--yes")
    lab.refused(BUSY, ["watcher"], "verify", "-i", "0", "--dry-run")
    done = lab.run("verify", "-i", "0", "--yes", "--wait", "1")
    check(done.returncode == BUSY and "watcher" in done.stderr, f"{done}")
    lab.ok("lab", "client", "stop", "--all")
    lab.ok("create", "-i", "0", "1g.5gb")
    lab.refused(BUSY, ["1 GPU instance", "migctl destroy -i 0 all"], "verify", "-i", "0", "--yes")
    lab.ok("destroy", "-i", "0", "all")
    before = (lab.dir / "state").read_bytes()
    told = lab.p.json("verify", "-i", "0", "--dry-run", env=lab.env)
    check(told["result"] == "planned" and told["dry_run"] and told["creates"] > 100 and not told["rules"], f"{told}")
    check("Nothing was changed" in lab.ok("verify", "-i", "0", "-n") and before == (lab.dir / "state").read_bytes(),
          "a dry run changes something")
    check(not any("verify" in h["command"] for h in lab.history()), f"{lab.history()}")
    lab.ok("lab", "inject", "0", "lost")
    done = lab.run("verify", "-i", "0", "--yes")
    check(done.returncode and "GPU_IS_LOST" in done.stderr and not done.stdout, f"{done}")
    lab.gone()
    before = p.as_other()
    lab = Lab(p, "others", "a30", "--permissions", "real" if before else "owner")
    subprocess.run(["chmod", "-R", "a+rX", str(p.root)], check=True)
    if before:
        done = lab.run("verify", "--yes", before=before)
        check(done.returncode == PERMISSION and "NO_PERMISSION" in done.stderr and "sudo migctl verify" in done.stderr,
              f"{done}")
    lab.gone()
    lab = Lab(p, "display", "rtx-pro-6000-server", "--persistenced")
    check(lab.run("verify", "--yes").returncode == BUSY, "nvidia-persistenced is nobody")
    lab.ok("lab", "client", "stop", "--all")
    lab.gone()


def reports(p):
    lab = Lab(p, "reports", "a30", "--rule", "me-exclusive=separate")
    file = p.root / "report.json"
    code, got = lab.verify("--report", str(file))
    check(code == UNAVAILABLE and json.loads(file.read_text())["differences"] == got["differences"], "the file differs")
    gpu = lab.status()[0][0]
    for word in (gpu["uuid"], gpu["uuid"][4:12], "reports", str(p.root)):
        check(word not in json.dumps(got), f"{word} is in the report")
    ended = len(lab.history())
    lab.refused(BUSY, ["there already"], "verify", "--yes", "--report", str(file))
    lab.refused(NOT_FOUND, ["cannot write"], "verify", "--yes", "--report", str(p.root / "no" / "report"))
    lab.refused(BUSY, ["no regular file"], "verify", "--yes", "--report", "/dev/full")
    check(len(lab.history()) == ended, "something was changed before")
    text = p.root / "report.txt"
    done = lab.run("verify", "--yes", "--report", str(text))
    check(done.returncode == UNAVAILABLE and "separate, which is not the default" in text.read_text(), f"{done}")
    # A driver that answers what no rule says.
    lab.fault("nvmlDeviceGetGpuInstanceRemainingCapacity", "--nth", "60-70", "--return", "UNKNOWN")
    code, got = lab.verify()
    check(code == UNAVAILABLE and sum(d["rule"] is None for d in got["differences"]) == 11, f"{got['differences']}")
    check({d["seen"] for d in got["differences"] if not d["rule"]} == {"UNKNOWN"}, f"{got['differences']}")
    lab.gone()


def boards(p):
    """One that is not as its data say, and ones of which there is nothing to compare with."""
    own = SOURCE / "tests/boards/good/own.yaml"
    lab = Lab(p, "own", str(own), driver="580.65.06")
    code, got = lab.verify()
    seen = {d["step"]: d for d in got["differences"]}
    check(code == UNAVAILABLE and got["board"] == "a100-80gb-sxm" and got["not_reached"] > 100, f"{got}")
    check(seen["the empty GPU: profile 0"]["seen"] == "NOT_SUPPORTED" and
          seen["the empty GPU: profile 0"]["rule"] is None, f"{seen}")
    check(any(r["result"] == "neither" for r in got["rules"]), f"{got['rules']}")
    lab.gone()
    strange = p.root / "strange.yaml"
    text = (SOURCE / "data/boards/a30.yaml").read_text()
    strange.write_text(text.replace("0x20B710DE", "0x20FF10DE").replace("NVIDIA A30", "NVIDIA A31"))
    lab = Lab(p, "strange", str(strange), driver="580.65.06")
    lab.refused(UNAVAILABLE, ["NVIDIA A31", "migctl boards capture"], "verify", "--yes")
    lab.gone()


def asked(p):
    """On a terminal it asks, and only y is a yes."""
    lab = Lab(p, "asked")
    for answer, code, says in ((b"n\n", 1, b"nothing was changed"), (b"\n", 1, b"nothing was changed"),
                               (b"y\n", 0, b"All ")):
        ended = len(lab.history())
        pid, fd = pty.fork()
        if not pid:
            os.execve(p.migctl, ["migctl", "verify"], {**p.env, **lab.env})
        os.write(fd, answer)
        told = b""
        while True:
            try:
                more = os.read(fd, 4096)
            except OSError:
                break
            if not more:
                break
            told += more
        got = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(fd)
        check(got == code and says in told and b"Go on?" in told, f"{answer}: {got} {told}")
        check(len(lab.history()) == ended + (code == 0), f"{answer}: {lab.history()}")
    lab.gone()


def faults(p):
    """A call that fails in the middle ends it, and what was made goes."""
    lab = Lab(p, "faults")
    for nth in ("1", "7", "40"):
        for call in (CREATE, DESTROY, "ComputeInstanceDestroy", "GpuInstanceCreateComputeInstance"):
            for how in ("--return", "--return-after"):
                lab.fault(call, "--nth", nth, how, "UNKNOWN")
                done = lab.run("verify", "--yes")
                lab.well()
                lab.clean(f"{call} {nth} {how}")
                # To a question that is wrong on purpose it is an answer like others.
                if done.returncode == UNAVAILABLE and "Create" in call:
                    check("UNKNOWN" in done.stdout, f"{call} {nth} {how}: {done.stdout}")
                    continue
                check(done.returncode == DRIVER and "UNKNOWN" in done.stderr and "as it was" in done.stderr and
                      len(done.stderr.splitlines()) == 1, f"{call} {nth} {how}: {done.returncode} {done.stderr}")
                check(lab.history()[-1]["result"] == "back", f"{lab.history()[-1]}")
    # What cannot go is named, with what helps.
    lab.fault(DESTROY, "--nth", "5-", "--return", "UNKNOWN")
    done = lab.run("verify", "--yes")
    check(done.returncode == PARTLY and "migctl recover" in done.stderr and "1g.6gb@" in done.stderr, f"{done}")
    done = lab.run("verify", "--yes")
    check(done.returncode == BUSY or "could not remove all" in done.stderr, f"{done}")
    lab.refused(PARTLY, ["could not remove all", "1g.6gb@", "migctl recover"], "create", "1g.6gb")
    done = lab.run("recover")
    check(done.returncode == PARTLY, f"{done}")
    lab.well()
    lab.ok("recover")
    lab.clean("recover")
    # The GPU goes meanwhile.
    lab.fault(CREATE, "--nth", "9", "--xid", "79")
    done = lab.run("verify", "--yes")
    check(done.returncode == PARTLY and "LOST" in done.stderr.upper(), f"{done}")
    lab.well()
    lab.ok("lab", "reboot")
    lab.ok("mode", "on", "-i", "0")
    check(lab.run("create", "1g.6gb").returncode == 0, "the next command is not served")
    lab.gone()


def stopped(p):
    """Signals end it between two changes."""
    lab = Lab(p, "stopped")
    lab.fault(DESTROY, "--take", "30ms")
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        ended = len(lab.history())
        child = lab.start("verify", "--yes")
        # Not by NVML: who has it open is in the way.
        journal = lab.dir / "var/lib/migkit/journal"
        for _ in range(500):
            if journal.exists() and journal.read_text().count('"did"') > 30 * (ended + 1):
                break
            time.sleep(0.01)
        child.send_signal(sig)
        out, errors = child.communicate(timeout=60)
        check(child.returncode == 1 and "a signal came" in errors and "as it was" in errors, f"{sig}: {out}{errors}")
        lab.clean(f"{sig}")
        lab.tidy()
        check(lab.history()[-1]["result"] == "back", f"{lab.history()[-1]}")
    lab.gone()


def killed(p):
    """kill -9: the next command says what is left, and recover takes it away, and nothing else."""
    lab = Lab(p, "killed")
    for call, nths in ((CREATE, ("1", "2", "9", "25")), (DESTROY, ("1", "6", "20")),
                       ("GpuInstanceCreateComputeInstance", ("1", "20"))):
        for nth in nths:
            for when in ("before", "after"):
                lab.fault(call, "--nth", nth, "--kill", when)
                done = lab.run("verify", "--yes")
                lab.well()
                check(done.returncode == -signal.SIGKILL, f"{call} {nth} {when}: {done}")
                left = lab.status()[1]
                if not left:
                    lab.ok("create", "1g.6gb@0")
                    lab.ok("destroy", "1g.6gb@0")
                    continue
                lab.refused(PARTLY, ["migctl verify", "cut off half way", "migctl recover", left[0]["profile"]],
                            "create", "1g.6gb")
                check("recover" in lab.ok("history"), "history says nothing")
                steps = p.json("recover", "-n", env=lab.env)["steps"]
                check({s["gi"] for s in steps if s["action"] == "destroy-gi"} == {i["gi"] for i in left}, f"{steps}")
                lab.ok("recover")
                lab.clean(f"{call} {nth} {when}")
                lab.ok("create", "1g.6gb@0")
                lab.ok("destroy", "1g.6gb@0")
    # What somebody else made meanwhile stays.
    lab.fault(CREATE, "--nth", "2", "--kill", "before")
    check(lab.run("verify", "--yes").returncode == -signal.SIGKILL, "not killed")
    lab.well()
    lab.ok("smi", "mig", "-cgi", "5")
    check(len(lab.status()[1]) == 2, f"{lab.status()[1]}")
    lab.ok("recover", "--finish")
    check([i["profile"] for i in lab.status()[1]] == ["2g.12gb"], f"{lab.status()[1]}")
    lab.ok("destroy", "all")
    check(lab.verify()[0] == 0, "not well afterwards")
    lab.gone()


def main():
    # Each verify makes a dozen labs for comparison.
    in_memory()
    with Place() as p:
        for test in (default, every_board, rules, refused, reports, boards, asked, faults, stopped, killed):
            if not sys.argv[1:] or test.__name__ in sys.argv:
                begun = time.monotonic()
                test(p)
                print(f"{test.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
