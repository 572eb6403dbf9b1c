/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_CLOCK_H
#define MIGKIT_SIM_CLOCK_H

#include "sim/sim.h"

#define SIM_GRAPHICS_STEP_MHZ 15

/* Clocks now: what "lab set" fixed, else idle and within what programs locked. */
unsigned sim_sm_mhz(const struct sim_dev *dev);
unsigned sim_mem_mhz(const struct sim_dev *dev);
/* Memory clocks that may be asked for, highest first; returns how many. */
unsigned sim_mem_clocks(const struct mig_board *board, unsigned ret[2]);
unsigned sim_min_sm_mhz(const struct mig_board *board);

/* An A100 runs below its highest clock unless it is told otherwise, an H100 at it. */
static inline unsigned sim_default_sm_mhz(const struct mig_board *board)
{
	return board->default_sm_mhz ? board->default_sm_mhz : board->max_sm_mhz;
}

#endif
