# SPDX-License-Identifier: Apache-2.0
"""Debian packages unpacked, not installed: a private apt configuration whose mirror is the one that
this machine's apt uses, of any architecture, without a word to the machine's dpkg."""
import os
import pathlib
import re
import subprocess


class Missing(Exception):
    """Why something can't be had here, in one line."""


def entries():
    """(uris, suites, components) of every source that apt has, in both of its formats."""
    etc = pathlib.Path("/etc/apt")
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            m = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*?)\s*(?:#.*)?$", line)
            if m:
                yield [m.group(1)], [m.group(2)], m.group(3).split()
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for block in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([\w-]+):\s*(.*?)\s*$", block, re.M))
            if "deb" in fields.get("Types", "").split():
                yield (fields.get("URIs", "").split(), fields.get("Suites", "").split(),
                       fields.get("Components", "").split())


def mirror():
    """The mirror of Debian itself: not of its security updates, nor of somebody else's packages."""
    names = {"bookworm", "trixie", "stable", "oldstable", "testing", "sid"}
    for uris, suites, components in entries():
        if uris and names & set(suites) and "main" in components:
            return uris[0]
    raise Missing("apt knows no mirror of Debian")


def private_apt(folder, suite, component, architecture):
    """The environment in which apt-get knows one suite of one architecture, and only that."""
    for sub in ("state/lists/partial", "cache/archives/partial"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "state/status").touch()
    (folder / "sources.list").write_text(
        f"deb [arch={architecture}] {mirror()} {suite} {component}\n")
    config = folder / "apt.conf"
    config.write_text(f'''Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
''')
    return {**os.environ, "APT_CONFIG": str(config)}


def run(words, env, cwd):
    done = subprocess.run(words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no word of why"]
        raise Missing(f"{words[0]} {words[1]}: {lines[-1]}")


def unpack(packages, folder, suite, component="main", architecture="amd64"):
    """The packages ("name" or "name=version") below folder/root, fetched once and kept; returns it."""
    folder = pathlib.Path(folder)
    root = folder / "root"
    if root.exists():
        return root
    env = private_apt(folder, suite, component, architecture)
    run(["apt-get", "update"], env, folder)
    run(["apt-get", "download", *packages], env, folder)
    part = folder / "root.part"
    for deb in sorted(folder.glob("*.deb")):
        run(["dpkg", "-x", str(deb), str(part)], env, folder)
    part.rename(root)
    return root
