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
 * "migctl recover": what an acting command left half done, because it was killed or because its way
 * back failed, goes back to what was before, or on to what was asked for.
 */

struct args {
	struct act_args act;
	bool finish;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt recover_opts[] = {
	OPT_FLAG("finish", 'f', A(finish), "go on to what was asked for instead of back"),
	OPT_FLAG("dry-run", 'n', A(act.dry_run), "say what would be done, and change nothing"),
	OPT_ENUM("output", 'o', A(act.source.format), "FORMAT", cli_formats, "how to print"),
	OPT_FLAG("no-color", 0, A(act.source.no_color), "no colour, also on a terminal"),
	OPT_END,
};
#undef A

static void set_end(const struct engine_op *left, uint32_t k, enum engine_way way,
		    struct engine_gpu *gpu)
{
	struct engine_layout made;

	if (!left->trial) {
		gpu->to = way == ENGINE_WAY_ON ? left->gpu[k].to : left->gpu[k].from;
		return;
	}
	/* All but what it made stays. */
	engine_trial_left(left, &gpu->from, &made);
	gpu->to.n_gi = 0;
	for (uint32_t i = 0; i < gpu->from.n_gi; i++)
		if (!engine_find_gi(&made, gpu->from.gi[i].profile_id, gpu->from.gi[i].start))
			gpu->to.gi[gpu->to.n_gi++] = gpu->from.gi[i];
}

/* The same operation from what there is now to the end that is wanted, to be shown. */
static int remaining(const struct act *act, const struct engine_op *left, enum engine_way way,
		     struct cli_source *source, struct engine_op *ret, struct mig_error *reterr)
{
	char list[ENGINE_MAX_GPUS * 49] = "";
	struct cli_source_args of = { .gpus = list, .nvml = &act->nvml };
	int r;

	for (uint32_t i = 0; i < left->n_gpu; i++)
		cli_text_add(list, sizeof(list), "%s%s", i ? "," : "", left->gpu[i].uuid);
	r = cli_source_open(&of, OBSERVE_BOARD, source, reterr);
	for (uint32_t i = 0; r >= 0 && i < source->snapshot->n_gpu; i++) {
		const struct mig_gpu *g = &source->snapshot->gpu[i];
		struct engine_gpu *gpu;

		r = act_add_gpu(ret, g, &gpu, reterr);
		for (uint32_t k = 0; r >= 0 && k < left->n_gpu; k++)
			if (!strcmp(left->gpu[k].uuid, g->uuid))
				set_end(left, k, way, gpu);
	}
	return r;
}

static int nothing(struct cli_out *out, struct act *act, const struct args *a,
		   struct mig_error *reterr)
{
	struct cli_source source = { 0 };
	struct cli_source_args of = { .nvml = &act->nvml };
	struct engine_op none = { 0 };
	int r = cli_source_open(&of, OBSERVE_BASE, &source, reterr);

	if (r >= 0)
		r = act_show_steps(out, act, source.snapshot, &none, a->act.dry_run);
	cli_source_close(&source);
	if (r >= 0)
		r = cli_out_str(out, "result", NULL, "nothing");
	if (r >= 0)
		r = cli_out_str(out, "why", NULL, NULL);
	cli_out_say(out, RENDER_PLAIN, "Nothing is half done.");
	return r < 0 ? r : cli_out_end(out, reterr);
}

static int say_partly(const struct engine_report *report, struct mig_error *reterr)
{
	return mig_fail(reterr, -ECANCELED,
			"it is still half done: cannot %s: %.200s; 'migctl recover' or 'migctl "
			"recover --finish' once the reason is gone",
			report->failed[0] ? report->failed : "read all of its GPUs",
			report->why[0] ? report->why : "the driver does not answer");
}

static int go(struct cli_out *out, struct act *act, struct engine_op *op, enum engine_way way,
	      struct mig_error *reterr)
{
	_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
	char text[300];
	int r;

	if (!report)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	fflush(stdout);
	r = engine_recover(&act->engine, op, way, report, reterr);
	if (r >= 0)
		r = cli_out_str(out, "result", NULL, engine_result_name(report->result));
	if (r >= 0)
		r = cli_out_str(out, "why", NULL, report->why[0] ? report->why : NULL);
	if (r < 0)
		return r;
	cli_out_gap(out);
	for (uint32_t i = 0; i < op->n_gpu; i++)
		if (report->known[i])
			cli_out_say(out, RENDER_PLAIN, "GPU %u has now: %s.", op->gpu[i].index,
				    engine_layout_text(&report->now[i], text, sizeof(text)));
	r = cli_out_end(out, reterr);
	return report->result == ENGINE_PARTLY ? say_partly(report, reterr) : r;
}

static int recover(const struct args *a, struct act *act, struct cli_out *out,
		   const struct engine_entry *left, struct mig_error *reterr)
{
	enum engine_way way = a->finish ? ENGINE_WAY_ON : ENGINE_WAY_BACK;
	_cleanup_free_ struct engine_op *op = act_op(act);
	struct cli_source source = { 0 };
	int r;

	if (!op)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = remaining(act, left->op, way, &source, op, reterr);
	if (r >= 0) {
		cli_out_say(out, RENDER_PLAIN, "'%s' (%s, %s) goes %s.", left->op->command,
			    left->op->user, left->op->time, a->finish ? "on to its end" : "back");
		r = act_show_steps(out, act, source.snapshot, op, a->act.dry_run);
	}
	cli_source_close(&source);
	if (r < 0)
		return r;
	return a->act.dry_run ? act_show_dry(out, act, reterr)
			      : go(out, act, left->op, way, reterr);
}

static int look(struct act *act, const struct args *a, struct cli_out *out,
		struct mig_error *reterr)
{
	_cleanup_(engine_history_free) struct engine_history h = { 0 };
	const struct engine_entry *left;
	/* Not act_lock(), which refuses what this is for. */
	int r = a->act.dry_run ? 0 : engine_lock(&act->engine, act->command, reterr);

	if (r >= 0)
		r = engine_history_read(act->dir, &h, reterr);
	if (r < 0)
		return r;
	left = engine_unfinished(&h);
	if (!left || (!a->act.dry_run && engine_settle(&act->engine, left->op, act->boot)))
		r = nothing(out, act, a, reterr);
	else
		r = recover(a, act, out, left, reterr);
	/* And what "run --create" left, unless something is half done still. */
	if (r >= 0 && !a->act.dry_run)
		act_made_end(act);
	return r;
}

int cmd_recover(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(act_close) struct act act = { 0 };
	struct args a = { 0 };
	int r;

	act_command(cmd, argc, argv, act.command, sizeof(act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_source_out(&a.act.source, &out, reterr);
	if (r >= 0)
		r = act_open(&act, reterr);
	if (r >= 0)
		r = look(&act, &a, out, reterr);
	return act_refused(&act, r, reterr);
}
