/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/act.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/reset.h"
#include "observe/observe.h"

#define LOOK_AGAIN_MS 50

int act_check_args(const struct act_args *a, struct mig_error *reterr)
{
	if (a->evict && !a->yes && !a->dry_run)
		return mig_fail(reterr, -EINVAL,
				"--evict ends other people's processes: say --yes as well, or look "
				"first with --dry-run");
	if (a->yes && !a->evict)
		return mig_fail(reterr, -EINVAL, "--yes goes with --evict only");
	return 0;
}

void act_command(const struct cli_cmd *cmd, int argc, char *const *argv, char *ret, size_t size)
{
	snprintf(ret, size, "migctl %s", cmd->name);
	for (int i = 0; i < argc; i++)
		cli_text_add(ret, size, " %s", argv[i]);
}

static void read_boot(struct act *act)
{
	_cleanup_fclose_ FILE *f = NULL;

	if (act->nvml.lab) {
		snprintf(act->boot, sizeof(act->boot), "%" PRIu64, act->nvml.lab->boot());
		return;
	}
	f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!f || !fgets(act->boot, sizeof(act->boot), f))
		act->boot[0] = '\0';
	act->boot[strcspn(act->boot, "\n")] = '\0';
}

int act_open(struct act *act, struct mig_error *reterr)
{
	int r = cli_nvml_open(&act->nvml, reterr);

	if (r < 0)
		return r;
	act->open = true;
	/* A lab's folder is the root of its machine. */
	if ((size_t)snprintf(act->dir, sizeof(act->dir), "%s" ACT_STATE, act->nvml.lab_dir) >=
	    sizeof(act->dir))
		return mig_fail(reterr, -ENAMETOOLONG, "the path of the lab is too long");
	read_boot(act);
	act->engine = (struct engine){ .api = &act->nvml.api,
				       .dir = act->dir,
				       .reset = cli_reset_gpu,
				       .arg = &act->nvml,
				       .lock = -1,
				       .journal = -1 };
	return 0;
}

void act_close(struct act *act)
{
	if (act->open) {
		act_unlock(act);
		cli_nvml_close(&act->nvml);
	}
	act->open = false;
}

void act_unlock(struct act *act)
{
	if (act->claiming) {
		engine_claims_leave(&act->claims);
		engine_claims_close(&act->claims);
		act->claiming = false;
	}
	engine_unlock(&act->engine);
}

/* --- what an earlier command left ------------------------------------------------------------- */

/* What a trial made, as its journal knows it: where the driver put the last one is not told. */
static const char *made_text(const struct engine_layout *made, char *buf, size_t size)
{
	buf[0] = '\0';
	for (uint32_t i = 0; i < made->n_gi; i++) {
		cli_text_add(buf, size, "%s%s", i ? " " : "", made->gi[i].name);
		if (made->gi[i].start != ENGINE_ANYWHERE)
			cli_text_add(buf, size, "@%u", made->gi[i].start);
	}
	return buf;
}

static int refuse(const struct engine_op *op, bool ended, struct mig_error *reterr)
{
	char left[200];

	if (op->trial)
		return mig_fail(
			reterr, -ECANCELED,
			"'%.120s' (%s, process %u, %s) %s and left GPU %u with %s: 'migctl recover' "
			"destroys what it made; nothing was changed now",
			op->command, op->user, op->pid, op->time,
			ended ? "could not remove all that it made" : "was cut off half way",
			op->gpu[0].index, made_text(&op->gpu[0].to, left, sizeof(left)));
	return mig_fail(reterr, -ECANCELED,
			"'%.120s' (%s, process %u, %s) %s: 'migctl recover' puts GPU %u back as it "
			"was before, 'migctl recover --finish' goes on to what was asked for; "
			"nothing was changed now",
			op->command, op->user, op->pid, op->time,
			ended ? "could not be undone when it failed" : "was cut off half way",
			op->gpu[0].index);
}

static int settle(struct act *act, struct mig_error *reterr)
{
	struct engine_history history;
	const struct engine_entry *left;
	int r = engine_history_last(act->dir, &history, reterr);

	if (r < 0)
		return r;
	left = engine_unfinished(&history);
	if (left && !engine_settle(&act->engine, left->op, act->boot) &&
	    !act_made_settle(act, left->op))
		r = refuse(left->op, left->ended, reterr);
	engine_history_free(&history);
	return r;
}

int act_lock_only(struct act *act, const struct act_args *args, struct mig_error *reterr)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };

	for (uint64_t left = args->wait * 1000 / LOOK_AGAIN_MS;; left--) {
		int r = engine_lock(&act->engine, act->command, reterr);

		if (r != -EBUSY || !left)
			return r;
		nanosleep(&pause, NULL);
	}
}

int act_lock(struct act *act, const struct act_args *args, struct mig_error *reterr)
{
	int r = act_lock_only(act, args, reterr);

	if (r < 0)
		return r;
	r = settle(act, reterr);
	if (r < 0)
		act_unlock(act);
	else
		act_made_end(act);
	return r;
}

/* --- operations ------------------------------------------------------------------------------- */

struct engine_op *act_op(const struct act *act)
{
	struct engine_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	snprintf(op->command, sizeof(op->command), "%s", act->command);
	snprintf(op->boot, sizeof(op->boot), "%s", act->boot);
	return op;
}

int act_add_gpu(struct engine_op *op, const struct mig_gpu *gpu, struct engine_gpu **ret,
		struct mig_error *reterr)
{
	struct engine_gpu *to = &op->gpu[op->n_gpu];
	int r;

	if (op->n_gpu == ENGINE_MAX_GPUS)
		return mig_fail(reterr, -EINVAL, "at most %d GPUs are changed at once",
				ENGINE_MAX_GPUS);
	r = engine_layout_of(gpu, &to->from, reterr);
	if (r < 0)
		return r;
	to->to = to->from;
	to->index = gpu->index;
	snprintf(to->uuid, sizeof(to->uuid), "%s", gpu->uuid);
	op->n_gpu++;
	*ret = to;
	return 0;
}

int act_run(struct cli_out *out, struct act *act, struct engine_op *op, struct mig_error *reterr)
{
	_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
	_cleanup_free_ struct engine_step *step =
		calloc((size_t)ENGINE_MAX_STEPS * (op->n_gpu + 1), sizeof(*step));
	int r;

	if (!report || !step)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	if (!engine_all_steps(op, step))
		return act_show_result(out, act, op, report, reterr);
	/* What will happen is on the screen before it does. */
	fflush(stdout);
	r = engine_run(&act->engine, op, report, reterr);
	return r < 0 ? r : act_show_result(out, act, op, report, reterr);
}
