/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/goal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "observe/observe.h"
#include "spec/request.h"

/* Above any board's total; a sum of counts beyond it says the same. */
#define COUNT_MAX 255

const char *cli_board_short_name(const struct mig_board *board)
{
	return strncmp(board->name, "NVIDIA ", 7) == 0 ? board->name + 7 : board->name;
}

bool cli_subject_mode_off(const struct cli_subject *s)
{
	return s->gpu && s->gpu->mode != MIG_MODE_ON;
}

const struct mig_gi *cli_subject_gi(const struct cli_subject *s, unsigned slot)
{
	const struct mig_slot *p = mig_plan_slot(s->table, slot);

	for (unsigned i = 0; s->gpu && i < s->gpu->n_gi; i++)
		if (s->gpu->gi[i].profile == p->profile && s->gpu->gi[i].start == p->start)
			return &s->gpu->gi[i];
	return NULL;
}

static int check_args(const struct cli_subject_args *a, struct mig_error *reterr)
{
	if (a->board && (a->source.gpus || a->source.snapshot))
		return mig_fail(reterr, -EINVAL,
				"--board is a board without a machine: it goes without %s",
				a->source.gpus ? "--id" : "--snapshot");
	if (a->board && a->keep.n)
		return mig_fail(reterr, -EINVAL,
				"--keep names instances of a GPU: an empty board has none");
	if (!a->board && a->driver)
		return mig_fail(reterr, -EINVAL,
				"--driver is for a board: a GPU has the driver that it has");
	return 0;
}

static int open_board(const struct cli_subject_args *a, struct cli_subject *s,
		      struct mig_error *reterr)
{
	char newest[16];

	cli_newest_driver(newest);
	snprintf(s->driver, sizeof(s->driver), "%s", a->driver ? a->driver : newest);
	/* "610.999" is no driver: the branch is what is meant. */
	if (!a->driver)
		s->driver[strcspn(s->driver, ".")] = 0;
	s->board = &s->own;
	return cli_board_arg(a->board, a->driver, &s->own, reterr);
}

/* Why there is nothing to plan for a GPU; 0: there is. */
static int check_gpu(const struct cli_subject_args *a, const struct mig_gpu *g,
		     enum cli_subject_wish wish, struct mig_error *reterr)
{
	if (g->status)
		return observe_gpu_answers(g, reterr);
	if (!g->mig_capable)
		return mig_fail(reterr, -ENOTSUP, "GPU %u (%s) has no MIG mode", g->index, g->name);
	if (g->board_origin == MIG_BOARD_NONE || !g->board.n_gi)
		return mig_fail(reterr, -ENOTSUP,
				"the driver names no profiles of GPU %u (%s): plan for a board "
				"with --board",
				g->index, g->name);
	if (wish == CLI_SUBJECT_STATE && g->mode == MIG_MODE_ON && g->gi_status)
		return mig_fail(reterr, -EACCES, "the instances of GPU %u cannot be read (%s)%s",
				g->index, observe_status_name(g->gi_status),
				/* Acting commands have the driver open, and no --board. */
				a->source.nvml ? ""
					       : ": ask as root, or plan for an empty board with "
						 "--board");
	return 0;
}

/* The planner is asked about profiles, starts, modes and processes, and nothing else is read. */
static int open_gpu(const struct cli_subject_args *a, enum cli_subject_wish wish,
		    struct cli_subject *s, struct mig_error *reterr)
{
	unsigned ask =
		wish == CLI_SUBJECT_STATE ? OBSERVE_BOARD | OBSERVE_PROCESSES : OBSERVE_BOARD;
	struct mig_error err = { 0 };
	int r = cli_source_open(&a->source, ask, &s->source, &err);

	if (r == -ENOTCONN)
		return mig_fail(reterr, r, "%s; --board plans for a board without any", err.msg);
	if (r < 0)
		return mig_fail(reterr, r, "%s", err.msg);
	s->opened = true;
	r = cli_source_one_gpu(&s->source, &s->gpu, reterr);
	if (r >= 0)
		r = check_gpu(a, s->gpu, wish, reterr);
	if (r < 0)
		return r;
	s->board = &s->gpu->board;
	snprintf(s->driver, sizeof(s->driver), "%s", s->source.snapshot->driver);
	return 0;
}

static bool runs_in(const struct cli_subject *s, const struct mig_gi *gi)
{
	const struct mig_snapshot *m = s->source.snapshot;

	for (uint32_t i = 0; i < m->n_process; i++) {
		const struct mig_process *p = &m->process[i];

		if (p->gpu == s->gpu->index && p->gi == gi->id &&
		    (p->kind & (MIG_PROCESS_COMPUTE | MIG_PROCESS_GRAPHICS | MIG_PROCESS_MPS)))
			return true;
	}
	return false;
}

/* What stands on the GPU, in slots of the table. */
static int read_state(struct cli_subject *s, struct mig_error *reterr)
{
	for (uint32_t i = 0; s->gpu && i < s->gpu->n_gi; i++) {
		const struct mig_gi *gi = &s->gpu->gi[i];
		int slot = mig_plan_slot_at(s->table, gi->profile, gi->start);

		if (slot < 0)
			return mig_fail(reterr, -ENOTSUP,
					"GPU instance %u of GPU %u stands at %u, where the board "
					"has no such place",
					gi->id, s->gpu->index, gi->start);
		s->state.now |= (mig_slots)1 << slot;
		s->state.n_ci[slot] = gi->n_ci;
		if (runs_in(s, gi))
			s->busy |= (mig_slots)1 << slot;
	}
	if (s->gpu && !mig_plan_is_layout(s->table, s->state.now))
		return mig_fail(reterr, -ENOTSUP,
				"GPU %u has instances beside each other that its profiles exclude",
				s->gpu->index);
	return 0;
}

static int no_instance(const struct cli_subject *s, const char *word, size_t len,
		       struct mig_error *reterr)
{
	char have[CLI_PLAN_TEXT];

	if (!s->state.now)
		return mig_fail(reterr, -ENOENT, "--keep %.*s: GPU %u has no GPU instances",
				(int)len, word, s->gpu->index);
	return mig_fail(reterr, -ENOENT, "--keep %.*s: GPU %u has no such GPU instance; it has %s",
			(int)len, word, s->gpu->index,
			cli_instances_text(s, s->state.now, have, sizeof(have)));
}

/* One id, or all. */
static int keep_word(struct cli_subject *s, const char *word, size_t len, struct mig_error *reterr)
{
	unsigned long id;
	char *end;

	if (len == 3 && strncmp(word, "all", 3) == 0) {
		s->kept = s->state.now;
		return 0;
	}
	id = strtoul(word, &end, 10);
	if (!len || word[0] < '0' || word[0] > '9' || end != word + len)
		return mig_fail(
			reterr, -EINVAL,
			"--keep takes ids of GPU instances, such as 7,9, or all; not '%.*s'",
			(int)len, word);
	for (unsigned slot = 0; slot < mig_plan_n_slots(s->table); slot++) {
		const struct mig_gi *gi = cli_subject_gi(s, slot);

		if (gi && gi->id == id) {
			s->kept |= (mig_slots)1 << slot;
			return 0;
		}
	}
	return no_instance(s, word, len, reterr);
}

static int read_keep(struct cli_subject *s, const struct cli_list *keep, struct mig_error *reterr)
{
	int r = 0;

	for (unsigned i = 0; i < keep->n && r >= 0; i++) {
		const char *word = keep->v[i];

		for (size_t len; r >= 0; word += len + 1) {
			len = strcspn(word, ",");
			r = keep_word(s, word, len, reterr);
			if (!word[len])
				break;
		}
	}
	return r;
}

int cli_subject_open(const struct cli_subject_args *args, enum cli_subject_wish wish,
		     struct cli_subject *ret, struct mig_error *reterr)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = check_args(args, reterr);
	if (r >= 0)
		r = args->board ? open_board(args, ret, reterr) : open_gpu(args, wish, ret, reterr);
	if (r >= 0)
		r = mig_plan_table_new(ret->board, mig_profiles_all(ret->board), &ret->table,
				       reterr);
	if (r >= 0 && wish == CLI_SUBJECT_STATE)
		r = read_state(ret, reterr);
	if (r >= 0)
		r = read_keep(ret, &args->keep, reterr);
	if (r < 0) {
		cli_subject_close(ret);
		return r;
	}
	ret->state.pinned = ret->busy | ret->kept;
	return 0;
}

void cli_subject_close(struct cli_subject *s)
{
	mig_plan_table_free(s->table);
	s->table = NULL;
	if (s->opened)
		cli_source_close(&s->source);
	s->opened = false;
}

/* Two requests for one place, by name: the planner's set of slots would hide it. */
static int take_start(const struct cli_subject *s, const struct spec_request *req,
		      struct mig_plan_goal *goal, struct mig_error *reterr)
{
	int slot;

	if (req->start < 0)
		return 0;
	slot = mig_plan_slot_at(s->table, req->profile, (unsigned)req->start);
	if (slot < 0)
		return mig_fail(reterr, -EINVAL, "%s cannot start at %d",
				s->board->gi[req->profile].name, req->start);
	if (goal->at >> slot & 1)
		return mig_fail(reterr, -EINVAL, "%s@%d is asked for twice: one can start there",
				s->board->gi[req->profile].name, req->start);
	goal->at |= (mig_slots)1 << slot;
	return 0;
}

#define MAX_REQUESTS 32

int cli_goal_from_words(const struct cli_subject *s, char *const *words, unsigned n,
			struct mig_plan_goal *ret, struct mig_error *reterr)
{
	struct spec_request req[MAX_REQUESTS];
	struct mig_plan_goal goal = { 0 };
	int found = spec_requests_parse(s->board, words, n, req, ARRAY_SIZE(req), reterr);

	for (int i = 0; i < found; i++) {
		uint8_t *count = &goal.counts.n[req[i].profile];
		int r = take_start(s, &req[i], &goal, reterr);

		if (r < 0)
			return r;
		*count = (uint8_t)(*count + req[i].count > COUNT_MAX ? COUNT_MAX
								     : *count + req[i].count);
	}
	if (found < 0)
		return found;
	/* An empty layout is not asked for by words that say nothing. */
	if (found == 0 && n > 0)
		return mig_fail(reterr, -EINVAL,
				"'%s': a profile is missing: PROFILE[@START], such as 3g.40gb@4",
				words[0]);
	*ret = goal;
	return 0;
}
