/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_PROCESS_H
#define MIGKIT_SIM_PROCESS_H

#include "sim/sim.h"

/* Ids of a process that is on no instance. */
#define SIM_NO_INSTANCE 0xffffffffu

/*
 * The compute processes of a device: of the whole GPU all of them, of a MIG device those in its
 * compute instance. *ret_n is how many there are; at most LAB_MAX_CLIENTS are filled in.
 */
nvmlReturn_t sim_processes(nvmlDevice_t device, struct lab_client ret[LAB_MAX_CLIENTS],
			   unsigned *ret_n);

#endif
