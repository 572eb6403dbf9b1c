/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "observe/observe.h"
#include "smi/smi.h"

/*
 * nvidia-smi's grammar. On a real driver what changes a GPU takes the machine's lock and is written
 * down as other acting commands are. In a lab nothing happens but what NVIDIA's program does: it is
 * there to be tried, also by two at once and on a full disk.
 */

#define LOCK_WAIT_S 60

struct job {
	struct act act;
	struct engine_op *op; /* begun */
};

static void job_end(struct job *job)
{
	free(job->op);
	/* Also where it could not be opened: then this is all that there is of it. */
	if (!job->act.open)
		cli_nvml_close(&job->act.nvml);
	act_close(&job->act);
}

/* All GPUs that have a layout: which of them it will change is nvidia-smi's to say. */
static int add_gpus(struct job *job, struct mig_error *reterr)
{
	struct cli_source_args of = { .nvml = &job->act.nvml };
	struct cli_source source = { 0 };
	int r = cli_source_open(&of, OBSERVE_BOARD, &source, reterr);

	for (uint32_t i = 0; r >= 0 && i < source.snapshot->n_gpu; i++) {
		const struct mig_gpu *g = &source.snapshot->gpu[i];
		struct engine_gpu *gpu;

		if (observe_gpu_answers(g, NULL) < 0 || g->mode_status)
			continue;
		r = act_add_gpu(job->op, g, &gpu, reterr);
		if (r < 0)
			break;
		gpu->mode_was = g->mode;
		gpu->pending_was = g->pending;
	}
	cli_source_close(&source);
	return r;
}

static int begin(struct job *job, struct mig_error *reterr)
{
	/* The driver lets two of NVIDIA's program wait for each other. */
	const struct act_args args = { .wait = LOCK_WAIT_S };
	int r = act_lock(&job->act, &args, reterr);

	if (r < 0)
		return r;
	job->op = act_op(&job->act);
	r = job->op ? add_gpus(job, reterr) : mig_fail(reterr, -ENOMEM, "out of memory");
	if (r >= 0 && job->op->n_gpu)
		r = engine_begin_typed(&job->act.engine, job->op, reterr);
	if (r >= 0 && job->op->n_gpu)
		return 0;
	free(job->op);
	job->op = NULL;
	return r;
}

static int before_change(void *arg, const char *what)
{
	struct job *job = arg;
	struct mig_error err = { 0 };
	int r = job->op ? 0 : begin(job, &err);

	(void)what;
	/* Who may not write there may not change a GPU either, which the driver says as it does. */
	if (r == -EACCES && geteuid() != 0)
		r = 0;
	if (r < 0)
		fprintf(stderr, "migctl: %s\n", err.msg);
	return r < 0 ? cli_errno_to_exit(r) : 0;
}

/* cmd is NULL under the name nvidia-smi. argv[-1] is the program's name or the word "smi". */
int cmd_smi(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(job_end) struct job job = { 0 };
	struct cli_nvml *nvml = &job.act.nvml;
	struct smi_env env = { .program = cmd ? "migctl smi" : "nvidia-smi",
			       .out = stdout,
			       .err = stderr,
			       .change_arg = &job };
	int r = act_open(&job.act, reterr), code;

	/* Nothing is wrong with the lab: its driver does not start, and nvidia-smi has words for
	 * it. */
	if (r == -EIO && reterr->nvml && nvml->lab_dir[0])
		return smi_not_started(env.out, (nvmlReturn_t)reterr->nvml, nvml->status_text);
	if (r < 0)
		return r;
	act_command(cmd ? cmd : &(struct cli_cmd){ .name = "smi" }, argc, argv, job.act.command,
		    sizeof(job.act.command));
	env.lab = nvml->lab;
	if (!env.lab)
		env.before_change = before_change;
	code = smi_main(&nvml->api, &env, argc + 1, argv - 1);
	if (job.op)
		engine_end_typed(&job.act.engine, job.op, code);
	return code;
}
