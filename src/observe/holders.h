/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_HOLDERS_H
#define MIGKIT_OBSERVE_HOLDERS_H

#include <migkit/error.h>
#include <migkit/snapshot.h>

#include "nvml/nvml_api.h"

/*
 * Who holds a GPU without being in NVML's lists: processes that have one of its device files open,
 * as /proc/PID/fd shows, and in a lab the processes that have its simulated driver open. Reads
 * only, and touches no device file.
 */

/*
 * For OBSERVE_HOLDERS. The snapshot has its GPUs (with minor numbers and instances) and NVML's
 * processes already. Those get what /proc tells of them (user, command, unit, container, files);
 * the others are added behind them, in no order. What could not be seen is in snapshot->holders.
 * api: initialised; of a lab its library is asked. Fails for want of memory only.
 */
int observe_holders(const struct nvml_api *api, struct mig_snapshot *snapshot,
		    struct mig_error *reterr);

/*
 * For OBSERVE_PROCESSES alone: what /proc tells of the process with p->pid. p->name stays where
 * NVML told it. NVML's pids are the host's: in a pid namespace of its own nothing is told of those
 * that have no device file open, for they may be other processes.
 */
void observe_describe_process(struct mig_process *p);

#endif
