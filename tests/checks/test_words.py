#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing in the tree names the machine it was written on, or leaves work for later; each source
file says its licence."""
import re

import common

# Written with gaps so that this file does not find itself.
FORBIDDEN = [
    (r"/wor[k]/(?:shared|main)", "a path of one machine"),
    (r"/tm[p]/wt\b", "a path of one machine"),
    (r"\.\./share[d]\b", "a path outside the project"),
    (r"(?<![\w.$}])/(?:root|home/\w+)/", "a path of one machine"),
    (r"\b(?:docker|ghcr|quay|nvcr|gcr)\.i[o]\b", "a registry host"),
    (r"\bregistry(?:-\d+)?\.[a-z0-9-]+\.[a-z]", "a registry host"),
    (r"\b(?:TOD[O]|FIXM[E])\b", "work left for later"),
]
SPDX = "SPDX-License-Identifier: Apache-2.0"
NEEDS_SPDX = {".c", ".h", ".py", ".sh", ".yaml", ".map"}
# Kept as they came from elsewhere: recorded outputs, extracted text, the licence itself.
DATA = re.compile(r"^(?:LICENSE|tests/(?:golden|lesson|data|recorded)/.*\.(?!py$)\w+)$")


def text_files(root):
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and common.is_ours(path, root):
            try:
                yield path, common.read(path)
            except UnicodeDecodeError:
                continue


def check(root):
    findings = []
    for path, text in text_files(root):
        rel = str(path.relative_to(root))
        for pattern, why in FORBIDDEN:
            for m in re.finditer(pattern, text):
                line = text.count("\n", 0, m.start()) + 1
                findings.append(f"{rel}:{line}: {why}: {m.group(0)}")
        if DATA.match(rel) or not text:
            continue
        if path.suffix in NEEDS_SPDX and SPDX not in "\n".join(text.splitlines()[:4]):
            findings.append(f"{rel}:1: its first lines don't say {SPDX}")
    return findings


if __name__ == "__main__":
    common.finish(check(common.ROOT), "words")
