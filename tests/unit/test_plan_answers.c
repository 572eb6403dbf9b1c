/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "unit/plan_fixture.h"

/*
 * What can be created and what is in the way, reasons, nearest goals, needs, fragmentation: cases
 * that a person can follow on NVIDIA's figure, most on an A100 80GB (ids 19 1g, 20 1g+me, 15
 * 1g.20gb, 14 2g, 9 3g, 5 4g, 0 7g). The whole of it is held against a brute force in tests/plan/.
 */

static struct mig_board b;
static struct mig_plan_table *t;

static void open_board(const char *key, const char *driver)
{
	mig_plan_table_free(t);
	b = board_of(key, driver);
	t = table_of(&b, mig_profiles_all(&b));
}

/* "7 1 4 3 2 1 1": the Free column of nvidia-smi mig -lgip, in its order of rows. */
static const char *free_column(const char *now)
{
	static char text[128];
	int len = 0;

	for (unsigned i = 0; i < b.n_gi; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%u", i ? " " : "",
				mig_plan_remaining(t, slots_of(&b, t, now), i));
	return text;
}

/* Seen step by step on an A100 40GB of driver 510 (lessons of HPE). */
static void free_as_seen(void)
{
	CHECK_STR(free_column(""), "7 1 4 3 2 1 1");
	CHECK_STR(free_column("5@0"), "3 1 2 1 1 0 0");
	CHECK_STR(free_column("5@0 14@4"), "1 1 1 0 0 0 0");
	CHECK_STR(free_column("5@0 14@4 19@6"), "0 0 0 0 0 0 0");
	CHECK_STR(free_column("20@0"), "6 0 3 2 1 0 0");
	CHECK_STR(free_column("0@0 19@0"), "0 0 0 0 0 0 0"); /* no layout */
	CHECK_EQ(mig_plan_remaining(t, 0, b.n_gi), 0);
}

static const char *reason(const char *counts, const char *at)
{
	static const char *const names[] = { "fits",  "total",	"units",      "slices",
					     "media", "starts", "arrangement" };
	static char text[128];
	struct mig_plan_goal g = goal_in_words(&b, t, counts, at);
	struct mig_plan_reason r;

	mig_plan_why_not(t, &g, &r);
	snprintf(text, sizeof(text), "%s", names[r.no]);
	if (r.no == MIG_PLAN_NO_TOTAL)
		snprintf(text, sizeof(text), "total %u: %u of %u", b.gi[r.a].id, r.wanted, r.have);
	if (r.no == MIG_PLAN_NO_UNITS || r.no == MIG_PLAN_NO_SLICES)
		snprintf(text, sizeof(text), "%s: %u of %u", names[r.no], r.wanted, r.have);
	if (r.no == MIG_PLAN_NO_MEDIA)
		snprintf(text, sizeof(text), "media: %u %u", b.gi[r.a].id, b.gi[r.b].id);
	if (r.no == MIG_PLAN_NO_STARTS)
		snprintf(text, sizeof(text), "starts: %u@%u %u@%u",
			 b.gi[mig_plan_slot(t, r.a)->profile].id, mig_plan_slot(t, r.a)->start,
			 b.gi[mig_plan_slot(t, r.b)->profile].id, mig_plan_slot(t, r.b)->start);
	return text;
}

static void reasons(void)
{
	CHECK_STR(reason("", ""), "fits");
	CHECK_STR(reason("9 9", ""), "fits");
	CHECK_STR(reason("9 9 9", ""), "total 9: 3 of 2");
	CHECK_STR(reason("20 20", ""), "total 20: 2 of 1");
	CHECK_STR(reason("", "20@0 20@1"), "total 20: 2 of 1");
	CHECK_STR(reason("9 9 19", ""), "units: 9 of 8");
	CHECK_STR(reason("5 19 19 19 19", ""), "slices: 8 of 7");
	CHECK_STR(reason("", "9@4 14@4"), "starts: 14@4 9@4");
	CHECK_STR(reason("9", "19@2 19@5"), "arrangement");
	CHECK_STR(reason("14 14 14 19 19", ""), "slices: 8 of 7");
	CHECK_STR(reason("15 15 14 9", ""), "units: 10 of 8");
	CHECK_STR(reason("5 9", ""), "fits");
	open_board("a100-80gb-pcie", "470.82.01");
	CHECK_STR(reason("5 9", ""), "media: 9 5");
	open_board("a30", "535.183.01");
	CHECK_STR(reason("21 6", ""), "media: 21 6");
	CHECK_STR(reason("14 14 14 14 14", ""), "total 14: 5 of 4");
	open_board("rtx-pro-6000-server", "580.105.08");
	CHECK_STR(reason("65 14", ""), "media: 14 65");
	CHECK_STR(reason("65 67", ""), "fits");
	CHECK_STR(reason("65 64", ""), "media: 65 64");
	open_board("a100-80gb-pcie", "580.126.09");
}

/* "A; B; C": the nearest three. */
static const char *nearest(const char *pinned, const char *counts, const char *at)
{
	static char text[400];
	char one[128];
	struct mig_plan_state s = state_in_words(&b, t, pinned, pinned);
	struct mig_plan_goal g = goal_in_words(&b, t, counts, at);
	struct mig_counts c[3];
	unsigned n = mig_plan_nearest(t, &s, &g, c, 3);
	int len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%s", i ? "; " : "",
				counts_text(&b, &c[i], one));
	return text;
}

static void nearest_goals(void)
{
	struct mig_plan_state s = state_in_words(&b, t, "", "");
	struct mig_plan_goal g = goal_in_words(&b, t, "9 9 19", "");
	struct mig_counts c[200];
	unsigned n;

	/* One instance changed: dropped, or smaller. */
	CHECK_STR(nearest("", "9 9 19", ""), "9 9; 19 14 9; 19 15 9");
	CHECK_STR(nearest("", "0 0", ""), "0; 9 5; 9 9");
	CHECK_STR(nearest("", "20 20", ""), "19 20; 20 15; 20 14");
	/* What is pinned stays in all of them. */
	CHECK_STR(nearest("19@5", "0", ""), "19 5; 19 9; 19 14");
	CHECK_STR(nearest("0@0", "0 19", ""), "0");
	/* Only the named starts were in the way. */
	CHECK_STR(nearest("", "", "9@4 14@4"), "14 9; 14 5; 9 9");
	/* All there are, once each, when there is room for them. */
	n = mig_plan_nearest(t, &s, &g, c, 200);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			CHECK(memcmp(&c[i], &c[k], sizeof(c[i])));
	CHECK(n > 20 && n < 127);
	CHECK_EQ(mig_plan_nearest(t, &s, &g, c, 0), 0);
	/* Nonsense is brought down to sense. */
	g.counts.n[0] = 255;
	CHECK_EQ(mig_plan_nearest(t, &s, &g, c, 1), 1);
	CHECK_EQ(c[0].n[0], 7);
}

/* "destroy>again+slot | ...": all ways. */
static const char *ways(const char *now, const char *pinned, unsigned id, int start)
{
	static char text[2000];
	char gone[128], again[128], slot[128];
	struct mig_plan_state s = state_in_words(&b, t, now, pinned);
	struct mig_plan_way w[140];
	unsigned n = mig_plan_ways(t, &s, by_id(&b, id), start, w, 140);
	int len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(w[i].n_ci_destroy, (unsigned)__builtin_popcountll(w[i].destroy));
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%s>%s+%s",
				i ? " | " : "", text_of(&b, t, w[i].destroy, gone),
				text_of(&b, t, w[i].again, again),
				text_of(&b, t, (mig_slots)1 << w[i].slot, slot));
	}
	return text;
}

static void smallest_changes(void)
{
	struct mig_plan_state s = state_in_words(&b, t, "19@0", "");
	struct mig_plan_way w[3];

	/* It fits as it is, and then nothing else is said. */
	CHECK_STR(ways("", "", 9, -1), ">+9@4");
	CHECK_STR(ways("", "", 9, 0), ">+9@0");
	CHECK_STR(ways("19@1", "", 9, -1), ">+9@4");
	/* A 4g has one place: the 1g there moves, or is lost. */
	CHECK_STR(ways("19@1", "", 5, -1), "19@1>19@4+5@0 | 19@1>+5@0");
	CHECK_STR(ways("19@1", "19@1", 5, -1), "");
	CHECK_STR(ways("19@1 9@4", "", 5, -1), "19@1>+5@0");
	/* All of it, or nothing that is pinned. */
	CHECK_STR(ways("9@0 14@4", "", 0, -1), "9@0 14@4>+0@0");
	CHECK_STR(ways("9@0 14@4", "14@4", 0, -1), "");
	CHECK_STR(ways("9@0 9@4", "", 9, -1), "9@0>+9@0 | 9@4>+9@4");
	CHECK_STR(ways("9@0 9@4", "9@0", 9, -1), "9@4>+9@4");
	/* One +me: no matter where. It can't move out of its own way. */
	CHECK_STR(ways("20@3", "", 20, -1), "20@3>+20@0");
	/* Two 1g across the halves; either moves to the other's side. */
	CHECK_STR(ways("19@0 19@4", "", 9, -1), "19@4>19@1+9@4 | 19@0>19@5+9@0 | "
						"19@4>+9@4 | 19@0>+9@0");
	/* The same profile stands at the wanted start. */
	CHECK_STR(ways("19@0", "", 19, 0), "19@0>19@1+19@0 | 19@0>+19@0");
	/* No such start, no such profile, no layout. */
	CHECK_STR(ways("", "", 9, 1), "");
	CHECK_EQ(mig_plan_ways(t, &s, b.n_gi, -1, w, 3), 0);
	CHECK_EQ(mig_plan_ways(t, &s, 0, -1, w, 0), 0);
	s.now = slots_of(&b, t, "0@0 19@0");
	CHECK_EQ(mig_plan_ways(t, &s, 0, -1, w, 3), 0);
}

static const char *blockers(const char *now, const char *wanted, bool by_rule)
{
	static char text[128];
	unsigned slot = (unsigned)__builtin_ctzll(slots_of(&b, t, wanted));
	mig_slots s = slots_of(&b, t, now);

	return text_of(&b, t,
		       by_rule ? mig_plan_blockers_by_rule(t, s, slot)
			       : mig_plan_blockers(t, s, slot),
		       text);
}

static void in_the_way(void)
{
	CHECK_STR(blockers("19@3 9@4", "5@0", false), "19@3");
	CHECK_STR(blockers("19@3 9@4", "0@0", false), "19@3 9@4");
	CHECK_STR(blockers("19@3 20@5", "20@3", false), "19@3 20@5");
	CHECK_STR(blockers("19@3 20@5", "20@3", true), "20@5");
	CHECK_STR(blockers("19@3 20@5", "20@5", true), "");
	CHECK_STR(blockers("19@3", "9@4", false), "");
	CHECK_EQ(mig_plan_blockers(t, 1, 64), 0);
	CHECK_EQ(mig_plan_blockers_by_rule(t, 1, 64), 0);
}

/* Two profiles of one unit that start anywhere; of the first, id 1, there may be two. */
static void limits_of_number(void)
{
	struct mig_plan_measure m;

	mig_plan_table_free(t);
	b = (struct mig_board){ .units = 4, .compute_slices = 4, .n_gi = 2 };
	for (unsigned i = 0; i < 2; i++) {
		b.gi[i] = (struct mig_gi_profile){
			.id = (uint16_t)(i + 1), .slices = 1, .size = 1, .total = 2, .n_starts = 4
		};
		for (unsigned k = 0; k < 4; k++)
			b.gi[i].starts[k] = (uint8_t)k;
	}
	t = table_of(&b, mig_profiles_all(&b));
	/* No slot is in the way of the one at 3; either of the two has to go all the same. */
	CHECK_STR(ways("1@0 1@1", "", 1, 3), "1@1>+1@3 | 1@0>+1@3");
	CHECK_STR(ways("1@0 1@1", "1@0", 1, 3), "1@1>+1@3");
	CHECK_STR(ways("1@0 1@1", "1@0 1@1", 1, 3), "");
	/* One that is in the way goes, and then one of the two, unless it was one of them. */
	CHECK_STR(ways("1@0 1@1 2@3", "", 1, 3), "1@1 2@3>+1@3 | 1@0 2@3>+1@3");
	CHECK_STR(ways("1@0 1@3", "", 1, 3), "1@3>+1@3");
	CHECK_STR(ways("1@0 1@1", "", 1, -1), "1@0>+1@0 | 1@1>+1@1");
	CHECK_STR(blockers("1@0 1@1", "1@3", false), "1@0 1@1");
	CHECK_STR(blockers("1@0 1@1", "1@3", true), "1@0 1@1");
	CHECK_STR(blockers("1@0 1@3", "1@3", false), "1@3");
	CHECK_STR(reason("1 1 1", ""), "total 1: 3 of 2");
	mig_plan_measure(t, slots_of(&b, t, "1@0 1@1 2@2 2@3"), &m);
	CHECK_EQ(m.largest, -1);
	CHECK_EQ(m.units_free, 0);
}

static void fragmentation(void)
{
	struct mig_plan_measure m;
	char text[128];

	/* The lone 1g in the middle of a half costs the 3g there, the 4g and the 7g. */
	mig_plan_measure(t, slots_of(&b, t, "19@1 19@5"), &m);
	CHECK_EQ(m.units, 8);
	CHECK_EQ(m.units_free, 6);
	CHECK_EQ(m.slices, 7);
	CHECK_EQ(m.slices_free, 5);
	CHECK_EQ(m.free_mask, 0xdd);
	CHECK_EQ(m.dead_mask, 0);
	CHECK_EQ(b.gi[m.largest].id, 14);
	CHECK_EQ(b.gi[m.largest_best].id, 5);
	CHECK(m.room < m.room_best);
	CHECK_EQ(m.room, mig_plan_room(t, slots_of(&b, t, "19@1 19@5")));
	CHECK_EQ(m.room_best, mig_plan_room(t, m.best));
	/* Memory slice 7 is of use to a 3g, a 7g and a double 1g alone. */
	mig_plan_measure(t, slots_of(&b, t, "5@0 14@4 19@6"), &m);
	CHECK_EQ(m.free_mask, 0x80);
	CHECK_EQ(m.dead_mask, 0x80);
	CHECK_EQ(m.slices_free, 0);
	CHECK_EQ(m.largest, -1);
	CHECK_EQ(m.largest_best, -1);
	CHECK_EQ(m.room, 1);
	/* What is as good as can be is its own best arrangement. */
	mig_plan_measure(t, slots_of(&b, t, "9@4"), &m);
	CHECK_STR(text_of(&b, t, m.best, text), "9@4");
	mig_plan_measure(t, slots_of(&b, t, "9@0"), &m);
	CHECK_STR(text_of(&b, t, m.best, text), "9@4");
	CHECK_EQ(b.gi[m.largest].id, 9);
	CHECK_EQ(b.gi[m.largest_best].id, 5);
	mig_plan_measure(t, 0, &m);
	CHECK_EQ(b.gi[m.largest].id, 0);
	CHECK_EQ(m.room, 2319);
	CHECK_EQ(m.best, 0);
	mig_plan_measure(t, slots_of(&b, t, "0@0 19@0"), &m);
	CHECK_EQ(m.units, 0);
	CHECK_EQ(m.largest, -1);
	CHECK_EQ(m.largest_best, -1);
}

/* Profiles for needs such as "20000/0 0/28" (MiB/multiprocessors), "-" where there are none. */
static const char *needs(const char *pinned, const char *text)
{
	static char out[128];
	struct mig_plan_state s = state_in_words(&b, t, pinned, pinned);
	struct mig_error err = { 0 };
	struct mig_need need[8];
	uint8_t ret[8];
	unsigned n = 0, mib, sm;
	int used, len = 0, r;

	for (; sscanf(text, " %u/%u%n", &mib, &sm, &used) == 2; text += used)
		need[n++] = (struct mig_need){ mib, (uint16_t)sm };
	r = mig_plan_needs(&b, t, &s, need, n, ret, &err);
	if (r == -ENOSPC) {
		CHECK(err.msg[0]);
		return "-";
	}
	CHECK_EQ(r, 0);
	out[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		len += snprintf(out + len, sizeof(out) - (size_t)len, "%s%u", i ? " " : "",
				b.gi[ret[i]].id);
	return out;
}

static void by_need(void)
{
	struct mig_plan_state s = state_in_words(&b, t, "", "");
	struct mig_need need[9] = { { 0, 0 } };
	struct mig_board other = board_of("a30", "535.183.01");
	struct mig_error err = { 0 };
	uint8_t ret[9];

	/* 30 GiB and three times 12 GiB with 28 multiprocessors: a 3g and two 2g are all there is.
	 */
	CHECK_STR(needs("", "30720/0"), "9");
	CHECK_STR(needs("", "30720/0 12288/28 12288/28"), "9 14 14");
	CHECK_STR(needs("", "30720/0 12288/28 12288/28 12288/28"), "-");
	/* Without media engines first; memory without multiprocessors needs no 2g. */
	CHECK_STR(needs("", "0/0"), "19");
	CHECK_STR(needs("", "12288/0"), "15");
	CHECK_STR(needs("", "12288/15"), "14");
	CHECK_STR(needs("", "1/0 1/0 1/0 1/0 1/0 1/0 1/0"), "19 19 19 19 19 19 19");
	CHECK_STR(needs("", "1/0 1/0 1/0 1/0 1/0 1/0 1/0 1/0"), "-");
	CHECK_STR(needs("", "0/99"), "-");
	CHECK_STR(needs("", "90000/0"), "-");
	CHECK_STR(needs("", ""), "");
	/* In the order of the needs. */
	CHECK_STR(needs("", "1/0 40000/0 1/28"), "19 9 14");
	/* Pinned ones serve none, and keep their place. */
	CHECK_STR(needs("9@4", "30720/0"), "9");
	CHECK_STR(needs("9@4 9@0", "1/0"), "-");
	CHECK_STR(needs("9@4 19@1", "30720/0"), "-");
	CHECK_EQ(mig_plan_needs(&b, t, &s, need, 9, ret, &err), -EINVAL);
	CHECK(strstr(err.msg, "9 needs"));
	CHECK_EQ(mig_plan_needs(&other, t, &s, need, 1, ret, &err), -EINVAL);
	s.now = slots_of(&b, t, "0@0 19@0");
	CHECK_EQ(mig_plan_needs(&b, t, &s, need, 1, ret, &err), -EINVAL);
}

int main(void)
{
	open_board("a100-40gb-pcie", "510.47.03");
	CHECK_STR(free_column(""), "7 1 3 2 1 1"); /* this driver has no profile 15 */
	open_board("a100-80gb-pcie", "580.126.09");
	free_as_seen();
	reasons();
	nearest_goals();
	smallest_changes();
	in_the_way();
	fragmentation();
	by_need();
	limits_of_number();
	mig_plan_table_free(t);
	return 0;
}
