#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: serial
"""make install puts down what runs from there: migctl with its simulated driver, and a library that
another program is built with by pkg-config alone."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["MIGKIT_BUILD"])
SOURCE = pathlib.Path(os.environ["MIGKIT_SOURCE"])

PROGRAM = """
#include <stdio.h>
#include <string.h>
#include <migkit/boards.h>
#include <migkit/names.h>

int main(void)
{
	struct mig_error e = { 0 };
	struct mig_board board;
	struct mig_name name;

	if (mig_board_resolve(mig_board_find("a30"), "535.261.03", &board, &e) < 0)
		return 1;
	if (mig_name_parse("nonsense", &name, &e) >= 0 || !strstr(e.msg, "nonsense"))
		return 2;
	printf("%s, %u slices\\n", board.name, board.compute_slices);
	return 0;
}
"""


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
                               "--destdir", cls.root], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", BUILD], check=True,
                                            capture_output=True, text=True).stdout)
        prefix = next(o["value"] for o in options if o["name"] == "prefix")
        cls.prefix = cls.root / prefix.lstrip("/")
        cls.libdir = next(cls.prefix.rglob("libmigkit.so.0")).parent

    def flags(self, *words):
        env = os.environ | {"PKG_CONFIG_LIBDIR": str(self.libdir / "pkgconfig"),
                            "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        return subprocess.run(["pkg-config", *words, "migkit"], env=env, check=True,
                              capture_output=True, text=True).stdout.split()

    def test_library(self):
        source, program = self.root / "user.c", self.root / "user"
        source.write_text(PROGRAM)
        subprocess.run(["gcc", "-Wall", "-Werror", "-o", program, source,
                        *self.flags("--cflags", "--libs")], check=True)
        env = os.environ | {"LD_LIBRARY_PATH": str(self.libdir)}
        done = subprocess.run([program], env=env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "NVIDIA A30, 4 slices\n"), done.stderr)

    def test_library_needs_libc_only(self):
        self.assertEqual([f for f in self.flags("--libs") if f.startswith("-l")], ["-lmigkit"])

    def test_manual(self):
        pages = {p.name.removesuffix(".gz") for p in self.prefix.rglob("man1/*")}
        self.assertEqual(pages, {p.name for p in (SOURCE / "doc" / "man").glob("*.1")})
        self.assertIn("migctl-lab-create.1", pages)

    def test_completion(self):
        """Each where its shell looks."""
        for place, shell in (("bash-completion/completions/migctl", "bash"),
                             ("zsh/site-functions/_migctl", "zsh"),
                             ("fish/vendor_completions.d/migctl.fish", "fish")):
            self.assertEqual((self.prefix / "share" / place).read_text(),
                             (SOURCE / "data" / "completion" / f"migctl.{shell}").read_text())

    def test_program(self):
        env = {"PATH": f"{self.prefix}/bin:/usr/bin:/bin", "HOME": str(self.root), "LC_ALL": "C.UTF-8",
               "XDG_STATE_HOME": str(self.root / "state")}

        def run(command):
            done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True,
                                  cwd=self.root, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout

        run("migctl lab create there --board a30 --driver 535.261.03")
        self.addCleanup(run, "migctl lab destroy there")
        self.assertIn("NVIDIA A30", run('eval "$(migctl lab env there)" && migctl smi -L'))
        # What NVML programs are to load lies alone in its folder.
        drivers = list(self.prefix.rglob("libnvidia-ml.so.1"))
        built = sorted(p.name for p in (BUILD / "sim-branch").iterdir())
        self.assertEqual(sorted(p.parent.name for p in drivers), [*built, "sim"])
        for driver in drivers:
            self.assertEqual({p.name for p in driver.parent.iterdir()},
                             {"libnvidia-ml.so", "libnvidia-ml.so.1"})
            self.assertTrue((driver.parent / "libnvidia-ml.so").samefile(driver))
        folder = run('eval "$(migctl lab env there)" && echo "$LD_LIBRARY_PATH"').strip()
        self.assertEqual(pathlib.Path(folder), self.libdir / "migkit" / "sim-branch" / "535")


if __name__ == "__main__":
    unittest.main()
