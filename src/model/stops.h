/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_STOPS_H
#define MIGKIT_MODEL_STOPS_H

#include <stdbool.h>
#include <stddef.h>

#include <migkit/snapshot.h>

/* Which processes are in the way of a change, and how each is stopped: asked of a snapshot. */

enum mig_action {
	MIG_ACTION_MODE,       /* to the mode that is not current */
	MIG_ACTION_RESET,      /* of the GPU */
	MIG_ACTION_FIRST_GI,   /* create a GPU instance where there is none yet */
	MIG_ACTION_DESTROY_GI, /* of id gi; its compute instances have to go before */
	MIG_ACTION_DESTROY_CI, /* of ids gi, ci */
	MIG_ACTIONS
};

struct mig_change {
	enum mig_action action;
	int gi, ci; /* ids; -1 where the action has none */
};

/* Whether the action can be asked of the GPU as it is. */
bool mig_action_possible(const struct mig_gpu *gpu, enum mig_action action);

/* Whether the process has to stop before the change. */
bool mig_is_in_the_way(const struct mig_snapshot *s, const struct mig_gpu *gpu,
		       const struct mig_change *change, const struct mig_process *p);

/*
 * Whether no hardware output confirms what mig_is_in_the_way() says of the change: what a program
 * that computes does to the mode of Hopper and later.
 */
bool mig_change_unconfirmed(const struct mig_gpu *gpu, const struct mig_change *change);

/*
 * How it is stopped: "systemctl stop dcgm.service", "docker stop 0123456789ab", "kill 4711". The
 * outermost that would start it again, or take others with it unasked, is named by what manages it.
 */
void mig_stop_command(const struct mig_process *p, char *ret, size_t size);

#endif
