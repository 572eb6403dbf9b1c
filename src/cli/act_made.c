/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/made.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/source.h"
#include "observe/observe.h"

/*
 * What "migctl run" has: devices that are claimed are not destroyed, and instances that were made
 * for a program are destroyed once nobody uses them, by whoever acts next if its own migctl cannot.
 */

#define DOOR_MS 30000

/* --- who has a device that would go ----------------------------------------------------------- */

/* A file says any number: only a process of its own user is asked to end. */
static uint32_t trusted_pid(const struct engine_claim *c)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", c->pid);
	return stat(path, &st) >= 0 && st.st_uid == c->uid ? c->pid : 0;
}

static int refuse_claimed(const struct act_change *change, const struct engine_claim *c,
			  struct act_busy *busy, struct mig_error *reterr)
{
	busy->pid[0] = trusted_pid(c);
	busy->n = 1;
	return mig_fail(reterr, -EBUSY,
			"%s is claimed by run %llu, '%.120s' (process %u, %s): 'migctl runs' shows "
			"it; wait with --wait; nothing was changed",
			change->what, (unsigned long long)c->number, c->command, c->pid, c->user);
}

static int look_for_claims(const struct engine_claim_list *list, const struct act_change *change,
			   struct act_busy *busy, struct mig_error *reterr)
{
	for (uint32_t i = 0; i < change->gpu->n_gi; i++) {
		const struct mig_gi *gi = &change->gpu->gi[i];

		for (unsigned k = 0; gi->id == change->change.gi && k < gi->n_ci; k++) {
			const struct engine_claim *c = engine_claim_of(list, gi->ci[k].uuid);

			if (c && (change->change.ci < 0 || gi->ci[k].id == change->change.ci))
				return refuse_claimed(change, c, busy, reterr);
		}
	}
	return 0;
}

int act_claimed(struct act *act, const struct act_change *changes, unsigned n, bool dry_run,
		struct act_busy *busy, struct mig_error *reterr)
{
	struct engine_claim_list list = { 0 };
	int r = engine_claims_open(&act->claims, act->dir, false, reterr);

	if (r == -ENOENT)
		return 0; /* nothing was ever run here */
	if (r < 0)
		return r;
	act->claiming = true;
	if (!dry_run)
		r = engine_claims_enter(&act->claims, DOOR_MS, reterr);
	if (r >= 0)
		r = engine_claims_list(&act->claims, &list, reterr);
	for (unsigned i = 0; i < n && r >= 0; i++)
		r = look_for_claims(&list, &changes[i], busy, reterr);
	engine_claim_list_free(&list);
	return r;
}

/* --- what was made for a program -------------------------------------------------------------- */

static const struct mig_gi *find_made(const struct mig_gpu *gpu, const struct engine_made *made)
{
	for (uint32_t i = 0; i < gpu->n_gi; i++)
		if (gpu->gi[i].profile < gpu->board.n_gi && gpu->gi[i].start == made->start &&
		    gpu->board.gi[gpu->gi[i].profile].id == made->profile_id)
			return &gpu->gi[i];
	return NULL;
}

/* false: it is still there. */
static bool destroy_made(struct act *act, const struct mig_gpu *gpu, const struct engine_made *made)
{
	_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
	_cleanup_free_ struct engine_op *op = act_op(act);
	struct engine_gpu *to;
	struct engine_gi *gi;

	if (!report || !op || act_add_gpu(op, gpu, &to, NULL) < 0)
		return false;
	snprintf(op->command, sizeof(op->command), "end of '%.240s'", made->command);
	gi = engine_find_gi(&to->to, made->profile_id, made->start);
	if (!gi)
		return false;
	memmove(gi, gi + 1, (size_t)(&to->to.gi[to->to.n_gi] - (gi + 1)) * sizeof(*gi));
	to->to.n_gi--;
	return engine_run(&act->engine, op, report, NULL) >= 0 && report->result == ENGINE_DONE;
}

/* 1: it is there, and *ret is its end; 0: it has gone; -errno: that cannot be seen. */
static int find_end(struct act *act, const struct engine_made *made, unsigned wish,
		    struct cli_source *source, struct act_change *ret)
{
	struct cli_source_args of = { .gpus = made->uuid, .nvml = &act->nvml };
	int r = cli_source_open(&of, wish, source, NULL);
	const struct mig_gi *gi;

	if (r < 0)
		return r;
	*ret = (struct act_change){ .gpu = &source->snapshot->gpu[0],
				    .change = { MIG_ACTION_DESTROY_GI, -1, -1 } };
	if (source->snapshot->n_gpu != 1 || ret->gpu->status || ret->gpu->gi_status)
		return -EIO;
	gi = find_made(ret->gpu, made);
	ret->change.gi = gi ? gi->id : -1;
	return gi != NULL;
}

/* Most are claimed still, which costs less to find than who has files open. */
static int is_claimed(struct act *act, const struct engine_made *made,
		      const struct engine_claim_list *list)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	struct act_change change;
	struct act_busy busy;
	int r = find_end(act, made, OBSERVE_BOARD, &source, &change);

	return r <= 0 ? r : look_for_claims(list, &change, &busy, NULL) < 0 ? -EBUSY : 1;
}

/* Whether nothing is left of it, so that its record can go. */
static bool end_one(struct act *act, const struct engine_made *made,
		    const struct engine_claim_list *list)
{
	const unsigned wish = OBSERVE_BOARD | OBSERVE_PROCESSES | OBSERVE_HOLDERS;
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	uint32_t pids[ACT_MAX_PIDS];
	struct act_change change;
	unsigned n;
	int r;

	if (made->boot[0] && act->boot[0] && strcmp(made->boot, act->boot) != 0)
		return true;
	r = is_claimed(act, made, list);
	if (r > 0)
		r = find_end(act, made, wish, &source, &change);
	if (r <= 0)
		return r == 0;
	return act_in_the_way(source.snapshot, &change, 1, pids, ACT_MAX_PIDS, &n, NULL) >= 0 &&
	       destroy_made(act, change.gpu, made);
}

void act_made_end(struct act *act)
{
	_cleanup_free_ struct engine_made *made = NULL;
	_cleanup_(engine_claims_close) struct engine_claims claims = { .door = -1 };
	struct engine_claim_list list = { 0 };
	unsigned n;

	if (!engine_made_any(act->dir))
		return;
	made = calloc(ENGINE_MAX_MADE, sizeof(*made));
	if (!made || engine_claims_open(&claims, act->dir, true, NULL) < 0 ||
	    engine_claims_enter(&claims, DOOR_MS, NULL) < 0)
		return;
	n = engine_claims_list(&claims, &list, NULL) < 0
		    ? 0
		    : engine_made_list(act->dir, made, ENGINE_MAX_MADE);
	for (unsigned i = 0; i < n; i++)
		if (end_one(act, &made[i], &list))
			engine_made_remove(act->dir, &made[i]);
	engine_claim_list_free(&list);
}

/* --- a run that was cut off ------------------------------------------------------------------- */

static bool has_made(const struct engine_layout *l, const struct engine_made *made)
{
	for (uint32_t i = 0; i < l->n_gi; i++)
		if (l->gi[i].profile_id == made->profile_id && l->gi[i].start == made->start)
			return true;
	return false;
}

/* Whether that instance is all that the operation is about. */
static bool is_about(const struct engine_op *op, const struct engine_made *made, bool *ret_creates)
{
	const struct engine_gpu *gpu = &op->gpu[0];

	if (op->n_gpu != 1 || gpu->mode != ENGINE_MODE_KEEP || gpu->reset ||
	    strcmp(gpu->uuid, made->uuid) != 0)
		return false;
	*ret_creates = has_made(&gpu->to, made);
	return *ret_creates != has_made(&gpu->from, made) &&
	       gpu->to.n_gi + (*ret_creates ? 0 : 1u) == gpu->from.n_gi + (*ret_creates ? 1u : 0);
}

bool act_made_settle(struct act *act, struct engine_op *left)
{
	_cleanup_free_ struct engine_made *made = calloc(ENGINE_MAX_MADE, sizeof(*made));
	_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
	unsigned n = made && report ? engine_made_list(act->dir, made, ENGINE_MAX_MADE) : 0;
	bool creates;

	for (unsigned i = 0; i < n; i++) {
		if (!is_about(left, &made[i], &creates))
			continue;
		/* Nobody will use it: away with it, whichever way that is. */
		return engine_recover(&act->engine, left, creates ? ENGINE_WAY_BACK : ENGINE_WAY_ON,
				      report, NULL) >= 0 &&
		       report->result != ENGINE_PARTLY;
	}
	return false;
}
