/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"
#include "cli/lab_trace.h"
#include "lab/lab.h"
#include "lab/trace.h"
#include "nvml/trace_msg.h"

struct args {
	int format;
	const char *name, *to;
};

enum { FORMAT_TABLE, FORMAT_JSON };
static const char *const formats[] = { "table", "json", NULL };

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_trace_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", formats, "how to print: table, or json lines"),
	OPT_STR("name", 0, A(name), "PROCESS", "only calls of processes of that name"),
	OPT_STR("to", 0, A(to), "FILE", "where to write, instead of the standard output"), OPT_END
};
#undef A

#define BATCH	  256 /* messages between two looks at signals */
#define SECOND_NS 1000000000u

struct session {
	struct lab_tracer tracer;
	struct lab_trace_out out;
	struct lab_trace_child child;
	const char *to; /* for sentences */
	int poll_fd, signal_fd;
	uint64_t renewed; /* when, by the clock of calls */
	bool asked;	  /* to end */
	bool broken;	  /* what is written cannot be */
	uint8_t message[NVML_TRACE_MAX];
};

/* --- messages ------------------------------------------------------------------------------- */

/* Takes the message of a connection; false: it has not come yet. */
static bool take(struct session *s, int fd)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);
	ssize_t n = recv(fd, s->message, sizeof(s->message), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* Nothing came: its process ended between the two. */
	if (n > 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
			who.pid = 0;
		lab_trace_show(&s->out, s->message, (size_t)n, who.pid);
	}
	return true;
}

/* Accepts what there is; false: nothing more. */
static bool accept_some(struct session *s)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct epoll_event event = { .events = EPOLLIN };
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		int fd = accept4(s->tracer.listen_fd, (struct sockaddr *)&from, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno != EAGAIN && errno != EINTR) {
			/* Too many that have connected and not spoken: they will. */
			const struct timespec pause = { .tv_nsec = 10000000 };

			nanosleep(&pause, NULL);
		}
		if (fd < 0)
			return false;
		event.data.fd = fd;
		/* In a moment it speaks, and is told in its turn; a stopped process is not waited
		 * for. */
		if (take(s, fd) ||
		    (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 5) > 0 &&
		     take(s, fd)) ||
		    epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
			close(fd);
	}
	return true;
}

/* --- the time between ----------------------------------------------------------------------- */

static int write_out(struct session *s, struct mig_error *reterr)
{
	if (s->broken || (fflush(s->out.to) == 0 && !ferror(s->out.to)))
		return 0;
	s->broken = true;
	return mig_fail(reterr, -EIO, "cannot write the trace to %s: %s", s->to, strerror(errno));
}

static void look_at_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* The program gets the terminal's signals itself, and the others from here. */
		if (!s->child.pid)
			s->asked = true;
		else if (info.ssi_signo != SIGINT)
			(void)kill(s->child.pid, (int)info.ssi_signo);
	}
}

/* Once a second: -ENODEV when the lab is gone. */
static int renew(struct session *s, struct mig_error *reterr)
{
	uint64_t now = lab_trace_clock_ns();
	int r;

	if (now - s->renewed < SECOND_NS)
		return 0;
	s->renewed = now;
	r = lab_tracer_renew(&s->tracer, reterr);
	if (r > 0)
		lab_trace_show_gap(&s->out, (unsigned)r);
	lab_trace_show_lost(&s->out, lab_tracer_lost(&s->tracer));
	return r < 0 ? r : 0;
}

static void handle(struct session *s, const struct epoll_event *event, bool *ret_more)
{
	if (event->data.fd == s->tracer.listen_fd)
		*ret_more = accept_some(s);
	else if (event->data.fd == s->signal_fd)
		look_at_signals(s);
	else if (take(s, event->data.fd))
		close(event->data.fd);
}

static int follow(struct session *s, bool has_child, struct mig_error *reterr)
{
	int r = 0;

	while (r >= 0) {
		struct epoll_event events[64];
		bool more = false;
		int n = epoll_wait(s->poll_fd, events, 64, 250);

		for (int i = 0; i < n; i++)
			handle(s, &events[i], &more);
		r = renew(s, reterr);
		/* Written where there is a pause; and one that cannot be is known in time. */
		if (r >= 0 && (!more || ferror(s->out.to)))
			r = write_out(s, reterr);
		/* Not only in a pause, which there is none of where many threads call: see drain().
		 */
		if (r >= 0 && (has_child ? lab_trace_child_ended(&s->child) : s->asked))
			break;
	}
	return r;
}

/* Nobody is told any more: what is on its way still counts. */
static void drain(struct session *s)
{
	struct epoll_event event;
	bool more = false;

	lab_tracer_end(&s->tracer);
	while (accept_some(s))
		;
	/* Connected and not yet sent: at most a moment, for it may be a stopped process. */
	for (unsigned i = 0; i < 1000 && epoll_wait(s->poll_fd, &event, 1, 10) > 0; i++)
		handle(s, &event, &more);
	lab_trace_show_lost(&s->out, lab_tracer_lost(&s->tracer));
}

/* --- the command ---------------------------------------------------------------------------- */

static int open_out(const struct args *a, bool has_child, struct session *s,
		    struct mig_error *reterr)
{
	int fd;

	s->to = a->to ? a->to : has_child ? "the standard error" : "the standard output";
	if (a->to)
		fd = open(a->to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	else
		fd = fcntl(has_child ? STDERR_FILENO : STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		s->out.to = fdopen(fd, "w");
	if (fd < 0 || !s->out.to)
		return mig_fail(reterr, -errno, "cannot write the trace to %s: %s", s->to,
				strerror(errno));
	s->out.json = a->format == FORMAT_JSON;
	s->out.name = a->name;
	return 0;
}

static int listen_to_signals(struct session *s)
{
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Whoever reads the trace has gone: it must end as any other. */
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->signal_fd < 0 || s->poll_fd < 0)
		return -errno;
	event.data.fd = s->signal_fd;
	if (epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->signal_fd, &event) < 0)
		return -errno;
	event.data.fd = s->tracer.listen_fd;
	return epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->tracer.listen_fd, &event) < 0 ? -errno : 0;
}

/* The trace has ended by itself; the program is not to notice. */
static void wait_for_child(struct session *s, const struct mig_error *err)
{
	fprintf(stderr, "migctl: %s; the program goes on\n", err->msg);
	while (!lab_trace_child_ended(&s->child)) {
		const struct timespec pause = { .tv_nsec = 50000000 };

		look_at_signals(s);
		nanosleep(&pause, NULL);
	}
}

static int trace(struct session *s, const char *dir, char **command, struct mig_error *reterr)
{
	struct mig_error late = { 0 };
	int r = listen_to_signals(s);

	if (r < 0)
		return mig_fail(reterr, r, "cannot trace the lab: %s", strerror(-r));
	s->renewed = lab_trace_clock_ns();
	s->out.trace = s->tracer.id;
	lab_trace_show_begin(&s->out, lab_const(s->tracer.lab)->name);
	r = write_out(s, reterr);
	if (r >= 0 && command)
		r = lab_trace_child_start(dir, command, &s->child, reterr);
	if (r < 0)
		return r;
	r = follow(s, command != NULL, &late);
	drain(s);
	lab_trace_show_end(&s->out, r == -ENODEV ? "the lab was destroyed" : "");
	if (r == -ENODEV || r >= 0)
		r = write_out(s, &late);
	if (r < 0 && s->child.pid)
		wait_for_child(s, &late);
	else if (r < 0)
		*reterr = late;
	while (command && !lab_trace_child_ended(&s->child))
		(void)usleep(50000); /* the lab was destroyed under it */
	if (command && (r >= 0 || lab_trace_child_code(&s->child)))
		return lab_trace_child_code(&s->child);
	return r < 0 ? r : CLI_EXIT_OK;
}

static void end_session(struct session *s)
{
	if (s->out.to)
		fclose(s->out.to);
	closep(&s->poll_fd);
	closep(&s->signal_fd);
}

int cmd_lab_trace(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	_cleanup_free_ struct session *s = calloc(1, sizeof(*s));
	struct args a = { 0 };
	char dir[PATH_MAX];
	char **command = NULL;
	int r;

	/* What follows "--" is the program, with its own options. */
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
	if (!s)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	s->poll_fd = s->signal_fd = -1;
	if (command && !*command)
		return mig_fail(reterr, -EINVAL, "which program? After -- comes COMMAND");
	r = cli_lab_which(argc ? argv[0] : NULL, dir, reterr);
	if (r >= 0)
		r = lab_open(dir, 0, &lab, reterr);
	if (r >= 0)
		r = open_out(&a, command != NULL, s, reterr);
	if (r >= 0)
		r = lab_tracer_start(lab, &s->tracer, reterr);
	if (r >= 0) {
		r = trace(s, dir, command, reterr);
		lab_tracer_close(&s->tracer);
	}
	end_session(s);
	return r;
}
