# SPDX-License-Identifier: Apache-2.0
"""The page doc/what-tools-do-under-faults.md, made of rows alone."""
import re

import play
import programs

HEAD = """\
# What tools do under faults

The programs that manage and watch MIG, unmodified, on a simulated driver where one thing goes wrong at a time: an
instance is busy, a create fails half way, a destroy takes a second, a GPU falls off the bus, the program itself is
killed between two calls. Each row below is one run, and `tests/clients/test_under_faults.py` runs all of them
again in every `make test` and compares this page byte for byte. The page is for the authors of these programs.
It blames nobody: most of this happens on one machine in a thousand, where nobody can look.

{versions}

How to read it, and what it is worth:

- Each run has a fresh machine of two A100 40GB under driver 550.163.01 (535.261.03 for nvidia-smi 535).
- *on* says how it looks before:
{layouts}
- Under each heading stand the commands that make the trouble; type them yourself after `eval "$(migctl lab env NAME)"`.
  A fault is in the driver's answers, by number: "the second create", so each run is the same.
- *says* is the first and the last line that complains, without time stamps; UUIDs are replaced by which GPU it is.
- *as asked*: the GPUs are as the same command leaves them when nothing goes wrong (which is measured, too). *unchanged*:
  as before. **pending**: a mode waits for a reset. **half made**: none of these. *again* is the same command once more
  when the trouble is over.
- For programs that only look, what they show is held against what they show without the trouble.
- The GPUs are simulated. That a call fails, and how, is our choice; hardware may choose other calls and codes. What the
  program then does is its own.
- mig-parted's configuration asks for `2g.10gb: 2` and `1g.5gb: 1`: `gpu0` on GPU 0, `both` on all, and `none` for
  MIG mode off on GPU 0. It calls nvidia-smi for resets: NVIDIA's own 550.
- k8s-device-plugin runs beside a stand-in for the kubelet; what it *shows* is what it lists there. nvidia-smi rows are of
  535 and 550 alike unless one is named.
"""


def escape(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def code(text):
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


def quoted(lines):
    return "<br>".join(escape(line) for line in lines)


def missing(before, row):
    """What a program does not show of what it shows without the trouble."""
    return [x for x in before.row.shows if x not in row.shows]


def verdict(before, row):
    """A changer's: as asked, unchanged, pending, half made."""
    if row.after == before.row.after:
        return "as asked"
    if row.after == before.layout:
        return "unchanged"
    rest = {g: re.sub(r", MIG \w+ pending$", "", words) for g, words in row.after.items()}
    return "pending" if rest == before.layout else "half made"


def leaves(before, row):
    if row.shows is not None:
        return shows(before, row)
    found = verdict(before, row)
    if found in ("pending", "half made"):
        found = f"**{found}**: " + "; ".join(f"GPU {g}: {words}" for g, words in row.after.items()
                                             if words != before.layout[g])
    if row.slowed:
        found += f"; {row.slowed} s in slow calls"
    if row.again:
        found += f"; again: {row.again}"
    return found


def gpu_of(item):
    return item.split()[1].partition(":")[0]


def several(before, items):
    """Things by name; all that a GPU has, in short."""
    words = []
    for gpu in dict.fromkeys(gpu_of(x) for x in items if x.startswith(("GPU", "MIG"))):
        own = [x for x in before.row.shows if x.startswith(("GPU", "MIG")) and gpu_of(x) == gpu]
        mine = [x for x in items if x.startswith(("GPU", "MIG")) and gpu_of(x) == gpu]
        words += [f"anything of GPU {gpu}"] if len(own) > 1 and set(own) == set(mine) else mine
    return ", ".join(words + [x for x in items if not x.startswith(("GPU", "MIG"))])


def shows(before, row):
    lost, ill = missing(before, row), [x.removesuffix(" unhealthy") for x in row.shows if x.endswith(" unhealthy")]
    new = [x for x in row.shows if x not in before.row.shows and not x.endswith(" unhealthy")]
    lost = [x for x in lost if x not in ill]
    if not before.row.shows:
        return "–"
    if not lost and not new and not ill:
        return "shows the same as ever"
    if not row.shows:
        return "shows nothing"
    words = [f"calls unhealthy: {several(before, ill)}"] if ill else []
    words += [f"shows {', '.join(new)}"] if new else []
    words += [f"does not show {several(before, lost)}"] if lost else []
    return escape("; ".join(words))


def cells(before, row, on, who):
    return f"| {code(row.command)}{who} | {on} | {row.exit} | {quoted(row.says)} | {leaves(before, row)} |"


TABLE = "| command | on | exit | says | leaves or shows |\n| --- | --- | --- | --- | --- |"


def section(number, situation, rows):
    """rows: [(on, command, {branch: (before, row)})]"""
    lines = [f"### {number}. {situation.title}", "", *([situation.why, ""] if situation.why else [])]
    lines += ["```", *situation.shown(), "```", "", TABLE]
    for on, _, by_branch in rows:
        made = {branch: cells(before, row, on, "") for branch, (before, row) in by_branch.items()}
        if len(set(made.values())) == 1:
            lines.append(next(iter(made.values())))
        else:
            lines += [cells(before, row, on, f" ({branch})") for branch, (before, row) in by_branch.items()]
    return "\n".join(lines) + "\n"


def head(tools):
    versions = "\n".join(f"- {name} {version}" for name, version in tools.versions.items())
    layouts = "\n".join(f"  *{name}*: {text}{'.' if name == 'bare' else ';'}"
                        for name, (text, _) in play.LAYOUTS.items())
    return HEAD.format(versions=versions, layouts=layouts)


def marked(row):
    """Whether what is shown says that something is wrong, of a thing itself."""
    return any(" as '" in x or "unhealthy" in x for x in row.shows)


def healthy(situation, row, lost):
    """Whether things of the GPU that is well are not shown as such, where only one is not well."""
    well = "0" if situation.ill == "GPU 1" else "1"
    return bool(situation.ill and lost) and (
        not row.shows or any(x.startswith((f"GPU {well}", f"MIG {well}:")) for x in lost))
