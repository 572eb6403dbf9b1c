/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "render/parts.h"
#include "render/svg.h"
#include "render/width.h"

/*
 * The SVG pen. A cell of the drawing is CELL_W by CELL_H; lines run through the middle of cells, as
 * the characters of a terminal do, so that what fits there fits here.
 *
 * Colours are classes, never the only sign: the words are those of the terminal. Rules of
 * the light scheme come first and stand alone, for programs that know no media queries
 * (librsvg, CairoSVG) must not fall into the dark one.
 */

#define CELL_W	8
#define CELL_H	20
#define MARGIN	12
#define TEXT_UP 6 /* baseline above the lower edge of a cell */

static const char style_sheet[] =
	"    .migkit text { font-family: system-ui, -apple-system, \"Segoe UI\", \"Noto Sans\",\n"
	"      \"DejaVu Sans\", sans-serif; font-size: 13px; fill: #1a2027; }\n"
	"    .migkit rect, .migkit line { stroke: #5c6773; stroke-width: 1; shape-rendering: crispEdges; }\n"
	"    .migkit rect.ground { fill: #ffffff; stroke: #d5dae0; shape-rendering: auto; }\n"
	"    .migkit rect.plain { fill: #f2f4f6; }\n"
	"    .migkit .strong { font-weight: 600; }\n"
	"    .migkit rect.faint { fill: #ffffff; stroke: #98a2ad; stroke-dasharray: 3 2; }\n"
	"    .migkit line.faint { stroke: #d5dae0; }\n"
	"    .migkit text.faint { fill: #57616c; }\n"
	"    .migkit rect.good { fill: #d7f2dc; stroke: #1c7a36; stroke-width: 2; }\n"
	"    .migkit rect.here { fill: #fdeccd; stroke: #8f5b00; stroke-dasharray: 6 3;\n"
	"      stroke-width: 2; }\n"
	"    .migkit text.here { fill: #7a4d00; }\n"
	"    .migkit text.good { fill: #12602a; }\n"
	"    .migkit rect.tint0 { fill: #cfe8ef; }\n"
	"    .migkit rect.tint1 { fill: #d8edcb; }\n"
	"    .migkit rect.tint2 { fill: #faecb8; }\n"
	"    .migkit rect.tint3 { fill: #d5defa; }\n"
	"    .migkit rect.tint4 { fill: #eed7f2; }\n"
	"    .migkit rect.tint5 { fill: #fad9d3; }\n"
	"    @media (prefers-color-scheme: dark) {\n"
	"      .migkit text { fill: #e8ecf0; }\n"
	"      .migkit rect, .migkit line { stroke: #98a4b0; }\n"
	"      .migkit rect.ground { fill: #14181d; stroke: #39424c; }\n"
	"      .migkit rect.plain { fill: #232a31; }\n"
	"      .migkit rect.faint { fill: #14181d; stroke: #6b7682; }\n"
	"      .migkit line.faint { stroke: #39424c; }\n"
	"      .migkit text.faint { fill: #a5b0bb; }\n"
	"      .migkit rect.good { fill: #17402a; stroke: #5fce83; }\n"
	"      .migkit rect.here { fill: #47330d; stroke: #e2ad4e; }\n"
	"      .migkit text.here { fill: #f2c46e; }\n"
	"      .migkit text.good { fill: #8be0a6; }\n"
	"      .migkit rect.tint0 { fill: #164653; }\n"
	"      .migkit rect.tint1 { fill: #2c4a1d; }\n"
	"      .migkit rect.tint2 { fill: #524410; }\n"
	"      .migkit rect.tint3 { fill: #27366b; }\n"
	"      .migkit rect.tint4 { fill: #4c2a54; }\n"
	"      .migkit rect.tint5 { fill: #5a2b23; }\n"
	"    }\n";

static const char *const classes[RENDER_STYLE_MAX] = {
	[RENDER_PLAIN] = "plain",    [RENDER_STRONG] = "strong",  [RENDER_FAINT] = "faint",
	[RENDER_GOOD] = "good",	     [RENDER_HERE] = "here",	  [RENDER_TINT] = "tint0",
	[RENDER_TINT + 1] = "tint1", [RENDER_TINT + 2] = "tint2", [RENDER_TINT + 3] = "tint3",
	[RENDER_TINT + 4] = "tint4", [RENDER_TINT + 5] = "tint5",
};

struct svg {
	struct render_pen pen; /* first: the ops get this */
	FILE *out;
	struct render_path path;
};

static int mid_x(int x)
{
	return MARGIN + x * CELL_W + CELL_W / 2;
}

static int mid_y(int y)
{
	return MARGIN + y * CELL_H + CELL_H / 2;
}

/* Characters that XML cannot hold at all become U+FFFD. */
static void put_escaped(FILE *out, const char *s)
{
	unsigned n;
	uint32_t c;

	for (; (n = render_decode(s, &c)) > 0; s += n) {
		char utf8[4] = "";

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else {
			if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe ||
			    c == 0xffff)
				c = 0xfffd;
			fwrite(utf8, 1, render_encode(c, utf8), out);
		}
	}
}

static void put_indent(const struct svg *svg)
{
	fprintf(svg->out, "%*s", 2 + 2 * (int)svg->path.depth, "");
}

static void put_rect(const struct svg *svg, int x, int y, int w, int h, enum render_style style)
{
	put_indent(svg);
	fprintf(svg->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
		classes[style], x, y, w, h);
}

static void svg_box(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	put_rect((struct svg *)pen, mid_x(x), mid_y(y), (w - 1) * CELL_W, (h - 1) * CELL_H, style);
}

/* A bar is as high as its line of text, but for a gap to those of the rows beside it. */
static void svg_bar(struct render_pen *pen, int x, int y, int w, unsigned joins,
		    enum render_style style)
{
	(void)joins;
	put_rect((struct svg *)pen, mid_x(x), mid_y(y) - CELL_H / 2 + 1, (w - 1) * CELL_W,
		 CELL_H - 2, style);
}

static void svg_line(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	struct svg *svg = (struct svg *)pen;
	int x2 = mid_x(x + w - 1), y1 = mid_y(y), y2 = mid_y(y + h - 1);

	if (w == 1 && h == 1) {
		y1 -= CELL_H / 2;
		y2 += CELL_H / 2;
	}
	put_indent(svg);
	fprintf(svg->out, "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
		classes[style], mid_x(x), y1, x2, y2);
}

static void svg_text(struct render_pen *pen, int x, int y, const char *s, enum render_style style)
{
	struct svg *svg = (struct svg *)pen;

	/* Blanks in front would be lost; they are there to place what follows. */
	for (; *s == ' '; s++)
		x++;
	if (!*s)
		return;
	put_indent(svg);
	fprintf(svg->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", classes[style],
		MARGIN + x * CELL_W, MARGIN + (y + 1) * CELL_H - TEXT_UP);
	put_escaped(svg->out, s);
	fputs("</text>\n", svg->out);
}

static void svg_sign(struct render_pen *pen, int x, int y, enum render_sign sign,
		     enum render_style style)
{
	static const struct render_term utf8 = { .utf8 = true };

	svg_text(pen, x, y, render_sign_text(&utf8, sign), style);
}

static int svg_text_width(const struct render_pen *pen, const char *s)
{
	(void)pen;
	return (int)render_width(s);
}

static void svg_begin(struct render_pen *pen, const struct render_part *part)
{
	struct svg *svg = (struct svg *)pen;

	put_indent(svg);
	render_path_push(&svg->path, part);
	fputs("<g id=\"", svg->out);
	put_escaped(svg->out, svg->path.id);
	fprintf(svg->out, "\" class=\"%s%s%s\"", part->kind, part->state ? " " : "",
		part->state ?: "");
	if (part->profile) {
		fputs(" data-profile=\"", svg->out);
		put_escaped(svg->out, part->profile);
		fputc('"', svg->out);
	}
	if (part->size)
		fprintf(svg->out, " data-start=\"%d\" data-size=\"%d\"", part->start, part->size);
	fputs(">\n", svg->out);
	if (!part->title)
		return;
	put_indent(svg);
	fputs("<title>", svg->out);
	put_escaped(svg->out, part->title);
	fputs("</title>\n", svg->out);
}

static void svg_end(struct render_pen *pen)
{
	struct svg *svg = (struct svg *)pen;

	render_path_pop(&svg->path);
	put_indent(svg);
	fputs("</g>\n", svg->out);
}

static const struct render_pen_ops svg_ops = {
	.box = svg_box,
	.bar = svg_bar,
	.line = svg_line,
	.text = svg_text,
	.sign = svg_sign,
	.text_width = svg_text_width,
	.begin = svg_begin,
	.end = svg_end,
};

/* Every part in words, "before: 3g.40gb at 0-3: stays. ...": a part's parts follow its colon. */
static void put_description(FILE *out, const struct render_svg *svg,
			    const struct render_found *found, size_t n)
{
	size_t depth_before = 0;

	put_escaped(out, svg->about ?: svg->title);
	for (size_t i = 0; i < n; i++) {
		if (!found[i].title[0])
			continue;
		fputs(depth_before && found[i].depth > depth_before ? ": " : ". ", out);
		put_escaped(out, found[i].title);
		depth_before = found[i].depth;
	}
	fputc('.', out);
}

int render_svg_print(FILE *out, const struct render_svg *svg, render_draw_fn draw, const void *what)
{
	_cleanup_free_ struct render_found *found = NULL;
	struct render_pen measure = render_pen_measure();
	struct svg pen = { .pen.ops = &svg_ops, .out = out };
	int width, height, r;
	size_t n;

	r = render_parts(svg->id, draw, what, &found, &n);
	if (r < 0)
		return r;
	draw(&measure, what);
	width = 2 * MARGIN + measure.width * CELL_W;
	height = 2 * MARGIN + measure.height * CELL_H;
	render_path_begin(&pen.path, svg->id);
	fprintf(out,
		RENDER_SVG_MARK " id=\"%s\"\n"
				"  width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"\n"
				"  role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n"
				"  <title id=\"%s-title\">",
		svg->id, width, height, width, height, svg->id, svg->id, svg->id);
	put_escaped(out, svg->title);
	fprintf(out, "</title>\n  <desc id=\"%s-desc\">", svg->id);
	put_description(out, svg, found, n);
	fprintf(out, "</desc>\n  <style>\n%s  </style>\n", style_sheet);
	fprintf(out,
		"  <rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" "
		"rx=\"6\"/>\n",
		width - 1, height - 1);
	draw(&pen.pen, what);
	fputs("</svg>\n", out);
	return ferror(out) ? -EIO : 0;
}
