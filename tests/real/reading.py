# SPDX-License-Identifier: Apache-2.0
"""Which NVML calls only read, and the log of tests/real/pass.c.

A call is taken for a change unless its name says that it reads: what a later driver adds is refused
until somebody has looked at it.
"""
import pathlib
import re
import subprocess
import sys

READS = re.compile(r"nvml(?:Init|Init_v2|InitWithFlags|Shutdown|ErrorString"
                   r"|(?:System|Device|GpuInstance|ComputeInstance|Unit|Vgpu\w*?)(?:Get|Is)[A-Z]\w*"
                   r"|DeviceOnSameBoard)")
# A private table holds functions without names; migkit asks for its own alone, to know whether the
# library is a simulated one. A driver does not know it.
TABLE = "nvmlInternalGetExportTable"
OWN_TABLE = "9a2e417d5c0b4e6b8d316d69676b6974"


def reads(name):
    """Whether a call's name says that it only reads; of a table it does not depend on the name."""
    return bool(READS.fullmatch(name))


class Call:
    """A line of the log: PID NAME STATUS MICROSECONDS [UUID] [BLOCKED]."""

    def __init__(self, line):
        pid, self.name, status, took, *rest = line.split()
        self.pid, self.status, self.took = int(pid), int(status), float(took)
        self.blocked = rest[-1:] == ["BLOCKED"]
        self.uuid = rest[0] if len(rest) > self.blocked else ""

    def changes(self):
        if self.name == TABLE:
            return self.blocked or self.uuid != OWN_TABLE
        return self.blocked or not reads(self.name)

    def __str__(self):
        return (f"{self.name} {self.status}" + (f" {self.uuid}" if self.uuid else "")
                + (" BLOCKED" if self.blocked else ""))


def calls(path):
    path = pathlib.Path(path)
    text = path.read_text(encoding="ascii") if path.exists() else ""
    return [Call(line) for line in text.splitlines()]


def judge(found):
    """What is wrong about the calls of one command that talks to a driver."""
    wrong = sorted({f"calls {c}, which may change something" for c in found if c.changes()})
    names = [c.name for c in found]
    started = sum(c.name.startswith("nvmlInit") and c.status == 0 for c in found)
    if not any(n.startswith("nvmlInit") for n in names):
        wrong.append("calls no nvmlInit: what it did was not seen, or it asked nothing")
    # A process that ends may leave the rest to the kernel.
    if started > 1 or names.count("nvmlShutdown") > started:
        wrong.append(f"{started} nvmlInit, {names.count('nvmlShutdown')} nvmlShutdown")
    return wrong


def driver_library():
    """The file that a program gets for libnvidia-ml.so.1, or None; asked in a process that ends."""
    script = ("import ctypes; ctypes.CDLL('libnvidia-ml.so.1'); print(next(l.split(None, 5)[5].strip() "
              "for l in open('/proc/self/maps') if 'libnvidia-ml' in l))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
