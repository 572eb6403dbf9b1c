/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_TRACE_H
#define MIGKIT_SIM_TRACE_H

#include <stdarg.h>

#include "sim/sim.h"

/* What has to be known of a call's arguments before it: the version of a struct. */
void sim_trace_before(struct sim_call *call, va_list args);
/*
 * Tells a call that has ended to who traces the lab: args are its arguments. ordered: a fault made
 * or changed its status, so that it says nothing of what the call wrote. Never waits, and reads no
 * memory that it is not sure of.
 */
void sim_trace(const struct sim_call *call, nvmlReturn_t status, bool ordered, va_list args);
/* The same for a slot of nvidia-smi's table that nobody knows. */
void sim_trace_slot(unsigned slot, nvmlReturn_t status);

#endif
