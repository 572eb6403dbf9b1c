/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_CALLER_H
#define MIGKIT_TESTS_CALLER_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <migkit/board.h>

#include "nvml/nvml_calls.h"

/*
 * Bytes become calls of the simulated driver. functions.py makes calls_table.h, the table of all
 * functions with what their parameters are; here a function gets arguments as a program might give
 * them: a pointer is NULL or has room for what the call may write, a count says how much, a handle
 * is one that the driver gave, perhaps long ago and perhaps of another kind, and numbers are any.
 */

enum what {
	P_NUMBER, /* by value */
	P_MILLISECONDS,
	P_HANDLE,
	P_WORD,	  /* a text that is read */
	P_THING,  /* one struct or number, read or written */
	P_LIST,	  /* as many as the call has room for */
	P_FIXED,  /* as many as the board can have; no count is asked for */
	P_COUNT,  /* how many, by pointer ... */
	P_LENGTH, /* ... and by value */
};

enum kind { K_NONE, K_DEVICE, K_GI, K_CI, K_SET, K_SAMPLE, K_UNIT, KINDS };

/* Structs that hold more than numbers. */
enum fill {
	F_PLAIN,
	F_UUID,
	F_PROCESSES,
	F_UTILIZATION,
	F_SRAM,
	F_METRICS,
	F_FIELDS,
	F_TEXT, /* a text that the call writes */
};

enum { ARGUMENTS = 8, RING = 16, KEPT = 300, ERRNO = 4711, TEXT = 96 };

struct param {
	uint8_t what;
	uint8_t kind; /* of handles that are given, or written */
	uint8_t fill;
	uint8_t needed; /* a private function that nobody gives NULL */
	uint8_t n_words;
	uint32_t size;	       /* of an element */
	const uint32_t *words; /* versions of the struct */
};

typedef void entry(void);

struct call {
	uint16_t code; /* of the name: it stays what it is whatever else is in the table */
	const char *name;
	entry *fn;
	int slot; /* of nvidia-smi's private table; -1: exported */
	const struct param *param;
	uint8_t n;
	bool reads; /* changes no lab, whatever it answers */
};

struct input {
	const uint8_t *at;
	size_t left;
};

struct world {
	struct input in;
	void *ring[KINDS][RING];
	unsigned n_ring[KINDS];
	void *kept[KEPT]; /* event sets and samples, which are to be given back */
	unsigned n_kept;
	char text[4][TEXT]; /* what was read last: texts that name a GPU or a MIG device */
	unsigned n_text;
	const void *const *table; /* nvidia-smi's */
	bool nameless; /* a fault may return such a status: "lab fault add" takes all numbers */
	/* of the call that is being made */
	unsigned room;
	void *made[2 * ARGUMENTS];
	unsigned n_made;
};

static void caller_check(bool ok, const char *what, const char *name)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", name, what);
	abort();
}

/* --- bytes ---------------------------------------------------------------------------------- */

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		v |= (uint64_t)*in->at++ << 8 * i;
	return v;
}

/* Small ones are themselves; then those at which arithmetic breaks, and any. */
static uint64_t take_number(struct input *in)
{
	static const uint64_t edge[32] = {
		UINT64_MAX, INT32_MAX,	0x80000000u, UINT32_MAX, INT64_MAX, 1ull << 63, 1000,
		4096,	    0xffff,	0x10000,     255,	 256,	    1410,	1593,
		2619,	    1980,	1215,	     300000,	 400000,    700000,	100000,
		0xa0,	    0xfffffffe, 1ull << 32,  999,	 512,	    1ull << 8,	1ull << 10,
		0x101,	    0x7ffffff,	0xffffff00u, 1ull << 20,
	};
	uint8_t b = (uint8_t)take(in, 1);

	if (b < 0xc0)
		return b;
	if (b < 0xe0)
		return edge[b - 0xc0];
	return take(in, b < 0xf0 ? 2 : 8);
}

static unsigned take_room(struct input *in)
{
	static const unsigned rooms[] = { 0,  1,  2,  3,  4,  5,   8,	16,
					  17, 40, 64, 80, 96, 100, 255, 1000 };

	return rooms[take(in, 1) % (sizeof(rooms) / sizeof(*rooms))];
}

static void *take_handle(struct world *w, unsigned kind)
{
	uint8_t b = (uint8_t)take(&w->in, 1);

	if (b >= 0xe0)
		return (void *)(uintptr_t)take(&w->in, 8);
	if (b >= 0xc0)
		return NULL;
	if (b >= 0x80)
		kind = 1 + b % (KINDS - 1);
	if (!w->n_ring[kind])
		return NULL;
	return w->ring[kind][(b >> 3) % (w->n_ring[kind] < RING ? w->n_ring[kind] : RING)];
}

static void keep(struct world *w, unsigned kind, void *handle)
{
	if (!handle || !kind)
		return;
	for (unsigned i = 0; i < RING; i++)
		if (w->ring[kind][i] == handle)
			return;
	w->ring[kind][w->n_ring[kind]++ % RING] = handle;
	if ((kind == K_SET || kind == K_SAMPLE) && w->n_kept < KEPT)
		w->kept[w->n_kept++] = handle;
}

/* --- arguments ------------------------------------------------------------------------------ */

/* Exactly that large: who writes or reads beyond is seen by AddressSanitizer. */
static void *make(struct world *w, size_t size)
{
	void *p = calloc(1, size ? size : 1);

	/* A place of no bytes is a place all the same, but not one byte may be written there. */
	if (p && !size) {
		free(p);
		p = malloc(0);
	}
	caller_check(p && w->n_made < 2 * ARGUMENTS, "no memory", "make");
	w->made[w->n_made++] = p;
	return p;
}

static const char *take_word(struct world *w)
{
	uint8_t b = (uint8_t)take(&w->in, 1);
	size_t len = b & 0x3f;
	char *text;

	if (b >= 0xc0)
		return NULL;
	if (b < 0x80)
		return w->text[b % 4];
	text = make(w, len + 1);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)take(&w->in, 1);
	return text;
}

static void fill_special(struct world *w, unsigned fill, void *at)
{
	struct input *in = &w->in;

	if (fill == F_UUID) {
		nvmlUUID_t *uuid = at;
		const char *text = take_word(w);

		uuid->type = (unsigned)take_number(in);
		snprintf(uuid->value.str, sizeof(uuid->value.str), "%s", text ? text : "");
	} else if (fill == F_PROCESSES) {
		nvmlProcessDetailList_t *list = at;

		list->mode = (unsigned)take_number(in);
		list->numProcArrayEntries = w->room;
		list->procArray = make(w, w->room * sizeof(*list->procArray));
	} else if (fill == F_UTILIZATION) {
		nvmlProcessesUtilizationInfo_t *list = at;

		list->processSamplesCount = w->room;
		list->lastSeenTimeStamp = take_number(in);
		list->procUtilArray = make(w, w->room * sizeof(*list->procUtilArray));
	} else if (fill == F_SRAM) {
		nvmlEccSramUniqueUncorrectedErrorCounts_t *list = at;

		list->entryCount = w->room;
		list->entries = make(w, w->room * sizeof(*list->entries));
	} else if (fill == F_METRICS) {
		nvmlGpmMetricsGet_t *get = at;

		get->numMetrics = (unsigned)take_number(in);
		get->sample1 = take_handle(w, K_SAMPLE);
		get->sample2 = take_handle(w, K_SAMPLE);
		for (unsigned i = 0; i < 3; i++)
			get->metrics[i].metricId = (unsigned)take_number(in);
	}
}

/* What a struct holds before the call: a version, and numbers behind it. */
static void *take_thing(struct world *w, const struct param *p)
{
	uint8_t b = (uint8_t)take(&w->in, 1);
	uint32_t version = p->n_words ? p->words[b % p->n_words] : 0, *words;
	size_t size = p->size, at = p->n_words ? 1 : 0, n = 0;

	if (!b && !p->needed)
		return NULL;
	if (p->n_words && version >> 24)
		size = version & 0xffffff;
	if (p->n_words && b >= 0x40 && b < 0x80) {
		version = (uint32_t)take(&w->in, 4);
		for (unsigned i = 0; i < p->n_words; i++)
			if (p->words[i] >> 24 && (p->words[i] & 0xffffff) > size)
				size = p->words[i] & 0xffffff;
	}
	words = make(w, size);
	if (p->n_words)
		words[0] = version;
	if (b >= 0x80)
		n = 1 + (b >> 3 & 7);
	for (; n && (at + 1) * sizeof(*words) <= size; n--, at++)
		words[at] = (uint32_t)take_number(&w->in);
	if (p->fill != F_PLAIN && size >= p->size)
		fill_special(w, p->fill, words);
	return words;
}

static void *take_list(struct world *w, const struct param *p, size_t n)
{
	uint8_t b = (uint8_t)take(&w->in, 1);
	nvmlFieldValue_t *fields;

	if (!b && !p->needed)
		return NULL;
	if (p->fill != F_FIELDS)
		return make(w, n * p->size);
	fields = make(w, n * p->size);
	for (size_t i = 0; i < n && i < 4; i++) {
		fields[i].fieldId = (unsigned)take_number(&w->in);
		fields[i].scopeId = (unsigned)take_number(&w->in);
	}
	return fields;
}

static uintptr_t argument(struct world *w, const struct param *p)
{
	unsigned *count;

	switch (p->what) {
	case P_HANDLE:
		return (uintptr_t)take_handle(w, p->kind);
	case P_MILLISECONDS:
		return take(&w->in, 1) == 1;
	case P_WORD: {
		const char *word = take_word(w);

		return (uintptr_t)(word || !p->needed ? word : "");
	}
	case P_THING:
		return (uintptr_t)take_thing(w, p);
	case P_LIST:
		return (uintptr_t)take_list(w, p, w->room);
	case P_FIXED:
		return (uintptr_t)take_list(w, p, MIG_MAX_GI);
	case P_COUNT:
		if (!take(&w->in, 1) && !p->needed)
			return 0;
		count = make(w, sizeof(*count));
		*count = w->room;
		return (uintptr_t)count;
	case P_LENGTH:
		return p->size && w->room > p->size ? p->size : w->room;
	default:
		return (uintptr_t)take_number(&w->in);
	}
}

/* --- afterwards ----------------------------------------------------------------------------- */

static void keep_text(struct world *w, const char *name, const char *text, size_t room)
{
	caller_check(strnlen(text, room) < room, "a text without an end", name);
	if (strncmp(text, "GPU-", 4) != 0 && strncmp(text, "MIG-", 4) != 0)
		return;
	snprintf(w->text[w->n_text++ % 4], TEXT, "%s", text);
}

static void keep_results(struct world *w, const struct call *c, const uintptr_t *a)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct param *p = &c->param[i];
		void *const *handles = (void *const *)a[i];
		unsigned n = p->what == P_THING	  ? 1
			     : p->what == P_FIXED ? MIG_MAX_GI
			     : p->what == P_LIST  ? w->room
						  : 0;

		if (!a[i] || !n)
			continue;
		for (unsigned k = 0; p->kind && k < n && k < MIG_MAX_GI; k++)
			keep(w, p->kind, handles[k]);
		if (p->fill == F_TEXT)
			keep_text(w, c->name, (const char *)a[i], n);
	}
}

typedef int any_entry(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
		      uintptr_t);

static bool is_nameless(int32_t status)
{
	const char *unknown = nvmlErrorString(NVML_ERROR_UNKNOWN);

	return status != NVML_ERROR_UNKNOWN &&
	       !strcmp(nvmlErrorString((nvmlReturn_t)status), unknown);
}

/* Makes the call and looks at what all calls have in common; returns the driver's answer. */
static nvmlReturn_t call_with(struct world *w, const struct call *c, const uintptr_t *a)
{
	any_entry *fn = NULL;
	nvmlReturn_t r;

	if (c->slot < 0)
		memcpy(&fn, &c->fn, sizeof(fn));
	else
		memcpy(&fn, &w->table[c->slot], sizeof(fn));
	errno = ERRNO;
	r = (nvmlReturn_t)fn(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
	caller_check(errno == ERRNO, "errno was changed", c->name);
	caller_check(w->nameless || !is_nameless(r), "a status that has no name", c->name);
	return r;
}

static void call_end(struct world *w)
{
	while (w->n_made)
		free(w->made[--w->n_made]);
}

static nvmlReturn_t call_from_input(struct world *w, const struct call *c)
{
	uintptr_t a[ARGUMENTS] = { 0 };
	bool has_room = false;
	nvmlReturn_t r;

	for (unsigned i = 0; i < c->n; i++)
		has_room = has_room || c->param[i].what >= P_LIST ||
			   (c->param[i].what == P_THING && c->param[i].fill != F_PLAIN);
	w->room = has_room ? take_room(&w->in) : 0;
	for (unsigned i = 0; i < c->n; i++)
		a[i] = argument(w, &c->param[i]);
	r = call_with(w, c, a);
	if (r == NVML_SUCCESS)
		keep_results(w, c, a);
	call_end(w);
	return r;
}

/* Event sets and samples belong to the process: the next input would find fewer of them. */
static void world_end(struct world *w)
{
	for (unsigned i = 0; i < w->n_kept; i++) {
		(void)nvmlEventSetFree(w->kept[i]);
		(void)nvmlGpmSampleFree(w->kept[i]);
	}
}

#endif
