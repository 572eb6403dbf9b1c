/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_OUT_H
#define MIGKIT_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <migkit/error.h>

#include "render/pen.h"

/*
 * Commands hand over records, this prints them: as tables and pictures for people, as one JSON
 * object of facts and lists, or one of the lists as CSV (RFC 4180, CR LF behind every line, the
 * first line has the keys). Keys are interface and stay; headings may change.
 */

enum cli_format { CLI_TABLE, CLI_JSON, CLI_CSV };
extern const char *const cli_formats[]; /* for OPT_ENUM */

#define CLI_NONE INT32_MIN /* an int field without a value: "-", null */

enum cli_field_type {
	F_STR,	       /* char[] in the record; "" is no value */
	F_PTR,	       /* const char *, NULL is no value */
	F_INT,	       /* int32_t */
	F_U32,	       /* uint32_t */
	F_U64,	       /* uint64_t */
	F_BOOL,	       /* bool: "yes" or "-" */
	F_MAYBE,       /* int32_t: 0, 1 or CLI_NONE, a bool that may be unknown */
	F_MIB,	       /* uint64_t bytes, shown as MiB; JSON has the bytes */
	F_READING,     /* struct mig_reading; a refusal is a word in tables, null elsewhere */
	F_READING_MIB, /* the same of bytes, shown as MiB */
	F_MARKED,      /* struct cli_marked: "5952?" in tables, the number alone elsewhere */
	F_STATUS,      /* int32_t, NVML's code: its name, "NVML_ERROR_NO_PERMISSION"; 0 and not
			  asked are no value. That of a struct mig_reading is its first member */
};

/* What becomes of a column in a table that is wider than the terminal. */
enum cli_fit {
	CLI_KEEP = 0, /* never touched */
	CLI_WRAP,     /* its text goes on in further lines */
	CLI_DROP,     /* left out, the last of them first, and the table says so */
	CLI_FILLED,   /* only there where some record has a value; else as CLI_DROP */
};

/* A number that may be one that no output of hardware confirms. */
struct cli_marked {
	int32_t value; /* CLI_NONE: not known */
	bool unconfirmed;
};

struct cli_field {
	const char *key;  /* "": in tables only; NULL ends the fields */
	const char *head; /* NULL: not in tables */
	uint8_t type;	  /* enum cli_field_type */
	size_t off;
	uint8_t fit; /* enum cli_fit */
};

struct cli_out;

int cli_out_new(enum cli_format format, struct cli_out **ret, struct mig_error *reterr);
void cli_out_freep(struct cli_out **out);

/* --no-color; without it there is colour on a terminal, unless NO_COLOR or TERM=dumb is set. */
void cli_out_no_color(struct cli_out *out);
/* Where to print; stdout without it. */
void cli_out_to(struct cli_out *out, FILE *to);
/* The list that CSV has; without it the first one. */
void cli_out_main_list(struct cli_out *out, const char *key);

bool cli_out_is_table(const struct cli_out *out);
const struct render_term *cli_out_term(const struct cli_out *out);
/*
 * Columns that there are: of the terminal; of COLUMNS where the output goes elsewhere; 0: as many
 * as it takes.
 */
unsigned cli_out_columns(const struct cli_out *out);

/* Single facts: "Heading: value" lines in front of the tables; NULL values are left out of them. */
int cli_out_str(struct cli_out *out, const char *key, const char *head, const char *value);
int cli_out_u64(struct cli_out *out, const char *key, const char *head, uint64_t value);
/* In tables only "yes" is shown. */
int cli_out_bool(struct cli_out *out, const char *key, const char *head, bool value);

/* A list; title is printed above the table if it is not NULL, and empty if there are no records. */
int cli_out_list(struct cli_out *out, const char *key, const char *title, const char *empty,
		 const struct cli_field *fields, const void *records, size_t n, size_t size);

/* A sentence between tables, broken at the width; nothing in JSON and CSV. */
void cli_out_say(struct cli_out *out, enum render_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * A command that can be copied into a shell: indented, and broken at blanks outside of quotes with
 * a backslash; nothing in JSON and CSV.
 */
void cli_out_command(struct cli_out *out, const char *command);
/* A blank line before what comes next, unless nothing was printed yet. */
void cli_out_gap(struct cli_out *out);
/* A picture between tables; nothing in JSON and CSV. */
int cli_out_draw(struct cli_out *out, unsigned indent, render_draw_fn draw, const void *what);

/* Prints what has not been printed yet. */
int cli_out_end(struct cli_out *out, struct mig_error *reterr);

#endif
