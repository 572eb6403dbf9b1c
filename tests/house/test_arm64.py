#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600 must-run
"""arm64: everything is built by Debian's cross compiler, warnings being errors and the layouts of NVML
asserted, and runs under qemu's user emulation: a lab, every function of the simulated driver, unit
tests. The libraries that migctl needs are Debian's for arm64, unpacked below the build folder."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).parents[2]).resolve()
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or ROOT / "build").resolve()
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "sim"), str(ROOT / "tests" / "checks")]
import debs  # noqa: E402

FOLDER = BUILD / "arm64"
CC = "aarch64-linux-gnu-gcc"
LIBC = pathlib.Path("/usr/aarch64-linux-gnu")
PACKAGES = ["libyaml-dev", "libyaml-0-2", "libjson-c-dev", "libjson-c5", "libsmartcols-dev",
            "libsmartcols1"]
# Of the unit tests those about layouts, handles, words and rules; none takes long when emulated.
UNITS = ["plan_table", "plan_change", "plan_answers", "plan_ci", "request", "svg", "names", "boards",
         "abi_handles", "abi_generations", "lab_rules", "lab_holders", "lab_crash", "smi", "render",
         "error"]
CROSS = """\
[binaries]
c = '{cc}'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = {wrapper}
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
[properties]
sys_root = '{root}'
pkg_config_libdir = '{root}/usr/lib/aarch64-linux-gnu/pkgconfig'
needs_exe_wrapper = true
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def run(*words, env=None, may_skip=False, **more):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **(env or {})}, **more)
    if done.returncode and not (may_skip and done.returncode == 77):
        raise SystemExit(f"{' '.join(map(str, words))}: exit {done.returncode}\n"
                         f"{done.stdout[-4000:]}")
    return done.stdout


def suite():
    text = pathlib.Path("/etc/os-release").read_text()
    m = re.search(r"^VERSION_CODENAME=(\w+)", text, re.M)
    return m.group(1) if m else "stable"


def emulator(root):
    for name in ("qemu-aarch64", "qemu-aarch64-static"):
        if shutil.which(name):
            return [name, "-L", str(LIBC), "-E",
                    f"LD_LIBRARY_PATH={root}/usr/lib/aarch64-linux-gnu"]
    return skip("qemu's user emulation of arm64 (qemu-user) is not installed")


def build(root, emulate):
    """Everything that is built by default: migctl, the libraries, the unit tests."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    cross = CROSS.format(cc=CC, wrapper=emulate, root=root)
    file = FOLDER / "cross.ini"
    if not file.exists() or file.read_text() != cross or not (FOLDER / "build.ninja").exists():
        file.write_text(cross)
        shutil.rmtree(FOLDER / "meson-private", ignore_errors=True)
        # pkg-config leaves system folders out before it puts the root in front of them.
        run("meson", "setup", FOLDER, "--cross-file", file, cwd=ROOT,
            env={"PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"})
    targets = ["migctl", "src/sim/sim.stamp", "src/sim/libnvidia-ml.so.1",
               *(f"src/sim/sim-branch-{p.name}.stamp" for p in (BUILD / "sim-branch").iterdir()),
               *(f"tests/unit_{u}" for u in UNITS)]
    listed = run("ninja", "-C", FOLDER, "-t", "targets", "all")
    run("ninja", "-C", FOLDER, *(t for t in targets if f"\n{t}: " in f"\n{listed}"))


def is_arm64(path):
    said = run("file", "-L", path)
    if "ARM aarch64" not in said:
        raise SystemExit(f"not of arm64: {said}")


def labs(emulate, home):
    """A lab made and changed by migctl of arm64; what it says equals what the native one says."""
    env = {"XDG_STATE_HOME": str(home), "HOME": str(home), "LC_ALL": "C.UTF-8"}
    migctl = [*emulate, FOLDER / "migctl"]
    run(*migctl, "lab", "create", "arm", "--board", "a100-80gb-pcie", "--driver", "580.159.04",
        env=env)
    for words in (["-mig", "1"], ["mig", "-cgi", "9,14", "-C"]):
        run(*migctl, "--lab", "arm", "smi", *words, env=env)
    status = ["--lab", "arm", "lab", "status", "-o", "json"]
    emulated, native = run(*migctl, *status, env=env), run(BUILD / "migctl", *status, env=env)
    if json.loads(emulated) != json.loads(native):
        raise SystemExit(f"arm64 and this machine read the same lab differently:\n{emulated}{native}")
    listed = run(*migctl, "--lab", "arm", "smi", "-L", env=env)
    if listed != run(BUILD / "migctl", "--lab", "arm", "smi", "-L", env=env) or \
            listed.count("MIG ") != 2:
        raise SystemExit(f"arm64's migctl smi -L: {listed}")
    return home / "migkit" / "labs" / "arm"


def functions(emulate, lab, folder):
    """Every function of the arm64 library, called by an arm64 program."""
    import calls
    program = calls.build(folder, f"-I{ROOT / 'include'}", compiler=CC)
    library = FOLDER / "src" / "sim" / "libnvidia-ml.so.1"
    said = calls.walk(program, "make", lab, folder / "report", before=emulate, library=library)
    wrong = [row for row in said.values() if row.get("crash") or row.get("errno")]
    if wrong or len(said) < 400:
        raise SystemExit(f"{len(said)} functions called; wrong: {wrong[:5]}")
    return said


def symbols():
    """As on x86-64: only nvml*, only libc, nothing newer than glibc 2.28."""
    import test_exports
    findings = test_exports.check_driver(FOLDER / "src" / "sim" / "libnvidia-ml.so.1")
    findings += test_exports.check_branches(
        FOLDER / "sim-branch", test_exports.named((ROOT / "data/nvml/symbols.txt").read_text()),
        (ROOT / "src/model/driver.c").read_text())
    if findings:
        raise SystemExit("\n".join(findings))


def main():
    if os.uname().machine == "aarch64":
        print("this machine is arm64: all other tests are its test")
        return
    for tool in (CC, "file", "pkg-config"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    try:
        root = debs.unpack(PACKAGES, BUILD / "arm64-debs", suite(), architecture="arm64")
    except debs.Missing as why:
        skip(f"Debian's libraries for arm64 can't be had here: {why}")
    emulate = emulator(root)
    build(root, emulate)
    for path in ("migctl", "src/sim/libnvidia-ml.so.1", "sim-branch/535/libnvidia-ml.so.1"):
        is_arm64(FOLDER / path)
    symbols()
    for unit in UNITS:
        # What only root can test is skipped for others here as it is without the emulator.
        run(*emulate, FOLDER / "tests" / f"unit_{unit}", env={"MIGKIT_BUILD": str(FOLDER)}, cwd=ROOT,
            may_skip=os.geteuid() != 0)
    with tempfile.TemporaryDirectory(prefix="migkit-test.") as name:
        folder = pathlib.Path(name)
        lab = labs(emulate, folder)
        (folder / "walk").mkdir()
        said = functions(emulate, lab, folder / "walk")
    print(f"arm64: {len(UNITS)} unit tests, {len(said)} functions, a lab as on this machine")


main()
