/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * The descriptors of the lab's file and of its folder that this process keeps for its changes:
 * opening and closing them took a quarter of a change. A host may close them behind our back
 * (closefrom) and get the numbers for files of its own, so each use asks the kernel what they are.
 *
 * A forked child would share the description, and with it the lock of a parent that is killed in a
 * change: they are closed before a fork (map.c). A process that came about without fork() uses none
 * that it did not open itself, for two with one description do not keep each other out.
 */

static bool same(const struct base_file_id *a, const struct base_file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size;
}

/* Under lab_mutex, as are all of these. */
static void only_own(struct lab_map *map)
{
	pid_t pid = getpid();

	if (map->kept_pid == pid)
		return;
	map->state_fd = map->dir_fd = -1;
	map->kept_pid = pid;
}

static int open_state(const struct lab *lab, struct base_file_id *ret_id)
{
	char path[sizeof(lab->dir) + sizeof("/" LAB_STATE_FILE)];
	_cleanup_close_ int fd = -1;
	int r;

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, lab->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -EPERM;
	if (base_file_id(fd, ret_id) < 0 || !same(ret_id, &lab->map->id))
		return -ENODEV; /* destroyed, and perhaps another lab made in its place */
	r = fd;
	fd = -1;
	return r;
}

int lab_state_fd(const struct lab *lab)
{
	struct lab_map *map = lab->map;
	struct base_file_id id;

	only_own(map);
	if (map->state_fd < 0 || base_file_id(map->state_fd, &id) < 0 || !same(&id, &map->id)) {
		map->state_fd = open_state(lab, &id);
		map->dir_fd = -1; /* who closed the one closed the other */
	}
	if (map->state_fd >= 0 && !id.links)
		return -ENODEV; /* removed as any other file is */
	return map->state_fd;
}

/*
 * By a description of its own: a mapping keeps its description alive, a forked child has the
 * mapping, and a lock on it would outlive the parent that is killed with it.
 */
int lab_map_writable(const struct lab *lab)
{
	struct lab_map *map = lab->map;
	_cleanup_close_ int fd = -1;
	struct base_file_id id;
	void *rw;

	if (map->rw)
		return 0;
	fd = open_state(lab, &id);
	if (fd < 0)
		return fd;
	rw = mmap(NULL, map->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rw == MAP_FAILED)
		return -EPERM;
	/* Seen without the mutex by lab_writable(). */
	__atomic_store_n(&map->rw, rw, __ATOMIC_RELEASE);
	return 0;
}

static int open_dir(const struct lab *lab)
{
	_cleanup_close_ int fd = open(lab->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct base_file_id id;
	int r;

	/* Of this very lab, not of one that was made where it was before somebody moved it. */
	if (fd < 0 || base_file_id_at(fd, LAB_STATE_FILE, &id) < 0 || !same(&id, &lab->map->id))
		return -ENODEV;
	r = base_file_id(fd, &lab->map->dir_id);
	if (r < 0)
		return r;
	r = fd;
	fd = -1;
	return r;
}

static bool is_dir(const struct lab_map *map)
{
	struct base_file_id id;

	/* A folder's size changes with what is in it. */
	return map->dir_fd >= 0 && base_file_id(map->dir_fd, &id) >= 0 &&
	       id.dev == map->dir_id.dev && id.ino == map->dir_id.ino;
}

int lab_dir_fd(const struct lab *lab)
{
	struct lab_map *map = lab->map;

	if (map->dir_fd < 0)
		map->dir_fd = open_dir(lab);
	return map->dir_fd;
}

int lab_dir_fd_anew(const struct lab *lab)
{
	struct lab_map *map = lab->map;

	if (!is_dir(map))
		map->dir_fd = open_dir(lab);
	return map->dir_fd;
}

void lab_kept_close(struct lab_map *map)
{
	struct base_file_id id;

	if (map->state_fd >= 0 && base_file_id(map->state_fd, &id) >= 0 && same(&id, &map->id))
		close(map->state_fd);
	if (is_dir(map))
		close(map->dir_fd);
	map->state_fd = map->dir_fd = -1;
}
