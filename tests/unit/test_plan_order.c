/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>

#include "unit/plan_fixture.h"

/*
 * Where instances go without a start, against what drivers were seen to do on empty boards, and
 * orders of creation: found ones are followed step by step, proofs are held against all
 * permutations.
 */

struct seen {
	const char *board, *driver, *ends; /* profile ids in order, with the start that each got */
};

/* Outputs of R450 to 580. Of two 3g R450 put the first at 0, which no later driver does. */
static const struct seen seen[] = {
	{ "a100-40gb-sxm", "450.80.02", "19@6 14@4 5@0" },
	{ "a100-40gb-sxm", "450.80.02", "19@6 19@4 14@0" },
	{ "a100-40gb-sxm", "450.80.02", "9@4 19@0 14@2 19@1" },
	{ "a100-40gb-sxm", "450.80.02", "14@4 19@6 19@0 19@1 19@2 19@3" },
	{ "a100-40gb-sxm", "510.47.03", "9@4 19@0 14@2 19@1" },
	{ "a100-80gb-sxm", "550.54.14", "9@4 5@0" },
	{ "a100-80gb-sxm", "550.54.14", "14@4 14@0 19@6" },
	{ "a100-80gb-pcie", "515.86.01", "9@4 9@0" },
	{ "a100-80gb-pcie", "515.86.01", "9@4 14@0 19@2" },
	{ "a30", "535.183.01", "14@0 14@1 5@2" },
	{ "h100-80gb-sxm", "580.65.06", "19@6 19@4 19@5 19@0 19@1 19@2 19@3" },
	{ "h100-80gb-sxm", "580.65.06", "9@4 14@0" },
	{ "rtx-pro-6000-max-q", "580.105.08", "14@0" },
	/* A GH200 gave profile 15 the ids 5, 3, 4. */
	{ "gh200-96gb", "580.65.06", "15@4 15@0 15@2 15@6" },
	/* No output: what the general rule says of it on Ampere. */
	{ "a100-80gb-pcie", "580.126.09", "15@6 15@4 15@0 15@2" },
};

static void default_starts(void)
{
	for (unsigned i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		struct mig_board b = board_of(seen[i].board, seen[i].driver);
		struct mig_plan_table *t = table_of(&b, mig_profiles_all(&b));
		const char *text = seen[i].ends;
		unsigned id, start, p;
		mig_slots now = 0;
		int used;

		printf("%s %s: %s\n", seen[i].board, seen[i].driver, text);
		for (; sscanf(text, " %u@%u%n", &id, &start, &used) == 2; text += used) {
			p = by_id(&b, id);
			CHECK_EQ(mig_plan_default_start(t, now, p), start);
			now |= (mig_slots)1 << mig_plan_slot_at(t, p, start);
		}
		mig_plan_table_free(t);
	}
}

/* The choice weighs all profiles of the board, also those that a table leaves out. */
static void default_starts_of_few(void)
{
	struct mig_board b = board_of("a100-80gb-pcie", "580.126.09");
	struct mig_plan_table *all = table_of(&b, mig_profiles_all(&b));
	struct mig_plan_table *one = table_of(&b, IDS(&b, 19));

	CHECK_EQ(mig_plan_default_start(one, 0, by_id(&b, 19)), 6);
	CHECK_EQ(mig_plan_default_start(one, 0, by_id(&b, 9)), -1);
	CHECK_EQ(mig_plan_default_start(all, slots_of(&b, all, "0@0"), by_id(&b, 19)), -1);
	CHECK_EQ(mig_plan_default_start(all, slots_of(&b, all, "19@2"), by_id(&b, 19)), 3);
	CHECK_EQ(mig_plan_default_start(all, slots_of(&b, all, "20@2"), by_id(&b, 20)), -1);
	CHECK_EQ(mig_plan_default_start(all, slots_of(&b, all, "20@2 20@3"), by_id(&b, 19)), -1);
	CHECK_EQ(mig_plan_default_start(all, 0, b.n_gi), -1);
	mig_plan_table_free(all);
	mig_plan_table_free(one);
}

/* All permutations, each followed to its end: how many reach, how far the others come. */
struct walk {
	const struct mig_plan_table *t;
	struct mig_counts left;
	unsigned n_left;
	mig_slots end;
	unsigned long orders, reach;
	unsigned most;
};

static void follow_all(struct walk *w, mig_slots now, bool stuck, unsigned placed)
{
	if (placed > w->most)
		w->most = placed;
	if (!w->n_left) {
		w->orders++;
		w->reach += !stuck && (!w->end || w->end == now);
		return;
	}
	for (unsigned p = 0; p < MIG_MAX_GI_PROFILES; p++) {
		int start = stuck ? -1 : mig_plan_default_start(w->t, now, p);
		int slot = start < 0 ? -1 : mig_plan_slot_at(w->t, p, (unsigned)start);

		if (!w->left.n[p])
			continue;
		w->left.n[p]--;
		w->n_left--;
		follow_all(w, slot < 0 ? now : now | (mig_slots)1 << slot, slot < 0,
			   slot < 0 ? placed : placed + 1);
		w->left.n[p]++;
		w->n_left++;
	}
}

static bool check_order(const struct mig_plan_table *t, mig_slots now, const struct mig_counts *c,
			mig_slots end)
{
	struct walk w = { .t = t, .left = *c, .end = end };
	struct mig_counts used = { { 0 } };
	struct mig_plan_order o;
	int r;

	for (unsigned p = 0; p < MIG_MAX_GI_PROFILES; p++)
		w.n_left += c->n[p];
	follow_all(&w, now, false, 0);
	r = mig_plan_order(t, now, c, end, &o);
	CHECK_EQ(o.orders, w.orders);
	if (r < 0) {
		CHECK_EQ(r, -ENOSPC);
		CHECK_EQ(w.reach, 0);
		CHECK_EQ(o.tried, o.orders);
		CHECK_EQ(o.most, w.most);
		CHECK_EQ(o.n, 0);
		return false;
	}
	CHECK(w.reach);
	CHECK(o.tried >= 1 && o.tried <= o.orders);
	/* No more orders fail before it than there are that fail. */
	CHECK(o.tried - 1 <= w.orders - w.reach);
	for (unsigned i = 0; i < o.n; i++) {
		CHECK_EQ(mig_plan_default_start(t, now, o.profile[i]), o.start[i]);
		now |= (mig_slots)1 << mig_plan_slot_at(t, o.profile[i], o.start[i]);
		used.n[o.profile[i]]++;
	}
	CHECK_EQ(now, o.end);
	CHECK(!memcmp(&used, c, sizeof(used)));
	CHECK(!end || end == o.end);
	return true;
}

/* Every multiset on an empty board, and some layouts as the very end. */
static void orders(const char *key, unsigned step)
{
	struct mig_board b = board_of(key, "580.126.09");
	struct mig_plan_table *t = table_of(&b, mig_profiles_all(&b));
	struct mig_counts c;
	unsigned n = 0, found = 0, ends = 0, tried = 0;

	for (; mig_plan_multiset(t, n, &c); n++)
		found += check_order(t, 0, &c, 0);
	for (size_t i = 0; i < mig_plan_n_layouts(t); i += step, tried++) {
		c = mig_plan_counts(t, mig_plan_layout(t, i));
		ends += check_order(t, 0, &c, mig_plan_layout(t, i));
	}
	printf("%s: of %u multisets %u have an order, of %u layouts %u\n", key, n, found, tried,
	       ends);
	CHECK(ends > 0 && ends < tried);
	mig_plan_table_free(t);
}

static void impossible_orders(void)
{
	struct mig_board b = board_of("a100-80gb-pcie", "580.126.09");
	struct mig_plan_table *t = table_of(&b, mig_profiles_all(&b));
	struct mig_counts c = counts_of(&b, "9 9 9");
	struct mig_plan_order o;

	CHECK(!check_order(t, 0, &c, 0));
	/* A 1g at 5 leaves a 4g at 0 and a double 1g at 6, but a 2g nowhere. */
	c = counts_of(&b, "14 5");
	CHECK(!check_order(t, slots_of(&b, t, "19@5"), &c, 0));
	c = counts_of(&b, "15 5");
	CHECK(check_order(t, slots_of(&b, t, "19@5"), &c, 0));
	c = counts_of(&b, "");
	CHECK(check_order(t, slots_of(&b, t, "19@5"), &c, 0));
	CHECK_EQ(mig_plan_order(t, slots_of(&b, t, "0@0 19@5"), &c, 0, &o), -EINVAL);
	c.n[MIG_MAX_GI_PROFILES - 1] = 1;
	CHECK_EQ(mig_plan_order(t, 0, &c, 0, &o), -EINVAL);
	/* More than can be counted, and still an answer at once. */
	memset(&c, 0, sizeof(c));
	memset(&c, 255, b.n_gi);
	CHECK_EQ(mig_plan_order(t, 0, &c, 0, &o), -ENOSPC);
	CHECK_EQ(o.orders, ULONG_MAX);
	CHECK_EQ(o.tried, ULONG_MAX);
	CHECK_EQ(o.most, 7);
	mig_plan_table_free(t);
}

int main(void)
{
	default_starts();
	default_starts_of_few();
	orders("a100-80gb-pcie", 37);
	orders("h100-80gb-sxm", 41);
	orders("a30", 1);
	orders("rtx-pro-6000-server", 7);
	impossible_orders();
	return 0;
}
