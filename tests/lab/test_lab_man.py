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


def main():
    page = (SOURCE / "doc" / "man" / "migctl.1").read_text(encoding="utf-8")
    words = plain(page)
    with Place() as p:
        names = overview_names(p.ok("help").split("\nTopics of")[0])
        check(len(names) > 15, f"the overview cannot be read: {names}")
        options = set()
        for name in names:
            check(squeeze("migctl " + name) in squeeze(words), f"the man page lacks 'migctl {name}'")
            for option in re.findall(r"^  (?:-(\w), |    )--([\w-]+)",
                                     p.ok("help", *name.split()), re.M):
                options.add("--" + option[1])
                if option[0]:
                    options.add("-" + option[0])
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
