/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=120 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "nvml/nvml_api.h"
#include "unit/lab_fixture.h"

/*
 * The simulated driver in programs that do what programs do: close descriptors that they don't
 * know, end NVML in one thread while another asks, run on small stacks, live under a storm of
 * signals, fork in the middle of everything.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { SMALL_STACK = 65536, STORM_US = 200, RACES = 20000, CHANGES = 2000 };

static struct nvml_api api;
static struct fixture fixture;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static nvmlDevice_t gpu(void)
{
	nvmlDevice_t dev = NULL;

	CHECK_EQ(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_SUCCESS);
	return dev;
}

static void mig_on(void)
{
	nvmlReturn_t activation = NVML_ERROR_UNKNOWN;

	CHECK_EQ(api.nvmlDeviceSetMigMode(gpu(), 1, &activation), NVML_SUCCESS);
	CHECK_EQ(activation, NVML_SUCCESS);
}

/* --- descriptors ---------------------------------------------------------------------------- */

/* The descriptor under which this process has the lab's holders file open; -1: none. */
static int holders_descriptor(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int found = -1;

	CHECK(dir != NULL);
	while (found < 0 && (e = readdir(dir))) {
		char path[300], to[PATH_MAX];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		if (n > 0 && strncmp(to, fixture.dir, strlen(fixture.dir)) == 0)
			found = (int)strtol(e->d_name, NULL, 10);
	}
	closedir(dir);
	return found;
}

/* Who holds the first byte of a file, as another process sees it; 0: nobody. */
static pid_t owner_seen_by_another(const char *path)
{
	int status = 0, pipes[2];
	pid_t owner = 0, pid;

	CHECK(!pipe(pipes));
	pid = fork();
	if (!pid) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fd < 0 || fcntl(fd, F_GETLK, &l) < 0)
			_exit(1);
		owner = l.l_type == F_UNLCK ? 0 : l.l_pid;
		_exit(write(pipes[1], &owner, sizeof(owner)) != sizeof(owner));
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(read(pipes[0], &owner, sizeof(owner)) == sizeof(owner));
	close(pipes[0]);
	close(pipes[1]);
	return owner;
}

/* A host closes all that it does not know, and opens a file of its own under the same number. */
static void test_closed_descriptor(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char holders[600], own[600];
	int fd, mine;

	snprintf(holders, sizeof(holders), "%s/" LAB_HOLDERS_FILE, fixture.dir);
	snprintf(own, sizeof(own), "%s/own", fixture.base);
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(owner_seen_by_another(holders), getpid());
	fd = holders_descriptor();
	CHECK(fd >= 0);
	mine = open(own, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(mine >= 0 && dup3(mine, fd, O_CLOEXEC) == fd && !close(mine));
	CHECK(!fcntl(fd, F_SETLK, &lock));
	CHECK_EQ(owner_seen_by_another(own), getpid());

	/* A change of the mode asks who has the GPU open, so the holders file is opened again, and
	 * says so again. */
	mig_on();
	CHECK_EQ(owner_seen_by_another(holders), getpid());
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(owner_seen_by_another(holders), 0);
	CHECK_EQ(owner_seen_by_another(own), getpid());

	/* And where nothing opened it again before the end. */
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	mine = holders_descriptor();
	CHECK(mine >= 0 && dup3(fd, mine, O_CLOEXEC) == mine);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(owner_seen_by_another(own), getpid());
	CHECK(fcntl(mine, F_GETFD) >= 0);
	close(mine);
	close(fd);
}

/* --- threads -------------------------------------------------------------------------------- */

static atomic_bool race_over;

static void *ask_all_the_time(void *arg)
{
	unsigned long *answered = arg;

	while (!atomic_load(&race_over)) {
		unsigned current, pending, n = 0;
		nvmlDevice_t dev;
		nvmlReturn_t r = api.nvmlDeviceGetHandleByIndex_v2(0, &dev);

		if (r == NVML_SUCCESS)
			r = api.nvmlDeviceGetMigMode(dev, &current, &pending);
		if (r == NVML_SUCCESS)
			r = api.nvmlDeviceGetComputeRunningProcesses_v3(dev, &n, NULL);
		if (r == NVML_SUCCESS)
			++*answered;
		else if (r != NVML_ERROR_UNINITIALIZED)
			return arg;
	}
	return NULL;
}

/* One thread ends NVML under another: that one is told UNINITIALIZED, or gets its answer. */
static void test_shutdown_under_a_call(void)
{
	unsigned long answered[2] = { 0 };
	pthread_t thread[2];

	for (unsigned i = 0; i < 2; i++)
		CHECK(!pthread_create(&thread[i], NULL, ask_all_the_time, &answered[i]));
	for (unsigned i = 0; i < RACES; i++) {
		unsigned count;

		CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
		for (unsigned k = 0; k < 100; k++)
			CHECK_EQ(api.nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
		CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	}
	atomic_store(&race_over, true);
	for (unsigned i = 0; i < 2; i++) {
		void *wrong = NULL;

		CHECK(!pthread_join(thread[i], &wrong));
		CHECK(!wrong);
	}
	printf("%u inits and shutdowns while %lu questions were answered\n", RACES,
	       answered[0] + answered[1]);
}

static void *on_small_stack(void *arg)
{
	nvmlProcessInfo_t processes[4];
	nvmlEventData_t event;
	nvmlGpuInstance_t gi;
	nvmlEventSet_t set;
	nvmlMemory_t memory;
	unsigned n = 4;

	(void)arg;
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	mig_on();
	CHECK_EQ(api.nvmlDeviceCreateGpuInstance(gpu(), 19, &gi), NVML_SUCCESS);
	CHECK_EQ(api.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	CHECK_EQ(api.nvmlDeviceGetComputeRunningProcesses_v3(gpu(), &n, processes), NVML_SUCCESS);
	CHECK_EQ(api.nvmlDeviceGetMemoryInfo(gpu(), &memory), NVML_SUCCESS);
	CHECK_EQ(api.nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_EQ(api.nvmlEventSetWait_v2(set, &event, 1), NVML_ERROR_TIMEOUT);
	CHECK_EQ(api.nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	return NULL;
}

static void test_small_stack(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(!pthread_attr_init(&attr));
	/* A sanitizer's frames are another size. */
	CHECK(SANITIZED || !pthread_attr_setstacksize(&attr, SMALL_STACK));
	CHECK(!pthread_create(&thread, &attr, on_small_stack, NULL));
	CHECK(!pthread_join(thread, NULL));
	pthread_attr_destroy(&attr);
}

/* --- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms = alarms + 1;
}

static void storm(bool on)
{
	struct itimerval every = { .it_interval = { .tv_usec = on ? STORM_US : 0 },
				   .it_value = { .tv_usec = on ? STORM_US : 0 } };
	struct sigaction action = { .sa_handler = on_alarm }; /* without SA_RESTART */

	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
}

/* Another process that changes all the time, so that the storm finds us waiting for the lock. */
static pid_t rival(void)
{
	pid_t parent = getpid(), pid = fork();
	nvmlGpuInstance_t gi;

	if (pid)
		return pid;
	while (getppid() == parent)
		if (api.nvmlDeviceCreateGpuInstance(gpu(), 19, &gi) == NVML_SUCCESS)
			(void)api.nvmlGpuInstanceDestroy(gi);
	_exit(0);
}

static void test_signals(void)
{
	nvmlEventData_t event;
	nvmlGpuInstance_t gi;
	nvmlEventSet_t set;
	double began, waited;
	pid_t pid;

	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	mig_on();
	pid = rival();
	CHECK(pid > 0);
	storm(true);
	for (unsigned i = 0; i < CHANGES; i++) {
		CHECK_EQ(api.nvmlDeviceCreateGpuInstance(gpu(), 19, &gi), NVML_SUCCESS);
		CHECK_EQ(api.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
		CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
		CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	}
	CHECK_EQ(api.nvmlEventSetCreate(&set), NVML_SUCCESS);
	began = now();
	CHECK_EQ(api.nvmlEventSetWait_v2(set, &event, 300), NVML_ERROR_TIMEOUT);
	waited = now() - began;
	storm(false);
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	CHECK_EQ(api.nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	printf("%d signals; a wait of 300 ms took %.0f\n", (int)alarms, waited * 1e3);
	CHECK(alarms > 100);
	/* Not shorter, and not stretched by a restart at each signal; a busy machine is late. */
	CHECK(waited >= 0.299 && waited < 3);
}

/* --- forks ---------------------------------------------------------------------------------- */

/* As multiprocessing does: the child goes on with the library that its parent initialised. */
static void test_forked_child(void)
{
	char holders[600];
	int status = 0;
	pid_t pid;

	snprintf(holders, sizeof(holders), "%s/" LAB_HOLDERS_FILE, fixture.dir);
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	for (unsigned i = 0; i < 20; i++) {
		pid = fork();
		if (!pid) {
			nvmlGpuInstance_t gi;

			CHECK_EQ(api.nvmlDeviceCreateGpuInstance(gpu(), 19, &gi), NVML_SUCCESS);
			CHECK_EQ(api.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
			CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
			CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && !status);
	}
	/* The child's shutdown was the child's alone. */
	CHECK_EQ(owner_seen_by_another(holders), getpid());
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
}

int main(void)
{
	const char *build = getenv("MIGKIT_BUILD");
	struct mig_error err = { 0 };
	char path[PATH_MAX];

	CHECK(build != NULL);
	fixture_lab(&fixture, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	setenv("MIGKIT_LAB", fixture.dir, 1);
	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build);
	CHECK_EQ(nvml_api_open(&api, path, &err), 0);

	test_closed_descriptor();
	test_small_stack();
	test_forked_child();
	test_signals();
	test_shutdown_under_a_call();
	nvml_api_close(&api);
	fixture_end(&fixture);
	return 0;
}
