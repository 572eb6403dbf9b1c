/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/sha1.h"
#include "lab/lab.h"
#include "lab/rules.h"

/*
 * What was computed once is kept: SHA-1 takes ten times as long as reading a GPU. It is a function
 * of nothing but its key, so nothing here can be out of date. An entry belongs to whoever made its
 * number odd; a reader who finds that, or that it moved, computes for himself. No lock: nobody
 * waits, and an entry that a fork or a signal left odd is only never used again.
 */
enum { ENTRIES = 256, KEY = 6, TEXT = 5 };

static struct entry {
	uint64_t turn;
	uint64_t key[KEY];   /* the GPU's UUID, "GPU-" and 36 characters; GI id and start */
	uint64_t text[TEXT]; /* "MIG-" and 36 characters */
} entries[ENTRIES];

static void key_of(const struct lab_gpu *gpu, unsigned gi, unsigned start, uint64_t ret[KEY])
{
	_Static_assert(sizeof(gpu->uuid) >= 8 * (KEY - 1), "the UUID's words");

	memcpy(ret, gpu->uuid, sizeof(*ret) * (KEY - 1));
	ret[KEY - 1] = (uint64_t)gi << 32 | start;
}

/* A GPU has at most eight MIG devices: its own sixteen entries leave room. */
static struct entry *entry_of(const struct lab_gpu *gpu, unsigned gi, unsigned start)
{
	return &entries[(gpu->minor % 16) * 16 + (gi + 5 * start) % 16];
}

static bool recall(struct entry *e, const uint64_t key[KEY], char ret[48])
{
	uint64_t turn = __atomic_load_n(&e->turn, __ATOMIC_ACQUIRE), other = 0;

	for (unsigned i = 0; i < KEY; i++)
		other |= __atomic_load_n(&e->key[i], __ATOMIC_RELAXED) ^ key[i];
	for (unsigned i = 0; i < TEXT; i++) {
		uint64_t w = __atomic_load_n(&e->text[i], __ATOMIC_RELAXED);

		memcpy(ret + 8 * i, &w, 8);
	}
	ret[8 * TEXT] = '\0';
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !other && turn && turn % 2 == 0 &&
	       __atomic_load_n(&e->turn, __ATOMIC_RELAXED) == turn;
}

static void keep(struct entry *e, const uint64_t key[KEY], const char text[48])
{
	uint64_t turn = __atomic_load_n(&e->turn, __ATOMIC_RELAXED);

	if (turn % 2 || !__atomic_compare_exchange_n(&e->turn, &turn, turn + 1, false,
						     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	/* Who sees one of the words below must also see that the turn is odd. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (unsigned i = 0; i < KEY; i++)
		__atomic_store_n(&e->key[i], key[i], __ATOMIC_RELAXED);
	for (unsigned i = 0; i < TEXT; i++) {
		uint64_t w;

		memcpy(&w, text + 8 * i, 8);
		__atomic_store_n(&e->text[i], w, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&e->turn, turn + 2, __ATOMIC_RELEASE);
}

/*
 * Every transcript shows MIG UUIDs of version 5, so a function of the place: the name is the GI's
 * id and the CI's first slice. It survives destroy, create and reboot (design, unconfirmed).
 */
static void compute(const struct lab_gpu *gpu, unsigned gi, unsigned start, char ret[48])
{
	uint8_t space[16] = { 0 };
	char name[32];

	/* The GPU's UUID is checked when the lab is opened: "GPU-" and 36 characters. */
	(void)base_uuid_parse(gpu->uuid + 4, space);
	snprintf(name, sizeof(name), "%u/%u", gi, start);
	memcpy(ret, "MIG-", sizeof("MIG-"));
	base_uuid5(space, name, ret + 4);
}

void lab_mig_uuid(const struct lab_gpu *gpu, const struct lab_gi *gi, unsigned ci_start,
		  char ret[48])
{
	struct entry *e = entry_of(gpu, gi->id, ci_start);
	uint64_t key[KEY];

	key_of(gpu, gi->id, ci_start, key);
	if (recall(e, key, ret))
		return;
	compute(gpu, gi->id, ci_start, ret);
	keep(e, key, ret);
}
