/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_NVML_OPEN_H
#define MIGKIT_CLI_NVML_OPEN_H

#include <limits.h>

#include <migkit/error.h>

#include "nvml/migkit_export.h"
#include "nvml/nvml_api.h"

/* An initialised NVML library: of the chosen lab, or of the real driver. */
struct cli_nvml {
	struct nvml_api api;
	const struct migkit_export *lab; /* NULL: the real driver */
	char lab_dir[PATH_MAX];		 /* "": the real driver */
	char status_text[80];		 /* of a driver that does not start: its own words */
};

/*
 * With a lab chosen: migkit's own simulated library by absolute path, verified; any failure is an
 * error, never a fall-back. Without: the driver's. -ENOTCONN: neither a lab nor a driver. Where it
 * is the driver that does not start, reterr->nvml says why.
 */
int cli_nvml_open(struct cli_nvml *nvml, struct mig_error *reterr);
void cli_nvml_close(struct cli_nvml *nvml);

#endif
