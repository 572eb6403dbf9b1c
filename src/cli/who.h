/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_WHO_H
#define MIGKIT_CLI_WHO_H

#include "cli/source.h"

struct who_args {
	struct cli_source_args source;
};

/* What is asked about: an instance, a GPU, or all GPUs of the snapshot. */
struct who_place {
	const struct mig_gpu *gpu; /* NULL: all of them */
	int gi, ci;		   /* ids; -1: the whole */
	bool whole_machine;	   /* also who holds no GPU but the driver */
};

/* who_list.c: the lists "processes", and "changes" with what has to stop before each. */
int who_processes(const struct mig_snapshot *s, const struct who_place *place, struct cli_out *out);
int who_stops(const struct mig_snapshot *s, const struct who_place *place, struct cli_out *out);

#endif
