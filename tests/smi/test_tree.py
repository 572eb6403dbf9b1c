#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=60 must-run
"""With MIG off, nvidia-smi -q -x says of a simulated H100 and H200 what it said of real ones.

580's tree as it was recorded (recorded/580, which tests/real/views replays where that program is):
the same elements, values equal but for those in tree.OWN. 550's as it prints it now, for the
elements that both branches have.
"""
import re
import sys

import cases
import pair
import tree
import views

MEASURED = pair.SOURCE / "tests/smi/measured"
# What 580 words differently, of the same answers of the library.
WORDS = {"driver_version", "cuda_version", "gpu/gsp_firmware_version", "gpu/display_mode"}


def recorded(name):
    text = (cases.RECORDED / "580" / f"{name}.console").read_text(encoding="utf-8")
    return re.search(r"^\$ nvidia-smi -q -x\n(.*?^</nvidia_smi_log>\n)", text, re.M | re.S).group(1)


def printed(real, board):
    with pair.place() as root:
        v = views.Views(real, "550", board, root, "--bus-id 00000000:00:06.0", gpus=1)
        v.migctl("smi", "-pm", "1")
        return v.show("-q -x")


def main():
    real = pair.behind_the_guard("550")
    wrong, compared = [], 0
    for name, board in (("h100", "h100-80gb-sxm"), ("h200", "h200")):
        hardware = (MEASURED / f"{board}.xml").read_text(encoding="utf-8")
        compared += len(tree.values(hardware))
        wrong += [f"580, {board}: {w}" for w in tree.differences(recorded(name), hardware)]
        wrong += [f"550, {board}: {w}"
                  for w in tree.differences(printed(real, board), hardware, only_common=True,
                                            own={**tree.OWN, **dict.fromkeys(WORDS, "550")})]
    print("\n".join(wrong))
    print(f"{compared} elements of hardware's trees, {len(wrong)} differ")
    return bool(wrong) or compared < 900


if __name__ == "__main__":
    sys.exit(main())
