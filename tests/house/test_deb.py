#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""The tarball and the Debian packages: they build where git is not asked for anything, lintian finds no error,
and what is in them runs from an empty root: migctl in a lab with its simulated driver, and a program that is
built with libmigkit by pkg-config alone. No simulated driver lies where the linker looks."""
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["MIGKIT_BUILD"])
SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"]).resolve()
sys.path[:0] = [str(SOURCE / "tests" / "house")]
from test_install import PROGRAM  # noqa: E402

NAMES = ["libmigkit-dev", "libmigkit0", "migkit", "migkit-sim"]
# Writes down where it is asked for something.
GIT = """#!/bin/sh
pwd >>"{log}"
exec {git} "$@"
"""


def run(*words, **more):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.here = pathlib.Path(folder.name)
        tools = cls.here / "tools"
        tools.mkdir()
        cls.log = cls.here / "git.log"
        (tools / "git").write_text(GIT.format(log=cls.log, git=shutil.which("git") or "false"))
        (tools / "git").chmod(0o755)
        # Packages are looked at, not measured: unoptimised they are there in half of the time.
        env = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}",
                            "DEB_BUILD_OPTIONS": "nocheck noautodbgsym noopt"}
        cls.out = BUILD / "deb"
        cls.said = run("tools/deb", cls.out, cwd=SOURCE, env=env)
        cls.addClassCleanup(shutil.rmtree, cls.out, True)
        cls.root = cls.here / "root"
        cls.contents, cls.folders = {}, {}
        for deb in sorted(cls.out.glob("*.deb")):
            run("dpkg-deb", "-x", deb, cls.root)
            tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True).stdout
            with tarfile.open(fileobj=io.BytesIO(tar)) as files:
                cls.folders |= {m.name[2:]: m.mode for m in files if m.isdir()}
                cls.contents[deb.name.split("_")[0]] = [m.name[2:] for m in files if not m.isdir()]
        cls.libdir = next(cls.root.rglob("libmigkit.so.0")).parent

    def field(self, name, field):
        return run("dpkg-deb", "-f", next(self.out.glob(f"{name}_*.deb")), field).strip()

    def test_no_git(self):
        asked = set(self.log.read_text().split()) if self.log.exists() else set()
        self.assertLessEqual(asked, {str(SOURCE)}, "git is asked in the unpacked tarball")

    def test_tarball(self):
        with tarfile.open(next(self.out.glob("*.tar.xz"))) as tar:
            names = tar.getnames()
        self.assertEqual({n.split("/")[0] for n in names}, {f"migkit-{self.field('migkit', 'Version')}"})
        files = {n.partition("/")[2] for n in names}
        self.assertLess({"meson.build", "Makefile", "NEWS.md", "LICENSE", "tests/run.py", ".ci/run"}, files)
        self.assertFalse([f for f in files if f.startswith(("build/", ".git/"))])

    def test_versions_agree(self):
        version = re.search(r"version: '([^']+)'", (SOURCE / "meson.build").read_text()).group(1)
        self.assertEqual({self.field(name, "Version") for name in NAMES}, {version})
        self.assertIn(f"\n## {version}", (SOURCE / "NEWS.md").read_text())

    def test_packages(self):
        self.assertEqual(sorted(self.contents), NAMES)
        self.assertNotIn("\nE: ", "\n" + self.said)
        everything = sum(self.contents.values(), [])
        self.assertEqual(len(everything), len(set(everything)), "two packages have the same file")
        self.assertIn("libmigkit0 (= ", self.field("libmigkit-dev", "Depends"))
        self.assertIn("migkit-sim (= ", self.field("migkit", "Recommends"))
        for name in NAMES:
            self.assertNotIn("nvidia", self.field(name, "Depends"), name)

    def test_driver_is_no_library_of_the_system(self):
        drivers = [f for files in self.contents.values() for f in files if "libnvidia-ml" in f]
        self.assertTrue(drivers)
        self.assertEqual([f for f in drivers if not re.search(r"/migkit/sim(-branch/\d+)?/libnvidia-ml\.so(\.1)?$", f)],
                         [])
        self.assertEqual([f for f in self.contents["migkit-sim"] if f not in drivers and "/doc/" not in f], [])
        control = self.here / "control"
        run("dpkg-deb", "-e", next(self.out.glob("migkit-sim_*.deb")), control)
        self.assertEqual({p.name for p in control.iterdir()}, {"control", "md5sums"})

    def test_where_things_are(self):
        pages = {p.name.removesuffix(".gz") for p in (self.root / "usr/share/man/man1").iterdir()}
        self.assertEqual(pages, {p.name for p in (SOURCE / "doc/man").glob("*.1")})
        # Debian's zsh does not look into site-functions.
        for path in ("bash-completion/completions/migctl", "zsh/vendor-completions/_migctl",
                     "fish/vendor_completions.d/migctl.fish"):
            self.assertTrue((self.root / "usr/share" / path).exists(), path)

    def test_where_runs_are_claimed(self):
        """By any user, before root has run anything: as in /tmp nobody removes another's claim."""
        self.assertEqual(self.folders["var/lib/migkit/runs"], 0o1777)
        self.assertEqual(self.folders["var/lib/migkit"], 0o755)
        self.assertIn("/var/lib/migkit", run("dpkg-deb", "-I", next(self.out.glob("migkit_*.deb")), "postrm"))

    def test_program(self):
        state = self.here / "state"
        env = {"PATH": f"{self.root}/usr/bin:/usr/bin:/bin", "HOME": str(self.here), "LC_ALL": "C.UTF-8",
               "XDG_STATE_HOME": str(state)}

        def shell(command):
            return run("sh", "-c", command, env=env, cwd=self.here)

        shell("migctl lab create there --board a30 --driver 535.261.03")
        self.addCleanup(shell, "migctl lab destroy there")
        self.assertIn("NVIDIA A30", shell("migctl --lab there smi -L"))
        self.assertIn("NVIDIA A30", shell("migctl lab shell there -c 'nvidia-smi -L'"))
        shell("migctl --lab there smi -mig 1 && migctl --lab there smi mig -cgi 2g.12gb -C")
        self.assertIn("2g.12gb", shell("migctl --lab there devices"))
        self.assertIn("there", shell("migctl __complete -- lab use ''"))
        loaded = shell('eval "$(migctl lab env there)" && echo "$LD_LIBRARY_PATH"').strip()
        self.assertEqual(pathlib.Path(loaded), self.libdir / "migkit/sim-branch/535")

    def test_smoke(self):
        """What autopkgtest runs on an installed system."""
        env = {"PATH": f"{self.root}/usr/bin:/usr/bin:/bin", "HOME": str(self.here), "LC_ALL": "C.UTF-8",
               "AUTOPKGTEST_TMP": str(self.here), "LD_LIBRARY_PATH": str(self.libdir),
               "PKG_CONFIG_LIBDIR": str(self.libdir / "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        run(SOURCE / "debian/tests/smoke", env=env)

    def test_library(self):
        source, program = self.here / "user.c", self.here / "user"
        source.write_text(PROGRAM)
        env = os.environ | {"PKG_CONFIG_LIBDIR": str(self.libdir / "pkgconfig"),
                            "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        flags = run("pkg-config", "--cflags", "--libs", "migkit", env=env).split()
        run("gcc", "-Wall", "-Werror", "-o", program, source, *flags)
        self.assertEqual(run(program, env=os.environ | {"LD_LIBRARY_PATH": str(self.libdir)}),
                         "NVIDIA A30, 4 slices\n")


if __name__ == "__main__":
    if not shutil.which("dpkg-buildpackage"):
        print("skipped: no dpkg-buildpackage: this is no Debian")
        sys.exit(77)
    unittest.main()
