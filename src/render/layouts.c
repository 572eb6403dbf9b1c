/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/render.h"
#include "render/width.h"

#define GRID_COLUMNS 64

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

/* The upright beside a block; it joins the rules above and below, where the row has them. */
static void draw_side(struct render_pen *pen, int x, int y, bool above, bool below)
{
	pen->ops->line(pen, x, y, 1, 1, RENDER_FAINT);
	if (above)
		pen->ops->line(pen, x, y - 1, 1, 2, RENDER_FAINT);
	if (below)
		pen->ops->line(pen, x, y, 1, 2, RENDER_FAINT);
}

static void draw_name(struct render_pen *pen, int x, int y, int w, const char *name,
		      enum render_style style)
{
	char cut[MIG_PROFILE_NAME];
	size_t room = (size_t)w - 1, n = render_fit(name, (unsigned)room);

	snprintf(cut, sizeof(cut), "%.*s", (int)n, name);
	pen->ops->text(pen, x + 1 + (strlen(name) + 2 <= room ? 1 : 0), y, cut, style);
}

/* One colour per width, as in the well-known figure: what is alike looks alike. */
static enum render_style tint_of(const struct render_block *block)
{
	unsigned i = 0;

	for (unsigned size = block->size; size > 1; size /= 2)
		i++;
	return (enum render_style)(RENDER_TINT + i % RENDER_N_TINTS);
}

void render_layouts(struct render_pen *pen, const void *what)
{
	const struct render_layouts *l = what;
	int unit = GRID_COLUMNS / l->units, width = unit * l->units;
	int x0 = 4, y = 2;
	char text[16];

	for (unsigned s = 0; s < l->memory_slices; s++) {
		int step = width / l->memory_slices;

		snprintf(text, sizeof(text), "%u", s);
		pen->ops->text(pen, x0 + (int)s * step + step / 2, 0, text, RENDER_FAINT);
	}
	for (unsigned i = 0; i < l->n; i++, y++) {
		const struct render_layout *row = &l->layout[i];
		bool above = !i || !same_first_half(row, row - 1, l->units);
		bool below = i + 1 == l->n || !same_first_half(row, row + 1, l->units);

		if (above)
			pen->ops->line(pen, x0, (y += i > 0) - 1, width + 1, 1, RENDER_FAINT);
		snprintf(text, sizeof(text), "%2u", i + 1);
		pen->ops->text(pen, 1, y, text, RENDER_STRONG);
		draw_side(pen, x0 + width, y, above, below);
		for (unsigned b = 0; b < row->n; b++) {
			const struct render_block *block = &row->block[b];
			int x = x0 + block->start * unit, w = block->size * unit;

			draw_side(pen, x, y, above, below);
			draw_side(pen, x + w, y, above, below);
			draw_name(pen, x, y, w, block->name, tint_of(block));
		}
	}
	pen->ops->line(pen, x0, y, width + 1, 1, RENDER_FAINT);
}
