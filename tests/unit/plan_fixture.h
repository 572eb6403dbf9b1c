/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_PLAN_FIXTURE_H
#define MIGKIT_TESTS_PLAN_FIXTURE_H

#include <migkit/boards.h>
#include <migkit/plan.h>

#include "unit/check.h"

/* Boards and tables for the tests of the planner. */

static inline struct mig_board board_of(const char *key, const char *driver)
{
	struct mig_error err = { 0 };
	struct mig_board b;

	CHECK(mig_board_find(key));
	CHECK_EQ(mig_board_resolve(mig_board_find(key), driver, &b, &err), 0);
	return b;
}

static inline struct mig_plan_table *table_of(const struct mig_board *b, mig_profiles set)
{
	struct mig_plan_table *t = NULL;
	struct mig_error err = { 0 };

	CHECK_EQ(mig_plan_table_new(b, set, &t, &err), 0);
	return t;
}

/* Profiles by id, ended by -1. */
static inline mig_profiles by_ids(const struct mig_board *b, const int *ids)
{
	mig_profiles set = 0;

	for (; *ids >= 0; ids++)
		for (unsigned i = 0; i < b->n_gi; i++)
			if (b->gi[i].id == *ids)
				set |= (mig_profiles)1 << i;
	return set;
}

/* Position of a profile id. */
static inline unsigned by_id(const struct mig_board *b, unsigned id)
{
	for (unsigned i = 0; i < b->n_gi; i++)
		if (b->gi[i].id == id)
			return i;
	CHECK(!"a profile of the board");
	return 0;
}

/* "9@4 19@0": profile ids and starts. */
static inline mig_slots slots_of(const struct mig_board *b, const struct mig_plan_table *t,
				 const char *text)
{
	mig_slots slots = 0;
	unsigned id, start;
	int slot, used;

	for (; sscanf(text, " %u@%u%n", &id, &start, &used) == 2; text += used) {
		slot = mig_plan_slot_at(t, by_id(b, id), start);
		CHECK(slot >= 0);
		slots |= (mig_slots)1 << slot;
	}
	CHECK(!*text);
	return slots;
}

/* "9 14 14": profile ids. */
static inline struct mig_counts counts_of(const struct mig_board *b, const char *text)
{
	struct mig_counts counts = { { 0 } };
	unsigned id;
	int used;

	for (; sscanf(text, " %u%n", &id, &used) == 1; text += used)
		counts.n[by_id(b, id)]++;
	CHECK(!*text);
	return counts;
}

/* The other way: "14@0 9@4", by start. */
static inline const char *text_of(const struct mig_board *b, const struct mig_plan_table *t,
				  mig_slots slots, char ret[128])
{
	int len = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < mig_plan_n_slots(t); i++)
		if (slots >> i & 1)
			len += snprintf(ret + len, 128 - (size_t)len, "%s%u@%u", len ? " " : "",
					b->gi[mig_plan_slot(t, i)->profile].id,
					mig_plan_slot(t, i)->start);
	return ret;
}

static inline const char *counts_text(const struct mig_board *b, const struct mig_counts *counts,
				      char ret[128])
{
	int len = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < b->n_gi; i++)
		for (unsigned k = 0; k < counts->n[i]; k++)
			len += snprintf(ret + len, 128 - (size_t)len, "%s%u", len ? " " : "",
					b->gi[i].id);
	return ret;
}

#define IDS(b, ...) by_ids(b, (const int[]){ __VA_ARGS__, -1 })

/* Instances with a compute instance each; pinned are some of them. */
static inline struct mig_plan_state state_in_words(const struct mig_board *b,
						   const struct mig_plan_table *t, const char *now,
						   const char *pinned)
{
	struct mig_plan_state s = { .now = slots_of(b, t, now), .pinned = slots_of(b, t, pinned) };

	for (unsigned i = 0; i < mig_plan_n_slots(t); i++)
		s.n_ci[i] = s.now >> i & 1;
	return s;
}

static inline struct mig_plan_goal goal_in_words(const struct mig_board *b,
						 const struct mig_plan_table *t, const char *counts,
						 const char *at)
{
	return (struct mig_plan_goal){ .counts = counts_of(b, counts), .at = slots_of(b, t, at) };
}

#endif
