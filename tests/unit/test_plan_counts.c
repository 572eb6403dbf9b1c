/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plan_fixture.h"

/*
 * How many layouts and multisets there are: the figures that an enumeration over NVML's placements
 * gave, among them the 19 and 5 rows of NVIDIA's figure, and the 18 of drivers before R510.
 */

struct row {
	const char *board, *driver;
	int ids[12]; /* ended by -1; empty: all */
	struct mig_plan_totals want;
};

#define ANY UINT32_MAX /* no independent figure */

static const struct row rows[] = {
	{ "a100-40gb-sxm", "580.126.09", { 19, 14, 9, 5, 0, -1 }, { 297, 19, 144, 37, 14, 12 } },
	{ "a100-80gb-pcie", "515.86.01", { 19, 14, 9, 5, 0, -1 }, { 297, 19, 144, 37, 14, 12 } },
	{ "h100-80gb-sxm", "580.159.04", { 19, 14, 9, 5, 0, -1 }, { 297, 19, 144, 37, 14, 12 } },
	{ "a100-40gb-sxm", "470.82.01", { 19, 14, 9, 5, 0, -1 }, { 296, 18, ANY, ANY, ANY, ANY } },
	{ "a100-40gb-sxm",
	  "580.126.09",
	  { 19, 15, 14, 9, 5, 0, -1 },
	  { 722, 78, 192, 77, 38, 28 } },
	{ "a100-40gb-sxm",
	  "580.126.09",
	  { 19, 20, 14, 9, 5, 0, -1 },
	  { 1088, ANY, ANY, ANY, ANY, ANY } },
	{ "a100-40gb-sxm", "580.126.09", { -1 }, { 2318, 239, ANY, 127, ANY, 44 } },
	{ "h200", "580.159.04", { -1 }, { 2318, 239, ANY, 127, ANY, 44 } },
	{ "a30", "535.183.01", { 14, 5, 0, -1 }, { 25, 5, ANY, 9, 4, 4 } },
	{ "a30", "535.183.01", { -1 }, { 75, ANY, ANY, ANY, ANY, ANY } },
	{ "rtx-pro-6000-server", "580.105.08", { 14, 5, 0, -1 }, { 25, 5, ANY, 9, 4, 4 } },
	{ "rtx-pro-6000-server", "580.105.08", { -1 }, { 716, ANY, ANY, ANY, ANY, ANY } },
};

static void check_figure(unsigned got, unsigned want)
{
	if (want != ANY)
		CHECK_EQ(got, want);
}

static void check_row(const struct row *row)
{
	struct mig_board b = board_of(row->board, row->driver);
	struct mig_plan_totals t;
	struct mig_plan_table *table =
		table_of(&b, row->ids[0] < 0 ? mig_profiles_all(&b) : by_ids(&b, row->ids));

	printf("%s %s, %d ...\n", row->board, row->driver, row->ids[0]);
	mig_plan_totals(table, &t);
	check_figure(t.layouts, row->want.layouts);
	check_figure(t.maximal, row->want.maximal);
	check_figure(t.masks, row->want.masks);
	check_figure(t.multisets, row->want.multisets);
	check_figure(t.multisets_maximal, row->want.multisets_maximal);
	check_figure(t.multisets_uncovered, row->want.multisets_uncovered);
	CHECK_EQ(mig_plan_n_layouts(table), t.layouts + 1);
	mig_plan_table_free(table);
}

/* Multisets by number: all different, the empty one first, each of some layout. */
static void by_number(void)
{
	struct mig_board b = board_of("a100-80gb-pcie", "515.86.01");
	struct mig_plan_table *t = table_of(&b, mig_profiles_plain(&b));
	struct mig_counts c, d;
	unsigned n = 0;
	bool seen;

	for (; mig_plan_multiset(t, n, &c); n++) {
		seen = false;
		for (size_t i = 0; i < mig_plan_n_layouts(t); i++) {
			d = mig_plan_counts(t, mig_plan_layout(t, i));
			seen |= !memcmp(&c, &d, sizeof(c));
		}
		CHECK(seen);
		for (unsigned k = 0; k < n; k++) {
			CHECK(mig_plan_multiset(t, k, &d));
			CHECK(memcmp(&c, &d, sizeof(c)));
		}
	}
	CHECK_EQ(n, 38);
	CHECK(mig_plan_multiset(t, 0, &c));
	d = (struct mig_counts){ { 0 } };
	CHECK(!memcmp(&c, &d, sizeof(c)));
	mig_plan_table_free(t);
}

static void plain_profiles(void)
{
	struct mig_board a100 = board_of("a100-80gb-pcie", "580.126.09");
	struct mig_board a30 = board_of("a30", "535.183.01");
	struct mig_board rtx = board_of("rtx-pro-6000-server", "580.105.08");

	CHECK_EQ(mig_profiles_plain(&a100), IDS(&a100, 19, 14, 9, 5, 0));
	CHECK_EQ(mig_profiles_plain(&a30), IDS(&a30, 14, 5, 0));
	CHECK_EQ(mig_profiles_plain(&rtx), IDS(&rtx, 14, 5, 0));
	CHECK_EQ(mig_profiles_all(&rtx), 0x7ff);
}

int main(void)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	by_number();
	plain_profiles();
	return 0;
}
