/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/journal.h"
#include "engine/step.h"
#include "observe/observe.h"

const char *engine_result_name(enum engine_result result)
{
	static const char *const result_names[] = {
		[ENGINE_DONE] = "done",
		[ENGINE_BACK] = "back",
		[ENGINE_PARTLY] = "partly",
		[ENGINE_PENDING] = "pending",
	};

	return result_names[result];
}

/* --- signals: a step is not to be cut in two -------------------------------------------------- */

static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void hold_signals(sigset_t *was)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		sigaddset(&set, stops[i]);
	sigprocmask(SIG_BLOCK, &set, was);
}

/* One that came, or 0. It stays pending. */
static int stopped_by(void)
{
	sigset_t set;

	sigpending(&set);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		if (sigismember(&set, stops[i]) == 1)
			return stops[i];
	return 0;
}

/* Those that came have had their effect, which is that the change went back. */
static void release_signals(const sigset_t *was)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		if (sigismember(was, stops[i]) == 0)
			sigaddset(&set, stops[i]);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
	sigprocmask(SIG_SETMASK, was, NULL);
}

/* --- one step, written down ------------------------------------------------------------------- */

static void say_failed(const struct engine_op *op, const struct engine_step *step,
		       const struct engine_did *did, struct engine_report *ret)
{
	char text[120];

	ret->status = did->status;
	snprintf(ret->failed, sizeof(ret->failed), "%s on GPU %u",
		 engine_step_text(step, text, sizeof(text)), op->gpu[step->gpu].index);
	snprintf(ret->call, sizeof(ret->call), "%s", did->call);
	if (did->why[0])
		snprintf(ret->why, sizeof(ret->why), "%s", did->why);
	else
		snprintf(ret->why, sizeof(ret->why), "%s says %s (%d)", did->call,
			 observe_status_name(did->status), did->status);
}

/* false: it was not done, and *ret says why. */
static bool carry_out(struct engine *e, const struct engine_op *op, const struct engine_step *step,
		      struct engine_did *did, struct engine_report *ret)
{
	struct mig_error err = { 0 };
	int signal = stopped_by();

	*did = (struct engine_did){ .call = "", .status = NVML_ERROR_UNKNOWN };
	if (signal)
		snprintf(did->why, sizeof(did->why), "a signal came (%s)", strsignal(signal));
	else if (engine_journal_step(e->journal, op, step, &err) < 0)
		snprintf(did->why, sizeof(did->why), "%.300s", err.msg);
	else
		engine_do_step(e, op, step, did);
	/* That it cannot be written down any more changes nothing of what was done. */
	(void)engine_journal_did(e->journal, op, did->status, NULL);
	if (did->status)
		say_failed(op, step, did, ret);
	return !did->status;
}

/* What a GPU has and is in. */
struct state {
	struct engine_layout layout;
	uint8_t mode, pending;
};

static int read_once(struct engine *e, const struct engine_gpu *gpu, struct state *ret,
		     struct mig_error *reterr)
{
	struct mig_snapshot *s = NULL;
	int r = observe_machine(e->api, gpu->uuid, OBSERVE_BOARD, &s, reterr);

	if (r >= 0 && (s->n_gpu != 1 || s->gpu[0].mode_status))
		r = mig_fail(reterr, -EIO, "GPU %u does not answer", gpu->index);
	if (r >= 0)
		r = engine_layout_of(&s->gpu[0], &ret->layout, reterr);
	if (r >= 0) {
		ret->mode = s->gpu[0].mode;
		ret->pending = s->gpu[0].pending;
	}
	mig_snapshot_free(s);
	return r;
}

/* Twice, so that one call that fails by chance does not make a change look half done. */
static int read_gpu(struct engine *e, const struct engine_gpu *gpu, struct state *ret,
		    struct mig_error *reterr)
{
	int r = read_once(e, gpu, ret, NULL);

	return r < 0 ? read_once(e, gpu, ret, reterr) : r;
}

/* The far end of a trial is what it made of what there is. */
static const struct engine_layout *trial_end(const struct engine_op *op, const struct state *now,
					     const struct engine_layout *other,
					     struct engine_layout *made)
{
	if (!op->trial)
		return other;
	engine_trial_left(op, &now->layout, made);
	return made;
}

/*
 * From what there is to one end of the operation, as far as the steps go. The signal that stopped
 * the way there does not stop the way back: it waits.
 */
static bool go(struct engine *e, const struct engine_op *op, enum engine_way way,
	       struct engine_report *ret)
{
	_cleanup_free_ struct engine_step *step = calloc(ENGINE_MAX_STEPS, sizeof(*step));
	bool well = step != NULL;

	if (op->trial)
		way = ENGINE_WAY_BACK;
	for (uint32_t g = 0; g < op->n_gpu && step; g++) {
		const struct engine_gpu *gpu = &op->gpu[g];
		const struct engine_layout *to = way == ENGINE_WAY_ON ? &gpu->to : &gpu->from;
		const struct engine_layout *other = way == ENGINE_WAY_ON ? &gpu->from : &gpu->to;
		struct engine_layout made;
		struct state now;
		unsigned n;

		if (read_gpu(e, gpu, &now, NULL) < 0) {
			well = false;
			continue;
		}
		other = trial_end(op, &now, other, &made);
		n = engine_steps(g, &now.layout, to, other, step);
		for (unsigned i = 0; i < n; i++) {
			struct engine_did did;

			(void)engine_journal_step(e->journal, op, &step[i], NULL);
			engine_do_step(e, op, &step[i], &did);
			(void)engine_journal_did(e->journal, op, did.status, NULL);
			if (!did.status)
				continue;
			if (ret && !ret->failed[0])
				say_failed(op, &step[i], &did, ret);
			well = false;
			break;
		}
	}
	return well;
}

static bool mode_is(const struct engine_gpu *gpu, enum engine_way way, const struct state *now)
{
	uint8_t want = gpu->mode == ENGINE_MODE_ON ? MIG_MODE_ON : MIG_MODE_OFF;

	if (gpu->mode == ENGINE_MODE_KEEP)
		return true;
	if (way == ENGINE_WAY_ON)
		return now->mode == want && now->pending == want;
	return now->mode == gpu->mode_was && now->pending == gpu->pending_was;
}

/* Reads what there is; whether that is the wanted end, as far as it is the operation's. */
static bool look(struct engine *e, const struct engine_op *op, enum engine_way way,
		 struct engine_report *ret)
{
	_cleanup_free_ struct engine_step *step = calloc(ENGINE_MAX_STEPS, sizeof(*step));
	bool so = step != NULL;

	if (op->trial)
		way = ENGINE_WAY_BACK;
	for (uint32_t g = 0; g < op->n_gpu && step; g++) {
		const struct engine_gpu *gpu = &op->gpu[g];
		const struct engine_layout *to = way == ENGINE_WAY_ON ? &gpu->to : &gpu->from;
		const struct engine_layout *other = way == ENGINE_WAY_ON ? &gpu->from : &gpu->to;
		struct mig_error err = { 0 };
		struct state now = { 0 };
		struct engine_layout made;

		ret->known[g] = read_gpu(e, gpu, &now, &err) >= 0;
		ret->now[g] = now.layout;
		ret->mode[g] = now.mode;
		ret->pending[g] = now.pending;
		if (!ret->known[g] && !ret->why[0])
			snprintf(ret->why, sizeof(ret->why), "%s", err.msg);
		other = trial_end(op, &now, other, &made);
		so = so && ret->known[g] && mode_is(gpu, way, &now) &&
		     !engine_steps(g, &now.layout, to, other, step);
	}
	return so;
}

/* --- the whole -------------------------------------------------------------------------------- */

unsigned engine_all_steps(const struct engine_op *op, struct engine_step *ret)
{
	unsigned n = 0;

	for (uint32_t g = 0; g < op->n_gpu; g++) {
		const struct engine_gpu *gpu = &op->gpu[g];

		if (gpu->mode != ENGINE_MODE_KEEP)
			ret[n++] = (struct engine_step){ .what = ENGINE_SET_MODE,
							 .gpu = (uint8_t)g,
							 .on = gpu->mode == ENGINE_MODE_ON };
		if (gpu->reset)
			ret[n++] = (struct engine_step){ .what = ENGINE_RESET, .gpu = (uint8_t)g };
		n += engine_steps(g, &gpu->from, &gpu->to, &gpu->from, ret + n);
	}
	return n;
}

/* A mode that waits is helped by a reset, where there is a way to do one. */
static bool reset_for_mode(struct engine *e, const struct engine_op *op,
			   const struct engine_step *mode, struct engine_report *ret)
{
	struct engine_step step = { .what = ENGINE_RESET, .gpu = mode->gpu };
	struct engine_did did;

	if (carry_out(e, op, &step, &did, ret)) {
		ret->n_steps++;
		return true;
	}
	ret->result = ENGINE_PENDING;
	return false;
}

static void do_all(struct engine *e, const struct engine_op *op, const struct engine_step *step,
		   unsigned n, struct engine_report *ret)
{
	for (unsigned i = 0; i < n; i++) {
		struct engine_did did;

		if (!carry_out(e, op, &step[i], &did, ret)) {
			ret->result = did.pending ? ENGINE_PENDING : ENGINE_PARTLY;
			return;
		}
		ret->n_steps++;
		if (did.pending && !reset_for_mode(e, op, &step[i], ret))
			return;
	}
	ret->result = ENGINE_DONE;
}

void engine_user(char *ret, size_t size)
{
	const char *sudo = secure_getenv("SUDO_USER");
	struct passwd entry, *pw = NULL;
	char room[1024];

	(void)getpwuid_r(getuid(), &entry, room, sizeof(room), &pw);
	if (sudo && *sudo)
		snprintf(ret, size, "%s", sudo);
	else if (pw)
		snprintf(ret, size, "%s", pw->pw_name);
	else
		snprintf(ret, size, "%u", (unsigned)getuid());
}

static void fill_in(struct engine_op *op, const struct engine_history *history)
{
	op->id = history->n ? history->entry[history->n - 1].op->id + 1 : 1;
	op->pid = (uint32_t)getpid();
	engine_now(op->time);
	engine_user(op->user, sizeof(op->user));
}

static int begin(struct engine *e, struct engine_op *op, struct mig_error *reterr)
{
	struct engine_history history;
	int r = engine_history_last(e->dir, &history, reterr);

	if (r < 0)
		return r;
	fill_in(op, &history);
	engine_history_free(&history);
	r = engine_journal_begin(e->journal, op, reterr);
	return r < 0 ? mig_fail_wrap(reterr, r, "nothing was changed") : 0;
}

int engine_run(struct engine *e, struct engine_op *op, struct engine_report *ret,
	       struct mig_error *reterr)
{
	_cleanup_free_ struct engine_step *step =
		calloc((size_t)ENGINE_MAX_STEPS * op->n_gpu + 1, sizeof(*step));
	sigset_t was;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!step)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = begin(e, op, reterr);
	if (r < 0)
		return r;
	hold_signals(&was);
	do_all(e, op, step, engine_all_steps(op, step), ret);
	if (ret->result == ENGINE_PARTLY) {
		(void)go(e, op, ENGINE_WAY_BACK, NULL);
		if (look(e, op, ENGINE_WAY_BACK, ret))
			ret->result = ENGINE_BACK;
	} else if (!look(e, op, ENGINE_WAY_ON, ret) && ret->result == ENGINE_DONE) {
		ret->result = ENGINE_PARTLY;
		if (!ret->why[0])
			snprintf(ret->why, sizeof(ret->why),
				 "every call succeeded, and yet the driver lists something else");
	}
	(void)engine_journal_end(e->journal, op, engine_result_name(ret->result), ret->why, NULL);
	release_signals(&was);
	return 0;
}

/* --- trials ----------------------------------------------------------------------------------- */

int engine_trial_begin(struct engine_trial *t, struct mig_error *reterr)
{
	int r;

	t->op->trial = 1;
	r = begin(t->e, t->op, reterr);
	if (r >= 0)
		hold_signals(&t->was);
	return r;
}

int engine_trial_stopped(struct mig_error *reterr)
{
	int signal = stopped_by();

	if (!signal)
		return 0;
	return mig_fail(reterr, -EINTR, "a signal came (%s)", strsignal(signal));
}

int engine_trial_step(struct engine_trial *t, const struct engine_step *step,
		      struct mig_error *reterr)
{
	int r = engine_trial_stopped(reterr);

	if (r >= 0)
		r = engine_journal_step(t->e->journal, t->op, step, reterr);
	if (r >= 0)
		engine_trial_begins(t->op, step);
	return r;
}

void engine_trial_did(struct engine_trial *t, int status, int start)
{
	(void)engine_journal_tried(t->e->journal, t->op, status, start, NULL);
	engine_trial_ends(t->op, status == 0, start);
}

void engine_trial_end(struct engine_trial *t, const char *why, struct engine_report *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)go(t->e, t->op, ENGINE_WAY_BACK, ret);
	ret->result = *why ? ENGINE_BACK : ENGINE_DONE;
	if (!look(t->e, t->op, ENGINE_WAY_BACK, ret))
		ret->result = ENGINE_PARTLY;
	if (!ret->why[0])
		snprintf(ret->why, sizeof(ret->why), "%s", why);
	(void)engine_journal_end(t->e->journal, t->op, engine_result_name(ret->result), ret->why,
				 NULL);
	release_signals(&t->was);
}

int engine_recover(struct engine *e, struct engine_op *op, enum engine_way way,
		   struct engine_report *ret, struct mig_error *reterr)
{
	sigset_t was;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = engine_journal_recover(e->journal, op, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, r, "nothing was changed");
	hold_signals(&was);
	(void)go(e, op, way, ret);
	if (look(e, op, way, ret))
		ret->result = way == ENGINE_WAY_ON && !op->trial ? ENGINE_DONE : ENGINE_BACK;
	else
		ret->result = ENGINE_PARTLY;
	(void)engine_journal_end(e->journal, op, engine_result_name(ret->result), ret->why, NULL);
	release_signals(&was);
	return 0;
}

int engine_begin_typed(struct engine *e, struct engine_op *op, struct mig_error *reterr)
{
	op->typed = 1;
	return begin(e, op, reterr);
}

/* Keeps a GPU of the operation if it has changed; one that does not answer has, for all we know. */
static bool has_changed(struct engine *e, struct engine_gpu *gpu)
{
	struct state now = { 0 };

	if (read_gpu(e, gpu, &now, NULL) < 0)
		return true;
	gpu->to = now.layout;
	if (now.pending != gpu->pending_was)
		gpu->mode = now.pending == MIG_MODE_ON ? ENGINE_MODE_ON : ENGINE_MODE_OFF;
	return gpu->mode != ENGINE_MODE_KEEP || !engine_layout_same(&gpu->from, &gpu->to);
}

void engine_end_typed(struct engine *e, struct engine_op *op, int code)
{
	char why[64] = "";
	uint32_t n = 0;

	for (uint32_t g = 0; g < op->n_gpu; g++)
		if (has_changed(e, &op->gpu[g]))
			op->gpu[n++] = op->gpu[g];
	op->n_gpu = n;
	if (code)
		snprintf(why, sizeof(why), "it ended with exit code %d", code);
	(void)engine_journal_end(e->journal, op, n ? "done" : "nothing", why, NULL);
}

bool engine_settle(struct engine *e, const struct engine_op *op, const char *boot)
{
	_cleanup_free_ struct engine_report *report = calloc(1, sizeof(*report));
	const char *result = NULL;

	if (!report)
		return false;
	if (op->boot[0] && boot[0] && strcmp(op->boot, boot) != 0)
		result = "rebooted";
	else if (op->typed || op->gpu[0].mode != ENGINE_MODE_KEEP || op->gpu[0].reset)
		result = "cut";
	else if (look(e, op, ENGINE_WAY_BACK, report))
		result = engine_result_name(ENGINE_BACK);
	else if (look(e, op, ENGINE_WAY_ON, report))
		result = engine_result_name(ENGINE_DONE);
	return result &&
	       engine_journal_end(e->journal, op, result, "settled by the next command", NULL) >= 0;
}
