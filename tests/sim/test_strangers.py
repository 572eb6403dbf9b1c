#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600 must-run
"""The simulated driver in hosts that are not like its tests: under valgrind, in a program built with
sanitizers, itself built with sanitizers, in a process that gained rights by being executed, in one
without standard streams, with and without a lab that is there, opened in each way that dlopen has."""
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import calls
import driver

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
NOT_LOADED, UNINITIALIZED = 9, 1
CLIENT = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	void *library = dlopen(argv[1], RTLD_NOW);
	int (*init)(void) = library ? (int (*)(void))dlsym(library, "nvmlInit_v2") : 0;

	return init ? init() : 100;
}
"""


def must(words, **more):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words[:3]))}: exit {done.returncode}\n"
                         f"{done.stdout[-4000:]}")
    return done.stdout


def sanitized_library():
    """The library itself under ASan and UBSan, in a build of its own that is kept."""
    folder = driver.BUILD / "asan"
    if not (folder / "build.ninja").exists():
        must(["meson", "setup", folder, "-Db_sanitize=address,undefined", "-Db_lundef=false",
              "-Doptimization=1"],
             cwd=driver.ROOT, env={**os.environ, "CC": "clang-14"})
    must(["ninja", "-C", folder, "src/sim/libnvidia-ml.so.1"])
    return folder / "src" / "sim" / "libnvidia-ml.so.1"


def walk_under_tools(folder, found):
    """Every function in one process, on a board of each generation: a tool finds nothing."""
    (folder / "plain").mkdir()
    (folder / "sanitized").mkdir()
    plain = calls.build(folder / "plain")
    sanitized = calls.build(folder / "sanitized", *SANITIZE, compiler="clang-14")
    ways = {
        "under valgrind": (["valgrind", "-q", "--error-exitcode=99"], plain, driver.LIBRARY),
        "in a sanitized program": ([], sanitized, driver.LIBRARY),
        "sanitized, in a sanitized program": ([], sanitized, sanitized_library()),
    }
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for board in ("a100-80gb-pcie", "h100-80gb-sxm:2"):
        lab = driver.lab("--board", board, "--driver", "580.159.04")
        for n, (way, (before, program, library)) in enumerate(ways.items()):
            said = calls.walk(program, "one", lab, folder / f"{board}-{n}", before=before,
                              library=library, env=env)
            found.same(f"functions called {way}", said["all"]["functions"] > 400, True)
            print(f"{board}, {way}: {said['all']['calls']} calls")


def more_rights(folder, found):
    """A program with more rights than its caller believes no MIGKIT_LAB of that caller."""
    client = folder / "client"
    (folder / "client.c").write_text(CLIENT)
    must(["cc", "-o", client, folder / "client.c", "-ldl"])
    driver.lab("--board", "a30", "--driver", "535.261.03")
    words = [client, driver.LIBRARY]
    found.same("init of a program without more rights", subprocess.run(words).returncode, 0)
    if os.geteuid():
        return
    client.chmod(0o4755)
    for path in (folder, *driver.LIBRARY.parents, *pathlib.Path(os.environ["MIGKIT_LAB"]).parents):
        if not path.stat().st_mode & 0o1 and path.stat().st_uid == 0 and path.is_relative_to("/tmp"):
            path.chmod(path.stat().st_mode | 0o1)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    found.same("init of a program that a user executes with root's rights",
               subprocess.run([*as_nobody, *words]).returncode, NOT_LOADED)


def without_streams(folder, found):
    """A daemon closed 0, 1 and 2: no descriptor of ours may become its standard output."""
    program = folder / "plain" / "walk"
    lab = driver.lab("--board", "a30", "--driver", "535.261.03")
    report = folder / "streams"
    subprocess.run(["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', program, "one", driver.LIBRARY, lab,
                    report])
    found.same("walk without standard streams", report.exists(), True)


def ways_to_open(found):
    """Local and global, lazy and now, opened and closed again and again: it is one library."""
    driver.lab("--board", "a30:2", "--driver", "535.261.03")
    libdl = ctypes.CDLL(None)
    libdl.dlopen.restype = ctypes.c_void_p
    before = len(os.listdir("/proc/self/map_files")) if os.access("/proc/self/map_files", os.R_OK) \
        else None
    for n in range(200):
        flags = (os.RTLD_NOW, os.RTLD_LAZY)[n % 2] | (os.RTLD_GLOBAL, os.RTLD_LOCAL)[n // 2 % 2]
        handle = libdl.dlopen(str(driver.LIBRARY).encode(), flags)
        found.same(f"dlopen with {flags:#x}", handle is not None, True)
        library = ctypes.CDLL(None, handle=handle)
        found.same("nvmlInit_v2", library.nvmlInit_v2(), 0)
        count = ctypes.c_uint()
        found.same("nvmlDeviceGetCount_v2", (library.nvmlDeviceGetCount_v2(ctypes.byref(count)),
                                             count.value), (0, 2))
        found.same("nvmlShutdown", library.nvmlShutdown(), 0)
        found.same("count after shutdown", library.nvmlDeviceGetCount_v2(ctypes.byref(count)),
                   UNINITIALIZED)
        libdl.dlclose(ctypes.c_void_p(handle))
    if before is not None:
        found.same("mappings stay few", len(os.listdir("/proc/self/map_files")) < before + 20, True)


def main():
    for tool in ("valgrind", "clang-14"):
        if not shutil.which(tool):
            driver.skip(f"{tool} is not installed")
    found = driver.Findings()
    with tempfile.TemporaryDirectory(prefix="migkit-test.") as name:
        folder = pathlib.Path(name)
        walk_under_tools(folder, found)
        more_rights(folder, found)
        without_streams(folder, found)
    ways_to_open(found)
    found.finish("strangers")


if __name__ == "__main__":
    sys.exit(main())
