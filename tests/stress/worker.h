/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_STRESS_WORKER_H
#define MIGKIT_TESTS_STRESS_WORKER_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lab/format.h"
#include "nvml/migkit_export.h"
#include "nvml/nvml_api.h"
#include "unit/lab_fixture.h"

/*
 * A process that uses a lab in every way that a program can, at random, until it is told to stop or
 * is killed. What it is answered is not judged, for others change the lab meanwhile and faults
 * strike; that it is an answer is, and that the lab is as it must be.
 */
#define WORKER_NAME "stress" /* that faults are limited to */

enum worker_exit { WORKER_FINE = 0, WORKER_NO_LIBRARY = 41, WORKER_BROKEN = 42 };

/* What it does, and how often among all that it does. */
#define WORKER_OPS(X)    \
	X(create, 14)    \
	X(create_at, 6)  \
	X(destroy, 10)   \
	X(ci_create, 12) \
	X(ci_destroy, 6) \
	X(list, 8)       \
	X(mode, 4)       \
	X(reset, 1)      \
	X(readings, 8)   \
	X(events, 3)     \
	X(processes, 4)  \
	X(settings, 6)   \
	X(accounting, 2) \
	X(forks, 3)      \
	X(threads, 3)    \
	X(init, 3)       \
	X(restart, 2)    \
	X(state, 4)      \
	X(hold, 4)       \
	X(look, 1)

enum worker_op {
#define X(name, share) OP_##name,
	WORKER_OPS(X)
#undef X
		N_OPS
};

/* Seen by all processes of the test. */
struct stress_shared {
	atomic_int stop;
	atomic_ulong op[N_OPS], done; /* done: answered NVML_SUCCESS */
	atomic_int broken;
	char sentence[480]; /* of the first that saw something wrong */
};

struct worker {
	struct stress_shared *all;
	const char *dir;
	unsigned seed, depth; /* depth: of a fork */
	bool threaded;	      /* other threads of this process are at work, too */
	struct nvml_api nvml;
	const struct migkit_export *table;
	nvmlDevice_t gpu;
	unsigned index;
};

static inline unsigned pick(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 16) % n;
}

static void broken(struct worker *w, const char *who, const char *sentence)
{
	int before = 0;

	if (atomic_compare_exchange_strong(&w->all->broken, &before, 1))
		snprintf(w->all->sentence, sizeof(w->all->sentence), "%s: %.400s", who, sentence);
	_exit(WORKER_BROKEN);
}

/* What every call answers; an unknown error would be a lab's function that failed by itself. */
static nvmlReturn_t answered(struct worker *w, nvmlReturn_t r)
{
	if (r == NVML_SUCCESS)
		atomic_fetch_add(&w->all->done, 1);
	if (r == NVML_ERROR_UNKNOWN)
		broken(w, "a worker", "a call answered NVML_ERROR_UNKNOWN");
	return r;
}

/* --- one operation each --------------------------------------------------------------------- */

static const unsigned worker_profiles[] = { 19, 20, 15, 14, 9, 5, 0 };

static unsigned any_profile(struct worker *w)
{
	return worker_profiles[pick(&w->seed, 7)];
}

static void do_create(struct worker *w)
{
	nvmlGpuInstance_t gi;

	answered(w, w->nvml.nvmlDeviceCreateGpuInstance(w->gpu, any_profile(w), &gi));
}

static void do_create_at(struct worker *w)
{
	const nvmlGpuInstancePlacement_t at = { pick(&w->seed, 9), 1u << pick(&w->seed, 4) };
	nvmlGpuInstance_t gi;

	answered(w, w->nvml.nvmlDeviceCreateGpuInstanceWithPlacement(w->gpu, any_profile(w), &at,
								     &gi));
}

/* A GPU instance that is there, or was when it was listed; NULL: none of that profile. */
static nvmlGpuInstance_t any_gi(struct worker *w)
{
	nvmlGpuInstance_t gi[MIG_MAX_GI] = { NULL };
	unsigned n = 0;

	if (answered(w, w->nvml.nvmlDeviceGetGpuInstances(w->gpu, any_profile(w), gi, &n)) !=
		    NVML_SUCCESS ||
	    !n)
		return NULL;
	if (n > MIG_MAX_GI)
		broken(w, "a worker", "more GPU instances of a profile than there is room for");
	return gi[pick(&w->seed, n)];
}

static void do_destroy(struct worker *w)
{
	nvmlGpuInstance_t gi = any_gi(w);

	if (gi)
		answered(w, w->nvml.nvmlGpuInstanceDestroy(gi));
}

static void do_ci_create(struct worker *w)
{
	nvmlGpuInstance_t gi = any_gi(w);
	nvmlComputeInstance_t ci;

	if (gi)
		answered(w,
			 w->nvml.nvmlGpuInstanceCreateComputeInstance(gi, pick(&w->seed, 8), &ci));
}

static void do_ci_destroy(struct worker *w)
{
	nvmlGpuInstance_t gi = any_gi(w);
	nvmlComputeInstance_t ci[MIG_MAX_CI];
	unsigned n = 0;

	if (gi &&
	    answered(w, w->nvml.nvmlGpuInstanceGetComputeInstances(gi, pick(&w->seed, 8), ci,
								   &n)) == NVML_SUCCESS &&
	    n)
		answered(w, w->nvml.nvmlComputeInstanceDestroy(ci[pick(&w->seed, n)]));
}

static void do_list(struct worker *w)
{
	char uuid[96];

	for (unsigned i = 0; i < 7; i++) {
		nvmlDevice_t mig;

		if (answered(w, w->nvml.nvmlDeviceGetMigDeviceHandleByIndex(w->gpu, i, &mig)) !=
		    NVML_SUCCESS)
			continue;
		if (answered(w, w->nvml.nvmlDeviceGetUUID(mig, uuid, sizeof(uuid))) ==
			    NVML_SUCCESS &&
		    strncmp(uuid, "MIG-", 4) != 0)
			broken(w, "a worker", "a MIG device has a UUID of another kind");
	}
}

static void do_mode(struct worker *w)
{
	nvmlReturn_t activation;

	answered(w, w->nvml.nvmlDeviceSetMigMode(w->gpu, pick(&w->seed, 4) != 0, &activation));
}

static void do_reset(struct worker *w)
{
	answered(w, (nvmlReturn_t)w->table->gpu_reset(w->index));
}

static void do_readings(struct worker *w)
{
	nvmlUtilization_t use;
	nvmlMemory_t memory;
	unsigned celsius;
	char name[96];

	answered(w, w->nvml.nvmlDeviceGetName(w->gpu, name, sizeof(name)));
	answered(w, w->nvml.nvmlDeviceGetUtilizationRates(w->gpu, &use));
	answered(w, w->nvml.nvmlDeviceGetTemperature(w->gpu, NVML_TEMPERATURE_GPU, &celsius));
	if (answered(w, w->nvml.nvmlDeviceGetMemoryInfo(w->gpu, &memory)) == NVML_SUCCESS &&
	    memory.used > memory.total)
		broken(w, "a worker", "more memory is used than there is");
}

static void do_events(struct worker *w)
{
	nvmlEventData_t data;
	nvmlEventSet_t set;

	if (answered(w, w->nvml.nvmlEventSetCreate(&set)) != NVML_SUCCESS)
		return;
	answered(w, w->nvml.nvmlDeviceRegisterEvents(
			    w->gpu, nvmlEventMigConfigChange | nvmlEventTypeXidCriticalError, set));
	for (unsigned i = 0; i < 3; i++)
		answered(w, w->nvml.nvmlEventSetWait_v2(set, &data, pick(&w->seed, 4)));
	answered(w, w->nvml.nvmlEventSetFree(set));
}

static void do_processes(struct worker *w)
{
	nvmlProcessInfo_t list[LAB_MAX_CLIENTS];
	struct migkit_holder holders[32];
	unsigned n = LAB_MAX_CLIENTS, room = 32;

	answered(w, w->nvml.nvmlDeviceGetComputeRunningProcesses_v3(w->gpu, &n, list));
	answered(w, (nvmlReturn_t)w->table->holders(&room, holders));
}

static void do_settings(struct worker *w)
{
	const unsigned on = pick(&w->seed, 2);

	switch (pick(&w->seed, 6)) {
	case 0:
		answered(w, w->nvml.nvmlDeviceSetPersistenceMode(w->gpu, on));
		break;
	case 1:
		answered(w, w->nvml.nvmlDeviceSetComputeMode(w->gpu, 3 * on));
		break;
	case 2:
		answered(w, w->nvml.nvmlDeviceSetPowerManagementLimit(
				    w->gpu, 150000 + 1000 * pick(&w->seed, 400)));
		break;
	case 3:
		answered(w, w->nvml.nvmlDeviceSetApplicationsClocks(w->gpu, 1512,
								    210 + 15 * pick(&w->seed, 90)));
		break;
	case 4:
		answered(w, w->nvml.nvmlDeviceSetEccMode(w->gpu, on));
		break;
	default:
		answered(w, w->nvml.nvmlDeviceResetApplicationsClocks(w->gpu));
	}
}

static void do_accounting(struct worker *w)
{
	answered(w, w->nvml.nvmlDeviceSetAccountingMode(w->gpu, pick(&w->seed, 2)));
	answered(w, w->nvml.nvmlDeviceClearAccountingPids(w->gpu));
}

static void one_operation(struct worker *w);

/*
 * AddressSanitizer's allocator knows no fork: a child that is forked while another thread allocates
 * finds its locks taken and waits for ever, with the lab's lock if that is where it allocates. The
 * C library's own allocator is made for it.
 */
#if defined(__SANITIZE_ADDRESS__)
#define THREADS_MAY_FORK false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define THREADS_MAY_FORK false
#endif
#endif
#ifndef THREADS_MAY_FORK
#define THREADS_MAY_FORK true
#endif

/* The child uses the library as it found it. It may be killed by a fault, and may outlive us. */
static void do_forks(struct worker *w)
{
	pid_t pid;

	if (w->depth > 1 || (w->threaded && !THREADS_MAY_FORK))
		return;
	pid = fork();
	if (!pid) {
		w->depth++;
		w->seed ^= (unsigned)getpid();
		for (unsigned i = 0; i < 5 && !atomic_load(&w->all->stop); i++)
			one_operation(w);
		_exit(WORKER_FINE);
	}
	if (pid > 0) {
		int status = 0;

		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			broken(w, "a forked child", strsignal(WTERMSIG(status)));
	}
}

static void *in_thread(void *arg)
{
	struct worker own = *(const struct worker *)arg;

	own.depth++;
	own.threaded = true;
	own.seed ^= (unsigned)(uintptr_t)pthread_self();
	for (unsigned i = 0; i < 4; i++)
		one_operation(&own);
	return NULL;
}

static void do_threads(struct worker *w)
{
	pthread_t thread[3];
	unsigned n = 0;

	if (w->depth)
		return;
	while (n < 3 && !pthread_create(&thread[n], NULL, in_thread, w))
		n++;
	while (n)
		pthread_join(thread[--n], NULL);
}

static void do_init(struct worker *w)
{
	if (answered(w, w->nvml.nvmlInit_v2()) == NVML_SUCCESS)
		answered(w, w->nvml.nvmlShutdown());
}

/* Ends NVML and begins anew, as is needed after a reboot. */
static void do_restart(struct worker *w)
{
	if (w->depth)
		return;
	while (w->nvml.nvmlShutdown() == NVML_SUCCESS)
		;
	answered(w, w->nvml.nvmlInit_v2());
	w->index = pick(&w->seed, 2);
	answered(w, w->nvml.nvmlDeviceGetHandleByIndex_v2(w->index, &w->gpu));
}

/* A reader of the file itself: without a lock, and never a torn state. */
static void do_state(struct worker *w)
{
	static __thread struct lab_state st;
	struct mig_error err = { 0 };
	struct lab *lab;

	if (lab_open(w->dir, 0, &lab, &err) < 0)
		broken(w, "a reader cannot open the lab", err.msg);
	for (unsigned i = 0; i < 20; i++)
		if (lab_read_state(lab, &st) >= 0 && lab_check(lab_const(lab), &st, &err) < 0)
			broken(w, "a reader saw", err.msg);
	lab_close(lab);
}

/* On a compute instance that is there, or on a whole GPU. */
static void choose_place(struct lab *lab, struct worker *w, struct lab_client *c)
{
	const struct lab_gi *gi;
	struct lab_gpu gpu;

	if (lab_read_gpu(lab, w->index, &gpu) < 0)
		return;
	for (unsigned i = 0; i < 16 && gpu.mig_current; i++) {
		gi = &gpu.gi[pick(&w->seed, MIG_MAX_GI)];
		if (!gi->used || !gi->ci[0].used)
			continue;
		c->gi = (int8_t)gi->id;
		c->ci = (int8_t)gi->ci[0].id;
	}
}

/* A process that computes for a moment, and then ends or is killed. Nobody waits for it. */
static void do_hold(struct worker *w)
{
	struct lab_client c = { .kind = LAB_CLIENT_COMPUTE, .gi = -1, .ci = -1, .name = "holds" };
	struct timespec t = { .tv_nsec = 1000000L * pick(&w->seed, 200) };
	struct lab *lab;

	if (w->depth || fork())
		return;
	c.gpu = (uint8_t)w->index;
	c.memory = (uint64_t)pick(&w->seed, 1024) << 20;
	if (lab_open(w->dir, 0, &lab, NULL) < 0)
		_exit(WORKER_FINE);
	choose_place(lab, w, &c);
	if (lab_hold(lab, &c, NULL) >= 0)
		nanosleep(&t, NULL);
	if (pick(&w->seed, 2))
		kill(getpid(), SIGKILL);
	_exit(WORKER_FINE);
}

static void do_look(struct worker *w)
{
	unsigned breaches = 0;
	char text[2000];
	nvmlReturn_t r = (nvmlReturn_t)w->table->check(&breaches, text, sizeof(text));

	if (answered(w, r) == NVML_SUCCESS && breaches)
		broken(w, "sim_check()", text);
}

/* --- all of them ---------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(struct worker *w);
	unsigned share; /* of all operations */
} worker_ops[N_OPS] = {
#define X(name, share) { #name, do_##name, share },
	WORKER_OPS(X)
#undef X
};

static void one_operation(struct worker *w)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < N_OPS; i++)
		sum += worker_ops[i].share;
	at = pick(&w->seed, sum);
	for (unsigned i = 0; i < N_OPS; i++) {
		if (at < worker_ops[i].share) {
			worker_ops[i].fn(w);
			atomic_fetch_add(&w->all->op[i], 1);
			return;
		}
		at -= worker_ops[i].share;
	}
}

static void worker_open(struct worker *w)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	const char *build = getenv("MIGKIT_BUILD");
	struct mig_error err = { 0 };
	const void *table = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build ? build : "build");
	if (setenv("MIGKIT_LAB", w->dir, 1) || nvml_api_open(&w->nvml, path, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(WORKER_NO_LIBRARY);
	}
	(void)w->nvml.nvmlInternalGetExportTable(&table, uuid);
	w->table = table;
	if (!table)
		_exit(WORKER_NO_LIBRARY);
	do_restart(w);
}

/* In the child of a fork; reads: nothing but the state, all the time. */
static void worker_main(struct stress_shared *all, const char *dir, unsigned seed, bool reads)
{
	static struct worker w;

	w = (struct worker){ .all = all, .dir = dir, .seed = seed };
	prctl(PR_SET_NAME, WORKER_NAME);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_open(&w);
	while (!atomic_load(&all->stop)) {
		if (reads)
			do_state(&w);
		else
			one_operation(&w);
		atomic_fetch_add(&all->op[OP_state], reads);
		if (pick(&w.seed, 50) == 0)
			do_restart(&w);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	_exit(WORKER_FINE);
}

#endif
