/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/lab_exec.h"
#include "cli/run.h"

/*
 * The program as a child. It has the claim's descriptor, so that its device stays its own if migctl
 * is killed; migctl stays to pass signals on, and to clean up.
 */

/* Numbers that shells and scripts use for their own are below. */
#define CLAIM_FD 200

/* Those that end or inform a program; what stops and continues one, the terminal sends to both. */
static const int passed_on[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
				 SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };

static void signals_of(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(ret, passed_on[i]);
}

void run_hold_signals(struct run *run)
{
	sigset_t set;

	if (run->held)
		return;
	signals_of(&set);
	/* Whoever started this may have it ignored: then nobody would tell of the program's end. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &run->signals);
	run->held = true;
}

void run_release_signals(struct run *run)
{
	if (run->held)
		sigprocmask(SIG_SETMASK, &run->signals, NULL);
	run->held = false;
}

/* --- the child -------------------------------------------------------------------------------- */

static int enter_lab(const struct run *run, struct mig_error *reterr)
{
	struct lab_mounts mounts = { .dir = run->act.nvml.lab_dir };
	int space;

	/* What is not in place there 'lab exec' says; here the terminal is the program's. */
	return mounts.dir[0] ? lab_exec_enter(&mounts, &space, reterr) : 0;
}

/* Comes back only if it failed. */
static int become_program(struct run *run, struct mig_error *reterr)
{
	int r;

	run->claim.pid = (uint32_t)getpid();
	r = engine_claim_write(run->fd, &run->claim, reterr);
	if (r >= 0)
		r = enter_lab(run, reterr);
	if (r < 0)
		return r;
	/* A copy without close-on-exec, of the same lock. */
	if (fcntl(run->fd, F_DUPFD, CLAIM_FD) < 0 && fcntl(run->fd, F_DUPFD, 3) < 0)
		return mig_fail(reterr, -errno, "cannot hand the device on: %s", strerror(errno));
	if (setenv("CUDA_VISIBLE_DEVICES", run->claim.device, 1) < 0)
		return mig_fail(reterr, -errno, "cannot set up the environment: %s",
				strerror(errno));
	run_release_signals(run);
	execvp(run->program[0], run->program);
	return mig_fail(reterr, -errno, "cannot run %.200s: %s", run->program[0], strerror(errno));
}

static void child(struct run *run, int to)
{
	struct mig_error err = { 0 };

	err.code = become_program(run, &err);
	if (write(to, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(126);
	_exit(127);
}

/* --- its parent ------------------------------------------------------------------------------- */

/* What the child says before it ends; nothing: the program runs. */
static int hear(int from, struct mig_error *reterr)
{
	struct mig_error err = { 0 };
	ssize_t n;

	do {
		n = read(from, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(err) || err.code >= 0)
		return mig_fail(reterr, -EIO, "the program could not be started");
	err.msg[sizeof(err.msg) - 1] = '\0';
	return mig_fail(reterr, err.code, "%s", err.msg);
}

/* Until it ends. What a terminal sends, the program gets itself. */
static int stay(pid_t pid)
{
	siginfo_t info;
	sigset_t set;
	int status;

	signals_of(&set);
	for (;;) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended == pid)
			break;
		if (ended < 0 && errno != EINTR)
			return 1;
		if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD && info.si_code <= 0)
			(void)kill(pid, info.si_signo);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int run_program(struct run *run, struct mig_error *reterr)
{
	_cleanup_close_ int from = -1;
	int fd[2], r, status;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return mig_fail(reterr, -errno, "cannot make a pipe: %s", strerror(errno));
	from = fd[0];
	run_hold_signals(run);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(run, fd[1]);
	close(fd[1]);
	if (pid < 0)
		return mig_fail(reterr, -errno, "cannot start a process: %s", strerror(errno));
	r = hear(from, reterr);
	status = stay(pid);
	return r < 0 ? r : status;
}
