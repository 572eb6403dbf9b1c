# SPDX-License-Identifier: Apache-2.0
"""Makes C that calls every function of NVML: those that we declare with arguments of their types,
the others with whatever fills registers. tests/sim/walk.c is the program around it."""
import json
import pathlib
import re
import subprocess

import driver

HERE = pathlib.Path(__file__).resolve().parent
NVML = driver.ROOT / "src" / "nvml"
COUNT = re.compile(r"ount$|Size$")
MANY = 1000  # entries that a list has room for
CALL = re.compile(r"X\((nvml\w+),\s*(?:REQUIRED|OPTIONAL),\s*\((.*?)\)\)", re.S)
HANDLES = {"nvmlGpuInstance_t": "w->gi", "nvmlComputeInstance_t": "w->ci",
           "nvmlEventSet_t": "w->set", "nvmlGpmSample_t": "w->sample[{second}]"}
WORDS = {"uuid": "w->uuid", "serial": "w->serial", "pciBusId": "w->bus_id"}
NUMBERS = [(r"length|Length", "4096"), (r"SetSize", "4"), (r"^size$", "64"), (r"valuesCount", "2"),
           (r"timeout", "0"), (r"^size$", "64"), (r"^pid$", "w->pid"),
           (r"emoryClock|memClock", "w->mem_mhz")]


def declared():
    """name -> [(type, parameter)], of every call that we declare."""
    found = {}
    for path in sorted(NVML.glob("nvml_calls*.h")):
        text = re.sub(r"/\*.*?\*/", " ", path.read_text(encoding="utf-8").replace("\\\n", "\n"),
                      flags=re.S)
        for m in CALL.finditer(text):
            params = [p for p in (" ".join(p.split()) for p in m.group(2).split(",")) if p != "void"]
            found[m.group(1)] = [re.fullmatch(r"(.*?)(\w+)", p).groups() for p in params]
    return found


def versions():
    """Base of a struct's name -> the words that name its versions."""
    found = {}
    for path in sorted(NVML.glob("nvml_abi*.h")):
        for word, base in re.findall(r"^#define ((nvml\w+?)_v\d+) ", path.read_text(), re.M):
            found.setdefault(base, []).append(word)
    # These two are plain numbers.
    found["nvmlGpmSupport"] = ["NVML_GPM_SUPPORT_VERSION"]
    found["nvmlGpmMetricsGet"] = ["NVML_GPM_METRICS_GET_VERSION"]
    return found


def argument(kind, name, at, before, known, many, last):
    """C of an argument, and what has to be done before the call. many: all names of parameters;
    last: no number follows this one."""
    kind = kind.strip()
    plain = kind.replace("const ", "").rstrip("* ").strip()
    if not kind.endswith("*"):
        if plain == "nvmlDevice_t":
            return ("w->other" if "nvmlDevice_t" in before else "w->device"), ""
        if plain in HANDLES:
            return HANDLES[plain].format(second=before.count(plain)), ""
        for pattern, value in NUMBERS:
            if re.search(pattern, name):
                return f"({plain}){value}", ""
        if plain == "nvmlUnit_t":
            return "NULL", ""
        return f"({plain})w->{'number' if last else 'variant'}", ""
    if kind == "const char *":
        return WORDS.get(name, "w->uuid"), ""
    buffer = f"w->buffer[{at}]"
    return f"({plain} *){buffer}", f"room(w, {at}, {size(plain, name, many, known)});" + content(
        plain, name, buffer, known)


def named_versions(plain, known):
    """The words of a struct's versions, as C, and how many there are; a struct with two versions is
    taken under the type of either."""
    words = known.get(re.sub(r"V?(_v\d+)?_t$", "", plain), [])
    return f"{len(words)}, (unsigned[]){{{', '.join(words)}}}" if words else ""


def size(plain, name, many, known):
    """Bytes of what a pointer points to, exactly: who writes beyond them is found by a sanitizer."""
    if plain == "char":
        return "4096" if "length" in many else "NVML_DEVICE_UUID_V2_BUFFER_SIZE"
    if plain == "void":
        return "4096"
    if "size" in many:  # in bytes
        return "64"
    if re.search(r"[sS]et$", name) and "long" in plain:
        return f"4 * sizeof({plain})"
    if "size" in many:
        return "64"
    if "valuesCount" in many:
        return f"2 * sizeof({plain})"
    if named_versions(plain, known):
        return f"version_size(sizeof({plain}), w->variant, {named_versions(plain, known)})"
    counted = any(COUNT.search(n) for n in many) and not COUNT.search(name)
    return f"{MANY if counted else 1} * sizeof({plain})"


def content(plain, name, buffer, known):
    """What is in it before the call."""
    fill = ""
    if named_versions(plain, known):
        fill = f" fill_version({buffer}, w->variant, {named_versions(plain, known)});"
    if plain == "nvmlUUID_t":
        fill += f" fill_uuid({buffer}, w->uuid);"
    elif plain == "nvmlGpmMetricsGet_t":
        fill += f" fill_metrics({buffer}, w);"
    elif plain == "nvmlPciInfo_t":
        fill += f" fill_pci({buffer}, &w->pci);"
    elif plain.startswith("nvmlPowerValue_"):
        fill += f" fill_power({buffer}, w->number);"
    elif plain.endswith("InstancePlacement_t"):
        fill += f" fill_placement({buffer}, w->variant);"
    elif plain == "nvmlFieldValue_t":
        fill += f" fill_fields({buffer}, w->number);"
    elif COUNT.search(name) and "unsigned" in plain:
        fill += f" fill_number({buffer}, {MANY});"
    return fill


def call(name, params, known):
    words, before, fills = [], [], []
    numbers = [at for at, (kind, _) in enumerate(params) if "*" not in kind and kind.strip() not in
               {"nvmlDevice_t", "nvmlUnit_t", *HANDLES}]
    for at, (kind, param) in enumerate(params):
        word, fill = argument(kind, param, at, before, known, [p for _, p in params],
                              at == (numbers or [0])[-1])
        before.append(kind.replace("const ", "").strip())
        words.append(word)
        fills.append(f"\t{fill}\n" if fill else "")
    types = ", ".join(kind for kind, _ in params) or "void"
    anew = "".join(f"\t{w};\n" for fill in fills
                   for w in re.findall(r"fill_(?:version|number)\(.*?\)(?=;)", fill))
    bare = f"((int (*)({types}))entry)({', '.join(words)})"
    return (f"static int call_{name}(struct world *w, void *entry)\n{{\n{''.join(fills)}"
            f"\tw->result = {bare};\n\treturn w->result;\n}}\n"
            f"static int again_{name}(struct world *w, void *entry)\n{{\n{anew}"
            f"\t(void)w;\n\treturn {bare};\n}}\n")


def empty(name, params):
    """The same with NULL for everything but the first handle."""
    words = ["w->device" if not i and kind.strip() == "nvmlDevice_t" else f"({kind.strip()})0"
             for i, (kind, _) in enumerate(params)]
    types = ", ".join(kind for kind, _ in params) or "void"
    return (f"static int none_{name}(struct world *w, void *entry)\n{{\n\t(void)w;\n"
            f"\treturn ((int (*)({types}))entry)({', '.join(words)});\n}}\n")


def source():
    """The table of calls, as C."""
    have, known = declared(), versions()
    text, rows = [], []
    for name, _ in driver.symbols():
        if name in have and name != "nvmlInternalGetExportTable":
            text += [call(name, have[name], known), empty(name, have[name])]
            devices = any(kind.strip() == "nvmlDevice_t" for kind, _ in have[name])
            rows.append(f'\t{{ "{name}", call_{name}, again_{name}, none_{name}, {int(devices)} }},')
        elif name not in ("nvmlErrorString", "nvmlInternalGetExportTable"):
            rows.append(f'\t{{ "{name}", call_unknown, call_unknown, call_unknown, 1 }},')
    return "\n".join(text) + "\nstatic const struct call calls[] = {\n" + "\n".join(rows) + "\n};\n"


def build(folder, *options, compiler="cc", name="walk"):
    """Compiles the walk, or another program of all calls, into a folder; returns the program."""
    folder = pathlib.Path(folder)
    (folder / "calls.inc").write_text(source())
    program = folder / name
    done = subprocess.run([compiler, "-std=gnu11", "-D_GNU_SOURCE", "-g", "-w", f"-I{folder}",
                           f"-I{driver.ROOT / 'src'}", *options, "-o", program, HERE / f"{name}.c",
                           "-ldl", "-pthread"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"walk.c: {done.stderr[:3000]}")
    return program


def walk(program, how, lab, report, *symbols, before=(), env=None, library=None):
    """Runs the walk; returns its report by name, and fails where anything was printed."""
    done = subprocess.run([*before, program, how, library or driver.LIBRARY, lab, report, *symbols],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=env, timeout=280)
    said = (done.stdout + done.stderr).strip()
    if said:
        raise SystemExit(f"the library prints something, or the walk failed: {said[:2000]}")
    text = pathlib.Path(report).read_text(encoding="utf-8")
    return {row["name"]: row for row in map(json.loads, text.splitlines())}
