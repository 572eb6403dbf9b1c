#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""What people meet with MIG, each in a lab: doc/situations.md.

Each is made twice. In the one lab NVIDIA's nvidia-smi is asked, in the other migctl, which must say the cause and
the command that mends it; that command is taken from its words and run, and what was wished for then works, by
NVIDIA's nvidia-smi. --update writes the page anew; numbers run those situations and print them.
"""
import concurrent.futures
import difflib
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "pains"))
from cases import PARTS
import play
from common import BUILD, SOURCE, fail, report, skip

PAGE = SOURCE / "doc" / "situations.md"
HEAD = """\
# Situations

What people meet who divide GPUs, each made in a lab: what NVIDIA's nvidia-smi says, what `migctl` says, and that the
command which `migctl` names then works. `tests/clients/test_situations.py` plays all of them in every `make test` and
compares this page byte for byte; it writes it with `--update`.

- nvidia-smi is NVIDIA's own, {version}, unmodified, on the simulated driver. Its words are the words of NVIDIA's
  program; that the driver answers so is the lab's rule ([unconfirmed.md](unconfirmed.md) lists what hardware has not
  shown).
- Each situation has two fresh labs, one for each tool, so that neither sees what the other did.
- PID, MIG-UUID and @LAB@ stand for what is different each time. Of longer outputs a part is shown (`...`).
- Type it yourself: `migctl lab create test --board ... --driver {version}`, then `migctl lab shell test`.
- *Met in* names some of the public threads, by repository and number.
"""


def nvidia_smi():
    done = subprocess.run([SOURCE / "tests/real/fetch-nvidia-smi", play.DRIVER.partition(".")[0]], capture_output=True,
                          text=True, env={**os.environ, "MIGKIT_BUILD": str(BUILD)}, check=False)
    if done.returncode not in (0, 77):
        fail(done.stderr)
    if done.returncode:
        skip(done.stdout.strip().removeprefix("skipped: "))
    return done.stdout.strip()


def old_sections(text):
    """{title: section}, for what cannot be played here."""
    parts = re.split(r"(?m)^(?=### \d+\. )", text)
    return {p.partition("\n")[0].partition(". ")[2]: re.split(r"(?m)^## ", p)[0] for p in parts[1:]}


def section(number, case, smi, old):
    if (case.nodes or case.user) and os.geteuid():
        print(f"not played, as this is not root: {case.title}")
        return old.get(case.title, "").rstrip("\n") + "\n"
    try:
        return play.section(number, case, smi)
    except SystemExit as e:
        raise RuntimeError(f"{number}. {case.title}: {e}") from e


def main():
    smi = nvidia_smi()
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    old = old_sections(text)
    cases = [(n, c) for n, c in enumerate((c for _, part in PARTS for c in part), 1)]
    chosen = [int(w) for w in sys.argv[1:] if w.isdigit()]
    with concurrent.futures.ThreadPoolExecutor(min(4, 1 + (os.cpu_count() or 1))) as pool:
        jobs = [(n, c, pool.submit(section, n, c, smi, old)) for n, c in cases if not chosen or n in chosen]
    wrong = [str(job.exception()) for _, _, job in jobs if job.exception()]
    if chosen or wrong:
        print("\n".join(job.result() for _, _, job in jobs if not job.exception() and chosen))
        return fail("\n".join(wrong)) if wrong else None
    done = iter(jobs)
    parts = [HEAD.format(version=play.DRIVER)]
    for title, part in PARTS:
        parts += [f"## {title}\n", *(next(done)[2].result() for _ in part)]
    new = "\n".join(parts)
    if "--update" in sys.argv:
        PAGE.write_text(new, encoding="utf-8")
    elif new != text:
        fail(f"{PAGE.name} is not what these programs say; tests/clients/test_situations.py --update writes it anew\n"
             + "\n".join(difflib.unified_diff(text.splitlines(), new.splitlines(), "the page", "now", lineterm="", n=1)))
    report("situations", play.DRIVER, f"{len(cases)} situations, each mended by the command that migctl names")
    return None


if __name__ == "__main__":
    main()
