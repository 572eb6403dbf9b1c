/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

uint64_t lab_trace_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- where it is ---------------------------------------------------------------------------- */

/*
 * The address of the socket, as seen from this process. A lab's path may be longer than a socket's
 * may be: then it leads through the lab's folder, opened. -1: there is no folder.
 */
static int address(const char *dir, struct sockaddr_un *ret, int *ret_dir_fd)
{
	*ret_dir_fd = -1;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/" LAB_TRACE_SOCKET, dir) <
	    (int)sizeof(ret->sun_path))
		return 0;
	*ret_dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir_fd < 0)
		return -errno;
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" LAB_TRACE_SOCKET,
		 *ret_dir_fd);
	return 0;
}

static int open_lost(const char *dir, int flags)
{
	char path[PATH_MAX + sizeof("/" LAB_TRACE_LOST)];
	int fd;

	snprintf(path, sizeof(path), "%s/" LAB_TRACE_LOST, dir);
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0666);
	return fd < 0 ? -errno : fd;
}

/* --- the traced ----------------------------------------------------------------------------- */

uint64_t lab_trace_id(const struct lab *lab)
{
	struct lab_trace t;
	uint64_t now = lab_trace_clock_ns();

	lab_trouble_load(lab, offsetof(struct lab_trouble, trace), sizeof(t), &t);
	/* One from before the machine was started ends far in the future: it is none either. */
	if (!t.id || now > t.until_ns || t.until_ns - now > 2 * (uint64_t)LAB_TRACE_LEASE_NS)
		return 0;
	return t.id;
}

/* 1: sent. 0: nobody is there. -errno: it found no room. */
static int send_one(const struct lab *lab, const void *message, size_t size)
{
	_cleanup_close_ int fd = -1, dir_fd = -1;
	struct sockaddr_un to;

	if (address(lab->dir, &to, &dir_fd) < 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return errno == ECONNREFUSED || errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (send(fd, message, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
	return 1;
}

/* Messages that were lost and could not even be counted yet. */
static atomic_uint uncounted;

/*
 * Appending a byte is a count that every process may add to, that one killed in it leaves right,
 * and that a program without free descriptors makes up for later.
 */
static void count_lost(const struct lab *lab)
{
	static const char bytes[64];
	unsigned n = atomic_exchange(&uncounted, 0), done = 0;
	_cleanup_close_ int fd = n ? open_lost(lab->dir, O_WRONLY | O_APPEND) : -1;

	while (fd >= 0 && done < n) {
		ssize_t r = write(fd, bytes, n - done < sizeof(bytes) ? n - done : sizeof(bytes));

		if (r <= 0)
			break;
		done += (unsigned)r;
	}
	if (done < n)
		atomic_fetch_add(&uncounted, n - done);
}

void lab_trace_send(const struct lab *lab, const void *message, size_t size)
{
	if (send_one(lab, message, size) < 0)
		atomic_fetch_add(&uncounted, 1);
	if (atomic_load_explicit(&uncounted, memory_order_relaxed))
		count_lost(lab);
}

/* --- the tracer ----------------------------------------------------------------------------- */

static int set_trace(struct lab_trouble *t, void *arg)
{
	const struct lab_tracer *tracer = arg;

	t->trace = (struct lab_trace){ .id = tracer->id,
				       .until_ns = tracer->until_ns,
				       .pid = (uint32_t)getpid() };
	return 0;
}

static int end_trace(struct lab_trouble *t, void *arg)
{
	const struct lab_tracer *tracer = arg;

	if (t->trace.id == tracer->id)
		t->trace = (struct lab_trace){ 0 };
	return 0;
}

static int lock_lost(struct lab_tracer *t, struct mig_error *reterr)
{
	struct lab_trace other;

	t->lost_fd = open_lost(t->lab->dir, O_RDWR | O_CREAT);
	if (t->lost_fd < 0)
		return mig_fail(reterr, t->lost_fd, "cannot write to the lab's folder %s: %s",
				t->lab->dir, strerror(-t->lost_fd));
	if (flock(t->lost_fd, LOCK_EX | LOCK_NB) < 0) {
		lab_trouble_load(t->lab, offsetof(struct lab_trouble, trace), sizeof(other),
				 &other);
		return mig_fail(reterr, -EBUSY,
				"process %u traces this lab already: end that trace first",
				other.pid);
	}
	/* Whoever is traced may be another user. */
	if (fchmod(t->lost_fd, 0666) < 0 || ftruncate(t->lost_fd, 0) < 0)
		return mig_fail(reterr, -errno, "cannot write to the lab's folder %s: %s",
				t->lab->dir, strerror(errno));
	return 0;
}

static int listen_there(struct lab_tracer *t, struct mig_error *reterr)
{
	_cleanup_close_ int dir_fd = -1;
	struct sockaddr_un at;
	int r = address(t->lab->dir, &at, &dir_fd);

	if (r >= 0) {
		/* Left by one that was killed: the lock says that nobody listens there. */
		(void)unlink(at.sun_path);
		t->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (t->listen_fd < 0 ||
		    bind(t->listen_fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
		    chmod(at.sun_path, 0666) < 0 || listen(t->listen_fd, SOMAXCONN) < 0)
			r = -errno;
	}
	if (r < 0)
		return mig_fail(reterr, r, "cannot listen in the lab's folder %s: %s", t->lab->dir,
				strerror(-r));
	return 0;
}

int lab_tracer_start(struct lab *lab, struct lab_tracer *ret, struct mig_error *reterr)
{
	struct lab_tracer t = { .lab = lab, .listen_fd = -1, .lost_fd = -1 };
	struct timespec now;
	int r;

	if (!lab_may_change(lab))
		return mig_fail(reterr, -EPERM, "only who may change the lab may trace it");
	r = lock_lost(&t, reterr);
	if (r >= 0)
		r = listen_there(&t, reterr);
	if (r >= 0) {
		/* No two traces have the same: clients count their calls anew for each. */
		clock_gettime(CLOCK_REALTIME, &now);
		t.id = (uint64_t)now.tv_sec << 30 | (uint64_t)now.tv_nsec;
		t.until_ns = lab_trace_clock_ns() + LAB_TRACE_LEASE_NS;
		r = lab_trouble_change(lab, set_trace, &t, reterr);
	}
	if (r < 0) {
		closep(&t.listen_fd);
		closep(&t.lost_fd);
		return r;
	}
	*ret = t;
	return 0;
}

int lab_tracer_renew(struct lab_tracer *t, struct mig_error *reterr)
{
	uint64_t now = lab_trace_clock_ns(), before = t->until_ns;
	int r;

	t->until_ns = now + LAB_TRACE_LEASE_NS;
	r = lab_trouble_change(t->lab, set_trace, t, reterr);
	if (r < 0 || now <= before)
		return r;
	return (int)((now - before) / 1000000000u) + 1;
}

uint64_t lab_tracer_lost(const struct lab_tracer *t)
{
	struct base_file_id id;

	return base_file_id(t->lost_fd, &id) < 0 ? 0 : id.size;
}

void lab_tracer_end(struct lab_tracer *t)
{
	char path[PATH_MAX + sizeof("/" LAB_TRACE_SOCKET)];
	struct mig_error ignored;

	if (t->ended)
		return;
	t->ended = true;
	/* In place of a lab that was destroyed there may be another, with a tracer of its own. */
	if (lab_trouble_change(t->lab, end_trace, t, &ignored) < 0)
		return;
	snprintf(path, sizeof(path), "%s/" LAB_TRACE_SOCKET, t->lab->dir);
	(void)unlink(path);
}

/* The file that counts stays: who holds its lock is the tracer, and one without a name is none. */
void lab_tracer_close(struct lab_tracer *t)
{
	lab_tracer_end(t);
	if (t->lost_fd >= 0)
		(void)ftruncate(t->lost_fd, 0);
	closep(&t->listen_fd);
	closep(&t->lost_fd);
	t->listen_fd = t->lost_fd = -1;
}
