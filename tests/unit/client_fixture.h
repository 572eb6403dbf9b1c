/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_CLIENT_FIXTURE_H
#define MIGKIT_TESTS_CLIENT_FIXTURE_H

#include <signal.h>
#include <sys/wait.h>

#include "unit/lab_fixture.h"

#define CLIENT_MEMORY (300ull << 20)

/*
 * A child that computes on a GPU, or on a compute instance of it (gi, ci; -1: the whole GPU), until
 * it is ended; says on its pipe that it does.
 */
static inline pid_t client_start(const struct fixture *f, unsigned gpu, int gi, int ci)
{
	struct lab_client what = {
		.kind = LAB_CLIENT_COMPUTE,
		.gpu = (uint8_t)gpu,
		.gi = (int8_t)gi,
		.ci = (int8_t)ci,
		.memory = CLIENT_MEMORY,
		.name = "train",
	};
	int said[2];
	char ok = 0;
	pid_t pid;

	CHECK_EQ(pipe(said), 0);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct lab *own = NULL;

		ok = lab_open(f->dir, 0, &own, NULL) == 0 && lab_hold(own, &what, NULL) >= 0;
		CHECK(write(said[1], &ok, 1) == 1);
		pause();
		_exit(0);
	}
	CHECK(read(said[0], &ok, 1) == 1 && ok);
	close(said[0]);
	close(said[1]);
	return pid;
}

static inline void client_kill(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

#endif
