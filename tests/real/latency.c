/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long each reading call of NVML takes.
 *
 *	latency LIBRARY [MILLISECONDS]
 *
 * Writes a line for each: name, status, how often it was called, then the least, the median and the
 * most of its times in nanoseconds, and the time of its very first call: the driver's library
 *answers many readings out of what it has just read. tests/real/latency makes calls.inc from the
 *calls that tests/real/reading.py knows to read, with arguments of their types.
 *
 * Nothing but reading calls is in it, and it gives up all rights before it loads the library: root
 * could change a GPU. init, the first handle (which opens the GPU) and shutdown are taken of many
 * rounds, every other call many times in one.
 */
#include <dlfcn.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "nvml/nvml_calls.h"

enum { BUFFERS = 12, ROUNDS = 15, LEAST = 5, MOST = 2000, NOBODY = 65534, ROOMY = 1 << 18 };

struct world {
	void *library;
	nvmlDevice_t device, other;
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;
	nvmlEventSet_t set;
	void *sample[2];
	char uuid[96], serial[64], bus_id[64];
	nvmlPciInfo_t pci;
	unsigned mem_mhz;
	unsigned number;  /* of numbers that are passed by value */
	unsigned variant; /* of struct versions */
	int result;
	unsigned char *buffer[BUFFERS];
};

struct call {
	const char *name;
	int (*full)(struct world *w, void *entry);
};

/* Far more than our headers say: a driver of another branch may write more. Only what will be read
 * is emptied, as that is part of the time.
 */
static void room(struct world *w, unsigned at, size_t size)
{
	memset(w->buffer[at], 0, size < ROOMY ? size : ROOMY);
}

static void fill_version(void *buffer, unsigned variant, unsigned n, const unsigned *words)
{
	memcpy(buffer, &words[variant % n], sizeof(*words));
}

static void fill_number(void *buffer, unsigned value)
{
	memcpy(buffer, &value, sizeof(value));
}

static void fill_uuid(void *buffer, const char *text)
{
	nvmlUUID_t *uuid = buffer;

	uuid->type = NVML_UUID_TYPE_ASCII;
	memcpy(uuid->value.str, text, strlen(text) + 1);
}

static void fill_pci(void *buffer, const nvmlPciInfo_t *pci)
{
	memcpy(buffer, pci, sizeof(*pci));
}

static void fill_placement(void *buffer, unsigned start)
{
	unsigned words[2] = { start, 1 };

	memcpy(buffer, words, sizeof(words));
}

static void fill_fields(nvmlFieldValue_t *fields, unsigned number)
{
	fields[0].fieldId = number;
	fields[1].fieldId = number + 1;
}

#include "calls.inc"

/* --- times ---------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void say(const char *name, int status, double *times, unsigned n, double first)
{
	qsort(times, n, sizeof(*times), by_size);
	printf("%s %d %u %.0f %.0f %.0f %.0f\n", name, status, n, times[0], times[n / 2],
	       times[n - 1], first);
}

/*
 * Arguments with which the call succeeds, or else the first: a refusal takes its time as well.
 * Returns how long the first call of all took.
 */
static double settle(struct world *w, const struct call *c, void *entry)
{
	static const unsigned numbers[] = { 0, 1, 2, 3, 4, 5, 9, 19, 82, 160 };

	double first = 0;

	for (w->variant = 0; w->variant < 4; w->variant++)
		for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			double from = now();
			int status;

			w->number = numbers[i];
			status = c->full(w, entry);
			first = first > 0 ? first : now() - from;
			if (!status)
				return first;
		}
	w->number = w->variant = 0;
	return first;
}

static void take(struct world *w, const struct call *c, double for_ns)
{
	static double times[MOST];
	void *entry = dlsym(w->library, c->name);
	double begin, from, first;
	unsigned n = 0;
	int status = 0;

	if (!entry)
		return;
	first = settle(w, c, entry);
	for (begin = now(); n < MOST && (n < LEAST || now() - begin < for_ns); n++) {
		from = now();
		status = c->full(w, entry);
		times[n] = now() - from;
	}
	say(c->name, status, times, n, first);
}

#define CALL(w, sym, ...) ((__typeof__(&sym))dlsym((w)->library, #sym))(__VA_ARGS__)

/* In that order, so that the second handle is one of a GPU that is open already. */
static int take_life(struct world *w)
{
	static double init[ROUNDS], first[ROUNDS], second[ROUNDS], end[ROUNDS];
	int r[4] = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		double at[5];

		at[0] = now();
		r[0] = CALL(w, nvmlInit_v2);
		at[1] = now();
		r[1] = CALL(w, nvmlDeviceGetHandleByIndex_v2, 0, &w->device);
		at[2] = now();
		r[2] = CALL(w, nvmlDeviceGetHandleByIndex_v2, 0, &w->device);
		at[3] = now();
		if (r[0] || r[1] || r[2])
			break;
		r[3] = CALL(w, nvmlShutdown);
		at[4] = now();
		init[i] = at[1] - at[0];
		first[i] = at[2] - at[1];
		second[i] = at[3] - at[2];
		end[i] = at[4] - at[3];
	}
	if (r[0] || r[1] || r[2]) {
		fprintf(stderr, "latency: init answers %d, the first handle %d\n", r[0], r[1]);
		return 1;
	}
	say("nvmlInit_v2", r[0], init, ROUNDS, init[0]);
	say("first:nvmlDeviceGetHandleByIndex_v2", r[1], first, ROUNDS, first[0]);
	say("second:nvmlDeviceGetHandleByIndex_v2", r[2], second, ROUNDS, second[0]);
	say("nvmlShutdown", r[3], end, ROUNDS, end[0]);
	return 0;
}

/* What the calls are about; all of it is asked. */
static void look_around(struct world *w)
{
	char text[96] = "", name[96] = "";
	unsigned n = 1, persistence = 0, mode = 0, pending = 0;

	w->other = w->device;
	(void)CALL(w, nvmlDeviceGetHandleByIndex_v2, 1, &w->other);
	(void)CALL(w, nvmlDeviceGetUUID, w->device, w->uuid, sizeof(w->uuid));
	(void)CALL(w, nvmlDeviceGetSerial, w->device, w->serial, sizeof(w->serial));
	if (!CALL(w, nvmlDeviceGetPciInfo_v3, w->device, &w->pci))
		memcpy(w->bus_id, w->pci.busId, sizeof(w->pci.busId));
	(void)CALL(w, nvmlDeviceGetSupportedMemoryClocks, w->device, &n, &w->mem_mhz);
	(void)CALL(w, nvmlSystemGetDriverVersion, text, sizeof(text));
	(void)CALL(w, nvmlDeviceGetName, w->device, name, sizeof(name));
	(void)CALL(w, nvmlDeviceGetPersistenceMode, w->device, &persistence);
	(void)CALL(w, nvmlDeviceGetMigMode, w->device, &mode, &pending);
	printf("# %s, driver %s, persistence mode %s, MIG %s, user %d\n", name, text,
	       persistence ? "on" : "off", mode ? "on" : "off", (int)geteuid());
}

/* Without rights and without a way back to them. */
static int give_up_rights(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			       setresuid(NOBODY, NOBODY, NOBODY)))
		return 1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !geteuid() || !setuid(0);
}

int main(int argc, char **argv)
{
	static struct world w;
	double for_ns = argc > 2 ? strtod(argv[2], NULL) * 1e6 : 150e6;

	if (argc < 2)
		return 2;
	if (give_up_rights()) {
		fprintf(stderr,
			"latency: this process cannot give up its rights: nothing was run\n");
		return 1;
	}
	w.library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!w.library) {
		fprintf(stderr, "latency: %s\n", dlerror());
		return 1;
	}
	for (unsigned i = 0; i < BUFFERS; i++) {
		w.buffer[i] = calloc(1, ROOMY);
		if (!w.buffer[i])
			return 1;
	}
	if (take_life(&w) || CALL(&w, nvmlInit_v2) ||
	    CALL(&w, nvmlDeviceGetHandleByIndex_v2, 0, &w.device))
		return 1;
	look_around(&w);
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		take(&w, &calls[i], for_ns);
	return CALL(&w, nvmlShutdown);
}
