# SPDX-License-Identifier: Apache-2.0
"""Completion in real shells: what bash, zsh and fish offer for a line with the cursor at its end."""
import os
import pathlib
import pty
import re
import shutil
import subprocess
import time

import readers  # noqa: F401  (finds labtest)
from labtest import BUILD, SOURCE, check, fail

SCRIPTS = SOURCE / "data" / "completion"
BREAKS = " \t\n\"'@><=;|&(:"


def need(shell):
    if not shutil.which(shell):
        fail(f"{shell} is not installed: tools/need --install test")


class Bash:
    """Calls the function as bash does: with the line, and the piece that bash completes."""
    LOOP = r"""
source "$SCRIPT"
while IFS=$'\x1f' read -r piece line; do
	COMP_LINE=$line COMP_POINT=${#line}
	_migctl migctl "$piece" ""
	printf '%s\n' "${COMPREPLY[@]}" --end--
done
"""

    def __init__(self, place, env):
        need("bash")
        self.env = {**place.env, **env, "SCRIPT": str(SCRIPTS / "migctl.bash"),
                    "PATH": f"{BUILD}:{place.env['PATH']}"}
        self.cwd = place.root

    def ask(self, lines):
        said = "".join(re.split("[%s]" % re.escape(BREAKS), line)[-1] + "\x1f" + line + "\n" for line in lines)
        done = subprocess.run(["bash", "--norc", "--noprofile", "-c", self.LOOP], input=said, env=self.env,
                              cwd=self.cwd, capture_output=True, text=True, timeout=100, check=True)
        check(not done.stderr, f"bash: {done.stderr}")
        return [[w for w in part.split("\n") if w] for part in done.stdout.split("--end--\n")[:-1]]


class Fish:
    def __init__(self, place, env):
        need("fish")
        self.env = {**place.env, **env, "PATH": f"{BUILD}:{place.env['PATH']}"}
        self.cwd = place.root

    def ask(self, lines):
        script = f"source {SCRIPTS / 'migctl.fish'}\nwhile read -l line; complete -C $line; echo --end--; end"
        done = subprocess.run(["fish", "--no-config", "-c", script], input="".join(f"{x}\n" for x in lines),
                              env=self.env, cwd=self.cwd, capture_output=True, text=True, timeout=100,
                              check=True)
        check(not done.stderr, f"fish: {done.stderr}")
        return [[w.split("\t")[0] for w in part.split("\n") if w]
                for part in done.stdout.split("--end--\n")[:-1]]


class Zsh:
    """zsh completes on a terminal alone: a TAB is typed, and compadd tells a file what it was given."""
    START = r"""
PS1=; unset zle_bracketed_paste; unsetopt prompt_cr; fpath=($FUNCTIONS $fpath)
autoload -Uz compinit; compinit -D -u
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
	local -a hits
	builtin compadd -A hits "$@"
	print -rl -- "${hits[@]}" >>$ANSWER
	return 0
}
finish() { print -r -- --end-- >>$ANSWER }
ask() { comppostfuncs=(finish); zle complete-word; comppostfuncs=(finish); zle kill-buffer }
zle -N ask; bindkey '^I' ask
print -r -- --end-- >>$ANSWER
"""

    def __init__(self, place, env):
        need("zsh")
        functions = place.root / "functions"
        functions.mkdir(exist_ok=True)
        shutil.copy(SCRIPTS / "migctl.zsh", functions / "_migctl")
        self.answer = place.root / "answer"
        start = place.root / "start.zsh"
        start.write_text(self.START)
        self.start = start
        self.env = {**place.env, **env, "PATH": f"{BUILD}:{place.env['PATH']}", "ANSWER": str(self.answer),
                    "FUNCTIONS": str(functions), "TERM": "xterm"}
        self.cwd = place.root

    def ask(self, lines):
        self.answer.write_text("")
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.cwd)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.env)
        os.set_blocking(fd, False)
        try:
            os.write(fd, f"source {self.start}\n".encode())
            self.wait(fd, 1)
            for n, line in enumerate(lines):
                os.write(fd, line.encode() + b"\t")
                self.wait(fd, n + 2)
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(fd)
        parts = self.answer.read_text().split("--end--\n")[1:-1]
        return [list(dict.fromkeys(w for w in part.split("\n") if w)) for part in parts]

    def wait(self, fd, n):
        end = time.monotonic() + 60
        shown = b""
        while self.answer.read_text().count("--end--\n") < n:
            try:
                shown += os.read(fd, 1 << 16)
            except (BlockingIOError, OSError):
                pass
            check(time.monotonic() < end, f"zsh does not answer: {shown[-600:]!r}")
            time.sleep(0.003)


SHELLS = {"bash": Bash, "zsh": Zsh, "fish": Fish}
