/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "unit/plan_fixture.h"

/*
 * From one layout to another, on an A100 80GB (ids 19 1g, 20 1g+me, 15 1g.20gb, 14 2g, 9 3g, 5 4g,
 * 0 7g): cases that a person can follow on NVIDIA's figure. The whole of it is held against a brute
 * force in tests/plan/.
 */

static struct mig_board b;
static struct mig_plan_table *t;

/* The best target, "-" none. */
static const char *best(const char *now, const char *pinned, const char *counts, const char *at)
{
	static char text[128];
	struct mig_plan_state s = state_in_words(&b, t, now, pinned);
	struct mig_plan_goal g = goal_in_words(&b, t, counts, at);
	struct mig_plan_change c;
	struct mig_error err = { 0 };
	int r = mig_plan_change(t, &s, &g, &c, 1, &err);

	if (r == -ENOSPC) {
		CHECK(err.msg[0]);
		return "-";
	}
	CHECK_EQ(r, 1);
	CHECK_EQ(c.keep | c.destroy, s.now);
	CHECK_EQ(c.keep | c.create, c.target);
	CHECK_EQ(c.keep & c.destroy, 0);
	CHECK_EQ(c.keep & c.create, 0);
	CHECK_EQ(c.n_destroy, (unsigned)__builtin_popcountll(c.destroy));
	CHECK_EQ(c.n_ci_destroy, c.n_destroy);
	CHECK_EQ(c.room, mig_plan_room(t, c.target));
	return text_of(&b, t, c.target, text);
}

static void targets(void)
{
	/* Nothing there: most room left decides, so a lone 3g goes to the right. */
	CHECK_STR(best("", "", "9", ""), "9@4");
	CHECK_STR(best("", "", "9", "9@0"), "9@0");
	CHECK_STR(best("", "", "9 9", ""), "9@0 9@4");
	/* It stays where it is: nothing is destroyed for the sake of room. */
	CHECK_STR(best("9@0", "", "9", ""), "9@0");
	CHECK_STR(best("9@0", "", "9", "9@4"), "9@4");
	CHECK_STR(best("9@0", "9@0", "9", "9@4"), "9@0 9@4");
	/* The 4g has one place; the 3g there has to move. */
	CHECK_STR(best("9@0", "", "9 5", ""), "5@0 9@4");
	CHECK_STR(best("9@0", "9@0", "9 5", ""), "-");
	/* What is pinned counts for the words of its profile, and is added where it has none. */
	CHECK_STR(best("19@6", "19@6", "19 9", ""), "9@0 19@6");
	CHECK_STR(best("19@6", "19@6", "9", ""), "9@0 19@6");
	CHECK_STR(best("19@6", "", "9", ""), "9@4");
	/* Whole layout: what is neither wanted nor pinned goes. */
	CHECK_STR(best("9@0 14@4 19@6", "", "", ""), "");
	CHECK_STR(best("9@0 14@4 19@6", "14@4", "", ""), "14@4");
	/* Named ones are among those wanted; more of them than wanted are wanted all the same. */
	CHECK_STR(best("", "", "19 19", "19@2"), "19@2 19@3");
	CHECK_STR(best("", "", "", "19@2 19@5"), "19@2 19@5");
	CHECK_STR(best("", "", "", "19@2 14@2"), "-");
	CHECK_STR(best("", "", "0 19", ""), "-");
	CHECK_STR(best("", "", "9 14 19 19", ""), "19@0 19@1 14@2 9@4");
	CHECK_STR(best("", "", "9 14 19", ""), "19@0 14@2 9@4");
	CHECK_STR(best("", "", "9 14 19 15", ""), "-");
}

static void compute_instances_decide(void)
{
	/* 4g wants 0-3: the two 2g there, or none; then one more 2g at 4 can be kept. */
	struct mig_plan_state s = state_in_words(&b, t, "19@0 19@4", "");
	struct mig_plan_goal g = goal_in_words(&b, t, "14 14 14", "");
	struct mig_plan_change c[3];

	/* Three 2g take 0-5: both 1g go, wherever they are. */
	CHECK_EQ(mig_plan_change(t, &s, &g, c, 3, NULL), 1);
	CHECK_EQ(c[0].n_destroy, 2);
	/* Two 2g and one 1g: either 1g may stay. The one with fewer compute instances goes. */
	g = goal_in_words(&b, t, "14 14 19", "");
	s.n_ci[mig_plan_slot_at(t, by_id(&b, 19), 0)] = 0;
	CHECK(mig_plan_change(t, &s, &g, c, 3, NULL) == 3);
	CHECK_EQ(c[0].keep, slots_of(&b, t, "19@4"));
	CHECK_EQ(c[0].n_ci_destroy, 0);
	s.n_ci[mig_plan_slot_at(t, by_id(&b, 19), 0)] = 2;
	CHECK(mig_plan_change(t, &s, &g, c, 3, NULL) == 3);
	CHECK_EQ(c[0].keep, slots_of(&b, t, "19@0"));
	CHECK_EQ(c[0].n_ci_destroy, 1);
	for (unsigned i = 1; i < 3; i++) {
		CHECK(c[i].target != c[i - 1].target);
		CHECK(c[i].n_destroy > c[i - 1].n_destroy ||
		      (c[i].n_destroy == c[i - 1].n_destroy &&
		       (c[i].n_ci_destroy > c[i - 1].n_ci_destroy ||
			(c[i].n_ci_destroy == c[i - 1].n_ci_destroy &&
			 c[i].room <= c[i - 1].room))));
	}
}

static void refusals(void)
{
	struct mig_plan_state s = state_in_words(&b, t, "9@0", "");
	struct mig_plan_goal g = goal_in_words(&b, t, "9", "");
	struct mig_plan_change c;
	struct mig_error err = { 0 };
	mig_slots go;

	s.pinned = slots_of(&b, t, "9@4");
	CHECK_EQ(mig_plan_change(t, &s, &g, &c, 1, &err), -EINVAL);
	CHECK(strstr(err.msg, "is to stay is not there"));
	CHECK_EQ(mig_plan_must_go(t, &s, &g, &go), -EINVAL);
	s.pinned = 0;
	s.now = slots_of(&b, t, "9@0 5@0");
	CHECK_EQ(mig_plan_change(t, &s, &g, &c, 1, &err), -EINVAL);
	CHECK(strstr(err.msg, "no layout"));
	s.now = 0;
	g.at = (mig_slots)1 << mig_plan_n_slots(t);
	CHECK_EQ(mig_plan_change(t, &s, &g, &c, 1, &err), -EINVAL);
	CHECK(strstr(err.msg, "no such start"));
	g.at = 0;
	CHECK_EQ(mig_plan_change(t, &s, &g, &c, 0, &err), -EINVAL);
	g.counts.n[0] = 255;
	CHECK_EQ(mig_plan_change(t, &s, &g, &c, 1, &err), -ENOSPC);
	g.counts.n[0] = 0;
	g.counts.n[MIG_MAX_GI_PROFILES - 1] = 1;
	CHECK_EQ(mig_plan_change(t, &s, &g, &c, 1, &err), -ENOSPC);
}

static const char *must_go(const char *now, const char *pinned, const char *counts, const char *at)
{
	static char text[128];
	struct mig_plan_state s = state_in_words(&b, t, now, pinned);
	struct mig_plan_goal g = goal_in_words(&b, t, counts, at);
	mig_slots go;
	int r = mig_plan_must_go(t, &s, &g, &go);

	if (r == -ENOSPC)
		return "-";
	CHECK_EQ(r, 0);
	return text_of(&b, t, go, text);
}

static void who_must_go(void)
{
	struct mig_plan_state s = state_in_words(&b, t, "19@0 19@4", "19@0 19@4");
	struct mig_plan_goal g = goal_in_words(&b, t, "9", "");
	mig_slots go;

	CHECK_STR(must_go("9@0 14@4", "9@0 14@4", "9 14 19", ""), "");
	CHECK_STR(must_go("9@0 14@4", "9@0 14@4", "5", ""), "9@0");
	CHECK_STR(must_go("9@0 14@4", "9@0 14@4", "0", ""), "9@0 14@4");
	CHECK_STR(must_go("9@0 14@4", "14@4", "0", ""), "14@4");
	/* It may still be wanted: the 3g moves. */
	CHECK_STR(must_go("9@0", "9@0", "5 9", ""), "9@0");
	CHECK_STR(must_go("9@0", "9@0", "0 9", ""), "-");
	CHECK_STR(must_go("9@0", "9@0", "", "9@0 5@0"), "-");
	/* Either of two would do: the first slot, or the one with fewer compute instances. */
	CHECK_STR(must_go("19@0 19@4", "19@0 19@4", "9", ""), "19@0");
	s.n_ci[mig_plan_slot_at(t, by_id(&b, 19), 0)] = 2;
	CHECK_EQ(mig_plan_must_go(t, &s, &g, &go), 0);
	CHECK_EQ(go, slots_of(&b, t, "19@4"));
}

int main(void)
{
	b = board_of("a100-80gb-pcie", "580.126.09");
	t = table_of(&b, mig_profiles_all(&b));
	targets();
	compute_instances_decide();
	refusals();
	who_must_go();
	mig_plan_table_free(t);
	/* Before R510 no 4g stands beside a 3g. */
	b = board_of("a100-80gb-pcie", "470.82.01");
	t = table_of(&b, mig_profiles_all(&b));
	CHECK_STR(best("9@0", "", "9 5", ""), "-");
	CHECK_STR(best("", "", "5", ""), "5@0");
	mig_plan_table_free(t);
	return 0;
}
