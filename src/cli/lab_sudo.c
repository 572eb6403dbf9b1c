/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_env.h"
#include "cli/lab_shim.h"
#include "cli/paths.h"

/*
 * The lab's sudo: root of the lab, and of nothing else. It takes the options of the real one that
 * mean something here and runs the command as the same user with MIGKIT_LAB_ROOT=1.
 */

struct sudo {
	char **argv;
	int at;
	bool shell, nothing;
};

static int about(void)
{
	printf("This is the sudo of a migkit lab: it makes you root of the lab's GPUs, and of "
	       "nothing else.\n"
	       "Usage: sudo [-EHnS] [-u root] [--] [NAME=VALUE]... COMMAND [ARGUMENT]...\n");
	return CLI_EXIT_OK;
}

static int only_root(const char *option, const char *who, struct mig_error *reterr)
{
	if (!who)
		return mig_fail(reterr, -EINVAL, "%s needs a name behind it", option);
	if (strcmp(who, "root") != 0 && strcmp(who, "#0") != 0 && strcmp(who, "0") != 0)
		return mig_fail(reterr, -ENOTSUP, "%s %s: a lab knows root and you only", option,
				who);
	return 0;
}

static int long_option(struct sudo *s, const char *word, struct mig_error *reterr)
{
	static const char *const dropped[] = { "--preserve-env", "--non-interactive", "--set-home",
					       "--stdin",	 "--preserve-groups", "--askpass" };
	static const char *const ids[] = { "--user", "--group" };
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (strncmp(word, ids[i], len) != 0 || ids[i][len])
			continue;
		return only_root(ids[i], word[len] ? word + len + 1 : s->argv[++s->at], reterr);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		if (!strncmp(word, dropped[i], len) && !dropped[i][len])
			return 0;
	if (!strcmp(word, "--login") || !strcmp(word, "--shell"))
		s->shell = true;
	else if (!strcmp(word, "--validate") || !strcmp(word, "--reset-timestamp") ||
		 !strcmp(word, "--remove-timestamp"))
		s->nothing = true;
	else
		return mig_fail(reterr, -EINVAL, "the lab's sudo has no option %s", word);
	return 0;
}

static int short_options(struct sudo *s, const char *word, struct mig_error *reterr)
{
	for (const char *c = word + 1; *c; c++) {
		char option[3] = { '-', *c, '\0' };

		if (*c == 'u' || *c == 'g')
			return only_root(option, c[1] ? c + 1 : s->argv[++s->at], reterr);
		if (*c == 'i' || *c == 's')
			s->shell = true;
		else if (*c == 'k' || *c == 'K' || *c == 'v')
			s->nothing = true;
		else if (!strchr("AEHnPS", *c))
			return mig_fail(reterr, -EINVAL, "the lab's sudo has no option %s", option);
	}
	return 0;
}

/* "NAME=VALUE" in front of the command; what leads to the lab may not be changed that way. */
static int assign(const char *word, struct mig_error *reterr)
{
	static const char *const fixed[] = { "MIGKIT_LAB", "MIGKIT_LAB_ROOT", "LD_LIBRARY_PATH",
					     "LD_PRELOAD", "PATH" };
	char name[64];
	size_t len = strcspn(word, "=");

	if (len >= sizeof(name))
		return mig_fail(reterr, -EINVAL, "the name of %.60s... is too long", word);
	memcpy(name, word, len);
	name[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (!strcmp(name, fixed[i]))
			return mig_fail(reterr, -EPERM,
					"%s leads to the lab and stays as it is in the lab's sudo",
					name);
	if (setenv(name, word + len + 1, 1) < 0)
		return mig_fail(reterr, -errno, "cannot set %s: %s", name, strerror(errno));
	return 0;
}

static int parse(struct sudo *s, struct mig_error *reterr)
{
	int r = 0;

	for (; s->argv[s->at] && r >= 0; s->at++) {
		const char *word = s->argv[s->at];

		if (word[0] != '-')
			break;
		if (!strcmp(word, "--")) {
			s->at++;
			break;
		}
		r = word[1] == '-' ? long_option(s, word, reterr) : short_options(s, word, reterr);
		/* A missing name was the last word: do not walk past the end. */
		if (!s->argv[s->at])
			break;
	}
	for (; r >= 0 && s->argv[s->at] && strchr(s->argv[s->at], '=') && s->argv[s->at][0] != '/';
	     s->at++)
		r = assign(s->argv[s->at], reterr);
	return r;
}

static int run(char **argv, struct mig_error *reterr)
{
	const char *base = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char path[2 * PATH_MAX], shims[PATH_MAX];
	int r;

	/* Also by its whole path: /sbin/reboot is the host's. NVIDIA's own nvidia-smi is welcome.
	 */
	if (lab_shim_is(base) && (argv[0] == base || strcmp(base, "nvidia-smi") != 0)) {
		r = cli_shim_dir(shims, reterr);
		if (r < 0)
			return r;
		snprintf(path, sizeof(path), "%s/%s", shims, base);
		execv(path, argv);
	} else {
		execvp(argv[0], argv);
	}
	if (errno == ENOENT)
		return mig_fail(reterr, -ENOEXEC, "%s: command not found", argv[0]);
	return mig_fail(reterr, -ENOEXEC, "cannot run %s: %s", argv[0], strerror(errno));
}

int lab_sudo(int argc, char **argv, struct mig_error *reterr)
{
	struct sudo s = { .argv = argv, .at = 1 };
	char self[PATH_MAX];
	char dir[PATH_MAX];
	int r;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "-V") || !strcmp(argv[1], "--version") || !strcmp(argv[1], "-l"))
		return about();
	r = lab_shim_lab(dir, reterr);
	if (r >= 0)
		r = lab_env_enter(dir, reterr);
	if (r >= 0)
		r = parse(&s, reterr);
	if (r < 0)
		return r;
	if (setenv("MIGKIT_LAB_ROOT", "1", 1) < 0)
		return mig_fail(reterr, -errno, "cannot become the lab's root: %s",
				strerror(errno));
	if (argv[s.at])
		return run(argv + s.at, reterr);
	if (s.shell) {
		r = cli_self(self, reterr);
		if (r < 0)
			return r;
		return run((char *[]){ self, (char *)"lab", (char *)"shell", NULL }, reterr);
	}
	return s.nothing ? CLI_EXIT_OK : about();
}
