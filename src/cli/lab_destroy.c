/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
#include "lab/lab.h"

/* A choice of "lab use" that pointed here would be a dead end for every command. */
static int forget(const char *dir, struct mig_error *reterr)
{
	char remembered[PATH_MAX];

	if (cli_lab_remembered(remembered, NULL) <= 0 || strcmp(remembered, dir) != 0)
		return 0;
	return cli_lab_remember(NULL, reterr);
}

int cmd_lab_destroy(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	char dir[PATH_MAX];
	int r;

	r = cli_parse(cmd, NULL, &argc, argv, reterr);
	if (r >= 0)
		r = cli_lab_which(argv[0], dir, reterr);
	if (r < 0)
		return r;
	/* A damaged lab has no clients that anybody could name; it is removed all the same. */
	if (lab_open(dir, 0, &lab, NULL) >= 0)
		lab_clients_end_all(lab);
	r = lab_destroy(dir, reterr);
	if (r >= 0)
		r = forget(dir, reterr);
	if (r < 0)
		return r;
	printf("Removed the lab in %s.\n", dir);
	return CLI_EXIT_OK;
}
