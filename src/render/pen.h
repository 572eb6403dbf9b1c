/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_RENDER_PEN_H
#define MIGKIT_RENDER_PEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Layout once, ink many: a drawing is code over these calls, in cells of one character. It runs
 * twice, first with the pen that only measures, then with one that draws. Boxes share their
 * borders: where two meet, the pen joins the lines.
 */

enum render_style {
	RENDER_PLAIN = 0,
	RENDER_STRONG, /* titles */
	RENDER_FAINT,  /* rulers, what is free */
	RENDER_GOOD,   /* done */
	RENDER_HERE,   /* where we are, what is in use */
	RENDER_TINT,   /* first of the tints that tell instances apart */
	RENDER_N_TINTS = 6,
	RENDER_STYLE_MAX = RENDER_TINT + RENDER_N_TINTS,
};

/* Signs that exist in UTF-8 and in ASCII; text itself is never changed. */
enum render_sign {
	RENDER_SIGN_ARROW,
	RENDER_SIGN_DONE,
	RENDER_SIGN_HERE,
	RENDER_SIGN_DOT,
	RENDER_SIGN_DASH,
	RENDER_SIGN_STEP,
	RENDER_SIGN_MAX
};

struct render_pen {
	const struct render_pen_ops *ops;
	int width, height; /* of all that was drawn so far */
};

struct render_pen_ops {
	/* A frame whose border covers columns x to x+w-1 and rows y to y+h-1. */
	void (*box)(struct render_pen *pen, int x, int y, int w, int h, enum render_style style);
	/* A straight line; one of w and h is 1, both: an upright of one cell. */
	void (*line)(struct render_pen *pen, int x, int y, int w, int h, enum render_style style);
	void (*text)(struct render_pen *pen, int x, int y, const char *s, enum render_style style);
	void (*sign)(struct render_pen *pen, int x, int y, enum render_sign sign,
		     enum render_style style);
	/* Room that a text takes, in cells. */
	int (*text_width)(const struct render_pen *pen, const char *s);
};

/* Measures: remembers how far drawing went. */
struct render_pen render_pen_measure(void);

/* What a terminal can show. */
struct render_term {
	bool utf8;  /* box drawing characters; otherwise ASCII */
	bool color; /* never the only sign of anything */
};

enum render_color { RENDER_COLOR_AUTO = 0, RENDER_COLOR_ALWAYS, RENDER_COLOR_NEVER };

/* AUTO: colour on a terminal only, not under NO_COLOR (no-color.org) or TERM=dumb. */
struct render_term render_term_detect(FILE *out, enum render_color when);
/* Whether the locale of the environment is UTF-8, installed or not. */
bool render_locale_is_utf8(void);
/* Starts and ends a style in running text; nothing where there is no colour. */
void render_style_begin(FILE *out, const struct render_term *term, enum render_style style);
void render_style_end(FILE *out, const struct render_term *term, enum render_style style);
const char *render_sign_text(const struct render_term *term, enum render_sign sign);

/*
 * Runs a drawing twice, to measure and to draw, and prints it behind an indent of blanks. No line
 * has trailing blanks. -ENOMEM is the only failure.
 */
typedef void (*render_draw_fn)(struct render_pen *pen, const void *what);
int render_term_print(FILE *out, const struct render_term *term, unsigned indent,
		      render_draw_fn draw, const void *what);

#endif
