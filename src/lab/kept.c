/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * The descriptors of the lab's file and of its folders that this process keeps for its changes:
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

static void forget_nodes(struct lab_map *map)
{
	memset(map->nodes.seen, 0, sizeof(map->nodes.seen));
}

/* Without closing: not ours to close, or not open. Under lab_mutex, as are all of these. */
static void forget(struct lab_map *map)
{
	map->state_fd = map->dir.fd = map->caps.fd = -1;
	forget_nodes(map);
}

/*
 * Another number in every process that has a memory of its own, however it came about. By a page
 * that the kernel empties in a child: asking it for the pid is a system call.
 */
static struct {
	uint64_t *page; /* NULL: not yet; MAP_FAILED: this kernel has none */
	uint64_t last;
} number;

static uint64_t *emptied_page(void)
{
	uint64_t *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED && madvise(page, sizeof(*page), MADV_WIPEONFORK) < 0) {
		munmap(page, sizeof(*page));
		return MAP_FAILED;
	}
	return page;
}

static uint64_t process_number(void)
{
	if (!number.page)
		number.page = emptied_page();
	if (number.page == MAP_FAILED)
		return (uint64_t)getpid();
	if (!*number.page)
		*number.page = ++number.last;
	return *number.page;
}

static void only_own(struct lab_map *map)
{
	uint64_t own = process_number();

	if (map->kept_by == own)
		return;
	forget(map);
	map->kept_by = own;
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
		map->dir.fd = map->caps.fd = -1; /* who closed the one closed the others */
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

static int open_path(int at, const char *path, struct lab_folder *ret)
{
	int fd = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && base_file_id(fd, &ret->id) < 0) {
		close(fd);
		fd = -1;
	}
	ret->fd = fd;
	return fd;
}

static void open_dir(const struct lab *lab)
{
	struct lab_folder dir;
	struct base_file_id id;

	/* Of this very lab, not of one that was made where it was before somebody moved it. */
	if (open_path(AT_FDCWD, lab->dir, &dir) >= 0 &&
	    (base_file_id_at(dir.fd, LAB_STATE_FILE, &id) < 0 || !same(&id, &lab->map->id))) {
		close(dir.fd);
		dir.fd = -1;
	}
	lab->map->dir = dir;
}

/* Whether it still is what was opened. A folder's size changes with what is in it. */
static bool is_folder(const struct lab_folder *f)
{
	struct base_file_id id;

	return f->fd >= 0 && base_file_id(f->fd, &id) >= 0 && id.dev == f->id.dev &&
	       id.ino == f->id.ino;
}

static void close_folder(struct lab_folder *f)
{
	if (is_folder(f))
		close(f->fd);
	f->fd = -1;
}

int lab_dir_fd(const struct lab *lab, int *ret_caps)
{
	struct lab_map *map = lab->map;

	if (map->dir.fd < 0)
		open_dir(lab);
	if (map->dir.fd >= 0 && map->caps.fd < 0)
		(void)open_path(map->dir.fd, LAB_ROOT_CAPS, &map->caps);
	*ret_caps = map->caps.fd;
	return map->dir.fd < 0 ? -ENODEV : map->dir.fd;
}

int lab_dir_fd_anew(const struct lab *lab, int *ret_caps)
{
	struct lab_map *map = lab->map;

	if (!is_folder(&map->dir))
		map->dir.fd = -1;
	/* It may be another one by now, and so may the nodes. */
	close_folder(&map->caps);
	forget_nodes(map);
	return lab_dir_fd(lab, ret_caps);
}

void lab_nodes_of_boot(struct lab_map *map, uint64_t boot)
{
	if (map->nodes.boot != boot)
		forget_nodes(map);
	map->nodes.boot = boot;
}

void lab_kept_close(struct lab_map *map)
{
	struct base_file_id id;

	if (map->state_fd >= 0 && base_file_id(map->state_fd, &id) >= 0 && same(&id, &map->id))
		close(map->state_fd);
	close_folder(&map->dir);
	close_folder(&map->caps);
	forget(map);
}
