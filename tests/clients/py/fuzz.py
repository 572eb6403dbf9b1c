# SPDX-License-Identifier: Apache-2.0
"""Random sequences of nvidia-ml-py's functions on one lab; what is left must be a layout.

Usage: fuzz.py STATUS.json SECONDS SEED

Seed after seed until the time is over, each in a process of its own: some hundred calls with right
and wrong arguments, mostly of functions that change something, on handles old and new. The state is
not put back, so that a seed begins where the last one left the lab. A crash is named with its seed.
"""
import importlib
import inspect
import json
import mmap
import os
import pathlib
import random
import signal
import struct
import sys
import time
import warnings

import arguments
import expect
import sweep

CALLS = 300
LIMIT_S = 30
# Half of the calls are of these.
CHANGE = ("nvmlDeviceCreateGpuInstance", "nvmlDeviceCreateGpuInstanceWithPlacement",
          "nvmlGpuInstanceDestroy", "nvmlGpuInstanceCreateComputeInstance",
          "nvmlGpuInstanceCreateComputeInstanceWithPlacement", "nvmlComputeInstanceDestroy",
          "nvmlDeviceSetMigMode", "nvmlDeviceGetGpuInstanceById",
          "nvmlGpuInstanceGetComputeInstanceById", "nvmlDeviceGetMigDeviceHandleByIndex",
          "nvmlEventSetCreate", "nvmlEventSetFree", "nvmlDeviceRegisterEvents", "nvmlShutdown",
          "nvmlInit", "nvmlGpmSampleAlloc", "nvmlGpmSampleFree", "nvmlGpmSampleGet")
KINDS = {"nvmlDevice_t": "device", "nvmlGpuInstance_t": "gi", "nvmlComputeInstance_t": "ci",
         "nvmlEventSet_t": "events", "nvmlGpmSample_t": "samples"}


class Pile:
    """Handles of each kind, as they come up; destroyed ones stay in it."""

    def __init__(self, nv, status, dice):
        self.nv, self.dice = nv, dice
        gpus = [sweep.Handle(f"GPU {i}", nv.nvmlDeviceGetHandleByIndex(i), True)
                for i in range(len(status["gpus"]))]
        bad = [sweep.Handle("NULL", None, False), sweep.Handle("garbage", 0x4d00000000000000, False)]
        gpu = status["gpus"][0]
        self.have = {"device": [*gpus, *bad], "good": gpus, "gi": list(bad), "ci": list(bad),
                     "events": list(bad), "samples": list(bad), "garbage": bad,
                     "places": [(n, size) for n in range(9) for size in (1, 2, 3, 4, 6, 8, 12)],
                     "strings": [gpu["uuid"], gpu["bus_id"]],
                     "right": {"serial": gpu["serial"], "uuid": gpu["uuid"], "bus_id": gpu["bus_id"],
                               "pid": 1, "profile_id": status["free_profile"], "gi_id": 1, "ci_id": 0}}
        self.pools = arguments.Pools(nv, self.have)

    def keep(self, value):
        """A handle that a call gave."""
        name = type(value).__name__.removeprefix("LP_struct_c_")
        if name in KINDS and value:
            pile = self.have[KINDS[name]]
            pile.insert(self.dice.randrange(len(pile)), sweep.Handle(f"{name} {len(pile)}", value, True))
            del pile[40:]

    def arguments(self, name, function):
        chosen = []
        for parameter, default in sweep.signature(function).items():
            pool = list(self.pools.pool(name, parameter))
            if default is None or isinstance(default, int):
                pool.insert(0, default)
            if parameter in arguments.DEVICES or parameter in arguments.HANDLES:
                chosen.append(self.dice.choice(pool))
            elif parameter in ("profileId", "profile", "mode") and type(pool[0]) is int:
                chosen.append(self.dice.choice((*range(10), 14, 15, 19, 20, 46, 47)))
            elif self.dice.random() < 0.7:
                chosen.append(pool[0])
            else:
                chosen.append(self.dice.choice(pool))
        return chosen


def sequence(nv, names, status, seed, where):
    """One seed's calls; counts of calls and of successes."""
    signal.alarm(LIMIT_S)
    dice = random.Random(seed)
    sweep.Recorder(nv)
    nv.nvmlInit()
    pile, done, well = Pile(nv, status, dice), 0, 0
    for k in range(CALLS):
        name = dice.choice([n for n in CHANGE if n in names]) if dice.random() < 0.5 else dice.choice(names)
        function = getattr(nv, name)
        args = pile.arguments(name, function)
        text = f"seed {seed}, call {k}: {name}({', '.join(repr(a)[:60] for a in args)})".encode()[:1000]
        where[:4 + len(text)] = struct.pack("I", len(text)) + text
        given = [a.make() if hasattr(a, "make") else a.value if isinstance(a, sweep.Handle) else a
                 for a in args]
        done += 1
        try:
            pile.keep(function(*given))
            well += 1
        except nv.NVMLError as e:
            if e.value not in expect.STATUSES | {1} and not expect.known(name, e.value):
                raise SystemExit(f"{text.decode()}: status {e.value}") from e
        except sweep.NOT_PASSED_ON:
            pass
        except UnicodeDecodeError as e:
            raise SystemExit(f"{text.decode()}: text that can't be decoded") from e
        except Exception as e:
            if type(e).__name__ != "NVMLLibraryMismatchError":
                raise
    return done, well


def main():
    warnings.simplefilter("ignore")
    nv = importlib.import_module("pynvml")
    status = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    names = sorted(n for n, f in vars(nv).items() if n.startswith("nvml") and inspect.isfunction(f) and
                   n not in sweep.NOT_NVML)
    seed, end = int(sys.argv[3]), time.monotonic() + float(sys.argv[2])
    where, totals, said = mmap.mmap(-1, 4096), [0, 0, 0], []
    while time.monotonic() < end and not said:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            try:
                os.write(write, json.dumps(sequence(nv, names, status, seed, where)).encode())
                os._exit(0)
            except BaseException as e:
                os.write(write, json.dumps(f"{type(e).__name__}: {e}").encode())
                os._exit(1)
        os.close(write)
        with open(read, "rb") as pipe:
            text = pipe.read()
        _, code = os.waitpid(pid, 0)
        at = where[4:4 + struct.unpack("I", where[:4])[0]].decode("utf-8", "replace")
        if code:
            said.append(f"{at}: {json.loads(text) if text else os.waitstatus_to_exitcode(code)}")
        else:
            done, well = json.loads(text)
            totals = [totals[0] + done, totals[1] + well, totals[2] + 1]
        seed += 1
    print(json.dumps({"calls": totals[0], "success": totals[1], "seeds": totals[2], "said": said}))


main()
