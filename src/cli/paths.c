/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/paths.h"

int cli_self(char ret[PATH_MAX], struct mig_error *reterr)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	size_t tail = sizeof(deleted) - 1;

	if (n < 0)
		return mig_fail(reterr, -errno, "cannot read /proc/self/exe: %s", strerror(errno));
	ret[n] = '\0';
	/* A rebuild while this process runs: the new file is at the same place. */
	if ((size_t)n > tail && !strcmp(ret + n - tail, deleted))
		ret[(size_t)n - tail] = '\0';
	return 0;
}

/* The first of "<folder of this program>/beside" and "installed" that holds the file. */
static int find(const char *beside, const char *installed, const char *file, char ret[PATH_MAX],
		struct mig_error *reterr)
{
	char self[PATH_MAX], first[PATH_MAX + 64], path[PATH_MAX + 64];
	int r = cli_self(self, reterr);

	if (r < 0)
		return r;
	*strrchr(self, '/') = '\0';
	for (int i = 0; i < 2; i++) {
		int n = i == 0 ? snprintf(ret, PATH_MAX, "%s/%s", self, beside)
			       : snprintf(ret, PATH_MAX, "%s", installed);

		if (n < 0 || n >= PATH_MAX)
			continue;
		snprintf(path, sizeof(path), "%s/%s", ret, file);
		if (access(path, F_OK) == 0)
			return 0;
		if (i == 0)
			snprintf(first, sizeof(first), "%s", path);
	}
	return mig_fail(reterr, -ENOEXEC,
			"migkit's own %s is missing: neither %.150s nor %.150s is there; build or "
			"install migkit again",
			file, first, path);
}

int cli_sim_dir(char ret[PATH_MAX], struct mig_error *reterr)
{
	return find("sim", MIGKIT_SIM_DIR, "libnvidia-ml.so.1", ret, reterr);
}

int cli_shim_dir(char ret[PATH_MAX], struct mig_error *reterr)
{
	return find("lab-shell", MIGKIT_SHIM_DIR, "sudo", ret, reterr);
}
