/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include <migkit/snapshot.h>

#include "cli/out_cell.h"
#include "nvml/nvml_abi.h"
#include "observe/observe.h"

static struct cli_value text_value(const char *text)
{
	return (struct cli_value){ .kind = text && *text ? V_TEXT : V_NONE, .text = text };
}

static struct cli_value reading_value(const struct mig_reading *reading)
{
	return (struct cli_value){ .kind = reading->status ? V_NONE : V_UINT, .u = reading->value };
}

static const char *status_text(int32_t status)
{
	return status == 0 || status == MIG_NOT_ASKED ? NULL : observe_status_name(status);
}

struct cli_value cli_value_of(const struct cli_field *f, const void *record)
{
	const void *at = (const char *)record + f->off;
	const struct mig_reading *reading = at;

	switch ((enum cli_field_type)f->type) {
	case F_STR:
		return text_value(at);
	case F_PTR:
		return text_value(*(const char *const *)at);
	case F_BOOL:
		return (struct cli_value){ .kind = V_BOOL, .u = *(const bool *)at };
	case F_MAYBE:
		if (*(const int32_t *)at == CLI_NONE)
			break;
		return (struct cli_value){ .kind = V_BOOL, .u = *(const int32_t *)at != 0 };
	case F_MARKED:
	case F_INT:
		return (struct cli_value){ .kind = *(const int32_t *)at == CLI_NONE ? V_NONE
										    : V_INT,
					   .i = *(const int32_t *)at };
	case F_U32:
		return (struct cli_value){ .kind = V_UINT, .u = *(const uint32_t *)at };
	case F_U64:
	case F_MIB:
		return (struct cli_value){ .kind = V_UINT, .u = *(const uint64_t *)at };
	case F_READING:
	case F_READING_MIB:
		return reading_value(reading);
	case F_STATUS:
		return text_value(status_text(*(const int32_t *)at));
	}
	return (struct cli_value){ .kind = V_NONE };
}

/* Why there is no figure, in a word that fits a column. */
static const char *refusal(int status)
{
	switch (status) {
	case MIG_NOT_ASKED:
		return "-";
	case NVML_ERROR_NOT_SUPPORTED:
		return "[N/A]"; /* nvidia-smi's word for it */
	case NVML_ERROR_NO_PERMISSION:
		return "no permission";
	case NVML_ERROR_GPU_IS_LOST:
		return "lost";
	case NVML_ERROR_FUNCTION_NOT_FOUND:
		return "driver too old";
	default:
		return "unknown";
	}
}

static bool is_mib(const struct cli_field *f)
{
	return f->type == F_MIB || f->type == F_READING_MIB;
}

static bool is_doubtful(const struct cli_field *f, const void *record)
{
	const void *at = (const char *)record + f->off;

	return f->type == F_MARKED && ((const struct cli_marked *)at)->unconfirmed;
}

const char *cli_cell(const struct cli_field *f, const void *record, char buf[32])
{
	struct cli_value v = cli_value_of(f, record);

	switch (v.kind) {
	case V_TEXT:
		return v.text;
	case V_BOOL:
		return v.u ? "yes" : "-";
	case V_INT:
		snprintf(buf, 32, "%" PRId64 "%s", v.i, is_doubtful(f, record) ? "?" : "");
		return buf;
	case V_UINT:
		snprintf(buf, 32, "%" PRIu64 "%s", is_mib(f) ? v.u >> 20 : v.u,
			 is_mib(f) ? "MiB" : "");
		return buf;
	case V_NONE:
		break;
	}
	if (f->type == F_READING || f->type == F_READING_MIB)
		return refusal(
			((const struct mig_reading *)(const void *)((const char *)record + f->off))
				->status);
	return "-";
}

bool cli_field_is_number(const struct cli_field *f)
{
	return f->type != F_STR && f->type != F_PTR && f->type != F_BOOL && f->type != F_MAYBE &&
	       f->type != F_STATUS;
}
