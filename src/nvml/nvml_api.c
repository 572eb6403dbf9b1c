/* SPDX-License-Identifier: Apache-2.0 */
#include "nvml/nvml_api.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "nvml/nvml_layout.h"

#define NVML_DRIVER_LIBRARY "libnvidia-ml.so.1"

struct call {
	const char *name;
	size_t offset; /* of the pointer in struct nvml_api */
	bool required;
};

#define REQUIRED true
#define OPTIONAL false

static const struct call calls[] = {
#define NVML_CALL(sym, need, args) { #sym, offsetof(struct nvml_api, sym), need },
	NVML_CALLS(NVML_CALL)
#undef NVML_CALL
		{ "nvmlErrorString", offsetof(struct nvml_api, nvmlErrorString), REQUIRED },
};

/*
 * Stands in for every missing OPTIONAL call whatever its parameters: on x86-64 and arm64 the
 * caller owns the argument registers and the stack, so a callee may ignore them all.
 */
static nvmlReturn_t not_there(void)
{
	return NVML_ERROR_FUNCTION_NOT_FOUND;
}

/* A pointer to a function is stored as bytes: C has no conversion from dlsym's void pointer. */
static void set_call(struct nvml_api *api, const struct call *call, void *sym)
{
	nvmlReturn_t (*missing)(void) = not_there;

	if (sym)
		memcpy((char *)api + call->offset, &sym, sizeof(sym));
	else
		memcpy((char *)api + call->offset, &missing, sizeof(missing));
}

int nvml_api_open(struct nvml_api *api, const char *path, struct mig_error *reterr)
{
	const char *what = path ? path : NVML_DRIVER_LIBRARY;

	memset(api, 0, sizeof(*api));
	api->dl = dlopen(what, RTLD_NOW | RTLD_LOCAL);
	if (!api->dl) {
		const char *why = dlerror();

		return mig_fail(reterr, -ENOENT, "cannot load the NVML library %s: %s", what,
				why ? why : "unknown reason");
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		void *sym = dlsym(api->dl, calls[i].name);

		if (!sym && calls[i].required) {
			nvml_api_close(api);
			return mig_fail(reterr, -ENOSYS,
					"%s has no %s: a driver with MIG (R450 or later) is needed",
					what, calls[i].name);
		}
		set_call(api, &calls[i], sym);
	}
	return 0;
}

void nvml_api_close(struct nvml_api *api)
{
	if (api->dl)
		dlclose(api->dl);
	memset(api, 0, sizeof(*api));
}
