/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading functions of the simulated driver, each with all arguments that it has an answer to.
 *
 *   reads time LIBRARY LAB REPORT SYMBOL...    how long it takes
 *   reads alone LIBRARY LAB REPORT SYMBOL...   that it makes no system call
 *
 * The lab is taken as it is. For "alone" every function gets a process of its own, in which one
 * thread changes the layout all the time and another calls the function under a filter that lets
 * no system call through. REPORT gets a line of JSON for each.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "world.h"

enum { VARIANTS = 4, NUMBERS = sizeof(numbers) / sizeof(numbers[0]), MIN_CHANGES = 10 };

/* Calls fn for each combination of arguments, on the GPU and on the MIG device. */
static void each(struct world *w, const struct call *c, void *entry,
		 void (*fn)(struct world *w, const struct call *c, void *entry, void *arg),
		 void *arg)
{
	for (unsigned i = 0; i < 2; i++) {
		w->device = i ? w->mig : w->parent;
		if (i && (!w->mig || !c->takes_device))
			continue;
		for (w->variant = 0; w->variant < VARIANTS; w->variant++)
			for (unsigned n = 0; n < NUMBERS; n++) {
				w->number = numbers[n];
				fn(w, c, entry, arg);
			}
	}
}

/* --- time ----------------------------------------------------------------------------------- */

struct slowest {
	double ns;
	unsigned answers, number, variant, on_mig;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/*
 * The best of some rounds: what else the machine does makes a round longer, never shorter. A call
 * that does not answer again on what it left behind is given new arguments each time.
 */
static double least(struct world *w, const struct call *c, void *entry, unsigned rounds)
{
	enum { CALLS = 200 };
	int (*fn)(struct world *, void *) = c->again(w, entry) ? c->full : c->again;
	double best = 0;

	for (unsigned r = 0; r < rounds; r++) {
		double t = now();

		for (unsigned i = 0; i < CALLS; i++)
			(void)fn(w, entry);
		t = (now() - t) / CALLS;
		if (!r || t < best)
			best = t;
	}
	return best;
}

static void time_one(struct world *w, const struct call *c, void *entry, void *arg)
{
	struct slowest *s = arg;
	double ns;

	if (c->full(w, entry))
		return;
	s->answers++;
	ns = least(w, c, entry, 3);
	/* Whoever seems slow gets a second chance: it may have been the machine. */
	if (ns > s->ns)
		ns = least(w, c, entry, 12);
	if (ns > s->ns)
		*s = (struct slowest){ .ns = ns,
				       .answers = s->answers,
				       .number = w->number,
				       .variant = w->variant,
				       .on_mig = w->device == w->mig };
}

static void time_call(struct world *w, const struct call *c, FILE *out)
{
	struct slowest s = { 0 };

	each(w, c, entry_of(w, c->name), time_one, &s);
	fprintf(out,
		"{\"name\": \"%s\", \"answers\": %u, \"ns\": %.1f, \"number\": %u, "
		"\"variant\": %u, \"mig\": %u}\n",
		c->name, s.answers, s.ns, s.number, s.variant, s.on_mig);
}

/* --- alone ---------------------------------------------------------------------------------- */

/* What a child tells its parent, in memory that both have. */
struct told {
	atomic_int answers, changes, done, system_call;
};

static struct told *told;

/* This thread may make no system call any more, so it can't even end: the process will. */
static void spin(void)
{
	for (;;)
		atomic_store(&told->done, 1);
}

static void caught(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	atomic_store(&told->system_call, info->si_syscall);
	spin();
}

/* Of this thread alone. Whatever it calls, the kernel does not do it and sends SIGSYS. */
static void filter_all(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = { .len = sizeof(rules) / sizeof(rules[0]), .filter = rules };
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

/* Creates and destroys an instance beside those that are there. */
static void change(struct world *w)
{
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;

	if (CALL(w, nvmlDeviceCreateGpuInstance, w->parent, 19, &gi) ||
	    CALL(w, nvmlGpuInstanceCreateComputeInstance, gi, 0, &ci) ||
	    CALL(w, nvmlComputeInstanceDestroy, ci) || CALL(w, nvmlGpuInstanceDestroy, gi))
		_exit(4);
	atomic_fetch_add(&told->changes, 1);
}

static void call_one(struct world *w, const struct call *c, void *entry, void *arg)
{
	(void)arg;
	if (!c->full(w, entry))
		atomic_fetch_add(&told->answers, 1);
}

struct reader {
	struct world *w;
	const struct call *c; /* NULL: the clock */
	void *entry;
};

static void *read_filtered(void *arg)
{
	const struct reader *r = arg;

	filter_all();
	if (!r->c)
		(void)now();
	else
		do
			each(r->w, r->c, r->entry, call_one, NULL);
		while (atomic_load(&told->changes) < MIN_CHANGES);
	spin();
	return NULL;
}

static void start_reader(struct reader *r)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, read_filtered, r))
		_exit(5);
}

/* The changes are whole when the process ends, whatever the reader did. */
static void run_alone(struct world *w, const struct call *c)
{
	struct world other = *w;
	struct reader r = { .w = w, .c = c, .entry = entry_of(w, c->name) };

	/* Once without the filter: room for what comes back is made here, in this program. */
	each(w, c, r.entry, call_one, NULL);
	atomic_store(&told->answers, 0);
	start_reader(&r);
	while (!atomic_load(&told->done))
		change(&other);
	_exit(0);
}

/* Whether the host's clock can be read without a system call; if not, no lab's can. */
static int clock_is_free(void)
{
	int status = -1;
	pid_t pid;

	*told = (struct told){ .system_call = -1 };
	pid = fork();
	if (!pid) {
		struct reader r = { 0 };

		start_reader(&r);
		while (!atomic_load(&told->done))
			usleep(1000);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status && told->system_call < 0;
}

static void alone(const char *library, const struct call *c, FILE *out)
{
	static struct world w = { .roomy = 1 };
	int status = -1;
	pid_t pid;

	*told = (struct told){ .system_call = -1 };
	fflush(out);
	pid = fork();
	if (!pid) {
		make_world(&w, library, "keep");
		run_alone(&w, c);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(6);
	fprintf(out,
		"{\"name\": \"%s\", \"status\": %d, \"answers\": %d, \"changes\": %d, "
		"\"system_call\": %d}\n",
		c->name, status, told->answers, told->changes, told->system_call);
}

int main(int argc, char **argv)
{
	static struct world w = { .roomy = 1 };
	FILE *out;
	int timed;

	if (argc < 5)
		return 2;
	timed = !strcmp(argv[1], "time");
	setenv("MIGKIT_LAB", argv[3], 1);
	out = fopen(argv[4], "we");
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!out || told == MAP_FAILED)
		return 94;
	if (timed)
		make_world(&w, argv[2], "keep");
	else
		fprintf(out, "{\"name\": \"clock\", \"free\": %d}\n", clock_is_free());
	for (int i = 5; i < argc; i++)
		for (unsigned k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
			if (strcmp(calls[k].name, argv[i]) != 0)
				continue;
			if (timed)
				time_call(&w, &calls[k], out);
			else
				alone(argv[2], &calls[k], out);
		}
	return fclose(out) ? 95 : 0;
}
