/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "cli/status_rows.h"
#include "observe/observe.h"

/* --- before ----------------------------------------------------------------------------------- */

struct step_row {
	uint32_t step, gpu;
	const char *action, *profile;
	int32_t gi, ci, start;
	char text[160];
};

#define R(f) offsetof(struct step_row, f)
static const struct cli_field step_fields[] = {
	{ "step", "", F_U32, R(step) },
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "action", NULL, F_PTR, R(action) },
	{ "profile", NULL, F_PTR, R(profile) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "ci", NULL, F_INT, R(ci) },
	{ "start", NULL, F_INT, R(start) },
	{ "what", "WHAT", F_STR, R(text), CLI_WRAP },
	{ NULL },
};
#undef R

static void fill_step(const struct engine_op *op, const struct engine_step *s, struct step_row *row)
{
	bool of_gi = s->what == ENGINE_CREATE_GI || s->what == ENGINE_DESTROY_GI;
	bool of_ci = s->what == ENGINE_CREATE_CI || s->what == ENGINE_DESTROY_CI;
	bool known = s->what == ENGINE_DESTROY_GI || s->what == ENGINE_DESTROY_CI;

	row->gpu = op->gpu[s->gpu].index;
	row->action = engine_do_name((enum engine_do)s->what);
	row->gi = known ? s->gi.id : CLI_NONE;
	row->ci = s->what == ENGINE_DESTROY_CI ? s->ci.id : CLI_NONE;
	row->start = of_gi ? s->gi.start : of_ci ? s->ci.start : CLI_NONE;
	row->profile = of_gi ? s->gi.name : of_ci ? s->ci.name : NULL;
	engine_step_text(s, row->text, sizeof(row->text));
}

static int show_list(struct cli_out *out, const struct engine_op *op)
{
	size_t max = (size_t)ENGINE_MAX_STEPS * (op->n_gpu + 1);
	_cleanup_free_ struct engine_step *steps = calloc(max, sizeof(*steps));
	_cleanup_free_ struct step_row *rows = calloc(max, sizeof(*rows));
	unsigned n;

	if (!steps || !rows)
		return -ENOMEM;
	n = engine_all_steps(op, steps);
	for (unsigned i = 0; i < n; i++) {
		rows[i].step = i + 1;
		fill_step(op, &steps[i], &rows[i]);
	}
	return cli_out_list(out, "steps", NULL, "There is nothing to do.", step_fields, rows, n,
			    sizeof(*rows));
}

int act_show_steps(struct cli_out *out, const struct act *act, const struct mig_snapshot *s,
		   const struct engine_op *op, bool dry_run)
{
	int r = cli_out_str(out, "source", "Machine:", s->source);

	if (r >= 0)
		r = cli_out_str(out, "driver", s->lab ? "Driver:" : NULL, s->driver);
	if (r >= 0)
		r = cli_out_str(out, "command", NULL, act->command);
	if (r >= 0)
		r = cli_out_bool(out, "dry_run", NULL, dry_run);
	return r < 0 ? r : show_list(out, op);
}

#define R(f) offsetof(struct act_gpu_row, f)
static const struct cli_field gpu_fields[] = {
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "result", "RESULT", F_PTR, R(result) },
	{ "why", "WHY", F_STR, R(why), CLI_WRAP },
	{ NULL },
};
#undef R

int act_show_gpus(struct cli_out *out, const struct act_gpu_row *rows, size_t n)
{
	return cli_out_list(out, "gpus", NULL, NULL, gpu_fields, rows, n, sizeof(*rows));
}

static int show_none(struct cli_out *out, const struct act *act)
{
	switch (act->list) {
	case ACT_LIST_NEW:
		return cli_out_list(out, "instances", NULL, NULL, status_instance_fields, NULL, 0,
				    sizeof(struct status_instance_row));
	case ACT_LIST_GPUS:
		return act_show_gpus(out, NULL, 0);
	case ACT_LIST_NONE:
		break;
	}
	return 0;
}

int act_show_dry(struct cli_out *out, const struct act *act, struct mig_error *reterr)
{
	int r = cli_out_str(out, "result", NULL, "planned");

	if (r >= 0)
		r = cli_out_str(out, "why", NULL, NULL);
	if (r >= 0)
		r = show_none(out, act);
	cli_out_gap(out);
	cli_out_say(out, RENDER_PLAIN, "Nothing was changed (--dry-run).");
	return r < 0 ? mig_fail(reterr, r, "cannot print the steps: %s", strerror(-r))
		     : cli_out_end(out, reterr);
}

/* --- after ------------------------------------------------------------------------------------ */

/* The instances of a GPU that the operation made, by place. */
static bool is_new(const struct engine_gpu *gpu, const struct mig_gi *gi, const struct mig_gpu *now)
{
	struct engine_layout from = gpu->from;
	const struct engine_gi *before;

	if (gi->profile >= now->board.n_gi)
		return true;
	before = engine_find_gi(&from, now->board.gi[gi->profile].id, gi->start);
	/* One that got further compute instances is shown with all of them. */
	return !before || before->n_ci < gi->n_ci;
}

static void keep_new(const struct engine_op *op, struct mig_snapshot *s)
{
	for (uint32_t g = 0; g < s->n_gpu; g++) {
		struct mig_gpu *gpu = &s->gpu[g];
		uint32_t n = 0;

		for (uint32_t i = 0; i < gpu->n_gi; i++)
			for (uint32_t k = 0; k < op->n_gpu; k++)
				if (!strcmp(op->gpu[k].uuid, gpu->uuid) &&
				    is_new(&op->gpu[k], &gpu->gi[i], gpu))
					gpu->gi[n++] = gpu->gi[i];
		gpu->n_gi = n;
	}
}

/* With the ids and UUIDs that the driver gave. */
static int show_new(struct cli_out *out, struct act *act, const struct engine_op *op)
{
	_cleanup_(engine_names_free) struct engine_names names = { 0 };
	_cleanup_free_ struct status_instance_row *rows = NULL;
	struct mig_snapshot *s = NULL;
	char list[ENGINE_MAX_GPUS * 49] = "";
	int r;

	for (uint32_t i = 0; i < op->n_gpu; i++)
		cli_text_add(list, sizeof(list), "%s%s", i ? "," : "", op->gpu[i].uuid);
	r = observe_machine(&act->nvml.api, list, OBSERVE_BOARD | OBSERVE_MEMORY, &s, NULL);
	if (r < 0)
		return show_none(out, act);
	keep_new(op, s);
	(void)engine_names_read(act->dir, &names, NULL);
	rows = calloc(status_instances_max(s) + 1, sizeof(*rows));
	r = rows ? cli_out_list(out, "instances", "New", NULL, status_instance_fields, rows,
				status_instance_rows(s, &names, rows), sizeof(*rows))
		 : -ENOMEM;
	mig_snapshot_free(s);
	return r;
}

static void say_now(struct cli_out *out, const struct engine_op *op,
		    const struct engine_report *report)
{
	for (uint32_t i = 0; i < op->n_gpu; i++) {
		char text[400];

		if (op->gpu[i].mode != ENGINE_MODE_KEEP || op->gpu[i].reset || !report->known[i])
			continue;
		cli_out_say(out, RENDER_PLAIN, "GPU %u has now: %s.", op->gpu[i].index,
			    engine_layout_text(&report->now[i], text, sizeof(text)));
	}
}

static const char *mode_word(uint8_t mode)
{
	return mode == MIG_MODE_ON ? "on" : "off";
}

/* The first GPU that is not as it was. */
static void say_partly(const struct engine_op *op, const struct engine_report *report, char *ret,
		       size_t size)
{
	char now[160], from[160];

	for (uint32_t i = 0; i < op->n_gpu; i++) {
		const struct engine_gpu *gpu = &op->gpu[i];

		if (!report->known[i])
			snprintf(ret, size, "what GPU %u has now cannot be read", gpu->index);
		else if (gpu->mode != ENGINE_MODE_KEEP)
			snprintf(ret, size, "MIG mode of GPU %u is now %s, pending %s", gpu->index,
				 mode_word(report->mode[i]), mode_word(report->pending[i]));
		else if (!engine_layout_same(&report->now[i], &gpu->from))
			snprintf(ret, size, "GPU %u has now %s, and had %s", gpu->index,
				 engine_layout_text(&report->now[i], now, sizeof(now)),
				 engine_layout_text(&gpu->from, from, sizeof(from)));
		else
			continue;
		return;
	}
	snprintf(ret, size, "what there is now is not what was there before");
}

/* The sentence of the step that failed, with the error's own code. */
static int say_failed(const struct engine_report *report, struct mig_error *reterr)
{
	/* A signal, a full disk, or a driver that lists something else: no status says it. */
	if (!report->failed[0])
		return mig_fail(reterr, -EIO, "%.300s", report->why);
	if (!report->call[0] || !strcmp(report->call, "reset"))
		return mig_fail(reterr, report->status == NVML_ERROR_NO_PERMISSION ? -EPERM : -EIO,
				"cannot %.150s: %.250s", report->failed, report->why);
	return cli_fail_driver(reterr, report->status, report->call, "cannot %s", report->failed);
}

static int fail_back(const struct engine_report *report, struct mig_error *reterr)
{
	int r = say_failed(report, reterr);
	char what[300];

	/* By somebody who is in no list of what is in the way: files alone show him. */
	snprintf(what, sizeof(what), "%.240s%s", reterr->msg,
		 report->status == NVML_ERROR_IN_USE ? ": 'migctl who' tells who has it open" : "");
	return mig_fail(reterr, r, "%s; %s", what,
			report->n_steps ? "what was done before it was undone, and all is as it was"
					: "nothing was changed");
}

static int fail_partly(const struct engine_op *op, const struct engine_report *report,
		       struct mig_error *reterr)
{
	bool layout = op->gpu[0].mode == ENGINE_MODE_KEEP && !op->gpu[0].reset;
	char what[300], state[200];

	(void)say_failed(report, reterr);
	snprintf(what, sizeof(what), "%.220s", reterr->msg);
	say_partly(op, report, state, sizeof(state));
	return mig_fail(reterr, -ECANCELED, "%s; not all is as it was: %s; %s", what, state,
			layout ? "'migctl recover' puts it back" : "'migctl status' shows it");
}

int act_failed(const struct engine_op *op, const struct engine_report *report,
	       struct mig_error *reterr)
{
	switch (report->result) {
	case ENGINE_DONE:
		return 0;
	case ENGINE_PENDING:
		return mig_fail(reterr, -ENOTRECOVERABLE, "%s", report->why);
	case ENGINE_PARTLY:
		return fail_partly(op, report, reterr);
	case ENGINE_BACK:
		break;
	}
	return fail_back(report, reterr);
}

int act_show_result(struct cli_out *out, struct act *act, const struct engine_op *op,
		    const struct engine_report *report, struct mig_error *reterr)
{
	int r = cli_out_str(out, "result", NULL, engine_result_name(report->result)), shown;

	if (r >= 0)
		r = cli_out_str(out, "why", NULL, report->why[0] ? report->why : NULL);
	if (r >= 0 && report->result == ENGINE_DONE) {
		cli_out_gap(out);
		cli_out_say(out, RENDER_PLAIN, "Done.");
		say_now(out, op, report);
	}
	if (r >= 0 && act->list == ACT_LIST_NEW)
		r = show_new(out, act, op);
	shown = r < 0 ? mig_fail(reterr, r, "cannot print the result: %s", strerror(-r))
		      : cli_out_end(out, reterr);
	r = act_failed(op, report, reterr);
	return r < 0 ? r : shown < 0 ? shown : CLI_EXIT_OK;
}
