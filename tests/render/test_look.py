#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an SVG of ours is like in a page: well-formed, by itself (nothing is fetched, nothing runs), text
as text, every class has a rule in the light and the dark scheme, and text can be read on what lies
under it: a contrast of at least 4.5 (WCAG 2.1, level AA) in both."""
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
sys.path[:0] = [str(SOURCE / "tests/lab")]
from labtest import BUSY, NOT_FOUND, UNAVAILABLE, Place, check  # noqa: E402
from pictures import SVG, Svg  # noqa: E402

ELEMENTS = {SVG + name for name in ("svg", "title", "desc", "style", "g", "rect", "line", "text")}


def rules(sheet):
    """({selector: fill}, the same in the dark, where a rule of the light holds if it has none)."""
    light, _, dark = sheet.partition("@media (prefers-color-scheme: dark) {")
    check(dark, "there is no dark scheme")
    found = []
    for part in (light, dark):
        fills = dict(found[0]) if found else {}
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", part):
            fill = re.search(r"(?<![-\w])fill:\s*(#[0-9a-f]{6})", body)
            for selector in selectors.split(","):
                if fill:
                    fills[selector.strip().removeprefix(".migkit ")] = fill[1]
        found.append(fills)
    return found


def luminance(color):
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def pairs(svg):
    """(class of a text, class of the rectangle it stands on) of a picture."""
    rects = [(int(float(r.get("x"))), int(float(r.get("y"))), int(r.get("width")), int(r.get("height")),
              r.get("class")) for r in svg.root.iter(SVG + "rect")]
    for text in svg.root.iter(SVG + "text"):
        x, y = int(text.get("x")), int(text.get("y"))
        under = [r[4] for r in rects if r[0] <= x < r[0] + r[2] and r[1] <= y <= r[1] + r[3]]
        check(under, f"{text.text!r} stands outside of the picture")
        yield text.get("class"), under[-1]


def check_picture(name, text):
    svg = Svg(text)
    tags = {e.tag for e in svg.root.iter()}
    check(tags <= ELEMENTS, f"{name}: {tags - ELEMENTS}")
    for word in ("http", "url(", "@import", "href", "script", "onload", "<image"):
        rest = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        check(word not in rest, f"{name}: has {word}")
    root = svg.root
    labels = root.get("aria-labelledby").split()
    byid = {e.get("id"): e for e in root.iter() if e.get("id")}
    check(root.get("role") == "img" and all(byid[i].text for i in labels) and len(labels) == 2,
          f"{name}: no title or description")
    for g in root.iter(SVG + "g"):
        check(g.get("id") and g.get("class"), f"{name}: a part without id or class")
        if g.get("data-profile"):
            check(g.get("data-profile") in byid[labels[1]].text, f"{name}: {g.get('id')} isn't described")
    _, _, width, height = (int(n) for n in root.get("viewBox").split())
    for r in root.iter(SVG + "rect"):
        check(float(r.get("x")) + int(r.get("width")) <= width and
              float(r.get("y")) + int(r.get("height")) <= height, f"{name}: drawn past the edge")
    light, dark = rules(next(root.iter(SVG + "style")).text)
    worst = 99
    for over, under in set(pairs(svg)):
        for scheme, fills in (("light", light), ("dark", dark)):
            check(f"rect.{under}" in fills, f"{name}: rect.{under} has no colour")
            ink = fills.get(f"text.{over}", fills["text"])
            seen = contrast(ink, fills[f"rect.{under}"])
            check(seen >= 4.5, f"{name}: text.{over} on {under}, {scheme}: {seen:.1f}")
            worst = min(worst, seen)
    check(light["rect.ground"] != dark["rect.ground"], f"{name}: light and dark are the same")
    return worst


def check_file(p):
    """A picture takes an older one's place; another file stays, and so does the picture if it fails."""
    words = ["draw", "--board", "a30", "--svg"]
    p.ok(*words, "picture.svg")
    p.ok(*words, "picture.svg", "--profiles", "all")
    drawn = p.root / "picture.svg"
    check(drawn.read_text() == p.ok(*words, "-", "--profiles", "all"), "the older picture is still there")
    mine = p.root / "mine.svg"
    mine.write_text("<svg>somebody else's</svg>")
    p.refused(BUSY, ["mine.svg", "something else"], *words, "mine.svg")
    check(mine.read_text() == "<svg>somebody else's</svg>", "another file was overwritten")
    p.refused(NOT_FOUND, ["no/where.svg"], *words, "no/where.svg")
    p.refused(UNAVAILABLE, ["does not fit"], "draw", "--board", "a30", "--layout", "5x1g.6gb", "--svg",
              "picture.svg")
    check({f.name for f in p.root.iterdir() if f.is_file()} == {"picture.svg", "mine.svg"},
          f"left behind: {list(p.root.iterdir())}")


def main():
    with Place() as p:
        check_file(p)
        p.create("one", driver="515.86.01")
        p.ok("--lab", "one", "smi", "-mig", "1")
        p.ok("--lab", "one", "smi", "mig", "-cgi", "9:4,14:0", "-C")
        p.ok("--lab", "one", "smi", "mig", "-cgi", "19:2")
        device = next(i for i in p.json("lab", "status", "one")["instances"] if i["ci"] is not None)
        p.ok("lab", "client", "start", "--lab", "one", "--name", "a<b>&c", "--memory", "1GiB",
             "--device", device["uuid"])
        p.create("off", driver="515.86.01")
        p.create("lost", driver="515.86.01")
        p.ok("lab", "inject", "0", "xid=79", "--lab", "lost")
        pictures = {name: p.ok(*words, "--svg", "-") for name, words in {
            "gpu": ["--lab", "one", "draw"],
            "off": ["--lab", "off", "draw"],
            "lost": ["--lab", "lost", "draw"],
            "plan": ["--lab", "one", "draw", "--plan", "3g.40gb", "1g.10gb@3"],
            "layouts": ["draw", "--board", "a100-80gb-pcie", "--profiles", "all"],
            "twelve": ["draw", "--board", "rtx-pro-6000-workstation", "--profiles", "all"],
            "board": ["draw", "--board", "gh200-96gb", "--layout", "3g.48gb", "2g.24gb"],
        }.items()}
    worst = min(check_picture(*pair) for pair in pictures.items())
    check("a&lt;b&gt;&amp;c" in pictures["gpu"], "the process's name is not in the picture")
    check(re.search(r'class="block goes"', pictures["plan"]), "nothing goes in the plan")
    print(f"{len(pictures)} pictures, contrast at least {worst:.1f}")


if __name__ == "__main__":
    main()
