/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/chosen.h"

static int join(char ret[PATH_MAX], const char *dir, const char *name, struct mig_error *reterr)
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_MAX)
		return mig_fail(reterr, -ENAMETOOLONG, "the path %.100s.../%s is too long", dir,
				name);
	return 0;
}

int cli_state_dir(char ret[PATH_MAX], struct mig_error *reterr)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	const char *home = secure_getenv("HOME");

	/* The XDG specification: a relative path there is to be ignored. */
	if (state && state[0] == '/')
		return join(ret, state, "migkit", reterr);
	if (home && home[0] == '/')
		return join(ret, home, ".local/state/migkit", reterr);
	return mig_fail(reterr, -EINVAL,
			"there is no place for labs: neither XDG_STATE_HOME nor HOME is an "
			"absolute path");
}

static int make_folders(char *path, struct mig_error *reterr)
{
	for (char *slash = path + 1;; slash++) {
		int r;

		slash = strchrnul(slash, '/');
		char kept = *slash;

		*slash = '\0';
		r = mkdir(path, 0700) < 0 ? errno : 0;
		if (r && r != EEXIST)
			r = mig_fail(reterr, -r, "cannot make the folder %s: %s", path,
				     strerror(r));
		*slash = kept;
		if (r < 0)
			return r;
		if (!kept)
			return 0;
	}
}

int cli_labs_dir(bool make, char ret[PATH_MAX], struct mig_error *reterr)
{
	char state[PATH_MAX];
	int r = cli_state_dir(state, reterr);

	if (r < 0)
		return r;
	r = join(ret, state, "labs", reterr);
	if (r < 0 || !make || access(ret, F_OK) == 0)
		return r;
	return make_folders(ret, reterr);
}

int cli_lab_name_check(const char *name, struct mig_error *reterr)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.";

	if (!*name || name[0] == '-' || name[0] == '.' || name[strspn(name, good)])
		return mig_fail(reterr, -EINVAL,
				"'%.60s' cannot be a lab's name: letters, digits, '-', '_' and '.' "
				"only, starting with a letter or digit",
				name);
	if (strlen(name) > CLI_LAB_NAME_MAX)
		return mig_fail(reterr, -EINVAL, "a lab's name has at most %d characters",
				CLI_LAB_NAME_MAX);
	return 0;
}

int cli_lab_path(const char *name, char ret[PATH_MAX], struct mig_error *reterr)
{
	char labs[PATH_MAX], path[PATH_MAX];
	struct stat st;
	int r;

	if (strchr(name, '/')) {
		if (!realpath(name, ret))
			return mig_fail(reterr, -errno, "there is no lab at %s: %s", name,
					strerror(errno));
		return 0;
	}
	r = cli_lab_name_check(name, reterr);
	if (r >= 0)
		r = cli_labs_dir(false, labs, reterr);
	if (r >= 0)
		r = join(path, labs, name, reterr);
	if (r < 0)
		return r;
	if (stat(path, &st) < 0) {
		if (errno == ENOENT)
			return mig_fail(reterr, -ENOENT,
					"there is no lab '%s': 'migctl lab list' shows what there "
					"is, 'migctl lab create' makes one",
					name);
		return mig_fail(reterr, -errno, "cannot reach the lab '%s' in %s: %s", name, labs,
				strerror(errno));
	}
	if (!realpath(path, ret))
		return mig_fail(reterr, -errno, "cannot reach %s: %s", path, strerror(errno));
	return 0;
}

int cli_lab_remembered(char ret[PATH_MAX], struct mig_error *reterr)
{
	_cleanup_fclose_ FILE *f = NULL;
	char state[PATH_MAX], path[PATH_MAX];
	size_t n;
	int r;

	/* Without a state folder nobody can have remembered anything. */
	if (cli_state_dir(state, NULL) < 0)
		return 0;
	r = join(path, state, "lab-in-use", reterr);
	if (r < 0)
		return r;
	f = fopen(path, "re");
	if (!f && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!f)
		return mig_fail(reterr, -errno,
				"cannot read the choice of 'migctl lab use' (%s): %s", path,
				strerror(errno));
	n = fread(ret, 1, PATH_MAX - 1, f);
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	if (ferror(f) || ret[0] != '/')
		return mig_fail(reterr, -EBADMSG,
				"%s does not hold a lab's folder: choose again with 'migctl lab "
				"use NAME', or 'migctl lab use --none'",
				path);
	return 1;
}

int cli_lab_remember(const char *dir, struct mig_error *reterr)
{
	char labs[PATH_MAX], state[PATH_MAX], path[PATH_MAX], fresh[PATH_MAX];
	_cleanup_fclose_ FILE *f = NULL;
	bool full;
	int r;

	r = cli_labs_dir(dir != NULL, labs, reterr);
	if (r >= 0)
		r = cli_state_dir(state, reterr);
	if (r >= 0)
		r = join(path, state, "lab-in-use", reterr);
	if (r >= 0)
		r = join(fresh, state, "lab-in-use.new", reterr);
	if (r < 0)
		return r;
	if (!dir) {
		if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
			return mig_fail(reterr, -errno, "cannot remove %s: %s", path,
					strerror(errno));
		return 0;
	}
	/* Renamed into place, so that a full disk leaves the old choice. */
	f = fopen(fresh, "we");
	if (!f)
		return mig_fail(reterr, -errno, "cannot write %s: %s", fresh, strerror(errno));
	full = fprintf(f, "%s\n", dir) < 0;
	full = fclose(TAKE_PTR(f)) != 0 || full;
	if (full || rename(fresh, path) < 0) {
		r = -errno;
		unlink(fresh);
		return mig_fail(reterr, r, "cannot write %s: %s", path, strerror(-r));
	}
	return 0;
}

int cli_lab_chosen(char ret[PATH_MAX], struct mig_error *reterr)
{
	const char *env = secure_getenv("MIGKIT_LAB");
	char path[PATH_MAX];
	int r;

	/* What a failed MIGKIT_LAB=$(...) leaves must not reach the real GPUs. */
	if (env && !*env)
		return mig_fail(reterr, -EINVAL,
				"MIGKIT_LAB is set but empty: unset it to talk to the real driver, "
				"or let it name a lab's folder ('migctl lab path NAME')");
	if (env) {
		if (!realpath(env, ret))
			return mig_fail(reterr, -errno, "MIGKIT_LAB names %s, where no lab is: %s",
					env, strerror(errno));
		return 1;
	}
	r = cli_lab_remembered(path, reterr);
	if (r <= 0)
		return r;
	if (!realpath(path, ret))
		return mig_fail(reterr, -errno,
				"'migctl lab use' chose %s, which cannot be reached (%s): choose "
				"another lab, or 'migctl lab use --none' for the real driver",
				path, strerror(errno));
	return 1;
}

int cli_lab_which(const char *name, char ret[PATH_MAX], struct mig_error *reterr)
{
	int r;

	if (name)
		return cli_lab_path(name, ret, reterr);
	r = cli_lab_chosen(ret, reterr);
	if (r == 0)
		return mig_fail(reterr, -ENOENT,
				"no lab is chosen: name one, or choose one with 'migctl lab use "
				"NAME' or MIGKIT_LAB ('migctl lab list' shows what there is)");
	return r < 0 ? r : 0;
}

int cli_lab_choose_now(const char *name, struct mig_error *reterr)
{
	char dir[PATH_MAX];
	int r = cli_lab_path(name, dir, reterr);

	if (r < 0)
		return r;
	if (setenv("MIGKIT_LAB", dir, 1) < 0)
		return mig_fail(reterr, -errno, "cannot choose the lab: %s", strerror(errno));
	return 0;
}
