# SPDX-License-Identifier: Apache-2.0
"""The clients from Debian 12: main and contrib, pinned, unpacked below the build folder."""
import fcntl
import hashlib
import os
import sys

from common import CACHE, SOURCE, skip

sys.path.insert(0, str(SOURCE / "tests"))
import debs

# What they need beside it is on every Debian.
PINNED = {
    "nvtop": ("3.0.1-1", "cbb1158617a8a8429836539cf91b2d98f22189f24d2fb2da1ea58743398fd266"),
    "hwloc": ("2.9.0-1", "616a06eec904fe48c119e794237e47a4353d87fc8e2df2d2ae3dd81ef3534dfc"),
    "libhwloc15": ("2.9.0-1", "4e7194b5d9adbb1a7d11a9501a4be4a4fa22876b69c73b7998056f552962c0e4"),
    "libhwloc-contrib-plugins":
        ("2.9.0-1", "a3f518b192c313c16238eb81eba191a33b6aedc556f257d64fe9b9e45c756530"),
    "slurmd": ("22.05.8-4+deb12u3",
               "c88bf805e9770505eb08c78cbf09e9f09ce7eb2bd034f05f89965a2d658def0d"),
    "slurm-wlm-basic-plugins":
        ("22.05.8-4+deb12u3", "7aa42186e5a3ca78d14832514ed6ab3499ca95d5d7617a03a1dac86bda109a8e"),
    "slurm-wlm-nvml-plugin":
        ("22.05.8-4+deb12u2", "6538622e7585636e21d26c66c52e01fca1db8340ebe61af03df2e74d92406caf"),
    "libnuma1": ("2.0.16-1", "639e1ab6bd66ead40db8a22c332d7199679fa22db261cac34444eb8eb4c17dda"),
    "libmunge2": ("0.5.15-2+deb12u1",
                  "533a38220c7f2a38a1130f5f80033d1a07723880fa352299b22a10ba99ce826e"),
}


def fetch(folder):
    """Asks apt's mirror for all of them, and unpacks them into one folder."""
    apt = folder.with_name("debian-12.apt")
    env = debs.private_apt(apt, "bookworm", "main contrib", "amd64")
    debs.run(["apt-get", "update"], env, apt)
    debs.run(["apt-get", "download", *(f"{p}={v}" for p, (v, _) in PINNED.items())], env, apt)
    part = folder.with_name("debian-12.part")
    for package, (number, sha256) in PINNED.items():
        found = list(apt.glob(f"{package}_{number.replace(':', '%3a')}_amd64.deb"))
        if len(found) != 1 or hashlib.sha256(found[0].read_bytes()).hexdigest() != sha256:
            raise SystemExit(f"{package} {number} is not the package that is pinned here")
        debs.run(["dpkg", "-x", str(found[0]), str(part)], env, apt)
    part.rename(folder)


def unpacked():
    """The folder of all packages, fetched once for all tests of a build folder."""
    if os.uname().machine != "x86_64":
        skip("Debian's packages are pinned for x86-64 alone")
    folder = CACHE / "debian-12"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "debian-12.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            try:
                fetch(folder)
            except debs.Missing as why:
                skip(f"Debian's nvtop, hwloc and slurmd can't be had here: {why}")
    return folder


ROOT = unpacked()
LIBRARIES = ROOT / "usr" / "lib" / "x86_64-linux-gnu"
SLURM = LIBRARIES / "slurm-wlm"


def environment(m):
    """Our library first; the plugins of hwloc and Slurm are linked to it by name."""
    return {"LD_LIBRARY_PATH": f"{m.sim}:{LIBRARIES}:{SLURM}"}


def version(package):
    return PINNED[package][0]


def this_host(folder, board):
    """A machine file with two GPUs beside the CPUs of this host.

    hwloc and slurmd look at the host's CPUs and take from NVML the ones near a GPU: a machine of
    another size would name CPUs that are not there, and slurmd would drop its GPUs.
    """
    path = folder / "machine.yaml"
    path.write_text(f"""machine: this-host
title: two GPUs on the CPUs of this host
sources: {{TEST: "the test itself"}}
cpus:
  nodes: ["0-{os.cpu_count() - 1}"]
  nodes-per-socket: 1
  source: [TEST]
nvlink:
  kind: none
  source: [TEST]
gpus:
  boards: {board}
  bus-ids: [00000000:07:00.0, 00000000:0F:00.0]
  numa: [0, 0]
  source: [TEST]
""")
    return path
