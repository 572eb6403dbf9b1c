# SPDX-License-Identifier: Apache-2.0
"""A model of MIG: what a GPU answers to NVML, worked out from what is known of real ones.

Written from recorded outputs, NVIDIA's documents and its open kernel modules (OGKM), from the list of
unsettled rules (doc/unconfirmed.md), and from boards.json beside it; it shares nothing with src/lab and
src/sim, so that a test in which both agree means something. Where something is wrong here the test
that compares says so: nothing here is adapted to an answer without a reason that stands beside it.

A layout is a set of slots, one bit each; a slot is a profile at one of its starts. Answers are the
lines of drive.c.
"""
import functools
import json
import pathlib
import uuid

HERE = pathlib.Path(__file__).resolve().parent

# nvml.h
SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND = 0, 2, 3, 6
FUNCTION_NOT_FOUND, IN_USE, INSUFFICIENT_RESOURCES = 13, 19, 23

# The branch that brought a call: the names that the libraries of its drivers export, and the headers.
SINCE = {"W": 460, "p": 470, "w": 525, "q": 525}
# How many profile indices a branch knows, of GPU and of compute instances: nvml.h of its CUDA release
# (nvidia-ml-py 12.570 has 13, 12.575 has 17). Read under 580: 17.
GI_INDICES = ((575, 17), (570, 13), (525, 10), (470, 8), (460, 7), (0, 6))
CI_INDICES = ((525, 8), (460, 7), (0, 6))

# Ids asked of every board beside its own, and what an H100 and an H200 were seen to answer
# (580.159.04): these name profiles of other boards, and the last no profile at all.
UNSUPPORTED_IDS = (6, 10, 21)
EMPTY_IDS = (32, 35, 38)
UNKNOWN_IDS = (1, 8, 39)

MAX_INSTANCES = 8  # OGKM: GPU instances of a GPU, and compute instances of a GPU instance

# OGKM, doc/unconfirmed.md; the first is the default.
RULES = {
    "default-placement": ("most-room", "fixed-order"),
    "placement-1g-double": ("middle-first", "as-default"),
    "disable-with-instances": ("without-ci", "refuse", "allow"),
    "ci-device-handle": ("mig-device", "parent"),
    "free-before-first": ("total", "zero"),
    "me-exclusive": ("shared", "separate"),
    "gfx-beside-compute": ("allow", "refuse"),
    "ci-span-7g": ("8", "7"),
    "ci-1g-double": ("0-and-7", "7"),
    "ci-id-reuse": ("lowest", "next"),
    "ci-placement": ("most-room", "lowest"),
}

# Compute instances by the slices of the GPU instance: id (which is NVML's index), slices, total.
# -lcip of A100 and A30; the totals of 7g are what its slices hold (no output).
CI_ROWS = {
    1: ((0, 1, 1),),
    2: ((0, 1, 2), (1, 2, 1)),
    3: ((0, 1, 3), (1, 2, 1), (2, 3, 1)),
    4: ((0, 1, 4), (1, 2, 2), (3, 4, 1)),
    7: ((0, 1, 7), (1, 2, 3), (2, 3, 2), (3, 4, 1), (4, 7, 1)),
}


def bits(mask):
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Profile:
    def __init__(self, position, row, engines):
        self.position = position
        (self.name, self.id, self.index, self.slices, self.size, self.starts, self.total,
         self.media) = row
        self.engines = engines


class Slots:
    """Slots and which of them can't stand together: the same of a GPU and of a GPU instance."""

    def __init__(self, spans, totals):
        """spans: (profile position, start, size) of each slot; totals by position."""
        self.spans, self.totals = spans, totals
        self.of = [0] * len(totals)  # slots of a profile
        self.at = {}
        for slot, (profile, start, _) in enumerate(spans):
            self.of[profile] |= 1 << slot
            self.at[profile, start] = slot
        self.against = [0] * len(spans)
        for a, (_, start_a, size_a) in enumerate(spans):
            for b, (_, start_b, size_b) in enumerate(spans):
                if start_a < start_b + size_b and start_b < start_a + size_a:
                    self.against[a] |= 1 << b

    def forbid(self, rule):
        """rule(profile, profile): whether instances of these two exclude each other."""
        for a, (profile_a, *_) in enumerate(self.spans):
            for b, (profile_b, *_) in enumerate(self.spans):
                if a != b and rule(profile_a, profile_b):
                    self.against[a] |= 1 << b
                    self.against[b] |= 1 << a

    def overlap_free(self, layout):
        mask = (1 << len(self.spans)) - 1
        for slot in bits(layout):
            mask &= ~self.against[slot]
        return mask


class Board:
    """What one board offers under one driver with one set of rules."""

    def __init__(self, key, driver, numbering="I", rules=None):
        row = BOARDS[key]
        family = TABLE["families"][row["family"]]
        engines = TABLE["engines"][row["engines"]]["rows"]
        self.key, self.driver, self.numbering = key, driver, numbering
        self.branch = int(driver.split(".")[0])
        self.rules = {name: values[0] for name, values in RULES.items()} | (rules or {})
        self.units, self.compute_slices = family["units"], family["compute_slices"]
        self.ampere = row["architecture"] == "ampere"
        # OGKM: aligned spans where there is a compute size of an eighth, which is Hopper and later.
        self.aligned = not self.ampere and self.units == 8
        since = family["since"]
        kept = [(r, e) for r, e in zip(family["profiles"], engines)
                if since.get(str(r[1]), 0) <= self.branch]
        self.later = [r[1] for r in family["profiles"] if since.get(str(r[1]), 0) > self.branch]
        self.profiles = [Profile(i, r, e) for i, (r, e) in enumerate(kept)]
        self.by_id = {p.id: p for p in self.profiles}
        self.slots = Slots([(p.position, s, p.size) for p in self.profiles for s in p.starts],
                           [p.total for p in self.profiles])
        self.slots.forbid(self.exclude)
        self.gi_indices, self.ci_indices = self.of_branch(GI_INDICES), self.of_branch(CI_INDICES)
        self.display = row["display"]  # has ports, which must be off for MIG
        self.asked = [p.id for p in self.profiles] + self.later
        self.asked += [i for i in UNSUPPORTED_IDS + EMPTY_IDS + UNKNOWN_IDS if i not in self.asked]
        self.orders = {}

    def exclude(self, a, b):
        a, b = self.profiles[a], self.profiles[b]
        if "me.all" in (a.media, b.media):  # nvml.h: leaves only the profiles without media
            other = b if a.media == "me.all" else a
            if other.media != "-me":
                return True
        if a.media == b.media == "me" and (a is b or self.rules["me-exclusive"] == "shared"):
            return True
        if (a.media == "gfx") != (b.media == "gfx") and self.rules["gfx-beside-compute"] == "refuse":
            return True
        # NVIDIA's release notes: 4g beside 3g came with R510.
        return self.branch < 510 and self.units == 8 and {a.slices, b.slices} == {3, 4}

    @functools.cache
    def free(self, layout):
        """Slots that can be taken beside the layout."""
        if layout.bit_count() >= MAX_INSTANCES:
            return 0
        mask = self.slots.overlap_free(layout)
        for position, total in enumerate(self.slots.totals):
            if (layout & self.slots.of[position]).bit_count() >= total:
                mask &= ~self.slots.of[position]
        return mask

    @functools.cache
    def remaining(self, layout, position):
        """How many further of a profile fit. Its starts do not overlap each other on any board."""
        profile = self.profiles[position]
        if not layout and self.ampere and self.rules["free-before-first"] == "zero":
            return 0
        there = (layout & self.slots.of[position]).bit_count()
        fit = (self.free(layout) & self.slots.of[position]).bit_count()
        return min(fit, profile.total - there, MAX_INSTANCES - layout.bit_count())

    def room(self, layout):
        """Pairs of profile and start whose units are free, of the profiles without media of their own.

        Places alone: what else keeps instances apart takes no place away.
        """
        plain = sum(self.slots.of[p.position] for p in self.profiles if not p.media)
        units = 0
        for slot in bits(layout):
            units |= self.units_of(slot)
        return sum(not units & self.units_of(slot) for slot in bits(plain))

    @functools.cache
    def units_of(self, slot):
        _, start, size = self.slots.spans[slot]
        return (1 << size) - 1 << start

    def most_room(self, layout, position):
        free = self.free(layout) & self.slots.of[position]
        return max(bits(free), key=lambda s: (self.room(layout | 1 << s), -self.slots.spans[s][1]),
                   default=None)

    def order(self, position):
        """The starts of a profile in the order in which an empty GPU fills up with it."""
        if position not in self.orders:
            # A profile with a total of 1 goes as the one that is like it but for the media.
            like = next(p.position for p in self.profiles
                        if (p.slices, p.size) == (self.profiles[position].slices,
                                                  self.profiles[position].size) and not p.media)
            layout, order = 0, []
            while (slot := self.most_room(layout, like)) is not None:
                layout |= 1 << slot
                order.append(self.slots.spans[slot][1])
            self.orders[position] = order
        return self.orders[position]

    @functools.cache
    def chosen(self, layout, position):
        """The slot that the driver takes when no start is given; None: nothing fits."""
        profile = self.profiles[position]
        order = None
        if self.rules["default-placement"] == "fixed-order":
            order = self.order(position)
        if (self.aligned and profile.slices == 1 and profile.size == 2 and
                self.rules["placement-1g-double"] == "middle-first"):
            order = (4, 0, 2, 6)  # a GH200 gave ids 5, 3, 4
        if order is None:
            return self.most_room(layout, position)
        free = self.free(layout)
        for start in order:
            slot = self.slots.at[position, start]
            if free >> slot & 1:
                return slot
        return None

    @functools.cache
    def gi_id(self, slot):
        """OGKM's swizzId: 0 the whole, 1 and 2 the halves, 3 to 6 quarters, 7 to 14 eighths."""
        _, start, size = self.slots.spans[slot]
        parts = self.units // size
        place = start // size if parts != 8 else start
        if self.units == 8 and self.numbering == "X":
            place = (start ^ 4) // size  # the other half comes first
        return {1: 0, 2: 1, 4: 3, 8: 7}[parts] + (place if parts > 1 else 0)

    @functools.cache
    def inside(self, position):
        return Inside(self, self.profiles[position])

    @property
    def max_devices(self):
        return self.compute_slices

    def of_branch(self, table):
        return next(n for first, n in table if self.branch >= first)

    def has(self, letter):
        return self.branch >= SINCE.get(letter, 0)

    def absent(self, profile_id):
        """What a driver says of an id that the board has not; nothing tells of those to come."""
        if profile_id in self.later:
            return INVALID_ARGUMENT
        if profile_id in EMPTY_IDS:
            return "empty"
        return NOT_SUPPORTED if profile_id in UNSUPPORTED_IDS else INVALID_ARGUMENT


class CiProfile:
    def __init__(self, position, ci_id, slices, total, span, starts):
        self.position, self.id, self.slices = position, ci_id, slices
        self.total, self.span, self.starts = total, span, starts


class Inside:
    """What one GPU instance offers: its compute instances' profiles and places."""

    def __init__(self, board, profile):
        self.board, self.slices, self.aligned = board, profile.slices, board.aligned
        rows = list(CI_ROWS[profile.slices])
        if board.aligned and profile.engines[0] > board.by_id[19].engines[0] and profile.id == 15:
            # 1_SLICE_REV1, seen on a GH200: one slice with more multiprocessors. mig-parted asks
            # every 1g instance for the plain slice.
            rows.append((7, 1, 1))
            if board.rules["ci-1g-double"] == "7":
                rows.pop(0)
        self.profiles = []
        for i, (ci_id, slices, total) in enumerate(rows):
            span = slices
            if self.aligned:  # powers of two: -lci of an H100 shows 0:4 for a full 3g
                span = 1 << (slices - 1).bit_length()
                if slices == 7:
                    span = int(board.rules["ci-span-7g"])
            step = {7: 8}.get(span, span) if self.aligned else 1
            starts = [s for s in range(0, profile.slices, step) if s + slices <= profile.slices]
            self.profiles.append(CiProfile(i, ci_id, slices, total, span, starts))
        self.by_id = {p.id: p for p in self.profiles}
        self.slots = Slots([(p.position, s, p.span) for p in self.profiles for s in p.starts],
                           [p.total for p in self.profiles])

    @functools.cache
    def free(self, taken):
        mask = self.slots.overlap_free(taken)
        used = sum(self.profiles[self.slots.spans[s][0]].slices for s in bits(taken))
        for p in self.profiles:
            if (used + p.slices > self.slices or
                    (taken & self.slots.of[p.position]).bit_count() >= p.total):
                mask &= ~self.slots.of[p.position]
        return mask if taken.bit_count() < MAX_INSTANCES else 0

    @functools.cache
    def remaining(self, taken, position):
        """OGKM: spans side by side, the lowest first."""
        p = self.profiles[position]
        used = sum(self.profiles[self.slots.spans[s][0]].slices for s in bits(taken))
        fit, end = 0, 0
        for slot in bits(self.free(taken) & self.slots.of[position]):
            start = self.slots.spans[slot][1]
            if start >= end:
                fit, end = fit + 1, start + p.span
        there = (taken & self.slots.of[position]).bit_count()
        return min(fit, p.total - there, (self.slices - used) // p.slices,
                   MAX_INSTANCES - taken.bit_count())

    @functools.cache
    def chosen(self, taken, position):
        free = self.free(taken) & self.slots.of[position]
        if not self.aligned or self.board.rules["ci-placement"] == "lowest":
            return next(bits(free), None)
        # OGKM: the span that leaves most spans usable, the lowest of equal ones.
        return max(bits(free), key=lambda s: (self.free(taken | 1 << s).bit_count(),
                                              -self.slots.spans[s][1]), default=None)


class Gi:
    """A GPU instance: its slot, its compute instances by id (slots of inside), and whose turn is next."""

    def __init__(self, board, slot):
        self.slot, self.position = slot, board.slots.spans[slot][0]
        self.inside = board.inside(self.position)
        self.cis, self.next = {}, 0

    def taken(self):
        mask = 0
        for slot in self.cis.values():
            mask |= 1 << slot
        return mask


class Gpu:
    """One GPU; its methods answer as drive.c's letters do."""

    def __init__(self, board, uuid_text=None):
        self.board = board
        self.current = self.pending = 0
        self.ports = board.display  # switched on
        self.gis = {}
        self.layout = 0
        self.uuid = uuid_text
        self.last = None
        self.attached = 0      # others with NVML initialised
        self.busy = set()      # (gi, ci) held by processes that compute; (None, None) the whole GPU
        self.gone_gi = self.gone_ci = False

    # -- GPU instances

    def C(self, profile_id, place=None):
        b, letter = self.board, "C" if place is None else "W"
        if not b.has(letter):
            return f"{letter} {FUNCTION_NOT_FOUND}"
        if not self.current:
            return f"{letter} {NOT_SUPPORTED}"
        p = b.by_id.get(profile_id)
        if p is None:
            code = b.absent(profile_id)
            return f"{letter} {NOT_SUPPORTED if code == 'empty' else code}"
        if place is None:
            slot = b.chosen(self.layout, p.position)
        else:
            slot = b.slots.at.get((p.position, place[0]))
            if slot is None or place[1] != p.size:
                return f"{letter} {INVALID_ARGUMENT}"
            if not b.free(self.layout) >> slot & 1:
                slot = None
        if not self.gis and (None, None) in self.busy:
            return f"{letter} {IN_USE}"
        if slot is None:
            return f"{letter} {INSUFFICIENT_RESOURCES}"
        gi_id = b.gi_id(slot)
        self.gis[gi_id] = Gi(b, slot)
        self.layout |= 1 << slot
        start = b.slots.spans[slot][1]
        return f"{letter} 0 0: {gi_id} {p.id}@{start}+{p.size}"

    def W(self, profile_id, start, size):
        return self.C(profile_id, (start, size))

    def lookup(self, gi_id):
        if not self.current:
            return NOT_SUPPORTED
        return SUCCESS if gi_id in self.gis else NOT_FOUND

    def D(self, gi_id):
        code = self.lookup(gi_id)
        if code:
            return f"D by id: {code}"
        gi = self.gis[gi_id]
        if gi.cis or any(held[0] == gi_id for held in self.busy):
            return f"D {IN_USE}"
        self.layout &= ~(1 << gi.slot)
        del self.gis[gi_id]
        self.gone_gi = True
        return "D 0"

    # -- compute instances

    def c(self, gi_id, ci_profile, place=None):
        letter = "c" if place is None else "w"
        code = self.lookup(gi_id)
        if code:
            return f"{letter} no GPU instance: {code}"
        if not self.board.has(letter):
            return f"{letter} {FUNCTION_NOT_FOUND}"
        gi = self.gis[gi_id]
        p = gi.inside.by_id.get(ci_profile)
        if p is None:
            return f"{letter} {self.absent_ci(ci_profile)}"
        taken = gi.taken()
        if place is None:
            slot = gi.inside.chosen(taken, p.position)
        else:
            slot = gi.inside.slots.at.get((p.position, place[0]))
            if slot is None or place[1] != p.span:
                return f"{letter} {INVALID_ARGUMENT}"
            if not gi.inside.free(taken) >> slot & 1:
                slot = None
        if slot is None:
            return f"{letter} {INSUFFICIENT_RESOURCES}"
        ci_id = self.new_ci_id(gi)
        gi.cis[ci_id] = slot
        return f"{letter} 0 0: {ci_id} {p.id}@{gi.inside.slots.spans[slot][1]}+{p.span}"

    def w(self, gi_id, ci_profile, start, size):
        return self.c(gi_id, ci_profile, (start, size))

    def absent_ci(self, ci_profile):
        return NOT_SUPPORTED if ci_profile < self.board.ci_indices else INVALID_ARGUMENT

    def new_ci_id(self, gi):
        ids = range(MAX_INSTANCES)
        if self.board.rules["ci-id-reuse"] == "next":
            ids = [(gi.next + i) % MAX_INSTANCES for i in ids]
        ci_id = next(i for i in ids if i not in gi.cis)
        gi.next = ci_id + 1
        return ci_id

    def d(self, gi_id, ci_id):
        code = self.lookup(gi_id)
        if code:
            return f"d no GPU instance: {code}"
        gi = self.gis[gi_id]
        if ci_id not in gi.cis:
            return f"d by id: {NOT_FOUND}"
        if (gi_id, ci_id) in self.busy:
            return f"d {IN_USE}"
        del gi.cis[ci_id]
        self.gone_ci = True
        return "d 0"

    # -- modes

    def empty(self):
        self.gis, self.layout = {}, 0

    def m(self, mode):
        if self.ports:  # an RTX PRO workstation board: [N/A] was seen; that setting fails was not
            return f"m {NOT_SUPPORTED}"
        if mode == self.current and mode == self.pending:
            return "m 0 0"
        if not self.board.ampere:
            # A GH200 refused to leave it while instances were there. Nobody has to stop for it to go on.
            if self.gis and not mode:
                return f"m {IN_USE}"
            self.current = self.pending = mode
            return "m 0 0"
        if mode == self.current:  # what waited for a reset is taken back
            self.pending = mode
            return "m 0 0"
        if not mode and self.gis:
            rule = self.board.rules["disable-with-instances"]
            with_ci = any(gi.cis for gi in self.gis.values())
            if rule == "refuse" or (rule == "without-ci" and with_ci):
                return f"m {IN_USE}"
        self.pending = mode
        if self.attached or self.busy:
            return f"m 0 {IN_USE}"
        self.current = mode
        self.empty()
        return "m 0 0"

    def r(self):
        if self.attached or self.busy:
            return f"r {IN_USE}"
        self.empty()
        self.current = self.pending
        return "r 0"

    def b(self):
        """A reboot ends all processes; Ampere keeps the mode in its InfoROM."""
        self.empty()
        self.busy, self.attached = set(), 0
        self.current = self.pending = self.pending if self.board.ampere else 0
        return "b 0"

    # -- what is shown

    def f(self):
        line = self.state()
        if line == self.last:
            return "f ="
        self.last = line
        return line

    def state(self):
        line = state_line(self.board, self.current, self.pending, self.layout)
        return line.replace("mode 0 0 devices 0", f"!{NOT_SUPPORTED}") if self.ports else line

    def h(self, gi_id):
        code = self.lookup(gi_id)
        if code:
            return f"h no GPU instance: {code}"
        gi = self.gis[gi_id]
        return inside_line(gi.inside, tuple(sorted(gi.cis.items())))

    def devices(self):
        """GI id, CI id and first slice, in the order of MIG devices."""
        return [(g, c, self.gis[g].inside.slots.spans[self.gis[g].cis[c]][1])
                for g in sorted(self.gis) for c in sorted(self.gis[g].cis)]

    def u(self):
        words = ["u"]
        most = self.board.max_devices if self.current else 0
        listed = self.devices()
        for i in range(most + 2):
            if not self.current:
                words.append(f"!{NOT_SUPPORTED}")
            elif i >= len(listed):  # past the most there can be it is the same: no source
                words.append(f"!{NOT_FOUND}")
            else:
                gi, ci, start = listed[i]
                whose = "m" if self.board.rules["ci-device-handle"] == "mig-device" else "p"
                words.append(f"{gi}/{ci}={self.device_uuid(gi, ci, start)}{whose}")
        return " ".join(words)

    def device_uuid(self, gi, ci, start):
        if self.board.branch < 470:
            return f"MIG-{self.uuid}/{gi}/{ci}"
        space = uuid.UUID(self.uuid.removeprefix("GPU-"))
        return f"MIG-{uuid.uuid5(space, f'{gi}/{start}')}"

    def p(self):
        words = ["p"]
        by_index = {p.index: p for p in self.board.profiles}
        for i in range(19):
            p = by_index.get(i)
            if p:
                words.append("#%d=%d,%d,%d,%s" % (i, p.id, p.slices, p.total,
                                                  ",".join(map(str, p.engines))))
            else:
                words.append(f"#{i}!{NOT_SUPPORTED if i < self.board.gi_indices else INVALID_ARGUMENT}")
        for i in self.board.asked:
            p, code = self.board.by_id.get(i), self.board.absent(i)
            if not self.board.has("p"):
                words.append(f"{i}!{FUNCTION_NOT_FOUND}")
            elif p:
                words.append(f"{i}=" + ",".join(f"{s}+{p.size}" for s in p.starts))
            else:
                words.append(str(i) if code == "empty" else f"{i}!{code}")
        return " ".join(words)

    def q(self, gi_id):
        code = self.lookup(gi_id)
        if code:
            return f"q no GPU instance: {code}"
        words, by_id = ["q"], self.gis[gi_id].inside.by_id
        for i in range(10):
            p = by_id.get(i)
            words.append(f"#{i}={p.id},{p.slices},{p.total}" if p else
                         f"#{i}!{self.absent_ci(i)}")
        for i in range(10):
            p = by_id.get(i)
            code = self.absent_ci(i) if self.board.has("q") else FUNCTION_NOT_FOUND
            words.append(f"{i}=" + ",".join(f"{s}+{p.span}" for s in p.starts)
                         if p and self.board.has("q") else f"{i}!{code}")
        return " ".join(words)

    def z(self):
        """A handle of what is gone names nothing, whatever came into its place."""
        words = ["z"]
        if self.gone_gi:
            words.append(f"GI {INVALID_ARGUMENT} {INVALID_ARGUMENT}")
        if self.gone_ci:
            words.append(f"CI {INVALID_ARGUMENT} {INVALID_ARGUMENT} {INVALID_ARGUMENT}")
        return " ".join(words)


@functools.cache
def state_line(board, current, pending, layout):
    """Lists are in the order of GI ids (-lgi of real GPUs)."""
    words = [f"f mode {current} {pending} devices {board.max_devices if current else 0}"]
    ids = {board.gi_id(slot): slot for slot in bits(layout)}
    for profile_id in board.asked:
        p = board.by_id.get(profile_id)
        if p is None:
            code = board.absent(profile_id)
            room = "0" if code == "empty" else f"!{code}"
            listed = "" if code == "empty" and current else (
                f"=!{code}" if current else f"=!{NOT_SUPPORTED}")
        else:
            room = str(board.remaining(layout, p.position))
            there = [(i, board.slots.spans[s]) for i, s in sorted(ids.items())
                     if board.slots.spans[s][0] == p.position]
            listed = f"=!{NOT_SUPPORTED}" if not current else (
                "=" * bool(there) + ",".join(f"{i}@{span[1]}+{span[2]}" for i, span in there))
        words.append(f"{profile_id}:{room}{listed}")
    marks = "".join("+" if i in ids else "." for i in range(16)) if current else \
        f"!{NOT_SUPPORTED}" * 16
    return " ".join(words) + f" ids {marks}"


@functools.cache
def inside_line(inside, cis):
    words, taken = ["h"], 0
    for _, slot in cis:
        taken |= 1 << slot
    for ci_profile in range(10):
        p = inside.by_id.get(ci_profile)
        if p is None:
            code = NOT_SUPPORTED if ci_profile < inside.board.ci_indices else INVALID_ARGUMENT
            words.append(f"{ci_profile}:!{code}=!{code}")
            continue
        there = [(i, inside.slots.spans[s]) for i, s in cis
                 if inside.slots.spans[s][0] == p.position]
        words.append(f"{ci_profile}:{inside.remaining(taken, p.position)}" + "=" * bool(there) +
                     ",".join(f"{i}@{span[1]}+{span[2]}" for i, span in there))
    have = dict(cis)
    return " ".join(words) + " ids " + "".join("+" if i in have else "." for i in range(16))


with open(HERE / "boards.json", encoding="utf-8") as _file:
    TABLE = json.load(_file)
BOARDS = {row[0]: dict(zip(TABLE["board_columns"], row)) for row in TABLE["boards"]}
