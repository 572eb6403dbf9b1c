/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_NUMBERS_H
#define MIGKIT_SIM_NUMBERS_H

#include "sim/sim.h"

/*
 * Most entries answer one unsigned number. SIM_NUMBER defines such an entry: who looks the handle
 * up (sim_device: MIG devices answer too; sim_parent: NOT_SUPPORTED for them), and an expression
 * over `dev` for the number.
 */
#define SIM_NUMBER(sym, lookup, type, expr)                                  \
	SIM_ENTRY(sym, (nvmlDevice_t device, type * value), (device, value)) \
	{                                                                    \
		struct sim_dev dev;                                          \
		nvmlReturn_t status = lookup(device, &dev);                  \
                                                                             \
		if (status != NVML_SUCCESS)                                  \
			return status;                                       \
		if (!value)                                                  \
			return NVML_ERROR_INVALID_ARGUMENT;                  \
		*value = (expr);                                             \
		return NVML_SUCCESS;                                         \
	}

#endif
