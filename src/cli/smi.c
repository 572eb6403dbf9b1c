/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/nvml_open.h"

int cmd_smi(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_nvml_close) struct cli_nvml nvml = { 0 };
	int r;

	(void)cmd;
	(void)argc;
	(void)argv;
	r = cli_nvml_open(&nvml, reterr);
	if (r < 0)
		return r;
	return mig_fail(reterr, -ENOTSUP, "this build of migctl has no nvidia-smi grammar");
}
