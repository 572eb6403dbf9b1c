# SPDX-License-Identifier: Apache-2.0
"""Questions to the planner, each answered by brute force as well. A function takes a Pair (a model
and the planner's table of it), asks, and yields a line for every answer that is another one.
"""
import itertools
import random
import struct

import ask
import brute

CAP = 3
CHANGE = struct.Struct("<4Q3I4x")


class Pair:
    def __init__(self, lib, model, inside=False):
        self.model, self.table = model, ask.Table(lib, model, inside)
        self.lib = lib
        self.asked = 0
        self.changes = 0  # of these (layout, pinned subset, target multiset)

    def names(self, mask):
        """"3g.40gb@4 1g.10gb@0" """
        slots = [self.model.slots[n] for n in brute.bits(mask)]
        return " ".join(f"{s.profile.name}@{s.start}" for s in slots) or "nothing"

    def wish(self, counts):
        return " ".join(f"{n}x{self.model.board.profiles[p].name}"
                        for p, n in enumerate(counts) if n) or "nothing"


def compute_instances(model, kind):
    """How many each slot has: none, all alike, all different."""
    n = range(len(model.slots))
    return {0: [0 for _ in n], 1: [1 for _ in n], 2: [(i * 5 + 2) % 4 for i in n]}[kind]


# The table itself

def table(pair):
    model, handle, lib = pair.model, pair.table.handle, pair.lib
    t = pair.table
    n = lib.mig_plan_n_layouts(handle)
    said = [t.back(lib.mig_plan_layout(handle, i)) for i in range(n)]
    pair.asked += n
    if said[0] != 0 or sorted(said) != sorted(model.layouts):
        yield f"layouts: {n}, not {len(model.layouts)}, or others, or not the empty one first"
    totals = ask.Totals()
    lib.mig_plan_totals(handle, totals)
    named = tuple(getattr(totals, f) for f, _ in totals._fields_)
    if named != model.totals():
        yield f"totals: {named}, not {model.totals()}"
    found, counts = [], ask.Counts()
    while lib.mig_plan_multiset(handle, len(found), counts):
        found.append(tuple(counts.n[:model.n_profiles]))
    # In the order of their first layouts.
    if found != list(dict.fromkeys(model.counts[m] for m in said)):
        yield f"multisets: {len(found)} or others, not {len(model.by_counts)}"
    for n, slot in enumerate(model.slots):
        if t.back(lib.mig_plan_excludes(handle, t.to_theirs[n])) != model.excludes(n):
            yield f"excluded by {pair.names(1 << n)}: not {pair.names(model.excludes(n))}"
    for p in model.board.profiles:
        for start in range(model.board.units + 2):
            n = model.slot_at(p.position, start)
            want = -1 if n < 0 else t.to_theirs[n]
            pair.asked += 1
            if lib.mig_plan_slot_at(handle, p.position, start) != want:
                yield f"slot of {p.name}@{start} is not {want}"


def sets_of_slots(pair, n, seed):
    """Sets that are no layouts, and some that are."""
    model, t = pair.model, pair.table
    rng = random.Random(seed)
    for i in range(n):
        mask = rng.getrandbits(len(model.slots)) & rng.getrandbits(len(model.slots))
        if i % 2:
            mask = rng.choice(model.layouts) | 1 << rng.randrange(len(model.slots))
        pair.asked += 1
        if pair.lib.mig_plan_is_layout(t.handle, t.out(mask)) != (mask in model.is_layout):
            yield f"is a layout or not: {pair.names(mask)}"


def nonsense(pair, n, seed):
    """States that cannot be: refused as such, and never answered."""
    model, t, rng = pair.model, pair.table, random.Random(seed)
    zero, counts = [0 for _ in model.slots], model.counts[rng.choice(model.layouts)]
    for _ in range(n):
        now = rng.getrandbits(len(model.slots))
        pinned = now & rng.getrandbits(len(model.slots))
        if now in model.is_layout:
            if now + 1 == 1 << len(model.slots):
                continue
            pinned |= rng.choice([1 << i for i in range(len(model.slots)) if not now >> i & 1])
        t.set_state(now, pinned, zero)
        t.set_goal(counts)
        pair.asked += 2
        said = [t.change(CAP), t.must_go()[0]]
        if pair.table.board:
            said.append(t.needs([(0, 0)])[0])
        if now not in model.is_layout:
            said.append(t.order(now, counts)[0])
            measure = t.measure(now)
            if t.ways(model.chosen[0], -1, CAP) or pair.lib.mig_plan_room(t.handle, t.out(now)):
                yield f"ways or room beside what is no layout: {pair.names(now)}"
            if measure.units or measure.largest != -1 or measure.largest_best != -1:
                yield f"a measure of what is no layout: {pair.names(now)}"
        if set(said) != {-ask.EINVAL}:
            yield f"with {pair.names(now)}, pinned {pair.names(pinned)}: {said}"


def each_layout(pair):
    """What can be created beside each, what is in the way, how full and fragmented it is."""
    model, t, lib = pair.model, pair.table, pair.lib
    for now in model.layouts:
        theirs = t.out(now)
        pair.asked += 3
        if not lib.mig_plan_is_layout(t.handle, theirs):
            yield f"no layout: {pair.names(now)}"
        if t.back(lib.mig_plan_free(t.handle, theirs)) != model.free(now):
            yield f"free beside {pair.names(now)}: not {pair.names(model.free(now))}"
        if lib.mig_plan_room(t.handle, theirs) != model.room[now]:
            yield f"room beside {pair.names(now)}: not {model.room[now]}"
        counts = tuple(lib.mig_plan_counts(t.handle, theirs).n[:model.n_profiles])
        if counts != model.counts[now]:
            yield f"counts of {pair.names(now)}: {counts}"
        yield from measured(pair, now)
        for n in range(len(model.slots)):
            slot = t.to_theirs[n]
            pair.asked += 2
            if t.back(lib.mig_plan_blockers(t.handle, theirs, slot)) != model.blockers(now, n):
                yield f"in the way of {pair.names(1 << n)} beside {pair.names(now)}"
            if (t.back(lib.mig_plan_blockers_by_rule(t.handle, theirs, slot)) !=
                    model.blockers_by_rule(now, n)):
                yield f"in the way by rule of {pair.names(1 << n)} beside {pair.names(now)}"
        for p in model.chosen:
            yield from created(pair, now, p)


def created(pair, now, p):
    model, t, lib = pair.model, pair.table, pair.lib
    name = model.board.profiles[p].name
    pair.asked += 2
    start, true = lib.mig_plan_default_start(t.handle, t.out(now), p), model.default_start(now, p)
    if start != true:
        yield f"default start of {name} beside {pair.names(now)}: {start}, not {true}"
    n, true = lib.mig_plan_remaining(t.handle, t.out(now), p), model.remaining(now, p)
    if n != true:
        yield f"{name} fits {n} times beside {pair.names(now)}, not {true}"


def measured(pair, now):
    model, said = pair.model, pair.table.measure(now)
    true = model.measure(now)
    pair.asked += 1
    for key, value in true.items():
        theirs = pair.table.back(said.best) if key == "best" else getattr(said, key)
        if theirs != value:
            yield f"{key} of {pair.names(now)}: {theirs}, not {value}"


# From one layout to another

class Changes:
    """All questions of the kind (layout, pinned subset, target multiset that contains it)."""

    def __init__(self, pair):
        self.pair, self.model = pair, pair.model
        model = pair.model
        self.over = {c: [d for d in model.by_counts if brute.at_least(d, c)]
                     for c in model.by_counts}
        self.holding = {}
        self.must_go_known = {}

    def targets(self, pinned):
        """Layouts with the pinned instances, by what they hold."""
        if pinned not in self.holding:
            by = self.holding[pinned] = {}
            for m in self.model.containing(pinned):
                by.setdefault(self.model.counts[m], []).append(m)
        return self.holding[pinned]

    def keys(self, now, n_ci):
        """Of each target from there, what decides how good it is; smaller is better."""
        model, out = self.model, {}
        for target in model.layouts:
            gone = now & ~target
            out[target] = (gone.bit_count(), sum(n_ci[n] for n in brute.bits(gone)),
                           -model.room[target], model.rank[target])
        return out

    def expected(self, now, target, key):
        o = self.pair.table.out
        return (o(target), o(now & target), o(now & ~target), o(target & ~now), key[0], key[1],
                -key[2])

    def first_to_go(self, pinned, counts, n_ci, kind):
        """Any layout of that multiset is a way: what of the pinned it lacks must go."""
        key = (pinned, counts, kind)
        if key not in self.must_go_known:
            lacking = {pinned & ~target for target in self.model.by_counts[counts]}
            self.must_go_known[key] = min((m.bit_count(), sum(n_ci[n] for n in brute.bits(m)),
                                           tuple(brute.bits(m)), m) for m in lacking)[3]
        return self.must_go_known[key]

    def of_layout(self, now, kind):
        """(wrong, asked)"""
        pair, t = self.pair, self.pair.table
        n_ci = compute_instances(self.model, kind)
        keys, view = self.keys(now, n_ci), memoryview(t._changes).cast("B")
        wanted = {}
        part = now
        while True:
            t.set_state(now, part, n_ci)
            targets = self.targets(part)
            for counts in self.over[self.model.counts[part]]:
                t.goal.counts.n[:len(counts)] = counts
                pair.changes += 1
                best = sorted(targets.get(counts, ()), key=keys.__getitem__)[:CAP]
                for m in best:
                    if m not in wanted:
                        wanted[m] = self.expected(now, m, keys[m])
                n = pair.lib.mig_plan_change(t.handle, t.state, t.goal, t._changes, CAP, t.error)
                if n > 0:
                    said = list(CHANGE.iter_unpack(view[:n * CHANGE.size]))
                    if said != [wanted[m] for m in best]:
                        yield (f"from {pair.names(now)}, pinned {pair.names(part)}, to "
                               f"{pair.wish(counts)}: {[pair.names(t.back(s[0])) for s in said]}, "
                               f"not {[pair.names(m) for m in best]}, or with other figures")
                    continue
                if n != -ask.ENOSPC or best:
                    yield (f"from {pair.names(now)}, pinned {pair.names(part)}, to "
                           f"{pair.wish(counts)}: {n}, not {len(best)} ways")
                pair.asked += 1
                must = self.first_to_go(part, counts, n_ci, kind)
                if t.must_go() != (0, must):
                    yield (f"pinned {pair.names(part)} that must go for {pair.wish(counts)}: "
                           f"not {pair.names(must)}")
            if not part:
                return
            part = (part - 1) & now


def all_changes(pair, pick=1, seed=0):
    """Every question; or those of a random one of so many layouts."""
    changes, rng = Changes(pair), random.Random(seed)
    for n, now in enumerate(pair.model.layouts):
        if rng.randrange(pick) == 0:
            yield from changes.of_layout(now, n % 3)


def random_goal(model, rng):
    """(now, pinned, n_ci, counts, at): often one that nearly fits, sometimes nonsense."""
    now = rng.choice(model.layouts)
    pinned = now & rng.getrandbits(len(model.slots))
    n_ci = [rng.randrange(4) for _ in model.slots]
    counts = list(rng.choice(list(model.by_counts)))
    if rng.randrange(2):
        counts[rng.choice(model.chosen)] += rng.randrange(1, 3)
    if not rng.randrange(5):  # as many as a count can say
        for _ in range(rng.randrange(1, 4)):
            counts[rng.choice(model.chosen)] = rng.choice((7, 8, 9, 16, 17, 127, 128, 200, 255))
    at = 0
    if rng.randrange(2):
        at = rng.choice(model.layouts) & rng.getrandbits(len(model.slots))
    if not rng.randrange(8):
        at |= 1 << rng.randrange(len(model.slots))
    return now, pinned, n_ci, tuple(counts), at


def goals(pair, n, seed):
    """Goals with named starts, that lack pinned instances, that are too large."""
    model, t, rng = pair.model, pair.table, random.Random(seed)
    for _ in range(n):
        now, pinned, n_ci, counts, at = random_goal(model, rng)
        t.set_state(now, pinned, n_ci)
        t.set_goal(counts, at)
        pair.asked += 3
        what = (f"from {pair.names(now)}, pinned {pair.names(pinned)}, to {pair.wish(counts)} "
                f"with {pair.names(at)}")
        true = model.changes(now, pinned, n_ci, counts, at)
        said = t.change(CAP)
        if isinstance(said, int) or not true:
            if said != -ask.ENOSPC or true:
                yield f"{what}: {said}, not {[pair.names(c[0]) for c in true]}"
        elif [(t.back(c.target), t.back(c.destroy)) for c in said] != true[:CAP]:
            yield (f"{what}: {[pair.names(t.back(c.target)) for c in said]}, not "
                   f"{[pair.names(c[0]) for c in true[:CAP]]}")
        must = model.must_go(pinned, n_ci, counts, at)
        if t.must_go() != ((0, must) if must is not None else (-ask.ENOSPC, 0)):
            yield f"{what}: what must go: {t.must_go()}, not {must}"
        yield from why_not(pair, counts, at, what)
        if not true:
            yield from nearest(pair, pinned, counts, at, what)


# Why not, and what instead

def sums(model, counts):
    profiles = model.board.profiles
    return (sum(n * profiles[p].size for p, n in enumerate(counts)),
            sum(n * profiles[p].slices for p, n in enumerate(counts)))


def reason(model, counts, at):
    """Why not even an empty GPU holds a goal: (kind, a, b, wanted, have), None where it isn't said.
    The first that is so."""
    board, profiles = model.board, model.board.profiles
    counts = model.wanted(0, counts, at)
    if model.fits_empty(counts, at):
        return "none", None, None, None, None
    for p, n in enumerate(counts):
        if n > profiles[p].total:
            return "total", p, None, n, profiles[p].total
    units, slices = sums(model, counts)
    if units > board.units:
        return "units", None, None, units, board.units
    if slices > board.compute_slices:
        return "slices", None, None, slices, board.compute_slices
    there = [p for p, n in enumerate(counts) if n]
    for a, b in itertools.combinations_with_replacement(there, 2):
        if (a != b or counts[a] > 1) and not brute.may_stand_together(board, profiles[a],
                                                                      profiles[b]):
            return "media", a, b, None, None
    for a, b in itertools.combinations(tuple(brute.bits(at)), 2):
        if model.excluded[a] >> b & 1:
            return "starts", a, b, None, None
    return "arrangement", None, None, None, None


NO = ["none", "total", "units", "slices", "media", "starts", "arrangement"]


def why_not(pair, counts, at, what):
    said, true = pair.table.why_not(), reason(pair.model, counts, at)
    kind = NO[said.no] if said.no < len(NO) else said.no
    a, b = said.a, said.b
    if kind == "starts":
        a, b = (pair.table.to_ours[n] for n in (a, b))
    named = (kind, a, b, said.wanted, said.have)
    if any(t is not None and t != s for s, t in zip(named, true)):
        yield f"{what}: why not: {named}, not {true}"


def nearest_goals(model, pinned, counts, at):
    """Multisets that fit beside the pinned ones, the nearest first."""
    goal = model.wanted(pinned, counts, at)
    units, slices = sums(model, goal)
    found = []
    for other, layouts in model.by_counts.items():
        if sum(other) > sum(goal) or not any(other):
            continue
        if not any(m & pinned == pinned for m in layouts):
            continue
        changed = sum(goal) - sum(map(min, goal, other))
        its_units, its_slices = sums(model, other)
        found.append((changed, max(0, units - its_units), max(0, slices - its_slices),
                      tuple(-n for n in other), other))
    return [f[-1] for f in sorted(found)]


def nearest(pair, pinned, counts, at, what):
    cap = 5
    true = nearest_goals(pair.model, pinned, counts, at)[:cap]
    said = pair.table.nearest(cap)
    pair.asked += 1
    if said != true:
        yield (f"{what}: nearest: {[pair.wish(c) for c in said]}, not "
               f"{[pair.wish(c) for c in true]}")


# Orders of creation

def all_orders(pair, pick, seed):
    """For each layout and each part of it that is there already: an order that ends in it, and one
    of as many instances that ends anywhere. Or of a random one of so many layouts."""
    model, rng = pair.model, random.Random(seed)
    for end in model.layouts:
        if rng.randrange(pick):
            continue
        now = end
        while True:
            counts = tuple(a - b for a, b in zip(model.counts[end], model.counts[now]))
            yield from order(pair, now, counts, end)
            yield from order(pair, now, counts, 0)
            if not now:
                break
            now = (now - 1) & end


def orders(pair, n, seed):
    """The same for multisets that may not fit at all."""
    model, rng = pair.model, random.Random(seed)
    for i in range(n):
        now = rng.choice(model.layouts) if i % 2 else 0
        bigger = rng.choice(model.containing(now))
        counts = tuple(a - b for a, b in zip(model.counts[bigger], model.counts[now]))
        if not i % 5:
            counts = tuple(min(c + (p == rng.choice(model.chosen)), 8)
                           for p, c in enumerate(counts))
        if sum(counts) > ask.MAX_GI:
            continue
        yield from order(pair, now, counts, bigger if i % 3 == 0 else 0)


def order(pair, now, counts, end):
    model, t = pair.model, pair.table
    rc, said = t.order(now, counts, end)
    ends = model.ends(now, counts)
    possible = end in ends if end else bool(ends)
    what = f"orders of {pair.wish(counts)} beside {pair.names(now)}, end {pair.names(end)}"
    pair.asked += 1
    if rc != (0 if possible else -ask.ENOSPC):
        yield f"{what}: {rc}"
        return
    n_orders = model.n_orders(counts)
    if said.orders != n_orders or (rc and said.tried != n_orders) or said.tried > n_orders:
        yield f"{what}: tried {said.tried} of {said.orders}, there are {n_orders}"
    if rc:
        if said.most != model.most_placed(now, counts):
            yield f"{what}: the best one placed {said.most}"
        return
    row = list(said.profile[:said.n])
    done, placed = model.follow(now, row)
    starts = 0
    for p, start in zip(row, said.start):
        starts |= 1 << max(0, model.slot_at(p, start))
    if (sorted(row) != [p for p, c in enumerate(counts) for _ in range(c)] or placed != len(row) or
            done != t.back(said.end) or (end and done != end) or done != now | starts):
        yield f"{what}: {row} ends in {pair.names(done)}, not in {pair.names(t.back(said.end))}"


# Ways to make room

def ways_of(model, now, pinned, n_ci, position, start):
    """[(destroy, again, slot, CIs destroyed)], in order."""
    wanted = [n for n, s in enumerate(model.slots)
              if s.position == position and start in (-1, s.start)]
    goal = tuple(c + (p == position) for p, c in enumerate(model.counts[now]))
    kinds = [], []
    for slot in wanted:
        bit = 1 << slot
        for after in model.by_counts.get(goal, ()):
            if after & bit:
                gone = now & ~after | now & bit
                kinds[0].append((gone, after & ~(now & ~gone) & ~bit, slot, after))
        for after in model.layouts:
            # Anything that leaves the slot free: what was in the way need not be known.
            if after & bit and after & ~(now | bit) == 0:
                gone = now & ~after | now & bit
                if gone:
                    kinds[1].append((gone, 0, slot, after))
    out = []
    for found in kinds:
        found = [w for w in found if not w[0] & pinned]
        sets = {w[0] for w in found}
        least = {g for g in sets if not any(o != g and o & g == o for o in sets)}
        keys = sorted((g.bit_count(), sum(n_ci[n] for n in brute.bits(g)), -model.room[after],
                       tuple(brute.bits(after)), tuple(brute.bits(g)), slot, g, again)
                      for g, again, slot, after in found if g in least)
        seen = set()
        for key in keys:
            if key[6] not in seen:
                seen.add(key[6])
                out.append((key[6], key[7], key[5], key[1]))
        if out and out[0][0] == 0:
            break  # it fits as it is
    return out


def ways(pair, now, pinned, n_ci, position, start, cap=64):
    model, t = pair.model, pair.table
    t.set_state(now, pinned, n_ci)
    said = t.ways(position, start, cap)
    true = ways_of(model, now, pinned, n_ci, position, start)[:cap]
    pair.asked += 1
    if said != true:
        def text(found):
            return [(pair.names(w[0]), pair.names(w[1]), pair.names(1 << w[2]), w[3])
                    for w in found[:5]]
        yield (f"room for {model.board.profiles[position].name}@{start} beside {pair.names(now)}, "
               f"pinned {pair.names(pinned)}: {len(said)}: {text(said)}, not {len(true)}: "
               f"{text(true)}")


def random_ways(pair, n, seed):
    model, rng = pair.model, random.Random(seed)
    for _ in range(n):
        now = rng.choice(model.layouts)
        pinned = now & rng.getrandbits(len(model.slots)) & rng.getrandbits(len(model.slots))
        n_ci = [rng.randrange(4) for _ in model.slots]
        slot = rng.choice(model.slots)
        yield from ways(pair, now, pinned, n_ci, slot.position, rng.choice((-1, slot.start)),
                        rng.choice((1, 3, 64)))


# By need

def cost(model, pinned, chosen):
    """What serving needs by these profiles costs; None: they do not fit beside the pinned."""
    counts = list(model.counts[pinned])
    for p in chosen:
        counts[p] += 1
    rooms = [model.room[m] for m in model.by_counts.get(tuple(counts), ()) if m & pinned == pinned]
    if not rooms:
        return None
    profiles = [model.board.profiles[p] for p in chosen]
    return (sum(p.size for p in profiles), sum(p.slices for p in profiles),
            sum(p.media_engines() for p in profiles), -max(rooms))


def cheapest(model, pinned, needs):
    """The profile of each need, None: they cannot be served."""
    serving = [[p for p in model.chosen if model.board.profiles[p].memory_mb >= memory and
                model.board.profiles[p].sm >= sm] for memory, sm in needs]
    choices, known = [()], {}

    def of(chosen):
        key = tuple(sorted(chosen))
        if key not in known:
            known[key] = cost(model, pinned, key)
        return known[key]

    for profiles in serving:
        choices = [c + (p,) for c in choices for p in profiles if of(c + (p,)) is not None]
    return min(((of(c), tuple(-c.count(p) for p in range(model.n_profiles)), c)
                for c in choices), default=(None, None, None))[2]


def needs(pair, n, seed):
    model, rng = pair.model, random.Random(seed)
    profiles = [model.board.profiles[p] for p in model.chosen]
    for _ in range(n):
        now = rng.choice(model.layouts)
        pinned = now & rng.getrandbits(len(model.slots)) & rng.getrandbits(len(model.slots))
        wanted = []
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            like = rng.choice(profiles)
            wanted.append((max(0, like.memory_mb - rng.choice((0, 1000, -1))) if
                           rng.randrange(3) else 0, max(0, like.sm - rng.choice((0, 3, -1))) if
                           rng.randrange(3) else 0))
        pair.table.set_state(now, pinned, [0] * len(model.slots))
        rc, said = pair.table.needs(wanted)
        pair.asked += 1
        true = cheapest(model, pinned, wanted)
        if rc != (0 if true is not None else -ask.ENOSPC) or (rc == 0 and tuple(said) != true):
            yield f"needs {wanted} beside {pair.names(pinned)}: {rc} {said}, not {true}"
