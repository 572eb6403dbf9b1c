#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages say what is so: links lead to files, and the table of layers is the one enforced."""
import re

import common
import test_layers

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)")
ROW = re.compile(r"^\| `src/(\w+)/` \|[^|]*\| ([^|]*) \|$", re.M)
PLACE = re.compile(r"`((?:src|include|tests|tools|data|doc)/[\w./-]*[\w/])`")
# Named before they are there; a page says so where it does.
TO_COME = {"src/observe/", "src/engine/"}


def pages(root):
    return [p for p in sorted(root.rglob("*.md")) if common.is_ours(p, root)]


def check_links(root):
    findings = []
    for page in pages(root):
        text = common.read(page)
        rel = page.relative_to(root)
        for m in LINK.finditer(text):
            if not (page.parent / m.group(1)).exists():
                line = text.count("\n", 0, m.start()) + 1
                findings.append(f"{rel}:{line}: leads nowhere: {m.group(1)}")
        for m in PLACE.finditer(text):
            if m.group(1) not in TO_COME and not (root / m.group(1)).exists():
                line = text.count("\n", 0, m.start()) + 1
                findings.append(f"{rel}:{line}: is not there: {m.group(1)}")
    return findings


def check_layers(text, table):
    findings, seen = [], set()
    for folder, allowed in ROW.findall(text):
        seen.add(folder)
        if folder not in table:
            findings.append(f"src/{folder} is not in the checker's table")
            continue
        if "all but" in allowed:
            continue
        uses, libraries = table[folder]
        words = set(re.findall(r"[\w-]+", re.sub(r"the ABI headers of nvml|libc", "", allowed)))
        if words != uses | libraries:
            findings.append(f"src/{folder}: the page says {sorted(words)}, "
                            f"the checker {sorted(uses | libraries)}")
    return findings


def check_folders(text, root):
    return [f"src/{p.name} is not in the table of doc/architecture.md"
            for p in sorted((root / "src").iterdir())
            if p.is_dir() and p.name not in dict(ROW.findall(text))]


if __name__ == "__main__":
    architecture = common.read(common.ROOT / "doc" / "architecture.md")
    common.finish(check_links(common.ROOT) + check_layers(architecture, test_layers.MAY_USE)
                  + check_folders(architecture, common.ROOT), "docs")
