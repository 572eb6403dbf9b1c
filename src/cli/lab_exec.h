/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_EXEC_H
#define MIGKIT_CLI_LAB_EXEC_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include <migkit/error.h>

/*
 * lab_exec_space.c: this process into a mount namespace of its own, as an ordinary user by way of a
 * user namespace in which every id is what it was. 0, or a negative errno and the process is where
 * it was.
 */
int lab_space_enter(void);

/* lab_exec_mount.c: the lab's files in place of the host's, in a namespace that was just entered.
 */

#define LAB_MOUNT_MAX 16

struct lab_mounts {
	const char *dir;  /* the lab's folder */
	bool proc;	  /* --proc: links over /proc where something has no mount point */
	bool proc_linked; /* it came to that */
	unsigned n_missing;
	char missing[LAB_MOUNT_MAX][64];
	/* File systems that were laid here: only in them may a mount point be made. */
	unsigned n_own;
	dev_t own[4 * LAB_MOUNT_MAX];
};

void lab_mount_all(struct lab_mounts *m);
/* None of them could be: all that there are, for the sentence that says so. */
void lab_mount_none(struct lab_mounts *m);

/*
 * lab_exec.c: this process becomes one of the lab's machine, as programs under "lab exec" are:
 * environment and files. *ret_space: as of lab_space_enter().
 */
int lab_exec_enter(struct lab_mounts *mounts, int *ret_space, struct mig_error *reterr);

#endif
