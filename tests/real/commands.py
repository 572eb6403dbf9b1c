# SPDX-License-Identifier: Apache-2.0
"""What tests/real/read runs, and what must be so in what comes back."""
import json
import re

# What is asked of a machine where MIG is off: whether it fits is a question of the board.
FITS, NO_FIT, USAGE, BUSY = 0, 3, 2, 5
# Of a recording and of what is live, this differs.
VOLATILE = re.compile(r"source|recorded|taken|lab|memory_(?:used|free)\w*|.*_seconds")


class Case:
    """A command: its words ("@name" is a file in the folder of outputs), its exit codes; nvml: whether
    it asks the driver, None: it need not."""

    def __init__(self, name, words, rc=(0,), columns=100, nvml=True, says=()):
        self.name, self.words, self.rc = name, words, rc
        self.columns, self.nvml, self.says = columns, nvml, says

    def judge(self, done, found, reading):
        wrong = []
        if done.returncode not in self.rc:
            wrong.append(f"exit {done.returncode}, not {' or '.join(map(str, self.rc))}: "
                         f"{done.stderr.decode(errors='replace').strip()[:300]}")
        if done.returncode and not done.stderr.strip() and not done.stdout.strip():
            wrong.append("it does not say why")
        for part in self.says:
            if part not in (done.stdout + done.stderr).decode(errors="replace"):
                wrong.append(f"does not say {part!r}")
        if self.nvml or found and self.nvml is None:
            wrong += reading.judge(found)
        elif found:
            wrong.append(f"calls {found[0].name}, and was to look into a file")
        if "json" in self.words and done.returncode == 0:
            try:
                json.loads(done.stdout)
            except ValueError as e:
                wrong.append(f"its JSON: {e}")
        return wrong


def records(text, key):
    try:
        return json.loads(text).get(key) or []
    except ValueError:
        return []


class Machine:
    """What the commands said so far, and what later ones are held against."""

    def __init__(self, cuda=None, holder=None, root=True):
        self.cuda, self.holder, self.root = cuda, holder, root
        self.said = {}
        self.names = {}

    def learn(self, case, done, folder):
        self.said[case.name] = done.stdout.decode(errors="replace")
        (folder / f"{case.name}.rc").write_text(f"{done.returncode}\n")
        if case.name == "profiles-json":
            self.learn_profiles(self.said[case.name])

    def learn_profiles(self, text):
        for p in records(text, "profiles"):
            if p.get("gpu") in (0, None):
                self.names[p.get("profile_id")] = p.get("profile")

    def profile(self, number):
        """A profile's name by the id that nvidia-smi prints, which all boards have in common."""
        return self.names.get(number, f"profile-{number}")

    def compare(self, folder):
        return [*self.who(), *self.unchanged(), *self.recording()]

    def who(self):
        """The CUDA program by NVML, the other by its open file where this user may look."""
        seen = {}
        for p in records(self.said["who-json"], "processes"):
            seen.setdefault(p.get("pid"), []).append(p)
        if self.cuda not in seen:
            yield f"who: the process {self.cuda}, which computes, is not there"
        if self.root and self.holder and self.holder not in seen:
            yield f"who: the process {self.holder}, which has /dev/nvidia0 open, is not there"
        for p in seen.get(self.holder, []):
            if "/dev/nvidia0" not in (p.get("files") or ""):
                yield f"who: of {self.holder} it does not say which file: {p}"

    def unchanged(self):
        """Modes and instances, from the first command to the last."""
        for key in ("gpus", "instances"):
            first, last = (still(records(self.said[n], key)) for n in ("status-json", "status-last"))
            if first != last:
                yield f"{key} are not what they were: {first} then {last}"

    def recording(self):
        """What is read of the recording is what was read of the machine."""
        for name, text in self.said.items():
            if not name.endswith("-recorded"):
                continue
            live, kept = (still(json.loads(t)) if t.startswith("{") else t
                          for t in (self.said[name.removesuffix("-recorded")], text))
            if live != kept:
                yield f"{name}: not what the machine said: {kept} and {live}"[:1000]


def still(value):
    """A value without what time changes: readings of memory, processes, where it is from."""
    if isinstance(value, dict):
        return {k: still(v) for k, v in value.items()
                if not VOLATILE.fullmatch(k) and k != "processes"}
    return [still(v) for v in value] if isinstance(value, list) else value


def cases(machine):
    """The commands in their order; names of profiles are known once the second has answered."""
    yield Case("status-json", ["status", "-o", "json"])
    yield Case("profiles-json", ["profiles", "-o", "json"])
    yield from looks()
    yield from answers(machine)
    yield from changes(machine)
    yield from files(machine)
    yield from refusals(machine)
    yield Case("status-last", ["status", "-o", "json"])


def looks():
    yield Case("bare", [])
    yield Case("status", ["status"])
    yield Case("status-80", ["status"], columns=80)
    yield Case("status-200", ["status"], columns=200)
    yield Case("status-csv", ["status", "-o", "csv"])
    yield Case("status-one", ["status", "-i", "0"])
    yield Case("devices", ["devices"])
    yield Case("devices-json", ["devices", "-o", "json"])
    yield Case("profiles", ["profiles"])
    yield Case("profiles-csv", ["profiles", "-i", "0", "-o", "csv"])
    yield Case("layouts", ["layouts", "-i", "0"])
    yield Case("layouts-200", ["layouts", "-i", "0"], columns=200)
    yield Case("layouts-json", ["layouts", "-i", "0", "-o", "json"])
    yield Case("layouts-all", ["layouts", "-i", "0", "--profiles", "all", "--patterns"])
    yield Case("who", ["who"])
    yield Case("who-json", ["who", "-o", "json"])
    yield Case("who-one", ["who", "0"])
    yield Case("runs", ["runs"])
    yield Case("name", ["name"])
    yield Case("doctor", ["doctor"], (FITS, NO_FIT))
    yield Case("doctor-json", ["doctor", "-o", "json"], (FITS, NO_FIT))


def changes(machine):
    """What would be changed: asked of a driver behind a library that refuses to change anything, and never
    as root where there is a real one."""
    if machine.root:
        return
    yield Case("mode-dry", ["mode", "on", "-i", "0", "--dry-run"], (FITS, BUSY), says=["GPU"])
    yield Case("mode-dry-json", ["mode", "on", "-i", "0", "--dry-run", "-o", "json"], (FITS, BUSY))
    yield Case("reset-dry", ["reset", "-i", "0", "--dry-run"], (FITS, BUSY), says=["GPU"])
    yield Case("create-dry", ["create", machine.profile(9), "-i", "0", "--dry-run"], (NO_FIT,),
               says=["MIG mode of GPU 0 is off: 'migctl mode on -i 0' first"])
    yield Case("create-inside-dry", ["create", "0/1/1c", "--dry-run"], (6,), says=["there is no GPU instance 0/1"])
    yield Case("destroy-dry", ["destroy", "0/1", "--dry-run"], (6,), says=["there is no instance 0/1"])
    yield Case("verify-dry", ["verify", "-i", "0", "--dry-run"], (NO_FIT, BUSY),
               says=["MIG mode of GPU 0 is off: 'migctl mode on -i 0' first"])


def answers(machine):
    one, two, three, seven = (machine.profile(n) for n in (19, 14, 9, 0))
    wanted = [three, two, one]
    yield Case("plan", ["plan", *wanted, "-i", "0"])
    yield Case("plan-80", ["plan", *wanted, "-i", "0"], columns=80)
    yield Case("plan-json", ["plan", *wanted, "-i", "0", "-o", "json"])
    yield Case("plan-need", ["plan", "--need", "30GiB", "--need", "2x12GiB", "-i", "0"], (FITS, NO_FIT))
    yield Case("plan-too-much", ["plan", seven, one, "-i", "0"], (NO_FIT,))
    yield Case("explain", ["explain", seven, "-i", "0"], (FITS, NO_FIT))
    yield Case("explain-json", ["explain", seven, "-i", "0", "-o", "json"], (FITS, NO_FIT))
    yield Case("explain-at", ["explain", f"{three}@4", "-i", "0"], (FITS, NO_FIT))


def files(machine):
    yield Case("draw", ["draw", "-i", "0", "--svg", "@gpu.svg"])
    wanted = [machine.profile(n) for n in (9, 14, 19)]
    yield Case("draw-plan", ["draw", "--plan", *wanted, "-i", "0", "--svg", "@plan.svg"])
    yield Case("draw-layouts", ["draw", "--maximal", "-i", "0", "--svg", "@layouts.svg"])
    yield Case("draw-here", ["draw", "-i", "0"])
    yield Case("snapshot", ["snapshot", "@snapshot.json"])
    yield Case("capture", ["boards", "capture", "-i", "0", "@board.yaml"])
    kept = ["--snapshot", "@snapshot.json"]
    for name, words in (("status-json", ["status"]), ("profiles-json", ["profiles"]),
                        ("layouts-json", ["layouts", "-i", "0"]),
                        ("plan-json", ["plan", *wanted, "-i", "0"])):
        yield Case(f"{name}-recorded", [*words, "-o", "json", *kept], nvml=False)
    yield Case("status-of-recording", ["status", *kept], nvml=False)


def refusals(machine):
    """Wrong words on a real driver: a sentence, and nothing is done."""
    yield Case("bad-profile", ["plan", "3g.21gb", "-i", "0"], (USAGE,), nvml=None, says=["3g.21gb"])
    yield Case("bad-start", ["explain", f"{machine.profile(9)}@1", "-i", "0"], (USAGE,), nvml=None)
    yield Case("bad-colon", ["plan", f"{machine.profile(9)}:4", "-i", "0"], (USAGE,), nvml=None, says=["@"])
    yield Case("bad-gpu", ["status", "-i", "99"], (6,), says=["99"])
