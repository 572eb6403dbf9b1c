/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=180 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "lab/root.h"
#include "nvml/nvml_api.h"
#include "unit/client_memory.h"
#include "unit/lab_fixture.h"

/*
 * How fast the simulated driver changes a lab and starts, through the library as a client loads it.
 * (bench_reads.py: how fast it reads.) Reported beside the aims, not judged: a machine's speed is
 * no promise of the code's. The best of some rounds counts: what else a machine does only adds.
 */
enum { CHANGES = 1000, STARTS = 500, ROUNDS = 7, PROCESSES = 100, MANY = 16 };
/* Of changes that are judged: short, so that some of them meet nothing else that the machine does.
 */
enum { PAIRS = 100, SHORT_ROUNDS = 200 };

static double read_clock(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void keep_least(double *least, double value)
{
	if (!*least || value < *least)
		*least = value;
}

static void line(const char *what, double value, const char *unit, const char *aim)
{
	printf("  %-58s %9.2f %s%s%s%s\n", what, value, unit, aim ? "  (aim: " : "", aim ? aim : "",
	       aim ? ")" : "");
}

/* --- changes -------------------------------------------------------------------------------- */

static void change(struct nvml_api *api, nvmlDevice_t dev)
{
	nvmlGpuInstance_t gi;

	CHECK_EQ(api->nvmlDeviceCreateGpuInstance(dev, 19, &gi), NVML_SUCCESS);
	CHECK_EQ(api->nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
}

static double time_changes(struct nvml_api *api, nvmlDevice_t dev, clockid_t which, unsigned n)
{
	double t = read_clock(which);

	for (unsigned i = 0; i < n; i++)
		change(api, dev);
	return (read_clock(which) - t) / n;
}

static nvmlDevice_t begin(struct nvml_api *api, unsigned gpu)
{
	nvmlReturn_t active;
	nvmlDevice_t dev;

	CHECK_EQ(api->nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(api->nvmlDeviceGetHandleByIndex_v2(gpu, &dev), NVML_SUCCESS);
	CHECK_EQ(api->nvmlDeviceSetMigMode(dev, 1, &active), NVML_SUCCESS);
	return dev;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct rounds {
	double t[SHORT_ROUNDS];
};

/* Prints the best round, and the one in the middle. */
static void tell_rounds(struct rounds *r, const char *what, const char *aim)
{
	qsort(r->t, SHORT_ROUNDS, sizeof(r->t[0]), ascending);
	line(what, r->t[0] * 1e6, "us", aim);
	line("  in the median of rounds", r->t[SHORT_ROUNDS / 2] * 1e6, "us", NULL);
}

/* A folder as an instance's, which comes and goes as that does, without the library. */
struct folder {
	int dir, caps; /* descriptors */
	char place[32];
};

static struct folder make_folder(const char *lab, unsigned gpu)
{
	struct folder f = { .dir = open(lab, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	int file;

	CHECK(f.dir >= 0);
	f.caps = openat(f.dir, LAB_ROOT_CAPS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(f.caps >= 0 && !mkdirat(f.dir, LAB_ROOT_SPARE "/bench", 0777));
	file = openat(f.dir, LAB_ROOT_SPARE "/bench/access", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	CHECK(file >= 0 && !close(file));
	snprintf(f.place, sizeof(f.place), "gpu%u/mig/bench", gpu);
	return f;
}

static double time_renames(const struct folder *f)
{
	double t = read_clock(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < PAIRS; i++) {
		CHECK(!renameat(f->dir, LAB_ROOT_SPARE "/bench", f->caps, f->place));
		CHECK(!renameat(f->caps, f->place, f->dir, LAB_ROOT_SPARE "/bench"));
	}
	return (read_clock(CLOCK_MONOTONIC) - t) / PAIRS;
}

/* Changes, and in turns with them what two renames take by themselves in the same place. */
static void bench_changes(struct nvml_api *api, const char *lab, unsigned gpu,
			  struct rounds *ret_changes, struct rounds *ret_renames)
{
	nvmlDevice_t dev = begin(api, gpu);
	struct folder f = make_folder(lab, gpu);

	for (unsigned i = 0; i < SHORT_ROUNDS; i++) {
		ret_changes->t[i] = time_changes(api, dev, CLOCK_MONOTONIC, PAIRS);
		ret_renames->t[i] = time_renames(&f);
	}
	CHECK_EQ(api->nvmlShutdown(), NVML_SUCCESS);
	close(f.caps);
	close(f.dir);
}

static double bench_init(struct nvml_api *api)
{
	double least = 0;

	for (unsigned r = 0; r < ROUNDS; r++) {
		double t = read_clock(CLOCK_MONOTONIC);

		for (unsigned i = 0; i < STARTS; i++) {
			CHECK_EQ(api->nvmlInit_v2(), NVML_SUCCESS);
			CHECK_EQ(api->nvmlShutdown(), NVML_SUCCESS);
		}
		keep_least(&least, (read_clock(CLOCK_MONOTONIC) - t) / STARTS);
	}
	return least;
}

static void bench_lab(struct nvml_api *api, const char *where, unsigned gpus, const char *aim)
{
	struct fixture f;
	char what[80];
	struct rounds changes, renames;

	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", gpus, MIG_NUMBERING_X);
	setenv("MIGKIT_LAB", f.dir, 1);
	bench_changes(api, f.dir, gpus - 1, &changes, &renames);
	snprintf(what, sizeof(what), "create + destroy, %u GPU%s, %s", gpus, gpus > 1 ? "s" : "",
		 where);
	tell_rounds(&changes, what, aim);
	tell_rounds(&renames, "  beside it: two renames of a folder, as in it", NULL);
	fixture_end(&f);
}

/*
 * Where a lab lies decides half of it, as each instance has a folder: in memory, and on the disk of
 * TMPDIR if that is one.
 */
static void bench_all_changes(struct nvml_api *api)
{
	const char *was = getenv("TMPDIR");
	char disk[PATH_MAX];

	snprintf(disk, sizeof(disk), "%s", was ? was : "/tmp");
	printf("  best of %d rounds of %d, each\n", SHORT_ROUNDS, PAIRS);
	if (access("/dev/shm", W_OK) == 0) {
		setenv("TMPDIR", "/dev/shm", 1);
		bench_lab(api, "in memory", 1, "below 20");
		bench_lab(api, "in memory", MANY, "below 20");
		setenv("TMPDIR", disk, 1);
	}
	bench_lab(api, "in TMPDIR", 1, "below 20");
}

/* --- a writer among readers ----------------------------------------------------------------- */

/* Reads without a pause until it is ended: two whole copies of the GPU a round. */
static void read_for_ever(struct nvml_api *api, nvmlDevice_t dev)
{
	nvmlGpuInstance_t list[MIG_MAX_GI];
	unsigned current, pending, n;

	for (;;) {
		CHECK_EQ(api->nvmlDeviceGetMigMode(dev, &current, &pending), NVML_SUCCESS);
		CHECK_EQ(api->nvmlDeviceGetGpuInstances(dev, 19, list, &n), NVML_SUCCESS);
	}
}

static void start_readers(struct nvml_api *api, nvmlDevice_t dev, pid_t *pid, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pid[i] = fork();
		CHECK(pid[i] >= 0);
		if (!pid[i])
			read_for_ever(api, dev);
	}
}

static void end_readers(const pid_t *pid, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		kill(pid[i], SIGKILL);
		CHECK(waitpid(pid[i], NULL, 0) == pid[i]);
	}
}

/* CPU time of the writer alone; what its readers take from the machine makes it wait, not work. */
static void bench_among(struct nvml_api *api)
{
	static const unsigned readers[] = { 0, 2, 8 };
	double least[3] = { 0 };
	nvmlDevice_t dev = begin(api, 0);

	for (unsigned r = 0; r < ROUNDS; r++)
		for (unsigned i = 0; i < 3; i++) {
			pid_t pid[8];

			start_readers(api, dev, pid, readers[i]);
			keep_least(&least[i],
				   time_changes(api, dev, CLOCK_PROCESS_CPUTIME_ID, CHANGES));
			end_readers(pid, readers[i]);
		}
	CHECK_EQ(api->nvmlShutdown(), NVML_SUCCESS);
	line("the writer's CPU time for create + destroy, alone", least[0] * 1e6, "us", NULL);
	line("  the same beside 2 readers, times as much", least[1] / least[0], "", "below 2");
	line("  the same beside 8 readers, times as much", least[2] / least[0], "", "below 2");
}

/* --- a new process -------------------------------------------------------------------------- */

static int first_answer(const char *path, int to)
{
	struct memory before = client_memory(), after;
	double t = read_clock(CLOCK_MONOTONIC);
	struct {
		double seconds;
		struct memory more;
	} told;

	client_ask(path);
	told.seconds = read_clock(CLOCK_MONOTONIC) - t;
	after = client_memory();
	told.more = (struct memory){ after.resident - before.resident, after.owned - before.owned };
	return write(to, &told, sizeof(told)) != sizeof(told);
}

/* The fastest, and the most memory, of many processes. */
static void bench_first(const char *path)
{
	struct {
		double seconds;
		struct memory more;
	} best = { 0 }, f;

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
		keep_least(&best.seconds, f.seconds);
		if (f.more.resident > best.more.resident)
			best.more = f.more;
	}
	line("first answer of a new process (dlopen, init, count,", best.seconds * 1e6, "us",
	     "below 1000");
	printf("      name, shutdown)\n");
	line("  memory that came with it, resident", (double)best.more.resident, "KiB",
	     "below 1024");
	line("  of that the process's own", (double)best.more.owned, "KiB", NULL);
}

int main(int argc, char **argv)
{
	const char *build = getenv("MIGKIT_BUILD");
	struct nvml_api api = { 0 };
	struct mig_error err = { 0 };
	struct fixture one;
	char path[PATH_MAX];

	if (argc == 4 && !strcmp(argv[1], "first"))
		return first_answer(argv[2], (int)strtol(argv[3], NULL, 10));
	CHECK(build != NULL);
	fixture_lab(&one, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	setenv("MIGKIT_LAB", one.dir, 1);
	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build);
	printf("best of %d rounds\n", ROUNDS);
	CHECK_EQ(nvml_api_open(&api, path, &err), 0);
	bench_all_changes(&api);
	setenv("MIGKIT_LAB", one.dir, 1);
	bench_among(&api);
	line("nvmlInit + nvmlShutdown", bench_init(&api) * 1e6, "us", NULL);
	bench_first(path);
	nvml_api_close(&api);
	fixture_end(&one);
	return 0;
}
