#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: serial
"""migctl lesson from outside: it plays in both languages, shows every screen of the lesson, takes
under two seconds, and leaves nothing behind, however it ends."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unicodedata

from common import MIGCTL, Place, blocks

# Lines of nvidia-smi, of which some are wider than 80 columns, and the path of the build at the end.
SCREEN = re.compile(r"[+|$]|Warning|0000|Successfully|Unable|Failed|1 device| +/")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def columns(line):
    """Columns that a line takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def children_of(folder):
    """Processes that were started for a lab below a folder and still live."""
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            files = [os.readlink(f) for f in (proc / "fd").iterdir()]
            maps = (proc / "maps").read_text()
        except OSError:
            continue
        if any(str(folder) in f for f in files) or str(folder) in maps:
            found.append(proc.name)
    return found


def left_behind(place):
    kept = list(place.tmp.iterdir()) + list(place.home.rglob("*"))
    live = children_of(place.tmp)
    reached = place.reached.read_text() if place.reached.exists() else ""
    return ([f"left behind: {kept}"] if kept else []) + (
        [f"still running: {live}"] if live else []) + (
        [f"reached the host's: {reached}"] if reached else [])


def check_play(lang, words):
    with Place() as place:
        start = time.monotonic()
        rc, text = place.run("lesson", "--lang", lang)
        took = time.monotonic() - start
        complaints = left_behind(place)
    if rc:
        return [f"{lang}: ended with {rc}:\n{text[-2000:]}"]
    for name, screen in blocks().items():
        if screen not in text:
            complaints.append(f"{lang}: blocks/{name} is not shown")
    for word in words:
        if word not in text:
            complaints.append(f"{lang}: does not say '{word}'")
    if took > 2:
        complaints.append(f"{lang}: took {took:.1f} s instead of under 2")
    if ESCAPE.search(text):
        complaints.append(f"{lang}: colours in what is no terminal")
    for line in text.split("\n"):
        # A picture or a sentence, not a screen of nvidia-smi, of which some are 88 columns wide.
        if columns(line.rstrip()) > 80 and not SCREEN.match(line):
            complaints.append(f"{lang}: too long a line: {line}")
    return complaints


def check_everything_is_shown():
    """What the lesson must contain, in this order."""
    wanted = (
        "$ nvidia-smi -i 0", "Enabled MIG Mode for GPU 00000001:00:00.0",
        "MIG mode is in pending enable state", "is currently in use by another process",
        "$ sudo killall nvidia-persistenced", "was successfully reset",
        "$ sudo shutdown now -r", "$ nvidia-smi mig -i 0 -lgip", " 19 │1g.10gb│",
        "-cgi 19,19,14", "Insufficient Resources", "-cgi 9,19,14,19", "-cgi 9\n",
        "-cgi 2g.20gb", '-cgi "MIG 1g.10gb"', "-gi 1 -lcip", "-gi 1 -cci", "-gi 1 -lci",
        "$ nvidia-smi -L", "$ export CUDA_VISIBLE_DEVICES=MIG-", "train", "2048MiB",
        "Unable to destroy compute instance ID  0 from GPU  0 GPU instance ID  1", " -C\n",
        "-dci", "-dgi", "Disabled MIG Mode for GPU", "persistence mode is disabled",
        "migctl lab shell")
    with Place() as place:
        text = place.run("lesson", "--lang", "en")[1]
    at = 0
    for word in wanted:
        found = text.find(word, at)
        if found < 0:
            return [f"'{word}' is missing after: {text[max(0, at - 300):at]}"]
        at = found
    return []


def check_language():
    complaints = []
    for env, word in (({"LC_ALL": "zh_TW.UTF-8"}, "我們在這裡"), ({"LC_ALL": "C.UTF-8"}, "we are here"),
                      ({"LC_ALL": "", "LANG": "zh_TW.UTF-8"}, "我們在這裡"),
                      ({"LC_ALL": "", "LANG": "zh_TW.Big5"}, "we are here"),
                      ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, "we are here")):
        with Place() as place:
            text = place.run("lesson", **env)[1]
        if word not in text:
            complaints.append(f"{env} does not give '{word}'")
    with Place() as place:
        rc, text = place.run("lesson", "--lang", "fr")
    if rc != 2 or "zh-TW" not in text or "\n" in text.rstrip("\n"):
        complaints.append(f"--lang fr: {rc}: {text}")
    return complaints


def check_terminal():
    complaints = []
    with Place() as place:
        text = place.run("lesson", LC_ALL="C")[1]
        if not text.isascii():
            complaints.append("in the C locale it prints more than ASCII")
        color = place.run("lesson", "--color", "always")[1]
        plain = place.run("lesson", "--color", "never")[1]
    # UUIDs come from a seed, process ids and the time don't.
    varies = re.compile(r"\b\d+(?= +C  +train )|^\d+$|^\w{3} \w{3} [ \d]{2} [\d:]{8} \d{4} +$", re.M)
    if varies.sub("", ESCAPE.sub("", color)) != varies.sub("", plain):
        complaints.append("without its colours the lesson differs")
    if color == plain:
        complaints.append("--color always has no colours")
    return complaints


def check_interrupted():
    complaints = []
    for sig in (signal.SIGINT, signal.SIGTERM):
        with Place() as place:
            proc = subprocess.Popen([str(MIGCTL), "lesson"], env=place.env, cwd=place.home,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL)
            for line in proc.stdout:
                if b"pending enable state" in line:
                    break
            proc.send_signal(sig)
            proc.stdout.read()
            proc.wait(10)
            if proc.returncode != -sig:
                complaints.append(f"{sig.name}: ended with {proc.returncode}")
            complaints += left_behind(place)
    with Place() as place:
        proc = subprocess.Popen([str(MIGCTL), "lesson"], env=place.env, cwd=place.home,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        proc.stdout.readline()
        proc.stdout.close()
        err = proc.stderr.read().decode()
        proc.wait(10)
        if err:
            complaints.append(f"a closed pipe: {err}")
        complaints += left_behind(place)
    return complaints


def check_keep():
    with Place() as place:
        rc, text = place.run("lesson", "--keep", "mine")
        listed = place.run("lab", "list")[1]
        again, why = place.run("lesson", "--keep", "mine")
        place.run("lab", "destroy", "mine")
    complaints = [] if rc == 0 and "migctl lab shell mine" in text else [f"--keep: {rc}: {text}"]
    if "mine" not in listed:
        complaints.append(f"--keep left no lab: {listed}")
    if again == 0 or "mine" not in why:
        complaints.append(f"--keep over a lab that is there: {again}: {why}")
    return complaints


def main():
    complaints = check_play("en", ("we are here", "MIG 切割入門", "no CI", "unused", "in use"))
    complaints += check_play("zh-TW", ("我們在這裡", "MIG 切割入門", "無 CI", "用不到", "使用中"))
    complaints += check_everything_is_shown()
    complaints += check_language()
    complaints += check_terminal()
    complaints += check_interrupted()
    complaints += check_keep()
    print("\n".join(complaints) or "the lesson plays")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
