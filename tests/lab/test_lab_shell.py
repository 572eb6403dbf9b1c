#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is typed in a lab's shell stays in the lab.

Behind the lab's own sudo, killall, shutdown and so on stand recording stand-ins for the host's: any
that is reached writes a line. At the end there must be none, whatever was typed.
"""
import os
import pty
import select
import subprocess
import time

from labtest import MIGCTL, UNAVAILABLE, Place, alive, check, fail, wait_gone

STANDINS = ("sudo", "killall", "pkill", "shutdown", "reboot", "poweroff", "halt", "systemctl",
            "nvidia-smi")


class Shell(Place):
    """A place whose PATH has the stand-ins first."""

    def __init__(self):
        super().__init__()
        self.record = self.root / "reached"
        host = self.root / "host"
        host.mkdir()
        for name in STANDINS:
            script = host / name
            script.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.record}"\n')
            script.chmod(0o755)
        self.env["PATH"] = f"{host}:{self.env['PATH']}"
        self.host = host

    def reached(self):
        return self.record.read_text().splitlines() if self.record.exists() else []

    def type(self, line, lab="one", rc=0):
        done = self.run("lab", "shell", lab, "-c", line)
        check(done.returncode == rc, f"{line}: exit {done.returncode}: {done.stdout}{done.stderr}")
        check(self.reached() == [], f"{line}: reached the host: {self.reached()}")
        return done.stdout + done.stderr


def control(p):
    """The stand-ins do record: outside of the shell the same words reach them."""
    subprocess.run(["/bin/sh", "-c", "sudo killall nvidia-persistenced; shutdown now -r"],
                   env=p.env, check=True)
    check(p.reached() == ["sudo killall nvidia-persistenced", "shutdown now -r"],
          f"the stand-ins do not work: {p.reached()}")


def lesson_words(p):
    p.create("one", "--persistenced")
    pid = p.clients()[0]["pid"]
    p.type("sudo killall nvidia-persistenced")
    wait_gone(pid)
    check(p.clients() == [], f"killall left {p.clients()}")
    said = p.type("sudo killall nvidia-persistenced", rc=1)
    check(said == "nvidia-persistenced: no process found\n", said)
    p.type("sudo systemctl start nvidia-persistenced")
    before = p.clients()[0]["pid"]
    p.type("sudo shutdown now -r")
    after = p.clients()
    check(not alive(before) and len(after) == 1 and after[0]["pid"] != before, f"reboot: {after}")
    for words in ("sudo shutdown -r now", "shutdown --reboot +0", "sudo reboot", "reboot -f",
                  "sudo systemctl reboot", "sudo /sbin/reboot", "sudo /usr/sbin/shutdown -r now",
                  "sudo sudo reboot"):
        before = p.clients()[0]["pid"]
        p.type(words)
        check(not alive(before), f"{words} did not reboot the lab")
    for words in ("sudo poweroff", "halt", "shutdown now", "shutdown -h now", "reboot -p",
                  "sudo systemctl poweroff"):
        said = p.type(words, rc=UNAVAILABLE)
        check("cannot be switched off" in said, f"{words}: {said}")
    p.type("systemctl is-active nvidia-persistenced")
    p.type("pkill -x nvidia-pers.*")
    p.type("systemctl is-active nvidia-persistenced", rc=UNAVAILABLE)


def pending_mode(p):
    """The lesson's pending case and both of its remedies, as typed."""
    def mode():
        gpu = p.json("lab", "status", "one")["gpus"][0]
        return gpu["mig_current"], gpu["mig_pending"]

    p.create("one", "--persistenced", "--bus-id", "00000001:00:00.0")
    said = p.type("sudo nvidia-smi -i 0 -mig 1")
    check("pending enable state for GPU 00000001:00:00.0" in said, said)
    check(mode() == ("off", "on"), f"pending: {mode()}")
    refused = p.run("lab", "shell", "one", "-c", "sudo nvidia-smi --gpu-reset")
    check(refused.returncode != 0 and "in use by another process" in refused.stdout,
          f"a reset while it is held: {refused}")
    p.type("sudo killall nvidia-persistenced")
    said = p.type("sudo nvidia-smi --gpu-reset")
    check("GPU 00000001:00:00.0 was successfully reset." in said, said)
    check(mode() == ("on", None), f"after the reset: {mode()}")
    p.type("sudo systemctl start nvidia-persistenced")
    p.type("sudo nvidia-smi -i 0 -mig 0")
    check(mode() == ("on", "off"), f"pending: {mode()}")
    p.type("sudo shutdown now -r")
    check(mode() == ("off", None), f"after the reboot: {mode()}")
    check("NVIDIA A100" in p.type("nvidia-smi -L; migctl smi -L"), "nvidia-smi -L")
    check(p.type("sudo nvidia-smi -L") == p.ok("--lab", "one", "smi", "-L"), "two ways to -L differ")


def killall_is_about_clients(p):
    """A process of the same name that is no client of this lab lives on."""
    p.create()
    p.create("two")
    other = int(p.ok("lab", "client", "start", "--lab", "two", "--name", "job"))
    mine = int(p.ok("lab", "client", "start", "--lab", "one", "--name", "/opt/bin/job"))
    p.type("killall -9 job")
    wait_gone(mine)
    check(alive(other), "killall ended another lab's client")
    p.type("killall -SIGKILL job", rc=1)
    p.type("pkill job", rc=1)
    p.type("killall sh", rc=1)
    p.type("killall -s NOSUCH job", rc=2)
    p.type("killall", rc=2)
    check(alive(other), "killall ended another lab's client")
    os.kill(other, 9)


def sudo_options(p):
    p.create()
    about = p.type("sudo")
    check("sudo of a migkit lab" in about, about)
    show = 'sh -c \'echo "$MIGKIT_LAB_ROOT $A $*"\''
    for words, want in ((f"sudo {show}", "1"), (f"sudo -E {show}", "1"), (f"sudo -n -- {show}", "1"),
                        (f"sudo -u root {show}", "1"), (f"sudo -uroot -H {show}", "1"),
                        (f"sudo --user=root --preserve-env {show}", "1"),
                        (f"sudo A=b {show} - x -y", "1 b x -y"), (f"sudo -EnS {show}", "1")):
        got = p.type(words)
        check(got.split() == want.split(), f"{words}: {got!r}, not {want!r}")
    check(p.type('echo "root=$MIGKIT_LAB_ROOT"') == "root=\n", "the shell itself is root")
    p.type("sudo -v && sudo -k")
    check("bob" in p.type("sudo -u bob id", rc=3), "sudo -u bob")
    check("-u needs" in p.type("sudo -u", rc=2), "sudo -u")
    check("--nosuch" in p.type("sudo --nosuch id", rc=2), "sudo --nosuch")
    check("command not found" in p.type("sudo nosuch-command", rc=1), "sudo nosuch-command")
    for name in ("PATH", "LD_LIBRARY_PATH", "MIGKIT_LAB"):
        check(name in p.type(f"sudo {name}=/x true", rc=4), f"sudo {name}=")
    p.type("sudo sh -c 'exit 42'", rc=42)
    # However the shell's PATH was changed, root's begins with the lab.
    p.type(f"PATH={p.host}:$PATH; \"$(dirname {MIGCTL})\"/lab-shell/sudo sh -c 'killall job'", rc=1)


def command_forms(p):
    lab = p.create()
    done = p.run("lab", "shell", "one", "--", "sh", "-c", 'echo "$0 $1 $MIGKIT_LAB"', "a", "--help")
    check(done.stdout == f"a --help {lab}\n", f"lab shell --: {done}")
    done = p.run("lab", "shell", "one", env={"ENV": "/nonexistent", "BASH_ENV": "/nonexistent"},
                 stdin=subprocess.DEVNULL)
    check(done.returncode == 0, f"an empty input: {done}")
    p.refused(6, ["nosuch-program"], "lab", "shell", "one", "--", "nosuch-program")
    p.refused(6, ["'nosuch'"], "lab", "shell", "nosuch")
    p.refused(2, ["-c"], "lab", "shell", "one", "-c", "true", "--", "true")
    check(p.type("exit 7", rc=7) == "", "exit code")
    # A shell in the shell: the folders stand in PATH once.
    path = p.type("migctl lab shell one -c 'echo $PATH'").strip().split(":")
    check(len([d for d in path if d.endswith("lab-shell")]) == 1, f"PATH: {path}")


def lab_gone(p):
    """A shell that outlives its lab still does not reach the host."""
    p.create()
    script = "migctl lab destroy one; for c in 'reboot' 'sudo id' 'killall x' 'shutdown -r now' "
    script += "'systemctl reboot' 'poweroff' 'nvidia-smi' 'pkill x'; do $c && exit 99; done; exit 0"
    said = p.type(script)
    check(said.count("\n") == 9, f"each says one sentence: {said}")


def converse(p, argv, lines):
    """Types lines into an interactive program on a terminal; returns what was on the screen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(p.root)
        os.execve(argv[0], argv, p.env)
    screen = b""
    deadline = time.monotonic() + 20
    pending = [line.encode() + b"\n" for line in lines]
    while time.monotonic() < deadline:
        ready, _, _ = select.select([fd], [], [], 0.3)
        if ready:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            screen += data
        elif pending:
            os.write(fd, pending.pop(0))
    else:
        os.kill(pid, 9)
        fail(f"{argv} does not end: {screen.decode(errors='replace')}")
    _, status = os.waitpid(pid, 0)
    check(os.WIFEXITED(status), f"{argv}: ended by a signal: {screen}")
    return screen.decode(errors="replace")


def interactive(p):
    """A prompt that names the lab; and start files that would leave it do not."""
    p.create("prompt-lab", "--persistenced")
    (p.root / ".bashrc").write_text(f'PATH="{p.host}:$PATH"\nalias sudo="{p.host}/sudo"\n'
                                    f'killall() {{ {p.host}/killall "$@"; }}\nPS1="my> "\n'
                                    f'PROMPT_COMMAND=\'PS1="lost> "\'\n')
    lines = ["echo path=${PATH%%:*}", "sudo killall nvidia-persistenced",
             "killall nvidia-persistenced", "shutdown now -r", "exit"]
    for shell in ("/bin/bash", "/bin/sh", "/usr/bin/zsh"):
        if not os.path.exists(shell):
            continue
        p.env["SHELL"] = shell
        screen = converse(p, [str(MIGCTL), "lab", "shell", "prompt-lab"], lines)
        check("(lab prompt-lab) " in screen, f"{shell}: no prompt: {screen}")
        check("lab-shell" in screen.split("path=/", 1)[1].splitlines()[0], f"{shell}: {screen}")
        check("no process found" in screen and "has been rebooted" in screen, f"{shell}: {screen}")
        check(p.reached() == [], f"{shell}: reached the host: {p.reached()}")
    (p.root / ".bashrc").unlink()
    p.env["SHELL"] = "/usr/bin/fish"
    screen = converse(p, [str(MIGCTL), "lab", "shell", "prompt-lab"], ["exit"])
    check("(lab prompt-lab) " in screen, f"an unknown shell: {screen}")


def main():
    for case in (control, lesson_words, pending_mode, killall_is_about_clients, sudo_options, command_forms,
                 lab_gone, interactive):
        with Shell() as p:
            case(p)


main()
