# SPDX-License-Identifier: Apache-2.0
"""Ways through the states of a GPU, on which everything is tried that a client can ask for."""
import random

from mig import IN_USE, INSUFFICIENT_RESOURCES, bits


def layouts(board):
    """All layouts that creating one by one leads to, and of each the one that it was reached from."""
    reached = {0: None}
    queue = [0]
    for layout in queue:
        for slot in bits(board.free(layout)):
            more = layout | 1 << slot
            if more not in reached:
                reached[more] = layout
                queue.append(more)
    return reached


def wrong_places(board, p):
    """Starts and sizes that the profile has not."""
    for start in range(board.units + 1):
        if start not in p.starts:
            yield start, p.size
    yield p.starts[0], p.size + 1
    yield p.starts[-1], p.size - 1
    yield p.starts[0], 0
    yield 4294967295, p.size


class Layouts:
    """Every layout of GPU instances: in each, everything that can be made or destroyed next.

    The order is that of a walk in depth, so that the next layout is one step away. What a try has
    changed is taken back, and then everything must be as it was before it.
    """

    def __init__(self, pair, full=True):
        self.pair, self.board, self.full = pair, pair.board, full
        self.defaults_only = False
        self.tally = pair.tally
        self.wrong = {p.position: list(wrong_places(self.board, p)) for p in self.board.profiles}

    def walk(self, defaults_only=False):
        self.defaults_only = defaults_only
        if not self.board.has("W"):
            return self.walk_by_default()
        parents = layouts(self.board)
        children = {}
        for layout, parent in parents.items():
            if parent is not None:
                children.setdefault(parent, []).append(layout)
        pair = self.pair
        stack = [(0, iter(children.get(0, ())))]
        self.visit(0)
        while stack:
            layout, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                stack.pop()
                if stack:
                    self.remove(layout ^ stack[-1][0])
                continue
            self.place(layout ^ child)
            self.visit(child)
            stack.append((child, iter(children.get(child, ()))))
            pair.rest()
        pair.flush()
        self.tally.states += len(parents)
        return len(parents)

    def walk_by_default(self):
        """Of a driver that takes no start: whatever creating and destroying leads to."""
        pair, ways, queue = self.pair, {0: ()}, [0]
        for layout in queue:
            for step in self.steps(layout):
                self.go(ways[layout])
                pair.ask("f")
                pair.ask(*step)
                pair.ask("f")
                self.tally.transitions += 1
                if pair.gpu.layout not in ways:
                    ways[pair.gpu.layout] = ways[layout] + (step,)
                    queue.append(pair.gpu.layout)
            pair.rest()
        self.go(())
        pair.flush()
        self.tally.states += len(ways)
        return len(ways)

    def steps(self, layout):
        yield from (("C", profile_id) for profile_id in self.board.asked)
        yield from (("D", self.board.gi_id(slot)) for slot in bits(layout))
        yield "W", self.board.profiles[0].id, 0, 1

    def go(self, way):
        for gi_id in sorted(self.pair.gpu.gis):
            self.pair.ask("D", gi_id)
        for step in way:
            self.pair.ask(*step)

    def place(self, bit):
        position, start, size = self.board.slots.spans[bit.bit_length() - 1]
        self.pair.ask("W", self.board.profiles[position].id, start, size)

    def remove(self, bit):
        self.pair.ask("D", self.board.gi_id(bit.bit_length() - 1))

    def visit(self, layout):
        """All that can be tried here; afterwards all is as before."""
        pair, board = self.pair, self.board
        pair.ask("f")
        before = self.tally.transitions
        for p in board.profiles:
            self.attempt("C", p.id)
            if self.defaults_only:
                continue
            free = board.free(layout) & board.slots.of[p.position]
            refused = False
            for start in p.starts:
                slot = board.slots.at[p.position, start]
                if free >> slot & 1:
                    self.attempt("W", p.id, start, p.size)
                elif self.full or not refused:
                    # All of the taken ones one after another, and then one look.
                    pair.put(f"W {p.id} {start} {p.size}", f"W {INSUFFICIENT_RESOURCES}")
                    refused = True
                    self.tally.transitions += 1
            if self.full or not layout:
                for start, size in self.wrong[p.position]:
                    pair.ask("W", p.id, start, size)
                    self.tally.transitions += 1
        if self.full or not layout:
            for other in board.asked[len(board.profiles):]:
                pair.ask("C", other)
                pair.ask("W", other, 0, 1)
                self.tally.transitions += 2
        pair.ask("f")
        for slot in () if self.defaults_only else bits(layout):
            self.destroy(slot)
        if self.tally.transitions == before:
            raise SystemExit("FAILED: a state in which nothing was tried")

    def attempt(self, *question):
        """Makes an instance, looks, and destroys it again."""
        answer = self.pair.ask(*question).split()
        self.tally.transitions += 1
        if len(answer) > 3:
            self.pair.ask("f")
            self.pair.ask("D", int(answer[3]))
            self.pair.ask("f")
            self.tally.transitions += 1

    def destroy(self, slot):
        position, start, size = self.board.slots.spans[slot]
        self.pair.ask("D", self.board.gi_id(slot))
        self.pair.ask("f")
        self.pair.ask("W", self.board.profiles[position].id, start, size)
        if self.full:
            self.pair.ask("z")
        self.pair.ask("f")
        self.tally.transitions += 2


class Insides:
    """Every set of compute instances of one GPU instance, or with their ids every state of them."""

    def __init__(self, pair, gi_id, with_ids):
        self.pair, self.gi_id, self.with_ids = pair, gi_id, with_ids
        self.gi = pair.gpu.gis[gi_id]
        self.inside, self.tally = self.gi.inside, pair.tally

    def key(self):
        if not self.with_ids:
            return self.gi.taken()
        return tuple(sorted(self.gi.cis.items())), self.turn()

    def turn(self):
        """What the next id depends on beside the instances that are there."""
        return self.gi.next % 8 if self.pair.board.rules["ci-id-reuse"] == "next" else 0

    def walk(self):
        """In breadth; the way to a state is the steps that first led to it from nothing."""
        self.anew()
        ways, queue = {self.key(): ()}, [self.key()]
        for state in queue:
            self.go(ways[state])
            for step, before in self.visit():
                key = self.key()
                if key not in ways:
                    ways[key] = ways[state] + (step,)
                    queue.append(key)
                self.back(before)
                if self.key() != state:
                    self.go(ways[state])
            self.pair.rest()
        self.anew()
        self.pair.flush()
        self.tally.states += len(ways)
        return len(ways)

    def go(self, way):
        self.anew()
        for step in way:
            self.pair.ask(*step)

    def anew(self):
        """The instance without any in it, as new."""
        for ci_id in sorted(self.gi.cis):
            self.pair.ask("d", self.gi_id, ci_id)
        if self.turn():
            position, start, size = self.pair.board.slots.spans[self.gi.slot]
            self.pair.ask("D", self.gi_id)
            self.pair.ask("W", self.pair.board.profiles[position].id, start, size)
            self.gi = self.pair.gpu.gis[self.gi_id]

    def back(self, before):
        """Takes one step back, by what undoes it."""
        for ci_id in set(self.gi.cis) - set(before):
            self.pair.ask("d", self.gi_id, ci_id)
        for ci_id in set(before) - set(self.gi.cis):
            position, start, span = self.inside.slots.spans[before[ci_id]]
            self.pair.ask("w", self.gi_id, self.inside.profiles[position].id, start, span)

    def visit(self):
        """Tries everything; what changed something is handed out, to be taken back."""
        gi, pair = self.gi_id, self.pair
        pair.ask("h", gi)
        pair.ask("u")
        for p in self.inside.profiles:
            yield from self.attempt("c", gi, p.id)
            for start in range(self.inside.slices + 1):
                yield from self.attempt("w", gi, p.id, start, p.span)
            yield from self.attempt("w", gi, p.id, 0, p.span + 1)
            yield from self.attempt("w", gi, p.id, 0, 0)
        for other in (i for i in range(10) if i not in self.inside.by_id):
            yield from self.attempt("c", gi, other)
            yield from self.attempt("w", gi, other, 0, 1)
        pair.ask("h", gi)
        if self.gi.cis:
            self.tally.transitions += 1
            if pair.ask("D", gi) != f"D {IN_USE}":
                raise SystemExit("FAILED: the model destroys what is in use")
        for ci_id in sorted(self.gi.cis):
            yield from self.attempt("d", gi, ci_id)
        yield from self.attempt("d", gi, 15)

    def attempt(self, *question):
        before = dict(self.gi.cis)
        self.pair.ask(*question)
        self.tally.transitions += 1
        if self.gi.cis != before:
            self.pair.ask("h", self.gi_id)
            self.pair.ask("z")
            yield question, before


def insides(pair, with_ids=()):
    """The compute instances of each profile's GPU instance; MIG is on and nothing is there."""
    for p in pair.board.profiles:
        answer = pair.ask("C", p.id).split()
        gi_id = int(answer[3])
        pair.ask("q", gi_id)
        Insides(pair, gi_id, p.slices in with_ids).walk()
        pair.ask("D", gi_id)
    pair.flush()


class Wander:
    """Steps by chance through everything at once: GPU and compute instances, modes, resets, reboots."""

    def __init__(self, pair, seed):
        self.pair, self.gpu, self.board = pair, pair.gpu, pair.board
        self.random = random.Random(seed)
        self.seen = set()

    def walk(self, steps):
        for _ in range(steps):
            self.step()
            self.pair.tally.transitions += 1
            self.look()
            self.pair.rest()
        self.pair.flush()
        self.pair.tally.states += len(self.seen)

    def look(self):
        pair, gpu = self.pair, self.gpu
        self.seen.add((gpu.current, gpu.pending, gpu.layout,
                       tuple((g, tuple(sorted(gpu.gis[g].cis.items()))) for g in sorted(gpu.gis))))
        pair.ask("f")
        for gi_id in sorted(gpu.gis):
            pair.ask("h", gi_id)
        pair.ask("u")
        if self.random.random() < 0.1:
            pair.ask("z")

    def step(self):
        choice, r = self.random.random(), self.random
        if not self.gpu.current and choice < 0.5:
            self.pair.ask("m", 1)
        elif choice < 0.3:
            self.make_gi()
        elif choice < 0.45 and self.gpu.gis:
            self.pair.ask("D", r.choice(sorted(self.gpu.gis)))
        elif choice < 0.75 and self.gpu.gis:
            self.make_ci()
        elif choice < 0.93 and self.gpu.gis:
            gi_id = r.choice(sorted(self.gpu.gis))
            self.pair.ask("d", gi_id, r.choice(sorted(self.gpu.gis[gi_id].cis) or [0]))
        elif choice < 0.95:
            self.pair.ask(r.choice("Dh"), r.randrange(16))
        elif choice < 0.97:
            self.pair.ask("m", r.randrange(2))
        elif choice < 0.98:
            self.pair.ask("r")
        elif choice < 0.99:
            self.pair.ask("b")
        else:
            self.pair.ask("C", r.choice(self.board.asked))

    def make_gi(self):
        r, p = self.random, self.random.choice(self.board.profiles)
        if r.random() < 0.5:
            self.pair.ask("C", p.id)
        else:
            self.pair.ask("W", p.id, r.choice(p.starts), p.size)

    def make_ci(self):
        r = self.random
        gi_id = r.choice(sorted(self.gpu.gis))
        p = r.choice(self.gpu.gis[gi_id].inside.profiles)
        if r.random() < 0.5:
            self.pair.ask("c", gi_id, p.id)
        else:
            self.pair.ask("w", gi_id, p.id, r.randrange(self.board.compute_slices), p.span)
