/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/lesson.h"
#include "model/boards.h"
#include "render/width.h"
#include <migkit/plan.h>

#define PICTURE_INDENT 2
#define TEXT_INDENT    2 /* tells our sentences from the screens, which begin at the edge */

void lesson_show_text(const struct lesson *l, const char *text)
{
	render_wrap(stdout, text, l->columns, TEXT_INDENT, NULL);
}

void lesson_show_why(const struct lesson *l, const char *text)
{
	render_wrap(stdout, text, l->columns, TEXT_INDENT,
		    render_sign_text(&l->term, RENDER_SIGN_STEP));
}

void lesson_show_heading(const struct lesson *l, const char *text)
{
	const char *dash = render_sign_text(&l->term, RENDER_SIGN_DASH);
	unsigned used = render_width(text) + 4;

	putchar('\n');
	render_style_begin(stdout, &l->term, RENDER_STRONG);
	printf("%s%s %s ", dash, dash, text);
	for (; used < l->columns; used++)
		fputs(dash, stdout);
	render_style_end(stdout, &l->term, RENDER_STRONG);
	fputs("\n\n", stdout);
}

void lesson_show_command(const struct lesson *l, const char *line)
{
	render_style_begin(stdout, &l->term, RENDER_STRONG);
	printf("$ %s", line);
	render_style_end(stdout, &l->term, RENDER_STRONG);
	putchar('\n');
}

static int print_error(int r)
{
	return r < 0 ? r : 0;
}

/* started: the place is where we are; otherwise it is all still ahead, or all behind us. */
int lesson_show_flow(const struct lesson *l, enum lesson_flow which, unsigned place, bool started)
{
	static const enum lesson_saying set_up[] = { SAY_FLOW_ENABLE, SAY_FLOW_CREATE_GI,
						     SAY_FLOW_CREATE_CI, SAY_FLOW_USE };
	static const enum lesson_saying take_down[] = { SAY_FLOW_DESTROY_CI, SAY_FLOW_DESTROY_GI,
							SAY_FLOW_DISABLE };
	bool up = which == LESSON_FLOW_SETUP;
	const enum lesson_saying *step = up ? set_up : take_down;
	struct render_flow flow = {
		.title = lesson_say(l, up ? SAY_FLOW_SETUP : SAY_FLOW_TAKEDOWN),
		.here = lesson_say(l, SAY_HERE),
		.n = up ? ARRAY_SIZE(set_up) : ARRAY_SIZE(take_down),
		.group_first = up ? 1 : 0,
		.group_last = up ? 2 : 1,
		.group = lesson_say(l, SAY_FLOW_LEVELS),
	};

	for (unsigned i = 0; i < flow.n; i++) {
		flow.step[i].text = lesson_say(l, step[i]);
		if (i < place)
			flow.step[i].place = RENDER_PASSED;
		else if (i == place && started)
			flow.step[i].place = RENDER_NOW;
	}
	return print_error(render_term_print(stdout, &l->term, PICTURE_INDENT, render_flow, &flow));
}

int lesson_show_gpu(const struct lesson *l, struct mig_error *reterr)
{
	struct render_gpu gpu;
	int r;

	r = lesson_read_gpu(&l->words, &gpu, reterr);
	if (r < 0)
		return r;
	putchar('\n');
	return print_error(render_term_print(stdout, &l->term, PICTURE_INDENT, render_gpu, &gpu));
}

/* A layout as a row of blocks. */
static struct render_layout as_blocks(const struct mig_board *board,
				      const struct mig_plan_table *table, mig_slots slots)
{
	struct render_layout row = { .n = 0 };

	for (unsigned i = 0; i < mig_plan_n_slots(table); i++) {
		const struct mig_slot *slot = mig_plan_slot(table, i);
		struct render_block *block = &row.block[row.n];

		if (!(slots >> i & 1))
			continue;
		block->start = slot->start;
		block->size = slot->size;
		snprintf(block->name, sizeof(block->name), "%s", board->gi[slot->profile].name);
		row.n++;
	}
	return row;
}

static void table_freep(struct mig_plan_table **table)
{
	mig_plan_table_free(*table);
}

int lesson_show_layouts(const struct lesson *l, struct mig_error *reterr)
{
	_cleanup_(table_freep) struct mig_plan_table *table = NULL;
	_cleanup_free_ struct mig_board *board = calloc(1, sizeof(*board));
	_cleanup_free_ struct render_layout *rows = NULL;
	struct render_layouts picture = { .words = &l->words };
	unsigned n = 0;
	int r;

	if (!board)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = mig_board_resolve(mig_board_find(LESSON_BOARD), LESSON_DRIVER, board, reterr);
	if (r >= 0)
		r = mig_plan_table_new(board, mig_profiles_plain(board), &table, reterr);
	if (r < 0)
		return r;
	rows = calloc(mig_plan_n_layouts(table), sizeof(*rows));
	if (!rows)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < mig_plan_n_layouts(table); i++) {
		mig_slots slots = mig_plan_layout(table, i);

		if (!mig_plan_free(table, slots))
			rows[n++] = as_blocks(board, table, slots);
	}
	picture.units = board->units;
	picture.memory_slices = board->memory_slices;
	picture.n = n;
	picture.layout = rows;
	putchar('\n');
	return print_error(
		render_term_print(stdout, &l->term, PICTURE_INDENT, render_layouts, &picture));
}
