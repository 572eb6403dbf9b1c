#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's lstopo with hwloc's NVML plugin: GPUs by UUID, and the PCI devices that they hang below."""
import pathlib
import tempfile
import xml.etree.ElementTree as ET

import debian12
from changes import changes
from common import Machine, report, same

LABS = (("a100-80gb-pcie", "535.104.05", "9,14,19"), ("h200", "580.65.06", "9,15,19"))


def osdevs(element, above=""):
    """(NVML device's infos, bus id of the PCI device above it) of the whole tree."""
    if element.get("type") == "PCIDev":
        above = element.get("pci_busid", "")
    if element.get("type") == "OSDev" and element.get("name", "").startswith("nvml"):
        infos = {i.get("name"): i.get("value") for i in element.findall("info")}
        yield {**infos, "name": element.get("name")}, above
    for child in element.findall("object"):
        yield from osdevs(child, above)


def compare(m, stage, files):
    env = {**debian12.environment(m), "HWLOC_PLUGINS_PATH": str(debian12.LIBRARIES / "hwloc")}
    done = m.run([debian12.ROOT / "usr" / "bin" / "lstopo-no-graphics", "--whole-io", "--of", "xml"], env=env,
                 files=files)
    text = done.stdout[done.stdout.index("<?xml"):]
    found = list(osdevs(ET.fromstring(text)))
    gpus = m.gpus()
    # hwloc knows no MIG: a GPU is one device, whatever its mode.
    same(f"{stage}: GPUs", [(d["name"], d["NVIDIAUUID"], d["NVIDIASerial"], d["GPUModel"])
                            for d, _ in found],
         [(f"nvml{g['gpu']}", g["uuid"], g["serial"], g["name"]) for g in gpus])
    if files:
        # The PCI tree of the lab, as lab exec shows it, has them where NVML says they are.
        same(f"{stage}: PCI devices above", [above.lower() for _, above in found],
             [g["bus_id"][4:].lower() for g in gpus])


def main():
    stages = 0
    with tempfile.TemporaryDirectory(prefix="migkit-hwloc-") as folder:
        for board, driver, profiles in LABS:
            machine = debian12.this_host(pathlib.Path(folder), board)
            with Machine("--machine", str(machine), "--driver", driver) as m:
                for stage in changes(m, profiles):
                    stages += 1
                    compare(m, f"{board}: {stage}", files=False)
                    compare(m, f"{board}: {stage} with files", files=True)
    report("hwloc", debian12.version("hwloc"), f"lstopo with its NVML plugin in {stages} stages, and the PCI "
           "devices of 'lab exec'")


main()
