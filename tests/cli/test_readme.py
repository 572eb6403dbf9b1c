#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What README.md shows of migctl is what it prints."""
import os
import pathlib
import re

import readers  # noqa: F401  (finds labtest)
from labtest import Place, check

PAGE = pathlib.Path(os.environ["MIGKIT_SOURCE"]) / "README.md"


def main():
    text = PAGE.read_text(encoding="utf-8")
    shown = [part for block in re.findall(r"^```\n(\$ .*?)^```$", text, re.M | re.S)
             for part in re.split(r"^\$ ", block, flags=re.M)[1:]]
    check(shown, "README.md shows no command with its output")
    with Place() as p:
        for part in shown:
            command, _, output = part.partition("\n")
            words = command.split()
            check(words[0] == "migctl", f"README.md: not a command of ours: {command}")
            done = p.run(*words[1:], env={"COLUMNS": "100"})
            check(done.stdout + done.stderr == output, f"README.md: {command} prints:\n{done.stdout}{done.stderr}")


main()
