/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_BOARDS_H
#define MIGKIT_CLI_BOARDS_H

#include "cli/out.h"
#include "model/board_text.h"

/* Shared by the list of the boards and the view of one. */

const char *cli_board_state_name(enum mig_board_state state);

/* Everything about one board as that driver shows it; board is NULL where it cannot be simulated.
 */
int cli_board_show(struct cli_out *out, enum cli_format format, const struct mig_board_def *def,
		   const struct mig_board *board, uint32_t driver_code);

#endif
