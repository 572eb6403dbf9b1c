/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <langinfo.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "render/pen.h"
#include "render/width.h"

/* The terminal pen: a canvas of characters, printed when the drawing is complete. */

/* Which sides of a cell a line leaves by; two boxes that share a border add up to a junction. */
enum { UP = 1, RIGHT = 2, DOWN = 4, LEFT = 8 };

static const char *const lines_utf8[16] = { " ", "╵", "╶", "└", "╷", "│", "┌", "├",
					    "╴", "┘", "─", "┴", "┐", "┤", "┬", "┼" };
static const char lines_ascii[16] = { ' ', '|', '-', '+', '|', '|', '+', '+',
				      '-', '+', '-', '+', '+', '+', '+', '+' };

static const char *const signs[RENDER_SIGN_MAX][2] = {
	[RENDER_SIGN_ARROW] = { "->", "→" }, [RENDER_SIGN_DONE] = { "ok", "✓" },
	[RENDER_SIGN_HERE] = { "^", "▲" },   [RENDER_SIGN_DOT] = { "*", "●" },
	[RENDER_SIGN_DASH] = { "=", "━" },   [RENDER_SIGN_STEP] = { ">", "▸" },
};

static const char *const escapes[RENDER_STYLE_MAX] = {
	[RENDER_PLAIN] = "",	  [RENDER_STRONG] = "1",    [RENDER_FAINT] = "2",
	[RENDER_GOOD] = "32",	  [RENDER_HERE] = "1;33",   [RENDER_TINT] = "36",
	[RENDER_TINT + 1] = "32", [RENDER_TINT + 2] = "33", [RENDER_TINT + 3] = "34",
	[RENDER_TINT + 4] = "35", [RENDER_TINT + 5] = "31",
};

#define CELL_TAIL 0xffffffff /* right half of a wide character */

struct cell {
	uint32_t c; /* 0: the lines decide */
	uint8_t lines;
	uint8_t style;
};

struct canvas {
	struct render_pen pen; /* first: the ops get this */
	const struct render_term *term;
	struct cell *cells;
	int columns, rows;
};

static struct cell *at(struct canvas *cv, int x, int y)
{
	if (x < 0 || y < 0 || x >= cv->columns || y >= cv->rows)
		return NULL;
	return &cv->cells[y * cv->columns + x];
}

static void stroke(struct canvas *cv, int x, int y, uint8_t sides, enum render_style style)
{
	struct cell *cell = at(cv, x, y);

	if (!cell)
		return;
	cell->lines |= sides;
	cell->style = (uint8_t)style;
}

static void term_line(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	struct canvas *cv = (struct canvas *)pen;

	if (w == 1 && h == 1)
		stroke(cv, x, y, UP | DOWN, style);
	for (int i = 0; i < w && w > 1; i++)
		stroke(cv, x + i, y, (uint8_t)((i ? LEFT : 0) | (i < w - 1 ? RIGHT : 0)), style);
	for (int i = 0; i < h && h > 1; i++)
		stroke(cv, x, y + i, (uint8_t)((i ? UP : 0) | (i < h - 1 ? DOWN : 0)), style);
}

static void term_box(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	term_line(pen, x, y, w, 1, style);
	term_line(pen, x, y + h - 1, w, 1, style);
	term_line(pen, x, y, 1, h, style);
	term_line(pen, x + w - 1, y, 1, h, style);
}

/* What is between two texts of a line is thin, and the junctions above it are the rule's. */
static void term_bar(struct render_pen *pen, int x, int y, int w, unsigned joins,
		     enum render_style style)
{
	(void)style;
	for (int side = 0; side < 2; side++) {
		int at = x + side * (w - 1);

		term_line(pen, at, y, 1, 1, RENDER_FAINT);
		if (joins & RENDER_JOIN_ABOVE)
			term_line(pen, at, y - 1, 1, 2, RENDER_FAINT);
		if (joins & RENDER_JOIN_BELOW)
			term_line(pen, at, y, 1, 2, RENDER_FAINT);
	}
}

static void term_text(struct render_pen *pen, int x, int y, const char *s, enum render_style style)
{
	struct canvas *cv = (struct canvas *)pen;
	unsigned n;
	uint32_t c;

	for (; (n = render_decode(s, &c)) > 0; s += n) {
		unsigned w = render_char_width(c);
		struct cell *cell = at(cv, x, y), *tail = at(cv, x + 1, y);

		if (!w || !cell || (w == 2 && !tail))
			continue;
		*cell = (struct cell){ .c = c, .style = (uint8_t)style };
		if (w == 2)
			*tail = (struct cell){ .c = CELL_TAIL, .style = (uint8_t)style };
		x += (int)w;
	}
}

static void term_sign(struct render_pen *pen, int x, int y, enum render_sign sign,
		      enum render_style style)
{
	struct canvas *cv = (struct canvas *)pen;

	term_text(pen, x, y, render_sign_text(cv->term, sign), style);
}

static int term_text_width(const struct render_pen *pen, const char *s)
{
	(void)pen;
	return (int)render_width(s);
}

static const struct render_pen_ops term_ops = {
	.box = term_box,
	.bar = term_bar,
	.line = term_line,
	.text = term_text,
	.sign = term_sign,
	.text_width = term_text_width,
};

static bool is_blank(const struct cell *cell)
{
	return (cell->c == 0 && cell->lines == 0) || cell->c == ' ';
}

static void print_cell(FILE *out, const struct render_term *term, const struct cell *cell)
{
	char utf8[4];
	size_t n;

	if (cell->c == CELL_TAIL)
		return;
	if (cell->c) {
		n = render_encode(cell->c, utf8);
		fwrite(utf8, 1, n, out);
	} else if (term->utf8)
		fputs(lines_utf8[cell->lines & 15], out);
	else
		fputc(lines_ascii[cell->lines & 15], out);
}

static void print_row(FILE *out, struct canvas *cv, int y, unsigned indent)
{
	const struct cell *row = &cv->cells[y * cv->columns];
	enum render_style style = RENDER_PLAIN;
	int end = cv->columns;

	while (end > 0 && is_blank(&row[end - 1]))
		end--;
	if (end)
		fprintf(out, "%*s", (int)indent, "");
	for (int x = 0; x < end; x++) {
		if (!is_blank(&row[x]) && row[x].style != style) {
			render_style_end(out, cv->term, style);
			style = row[x].style;
			render_style_begin(out, cv->term, style);
		}
		print_cell(out, cv->term, &row[x]);
	}
	render_style_end(out, cv->term, style);
	fputc('\n', out);
}

int render_term_print(FILE *out, const struct render_term *term, unsigned indent,
		      render_draw_fn draw, const void *what)
{
	struct render_pen measure = render_pen_measure();
	_cleanup_free_ struct cell *cells = NULL;
	struct canvas cv = { .pen.ops = &term_ops, .term = term };

	draw(&measure, what);
	cv.columns = measure.width;
	cv.rows = measure.height;
	if (!cv.columns || !cv.rows)
		return 0;
	cells = calloc((size_t)cv.columns * (size_t)cv.rows, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	cv.cells = cells;
	draw(&cv.pen, what);
	for (int y = 0; y < cv.rows; y++)
		print_row(out, &cv, y, indent);
	return 0;
}

const char *render_sign_text(const struct render_term *term, enum render_sign sign)
{
	return signs[sign][term->utf8 ? 1 : 0];
}

void render_style_begin(FILE *out, const struct render_term *term, enum render_style style)
{
	if (term->color && escapes[style][0])
		fprintf(out, "\033[%sm", escapes[style]);
}

void render_style_end(FILE *out, const struct render_term *term, enum render_style style)
{
	if (term->color && escapes[style][0])
		fputs("\033[0m", out);
}

bool render_locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	if (!strcmp(nl_langinfo(CODESET), "UTF-8"))
		return true;
	/*
	 * A locale that is named but not installed (zh_TW.UTF-8 in a small container) leaves the C
	 * library in "C"; what the terminal understands is what the name says.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, ".utf-8") || strcasestr(value, ".utf8");
	}
	return false;
}

struct render_term render_term_detect(FILE *out, enum render_color when)
{
	const char *no_color = getenv("NO_COLOR"), *name = getenv("TERM");
	struct render_term term = { .utf8 = render_locale_is_utf8() };

	if (when == RENDER_COLOR_ALWAYS)
		term.color = true;
	else if (when == RENDER_COLOR_AUTO)
		term.color = isatty(fileno(out)) && !(no_color && *no_color) &&
			     !(name && !strcmp(name, "dumb"));
	return term;
}
