/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/util.h"
#include "cli/lab_client.h"
#include "lab/lab.h"

/* How long a client may take to end: half a second, as "lab reboot" gives. */
#define GRACE_MS 500

static bool matches(const struct lab_client_match *m, const struct lab_client *c, uint32_t pid)
{
	const char *slash = strrchr(c->name, '/');

	if (m->all)
		return true;
	if (m->pid)
		return (uint32_t)m->pid == pid;
	if (m->pattern)
		return regexec(m->pattern, slash && slash[1] ? slash + 1 : c->name, 0, NULL, 0) ==
		       0;
	return !strcmp(m->name, c->name) || (slash && !strcmp(m->name, slash + 1));
}

/* A descriptor of the process that holds entry i now; -ESRCH: nobody does any more. */
static int pidfd_of(const struct lab *lab, const struct lab_state *st, unsigned i, uint32_t pid)
{
	uint32_t again = 0;
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);

	if (fd < 0)
		return -errno;
	/* From here the number cannot get another meaning: was it still the client's? */
	if (lab_client_alive(lab, st, i, &again) && again == pid)
		return fd;
	close(fd);
	return -ESRCH;
}

static bool ended(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int end_one(int fd, int sig, enum lab_client_end end)
{
	if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	if (end == LAB_END_SIGNAL || ended(fd, GRACE_MS) || end == LAB_END_WAIT)
		return 0;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return -errno;
	ended(fd, GRACE_MS);
	return 0;
}

int lab_client_signal(const struct lab *lab, const struct lab_client_match *match, int sig,
		      enum lab_client_end end, struct mig_error *reterr)
{
	struct lab_state st;
	int n = 0, failed = 0;
	int r = lab_read_state(lab, &st);

	if (r < 0)
		return mig_fail(reterr, r, "the lab was destroyed or rebooted meanwhile");
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++) {
		_cleanup_close_ int fd = -1;
		uint32_t pid;

		if (!lab_client_alive(lab, &st, i, &pid) || !matches(match, &st.client[i], pid))
			continue;
		fd = pidfd_of(lab, &st, i, pid);
		if (fd == -ESRCH)
			continue;
		r = fd < 0 ? fd : end_one(fd, sig, end);
		if (r < 0)
			failed = mig_fail(reterr, r, "cannot signal the client %s (pid %u): %s",
					  st.client[i].name, pid, strerror(-r));
		n++;
	}
	return failed < 0 ? failed : n;
}

void lab_clients_end_all(const struct lab *lab)
{
	const struct lab_client_match all = { .all = true };

	(void)lab_client_signal(lab, &all, SIGTERM, LAB_END_INSIST, NULL);
}
