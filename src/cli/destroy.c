/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "cli/names.h"
#include "cli/place.h"
#include "model/snapshot.h"
#include "observe/observe.h"

/*
 * "migctl destroy": the named instances, and nothing that was not named. What a process holds is
 * refused with the process's name, before anything is touched.
 */

struct args {
	struct act_args act;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt destroy_opts[] = { ACT_EVICT_OPTS(A(act)), ACT_OPTS(A(act)), OPT_END };
#undef A

#define MAX_CHANGES 128

struct job {
	const struct act_args *args;
	char *const *word;
	int n_words;
	struct act act;
	struct cli_out *out;
	struct cli_source source;
	struct engine_op *op;
	struct act_change change[MAX_CHANGES];
	unsigned n_changes;
};

/* --- which instances -------------------------------------------------------------------------- */

static int add_change(struct job *j, const struct mig_gpu *gpu, int gi, int ci,
		      struct mig_error *reterr)
{
	struct act_change *c = &j->change[j->n_changes];

	if (j->n_changes == MAX_CHANGES)
		return mig_fail(reterr, -EINVAL, "at most %d instances are destroyed at once",
				MAX_CHANGES);
	*c = (struct act_change){
		.gpu = gpu,
		.change = { ci < 0 ? MIG_ACTION_DESTROY_GI : MIG_ACTION_DESTROY_CI, gi, ci }
	};
	if (ci < 0)
		snprintf(c->what, sizeof(c->what), "GPU instance %d of GPU %u", gi, gpu->index);
	else
		snprintf(c->what, sizeof(c->what), "compute instance %d/%d of GPU %u", gi, ci,
			 gpu->index);
	j->n_changes++;
	return 0;
}

static int gpu_of(struct job *j, const struct mig_gpu *gpu, struct engine_gpu **ret,
		  struct mig_error *reterr)
{
	for (uint32_t i = 0; i < j->op->n_gpu; i++) {
		if (strcmp(j->op->gpu[i].uuid, gpu->uuid) != 0)
			continue;
		*ret = &j->op->gpu[i];
		return 0;
	}
	return act_add_gpu(j->op, gpu, ret, reterr);
}

static void drop_gi(struct engine_layout *l, unsigned id)
{
	for (uint32_t i = 0; i < l->n_gi; i++)
		if (l->gi[i].id == id) {
			memmove(&l->gi[i], &l->gi[i + 1], (l->n_gi - i - 1) * sizeof(l->gi[0]));
			l->n_gi--;
			return;
		}
}

static void drop_ci(struct engine_layout *l, unsigned gi_id, unsigned id)
{
	for (uint32_t i = 0; i < l->n_gi; i++) {
		struct engine_gi *gi = &l->gi[i];

		for (unsigned c = 0; gi->id == gi_id && c < gi->n_ci; c++)
			if (gi->ci[c].id == id) {
				memmove(&gi->ci[c], &gi->ci[c + 1],
					(gi->n_ci - c - 1u) * sizeof(gi->ci[0]));
				gi->n_ci--;
				return;
			}
	}
}

/* ci -1: the GPU instance with all of its compute instances. */
static int take(struct job *j, const struct mig_gpu *gpu, int gi, int ci, struct mig_error *reterr)
{
	struct engine_gpu *to;
	int r = gpu_of(j, gpu, &to, reterr);

	if (r >= 0)
		r = add_change(j, gpu, gi, ci, reterr);
	if (r < 0)
		return r;
	if (ci < 0)
		drop_gi(&to->to, (unsigned)gi);
	else
		drop_ci(&to->to, (unsigned)gi, (unsigned)ci);
	return 0;
}

static int take_all(struct job *j, struct mig_error *reterr)
{
	const struct mig_snapshot *s = j->source.snapshot;
	int r = 0;

	if (s->n_gpu > 1 && !j->args->source.gpus)
		return mig_fail(reterr, -EINVAL,
				"'all' of which GPU? There are %u: say with -i, such as -i %u",
				s->n_gpu, s->gpu[0].index);
	for (uint32_t g = 0; g < s->n_gpu && r >= 0; g++)
		for (uint32_t i = 0; i < s->gpu[g].n_gi && r >= 0; i++)
			r = take(j, &s->gpu[g], s->gpu[g].gi[i].id, -1, reterr);
	return r;
}

static int take_uuid(struct job *j, const char *uuid, struct mig_error *reterr)
{
	const struct mig_gpu *gpu;
	const struct mig_gi *gi;
	const struct mig_ci *ci;
	int r = cli_place_device(j->source.snapshot, uuid, &gpu, &gi, &ci, reterr);

	return r < 0 ? r : take(j, gpu, gi->id, ci->id, reterr);
}

static int no_instance(const struct mig_gpu *gpu, const char *word, struct mig_error *reterr)
{
	struct engine_layout l;
	char have[200] = "";

	for (uint32_t i = 0; i < gpu->n_gi; i++)
		cli_text_add(have, sizeof(have), "%s%u/%u", i ? ", " : "", gpu->index,
			     gpu->gi[i].id);
	if (engine_layout_of(gpu, &l, reterr) < 0)
		return reterr ? reterr->code : -EIO;
	return mig_fail(reterr, -ENOENT, "there is no instance %.40s: GPU %u has %s", word,
			gpu->index, have[0] ? have : "none");
}

static int no_gpu(struct job *j, const char *word, const char *slash, struct mig_error *reterr)
{
	return mig_fail(reterr, -ENOENT, "there is no GPU %.*s%s",
			(int)(slash - word > 60 ? 60 : slash - word), word,
			j->args->source.gpus ? " among those of -i" : "");
}

/* "0/2", "0/2/1", with the GPU by any of its names. */
static int take_place(struct job *j, const char *word, struct mig_error *reterr)
{
	const char *slash = strchr(word, '/'), *at = slash + 1;
	const struct mig_gpu *gpu = cli_place_gpu(j->source.snapshot, word, (size_t)(slash - word));
	int gi = cli_place_number(&at), ci = -1;

	if (!gpu)
		return no_gpu(j, word, slash, reterr);
	if (*at == '/') {
		at++;
		ci = cli_place_number(&at);
		if (ci < 0)
			gi = -1;
	}
	if (gi < 0 || *at)
		return mig_fail(
			reterr, -EINVAL,
			"'%.60s' names no instance: GPU/GI or GPU/GI/CI by their ids, such as "
			"0/2 or 0/2/0",
			word);
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		if (gpu->gi[i].id != gi)
			continue;
		for (unsigned c = 0; c < gpu->gi[i].n_ci; c++)
			if (gpu->gi[i].ci[c].id == ci)
				return take(j, gpu, gi, ci, reterr);
		if (ci < 0)
			return take(j, gpu, gi, -1, reterr);
	}
	return no_instance(gpu, word, reterr);
}

/* "3g.40gb@4" on the one GPU, "0/3g.40gb@4" on that one. */
static int take_profile(struct job *j, const char *word, struct mig_error *reterr)
{
	const char *at = strchr(word, '@') + 1, *slash = strchr(word, '/'), *all = word;
	const struct mig_gpu *gpu = NULL;
	int start = cli_place_number(&at), r = 0;

	if (slash) {
		gpu = cli_place_gpu(j->source.snapshot, word, (size_t)(slash - word));
		word = slash + 1;
	} else {
		r = cli_source_one_gpu(&j->source, &gpu, reterr);
	}
	if (r < 0 || !gpu)
		return r < 0 ? r : no_gpu(j, all, slash, reterr);
	for (uint32_t i = 0; i < gpu->n_gi && start >= 0 && !*at; i++) {
		const struct mig_gi *gi = &gpu->gi[i];
		const char *name =
			gi->profile < gpu->board.n_gi ? gpu->board.gi[gi->profile].name : "";

		if (gi->start == start && strlen(name) == strcspn(word, "@") &&
		    !strncasecmp(name, word, strlen(name)))
			return take(j, gpu, gi->id, -1, reterr);
	}
	return no_instance(gpu, word, reterr);
}

static int take_named(struct job *j, const struct engine_name *name, struct mig_error *reterr)
{
	const struct mig_gpu *gpu =
		cli_place_gpu(j->source.snapshot, name->uuid, strlen(name->uuid));
	const struct mig_gi *gi = gpu ? cli_name_gi(name, gpu) : NULL;

	if (!gpu)
		return mig_fail(reterr, -ENOENT, "'%s' is a place of the GPU %s, which is not %s",
				name->name, name->uuid,
				j->args->source.gpus ? "among those of -i" : "there");
	return gi ? take(j, gpu, gi->id, -1, reterr) : cli_name_not_there(name, gpu, reterr);
}

static int take_word(struct job *j, const char *word, struct mig_error *reterr)
{
	struct engine_name name;
	int r = cli_name_look_up(word, &name, reterr);

	if (r)
		return r < 0 ? r : take_named(j, &name, reterr);
	if (!strcasecmp(word, "all"))
		return take_all(j, reterr);
	if (!strncasecmp(word, "MIG-", 4))
		return take_uuid(j, word, reterr);
	if (strchr(word, '@'))
		return take_profile(j, word, reterr);
	if (strchr(word, '/'))
		return take_place(j, word, reterr);
	return mig_fail(
		reterr, -EINVAL,
		"'%.60s' names no instance: GPU/GI or GPU/GI/CI by their ids, such as 0/2 "
		"or 0/2/0, a MIG device by its UUID, PROFILE@START, a name of 'migctl name', or "
		"all",
		word);
}

/* --- one try ---------------------------------------------------------------------------------- */

static int look(struct job *j, struct mig_error *reterr)
{
	const unsigned wish = OBSERVE_BOARD | OBSERVE_PROCESSES | OBSERVE_HOLDERS;
	int r;

	cli_source_close(&j->source);
	free(j->op);
	j->n_changes = 0;
	j->op = act_op(&j->act);
	if (!j->op)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = cli_source_open(&j->args->source, wish, &j->source, reterr);
	for (uint32_t i = 0; r >= 0 && i < j->source.snapshot->n_gpu; i++)
		if (j->args->source.gpus)
			r = observe_gpu_answers(&j->source.snapshot->gpu[i], reterr);
	for (int i = 0; i < j->n_words && r >= 0; i++)
		r = take_word(j, j->word[i], reterr);
	return r;
}

static int attempt(void *arg, struct act_busy *busy, struct mig_error *reterr)
{
	struct job *j = arg;
	int r = j->args->dry_run ? 0 : act_lock(&j->act, j->args, reterr);

	if (r >= 0)
		r = look(j, reterr);
	if (r >= 0)
		r = act_in_the_way(j->source.snapshot, j->change, j->n_changes, busy->pid,
				   ACT_MAX_PIDS, &busy->n, reterr);
	if (r >= 0)
		r = act_claimed(&j->act, j->change, j->n_changes, j->args->dry_run, busy, reterr);
	if (r < 0) {
		act_unlock(&j->act);
		return r;
	}
	r = act_show_steps(j->out, &j->act, j->source.snapshot, j->op, j->args->dry_run);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the steps: %s", strerror(-r));
	if (j->args->dry_run)
		return act_show_dry(j->out, &j->act, reterr);
	return act_run(j->out, &j->act, j->op, reterr);
}

int cmd_destroy(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_free_ struct job *j = calloc(1, sizeof(*j));
	struct args a = { .act.grace = ACT_GRACE };
	int r;

	if (!j)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	act_command(cmd, argc, argv, j->act.command, sizeof(j->act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = act_check_args(&a.act, reterr);
	if (r >= 0)
		r = cli_source_out(&a.act.source, &out, reterr);
	if (r >= 0)
		r = act_open(&j->act, reterr);
	if (r >= 0) {
		cli_out_main_list(out, "steps");
		a.act.source.nvml = &j->act.nvml;
		j->args = &a.act;
		j->word = argv;
		j->n_words = argc;
		j->out = out;
		r = act_until_free(&a.act, attempt, j, reterr);
		r = act_refused(&j->act, r, reterr);
	}
	cli_source_close(&j->source);
	free(j->op);
	act_close(&j->act);
	return r;
}
