/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "nvml/nvml_api.h"
#include "unit/lab_fixture.h"

/*
 * One process, many threads: readers, writers, one that initialises and shuts down, one that forks
 * children which use the library too. Run plainly, under ASan, and under TSan (test_tsan.py).
 */
enum { READERS = 3, WRITERS = 2, ROUNDS = 5000, FORKS = 40 };

static struct nvml_api api;
static atomic_int failures;

/* Threads may not exit the process: what is wrong is counted, and said once. */
static void expect(nvmlReturn_t got, nvmlReturn_t want, const char *what)
{
	if (got == want)
		return;
	if (!atomic_fetch_add(&failures, 1))
		fprintf(stderr, "%s: %d, not %d\n", what, got, want);
}

static void *reader(void *arg)
{
	nvmlDevice_t dev;

	(void)arg;
	expect(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_SUCCESS, "handle");
	for (unsigned i = 0; i < ROUNDS * 4; i++) {
		unsigned current, pending, count;
		nvmlGpuInstance_t gi[MIG_MAX_GI];

		expect(api.nvmlDeviceGetMigMode(dev, &current, &pending), NVML_SUCCESS, "mode");
		expect(api.nvmlDeviceGetGpuInstances(dev, 19, gi, &count), NVML_SUCCESS, "list");
		if (count > 7)
			expect(NVML_ERROR_UNKNOWN, NVML_SUCCESS, "more instances than fit");
	}
	return NULL;
}

static void *writer(void *arg)
{
	nvmlDevice_t dev;

	(void)arg;
	expect(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_SUCCESS, "handle");
	for (unsigned i = 0; i < ROUNDS; i++) {
		nvmlGpuInstanceInfo_t info;
		nvmlGpuInstance_t gi;

		expect(api.nvmlDeviceCreateGpuInstance(dev, 19, &gi), NVML_SUCCESS, "create");
		expect(api.nvmlGpuInstanceGetInfo(gi, &info), NVML_SUCCESS, "info");
		expect(api.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS, "destroy");
		expect(api.nvmlGpuInstanceGetInfo(gi, &info), NVML_ERROR_INVALID_ARGUMENT, "stale");
	}
	return NULL;
}

static void *initializer(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		expect(api.nvmlInit_v2(), NVML_SUCCESS, "init");
		expect(api.nvmlShutdown(), NVML_SUCCESS, "shutdown");
	}
	return NULL;
}

/* In the child no other thread is left, whatever lock one of them held. */
static void child(void)
{
	nvmlGpuInstance_t gi;
	nvmlDevice_t dev;

	alarm(20);
	if (api.nvmlDeviceGetHandleByIndex_v2(0, &dev) != NVML_SUCCESS)
		_exit(10);
	if (api.nvmlDeviceCreateGpuInstance(dev, 19, &gi) != NVML_SUCCESS)
		_exit(11);
	_exit(api.nvmlGpuInstanceDestroy(gi) == NVML_SUCCESS ? 0 : 12);
}

static void *forker(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < FORKS; i++) {
		int status = 0;
		pid_t pid = fork();

		if (!pid)
			child();
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			status = -1;
		expect((nvmlReturn_t)status, NVML_SUCCESS, "a forked child");
	}
	return NULL;
}

int main(void)
{
	const char *build = getenv("MIGKIT_BUILD");
	pthread_t thread[READERS + WRITERS + 2];
	struct mig_error err = { 0 };
	nvmlReturn_t activation;
	struct fixture f;
	char path[PATH_MAX];
	unsigned n = 0;
	nvmlDevice_t dev;

	CHECK(build != NULL);
	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	setenv("MIGKIT_LAB", f.dir, 1);
	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build);
	CHECK_EQ(nvml_api_open(&api, path, &err), 0);
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_SUCCESS);
	CHECK_EQ(api.nvmlDeviceSetMigMode(dev, 1, &activation), NVML_SUCCESS);
	for (unsigned i = 0; i < READERS; i++)
		CHECK(!pthread_create(&thread[n++], NULL, reader, NULL));
	for (unsigned i = 0; i < WRITERS; i++)
		CHECK(!pthread_create(&thread[n++], NULL, writer, NULL));
	CHECK(!pthread_create(&thread[n++], NULL, initializer, NULL));
	CHECK(!pthread_create(&thread[n++], NULL, forker, NULL));
	for (unsigned i = 0; i < n; i++)
		CHECK(!pthread_join(thread[i], NULL));
	CHECK_EQ(atomic_load(&failures), 0);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	nvml_api_close(&api);
	fixture_end(&f);
	return 0;
}
