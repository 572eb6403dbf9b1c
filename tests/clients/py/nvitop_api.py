# SPDX-License-Identifier: Apache-2.0
"""What nvitop's Python interface says of the machine, as JSON."""
import json

from nvitop import NA, Device


def plain(value):
    # What nvitop does not know is NA, which is a kind of text.
    return value if isinstance(value, (int, str, float)) and value != NA else None


def describe(d):
    processes = {str(pid): {"memory": plain(p.gpu_memory()), "type": p.type,
                            "gi": plain(p.gpu_instance_id()), "ci": plain(p.compute_instance_id())}
                 for pid, p in d.processes().items()}
    return {"uuid": d.uuid(), "name": d.name(), "total": plain(d.memory_total()),
            "used": plain(d.memory_used()), "processes": processes,
            "temperature": plain(d.temperature()), "power": plain(d.power_usage()),
            "utilization": plain(d.gpu_utilization()), "bar1": plain(d.bar1_memory_total())}


def main():
    found = []
    for d in Device.all():
        migs = [{**describe(g), "index": list(g.index), "gi": g.gpu_instance_id(),
                 "ci": g.compute_instance_id()} for g in d.mig_devices()]
        found.append({**describe(d), "index": d.index, "mode": plain(d.mig_mode()),
                      "bus_id": d.bus_id(), "serial": d.serial(), "migs": migs,
                      "most": plain(d.max_mig_device_count())})
    print(json.dumps({"driver": Device.driver_version(), "count": Device.count(), "gpus": found}))


main()
