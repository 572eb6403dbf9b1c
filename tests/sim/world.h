/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_WORLD_H
#define MIGKIT_TESTS_WORLD_H

/*
 * What every call of NVML can be called with: a process that has the library initialised on a lab,
 * with a handle of each kind and room for what comes back. tests/sim/calls.py makes calls.inc, the
 * calls themselves.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvml/nvml_calls.h"

enum { BUFFERS = 12 };

struct world {
	void *library;
	nvmlDevice_t device, parent, mig, ci_device, other;
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;
	nvmlEventSet_t set;
	void *sample[2];
	char uuid[96], serial[64], bus_id[64];
	nvmlPciInfo_t pci;
	unsigned mem_mhz, pid;
	unsigned number;  /* of numbers that are passed by value */
	unsigned variant; /* of struct versions and placements */
	int result;
	int roomy; /* buffers only grow */
	unsigned char *buffer[BUFFERS];
	size_t size[BUFFERS];
};

struct call {
	const char *name;
	int (*full)(struct world *w, void *entry);
	int (*again)(struct world *w,
		     void *entry); /* with what full left, but for versions and counts */
	int (*empty)(struct world *w, void *entry);
	int takes_device;
};

/* Zeros, of exactly that size, so that a sanitizer sees who writes beyond; roomy: or more. */
static void room(struct world *w, unsigned at, size_t size)
{
	if (w->roomy ? w->size[at] < size : w->size[at] != size) {
		free(w->buffer[at]);
		w->buffer[at] = malloc(size);
		w->size[at] = size;
	}
	if (!w->buffer[at])
		_exit(98);
	memset(w->buffer[at], 0, size);
}

static void fill_version(void *buffer, unsigned variant, unsigned n, const unsigned *words)
{
	memcpy(buffer, &words[variant % n], sizeof(*words));
}

/* The word holds the size of its version; some are plain numbers, where there is one version. */
static size_t version_size(size_t size, unsigned variant, unsigned n, const unsigned *words)
{
	size_t named = words[variant % n] & 0xffffff;

	return named > 8 ? named : size;
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

static void fill_power(void *buffer, unsigned mw)
{
	((nvmlPowerValue_v2_t *)buffer)->powerValueMw = mw;
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

/* Of two samples of the GPU that the world took. */
static void fill_metrics(nvmlGpmMetricsGet_t *get, const struct world *w)
{
	get->numMetrics = 2;
	get->sample1 = w->sample[0];
	get->sample2 = w->sample[1];
	get->metrics[0].metricId = 1;
	get->metrics[1].metricId = w->number;
}

static int call_unknown(struct world *w, void *entry)
{
	for (unsigned i = 0; i < 5; i++)
		room(w, i, 4096);
	return ((int (*)(void *, void *, void *, void *, void *, void *))entry)(
		w->device, w->buffer[0], w->buffer[1], w->buffer[2], w->buffer[3], w->buffer[4]);
}

#include "calls.inc"

/* --- what the calls take
 * ------------------------------------------------------------------------------ */

static void *entry_of(const struct world *w, const char *name)
{
	return dlsym(w->library, name);
}

#define CALL(w, sym, ...) ((__typeof__(&sym))entry_of(w, #sym))(__VA_ARGS__)

/* A GPU instance with room for a second compute instance; boards without MIG leave all NULL. */
static void make_instances(struct world *w)
{
	nvmlReturn_t now;

	if (CALL(w, nvmlDeviceSetMigMode, w->parent, 1, &now) || now)
		return;
	/* 3g, 2g; of four slices: 2g. */
	for (unsigned i = 0; i < 3 && !w->gi; i++) {
		static const unsigned profile[] = { 9, 5, 14 };

		if (CALL(w, nvmlDeviceCreateGpuInstance, w->parent, profile[i], &w->gi))
			w->gi = NULL;
	}
	if (!w->gi || CALL(w, nvmlGpuInstanceCreateComputeInstance, w->gi, 0, &w->ci))
		return;
	(void)CALL(w, nvmlDeviceGetMigDeviceHandleByIndex, w->parent, 0, &w->mig);
}

static void find_instances(struct world *w)
{
	for (unsigned id = 0; id < 16 && !w->gi; id++)
		if (CALL(w, nvmlDeviceGetGpuInstanceById, w->parent, id, &w->gi))
			w->gi = NULL;
	if (w->gi && CALL(w, nvmlGpuInstanceGetComputeInstanceById, w->gi, 0, &w->ci))
		w->ci = NULL;
	(void)CALL(w, nvmlDeviceGetMigDeviceHandleByIndex, w->parent, 0, &w->mig);
}

static void make_world(struct world *w, const char *library, const char *how)
{
	unsigned n = 1;

	w->pid = (unsigned)getpid();
	w->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!w->library || CALL(w, nvmlInit_v2))
		_exit(90);
	if (CALL(w, nvmlDeviceGetHandleByIndex_v2, 0, &w->parent))
		_exit(91);
	if (!strcmp(how, "make"))
		make_instances(w);
	else if (!strcmp(how, "keep") || !strcmp(how, "befall"))
		find_instances(w);
	if (CALL(w, nvmlDeviceGetHandleByIndex_v2, 1, &w->other))
		w->other = w->parent;
	(void)CALL(w, nvmlDeviceGetUUID, w->parent, w->uuid, sizeof(w->uuid));
	(void)CALL(w, nvmlDeviceGetSerial, w->parent, w->serial, sizeof(w->serial));
	if (!CALL(w, nvmlDeviceGetPciInfo_v3, w->parent, &w->pci))
		memcpy(w->bus_id, w->pci.busId, sizeof(w->pci.busId));
	(void)CALL(w, nvmlDeviceGetSupportedMemoryClocks, w->parent, &n, &w->mem_mhz);
	(void)CALL(w, nvmlEventSetCreate, &w->set);
	for (unsigned i = 0; i < BUFFERS; i++)
		room(w, i, 4096);
	for (unsigned i = 0; i < 2; i++) {
		int (*alloc)(void **) = entry_of(w, "nvmlGpmSampleAlloc");

		if (!alloc || alloc(&w->sample[i]))
			w->sample[i] = NULL;
		else
			(void)CALL(w, nvmlGpmSampleGet, w->parent, w->sample[i]);
	}
}

/* Numbers by value: indices and ids from 0, then some of watts, clocks and fields. */
static const unsigned numbers[] = { 0,	1,  2,	3,  4,	5,   6,	  7,   8,   9,	  10,	  11,	 12,
				    13, 14, 15, 16, 17, 19,  20,  23,  35,  46,	  47,	  64,	 82,
				    90, 91, 92, 94, 99, 160, 186, 230, 255, 1410, 250000, 300000 };

#endif
