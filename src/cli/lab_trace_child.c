/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/lab_env.h"
#include "cli/lab_trace.h"

/* What the child could not do goes back through a pipe that a successful exec closes. */
static void become(const char *dir, char **command, int back)
{
	struct mig_error err = { 0 };
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	r = lab_env_enter(dir, &err);
	if (r >= 0) {
		execvp(command[0], command);
		r = mig_fail(&err, errno == ENOENT ? -ENOENT : -errno, "cannot run %s: %s",
			     command[0], strerror(errno));
	}
	if (write(back, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int lab_trace_child_start(const char *dir, char **command, struct lab_trace_child *ret,
			  struct mig_error *reterr)
{
	struct mig_error err;
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return mig_fail(reterr, -errno, "cannot run %s: %s", command[0], strerror(errno));
	ret->pid = fork();
	if (ret->pid == 0)
		become(dir, command, ends[1]);
	close(ends[1]);
	if (ret->pid < 0) {
		close(ends[0]);
		return mig_fail(reterr, -errno, "cannot run %s: %s", command[0], strerror(errno));
	}
	do
		n = read(ends[0], &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close(ends[0]);
	if (n != sizeof(err))
		return 0;
	(void)waitpid(ret->pid, NULL, 0);
	ret->pid = 0;
	*reterr = err;
	return err.code;
}

bool lab_trace_child_ended(struct lab_trace_child *child)
{
	if (child->pid && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->pid = 0;
	return child->pid == 0;
}

int lab_trace_child_code(const struct lab_trace_child *child)
{
	return WIFSIGNALED(child->status) ? 128 + WTERMSIG(child->status)
					  : WEXITSTATUS(child->status);
}
