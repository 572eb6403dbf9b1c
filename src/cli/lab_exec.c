/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_env.h"
#include "cli/lab_exec.h"
#include "cli/lab_open.h"
#include "lab/lab.h"

struct args {
	bool proc;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_exec_opts[] = {
	OPT_FLAG(
		"proc", 0, A(proc),
		"where /proc has no place for a file, lay links over it: /proc/PID is missing then"),
	OPT_END
};
#undef A

/* The program's own folder of the lab comes last in PATH: an nvidia-smi of the host's is fine. */
static int set_environment(const char *dir, struct mig_error *reterr)
{
	char libraries[4 * PATH_MAX], path[4 * PATH_MAX];
	const char *old = getenv("PATH");
	int n, r = lab_library_path(dir, libraries, sizeof(libraries), reterr);

	if (r < 0)
		return r;
	n = snprintf(path, sizeof(path), "%s:%s/usr/bin",
		     old && *old ? old : "/usr/local/bin:/usr/bin:/bin", dir);
	if (n >= (int)sizeof(path))
		return mig_fail(reterr, -E2BIG, "PATH is too long");
	if (setenv("MIGKIT_LAB", dir, 1) < 0 || setenv("LD_LIBRARY_PATH", libraries, 1) < 0 ||
	    setenv("PATH", path, 1) < 0)
		return mig_fail(reterr, -errno, "cannot set up the environment: %s",
				strerror(errno));
	return 0;
}

int lab_exec_enter(struct lab_mounts *mounts, int *ret_space, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	int r = lab_open(mounts->dir, 0, &lab, reterr);

	if (r >= 0)
		r = set_environment(mounts->dir, reterr);
	if (r < 0)
		return r;
	lab_root_sync(lab);
	*ret_space = lab_space_enter();
	if (*ret_space >= 0)
		lab_mount_all(mounts);
	else
		lab_mount_none(mounts);
	return 0;
}

static void say_missing(const struct lab_mounts *m, int space)
{
	if (m->proc_linked)
		fprintf(stderr, "migctl: links lie over /proc here: /proc/PID is missing, but for "
				"/proc/self\n");
	if (!m->n_missing)
		return;
	fprintf(stderr, "migctl: not in place here:");
	for (unsigned i = 0; i < m->n_missing; i++)
		fprintf(stderr, "%s %s", i ? "," : "", m->missing[i]);
	if (space < 0)
		fprintf(stderr, " (no mount namespace may be made: %s)", strerror(-space));
	fprintf(stderr, "\n");
}

int cmd_lab_exec(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct lab_mounts mounts = { 0 };
	struct args a = { 0 };
	char dir[PATH_MAX];
	char **command = NULL;
	int r, space;

	/* What follows "--" is the command, with its own options. */
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		command = argv + i + 1;
		argc = i;
		break;
	}
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (argc > 1 || !command || !*command)
		return mig_fail(reterr, -EINVAL,
				"which program? migctl lab exec [NAME] -- COMMAND [ARGUMENT]...");
	r = cli_lab_which(argc ? argv[0] : NULL, dir, reterr);
	mounts.dir = dir;
	mounts.proc = a.proc;
	if (r >= 0)
		r = lab_exec_enter(&mounts, &space, reterr);
	if (r < 0)
		return r;
	say_missing(&mounts, space);
	execvp(command[0], command);
	return mig_fail(reterr, errno == ENOENT ? -ENOENT : -errno, "cannot run %s: %s", command[0],
			strerror(errno));
}
