/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/plan.h"
#include "spec/request.h"

/* Plans by need: the words, the goal that serves them, and what is said where none does. */

int plan_needs_parse(const struct cli_list *words, struct plan_answer *a, struct mig_error *reterr)
{
	for (unsigned i = 0; i < words->n; i++) {
		unsigned room = MIG_MAX_GI - a->n_needs;
		int r = spec_needs_parse(words->v[i], &a->need[a->n_needs], room, reterr);

		if (r < 0)
			return mig_fail_wrap(reterr, r, "--need");
		a->n_needs += (unsigned)r;
	}
	return 0;
}

const char *plan_need_text(const struct mig_need *need, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	if (need->memory_mib % 1024 == 0 && need->memory_mib)
		n = (size_t)snprintf(buf, size, "%" PRIu64 "GiB", need->memory_mib / 1024);
	else if (need->memory_mib)
		n = (size_t)snprintf(buf, size, "%" PRIu64 "MiB", need->memory_mib);
	if (need->sm && n < size)
		snprintf(buf + n, size - n, "%s%uSM", n ? "," : "", need->sm);
	return buf;
}

int plan_needs_goal(struct plan_answer *a, struct mig_error *reterr)
{
	const struct cli_subject *s = a->s;
	int r = mig_plan_needs(s->board, s->table, &s->state, a->need, a->n_needs, a->serves,
			       reterr);

	if (r < 0)
		return r;
	a->goal.counts = mig_plan_counts(s->table, s->state.pinned);
	a->goal.at = 0;
	for (unsigned i = 0; i < a->n_needs; i++)
		a->goal.counts.n[a->serves[i]]++;
	return 0;
}

static bool serves(const struct mig_gi_profile *p, const struct mig_need *need)
{
	return p->memory_mb >= need->memory_mib && p->sm >= need->sm;
}

/* A need that is above every profile of the board. */
static bool too_large(struct plan_answer *a)
{
	const struct mig_board *b = a->s->board;
	const struct mig_gi_profile *most = &b->gi[0];
	char text[40];

	for (unsigned p = 1; p < b->n_gi; p++)
		if (b->gi[p].memory_mb > most->memory_mb)
			most = &b->gi[p];
	for (unsigned i = 0; i < a->n_needs; i++) {
		bool any = false;

		for (unsigned p = 0; p < b->n_gi; p++)
			any |= serves(&b->gi[p], &a->need[i]);
		if (any)
			continue;
		snprintf(a->reason, sizeof(a->reason),
			 "%s (%" PRIu64
			 "MiB) is more than any profile of %s has; the largest, %s, has %" PRIu32
			 "MiB and %uSM",
			 plan_need_text(&a->need[i], text, sizeof(text)), a->need[i].memory_mib,
			 cli_board_short_name(b), most->name, most->memory_mb, most->sm);
		return true;
	}
	return false;
}

static bool can_serve(const struct plan_answer *a, const struct mig_plan_state *state,
		      uint32_t which)
{
	struct mig_need need[MIG_MAX_GI];
	uint8_t ret[MIG_MAX_GI];
	unsigned n = 0;

	for (unsigned i = 0; i < a->n_needs; i++)
		if (which & 1u << i)
			need[n++] = a->need[i];
	return mig_plan_needs(a->s->board, a->s->table, state, need, n, ret, NULL) == 0;
}

/* The fewest pinned instances without which it works; 0: none, it is not they. */
static mig_slots find_must_go(const struct plan_answer *a)
{
	mig_slots best = 0, pinned = a->s->state.pinned;
	uint32_t all = (1u << a->n_needs) - 1;

	for (mig_slots go = pinned; go; go = (go - 1) & pinned) {
		struct mig_plan_state state = a->s->state;

		if (best && __builtin_popcountll(go) > __builtin_popcountll(best))
			continue;
		state.pinned = pinned & ~go;
		/* Subsets come in descending order: the last of equal size is the lowest. */
		if (can_serve(a, &state, all))
			best = go;
	}
	return best;
}

static bool same(const struct mig_need *a, const struct mig_need *b)
{
	return a->memory_mib == b->memory_mib && a->sm == b->sm;
}

/* "30GiB 2x12GiB,28SM": the needs of a set, equal neighbours counted. */
static void set_text(const struct plan_answer *a, uint32_t which, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < a->n_needs && used < size;) {
		char text[40];
		unsigned count = 0, k = i;

		for (; k < a->n_needs && same(&a->need[i], &a->need[k]); k++)
			count += which >> k & 1;
		plan_need_text(&a->need[i], text, sizeof(text));
		if (count > 1)
			used += (size_t)snprintf(buf + used, size - used, "%s--need %ux%s",
						 used ? " " : "", count, text);
		else if (count)
			used += (size_t)snprintf(buf + used, size - used, "%s--need %s",
						 used ? " " : "", text);
		i = k;
	}
}

static void keep_nearest(struct plan_answer *a, uint32_t which)
{
	char text[CLI_PLAN_TEXT];

	set_text(a, which, text, sizeof(text));
	for (unsigned i = 0; i < a->n_nearest; i++)
		if (!strcmp(a->nearest[i], text))
			return;
	if (a->n_nearest < PLAN_NEAREST)
		memcpy(a->nearest[a->n_nearest++], text, sizeof(text));
}

/* What the needs take at least: the smallest profile that serves each, by units or by slices. */
static unsigned least(const struct plan_answer *a, bool units)
{
	const struct mig_board *b = a->s->board;
	unsigned sum = 0;

	for (unsigned i = 0; i < a->n_needs; i++) {
		unsigned best = UINT_MAX;

		for (unsigned p = 0; p < b->n_gi; p++) {
			unsigned size = units ? b->gi[p].size : b->gi[p].slices;

			if (serves(&b->gi[p], &a->need[i]) && size < best)
				best = size;
		}
		sum += best;
	}
	return sum;
}

/* Needs that are each small enough, and nothing pinned is in the way. */
static void say_sums(struct plan_answer *a)
{
	const struct mig_board *b = a->s->board;
	const char *name = cli_board_short_name(b);
	unsigned units = least(a, true), slices = least(a, false);

	if (units > b->units)
		snprintf(a->reason, sizeof(a->reason),
			 "the smallest profiles that serve them need %u %s, and %s has %u", units,
			 cli_units_name(b), name, b->units);
	else if (slices > b->compute_slices)
		snprintf(a->reason, sizeof(a->reason),
			 "the smallest profiles that serve them need %u compute slices, and %s has "
			 "%u",
			 slices, name, b->compute_slices);
	else
		snprintf(a->reason, sizeof(a->reason),
			 "each has a profile that serves it, but no layout of %s has one for all",
			 name);
}

void plan_needs_why_not(struct plan_answer *a)
{
	uint32_t all = (1u << a->n_needs) - 1;

	if (!too_large(a)) {
		a->must_go = find_must_go(a);
		if (a->must_go)
			cli_must_go_text(a->s, a->must_go, a->reason, sizeof(a->reason));
		else
			say_sums(a);
	}
	for (int size = (int)a->n_needs - 1; size > 0 && !a->n_nearest; size--)
		for (uint32_t which = all; which; which--)
			if (__builtin_popcount(which) == size && can_serve(a, &a->s->state, which))
				keep_nearest(a, which);
}
