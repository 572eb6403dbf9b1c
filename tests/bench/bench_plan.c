/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=120 */
#include <time.h>

#include "unit/plan_fixture.h"

/*
 * How fast the planner answers. Aims: the tables of a board below 10 ms, a question below 1 us.
 * Each kind of question is asked of every layout of the board in turn, so that the caches are no
 * warmer than they are in use. Reported, not judged: a machine's speed is no promise of the code's.
 */
enum { TABLES = 20, QUESTIONS = 100000, ROUNDS = 3 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A question about the i-th layout; what it returns keeps the compiler from leaving it out. */
typedef unsigned question(const struct mig_board *b, const struct mig_plan_table *t, size_t i);

/* Today's layout, every other instance pinned, a compute instance in each. */
static struct mig_plan_state state_of(const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = { .now = mig_plan_layout(t, i % mig_plan_n_layouts(t)) };
	bool odd = false;

	for (unsigned k = 0; k < mig_plan_n_slots(t); k++) {
		if (!(s.now >> k & 1))
			continue;
		s.n_ci[k] = 1;
		if (odd)
			s.pinned |= (mig_slots)1 << k;
		odd = !odd;
	}
	return s;
}

/* Another layout's instances: a long step on, so that the two are not alike. */
static struct mig_plan_goal goal_of(const struct mig_plan_table *t, size_t i)
{
	size_t other = (i * 7919 + 13) % mig_plan_n_layouts(t);

	return (struct mig_plan_goal){ .counts = mig_plan_counts(t, mig_plan_layout(t, other)) };
}

static unsigned ask_nothing(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = state_of(t, i);
	struct mig_plan_goal g = goal_of(t, i);

	(void)b;
	return (unsigned)s.pinned + g.counts.n[0];
}

static unsigned ask_change(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = state_of(t, i);
	struct mig_plan_goal g = goal_of(t, i);
	struct mig_plan_change c;

	(void)b;
	return mig_plan_change(t, &s, &g, &c, 1, NULL) > 0 ? c.room : 1;
}

static unsigned ask_change_3(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = state_of(t, i);
	struct mig_plan_goal g = goal_of(t, i);
	struct mig_plan_change c[3];

	(void)b;
	s.pinned = 0;
	return mig_plan_change(t, &s, &g, c, 3, NULL) > 0 ? c[0].room : 1;
}

static unsigned ask_must_go(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = state_of(t, i);
	struct mig_plan_goal g = goal_of(t, i);
	mig_slots go;

	(void)b;
	return mig_plan_must_go(t, &s, &g, &go) < 0 ? 1 : (unsigned)go;
}

static unsigned ask_why_not(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_goal g = goal_of(t, i);
	struct mig_plan_reason r;

	(void)b;
	g.counts.n[0]++;
	mig_plan_why_not(t, &g, &r);
	return r.no;
}

static unsigned ask_nearest(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = state_of(t, i);
	struct mig_plan_goal g = goal_of(t, i);
	struct mig_counts c[3];

	(void)b;
	return mig_plan_nearest(t, &s, &g, c, 3);
}

static unsigned ask_order(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_goal g = goal_of(t, i);
	struct mig_plan_order o;

	(void)b;
	return mig_plan_order(t, 0, &g.counts, 0, &o) < 0 ? 1 : o.n;
}

/* Ending in one layout: most have no such order, so this is the time of a proof. */
static unsigned ask_order_to(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	mig_slots end = mig_plan_layout(t, i % mig_plan_n_layouts(t));
	struct mig_counts c = mig_plan_counts(t, end);
	struct mig_plan_order o;

	(void)b;
	return mig_plan_order(t, 0, &c, end, &o) < 0 ? 1 : o.n;
}

static unsigned ask_default(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	return (unsigned)mig_plan_default_start(t, mig_plan_layout(t, i % mig_plan_n_layouts(t)),
						(unsigned)(i % b->n_gi));
}

static unsigned ask_remaining(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	return mig_plan_remaining(t, mig_plan_layout(t, i % mig_plan_n_layouts(t)),
				  (unsigned)(i % b->n_gi));
}

static unsigned ask_ways(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_state s = state_of(t, i);
	struct mig_plan_way w[3];

	s.pinned = 0;
	return mig_plan_ways(t, &s, (unsigned)(i % b->n_gi), -1, w, 3);
}

static unsigned ask_measure(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_plan_measure m;

	(void)b;
	mig_plan_measure(t, mig_plan_layout(t, i % mig_plan_n_layouts(t)), &m);
	return m.room;
}

static unsigned ask_needs(const struct mig_board *b, const struct mig_plan_table *t, size_t i)
{
	struct mig_need needs[2] = { { b->gi[i % b->n_gi].memory_mb, 0 }, { 0, b->gi[0].sm } };
	struct mig_plan_state s = { .now = 0 };
	uint8_t p[2];

	return mig_plan_needs(b, t, &s, needs, 2, p, NULL) < 0 ? 99 : p[0];
}

static const struct {
	const char *name;
	question *ask;
} kinds[] = {
	{ "(making up a question)", ask_nothing },
	{ "change, best, half pinned", ask_change },
	{ "change, best three", ask_change_3 },
	{ "must go", ask_must_go },
	{ "why not", ask_why_not },
	{ "nearest three", ask_nearest },
	{ "order", ask_order },
	{ "order to one layout", ask_order_to },
	{ "default start", ask_default },
	{ "remaining", ask_remaining },
	{ "ways, first three", ask_ways },
	{ "measure", ask_measure },
	{ "two needs", ask_needs },
};

static volatile unsigned sum;

static double time_of(question *ask, const struct mig_board *b, const struct mig_plan_table *t)
{
	double best = 1e9, took;

	for (unsigned round = 0; round < ROUNDS; round++) {
		took = now();
		for (size_t i = 0; i < QUESTIONS; i++)
			sum += ask(b, t, i);
		took = now() - took;
		if (took < best)
			best = took;
	}
	return best / QUESTIONS;
}

/* The slowest single question: of several times that each is asked the quickest counts. */
static double slowest(question *ask, const struct mig_board *b, const struct mig_plan_table *t)
{
	double worst = 0, best, took;

	for (size_t i = 0; i < mig_plan_n_layouts(t); i++) {
		best = 1e9;
		for (unsigned round = 0; round < 3 * ROUNDS; round++) {
			took = now();
			sum += ask(b, t, i);
			took = now() - took;
			if (took < best)
				best = took;
		}
		if (best > worst)
			worst = best;
	}
	return worst;
}

static void bench(const char *key, const char *driver)
{
	struct mig_board b = board_of(key, driver);
	struct mig_plan_table *t;
	double took = now();

	for (unsigned i = 0; i < TABLES; i++)
		mig_plan_table_free(table_of(&b, mig_profiles_all(&b)));
	took = (now() - took) / TABLES;
	t = table_of(&b, mig_profiles_all(&b));
	printf("%s: tables of %zu layouts %.3f ms (aim: 10 ms)\n", key, mig_plan_n_layouts(t),
	       took * 1e3);
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		printf("  %-26s %6.0f ns (aim: 1000 ns), the slowest %6.0f ns\n", kinds[k].name,
		       time_of(kinds[k].ask, &b, t) * 1e9, slowest(kinds[k].ask, &b, t) * 1e9);
	mig_plan_table_free(t);
}

int main(void)
{
	bench("a100-80gb-pcie", "580.126.09");
	bench("h100-80gb-sxm", "580.159.04");
	bench("rtx-pro-6000-server", "580.105.08");
	return 0;
}
