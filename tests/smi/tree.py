# SPDX-License-Identifier: Apache-2.0
"""The tree of nvidia-smi -q -x of simulated boards held against that of real ones."""
import re
import xml.etree.ElementTree as xml

# Values that are a machine's or a moment's own. All else must be equal.
OWN = {
    "timestamp": "the time of day",
    "gpu/serial": "of one board", "gpu/uuid": "of one board", "gpu/pdi": "of one board",
    "gpu/platformInfo/module_id": "the place of one board among eight",
    "gpu/gpu_module_id": "the place of one board among eight",
    "gpu/gpu_virtualization_mode/virtualization_mode":
        "the real board was given to a virtual machine; a lab is none",
    "gpu/pci/pci_gpu_link_info/pcie_gen/max_host_link_gen":
        "a virtual machine is not told; a lab is none",
    "gpu/pci/tx_util": "traffic of that moment", "gpu/pci/rx_util": "traffic of that moment",
    "gpu/temperature/gpu_temp": "heat of that moment",
    "gpu/temperature/gpu_temp_tlimit": "heat of that moment",
    "gpu/temperature/memory_temp": "heat of that moment",
    "gpu/gpu_power_readings/average_power_draw": "power of that moment",
    "gpu/gpu_power_readings/instant_power_draw": "power of that moment",
    "gpu/gpu_memory_power_readings/average_power_draw": "power of that moment",
}
# How far apart two readings of a moment may lie: they must still be the same kind of value.
FORM = re.compile(r"\d+")


def values(text):
    """[(path, value)] in the order of the document; groups have no value of their own."""
    found = []

    def walk(element, path):
        for child in element:
            below = f"{path}/{child.tag}" if path else child.tag
            found.append((below, (child.text or "").strip() if not len(child) else ""))
            walk(child, below)

    walk(xml.fromstring(text), "")
    return found


def differences(ours, real, only_common=False, own=OWN):
    """What differs between two documents: elements, then values.

    only_common: of programs of two branches, compares the paths that both have, in any order.
    """
    ours, real = values(ours), values(real)
    if only_common:
        both = {p for p, _ in ours} & {p for p, _ in real}
        ours, real = (sorted((e for e in each if e[0] in both), key=lambda e: e[0])
                      for each in (ours, real))
    wrong = []
    a, b = [p for p, _ in ours], [p for p, _ in real]
    if a != b:
        wrong += [f"no <{p}>, which hardware has {b.count(p)} of" for p in dict.fromkeys(b)
                  if a.count(p) < b.count(p)]
        wrong += [f"<{p}>, which hardware has {b.count(p)} of" for p in dict.fromkeys(a)
                  if a.count(p) > b.count(p)]
        wrong = wrong or ["the elements have another order"]
        first, have = dict(reversed(real)), set(b)
        ours = [(p, v) for p, v in dict(reversed(ours)).items() if p in have]
        real = [(p, first[p]) for p, _ in ours]
    for (path, mine), (_, theirs) in zip(ours, real):
        if path in own:
            # "N/A" against a figure is a difference of kind; a lab may know more, never less.
            if theirs != "N/A" and FORM.sub("0", mine.split(" ")[-1]) != FORM.sub(
                    "0", theirs.split(" ")[-1]) and ("N/A" in (mine, theirs)):
                wrong.append(f"{path}: {mine!r}, on hardware {theirs!r} ({own[path]})")
        elif mine != theirs:
            wrong.append(f"{path}: {mine!r}, on hardware {theirs!r}")
    return wrong
