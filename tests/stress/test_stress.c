/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=300 serial */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "base/util.h"
#include "stress/worker.h"

/*
 * Sixteen processes on two labs at once do all that programs can do, while this one kills and stops
 * them, orders faults, reboots, starts and ends clients, and kills its own commands in the middle.
 * Every second all that must always be so is looked at; in the end nothing may be left: no lock, no
 * process, no file, and both labs can be used.
 *
 * Seconds: MIGKIT_TEST_SECONDS, 10 by default. MIGKIT_TEST_SEED: the same choices again, though not
 * the same moments.
 */
enum { LABS = 2, WORKERS = 8, JOBS = 12, GPUS = 2 };

struct lab_run {
	struct fixture f;
	const char *board;
	pid_t worker[WORKERS];
	char *files; /* the paths in its folder, when it was new */
	/* Of the faults of each slot, the one seen last and what it had struck. */
	uint32_t fault[LAB_MAX_FAULTS];
	uint64_t struck[LAB_MAX_FAULTS];
};

/* A command of migctl that runs meanwhile. */
struct job {
	pid_t pid;
	double end_at; /* then it is killed */
	bool traces;
};

static struct lab_run runs[LABS] = { { .board = "a100-80gb-pcie" }, { .board = "h100-80gb-sxm" } };
static struct job jobs[JOBS];
static struct stress_shared *all;
static unsigned seed, first_seed;
static int life[2]; /* whose writing end every worker and all its children have */

static struct {
	unsigned killed, stopped, jobs, jobs_killed, reboots, checks, commands_checked, by_faults;
	uint64_t struck[7];
} figures;

static const char *const fault_names[] = { "return",	  "return-after", "take", "hang",
					   "kill-before", "kill-after",	  "xid" };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = 1000000L * (ms % 1000) };

	nanosleep(&t, NULL);
}

/* --- ending, whatever happens --------------------------------------------------------------- */

/* Each is a child of ours that was not waited for, so the number is still its own. */
static void end_all(void)
{
	for (unsigned l = 0; l < LABS; l++)
		for (unsigned i = 0; i < WORKERS; i++)
			if (runs[l].worker[i] > 0)
				kill(runs[l].worker[i], SIGKILL);
	for (unsigned i = 0; i < JOBS; i++)
		if (jobs[i].pid > 0)
			kill(jobs[i].pid, SIGKILL);
	for (unsigned l = 0; l < LABS; l++) {
		struct lab *lab = NULL;

		if (runs[l].f.dir[0] && lab_open(runs[l].f.dir, 0, &lab, NULL) >= 0) {
			(void)lab_reboot(lab, NULL); /* ends its clients */
			lab_close(lab);
		}
	}
}

static void fail(const char *what, const char *why) __attribute__((noreturn));

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "seed %u: %s: %s\n", first_seed, what, why);
	end_all();
	for (unsigned l = 0; l < LABS; l++)
		fixture_clear(runs[l].f.base);
	exit(1);
}

#include "stress/conductor.h"

/* The lab's lock was left somewhere, and this process waits for it, too. */
static void too_long(int sig)
{
	static const char why[] = "stress: nothing goes on: a lock was left behind\n";

	(void)sig;
	if (write(STDERR_FILENO, why, sizeof(why) - 1) > 0)
		_exit(1); /* which ends the workers as well */
	_exit(2);
}

/* --- the end -------------------------------------------------------------------------------- */

static void no_process_left(void)
{
	struct pollfd p = { .fd = life[0], .events = POLLIN };
	double until = now() + 60;
	char byte;

	atomic_store(&all->stop, 1);
	close(life[1]);
	while (now() < until) {
		for (unsigned l = 0; l < LABS; l++)
			clear_faults(&runs[l]);
		reap(false);
		if (poll(&p, 1, 50) == 1 && read(life[0], &byte, 1) == 0)
			break;
	}
	if (now() >= until)
		fail("a worker or a child of one", "does not end");
	while (reap(false) || running_jobs()) {
		if (now() >= until + 60)
			fail("a command of migctl", "does not end");
		pause_ms(5);
	}
}

static void no_lock_left(const struct lab_run *run)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int state = -1, holders = -1;
	char path[400];

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, run->f.dir);
	state = open(path, O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/" LAB_HOLDERS_FILE, run->f.dir);
	holders = open(path, O_RDWR | O_CLOEXEC);
	if (state < 0 || holders < 0)
		fail(path, strerror(errno));
	if (flock(state, LOCK_EX | LOCK_NB) < 0)
		fail("the lab's lock", "is still held");
	if (fcntl(holders, F_GETLK, &l) < 0 || l.l_type != F_UNLCK)
		fail("a lock of the holders file", "is still held");
}

/* Everything is there again, and nothing else. */
static void no_file_left(const struct lab_run *run)
{
	_cleanup_free_ char *files = list_files(run->f.dir);

	if (strcmp(files, run->files) != 0) {
		fprintf(stderr, "when it was new:\n%snow:\n%s", run->files, files);
		fail(run->f.dir, "its files are not those of a new lab after a reboot");
	}
}

static void still_usable(const struct lab_run *run)
{
	struct lab *lab = fixture_open(&run->f);
	struct lab_made gi, ci;
	struct lab_gpu gpu;

	for (unsigned g = 0; g < GPUS; g++) {
		if (lab_set_mig_mode(lab, g, true) != 0 ||
		    lab_gi_create(lab, g, 9, -1, -1, &gi) < 0 || lab_read_gpu(lab, g, &gpu) < 0 ||
		    lab_ci_create(lab, g, gi.id, gi.generation, 2, -1, -1, &ci) < 0 ||
		    lab_ci_destroy(lab, g, gi.id, ci.id, ci.generation) < 0 ||
		    lab_gi_destroy(lab, g, gi.id, gi.generation) < 0)
			fail(run->f.dir, "it cannot be used any more");
	}
	lab_close(lab);
}

static void nothing_left(struct lab_run *run)
{
	static const char *const reboot[] = { "lab", "reboot", NULL };
	static const char *const check[] = { "lab", "check", NULL };
	static const char *const status[] = { "lab", "status", NULL };
	struct lab_holder holders[4];
	struct lab *lab;
	int n;

	if (run_command(run, reboot) != 0)
		fail(run->f.dir, "it cannot be rebooted");
	lab = fixture_open(&run->f);
	n = lab_holders(lab, holders, 4);
	if (n > 0) {
		char who[120];

		snprintf(who, sizeof(who), "process %u (%.60s) has it open", holders[0].pid,
			 holders[0].name);
		fail(run->f.dir, who);
	}
	lab_close(lab);
	no_lock_left(run);
	no_file_left(run);
	still_usable(run);
	check_lab(run);
	if (run_command(run, check) != 0 || run_command(run, status) != 0)
		fail(run->f.dir, "migctl lab check or status says no");
}

static void print_figures(double seconds)
{
	unsigned long sum = 0;

	for (unsigned i = 0; i < N_OPS; i++)
		sum += atomic_load(&all->op[i]);
	printf("stress: seed %u, %.0f s, %d processes on %d labs: %lu operations, %lu calls "
	       "answered SUCCESS\n",
	       first_seed, seconds, LABS * WORKERS, LABS, sum, atomic_load(&all->done));
	for (unsigned i = 0; i < N_OPS; i++)
		printf("%s%s %lu", i ? ", " : "  ", worker_ops[i].name, atomic_load(&all->op[i]));
	printf("\n  %u workers killed, %u by faults, %u stopped; %u commands, %u killed; %u reboots\n",
	       figures.killed, figures.by_faults, figures.stopped, figures.jobs,
	       figures.jobs_killed, figures.reboots);
	for (unsigned i = 0; i < ARRAY_SIZE(fault_names); i++)
		printf("%s%s %llu", i ? ", " : "  faults that struck: ", fault_names[i],
		       (unsigned long long)figures.struck[i]);
	printf("\n  %u checks here, %u by migctl lab check, %lu by sim_check(), %lu of the state "
	       "by readers\n",
	       figures.checks, figures.commands_checked, atomic_load(&all->op[OP_look]),
	       atomic_load(&all->op[OP_state]));
	CHECK(sum > 100 && atomic_load(&all->done) > 100 && figures.killed && figures.checks);
}

int main(void)
{
	const char *seconds = getenv("MIGKIT_TEST_SECONDS"), *given = getenv("MIGKIT_TEST_SEED");
	double length = seconds ? strtod(seconds, NULL) : 10, start = now();

	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	else
		CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
	first_seed = seed;
	printf("seed %u\n", seed);
	fflush(NULL);
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED);
	CHECK(!pipe2(life, O_CLOEXEC));
	for (unsigned l = 0; l < LABS; l++)
		begin(&runs[l]);
	signal(SIGALRM, too_long);
	alarm((unsigned)length + 200);
	conduct(start + length);
	no_process_left();
	for (unsigned l = 0; l < LABS; l++)
		nothing_left(&runs[l]);
	print_figures(length);
	for (unsigned l = 0; l < LABS; l++) {
		free(runs[l].files);
		fixture_end(&runs[l].f);
	}
	return 0;
}
