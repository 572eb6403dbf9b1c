/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_SNAPSHOT_JSON_H
#define MIGKIT_SPEC_SNAPSHOT_JSON_H

#include <migkit/error.h>
#include <migkit/snapshot.h>

/*
 * Reads a snapshot file. It is JSON, and JSON is YAML: the reader that boards have gives every
 * refusal its file:line:column. A file of a newer format, cut short or that contradicts itself
 * (placements that overlap or that the board does not have, an id twice) is refused.
 */
int spec_snapshot_read(const char *path, struct mig_snapshot **ret, struct mig_error *reterr);
int spec_snapshot_parse(const char *file, const char *text, size_t size, struct mig_snapshot **ret,
			struct mig_error *reterr);

#endif
