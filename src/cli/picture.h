/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_PICTURE_H
#define MIGKIT_CLI_PICTURE_H

#include <migkit/plan.h>
#include <migkit/snapshot.h>

#include "render/render.h"

/* What is drawn, from what the planner and a snapshot say. Words are English. */

extern const struct render_words cli_gpu_words;
extern const struct render_plan_words cli_plan_words;

/* A layout as a row of blocks, by start. */
void cli_picture_layout(const struct mig_board *board, const struct mig_plan_table *table,
			mig_slots slots, struct render_layout *ret);

/* Who is busy: slots of the GPU's instances in which a process runs. */
mig_slots cli_picture_busy(const struct mig_snapshot *snapshot, const struct mig_gpu *gpu,
			   const struct mig_plan_table *table);

/*
 * A change as the stages "before" and "after". gpu tells the ids of what is there now; NULL: a
 * board. busy is part of state->pinned.
 */
void cli_picture_change(const struct mig_board *board, const struct mig_plan_table *table,
			const struct mig_gpu *gpu, const struct mig_plan_state *state,
			mig_slots busy, const struct mig_plan_change *change,
			struct render_plan *ret);

/* An instance each for the slots of a board that nobody has, as a GPU that is set up like that. */
void cli_picture_board(const struct mig_board *board, const struct mig_plan_table *table,
		       mig_slots slots, struct render_gpu *ret);

#endif
