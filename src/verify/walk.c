/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "observe/observe.h"
#include "verify/walk.h"

/* The whole walk, and what its parts have in common: questions, answers, and GPU instances. */

void walk_scene(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->scene, sizeof(w->scene), fmt, ap);
	va_end(ap);
}

void walk_ask(struct walk *w, const char *fmt, ...)
{
	int n = snprintf(w->what, sizeof(w->what), "%s: ", w->scene);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->what + n, sizeof(w->what) - (size_t)n, fmt, ap);
	va_end(ap);
}

void walk_say(struct walk *w, const char *fmt, ...)
{
	char answer[512];
	va_list ap;

	if (w->r < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(answer, sizeof(answer), fmt, ap);
	va_end(ap);
	if (verify_note(w->out, w->what, answer) < 0)
		w->r = mig_fail(w->reterr, -ENOMEM, "out of memory");
}

bool walk_is_lost(nvmlReturn_t status)
{
	switch (status) {
	case NVML_ERROR_UNINITIALIZED:
	case NVML_ERROR_NO_PERMISSION:
	case NVML_ERROR_DRIVER_NOT_LOADED:
	case NVML_ERROR_TIMEOUT:
	case NVML_ERROR_GPU_IS_LOST:
	case NVML_ERROR_RESET_REQUIRED:
	case NVML_ERROR_MEMORY:
		return true;
	default:
		return false;
	}
}

void walk_fail(struct walk *w, const char *call, nvmlReturn_t status)
{
	if (w->r < 0)
		return;
	w->r = mig_fail(w->reterr, -EIO, "%s says %s (%d) at '%.150s'", call,
			observe_status_name((int)status), (int)status, w->what);
	if (w->reterr)
		w->reterr->nvml = (int)status;
}

/* "INSUFFICIENT_RESOURCES": NVML_ERROR_ in front of each tells nothing. */
bool walk_well(struct walk *w, nvmlReturn_t status)
{
	const char *name = observe_status_name((int)status);

	if (status == NVML_SUCCESS)
		return w->r >= 0;
	if (walk_is_lost(status))
		walk_fail(w, "the driver", status);
	if (!strncmp(name, "NVML_ERROR_", 11))
		name += 11;
	walk_say(w, "%s", name);
	return false;
}

/* --- changes ---------------------------------------------------------------------------------- */

bool walk_before(struct walk *w, const struct verify_change *c)
{
	if (w->r >= 0 && w->hooks)
		w->r = w->hooks->before(w->hooks->arg, c, w->reterr);
	return w->r >= 0;
}

void walk_after(struct walk *w, nvmlReturn_t status, int start)
{
	if (w->hooks)
		w->hooks->after(w->hooks->arg, (int)status, start);
}

/* Where an instance of the profile is that was not there before; -1: there is none. */
static int appeared(struct walk *w, const struct walk_profile *p)
{
	nvmlGpuInstance_t list[64];
	unsigned n = ARRAY_SIZE(list);

	if (w->api->nvmlDeviceGetGpuInstances(w->dev, p->id, list, &n) != NVML_SUCCESS)
		return -1;
	for (unsigned i = 0; i < n && i < ARRAY_SIZE(list); i++) {
		nvmlGpuInstanceInfo_t info = { 0 };
		bool known = false;

		if (w->api->nvmlGpuInstanceGetInfo(list[i], &info) != NVML_SUCCESS)
			continue;
		for (unsigned k = 0; k < w->n_gi; k++)
			known = known || (w->gi[k].profile->id == p->id &&
					  w->gi[k].start == info.placement.start);
		if (!known && info.placement.start < 255)
			return (int)info.placement.start;
	}
	return -1;
}

static nvmlReturn_t call_create(struct walk *w, const struct walk_profile *p, int start,
				unsigned size, nvmlGpuInstance_t *ret)
{
	nvmlGpuInstancePlacement_t at = { .start = (unsigned)start, .size = size };

	if (start < 0)
		return w->api->nvmlDeviceCreateGpuInstance(w->dev, p->id, ret);
	return w->api->nvmlDeviceCreateGpuInstanceWithPlacement(w->dev, p->id, &at, ret);
}

/* No room, or a wrong word: this is an answer. Anything else is one only to a wrong question. */
static bool is_refusal(nvmlReturn_t status)
{
	return status == NVML_ERROR_INVALID_ARGUMENT || status == NVML_ERROR_NOT_SUPPORTED ||
	       status == NVML_ERROR_INSUFFICIENT_RESOURCES ||
	       status == NVML_ERROR_INSUFFICIENT_SIZE || status == NVML_ERROR_FUNCTION_NOT_FOUND ||
	       status == NVML_ERROR_NOT_FOUND;
}

static struct walk_gi *made(struct walk *w, const struct walk_profile *p, nvmlGpuInstance_t handle)
{
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlReturn_t status = w->api->nvmlGpuInstanceGetInfo(handle, &info);
	struct walk_gi *gi = &w->gi[w->n_gi];

	walk_after(w, NVML_SUCCESS,
		   status == NVML_SUCCESS && info.placement.start < 255 ? (int)info.placement.start
									: -1);
	w->out->creates++;
	if (status != NVML_SUCCESS) {
		walk_fail(w, "nvmlGpuInstanceGetInfo", status);
		return NULL;
	}
	walk_say(w, "id %u at %u, size %u%s", info.id, info.placement.start, info.placement.size,
		 info.profileId == p->id ? "" : ", of another profile");
	*gi = (struct walk_gi){
		.handle = handle, .profile = p, .id = info.id, .start = info.placement.start
	};
	w->n_gi++;
	return gi;
}

struct walk_gi *walk_create(struct walk *w, const struct walk_profile *p, int start, unsigned size,
			    bool wrong)
{
	struct verify_change c = { .what = VERIFY_CREATE_GI,
				   .gi_profile = p->id,
				   .gi_start = start };
	nvmlGpuInstance_t handle = NULL;
	nvmlReturn_t status;

	memcpy(c.gi_name, p->name, sizeof(c.gi_name));
	if (w->n_gi == MIG_MAX_GI || !walk_before(w, &c))
		return NULL;
	status = call_create(w, p, start, size, &handle);
	if (status == NVML_SUCCESS)
		return made(w, p, handle);
	/* Not every call that answers with an error has had no effect. */
	walk_after(w, status, appeared(w, p));
	if (!wrong && !is_refusal(status))
		walk_fail(w, "nvmlDeviceCreateGpuInstance", status);
	(void)walk_well(w, status);
	return NULL;
}

void walk_destroy(struct walk *w, unsigned i)
{
	struct walk_gi *gi = &w->gi[i];
	struct verify_change c = { .what = VERIFY_DESTROY_GI,
				   .gi_profile = gi->profile->id,
				   .gi_id = gi->id,
				   .gi_start = (int)gi->start };
	nvmlReturn_t status;

	memcpy(c.gi_name, gi->profile->name, sizeof(c.gi_name));
	if (!walk_before(w, &c))
		return;
	status = w->api->nvmlGpuInstanceDestroy(gi->handle);
	walk_after(w, status, -1);
	if (status != NVML_SUCCESS) {
		walk_ask(w, "destroy id %u", gi->id);
		walk_fail(w, "nvmlGpuInstanceDestroy", status);
		return;
	}
	w->out->destroys++;
	memmove(gi, gi + 1, (w->n_gi - i - 1) * sizeof(*gi));
	w->n_gi--;
}

void walk_destroy_all(struct walk *w)
{
	while (w->r >= 0 && w->n_gi)
		walk_destroy(w, w->n_gi - 1);
}

void walk_remaining(struct walk *w, const char *when)
{
	for (unsigned i = 0; i < w->n_profiles && w->r >= 0; i++) {
		unsigned count = 0;

		walk_ask(w, "remaining of profile %u %s", w->profile[i].id, when);
		if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceRemainingCapacity(
					 w->dev, w->profile[i].id, &count)))
			walk_say(w, "%u", count);
	}
}

int verify_walk(const struct nvml_api *api, nvmlDevice_t dev, const struct verify_hooks *hooks,
		struct verify_transcript *ret, struct mig_error *reterr)
{
	struct walk w = { .api = api, .dev = dev, .hooks = hooks, .out = ret, .reterr = reterr };
	nvmlReturn_t status;

	walk_scene(&w, "the GPU");
	walk_ask(&w, "its UUID");
	status = api->nvmlDeviceGetUUID(dev, w.uuid, sizeof(w.uuid));
	if (status != NVML_SUCCESS)
		walk_fail(&w, "nvmlDeviceGetUUID", status);
	walk_profiles(&w);
	walk_gpu_instances(&w);
	walk_compute_instances(&w);
	return w.r;
}
