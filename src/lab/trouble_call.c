/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * What a call does that a fault may be about: whether it is struck, and how it hangs. Counts are
 * single words that all processes share; nothing here takes the lab's lock.
 */

#define COUNT_BITS 48
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)

/* A hanger that was not heard of for so long has gone. */
#define SILENT_US 3000000u
#define PIECE_US  100000u

uint64_t lab_count_tag(uint32_t id)
{
	return (uint64_t)id << COUNT_BITS;
}

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static size_t live_fault(const struct lab_map *map, unsigned slot)
{
	return map->head.live_offset + offsetof(struct lab_live, fault) +
	       slot * sizeof(struct lab_live_fault);
}

static size_t live_hanger(const struct lab_map *map, unsigned i)
{
	return map->head.live_offset + offsetof(struct lab_live, hanger) +
	       i * sizeof(struct lab_live_hanger);
}

/* --- whether a call is struck --------------------------------------------------------------- */

bool lab_fault_of_call(const struct lab *lab, unsigned slot, unsigned call, struct lab_fault *ret)
{
	size_t at = offsetof(struct lab_trouble, fault) + slot * sizeof(*ret);
	uint64_t word;

	if (slot >= LAB_MAX_FAULTS || call >= LAB_MAX_CALLS)
		return false;
	/* Most calls are none of the fault's business: that is found by a single word. */
	lab_load_trouble(lab->map, at + offsetof(struct lab_fault, calls) + call / 64 * 8,
			 sizeof(word), &word);
	if (!(word >> call % 64 & 1))
		return false;
	lab_load_trouble(lab->map, at, sizeof(*ret), ret);
	return (ret->calls[call / 64] >> call % 64 & 1) && lab_fault_holds(lab, ret);
}

/*
 * One more, unless limit are counted; 0: not counted. A word with another tag is of another fault:
 * in the file one that came later, in the process's own counts an earlier one.
 */
static uint64_t count(uint8_t *base, size_t at, uint32_t id, bool own, uint64_t limit)
{
	for (;;) {
		uint64_t was = lab_word_load(base, at), so_far = was & COUNT_MASK;

		if ((was ^ lab_count_tag(id)) & ~COUNT_MASK) {
			if (!own)
				return 0;
			so_far = 0;
		}
		if (limit && so_far >= limit)
			return 0;
		so_far++;
		if (lab_word_swap(base, at, was, lab_count_tag(id) | (so_far & COUNT_MASK)))
			return so_far;
	}
}

/* The same seed and number give the same answer everywhere (splitmix64's last steps). */
static bool by_chance(const struct lab_fault *fault, uint64_t number)
{
	uint64_t z = fault->seed + number * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return ((z ^ z >> 31) >> 32) < fault->chance;
}

bool lab_fault_strikes(const struct lab *lab, unsigned slot, const struct lab_fault *fault)
{
	uint8_t *base = lab_writable(lab);
	bool own = !base;
	size_t at = live_fault(lab->map, slot);
	uint64_t number;

	if (own) {
		base = (uint8_t *)&lab->map->own[slot];
		at = 0;
	}
	number = count(base, at + offsetof(struct lab_live_fault, calls), fault->id, own, 0);
	if (!number || number < fault->first || number > fault->last ||
	    (number - fault->first) % fault->every)
		return false;
	if (fault->chance && !by_chance(fault, number))
		return false;
	return count(base, at + offsetof(struct lab_live_fault, struck), fault->id, own,
		     fault->times) != 0;
}

void lab_fault_counted(const struct lab *lab, unsigned slot, const struct lab_fault *fault,
		       struct lab_fault_count *ret)
{
	const struct lab_map *map = lab->map;
	size_t at = live_fault(map, slot);
	uint64_t now = clock_us();

	memset(ret, 0, sizeof(*ret));
	ret->calls =
		lab_word_load(map->ro, at + offsetof(struct lab_live_fault, calls)) & COUNT_MASK;
	ret->struck =
		lab_word_load(map->ro, at + offsetof(struct lab_live_fault, struck)) & COUNT_MASK;
	for (unsigned i = 0; i < LAB_MAX_HANGERS; i++) {
		size_t h = live_hanger(map, i);
		uint64_t who = lab_word_load(map->ro, h + offsetof(struct lab_live_hanger, who));
		uint64_t heard =
			lab_word_load(map->ro, h + offsetof(struct lab_live_hanger, at_us));

		if (who >> 32 == fault->id && now - heard < SILENT_US)
			ret->pid[ret->hanging++] = (uint32_t)who;
	}
}

/* --- hanging -------------------------------------------------------------------------------- */

/* Says that the thread still hangs; i is its entry, LAB_MAX_HANGERS: it looks for one. */
static unsigned say_hanging(const struct lab *lab, uint64_t who, unsigned i)
{
	uint8_t *base = lab_writable(lab);
	uint64_t now = clock_us();

	if (!base)
		return i;
	/* It may have been taken from a thread that was stopped for long. */
	if (i < LAB_MAX_HANGERS && lab_word_load(base, live_hanger(lab->map, i)) != who)
		i = LAB_MAX_HANGERS;
	for (unsigned k = 0; i == LAB_MAX_HANGERS && k < LAB_MAX_HANGERS; k++) {
		size_t at = live_hanger(lab->map, k);
		uint64_t was = lab_word_load(base, at);
		uint64_t heard = lab_word_load(base, at + offsetof(struct lab_live_hanger, at_us));

		if ((!was || now - heard >= SILENT_US) && lab_word_swap(base, at, was, who))
			i = k;
	}
	if (i < LAB_MAX_HANGERS)
		lab_word_store(base,
			       live_hanger(lab->map, i) + offsetof(struct lab_live_hanger, at_us),
			       now);
	return i;
}

static bool still_in_force(const struct lab *lab, unsigned slot, const struct lab_fault *fault)
{
	uint64_t word;
	uint32_t id;

	lab_load_trouble(lab->map, offsetof(struct lab_trouble, fault) + slot * sizeof(*fault),
			 sizeof(word), &word);
	memcpy(&id, &word, sizeof(id)); /* the fault's first member */
	return id == fault->id && lab_fault_holds(lab, fault) &&
	       !lab_word_load(lab->map->ro, offsetof(struct lab_header, destroyed));
}

_Static_assert(offsetof(struct lab_fault, id) == 0, "read by its first word");
_Static_assert(offsetof(struct lab_live_hanger, who) == 0, "at the entry's own offset");

void lab_fault_sleep(const struct lab *lab, unsigned slot, const struct lab_fault *fault,
		     uint64_t us, bool hangs)
{
	const size_t word = offsetof(struct lab_header, trouble_seq);
	uint64_t began = clock_us(), passed = 0;
	uint64_t who = (uint64_t)fault->id << 32 | (uint32_t)syscall(SYS_gettid);
	unsigned entry = LAB_MAX_HANGERS;
	int saved = errno;

	while (passed < us) {
		uint32_t seen = lab_wake_seen(lab->map, word);

		if (!still_in_force(lab, slot, fault))
			break;
		if (hangs)
			entry = say_hanging(lab, who, entry);
		lab_sleep_on(lab->map, word, seen, us - passed < PIECE_US ? us - passed : PIECE_US);
		passed = clock_us() - began;
	}
	if (entry < LAB_MAX_HANGERS)
		(void)lab_word_swap(lab_writable(lab), live_hanger(lab->map, entry), who, 0);
	errno = saved;
}
