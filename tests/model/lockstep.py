# SPDX-License-Identifier: Apache-2.0
"""Runs the model and the simulated driver side by side: each question goes to both, and each answer
must be the same line."""
import collections
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from mig import BOARDS, Board, Gpu

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or SOURCE / "build").resolve()
DRIVE = BUILD / "tests" / "model_drive"
# Another library than the built one: test_model_mutations.py.
LIBRARY = os.environ.get("MIGKIT_MODEL_LIBRARY") or str(BUILD / "sim" / "libnvidia-ml.so.1")
LONG = int(os.environ.get("MIGKIT_LONG", "1")) > 1
AT_ONCE = 200000  # questions of one run of the driver
SHOWN = 8


class Lab:
    """A lab of its own, in a folder that goes with it."""

    def __init__(self, *boards, driver, numbering=None, rules=None, seed=1):
        # In memory where there is room: on a disk its journal is most of what a change waits for.
        room = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.home = tempfile.mkdtemp(prefix="migkit-model-", dir=room)
        self.env = {"HOME": self.home, "XDG_STATE_HOME": self.home, "PATH": os.environ["PATH"],
                    "LC_ALL": "C.UTF-8", "MIGKIT_LAB": f"{self.home}/migkit/labs/one"}
        words = ["lab", "create", "one", "--driver", driver, "--seed", str(seed)]
        for board in boards:
            words += ["--board", board]
        if numbering:
            words += ["--numbering", numbering]
        for name, value in (rules or {}).items():
            words += ["--rule", f"{name}={value}"]
        self.migctl(*words)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([BUILD / "migctl", "lab", "destroy", "one"], env=self.env, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.home, ignore_errors=True)

    def migctl(self, *words):
        done = subprocess.run([BUILD / "migctl", *words], env=self.env, text=True, check=False,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
        if done.returncode:
            raise SystemExit(f"FAILED: migctl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def ask(self, questions):
        """One run of the driver; its answers as one text."""
        done = subprocess.run([DRIVE, LIBRARY], input=questions, env=self.env, text=True,
                              capture_output=True, check=False, timeout=1500)
        if done.returncode:
            raise SystemExit(f"FAILED: model_drive ended with {done.returncode}: {done.stderr}; its last "
                             f"answers: {done.stdout[-300:]!r}")
        return done.stdout


class Talk:
    """A driver that waits for the next question, so that things can happen in between."""

    def __init__(self, lab):
        self.process = subprocess.Popen([DRIVE, LIBRARY], env=lab.env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, question):
        self.process.stdin.write(f"{question}\n!\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


class Tally:
    """What was compared, and where the two differ."""

    def __init__(self):
        self.states = self.transitions = self.answers = 0
        self.wrong = []
        self.kinds = collections.Counter()

    def differ(self, where, question, model, driver, history):
        """history: what was asked before."""
        self.kinds[question[:1]] += 1
        if len(self.wrong) < SHOWN:
            self.wrong.append(f"{where}: {question!r} after {history}:\n  model  {model}\n"
                              f"  driver {driver}")

    def finish(self, what):
        for text in self.wrong:
            print(text)
        print(f"{what}: {self.states} states, {self.transitions} transitions, {self.answers} answers "
              f"compared, {sum(self.kinds.values())} differ")
        if self.kinds:
            print("FAILED:", dict(self.kinds))
            sys.exit(1)


class Pair:
    """A GPU of a lab and its model. Questions are gathered, and put in one go by flush()."""

    def __init__(self, lab, tally, key, driver, numbering="I", rules=None, index=0,
                 keep=False):
        self.lab, self.tally, self.index = lab, tally, index
        self.where = f"{key} {driver} {numbering}" + "".join(
            f" {n}={v}" for n, v in (rules or {}).items())
        self.board = Board(key, driver, numbering, rules)
        self.gpu = Gpu(self.board)
        self.gpu.uuid = lab.ask(f"g {index}\n").split()[1]
        self.questions, self.expected = [], []
        self.kept = hashlib.sha256() if keep else None  # of all that the driver said
        self.prologue = "a " + " ".join(map(str, self.board.asked)) + f"\ng {index}\n"
        # Where a run was cut: what has been seen last is not known to the next one.
        self.gpu.last = None

    def ask(self, letter, *numbers):
        """The model's answer; the driver's is compared later."""
        answer = getattr(self.gpu, letter)(*numbers)
        self.questions.append(f"{letter} {' '.join(map(str, numbers))}")
        self.expected.append(answer)
        return answer

    def put(self, question, answer):
        """A question whose answer is known without the model doing it."""
        self.questions.append(question)
        self.expected.append(answer)

    def rest(self):
        if len(self.questions) >= AT_ONCE:
            self.flush()

    def flush(self):
        if not self.questions:
            return
        text = self.lab.ask(self.prologue + "\n".join(self.questions) + "\n")
        got = text.split("\n")[2:-1]
        self.tally.answers += len(self.expected)
        if self.kept:
            self.kept.update(text.encode())
        if got != self.expected:
            self.compare(got)
        self.questions, self.expected = [], []
        self.gpu.last = None
        self.gpu.gone_gi = self.gpu.gone_ci = False

    def compare(self, got):
        if len(got) != len(self.expected):
            self.tally.differ(self.where, "!", f"{len(self.expected)} answers", len(got), "all")
        for i, (model, driver) in enumerate(zip(self.expected, got)):
            if model != driver:
                self.tally.differ(self.where, self.questions[i], model, driver,
                                  "; ".join(self.questions[max(0, i - 6):i]))


def boards_of_the_driver():
    """Keys of the boards that can be simulated, as migctl lists them."""
    done = subprocess.run([BUILD / "migctl", "boards", "-o", "json"], text=True, check=True,
                          capture_output=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def all_boards():
    """(key, driver, numbering) of everything that the model knows."""
    for key, row in BOARDS.items():
        for driver in row["drivers"]:
            for numbering in ("I", "X") if row["family"] == "eight" else ("board",):
                yield key, driver, numbering
