/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

int lab_open(const char *dir, unsigned flags, struct lab **ret, struct mig_error *reterr)
{
	_cleanup_free_ struct lab *lab = calloc(1, sizeof(*lab));
	const char *root = secure_getenv("MIGKIT_LAB_ROOT");
	char real[PATH_MAX];
	struct lab_state st;
	int saved = errno, r;

	if (!lab)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	/* Absolute, for the process may change its folder before the next change. */
	if (snprintf(lab->dir, sizeof(lab->dir), "%s", realpath(dir, real) ? real : dir) >=
	    (int)sizeof(lab->dir))
		return mig_fail(reterr, -ENAMETOOLONG, "the lab's path is too long");
	r = lab_map_get(lab->dir, &lab->map, reterr);
	if (r < 0) {
		errno = saved;
		return r;
	}
	lab->root = root && !strcmp(root, "1");
	lab_load(lab->map, 0, offsetof(struct lab_state, client), &st);
	lab->boot = st.boot;
	if (flags & LAB_OPEN_ATTACH)
		(void)lab_attach(lab); /* a lab without a holders file is only not blocked by us */
	errno = saved;
	*ret = TAKE_PTR(lab);
	return 0;
}

void lab_close(struct lab *lab)
{
	int saved = errno;

	if (!lab)
		return;
	lab_detach(lab);
	free(lab);
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

/* The boot counter lies in the same copy; a reboot in between shows at the next call. */
bool lab_gone(const struct lab_map *map, uint64_t boot)
{
	uint64_t now;

	lab_load(map, offsetof(struct lab_state, boot), sizeof(now), &now);
	return now != boot || lab_word_load(map->ro, offsetof(struct lab_header, destroyed));
}

int lab_read_gpu(const struct lab *lab, unsigned gpu, struct lab_gpu *ret)
{
	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	if (lab_gone(lab->map, lab->boot))
		return -ENODEV;
	lab_load(lab->map, offsetof(struct lab_state, gpu) + gpu * sizeof(*ret), sizeof(*ret), ret);
	return ret->lost ? -ENODEV : 0;
}

int lab_read_state(const struct lab *lab, struct lab_state *ret)
{
	if (lab_gone(lab->map, lab->boot))
		return -ENODEV;
	lab_load(lab->map, 0, lab->map->head.copy_size, ret);
	return 0;
}

bool lab_may_change(const struct lab *lab)
{
	return !lab->map->con->permissions_real || lab->root || geteuid() == 0;
}
