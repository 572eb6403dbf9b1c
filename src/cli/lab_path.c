/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"
#include "lab/lab.h"

int cmd_lab_path(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	char dir[PATH_MAX];
	int r;

	r = cli_parse(cmd, NULL, &argc, argv, reterr);
	if (r >= 0)
		r = cli_lab_which(argv[0], dir, reterr);
	if (r < 0)
		return r;
	/* Of a lab that cannot be used the path is wanted all the same: to look at it. */
	if (lab_open(dir, 0, &lab, NULL) >= 0)
		lab_root_sync(lab);
	puts(dir);
	return CLI_EXIT_OK;
}
