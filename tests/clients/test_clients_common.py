#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wrapper itself: what it hides, and that it runs nothing where another library would answer."""
import os
import pathlib
import subprocess
import sys
import time

from common import BUILD, FIRST, GUARD, Machine, check, minor, same

LAB = ("--board", "a100-40gb-sxm", "--driver", "550.163.01")


def refused(m, why, words=("touch", "ran"), env=None):
    """Nothing is run, and it says why."""
    command = [str(w) for w in (GUARD, m.sim, FIRST, sys.executable, FIRST, m.sim, *words)]
    done = subprocess.run(command, env=m.environment(env), cwd=m.root, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    check(done.returncode == 125 and why in done.stderr and "nothing was run" in done.stderr,
          f"not refused for {why!r}: exit {done.returncode}, {done.stderr}")
    check(not (m.root / "ran").exists(), f"it ran, though {why}")


def runs(m):
    m.smi("-mig", "1")
    m.smi("mig", "-cgi", "9,19", "-C")
    m.smi("mig", "-cgi", "19")
    device = m.mig_devices()[0]
    same("layout", m.layout(), {0: [(1, "3g.20gb", 4, [(0, "3g.20gb")]),
                                    (11, "1g.5gb", 0, [(0, "1g.5gb")]), (12, "1g.5gb", 1, [])]})
    check(device["uuid"] in m.run(["nvidia-smi", "-L"]).stdout, "nvidia-smi -L lacks a MIG device")
    pid = m.client(device["uuid"])
    same("its process", m.status()["clients"][0]["pid"], pid)
    m.stop_clients()
    same("processes", m.status()["clients"], [])
    # The numbers that NVIDIA's driver documents by example: gi2 21, gi3/ci1 32, gi9/ci0 85.
    same("minors", (minor(0, 2), minor(0, 3, 1), minor(0, 9, 0), minor(31, 14, 7)), (21, 32, 85, 4322))


def hides(m):
    """No device node but the harmless ones, no PCI tree, and our library alone."""
    done = m.run(["sh", "-c", "ls /dev; ls /sys/bus/pci /proc/driver/nvidia 2>/dev/null; exit 0"])
    extra = set(done.stdout.split()) - {"fd", "null", "shm", "urandom", "zero",
                                        "/sys/bus/pci:", "/proc/driver/nvidia:"}
    # Where no namespace can be had, the guard goes on only if there is no trace of a GPU.
    if pathlib.Path("/proc/self/ns/mnt").exists() and os.geteuid() == 0:
        check(not extra, f"a program sees {sorted(extra)}")
    check(not any("nvidia" in name for name in extra), f"a program sees {sorted(extra)}")


def stops(m):
    other = m.root / "other"
    other.mkdir()
    refused(m, "cannot be loaded", env={"LD_LIBRARY_PATH": str(other)})
    (other / "libnvidia-ml.so.1").write_bytes((m.sim / "libnvidia-ml.so.1").read_bytes())
    (other / "libnvidia-ml.so").symlink_to("libnvidia-ml.so.1")
    refused(m, "is loaded, not", env={"LD_LIBRARY_PATH": str(other)})
    # That with the names of all branches is not what a machine with this driver has.
    refused(m, "is loaded, not", env={"LD_LIBRARY_PATH": str(BUILD / "sim")})
    refused(m, "the lab that answers is None", env={"MIGKIT_LAB": str(m.root / "nowhere")})
    refused(m, "usage", words=())


def ends(m):
    """A program that does not end is ended, with its children; its exit code is held to."""
    begin = time.monotonic()
    try:
        m.run(["sh", "-c", "sleep 60 & sleep 60"], timeout=1)
    except SystemExit as e:
        check("not done after 1 s" in str(e), f"says {e}")
    else:
        check(False, "a program that hangs is not ended")
    check(time.monotonic() - begin < 20, "ending it takes long")
    same("exit code", m.run(["sh", "-c", "exit 3"], rc=3).returncode, 3)
    try:
        m.run(["false"])
    except SystemExit as e:
        check("exit 1, not 0" in str(e), f"says {e}")
    else:
        check(False, "a program that fails is taken for one that does not")
    same("input", m.run(["cat"], stdin="words").stdout, "words")
    goes_on = m.start(["sleep", "60"])
    time.sleep(0.2)
    same("ended by", m.stop(goes_on), -15)


with Machine(*LAB) as machine:
    for case in (runs, hides, stops, ends):
        case(machine)
        print(f"{case.__name__}: well")
