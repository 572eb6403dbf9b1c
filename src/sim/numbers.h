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

/*
 * What a board has no such thing for: the handle and the arguments (ok: an expression over them)
 * are checked, then NOT_SUPPORTED. That these boards answer so was measured on H100 and H200.
 */
#define SIM_REFUSED(sym, params, args, ok)                      \
	SIM_ENTRY(sym, params, args)                            \
	{                                                       \
		struct sim_dev dev;                             \
		nvmlReturn_t status = sim_parent(device, &dev); \
                                                                \
		if (status != NVML_SUCCESS)                     \
			return status;                          \
		if (!(ok))                                      \
			return NVML_ERROR_INVALID_ARGUMENT;     \
		return NVML_ERROR_NOT_SUPPORTED;                \
	}

/* The same with a versioned struct, whose word is looked at first. */
#define SIM_REFUSED_V(sym, type, word)                                     \
	SIM_ENTRY(sym, (nvmlDevice_t device, type * info), (device, info)) \
	{                                                                  \
		struct sim_dev dev;                                        \
		nvmlReturn_t status = sim_parent(device, &dev);            \
                                                                           \
		if (status != NVML_SUCCESS)                                \
			return status;                                     \
		if (!info)                                                 \
			return NVML_ERROR_INVALID_ARGUMENT;                \
		if (info->version != (word))                               \
			return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;       \
		return NVML_ERROR_NOT_SUPPORTED;                           \
	}

/* What only root may set, and these boards do not have: the rights are looked at first. */
#define SIM_REFUSED_SET(sym, params, args, ok)                  \
	SIM_ENTRY(sym, params, args)                            \
	{                                                       \
		struct sim_dev dev;                             \
		nvmlReturn_t status = sim_parent(device, &dev); \
                                                                \
		if (status != NVML_SUCCESS)                     \
			return status;                          \
		if (!(ok))                                      \
			return NVML_ERROR_INVALID_ARGUMENT;     \
		if (sim_may_manage() != NVML_SUCCESS)           \
			return NVML_ERROR_NO_PERMISSION;        \
		return NVML_ERROR_NOT_SUPPORTED;                \
	}

#endif
