/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_STATUS_ROWS_H
#define MIGKIT_CLI_STATUS_ROWS_H

#include <migkit/snapshot.h>

#include "cli/gpu_picture.h"
#include "cli/names.h"
#include "cli/out.h"

/* The records of "migctl status", and of "migctl devices": flat, joined by gpu, gi and ci. */

struct status_gpu_row {
	const char *mig, *pending, *pending_reason;
	const char *largest, *largest_best;
	struct mig_reading used, total;
	uint32_t gpu;
	int32_t status, instances_status;
	int32_t slices, slices_free, units, units_free, units_unusable, room, room_best, fragmented;
	int32_t instances, without_ci; /* GPU instances */
	char name[96], uuid[48], bus_id[24], serial[24], failed_call[48];
	bool mig_capable;
};
extern const struct cli_field status_gpu_fields[];

/* full: NULL where cli_gpu_measure had no answer. */
void status_gpu_row(const struct mig_gpu *gpu, const struct cli_gpu_full *full,
		    struct status_gpu_row *row);

/* A compute instance; a GPU instance without any is one row, whose ci is CLI_NONE. */
struct status_instance_row {
	const char *name, *profile, *ci_profile;
	struct mig_reading used, total, sm;
	uint32_t gpu, gi;
	int32_t profile_id, start, size, ci, ci_start, ci_size, device, status;
	int32_t processes;
	char uuid[64];
};
extern const struct cli_field status_instance_fields[];

/* Room for all: this many rows at most. */
size_t status_instances_max(const struct mig_snapshot *snapshot);
/* names: of places, or NULL. */
size_t status_instance_rows(const struct mig_snapshot *snapshot, const struct engine_names *names,
			    struct status_instance_row *rows);

struct status_process_row {
	const char *kind;
	struct mig_reading used;
	uint32_t gpu, pid;
	int32_t gi, ci;
	char name[256];
};
extern const struct cli_field status_process_fields[];

/* As many rows as the snapshot has processes, at most. */
size_t status_process_rows(const struct mig_snapshot *snapshot, struct status_process_row *rows);

#endif
