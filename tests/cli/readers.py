# SPDX-License-Identifier: Apache-2.0
"""The commands that read, and machines to read: one table for all tests that try every command."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

LAYOUT = ["3g.40gb", "2g.20gb", "1g.10gb"]

# schema: words.
COMMANDS = {
    "status": ["status"],
    "profiles": ["profiles"],
    "devices": ["devices"],
    "layouts": ["layouts", "-i", "0"],
    "layouts-patterns": ["layouts", "--patterns", "-i", "0"],
    "plan": ["plan", "HALF", "QUARTER", "SMALL", "-i", "0"],
    "explain": ["explain", "SMALL", "-i", "0"],
    "who": ["who"],
    "doctor": ["doctor"],
    "draw": ["draw"],
}
# Of these it is known that they use colours.
COLOURED = ("doctor", "draw", "explain", "layouts", "plan", "status")
# They need no machine.
STILL = {
    "boards": ["boards"],
    "boards-one": ["boards", "a100-80gb-pcie"],
    "layouts": ["layouts", "a30"],
    "layouts-patterns": ["layouts", "a30", "--patterns"],
    "lab-list": ["lab", "list"],
    "lab-status": ["lab", "status", "full"],
    "lab-check": ["lab", "check", "full"],
    "lab-boards": ["lab", "boards"],
    "lab-machines": ["lab", "machines"],
    "lab-rules": ["lab", "rules"],
    "lab-client-list": ["lab", "client", "list", "--lab", "full"],
    "lab-latency": ["lab", "latency", "--lab", "lost"],
    "lab-fault-list": ["lab", "fault", "list", "--lab", "lost"],
    "lab-fault-calls": ["lab", "fault", "calls"],
}
# They change the lab "act", in this order: each with every end that it can have there.
ACTING = (
    ("history", ["history"], {}), ("recover", ["recover"], {}),
    ("mode", ["mode", "on", "-i", "0", "--dry-run"], {}), ("mode", ["mode", "on", "-i", "0"], {}),
    ("reset", ["reset", "-i", "0"], {}), ("reset", ["reset", "-i", "0", "-n"], {}),
    ("verify", ["verify", "-i", "0", "-n"], {}), ("verify", ["verify", "-i", "0", "--yes"], {}),
    ("verify", ["verify", "-i", "0", "--yes"], {"fault": ["DeviceGetGpuInstanceRemainingCapacity", "--nth", "90", "--return",
                                                          "UNKNOWN"]}),
    ("verify", ["verify", "-i", "0", "--yes"], {"fault": ["group:create", "--nth", "9", "--return", "UNKNOWN"]}),
    (None, ["name", "half", "0/3g.20gb@4"], {}),
    ("create", ["create", "-i", "0", "3g.20gb/1c,2c", "-n"], {}), ("create", ["create", "-i", "0", "3g.20gb/1c,2c"], {}),
    ("create", ["create", "-i", "0", "2x1g.5gb"], {"fault": ["group:create", "--nth", "3", "--return", "UNKNOWN"]}),
    ("destroy", ["destroy", "0/1/0"], {}),
    ("destroy", ["destroy", "0/1"], {"fault": ["group:destroy", "--nth", "2", "--return", "UNKNOWN"]}),
    ("mode", ["mode", "on", "-i", "1"], {"fault": ["DeviceSetMigMode", "--return", "UNKNOWN"]}),
    (None, ["create", "-i", "0", "2x1g.5gb"], {"fault": ["group:create", "--nth", "3", "--kill", "before"]}),
    ("history", ["history"], {}), ("recover", ["recover", "-n"], {}),
    ("recover", ["recover"], {"fault": ["group:destroy", "--return", "UNKNOWN"]}),
    ("recover", ["recover"], {}), ("history", ["history"], {}),
    (None, ["create", "-i", "0", "1g.5gb"], {}),
    ("name", ["name"], {}), ("name", ["name", "some", "1/7g.40gb"], {}), ("name", ["name", "one", "0/1g.5gb@0"], {}),
    ("name", ["name", "one"], {}), ("name", ["name", "--remove", "some"], {}),
    # One has it, one waits for it.
    ("runs", ["runs"], {"beside": [["run", "1g.5gb", "-i", "0", "--", "sleep", "60"],
                                   ["run", "1g.5gb", "-i", "0", "--wait", "--", "true"]]}),
)
# Further words, each by itself, so that every kind of answer is seen.
MORE = {
    "profiles": (["profiles", "a800-80gb-pcie"],),
    "layouts": (["layouts", "a100-80gb-pcie", "--all", "--profiles", "all"],
                ["layouts", "a30", "--with", "5x1g.6gb"]),
    "layouts-patterns": (["layouts", "a30", "--patterns", "--with", "5x1g.6gb"],),
    "plan": (["plan", "--board", "a100-80gb-pcie", *LAYOUT], ["plan", "--need", "12GiB,14SM", "-i", "0"],
             ["plan", "WHOLE", "SMALL", "-i", "0"], ["plan", "WHOLE", "-i", "0", "--keep", "all"]),
    "explain": (["explain", "WHOLE", "-i", "0"], ["explain", "HALF", "-i", "0"],
                ["explain", "PART", "-i", "0"]),
    "who": (["who", "0"],),
    "doctor": (["doctor", "-i", "0"],),
    "draw": (["draw", "--board", "a30"],
             ["draw", "--board", "gh200-96gb", "--layout", "3g.48gb@4", "--svg", "drawn.svg"],
             ["draw", "-i", "0", "--plan", "HALF", "SMALL"]),
    "lab-status": (["lab", "status", "lost"], ["lab", "status", "pro"]),
    "lab-check": (["lab", "check", "./torn"],),
    "boards-one": (["boards", "h20-141gb"], ["boards", "thor-igpu"]),
}
# What these words stand for, on each board.
ROLES = ("WHOLE", "HALF", "QUARTER", "SMALL", "PART")
NAMES = {
    "a100-80gb-pcie": ("7g.80gb", "3g.40gb", "2g.20gb", "1g.10gb", "1c.3g.40gb"),
    "a30": ("4g.24gb", "2g.12gb", "1g.6gb", "1g.6gb", "1c.2g.12gb"),
    "h200": ("7g.141gb", "3g.71gb", "2g.35gb", "1g.18gb", "1c.3g.71gb"),
    "rtx-pro-6000-server": ("4g.96gb", "2g.48gb", "1g.24gb", "1g.24gb+gfx", "1c.2g.48gb"),
}


def words_for(words, board):
    return [dict(zip(ROLES, NAMES[board])).get(w, w) for w in words]


def make_machines(p):
    """{lab: board of its first GPU}: MIG on and off, instances with processes and without compute
    instances, a mode that waits, a GPU that is lost."""
    p.create("full", "--board", "h200:1", board="a100-80gb-pcie:2", driver="580.65.06")
    smi(p, "full", "-i", "0", "-mig", "1")
    smi(p, "full", "mig", "-i", "0", "-cgi", "9,19", "-C")
    smi(p, "full", "mig", "-i", "0", "-cgi", "14")
    device = next(i for i in p.json("lab", "status", "full")["instances"] if i["ci"] is not None)
    p.ok("lab", "client", "start", "--lab", "full", "--name", "train", "--memory", "1GiB", "--device",
         device["uuid"])
    p.ok("name", "trainer", device["uuid"], env={"MIGKIT_LAB": str(p.labs / "full")})
    where = "{gpu}/{gi}/{ci}".format(**device)
    p.ok("lab", "inject", where, "xid=31", "--lab", "full")
    p.ok("lab", "client", "start", "--lab", "full", "--name", "watch", "--gpu", "1")
    smi(p, "full", "-i", "1", "-mig", "1")
    p.create("off", board="h200", driver="580.65.06")
    p.create("pro", board="rtx-pro-6000-server", driver="580.65.06")
    smi(p, "pro", "-mig", "1")
    smi(p, "pro", "mig", "-cgi", "14,14", "-C")
    p.ok("lab", "set", "0", "temperature=50", "power=100", "utilization=3", "fan=40", "--lab", "pro")
    p.create("lost", "--board", "a30:1", board="a30:1", driver="535.261.03")
    p.ok("lab", "inject", "1", "xid=79", "--lab", "lost")
    p.ok("lab", "latency", "measured", "--lab", "lost")
    # Of processes that there are none of.
    for words in (("DeviceGetName", "--nth", "2-5", "--return", "UNKNOWN", "--gpu", "0"),
                  ("group:destroy", "--times", "1", "--take", "1s", "--return-after", "TIMEOUT"),
                  ("group:create", "--kill", "after", "--permanent"),
                  ("any", "--hang", "--probability", "0.5", "--seed", "3", "--xid", "79")):
        p.ok("lab", "fault", "add", *words, "--name", "nobody", "--lab", "lost")
    torn = bytearray((p.labs / "off" / "state").read_bytes())
    torn[4096] ^= 1
    (p.root / "torn").write_bytes(torn)
    return {"full": "a100-80gb-pcie", "off": "h200", "pro": "rtx-pro-6000-server", "lost": "a30"}


def smi(p, lab, *words):
    p.ok("--lab", lab, "smi", *words)
