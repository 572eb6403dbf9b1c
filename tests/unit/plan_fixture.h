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

#define IDS(b, ...) by_ids(b, (const int[]){ __VA_ARGS__, -1 })

#endif
