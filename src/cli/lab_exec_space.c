/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/lab_exec.h"

/* The kernel takes an id map in one write. */
static int write_proc(pid_t pid, const char *name, const char *text)
{
	_cleanup_close_ int fd = -1;
	size_t len = strlen(text);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, len) == (ssize_t)len ? 0 : -errno;
}

/* Every id that there is here, as itself: needs CAP_SETUID (CAP_SETGID) here. */
static int identity_map(const char *name, char *ret, size_t size)
{
	unsigned long inside, outside, count;
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3 && n + 40 < size)
		n += (size_t)snprintf(ret + n, size - n, "%lu %lu %lu\n", inside, inside, count);
	return n ? 0 : -EINVAL;
}

static int map_ids(pid_t pid, const char *name, unsigned long own)
{
	char text[4096];
	int r = identity_map(name, text, sizeof(text));

	if (r >= 0)
		r = write_proc(pid, name, text);
	if (r >= 0)
		return 0;
	/* Otherwise one's own alone; a group only by who gives up setgroups(2). */
	if (!strcmp(name, "gid_map"))
		(void)write_proc(pid, "setgroups", "deny");
	snprintf(text, sizeof(text), "%lu %lu 1\n", own, own);
	return write_proc(pid, name, text);
}

/*
 * The maps are written by a process that has stayed outside: it may map all ids where the caller
 * may (root whose capabilities were cut), and it ends before the program starts.
 */
static int mapper(pid_t pid, int go)
{
	char byte;
	int r;

	if (read(go, &byte, 1) != 1)
		return 1;
	r = map_ids(pid, "uid_map", geteuid());
	if (r >= 0)
		r = map_ids(pid, "gid_map", getegid());
	return r < 0;
}

static int enter_user_space(void)
{
	pid_t self = getpid(), child;
	int pipe_fd[2], status, r;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		r = -errno;
		close(pipe_fd[0]);
		close(pipe_fd[1]);
		return r;
	}
	if (!child) {
		close(pipe_fd[1]);
		_exit(mapper(self, pipe_fd[0]));
	}
	close(pipe_fd[0]);
	r = unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -errno : 0;
	if (r >= 0 && write(pipe_fd[1], "", 1) != 1)
		r = -EIO;
	close(pipe_fd[1]);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r >= 0 && status != 0)
		r = -EPERM;
	return r;
}

/* What is mounted here stays here. A namespace in which nothing may be mounted is of no use. */
static int make_private(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

/* In a child, for there is no way back out of a user namespace that turns out to be of no use. */
static int user_space_works(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		int r = enter_user_space();

		if (r >= 0)
			r = make_private();
		if (r >= 0 && mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755") < 0)
			r = -errno;
		_exit(r < 0 ? 1 : 0);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -EPERM : 0;
}

int lab_space_enter(void)
{
	int r;

	if (unshare(CLONE_NEWNS) >= 0)
		return make_private();
	r = user_space_works();
	if (r >= 0)
		r = enter_user_space();
	return r < 0 ? r : make_private();
}
