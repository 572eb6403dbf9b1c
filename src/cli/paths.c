/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/paths.h"
#include <migkit/driver.h>

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

/* The first of two folders, both seen from this program's, that holds the file. */
static int find(const char *beside, const char *installed, const char *file, char ret[PATH_MAX],
		struct mig_error *reterr)
{
	const char *const places[] = { beside, installed };
	char self[PATH_MAX], folder[PATH_MAX], path[PATH_MAX + 64];
	int r = cli_self(self, reterr);

	if (r < 0)
		return r;
	*strrchr(self, '/') = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		int n = snprintf(folder, sizeof(folder), "%s/%s", self, places[i]);

		if (n < 0 || n >= (int)sizeof(folder) || !realpath(folder, ret))
			continue;
		snprintf(path, sizeof(path), "%s/%s", ret, file);
		if (access(path, F_OK) == 0)
			return 0;
	}
	return mig_fail(
		reterr, -ENOEXEC,
		"migkit's own %s is missing: neither %s nor %s below %.200s holds it; build or "
		"install migkit again",
		file, beside, installed, self);
}

int cli_sim_dir(char ret[PATH_MAX], struct mig_error *reterr)
{
	return find("sim", MIGKIT_SIM_DIR, "libnvidia-ml.so.1", ret, reterr);
}

int cli_branch_dir(const char *driver, char ret[PATH_MAX], struct mig_error *reterr)
{
	unsigned branch = mig_driver_major(driver);
	char beside[64], installed[PATH_MAX];

	snprintf(beside, sizeof(beside), "sim-branch/%u", branch);
	snprintf(installed, sizeof(installed), MIGKIT_BRANCH_DIR "/%u", branch);
	return find(beside, installed, "libnvidia-ml.so.1", ret, reterr);
}

int cli_shim_dir(char ret[PATH_MAX], struct mig_error *reterr)
{
	return find("lab-shell", MIGKIT_SHIM_DIR, "sudo", ret, reterr);
}
