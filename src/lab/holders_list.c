/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * Everybody who has a lab's GPUs open, by name. The clients of the state say themselves what they
 * hold. Any other program that has NVML initialised has left nothing but its lock, and F_GETLK
 * tells of one owner only; so the kernel's own list of locks is read. It shows the locks of this
 * pid namespace, to everybody.
 */

struct list {
	const struct lab *lab;
	struct base_file_id file; /* the holders file */
	struct lab_holder *ret;
	unsigned cap, n;
	uint32_t client[LAB_MAX_CLIENTS]; /* their pids, also of those that have no room in ret */
	unsigned n_clients;
};

static void add(struct list *l, const struct lab_holder *h)
{
	if (l->n < l->cap)
		l->ret[l->n] = *h;
	l->n++;
}

/* A client is known with all that it holds: its locks tell nothing new. */
static bool listed(const struct list *l, uint32_t pid)
{
	for (unsigned i = 0; i < l->n_clients; i++)
		if (l->client[i] == pid)
			return true;
	return false;
}

static void add_clients(struct list *l)
{
	struct lab_client all[LAB_MAX_CLIENTS];

	for (uint64_t rest = lab_load_clients(l->lab->map, all); rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		const struct lab_client *c = &all[i];
		struct lab_holder h = { .kind = c->kind,
					.gpu = c->all_gpus ? -1 : c->gpu,
					.gi = c->gi,
					.ci = c->ci,
					.memory = c->memory };

		if (!lab_slot_owner(l->lab, c, i, &h.pid) || h.pid == (uint32_t)getpid())
			continue;
		memcpy(h.name, c->name, sizeof(h.name));
		h.name[sizeof(h.name) - 1] = '\0';
		l->client[l->n_clients++] = h.pid;
		add(l, &h);
	}
}

/* The bytes from first to last: which GPUs they stand for says holders.c. */
static void add_lock(struct list *l, uint32_t pid, uint64_t first, uint64_t last)
{
	struct lab_holder h = {
		.pid = pid, .kind = LAB_CLIENT_ATTACHED, .gpu = -1, .gi = -1, .ci = -1
	};

	if (first == LAB_BYTE_ALL) {
		add(l, &h);
		return;
	}
	for (int gpu = 0; gpu < (int)l->lab->map->con->n_gpus; gpu++) {
		uint64_t byte = LAB_BYTE_GPU + (uint64_t)gpu;

		h.gpu = (int16_t)gpu;
		if (first <= byte && byte <= last)
			add(l, &h);
	}
}

/* Digits up to the end or to stop. By hand: strtoul is too young a symbol of glibc's (sim/parse.c).
 */
static bool number(const char **at, unsigned base, char stop, uint64_t *ret)
{
	const char *p = *at;
	uint64_t n = 0;

	for (; *p && *p != stop; p++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = strchr(digits, *p);

		if (!d || (unsigned)(d - digits) >= base || n >> 59)
			return false;
		n = n * base + (unsigned)(d - digits);
	}
	if (p == *at || *p != stop)
		return false;
	*at = *p ? p + 1 : p;
	*ret = n;
	return true;
}

/* "fe:00:5678": the device in hexadecimal digits, the inode in decimal ones */
static bool is_file(const struct base_file_id *file, const char *word)
{
	uint64_t major, minor, ino;

	return number(&word, 16, ':', &major) && number(&word, 16, ':', &minor) &&
	       number(&word, 10, '\0', &ino) && ino == file->ino &&
	       (major << 32 | minor) == file->dev;
}

/*
 * "7: POSIX  ADVISORY  READ 1234 fe:00:5678 0 0". A waiter has an arrow behind the colon and holds
 * nothing. The owner is 0 or -1 where it has no number here.
 */
static void read_line(struct list *l, char *line)
{
	enum { KIND = 1, PID = 4, FILE_ID, FIRST, LAST, N_WORDS };
	const char *word[N_WORDS], *pid_word, *first_word, *last_word;
	uint64_t pid, first, last = UINT64_MAX;
	char *save = NULL;

	for (int i = 0; i < N_WORDS; i++) {
		word[i] = strtok_r(i ? NULL : line, " \n", &save);
		if (!word[i])
			return;
	}
	pid_word = word[PID];
	first_word = word[FIRST];
	last_word = word[LAST];
	if (strcmp(word[KIND], "POSIX") != 0 || !number(&pid_word, 10, '\0', &pid) ||
	    !number(&first_word, 10, '\0', &first) || !is_file(&l->file, word[FILE_ID]))
		return;
	if (strcmp(last_word, "EOF") != 0 && !number(&last_word, 10, '\0', &last))
		return;
	if (pid && pid <= INT32_MAX && (pid_t)pid != getpid() && !listed(l, (uint32_t)pid))
		add_lock(l, (uint32_t)pid, first, last);
}

int lab_holders(const struct lab *lab, struct lab_holder *ret, unsigned cap)
{
	struct list l = { .lab = lab, .ret = ret, .cap = cap };
	_cleanup_fclose_ FILE *locks = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r;

	r = lab_holders_id(lab, &l.file);
	if (r < 0)
		return r;
	add_clients(&l);
	locks = fopen("/proc/locks", "re");
	if (!locks)
		return -errno;
	while (getline(&line, &size, locks) > 0)
		read_line(&l, line);
	return (int)l.n;
}
