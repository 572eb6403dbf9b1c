/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/util.h"
#include "lab/check.h"
#include "lab/format.h"

/*
 * A whole state file, and a lab's folder. All is read in one look, under the lab's lock in its
 * shared form, so that no writer is at work and file, clients and folders are of one moment; then
 * the lock is given back, and only then is anything judged.
 */

#define LARGEST	  (16u << 20) /* no lab's file comes near it */
#define LOCK_WAIT 5000	      /* milliseconds, at least */

struct look {
	char dir[PATH_MAX]; /* "": a file by itself */
	char path[PATH_MAX + sizeof("/" LAB_STATE_FILE)];
	struct base_file_id id;
	uint8_t *image;
	struct lab_header head;
	uint64_t slots; /* of clients whose process lives */
	int slots_error;
	struct lab_files_seen files;
};

static void look_free(struct look **l)
{
	if (*l)
		free((*l)->image);
	free(*l);
}

/* --- looking -------------------------------------------------------------------------------- */

static int find_file(const char *path, struct look *l, struct mig_error *reterr)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (strlen(path) >= sizeof(l->dir))
		return mig_fail(reterr, -ENAMETOOLONG, "the lab's path is too long");
	if (fd >= 0)
		snprintf(l->dir, sizeof(l->dir), "%s", path);
	snprintf(l->path, sizeof(l->path), "%s%s", path, fd >= 0 ? "/" LAB_STATE_FILE : "");
	return 0;
}

static int read_image(struct look *l, int fd)
{
	uint64_t at = 0;

	while (at < l->id.size) {
		ssize_t n = pread(fd, l->image + at, l->id.size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (uint64_t)n;
	}
	memcpy(&l->head, l->image, sizeof(l->head));
	return 0;
}

/* The descriptor of the holders file is the process's own, see holders.c. */
static int look_locked(struct look *l, int fd)
{
	int r = read_image(l, fd);

	if (r < 0 || !l->dir[0])
		return r;
	l->slots_error = lab_slots_held(l->dir, lab_map_find(&l->id), &l->slots);
	lab_files_look(l->dir, LAB_MAX_GPUS, &l->files);
	return 0;
}

/* -EWOULDBLOCK: somebody changes the lab right now. */
static int look_once(struct look *l, struct mig_error *reterr)
{
	_cleanup_close_ int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return mig_fail(reterr, -ENOENT,
				"there is no lab in %s: 'migctl lab list' shows the labs that are",
				l->path);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot open %s: %s", l->path, strerror(errno));
	r = base_file_id(fd, &l->id);
	if (r < 0)
		return mig_fail(reterr, r, "cannot read %s: %s", l->path, strerror(-r));
	if (!l->id.regular || l->id.size < LAB_HEADER_SIZE || l->id.size > LARGEST)
		return mig_fail(reterr, -EBADMSG,
				"%s is not a lab's state file: make a lab with 'migctl lab create'",
				l->path);
	free(l->image);
	l->image = malloc(l->id.size);
	if (!l->image)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EINTR ? -EWOULDBLOCK : -errno;
	r = look_locked(l, fd);
	(void)flock(fd, LOCK_UN); /* whoever else holds this description */
	return r < 0 ? mig_fail(reterr, r, "cannot read %s: %s", l->path, strerror(-r)) : 0;
}

/*
 * lab_mutex from the descriptor's opening to its closing keeps this process from forking: a child
 * would hold the same description, and with it the lock that its parent takes and is killed with.
 * Nobody waits with the mutex, and nobody for ever: a writer may have been stopped (SIGSTOP) with
 * the lock, and this is how one finds out.
 */
static int take_look(struct look *l, struct mig_error *reterr)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned tries = 0; tries < LOCK_WAIT; tries++) {
		int r;

		pthread_mutex_lock(&lab_mutex);
		r = look_once(l, reterr);
		pthread_mutex_unlock(&lab_mutex);
		if (r != -EWOULDBLOCK)
			return r;
		nanosleep(&pause, NULL);
	}
	return mig_fail(reterr, -EBUSY,
			"the lock of %s has been held for %d seconds: a process that changes the "
			"lab was stopped, or never ends (/proc/locks names it)",
			l->path, LOCK_WAIT / 1000);
}

/* --- judging -------------------------------------------------------------------------------- */

static uint64_t word_at(const uint8_t *at)
{
	uint64_t w;

	memcpy(&w, at, sizeof(w));
	return w;
}

static bool copy_whole(const struct look *l, uint64_t offset, uint64_t size)
{
	return lab_copy_sum(l->image + offset + sizeof(uint64_t), size) ==
	       word_at(l->image + offset);
}

/* One of the two things that are kept in two copies. */
struct part {
	const char *name;
	uint64_t seq;
	const uint64_t *offset;
	uint64_t size;
};

/*
 * Which copy is to be judged as the present one; -1: neither is whole. Both begin with the number
 * of the change that wrote them, which is that of the header, but for a lab that was repaired.
 */
static int present_copy(struct lab_checking *c, const struct look *l, const struct part *p)
{
	unsigned now = p->seq % 2;
	uint64_t number;

	if (!copy_whole(l, p->offset[now], p->size)) {
		if (!copy_whole(l, p->offset[!now], p->size)) {
			lab_breach(c, "neither copy of its %s is whole", p->name);
			return -1;
		}
		lab_breach(c,
			   "the present copy of its %s is torn: whoever uses the lab next goes "
			   "back to the one before",
			   p->name);
		now = !now;
	} else if (!copy_whole(l, p->offset[!now], p->size)) {
		lab_note(c,
			 "the idle copy of its %s is torn: a process was killed in the middle of a "
			 "change, which did not happen",
			 p->name);
	}
	number = word_at(l->image + p->offset[now] + sizeof(uint64_t));
	if (number > p->seq)
		lab_breach(c, "its %s is of change %llu, and there were %llu", p->name,
			   (unsigned long long)number, (unsigned long long)p->seq);
	return (int)now;
}

static const void *copy_at(const struct look *l, const struct part *p, unsigned copy)
{
	return l->image + p->offset[copy] + sizeof(uint64_t);
}

/* The constants, or NULL: they don't fit what the header says. */
static struct lab_const *read_const(struct lab_checking *c, const struct look *l)
{
	const struct lab_header *h = &l->head;
	_cleanup_free_ struct lab_const *con = calloc(1, sizeof(*con));

	if (!con)
		return NULL;
	memcpy(con, l->image + h->const_offset, h->const_size);
	if (lab_sum(con, h->const_size) != h->const_sum)
		lab_breach(c, "the checksum of its board tables does not match");
	if (con->n_gpus < 1 || con->n_gpus > LAB_MAX_GPUS || con->n_boards < 1 ||
	    con->n_boards > LAB_MAX_GPUS || lab_const_size(con->n_boards) != h->const_size ||
	    lab_state_size(con->n_gpus) != h->copy_size) {
		lab_breach(c, "its counts of GPUs and boards do not fit its size");
		return NULL;
	}
	return TAKE_PTR(con);
}

/* The one that nobody reads: the state before, or one that was to be. Both had to be possible. */
static void check_idle(struct lab_checking *c, const struct look *l, const struct part *p,
		       unsigned present)
{
	_cleanup_free_ struct lab_state *idle = calloc(1, sizeof(*idle));
	struct lab_checking other = *c;

	if (!idle || !copy_whole(l, p->offset[!present], p->size))
		return;
	memcpy(idle, copy_at(l, p, !present), p->size);
	if (!memcmp(idle, copy_at(l, p, present), p->size))
		return;
	other.st = idle;
	other.copy = "the idle copy of its state: ";
	if (idle->seq > p->seq + 1)
		lab_breach(&other, "it is of change %llu, and there were %llu",
			   (unsigned long long)idle->seq, (unsigned long long)p->seq);
	if (idle->n_gpus != c->con->n_gpus)
		lab_breach(&other, "it has %u GPUs", idle->n_gpus);
	else
		lab_check_state(&other);
	c->breaches = other.breaches;
}

static void check_trouble(struct lab_checking *c, const struct look *l)
{
	const struct part p = { .name = "trouble",
				.seq = l->head.trouble_seq,
				.offset = l->head.trouble_offset,
				.size = l->head.trouble_size };
	_cleanup_free_ struct lab_trouble *t = calloc(1, sizeof(*t));
	int now = present_copy(c, l, &p);
	uint64_t needed;

	if (!t || now < 0)
		return;
	memcpy(t, copy_at(l, &p, (unsigned)now), p.size);
	lab_check_trouble(c, t);
	needed = lab_trouble_watch(t);
	if (needed & ~l->head.watch)
		lab_breach(c, "trouble is ordered, and no call looks for it (%llu, not %llu)",
			   (unsigned long long)l->head.watch, (unsigned long long)needed);
	else if (l->head.watch != needed)
		lab_note(c, "calls look for trouble that is not ordered: a process was killed in "
			    "the middle of a change of it");
}

static void check_clients(struct lab_checking *c, const struct look *l)
{
	if (l->slots_error < 0) {
		lab_breach(c, "its file of holders cannot be opened: %s",
			   strerror(-l->slots_error));
		return;
	}
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++) {
		const struct lab_client *client = &c->st->client[i];
		bool lives = l->slots >> i & 1;

		if (client->used && !lives)
			lab_note(c,
				 "client %u, process %u (%.*s), has ended: the next change clears "
				 "it away",
				 i, client->pid, (int)sizeof(client->name), client->name);
		if (!client->used && lives)
			lab_breach(c, "a process lives as client %u, which is not there", i);
	}
}

static void check_files(struct lab_checking *c, const struct look *l)
{
	if (l->head.root_seq != c->st->seq) {
		lab_note(c, "the files of its machine are not in step with its state: the next "
			    "change brings them there");
		return;
	}
	if (l->head.root_boot != c->st->boot)
		lab_breach(c, "the nodes of its machine are of boot %llu, and this is boot %llu",
			   (unsigned long long)l->head.root_boot, (unsigned long long)c->st->boot);
	lab_files_check(c, &l->files);
}

static void judge(struct lab_checking *c, const struct look *l, struct lab_look *ret)
{
	const struct part p = { .name = "state",
				.seq = l->head.seq,
				.offset = l->head.copy_offset,
				.size = l->head.copy_size };
	_cleanup_free_ struct lab_state *st = calloc(1, sizeof(*st));
	_cleanup_free_ struct lab_const *con = read_const(c, l);
	int now;

	if (!st || !con)
		return;
	if (lab_text_ends(con->name, sizeof(con->name)))
		memcpy(ret->name, con->name, sizeof(ret->name));
	ret->changes = p.seq;
	now = present_copy(c, l, &p);
	if (now < 0)
		return;
	memcpy(st, copy_at(l, &p, (unsigned)now), p.size);
	c->con = con;
	c->st = st;
	if (!lab_check_const(c))
		return;
	lab_check_state(c);
	check_idle(c, l, &p, (unsigned)now);
	check_trouble(c, l);
	if (l->dir[0]) {
		check_clients(c, l);
		check_files(c, l);
	}
}

int lab_check_file(const char *path, lab_told_fn told, void *arg, struct lab_look *ret,
		   struct mig_error *reterr)
{
	_cleanup_(look_free) struct look *l = calloc(1, sizeof(*l));
	struct lab_checking c = { .told = told, .arg = arg, .gpu = -1 };
	struct mig_error err = { 0 };
	int r;

	*ret = (struct lab_look){ 0 };
	if (!l)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = find_file(path, l, reterr);
	if (r >= 0)
		r = take_look(l, reterr);
	if (r < 0)
		return r;
	ret->folder = l->dir[0] != '\0';
	r = lab_check_header(&l->head, l->id.size, l->path, &err);
	if (r < 0 && r != -EBADMSG)
		return mig_fail(reterr, r, "%s", err.msg);
	if (r >= 0 && l->head.destroyed)
		return mig_fail(reterr, -ENODEV, "the lab in %s was destroyed", path);
	if (r < 0)
		lab_breach(&c, "%s", err.msg);
	else
		judge(&c, l, ret);
	return (int)c.breaches;
}
