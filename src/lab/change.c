/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"
#include "lab/root.h"

/* Opened anew for each change: hosts close descriptors behind our back, and a kept one would carry
 * the lock into forked children. */
static int open_file(const struct lab *lab)
{
	char path[sizeof(lab->dir) + sizeof("/" LAB_STATE_FILE)];
	_cleanup_close_ int fd = -1;
	struct base_file_id id;
	int r;

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, lab->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -EPERM;
	if (base_file_id(fd, &id) < 0 || id.dev != lab->map->id.dev || id.ino != lab->map->id.ino ||
	    id.size != lab->map->id.size)
		return -ENODEV; /* destroyed, and perhaps another lab made in its place */
	r = fd;
	fd = -1;
	return r;
}

static int open_locked(const struct lab *lab)
{
	_cleanup_close_ int fd = open_file(lab);
	int r = fd;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -EIO;
	fd = -1;
	return r;
}

static int ensure_writable(struct lab_map *map, int fd)
{
	void *rw;

	if (map->rw)
		return 0;
	rw = mmap(NULL, map->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rw == MAP_FAILED)
		return -EPERM;
	/* Seen without the mutex by lab_writable(). */
	__atomic_store_n(&map->rw, rw, __ATOMIC_RELEASE);
	return 0;
}

uint8_t *lab_writable(const struct lab *lab)
{
	struct lab_map *map = lab->map;
	uint8_t *rw = __atomic_load_n(&map->rw, __ATOMIC_ACQUIRE);
	_cleanup_close_ int fd = -1;

	if (rw || __atomic_load_n(&map->no_rw, __ATOMIC_RELAXED))
		return rw;
	pthread_mutex_lock(&lab_mutex);
	fd = open_file(lab);
	if (fd < 0 || ensure_writable(map, fd) < 0)
		__atomic_store_n(&map->no_rw, true, __ATOMIC_RELAXED);
	rw = map->rw;
	pthread_mutex_unlock(&lab_mutex);
	return rw;
}

struct change {
	lab_change_fn fn;
	void *arg;
};

/* States are not for the stack: a thread of a foreign program may have 64 KiB of it. */
static int change_state(struct lab *lab, void *arg)
{
	const struct change *c = arg;
	struct lab_map *map = lab->map;
	struct root_follow files;
	size_t size = map->head.copy_size;
	_cleanup_free_ struct lab_state *before = malloc(sizeof(*before));
	_cleanup_free_ struct lab_state *after = malloc(sizeof(*after));
	int r;

	if (!before || !after)
		return -ENOMEM;
	lab_load_locked(map, before);
	if (before->boot != lab_boot(lab))
		return -ENODEV;
	memcpy(after, before, size);
	lab_drop_dead_clients(lab, after);
	r = c->fn(lab, after, c->arg);
	if (r < 0)
		return r;
	root_follow_begin(&files, lab, before, after);
	if (memcmp(before, after, size) != 0)
		lab_publish(map, before, after);
	root_follow_end(&files, lab, before, after);
	/* Last: who is told of a new layout may look at its files next. */
	if (before->n_events != after->n_events || before->boot != after->boot)
		lab_wake(map, offsetof(struct lab_header, seq));
	return r;
}

int lab_locked(struct lab *lab, int (*fn)(struct lab *lab, void *arg), void *arg)
{
	int saved = errno, fd, r;

	pthread_mutex_lock(&lab_mutex);
	fd = open_locked(lab);
	r = fd;
	if (fd >= 0) {
		if (lab_word_load(lab->map->ro, offsetof(struct lab_header, destroyed)))
			r = -ENODEV;
		else
			r = ensure_writable(lab->map, fd);
		if (r >= 0)
			r = fn(lab, arg);
		(void)flock(fd, LOCK_UN); /* at once, whoever else holds this description */
		close(fd);
	}
	pthread_mutex_unlock(&lab_mutex);
	errno = saved;
	return r;
}

int lab_change(struct lab *lab, lab_change_fn fn, void *arg)
{
	struct change c = { .fn = fn, .arg = arg };

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
