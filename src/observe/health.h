/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_HEALTH_H
#define MIGKIT_OBSERVE_HEALTH_H

#include <migkit/snapshot.h>

#include "nvml/nvml_api.h"

/* What NVML tells of a GPU's condition beside what a snapshot holds; each by a reading call. */

/* Of nvmlDeviceGpuRecoveryAction_t (field 230, drivers from R560 on). */
enum observe_recovery {
	OBSERVE_RECOVERY_NONE = 0,
	OBSERVE_RECOVERY_RESET,
	OBSERVE_RECOVERY_REBOOT,
	OBSERVE_RECOVERY_DRAIN_P2P,
	OBSERVE_RECOVERY_DRAIN_AND_RESET,
};

struct observe_health {
	int32_t status; /* 0: there is a handle; else NVML's code of the call that gives one */
	struct mig_reading persistence;	  /* 0, 1 */
	struct mig_reading remapped;	  /* rows that were replaced, or are to be */
	struct mig_reading remap_pending; /* 0, 1 */
	struct mig_reading remap_failed;  /* 0, 1 */
	struct mig_reading recovery;	  /* enum observe_recovery */
	/* Of a GPU that needs a reset the readings of its chip are refused: this one says so. */
	struct mig_reading temperature;
};

void observe_health(const struct nvml_api *api, uint32_t index, struct observe_health *ret);

#endif
