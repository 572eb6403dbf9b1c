# SPDX-License-Identifier: Apache-2.0
"""What the rows come to: the two tables at the head of the page, and where to look first."""
import page
import programs



def rows_of(results):
    """(number, situation, on, branch, before, row) of all of them."""
    for number, (situation, rows) in enumerate(results, 1):
        for on, _, made in rows:
            for branch, (before, row) in made.items():
                yield number, situation, on, branch, before, row


def label(program, branch):
    return f"{program} {branch}" if program == "nvidia-smi" else program


def changers(results):
    """program -> how often: runs, as asked, unchanged, ..."""
    found = {}
    for _, _, _, branch, before, row in rows_of(results):
        if row.shows is not None:
            continue
        name = label(programs.program_of(row.command), branch)
        count = found.setdefault(name, dict.fromkeys(
            ("runs", "as asked", "unchanged", "pending", "half made", "lies", "again", "again done"), 0))
        verdict = page.verdict(before, row)
        count["runs"] += 1
        count[verdict] += 1
        count["lies"] += row.exit == "0" and verdict != "as asked"
        count["again"] += bool(row.again)
        count["again done"] += row.again == "done"
    return found


def lookers(results):
    found = {}
    for _, situation, _, branch, before, row in rows_of(results):
        if not row.shows and not before.row.shows or row.shows is None:
            continue
        name = label(programs.program_of(row.command), branch)
        count = found.setdefault(name, dict.fromkeys(("runs", "same", "part", "nothing", "silent", "well hidden"), 0))
        lost = page.missing(before, row)
        count["runs"] += 1
        count["same" if not lost else "part" if row.shows else "nothing"] += 1
        count["silent"] += bool(lost) and row.exit == "0" and not row.says and not page.marked(row)
        count["well hidden"] += page.healthy(situation, row, lost)
    return found


def head(words):
    return [f"| {' | '.join(words)} |", f"|{' --- |' * len(words)}"]


def table(results):
    lines = ["## What came out", "", "Programs that change something:", ""]
    lines += head(["program", "runs", "as asked", "unchanged", "pending", "half made", "exit 0, not as asked",
                   "tried again: done"])
    for name, c in sorted(changers(results).items()):
        lines.append(f"| {name} | {c['runs']} | {c['as asked']} | {c['unchanged']} | {c['pending']} | {c['half made']} | "
                     f"{c['lies']} | {c['again done']} of {c['again']} |")
    lines += ["", "Programs that look:", ""]
    lines += head(["program", "runs", "the same as ever", "a part", "nothing", "less, without a word",
                   "hides the GPU that is well"])
    for name, c in sorted(lookers(results).items()):
        lines.append(f"| {name} | {c['runs']} | {c['same']} | {c['part']} | {c['nothing']} | {c['silent']} | "
                     f"{c['well hidden']} |")
    return "\n".join([*lines, "", *notable(results)])


def where(number, branch, row):
    name = row.command.replace(" -f config.yaml", "")
    return name + (f" ({branch})" if programs.program_of(row.command) == "nvidia-smi" else ""), number


def notable(results):
    """Lists of rows that their authors may want to see first."""
    lists = {"Ends with 0, and has not done what it was asked": [],
             "Leaves a GPU half made": [],
             "Does not finish when it is tried again": [],
             "Hides the GPU that is well, or calls it ill": []}
    lies, half, stuck, hidden = lists.values()
    for number, situation, _, branch, before, row in rows_of(results):
        place = where(number, branch, row)
        if row.shows is None:
            verdict = page.verdict(before, row)
            if row.exit == "0" and verdict != "as asked":
                lies.append(place)
            if verdict == "half made":
                half.append(place)
            if row.again not in ("", "done"):
                stuck.append(place)
        elif page.healthy(situation, row, page.missing(before, row)):
            hidden.append(place)
    return [f"**{title}**: {'; '.join(merged(places))}.\n" for title, places in lists.items() if places]


def merged(places):
    """Each command once, with its sections; nvidia-smi of both branches is named once."""
    found = {}
    for name, number in places:
        numbers = found.setdefault(name, [])
        if number not in numbers:
            numbers.append(number)
    for name in [n for n in found if n.endswith(" (550)")]:
        plain = name.removesuffix(" (550)")
        if found.get(f"{plain} (535)") == found[name]:
            found[plain] = found.pop(name)
            del found[f"{plain} (535)"]
    return [f"{page.code(name)} in {', '.join(map(str, numbers))}" for name, numbers in found.items()]
