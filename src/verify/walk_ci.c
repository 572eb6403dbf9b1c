/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/util.h"
#include "verify/walk.h"

/* Compute instances in a GPU instance of each profile, and the MIG devices that they are. */

struct inside {
	const struct walk_gi *gi;
	struct walk_ci ci[MIG_MAX_CI];
	unsigned n;
	struct {
		unsigned id, size, n_starts, start[16];
	} profile[NVML_COMPUTE_INSTANCE_PROFILE_COUNT];
	unsigned n_profiles;
};

/* --- profiles --------------------------------------------------------------------------------- */

static void ask_names(struct walk *w, nvmlGpuInstance_t gi, unsigned index)
{
	nvmlComputeInstanceProfileInfo_v2_t v2 = { .version = nvmlComputeInstanceProfileInfo_v2 };
	nvmlComputeInstanceProfileInfo_v3_t v3 = { .version = nvmlComputeInstanceProfileInfo_v3 };
	void *any = &v3;

	walk_ask(w, "compute profile %u, name", index);
	if (walk_well(w,
		      w->api->nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, index, 0, &v2))) {
		v2.name[sizeof(v2.name) - 1] = '\0';
		walk_say(w, "%s", v2.name);
	}
	walk_ask(w, "compute profile %u, capabilities", index);
	if (walk_well(w, w->api->nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, index, 0, any)))
		walk_say(w, "%#x", v3.capabilities);
}

static void ask_places(struct walk *w, struct inside *in, unsigned id)
{
	nvmlComputeInstancePlacement_t list[64] = { 0 };
	unsigned n = ARRAY_SIZE(list);
	char text[256] = "none";
	size_t at = 0;

	walk_ask(w, "placements of compute profile %u", id);
	if (!walk_well(w, w->api->nvmlGpuInstanceGetComputeInstancePossiblePlacements(
				  in->gi->handle, id, list, &n)))
		return;
	for (unsigned i = 0; i < n && i < 16; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u+%u", i ? " " : "",
				       list[i].start, list[i].size);
		in->profile[in->n_profiles].start[i] = list[i].start;
	}
	in->profile[in->n_profiles].n_starts = n < 16 ? n : 16;
	in->profile[in->n_profiles].size = list[0].size;
	walk_say(w, "%s", text);
}

static void ask_profiles(struct walk *w, struct inside *in)
{
	nvmlComputeInstanceProfileInfo_t i = { 0 };

	for (unsigned x = 0; x <= NVML_COMPUTE_INSTANCE_PROFILE_COUNT && w->r >= 0; x++) {
		walk_ask(w, "compute profile %u", x);
		if (!walk_well(w, w->api->nvmlGpuInstanceGetComputeInstanceProfileInfo(
					  in->gi->handle, x, 0, &i)) ||
		    in->n_profiles == ARRAY_SIZE(in->profile))
			continue;
		walk_say(w,
			 "id %u, %u in all, slices %u, SM %u, CE %u, DEC %u, ENC %u, JPEG %u, "
			 "OFA %u",
			 i.id, i.instanceCount, i.sliceCount, i.multiprocessorCount,
			 i.sharedCopyEngineCount, i.sharedDecoderCount, i.sharedEncoderCount,
			 i.sharedJpegCount, i.sharedOfaCount);
		ask_names(w, in->gi->handle, x);
		in->profile[in->n_profiles].id = i.id;
		ask_places(w, in, i.id);
		in->n_profiles++;
	}
	walk_ask(w, "compute profile 0 of another engine profile");
	if (walk_well(w, w->api->nvmlGpuInstanceGetComputeInstanceProfileInfo(in->gi->handle, 0, 1,
									      &i)))
		walk_say(w, "is there");
}

static void remaining(struct walk *w, struct inside *in, const char *when)
{
	for (unsigned i = 0; i < in->n_profiles && w->r >= 0; i++) {
		unsigned count = 0;

		walk_ask(w, "remaining of compute profile %u %s", in->profile[i].id, when);
		if (walk_well(w, w->api->nvmlGpuInstanceGetComputeInstanceRemainingCapacity(
					 in->gi->handle, in->profile[i].id, &count)))
			walk_say(w, "%u", count);
	}
}

/* --- changes ---------------------------------------------------------------------------------- */

static struct verify_change change(const struct inside *in, enum verify_do what, unsigned profile,
				   unsigned id, int start)
{
	struct verify_change c = { .what = what,
				   .gi_profile = in->gi->profile->id,
				   .gi_id = in->gi->id,
				   .gi_start = (int)in->gi->start,
				   .ci_profile = profile,
				   .ci_id = id,
				   .ci_start = start };

	memcpy(c.gi_name, in->gi->profile->name, sizeof(c.gi_name));
	snprintf(c.ci_name, sizeof(c.ci_name), "profile %u", profile);
	return c;
}

/* A driver that is too old for places answers without one. */
static nvmlReturn_t info_of(struct walk *w, nvmlComputeInstance_t ci,
			    nvmlComputeInstanceInfo_t *ret)
{
	nvmlReturn_t status = w->api->nvmlComputeInstanceGetInfo_v2(ci, ret);
	nvmlComputeInstanceInfo_v1_t v1 = { 0 };

	if (status != NVML_ERROR_FUNCTION_NOT_FOUND)
		return status;
	status = w->api->nvmlComputeInstanceGetInfo(ci, &v1);
	*ret = (nvmlComputeInstanceInfo_t){ .device = v1.device,
					    .gpuInstance = v1.gpuInstance,
					    .id = v1.id,
					    .profileId = v1.profileId };
	return status;
}

static struct walk_ci *create(struct walk *w, struct inside *in, unsigned profile, int start,
			      unsigned size, bool wrong)
{
	nvmlComputeInstancePlacement_t at = { .start = (unsigned)start, .size = size };
	struct verify_change c = change(in, VERIFY_CREATE_CI, profile, 0, start);
	nvmlComputeInstance_t ci = NULL;
	nvmlComputeInstanceInfo_t info = { 0 };
	nvmlReturn_t status;

	if (in->n == MIG_MAX_CI || !walk_before(w, &c))
		return NULL;
	status = start < 0 ? w->api->nvmlGpuInstanceCreateComputeInstance(in->gi->handle, profile,
									  &ci)
			   : w->api->nvmlGpuInstanceCreateComputeInstanceWithPlacement(
				     in->gi->handle, profile, &at, &ci);
	walk_after(w, status, -1);
	if (status == NVML_ERROR_UNKNOWN || status == NVML_ERROR_IN_USE) {
		if (!wrong)
			walk_fail(w, "nvmlGpuInstanceCreateComputeInstance", status);
	}
	if (!walk_well(w, status))
		return NULL;
	w->out->creates++;
	status = info_of(w, ci, &info);
	if (status != NVML_SUCCESS) {
		walk_fail(w, "nvmlComputeInstanceGetInfo", status);
		return NULL;
	}
	walk_say(w, "id %u at %u, size %u%s", info.id, info.placement.start, info.placement.size,
		 info.profileId == profile ? "" : ", of another profile");
	in->ci[in->n] =
		(struct walk_ci){ ci, profile, info.id, info.placement.start, info.placement.size };
	return &in->ci[in->n++];
}

static void destroy(struct walk *w, struct inside *in, unsigned i)
{
	struct walk_ci *ci = &in->ci[i];
	struct verify_change c = change(in, VERIFY_DESTROY_CI, ci->profile, ci->id, (int)ci->start);
	nvmlReturn_t status;

	if (!walk_before(w, &c))
		return;
	status = w->api->nvmlComputeInstanceDestroy(ci->handle);
	walk_after(w, status, -1);
	if (status != NVML_SUCCESS) {
		walk_ask(w, "destroy compute instance %u", ci->id);
		walk_fail(w, "nvmlComputeInstanceDestroy", status);
		return;
	}
	w->out->destroys++;
	memmove(ci, ci + 1, (in->n - i - 1) * sizeof(*ci));
	in->n--;
}

static void destroy_all(struct walk *w, struct inside *in)
{
	while (w->r >= 0 && in->n)
		destroy(w, in, in->n - 1);
}

/* --- MIG devices ------------------------------------------------------------------------------ */

/* "2/0 2/1", by index; the UUID of that of a compute instance. */
static void devices(struct walk *w, const struct inside *in, const struct walk_ci *ci,
		    char ret_uuid[96])
{
	unsigned max = 0;
	char text[256] = "none";
	size_t at = 0;

	ret_uuid[0] = '\0';
	if (!walk_well(w, w->api->nvmlDeviceGetMaxMigDeviceCount(w->dev, &max)))
		return;
	for (unsigned i = 0; i < max && i < 64; i++) {
		unsigned gi = 0, id = 0;
		nvmlDevice_t dev;

		if (w->api->nvmlDeviceGetMigDeviceHandleByIndex(w->dev, i, &dev) != NVML_SUCCESS ||
		    w->api->nvmlDeviceGetGpuInstanceId(dev, &gi) != NVML_SUCCESS ||
		    w->api->nvmlDeviceGetComputeInstanceId(dev, &id) != NVML_SUCCESS)
			continue;
		if (at < sizeof(text) - 16)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u:%u/%u",
					       at ? " " : "", i, gi, id);
		if (gi == in->gi->id && id == ci->id &&
		    w->api->nvmlDeviceGetUUID(dev, ret_uuid, 96) != NVML_SUCCESS)
			ret_uuid[0] = '\0';
	}
	walk_say(w, "%s", text);
}

/* Whose the device handle in its info is. */
static void whose(struct walk *w, const struct walk_ci *ci, const char *device)
{
	nvmlComputeInstanceInfo_t info = { 0 };
	char uuid[96] = "";

	walk_ask(w, "device handle of the first compute instance");
	if (!walk_well(w, info_of(w, ci->handle, &info)) ||
	    !walk_well(w, w->api->nvmlDeviceGetUUID(info.device, uuid, sizeof(uuid))))
		return;
	walk_say(w, "%s",
		 !strcmp(uuid, w->uuid)		      ? "the GPU's"
		 : device[0] && !strcmp(uuid, device) ? "its MIG device's"
						      : "another's");
}

static void attributes(struct walk *w, const char *uuid)
{
	nvmlDeviceAttributes_t a = { 0 };
	nvmlDevice_t dev;

	walk_ask(w, "attributes of the first MIG device");
	if (walk_well(w, w->api->nvmlDeviceGetHandleByUUID(uuid, &dev)) &&
	    walk_well(w, w->api->nvmlDeviceGetAttributes_v2(dev, &a)))
		walk_say(w, "SM %u, CE %u, DEC %u, ENC %u, JPEG %u, OFA %u, slices %u/%u, %llu MiB",
			 a.multiprocessorCount, a.sharedCopyEngineCount, a.sharedDecoderCount,
			 a.sharedEncoderCount, a.sharedJpegCount, a.sharedOfaCount,
			 a.gpuInstanceSliceCount, a.computeInstanceSliceCount, a.memorySizeMB);
}

/* --- scenes; each begins and ends with an empty GPU instance -----------------------------------
 */

static void listing(struct walk *w, struct inside *in, unsigned profile, const char *when)
{
	nvmlComputeInstance_t list[64];
	unsigned n = ARRAY_SIZE(list);
	char text[200] = "none";
	size_t at = 0;

	walk_ask(w, "list of compute profile %u %s", profile, when);
	if (!walk_well(w, w->api->nvmlGpuInstanceGetComputeInstances(in->gi->handle, profile, list,
								     &n)))
		return;
	for (unsigned i = 0; i < n && i < MIG_MAX_CI; i++) {
		nvmlComputeInstanceInfo_t info = { 0 };

		if (!walk_well(w, info_of(w, list[i], &info)))
			return;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u@%u", i ? " " : "",
				       info.id, info.placement.start);
	}
	walk_say(w, "%s", text);
}

static void by_id(struct walk *w, struct inside *in, unsigned profile, unsigned id)
{
	nvmlComputeInstance_t ci = NULL;
	nvmlComputeInstanceInfo_t info = { 0 };

	walk_ask(w, "compute instance by id %u, full of %u", id, profile);
	if (walk_well(w, w->api->nvmlGpuInstanceGetComputeInstanceById(in->gi->handle, id, &ci)) &&
	    walk_well(w, info_of(w, ci, &info)))
		walk_say(w, "profile %u at %u", info.profileId, info.placement.start);
}

/* As many of one profile as there can be; the first away, and one again. */
static void fill(struct walk *w, struct inside *in, unsigned profile)
{
	char when[40];

	for (unsigned n = 1; n <= MIG_MAX_CI && w->r >= 0; n++) {
		walk_ask(w, "create compute %u, %u", profile, n);
		if (!create(w, in, profile, -1, 0, false))
			break;
		snprintf(when, sizeof(when), "with %u of %u", n, profile);
		remaining(w, in, when);
	}
	listing(w, in, profile, "when full");
	for (unsigned i = 0; i <= MIG_MAX_CI && w->r >= 0; i++)
		by_id(w, in, profile, i);
	if (in->n && w->r >= 0) {
		destroy(w, in, 0);
		walk_ask(w, "create compute %u after the first has gone", profile);
		(void)create(w, in, profile, -1, 0, false);
	}
	destroy_all(w, in);
}

/* One by hand at each place, and the next one beside it. */
static void each_start(struct walk *w, struct inside *in, unsigned p)
{
	unsigned id = in->profile[p].id, size = in->profile[p].size;

	for (unsigned i = 0; i < in->profile[p].n_starts && w->r >= 0; i++) {
		unsigned start = in->profile[p].start[i];

		walk_ask(w, "create compute %u at %u", id, start);
		if (!create(w, in, id, (int)start, size, false))
			continue;
		walk_ask(w, "create compute %u with one at %u", id, start);
		(void)create(w, in, id, -1, 0, false);
		destroy_all(w, in);
	}
}

static void wrong(struct walk *w, struct inside *in)
{
	static const unsigned ids[] = { 8, 64, 255 };

	for (unsigned i = 0; i < ARRAY_SIZE(ids) && w->r >= 0; i++) {
		walk_ask(w, "create compute %u, which there is not", ids[i]);
		(void)create(w, in, ids[i], -1, 0, true);
		destroy_all(w, in);
	}
	if (!in->n_profiles)
		return;
	walk_ask(w, "create compute %u at 200", in->profile[0].id);
	(void)create(w, in, in->profile[0].id, 200, in->profile[0].size, true);
	walk_ask(w, "create compute %u at %u with size %u", in->profile[0].id,
		 in->profile[0].start[0], in->profile[0].size + 1);
	(void)create(w, in, in->profile[0].id, (int)in->profile[0].start[0],
		     in->profile[0].size + 1, true);
	destroy_all(w, in);
}

/* That a GPU instance with something in it does not go. */
static void refuse_destroy(struct walk *w, struct inside *in)
{
	struct verify_change c = { .what = VERIFY_DESTROY_GI,
				   .gi_profile = in->gi->profile->id,
				   .gi_id = in->gi->id,
				   .gi_start = (int)in->gi->start };
	nvmlReturn_t status;

	memcpy(c.gi_name, in->gi->profile->name, sizeof(c.gi_name));
	walk_ask(w, "destroy it with a compute instance in it");
	if (!walk_before(w, &c))
		return;
	status = w->api->nvmlGpuInstanceDestroy(in->gi->handle);
	walk_after(w, status, -1);
	if (walk_well(w, status)) {
		walk_say(w, "it goes");
		w->n_gi = in->n = 0;
	}
}

static void mig_device(struct walk *w, struct inside *in)
{
	char uuid[96], again[96];
	const struct walk_ci *ci;

	/* The last profile is the one that fills it. */
	unsigned last = in->profile[in->n_profiles - 1].id;

	walk_ask(w, "create compute %u for its device", last);
	ci = create(w, in, last, -1, 0, false);
	if (!ci)
		return;
	walk_ask(w, "MIG devices");
	devices(w, in, ci, uuid);
	whose(w, ci, uuid);
	if (uuid[0])
		attributes(w, uuid);
	destroy_all(w, in);
	walk_ask(w, "create compute %u for its device again", last);
	ci = create(w, in, last, -1, 0, false);
	if (!ci)
		return;
	walk_ask(w, "MIG devices again");
	devices(w, in, ci, again);
	walk_ask(w, "UUID of the device that was made again");
	walk_say(w, "%s", !again[0] ? "none" : !strcmp(uuid, again) ? "the same" : "another");
	refuse_destroy(w, in);
	destroy_all(w, in);
}

static void inside(struct walk *w, const struct walk_profile *p)
{
	struct inside in = { 0 };

	walk_scene(w, "inside one of %u", p->id);
	walk_ask(w, "create it");
	in.gi = walk_create(w, p, -1, 0, false);
	if (!in.gi)
		return;
	ask_profiles(w, &in);
	remaining(w, &in, "when empty");
	for (unsigned i = 0; i < in.n_profiles && w->r >= 0; i++) {
		fill(w, &in, in.profile[i].id);
		each_start(w, &in, i);
	}
	if (w->r >= 0)
		wrong(w, &in);
	if (w->r >= 0 && in.n_profiles)
		mig_device(w, &in);
	walk_destroy_all(w);
}

void walk_compute_instances(struct walk *w)
{
	for (unsigned i = 0; i < w->n_profiles && w->r >= 0; i++)
		inside(w, &w->profile[i]);
}
