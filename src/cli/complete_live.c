/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/chosen.h"
#include "cli/complete.h"
#include "cli/names.h"
#include "cli/source.h"
#include "cli/takes.h"
#include "observe/observe.h"

/* --- the time limit ------------------------------------------------------------------------- */

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* A shell waits until nobody has its pipe any more: the child, which may hang, has none of it. */
static int child(int (*fn)(FILE *out, void *arg), void *arg, int to)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *out = fdopen(to, "w");
	int r;

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return CLI_EXIT_FAILED;
	if (!out)
		return CLI_EXIT_FAILED;
	r = fn(out, arg);
	return fclose(out) || r < 0 ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

/* Whole lines only: what the end cut is no candidate. */
static void copy_lines(int from, unsigned ms)
{
	struct pollfd pfd = { .fd = from, .events = POLLIN };
	char buf[1 << 14];
	struct timespec start;
	size_t n = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		long left = (long)ms - ms_since(&start);
		ssize_t got = 0;
		char *end;

		if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
			return;
		got = read(from, buf + n, sizeof(buf) - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		n += (size_t)got;
		end = memrchr(buf, '\n', n);
		if (end) {
			fwrite(buf, 1, (size_t)(end + 1 - buf), stdout);
			n -= (size_t)(end + 1 - buf);
			memmove(buf, end + 1, n);
		}
		if (n == sizeof(buf))
			return;
	}
}

int cli_with_time_limit(int (*fn)(FILE *out, void *arg), void *arg, unsigned ms)
{
	_cleanup_close_ int from = -1;
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return CLI_EXIT_FAILED;
	from = fd[0];
	pid = fork();
	if (pid == 0) {
		close(from);
		_exit(child(fn, arg, fd[1]));
	}
	close(fd[1]);
	if (pid < 0)
		return CLI_EXIT_FAILED;
	copy_lines(from, ms);
	/* In a driver's system call it may not even die: nobody waits for that. */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, WNOHANG);
	return CLI_EXIT_OK;
}

/* --- what a machine knows ------------------------------------------------------------------- */

static void offer_ci(const struct cli_complete *c, uint32_t takes, const struct mig_gpu *gpu,
		     const struct mig_gi *gi)
{
	for (unsigned i = 0; i < gi->n_ci; i++) {
		const struct mig_ci *ci = &gi->ci[i];

		if (takes & TAKES_CI)
			cli_candidate_fmt(c, ci->name, "%u/%u/%u", gpu->index, gi->id, ci->id);
		if (takes & TAKES_MIG && ci->uuid[0])
			cli_candidate(c, ci->uuid, ci->name);
	}
}

static const char *gi_name(const struct mig_gpu *gpu, const struct mig_gi *gi)
{
	return gi->profile < gpu->board.n_gi ? gpu->board.gi[gi->profile].name : "GPU instance";
}

static void offer_gpu(const struct cli_complete *c, uint32_t takes, const struct mig_gpu *gpu)
{
	if (takes & TAKES_GPU)
		cli_candidate_fmt(c, gpu->name, "%u", gpu->index);
	if (takes & TAKES_UUID && gpu->uuid[0])
		cli_candidate(c, gpu->uuid, gpu->name);
	for (unsigned i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		if (takes & TAKES_GI)
			cli_candidate_fmt(c, gi_name(gpu, gi), "%u/%u", gpu->index, gi->id);
		if (takes & TAKES_GI_ID)
			cli_candidate_fmt(c, gi_name(gpu, gi), "%u", gi->id);
		offer_ci(c, takes, gpu, gi);
	}
}

static void offer_profile(const struct cli_complete *c, uint32_t takes,
			  const struct mig_gi_profile *p)
{
	const char *at = strchr(c->full + c->at, '@');

	if (takes & TAKES_PROFILE && !at)
		cli_candidate_fmt(c, "GPU instance", "%s", p->name);
	for (unsigned i = 0; takes & TAKES_PROFILE && at && i < p->n_starts; i++)
		cli_candidate_fmt(c, "start", "%s@%u", p->name, p->starts[i]);
	for (unsigned i = 0; takes & TAKES_CI_PROFILE && !at && i < p->n_ci; i++)
		/* The one that fills its GPU instance bears its name. */
		if (strcmp(p->ci[i].name, p->name) != 0)
			cli_candidate_fmt(c, "compute instance", "%s", p->ci[i].name);
}

static void offer_board(struct cli_complete *c, uint32_t takes, const struct mig_board *board)
{
	size_t count = strspn(c->full + c->at, "0123456789");

	/* "2x1g.10gb" */
	if (count && c->full[c->at + count] == 'x')
		c->at += count + 1;
	for (unsigned i = 0; i < board->n_gi; i++)
		offer_profile(c, takes, &board->gi[i]);
}

/* Whether an earlier GPU is of the same kind: its profiles are offered once. */
static bool seen_before(const struct mig_snapshot *s, uint32_t gpu)
{
	for (uint32_t i = 0; i < gpu; i++)
		if (!strcmp(s->gpu[i].name, s->gpu[gpu].name))
			return true;
	return false;
}

static void offer_names(const struct cli_complete *c)
{
	_cleanup_(engine_names_free) struct engine_names names = { 0 };

	(void)cli_names_read(&names, NULL);
	for (size_t i = 0; i < names.n; i++)
		cli_candidate_fmt(c, names.name[i].profile, "%s", names.name[i].name);
}

void cli_complete_live(struct cli_complete *c, uint32_t takes)
{
	const uint32_t profiles = TAKES_PROFILE | TAKES_CI_PROFILE;
	struct cli_source_args args = { .gpus = c->gpus, .snapshot = c->snapshot };
	const char *board = c->board;
	struct cli_source source;
	struct mig_board own;

	/* "migctl layouts a30 --with" */
	if (!board && c->cmd && c->cmd->takes[0] & TAKES_BOARD && c->n_operands)
		board = c->operands[0];
	if (board && takes & profiles) {
		if (cli_board_arg(board, c->driver, &own, NULL) >= 0)
			offer_board(c, takes & profiles, &own);
		return;
	}
	/* A value that is being typed chooses nothing yet. */
	if (takes & TAKES_GPU)
		args.gpus = NULL;
	if (c->lab && cli_lab_choose_now(c->lab, NULL) < 0)
		return;
	if (takes & TAKES_NAME && !c->snapshot)
		offer_names(c);
	if (!(takes & (profiles | TAKES_GPU | TAKES_GI | TAKES_CI | TAKES_MIG | TAKES_GI_ID)) ||
	    cli_source_open(&args, OBSERVE_BOARD, &source, NULL) < 0)
		return;
	for (uint32_t i = 0; i < source.snapshot->n_gpu; i++) {
		offer_gpu(c, takes, &source.snapshot->gpu[i]);
		if (takes & profiles && !seen_before(source.snapshot, i))
			offer_board(c, takes, &source.snapshot->gpu[i].board);
	}
	cli_source_close(&source);
}
