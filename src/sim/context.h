/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_CONTEXT_H
#define MIGKIT_SIM_CONTEXT_H

#include "sim/sim.h"

/* Init and shutdown are counted; the first opens the lab that MIGKIT_LAB names. */
nvmlReturn_t sim_init(unsigned flags);
nvmlReturn_t sim_shutdown(void);
/* Reads MIGKIT_LOG; part of an init. */
void sim_log_start(void);

#endif
