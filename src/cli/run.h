/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_RUN_H
#define MIGKIT_CLI_RUN_H

#include <signal.h>

#include "cli/act.h"
#include "cli/names.h"
#include "cli/place.h"

/* "migctl run": a program on a MIG device that nobody else has. */

struct run {
	struct act_args args;
	char *word;	   /* what was asked for */
	const char *place; /* the same, or what that name stands for */
	char named[CLI_NAME_WORD];
	char **program; /* ends with NULL */
	bool create;
	bool wait;
	double until; /* of the monotonic clock; 0: for as long as it takes */
	struct act act;
	struct engine_claims claims;
	struct engine_claim claim;
	int fd;		  /* of the claim's file; -1: not arrived yet */
	sigset_t signals; /* those that there were before run_hold_signals() */
	bool held;
};

/* --- run_take.c ------------------------------------------------------------------------------- */

/* What is wanted; whether there is, or could be, such a device at all. */
int run_resolve(struct run *run, struct mig_error *reterr);
/*
 * Takes a device, makes one, or waits for its turn, for as long as it may: the claim has the device
 * then, and NVML is open still. -errno: none is to be had, and the sentence says why.
 */
int run_take(struct run *run, struct mig_error *reterr);
/* The first free device that will do; inside the door. -EBUSY, -ENOENT: there is none. */
int run_take_free(struct run *run, const struct engine_claim_list *list, struct mig_error *reterr);
int run_claim_device(struct run *run, const struct mig_ci *ci, struct mig_error *reterr);

/* --- run_make.c ------------------------------------------------------------------------------- */

/* Makes one where there is room; the machine's lock is held, and this is inside the door. */
int run_make(struct run *run, struct mig_error *reterr);

/* --- run_program.c ---------------------------------------------------------------------------- */

/* From here to the program's start no signal ends this process: they wait for the program. */
void run_hold_signals(struct run *run);
void run_release_signals(struct run *run);
/*
 * Starts the program and stays until it ends; signals go to it. Returns its exit code, 128 and the
 * signal's number where one ended it, or -errno where it could not be started.
 */
int run_program(struct run *run, struct mig_error *reterr);

#endif
