/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_RENDER_SVG_H
#define MIGKIT_RENDER_SVG_H

#include <stdio.h>

#include "render/pen.h"

/*
 * The same drawings as SVG, fit for a document: text is text, every part a group with an id, a
 * class, a title and data-start/data-size/data-profile attributes; the whole has a title and, for
 * screen readers, a description that says every part in words. Light or dark as the reader's page
 * is (prefers-color-scheme), on a ground of its own.
 */

/* What every picture begins with. */
#define RENDER_SVG_MARK "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"migkit\""

struct render_svg {
	const char *id;	   /* of the whole: a word; parts have ids behind it */
	const char *title; /* one line */
	const char *about; /* first sentence of the description, or NULL */
};

/* Return: 0; -EIO: out has an error; -ENOMEM. */
int render_svg_print(FILE *out, const struct render_svg *svg, render_draw_fn draw,
		     const void *what);

#endif
