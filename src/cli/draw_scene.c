/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/draw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/gpu_picture.h"
#include "cli/picture.h"
#include "observe/observe.h"

/* More rows than these are drawn in two columns of a page. */
#define ROWS_OF_A_COLUMN 40
#define TWO_COLUMNS	 160

static int no_memory(struct mig_error *reterr)
{
	return mig_fail(reterr, -ENOMEM, "out of memory");
}

void draw_scene_free(struct draw_scene *scene)
{
	free(scene->pictures);
	free(scene->gpus);
	free(scene->rows);
	free(scene->lines);
	scene->pictures = NULL;
	scene->gpus = NULL;
	scene->rows = NULL;
	scene->lines = NULL;
}

/* One picture, which the scene holds. */
static int show_one(struct draw_scene *scene, render_draw_fn draw, const void *what,
		    struct mig_error *reterr)
{
	scene->pictures = calloc(1, sizeof(*scene->pictures));
	if (!scene->pictures)
		return no_memory(reterr);
	scene->pictures[0] = (struct render_picture){ draw, what };
	scene->stack.picture = scene->pictures;
	scene->stack.n = 1;
	return 0;
}

/* "GPU 0, NVIDIA A100 80GB PCIe", or the board alone; a recording says so. */
static void name_of(const struct cli_subject *s, char *buf, size_t size)
{
	const struct mig_snapshot *m = s->source.snapshot;

	if (!s->gpu)
		snprintf(buf, size, "%s, driver %s", cli_board_short_name(s->board), s->driver);
	else
		snprintf(buf, size, "GPU %u, %s%s%s", s->gpu->index, s->gpu->name,
			 m->recorded ? ", recorded " : "", m->recorded ? m->taken : "");
}

/* Places that no output of hardware confirms, of the profiles that are drawn. */
static void note_unconfirmed(const struct mig_board *board, mig_profiles profiles,
			     struct draw_scene *scene)
{
	mig_profiles which = 0;
	size_t used;

	for (uint32_t i = 0; i < board->n_gi; i++)
		if (profiles >> i & 1 && board->gi[i].unconfirmed & MIG_UNCONFIRMED_PLACEMENT)
			which |= 1u << i;
	if (which && which == profiles)
		snprintf(scene->note, sizeof(scene->note),
			 "No hardware output confirms where these can stand.");
	for (uint32_t i = 0; which != profiles && i < board->n_gi; i++) {
		if (!(which >> i & 1))
			continue;
		used = strlen(scene->note);
		snprintf(scene->note + used, sizeof(scene->note) - used, "%s%s",
			 used ? ", " : "Places that no hardware output confirms: ",
			 board->gi[i].name);
	}
	scene->stack.note = scene->note;
}

static mig_profiles profiles_of(const struct mig_plan_table *table, mig_slots slots)
{
	mig_profiles used = 0;

	for (unsigned i = 0; i < mig_plan_n_slots(table); i++)
		if (slots >> i & 1)
			used |= 1u << mig_plan_slot(table, i)->profile;
	return used;
}

int draw_scene_layout(const struct cli_subject *s, char *const *words, unsigned n,
		      struct draw_scene *ret, struct mig_error *reterr)
{
	struct mig_plan_state empty = { 0 };
	struct mig_plan_change change;
	struct mig_plan_goal goal;
	char slots[CLI_PLAN_TEXT];
	int r;

	r = cli_goal_from_words(s, words, n, &goal, reterr);
	if (r < 0)
		return r;
	r = mig_plan_change(s->table, &empty, &goal, &change, 1, reterr);
	if (r == -ENOSPC)
		return mig_fail(reterr, -ENOTSUP,
				"that does not fit on an empty %s: 'migctl plan' says why",
				cli_board_short_name(s->board));
	if (r < 0)
		return r;
	ret->gpus = calloc(1, sizeof(*ret->gpus));
	if (!ret->gpus)
		return no_memory(reterr);
	cli_picture_board(s->board, s->table, change.target, ret->gpus);
	snprintf(ret->id, sizeof(ret->id), "migkit-board");
	snprintf(ret->title, sizeof(ret->title), "%s", cli_board_short_name(s->board));
	snprintf(ret->about, sizeof(ret->about), "%s with %s", cli_board_short_name(s->board),
		 cli_slots_text(s->board, s->table, change.target, slots, sizeof(slots)));
	note_unconfirmed(s->board, profiles_of(s->table, change.target), ret);
	return show_one(ret, render_gpu, ret->gpus, reterr);
}

static void freep_table(struct mig_plan_table **table)
{
	mig_plan_table_free(*table);
}

static unsigned count_maximal(const struct mig_plan_table *table)
{
	unsigned n = 0;

	for (size_t i = 0; i < mig_plan_n_layouts(table); i++)
		n += mig_plan_free(table, mig_plan_layout(table, i)) == 0;
	return n;
}

/* Their rows, in the order of NVIDIA's figure, which is the table's. */
static int fill_rows(const struct mig_board *board, mig_profiles profiles, struct draw_scene *scene,
		     struct mig_error *reterr)
{
	_cleanup_(freep_table) struct mig_plan_table *table = NULL;
	unsigned n, row = 0;
	int r;

	r = mig_plan_table_new(board, profiles, &table, reterr);
	if (r < 0)
		return r;
	n = count_maximal(table);
	scene->rows = calloc(n ? n : 1, sizeof(*scene->rows));
	if (!scene->rows)
		return no_memory(reterr);
	for (size_t i = 0; i < mig_plan_n_layouts(table); i++) {
		mig_slots slots = mig_plan_layout(table, i);

		if (!mig_plan_free(table, slots))
			cli_picture_layout(board, table, slots, &scene->rows[row++]);
	}
	scene->layouts = (struct render_layouts){
		.words = &cli_gpu_words,
		.units = board->units,
		.memory_slices = board->memory_slices,
		.n = n,
		.layout = scene->rows,
		.columns = scene->columns	  ? scene->columns
			   : n > ROWS_OF_A_COLUMN ? TWO_COLUMNS
						  : 0,
	};
	return 0;
}

int draw_scene_maximal(const struct cli_subject *s, bool plain, struct draw_scene *ret,
		       struct mig_error *reterr)
{
	mig_profiles profiles = plain ? mig_profiles_plain(s->board) : mig_profiles_all(s->board);
	char name[160];
	int r;

	r = fill_rows(s->board, profiles, ret, reterr);
	if (r < 0)
		return r;
	name_of(s, name, sizeof(name));
	snprintf(ret->id, sizeof(ret->id), "migkit-layouts");
	snprintf(ret->title, sizeof(ret->title), "%s: %u layouts to which nothing can be added",
		 name, ret->layouts.n);
	snprintf(ret->about, sizeof(ret->about),
		 "%s, of %s. Each row is a layout, each block a GPU instance as wide as its memory",
		 ret->title,
		 plain ? "the profiles without double memory or media variants" : "all profiles");
	note_unconfirmed(s->board, profiles, ret);
	ret->stack.title = ret->title;
	return show_one(ret, render_layouts, &ret->layouts, reterr);
}

int draw_scene_plan(const struct cli_subject *s, char *const *words, unsigned n,
		    struct draw_scene *ret, struct mig_error *reterr)
{
	struct mig_plan_change change;
	struct mig_plan_goal goal;
	char name[160], slots[CLI_PLAN_TEXT];
	int r;

	r = cli_goal_from_words(s, words, n, &goal, reterr);
	if (r < 0)
		return r;
	r = mig_plan_change(s->table, &s->state, &goal, &change, 1, reterr);
	if (r == -ENOSPC)
		return mig_fail(
			reterr, -ENOTSUP,
			"there is no such plan: 'migctl plan' says why, and what would fit");
	if (r < 0)
		return r;
	cli_picture_change(s->board, s->table, s->gpu, &s->state, s->busy, &change, &ret->plan);
	ret->plan.columns = ret->columns;
	name_of(s, name, sizeof(name));
	snprintf(ret->id, sizeof(ret->id), "migkit-plan");
	snprintf(ret->title, sizeof(ret->title), "%s: before and after", name);
	snprintf(ret->about, sizeof(ret->about), "%s. The plan leads to %s", name,
		 cli_slots_text(s->board, s->table, change.target, slots, sizeof(slots)));
	note_unconfirmed(s->board, profiles_of(s->table, change.target | s->state.now), ret);
	ret->stack.title = ret->title;
	return show_one(ret, render_plan, &ret->plan, reterr);
}
/* What is said in place of a GPU's picture. */
static void explain_gpu(const struct mig_gpu *gpu, char *buf, size_t size)
{
	if (gpu->status)
		snprintf(buf, size, "GPU %u does not answer: %s says %s", gpu->index,
			 gpu->failed_call, observe_status_name(gpu->status));
	else if (!gpu->gi_status)
		snprintf(buf, size, "GPU %u  %s: the driver does not tell where its instances lie",
			 gpu->index, gpu->name);
	else
		snprintf(buf, size,
			 "GPU %u  %s: where its instances lie can't be read (%s); root can",
			 gpu->index, gpu->name, observe_status_name(gpu->gi_status));
}

/* The host of a lab is not what its GPUs are in. */
static const char *machine_of(const struct mig_snapshot *m)
{
	return m->host[0] && (m->recorded || !m->lab) ? m->host : m->source;
}

static void name_gpus(const struct mig_snapshot *m, struct draw_scene *scene)
{
	const char *recorded = m->recorded ? ", recorded " : "";
	const char *taken = m->recorded ? m->taken : "";

	if (m->n_gpu == 1)
		snprintf(scene->title, sizeof(scene->title), "GPU %u%s%s%s%s", m->gpu->index,
			 m->gpu->name[0] ? ", " : "", m->gpu->name, recorded, taken);
	else
		snprintf(scene->title, sizeof(scene->title), "%u GPUs of %s%s%s", m->n_gpu,
			 machine_of(m), recorded, taken);
	snprintf(scene->id, sizeof(scene->id), "migkit-gpus");
	if (m->recorded || m->n_gpu != 1)
		scene->stack.title = scene->title;
}

int draw_scene_gpus(const struct cli_source *source, struct draw_scene *ret,
		    struct mig_error *reterr)
{
	const struct mig_snapshot *m = source->snapshot;
	uint32_t n = m->n_gpu;

	if (!n)
		return mig_fail(reterr, -ENOENT, "there is no GPU in %s", m->source);
	ret->gpus = calloc(n, sizeof(*ret->gpus));
	ret->pictures = calloc(n, sizeof(*ret->pictures));
	ret->lines = calloc(n, sizeof(*ret->lines));
	if (!ret->gpus || !ret->pictures || !ret->lines)
		return no_memory(reterr);
	for (uint32_t i = 0; i < n; i++) {
		if (cli_gpu_picture(m, &m->gpu[i], ret->columns, &ret->gpus[i])) {
			ret->pictures[i] = (struct render_picture){ render_gpu, &ret->gpus[i] };
			continue;
		}
		explain_gpu(&m->gpu[i], ret->lines[i].text, sizeof(ret->lines[i].text));
		ret->pictures[i] = (struct render_picture){ render_line, ret->lines[i].text };
	}
	ret->stack.picture = ret->pictures;
	ret->stack.n = n;
	name_gpus(m, ret);
	return 0;
}
