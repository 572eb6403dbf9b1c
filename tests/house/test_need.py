#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/need: what is missing is named before it is installed; recorded stand-ins play Debian."""
import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])

# $HERE/have lists installed packages; what apt-get and sudo are asked for goes to $HERE/log.
DPKG = """#!/bin/sh
for last; do :; done
grep -qx "$last" "$HERE/have" && echo installed
"""
APT = """#!/bin/sh
echo "apt-get $*" >>"$HERE/log"
case "$*" in *install*) [ ! -f "$HERE/broken" ] || { echo "E: no network"; exit 100; } ;; esac
"""
SUDO = """#!/bin/sh
echo sudo >>"$HERE/log"
exec "$@"
"""
ID = """#!/bin/sh
cat "$HERE/uid"
"""


class Need(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)
        (self.here / "bin").mkdir()
        for name, text in (("dpkg-query", DPKG), ("apt-get", APT), ("sudo", SUDO), ("id", ID)):
            self.tool(name, text)
        self.put("uid", "0\n")
        self.put("have", "")
        self.put("log", "")

    def tool(self, name, text):
        path = self.here / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def put(self, name, text):
        (self.here / name).write_text(text)

    def need(self, *args):
        env = {"PATH": f"{self.here}/bin:/usr/bin:/bin", "HERE": str(self.here)}
        done = subprocess.run([SOURCE / "tools/need", *args], env=env, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, (self.here / "log").read_text()

    def have_all_but(self, *missing):
        _, said, _ = self.need("build", "test", "fmt")
        names = said.partition(": ")[2].split()
        self.assertIn("meson", names)
        self.put("have", "".join(n + "\n" for n in names if n not in missing))

    def test_nothing_missing(self):
        self.have_all_but()
        self.assertEqual(self.need("--install", "build", "test", "fmt"), (0, "", ""))

    def test_missing_is_named(self):
        self.have_all_but("meson", "gcc")
        rc, said, log = self.need("build")
        self.assertEqual((rc, log), (1, ""))
        self.assertEqual(said, "These Debian packages are missing ('make run' installs them): gcc meson\n")

    def test_installed_as_root(self):
        self.have_all_but("cppcheck")
        rc, said, log = self.need("--install", "build", "test")
        self.assertEqual(rc, 0)
        self.assertIn("missing: cppcheck\n", said)
        self.assertIn("install --no-install-recommends cppcheck\n", log)
        self.assertNotIn("sudo", log)

    def test_installed_by_sudo(self):
        self.put("uid", "1000\n")
        self.have_all_but("cppcheck")
        rc, _, log = self.need("--install", "test")
        self.assertEqual(rc, 0)
        self.assertIn("sudo\napt-get", log)

    def test_lists_of_old_are_renewed(self):
        self.have_all_but("cppcheck")
        self.put("broken", "")
        rc, said, log = self.need("--install", "test")
        self.assertEqual(rc, 1)
        self.assertIn("no network", said)
        self.assertIn("could not install: cppcheck", said)
        self.assertIn("update", log)
        self.assertEqual(log.count("install --no"), 2)


if __name__ == "__main__":
    unittest.main()
