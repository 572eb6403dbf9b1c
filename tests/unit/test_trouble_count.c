/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "unit/trouble_fixture.h"

/*
 * Counts of faults over processes and threads: each call counts exactly once, a limit is kept to
 * the last one, faults that come and go in the meantime take nothing over from each other. A
 * process that may not write to the lab counts for itself.
 */
enum { PROCESSES = 4, THREADS = 3, CALLS = 2000, LIMIT = 777, NTH = 5000 };
enum { OTHER_USER = 65534 };

#define NAME "nvmlDeviceGetName"

/* Shared by all processes: what they were told. */
static struct told {
	atomic_uint good, unknown, timeout, wrong;
} * told;

static struct nvml_api api;
static struct fixture f;

static nvmlReturn_t ask(nvmlDevice_t gpu)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];

	return api.nvmlDeviceGetName(gpu, name, sizeof(name));
}

static void *caller(void *arg)
{
	(void)arg;
	nvmlDevice_t gpu;

	if (api.nvmlDeviceGetHandleByIndex_v2(0, &gpu) != NVML_SUCCESS)
		atomic_fetch_add(&told->wrong, 1);
	for (unsigned i = 0; i < CALLS; i++) {
		switch (ask(gpu)) {
		case NVML_SUCCESS:
			atomic_fetch_add(&told->good, 1);
			break;
		case NVML_ERROR_UNKNOWN:
			atomic_fetch_add(&told->unknown, 1);
			break;
		case NVML_ERROR_TIMEOUT:
			atomic_fetch_add(&told->timeout, 1);
			break;
		default:
			atomic_fetch_add(&told->wrong, 1);
		}
	}
	return NULL;
}

static void process(void)
{
	pthread_t thread[THREADS];

	if (api.nvmlInit_v2() != NVML_SUCCESS)
		_exit(1);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, caller, NULL))
			_exit(2);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(api.nvmlShutdown() == NVML_SUCCESS ? 0 : 3);
}

static void together(struct lab *lab)
{
	uint32_t limited, nth;
	pid_t pid[PROCESSES];

	nth = ORDER(lab, NAME, .status = "TIMEOUT", .nth = "5000");
	limited = ORDER(lab, NAME, .status = "UNKNOWN", .every = "3", .times = "777");
	for (unsigned i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		CHECK(pid[i] >= 0);
		if (!pid[i])
			process();
	}
	/* Others come and go. */
	for (unsigned i = 0; i < 50; i++) {
		uint32_t id = ORDER(lab, NAME, .take = "1us");

		CHECK_EQ(lab_fault_clear(lab, &id, 1, NULL), 0);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		int status;

		CHECK(waitpid(pid[i], &status, 0) == pid[i]);
		CHECK_EQ(status, 0);
	}
	expect_count(lab, nth, PROCESSES * THREADS * CALLS, 1);
	expect_count(lab, limited, PROCESSES * THREADS * CALLS, LIMIT);
	CHECK_EQ(atomic_load(&told->wrong), 0);
	CHECK_EQ(atomic_load(&told->timeout), 1);
	/* NTH is no third call, so both were told. */
	CHECK_EQ(NTH % 3 != 0, 1);
	CHECK_EQ(atomic_load(&told->unknown), LIMIT);
	CHECK_EQ(atomic_load(&told->good), PROCESSES * THREADS * CALLS - LIMIT - 1);
	clear_faults(lab);
}

/* As an ordinary user of a lab that somebody else made. */
static void read_only(void)
{
	nvmlDevice_t gpu;
	char got[9] = "";

	if (setgroups(0, NULL) < 0 || setgid(OTHER_USER) < 0 || setuid(OTHER_USER) < 0)
		_exit(1);
	if (api.nvmlInit_v2() != NVML_SUCCESS ||
	    api.nvmlDeviceGetHandleByIndex_v2(0, &gpu) != NVML_SUCCESS)
		_exit(2);
	for (unsigned i = 0; i < 8; i++)
		got[i] = ask(gpu) == NVML_SUCCESS ? '.' : 'x';
	if (strcmp(got, ".x.x....") != 0) {
		fprintf(stderr, "a process that may not write: %s\n", got);
		_exit(3);
	}
	_exit(0);
}

static void reader_counts_alone(struct lab *lab)
{
	uint32_t id = ORDER(lab, NAME, .status = "UNKNOWN", .every = "2", .times = "2");

	for (unsigned i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (!pid)
			read_only();
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
	}
	expect_count(lab, id, 0, 0);
	clear_faults(lab);
}

int main(void)
{
	struct lab *lab;

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(told != MAP_FAILED);
	fixture_lab(&f, "a100-80gb-pcie", "580.65.06", 1, MIG_NUMBERING_X);
	CHECK(!chmod(f.base, 0755));
	CHECK(!setenv("MIGKIT_LAB", f.dir, 1));
	abi_open(&api);
	lab = fixture_open(&f);
	together(lab);
	if (geteuid() == 0)
		reader_counts_alone(lab);
	lab_close(lab);
	nvml_api_close(&api);
	fixture_end(&f);
	return 0;
}
