/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=120 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "nvml/nvml_api.h"
#include "unit/lab_fixture.h"

/*
 * How fast the simulated driver answers, through the library as a client loads it. Aims: a read
 * call below 200 ns, create and destroy of a GPU instance below 20 us. Reported, not judged: a
 * machine's speed is no promise of the code's.
 */
enum { READS = 2000000, CHANGES = 100000, STARTS = 2000, ROUNDS = 5, PROCESSES = 200 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double bench_mode(struct nvml_api *api, nvmlDevice_t dev)
{
	unsigned current, pending;
	double t = now();

	for (unsigned i = 0; i < READS; i++)
		CHECK_EQ(api->nvmlDeviceGetMigMode(dev, &current, &pending), NVML_SUCCESS);
	return (now() - t) / READS;
}

static double bench_info(struct nvml_api *api, nvmlDevice_t dev, unsigned id)
{
	nvmlGpuInstanceInfo_t info;
	nvmlGpuInstance_t gi;
	double t = now();

	for (unsigned i = 0; i < READS; i++) {
		CHECK_EQ(api->nvmlDeviceGetGpuInstanceById(dev, id, &gi), NVML_SUCCESS);
		CHECK_EQ(api->nvmlGpuInstanceGetInfo(gi, &info), NVML_SUCCESS);
	}
	return (now() - t) / READS;
}

static double bench_change(struct nvml_api *api, nvmlDevice_t dev)
{
	nvmlGpuInstance_t gi;
	double t = now();

	for (unsigned i = 0; i < CHANGES; i++) {
		CHECK_EQ(api->nvmlDeviceCreateGpuInstance(dev, 19, &gi), NVML_SUCCESS);
		CHECK_EQ(api->nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	}
	return (now() - t) / CHANGES;
}

static double bench_init(struct nvml_api *api)
{
	double t = now();

	for (unsigned i = 0; i < STARTS; i++) {
		CHECK_EQ(api->nvmlInit_v2(), NVML_SUCCESS);
		CHECK_EQ(api->nvmlShutdown(), NVML_SUCCESS);
	}
	return (now() - t) / STARTS;
}

/* --- a new process ------------------------------------------------------------------------- */

struct first {
	double seconds; /* from dlopen to the count of GPUs */
	long kib;	/* of the process's own memory that came with it */
};

static long private_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Private_", 8))
			kib += strtol(strchr(line, ':') + 1, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static int first_answer(const char *path, int to)
{
	nvmlReturn_t (*init)(void), (*get_count)(unsigned *);
	long before = private_kib();
	struct first f;
	double t = now();
	unsigned count;
	void *library;

	library = dlopen(path, RTLD_NOW);
	CHECK(library != NULL);
	*(void **)&init = dlsym(library, "nvmlInit_v2");
	*(void **)&get_count = dlsym(library, "nvmlDeviceGetCount_v2");
	CHECK(init && get_count);
	CHECK_EQ(init(), NVML_SUCCESS);
	CHECK_EQ(get_count(&count), NVML_SUCCESS);
	f.seconds = now() - t;
	f.kib = private_kib() - before;
	return write(to, &f, sizeof(f)) != sizeof(f);
}

/* The fastest, and the most memory, of many processes. */
static struct first bench_first(const char *path)
{
	struct first best = { 0 }, f;

	for (unsigned i = 0; i < PROCESSES; i++) {
		int pipes[2], status = -1;
		char to[16];
		pid_t pid;

		CHECK(!pipe(pipes));
		snprintf(to, sizeof(to), "%d", pipes[1]);
		pid = fork();
		if (!pid) {
			execl("/proc/self/exe", "bench_nvml", "first", path, to, NULL);
			_exit(127);
		}
		CHECK(waitpid(pid, &status, 0) == pid && !status);
		CHECK(read(pipes[0], &f, sizeof(f)) == sizeof(f));
		close(pipes[0]);
		close(pipes[1]);
		if (!i || f.seconds < best.seconds)
			best.seconds = f.seconds;
		if (f.kib > best.kib)
			best.kib = f.kib;
	}
	return best;
}

static void keep_least(double *least, double value)
{
	if (!*least || value < *least)
		*least = value;
}

int main(int argc, char **argv)
{
	const char *build = getenv("MIGKIT_BUILD");
	double mode = 0, info = 0, change = 0, init = 0;
	struct nvml_api api = { 0 };
	struct mig_error err = { 0 };
	nvmlGpuInstance_t gi;
	nvmlDevice_t dev;
	struct fixture f;
	char path[PATH_MAX];
	struct first first;

	if (argc == 4 && !strcmp(argv[1], "first"))
		return first_answer(argv[2], (int)strtol(argv[3], NULL, 10));
	CHECK(build != NULL);
	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	setenv("MIGKIT_LAB", f.dir, 1);
	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build);
	first = bench_first(path);
	CHECK_EQ(nvml_api_open(&api, path, &err), 0);
	for (unsigned i = 0; i < ROUNDS; i++)
		keep_least(&init, bench_init(&api));
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_SUCCESS);
	{
		nvmlReturn_t now_active;

		CHECK_EQ(api.nvmlDeviceSetMigMode(dev, 1, &now_active), NVML_SUCCESS);
	}
	CHECK_EQ(api.nvmlDeviceCreateGpuInstance(dev, 9, &gi), NVML_SUCCESS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		keep_least(&mode, bench_mode(&api, dev));
		keep_least(&info, bench_info(&api, dev, 1));
		keep_least(&change, bench_change(&api, dev));
	}
	printf("best of %d rounds\n", ROUNDS);
	printf("%-50s %8.0f ns  (aim: below 200)\n", "nvmlDeviceGetMigMode", mode * 1e9);
	printf("%-50s %8.0f ns  (two calls)\n", "GetGpuInstanceById + GpuInstanceGetInfo",
	       info * 1e9);
	printf("%-50s %8.2f us  (aim: below 20)\n", "create + destroy of a GPU instance",
	       change * 1e6);
	printf("%-50s %8.2f us\n", "nvmlInit + nvmlShutdown", init * 1e6);
	printf("%-50s %8.0f us, %ld KiB\n", "first answer of a new process, its memory",
	       first.seconds * 1e6, first.kib);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	nvml_api_close(&api);
	fixture_end(&f);
	return 0;
}
