/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_CHOSEN_H
#define MIGKIT_CLI_CHOSEN_H

#include <limits.h>
#include <stdbool.h>

#include <migkit/error.h>

/*
 * Where labs live and which one is chosen: paths and names only, no lab is opened here. A lab is
 * chosen by --lab, else by MIGKIT_LAB, else by "lab use"; nothing else ever picks one.
 */

#define CLI_LAB_NAME_MAX 48

/* The folder of the user's state: "$XDG_STATE_HOME/migkit" or "~/.local/state/migkit". */
int cli_state_dir(char ret[PATH_MAX], struct mig_error *reterr);
/* The folder that holds the labs by name; made if it is not there. */
int cli_labs_dir(bool make, char ret[PATH_MAX], struct mig_error *reterr);

/* -EINVAL: letters, digits, "-", "_" and "." only, and no "-" or "." in front. */
int cli_lab_name_check(const char *name, struct mig_error *reterr);

/* The folder of a lab that must exist: by name, or by path where it has a slash. */
int cli_lab_path(const char *name, char ret[PATH_MAX], struct mig_error *reterr);

/*
 * 1: a lab is chosen, its folder is in ret. 0: none is. A choice that leads nowhere is an error,
 * never "none": that would mean the real GPUs.
 */
int cli_lab_chosen(char ret[PATH_MAX], struct mig_error *reterr);

/* The lab that a lab command is about: by name if there is one, else the chosen one. */
int cli_lab_which(const char *name, char ret[PATH_MAX], struct mig_error *reterr);

/* Chooses for this process and what it starts. */
int cli_lab_choose_now(const char *name, struct mig_error *reterr);

/* "lab use": remembers a lab, or nothing (dir NULL). */
int cli_lab_remember(const char *dir, struct mig_error *reterr);
/* The remembered lab's folder, which need not exist any more; 0: none. */
int cli_lab_remembered(char ret[PATH_MAX], struct mig_error *reterr);

#endif
