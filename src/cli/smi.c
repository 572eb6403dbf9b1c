/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/nvml_open.h"
#include "smi/smi.h"

/* cmd is NULL under the name nvidia-smi. argv[-1] is the program's name or the word "smi". */
int cmd_smi(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_nvml_close) struct cli_nvml nvml = { 0 };
	const char *real = secure_getenv("MIGKIT_REAL");
	struct smi_env env = { .program = cmd ? "migctl smi" : "nvidia-smi",
			       .out = stdout,
			       .err = stderr,
			       .may_change_real = real && !strcmp(real, "1") };
	int r = cli_nvml_open(&nvml, reterr);

	/* Nothing is wrong with the lab: its driver does not start, and nvidia-smi has words for
	 * it. */
	if (r == -EIO && reterr->nvml && nvml.lab_dir[0])
		return smi_not_started(env.out, (nvmlReturn_t)reterr->nvml, nvml.status_text);
	if (r < 0)
		return r;
	env.lab = nvml.lab;
	return smi_main(&nvml.api, &env, argc + 1, argv - 1);
}
