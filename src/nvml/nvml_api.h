/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_API_H
#define MIGKIT_NVML_NVML_API_H

#include <migkit/error.h>

#include "nvml/nvml_calls.h"

/*
 * The one way to the hardware: a table of NVML's calls, resolved from a library that is opened at
 * run time. Members bear the names of the symbols. An OPTIONAL call that the library lacks (an
 * older driver) points to a function that answers NVML_ERROR_FUNCTION_NOT_FOUND, so that callers
 * need no second way to ask "is it there"; a REQUIRED one that is missing fails the opening.
 */
struct nvml_api {
	void *dl;
#define NVML_MEMBER(sym, need, args) nvmlReturn_t(*sym) args;
	NVML_CALLS(NVML_MEMBER)
#undef NVML_MEMBER
	const char *(*nvmlErrorString)(nvmlReturn_t result);
};

/*
 * Opens an NVML library and fills the table; it does not call nvmlInit.
 *
 * path: NULL is the driver's "libnvidia-ml.so.1", found as the dynamic linker finds it.
 * -ENOENT: no such library; -ENOSYS: it lacks a REQUIRED call. On failure *api is all zero.
 */
int nvml_api_open(struct nvml_api *api, const char *path, struct mig_error *reterr);

/* Closes the library; harmless on a table of zeros. The caller has called nvmlShutdown before. */
void nvml_api_close(struct nvml_api *api);

#endif
