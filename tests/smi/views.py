# SPDX-License-Identifier: Apache-2.0
"""Every view of NVIDIA's own nvidia-smi on simulated machines, held against what migctl says of them.

Scenario.play() takes a machine of two GPUs through MIG mode on, instances, processes on them, a
refused destroy, destroy and MIG mode off, all by NVIDIA's program. After each step it is asked for
its views: none may end by a signal or with another exit code than hardware's, and each row must say
what the lab's state says.
"""
import ctypes
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as xml

import cases
import pair

MIB = 1 << 20
DISPLAYS = ("MEMORY", "UTILIZATION", "ECC", "TEMPERATURE", "POWER", "CLOCK", "COMPUTE", "PIDS",
            "PERFORMANCE", "SUPPORTED_CLOCKS", "PAGE_RETIREMENT", "ACCOUNTING", "ENCODER_STATS",
            "SUPPORTED_GPU_TARGET_TEMP", "VOLTAGE", "FBC_STATS", "ROW_REMAPPER")
# Shown after each step for their exit codes; the views that are also read are in Views.compare().
PLAIN = ["-q -i 0", "-q -x -i 1", "topo -mp", "topo -c 0", "topo -n 2 -i 0",
         "topo -p -i 0,1", "topo -p2p r", "topo -p2p w", "topo -p2p n", "topo -p2p a",
         "topo -p2p p", "topo -C -i 0", "nvlink -s", "nvlink -c", "nvlink -p", "nvlink -R",
         "nvlink -e", "pmon -c 1", "pmon -c 1 -i 1", "dmon -c 1", "dmon -c 1 -i 1", "vgpu",
         "mig -lgip", "mig -lgipp", "mig -lcip", "mig -lcipp", "--help",
         "--query-accounted-apps=gpu_uuid,pid --format=csv",
         "--query-retired-pages=gpu_uuid,retired_pages.address,retired_pages.cause --format=csv",
         "--query-remapped-rows=gpu_uuid,remapped_rows.correctable,remapped_rows.uncorrectable,"
         "remapped_rows.pending,remapped_rows.failure --format=csv",
         "--query-supported-clocks=gpu_uuid,memory,graphics --format=csv",
         "--query-compute-apps=gpu_name,pid,used_memory --format=csv,noheader,nounits",
         *(f"-q -d {name}" for name in DISPLAYS)]
# What hardware ends with as well: no GPU of the machine has the feature.
CODES = {"c2c -s": 3}
PLAIN += CODES
NOTHING = {0, 6}  # "No MIG-enabled devices found." ends R535 with 6, newer ones with 0


class Wrong(Exception):
    """A view that disagrees with the lab."""


def same(what, got, want):
    if got != want:
        raise Wrong(f"{what}: nvidia-smi says {got!r}, the lab {want!r}")


def about(what, mib, size):
    """A MiB figure of a view, and bytes: nvidia-smi rounds, up or down by the view."""
    if abs(int(mib) * MIB - size) >= MIB:
        raise Wrong(f"{what}: nvidia-smi says {mib} MiB, the lab {size} bytes")


def mib(text):
    return re.fullmatch(r"(\d+) ?(?:MiB|MB)?", text).group(1)


class Views:
    """NVIDIA's program on one lab."""

    def __init__(self, real, branch, board, root, arguments="", driver=None, gpus=2):
        self.real, self.branch = real, branch
        driver = driver or pair.DRIVER[branch]
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(root), "XDG_STATE_HOME": str(root),
                    "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb"}
        which = ["--board", f"{board}:{gpus}"] if board else []
        self.migctl("lab", "create", "views", *which, "--driver", driver, *shlex.split(arguments))
        self.env["MIGKIT_LAB"] = str(pathlib.Path(root) / "migkit/labs/views")
        self.env["MIGKIT_LOG"] = str(pathlib.Path(root) / "log")
        self.root = root
        self.shown = 0
        self.shares = {}  # of the utilization, by process name

    def migctl(self, *words):
        done = subprocess.run([pair.BUILD / "migctl", *words], env=self.env, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=pair.TIMEOUT)
        if done.returncode:
            raise SystemExit(f"migctl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def status(self):
        return json.loads(self.migctl("lab", "status", "views", "-o", "json"))

    def unknown_slots(self):
        """Slots of its private table that the program asked for and that nobody knows."""
        text = pathlib.Path(self.env["MIGKIT_LOG"]).read_text()
        return {int(n) for n in re.findall(r" smi slot (\d+) 3 ", text)}

    def raw(self, words):
        env = {**self.env, "LD_LIBRARY_PATH": str(pair.BUILD / "sim")}
        return subprocess.run([self.real, *shlex.split(words)], env=env, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=pair.TIMEOUT, cwd=self.root)

    def show(self, words, code=0):
        """What a view prints. code: the exit code that it must have, or several."""
        done = self.raw(words)
        self.shown += 1
        codes = code if isinstance(code, (tuple, set)) else (code,)
        if done.returncode not in codes:
            raise Wrong(f"exit code {done.returncode}, not {code}\n{done.stdout.decode()[-800:]}"
                        f"{done.stderr.decode()[-800:]}")
        if done.stderr:
            raise Wrong(f"on stderr: {done.stderr.decode()}")
        return done.stdout.decode()

    def nvml(self):
        """What a program of our own hears from the same library, in a process that ends."""
        done = subprocess.run([sys.executable, __file__], capture_output=True, text=True,
                              env={**self.env, "MIGKIT_BUILD": str(pair.BUILD)},
                              timeout=pair.TIMEOUT, check=True)
        return json.loads(done.stdout)

    # --- the views that are read -------------------------------------------------------------

    def compare(self):
        """Holds every view that has rows against the lab; returns [what is wrong]."""
        lab, nvml, wrong = self.status(), self.nvml(), []
        for name in ("xml", "log", "summary", "list", "gpus_csv", "apps_csv", "pmon", "dmon",
                     "topology", "instances", "compute_instances", "all_fields"):
            try:
                getattr(self, "view_" + name)(lab, nvml)
            except Wrong as e:
                wrong.append(f"{name}: {e}")
        for words in PLAIN:
            try:
                self.show(words, {0, 6} if words.startswith("mig -l") else CODES.get(words, 0))
            except Wrong as e:
                wrong.append(f"nvidia-smi {words}: {e}")
            except subprocess.TimeoutExpired:
                wrong.append(f"nvidia-smi {words}: still running")
        return wrong

    @staticmethod
    def processes(lab, gpu=None):
        return sorted((c["gpu"], "N/A" if c["gi"] is None else str(c["gi"]),
                       "N/A" if c["ci"] is None else str(c["ci"]), c["pid"], c["name"],
                       c["memory_bytes"] // MIB)
                      for c in lab["clients"] if c["kind"] == "compute" and gpu in (None, c["gpu"]))

    @staticmethod
    def devices(lab, gpu=None):
        return [i for i in lab["instances"] if i["ci"] is not None and gpu in (None, i["gpu"])]

    def view_xml(self, lab, nvml):
        root = xml.fromstring(self.show("-q -x"))
        for element in root.iter():
            if re.search("Invalid Argument|Unknown Error|Not Found|GPU is lost", element.text or ""):
                raise Wrong(f"<{element.tag}> is an error: {element.text}")
        same("driver_version", root.findtext("driver_version"), lab["driver"])
        same("attached_gpus", int(root.findtext("attached_gpus")), len(lab["gpus"]))
        gpus = root.findall("gpu")
        same("count of <gpu>", len(gpus), len(lab["gpus"]))
        for gpu, now, asked in zip(gpus, lab["gpus"], nvml):
            self.xml_gpu(gpu, now, asked)
            self.xml_mig(gpu, lab, now)
            found = sorted((now["gpu"], p.findtext("gpu_instance_id"),
                            p.findtext("compute_instance_id"), int(p.findtext("pid")),
                            p.findtext("process_name"), int(mib(p.findtext("used_memory"))))
                           for p in gpu.findall("processes/process_info"))
            same(f"processes of GPU {now['gpu']}", found, self.processes(lab, now["gpu"]))

    @staticmethod
    def xml_gpu(gpu, now, asked):
        on = {"on": "Enabled", "off": "Disabled"}
        for path, want in {"product_name": now["name"], "uuid": now["uuid"],
                           "serial": now["serial"], "pci/pci_bus_id": now["bus_id"],
                           "mig_mode/current_mig": on[now["mig_current"]],
                           "mig_mode/pending_mig": on[now["mig_pending"] or now["mig_current"]],
                           "persistence_mode": on[now["persistence"]],
                           "compute_mode": asked["compute_mode"],
                           "ecc_mode/current_ecc": asked["ecc"][0],
                           "ecc_mode/pending_ecc": asked["ecc"][1],
                           "performance_state": f"P{asked['pstate']}",
                           "minor_number": str(now["gpu"])}.items():
            same(f"{path} of GPU {now['gpu']}", gpu.findtext(path), want)
        same("id", gpu.get("id"), now["bus_id"])
        about("fb used", mib(gpu.findtext("fb_memory_usage/used")), now["memory_used_bytes"])
        about("fb total", mib(gpu.findtext("fb_memory_usage/total")), now["memory_total_bytes"])
        same("gpu_temp", gpu.findtext("temperature/gpu_temp"), f"{asked['temperature']} C")
        same("clocks", gpu.findtext("clocks/sm_clock"), f"{asked['sm_mhz']} MHz")
        util = gpu.findtext("utilization/gpu_util")
        same("gpu_util", util, "N/A" if now["mig_current"] == "on" else f"{asked['utilization']} %")

    def xml_mig(self, gpu, lab, now):
        entries, have = gpu.findall("mig_devices/mig_device"), self.devices(lab, now["gpu"])
        if not have:
            same("mig_devices", gpu.findtext("mig_devices").strip(), "None")
        same("MIG devices", sorted((int(d.findtext("gpu_instance_id")),
                                    int(d.findtext("compute_instance_id"))) for d in entries),
             sorted((d["gi"], d["ci"]) for d in have))
        same("MIG indexes", [int(d.findtext("index")) for d in entries], list(range(len(have))))
        for d in entries:
            gi = int(d.findtext("gpu_instance_id"))
            mine = next(i for i in have if i["gi"] == gi)
            about(f"fb used of GI {gi}", mib(d.findtext("fb_memory_usage/used")),
                  mine["memory_used_bytes"])

    def view_log(self, lab, nvml):
        """-q: the same through its indentation."""
        text, gpu, gpus, found, keys = self.show("-q"), -1, [], [], {}
        for line in text.splitlines():
            m = re.match(r"GPU ([0-9A-F:.]+)$", line)
            if m:
                gpu, keys = gpu + 1, {}
                gpus.append((m.group(1), keys))
                continue
            m = re.match(r" +([A-Za-z][^:]*?) +: (.*)$", line)
            if m and gpu >= 0:
                keys.setdefault(m.group(1), m.group(2))
                if m.group(1) == "Process ID":
                    found.append([gpu, gi, ci, int(m.group(2))])
                elif m.group(1) == "GPU instance ID":
                    gi = m.group(2)
                elif m.group(1) == "Compute instance ID":
                    ci = m.group(2)
                elif m.group(1) == "Name" and found:
                    found[-1].append(m.group(2))
                elif m.group(1) == "Used GPU Memory" and found:
                    found[-1].append(int(mib(m.group(2))))
        same("GPUs", [g[0] for g in gpus], [g["bus_id"] for g in lab["gpus"]])
        for (_, keys), now in zip(gpus, lab["gpus"]):
            same("GPU UUID", keys["GPU UUID"], now["uuid"])
        same("processes", sorted(map(tuple, found)), self.processes(lab))
        same("MIG devices", len(re.findall(r"^ +MIG Device$", text, re.M)),
             len(self.devices(lab)))

    def view_summary(self, lab, nvml):
        text = self.show("")
        head, _, rest = text.partition("| MIG devices: ")
        mig, _, processes = (rest if rest else text).partition("| Processes: ")
        rows = re.findall(r"^\| +(\d+)  (\S.*?) +(On|Off) +\| +([0-9A-F:.]{16}) \S+ +\|.*\n"
                          r"\|.*\| +(\d+)MiB / *(\d+)MiB \| +(\S+) +(\S.*?) +\|\n"
                          r"\|[ ]+\|[ ]+\| +(\S+) \|$", head, re.M)
        same("rows of GPUs", len(rows), len(lab["gpus"]))
        for row, now in zip(rows, lab["gpus"]):
            index, name, persistence, bus, used, _, _, _, mode = row
            same("GPU", (int(index), bus, persistence.lower()),
                 (now["gpu"], now["bus_id"], now["persistence"]))
            if not now["name"].startswith(name.rstrip(".")):
                raise Wrong(f"name {name!r} of {now['name']!r}")
            about("memory", used, now["memory_used_bytes"])
            same("MIG M.", mode.rstrip("*"), "Enabled" if now["mig_current"] == "on" else "Disabled")
        devices = re.findall(r"^\| +(\d+) +(\d+) +(\d+) +(\d+) +\| +(\d+)MiB / *\d+MiB +\|",
                             mig if rest else "", re.M)
        same("MIG devices", sorted(tuple(map(int, d[:3])) for d in devices),
             sorted((d["gpu"], d["gi"], d["ci"]) for d in self.devices(lab)))
        for gpu, gi, _, _, used in devices:
            mine = next(i for i in lab["instances"] if (i["gpu"], i["gi"]) == (int(gpu), int(gi)))
            about(f"memory of GI {gi}", used, mine["memory_used_bytes"])
        found = re.findall(r"^\| +(\d+) +(\S+) +(\S+) +(\d+) +C +(\S+) +(\d+)MiB \|$",
                           processes, re.M)
        same("processes", sorted((int(g), gi, ci, int(p), n, int(m)) for g, gi, ci, p, n, m in found),
             self.processes(lab))

    def view_list(self, lab, nvml):
        text = self.show("-L")
        same("GPUs", re.findall(r"^GPU (\d+): (.*) \(UUID: (GPU-\S+)\)$", text, re.M),
             [(str(g["gpu"]), g["name"], g["uuid"]) for g in lab["gpus"]])
        same("MIG devices", sorted(re.findall(r"^  MIG (\S+) +Device +\d+: \(UUID: (MIG-\S+)\)$", text,
                                              re.M)),
             sorted((device_name(d), d["uuid"]) for d in self.devices(lab)))

    def csv(self, words):
        head, *rows = self.show(words + " --format=csv").splitlines()
        return head.split(", "), [row.split(", ") for row in rows]

    def view_gpus_csv(self, lab, nvml):
        fields = {"index": "gpu", "name": "name", "uuid": "uuid", "serial": "serial",
                  "pci.bus_id": "bus_id"}
        _, rows = self.csv("--query-gpu=" + ",".join(fields))
        same("identity", rows, [[str(g[key]) for key in fields.values()] for g in lab["gpus"]])
        _, rows = self.csv("--query-gpu=mig.mode.current,mig.mode.pending,persistence_mode,"
                           "memory.used,temperature.gpu,power.draw,clocks.sm,clocks.mem,"
                           "compute_mode,ecc.mode.current,ecc.mode.pending,pstate,utilization.gpu")
        on = {"on": "Enabled", "off": "Disabled"}
        for row, g, asked in zip(rows, lab["gpus"], nvml):
            same("modes", row[:3], [on[g["mig_current"]],
                                    on[g["mig_pending"] or g["mig_current"]], on[g["persistence"]]])
            about("memory.used", mib(row[3]), g["memory_used_bytes"])
            same("readings", row[4:12], [str(asked["temperature"]), f"{asked['power'] / 1000:.2f} W",
                                         f"{asked['sm_mhz']} MHz", f"{asked['mem_mhz']} MHz",
                                         asked["compute_mode"], *asked["ecc"],
                                         f"P{asked['pstate']}"])
            same("utilization", row[12], "[N/A]" if g["mig_current"] == "on" else
                 f"{asked['utilization']} %")

    def view_all_fields(self, lab, nvml):
        """Every field that the program's help lists, at once and, where they are lists, alone."""
        names = re.findall(r'^"([\w.]+)"', self.show("--help-query-gpu"), re.M)
        if len(names) < 100:
            raise Wrong(f"only {len(names)} fields")
        lists = {n for n in names if n.startswith("vgpu_device_capability") or "histogram" in n
                 or n.startswith("clocks_") or "event_reasons" in n}
        head, rows = self.csv("--query-gpu=" + ",".join(n for n in names if n not in lists))
        same("columns", len(head), len(names) - len(lists))
        same("rows", [len(row) for row in rows], [len(head)] * len(lab["gpus"]))
        for row in rows:
            if any("Unknown Error" in cell or "GPU is lost" in cell for cell in row):
                raise Wrong(f"an error among the values: {row}")
        for name in sorted(lists):
            self.show(f"--query-gpu={name} --format=csv")

    def view_apps_csv(self, lab, nvml):
        _, rows = self.csv("--query-compute-apps=gpu_uuid,pid,name,used_memory")
        uuid = [g["uuid"] for g in lab["gpus"]]
        same("processes", sorted((u, int(p), n, int(mib(m))) for u, p, n, m in rows),
             sorted((uuid[g], p, n, m) for g, _, _, p, n, m in self.processes(lab)))

    def view_pmon(self, lab, nvml):
        head, _, *rows = self.show("pmon -c 1 -s um").splitlines()
        columns = head.lstrip("# ").split()
        found = [dict(zip(columns, row.split())) for row in rows]
        idle = sorted(int(r["gpu"]) for r in found if r["pid"] == "-")
        same("processes", sorted((int(r["gpu"]), int(r["pid"]), r["command"], int(r["fb"]))
                                 for r in found if r["pid"] != "-"),
             sorted((g, p, n, m) for g, _, _, p, n, m in self.processes(lab)))
        busy = {p[0] for p in self.processes(lab)}
        for row in found:
            mig = lab["gpus"][int(row["gpu"])]["mig_current"] == "on"
            want = "-" if mig or row["pid"] == "-" else str(self.shares.get(row["command"], 0))
            same(f"sm of {row['command']}", row["sm"], want)
        same("GPUs without any", idle, [g["gpu"] for g in lab["gpus"] if g["gpu"] not in busy])

    def view_dmon(self, lab, nvml):
        head, _, *rows = self.show("dmon -c 1 -s pucvmet").splitlines()
        columns = head.lstrip("# ").split()
        found = [dict(zip(columns, row.split())) for row in rows]
        same("GPUs", [int(r["gpu"]) for r in found], [g["gpu"] for g in lab["gpus"]])
        for row, now, asked in zip(found, lab["gpus"], nvml):
            about("fb", row["fb"], now["memory_used_bytes"])
            same("readings", (row["gtemp"], row["mclk"], row["pclk"]),
                 (str(asked["temperature"]), str(asked["mem_mhz"]), str(asked["sm_mhz"])))
            same("sm", row["sm"], "-" if now["mig_current"] == "on" else str(asked["utilization"]))

    def view_topology(self, lab, nvml):
        lines = re.sub(r"\x1b\[\d*m", "", self.show("topo -m")).splitlines()
        columns = [c for c in lines[0].split("\t") if c]
        for now, asked, line in zip(lab["gpus"], nvml, lines[1:]):
            cells = [c.strip() for c in line.split("\t")]
            same("row", cells[0], f"GPU{now['gpu']}")
            want = ["X" if other == now["gpu"] else asked["path"][other]
                    for other in range(len(lab["gpus"]))]
            same(f"row of GPU {now['gpu']}", cells[1:1 + len(want)], want)
            same("CPU affinity", cells[1 + len(want)], asked["cpus"])
        same("GPUs", columns[:len(nvml)], [f"GPU{g['gpu']}" for g in lab["gpus"]])

    def view_instances(self, lab, nvml):
        if not any(g["mig_current"] == "on" for g in lab["gpus"]):
            same("mig -lgi", self.show("mig -lgi", NOTHING), "No MIG-enabled devices found.\n")
            return
        have = sorted({(i["gpu"], i["profile"], i["gi"], f"{i['start']}:{i['size']}")
                       for i in lab["instances"]})
        text = self.show("mig -lgi", 0 if have else 6)
        rows = re.findall(r"^\| +(\d+)  MIG (\S+) +\d+ +(\d+) +(\d+:\d+) +\|$", text, re.M)
        same("GPU instances", sorted((int(g), n, int(i), p) for g, n, i, p in rows), have)

    def view_compute_instances(self, lab, nvml):
        have = sorted((i["gpu"], i["gi"], device_name(i), i["ci"]) for i in self.devices(lab))
        if not any(g["mig_current"] == "on" for g in lab["gpus"]):
            same("mig -lci", self.show("mig -lci", NOTHING), "No MIG-enabled devices found.\n")
            return
        text = self.show("mig -lci", 0 if have else 6)
        rows = re.findall(r"^\| +(\d+) +(\d+) +MIG (\S+) +\d+ +(\d+) +\d+:\d+ +\|$", text, re.M)
        same("compute instances", sorted((int(g), int(gi), n, int(c)) for g, gi, n, c in rows), have)


def device_name(d):
    """1c.3g.40gb, or 3g.40gb where the compute instance fills its GPU instance."""
    return d["ci_profile"]


class Scenario:
    """The steps; each is followed by Views.compare()."""

    def __init__(self, views, gis):
        self.v, self.gis, self.wrong = views, gis, []

    def step(self, name, words=None, code=0):
        try:
            said = self.v.show(words, code) if words is not None else ""
        except Wrong as e:
            self.wrong.append(f"{name}: nvidia-smi {words}: {e}")
            said = ""
        self.wrong += [f"after '{name}': {w}" for w in self.v.compare()]
        return said

    def client(self, device, size, name):
        where = ("-g", device) if "/" not in device else ("-d", device)
        return self.v.migctl("lab", "client", "start", "-n", name, "-m", f"{size}MiB", *where)

    def accounting(self):
        """A process that ended while accounting was on is in its list, with its memory."""
        pid = int(self.client("0", 256, "counted"))
        self.v.migctl("lab", "client", "stop", "--all")
        _, rows = self.v.csv("--query-accounted-apps=gpu_uuid,pid,max_memory_usage")
        want = [self.v.status()["gpus"][0]["uuid"], str(pid), "256 MiB"]
        if rows != [want]:
            self.wrong.append(f"accounted processes: {rows}, not {want}")

    def play(self):
        v = self.v
        self.step("made")
        self.client("0", 1024, "python3")
        self.client("0", 512, "second")
        v.migctl("lab", "set", "0", "utilization=41")
        v.shares = {"python3": 21, "second": 20}
        self.step("busy")
        self.step("MIG mode on", "-i 1 -mig 1")
        self.step("created", f"mig -i 1 -cgi {self.gis} -C")
        devices = v.devices(v.status(), 1)
        for n, d in enumerate(devices):
            self.client(f"1/{d['gi']}/{d['ci']}", 100 * (n + 1), f"job{n}")
        self.step("processes on instances")
        self.step("destroy refused", f"mig -i 1 -dci -gi {devices[0]['gi']}", 19)
        self.step("mode refused", "-i 1 -mig 0", {0, 19})
        same_mode = v.status()["gpus"][1]["mig_current"]
        if same_mode != "on":
            self.wrong.append("MIG mode went off under a process")
        v.migctl("lab", "client", "stop", "--all")
        self.step("mode wanted on again", "-i 1 -mig 1")
        v.show("-i 1 -c 3")  # a warning: a GPU in MIG mode knows the default alone
        self.step("compute instances destroyed", "mig -i 1 -dci")
        self.step("GPU instances destroyed", "mig -i 1 -dgi")
        self.step("MIG mode off", "-i 1 -mig 0")
        for words in ("-i 0 -pm 1", "-i 0 -c 3", "-i 0 -am 1", "-i 0 -caa", "-i 0 -p 0",
                      "-i 0 -rac", "-i 0 -rgc", "-i 0 -rmc"):
            v.show(words)
        self.accounting()
        self.step("settings", "-i 0 -e 0")
        self.step("reset", "-i 0 --gpu-reset")
        if len(devices) < 2:
            self.wrong.append(f"only {len(devices)} MIG devices were made")
        return self.wrong


def documented_slots():
    """What doc/clients.md says that nvidia-smi stops at."""
    section = (pair.SOURCE / "doc/clients.md").read_text().split("\n## nvidia-smi\n")[1]
    rows = re.findall(r"^\| .* \| (.*) \|$", section.split("\n## ")[0], re.M)
    return {int(n) for row in rows for n in re.findall(r"\b\d{2,3}\b", row)}


def play_all(real, branch, boards):
    """Every board; boards: {key: (profiles, more arguments of lab create, driver)}."""
    wrong, shown = [], 0
    for board, (gis, arguments, driver) in boards.items():
        with pair.place() as root:
            views = Views(real, branch, board, root, arguments, driver)
            try:
                wrong += [f"{board}: {w}" for w in Scenario(views, gis).play()]
                new = views.unknown_slots() - documented_slots()
                wrong += [f"{board}: asked for slot {n}, which doc/clients.md does not name"
                          for n in sorted(new)]
            finally:
                views.migctl("lab", "client", "stop", "--all")
            shown += views.shown
    return wrong, shown


def look_at(real, branch, machine):
    """A whole machine, MIG on one of its GPUs, a process there and on another."""
    with pair.place() as root:
        views = Views(real, branch, None, root, f"--machine {machine}")
        views.migctl("smi", "-i", "3", "-mig", "1")
        views.migctl("smi", "mig", "-i", "3", "-cgi", "9", "-C")
        device = views.devices(views.status(), 3)[0]
        views.migctl("lab", "client", "start", "-m", "64MiB", "-n", "job", "-d", device["uuid"])
        views.migctl("lab", "client", "start", "-m", "64MiB", "-n", "whole", "-g", "1")
        views.shares = {"whole": 0}
        try:
            return [f"{machine}: {w}" for w in views.compare()], views.shown
        finally:
            views.migctl("lab", "client", "stop", "--all")


def main(branch, boards, machines=()):
    """The test of a branch; its exit code."""
    real = pair.behind_the_guard(branch)
    wrong, shown = play_all(real, branch, boards)
    for machine in machines:
        more, count = look_at(real, branch, machine)
        wrong, shown = wrong + more, shown + count
    wrong += cases.replay(real, branch)
    print("\n".join(wrong))
    line = f"nvidia-smi {pair.DRIVER[branch]}: {shown} views, {len(wrong)} wrong"
    # For the list of what ran at the end of "make test".
    (pair.BUILD / "clients").mkdir(exist_ok=True)
    (pair.BUILD / "clients" / f"nvidia-smi-{branch}").write_text(line + "\n", encoding="utf-8")
    print(line)
    return bool(wrong) or shown < 500


# --- what NVML says, in a process of its own ----------------------------------------------------


def ask_nvml():
    lib = ctypes.CDLL(str(pair.BUILD / "sim" / "libnvidia-ml.so.1"))
    lib.nvmlInit_v2()
    count = ctypes.c_uint()
    lib.nvmlDeviceGetCount_v2(ctypes.byref(count))
    handles = [ctypes.c_void_p() for _ in range(count.value)]
    for i, h in enumerate(handles):
        lib.nvmlDeviceGetHandleByIndex_v2(i, ctypes.byref(h))

    def uint(name, handle, *before):
        value = ctypes.c_uint()
        r = getattr(lib, name)(handle, *before, ctypes.byref(value))
        return value.value if r == 0 else None

    def two(name, handle):
        a, b = ctypes.c_uint(), ctypes.c_uint()
        r = getattr(lib, name)(handle, ctypes.byref(a), ctypes.byref(b))
        return (a.value, b.value) if r == 0 else (None, None)

    words = {0: "Disabled", 1: "Enabled", None: "N/A"}
    compute = {0: "Default", 2: "Prohibited", 3: "Exclusive_Process"}
    levels = {0: "PIX", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
    found = []
    for h in handles:
        links = sum(uint("nvmlDeviceGetNvLinkState", h, link) == 1 for link in range(18))
        path = [f"NV{links}" if links else levels.get(uint_of_pair(lib, h, other))
                for other in handles]
        found.append({
            "temperature": uint("nvmlDeviceGetTemperature", h, 0),
            "power": uint("nvmlDeviceGetPowerUsage", h), "pstate": uint(
                "nvmlDeviceGetPerformanceState", h),
            "sm_mhz": uint("nvmlDeviceGetClockInfo", h, 1),
            "mem_mhz": uint("nvmlDeviceGetClockInfo", h, 2),
            "compute_mode": compute.get(uint("nvmlDeviceGetComputeMode", h)),
            "ecc": [words[v] for v in two("nvmlDeviceGetEccMode", h)],
            "utilization": two("nvmlDeviceGetUtilizationRates", h)[0],
            "path": path, "cpus": cpus(lib, h)})
    lib.nvmlShutdown()
    print(json.dumps(found))


def uint_of_pair(lib, one, other):
    level = ctypes.c_uint()
    r = lib.nvmlDeviceGetTopologyCommonAncestor(one, other, ctypes.byref(level))
    return level.value if r == 0 else None


def cpus(lib, handle):
    mask = (ctypes.c_ulong * 16)()
    if lib.nvmlDeviceGetCpuAffinity(handle, 16, mask):
        return "N/A"
    on = [i for i in range(1024) if mask[i // 64] >> i % 64 & 1]
    runs = []
    for cpu in on:
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in runs)


if __name__ == "__main__":
    ask_nvml()
