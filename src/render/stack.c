/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/render.h"
#include "render/width.h"

#define NOTE_COLUMNS 76

/* Pictures below one another: a pen that moves what another one draws. */

struct moved {
	struct render_pen pen; /* first: the ops get this */
	struct render_pen *to;
	int dy;
};

static struct moved *moved_of(struct render_pen *pen)
{
	return (struct moved *)pen;
}

static void moved_box(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	struct moved *m = moved_of(pen);

	m->to->ops->box(m->to, x, y + m->dy, w, h, style);
}

static void moved_bar(struct render_pen *pen, int x, int y, int w, unsigned joins,
		      enum render_style style)
{
	struct moved *m = moved_of(pen);

	m->to->ops->bar(m->to, x, y + m->dy, w, joins, style);
}

static void moved_line(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	struct moved *m = moved_of(pen);

	m->to->ops->line(m->to, x, y + m->dy, w, h, style);
}

static void moved_text(struct render_pen *pen, int x, int y, const char *s, enum render_style style)
{
	struct moved *m = moved_of(pen);

	m->to->ops->text(m->to, x, y + m->dy, s, style);
}

static void moved_sign(struct render_pen *pen, int x, int y, enum render_sign sign,
		       enum render_style style)
{
	struct moved *m = moved_of(pen);

	m->to->ops->sign(m->to, x, y + m->dy, sign, style);
}

static int moved_text_width(const struct render_pen *pen, const char *s)
{
	const struct moved *m = (const struct moved *)pen;

	return m->to->ops->text_width(m->to, s);
}

static void moved_begin(struct render_pen *pen, const struct render_part *part)
{
	render_begin(moved_of(pen)->to, part);
}

static void moved_end(struct render_pen *pen)
{
	render_end(moved_of(pen)->to);
}

static const struct render_pen_ops moved_ops = {
	.box = moved_box,
	.bar = moved_bar,
	.line = moved_line,
	.text = moved_text,
	.sign = moved_sign,
	.text_width = moved_text_width,
	.begin = moved_begin,
	.end = moved_end,
};

void render_line(struct render_pen *pen, const void *text)
{
	render_begin(pen, &(struct render_part){ .kind = "note", .title = text });
	pen->ops->text(pen, 0, 0, text, RENDER_PLAIN);
	render_end(pen);
}

/* Broken at blanks; a word that is too long for a line is cut. */
static void put_note(struct render_pen *pen, const char *note, int y)
{
	while (*note) {
		unsigned fit = render_fit(note, NOTE_COLUMNS), n = fit;
		char line[4 * NOTE_COLUMNS + 1];

		while (note[fit] && n > 0 && note[n] != ' ')
			n--;
		n = n ? n : fit;
		snprintf(line, sizeof(line), "%.*s", (int)n, note);
		pen->ops->text(pen, 0, y++, line, RENDER_FAINT);
		note += n;
		note += strspn(note, " ");
	}
}

void render_stack(struct render_pen *pen, const void *what)
{
	const struct render_stack *stack = what;
	struct moved moved = { .pen.ops = &moved_ops, .to = pen };

	if (stack->title) {
		pen->ops->text(pen, 0, 0, stack->title, RENDER_STRONG);
		moved.dy = 2;
	}
	for (unsigned i = 0; i < stack->n; i++) {
		const struct render_picture *picture = &stack->picture[i];
		struct render_pen measure = render_pen_measure();

		picture->draw(&measure, picture->what);
		picture->draw(&moved.pen, picture->what);
		moved.dy += measure.height + 1;
	}
	if (stack->note)
		put_note(pen, stack->note, moved.dy);
}
