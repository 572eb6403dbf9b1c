# SPDX-License-Identifier: Apache-2.0
"""Reads pictures back: rectangles of an SVG and of a terminal's text, in placement units.

A part is (profile, start, size). What is read is where things were drawn, never the attributes or
numbers that say where they were meant to be; data-* of an SVG are compared with it."""
import collections
import re
import xml.etree.ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
BARS = "│|├┤┼"
Part = collections.namedtuple("Part", "profile start size")


class Wrong(Exception):
    pass


def need(ok, text):
    if not ok:
        raise Wrong(text)


class Svg:
    """A picture's groups by class; the rectangles' scale follows from the rulers' frame."""

    def __init__(self, text):
        self.text = text
        self.root = ET.fromstring(text)
        need(self.root.tag == SVG + "svg", "no svg")
        ids = [e.get("id") for e in self.root.iter() if e.get("id")]
        need(len(ids) == len(set(ids)), f"ids that are double: {sorted(ids)}")

    def groups(self, kind, within=None):
        return [g for g in (within if within is not None else self.root).iter(SVG + "g")
                if g.get("class").split()[0] == kind]

    def texts(self, within):
        return [t.text for t in within.iter(SVG + "text")]

    @staticmethod
    def rect(group):
        """The group's own rectangle: x, y, width, height."""
        r = group.find(SVG + "rect")
        need(r is not None, f"{group.get('id')} has no rectangle")
        return tuple(int(r.get(k)) for k in ("x", "y", "width", "height"))

    def part(self, group, x0, unit):
        """Where the group's rectangle is, which must be where its data say."""
        x, _, w, _ = self.rect(group)
        need((x - x0) % unit == 0 and w % unit == 0,
             f"{group.get('id')}: {x}+{w} lies between units of {unit} from {x0}")
        part = Part(group.get("data-profile"), (x - x0) // unit, w // unit)
        said = Part(group.get("data-profile"), int(group.get("data-start")),
                    int(group.get("data-size")))
        need(part == said, f"{group.get('id')} is drawn at {part}, its data say {said}")
        return part

    def title(self, group):
        t = group.find(SVG + "title")
        return t.text if t is not None else None

    def layouts(self, units):
        """number -> [Part]: rows of layouts."""
        rows = {}
        for row in self.groups("layout"):
            x0, y0, width, height = self.rect(row)
            need(width % units == 0, f"{row.get('id')}: {width} columns for {units} units")
            parts = []
            for block in self.groups("block", row):
                _, y, _, h = self.rect(block)
                need((y, h) == (y0, height), f"{block.get('id')} is not in its row")
                parts.append(self.part(block, x0, width // units))
            number = int(row.get("id").rsplit("-", 1)[1])
            need(str(number) in [t.strip() for t in self.texts(row)], f"{number} is not written")
            rows[number] = parts
        return rows

    def stages(self, units):
        """label -> ([(Part, state)], [free Part]): a plan."""
        found = {}
        for stage in self.groups("stage"):
            blocks, free = self.groups("block", stage), self.groups("free", stage)
            rects = [self.rect(g) for g in blocks + free]
            x0, end = min(r[0] for r in rects), max(r[0] + r[2] for r in rects)
            need((end - x0) % units == 0, f"{stage.get('id')}: {end - x0} for {units} units")
            unit = (end - x0) // units
            found[self.title(stage)] = (
                [(self.part(g, x0, unit), g.get("class").split()[1]) for g in blocks],
                [self.part(g, x0, unit) for g in free])
        return found

    def gpu(self, units, slices, group=None):
        """([GI Part], {(GI start): [CI Part]}, [free memory Part], [compute slices nobody has])."""
        gpu = group if group is not None else self.groups("gpu")[0]
        gis, free = self.groups("gi", gpu), self.groups("free-memory", gpu)
        rects = [self.rect(g) for g in gis + free]
        x0, end = min(r[0] for r in rects), max(r[0] + r[2] for r in rects)
        unit = (end - x0) // units
        per_slice = unit * units // slices
        cis = {}
        for gi in gis:
            start = self.part(gi, x0, unit).start
            cis[start] = [self.part(ci, x0, per_slice) for ci in self.groups("ci", gi)]
        return ([self.part(g, x0, unit) for g in gis], cis,
                [self.part(g, x0, unit) for g in free],
                [self.part(g, x0, per_slice).start for g in self.groups("free-compute", gpu)])


def boxes(line, first, last):
    """(start column, end column, text) between the uprights of a line, from column first to last."""
    at = [i for i, c in enumerate(line[:last + 1]) if c in BARS and i >= first]
    return [(a, b, line[a + 1:b].strip()) for a, b in zip(at, at[1:])]


def short(profile):
    """1g.10gb+me as a narrow box may have it."""
    return re.sub(r"\.\d+gb", "", profile)


def layout_rows(text, units):
    """number -> [(name, start, size)] of a drawing of layouts, in one column or in several."""
    rows = {}
    lines = text.splitlines()
    for line in lines:
        for m in re.finditer(r"(\d+) ([│|])", line):
            first = m.start(2)
            # The frame's rule above or below says where this column of rows ends.
            last = first + rule_length(lines, first)
            unit = (last - first) // units
            need((last - first) == unit * units, f"{last - first} columns for {units} units")
            parts = []
            for a, b, name in boxes(line, first, last):
                need((a - first) % unit == 0 and (b - a) % unit == 0, f"{line!r}: between units")
                if name:
                    parts.append(Part(name, (a - first) // unit, (b - a) // unit))
            need(int(m[1]) not in rows, f"layout {m[1]} is there twice")
            rows[int(m[1])] = parts
    return rows


def rule_length(lines, first):
    for line in lines:
        m = re.match(r"[┌+][─┬┼+-]*[┐+]", line[first:])
        if m and m.end() > 1:
            # Neighbours to the right begin behind blanks.
            return m.end() - 1
    raise Wrong("the layouts have no rule above them")


def label_rows(text, label):
    """The lines of the box row that begins at this label, with the label taken off."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if re.match(rf"\s*{label}\s*[│|]", line):
            end = i
            while end < len(lines) and re.search(r"[│|]", lines[end][:len(lines[end])]) and \
                    not re.match(r"\s*[├└┌+]", lines[end]):
                end += 1
            return [re.sub(r"^\s*" + label, lambda m: " " * len(m[0]), lines[i])] + lines[i + 1:end]
    raise Wrong(f"no line {label!r} in the picture")


def box_row(text, label, units, width=None):
    """[(start, size, [text lines])] of a row of boxes, and the columns of the whole row."""
    lines = label_rows(text, label)
    first = next(i for i, c in enumerate(lines[0]) if c in "│|")
    last = max(i for i, c in enumerate(lines[0]) if c in "│|")
    unit = (width or last - first) // units
    found = []
    for a, b, _ in boxes(lines[0], first, last):
        need((a - first) % unit == 0 and (b - a) % unit == 0,
             f"{lines[0]!r}: {a}-{b} lies between units of {unit} from {first}")
        found.append(((a - first) // unit, (b - a) // unit, [s[a + 1:b].strip() for s in lines]))
    return found, last - first
