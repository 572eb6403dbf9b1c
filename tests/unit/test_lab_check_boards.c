/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/format.h"
#include "unit/lab_fixture.h"

/*
 * Labs of every board that can be simulated, with each value of each rule: random changes by the
 * lab's own functions, and after each of them every invariant holds. The invariants are written
 * from the words and not with the functions that create, so that here two sides agree.
 */
enum { CHANGES = 150 };

static unsigned pick(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 16) % n;
}

static void change_gi(struct lab *lab, const struct mig_board *b, const struct lab_gi *gi,
		      unsigned *seed)
{
	const struct mig_gi_profile *p = &b->gi[gi->profile];
	const struct lab_ci *ci = &gi->ci[pick(seed, MIG_MAX_CI)];
	struct lab_made made;

	if (ci->used && pick(seed, 2))
		(void)lab_ci_destroy(lab, 0, gi->id, ci->id, ci->generation);
	else if (pick(seed, 6))
		(void)lab_ci_create(lab, 0, gi->id, gi->generation, p->ci[pick(seed, p->n_ci)].id,
				    -1, -1, &made);
	else
		(void)lab_gi_destroy(lab, 0, gi->id, gi->generation);
}

static void change(struct lab *lab, unsigned *seed)
{
	const struct mig_board *b = &lab_const(lab)->board[0];
	const struct lab_gi *gi;
	struct lab_gpu gpu;
	struct lab_made made;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	gi = &gpu.gi[pick(seed, MIG_MAX_GI)];
	if (pick(seed, 30) == 0)
		(void)lab_set_mig_mode(lab, 0, pick(seed, 4) != 0);
	else if (pick(seed, 60) == 0)
		(void)lab_gpu_reset(lab, 0);
	else if (gi->used)
		change_gi(lab, b, gi, seed);
	else
		(void)lab_gi_create(lab, 0, b->gi[pick(seed, b->n_gi)].id, -1, -1, &made);
}

static void show(void *arg, bool breach, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", breach ? "breach" : "note", sentence);
}

static unsigned long torture(const struct mig_board_def *def, const char *driver, unsigned rule,
			     unsigned value, unsigned seed)
{
	struct mig_error err = { 0 };
	struct lab_state st = { 0 };
	struct lab_look look;
	struct lab_spec spec;
	struct fixture f;
	struct lab *lab;

	fixture_make(&f);
	fixture_spec(&spec, f.dir, def->key, driver, 1, 0);
	spec.gpu[0].numbering = spec.gpu[0].board.numbering;
	spec.rule[rule] = (uint8_t)value;
	CHECK_EQ(lab_create(&spec, &err), 0);
	lab = fixture_open(&f);
	if (spec.gpu[0].board.mode_display_off)
		CHECK_EQ(lab_set_reading(lab, 0, -1, "display", "off", &err), 0);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	for (unsigned i = 0; i < CHANGES; i++) {
		change(lab, &seed);
		CHECK_EQ(lab_read_state(lab, &st), 0);
		if (lab_check_each(lab_const(lab), &st, show, NULL))
			fprintf(stderr, "%s, driver %s, rule %s value %u, change %u\n", def->key,
				driver, lab_rule_name(rule), value, i);
		CHECK_EQ(lab_check(lab_const(lab), &st, &err), 0);
	}
	CHECK_EQ(lab_check_file(f.dir, show, NULL, &look, &err), 0);
	CHECK_EQ(look.changes, st.seq);
	lab_close(lab);
	fixture_end(&f);
	return st.seq;
}

static unsigned values_of(unsigned rule)
{
	unsigned n = 1;

	for (const char *p = lab_rule_values(rule); *p; p++)
		n += *p == '|';
	return n;
}

/* A board of each family whose rules differ. */
static void every_rule(const char *key, unsigned long *changes)
{
	const struct mig_board_def *def = mig_board_find(key);

	CHECK(def != NULL);
	for (unsigned r = 0; r < LAB_RULE_MAX; r++)
		for (unsigned v = 1; v < values_of(r); v++)
			*changes += torture(def, "580.65.06", r, v, 100 * r + v);
}

int main(void)
{
	static const char *const drivers[] = { "580.65.06", "470.82.01" };
	const struct mig_board_def *def;
	unsigned long changes = 0;
	unsigned labs = 0;

	for (unsigned i = 0; (def = mig_board_at(i)); i++) {
		struct mig_board b;

		for (unsigned d = 0; d < 2; d++) {
			if (mig_board_resolve(def, drivers[d], &b, NULL) < 0)
				continue;
			changes += torture(def, drivers[d], 0, 0, ++labs);
		}
	}
	every_rule("a100-80gb-pcie", &changes);
	every_rule("h200", &changes);
	printf("%u boards and drivers, and each rule of two boards: %lu changes\n", labs, changes);
	CHECK(labs > 10 && changes > 30ul * labs);
	return 0;
}
