#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/run.py and tests/find.py: nothing that went wrong is lost on the way to the closing line."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(os.environ["MIGKIT_SOURCE"]) / "tests"


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Count(unittest.TestCase):
    def setUp(self):
        self.run_py = load("run")
        self.run_py.CI = False
        self.count = self.run_py.Count()

    def test_results(self):
        for result in ("OK", "FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS", "SKIP"):
            self.count.take("t", result, "", [])
        self.assertEqual((self.count.passed, len(self.count.failed), len(self.count.skipped)), (1, 5, 1))

    def test_reason(self):
        self.count.take("t", "SKIP", "a\nskipped: no nvidia-smi here\nb\n", ["must-run"])
        self.assertEqual(self.count.skipped, [("t", "no nvidia-smi here")])

    def test_must_run(self):
        self.run_py.CI = True
        self.count.take("t", "SKIP", "skipped: no network\n", ["clients", "must-run"])
        self.count.take("u", "SKIP", "skipped: no 580\n", ["clients"])
        self.assertEqual(len(self.count.failed), 1)
        self.assertIn("no network", self.count.failed[0][1])
        self.assertEqual(len(self.count.skipped), 1)


class WholeRun(unittest.TestCase):
    """run.py against a stand-in for meson, which leaves a log as Meson does."""

    def play(self, log, ci="false", left="true"):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in (
                    ("bin/meson", '#!/bin/sh\n[ "$1" = test ] || exit 0\n'
                                  'mkdir -p "$3/meson-logs"\ncp "$LOG" "$3/meson-logs/testlog.json"\n'
                                  f'cd "$3"\n{left}\nexit 1\n'),
                    ("tools/build", '#!/bin/sh\nmkdir -p "$2"\n')):
                (root / name).parent.mkdir(exist_ok=True)
                (root / name).write_text(text)
                (root / name).chmod(0o755)
            (root / "tests").mkdir()
            (root / "tests/run.py").write_bytes((TESTS / "run.py").read_bytes())
            (root / "log").write_text(log)
            env = {"PATH": f"{root}/bin:/usr/bin:/bin", "LOG": f"{root}/log", "CI": ci}
            done = subprocess.run([sys.executable, root / "tests/run.py"], env=env,
                                  capture_output=True, text=True)
            return done.returncode, done.stdout.splitlines()

    def test_all_well(self):
        rc, lines = self.play('{"name": "migkit:unit / a", "result": "OK", "stdout": ""}\n')
        self.assertEqual((rc, lines[-1]), (0, "4 passed, 0 failed, 0 skipped"))

    def test_failure_and_skip(self):
        log = ('{"name": "migkit:unit / a", "result": "FAIL", "stdout": "what happened"}\n'
               '{"name": "migkit:clients+must-run / b", "result": "SKIP", "stdout": "skipped: no net"}\n')
        rc, lines = self.play(log)
        self.assertEqual((rc, lines[-1]), (1, "2 passed, 2 failed, 2 skipped"))
        self.assertIn("what happened", lines)
        self.assertIn("skipped: b: no net", lines)
        rc, lines = self.play(log, ci="true")
        self.assertEqual((rc, lines[-1]), (1, "2 passed, 4 failed, 0 skipped"))

    def test_clients(self):
        log = '{"name": "migkit:clients / a", "result": "OK", "stdout": ""}\n'
        left = 'case $PWD in */clang) ;; *) [ ! -e clients ] && mkdir clients && echo "p 1.2: x" >clients/p ;; esac'
        _, lines = self.play(log, left=left)
        at = lines.index("Programs that ran on the simulated driver: 1")
        self.assertEqual(lines[at + 1], "p 1.2: x")
        self.assertNotIn("Programs that ran", "".join(self.play(log)[1]))


class Find(unittest.TestCase):
    def find(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / "tests"
            path = root / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
            (root / "find.py").write_bytes((TESTS / "find.py").read_bytes())
            done = subprocess.run([sys.executable, root / "find.py"], capture_output=True, text=True)
            return done.stdout + done.stderr

    def test_kinds(self):
        self.assertEqual(self.find("unit/test_a.c", "int a;\n"), "unit;a;unit/test_a.c;120;unit;true\n")
        self.assertEqual(self.find("lab/test_a.py", "# test: timeout=9 serial must-run\n"),
                         "script;a;lab/test_a.py;9;lab,must-run;false\n")
        self.assertEqual(self.find("clients/test_a.py", "\n"),
                         "script;a;clients/test_a.py;120;clients,must-run;true\n")
        self.assertEqual(self.find("golden/smi/a.console", "$ true\n"),
                         "golden;smi/a;golden/smi/a.console;120;golden;true\n")
        self.assertEqual(self.find("unit/test_a.c", "/* test: timeout=5 */\n"),
                         "unit;a;unit/test_a.c;5;unit;true\n")

    def test_unknown_wish(self):
        self.assertIn("no such wish", self.find("unit/test_a.c", "/* test: slow */\n"))


if __name__ == "__main__":
    unittest.main()
