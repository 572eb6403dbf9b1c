/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_CONTEXT_H
#define MIGKIT_SIM_CONTEXT_H

#include "sim/sim.h"

/* Init and shutdown are counted; the first opens the lab that MIGKIT_LAB names. */
nvmlReturn_t sim_init(unsigned flags);
nvmlReturn_t sim_shutdown(void);
/* Closes MIGKIT_LOG when nobody has the library initialised any more. */
void sim_end_of_log(void);

#endif
