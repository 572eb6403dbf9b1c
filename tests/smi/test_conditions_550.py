#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300 must-run
"""A GPU that is lost, needs a reset or has errors: NVIDIA's nvidia-smi 550 and ours on equal labs."""
import sys

import conditions

sys.exit(conditions.main("550"))
