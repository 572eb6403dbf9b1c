/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_SNAPSHOT_READER_H
#define MIGKIT_SPEC_SNAPSHOT_READER_H

#include "model/snapshot_fields.h"
#include "spec/yaml_doc.h"

/* Shared by the parts of the snapshot reader; nobody else includes it. */

struct snapshot_reader {
	struct spec_doc *doc;
	struct mig_snapshot *s;
	uint32_t n_boards;
	struct mig_board *boards;
	struct mig_error *reterr;
};

/*
 * Reads the fields of a record; each must be there, and nothing beside them but the keys in more
 * (which ends with NULL, or is NULL). what is its name in messages.
 */
int snapshot_record(struct snapshot_reader *rd, const yaml_node_t *node, const char *what,
		    const struct mig_file_field *fields, const char *const *more, void *record);
/* A list of at most cap nodes; NULL and a refusal if it is none. */
const yaml_node_t *snapshot_list(struct snapshot_reader *rd, const yaml_node_t *map,
				 const char *key, size_t cap, size_t *ret_n);
const yaml_node_t *snapshot_item(struct snapshot_reader *rd, const yaml_node_t *list, size_t i);
bool snapshot_is_null(const yaml_node_t *node);
/* A whole number from 0 to most. */
int snapshot_number(struct snapshot_reader *rd, const yaml_node_t *node, const char *key,
		    int64_t most, int64_t *ret);
int snapshot_reading(struct snapshot_reader *rd, const yaml_node_t *node, const char *key,
		     struct mig_reading *ret);

int snapshot_boards(struct snapshot_reader *rd, const yaml_node_t *root);
int snapshot_gpus(struct snapshot_reader *rd, const yaml_node_t *root);

#endif
