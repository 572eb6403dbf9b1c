/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_SMI_TABLE_H
#define MIGKIT_SIM_SMI_TABLE_H

#include "sim/sim.h"

/* NVIDIA's own export table, as far as nvidia-smi uses it. */
const void *sim_smi_table(void);

#endif
