/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "cli/names.h"

/*
 * "migctl create": instances beside those that there are. Several requests are planned together and
 * made all or none; where each goes is decided here, never by the driver.
 */

#define MAX_REQUESTS 32

struct args {
	struct act_args act;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt create_opts[] = { ACT_OPTS(A(act)), OPT_END };
#undef A

struct request_slots {
	struct create_request req[MAX_REQUESTS];
	unsigned n;
};

static int add_request(const struct cli_subject *s, const struct create_request *q,
		       struct mig_plan_goal *goal, struct mig_error *reterr)
{
	const struct mig_gi_profile *p = &s->board->gi[q->profile];
	int slot;

	goal->counts.n[q->profile] = (uint8_t)(goal->counts.n[q->profile] + q->count);
	if (q->start < 0)
		return 0;
	slot = mig_plan_slot_at(s->table, q->profile, (unsigned)q->start);
	if (slot < 0)
		return mig_fail(reterr, -EINVAL, "%s cannot start at %d", p->name, q->start);
	if (s->state.now >> slot & 1)
		return mig_fail(reterr, -EEXIST, "GPU %u has a %s at %d already", s->gpu->index,
				p->name, q->start);
	if (goal->at >> slot & 1)
		return mig_fail(reterr, -EINVAL, "%s@%d is asked for twice: one can start there",
				p->name, q->start);
	goal->at |= (mig_slots)1 << slot;
	return 0;
}

static int does_not_fit(const struct cli_subject *s, const struct mig_plan_goal *goal,
			struct mig_error *reterr)
{
	/* What is there stays where it is, which is nobody's wish: without it the reason is found.
	 */
	const struct mig_plan_goal wish = { .counts = goal->counts,
					    .at = goal->at & ~s->state.now };
	struct mig_plan_reason why;
	char text[CLI_PLAN_TEXT];
	mig_slots go = 0;

	if (mig_plan_must_go(s->table, &s->state, &wish, &go) >= 0) {
		char what[CLI_PLAN_TEXT];

		cli_instances_text(s, go, what, sizeof(what));
		return mig_fail(reterr, -ENOTSUP,
				"GPU %u has no room for it beside %s: 'migctl explain' and 'migctl "
				"plan' say what would help; nothing was changed",
				s->gpu->index, what);
	}
	mig_plan_why_not(s->table, &wish, &why);
	cli_reason_text(s->board, s->table, &wish, &why, text, sizeof(text));
	return mig_fail(reterr, -ENOTSUP, "GPU %u cannot have it: %.300s; nothing was changed",
			s->gpu->index, text);
}

/* The layout in the end: all that is there, and what is asked for. */
static int find_places(const struct cli_subject *s, const struct request_slots *q,
		       mig_slots *ret_create, struct mig_error *reterr)
{
	struct mig_plan_goal goal = { .counts = mig_plan_counts(s->table, s->state.now),
				      .at = s->state.now };
	struct mig_plan_change change;
	int r = 0;

	for (unsigned i = 0; i < q->n && r >= 0; i++)
		r = add_request(s, &q->req[i], &goal, reterr);
	if (r < 0)
		return r;
	r = mig_plan_change(s->table, &s->state, &goal, &change, 1, reterr);
	if (r == -ENOSPC)
		return does_not_fit(s, &goal, reterr);
	if (r < 0)
		return r;
	*ret_create = change.create;
	return 0;
}

static int add_gi(const struct cli_subject *s, unsigned slot, const char *cut,
		  struct engine_layout *to, struct mig_error *reterr)
{
	const struct mig_slot *p = mig_plan_slot(s->table, slot);
	struct engine_gi *gi = &to->gi[to->n_gi];

	if (to->n_gi == MIG_MAX_GI)
		return mig_fail(reterr, -ENOTSUP, "a GPU holds at most %d GPU instances",
				MIG_MAX_GI);
	*gi = (struct engine_gi){ .start = p->start,
				  .size = p->size,
				  .profile_id = s->board->gi[p->profile].id };
	memcpy(gi->name, s->board->gi[p->profile].name, sizeof(gi->name));
	to->n_gi++;
	return create_cut(s->board, p->profile, cut, gi, reterr);
}

/* Which place is whose: those with a start have theirs, the others take the lowest ones. */
static int share_places(const struct cli_subject *s, const struct request_slots *q,
			mig_slots create, struct engine_layout *to, struct mig_error *reterr)
{
	for (int named = 1; named >= 0; named--) {
		for (unsigned i = 0; i < q->n; i++) {
			const struct create_request *req = &q->req[i];
			unsigned left = req->count;

			if ((req->start >= 0) != named)
				continue;
			for (unsigned k = 0; k < mig_plan_n_slots(s->table) && left; k++) {
				const struct mig_slot *p = mig_plan_slot(s->table, k);
				int r;

				if (!(create >> k & 1) || p->profile != req->profile ||
				    (named && p->start != req->start))
					continue;
				create &= ~((mig_slots)1 << k);
				left--;
				r = add_gi(s, k, req->cut, to, reterr);
				if (r < 0)
					return r;
			}
		}
	}
	return 0;
}

static int check_mode(const struct cli_subject *s, struct mig_error *reterr)
{
	if (!cli_subject_mode_off(s))
		return 0;
	if (s->gpu->pending == MIG_MODE_ON)
		return mig_fail(reterr, -ENOTRECOVERABLE,
				"MIG mode of GPU %u is on only after a reset: 'migctl reset -i %u'",
				s->gpu->index, s->gpu->index);
	return mig_fail(reterr, -ENOTSUP, "MIG mode of GPU %u is off: 'migctl mode on -i %u' first",
			s->gpu->index, s->gpu->index);
}

/* Whoever computes on the whole GPU is in the way of its first instance. */
static int check_free(const struct cli_subject *s, struct mig_error *reterr)
{
	struct act_change first = { .gpu = s->gpu, .change = { MIG_ACTION_FIRST_GI, -1, -1 } };
	uint32_t pids[ACT_MAX_PIDS];
	unsigned n;

	if (s->state.now || !mig_action_possible(s->gpu, MIG_ACTION_FIRST_GI))
		return 0;
	snprintf(first.what, sizeof(first.what), "GPU %u", s->gpu->index);
	return act_in_the_way(s->source.snapshot, &first, 1, pids, ACT_MAX_PIDS, &n, reterr);
}

int create_plan(const struct cli_subject *s, int argc, char *const *argv, struct engine_op *op,
		struct mig_error *reterr)
{
	struct request_slots q = { 0 };
	struct engine_gpu *gpu;
	mig_slots create = 0;
	int r = create_parse(s->board, argv, (unsigned)argc, q.req, MAX_REQUESTS, reterr);

	if (r == 0)
		return mig_fail(reterr, -EINVAL,
				"'%s': a profile is missing: [Nx]PROFILE[@START][/CUT], such as "
				"3g.40gb@4 or 3g.40gb/1c,2c",
				argv[0]);
	if (r < 0)
		return r;
	q.n = (unsigned)r;
	r = 0;
	for (unsigned i = 0; i < q.n && r >= 0; i++)
		r = create_cut(s->board, q.req[i].profile, q.req[i].cut, &(struct engine_gi){ 0 },
			       reterr);
	if (r >= 0)
		r = check_mode(s, reterr);
	if (r >= 0)
		r = check_free(s, reterr);
	if (r >= 0)
		r = find_places(s, &q, &create, reterr);
	if (r >= 0)
		r = act_add_gpu(op, s->gpu, &gpu, reterr);
	return r < 0 ? r : share_places(s, &q, create, &gpu->to, reterr);
}

static int create(struct act *act, struct args *a, struct cli_out *out, int argc, char **argv,
		  struct mig_error *reterr)
{
	_cleanup_(cli_subject_close) struct cli_subject s = { 0 };
	_cleanup_free_ struct engine_op *op = NULL;
	struct cli_subject_args of = { 0 };
	const bool in_gi = create_in_gi(argc, argv);
	char gpu[64];
	int r = a->act.dry_run ? 0 : act_lock(act, &a->act, reterr);

	of.source = a->act.source;
	if (r >= 0 && in_gi) {
		r = create_gpu_of(argc, argv, gpu, sizeof(gpu), reterr);
		of.source.gpus = gpu;
	}
	of.source.nvml = &act->nvml;
	of.keep = (struct cli_list){ 1, { "all" } };
	if (r >= 0)
		r = cli_subject_open(&of, CLI_SUBJECT_STATE, &s, reterr);
	if (r < 0)
		return r;
	cli_out_main_list(out, "instances");
	op = act_op(act);
	if (!op)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = in_gi ? create_ci_plan(&s, argc, argv, op, reterr)
		  : create_plan(&s, argc, argv, op, reterr);
	if (r >= 0)
		r = act_show_steps(out, act, s.source.snapshot, op, a->act.dry_run);
	if (r < 0)
		return r;
	return a->act.dry_run ? act_show_dry(out, act, reterr) : act_run(out, act, op, reterr);
}

int cmd_create(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(act_close) struct act act = { .list = ACT_LIST_NEW };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct cli_named named;
	struct args a = { 0 };
	int r;

	act_command(cmd, argc, argv, act.command, sizeof(act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0 && a.act.source.gpus && create_in_gi(argc, argv))
		return mig_fail(reterr, -EINVAL,
				"-i and '%.60s' are two ways to say which GPU: leave one out",
				create_in_gi(argc, argv));
	if (r >= 0)
		r = cli_names_replace(&named, argc, argv, &a.act.source, reterr);
	if (r >= 0)
		r = cli_source_out(&a.act.source, &out, reterr);
	if (r >= 0)
		r = act_open(&act, reterr);
	if (r >= 0)
		r = create(&act, &a, out, argc, argv, reterr);
	return act_refused(&act, r, reterr);
}
