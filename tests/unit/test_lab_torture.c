/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "unit/lab_fixture.h"

/*
 * Eight processes create and destroy at once, three of them are killed with SIGKILL at random and
 * replaced, two readers look all the time. Nobody may ever see a state that breaks an invariant.
 * Seconds: MIGKIT_TEST_SECONDS, 10 by default.
 */
enum { WRITERS = 8, KILLED = 3, READERS = 2, GPUS = 2 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned pick(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 16) % n;
}

static void act_on_gi(struct lab *lab, unsigned g, const struct lab_gi *gi, unsigned *seed)
{
	unsigned ci = pick(seed, MIG_MAX_CI);
	struct lab_made made;

	switch (pick(seed, 3)) {
	case 0:
		(void)lab_ci_create(lab, g, gi->id, gi->generation, pick(seed, 5), -1, -1, &made);
		break;
	case 1:
		(void)lab_ci_destroy(lab, g, gi->id, gi->ci[ci].id, gi->ci[ci].generation);
		break;
	default:
		(void)lab_gi_destroy(lab, g, gi->id, gi->generation);
	}
}

static void writer(const struct fixture *f, unsigned seed, double until)
{
	static const unsigned profiles[] = { 19, 20, 15, 14, 9, 5, 0 };
	struct lab *lab = fixture_open(f);
	unsigned long n = 0;

	while (now() < until) {
		unsigned g = pick(&seed, GPUS);
		struct lab_made made;
		struct lab_gpu gpu = { 0 };

		if (lab_read_gpu(lab, g, &gpu) < 0)
			_exit(4);
		if (pick(&seed, 200) == 0)
			(void)lab_set_mig_mode(lab, g, pick(&seed, 4) != 0);
		if (pick(&seed, 2))
			(void)lab_gi_create(lab, g, profiles[pick(&seed, 7)], -1, -1, &made);
		else
			act_on_gi(lab, g, &gpu.gi[pick(&seed, MIG_MAX_GI)], &seed);
		n++;
	}
	_exit(n ? 0 : 5);
}

static void reader(const struct fixture *f, double until)
{
	struct mig_error err = { 0 };
	struct lab *lab = fixture_open(f);
	unsigned long n = 0, changed = 0;
	struct lab_state st;
	uint64_t seq = 0;

	memset(&st, 0, sizeof(st));
	while (now() < until) {
		if (lab_read_state(lab, &st) < 0)
			_exit(4);
		if (lab_check(lab_const(lab), &st, &err) < 0) {
			fprintf(stderr, "a reader saw: %s\n", err.msg);
			_exit(6);
		}
		if (st.seq < seq)
			_exit(7); /* time went backwards */
		changed += st.seq != seq;
		seq = st.seq;
		n++;
	}
	printf("a reader looked %lu times and saw %lu states\n", n, changed);
	fflush(stdout);
	_exit(changed > 100 ? 0 : 8);
}

static pid_t start(const struct fixture *f, bool writes, unsigned seed, double until)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	if (writes)
		writer(f, seed, until);
	reader(f, until);
	return 0;
}

static void reap(pid_t pid, bool killed)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	if (killed && WIFSIGNALED(status))
		return;
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

static void after(const struct fixture *f)
{
	struct mig_error err = { 0 };
	struct lab *lab = fixture_open(f);
	struct lab_state st;

	memset(&st, 0, sizeof(st));
	CHECK_EQ(lab_read_state(lab, &st), 0);
	if (lab_check(lab_const(lab), &st, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(lab_check(lab_const(lab), &st, &err), 0);
	/* No lock was left behind: a change goes through at once. */
	alarm(5);
	CHECK_EQ(lab_set_persistence(lab, 0, !st.gpu[0].persistence), 0);
	alarm(0);
	printf("%llu changes were published\n", (unsigned long long)st.seq);
	lab_close(lab);
}

int main(void)
{
	const char *seconds = getenv("MIGKIT_TEST_SECONDS");
	double until = now() + (seconds ? strtod(seconds, NULL) : 10);
	pid_t w[WRITERS], r[READERS];
	unsigned seed = 4711, kills = 0;
	struct fixture f;
	struct lab *lab;

	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", GPUS, MIG_NUMBERING_I);
	lab = fixture_open(&f);
	for (unsigned g = 0; g < GPUS; g++)
		CHECK_EQ(lab_set_mig_mode(lab, g, true), 0);
	lab_close(lab);
	for (unsigned i = 0; i < READERS; i++)
		r[i] = start(&f, false, 0, until);
	for (unsigned i = 0; i < WRITERS; i++)
		w[i] = start(&f, true, i + 1, until);
	while (now() < until - 0.2) {
		unsigned i = pick(&seed, KILLED);
		const struct timespec t = { .tv_nsec = 1000000L * (1 + pick(&seed, 40)) };

		nanosleep(&t, NULL);
		kill(w[i], SIGKILL);
		reap(w[i], true);
		w[i] = start(&f, true, 100 + ++kills, until);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		reap(w[i], false);
	for (unsigned i = 0; i < READERS; i++)
		reap(r[i], false);
	after(&f);
	printf("%u processes were killed\n", kills);
	CHECK(kills > 10);
	fixture_end(&f);
	return 0;
}
