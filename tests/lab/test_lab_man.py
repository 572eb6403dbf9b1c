#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The man page knows every command and option of the program, and no others."""
import re
import shutil
import subprocess

from labtest import SOURCE, Place, check


def plain(roff):
    """The page's words without its typesetting."""
    text = re.sub(r"\\f[BIRP]", "", roff)
    text = re.sub(r"^\.(?:BR|BI|RB|IR|B|I|TP|PP|SH|TH|IP|br|RS|RE|EX|EE) ?", "", text, flags=re.M)
    return text.replace("\\-", "-").replace('"', "").replace("\\(dq", '"')


def squeeze(text):
    return re.sub(r"[\s]+", "", text)


def overview_names(text):
    return re.findall(r"^  (\S+(?: \S+)*?)(?:  |$)", text, re.M)


def sections(page, names):
    """{command: what its section says}; a section may be that of several commands."""
    found, current = {}, []
    lines = page.splitlines()
    for before, line in zip(["", *lines], lines):
        head = plain(re.sub(r"\\f[BIRP]", "", line)) if line.startswith((".BR", ".BI", ".B ")) else ""
        about = [n for n in names if re.match(r"migctl " + n + r"(?![ ]?[a-z])", head.replace("[", " ["))]
        if about and before.startswith((".TP", ".TQ")):
            current = [*(current if before == ".TQ" else []), about[-1]]
            found.setdefault(about[-1], "")
        elif line.startswith(".S"):
            current = []
        for name in current:
            found[name] += line + "\n"
    return {name: plain(text) for name, text in found.items()}


def main():
    page = (SOURCE / "doc" / "man" / "migctl.1").read_text(encoding="utf-8")
    words = plain(page)
    with Place() as p:
        names = overview_names(p.ok("help").split("\nTopics of")[0])
        check(len(names) > 15, f"the overview cannot be read: {names}")
        options, own = set(), sections(page, names)
        for name in names:
            check(name in own, f"the man page has no section of 'migctl {name}'")
            check(squeeze("migctl " + name) in squeeze(words), f"the man page lacks 'migctl {name}'")
            for option in re.findall(r"^  (?:-(\w), |    )--([\w-]+)",
                                     p.ok("help", *name.split()), re.M):
                options.add("--" + option[1])
                if option[0]:
                    options.add("-" + option[0])
                forms = "|".join(["--" + option[1], *(["-" + option[0]] if option[0] else [])])
                check(re.search(rf"(?<![\w-])(?:{forms})(?![\w-])", own[name]),
                      f"the man page's section of 'migctl {name}' lacks {forms}")
        for option in sorted(options):
            check(re.search(r"(?<![\w-])" + re.escape(option) + r"(?![\w-])", words),
                  f"the man page lacks the option {option}")
        for option in set(re.findall(r"(?<![\w-])--[a-z][\w-]*", words)):
            check(option in options | {"--help", "--version", "--lab"},
                  f"the man page has {option}, migctl has not")
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z",
                               str(SOURCE / "doc" / "man" / "migctl.1")], capture_output=True,
                              text=True, check=False)
        check(done.returncode == 0 and not done.stderr, f"groff: {done.stderr}")


main()
