/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

/* What observe_may_write_file() tries: more than any report. */
#define ROOM (256 * 1024)

static int begins_with(const char *path, const char *mark)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[64] = "";
	size_t want = strlen(mark);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, head, want < sizeof(head) ? want : sizeof(head));
	if (n < 0)
		return -errno;
	return (size_t)n == want && !memcmp(head, mark, want);
}

/* Whether the path is free, or holds what may be replaced. */
static int may_write(const char *path, const char *mark, struct mig_error *reterr)
{
	struct stat st;
	int same;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return mig_fail(reterr, -errno, "cannot write %s: %s", path, strerror(errno));
	}
	/* A device, a pipe, a link: a rename would put a file in its place. */
	if (!S_ISREG(st.st_mode))
		return mig_fail(reterr, -EEXIST,
				"%s is there and is no regular file: choose another name, or - for "
				"the standard output",
				path);
	if (!mark)
		return mig_fail(reterr, -EEXIST,
				"%s is there already: choose another name, or remove it first",
				path);
	same = begins_with(path, mark);
	if (same < 0)
		return mig_fail(reterr, same, "cannot replace %s: %s", path, strerror(-same));
	if (!same)
		return mig_fail(reterr, -EEXIST,
				"%s is there and holds something else: choose another name, or "
				"remove it first",
				path);
	return 0;
}

static int write_beside(const char *path, const char *fresh, const char *text,
			struct mig_error *reterr)
{
	_cleanup_fclose_ FILE *f = fopen(fresh, "wxe");
	bool ok;
	int r;

	if (!f)
		return mig_fail(reterr, -errno, "cannot write %s: %s", path, strerror(errno));
	errno = 0;
	ok = fputs(text, f) != EOF;
	ok = fclose(TAKE_PTR(f)) == 0 && ok;
	if (ok && rename(fresh, path) == 0)
		return 0;
	r = errno ? -errno : -EIO;
	unlink(fresh);
	return mig_fail(reterr, r, "cannot write %s: %s", path, strerror(-r));
}

/* The pid: two who write the same file do not write into each other's. */
static int name_beside(const char *path, char fresh[PATH_MAX], struct mig_error *reterr)
{
	if (snprintf(fresh, PATH_MAX, "%s.%ld.new", path, (long)getpid()) >= PATH_MAX)
		return mig_fail(reterr, -ENAMETOOLONG, "the path %.100s... is too long", path);
	unlink(fresh);
	return 0;
}

int observe_may_write_file(const char *path, struct mig_error *reterr)
{
	_cleanup_close_ int fd = -1;
	char fresh[PATH_MAX];
	int r = may_write(path, NULL, reterr);

	if (r >= 0)
		r = name_beside(path, fresh, reterr);
	if (r < 0)
		return r;
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot write %s: %s", path, strerror(errno));
	r = posix_fallocate(fd, 0, ROOM);
	unlink(fresh);
	return r && r != EOPNOTSUPP ? mig_fail(reterr, -r, "cannot write %s: %s", path, strerror(r))
				    : 0;
}

int observe_write_file(const char *path, const char *text, const char *mark,
		       struct mig_error *reterr)
{
	char fresh[PATH_MAX];
	int r;

	r = may_write(path, mark, reterr);
	if (r < 0)
		return r;
	r = name_beside(path, fresh, reterr);
	return r < 0 ? r : write_beside(path, fresh, text, reterr);
}
