/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_STEP_H
#define MIGKIT_ENGINE_STEP_H

#include "engine/engine.h"

/* Only for src/engine. */

/* What became of one step. */
struct engine_did {
	int status;	  /* NVML's code; 0: done */
	const char *call; /* that answered it */
	bool pending;	  /* a mode that waits for a reset */
	char why[320];	  /* more than the code says; "" */
};

/* One step on the machine; nothing is written down here. */
void engine_do_step(struct engine *e, const struct engine_op *op, const struct engine_step *step,
		    struct engine_did *ret);

#endif
