/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "observe/observe.h"

/*
 * "migctl mode on|off" and "migctl reset": of the GPUs that are named, and no other. Neither takes
 * instances with it: who wants them gone says so first.
 */

struct args {
	struct act_args act;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt mode_opts[] = { ACT_EVICT_OPTS(A(act)), ACT_OPTS(A(act)), OPT_END };
const struct cli_opt reset_opts[] = { ACT_EVICT_OPTS(A(act)), ACT_OPTS(A(act)), OPT_END };
#undef A

enum wish { MODE_ON, MODE_OFF, RESET };

struct job {
	const struct act_args *args;
	enum wish wish;
	struct act act;
	struct cli_out *out;
	struct cli_source source;
	struct engine_op *op; /* of all GPUs, to show */
};

static const char *const verbs[] = { [MODE_ON] = "a change of MIG mode",
				     [MODE_OFF] = "a change of MIG mode",
				     [RESET] = "a reset" };

/* --- whether it may be done ------------------------------------------------------------------- */

static int check_gpu(const struct job *j, const struct mig_gpu *g, struct mig_error *reterr)
{
	int r = observe_gpu_answers(g, reterr);

	/* A reset is what helps a GPU that needs one. */
	if (r < 0)
		return j->wish == RESET && g->status == NVML_ERROR_RESET_REQUIRED ? 0 : r;
	if (j->wish != RESET && !g->mig_capable)
		return mig_fail(reterr, -ENOTSUP, "GPU %u (%s) has no MIG mode", g->index, g->name);
	if (g->n_gi && j->wish != MODE_ON)
		return mig_fail(
			reterr, -EBUSY,
			"GPU %u has %u GPU instance%s, which %s would end: 'migctl destroy -i %u "
			"all' first; nothing was changed",
			g->index, g->n_gi, g->n_gi == 1 ? "" : "s", verbs[j->wish], g->index);
	return 0;
}

static bool has_mode(const struct job *j, const struct mig_gpu *g)
{
	uint8_t want = j->wish == MODE_ON ? MIG_MODE_ON : MIG_MODE_OFF;

	return j->wish != RESET && g->mode == want && g->pending == want;
}

static int check_free(const struct job *j, const struct mig_gpu *g, struct act_busy *busy,
		      struct mig_error *reterr)
{
	struct act_change c = { .gpu = g,
				.change = { j->wish == RESET ? MIG_ACTION_RESET : MIG_ACTION_MODE,
					    -1, -1 } };

	snprintf(c.what, sizeof(c.what), "GPU %u", g->index);
	return act_in_the_way(j->source.snapshot, &c, 1, busy->pid, ACT_MAX_PIDS, &busy->n, reterr);
}

static int add_gpu(struct job *j, const struct mig_gpu *g, struct act_busy *busy,
		   struct mig_error *reterr)
{
	struct engine_gpu *gpu = &j->op->gpu[j->op->n_gpu];
	int r = check_gpu(j, g, reterr);

	if (r < 0 || has_mode(j, g))
		return r;
	r = check_free(j, g, busy, reterr);
	if (r < 0)
		return r;
	if (j->op->n_gpu == ENGINE_MAX_GPUS)
		return mig_fail(reterr, -EINVAL, "at most %d GPUs are changed at once",
				ENGINE_MAX_GPUS);
	snprintf(gpu->uuid, sizeof(gpu->uuid), "%s", g->uuid);
	gpu->index = g->index;
	gpu->mode_was = g->mode;
	gpu->pending_was = g->pending;
	if (j->wish == RESET)
		gpu->reset = 1;
	else
		gpu->mode = j->wish == MODE_ON ? ENGINE_MODE_ON : ENGINE_MODE_OFF;
	j->op->n_gpu++;
	return 0;
}

static int look(struct job *j, struct act_busy *busy, struct mig_error *reterr)
{
	const struct mig_snapshot *s;
	int r;

	cli_source_close(&j->source);
	free(j->op);
	j->op = act_op(&j->act);
	if (!j->op)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	/* The board says whether a change of mode is a reset, which more are in the way of. */
	r = cli_source_open(&j->args->source, OBSERVE_BOARD | OBSERVE_PROCESSES | OBSERVE_HOLDERS,
			    &j->source, reterr);
	if (r < 0)
		return r;
	s = j->source.snapshot;
	if (s->n_gpu > 1 && !j->args->source.gpus)
		return mig_fail(
			reterr, -EINVAL,
			"of which GPU? There are %u: say with -i, such as -i %u, or -i 0,1 for "
			"several",
			s->n_gpu, s->gpu[0].index);
	for (uint32_t i = 0; i < s->n_gpu && r >= 0; i++)
		r = add_gpu(j, &s->gpu[i], busy, reterr);
	return r;
}

/* --- doing it --------------------------------------------------------------------------------- */

/* Each GPU by itself: one that cannot does not keep the others from it. */
static int run_each(struct job *j, struct act_gpu_row *rows, struct mig_error *reterr)
{
	int worst = 0;

	for (uint32_t i = 0; i < j->op->n_gpu; i++) {
		_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
		_cleanup_free_ struct engine_op *op = act_op(&j->act);
		int r;

		if (!report || !op)
			return mig_fail(reterr, -ENOMEM, "out of memory");
		op->n_gpu = 1;
		op->gpu[0] = j->op->gpu[i];
		r = engine_run(&j->act.engine, op, report, reterr);
		if (r < 0)
			return r;
		rows[i].gpu = op->gpu[0].index;
		rows[i].result = engine_result_name(report->result);
		snprintf(rows[i].why, sizeof(rows[i].why), "%s", report->why);
		if (report->result == ENGINE_DONE || worst)
			continue;
		worst = act_failed(op, report, reterr);
	}
	return worst;
}

static int act_on_all(struct job *j, struct mig_error *reterr)
{
	struct act_gpu_row rows[ENGINE_MAX_GPUS] = { { 0 } };
	struct mig_error err = { 0 };
	int worst, r;

	fflush(stdout);
	worst = run_each(j, rows, &err);
	if (worst < 0 && !rows[0].result)
		return mig_fail(reterr, worst, "%s", err.msg);
	r = cli_out_str(j->out, "result", NULL, worst ? "failed" : "done");
	if (r >= 0)
		r = cli_out_str(j->out, "why", NULL, worst ? err.msg : NULL);
	if (r >= 0)
		r = act_show_gpus(j->out, rows, j->op->n_gpu);
	if (r >= 0)
		r = cli_out_end(j->out, reterr);
	if (worst < 0)
		return mig_fail(reterr, worst, "%s", err.msg);
	return r < 0 ? r : CLI_EXIT_OK;
}

static int attempt(void *arg, struct act_busy *busy, struct mig_error *reterr)
{
	struct job *j = arg;
	int r = j->args->dry_run ? 0 : act_lock(&j->act, j->args, reterr);

	if (r >= 0)
		r = look(j, busy, reterr);
	if (r < 0) {
		act_unlock(&j->act);
		return r;
	}
	r = act_show_steps(j->out, &j->act, j->source.snapshot, j->op, j->args->dry_run);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the steps: %s", strerror(-r));
	if (j->args->dry_run)
		return act_show_dry(j->out, &j->act, reterr);
	return act_on_all(j, reterr);
}

static int run_job(struct job *j, struct args *a, struct mig_error *reterr)
{
	int r = act_check_args(&a->act, reterr);

	if (r >= 0)
		r = cli_source_out(&a->act.source, &j->out, reterr);
	if (r >= 0)
		r = act_open(&j->act, reterr);
	if (r >= 0) {
		cli_out_main_list(j->out, "gpus");
		a->act.source.nvml = &j->act.nvml;
		j->args = &a->act;
		r = act_until_free(&a->act, attempt, j, reterr);
		r = act_refused(&j->act, r, reterr);
	}
	cli_source_close(&j->source);
	free(j->op);
	cli_out_freep(&j->out);
	act_close(&j->act);
	return r;
}

int cmd_mode(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct args a = { .act.grace = ACT_GRACE };
	struct job j = { .act.list = ACT_LIST_GPUS };
	int r;

	act_command(cmd, argc, argv, j.act.command, sizeof(j.act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (!strcmp(argv[0], "on"))
		j.wish = MODE_ON;
	else if (!strcmp(argv[0], "off"))
		j.wish = MODE_OFF;
	else
		return mig_fail(reterr, -EINVAL, "'%.40s' is no MIG mode: on or off", argv[0]);
	return run_job(&j, &a, reterr);
}

int cmd_reset(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct args a = { .act.grace = ACT_GRACE };
	struct job j = { .wish = RESET, .act.list = ACT_LIST_GPUS };
	int r;

	act_command(cmd, argc, argv, j.act.command, sizeof(j.act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	return r < 0 ? r : run_job(&j, &a, reterr);
}
