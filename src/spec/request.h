/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_REQUEST_H
#define MIGKIT_SPEC_REQUEST_H

#include <migkit/board.h>
#include <migkit/error.h>
#include <migkit/plan.h> /* struct mig_need */

/*
 * Words of the command line that say what is wanted:
 *   [N x]PROFILE[@START]   3g.40gb  2x2g.20gb  1g.10gb@6  "2 x 1g.10gb"  MIG names, ids ("19")
 *   [Nx]NEED               30GiB  3x12GiB,28SM
 * A sentence names the word and the column in it. A colon is an error that says so.
 */
struct spec_request {
	uint8_t profile; /* position in board->gi[] */
	uint8_t count;
	int start; /* -1: any */
};

/* words[0..n-1]; a count may stand alone ("2x", "2", "x"). Returns how many requests were written.
 */
int spec_requests_parse(const struct mig_board *board, char *const *words, unsigned n,
			struct spec_request *ret, unsigned cap, struct mig_error *reterr);
/* One word: PROFILE[@START]. */
int spec_request_parse_one(const struct mig_board *board, const char *word,
			   struct spec_request *ret, struct mig_error *reterr);
/* Returns the count of needs written. */
int spec_needs_parse(const char *word, struct mig_need *ret, unsigned cap,
		     struct mig_error *reterr);

#endif
