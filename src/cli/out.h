/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_OUT_H
#define MIGKIT_CLI_OUT_H

#include <stddef.h>
#include <stdint.h>

#include <migkit/error.h>

/*
 * Commands hand over records, this prints them: lists as tables for people or as arrays of one JSON
 * object. Keys are interface and stay; headings may change.
 */

enum cli_format { CLI_TABLE, CLI_JSON };
extern const char *const cli_formats[]; /* for OPT_ENUM */

#define CLI_NONE INT32_MIN /* an int field without a value: "-", null */

enum cli_field_type {
	F_STR,	/* char[] in the record; "" is no value */
	F_PTR,	/* const char *, NULL is no value */
	F_INT,	/* int32_t */
	F_U32,	/* uint32_t */
	F_U64,	/* uint64_t */
	F_BOOL, /* bool: "yes" or "-" */
	F_MIB,	/* uint64_t bytes, shown as MiB; JSON has the bytes */
};

struct cli_field {
	const char *key;
	const char *head; /* NULL: in JSON only */
	uint8_t type;	  /* enum cli_field_type */
	size_t off;
};

struct cli_out;

int cli_out_new(enum cli_format format, struct cli_out **ret, struct mig_error *reterr);
void cli_out_freep(struct cli_out **out);

/* Single facts: "Heading: value" lines in front of the tables; NULL values are left out of them. */
int cli_out_str(struct cli_out *out, const char *key, const char *head, const char *value);

/* A list; title is printed above the table if it is not NULL, and empty if there are no records. */
int cli_out_list(struct cli_out *out, const char *key, const char *title, const char *empty,
		 const struct cli_field *fields, const void *records, size_t n, size_t size);

/* Prints what has not been printed yet. */
int cli_out_end(struct cli_out *out, struct mig_error *reterr);

#endif
