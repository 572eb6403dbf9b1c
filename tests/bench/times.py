# SPDX-License-Identifier: Apache-2.0
"""Times of whole programs beside each other, and the ratios that migctl is held to.

The aims are about a real driver, whose nvmlInit takes milliseconds; tests/real/bench judges them
there. On a lab the same table is shown, and nothing judged.
"""
import subprocess

TEN, STATUS, PROFILES, SMI, LGIP = ("ten lines", "migctl status", "migctl profiles", "nvidia-smi",
                                    "nvidia-smi mig -lgip")
# (what, over what, compared how, with which number)
AIMS = ((SMI, STATUS, "at least", 4.0), (STATUS, TEN, "at most", 1.5), (LGIP, PROFILES, "at least", 1.0))


class Time:
    def __init__(self, line):
        self.least, self.median, self.most = (float(x) / 1000 for x in line.split()[:3])
        self.code = int(line.split()[3])


def measure(spawn, commands, env, rounds, **who):
    """{name: Time} of {name: words}, all of them once in each round; who: as subprocess has it."""
    lines = "".join("\t".join(str(w) for w in words) + "\n" for words in commands.values())
    done = subprocess.run([spawn, str(rounds)], input=lines, env=env, capture_output=True, text=True,
                          check=False, **who)
    if done.returncode:
        raise SystemExit(f"spawn: {done.stderr}")
    return dict(zip(commands, map(Time, done.stdout.splitlines())))


def table(times):
    yield f"{'':24}{'least':>9}{'median':>9}{'most':>9}  ms"
    for name, t in times.items():
        ended = "" if t.code == 0 else f"  exit {t.code}"
        yield f"{name:24}{t.least:9.2f}{t.median:9.2f}{t.most:9.2f}{ended}"


def ratios(times):
    """(line, whether the aim is met) for each aim of which both sides ran."""
    for what, over, how, number in AIMS:
        if what not in times or over not in times:
            continue
        ratio = times[what].median / times[over].median
        met = ratio >= number if how == "at least" else ratio <= number
        yield f"{what} / {over}: {ratio:.2f} (aim: {how} {number:g})", met
