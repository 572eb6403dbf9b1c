# SPDX-License-Identifier: Apache-2.0
"""The command lists of tests/golden/real/535 through NVIDIA's own nvidia-smi of a branch and ours."""
import shlex
import sys

import pair

CASES = pair.SOURCE / "tests/golden/real/535"


def play(path, branch, real):
    """Differences of one list; its lab has the branch's driver."""
    lines = path.read_text().split("\n")
    lab = next(line[5:] for line in lines if line.startswith("lab: "))
    if branch == "470" and "h100" in lab:
        return []  # that driver knows no Hopper
    lab = lab.replace(pair.DRIVER["535"], pair.DRIVER[branch])
    persistenced = "--persistenced" in lab
    failures = []
    with pair.place() as root:
        labs = pair.Pair(real, lab.replace("--persistenced", ""), root)
        if persistenced:
            labs.both("lab", "client", "start", "--name", "nvidia-persistenced")
        try:
            for line in lines:
                if line.startswith("setup: migctl "):
                    labs.both(*shlex.split(line[len("setup: migctl "):]))
                elif line.startswith("$ sudo killall "):
                    labs.both("lab", "client", "stop", "--all")
                elif line.startswith("$ nvidia-smi"):
                    found = labs.differences(shlex.split(line[len("$ nvidia-smi"):]))
                    failures += [f"{path.name}: {line}\n" + "\n".join(found)] if found else []
        finally:
            labs.both("lab", "client", "stop", "--all")
    return failures


def main(branch):
    real = pair.behind_the_guard(branch)
    names = sys.argv[1:]
    paths = [p for p in sorted(CASES.iterdir()) if not names or p.stem in names]
    failures = [f for p in paths for f in play(p, branch, real)]
    commands = sum(line.startswith("$ nvidia-smi") for p in paths
                   for line in p.read_text().split("\n"))
    print("\n".join(failures))
    print(f"nvidia-smi {pair.DRIVER[branch]}: {commands} commands, {len(failures)} differ")
    return bool(failures) or commands < 5
