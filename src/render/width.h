/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_RENDER_WIDTH_H
#define MIGKIT_RENDER_WIDTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How much room text takes on a terminal: East Asian characters are two columns wide. */

/*
 * Reads one character and returns how many bytes it took (0 at the end). A byte that is not UTF-8
 * counts as one character, U+FFFD, so that broken input is shown and never read past its end.
 */
unsigned render_decode(const char *s, uint32_t *ret_char);
/* Writes one character as UTF-8; returns how many bytes (at most 4), no terminating 0. */
unsigned render_encode(uint32_t c, char ret[4]);

/* Columns of one character: 0 (combining), 1 or 2. */
unsigned render_char_width(uint32_t c);
/* Columns of a whole text. */
unsigned render_width(const char *s);
/* Length in bytes of the longest beginning of s that fits into so many columns. */
unsigned render_fit(const char *s, unsigned columns);

/*
 * Prints text in lines of at most so many columns, each behind an indent of blanks. Breaks at
 * blanks and between East Asian characters, never before closing punctuation; a line break in the
 * text starts a new line. mark stands in the indent of the first line; NULL: blanks there too.
 */
void render_wrap(FILE *out, const char *text, unsigned columns, unsigned indent, const char *mark);

#endif
