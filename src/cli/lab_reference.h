/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_REFERENCE_H
#define MIGKIT_CLI_LAB_REFERENCE_H

#include <migkit/board.h>
#include <migkit/error.h>

#include "verify/verify.h"

/*
 * What the simulated driver answers for a board: each time a lab of one GPU is made in a folder of
 * its own, another migctl goes through the walk in it, and the lab is gone again. Another process,
 * as the simulated library has one lab at a time, and here it may be in use for the GPU itself.
 */

struct lab_reference_known {
	uint8_t value[VERIFY_MAX_SWITCHES];
	struct verify_transcript transcript;
};

struct lab_reference {
	struct mig_board board;
	char driver[32];
	uint32_t cuda;
	struct verify_switch sw[VERIFY_MAX_SWITCHES]; /* what lab_reference_get() can switch */
	unsigned n_switches;
	char words[VERIFY_MAX_SWITCHES][80]; /* values of sw */
	struct lab_reference_known **known;  /* what was asked before */
	unsigned n_known;
};

/* -ENOTSUP: the board, or the driver, cannot be simulated. */
int lab_reference_open(struct lab_reference *ref, const char *board, const char *driver,
		       struct mig_error *reterr);
void lab_reference_close(struct lab_reference *ref);
/* A verify_reference_fn; arg is the struct lab_reference. What it returns lives as long as that. */
int lab_reference_get(void *arg, const uint8_t *value, const struct verify_transcript **ret,
		      struct mig_error *reterr);

#endif
