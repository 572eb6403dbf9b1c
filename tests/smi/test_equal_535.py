#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""Every view, message and error of NVIDIA's nvidia-smi 535, and of ours, on equal labs."""
import sys

import equal

sys.exit(equal.main("535"))
