#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/long.py: a finding of a fuzz target is a failure and is kept; without one, what ran is told. A
stand-in plays the target."""
import contextlib
import importlib.util
import io
import os
import pathlib
import tempfile
import unittest

TESTS = pathlib.Path(os.environ["MIGKIT_SOURCE"]) / "tests"
SPEC = importlib.util.spec_from_file_location("long", TESTS / "long.py")
LONG = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(LONG)
STATS = "echo '#7 DONE cov: 41 ft: 99' >&2; echo 'stat::number_of_executed_units: 1234' >&2\n"
CRASH = "for w; do case $w in -artifact_prefix=*) echo x >${w#-artifact_prefix=}crash-1 ;; esac; done; exit 77\n"


class Target(unittest.TestCase):
    def play(self, script):
        with tempfile.TemporaryDirectory() as root:
            program = pathlib.Path(root) / "fuzz_board"
            program.write_text("#!/bin/sh\n" + script)
            program.chmod(0o755)
            fuzz = LONG.Fuzz(pathlib.Path(root), 5)
            fuzz.link = lambda source, libraries: program
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                failed = fuzz.target(TESTS / "fuzz" / "fuzz_board.c", [])
            kept = [p.name for p in (fuzz.found / "board").iterdir()]
            return failed, kept, said.getvalue()

    def test_fine(self):
        failed, kept, said = self.play(STATS)
        self.assertEqual((failed, kept), (False, []))
        self.assertIn("fuzz_board: 5 s, 1234 executions, 41 edges", said)
        self.assertIn("0 findings", said)

    def test_finding(self):
        failed, kept, said = self.play(STATS + CRASH)
        self.assertEqual((failed, kept), (True, ["crash-1"]))
        self.assertIn("1 findings", said)

    def test_end(self):
        self.assertTrue(self.play(STATS + "exit 1\n")[0])


class Targets(unittest.TestCase):
    def test_each_is_about_something(self):
        names = {p.stem.removeprefix("fuzz_") for p in (TESTS / "fuzz").glob("fuzz_*.c")}
        self.assertEqual(names, set(LONG.ABOUT))
        for name, prefixes in LONG.ABOUT.items():
            for prefix in (prefixes,) if isinstance(prefixes, str) else prefixes:
                self.assertTrue(list(TESTS.parent.glob(prefix + "*")),
                                f"{name}: nothing begins with {prefix}")


if __name__ == "__main__":
    unittest.main()
