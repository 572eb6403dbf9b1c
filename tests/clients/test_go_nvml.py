#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=600
"""go-nvml: a program of the tests on it walks all MIG calls and changes the layout.

What it read is held against what migctl shows: the instances of 'lab status', and the tables that
'migctl smi' prints from a library of its own process.
"""
import json
import re
import subprocess
import time

from common import Machine, check, report, same
from gotools import Module

MODULE = Module("walk")
WALK = MODULE.build("./nvml-walk")
OK, BAD, UNSUPPORTED, NOT_FOUND, IN_USE, NO_ROOM, TOO_NEW = 0, 2, 3, 6, 19, 23, 25
# NVML's enumerators of GPU instance profiles: 1, 2, 3, 4, 7 slices, 1 slice with media.
ONE, TWO, THREE, FOUR, SEVEN, MEDIA = 0, 1, 2, 3, 4, 7
XID, MIG_CHANGE = 0x8, 0x100
# Codes that an H200 gave under 580.159.04 where others say NOT_SUPPORTED.
RECORDED = {"GetComputeInstanceId": BAD, "GetGpuInstanceId": BAD, "GetMinMaxFanSpeed": BAD,
            "GetFanSpeedRPM": BAD, "GetLastBBXFlushTime": 27, "GetConfComputeGpuCertificate": 999}
PLACEMENTS = re.compile(r"^GPU +(\d+) Profile ID +(\d+) Placements? *: \{([\d,]+)\}:(\d+)", re.M)
PROFILE = re.compile(r"^\| +(\d+) +MIG (\S+) +(\d+) +(\d+)/(\d+) +([\d.]+) +\S+ +(\d+) ", re.M)


def ask(m, *words):
    return json.loads(m.run([WALK, *words]).stdout)


def value(answer):
    check(answer["ret"] == OK, f"not answered: {answer}")
    return answer["out"][0]


def profiles(m, walked, gpu=0):
    """Each profile, its placements and what is left of it, against the tables of migctl smi."""
    if m.try_migctl("smi", "mig", "-lgip", "-i", str(gpu)).returncode == NOT_FOUND:
        # nvidia-smi before 550 shows the profiles of GPUs in MIG mode only; NVML answers all the same.
        same("MIG mode", m.gpus()[gpu]["mig_current"], "off")
        return
    want = {int(pid): (name, int(free), int(total), int(sms)) for index, name, pid, free, total, _, sms
            in PROFILE.findall(m.smi("mig", "-lgip", "-i", str(gpu)))}
    places = {int(pid): [(int(start), int(size)) for start in starts.split(",")]
              for _, pid, starts, size in PLACEMENTS.findall(m.smi("mig", "-lgipp", "-i", str(gpu)))}
    check(len(want) > 4, f"migctl smi mig -lgip shows {want}")
    found = {}
    for p in walked["gi_profiles"]:
        # A driver older than the third version of the struct says so.
        versions = [v for v in ("v1", "v2", "v3") if p[v]["ret"] != TOO_NEW]
        check(len(versions) > 1 and "v2" in versions, f"profile {p['index']}: {p}")
        codes = {p[v]["ret"] for v in versions}
        check(len(codes) == 1, f"the versions of profile {p['index']} differ: {p}")
        if codes != {OK}:
            check(codes <= {BAD, UNSUPPORTED}, f"profile {p['index']}: {codes}")
            continue
        v1, v2, newest = value(p["v1"]), value(p["v2"]), value(p[versions[-1]])
        for field in ("Id", "InstanceCount", "MemorySizeMB", "MultiprocessorCount", "SliceCount"):
            check(v1[field] == v2[field] == newest[field], f"{field} of profile {p['index']} differs")
        found[v1["Id"]] = (v2["Name"].removeprefix("MIG "), value(p["remaining"]), v1["InstanceCount"],
                           v1["MultiprocessorCount"])
        same(f"placements of {v2['Name']}", [(x["Start"], x["Size"]) for x in value(p["placements"])],
             places[v1["Id"]])
    same("profiles", found, want)
    same("an enumerator past the last", walked["gi_profiles"][-1]["v1"]["ret"], BAD)


def instances(m, walked, gpu=0):
    """GPU instances, compute instances and MIG devices, against the lab's status."""
    layout = []
    for entry in walked["gpu_instances"]:
        info = value(entry["info"])
        same("a GPU instance found by its id", value(entry["by_id"]), info)
        profile = next(p for p in walked["gi_profiles"] if p["v1"]["ret"] == OK
                       and value(p["v1"])["Id"] == info["ProfileId"])
        names = {value(p["v1"])["Id"]: value(p["v2"])["Name"].removeprefix("MIG ")
                 for p in entry["ci_profiles"] if p["v1"]["ret"] == OK}
        cis = []
        for ci in entry["compute_instances"]:
            info_ci = value(ci["info"])
            same("a compute instance found by its id", value(ci["by_id"]), info_ci)
            cis.append((info_ci["Id"], names[info_ci["ProfileId"]]))
        layout.append((info["Id"], value(profile["v2"])["Name"].removeprefix("MIG "),
                       info["Placement"]["Start"], sorted(cis)))
    same("layout", sorted(layout), m.layout().get(gpu, []))

    want, found = m.mig_devices(gpu), walked["mig_devices"]
    past = {d["ret"] for d in found[len(want):]}
    same("past the last MIG device", past, {NOT_FOUND if walked["mig_mode"]["out"][0] else UNSUPPORTED})
    board = value(walked["get"]["GetName"])
    for index, (w, f) in enumerate(zip(want, found)):
        check(f["ret"] == OK, f"MIG device {index}: {f}")
        get = {name: value(a) for name, a in f["get"].items() if a["ret"] == OK and a.get("out")}
        same("MIG device", [get["GetUUID"], get["GetGpuInstanceId"], get["GetComputeInstanceId"],
                            get["GetIndex"], get["IsMigDeviceHandle"]],
             [w["uuid"], w["gi"], w["ci"], index, True])
        same("its name", get["GetName"], f"{board} MIG {w['ci_profile']}")
        same("its GPU", get["GetDeviceHandleFromMigDeviceHandle"]["uuid"], m.gpus()[gpu]["uuid"])
        same("found by its UUID", value(f["by_uuid"])["uuid"], w["uuid"])
        same("its memory in use", get["GetMemoryInfo"]["Used"], w["memory_used_bytes"])
        same("its slices", f"{get['GetAttributes']['GpuInstanceSliceCount']}g", w["profile"].split(".")[0])
        for name in ("GetPowerUsage", "GetFanSpeed", "GetUtilizationRates", "GetMigMode"):
            same(f"{name} of a MIG device", f["get"][name]["ret"], UNSUPPORTED)


def look(m, gpu=0):
    """Walks, compares all, and returns what was walked of one GPU."""
    walked = ask(m, "walk")
    gpus = m.gpus()
    same("GPUs", value(walked["count"]), len(gpus))
    same("past the last GPU", walked["past_the_last"]["ret"], BAD)
    same("driver", value(walked["system"]["driver"]), m.status()["driver"])
    for want, found in zip(gpus, walked["gpus"]):
        on = int(want["mig_current"] == "on")
        pending = on if want["mig_pending"] is None else int(want["mig_pending"] == "on")
        same("MIG mode", found["mig_mode"], {"ret": OK, "out": [on, pending]})
        check(any(p["v1"]["ret"] == OK for p in found["gi_profiles"]), "no profile can be asked")
        get = found["get"]
        same("identity", [value(get[n]) for n in ("GetUUID", "GetName", "GetSerial", "GetIndex")],
             [want["uuid"], want["name"], want["serial"], want["gpu"]])
        same("bus id", value(get["GetPciInfo"])["BusId"], want["bus_id"])
        for way in ("uuid", "bus_id"):
            same(f"found by its {way}", value(found["by_handle"][way])["uuid"], want["uuid"])
        same("found by nobody's UUID", found["by_handle"]["no_such_uuid"]["ret"], NOT_FOUND)
        bad = {n: a["ret"] for n, a in get.items() if a["ret"] not in (-1, 0, 3, 4, 6, 7, 13, 25)
               and a["ret"] != RECORDED.get(n)}
        check(not bad, f"codes that no board was seen to answer: {bad}")
        profiles(m, found, want["gpu"])
        instances(m, found, want["gpu"])
    return walked["gpus"][gpu]


def does(m, want, *words):
    """A change through go-nvml; what the instance became where it is made."""
    answer = ask(m, *words)
    same(" ".join(words), answer["ret"], want)
    return answer["out"][0] if answer.get("out") else None


def switch(m, on):
    same("MIG mode set", ask(m, "mode", "0", str(on)), {"ret": OK, "activation": OK})
    same("MIG mode", (m.gpus()[0]["mig_current"], m.gpus()[0]["mig_pending"]), (("off", "on")[on], None))


def whole(m):
    """Mode on, create, process on an instance, destroy, mode off."""
    look(m)
    does(m, UNSUPPORTED, "create", "0", f"{THREE}")
    switch(m, 1)
    look(m)
    gi = does(m, OK, "create", "0", f"{THREE}")
    same("its place", gi["Placement"], {"Size": 4, "Start": m.layout()[0][0][2]})
    does(m, OK, "create", "0", f"{TWO}", "0")
    does(m, NO_ROOM, "create", "0", f"{TWO}", "0")
    does(m, BAD, "create", "0", f"{TWO}", "1")
    does(m, NO_ROOM, "create", "0", f"{SEVEN}")
    does(m, OK, "create", "0", f"{MEDIA}")
    does(m, NO_ROOM, "create", "0", f"{MEDIA}")
    look(m)
    first = does(m, OK, "create-ci", "0", f"{gi['Id']}", "0")
    starts = next([x["Start"] for x in value(p["placements"])] for entry in look(m)["gpu_instances"]
                  if value(entry["info"])["Id"] == gi["Id"] for p in entry["ci_profiles"])
    last = max(start for start in starts if start != first["Placement"]["Start"])
    does(m, NO_ROOM, "create-ci", "0", f"{gi['Id']}", "0", f"{first['Placement']['Start']}")
    does(m, BAD, "create-ci", "0", f"{gi['Id']}", "0", f"{max(starts) + 1}")
    does(m, OK, "create-ci", "0", f"{gi['Id']}", "0", f"{last}")
    does(m, NO_ROOM, "create-ci", "0", f"{gi['Id']}", "1")
    walked = look(m)
    same("MIG devices", len(m.mig_devices()), 2)
    busy = m.mig_devices()[1]
    pid = m.client(busy["uuid"], "2GiB")
    walked = look(m)
    seen = walked["mig_devices"][1]["get"]
    running = value(seen["GetComputeRunningProcesses"])
    same("processes of the MIG device", [(p["Pid"], p["UsedGpuMemory"]) for p in running], [(pid, 2 << 30)])
    same("processes of the other", value(walked["mig_devices"][0]["get"]["GetComputeRunningProcesses"]), [])
    running = value(walked["get"]["GetComputeRunningProcesses"])
    same("processes of the GPU", [(p["Pid"], p["GpuInstanceId"], p["ComputeInstanceId"]) for p in running],
         [(pid, busy["gi"], busy["ci"])])
    does(m, IN_USE, "destroy", "0", f"{busy['gi']}", f"{busy['ci']}")
    does(m, IN_USE, "destroy", "0", f"{busy['gi']}")
    m.stop_clients()
    for i in m.mig_devices():
        does(m, OK, "destroy", "0", f"{i['gi']}", f"{i['ci']}")
    does(m, NOT_FOUND, "destroy", "0", f"{busy['gi']}", f"{busy['ci']}")
    for gi in [i["gi"] for i in m.status()["instances"]]:
        does(m, OK, "destroy", "0", f"{gi}")
    does(m, NOT_FOUND, "destroy", "0", f"{busy['gi']}")
    same("layout", m.layout(), {})


def handles(m):
    """Handles of what is gone, within one process and over a Shutdown and Init."""
    said = ask(m, "stale", "0", f"{TWO}")
    gone = said.pop("mig_get")
    same("handles", said, {"gi_in_use": IN_USE, "before": OK, "after_init": OK, "ci_destroy": OK,
                           "ci_destroy_again": BAD, "ci_info": BAD, "mig_uuid": BAD, "by_uuid": NOT_FOUND,
                           "gi_destroy": OK, "gi_destroy_again": BAD, "gi_info": BAD})
    wrong = sorted(name for name, a in gone.items() if a["ret"] == OK)
    same("functions that answer on a MIG device that is gone", wrong, [])
    same("layout", m.layout(), {})


def events(m):
    """EventSetWait blocks for its timeout."""
    begin = time.monotonic()
    out = m.run([WALK, "wait", "0", "700"]).stdout
    said = json.loads(out.partition("\n")[2])
    same("an event", (said["ret"], said["free"]), (10, OK))
    check(time.monotonic() - begin >= 0.7, "EventSetWait does not wait")
    event = raised(m, "smi", "mig", "-i", "0", "-cgi", "19", "-C")
    same("a new layout's event", (event["type"], event["device"]["uuid"]), (MIG_CHANGE, m.gpus()[0]["uuid"]))
    d = m.mig_devices(0)[0]
    event = raised(m, "lab", "inject", f"0/{d['gi']}/{d['ci']}", "xid=94")
    same("an Xid's event", [event[k] for k in ("type", "data", "gi", "ci")], [XID, 94, d["gi"], d["ci"]])
    m.smi("mig", "-dci")
    m.smi("mig", "-dgi")


def raised(m, *change):
    """The event that a change by migctl wakes a waiting program with."""
    program = m.start([WALK, "wait", "0", "20000"], stdout=subprocess.PIPE)
    same("the program", program.stdout.readline(), "waiting\n")
    begin = time.monotonic()
    m.migctl(*change)
    said = json.loads(program.stdout.read())
    check(time.monotonic() - begin < 10, "the event comes late")
    m.stop(program)
    same("EventSetWait", (said["ret"], said["free"]), (OK, OK))
    return said["event"]


def machine(board, driver, more=()):
    with Machine("--board", board, "--driver", driver) as m:
        whole(m)
        handles(m)
        for case in more:
            case(m)
        switch(m, 0)
        look(m)
        print(f"{board} under {driver}: well", flush=True)


machine("a100-40gb-sxm", "550.163.01", (events,))
machine("a100-80gb-pcie", "535.261.03")
machine("h100-80gb-sxm", "580.159.04", (events,))
report("go-nvml", MODULE.version("github.com/NVIDIA/go-nvml"),
       "a walk of all MIG calls and every getter, through mode on, create, process, destroy, stale "
       "handles, events, mode off, on A100 40GB and 80GB and H100 (550, 535, 580), equal to migctl")
