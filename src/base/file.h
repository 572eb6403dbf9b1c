/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_BASE_FILE_H
#define MIGKIT_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* What an open file is. By statx: glibc's fstat is a symbol of 2.33, too young for the simulated
 * library, which must load on hosts back to 2.28. */
struct base_file_id {
	uint64_t dev, ino, size;
	uint32_t links; /* names that lead to it; 0: none does any more */
	bool regular;
};

/* 0 or negative errno. */
int base_file_id(int fd, struct base_file_id *ret);
/* Of a file in an open folder. */
int base_file_id_at(int dir_fd, const char *path, struct base_file_id *ret);

#endif
