/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/nvml_open.h"
#ifdef MIGKIT_HAVE_SMI
#include "smi/smi.h"
#endif

/* cmd is NULL under the name nvidia-smi. argv[-1] is the program's name or the word "smi". */
int cmd_smi(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_nvml_close) struct cli_nvml nvml = { 0 };
	const char *real = secure_getenv("MIGKIT_REAL");
	int r = cli_nvml_open(&nvml, reterr);

	if (r < 0)
		return r;
#ifdef MIGKIT_HAVE_SMI
	const struct smi_env env = { .program = cmd ? "migctl smi" : "nvidia-smi",
				     .out = stdout,
				     .err = stderr,
				     .lab = nvml.lab,
				     .may_change_real = real && !strcmp(real, "1") };

	return smi_main(&nvml.api, &env, argc + 1, argv - 1);
#else
	(void)cmd;
	(void)argc;
	(void)argv;
	(void)real;
	return mig_fail(reterr, -ENOTSUP, "this build of migctl has no nvidia-smi grammar");
#endif
}
