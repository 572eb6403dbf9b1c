/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of one process that use the simulated driver in all ways at once, for test_tsan.py, which
 * meanwhile orders trouble in their lab. Most initialise and shut down by themselves; the others
 * call whenever it happens to be initialised, so that the lab is closed and opened anew in their
 * calls.
 *
 * Whatever a call answers is right here: this is about how threads get at the library's memory. For
 * each line of the standard input a line of JSON says how often each kind of call was made and
 * succeeded; the end of the input ends the threads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nvml/nvml_calls.h"

/* The last GPU is only read: without MIG mode a client can be on it. */
enum { GPUS = 3, CALLS = 12, PROFILE_GI = 19, PROFILE_CI = 0 };

static struct {
	atomic_uint made, succeeded;
} counts[5];
enum kind { INIT, READ, CREATE, DESTROY, EVENT };
static const char *const names[] = { "init", "read", "create", "destroy", "event" };
static atomic_bool ended;

static nvmlReturn_t count(enum kind kind, nvmlReturn_t status)
{
	atomic_fetch_add_explicit(&counts[kind].made, 1, memory_order_relaxed);
	if (status == NVML_SUCCESS)
		atomic_fetch_add_explicit(&counts[kind].succeeded, 1, memory_order_relaxed);
	return status;
}

static void read_all(nvmlDevice_t dev)
{
	nvmlGpuInstance_t gi[16];
	nvmlProcessInfo_t process[64];
	unsigned current, pending, n;
	nvmlMemory_t memory;
	char text[96];
	nvmlDevicePerfModes_t modes = { .version = nvmlDevicePerfModes_v1 };

	(void)count(READ, nvmlDeviceGetMigMode(dev, &current, &pending));
	(void)count(READ, nvmlDeviceGetUUID(dev, text, sizeof(text)));
	(void)count(READ, nvmlDeviceGetMemoryInfo(dev, &memory));
	(void)count(READ, nvmlDeviceGetPerformanceModes(dev, &modes)); /* a text that is kept */
	(void)count(READ, nvmlDeviceGetTemperature(dev, NVML_TEMPERATURE_GPU, &n));
	n = 64;
	(void)count(READ, nvmlDeviceGetComputeRunningProcesses_v3(dev, &n, process));
	(void)count(READ, nvmlDeviceGetGpuInstances(dev, PROFILE_GI, gi, &n));
}

/* What is left where a fault kept somebody from removing it; also what the other one works with. */
static void remove_all(nvmlDevice_t dev)
{
	nvmlGpuInstance_t gi[16];
	unsigned n = 0, m;

	if (nvmlDeviceGetGpuInstances(dev, PROFILE_GI, gi, &n) != NVML_SUCCESS)
		return;
	for (unsigned i = 0; i < n; i++) {
		nvmlComputeInstance_t ci[8];

		m = 0;
		if (nvmlGpuInstanceGetComputeInstances(gi[i], PROFILE_CI, ci, &m) == NVML_SUCCESS &&
		    m)
			(void)count(DESTROY, nvmlComputeInstanceDestroy(ci[0]));
		(void)count(DESTROY, nvmlGpuInstanceDestroy(gi[i]));
	}
}

static void change(nvmlDevice_t dev)
{
	nvmlComputeInstance_t ci = NULL;
	nvmlGpuInstance_t gi = NULL;
	nvmlReturn_t activation, status;

	(void)nvmlDeviceSetMigMode(dev, 1, &activation);
	/* A fault's SUCCESS gives no handle. */
	status = count(CREATE, nvmlDeviceCreateGpuInstance(dev, PROFILE_GI, &gi));
	if (status == NVML_ERROR_INSUFFICIENT_RESOURCES)
		remove_all(dev);
	if (status != NVML_SUCCESS || !gi)
		return;
	if (!count(CREATE, nvmlGpuInstanceCreateComputeInstance(gi, PROFILE_CI, &ci)) && ci)
		(void)count(DESTROY, nvmlComputeInstanceDestroy(ci));
	(void)count(DESTROY, nvmlGpuInstanceDestroy(gi));
}

static void listen_to(nvmlDevice_t dev)
{
	nvmlEventData_t data;
	nvmlEventSet_t set;

	if (nvmlEventSetCreate(&set) != NVML_SUCCESS)
		return;
	(void)nvmlDeviceRegisterEvents(dev, nvmlEventTypeXidCriticalError, set);
	(void)count(EVENT, nvmlEventSetWait_v2(set, &data, 2));
	(void)nvmlEventSetFree(set);
}

static void idle(nvmlDevice_t dev)
{
	(void)dev;
}

struct racer {
	void (*does)(nvmlDevice_t dev);
	unsigned gpus;
	bool borrows; /* never initialises: its calls may be under way when the lab is closed */
	unsigned seed;
	pthread_t thread;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	nvmlDevice_t dev;

	while (!atomic_load(&ended)) {
		if (r->borrows || count(INIT, nvmlInit_v2()) == NVML_SUCCESS) {
			for (unsigned i = 0; i < CALLS && !atomic_load(&ended); i++)
				if (!nvmlDeviceGetHandleByIndex_v2(i % r->gpus, &dev))
					r->does(dev);
			/* As a fault may have it, nothing is done. */
			while (!r->borrows && nvmlShutdown() == NVML_ERROR_MEMORY)
				;
		}
		/* Now and then nobody has it initialised, and the next one opens the lab anew. */
		usleep((useconds_t)rand_r(&r->seed) % 3000);
	}
	return NULL;
}

static void report(void)
{
	for (unsigned i = 0; i < 5; i++)
		printf("%s\"%s\": [%u, %u]", i ? ", " : "{", names[i], atomic_load(&counts[i].made),
		       atomic_load(&counts[i].succeeded));
	puts("}");
	fflush(stdout);
}

int main(void)
{
	struct racer racers[] = {
		{ read_all, GPUS },   { read_all, GPUS, true }, { change, GPUS - 1 },
		{ change, GPUS - 1 }, { listen_to, GPUS },	{ listen_to, GPUS, true },
		{ idle, GPUS },
	};
	const unsigned n = sizeof(racers) / sizeof(racers[0]);
	char line[16];

	for (unsigned i = 0; i < n; i++) {
		racers[i].seed = i;
		if (pthread_create(&racers[i].thread, NULL, race, &racers[i]))
			return 2;
	}
	while (fgets(line, sizeof(line), stdin))
		report();
	atomic_store(&ended, 1);
	for (unsigned i = 0; i < n; i++)
		pthread_join(racers[i].thread, NULL);
	report();
	return 0;
}
