#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The golden harness finds a difference where there is one, and only there."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run


class Harness(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def put(self, name, text):
        path = self.root / name
        path.write_text(text)
        return path

    def complain(self, name, text, update=False):
        return "\n".join(run.run_case(self.put(name, text), update))

    def test_console(self):
        self.assertEqual(self.complain("a.console", "# what\n$ echo a; echo b >&2\na\nb\n$ echo c\nc\n"), "")
        self.assertIn("-b\n+a", self.complain("a.console", "$ echo a\nb\n"))
        self.assertIn("+b", self.complain("a.console", "$ printf 'a\\nb\\n'\na\n"))

    def test_spaces_and_ends_count(self):
        self.assertIn("-a\n+a ", self.complain("a.console", "$ echo 'a '\na\n"))
        self.assertIn("no newline", self.complain("a.console", "$ printf a\na\n"))
        self.assertEqual(self.complain("a.console", "$ printf a\na\n[no newline at the end]\n"), "")
        self.assertTrue(self.complain("a.console", "$ printf 'a\\r\\n'\na\n"))

    def test_exit_code(self):
        self.assertEqual(self.complain("a.console", "$ exit 3\n[exit 3]\n"), "")
        self.assertIn("[exit 3]", self.complain("a.console", "$ exit 3\n"))
        self.assertIn("exit code 0, not 3", self.complain("a.console", "rc: 3\n$ true\n"))

    def test_test_file(self):
        self.put("a.out", "$ echo a; echo b >&2\na\n")
        self.put("a.err", "b\n")
        self.assertEqual(self.complain("a.test", "command: echo a; echo b >&2\nrc: 0\n"), "")
        self.put("a.err", "c\n")
        self.assertIn("-c\n+b", self.complain("a.test", "command: echo a; echo b >&2\n"))

    def test_setup_and_mask(self):
        self.assertIn("setup failed", self.complain("a.console", "setup: false\n$ true\n"))
        self.assertEqual(self.complain("a.console", "mask: \\d\\d:\\d\\d\n$ echo at 11:12\nat 10:11\n"), "")
        self.assertTrue(self.complain("a.console", "mask: \\d\\d:\\d\\d\n$ echo at 11:12\nin 10:11\n"))

    def test_environment(self):
        self.assertEqual(self.complain("a.console", "env: COLUMNS=60\n$ echo $COLUMNS $TZ $HOME\n60 UTC @HOME@\n"), "")

    def test_bad_cases(self):
        self.assertIn("no command", self.complain("a.test", "# nothing\n"))
        self.assertIn("neither a comment", self.complain("a.test", "comand: true\n"))

    def test_update(self):
        path = self.put("a.console", "# kept\nmask: x\n$ echo a\nb\n")
        run.run_case(path, True)
        self.assertEqual(path.read_text(), "# kept\nmask: x\n$ echo a\na\n")
        self.assertEqual(run.run_case(path, False), [])


if __name__ == "__main__":
    unittest.main()
