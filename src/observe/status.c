/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/gpu.h"
#include <errno.h>

#include <stdio.h>

const char *observe_status_name(int status)
{
#define NAME(code) \
	case code: \
		return #code
	switch (status) {
		NAME(NVML_SUCCESS);
		NAME(NVML_ERROR_UNINITIALIZED);
		NAME(NVML_ERROR_INVALID_ARGUMENT);
		NAME(NVML_ERROR_NOT_SUPPORTED);
		NAME(NVML_ERROR_NO_PERMISSION);
		NAME(NVML_ERROR_ALREADY_INITIALIZED);
		NAME(NVML_ERROR_NOT_FOUND);
		NAME(NVML_ERROR_INSUFFICIENT_SIZE);
		NAME(NVML_ERROR_INSUFFICIENT_POWER);
		NAME(NVML_ERROR_DRIVER_NOT_LOADED);
		NAME(NVML_ERROR_TIMEOUT);
		NAME(NVML_ERROR_IRQ_ISSUE);
		NAME(NVML_ERROR_LIBRARY_NOT_FOUND);
		NAME(NVML_ERROR_FUNCTION_NOT_FOUND);
		NAME(NVML_ERROR_CORRUPTED_INFOROM);
		NAME(NVML_ERROR_GPU_IS_LOST);
		NAME(NVML_ERROR_RESET_REQUIRED);
		NAME(NVML_ERROR_OPERATING_SYSTEM);
		NAME(NVML_ERROR_LIB_RM_VERSION_MISMATCH);
		NAME(NVML_ERROR_IN_USE);
		NAME(NVML_ERROR_MEMORY);
		NAME(NVML_ERROR_NO_DATA);
		NAME(NVML_ERROR_VGPU_ECC_NOT_SUPPORTED);
		NAME(NVML_ERROR_INSUFFICIENT_RESOURCES);
		NAME(NVML_ERROR_FREQ_NOT_SUPPORTED);
		NAME(NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
		NAME(NVML_ERROR_DEPRECATED);
		NAME(NVML_ERROR_NOT_READY);
		NAME(NVML_ERROR_GPU_NOT_FOUND);
		NAME(NVML_ERROR_INVALID_STATE);
		NAME(NVML_ERROR_RESET_TYPE_NOT_SUPPORTED);
		NAME(NVML_ERROR_UNKNOWN);
	default:
		/* A code of a driver younger than this program. */
		return status == MIG_NOT_ASKED ? "not asked" : "unknown NVML status";
	}
#undef NAME
}

static bool is_an_answer(nvmlReturn_t status)
{
	switch (status) {
	case NVML_SUCCESS:
	case NVML_ERROR_INVALID_ARGUMENT:
	case NVML_ERROR_NOT_SUPPORTED:
	case NVML_ERROR_NO_PERMISSION:
	case NVML_ERROR_NOT_FOUND:
	case NVML_ERROR_INSUFFICIENT_SIZE:
	case NVML_ERROR_FUNCTION_NOT_FOUND:
	case NVML_ERROR_NO_DATA:
	case NVML_ERROR_ARGUMENT_VERSION_MISMATCH:
	case NVML_ERROR_DEPRECATED:
		return true;
	default:
		return false;
	}
}

nvmlReturn_t observe_note(struct mig_gpu *gpu, const char *call, bool essential,
			  nvmlReturn_t status)
{
	bool failed = essential ? !is_an_answer(status) : status == NVML_ERROR_GPU_IS_LOST;

	if (!failed || gpu->status)
		return status;
	gpu->status = (int32_t)status;
	snprintf(gpu->failed_call, sizeof(gpu->failed_call), "%s", call);
	return status;
}

nvmlReturn_t observe_managed(struct observe *o, struct mig_gpu *gpu, const char *call,
			     nvmlReturn_t status)
{
	if (status == NVML_SUCCESS)
		o->managed = true;
	if (status == NVML_ERROR_NO_PERMISSION)
		o->refused = true;
	return observe_note(gpu, call, false, status);
}

int observe_gpu_answers(const struct mig_gpu *gpu, struct mig_error *reterr)
{
	if (!gpu->status)
		return 0;
	return mig_fail(reterr, -EIO, "GPU %u does not answer: %s says %s", gpu->index,
			gpu->failed_call, observe_status_name(gpu->status));
}
