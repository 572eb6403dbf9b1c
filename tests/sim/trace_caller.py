# SPDX-License-Identifier: Apache-2.0
"""Calls every function of NVML by ctypes, with arguments of its types, and writes down what it passed
and what it got, in the words of 'migctl lab trace -o json': the other side of tests/sim/test_trace.py.

  trace_caller.py LIBRARY REPORT

Layouts are made from src/nvml's headers by ctypes, and not by what makes the trace's tables.
"""
import ctypes
import json
import re
import sys

import calls
import driver

NVML = driver.ROOT / "src" / "nvml"
C = {"char": ctypes.c_char, "unsigned char": ctypes.c_ubyte, "unsigned short": ctypes.c_ushort,
     "int": ctypes.c_int, "unsigned int": ctypes.c_uint, "unsigned long": ctypes.c_ulong,
     "long long": ctypes.c_longlong, "unsigned long long": ctypes.c_ulonglong,
     "signed long long": ctypes.c_longlong, "double": ctypes.c_double, "void": ctypes.c_void_p}
SUCCESS, SMALL = 0, 7
ROOM = 64 # entries of lists
NUMBERS = (0, 1, 2, 3, 9, 19, 82, 1410, 250000)
MEMBER = ["dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal"]


class Types:
    """Of the headers: ctypes classes, names of enumerators, versions of structs."""

    def __init__(self):
        text = "".join(re.sub(r"/\*.*?\*/", " ", p.read_text(encoding="utf-8"), flags=re.S)
                       for p in sorted(NVML.glob("nvml_abi*.h"), key=lambda p: len(p.name)))
        self.numbers = {n: int(v.strip("() "), 0) for n, v in
                        re.findall(r"^#define[ \t]+(\w+)[ \t]+\(?(-?(?:0x)?[0-9a-fA-F]+)\)?[ \t]*$", text, re.M)}
        self.enums, self.bodies, self.alias, self.handles, self.made = {}, {}, {}, set(), {}
        self.text = text
        for kind, body, names in re.findall(r"^typedef (enum|struct|union)\s*\w*\s*\{(.*?)\}\s*([\w, ]+);",
                                            text, re.S | re.M):
            first, *others = [n.strip() for n in names.split(",")]
            self.alias.update(dict.fromkeys(others, first))
            if kind == "enum":
                self.enums[first] = self.enumerators(body)
            else:
                self.bodies[first] = (kind, body)
        self.handles = set(re.findall(r"^typedef struct \w+ \*(\w+);", text, re.M))
        self.alias.update({n: k for k, n in re.findall(r"^typedef ((?:\w+ )*\w+)\s+(\w+);", text, re.M)})
        self.versions = {}
        for word, base, version in re.findall(r"^#define (nvml(\w+?)_v(\d+))\s[^\n]*\n?[^\n]*NVML_STRUCT_VERSION"
                                              r"|^$", text, re.M):
            if word:
                self.versions.setdefault(base, []).append((f"nvml{base}_v{version}_t", int(version)))

    def enumerators(self, body):
        value, found = -1, {}
        for entry in body.split(","):
            if not entry.strip():
                continue
            name, _, given = (part.strip() for part in entry.partition("="))
            if given:
                value = sum(found_or_number(found, term) for term in given.split("+"))
            else:
                value += 1
            value = ctypes.c_int(value).value
            found[name] = value
            self.numbers[name] = value
        return found

    def plain(self, kind):
        while kind in self.alias:
            kind = self.alias[kind]
        return kind

    def of(self, kind):
        """The ctypes class of a type."""
        kind = self.plain(kind)
        if kind in C:
            return C[kind]
        if kind in self.handles:
            return ctypes.c_void_p
        if kind in self.enums:
            return ctypes.c_int
        if kind not in self.made:
            self.made[kind] = self.make(kind)
        return self.made[kind]

    def fields(self, kind):
        """(type, stars, name, dimension) of each field."""
        found = []
        for f in self.bodies[kind][1].split(";"):
            if f.strip():
                m = re.fullmatch(r"\s*(.*?)\s*(\**)\s*(\w+)\s*(?:\[(\w+)\])?\s*", f, re.S)
                size = m.group(4) and (self.numbers.get(m.group(4)) or int(m.group(4), 0))
                found.append((" ".join(m.group(1).split()), m.group(2), m.group(3), size))
        return found

    def make(self, kind):
        rows = []
        for of, stars, name, size in self.fields(kind):
            c = ctypes.c_void_p if stars else self.of(of)
            rows.append((name, c * size if size else c))
        base = ctypes.Union if self.bodies[kind][0] == "union" else ctypes.Structure
        return type(kind, (base,), {"_fields_": rows})

    def family(self, kind):
        """(class, first word) of all versions that a struct may be passed as."""
        kind = self.plain(kind)
        if kind not in self.bodies or self.fields(kind)[0][2] != "version":
            return []
        base = re.fullmatch(r"nvml(\w+?)V?(_v\d+)?_t", kind).group(1)
        return [(name, ctypes.sizeof(self.of(name)) | version << 24)
                for name, version in self.versions.get(base, []) if name in self.bodies] or [(kind, 1)]


def found_or_number(found, term):
    term = term.strip()
    return found[term] if term in found else int(term, 0)


class Words:
    """Values in the words of a trace."""

    def __init__(self, types):
        self.types, self.handles = types, {}

    def scalar(self, kind, value):
        plain = self.types.plain(kind)
        if plain in self.types.handles:
            return self.handles.get(value, f"? {value}") if value else "NULL"
        if plain in self.types.enums:
            for name, number in self.types.enums[plain].items():
                if number == value:
                    return name
        return value

    def text(self, data):
        return bytes(data).split(b"\0")[0].decode("latin-1")

    def array(self, kind, values):
        plain = self.types.plain(kind)
        if plain == "char":
            return self.text(values)
        if plain == "unsigned char":
            return bytes(values).hex()
        return [self.value(kind, v) for v in values]

    def value(self, kind, value, which=None):
        plain = self.types.plain(kind)
        if plain not in self.types.bodies:
            return self.scalar(kind, value)
        if plain == "nvmlValue_t":
            return getattr(value, MEMBER[which])
        shown = {}
        for of, stars, name, size in self.types.fields(plain):
            v = getattr(value, name)
            if re.fullmatch(r"reserved\d+|pad\d*", name) or size and name == "reserved":
                continue
            if stars:
                shown[name] = self.behind(of, value, name, v)
            elif size:
                shown[name] = self.array(of, v)
            elif of == "nvmlUUIDValue_t":
                shown[name] = self.text(v.str) if value.type == 1 else bytes(v.bytes).hex()
            elif of == "nvmlValue_t":
                shown[name] = getattr(v, MEMBER[value.valueType])
            else:
                shown[name] = self.value(of, v)
        return shown

    def behind(self, of, struct, name, address):
        """What a struct points to."""
        if not address:
            return "NULL"
        count = {"procArray": "numProcArrayEntries", "procUtilArray": "processSamplesCount",
                 "entries": "entryCount"}.get(name)
        if not count:
            return "set"
        entries = ctypes.cast(address, ctypes.POINTER(self.types.of(of)))
        return [self.value(of, entries[i]) for i in range(getattr(struct, count))]


class Caller:
    def __init__(self, library, report):
        self.library = ctypes.CDLL(library)
        self.types = Types()
        self.words = Words(self.types)
        self.report = open(report, "w", encoding="utf-8")
        self.declared = calls.declared()
        self.gone = set()

    def must(self, name, *args):
        """A call whose arguments are not compared."""
        status = getattr(self.library, name)(*args)
        self.note(name, status, None, None)
        return status

    def note(self, name, status, given, got):
        self.report.write(json.dumps({"call": name, "code": status, "in": given, "out": got}) + "\n")

    def handle(self, words, name, *args):
        h = ctypes.c_void_p()
        if self.must(name, *args, ctypes.byref(h)) == 0 and h.value:
            self.words.handles[h.value] = words
        return h

    def make_world(self):
        self.must("nvmlInit_v2")
        self.gpu = self.handle("GPU 0", "nvmlDeviceGetHandleByIndex_v2", 0)
        self.other = self.handle("GPU 1", "nvmlDeviceGetHandleByIndex_v2", 1)
        self.make_instances()

    def make_instances(self):
        """Again where a call took them away, or made others."""
        now = ctypes.c_uint()
        self.must("nvmlDeviceSetMigMode", self.gpu, 1, ctypes.byref(now))
        for word, name in (("CI", "nvmlComputeInstanceDestroy"), ("GI", "nvmlGpuInstanceDestroy")):
            for handle in [h for h, w in self.words.handles.items() if w.startswith(word)]:
                if handle not in self.gone:
                    self.must(name, ctypes.c_void_p(handle))
                    self.gone.add(handle)
        self.gi = ctypes.c_void_p()
        for profile in (9, 19):
            gi, ci, info = ctypes.c_void_p(), ctypes.c_void_p(), (ctypes.c_uint * 6)()
            self.must("nvmlDeviceCreateGpuInstance", self.gpu, profile, ctypes.byref(gi))
            self.must("nvmlGpuInstanceGetInfo", gi, info)
            place = f"0/{info[2]}" # behind a handle of eight bytes
            self.words.handles[gi.value] = f"GI {place}"
            self.must("nvmlGpuInstanceCreateComputeInstance", gi, 0, ctypes.byref(ci))
            self.words.handles[ci.value] = f"CI {place}/0"
            inside = (ctypes.c_uint64 * 4)()
            self.must("nvmlComputeInstanceGetInfo_v2", ci, inside)
            self.words.handles.setdefault(inside[0], f"device of CI {place}/0")
            if not self.gi.value:
                self.gi, self.ci = gi, ci
                self.mig = self.handle(f"MIG device {place}/0", "nvmlDeviceGetMigDeviceHandleByIndex",
                                       self.gpu, 0)
            else:
                self.handle(f"MIG device {place}/0", "nvmlDeviceGetMigDeviceHandleByIndex", self.gpu, 1)
        self.set = self.handle("event set", "nvmlEventSetCreate")
        self.sample = [self.handle("GPM sample", "nvmlGpmSampleAlloc") for _ in range(2)]
        for sample in self.sample:
            self.must("nvmlGpmSampleGet", self.gpu, sample)

    # --- one call ---------------------------------------------------------------------------------

    def value(self, kind, name, number, device, before):
        """A number or handle that is passed by value."""
        if kind == "nvmlDevice_t":
            return self.other.value if "nvmlDevice_t" in before else device.value
        if kind in self.types.handles:
            return {"nvmlGpuInstance_t": self.gi, "nvmlComputeInstance_t": self.ci,
                    "nvmlEventSet_t": self.set, "nvmlUnit_t": ctypes.c_void_p(),
                    "nvmlGpmSample_t": self.sample[before.count("nvmlGpmSample_t")]}[kind].value
        for pattern, fixed in (("ength", 96), ("SetSize", 4), ("^size$", 64), ("valuesCount", 2),
                               ("timeout", 0)):
            if re.search(pattern, name):
                return fixed
        return number

    def content(self, kind, name, number, variant):
        """(type, memory) that is passed by a pointer."""
        if kind == "char":
            return kind, ctypes.create_string_buffer(256)
        if kind == "void":
            return kind, ctypes.create_string_buffer(16)
        family = self.types.family(kind)
        if family:
            kind, word = family[variant % len(family)]
            memory = (self.types.of(kind) * 1)()
            memory[0].version = word
        else:
            memory = (self.types.of(kind) * ROOM)()
        self.fill(kind, name, memory[0], number)
        if re.search("[cC]ount$|bufferSize", name) and kind == "unsigned int":
            memory[0] = ROOM
        if name == "values":
            memory[0].fieldId, memory[1].fieldId = number, number + 1
        return kind, memory

    def fill(self, kind, name, struct, number):
        if hasattr(struct, "numMetrics"):
            struct.numMetrics, struct.sample1, struct.sample2 = 2, self.sample[0].value, self.sample[1].value
            struct.metrics[0].metricId, struct.metrics[1].metricId = 1, 2
        if kind.startswith("nvmlUUID"):
            struct.type, struct.value.str = 1, self.uuid
        if "placement" == name:
            struct.start, struct.size = number, 1
        for array, count in (("procArray", "numProcArrayEntries"), ("procUtilArray", "processSamplesCount"),
                             ("entries", "entryCount")):
            if hasattr(struct, array):
                of = next(f[0] for f in self.types.fields(kind) if f[2] == array)
                self.kept = (self.types.of(of) * ROOM)()
                setattr(struct, array, ctypes.addressof(self.kept))
                setattr(struct, count, ROOM)

    def call(self, name, params, number, variant, device):
        kinds = [k.replace("const", "").replace("*", "").strip() for k, _ in params]
        args, memory, given = [], {}, {}
        for at, (kind, param) in enumerate(params):
            if kind.strip() == "const char *":
                text = {"serial": self.serial, "pciBusId": self.bus_id}.get(param, self.uuid)
                args.append(ctypes.c_char_p(text))
                given[param] = text.decode()
            elif "*" in kind:
                memory[at] = self.content(kinds[at], param, number, variant)
                args.append(memory[at][1])
            else:
                value = self.value(kinds[at], param, number, device, kinds[:at])
                plain = self.types.plain(kinds[at])
                args.append(self.types.of(kinds[at])(value))
                given[param] = self.words.scalar(kinds[at], value if plain in self.types.handles
                                                 else args[-1].value)
        before = {at: bytes(m) for at, (_, m) in memory.items()}
        status = getattr(self.library, name)(*args)
        self.learn(name, status, memory, given)
        self.note(name, status, given, self.got(params, kinds, memory, args, before))
        return status

    def learn(self, name, status, memory, given):
        """Handles that a call made."""
        made = {"nvmlEventSetCreate": "event set", "nvmlGpmSampleAlloc": "GPM sample"}.get(name)
        if status == SUCCESS and made:
            self.words.handles[memory[0][1][0]] = made
        if status == SUCCESS and name.startswith(("nvmlDeviceCreateGpuInstance", "nvmlGpuInstanceCreateC")):
            handle = memory[max(memory)][1][0]
            info = (ctypes.c_uint * 8)()
            if "DeviceC" in name:
                self.late = ("nvmlGpuInstanceGetInfo", handle, info, lambda: f"GI 0/{info[2]}")
            else:
                self.late = ("nvmlComputeInstanceGetInfo_v2", handle, info,
                             lambda: self.words.handles[self.gi.value].replace("GI", "CI") + f"/{info[4]}")
            raw = getattr(self.library, self.late[0])(ctypes.c_void_p(handle), info)
            self.words.handles[handle] = self.late[3]()
            self.pending = (self.late[0], raw)

    def got(self, params, kinds, memory, args, before):
        """What each pointer leads to now: one entry, or all that there is room for."""
        shown = {}
        for at, (kind, content) in memory.items():
            param = params[at][1]
            if kind == "char":
                shown[param] = self.words.text(content)
            elif kind == "void":
                shown[param] = bytes(content).hex() if "const" in params[at][0] else "set"
            elif kind == "nvmlSample_t":
                which = next(memory[i][1][0] for i, k in enumerate(kinds) if k == "nvmlValueType_t")
                shown[param] = [{"timeStamp": s.timeStamp, "sampleValue": self.words.value(
                    "nvmlValue_t", s.sampleValue, which)} for s in content]
            elif kind == "nvmlFieldValue_t":
                shown[param] = [self.words.value(kind, v) for v in content[:2]]
            else:
                shown[param] = [self.words.value(kind, v) for v in content]
        return shown

    # --- all of them ------------------------------------------------------------------------------

    def each(self, name, params):
        device = any(k.strip() == "nvmlDevice_t" for k, _ in params)
        variants = max([1] + [len(self.types.family(k.replace("const", "").replace("*", "").strip()))
                              for k, _ in params if "*" in k and "char" not in k and "void" not in k])
        free = any("*" not in k and k.strip() not in self.types.handles for k, _ in params)
        for on in (self.gpu, self.mig, ctypes.c_void_p(0x4d0000000000dead)) if device else (self.gpu,):
            real = on.value in self.words.handles
            for variant in range(variants if real else 1):
                for number in NUMBERS if free and real else NUMBERS[:1]:
                    self.pending = None
                    status = self.call(name, params, number, variant, on)
                    if self.pending:
                        self.note(*self.pending, None, None)
                    if status == SUCCESS and not name.startswith(("nvmlDeviceGet", "nvmlGpuInstanceGet")):
                        break

    def run(self):
        self.make_world()
        text = ctypes.create_string_buffer(96)
        self.must("nvmlDeviceGetUUID", self.gpu, text, 96)
        self.uuid = text.value
        self.must("nvmlDeviceGetSerial", self.gpu, text, 96)
        self.serial = text.value
        pci = (self.types.of("nvmlPciInfo_t"))()
        self.must("nvmlDeviceGetPciInfo_v3", self.gpu, ctypes.byref(pci))
        self.bus_id = pci.busId
        names = [n for n, _ in driver.symbols() if n not in ("nvmlErrorString", "nvmlShutdown")]
        # What changes something comes last, and what it ended is made again.
        for name in sorted(names, key=lambda n: ("Get" not in n, n)):
            if name not in self.declared:
                self.note(name, getattr(self.library, name)(self.gpu, 0, 0, 0, 0, 0), None, None)
                continue
            if "Get" not in name:
                self.make_instances()
            self.each(name, self.declared[name])
        while self.must("nvmlShutdown") == SUCCESS:
            pass
        self.report.close()


if __name__ == "__main__":
    Caller(sys.argv[1], sys.argv[2]).run()
