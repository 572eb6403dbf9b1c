/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "cli/lab_reference.h"
#include "observe/file.h"
#include "observe/observe.h"

/*
 * "migctl verify": a walk through all that a GPU with MIG answers, held against the simulated
 * driver's answers. The GPU has no instances before and none afterwards.
 */

struct args {
	struct act_args act;
	const char *report;
	bool yes;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt verify_opts[] = {
	OPT_STR("id", 'i', A(act.source.gpus), "GPU",
		"this GPU: index, UUID, serial number or PCI bus id"),
	OPT_STR("report", 0, A(report), "FILE", "write the whole report there, in the form of -o"),
	OPT_FLAG("yes", 'y', A(yes), "yes, go on without asking"),
	OPT_U64("wait", 'w', A(act.wait), "SECONDS",
		"wait that long for who is in the way, and for other commands"),
	OPT_FLAG("dry-run", 'n', A(act.dry_run), "say what would be done, and change nothing"),
	OPT_ENUM("output", 'o', A(act.source.format), "FORMAT", cli_formats, "how to print"),
	OPT_FLAG("no-color", 0, A(act.source.no_color), "no colour, also on a terminal"),
	OPT_END,
};
#undef A

struct job {
	struct args *a;
	struct act act;
	struct cli_source source;
	const struct mig_gpu *gpu;
	struct cli_out *out;
	struct lab_reference reference;
	struct verify_transcript seen;
	struct verify_verdict verdict;
	struct cli_verify show;
	struct engine_report end; /* of the trial */
};

/* --- whether it may be done ------------------------------------------------------------------- */

static int check_mode(const struct mig_gpu *g, struct mig_error *reterr)
{
	if (!g->mig_capable)
		return mig_fail(reterr, -ENOTSUP, "GPU %u (%s) has no MIG mode", g->index, g->name);
	if (g->mode_status)
		return mig_fail(reterr, -EIO, "GPU %u does not tell its MIG mode: %s", g->index,
				observe_status_name(g->mode_status));
	if (g->mode != g->pending)
		return mig_fail(
			reterr, -ENOTRECOVERABLE,
			"a change of the MIG mode of GPU %u waits for a reset: 'migctl reset "
			"-i %u' first; nothing was changed",
			g->index, g->index);
	if (g->mode != MIG_MODE_ON)
		return mig_fail(reterr, -ENOTSUP,
				"MIG mode of GPU %u is off: 'migctl mode on -i %u' first; nothing "
				"was changed",
				g->index, g->index);
	return 0;
}

static int check_empty(const struct mig_gpu *g, struct mig_error *reterr)
{
	if (g->gi_status)
		return mig_fail(reterr, g->gi_status == NVML_ERROR_NO_PERMISSION ? -EPERM : -EIO,
				"GPU %u does not list its instances: %s", g->index,
				observe_status_name(g->gi_status));
	if (g->n_gi)
		return mig_fail(reterr, -EBUSY,
				"GPU %u has %u GPU instance%s, and verify wants it empty: 'migctl "
				"destroy -i %u all' first; nothing was changed",
				g->index, g->n_gi, g->n_gi == 1 ? "" : "s", g->index);
	return 0;
}

/* Whoever would be in the way of a reset has the GPU open, and could use what is made there. */
static int check_idle(const struct job *j, struct act_busy *busy, struct mig_error *reterr)
{
	struct act_change c = { .gpu = j->gpu, .change = { MIG_ACTION_RESET, -1, -1 } };

	snprintf(c.what, sizeof(c.what), "GPU %u", j->gpu->index);
	return act_in_the_way(j->source.snapshot, &c, 1, busy->pid, ACT_MAX_PIDS, &busy->n, reterr);
}

static int look(struct job *j, struct act_busy *busy, struct mig_error *reterr)
{
	int r;

	cli_source_close(&j->source);
	r = cli_source_open(&j->a->act.source, OBSERVE_BOARD | OBSERVE_PROCESSES | OBSERVE_HOLDERS,
			    &j->source, reterr);
	if (r >= 0)
		r = cli_source_one_gpu(&j->source, &j->gpu, reterr);
	if (r >= 0)
		r = observe_gpu_answers(j->gpu, reterr);
	if (r >= 0)
		r = check_mode(j->gpu, reterr);
	if (r >= 0)
		r = check_empty(j->gpu, reterr);
	if (r >= 0)
		r = check_idle(j, busy, reterr);
	j->show.snapshot = j->source.snapshot;
	j->show.gpu = j->gpu;
	return r;
}

static int handle_of(struct job *j, nvmlDevice_t *ret, struct mig_error *reterr)
{
	nvmlReturn_t status = j->act.nvml.api.nvmlDeviceGetHandleByUUID(j->gpu->uuid, ret);

	if (status == NVML_SUCCESS)
		return 0;
	return cli_fail_driver(reterr, (int)status, "nvmlDeviceGetHandleByUUID", "GPU %u",
			       j->gpu->index);
}

/* --- the walk on the GPU ---------------------------------------------------------------------- */

/*
 * Compute instances are not written down: they are inside of what is, and go with it. To write down
 * each would double what the journal holds of this.
 */
static bool is_written(const struct verify_change *c)
{
	return c->what == VERIFY_CREATE_GI || c->what == VERIFY_DESTROY_GI;
}

struct trial {
	struct engine_trial t;
	bool written; /* the change that goes on now */
};

static int before(void *arg, const struct verify_change *c, struct mig_error *reterr)
{
	struct trial *t = arg;
	struct engine_step step = { .what = c->what == VERIFY_CREATE_GI ? ENGINE_CREATE_GI
									: ENGINE_DESTROY_GI };

	t->written = is_written(c);
	if (!t->written)
		return engine_trial_stopped(reterr);
	step.gi.profile_id = (uint16_t)c->gi_profile;
	step.gi.id = (uint8_t)c->gi_id;
	step.gi.start = c->gi_start < 0 ? ENGINE_ANYWHERE : (uint8_t)c->gi_start;
	memcpy(step.gi.name, c->gi_name, sizeof(step.gi.name));
	return engine_trial_step(&t->t, &step, reterr);
}

static void after(void *arg, int status, int start)
{
	struct trial *t = arg;

	if (t->written)
		engine_trial_did(&t->t, status, start);
}

static int fail_walk(const struct mig_error *why, struct mig_error *reterr)
{
	int r = why->code == -EINTR ? -EIO : why->code;

	/* Its sentence has call and status already; the code is that of any refused change. */
	if (why->nvml)
		r = cli_driver_errno(why->nvml);
	r = mig_fail(reterr, r, "%.300s; what verify had made is gone again, and all is as it was",
		     why->msg);
	if (reterr)
		reterr->nvml = why->nvml;
	return r;
}

static int fail_left(struct job *j, const char *why, struct mig_error *reterr)
{
	char now[200] = "what cannot be read";

	if (j->end.known[0])
		engine_layout_text(&j->end.now[0], now, sizeof(now));
	return mig_fail(
		reterr, -ECANCELED,
		"%.250s%sGPU %u is not as it was, it has %s: 'migctl recover' destroys what "
		"verify made",
		why, *why ? "; " : "", j->gpu->index, now);
}

/* What is there and was not made by verify is somebody else's. */
static int fail_others(struct job *j, struct mig_error *reterr)
{
	char now[200];

	return mig_fail(reterr, -EBUSY,
			"somebody else made instances on GPU %u meanwhile, so that its answers say "
			"nothing: it has %s; those of verify are gone",
			j->gpu->index, engine_layout_text(&j->end.now[0], now, sizeof(now)));
}

static int walk(struct job *j, struct mig_error *reterr)
{
	_cleanup_free_ struct engine_op *op = act_op(&j->act);
	struct trial t = { .t = { .e = &j->act.engine, .op = op } };
	const struct verify_hooks hooks = { before, after, &t };
	struct mig_error why = { 0 };
	struct engine_gpu *gpu;
	nvmlDevice_t dev;
	int r;

	if (!op)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = act_add_gpu(op, j->gpu, &gpu, reterr);
	if (r >= 0)
		r = handle_of(j, &dev, reterr);
	if (r >= 0)
		r = engine_trial_begin(&t.t, reterr);
	if (r < 0)
		return r;
	r = verify_walk(&j->act.nvml.api, dev, &hooks, &j->seen, &why);
	engine_trial_end(&t.t, r < 0 ? why.msg : "", &j->end);
	if (j->end.result == ENGINE_PARTLY)
		return fail_left(j, r < 0 ? why.msg : "", reterr);
	if (r < 0)
		return fail_walk(&why, reterr);
	return j->end.now[0].n_gi ? fail_others(j, reterr) : 0;
}

static int attempt(void *arg, struct act_busy *busy, struct mig_error *reterr)
{
	struct job *j = arg;
	int r = act_lock(&j->act, &j->a->act, reterr);

	if (r >= 0)
		r = look(j, busy, reterr);
	if (r >= 0) {
		fflush(stdout);
		r = walk(j, reterr);
	}
	act_unlock(&j->act);
	return r;
}

/* --- before and after it ---------------------------------------------------------------------- */

/* The walk on the simulated driver tells how much there is to do. */
static int prepare(struct job *j, struct mig_error *reterr)
{
	const uint8_t defaults[VERIFY_MAX_SWITCHES] = { 0 };
	const struct verify_transcript *expected;
	nvmlDevice_t dev;
	int r;

	if (!j->gpu->board.key[0])
		return mig_fail(reterr, -ENOTSUP,
				"GPU %u (%s) is none of the boards that migkit knows ('migctl "
				"boards'): 'migctl boards capture FILE.yaml' records what it is",
				j->gpu->index, j->gpu->name);
	r = lab_reference_open(&j->reference, j->gpu->board.key, j->source.snapshot->driver,
			       reterr);
	if (r >= 0)
		r = lab_reference_get(&j->reference, defaults, &expected, reterr);
	if (r >= 0)
		r = handle_of(j, &dev, reterr);
	if (r < 0)
		return r;
	if (j->act.nvml.api.nvmlDeviceGetVbiosVersion(dev, j->show.vbios, sizeof(j->show.vbios)) !=
	    NVML_SUCCESS)
		j->show.vbios[0] = '\0';
	j->show.dry_run = j->a->act.dry_run;
	j->show.questions = expected->n;
	j->show.creates = expected->creates;
	j->show.destroys = expected->destroys;
	j->show.sw = j->reference.sw;
	j->show.n_switches = j->reference.n_switches;
	return 0;
}

/* Before anything is printed: whether there is somebody to ask, who sees what it is about. */
static int may_ask(const struct job *j, struct mig_error *reterr)
{
	if (j->a->yes || j->a->act.dry_run)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || !cli_out_is_table(j->out))
		return mig_fail(reterr, -EINVAL,
				"verify changes GPU %u and asks before it does, and here is nobody "
				"to ask: say --yes, or look first with --dry-run",
				j->gpu->index);
	return 0;
}

static int ask(const struct job *j, struct mig_error *reterr)
{
	char line[16];

	if (j->a->yes)
		return 0;
	fflush(stdout);
	fprintf(stderr, "Go on? [y/N] ");
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return 0;
	return mig_fail(reterr, -EIO, "nothing was changed: the answer was not y");
}

static int print(struct job *j, struct cli_out *out, const char *result, const char *why,
		 const struct verify_verdict *verdict, bool full, struct mig_error *reterr)
{
	int r = cli_verify_show_result(out, &j->show, result, why, verdict, full);

	return r < 0 ? mig_fail(reterr, r, "cannot print the report: %s", strerror(-r))
		     : cli_out_end(out, reterr);
}

static int write_report(struct job *j, const char *result, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t size;
	int r;

	if (!j->a->report)
		return 0;
	r = cli_out_new((enum cli_format)j->a->act.source.format, &out, reterr);
	f = open_memstream(&text, &size);
	if (r < 0 || !f)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	cli_out_no_color(out);
	cli_out_to(out, f);
	cli_out_main_list(out, "differences");
	r = cli_verify_show_plan(out, &j->show);
	if (r >= 0)
		r = print(j, out, result, NULL, &j->verdict, true, reterr);
	fclose(TAKE_PTR(f));
	return r < 0 ? r : observe_write_file(j->a->report, text, NULL, reterr);
}

/* The walk was gone, and the GPU is as it was: what it says. */
static int judge(struct job *j, struct mig_error *reterr)
{
	const char *result;
	int r, written;
	struct mig_error err = { 0 };

	r = verify_settle(&j->seen, j->reference.sw, j->reference.n_switches, lab_reference_get,
			  &j->reference, &j->verdict, reterr);
	if (r < 0)
		return r;
	result = j->verdict.n_differences ? "differs" : "as-simulated";
	written = write_report(j, result, &err);
	r = print(j, j->out, result, NULL, &j->verdict, false, reterr);
	if (written < 0)
		return mig_fail(reterr, written, "%s", err.msg);
	if (r < 0)
		return r;
	return j->verdict.n_differences ? CLI_EXIT_UNAVAILABLE : CLI_EXIT_OK;
}

static int show_plan(struct job *j, struct mig_error *reterr)
{
	int r = cli_verify_show_plan(j->out, &j->show);

	if (r < 0)
		return mig_fail(reterr, r, "cannot print what is to be done: %s", strerror(-r));
	if (!j->a->act.dry_run)
		return 0;
	r = print(j, j->out, "planned", NULL, NULL, false, reterr);
	cli_out_gap(j->out);
	cli_out_say(j->out, RENDER_PLAIN, "Nothing was changed (--dry-run).");
	return r;
}

static int go(struct job *j, struct mig_error *reterr)
{
	struct mig_error err = { 0 };
	int r = act_until_free(&j->a->act, attempt, j, &err);

	if (r >= 0)
		return judge(j, reterr);
	r = act_refused(&j->act, r, &err);
	(void)print(j, j->out, "failed", err.msg, NULL, false, NULL);
	if (reterr)
		*reterr = err;
	return r;
}

static int run(struct job *j, struct mig_error *reterr)
{
	struct act_busy busy = { 0 };
	int r = look(j, &busy, reterr);

	/* Who is in the way may be gone in time. */
	if (r == -EBUSY && busy.n && j->a->act.wait)
		r = 0;
	if (r >= 0)
		r = prepare(j, reterr);
	if (r >= 0 && j->a->report)
		r = observe_may_write_file(j->a->report, reterr);
	if (r >= 0)
		r = may_ask(j, reterr);
	if (r >= 0)
		r = show_plan(j, reterr);
	if (r < 0 || j->a->act.dry_run)
		return r;
	r = ask(j, reterr);
	return r < 0 ? r : go(j, reterr);
}

int cmd_verify(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ struct job *j = calloc(1, sizeof(*j));
	struct args a = { 0 };
	int r;

	if (!j)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	act_command(cmd, argc, argv, j->act.command, sizeof(j->act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_source_out(&a.act.source, &j->out, reterr);
	if (r >= 0)
		r = act_open(&j->act, reterr);
	if (r >= 0) {
		cli_out_main_list(j->out, "differences");
		a.act.source.nvml = &j->act.nvml;
		j->a = &a;
		r = act_refused(&j->act, run(j, reterr), reterr);
	}
	cli_source_close(&j->source);
	verify_verdict_free(&j->verdict);
	verify_transcript_free(&j->seen);
	lab_reference_close(&j->reference);
	cli_out_freep(&j->out);
	act_close(&j->act);
	return r;
}
