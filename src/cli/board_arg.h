/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_BOARD_ARG_H
#define MIGKIT_CLI_BOARD_ARG_H

#include <stdbool.h>

#include <migkit/board.h>
#include <migkit/error.h>

/* A board that a word names: by its key ("a100-80gb-pcie"), or a board file (NAME.yaml). */

/* driver: a version such as 515.86.01; NULL: the newest that is known. */
int cli_board_arg(const char *word, const char *driver, struct mig_board *ret,
		  struct mig_error *reterr);

/* A version that shows every board as the newest known branch does: "610.999". */
void cli_newest_driver(char version[16]);

/* Whether a word names a file: it has a slash, or ends in .yaml. */
bool cli_is_yaml_file(const char *word);

#endif
