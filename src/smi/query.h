/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_QUERY_H
#define MIGKIT_SMI_QUERY_H

#include "smi/process.h"
#include "smi/smi_ctx.h"

/* --query-gpu and --query-compute-apps. Inside src/smi only. */

#define QUERY_VALUE PROCESS_NAME

struct query_style {
	bool no_header, no_units;
};

struct query_row {
	const struct smi_gpu *gpu;
	const struct process *process; /* NULL: the row is a GPU */
};

struct query_field {
	const char *name;  /* as the header shows it */
	const char *other; /* another name it is known by, or NULL */
	const char *unit;  /* or NULL */
	bool is_reserved;  /* known where the dialect says so */
	/* NULL: the name of a group of fields */
	nvmlReturn_t (*get)(struct smi *smi, const struct query_row *row, char ret[QUERY_VALUE]);
};

struct query_table {
	const struct query_field *field;
	unsigned int n;
};

extern const struct query_table query_gpu_fields, query_app_fields;

#endif
