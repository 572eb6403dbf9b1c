/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/*
 * A process dies just before its n-th store into the lab's file, for every n, while it orders,
 * clears or counts faults, or reboots a lab that has some: what is ordered is the old or the new,
 * never a mixture, and the word that calls look at has its bits whenever something is ordered. The
 * store is compiled in here with its dying switched on; the archive's own is then not linked.
 */
#define LAB_CRASH_TEST
#include "lab/store.c" /* NOLINT(bugprone-suspicious-include) */

#include "base/util.h"

#include "unit/trouble_fixture.h"

static const struct lab_fault takes = { .does = LAB_FAULT_TAKE,
					.take_us = 1,
					.first = 1,
					.last = UINT64_MAX,
					.every = 1,
					.gpu = -1,
					.calls = { 1 } };

static int do_add(struct lab *lab)
{
	struct lab_fault f = takes;

	return lab_fault_add(lab, &f, NULL);
}

static int do_clear_one(struct lab *lab)
{
	const uint32_t id = 1;

	return lab_fault_clear(lab, &id, 1, NULL);
}

static int do_clear_all(struct lab *lab)
{
	return lab_fault_clear(lab, NULL, 0, NULL);
}

static int do_reboot(struct lab *lab)
{
	return lab_reboot(lab, NULL);
}

/* before: how many faults there are, the first of them permanent. after: how many then. */
static const struct {
	const char *name;
	unsigned before;
	int (*run)(struct lab *lab);
	unsigned after;
	unsigned deaths; /* at least */
} changes[] = {
	{ "the first fault", 0, do_add, 1, 5 },
	{ "another fault", 2, do_add, 3, 4 },
	{ "clear one of two", 2, do_clear_one, 1, 3 },
	{ "clear the only one", 1, do_clear_one, 0, 4 },
	{ "clear all", 3, do_clear_all, 0, 4 },
	{ "reboot", 3, do_reboot, 1, 4 },
};

/* What is in force: ids, and that calls look at them. */
static unsigned in_force(const struct fixture *g, uint32_t ids[LAB_MAX_FAULTS])
{
	struct lab_trouble *t = calloc(1, sizeof(*t));
	struct mig_error err = { 0 };
	struct lab *lab = fixture_open(g);
	uint64_t watch = __atomic_load_n(lab_watch_word(lab), __ATOMIC_RELAXED);
	unsigned n = 0;

	CHECK(t != NULL);
	lab_trouble_read(lab, t);
	CHECK_EQ(lab_trouble_check(t, &err), 0);
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++) {
		struct lab_fault found;

		if (!lab_fault_holds(lab, &t->fault[i]))
			continue;
		ids[n++] = t->fault[i].id;
		CHECK(i < t->n_slots);
		CHECK(lab_fault_of_call(lab, i, 0, &found) && found.id == t->fault[i].id);
	}
	CHECK(!n || (watch & LAB_WATCH_FAULTS));
	lab_close(lab);
	free(t);
	return n;
}

/* Runs something in a child that dies at its n-th store; true: it died. */
static bool run_dying(const struct fixture *g, int (*run)(struct lab *lab), long n)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct lab *lab = fixture_open(g);

		test_die_at = n;
		_exit(run(lab) < 0 ? 3 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		return true;
	CHECK_EQ(WEXITSTATUS(status), 0);
	return false;
}

static void prepare(const struct fixture *f, struct fixture *g, unsigned n)
{
	struct lab *lab;

	fixture_copy(f->dir, g->dir);
	lab = fixture_open(g);
	for (unsigned i = 0; i < n; i++) {
		struct lab_fault fault = takes;

		fault.permanent = !i;
		CHECK_EQ(lab_fault_add(lab, &fault, NULL), 0);
	}
	lab_close(lab);
}

static unsigned torture(const struct fixture *f, unsigned which)
{
	uint32_t ids[LAB_MAX_FAULTS];
	struct fixture g = *f, made = *f;
	long n;

	snprintf(g.dir, sizeof(g.dir), "%.200s/copy%u", f->base, which);
	snprintf(made.dir, sizeof(made.dir), "%.200s/made%u", f->base, which);
	prepare(f, &made, changes[which].before);
	for (n = 1;; n++) {
		bool died;
		unsigned left;

		fixture_copy(made.dir, g.dir);
		died = run_dying(&g, changes[which].run, n);
		left = in_force(&g, ids);
		if (left != changes[which].after && (!died || left != changes[which].before)) {
			fprintf(stderr, "%s: death at store %ld leaves %u faults\n",
				changes[which].name, n, left);
			exit(1);
		}
		if (!died)
			break;
		/* And the next process can go on. */
		CHECK(!run_dying(&g, do_add, 0));
		CHECK_EQ(in_force(&g, ids), left + 1);
		CHECK(!run_dying(&g, do_clear_all, 0));
		CHECK_EQ(in_force(&g, ids), 0);
	}
	return (unsigned)(n - 1);
}

/* --- counts --------------------------------------------------------------------------------- */

static int do_count(struct lab *lab)
{
	struct lab_fault fault;

	CHECK(lab_fault_of_call(lab, 0, 0, &fault));
	return lab_fault_strikes(lab, 0, &fault) ? 0 : -EIO;
}

static int do_hang(struct lab *lab)
{
	struct lab_fault fault;

	CHECK(lab_fault_of_call(lab, 0, 0, &fault));
	lab_fault_sleep(lab, 0, &fault, 1, true);
	return 0;
}

static void count_dying(const struct fixture *f)
{
	struct fixture g = *f, made = *f;
	struct lab_fault_count c;
	struct lab *lab;
	unsigned long long want[] = { 0, 1, 1 }, struck[] = { 0, 0, 1 };
	long n;

	snprintf(g.dir, sizeof(g.dir), "%.200s/counts", f->base);
	snprintf(made.dir, sizeof(made.dir), "%.200s/counted", f->base);
	prepare(f, &made, 1);
	for (n = 1; n <= 3; n++) {
		fixture_copy(made.dir, g.dir);
		CHECK_EQ(run_dying(&g, do_count, n), n < 3);
		lab = fixture_open(&g);
		CHECK(counted(lab, 1, &c));
		CHECK_EQ(c.calls, want[n - 1]);
		CHECK_EQ(c.struck, struck[n - 1]);
		lab_close(lab);
	}
	/* One that dies at any store while it hangs hangs no longer: it is not heard of. */
	for (n = 1;; n++) {
		bool died;

		fixture_copy(made.dir, g.dir);
		died = run_dying(&g, do_hang, n);
		lab = fixture_open(&g);
		await_hanging(lab, 1, 0);
		CHECK(!run_dying(&g, do_clear_all, 0));
		lab_close(lab);
		if (!died)
			break;
	}
	CHECK(n > 2);
}

int main(void)
{
	struct fixture f;

	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		unsigned deaths = torture(&f, i);

		printf("%-18s %u deaths, old or new faults each time\n", changes[i].name, deaths);
		CHECK(deaths >= changes[i].deaths);
	}
	count_dying(&f);
	fixture_end(&f);
	return 0;
}
