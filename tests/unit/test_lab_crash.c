/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/*
 * A process dies just before its n-th store into the lab's file, for every n, in every kind of
 * change; the next process must find the state from before the change or the one after it, nothing
 * between, and must be able to go on. The store is compiled in here with its dying switched on; the
 * archive's own is then not linked.
 */
#define LAB_CRASH_TEST
#include "lab/store.c" /* NOLINT(bugprone-suspicious-include) */

#include "base/util.h"

#include "unit/lab_fixture.h"

static int do_mode_on(struct lab *lab)
{
	return lab_set_mig_mode(lab, 0, true);
}

static int do_mode_off(struct lab *lab)
{
	return lab_set_mig_mode(lab, 2, false);
}

static int do_gi_create(struct lab *lab)
{
	struct lab_made ignored;

	return lab_gi_create(lab, 1, 14, -1, -1, &ignored);
}

/* The one GI that before() made: 3g, and its CI 0. */
static void made(struct lab *lab, struct lab_gi *ret)
{
	struct lab_gpu gpu;

	CHECK_EQ(lab_read_gpu(lab, 1, &gpu), 0);
	*ret = gpu.gi[0];
	CHECK(ret->used && ret->ci[0].used);
}

static int do_ci_create(struct lab *lab)
{
	struct lab_gi gi;
	struct lab_made ignored;

	made(lab, &gi);
	return lab_ci_create(lab, 1, gi.id, gi.generation, 1, -1, -1, &ignored);
}

static int do_ci_destroy(struct lab *lab)
{
	struct lab_gi gi;

	made(lab, &gi);
	return lab_ci_destroy(lab, 1, gi.id, gi.ci[0].id, gi.ci[0].generation);
}

static int do_gi_destroy(struct lab *lab)
{
	struct lab_gpu gpu;

	CHECK_EQ(lab_read_gpu(lab, 1, &gpu), 0);
	return lab_gi_destroy(lab, 1, gpu.gi[1].id, gpu.gi[1].generation);
}

static int do_reset(struct lab *lab)
{
	return lab_gpu_reset(lab, 1);
}

static int do_reboot(struct lab *lab)
{
	return lab_reboot(lab, NULL);
}

static int do_set(struct lab *lab)
{
	return lab_set_reading(lab, 0, -1, "temperature", "77", NULL);
}

static int do_hold(struct lab *lab)
{
	const struct lab_client c = { .kind = LAB_CLIENT_ATTACHED, .gi = -1, .ci = -1 };

	return lab_hold(lab, &c, NULL);
}

static const struct {
	const char *name;
	int (*run)(struct lab *lab);
	bool own_pid; /* the new state holds the pid of the one that made it */
} changes[] = {
	{ "mode on", do_mode_on, false },     { "mode off", do_mode_off, false },
	{ "gi create", do_gi_create, false }, { "gi destroy", do_gi_destroy, false },
	{ "ci create", do_ci_create, false }, { "ci destroy", do_ci_destroy, false },
	{ "gpu reset", do_reset, false },     { "reboot", do_reboot, false },
	{ "set a reading", do_set, false },   { "client", do_hold, true },
};

static void read_state(const struct fixture *f, struct lab_state *st)
{
	struct mig_error err = { 0 };
	struct lab *lab = fixture_open(f);

	memset(st, 0, sizeof(*st));
	CHECK_EQ(lab_read_state(lab, st), 0);
	if (lab_check(lab_const(lab), st, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	st->seq = 0;
	lab_close(lab);
}

/* GPU 1 in MIG mode with a 3g that has one CI, and an empty 1g; GPU 2 with an empty 3g. */
static void before(struct fixture *f)
{
	struct lab_made gi, ci;
	struct lab *lab;

	fixture_lab(f, "a100-80gb-pcie", "535.261.03", 3, MIG_NUMBERING_X);
	lab = fixture_open(f);
	CHECK_EQ(lab_set_mig_mode(lab, 1, true), 0);
	CHECK_EQ(lab_gi_create(lab, 1, 9, -1, -1, &gi), 0);
	CHECK_EQ(lab_ci_create(lab, 1, gi.id, gi.generation, 0, -1, -1, &ci), 0);
	CHECK_EQ(lab_gi_create(lab, 1, 19, -1, -1, &gi), 0);
	CHECK_EQ(lab_set_mig_mode(lab, 2, true), 0);
	CHECK_EQ(lab_gi_create(lab, 2, 9, -1, -1, &gi), 0);
	lab_close(lab);
}

/* Runs one change in a child that dies at its n-th store; true: it died. */
static bool run_dying(const struct fixture *f, int (*run)(struct lab *lab), long n)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct lab *lab = fixture_open(f);

		test_die_at = n;
		_exit(run(lab) < 0 ? 3 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		return true;
	CHECK_EQ(WEXITSTATUS(status), 0);
	return false;
}

/* What differs from run to run: pids, and what goes by the clock. */
static void forget_live(struct lab_state *st)
{
	for (unsigned i = 0; i < LAB_MAX_GPUS; i++)
		st->gpu[i].energy_mj = st->gpu[i].energy_at_us = st->gpu[i].loaded_at_us = 0;
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		st->client[i].pid = 0;
}

static unsigned torture(const struct fixture *f, unsigned which)
{
	struct lab_state old, new, got;
	struct fixture g = *f;
	long n;

	snprintf(g.dir, sizeof(g.dir), "%.200s/copy%u", f->base, which);
	fixture_copy(f->dir, g.dir);
	read_state(&g, &old);
	forget_live(&old);
	CHECK(!run_dying(&g, changes[which].run, 0));
	read_state(&g, &new);
	CHECK(memcmp(&old, &new, sizeof(old)) != 0);
	forget_live(&new);
	for (n = 1;; n++) {
		bool died;

		fixture_copy(f->dir, g.dir);
		died = run_dying(&g, changes[which].run, n);
		read_state(&g, &got);
		forget_live(&got);
		if (!died)
			CHECK(!memcmp(&got, &new, sizeof(got)));
		else if (memcmp(&got, &old, sizeof(got)) != 0 &&
			 memcmp(&got, &new, sizeof(got)) != 0) {
			fprintf(stderr, "%s: death at store %ld leaves neither state\n",
				changes[which].name, n);
			exit(1);
		}
		if (!died)
			break;
		/* And the next process can do the change. */
		if (!memcmp(&got, &old, sizeof(got))) {
			CHECK(!run_dying(&g, changes[which].run, 0));
			read_state(&g, &got);
			forget_live(&got);
			CHECK(!memcmp(&got, &new, sizeof(got)));
		}
	}
	return (unsigned)(n - 1);
}

int main(void)
{
	struct fixture f;

	before(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		unsigned deaths = torture(&f, i);

		printf("%-14s %u deaths, old or new state each time\n", changes[i].name, deaths);
		CHECK(deaths >= 2);
	}
	fixture_end(&f);
	return 0;
}
