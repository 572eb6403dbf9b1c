/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/util.h"
#include "cli/out_cell.h"
#include "render/width.h"

const char *const cli_formats[] = { "table", "json", "csv", NULL };

/* Sentences are broken at this width where the output has no width of its own. */
#define SENTENCE_COLUMNS 100

struct cli_out {
	enum cli_format format;
	FILE *to;
	struct render_term term;
	unsigned columns;
	const char *main_list;
	struct json_object *root; /* JSON only */
	bool printed;		  /* a table or fact is on the screen already; CSV: the list */
};

/*
 * The terminal's own word comes first: a shell that exports COLUMNS does not know of a later
 * change of the window.
 */
static unsigned columns_of(FILE *to)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return columns ? (unsigned)strtoul(columns, NULL, 10) : 0;
}

int cli_out_new(enum cli_format format, struct cli_out **ret, struct mig_error *reterr)
{
	struct cli_out *out = calloc(1, sizeof(*out));

	if (!out)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	out->format = format;
	out->to = stdout;
	if (format == CLI_TABLE) {
		/* Widths of characters; only here, for elsewhere words are compared byte by byte.
		 */
		setlocale(LC_CTYPE, "");
		out->term = render_term_detect(stdout, RENDER_COLOR_AUTO);
		out->columns = columns_of(stdout);
	}
	if (format == CLI_JSON) {
		out->root = json_object_new_object();
		if (!out->root) {
			free(out);
			return mig_fail(reterr, -ENOMEM, "out of memory");
		}
	}
	*ret = out;
	return 0;
}

void cli_out_freep(struct cli_out **out)
{
	if (!*out)
		return;
	json_object_put((*out)->root);
	free(*out);
	*out = NULL;
}

void cli_out_no_color(struct cli_out *out)
{
	out->term.color = false;
}

void cli_out_to(struct cli_out *out, FILE *to)
{
	out->to = to;
}

void cli_out_main_list(struct cli_out *out, const char *key)
{
	out->main_list = key;
}

bool cli_out_is_table(const struct cli_out *out)
{
	return out->format == CLI_TABLE;
}

const struct render_term *cli_out_term(const struct cli_out *out)
{
	return &out->term;
}

unsigned cli_out_columns(const struct cli_out *out)
{
	return out->columns;
}

int cli_out_str(struct cli_out *out, const char *key, const char *head, const char *value)
{
	if (out->format == CLI_JSON)
		return json_object_object_add(out->root, key,
					      value ? json_object_new_string(value) : NULL);
	if (out->format == CLI_TABLE && head && value) {
		fprintf(out->to, "%-10s %s\n", head, value);
		out->printed = true;
	}
	return 0;
}

int cli_out_u64(struct cli_out *out, const char *key, const char *head, uint64_t value)
{
	if (out->format == CLI_JSON)
		return json_object_object_add(out->root, key, json_object_new_uint64(value));
	if (out->format == CLI_TABLE && head) {
		fprintf(out->to, "%-10s %" PRIu64 "\n", head, value);
		out->printed = true;
	}
	return 0;
}

int cli_out_bool(struct cli_out *out, const char *key, const char *head, bool value)
{
	if (out->format == CLI_JSON)
		return json_object_object_add(out->root, key, json_object_new_boolean(value));
	return value ? cli_out_str(out, key, head, "yes") : 0;
}

static struct json_object *json_of(struct cli_value v)
{
	switch (v.kind) {
	case V_TEXT:
		return json_object_new_string(v.text);
	case V_BOOL:
		return json_object_new_boolean(v.u != 0);
	case V_INT:
		return json_object_new_int64(v.i);
	case V_UINT:
		return json_object_new_uint64(v.u);
	case V_NONE:
		break;
	}
	return NULL;
}

static int list_json(struct cli_out *out, const char *key, const struct cli_field *fields,
		     const char *records, size_t n, size_t size)
{
	struct json_object *array = json_object_new_array();

	if (!array)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		if (!o) {
			json_object_put(array);
			return -ENOMEM;
		}
		for (const struct cli_field *f = fields; f->key; f++)
			if (*f->key)
				json_object_object_add(
					o, f->key, json_of(cli_value_of(f, records + i * size)));
		json_object_array_add(array, o);
	}
	return json_object_object_add(out->root, key, array);
}

static void list_csv(struct cli_out *out, const char *key, const struct cli_field *fields,
		     const char *records, size_t n, size_t size)
{
	if (out->printed || (out->main_list && strcmp(out->main_list, key) != 0))
		return;
	out->printed = true;
	cli_out_csv(out->to, fields, records, n, size);
}

int cli_out_list(struct cli_out *out, const char *key, const char *title, const char *empty,
		 const struct cli_field *fields, const void *records, size_t n, size_t size)
{
	if (out->format == CLI_JSON)
		return list_json(out, key, fields, records, n, size);
	if (out->format == CLI_CSV) {
		list_csv(out, key, fields, records, n, size);
		return 0;
	}
	if (n == 0 && !empty)
		return 0;
	cli_out_gap(out);
	out->printed = true;
	if (n == 0) {
		fprintf(out->to, "%s\n", empty);
		return 0;
	}
	if (title)
		fprintf(out->to, "%s:\n", title);
	return cli_out_table(out->to, &out->term, out->columns, fields, records, n, size);
}

void cli_out_say(struct cli_out *out, enum render_style style, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	if (out->format != CLI_TABLE)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL; /* not defined then */
		return;
	}
	render_style_begin(out->to, &out->term, style);
	render_wrap(out->to, text, out->columns ?: SENTENCE_COLUMNS, 0, NULL);
	render_style_end(out->to, &out->term, style);
	out->printed = true;
}

/* Bytes of the word of a shell that begins here, up to a blank that no quotes hold. */
static size_t shell_word(const char *at)
{
	size_t n = 0;
	char quote = 0;

	for (; at[n] && (quote || at[n] != ' '); n++) {
		if (at[n] == quote)
			quote = 0;
		else if (!quote && (at[n] == '\'' || at[n] == '"'))
			quote = at[n];
	}
	return n;
}

void cli_out_command(struct cli_out *out, const char *command)
{
	const unsigned indent = 4, room = out->columns ?: SENTENCE_COLUMNS;
	unsigned used = indent;

	if (out->format != CLI_TABLE)
		return;
	fprintf(out->to, "%*s", (int)indent, "");
	for (const char *at = command + strspn(command, " "); *at; at += strspn(at, " ")) {
		size_t n = shell_word(at);

		/* The blank and the backslash behind it have to have room as well. */
		if (used > indent && used + 1 + n + 2 > room) {
			fprintf(out->to, " \\\n%*s", (int)indent * 2, "");
			used = indent * 2;
		} else if (used > indent) {
			fputc(' ', out->to);
			used++;
		}
		fprintf(out->to, "%.*s", (int)n, at);
		used += (unsigned)n;
		at += n;
	}
	fputc('\n', out->to);
	out->printed = true;
}

void cli_out_gap(struct cli_out *out)
{
	if (out->format == CLI_TABLE && out->printed)
		fputc('\n', out->to);
}

int cli_out_draw(struct cli_out *out, unsigned indent, render_draw_fn draw, const void *what)
{
	if (out->format != CLI_TABLE)
		return 0;
	out->printed = true;
	return render_term_print(out->to, &out->term, indent, draw, what);
}

int cli_out_end(struct cli_out *out, struct mig_error *reterr)
{
	const char *text;

	if (out->format != CLI_JSON)
		return 0;
	text = json_object_to_json_string_ext(out->root, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_SPACED |
								 JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	fprintf(out->to, "%s\n", text);
	return 0;
}
