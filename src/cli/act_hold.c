/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/act.h"

/* Who is in the way of a change, how long to wait for them, and how to make them go. */

#define LOOK_AGAIN_MS 200

static void name_process(const struct mig_process *p, char *ret, size_t size)
{
	const char *name = p->name[0] ? p->name : "a process";
	const char *base = strrchr(name, '/');

	snprintf(ret, size, "%.60s (process %u%s%.30s%s%.70s)", base && base[1] ? base + 1 : name,
		 p->pid, p->user[0] ? ", " : "", p->user, p->unit[0] ? ", " : "", p->unit);
}

static bool add_pid(uint32_t pid, uint32_t *pids, unsigned cap, unsigned *n)
{
	for (unsigned i = 0; i < *n; i++)
		if (pids[i] == pid)
			return false;
	if (*n < cap)
		pids[(*n)++] = pid;
	return true;
}

int act_in_the_way(const struct mig_snapshot *s, const struct act_change *changes, unsigned n,
		   uint32_t *ret_pids, unsigned cap, unsigned *ret_n, struct mig_error *reterr)
{
	char who[300] = "", stop[256];
	const struct act_change *first = NULL;
	unsigned more = 0;

	*ret_n = 0;
	for (unsigned i = 0; i < n; i++) {
		for (uint32_t k = 0; k < s->n_process; k++) {
			const struct mig_process *p = &s->process[k];
			char name[200];

			if (!mig_is_in_the_way(s, changes[i].gpu, &changes[i].change, p) ||
			    !add_pid(p->pid, ret_pids, cap, ret_n))
				continue;
			if (!first) {
				first = &changes[i];
				mig_stop_command(p, stop, sizeof(stop));
			}
			name_process(p, name, sizeof(name));
			if (strlen(who) + strlen(name) + 4 < sizeof(who))
				cli_text_add(who, sizeof(who), "%s%s", who[0] ? ", " : "", name);
			else
				more++;
		}
	}
	if (!first)
		return 0;
	if (more)
		cli_text_add(who, sizeof(who), ", ...");
	return mig_fail(reterr, -EBUSY,
			"%s is held by %s: '%.60s' or wait with --wait; nothing was changed",
			first->what, who, stop);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Those that the look of a moment ago named. */
static void signal_all(const struct act_busy *busy, int sig)
{
	for (unsigned i = 0; i < busy->n; i++) {
		int fd = (int)syscall(SYS_pidfd_open, (pid_t)busy->pid[i], 0);

		if (fd < 0)
			continue;
		(void)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
		close(fd);
	}
}

struct patience {
	double start, asked_at;
	bool asked, ended;
};

/* Whether to look again. */
static bool go_on(const struct act_args *args, const struct act_busy *busy, struct patience *p)
{
	double now = seconds(), limit = (double)args->wait;

	if (args->evict) {
		double grace = (double)args->grace;

		/* First the time of --wait, then asking, then the grace time, then the end. */
		if (!p->asked && now - p->start >= limit) {
			signal_all(busy, SIGTERM);
			p->asked = true;
			p->asked_at = now;
		} else if (p->asked && !p->ended && now - p->asked_at >= grace) {
			signal_all(busy, SIGKILL);
			p->ended = true;
		}
		return !p->ended || now - p->asked_at < grace + 5;
	}
	return now - p->start < limit;
}

int act_until_free(const struct act_args *args,
		   int (*attempt)(void *arg, struct act_busy *busy, struct mig_error *reterr),
		   void *arg, struct mig_error *reterr)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };
	struct patience p = { .start = seconds() };

	for (;;) {
		struct act_busy busy = { 0 };
		struct mig_error err = { 0 };
		int r = attempt(arg, &busy, &err);

		if (r != -EBUSY || !busy.n || args->dry_run || !go_on(args, &busy, &p)) {
			if (r < 0 && reterr)
				*reterr = err;
			return r;
		}
		nanosleep(&pause, NULL);
	}
}
