#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""gpu-feature-discovery: the labels that it gives a node, by MIG strategy, against migctl.

Its own expectations (tests/expected-output-mig-*.txt of k8s-device-plugin v0.15.0, the last version
whose module carries them) are held as well: each of their lines must match a label.
"""
import re

from common import Machine, check, report, same
from gotools import Module, fetch

MODULE = Module("device-plugin")
NAME = "github.com/NVIDIA/k8s-device-plugin"
GFD = MODULE.build(f"{NAME}/cmd/gpu-feature-discovery")
EXPECTED = fetch(f"{NAME}@v0.15.0", "h1:QKfAo6Xpl5M4Y9hltlYrzHjwGR+vfeAuiiNNyFN4DoE=") / "tests"
ROW = re.compile(r"^\| +\d+ +MIG (\S+) +\d+ +\d+/\d+ +([\d.]+) +\S+ +(\d+) ", re.M)


def labels(m, strategy):
    out = m.root / "labels"
    out.unlink(missing_ok=True)
    m.run([GFD, "--oneshot", "--use-node-feature-api=false", "--mig-strategy", strategy,
           "--output-file", out], files=True)
    found = {}
    for line in out.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        check(name.startswith("nvidia.com/") and name not in found, f"a strange label: {line!r}")
        found[name.removeprefix("nvidia.com/")] = value
    return found


def own_expectations(found, name):
    lines = [f"nvidia.com/{k}={v}" for k, v in found.items()]
    for pattern in (EXPECTED / f"expected-output-{name}.txt").read_text(encoding="utf-8").split():
        check(any(re.match(pattern, line) for line in lines), f"{name}: no label matches {pattern}")


def takes(what, found, want):
    same(what, {name: found.get(name) for name in want}, want)


def whole_gpus(m, count):
    """Labels of GPUs without MIG."""
    g = m.gpus()[0]
    return {"gpu.product": g["name"].replace(" ", "-"), "gpu.count": str(count),
            "gpu.memory": str(g["memory_total_bytes"] >> 20), "mig.capable": "true"}


def mig_type(m, devices, prefix):
    """Labels of a kind of MIG device; its memory and multiprocessors are those of the profile table."""
    d = devices[0]
    table = {name: (float(gib), sms) for name, gib, sms in ROW.findall(m.smi("mig", "-lgip", "-i", str(d["gpu"])))}
    gib, sms = table[d["profile"]]
    slices = re.match(r"(?:(\d+)c\.)?(\d+)g", d["ci_profile"])
    want = {"count": str(len(devices)), "product": f"{m.gpus()[0]['name'].replace(' ', '-')}-MIG-{d['ci_profile']}",
            "slices.gi": slices.group(2), "slices.ci": slices.group(1) or slices.group(2)}
    if slices.group(1) is None:
        want["multiprocessors"] = sms
    return {f"{prefix}.{name}": value for name, value in want.items()}, gib


def memory(found, name, gib):
    check(abs(int(found[name]) / 1024 - gib) < 0.01, f"{name}={found[name]}, not {gib} GiB")


def common(m, found, strategy):
    driver = m.status()["driver"]
    takes("driver", found, {"cuda.driver-version.full": driver, "cuda.driver.major": driver.split(".")[0]})
    check(found.get("mig.strategy") == (None if strategy == "none" else strategy),
          f"mig.strategy={found.get('mig.strategy')} for {strategy}")
    check(int(found["gfd.timestamp"]) > 1e9, f"gfd.timestamp={found['gfd.timestamp']}")


def none(m):
    found = labels(m, "none")
    common(m, found, "none")
    takes("labels without MIG", found, whole_gpus(m, len(m.gpus())))
    check(not [name for name in found if name.startswith("mig-")], f"MIG devices in {found}")
    own_expectations(found, "mig-none")


def single(m):
    """All MIG devices of one kind are the node's GPUs; anything else is called invalid."""
    found = labels(m, "single")
    common(m, found, "single")
    devices, on = m.mig_devices(), [g["mig_current"] == "on" for g in m.gpus()]
    if not any(on):
        takes("labels with MIG off", found, whole_gpus(m, len(on)))
    elif all(on) and len({d["ci_profile"] for d in devices}) == 1 and {d["gpu"] for d in devices} == set(range(len(on))):
        want, gib = mig_type(m, devices, "gpu")
        takes("labels of one kind of MIG device", found, want)
        memory(found, "gpu.memory", gib)
        own_expectations(found, "mig-single")
    else:
        takes("labels of mixed devices", found, {"gpu.count": "0", "gpu.product": f"{m.gpus()[0]['name'].replace(' ', '-')}-MIG-INVALID"})


def mixed(m):
    found = labels(m, "mixed")
    common(m, found, "mixed")
    kinds = {}
    for d in m.mig_devices():
        kinds.setdefault(d["ci_profile"], []).append(d)
    for kind, devices in kinds.items():
        prefix = f"mig-{kind}".replace("+", ".")
        want, gib = mig_type(m, devices, prefix)
        takes(f"labels of {kind}", found, want)
        memory(found, f"{prefix}.memory", gib)
    named = {re.match(r"(mig-[\dcg.]+gb(?:\.me)?)\.", name).group(1) for name in found if name.startswith("mig-")}
    same("kinds of MIG devices", named, {f"mig-{kind}".replace("+", ".") for kind in kinds})
    # It counts GPUs in MIG mode among the node's GPUs, too.
    takes("labels of the GPUs", found, whole_gpus(m, len(m.gpus())))
    if kinds:
        own_expectations(found, "mig-mixed")


def machine(board, driver, same_kind, kinds):
    with Machine("--board", f"{board}:2", "--driver", driver) as m:
        def look():
            none(m)
            single(m)
            mixed(m)
        look()
        m.smi("-mig", "1")
        m.smi("mig", "-cgi", same_kind, "-C")
        look()
        m.client(m.mig_devices()[0]["uuid"])
        look()
        m.stop_clients()
        m.smi("mig", "-i", "1", "-dci")
        m.smi("mig", "-i", "1", "-dgi")
        m.smi("mig", "-i", "1", "-cgi", kinds, "-C")
        look()
        m.smi("mig", "-i", "1", "-dci")
        m.smi("mig", "-i", "1", "-dgi")
        m.smi("-i", "1", "-mig", "0")
        look()
        m.smi("mig", "-dci")
        m.smi("mig", "-dgi")
        m.smi("-mig", "0")
        look()
        print(f"{board} under {driver}: well", flush=True)


machine("a100-40gb-sxm", "550.163.01", "19,19,19", "9,14,19")
machine("h100-80gb-sxm", "580.159.04", "14,14", "9,14,19")
report("gpu-feature-discovery", MODULE.version(NAME),
       "--oneshot labels for the MIG strategies none, single and mixed on two A100 40GB and two H100, "
       "while the layout changes, and its own expected-output-mig-*.txt")
