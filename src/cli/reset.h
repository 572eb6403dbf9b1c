/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_RESET_H
#define MIGKIT_CLI_RESET_H

#include "engine/engine.h"

/*
 * Resets one GPU, for which NVML has no call: in a lab by migkit's own table, on a real driver by
 * NVIDIA's nvidia-smi, which alone knows how. arg: the struct cli_nvml. -EBUSY: somebody has it
 * open; -ENOTSUP: it cannot be done here, and the sentence says what can.
 */
int cli_reset_gpu(void *arg, const struct engine_gpu *gpu, struct mig_error *reterr);

#endif
