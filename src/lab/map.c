/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/* Guards the list of maps and every change of this process; never held while foreign code runs. */
pthread_mutex_t lab_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static struct lab_map *maps;

/*
 * No change is under way in the child of a fork, and no descriptor with the lab's lock is in it: to
 * close them there would be too late if the parent is killed in a change before the child runs.
 */
static void before_fork(void)
{
	pthread_mutex_lock(&lab_mutex);
	for (struct lab_map *map = maps; map; map = map->next)
		lab_kept_close(map);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lab_mutex);
}

/* The child's thread has another id than the owner of the recursive mutex: it cannot unlock it. */
static void after_fork_child(void)
{
	lab_mutex = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}

__attribute__((constructor)) static void watch_forks(void)
{
	(void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* Whether a part lies in the file, behind the header. By subtraction, for a sum could wrap around.
 */
static bool inside(const struct lab_header *h, uint64_t offset, uint64_t size)
{
	return !(offset % 8) && !(size % 8) && offset >= LAB_HEADER_SIZE &&
	       offset <= h->file_size && size <= h->file_size - offset;
}

/* Whether a change of one part leaves the others alone. All of them lie in the file. */
static bool apart(const struct lab_header *h)
{
	const uint64_t copy = sizeof(uint64_t) + h->copy_size;
	const uint64_t trouble = sizeof(uint64_t) + h->trouble_size;
	const struct {
		uint64_t at, size;
	} part[] = {
		{ h->const_offset, h->const_size }, { h->copy_offset[0], copy },
		{ h->copy_offset[1], copy },	    { h->trouble_offset[0], trouble },
		{ h->trouble_offset[1], trouble },  { h->live_offset, sizeof(struct lab_live) }
	};

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		for (size_t k = 0; k < i; k++)
			if (part[i].at < part[k].at + part[k].size &&
			    part[k].at < part[i].at + part[i].size)
				return false;
	return true;
}

int lab_check_header(const struct lab_header *h, uint64_t file_size, const char *path,
		     struct mig_error *reterr)
{
	if (memcmp(h->magic, LAB_MAGIC, sizeof(h->magic)) != 0)
		return mig_fail(reterr, -EBADMSG,
				"%s is not a lab's state file: make a lab with 'migctl lab create'",
				path);
	if (h->format > LAB_FORMAT)
		return mig_fail(reterr, -EPROTO,
				"%s was written by a newer migkit (format %u, this one knows %u): "
				"use that version",
				path, h->format, LAB_FORMAT);
	if (h->format && h->format < LAB_FORMAT)
		return mig_fail(reterr, -EPROTO,
				"%s was written by an older migkit (format %u, this one knows %u): "
				"destroy that lab and make it anew",
				path, h->format, LAB_FORMAT);
	if (h->format == LAB_FORMAT && h->calls_sum != lab_calls_sum &&
	    h->header_sum == lab_sum(h, offsetof(struct lab_header, header_sum)))
		return mig_fail(reterr, -EPROTO,
				"%s was written by a migkit that knows other functions of NVML: "
				"use that version, or destroy that lab and make it anew",
				path);
	if (h->header_sum != lab_sum(h, offsetof(struct lab_header, header_sum)) ||
	    h->format != LAB_FORMAT || h->header_size != LAB_HEADER_SIZE)
		return mig_fail(reterr, -EBADMSG,
				"%s is damaged: its header's checksum does not match", path);
	if (h->file_size != file_size)
		return mig_fail(reterr, -EBADMSG,
				"%s is damaged: it has %llu bytes instead of %llu", path,
				(unsigned long long)file_size, (unsigned long long)h->file_size);
	/* The sum proves that somebody computed it: these are bounds for pointers all the same. */
	if (h->const_size > sizeof(struct lab_const) || h->copy_size > sizeof(struct lab_state) ||
	    !inside(h, h->const_offset, h->const_size) ||
	    !inside(h, h->copy_offset[0], sizeof(uint64_t) + h->copy_size) ||
	    !inside(h, h->copy_offset[1], sizeof(uint64_t) + h->copy_size) ||
	    h->trouble_size != sizeof(struct lab_trouble) ||
	    !inside(h, h->trouble_offset[0], sizeof(uint64_t) + h->trouble_size) ||
	    !inside(h, h->trouble_offset[1], sizeof(uint64_t) + h->trouble_size) ||
	    !inside(h, h->live_offset, sizeof(struct lab_live)))
		return mig_fail(reterr, -EBADMSG, "%s is damaged: its header points outside it",
				path);
	if (!apart(h))
		return mig_fail(reterr, -EBADMSG,
				"%s is damaged: parts of it lie upon each other by its header",
				path);
	return 0;
}

static int check_const(struct lab_map *map, const char *path, struct mig_error *reterr)
{
	const struct lab_header *h = &map->head;
	struct lab_const *con = calloc(1, sizeof(*con));

	if (!con)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	map->con = con;
	memcpy(con, map->ro + h->const_offset, h->const_size);
	if (lab_sum(con, h->const_size) != h->const_sum)
		return mig_fail(reterr, -EBADMSG,
				"%s is damaged: the checksum of its board tables does not match",
				path);
	if (con->n_gpus < 1 || con->n_gpus > LAB_MAX_GPUS || con->n_boards < 1 ||
	    con->n_boards > LAB_MAX_GPUS || lab_const_size(con->n_boards) != h->const_size ||
	    lab_state_size(con->n_gpus) != h->copy_size)
		return mig_fail(reterr, -EBADMSG, "%s is damaged: its counts do not fit its size",
				path);
	/* Nobody looks at these pages again: with 16 boards, an eighth of what we add to a client.
	 */
	(void)madvise(map->ro + h->const_offset, h->const_size, MADV_DONTNEED);
	return 0;
}

static int repair_locked(struct lab_map *map, const struct lab_part *part, int fd, const char *path,
			 struct mig_error *reterr)
{
	uint64_t seq = lab_word_load(map->ro, part->seq);
	void *rw;

	if (!lab_copy_valid(map, part, seq % 2))
		return 0; /* a writer was at work, or somebody repaired it meanwhile */
	if (lab_copy_valid(map, part, (seq + 1) % 2))
		return mig_fail(reterr, -EBADMSG,
				"%s is damaged: neither copy of its state is whole", path);
	if (!map->rw) {
		rw = mmap(NULL, map->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (rw == MAP_FAILED)
			return mig_fail(reterr, -errno, "cannot map %s: %s", path, strerror(errno));
		__atomic_store_n(&map->rw, rw, __ATOMIC_RELEASE);
	}
	lab_word_store(map->rw, part->seq, seq + 1);
	return 0;
}

/*
 * The current copy can only be torn by a crash of the whole machine (the file is not synced). Then
 * the other copy, the state before, is made current again.
 */
static int repair(struct lab_map *map, const struct lab_part *part, const char *path,
		  struct mig_error *reterr)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	int r;

	if (fd < 0)
		return mig_fail(reterr, -EBADMSG,
				"%s is damaged and cannot be repaired by this user", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return mig_fail(reterr, -errno, "cannot lock %s: %s", path,
					strerror(errno));
	r = repair_locked(map, part, fd, path, reterr);
	/* Closing would not do: the mapping keeps the open file, and with it the lock. */
	(void)flock(fd, LOCK_UN);
	return r;
}

/* A whole copy of a part is current after it. */
static int check_part(struct lab_map *map, const struct lab_part *part, const char *path,
		      struct mig_error *reterr)
{
	/* Twice: a writer may flip between the look at the sequence and the sum. */
	for (unsigned tries = 0;; tries++) {
		uint64_t seq = lab_word_load(map->ro, part->seq);

		if (!lab_copy_valid(map, part, seq % 2))
			return 0;
		if (tries < 8 && seq != lab_word_load(map->ro, part->seq))
			continue;
		return repair(map, part, path, reterr);
	}
}

static int check_state(struct lab_map *map, const char *path, struct mig_error *reterr)
{
	const struct lab_part state = lab_part_state(map);
	_cleanup_free_ struct lab_state *st = calloc(1, sizeof(*st));
	int r;

	if (!st)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = check_part(map, &state, path, reterr);
	if (r < 0)
		return r;
	lab_load(map, 0, map->head.copy_size, st);
	r = lab_check(map->con, st, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, r, "%s is damaged", path);
	return 0;
}

/* Nothing was ever ordered in most labs: then there is nothing to look at. */
static int check_trouble(struct lab_map *map, const char *path, struct mig_error *reterr)
{
	const struct lab_part part = lab_part_trouble(map);
	_cleanup_free_ struct lab_trouble *t = NULL;
	int r;

	if (!lab_word_load(map->ro, part.seq) &&
	    !lab_word_load(map->ro, offsetof(struct lab_header, watch)))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = check_part(map, &part, path, reterr);
	if (r < 0)
		return r;
	lab_load_trouble(map, 0, sizeof(*t), t);
	r = lab_trouble_check(t, reterr);
	return r < 0 ? mig_fail_wrap(reterr, r, "%s is damaged", path) : 0;
}

static void map_free(struct lab_map **mapp)
{
	struct lab_map *map = *mapp;

	if (!map)
		return;
	if (map->ro)
		munmap(map->ro, map->size);
	if (map->rw)
		munmap(map->rw, map->size);
	free(map->con);
	free(map->scratch);
	free(map);
}

static int map_new(int fd, const struct base_file_id *id, const char *path, struct lab_map **ret,
		   struct mig_error *reterr)
{
	_cleanup_(map_free) struct lab_map *map = calloc(1, sizeof(*map));
	void *ro;
	int r;

	if (!map)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	if (id->size < LAB_HEADER_SIZE)
		return mig_fail(reterr, -EBADMSG,
				"%s is not a lab's state file (only %llu bytes): make a lab with "
				"'migctl lab create'",
				path, (unsigned long long)id->size);
	map->size = id->size;
	map->id = *id;
	map->holders_fd = map->state_fd = map->dir.fd = map->caps.fd = -1;
	ro = mmap(NULL, map->size, PROT_READ, MAP_SHARED, fd, 0);
	if (ro == MAP_FAILED)
		return mig_fail(reterr, -errno, "cannot map %s: %s", path, strerror(errno));
	map->ro = ro;
	memcpy(&map->head, map->ro, sizeof(map->head));
	r = lab_check_header(&map->head, id->size, path, reterr);
	if (r < 0)
		return r;
	r = check_const(map, path, reterr);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(map);
	return 0;
}

struct lab_map *lab_map_find(const struct base_file_id *id)
{
	for (struct lab_map *map = maps; map; map = map->next)
		if (map->id.dev == id->dev && map->id.ino == id->ino)
			return map;
	return NULL;
}

static int find_or_map(int fd, const char *path, struct lab_map **ret, struct mig_error *reterr)
{
	struct lab_map *map;
	struct base_file_id id;
	int r;

	r = base_file_id(fd, &id);
	if (r < 0)
		return mig_fail(reterr, r, "cannot read %s: %s", path, strerror(-r));
	if (!id.regular)
		return mig_fail(reterr, -EBADMSG, "%s is not a file", path);
	map = lab_map_find(&id);
	if (map && map->size != id.size)
		return mig_fail(reterr, -EBADMSG, "%s is damaged: its size has changed", path);
	if (!map) {
		r = map_new(fd, &id, path, &map, reterr);
		if (r < 0)
			return r;
		map->next = maps;
		maps = map;
	}
	if (lab_word_load(map->ro, offsetof(struct lab_header, destroyed)))
		return mig_fail(reterr, -ENODEV, "the lab in %s was destroyed", path);
	r = check_state(map, path, reterr);
	if (r >= 0)
		r = check_trouble(map, path, reterr);
	if (r < 0)
		return r;
	*ret = map;
	return 0;
}

int lab_map_get(const char *dir, struct lab_map **ret, struct mig_error *reterr)
{
	char path[4096 + sizeof("/" LAB_STATE_FILE)];
	_cleanup_close_ int fd = -1;
	int r;

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return mig_fail(reterr, -ENOENT,
				"there is no lab in %s: 'migctl lab list' shows the labs that are",
				dir);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot open %s: %s", path, strerror(errno));
	pthread_mutex_lock(&lab_mutex);
	r = find_or_map(fd, path, ret, reterr);
	if (r >= 0)
		(*ret)->users++;
	pthread_mutex_unlock(&lab_mutex);
	return r;
}

void lab_map_put(struct lab_map *map)
{
	pthread_mutex_lock(&lab_mutex);
	map->users--;
	pthread_mutex_unlock(&lab_mutex);
}
