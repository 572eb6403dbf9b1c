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

/*
 * What a part of a picture is, for pens that can say so: an SVG gets an id (of the parts around it
 * and its own, "gpu-0-gi-2"), classes, a title and data-* attributes from it.
 */
struct render_part {
	const char *kind;    /* "gpu", "gi", "ci", "layout", "block", "free", ...: id and class */
	int number;	     /* tells it from others of its kind beside it */
	const char *state;   /* a second class: "goes", "busy"; NULL: none */
	const char *title;   /* read aloud, shown under a pointer; NULL: none */
	const char *profile; /* NULL: none */
	int start, size;     /* memory in placement units, or compute slices; size 0: none */
};

struct render_pen {
	const struct render_pen_ops *ops;
	int width, height; /* of all that was drawn so far */
};

struct render_pen_ops {
	/* A frame whose border covers columns x to x+w-1 and rows y to y+h-1. */
	void (*box)(struct render_pen *pen, int x, int y, int w, int h, enum render_style style);
	/*
	 * A block of one line between two uprights, which neighbours share: columns x to x+w-1. In
	 * a terminal the uprights reach the rules above and below where there are such.
	 */
	void (*bar)(struct render_pen *pen, int x, int y, int w, unsigned joins,
		    enum render_style style);
	/* A straight line; one of w and h is 1, both: an upright of one cell. */
	void (*line)(struct render_pen *pen, int x, int y, int w, int h, enum render_style style);
	void (*text)(struct render_pen *pen, int x, int y, const char *s, enum render_style style);
	void (*sign)(struct render_pen *pen, int x, int y, enum render_sign sign,
		     enum render_style style);
	/* Room that a text takes, in cells. */
	int (*text_width)(const struct render_pen *pen, const char *s);
	/* What is drawn between them is one part; parts nest. NULL: the pen cannot say it. */
	void (*begin)(struct render_pen *pen, const struct render_part *part);
	void (*end)(struct render_pen *pen);
};

enum render_joins { RENDER_JOIN_ABOVE = 1 << 0, RENDER_JOIN_BELOW = 1 << 1 };

void render_begin(struct render_pen *pen, const struct render_part *part);
void render_end(struct render_pen *pen);
/* Text of at most w columns: cut, never through a border. */
void render_put(struct render_pen *pen, int x, int y, int w, const char *s,
		enum render_style style);
/* Text in the box from column x to x+w: a column of room on both sides where there is enough. */
void render_put_in_box(struct render_pen *pen, int x, int y, int w, const char *s,
		       enum render_style style);
/* A profile's name in so many columns: "1g+me" where "1g.10gb+me" has no room. */
const char *render_short_name(const char *name, int room, char buf[64]);
/*
 * A profile's name in such a box; one too long for it goes on in the next line, "1g.10gb" "+me".
 * Returns the lines that it took; y < 0: only tells.
 */
int render_put_name(struct render_pen *pen, int x, int y, int w, const char *name,
		    enum render_style style);
/*
 * 0 1 2 ... above n cells of so many columns, the first of which has its left border at x.
 * Above memory they are placement units, which is what a start counts: 12 of them where there are
 * four slices.
 */
void render_ruler(struct render_pen *pen, int x, int y, unsigned n, int step);
/*
 * Columns of a placement unit in a picture that has so much room beside its labels; 0: 64 columns
 * in all, which fit 80 with labels (8 units of 8, 4 of 16, 12 of 5).
 */
int render_unit_columns(unsigned units, unsigned room);

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
