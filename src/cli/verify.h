/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_VERIFY_H
#define MIGKIT_CLI_VERIFY_H

#include <migkit/snapshot.h>

#include "cli/out.h"
#include "verify/verify.h"

/* Only for verify*.c: what "migctl verify" tells, in front and at the end. */

struct cli_verify {
	const struct mig_snapshot *snapshot;
	const struct mig_gpu *gpu;
	char vbios[40]; /* "" */
	bool dry_run;
	/* Of the reference, which is what there is to do. */
	size_t questions;
	unsigned creates, destroys;
	const struct verify_switch *sw;
	unsigned n_switches;
};

/* Seconds that the changes take on hardware, about. */
unsigned cli_verify_seconds(const struct cli_verify *v);
/* What is asked and changed. */
int cli_verify_show_plan(struct cli_out *out, const struct cli_verify *v);
/*
 * What came of it. verdict NULL: the walk was not gone, or not to its end; result and why say so.
 * full: every difference, also in a table.
 */
int cli_verify_show_result(struct cli_out *out, const struct cli_verify *v, const char *result,
			   const char *why, const struct verify_verdict *verdict, bool full);

#endif
