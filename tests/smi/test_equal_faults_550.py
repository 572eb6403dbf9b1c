#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""NVIDIA's nvidia-smi 550 and ours while one NVML call fails: the same words, code and state."""
import sys

import equal_faults

sys.exit(equal_faults.main("550", equal_faults.REASONS))
