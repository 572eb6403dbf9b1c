/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_OUT_CELL_H
#define MIGKIT_CLI_OUT_CELL_H

#include "cli/out.h"

/* Shared by the ways to print records; commands use out.h. */

struct cli_value {
	enum { V_NONE, V_TEXT, V_INT, V_UINT, V_BOOL } kind;
	const char *text;
	int64_t i;
	uint64_t u;
};

/* One field of a record, for programs to read. */
struct cli_value cli_value_of(const struct cli_field *f, const void *record);
/* And for people; buf holds the text where it is made. */
const char *cli_cell(const struct cli_field *f, const void *record, char buf[32]);
bool cli_field_is_number(const struct cli_field *f);

int cli_out_table(FILE *to, const struct render_term *term, unsigned columns,
		  const struct cli_field *fields, const char *records, size_t n, size_t size);
void cli_out_csv(FILE *to, const struct cli_field *fields, const char *records, size_t n,
		 size_t size);

#endif
