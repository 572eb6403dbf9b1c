/* SPDX-License-Identifier: Apache-2.0 */
#include "render/render.h"

#define ARROW_ROOM 4 /* blank, sign, blanks */

static int box_width(const struct render_pen *pen, const struct render_flow_step *step)
{
	return pen->ops->text_width(pen, step->text) + 4;
}

static enum render_style style_of(const struct render_flow_step *step)
{
	if (step->place == RENDER_NOW)
		return RENDER_HERE;
	return step->place == RENDER_PASSED ? RENDER_GOOD : RENDER_PLAIN;
}

/* The mark below a box: where we are, or that it is behind us. */
static void draw_mark(struct render_pen *pen, const struct render_flow *flow,
		      const struct render_flow_step *step, int x, int y, int w)
{
	if (step->place == RENDER_PASSED)
		pen->ops->sign(pen, x + w / 2, y, RENDER_SIGN_DONE, RENDER_GOOD);
	if (step->place != RENDER_NOW)
		return;
	pen->ops->sign(pen, x + w / 2, y, RENDER_SIGN_HERE, RENDER_HERE);
	pen->ops->text(pen, x + w / 2 + 2, y, flow->here, RENDER_HERE);
}

/*
 *   Title       +-- caption ----------------------+
 *   +--------+  | +-----------+     +-----------+ |     +-----+
 *   | first  |->| | second    | ->  | third     | | ->  | ... |
 *   +--------+  | +-----------+     +-----------+ |     +-----+
 *       x       +---------------------------------+
 *                     ^ here
 */
void render_flow(struct render_pen *pen, const void *what)
{
	const struct render_flow *flow = what;
	bool grouped = flow->group && flow->group_first <= flow->group_last;
	int x = 0, y = 1, group_x = 0, group_end = 0;

	for (unsigned i = 0; i < flow->n; i++) {
		const struct render_flow_step *step = &flow->step[i];
		int w = box_width(pen, step);

		if (grouped && i == flow->group_first) {
			group_x = x;
			x += 2;
		}
		pen->ops->box(pen, x, y + 1, w, 3, style_of(step));
		pen->ops->text(pen, x + 2, y + 2, step->text, style_of(step));
		draw_mark(pen, flow, step, x, y + (grouped ? 5 : 4), w);
		x += w;
		if (grouped && i == flow->group_last) {
			x += 2;
			group_end = x;
		}
		if (i + 1 < flow->n)
			pen->ops->sign(pen, x + 1, y + 2, RENDER_SIGN_ARROW, RENDER_PLAIN);
		x += ARROW_ROOM;
	}
	pen->ops->text(pen, 0, 0, flow->title, RENDER_STRONG);
	if (!grouped)
		return;
	pen->ops->box(pen, group_x, y, group_end - group_x, 5, RENDER_FAINT);
	pen->ops->text(pen, group_x + 2, y, " ", RENDER_FAINT);
	pen->ops->text(pen, group_x + 3, y, flow->group, RENDER_FAINT);
	pen->ops->text(pen, group_x + 3 + pen->ops->text_width(pen, flow->group), y, " ",
		       RENDER_FAINT);
}
