#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Habits of the house that a pattern can see: who prints, who exits, which calls are not used."""
import re

import common

PROGRAMS = r"src/(?:cli|smi)/.*"
PROCESSES = r"src/cli/.*"
# Its crash test build counts stores, by an environment variable.
CRASH = r"|src/lab/store\.c"

# (pattern, files where it is fine, what is wrong elsewhere)
HABITS = [
    (r"\b(?:printf|puts|putchar|perror|vprintf|psignal)\s*\(|\b(?:stdout|stderr)\b",
     PROGRAMS + r"|src/sim/log\.c", "only programs print"),
    (r"(?<![\w.>])(?:exit|abort|err|errx|error)\s*\(", r"src/cli/main\.c|tests/.*", "only main() exits"),
    (r"(?<![\w.>])(?:_exit|_Exit|fork|vfork|posix_spawnp?|exec[lv]\w*)\s*\(", PROCESSES + r"|tests/.*",
     "only the commands of migctl start or end processes"),
    (r"(?<![\w.>])(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|system|tmpnam|mktemp)\s*\(",
     r"", "not used here: unbounded, unchecked or through a shell"),
    (r"(?<![\w.>])(?:setenv|putenv|unsetenv|setlocale|signal|sigaction|pthread_create|chdir)\s*\(",
     PROGRAMS + r"|src/render/.*|tests/.*",
     "a library changes nothing of its host: environment, locale, signals, threads"),
    (r"(?<![\w.>])getenv\s*\(", PROGRAMS + r"|src/render/.*|tests/.*" + CRASH,
     "secure_getenv() in what is loaded into other programs"),
    # src/sim's SIM_ENTRY makes functions (NAME_##sym params), not state.
    (r"^\t+static\s+(?![^\n=;]*\w##\w+ params\b)(?!const\b|inline\b|_Thread_local\s+const\b)(?![^;=]*\bconst\b[^;=]*(?:=|;))",
     r"tests/.*" + CRASH, "state hidden in a function"),
    # lab/map.c has to see forks of whatever program the driver was loaded into.
    (r"__attribute__\s*\(\(\s*(?:constructor|destructor)", r"src/sim/.*|src/lab/map\.c",
     "nothing registers itself"),
]


def check(root, below=("include", "src", "tests")):
    findings = []
    for path in common.files(".c", ".h", root=root, below=below):
        rel = str(path.relative_to(root))
        code = common.code_only(common.read(path))
        for pattern, fine, why in HABITS:
            if fine and re.fullmatch(fine, rel) or (rel.startswith("tests/") and "print" in why):
                continue
            for m in re.finditer(pattern, code, re.M):
                line = code.count("\n", 0, m.start()) + 1
                findings.append(f"{rel}:{line}: {why}: {m.group(0).strip()}")
    return findings


if __name__ == "__main__":
    common.finish(check(common.ROOT), "habits")
