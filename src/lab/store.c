/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lab/format.h"

#ifdef LAB_CRASH_TEST
/* Test build only: the process dies as by kill -9 just before its n-th store into the file. */
static long test_die_at; /* 0: it lives */
#endif

void lab_word_store(uint8_t *base, size_t offset, uint64_t value)
{
#ifdef LAB_CRASH_TEST
	if (test_die_at && !--test_die_at)
		kill(getpid(), SIGKILL);
#endif
	__atomic_store_n((uint64_t *)(void *)(base + offset), value, __ATOMIC_RELAXED);
}

static uint64_t sum_start(size_t size)
{
	return 0x9e3779b97f4a7c15u ^ size;
}

static uint64_t sum_word(uint64_t h, uint64_t w)
{
	h = (h ^ w) * 0x100000001b3u;
	return h ^ h >> 29;
}

/* Not cryptographic: tells a torn or foreign copy from a whole one. Sizes are multiples of 8. */
uint64_t lab_sum(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t h = sum_start(size);

	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, 8);
		h = sum_word(h, w);
	}
	return h;
}

size_t lab_state_size(unsigned n_gpus)
{
	return offsetof(struct lab_state, gpu) + n_gpus * sizeof(struct lab_gpu);
}

size_t lab_const_size(unsigned n_boards)
{
	return offsetof(struct lab_const, board) + n_boards * sizeof(struct mig_board);
}

_Static_assert(sizeof(struct lab_gpu) % 8 == 0, "the state is stored in 8-byte words");
_Static_assert(offsetof(struct lab_state, n_events) % 8 == 0, "read in 8-byte words");
_Static_assert(sizeof(struct lab_account) % 8 == 0, "read in 8-byte words");
_Static_assert(sizeof(struct lab_event) % 8 == 0, "read in 8-byte words");
_Static_assert(offsetof(struct lab_state, gpu) % 8 == 0, "the state is stored in 8-byte words");
_Static_assert(sizeof(struct mig_board) % 8 == 0, "the sum goes over 8-byte words");
_Static_assert(offsetof(struct lab_const, board) % 8 == 0, "the sum goes over 8-byte words");

static uint64_t load_seq(const struct lab_map *map)
{
	const uint8_t *p = map->ro + offsetof(struct lab_header, seq);

	return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

/*
 * A writer only touches the copy that is not current, so what was read is of one moment if the
 * sequence did not move meanwhile. No lock, no system call.
 */
void lab_load(const struct lab_map *map, size_t offset, size_t size, void *ret)
{
	uint8_t *out = ret;
	uint64_t seq, again;

	do {
		seq = load_seq(map);
		size_t base = map->head.copy_offset[seq % 2] + sizeof(uint64_t) + offset;

		for (size_t i = 0; i < size; i += 8) {
			uint64_t w = lab_word_load(map->ro, base + i);

			memcpy(out + i, &w, 8);
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		again = load_seq(map);
	} while (seq != again);
}

void lab_publish(struct lab_map *map, struct lab_state *st)
{
	uint64_t seq = load_seq(map) + 1;
	size_t size = map->head.copy_size, base = map->head.copy_offset[seq % 2];
	const uint8_t *in = (const uint8_t *)st;
	uint64_t sum, w;

	st->seq = seq;
	sum = lab_sum(st, size);
	/* A reader that sees one of the words below must also see the sequence that preceded them.
	 */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (size_t i = 0; i < size; i += 8) {
		memcpy(&w, in + i, 8);
		if (w != lab_word_load(map->rw, base + sizeof(uint64_t) + i))
			lab_word_store(map->rw, base + sizeof(uint64_t) + i, w);
	}
	lab_word_store(map->rw, base, sum);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	lab_word_store(map->rw, offsetof(struct lab_header, seq), seq);
}

/* Only meaningful while no writer is at work: under the lock, or as a first look that is repeated.
 */
int lab_copy_valid(const struct lab_map *map, unsigned copy)
{
	size_t size = map->head.copy_size, base = map->head.copy_offset[copy];
	uint64_t h = sum_start(size);

	for (size_t i = 0; i < size; i += 8)
		h = sum_word(h, lab_word_load(map->ro, base + sizeof(uint64_t) + i));
	return h == lab_word_load(map->ro, base) ? 0 : -1;
}
