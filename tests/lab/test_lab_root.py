#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""A lab's folder as the root of its machine: what a driver and the kernel show of its GPUs, held
against NVML and against what was recorded; and the capability files after each change of the layout,
against a tree that is made here from 'lab status'."""
import ctypes
import os
import pathlib
import random
import re
import stat
import subprocess
import threading

from labtest import BUILD, MIGCTL, Place, check

# /proc/driver/nvidia/gpus/*/information of an H200 under 580.159.04, recorded; @..@: its own.
H200 = ("Model: \t\t NVIDIA H200\nIRQ:   \t\t 41\nGPU UUID: \t @UUID@\nVideo BIOS: \t @VBIOS@\n"
        "Bus Type: \t PCIe\nDMA Size: \t 52 bits\nDMA Mask: \t 0xfffffffffffff\n"
        "Bus Location: \t @BUS@\nDevice Minor: \t @MINOR@\nGPU Firmware: \t 580.159.04\n"
        "GPU Excluded:\t No\n")


def minor(gpu, gi, ci=None):
    """As the driver numbers them: a table of 32 GPUs of 15 GIs, each an entry and 8 CIs behind it."""
    number = 2
    for g in range(32):
        for i in range(15):
            for c in [None, *range(8)]:
                number += 1
                if (g, i, c) == (gpu, gi, ci):
                    return number
    raise AssertionError


def bus_name(bus_id):
    domain, rest = bus_id.split(":", 1)
    return f"{int(domain, 16):04x}:{rest.lower()}"


def instances(p, lab):
    """{(gpu, gi, ci or None)} of a lab, from its JSON."""
    found = set()
    for row in p.json("lab", "status", lab)["instances"]:
        found.add((row["gpu"], row["gi"], None))
        if row.get("ci") is not None:
            found.add((row["gpu"], row["gi"], row["ci"]))
    return found


def check_caps(p, lab, seen, what):
    """The files are of the instances that are; nodes also of those that were (seen)."""
    root = pathlib.Path(p.ok("lab", "path", lab).strip())
    now = instances(p, lab)
    seen |= now
    caps = root / "proc/driver/nvidia/capabilities"
    want = {"mig/config": (1, 0o400), "mig/monitor": (2, 0o444)}
    for gpu, gi, ci in now:
        inner = "" if ci is None else f"/ci{ci}"
        want[f"gpu{gpu}/mig/gi{gi}{inner}/access"] = (minor(gpu, gi, ci), 0o444)
    got = {}
    for path in caps.rglob("*"):
        if path.is_file() and path.name != "fabric-imex-mgmt":
            m = re.fullmatch(r"DeviceFileMinor: (\d+)\nDeviceFileMode: (\d+)\nDeviceFileModify: 1\n",
                             path.read_text())
            check(m, f"{what}: {path} holds {path.read_text()!r}")
            got[str(path.relative_to(caps))] = (int(m[1]), int(m[2]))
    check(got == want, f"{what}: capabilities\n  got  {sorted(got.items())}\n  want {sorted(want.items())}")
    folders = {str(d.relative_to(caps)) for d in caps.rglob("gi*") if d.is_dir()}
    check(folders == {f"gpu{g}/mig/gi{i}" for g, i, _ in now}, f"{what}: folders {folders}")
    nodes = {n.name for n in (root / "dev/nvidia-caps").iterdir()}
    check(nodes == {f"nvidia-cap{minor(*i)}" for i in seen} | {"nvidia-cap1", "nvidia-cap2"},
          f"{what}: nodes {sorted(nodes)}")
    return seen


def smi(p, lab, *words):
    return p.run("--lab", lab, "smi", *words).returncode


def change(p, lab, rng, profiles):
    """One random change; most succeed, and those that don't change nothing."""
    gpu = str(rng.randrange(3))
    all_now = instances(p, lab)
    gis = sorted({i[1] for i in all_now if str(i[0]) == gpu})
    kind = rng.choice(["cgi", "cgi", "cgiC", "cci", "dci", "dgi", "dgi", "reset"])
    gi = str(rng.choice(gis)) if gis else "0"
    words = {"cgi": ["mig", "-i", gpu, "-cgi", rng.choice(profiles)],
             "cgiC": ["mig", "-i", gpu, "-cgi", rng.choice(profiles), "-C"],
             "cci": ["mig", "-i", gpu, "-gi", gi, "-cci", rng.choice("012")],
             "dci": ["mig", "-i", gpu, "-gi", gi, "-dci"],
             "dgi": ["mig", "-i", gpu, "-dgi", "-gi", gi],
             "reset": ["-i", gpu, "--gpu-reset"]}[kind]
    if kind == "reset" and rng.random() < 0.7:
        words = ["mig", "-i", gpu, "-dci"]
    rc = smi(p, lab, *words)
    return " ".join(words) + f" (exit {rc})"


def follows(p):
    rng = random.Random(4)
    p.create("walk", "--bus-id", "00000000:07:00.0", "--bus-id", "00000001:00:00.0",
             board="a100-80gb-pcie:3", driver="535.261.03")
    seen = check_caps(p, "walk", set(), "a new lab")
    check(smi(p, "walk", "-mig", "1") == 0, "-mig 1")
    changed = 0
    before = set()
    for n in range(120):
        said = change(p, "walk", rng, ["9", "14", "19", "19", "15", "5", "20"])
        seen = check_caps(p, "walk", seen, f"change {n}: {said}")
        now = instances(p, "walk")
        changed += now != before
        before = now
    check(changed > 50, f"only {changed} of the changes changed anything")
    p.ok("lab", "reboot", "walk")
    check_caps(p, "walk", set(), "after a reboot")


def two_at_once(p):
    """Two processes that change different GPUs leave the files of both right."""
    p.create("busy", board="a30:2", driver="535.261.03")
    smi(p, "busy", "-mig", "1")

    def work(gpu):
        for _ in range(25):
            smi(p, "busy", "mig", "-i", gpu, "-cgi", "14,14,5", "-C")
            smi(p, "busy", "mig", "-i", gpu, "-dci")
            smi(p, "busy", "mig", "-i", gpu, "-dgi")
        smi(p, "busy", "mig", "-i", gpu, "-cgi", "14,5", "-C")

    threads = [threading.Thread(target=work, args=(g,)) for g in "01"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    root = p.labs / "busy"
    nodes = {n.name for n in (root / "dev/nvidia-caps").iterdir()}
    now = instances(p, "busy")
    check(len(now) == 8, f"instances: {now}")
    seen = {(g, i, c) for g in range(2) for i in range(15) for c in [None, *range(8)]
            if f"nvidia-cap{minor(g, i, c)}" in nodes}
    check_caps(p, "busy", seen, "two at once")


class Pci(ctypes.Structure):
    _fields_ = [("legacy", ctypes.c_char * 16), ("domain", ctypes.c_uint), ("bus", ctypes.c_uint),
                ("device", ctypes.c_uint), ("id", ctypes.c_uint), ("subsystem", ctypes.c_uint),
                ("bus_id", ctypes.c_char * 32)]


def nvml_view(lab):
    """What NVML says of each GPU, asked without having them open."""
    os.environ["MIGKIT_LAB"] = str(lab)
    lib = ctypes.CDLL(str(BUILD / "sim" / "libnvidia-ml.so.1"))
    check(lib.nvmlInitWithFlags(2) == 0, "nvmlInitWithFlags")
    count = ctypes.c_uint()
    lib.nvmlDeviceGetCount_v2(ctypes.byref(count))
    found = []
    for i in range(count.value):
        dev, pci, number = ctypes.c_void_p(), Pci(), ctypes.c_uint()
        check(lib.nvmlDeviceGetHandleByIndex_v2(i, ctypes.byref(dev)) == 0, "handle")
        check(lib.nvmlDeviceGetPciInfo_v3(dev, ctypes.byref(pci)) == 0, "PCI info")
        check(lib.nvmlDeviceGetMinorNumber(dev, ctypes.byref(number)) == 0, "minor")
        text = {}
        for name, call in (("name", "nvmlDeviceGetName"), ("uuid", "nvmlDeviceGetUUID"),
                           ("vbios", "nvmlDeviceGetVbiosVersion")):
            buffer = ctypes.create_string_buffer(96)
            check(getattr(lib, call)(dev, buffer, 96) == 0, call)
            text[name] = buffer.value.decode()
        firmware = ctypes.create_string_buffer(64)
        if lib.nvmlDeviceGetGspFirmwareVersion(dev, firmware) == 0:
            text["firmware"] = firmware.value.decode()
        link = ctypes.c_uint()
        lib.nvmlDeviceGetMaxPcieLinkGeneration(dev, ctypes.byref(link))
        text["gen"] = link.value
        bar1 = (ctypes.c_ulonglong * 3)()
        check(lib.nvmlDeviceGetBAR1MemoryInfo(dev, bar1) == 0, "BAR1")
        found.append({**text, "minor": number.value, "bus": bus_name(pci.bus_id.decode()),
                      "id": pci.id, "subsystem": pci.subsystem, "bar1": bar1[0]})
    lib.nvmlShutdown()
    del os.environ["MIGKIT_LAB"]
    return found


def sysfs(root, gpu):
    link = root / "sys/bus/pci/devices" / gpu["bus"]
    what = f"sysfs of {gpu['bus']}"
    check(link.is_symlink() and os.readlink(link).startswith("../../../devices/pci"), f"{what}: link")
    d = link.resolve()
    check(d.is_relative_to(root.resolve() / "sys/devices") and d.name == gpu["bus"], f"{what}: {d}")

    def number(name):
        return int((d / name).read_text(), 16)

    check((d / "vendor").read_text() == "0x10de\n", f"{what}: vendor")
    check(number("device") << 16 | number("vendor") == gpu["id"], f"{what}: device")
    check(number("subsystem_device") << 16 | number("subsystem_vendor") == gpu["subsystem"],
          f"{what}: subsystem")
    check((d / "class").read_text() == "0x030200\n", f"{what}: class")
    check((d / "driver").resolve() == root.resolve() / "sys/bus/pci/drivers/nvidia", f"{what}: driver")
    check((root / "sys/bus/pci/drivers/nvidia" / gpu["bus"]).resolve() == d, f"{what}: driver's link")
    speeds = {0: "Unknown", 3: "8.0 GT/s PCIe", 4: "16.0 GT/s PCIe", 5: "32.0 GT/s PCIe"}
    check((d / "max_link_speed").read_text().strip() == speeds[gpu["gen"]], f"{what}: speed")
    lines = [[int(n, 16) for n in line.split()] for line in (d / "resource").read_text().splitlines()]
    check(len(lines) == 7, f"{what}: {len(lines)} resources")
    sizes = [end - start + 1 for start, end, flags in lines if flags]
    # A board whose window is not known has none.
    want = [size for size in (16 << 20, gpu["bar1"], 32 << 20) if size]
    check(sizes == want, f"{what}: windows {sizes}, not {want}")
    config = (d / "config").read_bytes()
    check(int.from_bytes(config[0:2], "little") == 0x10de and
          int.from_bytes(config[2:4], "little") == number("device") and
          int.from_bytes(config[0x2c:0x2e], "little") == number("subsystem_vendor") and
          int.from_bytes(config[9:12], "little") == 0x030200, f"{what}: configuration space")
    at, caps = config[0x34], []
    while at:
        caps.append(config[at])
        if config[at] == 0x10:
            width = int.from_bytes(config[at + 0x12:at + 0x14], "little") >> 4 & 0x3f
            check(width == int((d / "current_link_width").read_text()), f"{what}: link in config")
        at = config[at + 1]
    check(caps == [1, 0x10], f"{what}: capabilities {caps}")
    # No two GPUs share addresses.
    return [(start, end) for start, end, flags in lines if flags]


def described(p):
    """Every file about a GPU says what NVML says: mixed boards, other domains, 16 GPUs; every board."""
    boards = [b["key"] for b in p.json("boards")["boards"] if b["simulated"]]
    check(len(boards) > 15, f"only {boards} can be simulated")
    groups = [boards[i:i + 16] for i in range(0, len(boards), 16)]
    for name, words, driver in (
            *((f"all{n}", [w for b in group for w in ("--board", b)], "580.159.04")
              for n, group in enumerate(groups)),
            ("h200", ["--board", "h200:2", "--bus-id", "0000:00:06.0", "--bus-id", "7:0A:1F.0"],
             "580.159.04"),
            ("mixed", ["--board", "a100-40gb-sxm:8", "--board", "h100-pcie:7", "--board", "a30"],
             "550.163.01")):
        p.ok("lab", "create", name, *words, "--driver", driver)
        root = p.labs / name
        windows = []
        for gpu in nvml_view(root):
            info = (root / "proc/driver/nvidia/gpus" / gpu["bus"] / "information").read_text()
            fields = dict(re.split(r":\s*", line, maxsplit=1) for line in info.splitlines())
            check((fields["Model"], fields["GPU UUID"], fields["Video BIOS"], fields["Bus Location"],
                   fields["Device Minor"]) ==
                  (gpu["name"], gpu["uuid"], gpu["vbios"], gpu["bus"], str(gpu["minor"])),
                  f"{name}: {info} is not {gpu}")
            check(fields.get("GPU Firmware") == gpu.get("firmware"), f"{name}: firmware: {info}, {gpu}")
            if name == "h200":
                want = (H200.replace("@UUID@", gpu["uuid"]).replace("@VBIOS@", gpu["vbios"])
                        .replace("@BUS@", gpu["bus"]).replace("@MINOR@", str(gpu["minor"])))
                check(info == want, f"{name}: {info!r} is not as recorded: {want!r}")
            check((root / f"dev/nvidia{gpu['minor']}").exists(), f"{name}: no node")
            windows += sysfs(root, gpu)
        windows.sort()
        check(all(a[1] < b[0] for a, b in zip(windows, windows[1:])), f"{name}: windows overlap")
        count = len(list((root / "sys/bus/pci/devices").iterdir()))
        check(count == len(list((root / "proc/driver/nvidia/gpus").iterdir())), f"{name}: {count}")
        check(driver in (root / "proc/driver/nvidia/version").read_text(), f"{name}: version")
        check((root / "sys/module/nvidia/version").read_text().strip() == driver, f"{name}: module")


def kernel_files(p):
    root = p.create("kernel", board="h100-80gb-sxm", driver="580.159.04")
    minors = (root / "proc/driver/nvidia-caps/mig-minors").read_text().splitlines()
    want = ["config 1", "monitor 2"]
    for g in range(32):
        for i in range(15):
            want.append(f"gpu{g}/gi{i}/access {len(want) + 1}")
            want += [f"gpu{g}/gi{i}/ci{c}/access {len(want) + 1 + c}" for c in range(8)]
    check(minors == want and len(minors) == 4322, "mig-minors")
    # The examples of transcript 13 and of the recordings.
    for line in ("gpu0/gi2/access 21", "gpu0/gi2/ci0/access 22", "gpu0/gi3/access 30",
                 "gpu0/gi3/ci1/access 32", "gpu0/gi9/access 84", "gpu0/gi1/ci7/access 20"):
        check(line in minors, f"mig-minors lacks {line}")
    devices = (root / "proc/devices").read_text()
    check(devices.startswith("Character devices:\n") and "\n\nBlock devices:\n" in devices,
          "/proc/devices has not the kernel's form")
    for line in devices.splitlines():
        check(re.fullmatch(r"(?:[ \d]{2}\d \S+)|(?:\w+ devices:)|", line), f"/proc/devices: {line!r}")
    names = {line.split()[1]: line.split()[0] for line in devices.splitlines() if line[:3].strip().isdigit()}
    check(names["nvidia"] == "195" and "nvidia-caps" in names and "nvidia-uvm" in names, f"{names}")
    old = p.create("older", board="a30", driver="535.261.03")
    check("195 nvidia-frontend\n" in (old / "proc/devices").read_text(), "R535's name of its device")
    for line in (root / "proc/modules").read_text().splitlines():
        check(re.fullmatch(r"nvidia\w* \d+ \d+ \S+ Live 0x[0-9a-f]{16} \([A-Z]+\)", line), line)
    params = dict(line.split(": ", 1) for line in
                  (root / "proc/driver/nvidia/params").read_text().splitlines())
    check(params["ModifyDeviceFiles"] == "1" and params["DeviceFileMode"] == "438", "params")


def machine(p):
    """A machine's NUMA nodes are those of its GPUs' PCI devices."""
    p.ok("lab", "create", "dgx", "--machine", "dgx-a100", "--driver", "550.163.01")
    root = p.labs / "dgx"
    nodes = {}
    for d in (root / "sys/bus/pci/devices").iterdir():
        nodes[d.name] = (int((d / "numa_node").read_text()), (d / "local_cpulist").read_text().strip(),
                         (d / "local_cpus").read_text().strip())
    check(nodes["0000:07:00.0"][:2] == (3, "48-63,176-191"), f"{nodes['0000:07:00.0']}")
    check(re.fullmatch(r"[0-9a-f]{8}(,[0-9a-f]{8}){7}", nodes["0000:07:00.0"][2]), f"{nodes}")
    mask = int(nodes["0000:07:00.0"][2].replace(",", ""), 16)
    check(mask == sum(1 << c for c in [*range(48, 64), *range(176, 192)]), f"mask {mask:x}")
    check(len(nodes) == 8 and nodes["0000:bd:00.0"][0] == 5, f"{nodes}")


def nodes_lead_nowhere(p):
    """Character devices, but never a real driver's; modes as measured."""
    root = p.create("nodes", board="a30", driver="535.261.03")
    modes = {"nvidia0": 0o666, "nvidiactl": 0o666, "nvidia-uvm": 0o666, "nvidia-uvm-tools": 0o666,
             "nvidia-modeset": 0o666, "nvidia-caps/nvidia-cap1": 0o400, "nvidia-caps/nvidia-cap2": 0o444}
    for name, mode in modes.items():
        st = (root / "dev" / name).lstat()
        check(stat.S_IMODE(st.st_mode) == mode, f"{name}: mode {st.st_mode:o}")
        if stat.S_ISCHR(st.st_mode):
            check(os.major(st.st_rdev) in (0, 1), f"{name} is a real device: {st.st_rdev:x}")
        else:
            check(stat.S_ISREG(st.st_mode) and st.st_size == 0, f"{name}: {st}")


def driver_root(p):
    root = p.create("driver", board="a30", driver="535.261.03")
    (lib,) = (root / "usr/lib").iterdir()
    check((lib / "libnvidia-ml.so.1").resolve() == (BUILD / "sim-branch/535/libnvidia-ml.so.1").resolve() and
          (lib / "libnvidia-ml.so.535.261.03").exists(), f"libraries: {list(lib.iterdir())}")
    check((lib / "libcuda.so.535.261.03").read_bytes() == b"", "libcuda is not the empty file")
    done = subprocess.run([root / "usr/bin/nvidia-smi", "-L"], env={**p.env, "MIGKIT_LAB": str(root)},
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0 and "NVIDIA A30" in done.stdout, f"nvidia-smi: {done}")
    check((root / "usr/bin/nvidia-smi").resolve() == MIGCTL.resolve(), "nvidia-smi is not migctl")


def main():
    with Place() as p:
        for case in (kernel_files, described, machine, nodes_lead_nowhere, driver_root, follows,
                     two_at_once):
            case(p)


main()
