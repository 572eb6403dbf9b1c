/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/util.h"
#include "cli/lab_client.h"
#include "lab/lab.h"

/*
 * Starting a client: fork, make the child a process of its own (session, no terminal, no open
 * files but one socket), execute this program anew. The order to it and its answer go over the
 * socket, whose number is all that the environment holds.
 */
#define CLIENT_ENV "MIGKIT_LAB_CLIENT"
#define CLIENT_FD  3

struct order {
	char dir[PATH_MAX];
	struct lab_client what;
};

struct answer {
	int code; /* 0: holds */
	char msg[480];
};

static int read_all(int fd, void *buf, size_t size)
{
	char *at = buf;

	while (size) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* No SIGPIPE: the other end may have died. */
static int write_all(int fd, const void *buf, size_t size)
{
	const char *at = buf;

	while (size) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static const char *short_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash && slash[1] ? slash + 1 : name;
}

bool lab_client_is_one(void)
{
	return secure_getenv(CLIENT_ENV) != NULL;
}

int lab_client_main(void)
{
	struct order order;
	struct answer answer = { 0 };
	struct mig_error err = { 0 };
	struct lab *lab;

	if (read_all(CLIENT_FD, &order, sizeof(order)) < 0)
		return EXIT_FAILURE;
	order.dir[sizeof(order.dir) - 1] = '\0';
	order.what.name[sizeof(order.what.name) - 1] = '\0';
	/* What top and "ps -e" show; executing has set it to the program's own file. */
	prctl(PR_SET_NAME, short_name(order.what.name), 0, 0, 0);
	answer.code = lab_open(order.dir, 0, &lab, &err);
	if (answer.code >= 0)
		answer.code = lab_hold(lab, &order.what, &err);
	memcpy(answer.msg, err.msg, sizeof(answer.msg));
	/* A starter that is gone has nobody to hold for. */
	if (write_all(CLIENT_FD, &answer, sizeof(answer)) < 0 || answer.code < 0)
		return EXIT_FAILURE;
	close(CLIENT_FD);
	/* Every signal has its default: the first that ends a process ends this one. */
	for (;;)
		pause();
}

static void default_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(int first)
{
	long max;

	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
	max = sysconf(_SC_OPEN_MAX); /* before Linux 5.9 */
	for (int fd = first; fd < (max > 0 && max < 65536 ? (int)max : 65536); fd++)
		close(fd);
}

/* In the child; comes back only if it failed. */
static void become_client(int fd, const char *name)
{
	char word[sizeof(((struct lab_client *)NULL)->name)];
	char *argv[] = { word, NULL };
	char env[] = CLIENT_ENV "=1";
	char *envp[] = { env, NULL };
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || setsid() < 0 || chdir("/") < 0)
		return;
	/* The socket may have any number, 0 to 2 among them: first out of the way. */
	fd = fcntl(fd, F_DUPFD, CLIENT_FD + 1);
	null = fcntl(null, F_DUPFD, CLIENT_FD + 1);
	if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    dup2(fd, CLIENT_FD) < 0)
		return;
	close_from(CLIENT_FD + 1);
	default_signals();
	snprintf(word, sizeof(word), "%s", name);
	execve("/proc/self/exe", argv, envp);
}

static int converse(int fd, const char *dir, const struct lab_client *what,
		    struct mig_error *reterr)
{
	struct order order = { .what = *what };
	struct answer answer = { 0 };
	char end;
	int r;

	snprintf(order.dir, sizeof(order.dir), "%s", dir);
	r = write_all(fd, &order, sizeof(order));
	if (r >= 0)
		r = read_all(fd, &answer, sizeof(answer));
	if (r < 0)
		return mig_fail(reterr, r, "the client '%s' ended before it was ready", what->name);
	/* Until it has let go of the socket as well: then it holds the lab's file and nothing else.
	 */
	(void)read_all(fd, &end, sizeof(end));
	answer.msg[sizeof(answer.msg) - 1] = '\0';
	return answer.code < 0 ? mig_fail(reterr, answer.code, "%s", answer.msg) : 0;
}

int lab_client_start(const char *dir, const struct lab_client *what, pid_t *ret,
		     struct mig_error *reterr)
{
	_cleanup_close_ int ours = -1;
	int pair[2];
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return mig_fail(reterr, -errno, "cannot make a socket: %s", strerror(errno));
	ours = pair[0];
	pid = fork();
	if (pid == 0) {
		become_client(pair[1], what->name);
		_exit(127);
	}
	close(pair[1]);
	if (pid < 0)
		return mig_fail(reterr, -EAGAIN, "cannot start a process for the client");
	r = converse(ours, dir, what, reterr);
	if (r < 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	if (ret)
		*ret = pid;
	return 0;
}

int lab_client_start_persistenced(const char *dir, struct mig_error *reterr)
{
	const struct lab_client what = { .kind = LAB_CLIENT_ATTACHED,
					 .gi = -1,
					 .ci = -1,
					 .all_gpus = 1,
					 .name = "nvidia-persistenced" };

	return lab_client_start(dir, &what, NULL, reterr);
}
