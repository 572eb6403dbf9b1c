/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "lab/rules.h"
#include "unit/lab_fixture.h"

/* Ids, placements and capacities, and every switch of doc/unconfirmed.md set each way. */

static struct lab *make(struct fixture *f, const char *board, const char *driver, uint8_t numbering,
			const char *rule)
{
	struct mig_error err = { 0 };
	struct lab_spec spec;
	struct lab *lab;

	fixture_make(f);
	fixture_spec(&spec, f->dir, board, driver, 1, numbering);
	if (rule)
		CHECK_EQ(lab_rule_set(spec.rule, rule), 0);
	CHECK_EQ(lab_create(&spec, &err), 0);
	lab = fixture_open(f);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	return lab;
}

static void done(struct fixture *f, struct lab *lab)
{
	lab_close(lab);
	fixture_end(f);
}

static const struct lab_gi *gi_of(const struct lab_gpu *gpu, unsigned id)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used && gpu->gi[i].id == id)
			return &gpu->gi[i];
	return NULL;
}

/* Creates one and tells its start; -errno where it is refused. */
static int put(struct lab *lab, unsigned profile, int start, unsigned *ret_id)
{
	struct lab_made made;
	struct lab_gpu gpu;
	int r = lab_gi_create(lab, 0, profile, start, -1, &made);

	if (r < 0)
		return r;
	*ret_id = made.id;
	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	CHECK_EQ(gi_of(&gpu, *ret_id)->generation, made.generation);
	return gi_of(&gpu, *ret_id)->start;
}

static void expect(const char *board, uint8_t numbering, const unsigned *profile, const int *start,
		   const unsigned *id, unsigned n)
{
	struct fixture f;
	struct lab *lab = make(&f, board, "535.261.03", numbering, NULL);

	for (unsigned i = 0; i < n; i++) {
		unsigned got;

		CHECK_EQ(put(lab, profile[i], -1, &got), start[i]);
		CHECK_EQ(got, id[i]);
	}
	done(&f, lab);
}

static void test_empty_board_orders(void)
{
	static const unsigned seven[] = { 19, 19, 19, 19, 19, 19, 19 };
	static const int starts[] = { 6, 4, 5, 0, 1, 2, 3 };
	static const unsigned ids_i[] = { 13, 11, 12, 7, 8, 9, 10 };
	static const unsigned ids_x[] = { 9, 7, 8, 11, 12, 13, 14 };
	static const unsigned quarters[] = { 14, 14, 5 };
	static const int quarter_starts[] = { 0, 1, 2 };
	static const unsigned quarter_ids[] = { 3, 4, 2 };

	expect("h100-80gb-sxm", MIG_NUMBERING_I, seven, starts, ids_i, 7);
	expect("a100-80gb-pcie", MIG_NUMBERING_X, seven, starts, ids_x, 7);
	expect("a30", MIG_NUMBERING_QUARTER, quarters, quarter_starts, quarter_ids, 3);
}

/* An RTX PRO 6000: three units a quarter, ids as on an A30; who stands beside whom. */
static void test_twelve_units(void)
{
	static const unsigned want[11] = { 4, 1, 4, 1, 4, 2, 2, 1, 2, 1, 1 };
	static const unsigned beside_all[11] = { 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0 };
	struct fixture f;
	struct lab *lab =
		make(&f, "rtx-pro-6000-server", "580.105.08", MIG_NUMBERING_QUARTER, NULL);
	const struct mig_board *b;
	struct lab_gpu gpu;
	unsigned id;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	b = lab_board(lab, &gpu);
	CHECK_EQ(b->units, 12);
	CHECK_EQ(b->n_gi, 11);
	for (unsigned i = 0; i < b->n_gi; i++)
		CHECK_EQ(lab_gi_remaining(b, &gpu, lab_const(lab)->rule, i), want[i]);
	CHECK_EQ(put(lab, 14, -1, &id), 0);
	CHECK_EQ(id, 3);
	CHECK_EQ(put(lab, 65, -1, &id), -ENOSPC); /* +me.all leaves only -me, and joins only -me */
	CHECK_EQ(put(lab, 21, 9, &id), 9);
	CHECK_EQ(id, 6);
	CHECK_EQ(put(lab, 21, -1, &id), -ENOSPC); /* one +me */
	CHECK_EQ(put(lab, 47, -1, &id), 3);
	CHECK_EQ(put(lab, 5, -1, &id), -ENOSPC);
	CHECK_EQ(put(lab, 5, 3, &id), -EINVAL); /* halves start at 0 and 6 */
	done(&f, lab);
	lab = make(&f, "rtx-pro-6000-server", "580.105.08", MIG_NUMBERING_QUARTER, NULL);
	CHECK_EQ(put(lab, 65, -1, &id), 0);
	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	for (unsigned i = 0; i < b->n_gi; i++)
		CHECK_EQ(lab_gi_remaining(b, &gpu, lab_const(lab)->rule, i), beside_all[i]);
	CHECK_EQ(put(lab, 64, 6, &id), -ENOSPC);
	CHECK_EQ(put(lab, 66, -1, &id), 6);
	CHECK_EQ(id, 2);
	CHECK_EQ(put(lab, 67, -1, &id), 3);
	CHECK_EQ(id, 4);
	done(&f, lab);
	lab = make(&f, "rtx-pro-6000-server", "580.105.08", MIG_NUMBERING_QUARTER, NULL);
	CHECK_EQ(put(lab, 32, -1, &id), 0);
	CHECK_EQ(id, 0);
	CHECK_EQ(put(lab, 67, -1, &id), -ENOSPC);
	done(&f, lab);
}

/* Workstation boards have a MIG mode only while their display ports are disabled. */
static void test_display_ports(void)
{
	struct mig_error err = { 0 };
	struct lab_spec spec;
	struct lab_gpu gpu;
	struct fixture f;
	struct lab *lab;

	fixture_make(&f);
	fixture_spec(&spec, f.dir, "rtx-pro-6000-max-q", "580.105.08", 1, MIG_NUMBERING_QUARTER);
	CHECK_EQ(lab_create(&spec, &err), 0);
	lab = fixture_open(&f);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), -ENOTSUP);
	CHECK_EQ(lab_set_reading(lab, 0, -1, "display", "off", &err), 0);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	CHECK_EQ(lab_set_reading(lab, 0, -1, "display", "on", &err), -EBUSY);
	CHECK_EQ(lab_set_mig_mode(lab, 0, false), 0);
	CHECK_EQ(lab_set_reading(lab, 0, -1, "display", "on", &err), 0);
	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	CHECK(!lab_has_mig_mode(lab_board(lab, &gpu), &gpu));
	done(&f, lab);
	lab = make(&f, "a30", "535.261.03", MIG_NUMBERING_QUARTER, NULL);
	CHECK_EQ(lab_set_reading(lab, 0, -1, "display", "off", &err), -ENOTSUP);
	done(&f, lab);
}

static void test_refusals(void)
{
	struct fixture f;
	struct lab *lab = make(&f, "a100-80gb-pcie", "535.261.03", MIG_NUMBERING_X, NULL);
	unsigned id;

	CHECK_EQ(put(lab, 9, 3, &id), -EINVAL); /* no such start */
	CHECK_EQ(put(lab, 9, 4, &id), 4);
	CHECK_EQ(put(lab, 9, 4, &id), -ENOSPC); /* taken */
	CHECK_EQ(put(lab, 0, -1, &id), -ENOSPC);
	CHECK_EQ(put(lab, 77, -1, &id), -EINVAL);
	CHECK_EQ(put(lab, 20, -1, &id), 0);
	CHECK_EQ(put(lab, 20, -1, &id), -ENOSPC); /* one +me */
	done(&f, lab);
	lab = make(&f, "a100-40gb-sxm", "470.57.02", MIG_NUMBERING_I, NULL);
	CHECK_EQ(put(lab, 5, -1, &id), 0);
	CHECK_EQ(put(lab, 9, -1, &id), -ENOSPC);  /* before R510 */
	CHECK_EQ(put(lab, 15, -1, &id), -EINVAL); /* before R525 */
	done(&f, lab);
}

/* Verified step by step in a 580 session on an A100-SXM4-40GB: rows 19,20,15,14,9,5,0. */
static void test_remaining(void)
{
	static const unsigned ids[] = { 19, 20, 15, 14, 9, 5, 0 };
	static const unsigned want[4][7] = {
		{ 7, 1, 4, 3, 2, 1, 1 }, { 3, 1, 2, 1, 1, 0, 0 }, { 1, 1, 1, 0, 0, 0, 0 }, { 0 }
	};
	static const unsigned create[] = { 5, 14, 19 };
	struct fixture f;
	struct lab *lab = make(&f, "a100-40gb-sxm", "580.126.09", MIG_NUMBERING_X, NULL);
	struct lab_gpu gpu;
	unsigned id;

	for (unsigned step = 0; step < 4; step++) {
		const struct mig_board *b;

		CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
		b = lab_board(lab, &gpu);
		for (unsigned i = 0; i < 7; i++)
			CHECK_EQ(lab_gi_remaining(b, &gpu, lab_const(lab)->rule,
						  (unsigned)lab_profile_by_id(b, ids[i])),
				 want[step][i]);
		if (step < 3)
			CHECK(put(lab, create[step], -1, &id) >= 0);
	}
	done(&f, lab);
}

static int cut(struct lab *lab, unsigned gi, unsigned profile, unsigned *ret_id)
{
	struct lab_made made;
	struct lab_gpu gpu;
	const struct lab_gi *g;
	int r;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	g = gi_of(&gpu, gi);
	CHECK(g != NULL);
	r = lab_ci_create(lab, 0, gi, g->generation, profile, -1, -1, &made);
	if (r < 0)
		return r;
	*ret_id = made.id;
	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	g = gi_of(&gpu, gi);
	for (unsigned c = 0; c < MIG_MAX_CI; c++)
		if (g->ci[c].used && g->ci[c].id == *ret_id)
			return g->ci[c].start * 100 + g->ci[c].size;
	return -1;
}

static unsigned ci_left(struct lab *lab, unsigned gi, unsigned profile)
{
	const struct lab_gi *g;
	struct lab_gpu gpu;
	const struct mig_board *b;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	g = gi_of(&gpu, gi);
	b = lab_board(lab, &gpu);
	return lab_ci_remaining(b, lab_const(lab)->rule, g,
				(unsigned)lab_ci_profile_by_id(&b->gi[g->profile], profile));
}

static void drop(struct lab *lab, unsigned gi, unsigned ci)
{
	const struct lab_gi *g;
	struct lab_gpu gpu;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	g = gi_of(&gpu, gi);
	for (unsigned c = 0; c < MIG_MAX_CI; c++)
		if (g->ci[c].used && g->ci[c].id == ci)
			CHECK_EQ(lab_ci_destroy(lab, 0, gi, ci, g->ci[c].generation), 0);
}

static void test_compute_instances(void)
{
	struct fixture f;
	struct lab *lab = make(&f, "a100-80gb-pcie", "535.261.03", MIG_NUMBERING_X, NULL);
	unsigned gi, ci;

	CHECK(put(lab, 5, -1, &gi) >= 0);
	CHECK_EQ(ci_left(lab, gi, 0), 4);
	CHECK_EQ(cut(lab, gi, 0, &ci), 1);
	/* 4g after one 1c: 3/4, 1/2, 0/1 (seen on A100). */
	CHECK_EQ(ci_left(lab, gi, 0), 3);
	CHECK_EQ(ci_left(lab, gi, 1), 1);
	CHECK_EQ(ci_left(lab, gi, 3), 0);
	CHECK_EQ(cut(lab, gi, 3, &ci), -ENOSPC);
	CHECK_EQ(cut(lab, gi, 2, &ci), -ENOTSUP); /* no 3c.4g exists */
	CHECK_EQ(cut(lab, gi, 9, &ci), -EINVAL);
	done(&f, lab);
	/* The full 3g: 0:3 on A100, 0:4 on H100 (both seen). */
	lab = make(&f, "a100-80gb-pcie", "535.261.03", MIG_NUMBERING_X, NULL);
	CHECK(put(lab, 9, -1, &gi) >= 0);
	CHECK_EQ(cut(lab, gi, 2, &ci), 3);
	CHECK_EQ(ci_left(lab, gi, 0), 0);
	done(&f, lab);
	lab = make(&f, "h100-80gb-sxm", "580.159.04", MIG_NUMBERING_I, NULL);
	CHECK(put(lab, 9, -1, &gi) >= 0);
	CHECK_EQ(cut(lab, gi, 2, &ci), 4);
	done(&f, lab);
	/* Four slices: 2g after one 1c 1/2, 0/1 (seen on A30); the RTX PRO 6000 as it, 1g 0:1. */
	lab = make(&f, "a30", "535.261.03", MIG_NUMBERING_QUARTER, NULL);
	CHECK(put(lab, 5, -1, &gi) >= 0);
	CHECK_EQ(cut(lab, gi, 0, &ci), 1);
	CHECK_EQ(ci_left(lab, gi, 0), 1);
	CHECK_EQ(ci_left(lab, gi, 1), 0);
	CHECK_EQ(cut(lab, gi, 0, &ci), 101);
	done(&f, lab);
	lab = make(&f, "rtx-pro-6000-server", "580.105.08", MIG_NUMBERING_QUARTER, NULL);
	CHECK(put(lab, 14, -1, &gi) >= 0);
	CHECK_EQ(cut(lab, gi, 0, &ci), 1);
	CHECK(put(lab, 66, -1, &gi) >= 0);
	CHECK_EQ(cut(lab, gi, 1, &ci), 2);
	done(&f, lab);
}

/* --- the switches, each value ---------------------------------------------------------------- */

static int second_after_hand_placed(const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, "a100-80gb-pcie", "535.261.03", MIG_NUMBERING_X, rule);
	unsigned id;
	int start;

	CHECK_EQ(put(lab, 19, 2, &id), 2);
	start = put(lab, 19, -1, &id);
	done(&f, lab);
	return start;
}

static int first_double(const char *board, const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, board, "580.159.04", MIG_NUMBERING_I, rule);
	unsigned id;
	int start = put(lab, 15, -1, &id);

	done(&f, lab);
	return start;
}

static int disable(const char *board, const char *rule, bool with_ci)
{
	struct fixture f;
	struct lab *lab = make(&f, board, "535.261.03", MIG_NUMBERING_I, rule);
	unsigned gi, ci;
	int r;

	CHECK(put(lab, 9, -1, &gi) >= 0);
	if (with_ci)
		CHECK(cut(lab, gi, 0, &ci) >= 0);
	r = lab_set_mig_mode(lab, 0, false);
	done(&f, lab);
	return r;
}

static void test_placement_rules(void)
{
	CHECK_EQ(second_after_hand_placed("default-placement=most-room"), 3);
	CHECK_EQ(second_after_hand_placed("default-placement=fixed-order"), 6);
	CHECK_EQ(second_after_hand_placed(NULL), 3);
	CHECK_EQ(first_double("h100-80gb-sxm", "placement-1g-double=middle-first"), 4);
	CHECK_EQ(first_double("h100-80gb-sxm", "placement-1g-double=as-default"), 6);
	CHECK_EQ(first_double("h100-80gb-sxm", NULL), 4);
	CHECK_EQ(first_double("a100-80gb-sxm", NULL), 6);
}

static void test_disable_rules(void)
{
	CHECK_EQ(disable("a100-80gb-pcie", NULL, false), 0);
	CHECK_EQ(disable("a100-80gb-pcie", NULL, true), -EBUSY);
	CHECK_EQ(disable("a100-80gb-pcie", "disable-with-instances=without-ci", false), 0);
	CHECK_EQ(disable("a100-80gb-pcie", "disable-with-instances=refuse", false), -EBUSY);
	CHECK_EQ(disable("a100-80gb-pcie", "disable-with-instances=allow", true), 0);
	CHECK_EQ(disable("h100-80gb-sxm", NULL, false), -EBUSY);
}

static unsigned free_on_empty(const char *board, const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, board, "535.261.03", MIG_NUMBERING_I, rule);
	const struct mig_board *b;
	struct lab_gpu gpu;
	unsigned n;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	b = lab_board(lab, &gpu);
	n = lab_gi_remaining(b, &gpu, lab_const(lab)->rule, (unsigned)lab_profile_by_id(b, 19));
	done(&f, lab);
	return n;
}

static int both_me(const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, "a30", "535.261.03", MIG_NUMBERING_QUARTER, rule);
	unsigned id;
	int r;

	CHECK(put(lab, 21, -1, &id) >= 0);
	r = put(lab, 6, -1, &id);
	done(&f, lab);
	return r;
}

static int plain_beside_gfx(const char *rule, unsigned first, unsigned second)
{
	struct fixture f;
	struct lab *lab =
		make(&f, "rtx-pro-6000-server", "580.105.08", MIG_NUMBERING_QUARTER, rule);
	unsigned id;
	int r;

	CHECK(put(lab, first, -1, &id) >= 0);
	r = put(lab, second, -1, &id);
	done(&f, lab);
	return r;
}

static void test_gfx_rule(void)
{
	CHECK_EQ(plain_beside_gfx(NULL, 47, 14), 3);
	CHECK_EQ(plain_beside_gfx("gfx-beside-compute=allow", 14, 47), 3);
	CHECK_EQ(plain_beside_gfx("gfx-beside-compute=refuse", 47, 14), -ENOSPC);
	CHECK_EQ(plain_beside_gfx("gfx-beside-compute=refuse", 5, 35), -ENOSPC);
	CHECK_EQ(plain_beside_gfx("gfx-beside-compute=refuse", 47, 35), 6);
}

static void test_capacity_rules(void)
{
	CHECK_EQ(free_on_empty("a100-80gb-pcie", "free-before-first=total"), 7);
	CHECK_EQ(free_on_empty("a100-80gb-pcie", "free-before-first=zero"), 0);
	CHECK_EQ(free_on_empty("h100-80gb-sxm", "free-before-first=zero"), 7);
	CHECK_EQ(both_me(NULL), -ENOSPC);
	CHECK_EQ(both_me("me-exclusive=shared"), -ENOSPC);
	CHECK(both_me("me-exclusive=separate") >= 0);
}

static int full_7g(const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, "h100-80gb-sxm", "580.159.04", MIG_NUMBERING_I, rule);
	unsigned gi, ci;
	int r;

	CHECK(put(lab, 0, -1, &gi) >= 0);
	r = cut(lab, gi, 4, &ci);
	done(&f, lab);
	return r;
}

static unsigned id_after_destroy(const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, "a100-80gb-pcie", "535.261.03", MIG_NUMBERING_X, rule);
	unsigned gi, ci;

	CHECK(put(lab, 9, -1, &gi) >= 0);
	CHECK(cut(lab, gi, 0, &ci) >= 0);
	CHECK(cut(lab, gi, 0, &ci) >= 0);
	drop(lab, gi, 0);
	CHECK(cut(lab, gi, 0, &ci) >= 0);
	done(&f, lab);
	return ci;
}

static int first_1c_on_hopper(const char *rule)
{
	struct fixture f;
	struct lab *lab = make(&f, "h100-80gb-sxm", "580.159.04", MIG_NUMBERING_I, rule);
	unsigned gi, ci;
	int r;

	CHECK(put(lab, 9, -1, &gi) >= 0);
	r = cut(lab, gi, 0, &ci);
	/* Three 1c fit into a 3g either way (seen on an H100). */
	CHECK(cut(lab, gi, 0, &ci) >= 0);
	CHECK(cut(lab, gi, 0, &ci) >= 0);
	CHECK_EQ(cut(lab, gi, 0, &ci), -ENOSPC);
	done(&f, lab);
	return r / 100;
}

/* What cutting profile 0 in a 1g of double memory answers, and whether 7 then still fits. */
static int plain_slice_of_double(const char *rule, unsigned *ret_left)
{
	struct fixture f;
	struct lab *lab = make(&f, "h100-80gb-sxm", "580.159.04", MIG_NUMBERING_I, rule);
	unsigned gi, ci;
	int r;

	CHECK(put(lab, 15, -1, &gi) >= 0);
	r = cut(lab, gi, 0, &ci);
	*ret_left = ci_left(lab, gi, 7);
	done(&f, lab);
	return r;
}

static void test_compute_rules(void)
{
	unsigned left;

	CHECK_EQ(plain_slice_of_double("ci-1g-double=7", &left), -ENOTSUP);
	CHECK_EQ(left, 1);
	CHECK_EQ(plain_slice_of_double(NULL, &left), 1);
	CHECK_EQ(left, 0);
	CHECK_EQ(plain_slice_of_double("ci-1g-double=0-and-7", &left), 1);
	CHECK_EQ(left, 0);
	CHECK_EQ(full_7g(NULL), 8);
	CHECK_EQ(full_7g("ci-span-7g=8"), 8);
	CHECK_EQ(full_7g("ci-span-7g=7"), 7);
	CHECK_EQ(id_after_destroy(NULL), 0);
	CHECK_EQ(id_after_destroy("ci-id-reuse=lowest"), 0);
	CHECK_EQ(id_after_destroy("ci-id-reuse=next"), 2);
	CHECK_EQ(first_1c_on_hopper(NULL), 2);
	CHECK_EQ(first_1c_on_hopper("ci-placement=most-room"), 2);
	CHECK_EQ(first_1c_on_hopper("ci-placement=lowest"), 0);
}

static void test_rule_names(void)
{
	uint8_t rule[32] = { 0 };

	CHECK_EQ(lab_rule_set(rule, "default-placement=best"), -EINVAL);
	CHECK_EQ(lab_rule_set(rule, "default-placement"), -EINVAL);
	CHECK_EQ(lab_rule_set(rule, "no-such=1"), -EINVAL);
	CHECK_EQ(lab_rule_set(rule, "default-placement="), -EINVAL);
	CHECK(lab_rule_name(LAB_RULE_MAX) == NULL);
}

/* doc/unconfirmed.md lists each rule with its values, in this order, and no other. */
static void test_doc_lists_the_rules(void)
{
	const char *source = getenv("MIGKIT_SOURCE");
	char path[4096], line[2000], want[300];
	unsigned n = 0;
	FILE *in;

	CHECK(source != NULL);
	snprintf(path, sizeof(path), "%s/doc/unconfirmed.md", source);
	in = fopen(path, "re");
	CHECK(in != NULL);
	while (fgets(line, sizeof(line), in)) {
		size_t len;

		if (strncmp(line, "| `", 3) != 0)
			continue;
		CHECK(n < LAB_RULE_MAX);
		len = (size_t)snprintf(want, sizeof(want), "| `%s` | ", lab_rule_name(n));
		for (const char *v = lab_rule_values(n); *v;) {
			size_t l = strcspn(v, "|");

			len += (size_t)snprintf(want + len, sizeof(want) - len, "`%.*s`%s", (int)l,
						v, v[l] ? ", " : "");
			v += l + (v[l] == '|');
		}
		snprintf(want + len, sizeof(want) - len, " | %s |", lab_rule_doc(n));
		line[strlen(want)] = '\0';
		CHECK_STR(line, want);
		n++;
	}
	fclose(in);
	CHECK_EQ(n, LAB_RULE_MAX);
}

int main(void)
{
	test_empty_board_orders();
	test_twelve_units();
	test_display_ports();
	test_refusals();
	test_remaining();
	test_compute_instances();
	test_placement_rules();
	test_disable_rules();
	test_capacity_rules();
	test_gfx_rule();
	test_compute_rules();
	test_rule_names();
	test_doc_lists_the_rules();
	return 0;
}
