/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

int base_file_id(int fd, struct base_file_id *ret)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_SIZE, &sx) < 0)
		return -errno;
	*ret = (struct base_file_id){
		.dev = (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor,
		.ino = sx.stx_ino,
		.size = sx.stx_size,
		.regular = (sx.stx_mode & S_IFMT) == S_IFREG,
	};
	return 0;
}
