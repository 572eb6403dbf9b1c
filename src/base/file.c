/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

static int file_id(int fd, const char *path, int flags, struct base_file_id *ret)
{
	struct statx sx;

	if (statx(fd, path, flags, STATX_TYPE | STATX_NLINK | STATX_INO | STATX_SIZE, &sx) < 0)
		return -errno;
	*ret = (struct base_file_id){
		.dev = (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor,
		.ino = sx.stx_ino,
		.size = sx.stx_size,
		.links = sx.stx_nlink,
		.regular = (sx.stx_mode & S_IFMT) == S_IFREG,
	};
	return 0;
}

int base_file_id(int fd, struct base_file_id *ret)
{
	return file_id(fd, "", AT_EMPTY_PATH, ret);
}

int base_file_id_at(int dir_fd, const char *path, struct base_file_id *ret)
{
	return file_id(dir_fd, path, 0, ret);
}
