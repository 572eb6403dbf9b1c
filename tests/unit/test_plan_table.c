/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "model/boards.h"
#include "unit/plan_fixture.h"

/*
 * Tables: the published counts, a brute force that knows nothing of the enumeration (all
 * placements, each taken or not, checked pair by pair), the order of NVIDIA's figure, and what is
 * said of placements that no GPU has.
 */

/* All placements in a row, each taken or not. */
struct brute {
	const struct mig_plan_table *table;
	struct {
		uint64_t mask;
		unsigned slices;
		enum mig_media media;
	} p[64];
	unsigned n;
	bool beside;
	unsigned chosen[64], n_chosen;
	size_t all, maximal;
};

static bool brute_clash(const struct brute *b, unsigned i, unsigned k)
{
	unsigned a = b->p[i].slices, c = b->p[k].slices;
	enum mig_media m = b->p[i].media, o = b->p[k].media;

	return (b->p[i].mask & b->p[k].mask) || (m == MIG_MEDIA_ME && o == MIG_MEDIA_ME) ||
	       (m == MIG_MEDIA_ME_ALL && o != MIG_MEDIA_NO_ME) ||
	       (o == MIG_MEDIA_ME_ALL && m != MIG_MEDIA_NO_ME) ||
	       (!b->beside && ((a == 4 && c == 3) || (a == 3 && c == 4)));
}

static bool brute_free(const struct brute *b, unsigned i)
{
	for (unsigned k = 0; k < b->n_chosen; k++)
		if (brute_clash(b, i, b->chosen[k]))
			return false;
	return true;
}

/* One layout: its row, and what the table says is free beside it. */
static void brute_layout(struct brute *b)
{
	mig_slots slots = 0, can = 0;

	for (unsigned k = 0; k < b->n_chosen; k++)
		slots |= (mig_slots)1 << b->chosen[k];
	for (unsigned k = 0; k < b->n; k++)
		if (brute_free(b, k))
			can |= (mig_slots)1 << k;
	CHECK(mig_plan_is_layout(b->table, slots));
	CHECK_EQ(mig_plan_free(b->table, slots), can);
	b->all++;
	b->maximal += !can;
}

static void brute_walk(struct brute *b, unsigned i)
{
	if (i == b->n) {
		brute_layout(b);
		return;
	}
	brute_walk(b, i + 1);
	if (!brute_free(b, i))
		return;
	b->chosen[b->n_chosen++] = i;
	brute_walk(b, i + 1);
	b->n_chosen--;
}

static void against_brute_force(const struct mig_board *board, mig_profiles set)
{
	struct mig_plan_table *t = table_of(board, set);
	struct brute b = { .table = t, .beside = board->gi_beside_4g3g, .n = mig_plan_n_slots(t) };
	size_t maximal = 0, room = 0;

	for (unsigned i = 0; i < b.n; i++) {
		const struct mig_slot *slot = mig_plan_slot(t, i);

		CHECK_EQ(mig_plan_slot_at(t, slot->profile, slot->start), i);
		if (i > 0)
			CHECK(slot[-1].start < slot->start ||
			      (slot[-1].start == slot->start && slot[-1].profile < slot->profile));
		b.p[i].mask = ((UINT64_C(1) << slot->size) - 1) << slot->start;
		b.p[i].slices = slot->slices;
		b.p[i].media = board->gi[slot->profile].media;
	}
	brute_walk(&b, 0);
	CHECK_EQ(mig_plan_n_layouts(t), b.all);
	CHECK_EQ(mig_plan_layout(t, 0), 0);
	for (size_t i = 0; i < mig_plan_n_layouts(t); i++) {
		mig_slots a = mig_plan_layout(t, i);

		maximal += !mig_plan_free(t, a);
		if (i % 97)
			continue;
		room = 0;
		for (size_t k = 0; k < mig_plan_n_layouts(t); k++)
			room += (mig_plan_layout(t, k) & a) == a;
		CHECK_EQ(mig_plan_room(t, a), room);
	}
	CHECK_EQ(maximal, b.maximal);
	mig_plan_table_free(t);
}

/* NVIDIA's figure: the whole, then each filling of the left half with each of the right. */
static void order_of_the_figure(void)
{
	static const char *const left[] = { "4@0",	   "3@0",	  "2@0 2@2",
					    "2@0 1@2 1@3", "1@0 1@1 2@2", "1@0 1@1 1@2 1@3" };
	static const char *const right[] = { "3@4", "2@4 1@6", "1@4 1@5 1@6" };
	struct mig_board b = board_of("a100-80gb-pcie", "515.86.01");
	struct mig_plan_table *t = table_of(&b, mig_profiles_plain(&b));
	char want[64], got[64];
	unsigned row = 0;
	int len;

	for (size_t i = 0; i < mig_plan_n_layouts(t); i++) {
		mig_slots slots = mig_plan_layout(t, i);

		if (mig_plan_free(t, slots))
			continue;
		len = 0;
		for (unsigned k = 0; k < mig_plan_n_slots(t); k++)
			if (slots >> k & 1)
				len += snprintf(got + len, sizeof(got) - (size_t)len, "%s%u@%u",
						len ? " " : "", mig_plan_slot(t, k)->slices,
						mig_plan_slot(t, k)->start);
		if (row == 0)
			snprintf(want, sizeof(want), "7@0");
		else
			snprintf(want, sizeof(want), "%s %s", left[(row - 1) / 3],
				 right[(row - 1) % 3]);
		CHECK_STR(got, want);
		row++;
	}
	CHECK_EQ(row, 19);
	mig_plan_table_free(t);
}

static void refuse(const struct mig_board *b, mig_profiles set, const char *why)
{
	struct mig_plan_table *t = NULL;
	struct mig_error err = { 0 };

	CHECK_EQ(mig_plan_table_new(b, set, &t, &err), -EINVAL);
	CHECK(!t);
	CHECK(strstr(err.msg, why));
}

/* Profiles of one unit each that start at each of eight: 8 of them have 43 million layouts. */
static struct mig_board crowd(unsigned n_profiles)
{
	struct mig_board b = { .units = 8, .compute_slices = 7, .n_gi = n_profiles };

	for (unsigned i = 0; i < n_profiles; i++) {
		b.gi[i] = (struct mig_gi_profile){
			.slices = 1, .size = 1, .total = 8, .n_starts = 8
		};
		snprintf(b.gi[i].name, sizeof(b.gi[i].name), "1g.%ugb", i);
		for (unsigned k = 0; k < 8; k++)
			b.gi[i].starts[k] = (uint8_t)k;
	}
	return b;
}

static void placements_of_no_gpu(void)
{
	struct mig_board a100 = board_of("a100-80gb-pcie", "515.86.01"), b = a100;

	b.gi[2].starts[1] = 7;
	refuse(&b, mig_profiles_all(&b), "leaves the 8 units");
	b = a100;
	b.gi[0].size = 0;
	refuse(&b, mig_profiles_all(&b), "0 long");
	b = a100;
	b.gi[0].starts[3] = b.gi[0].starts[2];
	refuse(&b, mig_profiles_all(&b), "twice");
	b = a100;
	b.gi[0].n_starts = MIG_MAX_STARTS + 1;
	refuse(&b, mig_profiles_all(&b), "at most 8");
	b = a100;
	b.units = 0;
	refuse(&b, mig_profiles_all(&b), "0 placement units");
	b = a100;
	b.n_gi = MIG_MAX_GI_PROFILES + 1;
	refuse(&b, 0, "21 profiles");
	refuse(&a100, (mig_profiles)1 << a100.n_gi, "others were asked for");
	b = crowd(8);
	refuse(&b, mig_profiles_all(&b), "layouts; that is no GPU");
	b = crowd(9);
	refuse(&b, mig_profiles_all(&b), "placements; that is no GPU");
}

/* Limits that no pair shows: the total of a profile, eight instances at most. */
static void limits_of_number(void)
{
	struct mig_board b = crowd(1);
	struct mig_plan_table *t = table_of(&b, 1);

	CHECK_EQ(mig_plan_n_layouts(t), 256);
	mig_plan_table_free(t);
	b.gi[0].total = 2;
	t = table_of(&b, 1);
	CHECK_EQ(mig_plan_n_layouts(t), 1 + 8 + 28);
	CHECK_EQ(mig_plan_excludes(t, 3), 1 << 3);
	CHECK_EQ(mig_plan_free(t, 0x11), 0);
	CHECK_EQ(mig_plan_free(t, 0x01), 0xfe);
	CHECK(!mig_plan_is_layout(t, 0x13));
	CHECK_EQ(mig_plan_room(t, 0x13), 0);
	mig_plan_table_free(t);
	b.gi[0].total = 1;
	t = table_of(&b, 1);
	CHECK_EQ(mig_plan_excludes(t, 3), 0xff);
	mig_plan_table_free(t);
	b.gi[0].total = 0;
	t = table_of(&b, 1);
	CHECK_EQ(mig_plan_n_slots(t), 0);
	CHECK_EQ(mig_plan_n_layouts(t), 1);
	CHECK_EQ(mig_plan_slot_at(t, 0, 0), -1);
	CHECK(!mig_plan_slot(t, 0));
	mig_plan_table_free(t);
	b = crowd(1);
	b.units = 12;
	b.gi[0].starts[7] = 11;
	t = table_of(&b, 1);
	CHECK_EQ(mig_plan_slot(t, 7)->start, 11);
	CHECK_EQ(mig_plan_slot_at(t, 0, 11), 7);
	CHECK_EQ(mig_plan_slot_at(t, 0, 64), -1);
	CHECK_EQ(mig_plan_slot_at(t, 1, 0), -1);
	mig_plan_table_free(t);
}

int main(void)
{
	struct mig_board b;

	order_of_the_figure();
	placements_of_no_gpu();
	limits_of_number();
	for (unsigned i = 0; mig_board_at(i); i++) {
		b = board_of(mig_board_at(i)->key, "580.126.09");
		against_brute_force(&b, mig_profiles_plain(&b));
		against_brute_force(&b, mig_profiles_all(&b));
	}
	b = board_of("a100-80gb-pcie", "470.82.01");
	against_brute_force(&b, mig_profiles_all(&b));
	return 0;
}
