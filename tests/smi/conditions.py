# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's nvidia-smi of a branch and ours beside each other on equal labs of three GPUs, one or two of
them in a condition of "lab inject": what both print, their exit codes, and what they leave behind."""
import re
import sys

import pair

BUS = {"a100-80gb-sxm": ("00000000:07:00.0", "00000000:0F:00.0"),
       "h100-80gb-sxm": ("00000000:07:00.0", "00000000:0F:00.0")}
FIELDS = ("index,uuid,pci.bus_id,name,memory.used,memory.total,mig.mode.current,temperature.gpu,"
          "utilization.gpu,power.draw")
# What was injected into which GPU. Of two that are lost NVML does not tell which is at a place, so
# that ours names the first.
CONDITIONS = {"a100-80gb-sxm": (((1, "lost"), (2, "lost")), ((0, "needs-reset"),),
                                ((1, "row-remap"), (2, "row-remap-failure"), (0, "double-bit-ecc"))),
              "h100-80gb-sxm": (((0, "lost"),), ((0, "single-bit-ecc"), (1, "needs-reset"), (2, "lost")))}
# What NVIDIA's program alone has views of: words, what was injected, lines that must be there.
SEEN = {"row-remap": (("-q -d ROW_REMAPPER", r"Uncorrectable Error +: 1\n +Pending +: Yes\n"
                       r" +Remapping Failure Occurred +: No\n(.*\n)* +High +: 1 bank"),
                      ("--query-remapped-rows=remapped_rows.uncorrectable,remapped_rows.pending,"
                       "remapped_rows.failure --format=csv,noheader", "^1, 1, 0$")),
        "row-remap-failure": (("-q -d ROW_REMAPPER", r"Pending +: No\n +Remapping Failure Occurred +: Yes"),),
        "needs-reset": (("-q", r"Reset Required +: Yes\n"), ("-q -d TEMPERATURE", r"Current Temp +: GPU requires reset"),
                        ("-q -d MEMORY", r"Total +: \d+ MiB\n")),
        "double-bit-ecc": (("-q -d ECC", r"DRAM Uncorrectable +: 1\n"),),
        "lost": (("-q", "^Unable to determine the device handle for GPU"),)}
# What 580 has other words for.
SEEN_580 = {"needs-reset": (("-q", r"GPU Recovery Action +: Reset\n"), *SEEN["needs-reset"][1:]),
            # A row that waits counts as inactive.
            "row-remap": (SEEN["row-remap"][0], (SEEN["row-remap"][1][0], "^0, Yes, No$")),
            "lost": (("-q", "^No devices were found$"),)}
VIEWS = ("", "-L", "-i 0", "-i 1", "-i 2", "-i 0,1", "-i 2,0", "-i 9", "-i 0,9", "-i {bus0}", "-i {bus1}",
         "-i {uuid0}", "-i GPU-00000000-0000-0000-0000-000000000000", "-i ,",
         "--query-gpu={fields} --format=csv", "-i 0 --query-gpu={fields} --format=csv",
         "-i 1 --query-gpu={fields} --format=csv,noheader,nounits",
         "--query-compute-apps=pid,used_memory --format=csv", "mig -lgip", "mig -i 0 -lgi", "mig -i 1 -lgi",
         "mig -lgi", "mig -lci", "mig -i 2 -lcip", "mig -i 1 -lgipp")
# Each changes what the views before it and after it can see.
CHANGES = ("mig -i 0 -cgi 19 -C", "mig -i 1 -cgi 19 -C", "mig -cgi 19", "mig -i 0 -dci", "mig -i 1 -dci",
           "mig -i 1 -dgi", "-i 0 -mig 0", "-i 1 -mig 0", "-i 2 -mig 1", "-pm 1", "-i 0 -pm 1", "-i 1 -pm 0",
           "-i 0 --gpu-reset", "-i 1 -r", "-r", "-i 0 -mig 1", "mig -i 0 -cgi 9 -C")


def words_of(line, labs):
    uuid = labs.uuid0
    bus0, bus1 = BUS[labs.board]
    return line.format(fields=FIELDS, bus0=bus0, bus1=bus1, uuid0=uuid).split()


def seen(labs, gpu, what, branch):
    """What NVIDIA's program shows of a condition."""
    for words, pattern in ((SEEN | SEEN_580) if branch == "580" else SEEN).get(what, ()):
        out, _, _ = labs.run("real", ["-i", str(gpu), *words.split()])
        if not re.search(pattern, out, re.M):
            yield f"NVIDIA's nvidia-smi -i {gpu} {words}, {what}: no {pattern!r} in\n{out}"


def play(real, branch, board, injected):
    failures, commands = [], 0
    with pair.place() as root:
        labs = pair.Pair(real, f"--board {board}:3 --driver {pair.DRIVER[branch]}", root)
        labs.board = board
        labs.uuid0 = labs.migctl("ours", "lab", "status", "pair", "-o", "csv").split("GPU-")[1].split(",")[0]
        labs.uuid0 = "GPU-" + labs.uuid0
        labs.both("smi", "-mig", "1")
        labs.both("smi", "mig", "-cgi", "9", "-C")
        for gpu, what in injected:
            labs.both("lab", "inject", str(gpu), what)
            failures += seen(labs, gpu, what, branch)
        name = ", ".join(f"GPU {gpu} {what}" for gpu, what in injected)
        for line in (*VIEWS, *CHANGES, *VIEWS[:4]):
            commands += 1
            found = labs.differences(words_of(line, labs))
            failures += [f"{board}, {name}: nvidia-smi {line}\n" + "\n".join(found)] if found else []
        labs.both("lab", "reboot", "pair")
        failures += [f"{board}, {name}, after a reboot: {d}" for d in labs.differences([])]
    return failures, commands


def main(branch):
    real = pair.behind_the_guard(branch)
    failures, commands = [], 0
    for board in BUS:
        for injected in CONDITIONS[board]:
            found, n = play(real, branch, board, injected)
            failures += found
            commands += n
    print("\n".join(failures))
    print(f"nvidia-smi {pair.DRIVER[branch]}: {commands} commands beside GPUs in trouble, "
          f"{len(failures)} differ")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv.pop(1)))
