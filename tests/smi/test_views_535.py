#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""Every view of NVIDIA's nvidia-smi 535 while the layout changes, held against the lab; recorded
ones byte for byte."""
import sys

import views

BOARDS = {"a100-40gb-pcie": ("9,14,19", "", None), "a30": ("5,14,14", "", None),
          "h100-80gb-sxm": ("9,15,19", "", None)}

if __name__ == "__main__":
    sys.exit(views.main("535", BOARDS, ["dgx-a100"]))
