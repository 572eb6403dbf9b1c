/* SPDX-License-Identifier: Apache-2.0 */
/* MIGKIT_LOG: every call with its result, for those who write NVML programs. */
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/context.h"

static struct {
	atomic_bool on;
	char path[PATH_MAX]; /* "-": standard error */
} logged;

void sim_log_start(void)
{
	const char *path = secure_getenv("MIGKIT_LOG");
	size_t len = path ? strlen(path) : 0;

	if (atomic_load(&logged.on) || len == 0 || len >= sizeof(logged.path))
		return;
	memcpy(logged.path, path, len + 1);
	atomic_store(&logged.on, true);
}

/*
 * The file is opened for each line: a descriptor kept open could be closed by the program behind
 * our back (closefrom) and be another file by the next line. A log that cannot be written must not
 * change what the program sees, so failures are let go.
 */
void sim_log(const char *symbol, nvmlReturn_t status)
{
	bool to_stderr;
	char line[256];
	int fd, n;

	if (!atomic_load_explicit(&logged.on, memory_order_acquire))
		return;
	to_stderr = logged.path[0] == '-' && !logged.path[1];
	n = snprintf(line, sizeof(line), "%d %s %d (%s)\n", (int)getpid(), symbol, (int)status,
		     nvmlErrorString(status));
	fd = to_stderr ? STDERR_FILENO
		       : open(logged.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	if (n > 0 && write(fd, line, (size_t)n) < 0)
		n = 0;
	if (!to_stderr)
		close(fd);
}
