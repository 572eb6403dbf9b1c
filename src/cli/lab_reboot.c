/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
#include "lab/lab.h"

int lab_reboot_dir(const char *dir, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	int r;

	r = lab_open(dir, 0, &lab, reterr);
	if (r < 0)
		return r;
	if (!lab_may_change(lab))
		return mig_fail(reterr, -EPERM,
				"a reboot needs root in this lab (--permissions real): in its "
				"shell, sudo reboot");
	r = lab_reboot(lab, reterr);
	if (r < 0)
		return r;
	/* The driver's installation made it a service: it is there again after the boot. */
	return lab_const(lab)->persistenced ? lab_client_start_persistenced(dir, reterr) : 0;
}

int cmd_lab_reboot(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	char dir[PATH_MAX];
	int r;

	r = cli_parse(cmd, NULL, &argc, argv, reterr);
	if (r >= 0)
		r = cli_lab_which(argv[0], dir, reterr);
	if (r >= 0)
		r = lab_reboot_dir(dir, reterr);
	if (r < 0)
		return r;
	printf("The lab has been rebooted.\n");
	return CLI_EXIT_OK;
}
