/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_BOARD_TEXT_H
#define MIGKIT_MODEL_BOARD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "model/boards.h"

/* Figures as people read them, in the way their files are written. */

/* A board's figure by its place in the file. */
struct mig_figure_name {
	const char *group, *key;
	enum mig_kind kind;
};

const struct mig_figure_name *mig_board_figure_name(enum mig_board_figure fig);
const char *mig_board_text_name(enum mig_board_text text);
const struct mig_figure_name *mig_profile_figure_name(enum mig_profile_figure fig);

/* "81920", "0x20B510DE", "yes", "122.22", "6, 10, 21", "I", "515.86.01". */
void mig_value_format(enum mig_kind kind, int64_t value, char *buf, size_t size);
/* "T09, GUIDE": the codes of a figure's sources. */
void mig_sources_format(const struct mig_source *list, uint32_t n, uint32_t sources, char *buf,
			size_t size);

/* How much of what a driver shows of a board is seen on hardware. */
enum mig_board_state {
	MIG_BOARD_CONFIRMED,
	MIG_BOARD_PARTLY,      /* some figures of its profiles are unconfirmed */
	MIG_BOARD_UNCONFIRMED, /* all of them */
	MIG_BOARD_KNOWN,       /* cannot be simulated */
};

/* Of the figures that decide what fits: memory, multiprocessors, engines, placements, totals, ids.
 */
enum mig_board_state mig_board_state(const struct mig_board *board);

#endif
