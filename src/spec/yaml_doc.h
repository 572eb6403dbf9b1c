/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_YAML_DOC_H
#define MIGKIT_SPEC_YAML_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include <migkit/error.h>

/* One YAML document with positions; every refusal starts with file:line:column. */

#define SPEC_MAX_BYTES (256 * 1024) /* largest file that is read: a board file has 8 KiB */

struct spec_mark {
	unsigned line, col; /* from 1 */
};

struct spec_doc {
	const char *file; /* as messages name it */
	yaml_document_t yaml;
	bool loaded;
};

/* What a file is, for its limits and for messages. */
struct spec_kind {
	const char *what;    /* "board file" */
	const char *grammar; /* "not YAML" */
	size_t most;	     /* bytes */
};

extern const struct spec_kind spec_kind_snapshot;

/* Reads the whole of a file; the text is freed by the caller. */
int spec_file_read_kind(const char *path, const struct spec_kind *kind, char **ret,
			size_t *ret_size, struct mig_error *reterr);
/* The same of a board's or a machine's file. */
int spec_file_read(const char *path, char **ret, size_t *ret_size, struct mig_error *reterr);

int spec_doc_load_kind(struct spec_doc *doc, const char *file, const char *text, size_t size,
		       const struct spec_kind *kind, struct mig_error *reterr);
int spec_doc_load(struct spec_doc *doc, const char *file, const char *text, size_t size,
		  struct mig_error *reterr);
void spec_doc_done(struct spec_doc *doc);

const yaml_node_t *spec_root(struct spec_doc *doc);
const yaml_node_t *spec_node(struct spec_doc *doc, int id);
struct spec_mark spec_mark_of(const yaml_node_t *node);

/* Leaves "file:line:col: sentence"; returns -EINVAL. */
int spec_fail(const struct spec_doc *doc, struct spec_mark at, struct mig_error *reterr,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The text of a scalar, or NULL; a NUL inside makes it none. */
const char *spec_scalar(const yaml_node_t *node);

/* Value of a key in a mapping, or NULL. */
const yaml_node_t *spec_get(struct spec_doc *doc, const yaml_node_t *map, const char *key);

/*
 * Whether node is a mapping whose keys are scalars, each once, each accepted by known(arg, key);
 * what is the mapping's name in messages.
 */
int spec_check_map(struct spec_doc *doc, const yaml_node_t *node, const char *what,
		   bool (*known)(const void *arg, const char *key), const void *arg,
		   struct mig_error *reterr);

/* Whole number in decimal or 0x form within bounds. */
bool spec_number(const char *text, bool hex, int64_t *ret);

/* "12.5" with at most that many decimals, times 10 to the power of them. */
bool spec_decimal(const char *text, unsigned decimals, int64_t *ret);

#endif
