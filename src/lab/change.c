/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"
#include "lab/root.h"

static int lock(const struct lab *lab)
{
	int fd = lab_state_fd(lab);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -EIO;
	return fd;
}

uint8_t *lab_writable(const struct lab *lab)
{
	struct lab_map *map = lab->map;
	uint8_t *rw = __atomic_load_n(&map->rw, __ATOMIC_ACQUIRE);

	if (rw || __atomic_load_n(&map->no_rw, __ATOMIC_RELAXED))
		return rw;
	pthread_mutex_lock(&lab_mutex);
	if (lab_map_writable(lab) < 0)
		__atomic_store_n(&map->no_rw, true, __ATOMIC_RELAXED);
	rw = map->rw;
	pthread_mutex_unlock(&lab_mutex);
	return rw;
}

struct change {
	lab_change_fn fn;
	void *arg;
	int gpu; /* that alone changes; -1: anything may */
};

/*
 * The state to work on: not on the stack, for a thread of a foreign program may have 64 KiB of it.
 * It is kept, so that who made the last change does not copy it again.
 */
static struct lab_state *scratch(struct lab_map *map, const struct lab_state *now)
{
	bool have = map->scratch && map->scratch_seq == now->seq;

	if (!map->scratch)
		map->scratch = malloc(map->head.copy_size);
	if (map->scratch && !have)
		memcpy(map->scratch, now, map->head.copy_size);
	map->differ.known = map->differ.known && have;
	map->scratch_seq = UINT64_MAX; /* of none: the change may fail half way */
	return map->scratch;
}

/* Where there are clients, the dead ones of them have gone before fn began. */
static struct lab_blocks difference(const struct change *c, const struct lab_map *map,
				    const struct lab_state *before, struct lab_state *after)
{
	if (c->gpu < 0 || before->clients)
		return lab_difference(map, before, after);
#ifdef LAB_CRASH_TEST
	struct lab_blocks all = lab_difference(map, before, after),
			  one = lab_difference_of_gpu(before, after, (unsigned)c->gpu);

	if (memcmp(&all, &one, sizeof(all)) != 0)
		__builtin_trap(); /* fn does not keep its promise */
#endif
	return lab_difference_of_gpu(before, after, (unsigned)c->gpu);
}

static int change_state(struct lab *lab, void *arg)
{
	const struct change *c = arg;
	struct lab_map *map = lab->map;
	struct root_follow files;
	struct lab_blocks differ;
	/* Stays as it is, current or not, until the next change. */
	const struct lab_state *before = lab_locked_state(map);
	struct lab_state *after;
	int r;

	if (before->boot != lab_boot(lab))
		return -ENODEV;
	after = scratch(map, before);
	if (!after)
		return -ENOMEM;
	lab_drop_dead_clients(lab, after);
	r = c->fn(lab, after, c->arg);
	if (r < 0)
		return r;
	differ = difference(c, map, before, after);
	root_follow_begin(&files, lab, before, after, &differ);
	lab_publish(map, before, after, &differ);
	root_follow_end(&files, lab, after);
	map->scratch_seq = after->seq;
	/* Last: who is told of a new layout may look at its files next. */
	if (before->boot != after->boot ||
	    (before->n_events != after->n_events && lab_anyone_waits(map)))
		lab_wake(map, offsetof(struct lab_header, seq));
	return r;
}

int lab_locked(struct lab *lab, int (*fn)(struct lab *lab, void *arg), void *arg)
{
	int saved = errno, fd, r;

	pthread_mutex_lock(&lab_mutex);
	fd = lock(lab);
	r = fd;
	if (fd >= 0) {
		if (lab_word_load(lab->map->ro, offsetof(struct lab_header, destroyed)))
			r = -ENODEV;
		else
			r = lab_map_writable(lab);
		if (r >= 0)
			r = fn(lab, arg);
		(void)flock(fd, LOCK_UN);
	}
	pthread_mutex_unlock(&lab_mutex);
	errno = saved;
	return r;
}

int lab_change(struct lab *lab, lab_change_fn fn, void *arg)
{
	struct change c = { .fn = fn, .arg = arg, .gpu = -1 };

	return lab_locked(lab, change_state, &c);
}

int lab_change_gpu(struct lab *lab, unsigned gpu, lab_change_fn fn, void *arg)
{
	struct change c = { .fn = fn, .arg = arg, .gpu = (int)gpu };

	return lab_locked(lab, change_state, &c);
}

static int no_change(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)lab;
	(void)st;
	(void)arg;
	return 0;
}

void lab_root_sync(struct lab *lab)
{
	(void)lab_change(lab, no_change, NULL);
}
