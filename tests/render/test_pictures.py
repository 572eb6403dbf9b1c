#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Every rectangle that is drawn, in an SVG and on terminals of 80 and 200 columns, with and without
UTF-8, lies where the instance or the layout has it: for every board, all its maximal layouts; GPUs of
labs against what the lab says of itself; plans before and after."""
import os
import pathlib
import random
import sys

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
sys.path[:0] = [str(SOURCE / "tests/lab")]
from labtest import Place, check, fail  # noqa: E402
from pictures import Part, Svg, Wrong, box_row, layout_rows, short  # noqa: E402

TERMINALS = [{"COLUMNS": "80"}, {"COLUMNS": "200"}, {"COLUMNS": "80", "LC_ALL": "C"},
             {"COLUMNS": "50"}]


def boards(p):
    return [b for b in p.json("boards")["boards"] if b["simulated"]]


def truth(p, key, profiles):
    """Maximal layouts by number, of migctl layouts, which the planner's brute force confirms."""
    rows = {}
    for i in p.json("layouts", key, "--profiles", profiles, "--maximal")["instances"]:
        rows.setdefault(i["layout"], []).append(Part(i["profile"], i["start"], i["size"]))
    return list(rows.values())


def shown(part, name):
    """A box has the profile's name, or what of it there is room for."""
    return name == part.profile or name == short(part.profile) or (
        name and short(part.profile).startswith(name))


def check_layouts(p, board, profiles):
    key, units = board["key"], board["placement_units"]
    rows = truth(p, key, profiles)
    words = ["draw", "--board", key, "--profiles", profiles]
    svg = Svg(p.ok(*words, "--svg", "-"))
    check(list(svg.layouts(units).values()) == rows, f"{key}: the SVG's layouts are not the board's")
    for env in TERMINALS:
        text = p.ok(*words, env=env)
        drawn = layout_rows(text, units)
        check(sorted(drawn) == list(range(1, len(rows) + 1)), f"{key} {env}: {len(drawn)} rows")
        for number, row in enumerate(rows, 1):
            got = drawn[number]
            check([g[1:] for g in got] == [w[1:] for w in row] and
                  all(shown(w, g.profile) for g, w in zip(got, row)),
                  f"{key} {env}: layout {number} is drawn as {got}, it is {row}")
        check_width(text, env, key)
    return len(rows)


def check_width(text, env, what):
    widest = max(len(line) for line in text.splitlines() if "│" in line or "|" in line)
    check(widest <= int(env["COLUMNS"]), f"{what}: {widest} columns of {env['COLUMNS']}")


def placed(part, board_profiles):
    """As nvidia-smi takes it: id:start."""
    return f"{board_profiles[part.profile]}:{part.start}"


def lab_truth(p, lab):
    gis, cis = {}, {}
    for i in p.json("lab", "status", lab)["instances"]:
        gis[i["gi"]] = Part(i["profile"], i["start"], i["size"])
        if i["ci"] is not None:
            cis.setdefault(i["start"], []).append((i["ci"], i["ci_profile"]))
    return sorted(gis.values(), key=lambda g: g.start), cis


def check_terminal_gpu(text, board, gis, what):
    row, width = box_row(text, "memory", board["placement_units"])
    named = [(Part("", s, n), lines) for s, n, lines in row if lines[0].startswith("GI")]
    check([n[0][1:] for n in named] == [g[1:] for g in gis],
          f"{what}: instances drawn at {[n[0] for n in named]}, they are {gis}")
    for (_, lines), gi in zip(named, gis):
        check(gi.profile in ("".join(lines[1:3]), lines[1]) or shown(gi, lines[1]) or
              gi.profile == lines[1] + lines[2], f"{what}: {gi} is called {lines}")
    free = {u for s, n, lines in row if lines[0] == "free" for u in range(s, s + n)}
    taken = {u for g in gis for u in range(g.start, g.start + g.size)}
    check(free == set(range(board["placement_units"])) - taken, f"{what}: free is drawn as {free}")
    check(width <= 130, f"{what}: {width} columns")


def check_gpu(p, board, layout, ids):
    """An instance each at the layout's places, half of them with a compute instance."""
    key = board["key"]
    p.ok("lab", "create", key, "--board", key, "--driver", "580.95.05")
    if key in ("rtx-pro-6000-max-q", "rtx-pro-6000-workstation"):
        p.ok("lab", "set", "--lab", key, "0", "display=off")
    p.ok("--lab", key, "smi", "-i", "0", "-mig", "1")
    half = (len(layout) + 1) // 2
    for parts, more in ((layout[:half], ["-C"]), (layout[half:], [])):
        if parts:
            p.ok("--lab", key, "smi", "mig", "-i", "0", "-cgi",
                 ",".join(placed(g, ids) for g in parts), *more)
    gis, cis = lab_truth(p, key)
    check(sorted(layout, key=lambda g: g.start) == gis, f"{key}: the lab has {gis}, not {layout}")
    svg = Svg(p.ok("--lab", key, "draw", "--svg", "-"))
    drawn, drawn_cis, free, _ = svg.gpu(board["placement_units"], board["memory_slices"])
    check(sorted(drawn, key=lambda g: g.start) == gis, f"{key}: drawn {drawn}, the lab has {gis}")
    taken = {u for g in gis for u in range(g.start, g.start + g.size)}
    check({u for f in free for u in range(f.start, f.start + f.size)} ==
          set(range(board["placement_units"])) - taken, f"{key}: free is drawn as {free}")
    check({s: len(c) for s, c in drawn_cis.items() if c} == {s: len(c) for s, c in cis.items()},
          f"{key}: compute instances drawn {drawn_cis}, the lab has {cis}")
    check(len(svg.groups("no-ci")) == len(gis) - len(cis), f"{key}: instances without CI unmarked")
    for env in TERMINALS[:3]:
        text = p.ok("--lab", key, "draw", "-i", "0", env=env)
        check_terminal_gpu(text, board, gis, f"{key} {env}")
        check_width(text, env, key)
    return gis


def check_plan(p, board, gis, ids):
    """The first instance is kept, its like is asked for: before is the lab, after has both kinds."""
    key, want = board["key"], min(ids, key=lambda n: (int(n[0]), ids[n] != 19 and ids[n] != 14, n))
    keep = p.json("lab", "status", key)["instances"][0]
    words = ["--lab", key, "draw", "-i", "0", "--plan", want, "--keep", str(keep["gi"])]
    done = p.run(*words, "--svg", "-")
    if done.returncode == 3:
        return 0
    check(done.returncode == 0, f"{key}: {done.stderr}")
    stages = Svg(done.stdout).stages(board["placement_units"])
    check(list(stages) == ["before", "after"], f"{key}: stages {list(stages)}")
    before = sorted((part for part, _ in stages["before"][0]), key=lambda g: g.start)
    check(before == gis, f"{key}: before is drawn as {before}, the lab has {gis}")
    for label, (blocks, free) in stages.items():
        covered = [u for part in [b for b, _ in blocks] + free
                   for u in range(part.start, part.start + part.size)]
        check(sorted(covered) == list(range(board["placement_units"])),
              f"{key}: {label} covers {sorted(covered)}")
    stays = {part for part, state in stages["before"][0] if state == "stays"}
    after = stages["after"][0]
    check(stays == {part for part, state in after if state == "stays"}, f"{key}: what stays changes")
    check(Part(keep["profile"], keep["start"], keep["size"]) in stays, f"{key}: the kept one goes")
    check(want in [part.profile for part, _ in after], f"{key}: {want} is not there after")
    for env in TERMINALS[:3]:
        text = p.ok(*words, env=env)
        for label, (blocks, _) in stages.items():
            row, _ = box_row(text, label, board["placement_units"])
            got = [(s, n) for s, n, lines in row if lines[0] != "free"]
            check(got == sorted(part[1:] for part, _ in blocks), f"{key} {env}: {label} at {got}")
        check_width(text, env, key)
    return 1


def main():
    chance = random.Random(4)
    n_layouts = n_gpus = n_plans = 0
    with Place() as p:
        for board in boards(p):
            try:
                for profiles in ("plain", "all"):
                    n_layouts += check_layouts(p, board, profiles)
                layout = chance.choice(truth(p, board["key"], "all"))
                ids = {i["profile"]: i["profile_id"] for i in p.json(
                    "layouts", board["key"], "--profiles", "all", "--all")["instances"]}
                gis = check_gpu(p, board, chance.sample(layout, chance.randint(1, len(layout))), ids)
                n_gpus += 1
                n_plans += check_plan(p, board, gis, ids)
            except Wrong as e:
                fail(f"{board['key']}: {e}")
    check(n_plans > 10, f"only {n_plans} plans were possible")
    print(f"{n_layouts} layouts, {n_gpus} GPUs, {n_plans} plans: as drawn, so they are")


if __name__ == "__main__":
    main()
