/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "base/util.h"
#include "cli/out.h"

const char *const cli_formats[] = { "table", "json", NULL };

struct cli_out {
	enum cli_format format;
	struct json_object *root; /* JSON only */
	bool printed;		  /* a table or fact is on the screen already */
};

int cli_out_new(enum cli_format format, struct cli_out **ret, struct mig_error *reterr)
{
	struct cli_out *out = calloc(1, sizeof(*out));

	if (!out)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	out->format = format;
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

int cli_out_str(struct cli_out *out, const char *key, const char *head, const char *value)
{
	if (out->format == CLI_JSON)
		return json_object_object_add(out->root, key,
					      value ? json_object_new_string(value) : NULL);
	if (head && value) {
		printf("%-10s %s\n", head, value);
		out->printed = true;
	}
	return 0;
}

/* The text of a table's cell; buf holds it where it is made. */
static const char *cell(const struct cli_field *f, const void *record, char buf[32])
{
	const char *at = (const char *)record + f->off;
	const char *text;

	switch (f->type) {
	case F_STR:
		return *at ? at : "-";
	case F_PTR:
		text = *(const char *const *)(const void *)at;
		return text ? text : "-";
	case F_BOOL:
		return *(const bool *)(const void *)at ? "yes" : "-";
	case F_INT:
		if (*(const int32_t *)(const void *)at == CLI_NONE)
			return "-";
		snprintf(buf, 32, "%" PRId32, *(const int32_t *)(const void *)at);
		return buf;
	case F_U32:
		snprintf(buf, 32, "%" PRIu32, *(const uint32_t *)(const void *)at);
		return buf;
	case F_MIB:
		snprintf(buf, 32, "%" PRIu64 "MiB", *(const uint64_t *)(const void *)at >> 20);
		return buf;
	default:
		snprintf(buf, 32, "%" PRIu64, *(const uint64_t *)(const void *)at);
		return buf;
	}
}

static struct json_object *value(const struct cli_field *f, const void *record)
{
	const char *at = (const char *)record + f->off;
	const char *text;

	switch (f->type) {
	case F_STR:
		return *at ? json_object_new_string(at) : NULL;
	case F_PTR:
		text = *(const char *const *)(const void *)at;
		return text ? json_object_new_string(text) : NULL;
	case F_BOOL:
		return json_object_new_boolean(*(const bool *)(const void *)at);
	case F_INT:
		if (*(const int32_t *)(const void *)at == CLI_NONE)
			return NULL;
		return json_object_new_int(*(const int32_t *)(const void *)at);
	case F_U32:
		return json_object_new_int64(*(const uint32_t *)(const void *)at);
	default:
		return json_object_new_uint64(*(const uint64_t *)(const void *)at);
	}
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
			json_object_object_add(o, f->key, value(f, records + i * size));
		json_object_array_add(array, o);
	}
	return json_object_object_add(out->root, key, array);
}

static void unref_table(struct libscols_table **table)
{
	scols_unref_table(*table);
}

static int add_columns(struct libscols_table *table, const struct cli_field *fields)
{
	for (const struct cli_field *f = fields; f->key; f++) {
		bool number = f->type == F_INT || f->type == F_U32 || f->type == F_U64 ||
			      f->type == F_MIB;

		if (f->head &&
		    !scols_table_new_column(table, f->head, 0, number ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	}
	return 0;
}

static int add_line(struct libscols_table *table, const struct cli_field *fields,
		    const void *record)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t column = 0;

	if (!line)
		return -ENOMEM;
	for (const struct cli_field *f = fields; f->key; f++) {
		char buf[32];
		int r;

		if (!f->head)
			continue;
		r = scols_line_set_data(line, column++, cell(f, record, buf));
		if (r)
			return r;
	}
	return 0;
}

static int list_table(const struct cli_field *fields, const char *records, size_t n, size_t size)
{
	_cleanup_(unref_table) struct libscols_table *table = scols_new_table();
	int r;

	if (!table)
		return -ENOMEM;
	r = add_columns(table, fields);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_line(table, fields, records + i * size);
	if (r == 0)
		r = scols_print_table(table);
	return r;
}

int cli_out_list(struct cli_out *out, const char *key, const char *title, const char *empty,
		 const struct cli_field *fields, const void *records, size_t n, size_t size)
{
	if (out->format == CLI_JSON)
		return list_json(out, key, fields, records, n, size);
	if (n == 0 && !empty)
		return 0;
	if (out->printed)
		putchar('\n');
	out->printed = true;
	if (n == 0) {
		printf("%s\n", empty);
		return 0;
	}
	if (title)
		printf("%s:\n", title);
	return list_table(fields, records, n, size);
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
	puts(text);
	return 0;
}
