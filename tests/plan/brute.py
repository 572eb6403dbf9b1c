# SPDX-License-Identifier: Apache-2.0
"""What one GPU can hold, worked out the long way: every set of instances is tried, every question
is answered by looking at all of them.

Written from the words of include/migkit/plan.h and from the placements in boards.json; it shares
nothing with src/plan, so that a test in which both agree means something. Slots are numbered here
in the order that breaks ties: lower start first, then the order of -lgip.
"""
import itertools
import json
import math
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


COLUMNS = ("name", "id", "slices", "size", "starts", "total", "media", "memory_mb", "sm",
           "dec", "enc", "jpeg", "ofa")


MAX_INSTANCES = 8  # on one GPU, and in one GPU instance: NVIDIA's open kernel modules have no more


class Profile:
    def __init__(self, position, values):
        self.position = position
        self.__dict__.update(values)

    def media_engines(self):
        return self.dec + self.enc + self.jpeg + self.ofa


class Board:
    """A row of boards.json, or one that a test makes up."""

    def __init__(self, row, columns=COLUMNS):
        self.name, self.ours = row["name"], row.get("ours")
        self.architecture = row["architecture"]
        self.units, self.compute_slices = row["units"], row["compute_slices"]
        self.memory_slices = row["memory_slices"]
        self.beside_4g3g = row["4g_beside_3g"]
        self.most_slices = 1000  # placements alone keep a GPU's instances within its slices
        self.inside = False  # a GPU instance
        self.lowest_first = False  # where an instance goes that is given no start
        self.profiles = [Profile(i, dict(zip(columns, values)))
                         for i, values in enumerate(row["profiles"])]

    def by_id(self, profile_id):
        return next(p for p in self.profiles if p.id == profile_id)


# Compute slices of the compute instances that a GPU instance of so many slices may have; -lcip of
# A100 and A30 (a 4g has no row of 3), the guide for the 7g.
CI_SIZES = {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4), 7: (1, 2, 3, 4, 7)}
CI_IDS = {1: 0, 2: 1, 3: 2, 4: 3, 7: 4}


def inside(board, profile):
    """A GPU instance as a board whose profiles are those of its compute instances."""
    aligned = board.architecture > 7 and board.units == 8
    rows = []
    for size in CI_SIZES[profile.slices]:
        # Hopper places on powers of two: -lci of an H100 shows 0:4 for the three slices of a 3g.
        span = {3: 4, 7: 8}.get(size, size) if aligned else size
        starts = [s for s in range(0, profile.slices, span if aligned else 1)
                  if s + size <= profile.slices]
        # Side by side at most so many, whatever starts there are.
        total = profile.slices // size
        rows.append([f"{size}c", CI_IDS[size], size, span, starts, total, "", 0, 0, 0, 0, 0, 0])
    if aligned and profile.id == 15:  # one slice, or all multiprocessors of its memory
        rows.append(["1c", 7, *rows[0][2:]])
    units = max(start + row[3] for row in rows for start in row[4])
    made = Board({"name": f"{board.name} {profile.name}", "architecture": board.architecture,
                  "units": units, "compute_slices": profile.slices,
                  "memory_slices": profile.size, "4g_beside_3g": True, "profiles": rows})
    made.inside, made.most_slices = True, profile.slices
    made.lowest_first = not aligned
    return made


def boards():
    with open(HERE / "boards.json", encoding="utf-8") as f:
        data = json.load(f)
    return {row["name"]: Board(row, data["columns"]) for row in data["boards"]}


def may_stand_together(board, a, b):
    """Rules beside the placements, of two profiles; facts, not figures of one board."""
    media = {a.media, b.media}
    if a.media == b.media == "me":  # the board's one JPEG/OFA share
        return False
    # nvml.h: an instance with all media engines leaves only those without any
    if "me.all" in media and media != {"me.all", "-me"}:
        return False
    return board.beside_4g3g or {a.slices, b.slices} != {3, 4}


class Slot:
    def __init__(self, profile, start, position):
        self.profile, self.start, self.position = profile, start, position
        self.mask = ((1 << profile.size) - 1) << start


def bits(mask):
    n = 0
    while mask:
        if mask & 1:
            yield n
        mask >>= 1
        n += 1


def at_least(a, b):
    return all(x >= y for x, y in zip(a, b))


class Model:
    """All layouts of a board and a set of its profiles (positions), or of one GPU instance."""

    def __init__(self, board, chosen=None):
        self.board = board
        self.chosen = sorted(range(len(board.profiles)) if chosen is None else chosen)
        pairs = [(start, p) for p in self.chosen for start in board.profiles[p].starts]
        self.slots = [Slot(board.profiles[p], start, p) for start, p in sorted(pairs)]
        self.n_profiles = len(board.profiles)
        self.layouts = []
        self.known_ends, self.known_most, self.known_starts = {}, {}, {}
        self._extend(0, 0, 0)
        self.layouts.sort(key=lambda m: tuple(bits(m)))
        self.is_layout = set(self.layouts)
        self.counts = {m: self._count(m) for m in self.layouts}
        self.rank = {m: i for i, m in enumerate(self.layouts)}
        self.by_counts = {}
        for m in self.layouts:
            self.by_counts.setdefault(self.counts[m], []).append(m)
        self.excluded = [self.excludes(n) for n in range(len(self.slots))]
        # Layouts that contain one: all of them are looked at.
        self.room = {m: sum(m & other == m for other in self.layouts) for m in self.layouts}

    def _extend(self, layout, first, taken):
        self.layouts.append(layout)
        if layout.bit_count() == MAX_INSTANCES:
            return
        for n in range(first, len(self.slots)):
            slot = self.slots[n]
            if slot.mask & taken:
                continue
            others = [self.slots[i].profile for i in bits(layout)]
            if sum(p is slot.profile for p in others) >= slot.profile.total:
                continue
            if sum(p.slices for p in others) + slot.profile.slices > self.board.most_slices:
                continue
            if all(may_stand_together(self.board, slot.profile, p) for p in others):
                self._extend(layout | 1 << n, n + 1, taken | slot.mask)

    def _count(self, mask):
        counts = [0] * self.n_profiles
        for n in bits(mask):
            counts[self.slots[n].position] += 1
        return tuple(counts)

    def slot_at(self, position, start):
        return next((n for n, s in enumerate(self.slots)
                     if s.position == position and s.start == start), -1)

    def taken(self, layout):
        return sum(self.slots[n].mask for n in bits(layout))

    def free(self, now):
        """Slots that can be created beside a layout."""
        return sum(1 << n for n in range(len(self.slots))
                   if not now >> n & 1 and now | 1 << n in self.is_layout)

    def excludes(self, slot):
        """By overlap, or by a rule of two; what only a sum forbids is not among them."""
        one = self.slots[slot]
        return sum(1 << n for n, other in enumerate(self.slots)
                   if one.mask & other.mask or (one.profile is other.profile and
                                                one.profile.total <= 1) or
                   not may_stand_together(self.board, one.profile, other.profile))

    def containing(self, part):
        return [m for m in self.layouts if m & part == part]

    def totals(self):
        """layouts, maximal, masks, multisets, multisets of maximal ones, multisets in no other"""
        maximal = [m for m in self.layouts if m and not self.free(m)]
        multisets = [c for c in self.by_counts if any(c)]
        uncovered = [c for c in multisets
                     if not any(d != c and at_least(d, c) for d in multisets)]
        return (len(self.layouts) - 1, len(maximal), len({self.taken(m) for m in self.layouts}),
                len(multisets), len({self.counts[m] for m in maximal}), len(uncovered))

    # From one layout to another

    def wanted(self, pinned, counts, at):
        """Of each profile what the goal wants, or what is pinned or named if that is more."""
        return tuple(map(max, counts, self._count(pinned | at)))

    def changes(self, now, pinned, n_ci, counts, at=0):
        """[(target, destroyed)] from the best on; n_ci by slot."""
        must = pinned | at
        found = []
        for target in self.by_counts.get(self.wanted(pinned, counts, at), ()):
            if target & must == must:
                gone = now & ~target
                found.append((gone.bit_count(), sum(n_ci[n] for n in bits(gone)),
                              -self.room[target], self.rank[target], target, gone))
        return [(f[4], f[5]) for f in sorted(found)]

    def must_go(self, pinned, n_ci, counts, at=0):
        """The pinned instances that must not be; None: not even an empty GPU holds the goal."""
        best = None
        for n in range(pinned.bit_count() + 1):
            for some in itertools.combinations(tuple(bits(pinned)), n):
                left = pinned & ~sum(1 << i for i in some)
                if not self.changes(left, left, n_ci, counts, at):
                    continue
                key = (n, sum(n_ci[i] for i in some), some)
                best = key if best is None else min(best, key)
            if best is not None:
                return sum(1 << i for i in best[2])
        return None

    def fits_empty(self, counts, at=0):
        return bool(self.changes(0, 0, [0] * len(self.slots), counts, at))

    # Orders of creation

    def pairs_left(self, taken):
        """Free (profile, start) pairs of the whole board, whatever profiles were chosen."""
        return sum(not taken & (((1 << p.size) - 1) << start)
                   for p in self.board.profiles for start in p.starts)

    def default_start(self, now, position):
        """The free start that leaves the most pairs, the lowest of them."""
        key = (now, position)
        if key not in self.known_starts:
            self.known_starts[key] = self._default_start(now, position)
        return self.known_starts[key]

    def _default_start(self, now, position):
        profile = self.board.profiles[position]
        free = [self.slots[n] for n in bits(self.free(now)) if self.slots[n].position == position]
        if not free:
            return -1
        if self.board.lowest_first:
            return min(s.start for s in free)
        shape = self.board.units, profile.slices, profile.size
        if self.board.architecture > 7 and shape == (8, 1, 2) and not self.board.inside:
            # a GH200 filled 4, 0, 2 (doc/unconfirmed.md, placement-1g-double)
            return min((s.start != 4, s.start) for s in free)[1]
        taken = self.taken(now)
        return min((-self.pairs_left(taken | s.mask), s.start) for s in free)[1]

    def follow(self, now, order):
        """Creates without starts; the layout at the end and how many were placed."""
        for placed, position in enumerate(order):
            start = self.default_start(now, position)
            if start < 0:
                return now, placed
            now |= 1 << self.slot_at(position, start)
        return now, len(order)

    def steps(self, now, counts):
        """(layout, counts left) after each profile that could be created next."""
        for position, n in enumerate(counts):
            start = self.default_start(now, position) if n else -1
            if start >= 0:
                yield (now | 1 << self.slot_at(position, start),
                       counts[:position] + (n - 1,) + counts[position + 1:])

    def ends(self, now, counts):
        """Layouts in which an order of these instances may end: all orders are followed."""
        key = (now, counts)
        if key not in self.known_ends:
            found = set() if any(counts) else {now}
            for after, rest in self.steps(now, counts):
                found |= self.ends(after, rest)
            self.known_ends[key] = found
        return self.known_ends[key]

    def most_placed(self, now, counts):
        """How far the best order comes."""
        key = (now, counts)
        if key not in self.known_most:
            self.known_most[key] = max((1 + self.most_placed(after, rest)
                                        for after, rest in self.steps(now, counts)), default=0)
        return self.known_most[key]

    def n_orders(self, counts):
        n = math.factorial(sum(counts))
        for c in counts:
            n //= math.factorial(c)
        return n

    # What can be created, and what is in the way

    def remaining(self, now, position):
        return max(self.counts[m][position] - self.counts[now][position]
                   for m in self.containing(now))

    def blockers(self, now, slot):
        """What excludes it; where as many as there may be stay beside these, all of them too;
        where it is nothing of that and yet in vain, a sum is in the way: all."""
        found = now & self.excluded[slot]
        profile = self.slots[slot].profile
        same = sum(1 << n for n in bits(now) if self.slots[n].profile is profile)
        if (same & ~found).bit_count() >= profile.total:
            found |= same
        return found or (0 if self.free(now) >> slot & 1 else now)

    def blockers_by_rule(self, now, slot):
        mask = self.slots[slot].mask
        return sum(1 << n for n in bits(self.blockers(now, slot))
                   if not self.slots[n].mask & mask)

    # How full, how fragmented

    def largest(self, free):
        """Of these slots: most units, then most slices, then the first of -lgip; -1: none."""
        free = [self.slots[n].profile for n in bits(free)]
        return min(((-p.size, -p.slices, p.position) for p in free), default=(-1,))[-1]

    def measure(self, now):
        board = self.board
        taken, covered = self.taken(now), 0
        for n in bits(self.free(now)):
            covered |= self.slots[n].mask
        free = (1 << board.units) - 1 & ~taken
        same = self.by_counts[self.counts[now]]
        best = min((-self.room[m], m != now, self.rank[m], m) for m in same)[-1]
        anywhere = 0
        for m in same:
            anywhere |= self.free(m)
        used = sum(self.slots[n].profile.slices for n in bits(now))
        return {"units": board.units, "units_free": free.bit_count(),
                "slices": board.compute_slices, "slices_free": max(0, board.compute_slices - used),
                "free_mask": free, "dead_mask": free & ~covered, "room": self.room[now],
                "room_best": self.room[best], "best": best, "largest": self.largest(self.free(now)),
                "largest_best": self.largest(anywhere)}
