/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_SHIM_H
#define MIGKIT_CLI_LAB_SHIM_H

#include <limits.h>
#include <stdbool.h>

#include <migkit/error.h>

/*
 * Programs that a lab's shell has instead of the host's, because the host's would reach the real
 * machine: sudo drops LD_LIBRARY_PATH, killall ends the host's daemons, shutdown shuts down. They
 * are links to migctl in a folder of migkit's installation. The folder is not in the lab: a lab
 * that is destroyed must not uncover the host's sudo to a shell that is still open.
 */

#define LAB_SHIM_NONE (-10000)

/* Runs the program of that name; LAB_SHIM_NONE: there is none, this is migctl. */
int lab_shim_run(const char *name, int argc, char **argv, struct mig_error *reterr);

/* Their names, NULL past the end. */
const char *lab_shim_name(unsigned i);
bool lab_shim_is(const char *name);

/* The lab of this shell; a lab that is gone is an error. */
int lab_shim_lab(char ret[PATH_MAX], struct mig_error *reterr);

int lab_sudo(int argc, char **argv, struct mig_error *reterr);
int lab_killall(int argc, char **argv, struct mig_error *reterr);
int lab_pkill(int argc, char **argv, struct mig_error *reterr);
int lab_shutdown(int argc, char **argv, struct mig_error *reterr);
int lab_reboot_now(int argc, char **argv, struct mig_error *reterr);
int lab_power_off(int argc, char **argv, struct mig_error *reterr);
int lab_systemctl(int argc, char **argv, struct mig_error *reterr);

#endif
