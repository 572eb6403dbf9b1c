/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_STRESS_CONDUCTOR_H
#define MIGKIT_TESTS_STRESS_CONDUCTOR_H

/* For test_stress.c: what the one process does to the others, and what it looks at meanwhile. */

/* --- processes ------------------------------------------------------------------------------ */

static void start_worker(const struct lab_run *run, pid_t *ret)
{
	unsigned own = seed ^ (unsigned)pick(&seed, 65536) << 8;

	fflush(NULL);
	*ret = fork();
	if (*ret < 0)
		fail("fork", strerror(errno));
	if (*ret)
		return;
	close(life[0]);
	worker_main(all, run->f.dir, own, ret == &run->worker[0]);
}

/* A program that has gone otherwise than by kill -9 has crashed. */
static void worker_ended(pid_t *slot, const struct lab_run *run, int status)
{
	char what[80];

	*slot = 0;
	if (atomic_load(&all->broken))
		fail(run->board, all->sentence);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	if (WIFEXITED(status) && !WEXITSTATUS(status) && atomic_load(&all->stop))
		return;
	snprintf(what, sizeof(what), "ended with wait status 0x%x", (unsigned)status);
	fail("a worker", what);
}

static void job_ended(struct job *job, int status)
{
	char what[80];

	job->pid = 0;
	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM)
		return;
	snprintf(what, sizeof(what), "ended with signal %d", WTERMSIG(status));
	fail("a command of migctl", what);
}

static pid_t *worker_slot(pid_t pid, struct lab_run **ret)
{
	for (unsigned l = 0; l < LABS; l++)
		for (unsigned i = 0; i < WORKERS; i++)
			if (runs[l].worker[i] == pid) {
				*ret = &runs[l];
				return &runs[l].worker[i];
			}
	return NULL;
}

/* Takes note of all that have ended; whether any had. anew: workers are replaced. */
static bool reap(bool anew)
{
	bool any = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct lab_run *run = NULL;
		pid_t *slot = worker_slot(pid, &run);

		any = true;
		for (unsigned i = 0; i < JOBS; i++)
			if (jobs[i].pid == pid)
				job_ended(&jobs[i], status);
		if (!slot)
			continue;
		worker_ended(slot, run, status);
		figures.by_faults++;
		if (anew)
			start_worker(run, slot);
	}
	return any;
}

static bool running_jobs(void)
{
	bool any = false;

	for (unsigned i = 0; i < JOBS; i++) {
		if (!jobs[i].pid)
			continue;
		any = true;
		if (jobs[i].traces || now() > jobs[i].end_at)
			kill(jobs[i].pid, SIGKILL);
	}
	return any;
}

static void kill_worker(void)
{
	struct lab_run *run = &runs[pick(&seed, LABS)];
	pid_t *slot = &run->worker[pick(&seed, WORKERS)];
	int status;

	if (*slot <= 0 || kill(*slot, SIGKILL) < 0 || waitpid(*slot, &status, 0) != *slot)
		return;
	worker_ended(slot, run, status);
	figures.killed++;
	start_worker(run, slot);
}

/* Also with the lab's lock: then all others wait, and go on. */
static void stop_worker(void)
{
	pid_t pid = runs[pick(&seed, LABS)].worker[pick(&seed, WORKERS)];

	if (pid <= 0 || kill(pid, SIGSTOP) < 0)
		return;
	pause_ms(1 + pick(&seed, 40));
	kill(pid, SIGCONT);
	figures.stopped++;
}

/* --- commands ------------------------------------------------------------------------------- */

static pid_t start_command(const struct lab_run *run, const char *const *words)
{
	const char *build = getenv("MIGKIT_BUILD");
	char *argv[20] = { NULL };
	char path[PATH_MAX];
	pid_t pid;
	int null;

	snprintf(path, sizeof(path), "%s/migctl", build ? build : "build");
	argv[0] = path;
	for (unsigned i = 0; words[i] && i < 18; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    setenv("MIGKIT_LAB", run->f.dir, 1) || setenv("HOME", run->f.base, 1))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(path, argv);
	_exit(127);
}

/* Its exit code; -1: it was killed. */
static int run_command(const struct lab_run *run, const char *const *words)
{
	pid_t pid = start_command(run, words);
	double until = now() + 60;
	int status;

	if (pid < 0)
		fail("fork", strerror(errno));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now() > until) {
			kill(pid, SIGKILL);
			fail(words[1], "a command does not end");
		}
		pause_ms(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Beside all else; every second one is killed in the middle. */
static void start_job(const struct lab_run *run, const char *const *words, bool traces)
{
	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &jobs[i];
		bool kills = pick(&seed, 2);

		if (job->pid)
			continue;
		job->pid = start_command(run, words);
		if (job->pid < 0)
			fail("fork", strerror(errno));
		job->traces = traces;
		job->end_at = now() + (traces ? 0.5 : kills ? pick(&seed, 30) / 1000.0 : 60);
		figures.jobs++;
		return;
	}
}

static void kill_jobs(void)
{
	for (unsigned i = 0; i < JOBS; i++) {
		if (!jobs[i].pid || now() < jobs[i].end_at)
			continue;
		kill(jobs[i].pid, jobs[i].traces && pick(&seed, 2) ? SIGTERM : SIGKILL);
		jobs[i].end_at = now() + 5;
		figures.jobs_killed++;
	}
}

/* --- faults --------------------------------------------------------------------------------- */

/* What the faults of a lab have struck since the last look, by kind. */
static void count_faults(struct lab_run *run)
{
	static struct lab_trouble t;
	struct lab *lab = NULL;

	if (lab_open(run->f.dir, 0, &lab, NULL) < 0)
		fail(run->f.dir, "it cannot be opened any more");
	lab_trouble_read(lab, &t);
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++) {
		struct lab_fault_count n;

		if (!t.fault[i].id)
			continue;
		lab_fault_counted(lab, i, &t.fault[i], &n);
		if (run->fault[i] != t.fault[i].id)
			run->struck[i] = 0;
		run->fault[i] = t.fault[i].id;
		for (unsigned k = 0; k < ARRAY_SIZE(fault_names); k++)
			if (t.fault[i].does >> k & 1 && n.struck > run->struck[i])
				figures.struck[k] += n.struck - run->struck[i];
		if (n.struck > run->struck[i])
			run->struck[i] = n.struck;
	}
	lab_close(lab);
}

static void clear_faults(struct lab_run *run)
{
	struct lab *lab = NULL;

	count_faults(run);
	if (lab_open(run->f.dir, 0, &lab, NULL) < 0)
		fail(run->f.dir, "it cannot be opened any more");
	(void)lab_fault_clear(lab, NULL, 0, NULL);
	lab_close(lab);
}

static void add_fault(const struct lab_run *run)
{
	static const char *const does[][2] = { { "--return", "NVML_ERROR_IN_USE" },
					       { "--return-after", "NVML_ERROR_TIMEOUT" },
					       { "--take", "15ms" },
					       { "--hang", NULL },
					       { "--kill", "before" },
					       { "--kill", "after" },
					       { "--xid", "31" },
					       { "--return", "NVML_ERROR_NO_PERMISSION" } };
	static const char *const calls[] = { "group:create", "group:destroy", "group:list",
					     "group:mode",   "group:set",     "group:sensor",
					     "group:event",  "group:init",    "any" };
	static const char *const times[] = { "1", "3", "20" };
	const char *words[16] = { "lab", "fault", "add", "--name", WORKER_NAME };
	unsigned n = 5, d = pick(&seed, ARRAY_SIZE(does));

	words[n++] = does[d][0];
	if (does[d][1])
		words[n++] = does[d][1];
	words[n++] = "--times";
	words[n++] = times[pick(&seed, ARRAY_SIZE(times))];
	if (pick(&seed, 2)) {
		words[n++] = "--probability";
		words[n++] = "20%";
	}
	if (pick(&seed, 8) == 0)
		words[n++] = "--permanent";
	words[n++] = calls[pick(&seed, ARRAY_SIZE(calls))];
	start_job(run, words, false);
}

/* --- what else happens to a machine --------------------------------------------------------- */

static void some_command(const struct lab_run *run)
{
	static const char *const commands[][10] = {
		{ "lab", "reboot" },
		{ "lab", "reboot" },
		{ "lab", "reboot" },
		{ "lab", "reboot" },
		{ "lab", "inject", "0", "xid=31", "single-bit-ecc" },
		{ "lab", "inject", "1", "double-bit-ecc" },
		{ "lab", "inject", "1", "needs-reset" },
		{ "lab", "inject", "0", "row-remap" },
		{ "lab", "inject", "1", "xid=79" },
		{ "lab", "set", "0", "temperature=50", "power=100", "utilization=7" },
		{ "lab", "set", "0", "temperature=auto", "power=auto" },
		{ "lab", "client", "start", "--memory", "1GiB", "--name", "train" },
		{ "lab", "client", "start", "--device", "0/1/0", "--memory", "1GiB" },
		{ "lab", "client", "start", "--gpu", "1" },
		{ "lab", "client", "stop", "--all" },
		{ "lab", "status", "-o", "json" },
		{ "lab", "path" },
		{ "lab", "check" },
		{ "lab", "latency", "measured" },
		{ "lab", "latency", "none" },
		{ "smi", "mig", "-lgi" },
		{ "status" },
		{ "who" },
	};
	static const char *const trace[] = { "lab", "trace", "-o", "json", NULL };

	if (pick(&seed, 20) == 0)
		start_job(run, trace, true);
	else
		start_job(run, commands[pick(&seed, ARRAY_SIZE(commands))], false);
}

static void act(void)
{
	struct lab_run *run = &runs[pick(&seed, LABS)];
	unsigned what = pick(&seed, 100);

	if (what < 30)
		kill_worker();
	else if (what < 45)
		stop_worker();
	else if (what < 70)
		add_fault(run);
	else if (what < 75)
		clear_faults(run);
	else
		some_command(run);
}

/* --- looking -------------------------------------------------------------------------------- */

static void tell(void *arg, bool breach, const char *sentence)
{
	(void)arg;
	if (breach)
		fprintf(stderr, "%s\n", sentence);
}

static void check_lab(const struct lab_run *run)
{
	struct mig_error err = { 0 };
	struct lab_look look;
	int r = -EBUSY;

	/* A machine that is busy with other things may not let us have the lock for long. */
	for (unsigned tries = 0; tries < 10 && r == -EBUSY; tries++)
		r = lab_check_file(run->f.dir, tell, NULL, &look, &err);
	if (r < 0)
		fail(run->f.dir, err.msg);
	if (r > 0)
		fail(run->f.dir, "what must always be so is not so");
	figures.checks++;
}

static void check_both(unsigned round)
{
	static const char *const check[] = { "lab", "check", NULL };

	if (atomic_load(&all->broken))
		fail("seen by a worker", all->sentence);
	for (unsigned l = 0; l < LABS; l++) {
		count_faults(&runs[l]);
		check_lab(&runs[l]);
	}
	if (round % 3)
		return;
	if (run_command(&runs[round / 3 % LABS], check) != 0)
		fail("migctl lab check", "says no");
	figures.commands_checked++;
}

static uint64_t boots_of(const struct lab_run *run)
{
	struct lab *lab = fixture_open(&run->f);
	struct lab_state *st = calloc(1, sizeof(*st));
	uint64_t boots;

	CHECK(st != NULL);
	CHECK_EQ(lab_read_state(lab, st), 0);
	boots = st->boot;
	free(st);
	lab_close(lab);
	return boots;
}

/* --- all of it ------------------------------------------------------------------------------ */

static char *found;
static size_t found_size, found_from;

static int add_file(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	size_t n = strlen(path + found_from);

	(void)sb;
	(void)kind;
	(void)at;
	/* Folders that wait for instances, and where a tracer listened that was killed. */
	if (strstr(path, "/.spare") || strstr(path, "/trace."))
		return 0;
	found = realloc(found, found_size + n + 2);
	if (!found)
		return -1;
	memcpy(found + found_size, path + found_from, n);
	memcpy(found + found_size + n, "\n", 2);
	found_size += n + 1;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The paths below a folder in their order, a line each. */
static char *list_files(const char *dir)
{
	char *sorted, **line, *save = NULL, *at;
	size_t n = 0, cap = 0;

	found = NULL;
	found_size = 0;
	found_from = strlen(dir);
	CHECK(!nftw(dir, add_file, 16, FTW_PHYS) && found);
	for (size_t i = 0; i < found_size; i++)
		cap += found[i] == '\n';
	line = calloc(cap, sizeof(*line));
	sorted = at = malloc(found_size + 1);
	CHECK(line && sorted);
	for (char *p = strtok_r(found, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		line[n++] = p;
	qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(line[i]);

		memcpy(at, line[i], len);
		at[len] = '\n';
		at += len + 1;
	}
	*at = '\0';
	free(line);
	free(found);
	return sorted;
}

static void begin(struct lab_run *run)
{
	static const char *const reboot[] = { "lab", "reboot", NULL };

	fixture_lab(&run->f, run->board, "580.65.06", GPUS, MIG_NUMBERING_I);
	if (run_command(run, reboot) != 0)
		fail(run->f.dir, "it cannot be rebooted");
	run->files = list_files(run->f.dir);
	for (unsigned i = 0; i < WORKERS; i++)
		start_worker(run, &run->worker[i]);
}

static void conduct(double until)
{
	double next_action = now(), next_check = now() + 1;
	unsigned round = 0;

	while (now() < until) {
		pause_ms(3);
		kill_jobs();
		reap(true);
		if (now() >= next_action) {
			act();
			next_action = now() + pick(&seed, 40) / 1000.0;
		}
		if (now() < next_check)
			continue;
		check_both(round++);
		/* Who hangs in a fault goes on. */
		for (unsigned l = 0; l < LABS; l++)
			clear_faults(&runs[l]);
		next_check = now() + 1;
	}
	for (unsigned l = 0; l < LABS; l++)
		figures.reboots += (unsigned)boots_of(&runs[l]) - 2;
}

#endif
