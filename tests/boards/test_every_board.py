#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""Each board that can be simulated, through the simulated NVML library: profiles, placements, memory and
capacities are those of its file, which is read here by other means than the project's own parser; every
profile can be created at every start and destroyed; what fits beside what follows an enumeration of this
file's own; nvidia-smi's lists print. Boards that are only known are refused with one sentence.
"""
import ctypes
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("MIGKIT_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("MIGKIT_BUILD") or ROOT / "build")
MIGCTL = BUILD / "migctl"
BOARDS = ROOT / "data" / "boards"
DRIVER = "580.105.08"
NOT_SUPPORTED, INVALID_ARGUMENT, INSUFFICIENT_RESOURCES = 3, 2, 23
NUMBERS = ("id", "index", "slices", "size", "total", "sm", "ce", "dec", "enc", "jpeg", "ofa")


def must(ok, text):
    if not ok:
        raise SystemExit(f"FAILED: {text}")


# --- the board's file ---------------------------------------------------------------------------

def code(driver):
    parts = [int(p) for p in driver.split(".")] + [0, 0]
    return parts[0] * 1000000 + parts[1] * 1000 + parts[2]


def value(text, driver=DRIVER):
    """Of "N", "[N, SOURCE]" or "{DRIVER: one of these, ...}" what that driver shows."""
    def plain(t):
        return t.strip().lstrip("[").split(",")[0].strip(" ]")
    if not text.startswith("{"):
        return plain(text)
    entries = re.findall(r"([\d.]+): (\[[^\]]*\]|[^,}]+)", text)
    fits = [v for since, v in entries if code(since) <= code(driver)]
    return plain(fits[-1] if fits else entries[0][1])


def read_board(key):
    text = (BOARDS / f"{key}.yaml").read_text(encoding="utf-8")
    if re.search(r"^known: yes$", text, re.M):
        return None
    sister = re.search(r"^like: (\S+)$|^like:\n  board: (\S+)$", text, re.M)
    board = dict(read_board(sister.group(1) or sister.group(2))) if sister else {"display": False}
    for name, pattern in (("total", r"^  total-mib: (.+)$"), ("units", r"^  placement-units: (.+)$"),
                          ("numbering", r"^  numbering: (.+)$")):
        found = re.search(pattern, text, re.M)
        if found:
            board[name] = value(found.group(1))
    if "needs-display-off: yes" in text:
        board["display"] = True
    rows = re.findall(r"^  - \{name: (\S+?), (.*?)\}$", text, re.M | re.S)
    if rows:
        board["profiles"] = [read_profile(*row) for row in rows]
    return board


def read_profile(name, rest):
    profile = {"name": name}
    for key in NUMBERS:
        profile[key] = int(value(re.search(rf"\b{key}: (\[[^\]]*\]|\d+)", rest).group(1)))
    profile["starts"] = [int(n) for n in re.search(r"starts: \[([^\]]*)\]", rest).group(1).split(",")]
    memory = re.search(r"memory-mb: (\{.*?\}|\[[^\]]*\]|\d+)", rest, re.S).group(1)
    profile["memory"] = int(value(memory.replace("\n", " ")))
    suffix = re.search(r"gb(.*)$", name).group(1)
    profile["media"] = suffix
    return profile


# --- what fits, by this file's own rules ----------------------------------------------------------

def mask(profile, start):
    return ((1 << profile["size"]) - 1) << start


def apart(a, b):
    """Whether two instances of these profiles may not be on one GPU, wherever they stand."""
    if a["media"] == "+me" and b["media"] == "+me":
        return True
    for one, other in ((a, b), (b, a)):
        if one["media"] == "+me.all" and other["media"] != "-me":
            return True
    return False


def remaining(profile, placed):
    if any(apart(profile, p) for p, _ in placed):
        return 0
    busy = sum(mask(p, s) for p, s in placed)
    n = 0
    for start in profile["starts"]:
        if not busy & mask(profile, start):
            busy |= mask(profile, start)
            n += 1
    return min(n, profile["total"] - sum(p is profile for p, _ in placed))


def layouts(profiles):
    """All non-empty sets of placements that can stand together: each placement is taken or not."""
    every = [(p, s) for p in profiles for s in p["starts"]]

    def count(i, busy, placed):
        if i == len(every):
            return 1
        p, s = every[i]
        n = count(i + 1, busy, placed)
        if not busy & mask(p, s) and not any(apart(p, q) for q in placed):
            n += count(i + 1, busy | mask(p, s), placed + [p])
        return n
    return count(0, 0, []) - 1


def gi_id(board, start, size):
    units = int(board["units"])
    if size == units:
        return 0
    if board["numbering"] == "X":
        start ^= units // 2
    return units // size - 1 + start // size


# --- through NVML, in a process of its own --------------------------------------------------------

class ProfileInfo(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint) for n in ("id", "p2p", "slices", "total", "sm", "ce", "dec", "enc",
                                             "jpeg", "ofa")] + [("memory", ctypes.c_ulonglong)]


class Placement(ctypes.Structure):
    _fields_ = [("start", ctypes.c_uint), ("size", ctypes.c_uint)]


class GiInfo(ctypes.Structure):
    _fields_ = [("device", ctypes.c_void_p), ("id", ctypes.c_uint), ("profile", ctypes.c_uint),
                ("placement", Placement)]


class CiInfo(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint) for n in ("id", "slices", "total", "sm", "ce", "dec", "enc", "jpeg",
                                             "ofa")]


class Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Gpu:
    def __init__(self):
        self.lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
        self.ok("nvmlInit_v2")
        self.device = ctypes.c_void_p()
        self.ok("nvmlDeviceGetHandleByIndex_v2", 0, ctypes.byref(self.device))

    def call(self, name, *args):
        return getattr(self.lib, name)(*args)

    def ok(self, name, *args):
        r = self.call(name, *args)
        must(r == 0, f"{name}{args[1:]}: {r}")

    def profile(self, index):
        info = ProfileInfo()
        r = self.call("nvmlDeviceGetGpuInstanceProfileInfo", self.device, index, ctypes.byref(info))
        return r, info

    def placements(self, profile_id):
        n = ctypes.c_uint(0)
        name = "nvmlDeviceGetGpuInstancePossiblePlacements_v2"
        self.ok(name, self.device, profile_id, None, ctypes.byref(n))
        found = (Placement * n.value)()
        self.ok(name, self.device, profile_id, found, ctypes.byref(n))
        return [(p.start, p.size) for p in found[:n.value]]

    def left(self, profile_id):
        n = ctypes.c_uint(99)
        self.ok("nvmlDeviceGetGpuInstanceRemainingCapacity", self.device, profile_id, ctypes.byref(n))
        return n.value

    def create(self, profile, start):
        gi = ctypes.c_void_p()
        at = Placement(start, profile["size"])
        r = self.call("nvmlDeviceCreateGpuInstanceWithPlacement", self.device, profile["id"],
                      ctypes.byref(at), ctypes.byref(gi))
        return r, gi


def figures(gpu, board):
    memory = Memory()
    gpu.ok("nvmlDeviceGetMemoryInfo", gpu.device, ctypes.byref(memory))
    must(memory.total == int(board["total"]) << 20, f"memory total is {memory.total}")
    by_index = {p["index"]: p for p in board["profiles"]}
    for index in range(17):
        r, info = gpu.profile(index)
        want = by_index.get(index)
        if not want:
            must(r == NOT_SUPPORTED, f"profile index {index}: {r}")
            continue
        must(r == 0, f"{want['name']}: {r}")
        for key in ("id", "slices", "total", "sm", "ce", "dec", "enc", "jpeg", "ofa", "memory"):
            must(getattr(info, key) == want[key],
                 f"{want['name']}: {key} is {getattr(info, key)}, not {want[key]}")
        must(gpu.placements(want["id"]) == [(s, want["size"]) for s in want["starts"]],
             f"{want['name']}: placements are {gpu.placements(want['id'])}")
        must(gpu.left(want["id"]) == want["total"], f"{want['name']}: {gpu.left(want['id'])} fit")
    must(gpu.profile(17)[0] == INVALID_ARGUMENT, "there is an index 17")


def full_compute_instance(gpu, gi, profile):
    """Every kind of compute instance, each created and destroyed; the largest has all of the GI."""
    largest = 0
    for index in range(8):
        info = CiInfo()
        if gpu.call("nvmlGpuInstanceGetComputeInstanceProfileInfo", gi, index, 0, ctypes.byref(info)):
            continue
        ci = ctypes.c_void_p()
        gpu.ok("nvmlGpuInstanceCreateComputeInstance", gi, info.id, ctypes.byref(ci))
        gpu.ok("nvmlComputeInstanceDestroy", ci)
        largest = max(largest, info.sm)
        must(info.slices <= profile["slices"] and info.dec == profile["dec"],
             f"{profile['name']}: compute instance {info.id}")
    must(largest == profile["sm"], f"{profile['name']}: no compute instance has its {profile['sm']} SM")


def each_placement(gpu, board):
    for profile in board["profiles"]:
        for start in profile["starts"]:
            r, gi = gpu.create(profile, start)
            must(r == 0, f"{profile['name']} at {start}: {r}")
            info = GiInfo()
            gpu.ok("nvmlGpuInstanceGetInfo", gi, ctypes.byref(info))
            got = (info.id, info.placement.start, info.placement.size)
            want = (gi_id(board, start, profile["size"]), start, profile["size"])
            must(got == want, f"{profile['name']}: id, start and size are {got}, not {want}")
            if start == profile["starts"][-1]:
                full_compute_instance(gpu, gi, profile)
            gpu.ok("nvmlGpuInstanceDestroy", gi)


def walk(gpu, board, steps):
    """Random creates and destroys; after each, what is left of each profile."""
    rng = random.Random(board["key"])
    placed = []
    for _ in range(steps):
        if placed and (rng.random() < 0.35 or len(placed) == 8):
            _, _, gi = placed.pop(rng.randrange(len(placed)))
            gpu.ok("nvmlGpuInstanceDestroy", gi)
        else:
            profile = rng.choice(board["profiles"])
            start = rng.choice(profile["starts"])
            here = [(p, s) for p, s, _ in placed]
            busy = sum(mask(p, s) for p, s in here)
            fits = remaining(profile, here) > 0 and not busy & mask(profile, start)
            r, gi = gpu.create(profile, start)
            must(r == (0 if fits else INSUFFICIENT_RESOURCES),
                 f"{profile['name']} at {start} beside {[(p['name'], s) for p, s in here]}: {r}")
            if fits:
                placed.append((profile, start, gi))
        here = [(p, s) for p, s, _ in placed]
        for profile in board["profiles"]:
            must(gpu.left(profile["id"]) == remaining(profile, here),
                 f"{gpu.left(profile['id'])} {profile['name']} fit beside "
                 f"{[(p['name'], s) for p, s in here]}, not {remaining(profile, here)}")
    for _, _, gi in placed:
        gpu.ok("nvmlGpuInstanceDestroy", gi)


def through_nvml(board):
    gpu = Gpu()
    status = ctypes.c_int(-1)
    if board["display"]:
        r = gpu.call("nvmlDeviceGetMigMode", gpu.device, ctypes.byref(status), ctypes.byref(status))
        must(r == NOT_SUPPORTED, f"with display ports its MIG mode answers {r}")
        done = subprocess.run([str(MIGCTL), "lab", "set", "0", "display=off"], check=False)
        must(done.returncode == 0, "the display ports stay on")
    gpu.ok("nvmlDeviceSetMigMode", gpu.device, 1, ctypes.byref(status))
    must(status.value == 0, f"MIG mode is not active: {status.value}")
    figures(gpu, board)
    each_placement(gpu, board)
    walk(gpu, board, 60)
    gpu.ok("nvmlShutdown")


# --- each board ---------------------------------------------------------------------------------

def lists_print(env, board):
    for words in (("mig", "-lgip"), ("mig", "-lgipp"), ("mig", "-cgi", "0", "-C"), ("mig", "-lgi"),
                  ("mig", "-lcip"), ("mig", "-lci"), ("-L",), ()):
        done = subprocess.run([str(MIGCTL), "smi", *words], env=env, capture_output=True, text=True,
                              check=False)
        must(done.returncode == 0 and done.stdout and not done.stderr,
             f"smi {' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        if words == ("mig", "-lgip"):
            for p in board["profiles"]:
                row = rf"MIG {re.escape(p['name'])} +{p['id']} +{p['total']}/{p['total']} +"
                must(re.search(row + rf"{p['memory'] / 1024:.2f} +No +{p['sm']} ", done.stdout),
                     f"-lgip has no such row of {p['name']}: {done.stdout}")


def simulate(key, board, env):
    words = [str(MIGCTL), "lab", "create", key, "--board", key, "--driver", DRIVER]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    must(done.returncode == 0, done.stderr)
    path = subprocess.run([str(MIGCTL), "lab", "path", key], env=env, capture_output=True, text=True,
                          check=True).stdout.strip()
    env = {**env, "MIGKIT_LAB": path}
    board["key"] = key
    done = subprocess.run([sys.executable, os.path.abspath(__file__), "nvml"], env=env, text=True,
                          input=json.dumps(board), capture_output=True, check=False)
    must(done.returncode == 0, f"{key}: {done.stdout}{done.stderr}")
    lists_print(env, board)


def refuse(key, env):
    done = subprocess.run([str(MIGCTL), "lab", "create", "--board", key, "--driver", DRIVER], env=env,
                          capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    must(done.returncode == 3 and len(lines) == 1 and not done.stdout and
         "cannot be simulated: no source gives" in lines[0],
         f"{key}: exit {done.returncode}: {done.stderr}{done.stdout}")


def main():
    simulated = known = 0
    with tempfile.TemporaryDirectory(prefix="migkit-boards-") as home:
        env = {"PATH": "/usr/bin:/bin", "HOME": home, "XDG_STATE_HOME": home, "LC_ALL": "C.UTF-8",
               "MIGKIT_BUILD": str(BUILD)}
        for path in sorted(BOARDS.glob("*.yaml")):
            if path.stem == "sources":
                continue
            board = read_board(path.stem)
            if board:
                simulate(path.stem, board, env)
                simulated += 1
            else:
                refuse(path.stem, env)
                known += 1
    # The counts that tests/unit/test_plan_counts.c has of src/plan, by this file's enumeration.
    unit = (ROOT / "tests" / "unit" / "test_plan_counts.c").read_text(encoding="utf-8")
    rtx = layouts(read_board("rtx-pro-6000-server")["profiles"])
    must(f'"rtx-pro-6000-server", "580.105.08", {{ -1 }}, {{ {rtx},' in unit, f"src/plan has not {rtx} layouts of the RTX")
    a100 = layouts(read_board("a100-40gb-sxm")["profiles"])
    must(a100 == 2318, f"{a100} layouts of an A100, not 2318")
    print(f"{simulated} boards simulated, {known} known; {rtx} layouts of an RTX PRO 6000")
    must(simulated >= 23 and known >= 12, "boards are missing")


if __name__ == "__main__":
    if sys.argv[1:] == ["nvml"]:
        through_nvml(json.load(sys.stdin))
    else:
        main()
