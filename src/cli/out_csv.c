/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/out_cell.h"

/*
 * CSV as RFC 4180 has it: lines end in CR LF; a field with a comma, a quote or a line break stands
 * in quotes, and its quotes are doubled. What has no value is an empty field.
 */

static void put_text(FILE *to, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, to);
		return;
	}
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void put_value(FILE *to, struct cli_value v)
{
	switch (v.kind) {
	case V_TEXT:
		put_text(to, v.text);
		break;
	case V_BOOL:
		fputs(v.u ? "true" : "false", to);
		break;
	case V_INT:
		fprintf(to, "%" PRId64, v.i);
		break;
	case V_UINT:
		fprintf(to, "%" PRIu64, v.u);
		break;
	case V_NONE:
		break;
	}
}

void cli_out_csv(FILE *to, const struct cli_field *fields, const char *records, size_t n,
		 size_t size)
{
	const char *comma = "";

	for (const struct cli_field *f = fields; f->key; f++) {
		if (!*f->key)
			continue;
		fprintf(to, "%s%s", comma, f->key);
		comma = ",";
	}
	fputs("\r\n", to);
	for (size_t i = 0; i < n; i++) {
		comma = "";
		for (const struct cli_field *f = fields; f->key; f++) {
			if (!*f->key)
				continue;
			fputs(comma, to);
			put_value(to, cli_value_of(f, records + i * size));
			comma = ",";
		}
		fputs("\r\n", to);
	}
}
