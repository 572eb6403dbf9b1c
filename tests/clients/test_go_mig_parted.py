#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=900
"""nvidia-mig-parted: apply, assert, export, checkpoint, restore and generate-config.

Every configuration of its own example file on eight A100 40GB, and of the file that it generates on
H100; after each the layout is what migctl shows.
"""
import json
import re

from common import Machine, check, report, same
from gotools import Module

MODULE = Module("mig-parted")
NAME = "github.com/NVIDIA/mig-parted"
PARTED = MODULE.build(f"{NAME}/cmd/nvidia-mig-parted")
ENTRY = re.compile(r'^        "?([\w.+-]+)"?: (\d+)$')


def read_config(text):
    """{name: [(GPUs or None for all, on, {profile: how many})]} of a configuration file.

    The standard library has no YAML; the files are in the form that mig-parted's own examples have.
    """
    found, name = {}, None
    for line in text.splitlines():
        if m := re.match(r"^  ([\w.+-]+):$", line):
            name = m.group(1)
            found[name] = []
        elif m := re.match(r"^    - devices: (all|\[[\d,]+\])$", line):
            found[name].append([None if m.group(1) == "all" else json.loads(m.group(1)), False, {}])
        elif m := re.match(r"^      mig-enabled: (true|false)$", line):
            found[name][-1][1] = m.group(1) == "true"
        elif m := ENTRY.match(line):
            found[name][-1][2][m.group(1)] = int(m.group(2))
        elif line and not re.match(r"^(version: v1|mig-configs:|      mig-devices:( \{\})?)$", line):
            raise SystemExit(f"FAILED: a line of the configuration is not understood: {line!r}")
    return found


def goal(config, gpus):
    """What each GPU has to look like: (on, {profile: how many})."""
    want = {}
    for which, on, profiles in config:
        for gpu in range(gpus) if which is None else which:
            want[gpu] = (on, profiles)
    return want


def state(m):
    """What each GPU looks like by migctl, its compute instances named as mig-parted names them."""
    found = {g["gpu"]: (g["mig_current"] == "on", {}) for g in m.gpus()}
    for i in m.status()["instances"]:
        check(i["ci"] is not None, f"a GPU instance without a compute instance: {i}")
        suffix = "".join(re.findall(r"[+-].*", i["profile"]))
        name = i["ci_profile"].removesuffix(suffix) + suffix
        # It makes the plain slice of a 1g of double memory (compute instance profile 0) and counts
        # slices only: to it that fills the instance.
        if name.startswith("1c.1g."):
            name = name.removeprefix("1c.")
        count = found[i["gpu"]][1]
        count[name] = count.get(name, 0) + 1
    return found


def parted(m, *words, rc=0):
    return m.run([PARTED, *words], files=True, rc=rc)


def exported(m):
    """What 'export' says, in the form of goal()."""
    said = json.loads(parted(m, "export", "-o", "json").stdout)
    specs = [[None if s["devices"] == "all" else s["devices"], s["mig-enabled"], s.get("mig-devices") or {}]
             for s in said["mig-configs"]["current"]]
    return goal(specs, len(m.gpus()))


def applies(m, file, configs):
    """Each configuration: it is not there, is applied, is there, is exported; another one is not."""
    want, last = state(m), None
    for name, config in configs.items():
        want = goal(config, len(m.gpus()))
        if state(m) != want:
            parted(m, "assert", "-f", file, "-c", name, rc=1)
        parted(m, "apply", "-f", file, "-c", name)
        same(f"{name} by migctl", state(m), want)
        check("currently applied" in parted(m, "assert", "-f", file, "-c", name).stdout,
              f"{name} is not taken for applied")
        same(f"{name} as exported", exported(m), want)
        if last and goal(configs[last], len(m.gpus())) != want:
            parted(m, "assert", "-f", file, "-c", last, rc=1)
            same("layout after an assert", state(m), want)
        last = name
        print(f"  {name}", flush=True)


def keeps(m, file, name, other):
    """Checkpoint and restore bring a layout back as it was; applying again changes nothing."""
    parted(m, "apply", "-f", file, "-c", name)
    before = m.layout()
    parted(m, "apply", "-f", file, "-c", name)
    same("layout after applying it again", m.layout(), before)
    kept = m.root / "checkpoint.json"
    parted(m, "checkpoint", "-f", kept)
    parted(m, "apply", "-f", file, "-c", other)
    check(m.layout() != before, f"{other} is the same as {name}")
    parted(m, "restore", "-f", kept)
    same("layout after a restore", m.layout(), before)


def in_its_way(m, file, name, other):
    """Restore takes MIG mode from a GPU without clearing it first: the driver refuses.

    What the driver does is a switch of the lab (disable-with-instances); "allow" lets it through.
    """
    parted(m, "apply", "-f", file, "-c", name)
    kept = m.root / "checkpoint.json"
    parted(m, "checkpoint", "-f", kept)
    parted(m, "apply", "-f", file, "-c", other)
    said = parted(m, "restore", "-f", kept, rc=1)
    check("In use by another client" in said.stderr, f"it says {said.stderr!r}")
    same(f"{other} by migctl", state(m), goal(read_config(file.read_text())[other], len(m.gpus())))


def busy(m, file, name, other):
    """A process on an instance: nothing can be applied over it, and it says why."""
    parted(m, "apply", "-f", file, "-c", name)
    m.client(m.mig_devices(0)[-1]["uuid"])
    before = m.mig_devices(0)[-1]
    said = parted(m, "apply", "-f", file, "-c", other, rc=1)
    check("ERROR_IN_USE" in said.stderr, f"it says {said.stderr[-600:]!r}")
    check(before in m.mig_devices(0), f"the instance with a process is gone: {m.mig_devices(0)}")
    m.stop_clients()
    parted(m, "apply", "-f", file, "-c", other)


def lone(m, file):
    """A GPU instance without a compute instance is out of mig-parted's sight until it is in its way.

    On hardware, too, export calls such a GPU empty.
    """
    parted(m, "apply", "-f", file, "-c", "all-enabled")
    m.smi("mig", "-i", "0", "-cgi", "19")
    same("what is exported of it", exported(m)[0], (True, {}))
    m.smi("mig", "-i", "0", "-dgi")


def example():
    file = MODULE.file(NAME, "examples/config.yaml")
    configs = read_config(file.read_text(encoding="utf-8"))
    same("configurations in the example", len(configs), 9)
    with Machine("--board", "a100-40gb-sxm:8", "--driver", "550.163.01") as m:
        applies(m, file, configs)
        keeps(m, file, "custom-config", "all-disabled")
        in_its_way(m, file, "custom-config", "all-balanced")
        busy(m, file, "all-balanced", "all-1g.5gb")
        lone(m, file)
        parted(m, "apply", "-f", file, "-c", "all-disabled")
        same("MIG mode of all", state(m), {gpu: (False, {}) for gpu in range(8)})
    return len(configs)


def generated(board, driver):
    with Machine("--board", f"{board}:2", "--driver", driver) as m:
        said = parted(m, "generate-config", "-o", "json")
        specs = json.loads(said.stdout)["mig-configs"]
        configs = {name: [[None, s["mig-enabled"], s.get("mig-devices") or {}] for s in spec]
                   for name, spec in specs.items()}
        profiles = set(re.findall(r"MIG (\d\S+)", m.smi("mig", "-lgip", "-i", "0")))
        made = {name for config in configs.values() for _, _, count in config for name in count}
        check(profiles <= made, f"no configuration for {sorted(profiles - made)}")
        check(len(configs) > len(profiles), f"configurations: {sorted(configs)}")
        file = m.root / "generated.json"
        file.write_text(said.stdout, encoding="utf-8")
        applies(m, file, configs)
        keeps(m, file, "all-balanced", "all-disabled")
    return len(configs)


count = example()
made = generated("h100-80gb-sxm", "580.159.04")
report("nvidia-mig-parted", MODULE.version(NAME),
       f"apply, assert, export, checkpoint, restore and generate-config: {count} configurations of its "
       f"example on eight A100 40GB, {made} of the generated file on H100")
