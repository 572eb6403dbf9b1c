#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""Two GPUs of one machine, of which one changes as soon as it is reset and the other at once, in the
company of processes that hold GPUs and compute instances: what they keep from being destroyed, changed or
reset, and that one GPU's instances and processes are nothing to the other."""
import os
import random
import signal

from lockstep import LONG, Lab, Tally, Talk
from mig import Board, Gpu
from walks import Wander

BOARDS, DRIVER = ("a100-80gb-sxm", "h100-80gb-sxm"), "580.65.06"
STEPS = 5000 if LONG else 500


class Live:
    """A GPU of a running driver and its model: each question is put at once."""

    def __init__(self, machine, index, key):
        self.machine, self.index, self.tally = machine, index, machine.tally
        self.board = Board(key, DRIVER, "I")
        self.gpu = Gpu(self.board)
        self.gpu.uuid = machine.talk.ask(f"g {index}").split()[1]

    def ask(self, letter, *numbers):
        self.machine.choose(self)
        question = " ".join(map(str, (letter, *numbers)))
        expected, got = getattr(self.gpu, letter)(*numbers), self.machine.talk.ask(question)
        if letter == "b":  # all GPUs at once
            for other in self.machine.gpus:
                if other is not self:
                    other.gpu.b()
        self.tally.answers += 1
        if got != expected:
            self.tally.differ(f"GPU {self.index}", question, expected, got,
                              "; ".join(self.machine.history[-8:]))
        self.machine.history.append(question)
        return expected

    def rest(self):
        pass

    def flush(self):
        pass


class Machine:
    def __init__(self, lab, talk, tally):
        self.lab, self.talk, self.tally = lab, talk, tally
        self.history, self.here, self.clients, self.fds = [], None, {}, []
        self.gpus = [Live(self, i, key) for i, key in enumerate(BOARDS)]
        self.uses = 0

    def choose(self, live):
        if self.here is not live:
            self.here = live
            for one in self.gpus:  # what was seen last is not what this GPU had
                one.gpu.last = None
            self.talk.ask(f"g {live.index}")
            self.talk.ask("a " + " ".join(map(str, live.board.asked)))
            self.history.append(f"GPU {live.index}")

    def start(self, *words, attached=(), busy=None):
        text = self.lab.migctl("lab", "client", "start", "--lab", "one", *words)
        pid = int(text.split()[-1])
        self.fds.append(os.pidfd_open(pid))
        self.clients[pid] = (attached, busy)
        self.history.append("client " + " ".join(words))
        for live in attached:
            live.gpu.attached += 1
        if busy:
            live, held = busy
            live.gpu.busy.add(held)
            live.gpu.attached += 1
        self.uses += 1
        return pid

    def stop(self, pid):
        self.lab.migctl("lab", "client", "stop", str(pid), "--lab", "one")
        self.history.append("client ends")
        attached, busy = self.clients.pop(pid)
        for live in attached:
            live.gpu.attached -= 1
        if busy:
            live, held = busy
            live.gpu.attached -= 1
            if all(b != busy for _, b in self.clients.values()):
                live.gpu.busy.discard(held)

    def end_all(self):
        """Not by migctl, for a listed fault may be in what it does for that."""
        for fd in self.fds:
            try:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.close(fd)

    def client(self, r):
        """Somebody comes or goes."""
        if self.clients and r.random() < 0.5:
            self.stop(r.choice(sorted(self.clients)))
            return
        live = r.choice(self.gpus)
        if live.gpu.devices() and r.random() < 0.7:
            gi, ci, _ = r.choice(live.gpu.devices())
            self.start("--memory", "100", "--device", f"{live.index}/{gi}/{ci}", busy=(live, (gi, ci)))
        elif r.random() < 0.5:
            self.start("--gpu", str(live.index), attached=(live,))
        elif not live.gpu.current:
            self.start("--memory", "100", "--gpu", str(live.index), busy=(live, (None, None)))
        else:
            self.start(attached=tuple(self.gpus))


def walk(machine, seed, steps):
    r = random.Random(seed)
    wanders = [Wander(live, seed + live.index) for live in machine.gpus]
    for _ in range(steps):
        if r.random() < 0.15:
            machine.client(r)
        wander = r.choice(wanders)
        wander.step()
        machine.tally.transitions += 1
        if not any(live.gpu.attached for live in machine.gpus):
            machine.clients.clear()  # a reboot ended them
        for each in wanders:
            each.look()
    machine.tally.states += sum(len(w.seen) for w in wanders)
    for pid in sorted(machine.clients):
        machine.stop(pid)


def script(machine):
    """What the walk may not meet: each kind of holder against each change."""
    ampere, hopper = machine.gpus
    for live in machine.gpus:
        changes = (("m", 1), ("m", 0), ("r",))
        machine.start("--gpu", str(live.index), attached=(live,))
        for change in changes:
            live.ask(*change)
            live.ask("f")
        machine.stop(next(iter(machine.clients)))
        machine.start("--memory", "100", "--gpu", str(live.index), busy=(live, (None, None)))
        live.ask("m", 1)
        live.ask("f")
        live.ask("C", 19)
        live.ask("W", 19, 0, 1)
        live.ask("r")
        machine.stop(next(iter(machine.clients)))
        live.ask("r")
        live.ask("f")
        live.ask("m", 1)
        for profile in (9, 14, 19):
            gi = int(live.ask("C", profile).split()[3])
            live.ask("c", gi, 0)
        gi, ci, _ = live.gpu.devices()[-1]
        machine.start("--memory", "100", "--device", f"{live.index}/{gi}/{ci}", busy=(live, (gi, ci)))
        for other_gi, other_ci, _ in live.gpu.devices():
            live.ask("d", other_gi, other_ci)
            live.ask("D", other_gi)
        for change in changes[1:]:
            live.ask(*change)
            live.ask("f")
        other = hopper if live is ampere else ampere
        other.ask("m", 1)
        other.ask("r")
        other.ask("f")
        machine.stop(next(iter(machine.clients)))
        live.ask("d", gi, ci)
        live.ask("D", gi)
        live.ask("m", 0)
        live.ask("f")


def keep_company(tally, steps):
    """How many processes there were."""
    with Lab(*BOARDS, driver=DRIVER, numbering="I") as lab, Talk(lab) as talk:
        machine = Machine(lab, talk, tally)
        try:
            script(machine)
            walk(machine, 1, steps)
        finally:
            machine.end_all()
        return machine.uses


def main():
    tally = Tally()
    uses = keep_company(tally, STEPS)
    tally.finish(f"two GPUs and {uses} processes")


if __name__ == "__main__":
    main()
