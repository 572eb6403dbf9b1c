/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_SNAPSHOT_FIELDS_H
#define MIGKIT_MODEL_SNAPSHOT_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include <migkit/snapshot.h>

/*
 * The snapshot file, once: what src/observe writes and src/spec reads. Lists of records, and what
 * refers to another record by its id, are code on both sides; all else is in these tables. Keys are
 * interface: they stay, and a file with a key that is not here is refused.
 */

#define MIG_SNAPSHOT_FORMAT  "migkit-snapshot"
#define MIG_SNAPSHOT_VERSION 1

#define MIG_MAX_GPUS	      1024
#define MIG_MAX_ALL_PROCESSES 65536

enum mig_field_type {
	MIG_F_STR,     /* char[size]; "" is null */
	MIG_F_UINT,    /* unsigned of that size: 1, 2, 4 or 8 bytes */
	MIG_F_INT,     /* int32_t; -1 is null */
	MIG_F_STATUS,  /* int32_t: an NVML code, 0 for "it answered"; MIG_NOT_ASKED is null */
	MIG_F_BOOL,    /* bool or a byte: true, false */
	MIG_F_READING, /* struct mig_reading: the value, {"refused": code}, or null: not asked */
};

struct mig_file_field {
	const char *key;
	uint8_t type; /* enum mig_field_type */
	uint16_t size;
	uint32_t off;
	int64_t most;	/* of a number */
	int64_t absent; /* MIG_F_UINT: the value that is null; -1: none is */
};

/* Each ends with a row without key. */
extern const struct mig_file_field mig_fields_machine[]; /* struct mig_snapshot */
extern const struct mig_file_field mig_fields_holders[]; /* struct mig_holders_seen */
extern const struct mig_file_field mig_fields_gpu[];
extern const struct mig_file_field mig_fields_gi[];
extern const struct mig_file_field mig_fields_ci[];
extern const struct mig_file_field mig_fields_process[];
extern const struct mig_file_field mig_fields_board[];
extern const struct mig_file_field mig_fields_profile[];    /* struct mig_gi_profile */
extern const struct mig_file_field mig_fields_ci_profile[]; /* struct mig_ci_profile */

/* A MIG_F_UINT or MIG_F_BOOL of a record. */
uint64_t mig_field_get(const struct mig_file_field *field, const void *record);
void mig_field_set(const struct mig_file_field *field, void *record, uint64_t value);

#endif
