/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "model/boards.h"
#include "unit/check.h"

/* The compiled-in boards as drivers show them, against figures read from transcripts. */

static struct mig_board board_of(const char *key, const char *driver)
{
	struct mig_error err = { 0 };
	struct mig_board b;

	CHECK(mig_board_find(key));
	if (mig_board_resolve(mig_board_find(key), driver, &b, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(err.code, 0);
	return b;
}

static const struct mig_gi_profile *profile(const struct mig_board *b, const char *name)
{
	for (unsigned i = 0; i < b->n_gi; i++)
		if (strcmp(b->gi[i].name, name) == 0)
			return &b->gi[i];
	return NULL;
}

/* One printed row of nvidia-smi mig -lgip. */
struct row {
	const char *name;
	unsigned id, total, memory_mb, sm, dec, ce, jpeg, ofa;
};

static void rows(const char *key, const char *driver, const struct row *want, unsigned n)
{
	struct mig_board b = board_of(key, driver);

	CHECK_EQ(b.n_gi, n);
	for (unsigned i = 0; i < n; i++) {
		const struct mig_gi_profile *p = &b.gi[i];

		CHECK_STR(p->name, want[i].name);
		CHECK_EQ(p->id, want[i].id);
		CHECK_EQ(p->total, want[i].total);
		CHECK_EQ(p->memory_mb, want[i].memory_mb);
		CHECK_EQ(p->sm, want[i].sm);
		CHECK_EQ(p->dec, want[i].dec);
		CHECK_EQ(p->ce, want[i].ce);
		CHECK_EQ(p->jpeg, want[i].jpeg);
		CHECK_EQ(p->ofa, want[i].ofa);
		CHECK_EQ(p->enc, 0);
		CHECK_EQ(p->p2p, 0);
	}
}

#define ROWS(key, driver, list) rows(key, driver, list, sizeof(list) / sizeof((list)[0]))

static void printed_tables(void)
{
	/* The lesson: A100 80GB PCIe, 515.86.01 */
	static const struct row lesson[] = {
		{ "1g.10gb", 19, 7, 9728, 14, 0, 1, 0, 0 },
		{ "1g.10gb+me", 20, 1, 9728, 14, 1, 1, 1, 1 },
		{ "2g.20gb", 14, 3, 19968, 28, 1, 2, 0, 0 },
		{ "3g.40gb", 9, 2, 40192, 42, 2, 3, 0, 0 },
		{ "4g.40gb", 5, 1, 40192, 56, 2, 4, 0, 0 },
		{ "7g.80gb", 0, 1, 80896, 98, 5, 7, 1, 1 },
	};
	/* 550.54.14 on an A100-SXM4-80GB */
	static const struct row r550[] = {
		{ "1g.10gb", 19, 7, 9728, 14, 0, 1, 0, 0 },
		{ "1g.10gb+me", 20, 1, 9728, 14, 1, 1, 1, 1 },
		{ "1g.20gb", 15, 4, 19968, 14, 1, 1, 0, 0 },
		{ "2g.20gb", 14, 3, 19968, 28, 1, 2, 0, 0 },
		{ "3g.40gb", 9, 2, 40192, 42, 2, 3, 0, 0 },
		{ "4g.40gb", 5, 1, 40192, 56, 2, 4, 0, 0 },
		{ "7g.80gb", 0, 1, 80640, 98, 5, 7, 1, 1 },
	};
	/* 510.47.03 on an A100-PCIE-40GB */
	static const struct row r510[] = {
		{ "1g.5gb", 19, 7, 4864, 14, 0, 1, 0, 0 },
		{ "1g.5gb+me", 20, 1, 4864, 14, 1, 1, 1, 1 },
		{ "2g.10gb", 14, 3, 9984, 28, 1, 2, 0, 0 },
		{ "3g.20gb", 9, 2, 20096, 42, 2, 3, 0, 0 },
		{ "4g.20gb", 5, 1, 20096, 56, 2, 4, 0, 0 },
		{ "7g.40gb", 0, 1, 40448, 98, 5, 7, 1, 1 },
	};
	static const struct row a30[] = {
		{ "1g.6gb", 14, 4, 5952, 14, 1, 1, 0, 0 },
		{ "1g.6gb+me", 21, 1, 5952, 14, 1, 1, 1, 1 },
		{ "2g.12gb", 5, 2, 11968, 28, 2, 2, 0, 0 },
		{ "2g.12gb+me", 6, 1, 11968, 28, 2, 2, 1, 1 },
		{ "4g.24gb", 0, 1, 24000, 56, 4, 4, 1, 1 },
	};
	static const struct row h200[] = {
		{ "1g.18gb", 19, 7, 16384, 16, 1, 1, 1, 0 },
		{ "1g.18gb+me", 20, 1, 16384, 16, 1, 1, 1, 1 },
		{ "1g.35gb", 15, 4, 33280, 26, 1, 1, 1, 0 },
		{ "2g.35gb", 14, 3, 33280, 32, 2, 2, 2, 0 },
		{ "3g.71gb", 9, 2, 71424, 60, 3, 3, 3, 0 },
		{ "4g.71gb", 5, 1, 71424, 64, 4, 4, 4, 0 },
		{ "7g.141gb", 0, 1, 143360, 132, 7, 8, 7, 1 },
	};

	ROWS("a100-80gb-pcie", "515.86.01", lesson);
	ROWS("a100-80gb-sxm", "550.54.14", r550);
	ROWS("a100-40gb-pcie", "510.47.03", r510);
	ROWS("a30", "535.183.01", a30);
	ROWS("h200", "580.159.04", h200);
}

/* Of each figure the newest value that is not newer than the driver, else the oldest. */
static void by_driver(void)
{
	static const struct {
		const char *driver;
		unsigned memory_mb, bar1_mb;
	} whole[] = {
		{ "450.80.02", 40448, 65535 },	{ "510.47.03", 40448, 65535 },
		{ "520.61.05", 40448, 65535 },	{ "525.60.13", 40192, 65535 },
		{ "575.57.08", 40192, 65535 },	{ "580.65.06", 40192, 24422 },
		{ "580.126.09", 40320, 24422 },
	};
	struct mig_board b;

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		b = board_of("a100-40gb-sxm", whole[i].driver);
		CHECK_EQ(profile(&b, "7g.40gb")->memory_mb, whole[i].memory_mb);
		CHECK_EQ(profile(&b, "7g.40gb")->bar1_mb, whole[i].bar1_mb);
	}
	b = board_of("a100-40gb-sxm", "580.126.09");
	CHECK_EQ(profile(&b, "1g.5gb")->bar1_mb, 3052);
	CHECK_EQ(profile(&b, "2g.10gb")->bar1_mb, 6105);
	CHECK_EQ(profile(&b, "4g.20gb")->bar1_mb, 12211);
	CHECK_STR(b.name, "NVIDIA A100-SXM4-40GB");
	b = board_of("a100-40gb-sxm", "460.32.03");
	CHECK_STR(b.name, "A100-SXM4-40GB");
	CHECK_EQ(b.gi_beside_4g3g, 0);
	CHECK(!profile(&b, "1g.5gb+me"));
	b = board_of("a100-40gb-sxm", "470.57.02");
	CHECK(profile(&b, "1g.5gb+me"));
	CHECK(!profile(&b, "1g.10gb"));
	CHECK_EQ(b.gi_beside_4g3g, 0);
	b = board_of("a100-40gb-sxm", "510.39.01");
	CHECK_EQ(b.gi_beside_4g3g, 1);
	b = board_of("a100-40gb-sxm", "525.60.13");
	CHECK_EQ(profile(&b, "1g.10gb")->index, 9);
}

static void compute_instances(void)
{
	struct mig_board b = board_of("a100-80gb-pcie", "515.86.01");
	const struct mig_gi_profile *p = profile(&b, "3g.40gb");

	CHECK_EQ(p->n_ci, 3);
	CHECK_STR(p->ci[0].name, "1c.3g.40gb");
	CHECK_STR(p->ci[1].name, "2c.3g.40gb");
	CHECK_STR(p->ci[2].name, "3g.40gb");
	CHECK_EQ(p->ci[2].id, 2);
	CHECK_EQ(p->ci[2].is_default, 1);
	CHECK_EQ(p->ci[2].span, 3); /* 0:3 on Ampere */
	CHECK_EQ(p->ci[2].sm, 42);
	p = profile(&b, "4g.40gb");
	CHECK_EQ(p->n_ci, 3); /* no 3c.4g */
	CHECK_EQ(p->ci[1].total, 2);
	CHECK_EQ(p->ci[2].id, 3);
	CHECK_STR(profile(&b, "1g.10gb+me")->ci[0].name, "1g.10gb");
	CHECK_EQ(profile(&b, "7g.80gb")->n_ci, 5);
	CHECK(profile(&b, "7g.80gb")->ci[0].unconfirmed & MIG_UNCONFIRMED_TOTAL);
	b = board_of("h100-80gb-sxm", "580.159.04");
	p = profile(&b, "3g.40gb");
	CHECK_EQ(p->ci[2].span, 4); /* 0:4 on Hopper */
	p = profile(&b, "1g.20gb");
	CHECK_EQ(p->n_ci, 2);
	CHECK_EQ(p->ci[1].id, 7);
	CHECK_EQ(p->ci[1].sm, 26);
	CHECK_EQ(p->ci[1].is_default, 1);
	CHECK_STR(p->ci[1].name, "1g.20gb");
	CHECK_EQ(p->ci[0].is_default, 0);
	CHECK_STR(p->ci[0].name, "1c.1g.20gb");
	CHECK(p->ci[0].unconfirmed & MIG_UNCONFIRMED_ID);
}

static void whole_boards(void)
{
	struct mig_board b = board_of("h200", "580.159.04");

	/* Measured in bytes: 150754820096 total, 644939776 of it reserved, 1703936 of BAR1 used. */
	CHECK_EQ((uint64_t)b.memory_total_mib << 20, 150754820096);
	CHECK_EQ((uint64_t)b.memory_reserved_kib << 10, 644939776);
	CHECK_EQ((uint64_t)b.bar1_used_kib << 10, 1703936);
	CHECK_EQ(b.pci_device_id, 590680286);
	CHECK_EQ(b.pci_subsystem_id, 415174878);
	CHECK_EQ(b.cuda_cores, 16896);
	CHECK_EQ(b.architecture, 9);
	CHECK_EQ(b.cc_major, 9);
	CHECK_EQ(b.mode_needs_reset, 0);
	CHECK_EQ(b.ids_not_supported, 1u << 6 | 1u << 10 | 1u << 21);
	CHECK_EQ(b.ids_empty,
		 UINT64_C(1) << 32 | UINT64_C(1) << 35 | UINT64_C(1) << 38 | UINT64_C(3) << 47);
	CHECK_EQ(b.gi[0].unconfirmed, MIG_UNCONFIRMED_BAR1);
	b = board_of("a100-80gb-pcie", "515.86.01");
	CHECK_EQ(b.numbering, MIG_NUMBERING_X);
	CHECK_EQ(b.numbering_fixed, 0);
	CHECK_EQ(b.mode_needs_reset, 1);
	CHECK_EQ(b.mode_persistent, 1);
	CHECK_EQ(b.power_limit_mw, 300000);
	CHECK_EQ(b.unconfirmed_boards, 1);
	CHECK_EQ(profile(&b, "2g.20gb")->unconfirmed, 0);
	b = board_of("a30", "535.183.01");
	CHECK_EQ(b.numbering, MIG_NUMBERING_QUARTER);
	CHECK_EQ(b.numbering_fixed, 1);
}

static void refused(void)
{
	struct mig_error err = { 0 };
	struct mig_board b = { .key = "kept" };

	CHECK_EQ(mig_board_resolve(mig_board_find("h200"), "515.86.01", &b, &err), -EINVAL);
	CHECK_STR(err.msg, "driver 515.86.01 does not know the board h200: it needs 550 or later");
	CHECK_EQ(mig_board_resolve(mig_board_find("h200"), "five", &b, &err), -EINVAL);
	CHECK_STR(b.key, "kept");
	CHECK(!mig_board_find("h300"));
}

/* NVIDIA's rounding, for boards whose names are known though they are not compiled in yet. */
static void names_follow_memory(void)
{
	static const struct {
		unsigned total_mib, gb[4]; /* an eighth, a quarter, a half, all */
	} known[] = {
		{ 40960, { 5, 10, 20, 40 } },	  { 81559, { 10, 20, 40, 80 } },
		{ 95830, { 12, 24, 47, 94 } },	  { 97871, { 12, 24, 48, 96 } },
		{ 143771, { 18, 35, 71, 141 } },  { 184320, { 23, 45, 90, 180 } },
		{ 190464, { 23, 47, 93, 186 } },  { 275456, { 34, 67, 135, 269 } },
		{ 284672, { 35, 70, 139, 278 } },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		for (unsigned k = 0; k < 4; k++)
			CHECK_EQ(mig_board_name_gb(known[i].total_mib, 1u << k, 8), known[i].gb[k]);
	CHECK_EQ(mig_board_name_gb(24576, 1, 4), 6);
	CHECK_EQ(mig_board_name_gb(97887, 3, 12), 24);
}

/*
 * Every figure of every board has a source, and each source is described. Only the group "nvml" may
 * lack some.
 */
static void sources(void)
{
	static const char *const groups[] = {
#define X(name, group, key, kind, least, most, field) [MIG_FIG_##name] = group,
		MIG_BOARD_FIGURES(X)
#undef X
	};
	const struct mig_board_def *def;
	unsigned n;

	for (n = 0; (def = mig_board_at(n)) != NULL; n++) {
		for (unsigned i = 0; i < MIG_BOARD_FIGURE_MAX; i++) {
			CHECK(def->fig[i].n > 0 || !strcmp(groups[i], "nvml"));
			for (unsigned k = 0; k < def->fig[i].n; k++)
				CHECK(def->fig[i].v[k].sources & ~MIG_DEF_UNCONFIRMED);
		}
		for (unsigned i = 0; i < def->n_sources; i++)
			CHECK(def->sources[i].code[0] && def->sources[i].text[0]);
	}
	CHECK(n >= 8);
}

int main(void)
{
	printed_tables();
	by_driver();
	compute_instances();
	whole_boards();
	refused();
	names_follow_memory();
	sources();
	return 0;
}
