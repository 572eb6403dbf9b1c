/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_READING_H
#define MIGKIT_SIM_READING_H

#include "sim/sim.h"

/* What "lab set" fixed, or else the board's idle value. */
static inline unsigned sim_set_or(int32_t set, uint32_t idle)
{
	return set == LAB_AUTO || set < 0 ? idle : (unsigned)set;
}

static inline int sim_temperature(const struct sim_dev *dev)
{
	int32_t set = dev->gpu.set.temperature_c;

	return set == LAB_AUTO ? dev->board->idle_temperature_c : set;
}

/*
 * Highest operating temperature: what an H100's "T.Limit" counts down to. Measured: 52 C left at
 * 35 C with the slowdown at -2 and the shutdown at -8, so two degrees below the slowdown. 0: the
 * board has no such limit.
 */
static inline int sim_max_temperature(const struct mig_board *board)
{
	if (board->architecture < NVML_DEVICE_ARCH_HOPPER || board->slowdown_c <= 2)
		return 0;
	return board->slowdown_c - 2;
}

/* How busy the multiprocessors of a GPU are, or of a GPU instance: percent. */
static inline unsigned sim_busy(const struct sim_dev *dev, const struct lab_gi *gi)
{
	if (gi && gi->utilization_gpu != LAB_AUTO)
		return (unsigned)gi->utilization_gpu;
	return sim_set_or(dev->gpu.set.utilization_gpu, 0);
}

/* Rows that are recorded and will be replaced at the next reset: of uncorrectable errors alone. */
static inline unsigned sim_waiting_rows(const struct sim_dev *dev)
{
	unsigned waiting = sim_set_or(dev->gpu.set.remap_pending, 0);
	unsigned rows = sim_set_or(dev->gpu.set.remapped_uncorrectable, 0);

	return waiting < rows ? waiting : rows;
}

/* What programs set, or the board's default. */
static inline uint32_t sim_power_limit_mw(const struct sim_dev *dev)
{
	return dev->gpu.user.power_limit_mw ? dev->gpu.user.power_limit_mw
					    : dev->board->power_limit_mw;
}

#endif
