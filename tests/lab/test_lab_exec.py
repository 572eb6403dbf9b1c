#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: must-run timeout=180
"""'lab exec': programs find the lab's files where a driver has them, as root and as another user;
what the host has is as it was; what cannot be put in place is said."""
import json
import os
import pathlib
import pty
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time

from labtest import BUILD, NOT_FOUND, PERMISSION, SOURCE, USAGE, Place, check, fail, skip

OTHER = 65534
# The one that runs this may lie where only root can go.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
HOST_HAS = {path: os.path.exists(path) for path in ("/proc/devices", "/proc/modules", "/proc/driver",
                                                    "/sys/bus/pci", "/sys/module")}

# Run inside: what a program sees, as JSON.
LOOK = textwrap.dedent("""\
    import json, os, stat, sys
    def kind(path):
        try:
            st = os.lstat(path)
        except OSError as e:
            return e.strerror
        return stat.filemode(st.st_mode) + (" %d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev))
                                            if stat.S_ISCHR(st.st_mode) else "")
    def text(path):
        try:
            return open(path).read()
        except OSError as e:
            return e.strerror
    def names(path):
        try:
            return sorted(os.listdir(path))
        except OSError as e:
            return e.strerror
    gpus = names("/sys/bus/pci/devices")
    print(json.dumps({
        "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "pid": os.getpid(),
        "cwd": os.getcwd(), "lab": os.environ["MIGKIT_LAB"],
        "own": os.stat(sys.argv[1]).st_uid, "fds": names("/proc/self/fd"),
        "version": text("/proc/driver/nvidia/version"), "proc": names("/proc/driver"),
        "modules": text("/proc/modules"), "devices": text("/proc/devices"),
        "caps": names("/dev/nvidia-caps"), "minors": text("/proc/driver/nvidia-caps/mig-minors"),
        "dev": {n: kind("/dev/" + n) for n in names("/dev") if n.startswith("nvidia")},
        "dev_all": names("/dev"), "null": kind("/dev/null"),
        "gpus": gpus,
        "vendors": [text("/sys/bus/pci/devices/%s/vendor" % g).strip() for g in gpus],
        "resolved": [os.path.realpath("/sys/bus/pci/devices/" + g) for g in gpus],
        "module": text("/sys/module/nvidia/version").strip(),
        "sys_modules": [n for n in names("/sys/module") if n.startswith("nvidia")],
    }))
    """)


class Runner:
    """Runs 'migctl lab exec' as this user or as another one."""

    def __init__(self, place, before=()):
        self.p, self.before = place, list(before)
        self.lab = None

    def create(self, name, *words, board="a100-80gb-pcie", driver="535.261.03"):
        done = self.p.run("lab", "create", name, "--board", board, "--driver", driver, *words,
                          before=self.before)
        check(done.returncode == 0, f"lab create: {done}")
        return self.p.labs / name

    def command(self, lab, *words, options=()):
        return [*self.before, str(self.p.migctl), "lab", "exec", *([lab] if lab else []), *options,
                "--", *[str(w) for w in words]]

    def run(self, lab, *words, options=(), outer=(), rc=0, env=None):
        done = subprocess.run([*outer, *self.command(lab, *words, options=options)],
                              env={**self.p.env, **(env or {})}, cwd=self.p.root,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
        check(rc is None or done.returncode == rc, f"lab exec -- {words}: {done}")
        return done

    def look(self, lab, **more):
        done = self.run(lab, PYTHON, "-c", LOOK, self.p.root / "mine", **more)
        return json.loads(done.stdout), done.stderr

    def smi(self, lab, *words, rc=0):
        done = self.p.run("--lab", lab, "smi", *words, before=self.before)
        check(rc is None or done.returncode == rc, f"smi {words}: {done}")
        return done


def mounts():
    """This namespace's mounts; other tests may mount in theirs, but nothing here."""
    return pathlib.Path("/proc/self/mountinfo").read_text()


def host_tree():
    found = {}
    for folder in ("/dev", "/proc/driver", "/sys/bus/pci/devices", "/mnt", "/"):
        if os.path.isdir(folder):
            # Terminals and other tests' files come and go.
            found[folder] = sorted(n for n in os.listdir(folder) if not n.startswith("tty"))
    return found


def in_place(r, lab, uid, bus_ids):
    """All files of the lab are there, and the program is the caller's own."""
    seen, said = r.look(lab.name)
    check(seen["uid"] == uid and seen["own"] == uid, f"ids: {seen['uid']}, own file {seen['own']}")
    check(seen["lab"] == str(lab) and seen["cwd"] == str(r.p.root), f"{seen['lab']} {seen['cwd']}")
    check("535.261.03" in seen["version"] and {"nvidia", "nvidia-caps"} <= set(seen["proc"]),
          f"/proc/driver: {seen['proc']} {seen['version']}")
    check(seen["minors"].count("\n") == 4322, "mig-minors")
    check("nvidia-caps\n" in seen["devices"], f"/proc/devices: {seen['devices']}")
    check(seen["gpus"] == bus_ids and set(seen["vendors"]) == {"0x10de"}, f"{seen['gpus']}")
    check([os.path.basename(x) for x in seen["resolved"]] == bus_ids and
          all(x.startswith("/sys/devices/pci") for x in seen["resolved"]), f"{seen['resolved']}")
    check(seen["module"] == "535.261.03", f"/sys/module/nvidia: {seen['module']}")
    want = {f"nvidia{i}" for i in range(len(bus_ids))} | {
        "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps"}
    check(set(seen["dev"]) == want, f"/dev: {seen['dev']}")
    # Character devices by lstat, as nvidia-ctk wants; of /dev/null, never of the driver's number.
    for name, kind in seen["dev"].items():
        check(name == "nvidia-caps" or kind.startswith("c") and kind.endswith(" 1:3"), f"{name}: {kind}")
    check(seen["null"].endswith(" 1:3") and {"shm", "pts", "fd"} & set(seen["dev_all"]), "the host's /dev")
    if HOST_HAS["/proc/modules"]:
        check("nvidia " in seen["modules"] and not said, f"modules: {seen['modules']}, {said}")
    else:
        check("/proc/modules" in said and said.count("\n") == 1, f"what is missing is not said: {said}")
    return seen


def everything(r, uid):
    lab = r.create("one", "--bus-id", "0000:07:00.0", "--bus-id", "00000001:00:00.0",
                   board="a100-80gb-pcie:2")
    (r.p.root / "mine").touch()
    os.chown(r.p.root / "mine", uid, -1)
    before = mounts(), host_tree()
    seen = in_place(r, lab, uid, ["0000:07:00.0", "0001:00:00.0"])
    check((mounts(), host_tree()) == before, "the host is not as it was")
    # No descriptor of ours is left to the program: listing a folder has opened one.
    check(len(seen["fds"]) == 4, f"descriptors: {seen['fds']}")
    done = r.run("one", "nvidia-smi", "-L")
    check(done.stdout.count("NVIDIA A100") == 2, f"nvidia-smi -L: {done}")
    busy = ["0000:00:03.0"]
    here = r.create("busy", "--bus-id", busy[0])  # the host may have another device there
    in_place(r, here, uid, busy)


def follows(r, uid):
    """A program that runs sees what others change: made later, as a character device."""
    del uid
    r.create("later")
    watch = ("import os, sys, stat\n"
             "for line in sys.stdin:\n"
             "    n = sorted(os.listdir('/dev/nvidia-caps'))\n"
             "    ok = all(stat.S_ISCHR(os.lstat('/dev/nvidia-caps/' + x).st_mode) for x in n)\n"
             "    g = '/proc/driver/nvidia/capabilities/gpu0/mig'\n"
             "    print(ok, *n, *sorted(os.listdir(g)), flush=True)\n")
    program = subprocess.Popen(r.command("later", PYTHON, "-c", watch), env=r.p.env,
                               cwd=r.p.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)

    def ask():
        program.stdin.write("\n")
        program.stdin.flush()
        return program.stdout.readline().split()

    chars = stat.S_ISCHR((r.p.labs / "later/dev/nvidia0").lstat().st_mode)
    check(ask() == [str(chars), "nvidia-cap1", "nvidia-cap2"], "before")
    r.smi("later", "-mig", "1")
    r.smi("later", "mig", "-cgi", "9", "-C")
    check(ask() == [str(chars), "nvidia-cap1", "nvidia-cap12", "nvidia-cap13", "nvidia-cap2", "gi1"]
          or ask()[-1] == "gi2", "an instance that was made is not seen")
    r.smi("later", "mig", "-dci")
    r.smi("later", "mig", "-dgi")
    check(len(ask()) == 5, "the folder of an instance that is gone is still there")
    program.stdin.close()
    check(program.wait(30) == 0, "the watcher")
    program.stdout.close()
    # And what the program itself changes.
    done = r.run("later", "sh", "-c", "nvidia-smi mig -cgi 19 >/dev/null && "
                                      "ls /proc/driver/nvidia/capabilities/gpu0/mig")
    check(done.stdout.startswith("gi"), f"own change: {done}")


def in_its_place(r, uid):
    """The program is migctl's own process: exit code, signals, standard streams, terminal."""
    del uid
    r.create("place")
    r.run("place", "sh", "-c", "exit 7", rc=7)
    r.run("place", "sh", "-c", "kill -TERM $$", rc=-signal.SIGTERM)
    r.run("place", "/nowhere/to/be/found", rc=NOT_FOUND)
    program = subprocess.Popen(r.command("place", "sh", "-c", "echo $$; exec sleep 60"), env=r.p.env,
                               cwd=r.p.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
    check(int(program.stdout.readline()) == program.pid, "there is a process in between")
    program.send_signal(signal.SIGINT)
    check(program.wait(30) == -signal.SIGINT, "a signal does not reach the program")
    program.stdout.close()
    done = r.run("place", PYTHON, "-c", "import os; a, b = os.openpty(); print(os.isatty(b))")
    check(done.stdout == "True\n", f"no terminal can be had: {done}")
    # On a terminal, which stays the program's.
    pid, fd = pty.fork()
    if not pid:
        os.chdir(r.p.root)
        words = r.command("place", "sh", "-c", "test -t 0 && tty >/dev/null; echo told $?")
        os.execve(shutil.which(words[0]), words, r.p.env)
    told = b""
    while b"told" not in told:
        try:
            told += os.read(fd, 1000)
        except OSError:
            break
    os.close(fd)
    os.waitpid(pid, 0)
    check(b"told 0" in told, f"on a terminal: {told}")


def links_over_proc(r, uid):
    del uid
    r.create("links")
    (r.p.root / "mine").touch()
    seen, said = r.look("links", options=["--proc"])
    check("nvidia " in seen["modules"] and "535.261.03" in seen["version"], f"{seen}")
    if all(HOST_HAS[f] for f in ("/proc/modules", "/proc/devices", "/proc/driver")):
        check(not said, f"--proc where it is not needed: {said}")
        return
    check("/proc/PID" in said and "not in place" not in said, f"--proc: {said}")
    done = r.run("links", PYTHON, "-c",
                 "import os; print(os.path.exists('/proc/1'), os.readlink('/proc/self/exe') != '', "
                 "open('/proc/meminfo').readline().split()[0])", options=["--proc"])
    check(done.stdout == "False True MemTotal:\n", f"--proc: {done}")


# Stands for a machine with a driver, in a namespace of the test's own: then the command.
REAL = textwrap.dedent("""\
    set -e
    mount -t tmpfs fake /proc/driver
    mkdir -p /proc/driver/nvidia/gpus/real /proc/driver/nvidia-uvm /tmp/fake.$$
    echo real >/proc/driver/nvidia/version
    mount -t tmpfs fake /tmp/fake.$$
    for node in null zero urandom; do : >/tmp/fake.$$/$node; mount --bind /dev/$node /tmp/fake.$$/$node; done
    ln -s /proc/self/fd /tmp/fake.$$/fd
    mkdir -p /tmp/fake.$$/dri /tmp/fake.$$/nvidia-caps /tmp/fake.$$/shm
    for node in nvidia0 nvidia7 nvidiactl nvidia-caps/nvidia-cap99 dri/card0; do
        : >/tmp/fake.$$/$node; mount --bind /dev/zero /tmp/fake.$$/$node
    done
    mount --rbind /tmp/fake.$$ /dev
    umount -R /tmp/fake.$$ && rmdir /tmp/fake.$$
    mount -t tmpfs fake /sys/bus/pci
    mkdir -p /sys/bus/pci/devices /sys/bus/pci/drivers/nvidia
    mount -t tmpfs fake /sys/devices
    mkdir -p /sys/devices/pci0000:99/0000:99:00.0/drm /sys/devices/system
    echo 0x10de >/sys/devices/pci0000:99/0000:99:00.0/vendor
    ln -s ../../../devices/pci0000:99/0000:99:00.0 /sys/bus/pci/devices/0000:99:00.0
    mount -t tmpfs fake /sys/module
    mkdir -p /sys/module/nvidia /sys/module/nvidia_drm /sys/module/loop
    echo real >/sys/module/nvidia/version
    exec "$@"
    """)


def real_is_hidden(r, uid):
    """Nothing of a real driver's is left, wherever one could look."""
    lab = r.create("real", "--bus-id", "0000:07:00.0")
    (r.p.root / "mine").touch()
    os.chown(r.p.root / "mine", uid, -1)
    outer = ["unshare", "--mount", "--propagation", "private", "sh", "-c", REAL, "sh"]
    if os.geteuid() != 0:
        # mount wants to be root to lay the stand-in; 'lab exec' is then root of that namespace alone.
        outer = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", REAL, "sh"]
        if subprocess.run([*outer[:4], "true"], check=False, capture_output=True).returncode:
            return
    seen, _ = r.look("real", outer=outer)
    check("535.261.03" in seen["version"] and seen["proc"] == ["nvidia", "nvidia-caps"],
          f"/proc/driver: {seen['proc']}, {seen['version']}")
    check(seen["caps"] == ["nvidia-cap1", "nvidia-cap2"] and "nvidia7" not in seen["dev"] and
          "dri" not in seen["dev_all"], f"/dev: {seen['dev_all']} {seen['caps']}")
    check(all(k.endswith("1:3") for n, k in seen["dev"].items() if n != "nvidia-caps"), f"{seen['dev']}")
    check(seen["gpus"] == ["0000:07:00.0"] and seen["module"] == "535.261.03" and
          "nvidia_drm" not in seen["sys_modules"], f"/sys: {seen['gpus']} {seen['sys_modules']}")
    everywhere = r.run("real", "sh", "-c",
                       "cat /sys/devices/pci0000:99/0000:99:00.0/vendor; ls /dev/.host/nvidia-caps; "
                       "stat -c %t:%T /dev/.host/nvidia0; true", outer=outer)
    check("0x10de" not in everywhere.stdout and "99" not in everywhere.stdout and
          "1:5" not in everywhere.stdout, f"a trace is left: {everywhere}")
    if not HOST_HAS["/proc/modules"]:
        traces = r.run("real", "sh", "-c", "cat /proc/.host/driver/nvidia/version; true",
                       options=["--proc"], outer=outer)
        check("real" not in traces.stdout, f"a trace is left below /proc: {traces}")
    del lab


def no_namespaces(r, uid):
    """Where none may be made: library and environment alone, and that is said."""
    del uid
    r.create("plain")
    limit = ("for n in user mnt; do echo 0 >/proc/sys/user/max_${n}_namespaces || exit 125; done; "
             'exec "$@"')
    outer = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
    if r.before:
        # setpriv needs its ids in that namespace: the limits alone are the point.
        return
    done = r.run("plain", "nvidia-smi", "-L", outer=outer, rc=None)
    check(done.returncode == 0 and "NVIDIA A100" in done.stdout, f"without namespaces: {done}")
    for path in ("/dev/nvidia*", "/proc/driver/nvidia", "/proc/devices", "/sys/bus/pci", "namespace"):
        check(path in done.stderr, f"{path} is not named: {done.stderr}")


def nested(r, uid):
    """In the test wrapper's guard, and in another lab's exec: the inner lab is seen."""
    r.create("outer", "--bus-id", "0000:07:00.0")
    lab = r.create("inner", "--bus-id", "0000:0a:00.0")
    (r.p.root / "mine").touch()
    os.chown(r.p.root / "mine", uid, -1)
    inner = r.command("inner", PYTHON, "-c", LOOK, r.p.root / "mine")[len(r.before):]
    done = r.run("outer", *inner)
    seen = json.loads(done.stdout)
    check(seen["gpus"] == ["0000:0a:00.0"] and seen["lab"] == str(lab) and seen["uid"] == uid,
          f"nested: {seen}")
    if r.before:
        return  # the guard of another user has that user as root in it
    done = subprocess.run([SOURCE / "tests/real/guard", BUILD / "sim",
                           SOURCE / "tests/clients/first",
                           *r.command("inner", PYTHON, "-c", LOOK, r.p.root / "mine")],
                          env={**r.p.env, "MIGKIT_LAB": str(lab), "LD_LIBRARY_PATH": str(BUILD / "sim")},
                          cwd=r.p.root, capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, f"in the guard: {done}")
    seen = json.loads(done.stdout)
    check(seen["gpus"] == ["0000:0a:00.0"] and "535.261.03" in seen["version"] and
          "nvidia0" in seen["dev"], f"in the guard: {seen}")


def of_another(p):
    """A lab that this user may read and not change: its files are in place all the same."""
    before = as_other(p)
    lab = Runner(p).create("theirs", "--bus-id", "0000:07:00.0")
    p.root.chmod(0o755)
    for folder in (p.root / "state", p.root / "state/migkit", p.labs):
        folder.chmod(0o755)
    r = Runner(p, before)
    (p.root / "mine").touch()
    seen, _ = r.look(str(lab))
    check(seen["gpus"] == ["0000:07:00.0"] and seen["uid"] == OTHER and "nvidia0" in seen["dev"] and
          seen["caps"] == ["nvidia-cap1", "nvidia-cap2"], f"another's lab: {seen}")
    done = r.run(str(lab), "nvidia-smi", "-mig", "1", rc=None)
    check(done.returncode == PERMISSION, f"another's lab was changed: {done}")


def words(p):
    p.create("words")
    p.refused(USAGE, ["which program"], "lab", "exec", "words")
    p.refused(USAGE, ["which program"], "lab", "exec", "words", "--")
    p.refused(NOT_FOUND, ["nolab"], "lab", "exec", "nolab", "--", "true")
    p.refused(USAGE, ["--prox"], "lab", "exec", "words", "--prox", "--", "true")
    done = p.run("lab", "exec", "words", "--", "sh", "-c", "echo $LD_LIBRARY_PATH; echo $PATH")
    library, path = done.stdout.splitlines()
    driver = json.loads(p.run("lab", "status", "words", "-o", "json").stdout)["driver"]
    check(library.split(":")[0] == str(BUILD / "sim-branch" / driver[:3]), f"LD_LIBRARY_PATH: {library}")
    check(path == p.env["PATH"] + f":{p.labs}/words/usr/bin", f"PATH: {path}")


def namespaces_work():
    """Whether this machine lets this user have the namespaces at all."""
    trial = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--mount"]
    return subprocess.run([*trial, "true"], check=False, capture_output=True).returncode == 0


def as_other(p):
    before = p.as_other()
    p.root.chmod(0o777)
    return before


CASES = (everything, follows, in_its_place, links_over_proc, real_is_hidden, no_namespaces, nested)


def main():
    with Place() as p:
        words(p)
    if not namespaces_work():
        skip("no namespaces may be made here")
    for case in CASES:
        with Place() as p:
            case(Runner(p), os.geteuid())
    if os.geteuid() == 0:
        for case in CASES:
            with Place() as p:
                case(Runner(p, as_other(p)), OTHER)
        with Place() as p:
            of_another(p)


main()
