/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/nvml_open.h"
#include "verify/verify.h"

/*
 * "migctl __walk": goes through the walk on the chosen lab's first GPU and prints the transcript,
 * for a "migctl verify" that has made the lab for it. Of a real driver it wants nothing.
 */
int cmd_walk(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct verify_transcript t = { 0 };
	struct cli_nvml nvml;
	nvmlDevice_t dev;
	nvmlReturn_t status;
	int r;

	(void)cmd;
	if (argc)
		return mig_fail(reterr, -EINVAL, "'migctl __walk' does not expect '%s'", argv[0]);
	r = cli_nvml_open(&nvml, reterr);
	if (r < 0)
		return r;
	status = nvml.api.nvmlDeviceGetHandleByIndex_v2(0, &dev);
	if (!nvml.lab)
		r = mig_fail(reterr, -EINVAL, "'migctl __walk' is for labs that verify has made");
	else if (status != NVML_SUCCESS)
		r = mig_fail(reterr, -EIO, "there is no GPU (%d)", (int)status);
	else
		r = verify_walk(&nvml.api, dev, NULL, &t, reterr);
	if (r >= 0)
		r = verify_write(&t, stdout);
	verify_transcript_free(&t);
	cli_nvml_close(&nvml);
	return r < 0 ? r : CLI_EXIT_OK;
}
