/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/render.h"

/*
 * Numbered layouts:
 *
 *        0       1       2       3       4 ...
 *      +-------------------------------------
 *    1 | 7g.80gb
 *      +-------------------------------+-----
 *    2 | 4g.40gb                       | 3g.40gb
 *
 * On a wide terminal they stand in several columns, read downwards.
 */

#define LEFT	   4 /* room of the numbers, and a blank on both sides */
#define BETWEEN	   3 /* blanks between two columns */
#define ONE_COLUMN 80

struct column {
	struct render_pen *pen;
	const struct render_layouts *layouts;
	int x;	  /* of the left border */
	int unit; /* columns of a placement unit */
	int digits;
};

/* Whether two layouts put the same blocks into the first half of the memory: they stay together. */
static bool same_first_half(const struct render_layout *a, const struct render_layout *b,
			    unsigned units)
{
	unsigned i = 0;

	for (; i < a->n && i < b->n; i++) {
		const struct render_block *p = &a->block[i], *q = &b->block[i];

		if (p->start * 2u >= units && q->start * 2u >= units)
			return true;
		if (p->start != q->start || strcmp(p->name, q->name) != 0)
			return false;
	}
	return i == a->n && i == b->n;
}

/* One colour per width, as in the well-known figure: what is alike looks alike. */
static enum render_style tint_of(const struct render_block *block)
{
	unsigned i = 0;

	for (unsigned size = block->size; size > 1; size /= 2)
		i++;
	return (enum render_style)(RENDER_TINT + i % RENDER_N_TINTS);
}

static void draw_block(const struct column *c, const struct render_block *block, int y,
		       unsigned joins)
{
	int x = c->x + block->start * c->unit, w = block->size * c->unit;
	char title[64], buf[64], place[16];

	snprintf(title, sizeof(title), "%s at %s", block->name,
		 render_place(place, block->start, block->size));
	render_begin(c->pen, &(struct render_part){ .kind = "block",
						    .number = block->start,
						    .title = title,
						    .profile = block->name,
						    .start = block->start,
						    .size = block->size });
	c->pen->ops->bar(c->pen, x, y, w + 1, joins, tint_of(block));
	render_put_in_box(c->pen, x, y, w, render_short_name(block->name, w - 1, buf),
			  tint_of(block));
	render_end(c->pen);
}

static unsigned number_of(const struct render_layouts *l, unsigned i)
{
	return l->number ? l->number[i] : i + 1;
}

static void draw_row(const struct column *c, unsigned i, int y, unsigned joins)
{
	const struct render_layouts *l = c->layouts;
	const struct render_layout *row = &l->layout[i];
	int width = c->unit * l->units;
	char text[16], title[32];

	snprintf(title, sizeof(title), "layout %u", number_of(l, i));
	render_begin(c->pen, &(struct render_part){ .kind = "layout",
						    .number = (int)number_of(l, i),
						    .title = title });
	snprintf(text, sizeof(text), "%*u", c->digits, number_of(l, i));
	c->pen->ops->text(c->pen, c->x - c->digits - 1, y, text, RENDER_STRONG);
	c->pen->ops->bar(c->pen, c->x, y, width + 1, joins, RENDER_FAINT);
	for (unsigned b = 0; b < row->n; b++)
		draw_block(c, &row->block[b], y, joins);
	render_end(c->pen);
}

/* Rows from first to end; returns the line below them. */
static void draw_column(const struct column *c, unsigned first, unsigned end)
{
	const struct render_layouts *l = c->layouts;
	int width = c->unit * l->units, y = 1;

	render_ruler(c->pen, c->x, 0, l->units, c->unit);
	for (unsigned i = first; i < end; i++, y++) {
		const struct render_layout *row = &l->layout[i];
		unsigned joins = 0;

		if (i == first || !same_first_half(row, row - 1, l->units)) {
			c->pen->ops->line(c->pen, c->x, y++, width + 1, 1, RENDER_FAINT);
			joins |= RENDER_JOIN_ABOVE;
		}
		if (i + 1 == end || !same_first_half(row, row + 1, l->units))
			joins |= RENDER_JOIN_BELOW;
		draw_row(c, i, y, joins);
	}
	c->pen->ops->line(c->pen, c->x, y, width + 1, 1, RENDER_FAINT);
}

static int digits_of(const struct render_layouts *l)
{
	unsigned most = 0;
	int digits = 1;

	for (unsigned i = 0; i < l->n; i++)
		if (number_of(l, i) > most)
			most = number_of(l, i);
	for (; most > 9; most /= 10)
		digits++;
	return digits < 2 ? 2 : digits;
}

void render_layouts(struct render_pen *pen, const void *what)
{
	const struct render_layouts *l = what;
	struct column c = { .pen = pen, .layouts = l, .digits = digits_of(l) };
	int left = LEFT - 2 + c.digits;
	unsigned room = l->columns ? l->columns : ONE_COLUMN;
	unsigned wide, across, each, rest;

	/* Boxes as wide as the room lets them be, but first of all several columns. */
	c.unit = render_unit_columns(l->units, room < ONE_COLUMN ? room - (unsigned)left - 1 : 0);
	wide = (unsigned)(left + c.unit * l->units + 1 + BETWEEN);
	across = (room + BETWEEN) / wide;
	if (across > (l->n + 3) / 4) /* fewer than four rows each look torn */
		across = (l->n + 3) / 4;
	if (across < 1)
		across = 1;
	each = l->n / across;
	rest = l->n % across;
	for (unsigned i = 0, first = 0; i < across; i++) {
		unsigned end = first + each + (i < rest ? 1 : 0);

		c.x = (int)(i * wide) + left;
		draw_column(&c, first, end);
		first = end;
	}
}
