/* SPDX-License-Identifier: Apache-2.0 */
#include "render/pen.h"
#include "render/width.h"

static void reach(struct render_pen *pen, int x, int y)
{
	if (x > pen->width)
		pen->width = x;
	if (y > pen->height)
		pen->height = y;
}

static void measure_box(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	(void)style;
	reach(pen, x + w, y + h);
}

static void measure_bar(struct render_pen *pen, int x, int y, int w, unsigned joins,
			enum render_style style)
{
	(void)joins;
	(void)style;
	reach(pen, x + w, y + 1);
}

static int measure_text_width(const struct render_pen *pen, const char *s)
{
	(void)pen;
	return (int)render_width(s);
}

static void measure_text(struct render_pen *pen, int x, int y, const char *s,
			 enum render_style style)
{
	(void)style;
	reach(pen, x + (int)render_width(s), y + 1);
}

static void measure_sign(struct render_pen *pen, int x, int y, enum render_sign sign,
			 enum render_style style)
{
	(void)sign;
	(void)style;
	reach(pen, x + 2, y + 1); /* the longest sign, "->" in ASCII */
}

static const struct render_pen_ops measure_ops = {
	.box = measure_box,
	.bar = measure_bar,
	.line = measure_box,
	.text = measure_text,
	.sign = measure_sign,
	.text_width = measure_text_width,
};

struct render_pen render_pen_measure(void)
{
	return (struct render_pen){ .ops = &measure_ops };
}
