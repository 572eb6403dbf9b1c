/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "engine/journal.h"

/*
 * What a trial has made: by what it wrote down, so that who comes after a kill knows as much as the
 * process knew. A create of which nothing is said afterwards counts as made, at any start that it
 * could have been given.
 */

void engine_trial_begins(struct engine_op *op, const struct engine_step *step)
{
	struct engine_layout *to = &op->gpu[0].to;
	struct engine_gi *gi;

	op->doing = step->what;
	op->doing_profile = step->gi.profile_id;
	op->doing_start = step->gi.start;
	op->pending = 0;
	/* On a GPU that is full nothing can be made. */
	if (step->what != ENGINE_CREATE_GI || to->n_gi >= MIG_MAX_GI)
		return;
	gi = &to->gi[to->n_gi++];
	*gi = (struct engine_gi){ .profile_id = step->gi.profile_id, .start = step->gi.start };
	memcpy(gi->name, step->gi.name, sizeof(gi->name));
	op->pending = (uint8_t)to->n_gi;
}

static void drop(struct engine_layout *l, unsigned profile_id, unsigned start)
{
	struct engine_gi *gi = engine_find_gi(l, profile_id, start);

	if (!gi)
		return;
	memmove(gi, gi + 1, (size_t)(&l->gi[l->n_gi] - (gi + 1)) * sizeof(*gi));
	l->n_gi--;
}

void engine_trial_ends(struct engine_op *op, bool well, int start)
{
	struct engine_layout *to = &op->gpu[0].to;

	/* A journal may hold anything. */
	if (op->pending > to->n_gi)
		op->pending = 0;
	if (op->pending && start >= 0)
		to->gi[op->pending - 1].start = (uint8_t)start;
	else if (op->pending && !well)
		to->n_gi--;
	else if (!op->pending && op->doing == ENGINE_DESTROY_GI && well)
		drop(to, op->doing_profile, op->doing_start);
	op->pending = 0;
	op->doing = ENGINE_RESET;
}

void engine_trial_left(const struct engine_op *op, const struct engine_layout *now,
		       struct engine_layout *ret)
{
	const struct engine_layout *made = &op->gpu[0].to;

	ret->n_gi = 0;
	for (uint32_t i = 0; i < now->n_gi; i++)
		for (uint32_t k = 0; k < made->n_gi; k++) {
			if (made->gi[k].profile_id != now->gi[i].profile_id ||
			    (made->gi[k].start != now->gi[i].start &&
			     made->gi[k].start != ENGINE_ANYWHERE))
				continue;
			ret->gi[ret->n_gi++] = now->gi[i];
			break;
		}
}
