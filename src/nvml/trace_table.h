/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_TRACE_TABLE_H
#define MIGKIT_NVML_TRACE_TABLE_H

#include <stdint.h>

/* NVML's types as data, made by tools/gen-nvml-trace from our declarations. */

enum nvml_type_kind {
	NVML_TYPE_INT,
	NVML_TYPE_UINT,
	NVML_TYPE_DOUBLE,
	NVML_TYPE_CHAR, /* an array of them is a text, of UINT of one byte: bytes */
	NVML_TYPE_ENUM,
	NVML_TYPE_HANDLE,
	NVML_TYPE_POINTER,
	NVML_TYPE_STRUCT,
	NVML_TYPE_UNION,
};

struct nvml_type {
	const char *name;
	uint32_t size;
	uint16_t first, n; /* of a struct: its fields; of an enum: its names */
	uint8_t kind;	   /* enum nvml_type_kind */
};

struct nvml_field {
	const char *name;
	uint32_t offset;
	uint16_t array; /* entries; 0: none */
	uint16_t type;
	uint16_t behind; /* with is_list: type of the list that it points to */
	uint8_t counter; /* the field that says how many there are, from 1; 0: all */
	uint8_t is_list : 1, hex : 1, hidden : 1;
};

struct nvml_name {
	const char *name;
	int32_t value;
};

/* What a versioned struct is when its first word is that. */
struct nvml_version {
	uint16_t declared, type;
	uint32_t word;
};

enum nvml_arg_role {
	NVML_ARG_VALUE,
	NVML_ARG_IN,	/* points to what is read */
	NVML_ARG_WORDS, /* a text that is read */
	NVML_ARG_OUT,
	NVML_ARG_INOUT, /* its version is read */
	NVML_ARG_TEXT,
	NVML_ARG_TEXT_COUNTED,
	NVML_ARG_TEXT_OPEN,
	NVML_ARG_COUNT,
	NVML_ARG_LIST,	     /* ref: the COUNT that says how many */
	NVML_ARG_LIST_VALUE, /* ref: a number that says how many */
	NVML_ARG_LIST_BYTES,
};

struct nvml_param {
	const char *name;
	uint16_t type; /* of a pointer: of what it leads to */
	uint8_t role, ref;
	uint8_t hex;
};

struct nvml_call {
	const char *name;
	uint16_t first, n;
};

struct nvml_trace_table {
	const struct nvml_type *types;
	const struct nvml_field *fields;
	const struct nvml_name *names;
	const struct nvml_version *versions;
	const struct nvml_param *params;
	const struct nvml_call *calls; /* by name */
	unsigned n_types, n_fields, n_names, n_versions, n_params, n_calls;
	unsigned value_type, status; /* numbers of nvmlValueType_t and nvmlReturn_t */
};

extern const struct nvml_trace_table nvml_trace_table;

#endif
