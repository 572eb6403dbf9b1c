/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define HANDLES 64

static const char *const names[] = {
	[ENGINE_SET_MODE] = "set-mode",	    [ENGINE_RESET] = "reset",
	[ENGINE_DESTROY_CI] = "destroy-ci", [ENGINE_DESTROY_GI] = "destroy-gi",
	[ENGINE_CREATE_GI] = "create-gi",   [ENGINE_CREATE_CI] = "create-ci",
};

const char *engine_do_name(enum engine_do what)
{
	return names[what];
}

const char *engine_step_text(const struct engine_step *s, char *buf, size_t size)
{
	switch ((enum engine_do)s->what) {
	case ENGINE_SET_MODE:
		snprintf(buf, size, "turn MIG mode %s", s->on ? "on" : "off");
		break;
	case ENGINE_RESET:
		snprintf(buf, size, "reset the GPU");
		break;
	case ENGINE_DESTROY_CI:
		snprintf(buf, size, "destroy compute instance %u (%s) of GPU instance %u", s->ci.id,
			 s->ci.name, s->gi.id);
		break;
	case ENGINE_DESTROY_GI:
		snprintf(buf, size, "destroy GPU instance %u (%s at %u)", s->gi.id, s->gi.name,
			 s->gi.start);
		break;
	case ENGINE_CREATE_GI:
		if (s->gi.start == ENGINE_ANYWHERE)
			snprintf(buf, size, "create %s", s->gi.name);
		else
			snprintf(buf, size, "create %s at %u", s->gi.name, s->gi.start);
		break;
	case ENGINE_CREATE_CI:
		if (s->ci.start == ENGINE_ANYWHERE) {
			snprintf(buf, size, "create compute instance %s in %s at %u", s->ci.name,
				 s->gi.name, s->gi.start);
			break;
		}
		snprintf(buf, size, "create compute instance %s at %u in %s at %u", s->ci.name,
			 s->ci.start, s->gi.name, s->gi.start);
		break;
	}
	return buf;
}

#define CALL(did, api, fn, ...) ((did)->call = #fn, (did)->status = (int)(api)->fn(__VA_ARGS__))

/* The GPU instance at a place: ids are not asked for, as a way back may have given others. */
static int find_gi(const struct nvml_api *api, nvmlDevice_t dev, const struct engine_gi *want,
		   nvmlGpuInstance_t *ret, struct engine_did *did)
{
	nvmlGpuInstance_t list[HANDLES];
	unsigned int n = HANDLES;

	if (CALL(did, api, nvmlDeviceGetGpuInstances, dev, want->profile_id, list, &n))
		return did->status;
	for (unsigned i = 0; i < n && i < HANDLES; i++) {
		nvmlGpuInstanceInfo_t info = { 0 };

		if (CALL(did, api, nvmlGpuInstanceGetInfo, list[i], &info))
			return did->status;
		if (info.placement.start != want->start)
			continue;
		*ret = list[i];
		return 0;
	}
	did->call = "nvmlDeviceGetGpuInstances";
	return did->status = NVML_ERROR_NOT_FOUND;
}

static int find_ci(const struct nvml_api *api, nvmlGpuInstance_t gi, const struct engine_ci *want,
		   nvmlComputeInstance_t *ret, struct engine_did *did)
{
	nvmlComputeInstance_t list[HANDLES];
	unsigned int n = HANDLES;

	if (CALL(did, api, nvmlGpuInstanceGetComputeInstances, gi, want->profile_id, list, &n))
		return did->status;
	for (unsigned i = 0; i < n && i < HANDLES; i++) {
		nvmlComputeInstanceInfo_t info = { 0 };

		/* An old driver tells no place; then the id has to do. */
		if (CALL(did, api, nvmlComputeInstanceGetInfo_v2, list[i], &info) ==
		    NVML_ERROR_FUNCTION_NOT_FOUND) {
			nvmlComputeInstanceInfo_v1_t v1 = { 0 };

			if (!CALL(did, api, nvmlComputeInstanceGetInfo, list[i], &v1))
				info.placement.start = v1.id == want->id ? want->start : UINT8_MAX;
		}
		if (did->status)
			return did->status;
		if (info.placement.start != want->start)
			continue;
		*ret = list[i];
		return 0;
	}
	did->call = "nvmlGpuInstanceGetComputeInstances";
	return did->status = NVML_ERROR_NOT_FOUND;
}

/* --- one function for each kind of step ------------------------------------------------------- */

static void set_mode(const struct nvml_api *api, nvmlDevice_t dev, const struct engine_step *s,
		     struct engine_did *did)
{
	nvmlReturn_t activation = NVML_SUCCESS;

	if (CALL(did, api, nvmlDeviceSetMigMode, dev,
		 s->on ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE, &activation))
		return;
	did->pending = activation != NVML_SUCCESS;
}

static void reset(struct engine *e, const struct engine_op *op, const struct engine_step *s,
		  struct engine_did *did)
{
	struct mig_error err = { 0 };
	int r = e->reset(e->arg, &op->gpu[s->gpu], &err);

	did->call = "reset";
	if (r >= 0)
		return;
	did->status = err.nvml ? err.nvml : NVML_ERROR_UNKNOWN;
	did->pending = r == -EBUSY || r == -ENOTSUP;
	snprintf(did->why, sizeof(did->why), "%.300s", err.msg);
}

static void destroy_ci(const struct nvml_api *api, nvmlDevice_t dev, const struct engine_step *s,
		       struct engine_did *did)
{
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;

	if (!find_gi(api, dev, &s->gi, &gi, did) && !find_ci(api, gi, &s->ci, &ci, did))
		CALL(did, api, nvmlComputeInstanceDestroy, ci);
}

static void destroy_gi(const struct nvml_api *api, nvmlDevice_t dev, const struct engine_step *s,
		       struct engine_did *did)
{
	nvmlGpuInstance_t gi;

	if (!find_gi(api, dev, &s->gi, &gi, did))
		CALL(did, api, nvmlGpuInstanceDestroy, gi);
}

/* A driver too old to be told where: what it chose must be what was meant. */
static void create_gi_anywhere(const struct nvml_api *api, nvmlDevice_t dev,
			       const struct engine_step *s, struct engine_did *did)
{
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlGpuInstance_t gi;

	if (CALL(did, api, nvmlDeviceCreateGpuInstance, dev, s->gi.profile_id, &gi))
		return;
	if (!CALL(did, api, nvmlGpuInstanceGetInfo, gi, &info) &&
	    info.placement.start == s->gi.start)
		return;
	(void)api->nvmlGpuInstanceDestroy(gi);
	if (!did->status)
		did->status = NVML_ERROR_NOT_SUPPORTED;
	snprintf(did->why, sizeof(did->why),
		 "this driver takes no places, and put it at %u instead of %u",
		 (unsigned)info.placement.start, s->gi.start);
}

static void create_gi(const struct nvml_api *api, nvmlDevice_t dev, const struct engine_step *s,
		      struct engine_did *did)
{
	nvmlGpuInstancePlacement_t at = { .start = s->gi.start, .size = s->gi.size };
	nvmlGpuInstance_t gi;

	if (CALL(did, api, nvmlDeviceCreateGpuInstanceWithPlacement, dev, s->gi.profile_id, &at,
		 &gi) == NVML_ERROR_FUNCTION_NOT_FOUND)
		create_gi_anywhere(api, dev, s, did);
}

static void create_ci(const struct nvml_api *api, nvmlDevice_t dev, const struct engine_step *s,
		      struct engine_did *did)
{
	nvmlComputeInstancePlacement_t at = { .start = s->ci.start, .size = s->ci.size };
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;

	if (find_gi(api, dev, &s->gi, &gi, did))
		return;
	if (CALL(did, api, nvmlGpuInstanceCreateComputeInstanceWithPlacement, gi, s->ci.profile_id,
		 &at, &ci) == NVML_ERROR_FUNCTION_NOT_FOUND)
		CALL(did, api, nvmlGpuInstanceCreateComputeInstance, gi, s->ci.profile_id, &ci);
}

void engine_do_step(struct engine *e, const struct engine_op *op, const struct engine_step *step,
		    struct engine_did *ret)
{
	const struct nvml_api *api = e->api;
	nvmlDevice_t dev;

	*ret = (struct engine_did){ .call = "" };
	if (step->what == ENGINE_RESET) {
		reset(e, op, step, ret);
		return;
	}
	if (CALL(ret, api, nvmlDeviceGetHandleByUUID, op->gpu[step->gpu].uuid, &dev))
		return;
	switch ((enum engine_do)step->what) {
	case ENGINE_SET_MODE:
		set_mode(api, dev, step, ret);
		break;
	case ENGINE_DESTROY_CI:
		destroy_ci(api, dev, step, ret);
		break;
	case ENGINE_DESTROY_GI:
		destroy_gi(api, dev, step, ret);
		break;
	case ENGINE_CREATE_GI:
		create_gi(api, dev, step, ret);
		break;
	case ENGINE_CREATE_CI:
		create_ci(api, dev, step, ret);
		break;
	case ENGINE_RESET:
		break;
	}
}
