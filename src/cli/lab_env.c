/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_env.h"
#include "cli/lab_open.h"
#include "cli/paths.h"
#include "lab/lab.h"

/* "first:rest" of a list of folders, where the first stands in front only. */
static int put_first(const char *first, const char *rest, char *ret, size_t size,
		     const char *variable, struct mig_error *reterr)
{
	size_t len = strlen(first);
	int n;

	/* Colons separate folders there and cannot be escaped. */
	if (strchr(first, ':'))
		return mig_fail(reterr, -EINVAL,
				"the folder %s has a colon in its name, so that %s cannot lead to "
				"it",
				first, variable);
	if (rest && !strncmp(rest, first, len) && (rest[len] == '\0' || rest[len] == ':'))
		n = snprintf(ret, size, "%s", rest);
	else
		n = snprintf(ret, size, "%s%s%s", first, rest && *rest ? ":" : "",
			     rest ? rest : "");
	if (n < 0 || (size_t)n >= size)
		return mig_fail(reterr, -E2BIG, "%s is too long", variable);
	return 0;
}

int lab_library_path(const char *dir, char *ret, size_t size, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	char sim[PATH_MAX];
	int r;

	r = lab_open(dir, 0, &lab, reterr);
	if (r >= 0)
		r = cli_branch_dir(lab_const(lab)->driver_version, sim, reterr);
	if (r < 0)
		return r;
	return put_first(sim, getenv("LD_LIBRARY_PATH"), ret, size, "LD_LIBRARY_PATH", reterr);
}

int lab_env_enter(const char *dir, struct mig_error *reterr)
{
	char libraries[4 * PATH_MAX], path[4 * PATH_MAX], shims[PATH_MAX];
	const char *old = getenv("PATH");
	int r;

	r = lab_library_path(dir, libraries, sizeof(libraries), reterr);
	if (r >= 0)
		r = cli_shim_dir(shims, reterr);
	if (r >= 0)
		r = put_first(shims, old && *old ? old : "/usr/local/bin:/usr/bin:/bin", path,
			      sizeof(path), "PATH", reterr);
	if (r < 0)
		return r;
	if (setenv("MIGKIT_LAB", dir, 1) < 0 || setenv("LD_LIBRARY_PATH", libraries, 1) < 0 ||
	    setenv("PATH", path, 1) < 0)
		return mig_fail(reterr, -errno, "cannot set up the environment: %s",
				strerror(errno));
	return 0;
}

void lab_env_print(FILE *f, const char *name, const char *value)
{
	fprintf(f, "export %s='", name);
	for (; *value; value++) {
		if (*value == '\'')
			fputs("'\\''", f);
		else
			fputc(*value, f);
	}
	fputs("'\n", f);
}

int cmd_lab_env(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	char dir[PATH_MAX], libraries[4 * PATH_MAX];
	int r;

	r = cli_parse(cmd, NULL, &argc, argv, reterr);
	if (r >= 0)
		r = cli_lab_which(argv[0], dir, reterr);
	if (r >= 0)
		r = lab_library_path(dir, libraries, sizeof(libraries), reterr);
	if (r < 0)
		return r;
	lab_env_print(stdout, "MIGKIT_LAB", dir);
	lab_env_print(stdout, "LD_LIBRARY_PATH", libraries);
	return CLI_EXIT_OK;
}
