#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of commands, and all that is made of it: help, manual pages and README.md's list have each of
its commands and options and no others (completion: test_completion.py), and the exit codes are those of
src/cli/cmd.h. A page that is not as tools/gen-man writes it, or that a formatter warns of, fails."""
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import readers  # noqa: F401  (finds labtest)
from labtest import MIGCTL, SOURCE, Place, check

MAN = SOURCE / "doc" / "man"
EVERYWHERE = {"--help", "--version", "--lab"}
# Of other programs: ps -o comm and so on have one dash.
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def plain(roff):
    """The page's words without its typesetting."""
    text = re.sub(r"^\.\\\".*\n", "", roff, flags=re.M)
    text = re.sub(r"\\f[BIRP]|\\&", "", text)
    text = re.sub(r"^\.(?:BR|BI|RB|IR|B|I|TP|PP|SH|SS|TH|IP|br|RS|RE|EX|EE) ?", "", text, flags=re.M)
    return text.replace("\\-", "-").replace('"', "").replace("\\(dq", '"')


def stem(name):
    return name.replace(" ", "-")


def help_of(p, table):
    overview = p.ok("help").split("\nTopics of")
    names = re.findall(r"^  (\S+(?: \S+)*?)(?:  |$)", overview[0], re.M)
    check(names == [c["name"] for c in table["commands"]], f"the overview lists {names}")
    topics = re.findall(r"^  ([a-z-]+) ", overview[1], re.M)
    check(topics == table["topics"], f"the overview lists the topics {topics}")
    for command in table["commands"]:
        text = p.ok("help", *command["name"].split())
        shown = re.findall(r"^  (?:-(\w), |    )--([\w-]+)", text, re.M)
        check(shown == [(o["letter"] or "", o["name"]) for o in command["options"]],
              f"migctl help {command['name']}: {shown}")
        # A topic of the same name follows the command.
        check(command["name"] == "smi" or text.startswith(p.ok(*command["name"].split(), "--help")),
              f"migctl {command['name']} --help says something else than migctl help {command['name']}")


def pages(table):
    check({p.name for p in MAN.glob("*.1")}
          == {"migctl.1"} | {f"migctl-{stem(c['name'])}.1" for c in table["commands"]}, "pages without a command")
    options = {"--" + o["name"] for c in table["commands"] for o in c["options"]} | EVERYWHERE
    for command in table["commands"]:
        path = MAN / f"migctl-{stem(command['name'])}.1"
        roff = path.read_text(encoding="utf-8")
        section = roff.partition("\n.SH OPTIONS\n")[2].partition("\n.SH ")[0]
        heads = re.findall(r"^\.TP\n(?:\\fB\\-(\w)\\fR, )?\\fB\\-\\-([\w\\-]+)\\fR", section, re.M)
        check([(a, b.replace("\\-", "-")) for a, b in heads]
              == [(o["letter"] or "", o["name"]) for o in command["options"]], f"{path.name} has the options {heads}")
        for option in OPTION.findall(plain(roff)):
            check(option in options, f"{path.name} has {option}, migctl has not")
    for path in MAN.glob("*.1"):
        text = plain(path.read_text(encoding="utf-8"))
        for name in re.findall(r"\b(migctl-[a-z-]+) \(1\)", text):
            check((MAN / f"{name}.1").exists(), f"{path.name} points to {name}")
    for option in OPTION.findall(plain((MAN / "migctl.1").read_text(encoding="utf-8"))):
        check(option in options, f"migctl.1 has {option}, migctl has not")
    said = plain((MAN / "prose" / "help.roff").read_text(encoding="utf-8"))
    for topic in table["topics"]:
        check(re.search(rf"^{topic}\b", said, re.M), f"the page of help lacks the topic {topic}")


def formatters():
    """Neither of those who print pages has anything to say; a date is none of the source's."""
    for program, words in (("groff", ["-man", "-ww", "-Tutf8", "-z"]),
                           ("mandoc", ["-T", "lint", "-W", "warning"])):
        check(shutil.which(program), f"{program} is not installed: tools/need --install test")
        for path in MAN.glob("*.1"):
            done = subprocess.run([program, *words, str(path)], capture_output=True, text=True, check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]
            check(not said, f"{program}: {said}")


def readme(table):
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\[`([a-z ]+)`\]\(doc/man/migctl-([a-z-]+)\.1\)", text)
    check(listed == [(c["name"], stem(c["name"])) for c in table["commands"]], f"README.md lists {listed}")
    for first in re.findall(r"`migctl ([a-z]+)", text):
        check(any(c["name"].split()[0] == first for c in table["commands"]), f"README.md: migctl {first}")


def exit_codes():
    codes = re.findall(r"CLI_EXIT_\w+ = (\d+)", (SOURCE / "src" / "cli" / "cmd.h").read_text(encoding="utf-8"))
    topic = re.findall(r"^ +(\d+)   ", (SOURCE / "data" / "help" / "exit-codes.txt").read_text(), re.M)
    page = (MAN / "migctl.1").read_text(encoding="utf-8").partition(".SH EXIT STATUS")[2].partition(".SH ")[0]
    check(topic == codes, f"the topic exit-codes has {topic}, cmd.h {codes}")
    check(re.findall(r"^\.TP\n\.B (\d+)$", page, re.M) == codes, f"migctl.1 has other exit codes than {codes}")


def drift():
    """tools/gen-man finds each kind of it: in a copy, where something was changed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("doc/man", "tools"):
            shutil.copytree(SOURCE / name, root / name)
        shutil.copy(SOURCE / "README.md", root)

        def stale():
            done = subprocess.run([root / "tools" / "gen-man", "--check", str(MIGCTL)], capture_output=True,
                                  text=True, check=False)
            return done.returncode, done.stdout + done.stderr

        check(stale() == (0, ""), f"not as tools/gen-man writes it; write it anew with tools/gen-man: {stale()[1]}")
        for name, old, new in (("README.md", "[`who`]", "[`why`]"), ("doc/man/migctl.1", "migctl\\-who", "migctl\\-why"),
                               ("doc/man/migctl-who.1", "device", "divice"),
                               ("doc/man/prose/who.roff", "device", "divice"),
                               ("doc/man/prose/who.roff", "", ".OPTION nonsense\n")):
            text = (root / name).read_text(encoding="utf-8")
            (root / name).write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
            rc, said = stale()
            check(rc == 1 and Path(name).stem in said, f"gen-man does not see a change of {name}: {said}")
            (root / name).write_text(text, encoding="utf-8")
        (root / "doc/man/migctl-gone.1").write_text("")
        check("migctl-gone" in stale()[1], "gen-man does not see a page without a command")
        (root / "doc/man/prose/who.roff").unlink()
        check("prose/who.roff is missing" in stale()[1], "gen-man does not miss prose")


def main():
    with Place() as p:
        table = json.loads(p.ok("__table"))
        check(len(table["commands"]) > 30, "the table cannot be read")
        help_of(p, table)
    drift()
    pages(table)
    readme(table)
    exit_codes()
    formatters()


main()
