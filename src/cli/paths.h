/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_PATHS_H
#define MIGKIT_CLI_PATHS_H

#include <limits.h>

#include <migkit/error.h>

/*
 * What belongs to this very migctl: beside it in a build folder, else where it was installed. Never
 * searched for in PATH or LD_LIBRARY_PATH.
 */

/* The folder of the simulated library with the names of all branches, which migctl loads itself. */
int cli_sim_dir(char ret[PATH_MAX], struct mig_error *reterr);
/* The folder of the one for other programs: with the names that this driver ("515.86.01") has. */
int cli_branch_dir(const char *driver, char ret[PATH_MAX], struct mig_error *reterr);
/* The folder of links to migctl that come first in PATH in a lab's shell. */
int cli_shim_dir(char ret[PATH_MAX], struct mig_error *reterr);
/* This program's file. */
int cli_self(char ret[PATH_MAX], struct mig_error *reterr);

#endif
