/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "unit/plan_fixture.h"

/*
 * Tables of compute instances: the Free column of nvidia-smi mig -lcip as it was seen on A100s, the
 * starts of -lci, and what is said of places that no driver lists.
 */

static struct mig_board b;
static const struct mig_gi_profile *gi;
static struct mig_plan_table *t;

static void open_gi(const char *key, const char *driver, unsigned id)
{
	struct mig_slot slots[MIG_PLAN_MAX_SLOTS];
	struct mig_error err = { 0 };
	unsigned n;

	mig_plan_table_free(t);
	b = board_of(key, driver);
	gi = &b.gi[by_id(&b, id)];
	n = mig_ci_slots_by_family(&b, by_id(&b, id), slots);
	CHECK(n > 0);
	CHECK_EQ(mig_plan_table_new_ci(gi, slots, n, &t, &err), 0);
	CHECK_EQ(mig_plan_n_slots(t), n);
}

/* Position of a CI profile id. */
static unsigned ci(unsigned id)
{
	for (unsigned i = 0; i < gi->n_ci; i++)
		if (gi->ci[i].id == id)
			return i;
	CHECK(!"a compute instance profile");
	return 0;
}

static mig_slots at(unsigned id, unsigned start)
{
	int slot = mig_plan_slot_at(t, ci(id), start);

	CHECK(slot >= 0);
	return (mig_slots)1 << slot;
}

/* "1c@0,1,2 2c@0": where each may start. */
static const char *starts(void)
{
	static char text[256];
	int len = 0;
	bool first;

	for (unsigned p = 0; p < gi->n_ci; p++) {
		first = true;
		for (unsigned i = 0; i < mig_plan_n_slots(t); i++) {
			const struct mig_slot *slot = mig_plan_slot(t, i);

			if (slot->profile != p)
				continue;
			CHECK_EQ(slot->slices, gi->ci[p].slices);
			if (first)
				len += snprintf(text + len, sizeof(text) - (size_t)len,
						"%s%u:%u@%u", len ? " " : "", gi->ci[p].id,
						slot->size, slot->start);
			else
				len += snprintf(text + len, sizeof(text) - (size_t)len, ",%u",
						slot->start);
			first = false;
		}
	}
	return text;
}

static const char *free_column(mig_slots now)
{
	static char text[64];
	int len = 0;

	for (unsigned p = 0; p < gi->n_ci; p++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%u", p ? " " : "",
				mig_plan_remaining(t, now, p));
	return text;
}

static void places(void)
{
	open_gi("a100-80gb-pcie", "515.86.01", 19);
	CHECK_STR(starts(), "0:1@0");
	open_gi("a100-80gb-pcie", "515.86.01", 9);
	CHECK_STR(starts(), "0:1@0,1,2 1:2@0,1 2:3@0");
	open_gi("a100-80gb-pcie", "515.86.01", 5);
	CHECK_STR(starts(), "0:1@0,1,2,3 1:2@0,1,2 3:4@0");
	/* The full 3g spans 0:4 on an H100 (seen), and a 2c does not fit at 2. */
	open_gi("h100-80gb-sxm", "580.159.04", 9);
	CHECK_STR(starts(), "0:1@0,1,2 1:2@0 2:4@0");
	open_gi("h100-80gb-sxm", "580.159.04", 0);
	CHECK_STR(starts(), "0:1@0,1,2,3,4,5,6 1:2@0,2,4 2:4@0,4 3:4@0 4:8@0");
	open_gi("a30", "535.183.01", 5);
	CHECK_STR(starts(), "0:1@0,1 1:2@0");
	CHECK_EQ(mig_ci_slots_by_family(&b, b.n_gi, NULL), 0);
}

static void free_as_seen(void)
{
	open_gi("a100-40gb-pcie", "510.47.03", 9);
	CHECK_STR(free_column(0), "3 1 1");
	CHECK_STR(free_column(at(2, 0)), "0 0 0");
	open_gi("a100-40gb-pcie", "510.47.03", 14);
	CHECK_STR(free_column(0), "2 1");
	CHECK_STR(free_column(at(0, 0)), "1 0");
	open_gi("a100-40gb-pcie", "510.47.03", 5);
	CHECK_STR(free_column(0), "4 2 1");
	CHECK_STR(free_column(at(0, 0)), "3 1 0");
	CHECK_STR(free_column(at(0, 1)), "3 1 0");
	/* By hand in the middle: no two slices beside each other are left. */
	CHECK_STR(free_column(at(0, 1) | at(0, 2)), "2 0 0");
}

/* Compute instances come at 0, 1, 2 on an A100 (seen); on Hopper the rule keeps the 2c's place. */
static void default_starts(void)
{
	open_gi("a100-40gb-pcie", "510.47.03", 9);
	CHECK_EQ(mig_plan_default_start(t, 0, ci(0)), 0);
	CHECK_EQ(mig_plan_default_start(t, at(0, 0), ci(0)), 1);
	CHECK_EQ(mig_plan_default_start(t, at(0, 0) | at(0, 1), ci(0)), 2);
	CHECK_EQ(mig_plan_default_start(t, at(0, 0), ci(1)), 1);
	open_gi("h100-80gb-sxm", "580.159.04", 9);
	CHECK_EQ(mig_plan_default_start(t, 0, ci(0)), 2);
	CHECK_EQ(mig_plan_default_start(t, at(0, 2), ci(0)), 0);
	CHECK_EQ(mig_plan_default_start(t, at(0, 2), ci(1)), 0);
	CHECK_EQ(mig_plan_default_start(t, at(0, 0), ci(1)), -1);
}

static void questions(void)
{
	struct mig_plan_state s = { 0 };
	struct mig_plan_goal goal = { 0 };
	struct mig_plan_measure m;
	struct mig_plan_change c;
	struct mig_plan_reason r;
	struct mig_plan_way w;

	open_gi("h100-80gb-sxm", "580.159.04", 9);
	s.now = at(0, 0);
	goal.counts.n[ci(0)] = 1;
	goal.counts.n[ci(1)] = 1;
	CHECK_EQ(mig_plan_change(t, &s, &goal, &c, 1, NULL), 1);
	CHECK_EQ(c.target, at(0, 2) | at(1, 0));
	CHECK_EQ(c.destroy, at(0, 0));
	CHECK_EQ(mig_plan_ways(t, &s, ci(1), -1, &w, 1), 1);
	CHECK_EQ(w.destroy, at(0, 0));
	CHECK_EQ(w.again, at(0, 2));
	CHECK_EQ(mig_plan_blockers(t, s.now, (unsigned)mig_plan_slot_at(t, ci(2), 0)), at(0, 0));
	goal.counts.n[ci(0)] = 2;
	mig_plan_why_not(t, &goal, &r);
	CHECK_EQ(r.no, MIG_PLAN_NO_SLICES);
	CHECK_EQ(r.wanted, 4);
	CHECK_EQ(r.have, 3);
	mig_plan_measure(t, s.now, &m);
	CHECK_EQ(m.units, 4);
	CHECK_EQ(m.slices, 3);
	CHECK_EQ(m.slices_free, 2);
	CHECK_EQ(m.free_mask, 0xe);
	CHECK_EQ(m.dead_mask, 0x8);
	CHECK_EQ(m.largest, (int)ci(0));
	CHECK_EQ(m.largest_best, (int)ci(1));
}

/* Together no more slices than the GPU instance has, wherever a driver says they may stand. */
static void sums_of_slices(void)
{
	struct mig_gi_profile two = { .name = "2g.1gb", .slices = 2, .n_ci = 1 };
	struct mig_slot slots[4];

	two.ci[0] = (struct mig_ci_profile){ .name = "1c.2g.1gb", .slices = 1, .total = 4 };
	for (unsigned i = 0; i < 4; i++)
		slots[i] = (struct mig_slot){ .start = (uint8_t)i, .size = 1, .slices = 1 };
	mig_plan_table_free(t);
	CHECK_EQ(mig_plan_table_new_ci(&two, slots, 4, &t, NULL), 0);
	CHECK_EQ(mig_plan_n_layouts(t), 1 + 4 + 6);
	CHECK_EQ(mig_plan_free(t, 0x5), 0);
	CHECK_EQ(mig_plan_remaining(t, 0, 0), 2);
	/* No one instance excludes it; both have their part in it. */
	CHECK_EQ(mig_plan_blockers(t, 0x5, 1), 0x5);
	CHECK_EQ(mig_plan_blockers_by_rule(t, 0x5, 1), 0x5);
}

static void refuse(const struct mig_gi_profile *profile, const struct mig_slot *slots, unsigned n,
		   const char *why)
{
	struct mig_plan_table *none = NULL;
	struct mig_error err = { 0 };

	CHECK_EQ(mig_plan_table_new_ci(profile, slots, n, &none, &err), -EINVAL);
	CHECK(!none);
	CHECK(strstr(err.msg, why));
}

static void refusals(void)
{
	struct mig_slot slots[MIG_PLAN_MAX_SLOTS + 1] = { { 0, 0, 1, 1 }, { 0, 0, 1, 1 } };
	struct mig_gi_profile many;

	open_gi("a100-80gb-pcie", "515.86.01", 9);
	refuse(gi, slots, 2, "twice");
	slots[1].profile = 3;
	refuse(gi, slots, 2, "no compute instance profile 3");
	slots[1].profile = 1;
	slots[1].start = 63;
	slots[1].size = 2;
	refuse(gi, slots, 2, "leaves");
	many = *gi;
	many.n_ci = MIG_MAX_CI_PROFILES + 1;
	refuse(&many, slots, 1, "at most 8");
	for (unsigned i = 0; i <= MIG_PLAN_MAX_SLOTS; i++)
		slots[i] = (struct mig_slot){ (uint8_t)(i / 63), (uint8_t)(i % 63), 1, 1 };
	refuse(gi, slots, MIG_PLAN_MAX_SLOTS + 1, "more than 64");
}

int main(void)
{
	places();
	free_as_seen();
	default_starts();
	questions();
	sums_of_slices();
	refusals();
	mig_plan_table_free(t);
	return 0;
}
