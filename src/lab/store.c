/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
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

/*
 * Of a copy: what each word adds does not depend on the others, so that a change of a few words of
 * many costs those few.
 */
static uint64_t sum_part(size_t offset, uint64_t w)
{
	w = (w ^ (offset + 1) * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	w = (w ^ w >> 32) * 0xc4ceb9fe1a85ec53u;
	return w ^ w >> 29;
}

uint64_t lab_copy_sum(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t sum = sum_start(size);

	for (size_t i = 0; i < size; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, 8);
		sum += sum_part(i, w);
	}
	return sum;
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

static inline void load_word(const uint8_t *from, size_t i, void *ret)
{
	uint64_t w = lab_word_load(from, i);

	memcpy((uint8_t *)ret + i, &w, 8);
}

/*
 * Plain words, to be read again where the sequence moved meanwhile. Four at a time: this loop is
 * half of what a reading call does, and no compiler unrolls it for atomic loads.
 */
static inline void load_words(const uint8_t *from, size_t size, void *ret)
{
	size_t i = 0;

	for (; i + 32 <= size; i += 32) {
		load_word(from, i, ret);
		load_word(from, i + 8, ret);
		load_word(from, i + 16, ret);
		load_word(from, i + 24, ret);
	}
	for (; i < size; i += 8)
		load_word(from, i, ret);
}

static inline uint64_t state_seq(const struct lab_map *map)
{
	return load_seq(map, offsetof(struct lab_header, seq));
}

/* The state in the copy that a sequence number makes current, behind its sum. */
static inline const uint8_t *copy_of(const struct lab_map *map, uint64_t seq)
{
	return map->ro + map->head.copy_offset[seq % 2] + sizeof(uint64_t);
}

/*
 * A writer only touches the copy that is not current, so what was read is of one moment if the
 * sequence did not move meanwhile. No lock, no system call.
 */
static inline bool moved(const struct lab_map *map, uint64_t seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return state_seq(map) != seq;
}

void lab_load(const struct lab_map *map, size_t offset, size_t size, void *ret)
{
	uint64_t seq;

	do {
		seq = state_seq(map);
		load_words(copy_of(map, seq) + offset, size, ret);
	} while (moved(map, seq));
}

void lab_load_trouble(const struct lab_map *map, size_t offset, size_t size, void *ret)
{
	size_t word = offsetof(struct lab_header, trouble_seq);
	uint64_t seq;

	do {
		seq = load_seq(map, word);
		load_words(map->ro + map->head.trouble_offset[seq % 2] + sizeof(seq) + offset, size,
			   ret);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (load_seq(map, word) != seq);
}

/* An entry that is not used is told by its first word, and the rest of it is not read. */
static inline bool load_used(const uint8_t *from, size_t size, void *ret)
{
	uint64_t first = lab_word_load(from, 0);
	uint8_t used;

	memcpy(ret, &first, 8);
	memcpy(&used, &first, 1);
	if (used)
		load_words(from + 8, size - 8, (uint8_t *)ret + 8);
	return used;
}

_Static_assert(offsetof(struct lab_gi, used) == 0 && offsetof(struct lab_ci, used) == 0,
	       "told by its first word");
_Static_assert(LAB_MAX_CLIENTS == 64, "a bit each");
_Static_assert(offsetof(struct lab_gpu, gi) % 8 == 0 && sizeof(struct lab_gi) % 8 == 0 &&
		       offsetof(struct lab_gi, ci) % 8 == 0 && sizeof(struct lab_ci) % 8 == 0 &&
		       offsetof(struct lab_state, client) % 8 == 0 &&
		       sizeof(struct lab_client) % 8 == 0,
	       "read in 8-byte words");

/*
 * A GPU has room for 64 compute instances and rarely more than a few: what is not used is most of
 * it, and copying that was most of the time of every reading call. Within a GPU instance that is
 * used it is quicker to copy all of them than to ask of each.
 */
static inline void load_gi(const uint8_t *from, struct lab_gi *ret)
{
	size_t cis = offsetof(struct lab_gi, ci);

	if (load_used(from, cis, ret))
		load_words(from + cis, sizeof(*ret) - cis, ret->ci);
}

/* As if it were not used. */
static inline void no_gi(struct lab_gi *ret)
{
	memset(ret, 0, 8);
}

/* The one that is asked for. */
static inline void load_gi_if(const uint8_t *from, unsigned id, struct lab_gi *ret)
{
	load_words(from, 8, ret);
	if (ret->used && ret->id == id)
		load_gi(from, ret);
	else
		no_gi(ret);
}

static inline void load_gis(const uint8_t *from, int which, struct lab_gi *ret)
{
	const struct lab_gi *end = ret + MIG_MAX_GI;

	if (which == LAB_GI_NONE)
		for (; ret < end; ret++)
			no_gi(ret);
	else if (which == LAB_GI_ALL)
		for (; ret < end; ret++, from += sizeof(*ret))
			load_gi(from, ret);
	else
		for (; ret < end; ret++, from += sizeof(*ret))
			load_gi_if(from, (unsigned)which, ret);
}

uint64_t lab_load_gpu(const struct lab_map *map, unsigned gpu, int gi, struct lab_gpu *ret)
{
	uint64_t seq, boot;

	do {
		const uint8_t *from;

		seq = state_seq(map);
		from = copy_of(map, seq);
		boot = lab_word_load(from, offsetof(struct lab_state, boot));
		from += offsetof(struct lab_state, gpu) + gpu * sizeof(*ret);
		load_words(from, offsetof(struct lab_gpu, gi), ret);
		load_gis(from + offsetof(struct lab_gpu, gi), gi, ret->gi);
	} while (moved(map, seq));
	return boot;
}

#define PLACE_IS(f)                                                                  \
	_Static_assert(offsetof(struct lab_place, f) == offsetof(struct lab_gpu, f), \
		       "a place is the head of a GPU")
PLACE_IS(board);
PLACE_IS(lost);
PLACE_IS(pcie_switch);
PLACE_IS(pci_domain);
PLACE_IS(pci_bus);
PLACE_IS(pci_device);
PLACE_IS(numa_node);
_Static_assert(sizeof(struct lab_place) == offsetof(struct lab_gpu, uuid), "whole words of it");
_Static_assert(offsetof(struct lab_gpu, lost) % 8 == 0, "the first byte of its word");

uint64_t lab_load_places(const struct lab_map *map, struct lab_place ret[LAB_MAX_GPUS])
{
	unsigned n_gpus = map->con->n_gpus;
	uint64_t seq, boot;

	do {
		const uint8_t *from;

		seq = state_seq(map);
		from = copy_of(map, seq);
		boot = lab_word_load(from, offsetof(struct lab_state, boot));
		from += offsetof(struct lab_state, gpu);
		for (unsigned i = 0; i < n_gpus; i++, from += sizeof(struct lab_gpu))
			load_words(from, sizeof(*ret), &ret[i]);
	} while (moved(map, seq));
	return boot;
}

uint64_t lab_load_until_lost(const struct lab_map *map, unsigned *ret_n)
{
	unsigned n_gpus = map->con->n_gpus, n;
	uint64_t seq, boot;

	do {
		const uint8_t *from;

		seq = state_seq(map);
		from = copy_of(map, seq);
		boot = lab_word_load(from, offsetof(struct lab_state, boot));
		from += offsetof(struct lab_state, gpu) + offsetof(struct lab_gpu, lost);
		for (n = 0; n < n_gpus; n++, from += sizeof(struct lab_gpu)) {
			uint64_t word = lab_word_load(from, 0);
			uint8_t lost;

			memcpy(&lost, &word, 1);
			if (lost)
				break;
		}
	} while (moved(map, seq));
	*ret_n = n;
	return boot;
}

/* Without looking at the sequence: for words that no change stores to. */
int lab_find_constant(const struct lab_map *map, size_t offset, size_t n, const uint64_t *want,
		      const uint64_t *mask)
{
	const uint8_t *from = copy_of(map, state_seq(map)) + offsetof(struct lab_state, gpu);

	for (unsigned i = 0; i < map->con->n_gpus; i++, from += sizeof(struct lab_gpu)) {
		size_t k = 0;

		while (k < n && !((lab_word_load(from, offset + 8 * k) ^ want[k]) & mask[k]))
			k++;
		if (k == n)
			return (int)i;
	}
	return -1;
}

uint64_t lab_load_clients(const struct lab_map *map, struct lab_client ret[LAB_MAX_CLIENTS])
{
	uint64_t seq, used;

	do {
		const uint8_t *from;

		seq = state_seq(map);
		from = copy_of(map, seq);
		used = lab_word_load(from, offsetof(struct lab_state, clients));
		from += offsetof(struct lab_state, client);
		for (uint64_t rest = used; rest; rest &= rest - 1) {
			unsigned i = (unsigned)__builtin_ctzll(rest);

			load_words(from + i * sizeof(*ret), sizeof(*ret), &ret[i]);
		}
	} while (moved(map, seq));
	return used;
}

uint64_t lab_used_clients(const struct lab_state *st)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		used |= (uint64_t)(st->client[i].used != 0) << i;
	return used;
}

const struct lab_state *lab_locked_state(const struct lab_map *map)
{
	return (const struct lab_state *)(const void *)copy_of(map, state_seq(map));
}

/* What the sum grows by where one word takes another's place. */
static uint64_t sum_change(size_t offset, const uint8_t *from, const uint8_t *to)
{
	uint64_t old, new;

	memcpy(&old, from, 8);
	memcpy(&new, to, 8);
	return old == new ? 0 : sum_part(offset, new) - sum_part(offset, old);
}

_Static_assert(sizeof(struct lab_trouble) <= sizeof(struct lab_state), "lab_blocks has the bits");

static void mark_block(struct lab_blocks *blocks, size_t at)
{
	blocks->bit[at / LAB_BLOCK / 64] |= 1ull << at / LAB_BLOCK % 64;
}

static size_t at_most(size_t most, size_t n)
{
	return n < most ? n : most;
}

static void mark_in(const uint8_t *a, const uint8_t *b, size_t at, size_t end,
		    struct lab_blocks *ret)
{
	for (; at < end; at += LAB_BLOCK)
		if (memcmp(a + at, b + at, at_most(LAB_BLOCK, end - at)) != 0)
			mark_block(ret, at);
}

/* Where two states differ, from a block's begin on: most pages of most changes are the same. */
static void difference(const uint8_t *a, const uint8_t *b, size_t at, size_t end,
		       struct lab_blocks *ret)
{
	enum { PAGE = 16 * LAB_BLOCK };

	for (; at < end; at += PAGE) {
		size_t n = at_most(PAGE, end - at);

		if (memcmp(a + at, b + at, n) != 0)
			mark_in(a, b, at, at + n, ret);
	}
}

/* The next block that is marked, from *at on, and its size; false: there is none. */
static bool next_block(const struct lab_blocks *blocks, size_t size, size_t *at, size_t *ret_n)
{
	size_t i = *at / LAB_BLOCK;

	for (uint64_t rest; i < ARRAY_SIZE(blocks->bit) * 64; i = (i / 64 + 1) * 64) {
		rest = blocks->bit[i / 64] >> i % 64;
		if (!rest)
			continue;
		*at = (i + (size_t)__builtin_ctzll(rest)) * LAB_BLOCK;
		*ret_n = at_most(LAB_BLOCK, size - *at);
		return true;
	}
	return false;
}

/* What the sum grows by from one state to another, which differ there. */
static uint64_t sum_growth(const uint8_t *from, const uint8_t *to, size_t size,
			   const struct lab_blocks *differ)
{
	uint64_t growth = 0;

	for (size_t at = 0, n; next_block(differ, size, &at, &n); at += LAB_BLOCK)
		for (size_t i = at; i < at + n; i += 8)
			growth += sum_change(i, from + i, to + i);
	return growth;
}

/* Words that are there already are not stored: readers keep their cache lines. */
static void store_changed(struct lab_map *map, size_t base, const void *data, size_t size)
{
	const uint8_t *in = data;

	for (size_t i = 0; i < size; i += 8) {
		uint64_t w;

		memcpy(&w, in + i, 8);
		if (w != lab_word_load(map->rw, base + i))
			lab_word_store(map->rw, base + i, w);
	}
}

bool lab_any_block(const struct lab_blocks *blocks, size_t from, size_t to)
{
	for (size_t i = from / LAB_BLOCK; i * LAB_BLOCK < to; i++)
		if (blocks->bit[i / 64] >> i % 64 & 1)
			return true;
	return false;
}

static bool any(const struct lab_blocks *blocks)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(blocks->bit); i++)
		bits |= blocks->bit[i];
	return bits != 0;
}

/* Where the idle copy has to change: there, and where it was another than the current one. */
static struct lab_blocks outdated(const struct lab_map *map, size_t base, const void *data,
				  size_t size, const struct lab_blocks *now,
				  const struct lab_blocks *last)
{
	struct lab_blocks ret = *now;

	if (!last->known) {
		ret = (struct lab_blocks){ .known = true };
		difference(map->ro + base, data, 0, size, &ret);
		return ret;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ret.bit); i++)
		ret.bit[i] |= last->bit[i];
	return ret;
}

/*
 * data begins with its sequence number; before: what is current, with which it differs in now.
 * last: where that and the idle copy differ; becomes where the new one and what was current do.
 */
static void publish(struct lab_map *map, const struct lab_part *part, const void *before,
		    void *data, struct lab_blocks now, struct lab_blocks *last)
{
	uint64_t seq = load_seq(map, part->seq), sum = lab_word_load(map->ro, part->copy[seq % 2]);
	size_t base = part->copy[++seq % 2], size = part->size;
	struct lab_blocks old;

	if (!any(&now))
		return;
	memcpy(data, &seq, sizeof(seq));
	mark_block(&now, 0);
	sum += sum_growth(before, data, size, &now);
	old = outdated(map, base + sizeof(uint64_t), data, size, &now, last);
	/* A reader that sees one of the words below must also see the sequence that preceded them.
	 */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (size_t at = 0, n; next_block(&old, size, &at, &n); at += LAB_BLOCK)
		store_changed(map, base + sizeof(uint64_t) + at, (const uint8_t *)data + at, n);
	lab_word_store(map->rw, base, sum);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	lab_word_store(map->rw, part->seq, seq);
	*last = now;
}

/* The blocks that these bytes lie in. */
static void difference_in(const struct lab_state *before, const struct lab_state *after,
			  size_t from, size_t to, struct lab_blocks *ret)
{
	difference((const uint8_t *)before, (const uint8_t *)after, from - from % LAB_BLOCK, to,
		   ret);
}

struct lab_blocks lab_difference(const struct lab_map *map, const struct lab_state *before,
				 struct lab_state *st)
{
	const size_t table = offsetof(struct lab_state, client);
	struct lab_blocks ret = { .known = true };

	difference_in(before, st, 0, map->head.copy_size, &ret);
	if (!lab_any_block(&ret, table, table + sizeof(st->client)))
		return ret;
	st->clients = lab_used_clients(st);
	if (st->clients != before->clients)
		mark_block(&ret, offsetof(struct lab_state, clients));
	return ret;
}

struct lab_blocks lab_difference_of_gpu(const struct lab_state *before, const struct lab_state *st,
					unsigned gpu)
{
	const size_t at = offsetof(struct lab_state, gpu) + gpu * sizeof(struct lab_gpu);
	struct lab_blocks ret = { .known = true };

	difference_in(before, st, 0, offsetof(struct lab_state, client), &ret);
	difference_in(before, st, offsetof(struct lab_state, n_events),
		      offsetof(struct lab_state, gpu), &ret);
	difference_in(before, st, at, at + sizeof(struct lab_gpu), &ret);
	return ret;
}

void lab_publish(struct lab_map *map, const struct lab_state *before, struct lab_state *st,
		 const struct lab_blocks *differ)
{
	const struct lab_part part = lab_part_state(map);

	publish(map, &part, before, st, *differ, &map->differ);
}

void lab_publish_trouble(struct lab_map *map, const struct lab_trouble *before,
			 struct lab_trouble *t)
{
	const struct lab_part part = lab_part_trouble(map);
	struct lab_blocks now = { .known = true }, unknown = { .known = false };

	difference((const uint8_t *)before, (const uint8_t *)t, 0, part.size, &now);
	publish(map, &part, before, t, now, &unknown);
}

/* Only meaningful while no writer is at work: under the lock, or as a first look that is repeated.
 */
int lab_copy_valid(const struct lab_map *map, const struct lab_part *part, unsigned copy)
{
	uint64_t sum = sum_start(part->size), base = part->copy[copy];

	for (size_t i = 0; i < part->size; i += 8)
		sum += sum_part(i, lab_word_load(map->ro, base + sizeof(uint64_t) + i));
	return sum == lab_word_load(map->ro, base) ? 0 : -1;
}
