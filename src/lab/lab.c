/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * Labs are never freed: a program may end NVML in one thread while another is in the middle of a
 * call, which must not crash. A closed one serves again, so there are as many as were open at once.
 */
static struct lab *closed;

/* An object for the lab in that folder, which users of it find unchanged but for its boot. */
static struct lab *closed_or_new(const char *dir, struct lab_map *map, bool root)
{
	struct lab *lab;

	pthread_mutex_lock(&lab_mutex);
	for (struct lab **p = &closed; *p; p = &(*p)->next) {
		lab = *p;
		if (lab->map != map || lab->root != root || strcmp(lab->dir, dir) != 0)
			continue;
		*p = lab->next;
		pthread_mutex_unlock(&lab_mutex);
		return lab;
	}
	pthread_mutex_unlock(&lab_mutex);
	lab = calloc(1, sizeof(*lab));
	if (!lab)
		return NULL;
	lab->map = map;
	lab->root = root;
	memcpy(lab->dir, dir, strlen(dir) + 1);
	return lab;
}

static int open_at(const char *dir, unsigned flags, struct lab **ret, struct mig_error *reterr)
{
	const char *root = secure_getenv("MIGKIT_LAB_ROOT");
	struct lab_map *map;
	struct lab *lab;
	uint64_t boot;
	int r;

	r = lab_map_get(dir, &map, reterr);
	if (r < 0)
		return r;
	lab = closed_or_new(dir, map, root && !strcmp(root, "1"));
	if (!lab) {
		lab_map_put(map);
		return mig_fail(reterr, -ENOMEM, "out of memory");
	}
	lab_load(map, offsetof(struct lab_state, boot), sizeof(boot), &boot);
	__atomic_store_n(&lab->boot, boot, __ATOMIC_RELAXED);
	if (flags & LAB_OPEN_ATTACH)
		(void)lab_attach(lab); /* a lab without a holders file is only not blocked by us */
	*ret = lab;
	return 0;
}

int lab_open(const char *dir, unsigned flags, struct lab **ret, struct mig_error *reterr)
{
	char real[PATH_MAX];
	int saved = errno, r;

	/* Absolute, for the process may change its folder before the next change. */
	if (!realpath(dir, real) && snprintf(real, sizeof(real), "%s", dir) >= (int)sizeof(real))
		return mig_fail(reterr, -ENAMETOOLONG, "the lab's path is too long");
	r = open_at(real, flags, ret, reterr);
	errno = saved;
	return r;
}

void lab_close(struct lab *lab)
{
	int saved = errno;

	if (!lab)
		return;
	pthread_mutex_lock(&lab_mutex);
	lab_detach(lab);
	lab->next = closed;
	closed = lab;
	pthread_mutex_unlock(&lab_mutex);
	errno = saved;
}

const struct lab_const *lab_const(const struct lab *lab)
{
	return lab->map->con;
}

const struct mig_board *lab_board(const struct lab *lab, const struct lab_gpu *gpu)
{
	return &lab->map->con->board[gpu->board];
}

static bool destroyed(const struct lab_map *map)
{
	return lab_word_load(map->ro, offsetof(struct lab_header, destroyed));
}

/* The boot counter lies in the same copy; a reboot in between shows at the next call. */
bool lab_gone(const struct lab_map *map, uint64_t boot)
{
	uint64_t now;

	lab_load(map, offsetof(struct lab_state, boot), sizeof(now), &now);
	return now != boot || destroyed(map);
}

int lab_read_gpu(const struct lab *lab, unsigned gpu, struct lab_gpu *ret)
{
	return lab_read_gpu_with(lab, gpu, LAB_GI_ALL, ret);
}

int lab_read_gpu_with(const struct lab *lab, unsigned gpu, int gi, struct lab_gpu *ret)
{
	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	if (lab_load_gpu(lab->map, gpu, gi, ret) != lab_boot(lab) || destroyed(lab->map))
		return -ENODEV;
	return ret->lost ? -ENODEV : 0;
}

unsigned lab_read_places(const struct lab *lab, struct lab_place ret[LAB_MAX_GPUS])
{
	if (lab_load_places(lab->map, ret) != lab_boot(lab) || destroyed(lab->map))
		return 0;
	return lab->map->con->n_gpus;
}

unsigned lab_until_lost(const struct lab *lab)
{
	unsigned n;

	if (lab_load_until_lost(lab->map, &n) != lab_boot(lab) || destroyed(lab->map))
		return 0;
	return n;
}

_Static_assert(offsetof(struct lab_gpu, uuid) % 8 == 0 && offsetof(struct lab_gpu, serial) % 8 == 0,
	       "compared in 8-byte words");

/* Neither changes in a lab's life, so it does not matter of which moment a word is. */
int lab_find_gpu(const struct lab *lab, size_t offset, const char *text)
{
	uint64_t want[sizeof(((struct lab_gpu *)0)->uuid) / 8] = { 0 };
	uint64_t mask[sizeof(want) / sizeof(want[0])] = { 0 };
	size_t size = offset == offsetof(struct lab_gpu, uuid) ? sizeof(want) : 16;
	size_t len = strnlen(text, size);

	if (len == size)
		return -1;
	/* With its NUL, and nothing behind that. */
	memcpy(want, text, len);
	memset(mask, 0xff, len + 1);
	return lab_find_constant(lab->map, offset, len / 8 + 1, want, mask);
}

int lab_read_state(const struct lab *lab, struct lab_state *ret)
{
	if (lab_gone(lab->map, lab_boot(lab)))
		return -ENODEV;
	lab_load(lab->map, 0, lab->map->head.copy_size, ret);
	return 0;
}

bool lab_may_change(const struct lab *lab)
{
	return !lab->map->con->permissions_real || lab->root || geteuid() == 0;
}
