/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "lab/root.h"

/* The folders above a path; only asked for when one is missing. */
static int make_parents(int fd, const char *path)
{
	char part[256];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		if ((size_t)(slash - path) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdirat(fd, part, 0777) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Whether to try again: the folders above were missing and have been made. */
static bool again(struct root *root, const char *path, bool *tried)
{
	int r = -errno;

	if (r == -ENOENT && !*tried) {
		*tried = true;
		r = make_parents(root->fd, path);
		if (r >= 0)
			return true;
	}
	root->error = r;
	return false;
}

void root_dir(struct root *root, const char *path)
{
	bool tried = false;

	if (root->error < 0)
		return;
	while (mkdirat(root->fd, path, 0777) < 0)
		if (errno == EEXIST || !again(root, path, &tried))
			return;
}

void root_data(struct root *root, const char *path, mode_t mode, const void *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	const char *p = data;
	bool tried = false;

	if (root->error < 0)
		return;
	while ((fd = openat(root->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) < 0)
		if (!again(root, path, &tried))
			return;
	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			root->error = n < 0 ? -errno : -EIO;
			return;
		}
		p += n;
		size -= (size_t)n;
	}
}

void root_text(struct root *root, const char *path, mode_t mode, const char *fmt, ...)
{
	char text[4096];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(text))
		root->error = -E2BIG;
	else
		root_data(root, path, mode, text, (size_t)n);
}

void root_link(struct root *root, const char *path, const char *target)
{
	bool tried = false;

	if (root->error < 0)
		return;
	while (symlinkat(target, root->fd, path) < 0)
		if (!again(root, path, &tried))
			return;
}

/*
 * nvidia-ctk and its kin want a character device by lstat, so a link to /dev/null would not do. In
 * this order, by what the user and the file system allow: the number of /dev/null; 0:0, which any
 * user may make since Linux 5.8 and which opens as "no such device"; an empty file.
 */
void root_node(struct root *root, const char *path, mode_t mode)
{
	const dev_t numbers[] = { makedev(1, 3), makedev(0, 0) };
	bool tried = false;

	for (size_t i = 0; i < ARRAY_SIZE(numbers) && root->error >= 0; i++) {
		int r;

		while ((r = mknodat(root->fd, path, S_IFCHR | mode, numbers[i])) < 0)
			if (errno != ENOENT || !again(root, path, &tried))
				break;
		/* The umask is not for these: a driver's nodes are open to all (0666). */
		if (r >= 0 && fchmodat(root->fd, path, mode, 0) >= 0)
			return;
		if (r >= 0 || errno == ENOSPC || errno == EDQUOT)
			root->error = -errno;
	}
	root_data(root, path, mode, "", 0);
}
