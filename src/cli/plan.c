/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/names.h"

/*
 * "migctl plan": from the layout that a GPU has to the one that is asked for. It changes nothing;
 * what is in use, or told to stay, is never part of a change.
 */

struct args {
	struct cli_subject_args subject;
	struct cli_list need;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt plan_opts[] = {
	OPT_LIST("need", 'n', A(need), "NEED",
		 "by need instead of profiles: 30GiB, 28SM, 3x12GiB,28SM; may be given more than "
		 "once"),
	CLI_KEEP_OPT(A(subject)), CLI_SUBJECT_OPTS(A(subject)), OPT_END
};
#undef A

/* Of each change an order of creation without starts, or the proof that there is none. */
static int find_orders(struct plan_answer *a, struct mig_error *reterr)
{
	for (unsigned i = 0; i < a->n; i++) {
		const struct mig_plan_change *c = &a->change[i];
		struct mig_counts counts = mig_plan_counts(a->s->table, c->create);
		int r;

		if (!c->create)
			continue;
		r = mig_plan_order(a->s->table, c->keep, &counts, c->target, &a->order[i]);
		if (r < 0 && r != -ENOSPC)
			return mig_fail(reterr, r, "cannot order the steps: %s", strerror(-r));
		a->ordered[i] = r == 0;
		/* A failed search leaves nothing to create by. */
		if (r < 0)
			a->order[i].n = 0;
	}
	return 0;
}

/* Fills what is said about a goal that does not fit. */
static int why_not(struct plan_answer *a, struct mig_error *reterr)
{
	const struct cli_subject *s = a->s;
	struct mig_counts nearest[PLAN_NEAREST];
	struct mig_plan_reason why;
	int r = mig_plan_must_go(s->table, &s->state, &a->goal, &a->must_go);

	if (r < 0 && r != -ENOSPC)
		return mig_fail(reterr, r, "cannot say why it does not fit: %s", strerror(-r));
	if (r == 0) {
		cli_must_go_text(s, a->must_go, a->reason, sizeof(a->reason));
	} else {
		a->must_go = 0;
		mig_plan_why_not(s->table, &a->goal, &why);
		cli_reason_text(s->board, s->table, &a->goal, &why, a->reason, sizeof(a->reason));
	}
	a->n_nearest = mig_plan_nearest(s->table, &s->state, &a->goal, nearest, PLAN_NEAREST);
	for (unsigned i = 0; i < a->n_nearest; i++)
		cli_counts_text(s->board, &nearest[i], a->nearest[i], sizeof(a->nearest[i]));
	return 0;
}

/* What the words ask for; -ENOSPC: needs that no layout serves. */
static int read_goal(const struct args *args, char *const *words, unsigned n, struct plan_answer *a,
		     struct mig_error *reterr)
{
	if (!args->need.n)
		return cli_goal_from_words(a->s, words, n, &a->goal, reterr);
	return plan_needs_goal(a, reterr);
}

static int solve(const struct args *args, char *const *words, unsigned n, struct plan_answer *a,
		 struct mig_error *reterr)
{
	const struct cli_subject *s = a->s;
	int r = read_goal(args, words, n, a, reterr);

	if (r == -ENOSPC) {
		plan_needs_why_not(a);
		return 0;
	}
	if (r < 0)
		return r;
	r = mig_plan_change(s->table, &s->state, &a->goal, a->change, PLAN_ALTERNATIVES, reterr);
	if (r == -ENOSPC)
		return why_not(a, reterr);
	if (r < 0)
		return r;
	a->n = (unsigned)r;
	return find_orders(a, reterr);
}

static int check_words(const struct args *a, int argc, struct mig_error *reterr)
{
	if (argc && a->need.n)
		return mig_fail(reterr, -EINVAL,
				"profiles and --need do not go together: name the layout, or what "
				"it has to serve");
	if (!argc && !a->need.n)
		return mig_fail(reterr, -EINVAL,
				"PROFILE is missing: what shall the GPU have? 'migctl plan 3g.40gb "
				"2x1g.10gb', or 'migctl plan --need 30GiB'");
	return 0;
}

int cmd_plan(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(cli_subject_close) struct cli_subject s = { 0 };
	struct plan_answer a = { .s = &s };
	struct cli_named named;
	struct args args = { 0 };
	int r;

	r = cli_parse(cmd, &args, &argc, argv, reterr);
	if (r >= 0)
		r = check_words(&args, argc, reterr);
	if (r >= 0)
		r = plan_needs_parse(&args.need, &a, reterr);
	if (r >= 0 && !args.subject.board)
		r = cli_names_replace(&named, argc, argv, &args.subject.source, reterr);
	if (r >= 0)
		r = cli_source_out(&args.subject.source, &out, reterr);
	if (r < 0)
		return r;
	cli_out_main_list(out, "plans");
	r = cli_subject_open(&args.subject, CLI_SUBJECT_STATE, &s, reterr);
	if (r >= 0)
		r = solve(&args, argv, (unsigned)argc, &a, reterr);
	if (r < 0)
		return r;
	r = plan_print(out, &a);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the plan: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	if (r < 0)
		return r;
	return a.n ? CLI_EXIT_OK : CLI_EXIT_UNAVAILABLE;
}
