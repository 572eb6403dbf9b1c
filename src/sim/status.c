/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <string.h>

nvmlReturn_t sim_status(int r)
{
	if (r >= 0)
		return NVML_SUCCESS;
	switch (-r) {
	case EINVAL:
		return NVML_ERROR_INVALID_ARGUMENT;
	case ENOTSUP:
		return NVML_ERROR_NOT_SUPPORTED;
	case EPERM:
	case EACCES:
	case EROFS:
		return NVML_ERROR_NO_PERMISSION;
	case ENOENT:
		return NVML_ERROR_NOT_FOUND;
	case EBUSY:
		return NVML_ERROR_IN_USE;
	case ENOSPC:
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	case ENODEV:
		return NVML_ERROR_GPU_IS_LOST;
	case ENOTRECOVERABLE:
		return NVML_ERROR_RESET_REQUIRED;
	case ENOTCONN:
		return NVML_ERROR_DRIVER_NOT_LOADED;
	case ENOMEM:
		return NVML_ERROR_MEMORY;
	default:
		return NVML_ERROR_UNKNOWN;
	}
}

nvmlReturn_t sim_copy(char *to, unsigned length, const char *from)
{
	size_t n = strlen(from) + 1;

	if (!to || length == 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (n > length)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(to, from, n);
	return NVML_SUCCESS;
}

unsigned sim_version_of(unsigned word, const struct sim_version *versions, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (versions[i].word == word && sim_const()->driver_major >= versions[i].since)
			return word >> 24;
	return 0;
}

struct message {
	nvmlReturn_t status;
	const char *text;
};

/* The words of NVIDIA's library, as nvidia-smi prints them. */
static const struct message messages[] = {
	{ NVML_SUCCESS, "Success" },
	{ NVML_ERROR_UNINITIALIZED, "Uninitialized" },
	{ NVML_ERROR_INVALID_ARGUMENT, "Invalid Argument" },
	{ NVML_ERROR_NOT_SUPPORTED, "Not Supported" },
	{ NVML_ERROR_NO_PERMISSION, "Insufficient Permissions" },
	{ NVML_ERROR_ALREADY_INITIALIZED, "Already Initialized" },
	{ NVML_ERROR_NOT_FOUND, "Not Found" },
	{ NVML_ERROR_INSUFFICIENT_SIZE, "Insufficient Size" },
	{ NVML_ERROR_INSUFFICIENT_POWER, "Insufficient External Power" },
	{ NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded" },
	{ NVML_ERROR_TIMEOUT, "Timeout" },
	{ NVML_ERROR_IRQ_ISSUE, "Interrupt Request Issue" },
	{ NVML_ERROR_LIBRARY_NOT_FOUND, "NVML Shared Library Not Found" },
	{ NVML_ERROR_FUNCTION_NOT_FOUND, "Function Not Found" },
	{ NVML_ERROR_CORRUPTED_INFOROM, "Corrupted infoROM" },
	{ NVML_ERROR_GPU_IS_LOST, "GPU is lost" },
	{ NVML_ERROR_RESET_REQUIRED, "GPU requires reset" },
	{ NVML_ERROR_OPERATING_SYSTEM, "GPU access blocked by the operating system" },
	{ NVML_ERROR_LIB_RM_VERSION_MISMATCH, "Driver/library version mismatch" },
	{ NVML_ERROR_IN_USE, "In use by another client" },
	{ NVML_ERROR_MEMORY, "Insufficient Memory" },
	{ NVML_ERROR_NO_DATA, "No data" },
	{ NVML_ERROR_INSUFFICIENT_RESOURCES, "Insufficient Resources" },
	{ NVML_ERROR_FREQ_NOT_SUPPORTED, "Invalid Frequency" },
	{ NVML_ERROR_ARGUMENT_VERSION_MISMATCH, "Argument version mismatch" },
	{ NVML_ERROR_DEPRECATED, "Requested functionality has been deprecated" },
	{ NVML_ERROR_NOT_READY, "Not Ready" },
	{ NVML_ERROR_GPU_NOT_FOUND, "GPU Not Found" },
	{ NVML_ERROR_INVALID_STATE, "Invalid State" },
};

/* Answers at any time, initialised or not, and keeps errno: programs call it to report errors. */
const char *nvmlErrorString(nvmlReturn_t result)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].status == result)
			return messages[i].text;
	return "Unknown Error";
}
