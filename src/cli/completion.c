/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

int cmd_completion(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	int r = cli_parse(cmd, NULL, &argc, argv, reterr);

	if (r < 0)
		return r;
	for (const struct cli_completion *c = cli_completions; c->shell; c++) {
		if (strcmp(c->shell, argv[0]) != 0)
			continue;
		fputs(c->script, stdout);
		return CLI_EXIT_OK;
	}
	return mig_fail(reterr, -EINVAL,
			"there is no completion for '%.60s': the shell must be bash, zsh or fish",
			argv[0]);
}
