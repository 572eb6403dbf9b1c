/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/claims.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/journal.h"

#define PREFIX	"run-"
#define DOOR	"door"
#define LOOK_MS 4
/* All of a claim fits; written in one go and padded, so that it is never cut short. */
#define RECORD 4096

/* --- the folder ------------------------------------------------------------------------------- */

/* A name of one level below the folder; of files of ours it is never too long. */
static void path_of(const struct engine_claims *claims, const char *name, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.*s/%.60s", PATH_MAX - 64, claims->dir, name);
}

static int make_folder(const char *dir, const char *state, struct mig_error *reterr)
{
	int r = engine_make_folders(state, reterr);

	if (r < 0)
		return r;
	if (mkdir(dir, 01777) < 0)
		return errno == EEXIST
			       ? 0
			       : mig_fail(reterr, -errno,
					  "cannot make %s, where it is written down who has "
					  "which device: %s",
					  dir, strerror(errno));
	/* Whatever the umask is: users share the devices. */
	if (chmod(dir, 01777) < 0)
		return mig_fail(reterr, -errno, "cannot open %s to all users: %s", dir,
				strerror(errno));
	return 0;
}

/* To be locked it need not be written: everybody may read it. */
static int open_door(const struct engine_claims *claims)
{
	char path[PATH_MAX];
	int fd;

	path_of(claims, DOOR, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)fchmod(fd, 0644);
	return fd;
}

int engine_claims_open(struct engine_claims *claims, const char *state, bool make,
		       struct mig_error *reterr)
{
	int r = 0;

	*claims = (struct engine_claims){ .door = -1 };
	if (strlen(state) >= sizeof(claims->dir) - 64)
		return mig_fail(reterr, -ENAMETOOLONG, "the path %.200s is too long", state);
	snprintf(claims->dir, sizeof(claims->dir), "%.*s/runs", PATH_MAX - 64, state);
	if (access(claims->dir, F_OK) < 0) {
		if (!make)
			return mig_fail(reterr, -ENOENT, "nothing was run here yet");
		r = make_folder(claims->dir, state, reterr);
	}
	if (r < 0)
		return r;
	claims->door = open_door(claims);
	if (claims->door < 0)
		return mig_fail(reterr, -errno, "cannot open %s/" DOOR ": %s", claims->dir,
				strerror(errno));
	return 0;
}

void engine_claims_close(struct engine_claims *claims)
{
	if (claims->door >= 0)
		close(claims->door);
	claims->door = -1;
	claims->inside = false;
}

int engine_claims_enter(struct engine_claims *claims, unsigned ms, struct mig_error *reterr)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	while (flock(claims->door, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return mig_fail(reterr, -errno, "cannot lock %s/" DOOR ": %s", claims->dir,
					strerror(errno));
		if (ms < LOOK_MS)
			return mig_fail(reterr, -EBUSY,
					"others take and make devices: the lock on %s/" DOOR
					" is not to be had",
					claims->dir);
		ms -= LOOK_MS;
		nanosleep(&pause, NULL);
	}
	claims->inside = true;
	return 0;
}

void engine_claims_leave(struct engine_claims *claims)
{
	if (claims->inside)
		(void)flock(claims->door, LOCK_UN);
	claims->inside = false;
}

/* --- one claim -------------------------------------------------------------------------------- */

/* 0: the name is none of a claim */
static uint64_t number_of(const char *name)
{
	unsigned long long n;
	char *end;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || name[strlen(PREFIX)] < '1' ||
	    name[strlen(PREFIX)] > '9')
		return 0;
	errno = 0;
	n = strtoull(name + strlen(PREFIX), &end, 10);
	return errno || *end || n >= UINT64_MAX / 2 ? 0 : n;
}

static void name_of(uint64_t number, char ret[40])
{
	snprintf(ret, 40, PREFIX "%" PRIu64, number);
}

/* A file that others made may be anything: a link, a pipe. */
static int open_claim(const struct engine_claims *claims, uint64_t number, struct stat *ret)
{
	char name[40], path[PATH_MAX];
	int fd;

	name_of(number, name);
	path_of(claims, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode)) {
		close(fd);
		return -EBADF;
	}
	return fd;
}

/* Nobody has it any more. Those who look do so together, and are in nobody's way. */
static bool is_dead(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return false;
	(void)flock(fd, LOCK_UN);
	return true;
}

/* Its owner may be writing it: then it is read again. */
static bool read_claim(int fd, struct engine_claim *ret)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char text[RECORD];

	for (int i = 0; i < 5; i++) {
		ssize_t n = pread(fd, text, sizeof(text), 0);

		if (n > 0 && engine_claim_parse(text, (size_t)n, ret))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool engine_claim_waits(const struct engine_claims *claims, uint64_t number)
{
	struct engine_claim claim;
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = open_claim(claims, number, &st);
	return fd >= 0 && !is_dead(fd) && read_claim(fd, &claim) && claim.waiting;
}

int engine_claim_arrive(const struct engine_claims *claims, struct engine_claim *claim,
			struct mig_error *reterr)
{
	char name[40], path[PATH_MAX];
	uint64_t last = 0;
	struct dirent *d;
	DIR *dir = opendir(claims->dir);
	int fd, r;

	if (!dir)
		return mig_fail(reterr, -errno, "cannot read %s: %s", claims->dir, strerror(errno));
	while ((d = readdir(dir)))
		if (number_of(d->d_name) > last)
			last = number_of(d->d_name);
	closedir(dir);
	claim->number = last + 1;
	name_of(claim->number, name);
	path_of(claims, name, path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot make %s: %s", path, strerror(errno));
	/* Whatever the umask is: others must see that it is locked. */
	(void)fchmod(fd, 0644);
	r = flock(fd, LOCK_EX) < 0
		    ? mig_fail(reterr, -errno, "cannot lock %s: %s", path, strerror(errno))
		    : engine_claim_write(fd, claim, reterr);
	if (r >= 0)
		return fd;
	unlink(path);
	close(fd);
	return r;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	const struct engine_claim *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* 1: lives, and is in *ret; 0: it does not, or cannot be looked at. */
static int look_at(const struct engine_claims *claims, const char *name, struct engine_claim *ret)
{
	uint64_t number = number_of(name);
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st = { 0 };

	fd = number ? open_claim(claims, number, &st) : -1;
	if (fd < 0)
		return 0;
	if (is_dead(fd)) {
		path_of(claims, name, path);
		if (claims->inside)
			(void)unlink(path);
		return 0;
	}
	if (!read_claim(fd, ret))
		return 0;
	ret->number = number;
	ret->uid = st.st_uid;
	return 1;
}

int engine_claims_list(const struct engine_claims *claims, struct engine_claim_list *ret,
		       struct mig_error *reterr)
{
	DIR *dir = opendir(claims->dir);
	struct engine_claim claim;
	struct dirent *d;
	int r = 0;

	*ret = (struct engine_claim_list){ 0 };
	if (!dir)
		return mig_fail(reterr, -errno, "cannot read %s: %s", claims->dir, strerror(errno));
	while (r >= 0 && (d = readdir(dir))) {
		struct engine_claim *more;

		if (!look_at(claims, d->d_name, &claim))
			continue;
		more = realloc(ret->claim, (ret->n + 1) * sizeof(claim));
		if (!more) {
			r = mig_fail(reterr, -ENOMEM, "out of memory");
			break;
		}
		ret->claim = more;
		ret->claim[ret->n++] = claim;
	}
	closedir(dir);
	if (ret->n)
		qsort(ret->claim, ret->n, sizeof(claim), by_number);
	if (r < 0)
		engine_claim_list_free(ret);
	return r;
}

void engine_claim_list_free(struct engine_claim_list *list)
{
	free(list->claim);
	*list = (struct engine_claim_list){ 0 };
}

const struct engine_claim *engine_claim_of(const struct engine_claim_list *list, const char *device)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->claim[i].waiting && !strcmp(list->claim[i].device, device))
			return &list->claim[i];
	return NULL;
}

/* Both may be served by one device, or by the same room for a new one. */
static bool want_the_same(const struct engine_claim *a, const struct engine_claim *b)
{
	if (a->create && b->create)
		return true;
	if (strcmp(a->profile, b->profile) != 0)
		return false;
	return !a->device[0] || !b->device[0] || !strcmp(a->device, b->device);
}

const struct engine_claim *engine_claim_before(const struct engine_claim_list *list,
					       const struct engine_claim *claim)
{
	const struct engine_claim *before = NULL;

	for (size_t i = 0; i < list->n && list->claim[i].number < claim->number; i++)
		if (list->claim[i].waiting && want_the_same(&list->claim[i], claim))
			before = &list->claim[i];
	return before;
}
