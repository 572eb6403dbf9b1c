/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/pen.h"
#include "render/width.h"

/* What several drawings draw alike, over any pen. */

#define GRID_COLUMNS 64	 /* fits 80 columns with labels on the left */
#define GRID_MOST    128 /* wider boxes are only emptier */
#define GRID_LEAST   32	 /* narrower ones say nothing */

void render_begin(struct render_pen *pen, const struct render_part *part)
{
	if (pen->ops->begin)
		pen->ops->begin(pen, part);
}

void render_end(struct render_pen *pen)
{
	if (pen->ops->end)
		pen->ops->end(pen);
}

void render_put(struct render_pen *pen, int x, int y, int w, const char *s, enum render_style style)
{
	size_t n = render_fit(s, w > 0 ? (unsigned)w : 0);
	char cut[128];

	if (n >= sizeof(cut))
		n = sizeof(cut) - 1;
	memcpy(cut, s, n);
	cut[n] = 0;
	if (n)
		pen->ops->text(pen, x, y, cut, style);
}

void render_put_in_box(struct render_pen *pen, int x, int y, int w, const char *s,
		       enum render_style style)
{
	int pad = pen->ops->text_width(pen, s) <= w - 3 ? 1 : 0;

	render_put(pen, x + 1 + pad, y, w - 1 - pad, s, style);
}

const char *render_short_name(const char *name, int room, char buf[64])
{
	const char *dot = strchr(name, '.'), *rest = strpbrk(name, "+-");

	if (!dot || (int)render_width(name) <= room)
		return name;
	/* The memory goes first: what tells 1g.10gb from 1g.10gb+me must stay. */
	snprintf(buf, 64, "%.*s%s", (int)(dot - name), name, rest && rest > dot ? rest : "");
	return buf;
}

int render_put_name(struct render_pen *pen, int x, int y, int w, const char *name,
		    enum render_style style)
{
	const char *rest = strpbrk(name, "+-");
	bool split = rest && pen->ops->text_width(pen, name) >= w;
	char head[64], buf[64];

	if (y < 0)
		return split ? 2 : 1;
	snprintf(head, sizeof(head), "%.*s", split ? (int)(rest - name) : (int)strlen(name), name);
	render_put_in_box(pen, x, y, w, render_short_name(head, w - 1, buf), style);
	if (split)
		render_put_in_box(pen, x, y + 1, w, rest, style);
	return split ? 2 : 1;
}

void render_ruler(struct render_pen *pen, int x, int y, unsigned n, int step)
{
	for (unsigned i = 0; i < n; i++) {
		char text[12];

		snprintf(text, sizeof(text), "%u", i);
		render_put(pen, x + (int)i * step + step / 2, y, step, text, RENDER_FAINT);
	}
}

int render_unit_columns(unsigned units, unsigned room)
{
	unsigned columns = room ? room : GRID_COLUMNS;

	if (columns > GRID_MOST)
		columns = GRID_MOST;
	if (columns < GRID_LEAST)
		columns = GRID_LEAST;
	return (int)(columns / (units ? units : 1));
}
