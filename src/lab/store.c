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

_Static_assert(sizeof(struct lab_fault) % 8 == 0, "read in 8-byte words");
_Static_assert(offsetof(struct lab_trouble, fault) % 8 == 0, "read in 8-byte words");
_Static_assert(offsetof(struct lab_trouble, latency.us) % 8 == 0, "read in 8-byte words");
_Static_assert(sizeof(struct lab_trouble) % 8 == 0, "stored in 8-byte words");
_Static_assert(offsetof(struct lab_state, seq) == 0 && offsetof(struct lab_trouble, seq) == 0,
	       "publish() writes it");

bool lab_word_swap(uint8_t *base, size_t offset, uint64_t was, uint64_t value)
{
#ifdef LAB_CRASH_TEST
	if (test_die_at && !--test_die_at)
		kill(getpid(), SIGKILL);
#endif
	return __atomic_compare_exchange_n((uint64_t *)(void *)(base + offset), &was, value, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

struct lab_part lab_part_state(const struct lab_map *map)
{
	return (struct lab_part){ .seq = offsetof(struct lab_header, seq),
				  .copy = { map->head.copy_offset[0], map->head.copy_offset[1] },
				  .size = map->head.copy_size };
}

struct lab_part lab_part_trouble(const struct lab_map *map)
{
	return (struct lab_part){ .seq = offsetof(struct lab_header, trouble_seq),
				  .copy = { map->head.trouble_offset[0],
					    map->head.trouble_offset[1] },
				  .size = map->head.trouble_size };
}

static uint64_t load_seq(const struct lab_map *map, size_t at)
{
	const uint8_t *p = map->ro + at;

	return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

/*
 * A writer only touches the copy that is not current, so what was read is of one moment if the
 * sequence did not move meanwhile. No lock, no system call.
 */
static inline __attribute__((always_inline)) void load(const struct lab_map *map, size_t seq_at,
						       const uint64_t copy[2], size_t offset,
						       size_t size, uint8_t *out)
{
	uint64_t seq, again;

	do {
		seq = load_seq(map, seq_at);
		size_t base = copy[seq % 2] + sizeof(uint64_t) + offset;

		for (size_t i = 0; i < size; i += 8) {
			uint64_t w = lab_word_load(map->ro, base + i);

			memcpy(out + i, &w, 8);
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		again = load_seq(map, seq_at);
	} while (seq != again);
}

void lab_load(const struct lab_map *map, size_t offset, size_t size, void *ret)
{
	load(map, offsetof(struct lab_header, seq), map->head.copy_offset, offset, size, ret);
}

void lab_load_trouble(const struct lab_map *map, size_t offset, size_t size, void *ret)
{
	load(map, offsetof(struct lab_header, trouble_seq), map->head.trouble_offset, offset, size,
	     ret);
}

/* data begins with its sequence number. */
static void publish(struct lab_map *map, const struct lab_part *part, void *data)
{
	uint64_t seq = load_seq(map, part->seq) + 1;
	size_t size = part->size, base = part->copy[seq % 2];
	const uint8_t *in = data;
	uint64_t sum, w;

	memcpy(data, &seq, sizeof(seq));
	sum = lab_sum(data, size);
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
	lab_word_store(map->rw, part->seq, seq);
}

void lab_publish(struct lab_map *map, struct lab_state *st)
{
	const struct lab_part part = lab_part_state(map);

	publish(map, &part, st);
}

void lab_publish_trouble(struct lab_map *map, struct lab_trouble *t)
{
	const struct lab_part part = lab_part_trouble(map);

	publish(map, &part, t);
}

/* Only meaningful while no writer is at work: under the lock, or as a first look that is repeated.
 */
int lab_copy_valid(const struct lab_map *map, const struct lab_part *part, unsigned copy)
{
	uint64_t h = sum_start(part->size), base = part->copy[copy];

	for (size_t i = 0; i < part->size; i += 8)
		h = sum_word(h, lab_word_load(map->ro, base + sizeof(uint64_t) + i));
	return h == lab_word_load(map->ro, base) ? 0 : -1;
}
