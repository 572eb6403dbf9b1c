#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the table of doc/architecture.md, enforced."""
import re

import common

# Folder of src/ -> folders it may use besides itself, and libraries beyond libc.
MAY_USE = {
    "base": (set(), set()),
    "model": ({"base"}, set()),
    "nvml": ({"base"}, set()),
    "lab": ({"base", "model"}, set()),
    "sim": ({"base", "model", "lab"}, set()),
    "plan": ({"base", "model"}, set()),
    "spec": ({"base", "model"}, {"libyaml"}),
    "observe": ({"base", "model", "nvml", "plan"}, {"json-c"}),
    "engine": ({"base", "model", "nvml", "plan", "observe"}, {"json-c"}),
    "verify": ({"base", "model", "nvml", "observe"}, set()),
    "smi": ({"base", "model", "nvml"}, set()),
    "render": ({"base", "model"}, set()),
    "cli": ({"base", "model", "nvml", "spec", "observe", "plan", "engine", "verify", "smi", "render"},
            {"json-c", "libsmartcols"}),
}

# (file, header): single files that see more than their folder does.
ALSO = [
    # The simulated driver speaks NVML's ABI and answers for migkit's own export table.
    (r"src/sim/.*", r"nvml/nvml_(abi|calls)\.h"),
    (r"src/sim/.*", r"nvml/migkit_export\.h"),
    # What it tells a tracer, and what its handles are made of, for who shows them.
    (r"src/sim/.*", r"nvml/(migkit_handle|trace_msg)\.h"),
    # Making and changing a lab is a file's business; all else of migctl goes through NVML.
    (r"src/cli/lab[^/]*\.[ch]", r"lab/.*"),
]

LIBRARIES = {
    "yaml.h": "libyaml",
    "libsmartcols/libsmartcols.h": "libsmartcols",
    "json-c/": "json-c",
}

# Public headers that folders below the model may see too.
PUBLIC_FOR_ALL = {"migkit/api.h", "migkit/error.h"}

LIBC = set("""
    assert.h ctype.h dirent.h dlfcn.h elf.h endian.h err.h errno.h fcntl.h fnmatch.h float.h getopt.h
    glob.h grp.h inttypes.h langinfo.h libgen.h limits.h link.h locale.h math.h poll.h pthread.h pty.h
    pwd.h regex.h sched.h semaphore.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h
    stddef.h stdint.h stdio.h stdio_ext.h stdlib.h stdnoreturn.h string.h strings.h sysexits.h
    termios.h time.h unistd.h utime.h wchar.h wctype.h ftw.h
""".split())

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def is_libc(name):
    return name in LIBC or name.startswith(("sys/", "linux/", "bits/"))


def judge_internal(rel, folder, name, root):
    if "/" not in name:
        return f'"{name}" is to be written with its folder: "{folder}/{name}"'
    if any(re.fullmatch(who, rel) and re.fullmatch(what, name) for who, what in ALSO):
        return None
    target = name.split("/")[0]
    if target == folder:
        return None
    if target not in MAY_USE:
        # A generated header lies in the build tree; its folder is still one of src/.
        return f'"{name}" names no folder of src/'
    if target not in MAY_USE[folder][0]:
        return f"src/{folder} may not use src/{target}: \"{name}\""
    return None


def judge_system(folder, name):
    if name.startswith("migkit/"):
        if folder in ("base", "nvml") and name not in PUBLIC_FOR_ALL:
            return f"src/{folder} may not use the model: <{name}>"
        return None
    for prefix, library in LIBRARIES.items():
        if name.startswith(prefix):
            if library in MAY_USE[folder][1]:
                return None
            return f"src/{folder} may not use {library}: <{name}>"
    if is_libc(name):
        return None
    return f"<{name}> is neither of libc nor of a library that migkit may use"


def check(root):
    findings = []
    for path in common.files(".c", ".h", root=root, below=("src", "include")):
        rel = str(path.relative_to(root))
        folder = rel.split("/")[1]
        text = common.code_only(common.read(path), keep_strings=True)
        if rel.startswith("src/") and folder not in MAY_USE:
            findings.append(f"{rel}: src/{folder} is not in the table of tests/checks/test_layers.py")
            continue
        for m in INCLUDE.finditer(text):
            line = text.count("\n", 0, m.start()) + 1
            if rel.startswith("include/"):
                ok = m.group(1) == "<" and (m.group(2).startswith("migkit/") or is_libc(m.group(2)))
                bad = None if ok else f"a public header may not need {m.group(2)}"
            elif m.group(1) == '"':
                bad = judge_internal(rel, folder, m.group(2), root)
            else:
                bad = judge_system(folder, m.group(2))
            if bad:
                findings.append(f"{rel}:{line}: {bad}")
    return findings


if __name__ == "__main__":
    common.finish(check(common.ROOT), "layers")
