/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_env.h"
#include "cli/lab_open.h"
#include "cli/lab_shim.h"
#include "cli/paths.h"
#include "lab/lab.h"

struct args {
	const char *command;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_shell_opts[] = { OPT_STR("command", 'c', A(command), "COMMAND",
						  "run this line with /bin/sh and return"),
					  OPT_END };
#undef A

/* Runs another program in this one's place; comes back only if that failed. */
static int become(const char *file, char *const *argv, struct mig_error *reterr)
{
	fflush(stdout);
	execvp(file, argv);
	return mig_fail(reterr, errno == ENOENT ? -ENOENT : -errno, "cannot run %s: %s", file,
			strerror(errno));
}

/*
 * bash: the user's own .bashrc, and after it what that may have changed again: it may put folders
 * in front of PATH or make "sudo" an alias. Written to memory and read from there, so that nothing
 * lies about afterwards.
 */
static int bash_rc(const char *name, char ret[32], struct mig_error *reterr)
{
	int fd = memfd_create("migkit-lab-shell", 0);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int kept;

	if (!f)
		return mig_fail(reterr, -errno, "cannot prepare the shell: %s", strerror(errno));
	fputs("[ -r ~/.bashrc ] && . ~/.bashrc\n", f);
	for (unsigned i = 0; lab_shim_name(i); i++)
		fprintf(f, "unalias %s 2>/dev/null; unset -f %s\n", lab_shim_name(i),
			lab_shim_name(i));
	lab_env_print(f, "MIGKIT_LAB", getenv("MIGKIT_LAB"));
	lab_env_print(f, "LD_LIBRARY_PATH", getenv("LD_LIBRARY_PATH"));
	lab_env_print(f, "PATH", getenv("PATH"));
	fprintf(f, "hash -r\nunset PROMPT_COMMAND\nPS1='(lab %s) '\"$PS1\"\n", name);
	/* The stream closes its own descriptor; the shell reads through another one and closes it.
	 */
	kept = dup(fd);
	if (kept < 0)
		return mig_fail(reterr, -errno, "cannot prepare the shell: %s", strerror(errno));
	fprintf(f, "exec %d<&-\n", kept);
	if (fflush(f))
		return mig_fail(reterr, -errno, "cannot prepare the shell: %s", strerror(errno));
	snprintf(ret, 32, "/dev/fd/%d", kept);
	return 0;
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static int interactive(const char *name, struct mig_error *reterr)
{
	static const char *const plain[] = { "sh", "dash", "ash", "ksh", "mksh", NULL };
	const char *shell = getenv("SHELL");
	const char *base;
	char rc[32], prompt[80];
	int r;

	if (!shell || shell[0] != '/')
		shell = "/bin/sh";
	base = strrchr(shell, '/') + 1;
	if (strcmp(base, "bash") != 0 && strcmp(base, "zsh") != 0 && !is_one_of(base, plain)) {
		/* Its start files may hide the lab's sudo again: better a shell that we know. */
		shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
		base = strrchr(shell, '/') + 1;
	}
	if (isatty(STDIN_FILENO))
		fprintf(stderr,
			"In the lab '%s': nvidia-smi, sudo, killall, shutdown and reboot "
			"act on it alone. 'exit' leaves it.\n",
			name);
	if (!strcmp(base, "bash")) {
		r = bash_rc(name, rc, reterr);
		if (r < 0)
			return r;
		return become(shell, (char *[]){ (char *)base, (char *)"--rcfile", rc, NULL },
			      reterr);
	}
	snprintf(prompt, sizeof(prompt), "(lab %s) $ ", name);
	setenv("PS1", prompt, 1);
	if (!strcmp(base, "zsh")) /* -f: no start files, for the same reason */
		return become(shell, (char *[]){ (char *)base, (char *)"-f", NULL }, reterr);
	return become(shell, (char *[]){ (char *)base, NULL }, reterr);
}

int cmd_lab_shell(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct args a = { 0 };
	char dir[PATH_MAX];
	char **command = NULL;
	int r;

	/* What follows "--" is the command, with its own options. */
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		command = argv[i + 1] ? argv + i + 1 : NULL;
		argc = i;
		break;
	}
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (a.command && command)
		return mig_fail(reterr, -EINVAL, "either -c COMMAND or -- COMMAND, not both");
	r = cli_lab_which(argc ? argv[0] : NULL, dir, reterr);
	if (r >= 0)
		r = lab_open(dir, 0, &lab, reterr);
	if (r >= 0)
		r = lab_env_enter(dir, reterr);
	if (r < 0)
		return r;
	/* Start files that shells read even for a single command: they could leave the lab. */
	unsetenv("BASH_ENV");
	unsetenv("ENV");
	if (command)
		return become(command[0], command, reterr);
	if (a.command)
		return become("/bin/sh",
			      (char *[]){ (char *)"sh", (char *)"-c", (char *)a.command, NULL },
			      reterr);
	return interactive(lab_const(lab)->name, reterr);
}
