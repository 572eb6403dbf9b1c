/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_WATCH_H
#define MIGKIT_CLI_WATCH_H

#include <stdbool.h>
#include <stdio.h>

#include <migkit/error.h>

/*
 * Shows something again and again. On a terminal each look takes the place of the last one, on a
 * screen of its own that is gone at the end; elsewhere they follow one another. A changed size of
 * the window is followed at once. Ctrl-C ends the program at any moment, as a signal does.
 */

/* Prints once; what is written to to becomes the screen. */
typedef int (*cli_look_fn)(const void *what, FILE *to, struct mig_error *reterr);

/* "": 2 seconds; a number with or without fraction, 0.1 to 86400. */
int cli_watch_seconds(const char *word, double *ret, struct mig_error *reterr);

/*
 * Returns only if the first look failed; later failures are shown and tried again.
 *
 * @param text  for people: what is not on a terminal gets a line with the time before each
 */
int cli_watch(cli_look_fn look, const void *what, double seconds, bool text,
	      struct mig_error *reterr);

#endif
