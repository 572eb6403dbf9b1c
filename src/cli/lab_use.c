/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"

struct args {
	bool none;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_use_opts[] = {
	OPT_FLAG("none", 0, A(none), "choose no lab: migctl talks to the real driver again"),
	OPT_END
};
#undef A

int cmd_lab_use(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct args a = { 0 };
	char dir[PATH_MAX];
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (a.none ? argc != 0 : argc != 1)
		return mig_fail(reterr, -EINVAL, "either a lab's name or --none: migctl lab use %s",
				cmd->args);
	r = a.none ? 0 : cli_lab_path(argv[0], dir, reterr);
	if (r >= 0 && !a.none)
		r = lab_explain(dir, reterr);
	if (r >= 0)
		r = cli_lab_remember(a.none ? NULL : dir, reterr);
	if (r < 0)
		return r;
	if (a.none)
		printf("No lab is chosen: migctl talks to the real driver.\n");
	else
		printf("migctl talks to the lab in %s.\n", dir);
	if (secure_getenv("MIGKIT_LAB"))
		printf("(In this shell MIGKIT_LAB is set and goes before this choice.)\n");
	return CLI_EXIT_OK;
}
