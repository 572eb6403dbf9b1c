/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/run.h"
#include "engine/made.h"
#include "observe/observe.h"

/*
 * "run --create": an instance for one program. It is written down before it is made, so that it
 * goes in the end also if this process is killed at any moment.
 */

static int plan_on(struct run *run, const struct mig_gpu *gpu, const struct cli_place *place,
		   struct engine_op **ret, struct mig_error *reterr)
{
	_cleanup_(cli_subject_close) struct cli_subject s = { 0 };
	struct cli_subject_args of = { .source = { .gpus = gpu->uuid, .nvml = &run->act.nvml },
				       .keep = { 1, { "all" } } };
	_cleanup_free_ struct engine_op *op = act_op(&run->act);
	char word[MIG_PROFILE_NAME + 8];
	char *words[] = { word, NULL };
	int r;

	if (!op)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	snprintf(word, sizeof(word), "%s", place->profile);
	if (place->start >= 0)
		cli_text_add(word, sizeof(word), "@%d", place->start);
	r = cli_subject_open(&of, CLI_SUBJECT_STATE, &s, reterr);
	if (r >= 0)
		r = create_plan(&s, 1, words, op, reterr);
	if (r >= 0)
		*ret = TAKE_PTR(op);
	return r;
}

/* On the first GPU that has room; else what the first one says. */
static int plan(struct run *run, const struct mig_snapshot *s, struct engine_op **ret,
		struct mig_error *reterr)
{
	struct cli_place place;
	int r = cli_place_parse(s, run->place, &place, reterr), first = 0;

	for (uint32_t g = 0; r >= 0 && g < s->n_gpu; g++) {
		int now;

		if (s->gpu[g].mode != MIG_MODE_ON || (place.gpu && place.gpu != &s->gpu[g]))
			continue;
		now = plan_on(run, &s->gpu[g], &place, ret, first < 0 ? NULL : reterr);
		if (now >= 0)
			return 0;
		first = first < 0 ? first : now;
	}
	if (r < 0 || first < 0)
		return r < 0 ? r : first;
	return mig_fail(reterr, -ENOTSUP, "no GPU with MIG mode on is left; nothing was changed");
}

/* The one instance that the operation adds. */
static void write_down(const struct run *run, const struct engine_op *op, struct engine_made *ret)
{
	const struct engine_gpu *gpu = &op->gpu[0];
	const struct engine_gi *gi = &gpu->to.gi[gpu->to.n_gi - 1];

	*ret = (struct engine_made){ .profile_id = gi->profile_id, .start = gi->start };
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", gpu->uuid);
	snprintf(ret->boot, sizeof(ret->boot), "%s", run->act.boot);
	snprintf(ret->name, sizeof(ret->name), "%s", gi->name);
	snprintf(ret->command, sizeof(ret->command), "%s", run->act.command);
}

/* Nobody else can have come: this is inside the door. */
static int claim_made(struct run *run, const struct engine_made *made, struct mig_error *reterr)
{
	struct cli_source_args of = { .gpus = made->uuid, .nvml = &run->act.nvml };
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	int r = cli_source_open(&of, OBSERVE_BOARD, &source, reterr);

	for (uint32_t i = 0; r >= 0 && i < source.snapshot->gpu[0].n_gi; i++) {
		const struct mig_gpu *gpu = &source.snapshot->gpu[0];
		const struct mig_gi *gi = &gpu->gi[i];

		if (gi->start == made->start && gi->profile < gpu->board.n_gi &&
		    gpu->board.gi[gi->profile].id == made->profile_id && gi->n_ci)
			return run_claim_device(run, &gi->ci[0], reterr);
	}
	return r < 0 ? r : mig_fail(reterr, -EIO, "the %s that was made is not there", made->name);
}

static int make(struct run *run, struct engine_op *op, struct mig_error *reterr)
{
	_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
	struct engine_made made;
	int r;

	if (!report)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	write_down(run, op, &made);
	r = engine_made_write(run->act.dir, &made, reterr);
	if (r >= 0)
		r = engine_run(&run->act.engine, op, report, reterr);
	if (r >= 0)
		r = act_failed(op, report, reterr);
	return r < 0 ? r : claim_made(run, &made, reterr);
}

int run_make(struct run *run, struct mig_error *reterr)
{
	struct cli_source_args of = { .gpus = run->args.source.gpus, .nvml = &run->act.nvml };
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	_cleanup_free_ struct engine_op *op = NULL;
	int r = cli_source_open(&of, OBSERVE_BOARD, &source, reterr);

	if (r >= 0)
		r = plan(run, source.snapshot, &op, reterr);
	if (r >= 0 && !op)
		r = mig_fail(reterr, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	/* A signal that comes while it is made is a reason to undo that; one that comes later is
	 * for the program. */
	run_hold_signals(run);
	r = make(run, op, reterr);
	if (r < 0)
		run_release_signals(run);
	return r;
}
