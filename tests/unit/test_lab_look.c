/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>

#include "nvml/migkit_export.h"
#include "unit/abi_fixture.h"
#include "unit/client_fixture.h"

/*
 * sim_check(): a program that uses a lab asks whether the lab is as it must be. And the lock of
 * that look ends with the process that took it, also if it forks in another thread and is killed in
 * the middle: a child that inherited the lock would stop the lab for as long as it lives. The same
 * of the lock of a change.
 */
enum { ROUNDS = 40, CHILDREN = 64 };

static struct nvml_api nvml;
static const struct migkit_export *table;
static struct fixture f;
static nvmlDevice_t gpu;

static void get_table(void)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	const void *found = NULL;

	CHECK_EQ(nvml.nvmlInternalGetExportTable(&found, uuid), NVML_SUCCESS);
	table = found;
	CHECK(table->size >= offsetof(struct migkit_export, check) + sizeof(table->check));
}

static void answers(void)
{
	static const char lost[] = "GPU 0: the capability's folder of gi1 is missing\n"
				   "GPU 0: the capability's folder of gi1/ci0 is missing\n";
	char text[1024] = "x", from[400], to[400];
	unsigned breaches = 9;

	CHECK_EQ(table->check(&breaches, text, sizeof(text)), NVML_SUCCESS);
	CHECK_EQ(breaches, 0);
	CHECK_STR(text, "");
	CHECK_EQ(table->check(NULL, text, sizeof(text)), NVML_ERROR_INVALID_ARGUMENT);
	snprintf(from, sizeof(from), "%s/proc/driver/nvidia/capabilities/gpu0/mig/gi1", f.dir);
	snprintf(to, sizeof(to), "%s/aside", f.dir);
	CHECK(!rename(from, to));
	CHECK_EQ(table->check(&breaches, text, sizeof(text)), NVML_SUCCESS);
	CHECK_EQ(breaches, 2);
	CHECK_STR(text, lost);
	CHECK_EQ(table->check(&breaches, NULL, 0), NVML_SUCCESS);
	CHECK_EQ(breaches, 2);
	/* As many whole sentences as have room. */
	CHECK_EQ(table->check(&breaches, text, sizeof(lost) - 1), NVML_SUCCESS);
	CHECK_STR(text, "GPU 0: the capability's folder of gi1 is missing\n");
	CHECK(!rename(to, from));
	CHECK_EQ(table->check(&breaches, text, sizeof(text)), NVML_SUCCESS);
	CHECK_EQ(breaches, 0);
}

static void *change_for_ever(void *arg)
{
	for (unsigned on = 0;; on ^= 1)
		if (nvml.nvmlDeviceSetPersistenceMode(gpu, on) != NVML_SUCCESS)
			_exit(3);
	return arg;
}

static void *look_for_ever(void *arg)
{
	unsigned breaches;

	(void)arg;
	for (;;)
		if (table->check(&breaches, NULL, 0) != NVML_SUCCESS || breaches)
			_exit(3);
	return NULL;
}

/* Forks children that stay until the test ends them, and tells of each. */
static void parent(int out, int life, bool changes)
{
	pthread_t thread;
	char end;

	if (pthread_create(&thread, NULL, changes ? change_for_ever : look_for_ever, NULL))
		_exit(2);
	for (unsigned i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(read(life, &end, 1) == 0 ? 0 : 5);
		if (pid < 0 || write(out, "x", 1) != 1)
			_exit(4);
	}
	pause();
	_exit(0);
}

/* Kills the parent while it looks, or changes the lab, and forks. The lock must be free, though the
 * children live. */
static void killed_in_a_look(unsigned round)
{
	const struct timespec t = { .tv_nsec = 1000000L * (2 + round % 7) };
	int told[2], life[2], fd;
	char state[400], byte;
	bool lock_is_free;
	pid_t pid;

	snprintf(state, sizeof(state), "%s/" LAB_STATE_FILE, f.dir);
	CHECK(!pipe(told) && !pipe(life));
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		close(life[1]);
		parent(told[1], life[0], round % 2);
	}
	CHECK(read(told[0], &byte, 1) == 1);
	nanosleep(&t, NULL);
	client_kill(pid);
	fd = open(state, O_RDONLY | O_CLOEXEC);
	lock_is_free = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	close(life[0]);
	close(life[1]); /* the children end */
	close(told[1]);
	while (read(told[0], &byte, 1) == 1)
		;
	close(told[0]); /* the last of them has gone */
	if (!lock_is_free)
		fprintf(stderr, "round %u: the lock is held\n", round);
	CHECK(lock_is_free);
}

int main(void)
{
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;

	abi_lab(&f, &nvml, "a100-80gb-pcie", "580.65.06", 1, MIG_NUMBERING_I);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstanceWithPlacement(
			 gpu, 9, &(nvmlGpuInstancePlacement_t){ 0, 4 }, &gi),
		 NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	get_table();
	answers();
	for (unsigned i = 0; i < ROUNDS; i++)
		killed_in_a_look(i);
	abi_end(&f, &nvml);
	return 0;
}
