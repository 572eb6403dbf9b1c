/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/lesson.h"
#include "model/boards.h"
#include "plan/layouts.h"
#include "render/width.h"

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

/* Layouts of a plan as rows of blocks. */
static struct render_layout as_blocks(const struct mig_board *board, const struct plan_layout *l)
{
	struct render_layout row = { .n = l->n };

	for (unsigned i = 0; i < l->n; i++) {
		const struct mig_gi_profile *p = &board->gi[l->slot[i].profile];
		struct render_block *block = &row.block[i];

		block->start = l->slot[i].start;
		block->size = p->size;
		snprintf(block->name, sizeof(block->name), "%s", p->name);
	}
	return row;
}

int lesson_show_layouts(const struct lesson *l, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board *board = calloc(1, sizeof(*board));
	_cleanup_free_ struct plan_layout *found = NULL;
	_cleanup_free_ struct render_layout *rows = NULL;
	struct render_layouts picture = { .words = &l->words };
	size_t n;
	int r;

	if (!board)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = mig_board_resolve(mig_board_find(LESSON_BOARD), LESSON_DRIVER, board, reterr);
	if (r >= 0)
		r = plan_layouts(board, plan_profiles_plain(board), true, &found, &n, reterr);
	if (r < 0)
		return r;
	rows = calloc(n, sizeof(*rows));
	if (!rows)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		rows[i] = as_blocks(board, &found[i]);
	picture.units = board->units;
	picture.memory_slices = board->memory_slices;
	picture.n = (unsigned)n;
	picture.layout = rows;
	putchar('\n');
	return print_error(
		render_term_print(stdout, &l->term, PICTURE_INDENT, render_layouts, &picture));
}
