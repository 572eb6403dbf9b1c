/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/engine.h"
#include "engine/journal.h"

/*
 * The machine's lock: a flock on a file beside the journal, so that it goes with its process,
 * however that ends. What stands in the file is for people only: who has it.
 */

/* A read-only file system says that it is one also of a folder that is there. */
static int make_folder(const char *path)
{
	struct stat st;
	int error;

	if (mkdir(path, 0755) >= 0 || errno == EEXIST)
		return 0;
	error = errno;
	if (error == EROFS && stat(path, &st) == 0)
		return 0;
	errno = error;
	return -1;
}

int engine_make_folders(const char *dir, struct mig_error *reterr)
{
	char path[ENGINE_PATH];
	size_t len = strlen(dir);

	if (len >= sizeof(path))
		return mig_fail(reterr, -ENAMETOOLONG, "the path %s is too long", dir);
	memcpy(path, dir, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i])
			continue;
		path[i] = 0;
		if (make_folder(path) < 0)
			return mig_fail(reterr, -errno,
					"cannot make %s, where changes are written down: %s; "
					"nothing was changed",
					path, strerror(errno));
		if (i < len)
			path[i] = '/';
	}
	return 0;
}

/* Whoever has just taken the lock writes its name next. */
static void read_who(int fd, char ret[300])
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	ssize_t n = 0;

	for (int i = 0; i < 50 && n <= 0; i++) {
		n = pread(fd, ret, 299, 0);
		if (n <= 0)
			nanosleep(&pause, NULL);
	}
	ret[n > 0 ? n : 0] = 0;
	ret[strcspn(ret, "\n")] = 0;
}

static void write_who(int fd, const char *command)
{
	char text[300];
	int n = snprintf(text, sizeof(text), "process %d, '%.250s'\n", (int)getpid(), command);

	/* Nobody relies on it. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
		return;
}

static int take(int fd, const char *command, struct mig_error *reterr)
{
	char who[300];

	if (flock(fd, LOCK_EX | LOCK_NB) >= 0) {
		write_who(fd, command);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return mig_fail(reterr, -errno, "cannot lock this machine: %s", strerror(errno));
	read_who(fd, who);
	return mig_fail(reterr, -EBUSY,
			"somebody else changes this machine's GPUs now: %s; try again when it is "
			"done",
			who[0] ? who : "another process");
}

int engine_lock(struct engine *e, const char *command, struct mig_error *reterr)
{
	char path[ENGINE_PATH + 16];
	_cleanup_close_ int fd = -1;
	int r = engine_make_folders(e->dir, reterr);

	e->lock = e->journal = -1;
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/lock", e->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot open %s: %s; nothing was changed", path,
				strerror(errno));
	r = take(fd, command, reterr);
	if (r < 0)
		return r;
	e->journal = engine_journal_open(e->dir, reterr);
	if (e->journal < 0)
		return e->journal;
	e->lock = fd;
	fd = -1;
	return 0;
}

void engine_unlock(struct engine *e)
{
	if (e->journal >= 0)
		close(e->journal);
	/* The name goes before the lock, so that nobody reads that of an earlier one. */
	if (e->lock >= 0 && ftruncate(e->lock, 0) >= 0)
		(void)flock(e->lock, LOCK_UN);
	if (e->lock >= 0)
		close(e->lock);
	e->lock = e->journal = -1;
}
