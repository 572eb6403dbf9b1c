#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""Every view of NVIDIA's nvidia-smi 550 while the layout changes, held against the lab; recorded
ones byte for byte."""
import sys

import views

# Blackwell is younger than 550; its lab has the driver that knows it.
BOARDS = {"a100-80gb-sxm": ("9,14,19", "", None), "h200": ("9,14,19", "", None),
          "rtx-pro-6000-server": ("5,14", "", "580.159.04")}

if __name__ == "__main__":
    sys.exit(views.main("550", BOARDS, ["dgx-h100"]))
