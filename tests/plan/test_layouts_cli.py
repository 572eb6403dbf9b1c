#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl layouts` lists exactly the layouts and multisets that the brute force finds: all of them,
the maximal ones, those that have certain instances, of plain and of all profiles."""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lab")]
import brute  # noqa: E402
import suite  # noqa: E402
from labtest import Place, fail  # noqa: E402


class Listing:
    def __init__(self, place, board, which):
        key, driver = board.ours
        self.place, self.command = place, ["layouts", key, "--driver", driver, "--profiles", which]
        self.model = brute.Model(board, suite.plain(board) if which == "plain" else None)

    def ask(self, *more, rc=0):
        done = self.place.run(*self.command, *more, "-o", "json")
        if done.returncode != rc:
            fail(f"migctl {' '.join([*self.command, *more])}: exit {done.returncode}: "
                 f"{done.stderr}")
        return json.loads(done.stdout)

    def same(self, true, *more):
        """The layouts, each once, and what is said of them."""
        rows = self.ask(*more, rc=0 if true else 3)["layouts"]
        model, said = self.model, [suite.layout_of(self.model, row["words"]) for row in rows]
        name = f"{' '.join([*self.command, *more])}"
        if sorted(said) != sorted(true):
            yield f"{name}: {len(said)} layouts, not {len(true)}, or others"
        for row, layout in zip(rows, said):
            measure = model.measure(layout)
            figures = row["maximal"], row["units_free"], row["slices_free"], row["instances"]
            if figures != (not model.free(layout), measure["units_free"], measure["slices_free"],
                           layout.bit_count()):
                yield f"{name}: {row}"

    def patterns(self):
        model, said = self.model, {}
        for row in self.ask("--patterns")["patterns"]:
            said[suite.counts_of(model, row["words"])] = (
                row["instances"], row["layouts"], row["maximal_layouts"], row["uncovered"])
        true = {c: (sum(c), len(m), sum(not model.free(x) for x in m),
                    not any(d != c and brute.at_least(d, c) for d in model.by_counts))
                for c, m in model.by_counts.items() if any(c)}
        if said != true:
            yield f"{' '.join(self.command)} --patterns: {len(said)}, not {len(true)}, or others"

    def problems(self):
        model = self.model
        every = [m for m in model.layouts if m]
        yield from self.same(every, "--all")
        yield from self.same([m for m in every if not model.free(m)], "--maximal")
        yield from self.patterns()
        first, last = model.slots[0], model.slots[-1]
        for a, b in ((first, None), (first, last), (first, first)):
            wanted, must, counts = [f"{a.profile.name}@{a.start}"], 1, [0] * model.n_profiles
            counts[a.position] += 1
            if b is not None:  # a second one, wherever it stands
                wanted.append(b.profile.name)
                counts[b.position] += 1
            true = [m for m in every if m & must and brute.at_least(model.counts[m], counts)]
            words = [w for name in wanted for w in ("--with", name)]
            yield from self.same(true, "--all", *words)
        totals = self.ask()
        named = tuple(totals[f"total_{key}"] for key in ("layouts", "maximal", "patterns",
                                                         "uncovered"))
        layouts, maximal, _, multisets, _, uncovered = model.totals()
        if named != (layouts, maximal, multisets, uncovered):
            yield f"{' '.join(self.command)}: totals {named}"


def main():
    wrong, listings = [], 0
    with Place() as place:
        for board in brute.boards().values():
            for which in ("plain", "all"):
                wrong += Listing(place, board, which).problems()
                listings += 1
    for line in wrong[:suite.SHOWN]:
        print(f"  {line}")
    if wrong:
        fail(f"{len(wrong)} listings of layouts differ")
    print(f"{listings} listings of layouts are what the brute force finds")


if __name__ == "__main__":
    main()
