/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "unit/client_fixture.h"

/*
 * A reboot ends all clients, also those that come while it does; and it counts as one, however many
 * threads of a process reboot at once. Each client that is ended is started anew at once.
 */
enum { CLIENTS = 3, THREADS = 2, REBOOTS = 12 };

static struct fixture f;
static atomic_uint reboots, breaches;

static void hold(pid_t parent)
{
	const struct lab_client what = {
		.kind = LAB_CLIENT_COMPUTE, .gi = -1, .ci = -1, .name = "train"
	};
	struct lab *lab = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Who is rebooted between the two begins anew. */
	if (getppid() != parent || lab_open(f.dir, 0, &lab, NULL) < 0 ||
	    lab_hold(lab, &what, NULL) < 0)
		_exit(0);
	pause();
	_exit(0);
}

/* Keeps one client running, until its own parent ends. */
static void keep_one(pid_t parent)
{
	for (;;) {
		pid_t self = getpid(), pid = fork();

		if (!pid)
			hold(self);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid || getppid() != parent)
			_exit(1);
	}
}

static void keep(void *arg, bool breach, const char *sentence)
{
	(void)arg;
	if (breach && atomic_fetch_add(&breaches, 1) < 5)
		fprintf(stderr, "%s\n", sentence);
}

static void *reboot(void *arg)
{
	struct lab *lab = arg;

	for (unsigned i = 0; i < REBOOTS; i++) {
		struct mig_error err = { 0 };
		struct lab_look look;

		if (lab_reboot(lab, &err) >= 0)
			atomic_fetch_add(&reboots, 1);
		else if (err.code != -EBUSY)
			fprintf(stderr, "%s\n", err.msg);
		(void)lab_check_file(f.dir, keep, NULL, &look, NULL);
	}
	return NULL;
}

/* The one who reboots goes on, and is no client any more: its place may be another's. */
static void reboots_itself(struct lab *lab)
{
	const struct lab_client what = {
		.kind = LAB_CLIENT_COMPUTE, .gi = -1, .ci = -1, .name = "self"
	};
	struct lab_look look;

	while (lab_clients_of(lab, 0, -1, -1, NULL, 0)) /* which were killed with their keepers */
		usleep(1000);
	CHECK_EQ(lab_hold(lab, &what, NULL), 0);
	CHECK_EQ(lab_clients_of(lab, 0, -1, -1, NULL, 0), 1);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK_EQ(lab_clients_of(lab, 0, -1, -1, NULL, 0), 0);
	CHECK_EQ(lab_check_file(f.dir, keep, NULL, &look, NULL), 0);
	CHECK_EQ(lab_hold(lab, &what, NULL), 0);
	CHECK_EQ(lab_check_file(f.dir, keep, NULL, &look, NULL), 0);
}

int main(void)
{
	pthread_t thread[THREADS];
	pid_t keeper[CLIENTS], self = getpid();
	struct lab_state st = { 0 };
	struct lab *lab;

	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	for (unsigned i = 0; i < CLIENTS; i++) {
		keeper[i] = fork();
		CHECK(keeper[i] >= 0);
		if (!keeper[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			keep_one(self);
		}
	}
	lab = fixture_open(&f);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&thread[i], NULL, reboot, lab));
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(!pthread_join(thread[i], NULL));
	for (unsigned i = 0; i < CLIENTS; i++)
		client_kill(keeper[i]);
	CHECK_EQ(lab_read_state(lab, &st), 0);
	printf("%u reboots\n", atomic_load(&reboots));
	CHECK_EQ(atomic_load(&breaches), 0);
	CHECK(atomic_load(&reboots) > 0);
	CHECK_EQ(st.boot, 1 + atomic_load(&reboots));
	reboots_itself(lab);
	lab_close(lab);
	fixture_end(&f);
	return 0;
}
