/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols/libsmartcols.h>

#include "base/util.h"
#include "cli/out_cell.h"
#include "render/width.h"

/*
 * Tables that fit the terminal. libsmartcols would cut cells or break them anywhere, and half a
 * UUID is of no use: so what wraps and what is left out is decided here, by the fields' own word.
 */

#define MAX_COLUMNS 32
/* A longer word (a path) is broken, lest one of them push other columns out of the table. */
#define LONG_WORD 24

struct column {
	const struct cli_field *field;
	unsigned natural; /* the widest cell, the heading among them */
	unsigned least;	  /* what it can be made */
	unsigned width;
	bool out; /* no room */
};

struct fitting {
	struct column column[MAX_COLUMNS];
	unsigned n;
};

static unsigned longest_word(const char *text)
{
	unsigned longest = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		char word[256];

		if (len >= sizeof(word))
			return LONG_WORD;
		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		if (render_width(word) > longest)
			longest = render_width(word);
		text += len + (text[len] == ' ');
	}
	return longest < LONG_WORD ? longest : LONG_WORD;
}

static void widen(unsigned *width, unsigned to)
{
	if (to > *width)
		*width = to;
}

static bool any_value(const struct cli_field *field, const char *records, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (cli_value_of(field, records + i * size).kind != V_NONE)
			return true;
	return false;
}

static void measure(struct fitting *fit, const struct cli_field *fields, const char *records,
		    size_t n, size_t size)
{
	fit->n = 0;
	for (const struct cli_field *f = fields; f->key && fit->n < MAX_COLUMNS; f++) {
		struct column *c = &fit->column[fit->n];

		if (!f->head || (f->fit == CLI_FILLED && !any_value(f, records, n, size)))
			continue;
		fit->n++;
		*c = (struct column){ .field = f };
		c->natural = c->least = render_width(f->head);
		for (size_t i = 0; i < n; i++) {
			char buf[32];
			const char *text = cli_cell(f, records + i * size, buf);

			widen(&c->natural, render_width(text));
			widen(&c->least,
			      f->fit == CLI_WRAP ? longest_word(text) : render_width(text));
		}
		c->width = c->natural;
	}
}

/* Columns and one blank between each two. */
static unsigned sum(const struct fitting *fit, bool least)
{
	unsigned total = 0, n = 0;

	for (unsigned i = 0; i < fit->n; i++) {
		if (fit->column[i].out)
			continue;
		total += least ? fit->column[i].least : fit->column[i].width;
		n++;
	}
	return total + (n ? n - 1 : 0);
}

static bool leave_one_out(struct fitting *fit)
{
	for (unsigned i = fit->n; i-- > 0;) {
		struct column *c = &fit->column[i];

		if (!c->out && (c->field->fit == CLI_DROP || c->field->fit == CLI_FILLED)) {
			c->out = true;
			return true;
		}
	}
	return false;
}

static void shrink(struct fitting *fit, unsigned columns)
{
	while (sum(fit, true) > columns && leave_one_out(fit))
		;
	while (sum(fit, false) > columns) {
		struct column *most = NULL;

		for (unsigned i = 0; i < fit->n; i++) {
			struct column *c = &fit->column[i];

			if (!c->out && c->width > c->least && (!most || c->width > most->width))
				most = c;
		}
		if (!most)
			break; /* too narrow for what must be there: the terminal breaks lines */
		most->width--;
	}
}

/* Text with line breaks, so that no line is wider than that. */
static char *wrapped(const char *text, unsigned width)
{
	char *lines = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&lines, &size);

	if (!f)
		return NULL;
	while (*text) {
		unsigned bytes = render_fit(text, width), cut = bytes;

		if (text[bytes]) {
			while (cut && text[cut] != ' ')
				cut--;
			if (!cut)
				cut = bytes ? bytes : 1;
		}
		fprintf(f, "%.*s", (int)cut, text);
		text += cut;
		while (*text == ' ')
			text++;
		if (*text)
			fputc('\n', f);
	}
	if (fclose(f)) {
		free(lines);
		return NULL;
	}
	return lines;
}

static void unref_table(struct libscols_table **table)
{
	scols_unref_table(*table);
}

static int add_columns(struct libscols_table *table, const struct fitting *fit)
{
	for (unsigned i = 0; i < fit->n; i++) {
		const struct column *c = &fit->column[i];
		struct libscols_column *col;
		int flags = cli_field_is_number(c->field) ? SCOLS_FL_RIGHT : 0;

		if (c->out)
			continue;
		if (c->width < c->natural)
			flags |= SCOLS_FL_WRAP;
		col = scols_table_new_column(table, c->field->head, 0, flags);
		if (!col)
			return -ENOMEM;
		if (c->width < c->natural &&
		    (scols_column_set_safechars(col, "\n") ||
		     scols_column_set_wrapfunc(col, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
					       NULL)))
			return -ENOMEM;
	}
	return 0;
}

static int add_line(struct libscols_table *table, const struct fitting *fit, const void *record)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t column = 0;
	int r = line ? 0 : -ENOMEM;

	for (unsigned i = 0; i < fit->n && r == 0; i++) {
		const struct column *c = &fit->column[i];
		_cleanup_free_ char *lines = NULL;
		char buf[32];
		const char *text;

		if (c->out)
			continue;
		text = cli_cell(c->field, record, buf);
		if (c->width < c->natural) {
			lines = wrapped(text, c->width);
			text = lines;
		}
		r = text ? scols_line_set_data(line, column++, text) : -ENOMEM;
	}
	return r;
}

static void say_left_out(FILE *to, const struct render_term *term, const struct fitting *fit,
			 unsigned columns)
{
	char text[512] = "";
	size_t used = 0;

	for (unsigned i = 0; i < fit->n; i++)
		if (fit->column[i].out && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? ", " : "Too narrow for ",
						 fit->column[i].field->head);
	if (!used)
		return;
	if (used < sizeof(text))
		snprintf(text + used, sizeof(text) - used, "; -o json and -o csv have all.");
	render_style_begin(to, term, RENDER_FAINT);
	render_wrap(to, text, columns, 0, NULL);
	render_style_end(to, term, RENDER_FAINT);
}

int cli_out_table(FILE *to, const struct render_term *term, unsigned columns,
		  const struct cli_field *fields, const char *records, size_t n, size_t size)
{
	_cleanup_(unref_table) struct libscols_table *table = scols_new_table();
	struct fitting fit;
	int r;

	if (!table)
		return -ENOMEM;
	measure(&fit, fields, records, n, size);
	if (columns)
		shrink(&fit, columns);
	r = add_columns(table, &fit);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_line(table, &fit, records + i * size);
	if (r == 0)
		r = scols_table_set_stream(table, to);
	/* What fits was decided above: the library shall not cut again. */
	if (r == 0)
		r = scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	if (r == 0)
		r = scols_table_enable_minout(table, 1); /* no blanks at the ends of lines */
	if (r == 0)
		r = scols_print_table(table);
	if (r == 0)
		say_left_out(to, term, &fit, columns);
	return r;
}
