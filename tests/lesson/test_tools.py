#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/extract-lesson-blocks and tools/make-lesson: what they take out, and what they refuse."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "lesson"

LESSON = """# A title

## First

```bash
one -i 0
two
```

```  
screen one \n   x

```

!!! tip

    ```
    nested
      deeper
    ```

``` mermaid
flow
```
"""


def run(tool, *words):
    done = subprocess.run([sys.executable, str(ROOT / "tools" / tool), *map(str, words)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def check_extract(folder):
    source, out = folder / "lesson.md", folder / "out"
    source.write_text(LESSON, encoding="utf-8")
    rc, text = run("extract-lesson-blocks", source, out)
    if rc:
        return [f"extract: {rc}: {text}"]
    got = [(out / f"{n:02}.txt").read_text() for n in (1, 2)]
    index = json.loads((out / "index.json").read_text())
    complaints = []
    if got != ["screen one \n   x\n\n", "nested\n  deeper\n"]:
        complaints.append(f"extract: took out {got}")
    if [b["after"] for b in index["blocks"]] != ["two", "two"] or index["title"] != "A title":
        complaints.append(f"extract: index says {index}")
    if str(folder) in (out / "index.json").read_text():
        complaints.append("extract: the index names a folder of this machine")
    source.write_text(LESSON + "```\nopen", encoding="utf-8")
    rc, text = run("extract-lesson-blocks", source, out)
    if rc == 0 or "line 26" not in text:
        complaints.append(f"extract: a fence that is never closed: {rc}: {text}")
    return complaints


# What is wrong, in which file, what to replace by what, what the refusal must say.
WRONG = (
    ("a sentence is missing", "zh-TW.yaml", "here: >-\n  我們在這裡\n", "", "lacks 'here'"),
    ("a sentence is empty", "en.yaml", "here: >-\n  we are here\n", "here: >-\n", "'here' has no text"),
    ("a sentence stands twice", "en.yaml", "here: >-\n", "title: >-\n", "'title' stands here twice"),
    ("no such field", "steps.yaml", "  rc: 23", "  exit: 23", "no such field: 'exit'"),
    ("a step without sentence", "steps.yaml", "- id: look\n", "- id: lokk\n",
     "no sentence 'lokk.why'"),
    ("a step stands twice", "steps.yaml", "- id: mode-on\n", "- id: look\n", "an id of its own"),
    ("no such picture", "steps.yaml", "picture: layouts", "picture: layout", "picture is one of"),
    ("no such place", "steps.yaml", "flow: set-up 3", "flow: set-up 4", "flow is"),
    ("a list where a value goes", "steps.yaml", "  rc: 23", "  rc:", "'rc' takes a value"),
    ("no YAML of ours", "en.yaml", "here: >-\n", "here = >-\n", "expected 'key: >-'"),
)


def check_make(folder):
    complaints = []
    rc, text = run("make-lesson", DATA, folder / "lesson.c")
    if rc:
        complaints.append(f"make-lesson refuses data/lesson: {text}")
    for what, name, old, new, say in WRONG:
        shutil.rmtree(folder / "data", ignore_errors=True)
        shutil.copytree(DATA, folder / "data")
        path = folder / "data" / name
        good = path.read_text(encoding="utf-8")
        if old not in good:
            complaints.append(f"{what}: {name} has no '{old}' to spoil")
        path.write_text(good.replace(old, new, 1), encoding="utf-8")
        rc, text = run("make-lesson", folder / "data", folder / "bad.c")
        if rc == 0 or say not in text or ".yaml:" not in text:
            complaints.append(f"{what}: {rc}: {text}")
        if (folder / "bad.c").exists():
            complaints.append(f"{what}: left a file all the same")
    return complaints


def main():
    with tempfile.TemporaryDirectory(prefix="migkit-test-tools-") as folder:
        complaints = check_extract(pathlib.Path(folder)) + check_make(pathlib.Path(folder))
    print("\n".join(complaints) or f"{len(WRONG)} wrong lessons are refused")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
