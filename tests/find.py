#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the tests that are there, one a line: kind;name;path;timeout;suites;parallel

A test is a file in the right place, and needs no entry in a list:
  tests/unit/test_*.c            unit tests, run a second time under ASan and UBSan
  tests/stress/test_*.c          the same, of many processes
  tests/fuzz/fuzz_NAME.c         fuzz targets, which replay tests/fuzz/NAME/; sanitized as well
  tests/bench/bench_*.c, .py     benchmarks
  tests/**/test_*.py             black-box tests, of which tests/checks/ are about the source itself
  tests/golden/**/*.test,.console   cases of tests/golden/run.py

A line "# test: timeout=300 must-run serial" near the top of a file changes how it is run; in C it
is a comment of its own. must-run: where CI=true, skipping it is a failure; tests/clients/ has it
without asking.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = (("unit", "unit/test_*.c"), ("unit", "stress/test_*.c"), ("fuzz", "fuzz/fuzz_*.c"),
         ("bench", "bench/bench_*.c"), ("pybench", "bench/bench_*.py"),
         ("script", "**/test_*.py"), ("golden", "golden/**/*.test"), ("golden", "golden/**/*.console"))
WISH = re.compile(r"^(?:#|/\*) test: (.*?)(?: \*/)?$", re.M)


def describe(kind, path):
    timeout, parallel = 120, "true"
    suites = [{"script": path.parent.name}.get(kind, kind)]
    if path.parent.name == "clients":
        suites.append("must-run")
    with open(path, encoding="utf-8") as f:
        wishes = WISH.search(f.read(2000))
    for wish in wishes.group(1).split() if wishes else []:
        if wish.startswith("timeout="):
            timeout = int(wish[8:])
        elif wish == "serial":
            parallel = "false"
        elif wish == "must-run":
            suites.append(wish)
        else:
            raise SystemExit(f"{path}: no such wish in its '# test:' line: {wish}")
    name = path.stem.removeprefix("test_").removeprefix("bench_").removeprefix("fuzz_")
    if kind == "golden":
        name = str(path.relative_to(ROOT / "tests" / "golden").with_suffix(""))
    return (f"{kind};{name};{path.relative_to(ROOT / 'tests')};{timeout};"
            f"{','.join(suites)};{parallel}")


def main():
    lines = []
    for kind, pattern in KINDS:
        for path in (ROOT / "tests").glob(pattern):
            lines.append(describe(kind, path))
    print("\n".join(sorted(lines)))


if __name__ == "__main__":
    main()
