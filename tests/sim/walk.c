/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls functions of the simulated driver in many ways and says what they answered and what they
 * did to their host: errno, descriptors, environment, signals, threads, the stack.
 *
 *   walk HOW LIBRARY LAB REPORT [SYMBOL...]
 *
 * Every function gets a process of its own. HOW is "make" (each on a copy of the lab, in which MIG
 * is switched on and a GPU instance with a compute instance is made where the board can), "whole"
 * (a copy, left as it is), "keep" (the lab itself with the instances that it has) or "befall" (a
 * copy with these, which becomes as LAB.after/state once all handles are there). REPORT gets a line
 * of JSON for each; nothing is printed.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

enum { STACK = 1 << 20, ERRNO = 4711, STATUSES = 64 };

/* --- what a host would notice --------------------------------------------------------------- */

struct host {
	unsigned fds, threads;
	char env[8192], cwd[PATH_MAX];
	sigset_t mask;
	struct sigaction actions[NSIG];
	mode_t umask;
};

static unsigned count_of(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void look(struct host *h)
{
	size_t at = 0;

	memset(h, 0, sizeof(*h));
	h->fds = count_of("/proc/self/fd");
	h->threads = count_of("/proc/self/task");
	for (char **e = environ; *e && at + strlen(*e) + 1 < sizeof(h->env); e++)
		at += (size_t)snprintf(h->env + at, sizeof(h->env) - at, "%s\n", *e);
	(void)!getcwd(h->cwd, sizeof(h->cwd));
	pthread_sigmask(SIG_SETMASK, NULL, &h->mask);
	/* 32 and 33 are the C library's own, taken when the first thread is made (by this program).
	 */
	for (int i = 1; i < NSIG; i++)
		if (i != 32 && i != 33)
			sigaction(i, NULL, &h->actions[i]);
	h->umask = umask(0);
	umask(h->umask);
}

static const char *changed(const struct host *a, const struct host *b)
{
	if (a->fds != b->fds)
		return "descriptors";
	if (a->threads != b->threads)
		return "threads";
	if (strcmp(a->env, b->env) != 0)
		return "environment";
	if (strcmp(a->cwd, b->cwd) != 0)
		return "working folder";
	if (memcmp(&a->mask, &b->mask, sizeof(a->mask)) != 0)
		return "signal mask";
	for (int i = 0; i < NSIG; i++)
		if (a->actions[i].sa_handler != b->actions[i].sa_handler)
			return "signal actions";
	return a->umask != b->umask ? "umask" : "";
}

/* --- one function --------------------------------------------------------------------------- */

/* What it answered, by the handle that it was given. */
struct answers {
	unsigned char on_gpu[STATUSES], on_mig[STATUSES];
	unsigned calls;
	int errno_changed;
};

static void note(struct answers *a, unsigned char *set, int status)
{
	a->calls++;
	if (errno != ERRNO)
		a->errno_changed = 1;
	set[(unsigned)status < STATUSES ? status : STATUSES - 1] = 1;
}

static int once(struct world *w, void *entry, int (*fn)(struct world *, void *), struct answers *a,
		unsigned char *set)
{
	int status;

	errno = ERRNO;
	status = fn(w, entry);
	note(a, set, status);
	return status;
}

static void try_all(struct world *w, const struct call *c, void *entry, struct answers *a,
		    unsigned char *set)
{
	for (w->variant = 0; w->variant < 4; w->variant++)
		for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			w->number = numbers[i];
			if (!once(w, entry, c->full, a, set))
				return;
		}
}

struct job {
	struct world *w;
	const struct call *c;
	struct answers *a;
};

static void *run(void *arg)
{
	struct job *j = arg;
	struct world *w = j->w;
	void *entry = entry_of(w, j->c->name);
	void *garbage[] = {
		NULL, (void *)1, (void *)-1L, (void *)0x4d0000000000dead, w->set, w->gi
	};
	unsigned char ignored[STATUSES];

	/* The first init of all is the one that opens the lab. */
	if (!strncmp(j->c->name, "nvmlInit", 8))
		(void)CALL(w, nvmlShutdown);
	/* And a GPU instance can go when its compute instance has. */
	if (!strcmp(j->c->name, "nvmlGpuInstanceDestroy"))
		(void)CALL(w, nvmlComputeInstanceDestroy, w->ci);
	w->device = w->parent;
	try_all(w, j->c, entry, j->a, j->a->on_gpu);
	if (w->mig && j->c->takes_device) {
		w->device = w->mig;
		try_all(w, j->c, entry, j->a, j->a->on_mig);
	}
	for (unsigned i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		w->device = garbage[i];
		once(w, entry, j->c->full, j->a, ignored);
	}
	for (unsigned i = 0; i < 2; i++) {
		w->device = i ? w->mig : w->parent;
		once(w, entry, j->c->empty, j->a, ignored);
	}
	return NULL;
}

/* The calls run on a stack of our own, so that its deepest use can be seen. */
static size_t run_painted(struct job *j)
{
	unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;
	size_t clean = 0;

	if (stack == MAP_FAILED)
		_exit(92);
	memset(stack, 0xa5, STACK);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	if (pthread_create(&thread, &attr, run, j))
		_exit(93);
	pthread_join(thread, NULL);
	while (clean < STACK && stack[clean] == 0xa5)
		clean++;
	return STACK - clean;
}

static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 5; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 5;
}

/* All in this process; nobody keeps what was answered: a tool looks at how. */
static int all_in_one(const char *library, const char *report, int argc, char **argv)
{
	static struct world w;
	static struct answers a;
	unsigned functions = 0;
	FILE *out;

	make_world(&w, library, "make");
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct job j = { &w, &calls[i], &a };

		if (!wanted(calls[i].name, argc, argv))
			continue;
		/* What an earlier one took away: init, the mode, the instances. */
		(void)CALL(&w, nvmlInit_v2);
		w.gi = NULL;
		w.mig = NULL;
		find_instances(&w);
		if (!w.mig)
			make_instances(&w);
		run(&j);
		functions++;
	}
	while (!CALL(&w, nvmlShutdown))
		;
	out = fopen(report, "ae");
	if (!out)
		return 94;
	fprintf(out, "{\"name\": \"all\", \"functions\": %u, \"calls\": %u}\n", functions, a.calls);
	return fclose(out) ? 95 : 0;
}

static void put_set(FILE *out, const char *key, const unsigned char *set)
{
	const char *comma = "";

	fprintf(out, ", \"%s\": [", key);
	for (unsigned i = 0; i < STATUSES; i++)
		if (set[i]) {
			fprintf(out, "%s%u", comma, i == STATUSES - 1 ? 999 : i);
			comma = ", ";
		}
	fprintf(out, "]");
}

static void copy(const char *from, const char *to, const char *name, int flags);

static void one(const char *library, const char *how, const struct call *c, const char *lab,
		const char *folder, const char *report)
{
	static struct world w;
	static struct answers a;
	static struct host before, after;
	struct job j = { &w, c, &a };
	size_t stack;
	FILE *out;

	look(&before);
	make_world(&w, library, how);
	if (!strcmp(how, "befall")) {
		char after[PATH_MAX];

		/* The file is mapped: what it holds is exchanged, and its size stays. */
		snprintf(after, sizeof(after), "%s.after", lab);
		copy(after, folder, "state", 0);
	}
	stack = run_painted(&j);
	/* It may have counted init and shutdown; ends at none. */
	while (!CALL(&w, nvmlShutdown))
		;
	look(&after);
	out = fopen(report, "ae");
	if (!out)
		_exit(94);
	fprintf(out,
		"{\"name\": \"%s\", \"calls\": %u, \"stack\": %zu, \"errno\": %d, "
		"\"changed\": \"%s\"",
		c->name, a.calls, stack, a.errno_changed, changed(&before, &after));
	put_set(out, "gpu", a.on_gpu);
	put_set(out, "mig", a.on_mig);
	fprintf(out, "}\n");
	_exit(fclose(out) ? 95 : 0);
}

/* --- all of them ---------------------------------------------------------------------------- */

static void copy(const char *from, const char *to, const char *name, int flags)
{
	char path[PATH_MAX], buffer[65536];
	ssize_t n;
	int in, out;

	snprintf(path, sizeof(path), "%s/%s", from, name);
	in = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", to, name);
	out = open(path, O_WRONLY | O_CREAT | flags | O_CLOEXEC, 0644);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)n) != n)
			_exit(96);
	close(in);
	close(out);
}

static void say_crash(const char *report, const char *name, int status)
{
	FILE *out = fopen(report, "ae");

	if (!out)
		_exit(97);
	fprintf(out, "{\"name\": \"%s\", \"crash\": %d}\n", name, status);
	fclose(out);
}

int main(int argc, char **argv)
{
	const char *how = argv[1], *library = argv[2], *lab = argv[3], *report = argv[4];
	char folder[PATH_MAX];
	int rc = 0, copied;

	if (argc < 5)
		return 2;
	copied = strcmp(how, "keep") != 0;
	snprintf(folder, sizeof(folder), copied ? "%s.copy" : "%s", lab);
	if (copied)
		mkdir(folder, 0755);
	setenv("MIGKIT_LAB", folder, 1);
	if (!strcmp(how, "one")) {
		copy(lab, folder, "state", O_TRUNC);
		copy(lab, folder, "holders", O_TRUNC);
		return all_in_one(library, report, argc, argv);
	}
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int status = -1;
		pid_t pid;

		if (!wanted(calls[i].name, argc, argv))
			continue;
		if (copied) {
			copy(lab, folder, "state", O_TRUNC);
			copy(lab, folder, "holders", O_TRUNC);
		}
		pid = fork();
		if (!pid)
			one(library, how, &calls[i], lab, folder, report);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			say_crash(report, calls[i].name, status);
			rc = 1;
		}
	}
	return rc;
}
