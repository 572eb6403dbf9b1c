#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What fuzz_calls and fuzz_state know of NVML's functions, from their declarations in src/nvml.

Prints calls_table.h: every function with what its parameters are (caller.h). corpus.py makes inputs
of the same knowledge.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "sim"))
import calls  # noqa: E402
import driver  # noqa: E402

driver.ROOT = HERE.parent.parent
HANDLES = {"nvmlDevice_t": "K_DEVICE", "nvmlGpuInstance_t": "K_GI", "nvmlComputeInstance_t": "K_CI",
           "nvmlEventSet_t": "K_SET", "nvmlGpmSample_t": "K_SAMPLE", "nvmlUnit_t": "K_UNIT",
           # Structs that begin with one.
           "nvmlComputeInstanceInfo_v1_t": "K_DEVICE", "nvmlComputeInstanceInfo_t": "K_DEVICE",
           "nvmlGpuInstanceInfo_t": "K_DEVICE"}
FILLS = {"nvmlUUID_t": "F_UUID", "nvmlProcessDetailList_t": "F_PROCESSES",
         "nvmlProcessesUtilizationInfo_t": "F_UTILIZATION",
         "nvmlEccSramUniqueUncorrectedErrorCounts_t": "F_SRAM",
         "nvmlGpmMetricsGet_t": "F_METRICS", "nvmlFieldValue_t": "F_FIELDS"}
LISTED = re.compile(r"(s|sMHz|Array|Set|Info|Metadata|utilization|name|version|serial|uuid|partNumber)$")
SINGLE = {"averageFps", "branchInfo"}
# count only says how many were written.
FIXED = {"placements", "gpuInstances", "computeInstances"}
LENGTH = re.compile(r"length|Length|SetSize|^size$|valuesCount")
# Changes no lab: of these the lab's state is compared. The accounts notice here who has ended.
READS = re.compile(r"Get|Query|Is[A-Z]|OnSame|Validate|EventSet|Gpm")
CHANGES = re.compile(r"Accounting|Set(?!Wait|Create|Free)[A-Z]|Reset|Clear")
# Functions of nvidia-smi's private table (src/sim/smi_table.c).
SLOTS = {
    "smi_parse_bus_id": (12, "const char *text, unsigned *a, unsigned *b, unsigned *c, unsigned *d"),
    "smi_reset": (13, "nvmlDevice_t device"),
    "smi_is_primary": (20, "nvmlDevice_t device, unsigned *primary"),
    "smi_path": (23, "const char *one, const char *two, unsigned *path"),
    "smi_trace": (26, "const char *text"),
    "smi_architecture": (65, "nvmlDevice_t device, unsigned *architecture"),
    "smi_may_monitor": (72, "nvmlDevice_t device, unsigned *may"),
    "smi_place_by_index": (75, "unsigned index, unsigned *a, unsigned *b, unsigned *c"),
    "smi_handle_by_index": (81, "unsigned index, nvmlDevice_t *device"),
    "smi_enforced_power_limit": (108, "nvmlDevice_t device, unsigned *limit"),
    "smi_violations": (138, "nvmlDevice_t device, nvmlMemory_t *ret"),
    "smi_process_usage": (145, "nvmlDevice_t device, unsigned long long since, unsigned *flags, "
                               "unsigned *sampleCount, usage488 *samples"),
    "smi_fabric": (169, "unsigned *kind"),
    "smi_compute_processes": (213, "nvmlDevice_t device, unsigned *infoCount, entry4128 *infos"),
    "smi_no_processes": (214, "nvmlDevice_t device, unsigned *kind"),
    "smi_unknown": (222, "nvmlDevice_t device, unsigned *kind"),
    "smi_memory_affinity": (223, "nvmlDevice_t device, unsigned nodeSetSize, unsigned long *nodeSet, "
                                 "unsigned scope"),
    "smi_host_link_generation": (230, "nvmlDevice_t device, unsigned *generation"),
    "smi_gpu_part_number": (231, "nvmlDevice_t device, char *partNumber, unsigned length"),
    "smi_margin_temperature": (240, "nvmlDevice_t device, int *margin"),
    "smi_addressing_mode": (242, "nvmlDevice_t device, unsigned *mode"),
    "smi_sparse_operation": (249, "nvmlDevice_t device, unsigned *mode"),
    "smi_set_persistence": (251, "nvmlDevice_t device, unsigned mode, unsigned *by_daemon"),
}
# What else a fuzzed program does; fuzz_calls.c has them by these names.
EXTRA = ("gpu_reset", "reboot", "holders", "inject", "set_reading", "client", "client_ends", "destroyed",
         "reset_group", "no_table", "fault", "fault_clear", "latency")


def code(name):
    """16 bits of a name: a kept input means the same when other functions come."""
    h = 0x811c9dc5
    for c in name.encode():
        h = (h ^ c) * 0x01000193 & 0xffffffff
    return (h ^ h >> 16) & 0xffff


def versioned():
    """Types of structs that begin with their version."""
    text = "".join(p.read_text(encoding="utf-8") for p in sorted(calls.NVML.glob("nvml_abi*.h")))
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    found = set()
    for names in re.findall(r"typedef struct[^{;]*\{\s*unsigned int version;[^}]*\}\s*([\w, ]+);", text):
        found.update(n.strip() for n in names.split(","))
    for old, new in re.findall(r"typedef (nvml\w+) (nvml\w+);", text):
        if old in found:
            found.add(new)
    return found


def all_codes():
    """name -> code; of two with the same the later one takes the next that is free."""
    taken, found = set(), {}
    for name in [*EXTRA, *functions()]:
        number = code(name)
        while number in taken:
            number = (number + 1) & 0xffff
        taken.add(number)
        found[name] = number
    return found


def parameter(kind, name, names, has_count, needed):
    """{field of struct param: C} of one parameter."""
    stars = kind.count("*")
    plain = kind.replace("const", "").replace("*", "").strip()
    own = re.fullmatch(r"(?:usage|entry)(\d+)", plain)
    p = {"size": own.group(1) if own else f"sizeof({plain})", "needed": "1" if needed else "0"}
    if plain in HANDLES:
        p["kind"] = HANDLES[plain]
    if plain in FILLS:
        p["fill"] = FILLS[plain]
    if not stars:
        p["what"] = "P_HANDLE" if plain in HANDLES else "P_NUMBER"
        if name == "timeoutms":
            p["what"] = "P_MILLISECONDS"
        elif LENGTH.search(name):
            p["what"], p["size"] = "P_LENGTH", "0"
            if "branchInfo" in names:
                p["size"] = "NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE"
        return p
    p["what"] = "P_THING"
    if plain == "char" and "const" in kind:
        p["what"] = "P_WORD"
    elif plain == "void":
        p["size"] = "16"
    elif calls.COUNT.search(name) and "unsigned" in plain and "long" not in plain:
        p["what"] = "P_COUNT"
    elif has_count and name in FIXED:
        p["what"] = "P_FIXED"
    elif has_count and LISTED.search(name) and name not in SINGLE:
        p["what"] = "P_LIST"
        if "size" in names:  # in bytes
            p["size"] = "1"
    elif plain == "char":
        p["size"] = "NVML_GSP_FIRMWARE_VERSION_BUF_SIZE"
    if plain == "char" and p["what"] == "P_LIST":
        p["fill"] = "F_TEXT"
    return p


def parameters(params, needed=False):
    names = [n for _, n in params]
    has_count = any(("*" in k and calls.COUNT.search(n)) or ("*" not in k and LENGTH.search(n))
                    for k, n in params)
    return [parameter(k, n, names, has_count, needed) for k, n in params]


def split(text):
    return [re.fullmatch(r"(.*?)(\w+)", " ".join(p.split())).groups() for p in text.split(",")]


def functions():
    """name -> (slot or -1, parameters), of all that is called by the table."""
    have = calls.declared()
    found = {}
    for name, _ in driver.symbols():
        if name in ("nvmlErrorString", "nvmlInternalGetExportTable"):
            continue
        found[name] = (-1, parameters(have[name]) if name in have else None)
    for name, (slot, text) in SLOTS.items():
        found[name] = (slot, parameters(split(text), True))
    return found


def table():
    known, begins = calls.versions(), versioned()
    out = ["/* Made by tests/fuzz/functions.py from src/nvml. */"]
    rows, words, codes = [], {}, all_codes()
    for name, (slot, params) in functions().items():
        n = len(params or [])
        if slot < 0 and params is None:
            out.append(f"int {name}(void);")
        lines = []
        for p in params or []:
            base = re.match(r"sizeof\((nvml\w+?)V?(_v\d+)?_t\)", p["size"])
            if base and (p["what"] != "P_THING" or p["size"][7:-1] not in begins):
                base = None
            versions = known.get(base.group(1), []) if base else []
            if versions and versions[0] not in words:
                words[versions[0]] = f"words_{base.group(1)}"
                out.append(f"static const uint32_t words_{base.group(1)}[] = {{ {', '.join(versions)} }};")
            if versions:
                p = {**p, "words": words[versions[0]], "n_words": str(len(versions))}
            lines.append("\t{ " + ", ".join(f".{k} = {v}" for k, v in p.items()) + " },")
        if n:
            out += [f"static const struct param param_{name}[] = {{", *lines, "};"]
        reads = slot < 0 and READS.search(name) and not CHANGES.search(name)
        rows.append((codes[name], name, f'(entry *){name}' if slot < 0 else "NULL", slot,
                     f"param_{name}" if n else "NULL", n, "true" if reads else "false"))
    for name in EXTRA:
        rows.append((codes[name], name, "NULL", -1, "NULL", 0, "false"))
    out.append("static const struct call calls[] = {")
    for number, name, fn, slot, params, n, reads in sorted(rows):
        out.append(f'\t{{ 0x{number:04x}, "{name}", {fn}, {slot}, {params}, {n}, {reads} }},')
    print("\n".join([*out, "};"]))


if __name__ == "__main__":
    table()
