/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/lesson.h"
#include "cli/paths.h"

/*
 * The lesson's own lab, made and used by the same commands that a person would type, each a process
 * of its own: what is shown is what was run. It lives under a state folder of its own, so that no
 * lab of the user is seen or touched.
 */

#define LAB_NAME "a100"

/* A signal handler has nothing else to write to. */
static volatile sig_atomic_t stop_asked;

/* SIGPIPE among them: the reader of a pipe went away, but the lab has to be removed all the same.
 */
static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static void on_stop(int sig)
{
	stop_asked = sig;
}

bool lesson_interrupted(void)
{
	return stop_asked;
}

static void on_stops(void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		sigaction(stops[i], &action, NULL);
}

void lesson_stop_as_asked(void)
{
	on_stops(SIG_DFL);
	if (stop_asked)
		raise(stop_asked);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return 128 + WTERMSIG(status);
}

/* In the child: input from nowhere, errors where the output goes, so that they stay in order. */
static void set_files(int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
}

/* Runs migctl itself; returns its exit code. */
static int run_self(char *const argv[], int out, struct mig_error *reterr)
{
	char self[PATH_MAX];
	pid_t pid;
	int r;

	r = cli_self(self, reterr);
	if (r < 0)
		return r;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		set_files(out);
		execv(self, argv);
		_exit(127);
	}
	if (pid < 0)
		return mig_fail(reterr, -errno, "cannot start a process: %s", strerror(errno));
	return wait_for(pid);
}

/* As run_self, for what is not shown: the output appears only if it fails. */
static int run_quietly(char *const argv[], struct mig_error *reterr)
{
	_cleanup_fclose_ FILE *out = tmpfile();
	char line[512];
	int r;

	if (!out)
		return mig_fail(reterr, -errno, "cannot make a temporary file: %s",
				strerror(errno));
	r = run_self(argv, fileno(out), reterr);
	if (r == 0)
		return 0;
	rewind(out);
	while (fgets(line, sizeof(line), out))
		fputs(line, stderr);
	return r;
}

static int set_environment(const char *name, const char *value, struct mig_error *reterr)
{
	if (setenv(name, value, 1) < 0)
		return mig_fail(reterr, -errno, "cannot set %s: %s", name, strerror(errno));
	return 0;
}

/* "export NAME=VALUE" of one line must hold for the next, which is another shell. */
static int take_export(const char *line, struct mig_error *reterr)
{
	_cleanup_free_ char *copy = NULL;
	char *value;

	if (strncmp(line, "export ", 7) != 0)
		return 0;
	copy = strdup(line + 7);
	if (!copy)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	value = strchr(copy, '=');
	if (!value)
		return mig_fail(reterr, -EINVAL, "'%s' lacks a value", line);
	*value++ = 0;
	return set_environment(copy, value, reterr);
}

int lesson_run(struct lesson *l, const char *line, bool quiet, struct mig_error *reterr)
{
	char program[] = "migctl", lab[] = "lab", shell[] = "shell", command[] = "-c";
	_cleanup_free_ char *copy = strdup(line);
	char *argv[] = { program, lab, shell, l->lab, command, copy, NULL };
	int r;

	if (!copy)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = take_export(line, reterr);
	if (r < 0)
		return r;
	r = quiet ? run_quietly(argv, reterr) : run_self(argv, STDOUT_FILENO, reterr);
	if (r == 128 + SIGPIPE)
		stop_asked = SIGPIPE;
	return r;
}

static int make_state(struct lesson *l, struct mig_error *reterr)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(l->state, sizeof(l->state), "%s/migkit-lesson-XXXXXX",
		 tmp && tmp[0] == '/' ? tmp : "/tmp");
	if (!mkdtemp(l->state)) {
		int code = -errno;

		mig_fail(reterr, code, "cannot make a folder for the lesson's lab in %s: %s",
			 tmp && tmp[0] == '/' ? tmp : "/tmp", strerror(-code));
		l->state[0] = 0;
		return code;
	}
	return set_environment("XDG_STATE_HOME", l->state, reterr);
}

int lesson_lab_begin(struct lesson *l, const char *keep, struct mig_error *reterr)
{
	char name[CLI_LAB_NAME_MAX + 1];
	char program[] = "migctl", lab[] = "lab", create[] = "create";
	char board[] = "--board=" LESSON_BOARD, driver[] = "--driver=" LESSON_DRIVER,
	     numbering[] = "--numbering=" LESSON_NUMBERING, bus[] = "--bus-id=" LESSON_BUS_ID;
	char *argv[] = { program, lab, create, name, board, driver, numbering, bus, NULL };
	int r;

	if (keep && strlen(keep) >= sizeof(name))
		return mig_fail(reterr, -EINVAL, "--keep: the name may have %d characters",
				CLI_LAB_NAME_MAX);
	snprintf(name, sizeof(name), "%s", keep ? keep : LAB_NAME);
	on_stops(on_stop);
	/* A lab that the user has chosen is none of the lesson's business. */
	unsetenv("MIGKIT_LAB");
	r = keep ? cli_lab_name_check(keep, reterr) : make_state(l, reterr);
	if (r < 0)
		return r;
	r = run_quietly(argv, reterr);
	if (r > 0)
		return mig_fail(reterr, keep ? -EEXIST : -EIO,
				"the lesson's lab could not be made (see above)");
	if (r < 0)
		return r;
	r = cli_lab_path(name, l->lab, reterr);
	if (r < 0)
		return r;
	return set_environment("MIGKIT_LAB", l->lab, reterr);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void lesson_lab_end(struct lesson *l)
{
	char program[] = "migctl", lab[] = "lab", destroy[] = "destroy";
	char *argv[] = { program, lab, destroy, l->lab, NULL };

	if (!l->state[0])
		return;
	/* Ends the lab's processes too. */
	if (l->lab[0])
		run_quietly(argv, NULL);
	nftw(l->state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	l->state[0] = 0;
}
