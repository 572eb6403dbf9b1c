# SPDX-License-Identifier: Apache-2.0
"""Every function of nvidia-ml-py, called on every kind of handle with right and wrong arguments.

Usage: sweep.py STATUS.json SYMBOLS.txt [ONLY]

Run on a lab by tests/clients/test_py_nvml.py. Each function is tried in a process of its own, which
says where it is before each call: a crash or a hang is seen and named. The lab's state is put back
before each process, and after each call that changed it.

Under the module's wrappers stands Recorder: what reaches the library is kept, so that the same call
can be made with each pointer NULL and each text buffer short.
"""
import ctypes as c
import importlib
import inspect
import json
import mmap
import os
import pathlib
import signal
import struct
import sys
import warnings

import arguments
import expect

LIMIT_S = 30
CHANGED = 10
# How Python refuses an argument before it reaches the library.
NOT_PASSED_ON = (c.ArgumentError, TypeError, ValueError, OverflowError, AttributeError, MemoryError,
                 IndexError)
SUCCESS, UNINITIALIZED, FUNCTION_NOT_FOUND = 0, 1, 13
# The module's own helpers, and what would end the library under the other calls.
NOT_NVML = {"nvmlExceptionClass", "nvmlStructToFriendlyObject", "nvmlFriendlyObjectToStruct"}
COUNTED = {"nvmlInit", "nvmlInitWithFlags", "nvmlShutdown"}
BY_NAME = {"nvmlDeviceGetHandleByIndex", "nvmlDeviceGetHandleByUUID", "nvmlDeviceGetHandleBySerial",
           "nvmlDeviceGetHandleByPciBusId", "nvmlDeviceGetMigDeviceHandleByIndex"}
# Their pointer may be NULL, says nvml.h or a client that does so: an array whose count is asked for,
# or a list that is empty.
MAY_BE_NULL = {
    "nvmlDeviceGetGpuInstances", "nvmlGpuInstanceGetComputeInstances",
    "nvmlDeviceGetGpuInstancePossiblePlacements", "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
    "nvmlGpuInstanceGetComputeInstancePossiblePlacements", "nvmlDeviceGetSupportedMemoryClocks",
    "nvmlDeviceGetSupportedGraphicsClocks", "nvmlDeviceGetRetiredPages",
    "nvmlDeviceGetRetiredPages_v2", "nvmlDeviceGetTopologyNearestGpus", "nvmlSystemGetTopologyGpuSet",
    "nvmlDeviceGetSamples", "nvmlDeviceGetAccountingPids", "nvmlSystemGetHicVersion",
    "nvmlUnitGetDevices", "nvmlDeviceGetProcessUtilization", "nvmlDeviceGetSupportedVgpus",
    "nvmlDeviceGetCreatableVgpus", "nvmlDeviceGetActiveVgpus", "nvmlDeviceGetEncoderSessions",
    "nvmlDeviceGetFBCSessions", "nvmlDeviceGetVgpuUtilization", "nvmlDeviceGetVgpuProcessUtilization",
    *(f"nvmlDeviceGet{kind}RunningProcesses{v}" for kind in ("Compute", "Graphics", "MPSCompute")
      for v in ("", "_v2", "_v3"))}


class Handle:
    """A handle and what it is: good (the lab has it), or one that no call may take."""

    def __init__(self, label, value, good, truth=None):
        self.label, self.value, self.good, self.truth = label, value, good, truth or {}

    def __repr__(self):
        return f"<{self.label}>"


def number(handle):
    return c.cast(handle, c.c_void_p).value or 0


class Recorder:
    """Stands where the module takes its functions from, and keeps what was called."""

    def __init__(self, nv):
        self.nv, self.look_up, self.calls = nv, nv._nvmlGetFunctionPointer, []
        nv._nvmlGetFunctionPointer = self.get

    def get(self, name):
        function = self.look_up(name)

        def call(*args):
            # Some wrappers hand a struct on as it is, for callers who bring byref() of their own.
            args = [c.byref(a) if isinstance(a, c.Structure) else a for a in args]
            status = function(*args)
            self.calls.append((name, function, args, status))
            return status
        return call

    def take(self):
        taken, self.calls = self.calls, []
        return taken


def pointers(args):
    return [i for i, a in enumerate(args)
            if isinstance(a, (c._Pointer, c.Array, c.c_char_p, c.c_void_p)) or
            type(a).__name__ == "CArgObject"]


class World:
    """One process: the library initialised, and every kind of handle at hand."""

    def __init__(self, nv, truth, branches, branch):
        self.nv, self.truth, self.branches, self.branch = nv, truth, branches, branch
        self.recorder = Recorder(nv)
        nv.nvmlInit()
        self.collect()
        self.recorder.take()
        self.counts = {"calls": 0, "library": 0, "compared": 0, "success": 0, "null": 0, "short": 0}
        self.said = []

    def found(self, ask, *args):
        try:
            return ask(*args)
        except self.nv.NVMLError:
            return None

    def stale(self, gpu):
        """Handles of a GPU instance, its compute instance and its MIG device that are no more."""
        nv, profile = self.nv, self.truth.status["free_profile"]
        gi = nv.nvmlDeviceCreateGpuInstance(gpu, profile)
        ci = nv.nvmlGpuInstanceCreateComputeInstance(gi, 0)
        uuid = nv.nvmlDeviceGetUUID(nv.nvmlComputeInstanceGetInfo_v2(ci).device)
        mig = nv.nvmlDeviceGetHandleByUUID(uuid)
        nv.nvmlComputeInstanceDestroy(ci)
        nv.nvmlGpuInstanceDestroy(gi)
        return gi, ci, mig

    def collect(self):
        nv, status = self.nv, self.truth.status
        gpus = [Handle(f"GPU {i}", nv.nvmlDeviceGetHandleByIndex(i), True, self.truth.gpu(g))
                for i, g in enumerate(status["gpus"])]
        entries = [i for i in status["instances"] if i["gpu"] == 0]
        migs, gis, cis = [], [], []
        for entry in entries:
            gi = nv.nvmlDeviceGetGpuInstanceById(gpus[0].value, entry["gi"])
            gis.append(Handle(f"GI {entry['gi']}", gi, True, self.truth.instance(entry)))
            if entry.get("ci") is None:
                continue
            mig = nv.nvmlDeviceGetHandleByUUID(entry["uuid"])
            index = len(migs)
            migs.append(Handle(f"MIG device {index}", mig, True, self.truth.mig(index, entry)))
            ci = nv.nvmlGpuInstanceGetComputeInstanceById(gi, entry["ci"])
            cis.append(Handle(f"CI {entry['gi']}/{entry['ci']}", ci, True, self.truth.compute(entry)))
        old = [Handle(f"stale {name}", value, False)
               for name, value in zip(("GI", "CI", "MIG device"), self.stale(gpus[0].value))]
        bad = [Handle(f"garbage {v:#x}", c.c_void_p(v), False) for v in
               (1, 2, 0xff, 0xdeadbeef, 2**32 - 1, 2**47, 2**63, 2**64 - 1, 0x4141414141414141,
                number(gpus[0].value) + 2**56, number(gpus[0].value) ^ 2**31,
                number(gpus[0].value) ^ 2**33)]
        bad += [Handle("NULL", None, False), Handle("NULL pointer", c.c_void_p(), False)]
        wrong = [Handle(repr(v), v, False) for v in (0, -1, "x", b"handle", 1.5, [], object())]
        events = self.found(nv.nvmlEventSetCreate)
        samples = self.found(nv.nvmlGpmSampleAlloc) if hasattr(nv, "nvmlGpmSampleAlloc") else None
        sets = [Handle("event set", events, True)] if events else []
        taken = [Handle("GPM sample", samples, True)] if samples else []
        everything = [*gpus, *migs[:3], *gis[:1], *cis[:1], *sets, *taken, *old, *bad, *wrong]

        def pool(kind, *first):
            """The good ones of a kind, then all the others as what they are here: wrong."""
            mine = [h for group in first for h in group]
            return mine + [h if not h.good else Handle(h.label, h.value, False)
                           for h in everything if h not in mine]
        gpu = status["gpus"][0]
        # What names a device, and the handle that it must lead to.
        self.named = {(entry["uuid"],): m.value for entry, m in
                      zip((e for e in entries if e.get("ci") is not None), migs)}
        for g, h in zip(status["gpus"], gpus):
            self.named |= {(g["gpu"],): h.value, (g["uuid"],): h.value, (g["serial"],): h.value,
                           (g["bus_id"],): h.value, (g["bus_id"].lower(),): h.value}
        self.named |= {("GPU 0", i): m.value for i, m in enumerate(migs)}
        places = (nv.c_nvmlGpuInstancePlacement_t * arguments.ROOM)()
        n = c.c_uint()
        nv.nvmlDeviceGetGpuInstancePossiblePlacements(gpus[0].value, status["free_profile"],
                                                      c.byref(places), c.byref(n))
        self.have = {
            "device": pool("device", gpus, migs[:3]), "good": [*gpus, *migs[:3]],
            "gi": pool("gi", gis[-1:], gis[:-1]), "ci": pool("ci", cis), "events": pool("events", sets),
            "samples": pool("samples", taken), "garbage": [*bad, *wrong],
            "places": [(p.start, p.size) for p in places[:n.value]],
            "strings": [gpu["uuid"], gpu["bus_id"], gpu["serial"], entries[0]["uuid"],
                        f"MIG-{gpu['uuid']}/{entries[0]['gi']}/{entries[0]['ci']}",
                        gpu["bus_id"][4:], gpu["bus_id"].lower(), status["gpus"][-1]["uuid"]],
            "right": {"serial": gpu["serial"], "uuid": gpu["uuid"], "bus_id": gpu["bus_id"],
                      "pid": (status["clients"] or [{"pid": 1}])[0]["pid"],
                      "profile_id": status["free_profile"], "gi_id": entries[0]["gi"],
                      "ci_id": entries[0]["ci"]}}

    # one call

    def say(self, text):
        if text not in self.said:
            self.said.append(text)

    def call(self, name, function, args):
        """Calls it once and judges the answer."""
        given = [a.make() if hasattr(a, "make") else a.value if isinstance(a, Handle) else a
                 for a in args]
        what = f"{name}({', '.join(repr(a)[:60] for a in args)})"
        self.counts["calls"] += 1
        value, error = None, None
        try:
            value = function(*given)
        except self.nv.NVMLError as e:
            error = e
        except UnicodeDecodeError as e:
            self.say(f"{what}: text that can't be decoded: {e}")
        except NOT_PASSED_ON as e:
            error = e
        except Exception as e:
            if type(e).__name__ != "NVMLLibraryMismatchError":
                raise
            error = e
        made = self.recorder.take()
        self.counts["library"] += len(made)
        bad = [a for a in args if isinstance(a, Handle) and not a.good]
        for symbol, _, _, status in made:
            self.judge(f"{what}: {symbol}", symbol, status, bad)
        if error is None and made:
            self.counts["success"] += 1
            shape = expect.Shape(self.nv, name, lambda text: self.say(f"{what}: {text}"))
            shape.look(value)
            for a in given:
                if isinstance(a, c.Structure) and made[-1][3] == SUCCESS:
                    shape.struct(a, "struct")
            self.compare(what, name, args, value)
        return made, error

    def judge(self, what, symbol, status, bad):
        if symbol == "nvmlErrorString":
            return
        since = self.branches.get(symbol, 0)
        if since > self.branch:
            if status != FUNCTION_NOT_FOUND:
                self.say(f"{what}: status {status}, though driver {self.branch} has it not")
        elif status == FUNCTION_NOT_FOUND:
            self.say(f"{what}: not found, though driver {self.branch} has it")
        elif not expect.known(symbol, status) and not (status == UNINITIALIZED and symbol == "nvmlShutdown"):
            self.say(f"{what}: status {status}")
        if status == SUCCESS and bad:
            self.say(f"{what}: takes {bad[0]!r} for a handle")

    def compare(self, what, name, args, value):
        """With what migctl says of this device; a handle, with the one that it must be."""
        words = tuple(a.label if isinstance(a, Handle) else a for a in args)
        if name in BY_NAME and words in self.named:
            self.counts["compared"] += 1
            if number(value) != number(self.named[words]):
                self.say(f"{what}: the handle of another device")
        handles = [a for a in args if isinstance(a, Handle)]
        truth = handles[0].truth if handles else self.truth.system()
        compared, said = expect.differences(name, value, truth)
        self.counts["compared"] += compared
        for text in said:
            self.say(f"{what}: {text}")

    # the same call, with NULL and with little room

    def again(self, made):
        for symbol, function, args, status in made:
            if self.branches.get(symbol, 0) > self.branch:
                continue
            for i in pointers(args):
                self.counts["null"] += 1
                got = function(*args[:i], None, *args[i + 1:])
                if got == SUCCESS and symbol not in MAY_BE_NULL:
                    self.say(f"{symbol}: success with NULL for argument {i}")
                elif not expect.known(symbol, got):
                    self.say(f"{symbol}: status {got} with NULL for argument {i}")
            for i in range(len(args) - 1):
                if isinstance(args[i], c.Array) and args[i]._type_ is c.c_char and \
                        isinstance(args[i + 1], c.c_uint):
                    self.short(symbol, function, args, i)

    def short(self, symbol, function, args, i):
        """Text into too little room: refused, or whole; and never a byte beyond."""
        for size in (0, 1, 2, 5, 8, 16):
            room = c.create_string_buffer(b"\xaa" * 128, 128)
            self.counts["short"] += 1
            status = function(*args[:i], room, c.c_uint(size), *args[i + 2:])
            raw = bytes(room)
            if raw[size:] != b"\xaa" * (128 - size):
                self.say(f"{symbol}: writes beyond the {size} bytes that it was given")
            if status == SUCCESS and b"\0" not in raw[:size]:
                self.say(f"{symbol}: success and no end of the text in {size} bytes")


def signature(function):
    """Parameter -> its default, or Parameter.empty."""
    return {p.name: p.default for p in
            inspect.signature(inspect.unwrap(function)).parameters.values()}


class State:
    """The lab's file: put back before each process, looked at after each call."""

    def __init__(self, lab):
        self.path = pathlib.Path(lab) / "state"
        self.template = self.path.read_bytes()

    def restore(self):
        if self.path.read_bytes() != self.template:
            with open(self.path, "r+b") as f:
                f.write(self.template)

    def words(self):
        return self.path.read_bytes()


def child(nv, name, begin, where, write, state, truth, branches, branch):
    """Tries one function from its begin'th call on; exits with CHANGED where the lab was changed."""
    signal.alarm(LIMIT_S)
    world = World(nv, truth, branches, branch)
    function = getattr(nv, name)
    code, next_call, changed = 0, 0, False
    before = state.words()
    getter = "Get" in name and "Set" not in name.partition("Get")[0]
    for k, args in enumerate(arguments.calls(arguments.Pools(nv, world.have), function.__name__
                                             if name not in arguments.STRUCTS else name,
                                             signature(function))):
        if k < begin:
            continue
        text = f"call {k}: {name}({', '.join(repr(a)[:60] for a in args)})".encode()[:1000]
        where[:4 + len(text)] = struct.pack("I", len(text)) + text
        made, _ = world.call(name, function, args)
        if name in COUNTED:
            # The count of inits may be back at zero: the next call is made as the first was.
            nv.nvmlInit()
            world.recorder.take()
            continue
        if k == 0 or (k == begin and begin):
            text = f"{name} with NULL, after call {k}".encode()
            where[:4 + len(text)] = struct.pack("I", len(text)) + text
            if getter:
                world.again(made)
        if state.words() != before:
            changed = True
            if getter:
                world.say(f"{name}({', '.join(map(repr, args))}): asking changed the lab")
            code, next_call = CHANGED, k + 1
            break
    os.write(write, json.dumps({"counts": world.counts, "said": world.said, "next": next_call,
                                "changed": changed}).encode())
    os._exit(code)


def attempt(nv, name, begin, where, *more):
    """Runs child() in a process; its result, or what ended it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            child(nv, name, begin, where, write, *more)
        except BaseException:
            import traceback
            os.write(write, json.dumps({"broken": traceback.format_exc()}).encode())
            os._exit(1)
    os.close(write)
    with open(read, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    size = struct.unpack("I", where[:4])[0]
    at = where[4:4 + size].decode("utf-8", "replace")
    if os.WIFSIGNALED(status):
        return {"died": f"{at}: {signal.Signals(os.WTERMSIG(status)).name}"}
    result = json.loads(text or b"{}")
    return result if result else {"died": f"{at}: exit {os.waitstatus_to_exitcode(status)}"}


def main():
    warnings.simplefilter("ignore")
    truth = expect.Truth(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    branches = {}
    for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            symbol, since, _ = line.split(" ", 2)
            branches[symbol] = int(since)
    branch = int(truth.status["driver"].split(".")[0])
    nv = importlib.import_module("pynvml")
    names = sorted(n for n, f in vars(nv).items() if n.startswith("nvml") and inspect.isfunction(f) and
                   n not in NOT_NVML)
    if len(sys.argv) > 3:
        names = [n for n in names if n in sys.argv[3].split(",")]
    state = State(os.environ["MIGKIT_LAB"])
    where = mmap.mmap(-1, 4096)
    totals, said, changing = {}, [], []
    for name in names:
        begin = 0
        while True:
            state.restore()
            where[:4] = bytes(4)
            result = attempt(nv, name, begin, where, state, truth, branches, branch)
            if "broken" in result or "died" in result:
                said.append(f"{name}: {result.get('died') or result['broken']}")
                break
            for key, n in result["counts"].items():
                totals[key] = totals.get(key, 0) + n
            said += [s for s in result["said"] if s not in said]
            if result["changed"] and name not in changing:
                changing.append(name)
            begin = result["next"]
            if not begin:
                break
    state.restore()
    print(json.dumps({"functions": len(names), "totals": totals, "said": said, "changing": changing}))


if __name__ == "__main__":
    main()
