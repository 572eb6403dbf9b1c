#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the inputs of tests/fuzz/calls, state and trace that are not findings: what a program may do
to a GPU, how a lab's file may be wrong, what a traced process may tell, each under a name that says it.
The bytes are what caller.h, fuzz_calls.c, fuzz_state.c and src/nvml/trace_msg.c read.

Usage: corpus.py            (after a change of those, or of the file's format: look at git diff)
"""
import pathlib
import re
import struct as packing
import subprocess
import tempfile

import functions

HERE = pathlib.Path(__file__).resolve().parent
CODES, FUNCTIONS = functions.all_codes(), functions.functions()
A100, H100, OLD, A100_515, RTX, H200 = range(6)
NULL, STALE = 0xc0, 0x20
MANY, NONE = 13, 0  # places in caller.h's table of rooms: 96 ... and 0
# A struct whose special fields take bytes of their own.
SPECIAL = {"F_UUID": 2, "F_PROCESSES": 1, "F_UTILIZATION": 1, "F_SRAM": 0, "F_METRICS": 6}


def number(n):
    n &= 2 ** 64 - 1
    if n < 0xc0:
        return bytes([n])
    return bytes([0xe0]) + n.to_bytes(2, "little") if n < 0x10000 else bytes([0xf0]) + n.to_bytes(8, "little")


def struct(*numbers, special=b""):
    """Of its first version, with these numbers behind it."""
    return bytes([0x80 | (len(numbers) - 1) << 3]) + b"".join(number(n) for n in numbers) + special


def handle(place):
    return bytes([place << 3])


def argument(p, given, room):
    """Bytes of an argument: what is given, or something harmless."""
    what, fill = p["what"], p.get("fill")
    if isinstance(given, bytes):
        return given
    if what == "P_COUNT" or what == "P_WORD" and given is None:
        return b"\1" if what == "P_COUNT" else b"\0"
    if what == "P_LENGTH":
        return b""
    if what in ("P_LIST", "P_FIXED"):
        return b"\1" + (b"\0" * 8 if fill == "F_FIELDS" and room == MANY else b"")
    if what == "P_THING":
        return (b"\1" if given is None else struct(*given)) + b"\0" * SPECIAL.get(fill, 0)
    if what == "P_HANDLE":
        return handle(given or 0)
    return number(given or 0)


def say(name, *given, room=MANY, every=None):
    """A call; every: bytes of each pointer. Arguments that are not given are harmless."""
    params = FUNCTIONS[name][1] if name in FUNCTIONS else None
    out = CODES[name].to_bytes(2, "little")
    if params is None:
        return out + b"".join(g if isinstance(g, bytes) else bytes([g]) for g in given)
    if any(p["what"] in ("P_LIST", "P_FIXED", "P_COUNT", "P_LENGTH") or
           p["what"] == "P_THING" and "fill" in p for p in params):
        out += bytes([room])
    given = list(given) + [None] * (len(params) - len(given))
    for p, g in zip(params, given):
        if every is not None and p["what"] in ("P_THING", "P_LIST", "P_FIXED", "P_COUNT"):
            g = every
        out += argument(p, g, room)
    return out


def mig(gpu=0, profile=9):
    """MIG on, a GPU instance with a compute instance, and its MIG device, the newest device."""
    return (say("nvmlDeviceSetMigMode", gpu, 1) + say("nvmlDeviceCreateGpuInstance", gpu, profile) +
            say("nvmlGpuInstanceCreateComputeInstance", 0, 0) +
            say("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 0))


def groups():
    """Name of a group in src/nvml/nvml_calls*.h -> its functions; then nvidia-smi's, and the others."""
    found = {}
    for path in sorted(functions.calls.NVML.glob("nvml_calls*.h")):
        for name, body in re.findall(r"#define NVML_CALLS_(\w+)\(X\)((?:.*\\\n)+.*)", path.read_text()):
            members = [m for m in re.findall(r"X\((nvml\w+)", body) if m in FUNCTIONS]
            if members:
                found[name.lower().replace("_", "-")] = members
    listed = {name for members in found.values() for name in members}
    found["nvidia-smi"] = list(functions.SLOTS)
    found["unknown"] = [n for n in FUNCTIONS if n not in listed and n not in functions.SLOTS][::6]
    return found


def whole(device, skip=r"nvmlInit|nvmlShutdown", of=None, **how):
    """Every function, of a device."""
    def of_device(params):
        return params and params[0]["what"] == "P_HANDLE" and params[0]["kind"] == "K_DEVICE"
    return b"".join(say(name, device, **how) if of_device(FUNCTIONS[name][1]) else say(name, **how)
                    for name in of or FUNCTIONS if not re.match(skip, name))


READING = r"nvmlInit|nvmlShutdown|.*Set[A-Z]|.*(Create|Destroy|Reset|Clear|Free)|smi_(reset|set)"
PROFILES = (19, 20, 15, 14, 9, 5, 0)


def inputs():
    """name -> (lab, bytes)"""
    made = {}
    for name, of in groups().items():
        made[f"{name}-of-an-a100"] = (A100, whole(0, of=of))
        made[f"{name}-of-an-rtx-pro-with-numbers-in-structs"] = (RTX, whole(0, of=of, every=struct(1, 2, 3, 4)))
        made[f"{name}-of-an-old-a30-with-null"] = (OLD, whole(0, of=of, every=b"\0"))
        made[f"{name}-of-a-mig-device-of-an-h100"] = (H100, mig() + whole(4, READING, of))
        made[f"{name}-of-a-busy-h200"] = (
            H200, mig() + say("client", 0, 2, 100) + whole(0, READING, of))
    of = groups()["mig"]
    made["mig-without-room"] = (H100, mig() + whole(0, READING, of, room=NONE))
    made["mig-of-a-lost-gpu"] = (A100, mig() + say("inject", 0, 0, 0, 79) + whole(0, of=of))
    made["mig-after-a-reboot"] = (A100, mig() + say("reboot", 0) + whole(2, of=of))
    made["mig-of-a-destroyed-lab"] = (A100, mig() + say("destroyed") + whole(0, of=of))
    made["mig-after-shutdown"] = (A100, mig() + say("nvmlShutdown") + whole(0, of=of))
    made["each-profile-made-and-destroyed"] = (A100, say("nvmlDeviceSetMigMode", 0, 1) + b"".join(
        say("nvmlDeviceCreateGpuInstance", 0, p) +
        say("nvmlGpuInstanceGetComputeInstanceProfileInfoV", i, 0) +
        say("nvmlGpuInstanceCreateComputeInstance", i, i % 4) + say("nvmlComputeInstanceDestroy", i) +
        say("nvmlGpuInstanceDestroy", i) for i, p in enumerate(PROFILES)))
    made["each-placement-of-1g-then-stale-handles"] = (A100, say("nvmlDeviceSetMigMode", 0, 1) + b"".join(
        say("nvmlDeviceCreateGpuInstanceWithPlacement", 0, 19, [start, 1]) for start in range(8)) + b"".join(
        say("nvmlGpuInstanceDestroy", i) for i in range(8)) + b"".join(
        say("nvmlGpuInstanceGetInfo", i) for i in range(8)))
    made["instances-destroyed-while-a-client-computes"] = (
        A100, mig() + say("client", 0, 3, 5) + say("nvmlComputeInstanceDestroy", 0) +
        say("nvmlGpuInstanceDestroy", 0) + say("nvmlDeviceSetMigMode", 0, 0) + say("gpu_reset", 0) +
        say("nvmlDeviceGetComputeRunningProcesses_v3", 2) + say("client_ends", 0) +
        say("nvmlComputeInstanceDestroy", 0) + say("nvmlGpuInstanceDestroy", 0))
    made["mig-mode-off-with-instances-then-reset"] = (
        A100_515, mig() + say("nvmlDeviceSetMigMode", 0, 0) + say("gpu_reset", 0) +
        say("nvmlDeviceGetMigMode", 0) + say("smi_reset", 0))
    made["two-reboots-and-new-starts"] = (A100, mig() + (say("reboot", 0) + say("nvmlShutdown") +
                                                         say("nvmlInit_v2") + mig()) * 2)
    made["events-registered-raised-and-waited-for"] = (
        A100, say("nvmlEventSetCreate") + say("nvmlDeviceRegisterEvents", 0, 0x101 | 8 | 2, 0) +
        say("inject", 0, 0, 0, 31) + say("inject", 0, 1, 0, 0) + say("inject", 0, 2, 0, 0) +
        say("nvmlDeviceSetMigMode", 0, 1) +
        b"".join(say("nvmlEventSetWait_v2", 0, [0], b"\0") + say("nvmlEventSetWait", 0, [0], b"\0")
                 for _ in range(3)) + say("nvmlEventSetFree", 0) + say("nvmlEventSetFree", 0))
    sample = say("nvmlGpmSampleAlloc")
    made["gpm-samples-of-a-gpu-and-an-instance"] = (
        H100, sample + sample + say("nvmlGpmSampleGet", 0, 0) + say("nvmlGpmSampleGet", 0, 1) + b"".join(
            say("nvmlGpmMetricsGet", b"\x01" + bytes([3]) + handle(0) + handle(1) + bytes([i, i + 1, i + 2]))
            for i in range(1, 150, 3)) + mig() + say("nvmlGpmMigSampleGet", 0, 2, 0) +
        say("nvmlGpmSampleFree", 0) + say("nvmlGpmSampleGet", 0, 0))
    made["accounts-of-clients-that-come-and-go"] = (
        A100, say("nvmlDeviceSetAccountingMode", 0, 1) + say("client", 0, 0, 9) + say("client", 0, 0x80, 9) +
        say("nvmlDeviceGetAccountingPids", 0) + say("client_ends", 0) + say("nvmlDeviceGetAccountingPids", 0) +
        say("nvmlDeviceClearAccountingPids", 0) + say("smi_compute_processes", 0) +
        say("nvmlDeviceGetProcessUtilization", 0) + say("smi_process_usage", 0) + say("holders", 3))
    made["every-field-value"] = (H100, b"".join(
        say("nvmlDeviceGetFieldValues", 0, None, b"\1" + b"".join(number(i + k) + number(k) for k in range(4)))
        for i in range(1, 280, 4)))
    made["every-reading-fixed-and-read"] = (H200, b"".join(
        say("set_reading", 0, key, 0, 0, number(1)) for key in range(21)) + whole(0, READING, groups()["reading"]))
    made["clocks-fans-and-power-set"] = (
        RTX, say("nvmlDeviceSetGpuLockedClocks", 0, 300, 1410) + say("nvmlDeviceResetGpuLockedClocks", 0) +
        say("nvmlDeviceSetApplicationsClocks", 1, 1593, 1410) + say("nvmlDeviceResetApplicationsClocks", 1) +
        say("nvmlDeviceSetPowerManagementLimit", 0, 300000) + say("nvmlDeviceSetFanSpeed_v2", 0, 0, 70) +
        say("nvmlDeviceSetDefaultFanSpeed_v2", 0, 0) + say("nvmlDeviceSetMemoryLockedClocks", 0, 405, 1593) +
        say("nvmlDeviceSetPowerManagementLimit_v2", 0, [0, 300000]) + say("nvmlDeviceSetEccMode", 0, 0) +
        say("nvmlDeviceClearEccErrorCounts", 0, 1) + say("nvmlDeviceSetComputeMode", 0, 3))
    fault = [say("fault", does, 2, b"\1", 0, 0, 0, 0, 0) for does in (1, 2, 4, 0x40, 0x83)]
    made["faults-that-return-slow-and-lose-the-gpu"] = (A100, mig() + b"".join(
        f + say("nvmlDeviceGetName", 0) + say("nvmlDeviceGetMigMode", 0) + say("fault_clear", 0) for f in fault) +
        fault[0] + say("reboot", 0) + say("latency", 1) + say("nvmlDeviceGetName", 0) + say("latency", 0))
    made["nvidia-smi-resets-a-group"] = (A100, say("reset_group", 2, handle(0), handle(1)) +
                                         say("reset_group", 1, b"\xc0") + say("reset_group", 17))
    made["nvidia-smi-asks-for-places"] = (A100, b"".join(
        say("smi_parse_bus_id", bytes([0x80 | len(text)]) + text) for text in
        (b"00000000:0F:00.0", b"0F:0.0", b"0:0:0:0.0", b"x", b"00000000:07:00")) + say(
        "smi_path", b"\1", b"\1") + say("smi_place_by_index", 1) + say("smi_place_by_index", 9))
    made["devices-by-uuid-serial-and-place"] = (
        A100, mig() + say("nvmlDeviceGetUUID", 2) + b"".join(
            say(f"nvmlDeviceGetHandleBy{kind}", bytes([word])) for word in range(4)
            for kind in ("UUID", "Serial", "PciBusId", "PciBusId_v2")) +
        say("nvmlDeviceGetHandleByUUIDV", b"\x80" + number(0) + bytes([0, 1])))
    made["nvlink-and-topology-of-a-switch"] = (H100, b"".join(
        say("nvmlDeviceGetNvLinkState", 0, link) + say("nvmlDeviceGetNvLinkCapability", 0, link, link % 6) +
        say("nvmlDeviceGetNvLinkRemotePciInfo_v2", 0, link) + say("nvmlDeviceGetP2PStatus", 0, link % 4, link % 6) +
        say("nvmlDeviceGetTopologyNearestGpus", 0, link * 10) +
        say("nvmlDeviceGetTopologyCommonAncestor", link % 4, 1) for link in range(8)))
    made["handles-of-the-wrong-kind"] = (A100, mig() + b"".join(
        say("nvmlGpuInstanceDestroy", bytes([b])) + say("nvmlComputeInstanceDestroy", bytes([b])) +
        say("nvmlDeviceGetName", bytes([b])) + say("nvmlEventSetFree", bytes([b])) +
        say("nvmlGpmSampleFree", bytes([b])) for b in range(0x80, 0x86)))
    made["handles-that-nobody-gave"] = (A100, b"".join(
        say("nvmlDeviceGetName", b"\xff" + value.to_bytes(8, "little")) +
        say("nvmlGpuInstanceGetInfo", b"\xff" + value.to_bytes(8, "little"))
        for value in (1, 2 ** 63, 0x4d << 56, 0x4d << 56 | 0xff << 44, 0x4d1 << 52 | 99 << 44)))
    return made


# --- the lab's file ---------------------------------------------------------------------------

HEADER, CONST, BOARD, STATE, GPU, TROUBLE, LATENCY = range(7)
TYPES = ("struct lab_header", "struct lab_const", "struct mig_board", "struct lab_state", "struct lab_gpu",
         "struct lab_trouble", "struct lab_trouble")
# Which sums stay wrong.
KEEP_HEADER, KEEP_CONST, KEEP_STATE, KEEP_TROUBLE = 0x10, 0x20, 0x40, 0x80
# Name -> edits, each (part, field, width, value).
WRONG = {
    "magic-of-something-else": [(HEADER, "magic", 4, 0x464c457f)],
    "format-of-a-newer-migkit": [(HEADER, "format", 4, 99)],
    "format-of-an-older-migkit": [(HEADER, "format", 4, 1)],
    "functions-of-another-migkit": [(HEADER, "calls_sum", 8, 1)],
    "file-larger-than-it-is": [(HEADER, "file_size", 8, 1 << 40)],
    "constants-at-an-offset-that-wraps": [(HEADER, "const_offset", 8, 2 ** 64 - 4096)],
    "constants-beyond-the-end": [(HEADER, "const_offset", 8, 1 << 20)],
    "state-beyond-the-end": [(HEADER, "copy_offset[1]", 8, 1 << 20)],
    "state-in-the-header": [(HEADER, "copy_offset[0]", 8, 8)],
    "state-of-more-gpus": [(HEADER, "copy_size", 8, 0x8000)],
    "trouble-beyond-the-end": [(HEADER, "trouble_offset[0]", 8, 1 << 20)],
    "counts-beyond-the-end": [(HEADER, "live_offset", 8, 1 << 20)],
    "the-other-copy-of-the-state": [(HEADER, "seq", 1, 1)],
    "destroyed": [(HEADER, "destroyed", 1, 1)],
    "watched-without-trouble": [(HEADER, "watch", 1, 7), (HEADER, "trouble_seq", 1, 0)],
    "no-gpus": [(CONST, "n_gpus", 4, 0)],
    "more-gpus-than-a-lab-has": [(CONST, "n_gpus", 4, 200)],
    "no-boards": [(CONST, "n_boards", 4, 0)],
    "more-boards-than-it-holds": [(CONST, "n_boards", 4, 2)],
    "no-numa-nodes": [(CONST, "n_nodes", 4, 0)],
    "a-numa-node-without-its-cpus": [(CONST, "node[0].cpus[0]", 8, 1)],
    "nvlink-of-no-kind": [(CONST, "nvlink", 4, 9)],
    "a-rule-that-has-no-such-value": [(CONST, "rule[0]", 1, 200), (CONST, "rule[7]", 1, 99)],
    "driver-from-before-mig": [(CONST, "driver_major", 4, 390)],
    "a-board-of-no-units": [(BOARD, "units", 1, 0)],
    "a-board-with-255-profiles": [(BOARD, "n_gi", 1, 255)],
    "a-profile-that-starts-outside": [(BOARD, "gi[0].starts[0]", 1, 200)],
    "a-profile-without-compute-profiles": [(BOARD, "gi[0].n_ci", 1, 0)],
    "a-profile-of-99-compute-profiles": [(BOARD, "gi[0].n_ci", 1, 99)],
    "more-gpus-in-the-state": [(STATE, "n_gpus", 4, 16)],
    "a-client-of-gpu-200": [(STATE, "client[0].gpu", 1, 200)],
    "a-client-of-no-kind": [(STATE, "client[0].kind", 1, 9)],
    "a-client-of-an-instance-that-is-not-there": [(STATE, "client[0].gi", 1, 100)],
    "a-client-whose-memory-overflows": [(STATE, "client[0].memory", 8, 2 ** 64 - 1)],
    "an-account-of-slot-200": [(STATE, "account[0].slot", 1, 200)],
    "an-account-from-the-future": [(STATE, "account[0].start_us", 8, 2 ** 63)],
    "an-event-of-no-kind": [(STATE, "event[3].kind", 1, 77)],
    "an-event-of-another-number": [(STATE, "event[3].number", 8, 2 ** 63)],
    "events-that-are-counted-and-not-there": [(STATE, "n_events", 8, 1 << 40)],
    "more-events-than-there-can-have-been": [(STATE, "n_events", 8, 2 ** 64 - 1)],
    "the-last-generation": [(STATE, "next_generation", 4, 2 ** 32 - 1)],
    "the-last-boot": [(STATE, "boot", 8, 2 ** 64 - 1)],
    "a-gpu-of-board-9": [(GPU, "board", 1, 9)],
    "a-gpu-on-node-77": [(GPU, "numa_node", 4, 77)],
    "a-gpu-whose-uuid-has-no-end": [(GPU, "uuid[40]", 1, 65)],
    "a-gpu-that-is-lost": [(GPU, "lost", 1, 1)],
    "a-gpu-of-minor-4294967295": [(GPU, "minor", 4, 2 ** 32 - 1)],
    "instances-without-mig": [(GPU, "mig_current", 1, 0)],
    "an-instance-of-another-id": [(GPU, "gi[0].id", 1, 63)],
    "an-instance-of-profile-255": [(GPU, "gi[0].profile", 1, 255)],
    "two-instances-at-one-place": [(GPU, "gi[1].start", 1, 4), (GPU, "gi[1].id", 1, 1)],
    "an-instance-outside": [(GPU, "gi[1].start", 1, 187)],
    "a-compute-instance-of-profile-255": [(GPU, "gi[0].ci[0].profile", 1, 255)],
    "a-compute-instance-outside": [(GPU, "gi[0].ci[0].start", 1, 200)],
    "readings-at-their-ends": [(GPU, "set.temperature_c", 4, 2 ** 31 - 1), (GPU, "set.power_mw", 4, 2 ** 31),
                               (GPU, "set.utilization_gpu", 4, 2 ** 31 - 1),
                               (GPU, "set.memory_used_mib", 4, 2 ** 31 - 1)],
    "settings-at-their-ends": [(GPU, "user.power_limit_mw", 4, 2 ** 32 - 1), (GPU, "user.lock_sm_max", 4, 2 ** 32 - 1),
                               (GPU, "user.fan_percent", 1, 255)],
    "energy-at-its-end": [(GPU, "energy_mj", 8, 2 ** 64 - 1), (GPU, "energy_at_us", 8, 0)],
    "loaded-in-the-future": [(GPU, "loaded_at_us", 8, 2 ** 64 - 1)],
    "65-faults": [(TROUBLE, "n_slots", 4, 65)],
    "a-fault-that-does-nothing": [(TROUBLE, "fault[0].does", 4, 0)],
    "a-fault-that-does-what-nobody-knows": [(TROUBLE, "fault[0].does", 4, 2 ** 32 - 1)],
    "a-fault-of-gpu-77": [(TROUBLE, "fault[0].gpu", 2, 77)],
    "a-fault-of-no-calls": [(TROUBLE, "fault[0].every", 8, 0)],
    "a-fault-with-every-chance": [(TROUBLE, "fault[0].chance", 8, 2 ** 63), (TROUBLE, "fault[0].first", 8, 1)],
    "two-faults-of-one-id": [(TROUBLE, "fault[1].id", 4, 1)],
    "a-fault-of-a-process-without-end": [(TROUBLE, f"fault[0].process[{i}]", 8, 0x4141414141414141)
                                         for i in (0, 8)],
    "latencies-of-a-name-without-end": [(LATENCY, f"latency.name[{i}]", 8, 0x4141414141414141)
                                        for i in range(0, 64, 8)],
    "latencies-of-an-hour": [(LATENCY, "latency.name[0]", 1, 65), (LATENCY, "latency.us[0]", 4, 2 ** 32 - 1),
                             (HEADER, "watch", 1, 2)],
    "a-trace-to-nobody": [(LATENCY, "trace.id", 8, 7), (LATENCY, "trace.until_ns", 8, 2 ** 63), (LATENCY, "trace.pid", 4, 1),
                          (HEADER, "watch", 1, 4)],
}
TORN = {"header-with-a-wrong-sum": (KEEP_HEADER, [(HEADER, "file_size", 1, 1)]),
        "constants-with-a-wrong-sum": (KEEP_CONST, [(CONST, "n_cpus", 1, 1)]),
        "torn-state-is-repaired": (KEEP_STATE, [(GPU, "minor", 1, 9)]),
        "torn-trouble-is-repaired": (KEEP_TROUBLE, [(TROUBLE, "fault[0].times", 1, 9)])}


def offsets(fields):
    """Where fields lie in their structs, by the compiler: (part, field) -> offset."""
    lines = "".join(f'\tprintf("%zu\\n", offsetof({TYPES[part]}, {field}));\n' for part, field in fields)
    with tempfile.TemporaryDirectory() as work:
        source, program = pathlib.Path(work, "o.c"), pathlib.Path(work, "o")
        source.write_text(f'#include <stdio.h>\n#include <stddef.h>\n#include "lab/format.h"\n'
                          f"int main(void)\n{{\n{lines}}}\n")
        root = functions.driver.ROOT
        subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", f"-I{root / 'src'}", f"-I{root / 'include'}",
                        "-o", program, source], check=True)
        text = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return dict(zip(fields, map(int, text.split())))


def files():
    """name -> bytes, for tests/fuzz/state"""
    cases = {name: (0, edits) for name, edits in WRONG.items()} | TORN
    at = offsets(sorted({(e[0], e[1]) for _, edits in cases.values() for e in edits}))
    # What the parts of fuzz_state.c begin with, in their structs; the copies have their sum first.
    begin = {STATE: -8, TROUBLE: -8, LATENCY: offsets([(LATENCY, "latency")])[LATENCY, "latency"],
             BOARD: 0, GPU: 0, HEADER: 0, CONST: 0}
    made = {f"{board}-as-it-is": bytes([n, which]) for n, board in enumerate(("a100", "h100", "a30"))
            for which in (n,)}
    for name, (keep, edits) in cases.items():
        number = functions.code(name)
        data = bytes([keep | number % 3, number % 8])
        for part, field, width, value in edits:
            place = at[part, field] - begin[part]
            assert place % width == 0, (name, field)
            data += bytes([part | (width.bit_length() - 1) << 3]) + (place // width).to_bytes(2, "little")
            data += number_of(value)
        made[name] = data
    made["an-empty-file"] = bytes([8, 0])
    made["a-file-of-a-few-bytes"] = bytes([8, 0]) + b"MIGLAB\r\n"
    made["a-file-of-a-page-of-text"] = bytes([8, 0]) + b"# no lab\n" * 500
    return made


def number_of(value):
    """As number(), but never a place in a table."""
    return bytes([value]) if value < 0xc0 else b"\xf0" + value.to_bytes(8, "little")


# --- what a tracer is told ----------------------------------------------------------------------

def message(name, *args, parts=(), flags=1, status=0, stale=0, version=0, process=b"nvidia-smi", n_parts=None):
    """A message of src/nvml/trace_msg.h; parts: (argument, bytes, a list, cut)."""
    data = b"".join(packing.pack("<Q", a & 2 ** 64 - 1) for a in args)
    for arg, memory, *more in parts:
        data += packing.pack("<BBHI", arg, *(more or (0, 0)), len(memory)) + memory + bytes(-len(memory) % 8)
    return packing.pack("<8sIIQqQIIIiIHHII16s64s", b"MKTRACE1", 152 + len(data), flags, 7, 1700000000 * 10 ** 9, 1234,
                        11, 12, 1, status, stale, len(args), len(parts) if n_parts is None else n_parts,
                        version, 0, process, name.encode()) + data


def messages():
    """name -> bytes, for tests/fuzz/trace"""
    device, text, four = 0x4d1 << 52, b"NVIDIA A100\0", (1).to_bytes(4, "little")
    name = ("nvmlDeviceGetName", device, 0x7fff0000, 96)
    made = {
        "a-name": message(*name, parts=[(1, text)]),
        "a-name-without-end": message(*name, parts=[(1, b"A" * 96)]),
        "a-name-of-control-characters": message(*name, parts=[(1, bytes(range(1, 97)))]),
        "a-name-that-was-cut": message(*name, parts=[(1, text, 0, 1)]),
        "a-stale-handle": message(*name, stale=1, status=2),
        "a-status-by-order-of-a-fault": message(*name, flags=3, status=15),
        "a-status-that-has-no-name": message(*name, status=-5),
        "no-arguments-and-none-known": message("nvmlInit_v2"),
        "a-function-that-nobody-declared": message("nvmlDeviceGetNothing", flags=0),
        "a-private-function": message("smi_parse_bus_id", 1, 2, 3, 4, 5),
        "a-count": message("nvmlDeviceGetCount_v2", 0x7fff0000, parts=[(0, four)]),
        "a-count-without-memory": message("nvmlDeviceGetCount_v2", 0x7fff0000),
        "a-count-of-one-byte": message("nvmlDeviceGetCount_v2", 0x7fff0000, parts=[(0, b"\1")]),
        "a-list-of-processes": message("nvmlDeviceGetComputeRunningProcesses_v3", device, 1, 2, parts=[
            (1, (2).to_bytes(4, "little")), (2, bytes(range(48)), 1, 0)]),
        "a-list-shorter-than-its-count": message("nvmlDeviceGetComputeRunningProcesses_v3", device, 1, 2, parts=[
            (1, b"\xff" * 4), (2, bytes(24), 1, 0)]),
        "a-list-that-a-struct-points-to": message("nvmlDeviceGetRunningProcessDetailList", device, 1, parts=[
            (1, packing.pack("<IIIIQ", 0x1000018, 0, 1, 0, 9)), (1, bytes(40), 1, 0)], version=0x1000018),
        "field-values-of-all-types": message("nvmlDeviceGetFieldValues", device, 4, 1, parts=[
            (2, b"".join(packing.pack("<IIqqIIQ", 80 + t, 0, 0, 0, t, 0, 2 ** 64 - 1) for t in range(4)))]),
        "a-field-value-that-is-no-number": message("nvmlDeviceGetFieldValues", device, 1, 1, parts=[
            (2, packing.pack("<IIqqIId", 80, 0, 0, 0, 0, 0, float("nan")))]),
        "samples": message("nvmlDeviceGetSamples", device, 0, 0, 1, 2, 3, parts=[
            (3, four), (4, four), (5, packing.pack("<Qd", 1, float("inf")), 1, 0)]),
        "a-struct-of-two-versions": message("nvmlDeviceGetGpuInstanceProfileInfoV", device, 0, 1, parts=[
            (2, bytes(200))], version=0x030000a8),
        "a-gpu-instance": message("nvmlDeviceCreateGpuInstance", device, 9, 1, parts=[
            (2, packing.pack("<Q", 0x4d4 << 52))]),
        "a-union-of-a-uuid": message("nvmlDeviceGetHandleByUUIDV", 1, 2, parts=[
            (0, packing.pack("<II", 0x1000030, 1) + b"GPU-" + bytes(40)), (1, bytes(8))]),
        "more-arguments-than-there-are": message("nvmlDeviceGetName", *range(16)),
        "more-parts-than-there-are": message(*name, n_parts=3),
        "a-part-of-an-argument-that-is-not-there": message(*name, parts=[(9, text)]),
        "a-process-of-control-characters": message(*name, process=b"\x1b[31m\n\xff" * 3),
        "a-call-of-64-letters": message("A" * 64),
        "a-call-with-a-quote-in-its-name": message('nvmlDeviceGet"Name\\'),
        "half-a-head": message(*name)[:100],
        "nothing": b"",
    }
    made["shorter-than-it-says"] = message(*name, parts=[(1, text)])[:-8]
    return made


def main():
    calls = {name: bytes([lab]) + data for name, (lab, data) in inputs().items()}
    for target, made in (("calls", calls), ("state", files()), ("trace", messages())):
        folder = HERE / target
        folder.mkdir(exist_ok=True)
        for name, data in made.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
