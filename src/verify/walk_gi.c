/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/util.h"
#include "verify/walk.h"

/* Profiles of GPU instances, where they go, which stand beside which, and what is refused. */

#define LAST_ID 40 /* profile ids that are asked for: the highest known is 21 + 26 on no board */

/* --- what there is ---------------------------------------------------------------------------- */

static void short_name(const char *name, char ret[MIG_PROFILE_NAME])
{
	snprintf(ret, MIG_PROFILE_NAME, "%.23s", !strncmp(name, "MIG ", 4) ? name + 4 : name);
}

static void ask_names(struct walk *w, unsigned index, struct walk_profile *p)
{
	nvmlGpuInstanceProfileInfo_v2_t v2 = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstanceProfileInfo_v3_t v3 = { .version = nvmlGpuInstanceProfileInfo_v3 };
	void *any = &v3;

	walk_ask(w, "profile %u, name", index);
	if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceProfileInfoV(w->dev, index, &v2))) {
		v2.name[sizeof(v2.name) - 1] = '\0';
		short_name(v2.name, p->name);
		walk_say(w, "%s", v2.name);
	}
	walk_ask(w, "profile %u, capabilities", index);
	if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceProfileInfoV(w->dev, index, any)))
		walk_say(w, "%#x", v3.capabilities);
}

static void ask_profile(struct walk *w, unsigned index)
{
	struct walk_profile *p = &w->profile[w->n_profiles];
	nvmlGpuInstanceProfileInfo_t i = { 0 };

	walk_ask(w, "profile %u", index);
	if (!walk_well(w, w->api->nvmlDeviceGetGpuInstanceProfileInfo(w->dev, index, &i)) ||
	    w->n_profiles == MIG_MAX_GI_PROFILES)
		return;
	walk_say(w,
		 "id %u, %u in all, slices %u, SM %u, CE %u, DEC %u, ENC %u, JPEG %u, OFA %u, %llu "
		 "MiB, P2P %u",
		 i.id, i.instanceCount, i.sliceCount, i.multiprocessorCount, i.copyEngineCount,
		 i.decoderCount, i.encoderCount, i.jpegCount, i.ofaCount, i.memorySizeMB,
		 i.isP2pSupported);
	*p = (struct walk_profile){ .id = i.id, .total = i.instanceCount };
	snprintf(p->name, sizeof(p->name), "profile %u", i.id);
	ask_names(w, index, p);
	w->n_profiles++;
}

typedef nvmlReturn_t placements_fn(nvmlDevice_t device, unsigned id,
				   nvmlGpuInstancePlacement_t *list, unsigned *count);

/* "0 1 2, size 1" */
static void ask_places(struct walk *w, placements_fn *fn, unsigned id, struct walk_profile *p)
{
	nvmlGpuInstancePlacement_t list[64] = { 0 };
	unsigned n = ARRAY_SIZE(list);
	char text[256] = "none";
	size_t at = 0;

	if (!walk_well(w, fn(w->dev, id, list, &n)))
		return;
	for (unsigned i = 0; i < n && i < 32; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u+%u", i ? " " : "",
				       list[i].start, list[i].size);
		if (p)
			p->start[i] = list[i].start;
	}
	walk_say(w, "%s", text);
	if (!p || !n)
		return;
	p->n_starts = n < 32 ? n : 32;
	p->size = list[0].size;
}

static void ask_id(struct walk *w, unsigned id)
{
	nvmlGpuInstanceProfileInfo_v2_t v2 = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstance_t list[64];
	unsigned n = ARRAY_SIZE(list), count = 0;

	walk_ask(w, "placements of profile id %u", id);
	ask_places(w, w->api->nvmlDeviceGetGpuInstancePossiblePlacements_v2, id, NULL);
	walk_ask(w, "placements of profile id %u, first version", id);
	ask_places(w, w->api->nvmlDeviceGetGpuInstancePossiblePlacements, id, NULL);
	walk_ask(w, "remaining of profile id %u", id);
	if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceRemainingCapacity(w->dev, id, &count)))
		walk_say(w, "%u", count);
	walk_ask(w, "instances of profile id %u", id);
	if (walk_well(w, w->api->nvmlDeviceGetGpuInstances(w->dev, id, list, &n)))
		walk_say(w, "%u", n);
	walk_ask(w, "name of profile id %u", id);
	if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceProfileInfoByIdV(w->dev, id, &v2))) {
		v2.name[sizeof(v2.name) - 1] = '\0';
		walk_say(w, "%s", v2.name);
	}
}

void walk_profiles(struct walk *w)
{
	static const unsigned more[] = { 63, 64, 255, 1000 };

	walk_scene(w, "the empty GPU");
	for (unsigned i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT + 2 && w->r >= 0; i++)
		ask_profile(w, i);
	for (unsigned i = 0; i <= LAST_ID && w->r >= 0; i++)
		ask_id(w, i);
	for (unsigned i = 0; i < ARRAY_SIZE(more) && w->r >= 0; i++)
		ask_id(w, more[i]);
	for (unsigned i = 0; i <= MIG_MAX_GI_ID + 1 && w->r >= 0; i++) {
		nvmlGpuInstance_t gi;

		walk_ask(w, "GPU instance by id %u", i);
		if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceById(w->dev, i, &gi)))
			walk_say(w, "is there");
	}
	for (unsigned i = 0; i < w->n_profiles && w->r >= 0; i++) {
		placements_fn *fn = w->api->nvmlDeviceGetGpuInstancePossiblePlacements_v2;

		walk_ask(w, "placements of profile %u", w->profile[i].id);
		ask_places(w, fn, w->profile[i].id, &w->profile[i]);
		if (w->profile[i].n_starts)
			continue;
		/* An old driver has the first version alone. */
		walk_ask(w, "placements of profile %u, first version", w->profile[i].id);
		ask_places(w, w->api->nvmlDeviceGetGpuInstancePossiblePlacements, w->profile[i].id,
			   &w->profile[i]);
	}
}

/* --- listings --------------------------------------------------------------------------------- */

static void listing(struct walk *w, const struct walk_profile *p, const char *when)
{
	nvmlGpuInstance_t list[64];
	unsigned n = ARRAY_SIZE(list);
	char text[200] = "none";
	size_t at = 0;

	walk_ask(w, "list %s", when);
	if (!walk_well(w, w->api->nvmlDeviceGetGpuInstances(w->dev, p->id, list, &n)))
		return;
	for (unsigned i = 0; i < n && i < MIG_MAX_GI; i++) {
		nvmlGpuInstanceInfo_t info = { 0 };

		if (!walk_well(w, w->api->nvmlGpuInstanceGetInfo(list[i], &info)))
			return;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u@%u", i ? " " : "",
				       info.id, info.placement.start);
	}
	walk_say(w, "%s", text);
}

static void by_id(struct walk *w, unsigned id, const char *when)
{
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlGpuInstance_t gi = NULL;

	walk_ask(w, "GPU instance by id %u %s", id, when);
	if (walk_well(w, w->api->nvmlDeviceGetGpuInstanceById(w->dev, id, &gi)) &&
	    walk_well(w, w->api->nvmlGpuInstanceGetInfo(gi, &info)))
		walk_say(w, "profile %u at %u", info.profileId, info.placement.start);
}

/* --- scenes; each begins and ends with an empty GPU ------------------------------------------- */

/* Of one profile as many as there can be, every second one away, and full again. */
static void fill(struct walk *w, const struct walk_profile *p)
{
	char when[40];
	unsigned n;

	walk_scene(w, "filling with %u", p->id);
	for (n = 1; n <= MIG_MAX_GI && w->r >= 0; n++) {
		walk_ask(w, "create %u", n);
		if (!walk_create(w, p, -1, 0, false))
			break;
		snprintf(when, sizeof(when), "with %u", n);
		walk_remaining(w, when);
	}
	n = w->n_gi;
	listing(w, p, "when full");
	for (unsigned i = 0; i < n && w->r >= 0; i++)
		by_id(w, w->gi[i].id, "when full");
	for (unsigned i = n - n % 2; n > 1 && i >= 1 && w->r >= 0; i -= 2)
		walk_destroy(w, i - 1);
	listing(w, p, "with every second gone");
	walk_remaining(w, "with every second gone");
	for (unsigned i = 1; n > 1 && i <= n && w->r >= 0; i++) {
		walk_ask(w, "create again %u", i);
		if (!walk_create(w, p, -1, 0, false))
			break;
	}
	walk_destroy_all(w);
	listing(w, p, "when empty again");
}

/* One by hand at each place, and where the next one goes beside it. */
static void each_start(struct walk *w, const struct walk_profile *p)
{
	walk_scene(w, "one of %u by hand", p->id);
	for (unsigned i = 0; i < p->n_starts && w->r >= 0; i++) {
		char when[40];

		snprintf(when, sizeof(when), "with one at %u", p->start[i]);
		walk_ask(w, "create at %u", p->start[i]);
		if (!walk_create(w, p, (int)p->start[i], p->size, false))
			continue;
		walk_remaining(w, when);
		if (i == 0) {
			walk_ask(w, "create a second time at %u", p->start[i]);
			(void)walk_create(w, p, (int)p->start[i], p->size, true);
		}
		walk_ask(w, "create by default %s", when);
		(void)walk_create(w, p, -1, 0, false);
		walk_destroy_all(w);
	}
}

static bool offers(const struct walk_profile *p, unsigned start)
{
	for (unsigned i = 0; i < p->n_starts; i++)
		if (p->start[i] == start)
			return true;
	return false;
}

static void wrong_places(struct walk *w, const struct walk_profile *p)
{
	unsigned start = 0;

	while (offers(p, start))
		start++;
	walk_scene(w, "one of %u at a wrong place", p->id);
	walk_ask(w, "create at %u, which it does not offer", start);
	(void)walk_create(w, p, (int)start, p->size, true);
	walk_ask(w, "create at 200");
	(void)walk_create(w, p, 200, p->size, true);
	if (p->n_starts) {
		walk_ask(w, "create at %u with size %u", p->start[0], p->size + 1);
		(void)walk_create(w, p, (int)p->start[0], p->size + 1, true);
	}
	walk_destroy_all(w);
}

static void wrong_profiles(struct walk *w)
{
	static const unsigned ids[] = { 63, 64, 255 };
	struct walk_profile p = { 0 };

	walk_scene(w, "profiles that there are not");
	for (unsigned i = 0; i < LAST_ID && w->r >= 0; i++) {
		bool offered = false;

		for (unsigned k = 0; k < w->n_profiles; k++)
			offered = offered || w->profile[k].id == i;
		if (offered)
			continue;
		p.id = i;
		break;
	}
	for (unsigned i = 0; i <= ARRAY_SIZE(ids) && w->r >= 0; i++) {
		if (i)
			p.id = ids[i - 1];
		snprintf(p.name, sizeof(p.name), "profile %u", p.id);
		walk_ask(w, "create %u", p.id);
		(void)walk_create(w, &p, -1, 0, true);
		walk_destroy_all(w);
	}
}

/* Which profiles stand beside each other. */
static void pairs(struct walk *w, unsigned first)
{
	const struct walk_profile *p = &w->profile[first];

	walk_scene(w, "beside one of %u", p->id);
	walk_ask(w, "create it");
	if (!walk_create(w, p, -1, 0, false))
		return;
	for (unsigned i = first + 1; i < w->n_profiles && w->r >= 0; i++) {
		walk_ask(w, "create %u", w->profile[i].id);
		if (walk_create(w, &w->profile[i], -1, 0, false))
			walk_destroy(w, w->n_gi - 1);
	}
	walk_destroy_all(w);
}

/* Large and small together, in both orders of size. */
static void mixed(struct walk *w, bool falling)
{
	walk_scene(w, "all profiles, %s", falling ? "the last first" : "the first first");
	for (unsigned round = 1; round <= 2; round++)
		for (unsigned i = 0; i < w->n_profiles && w->r >= 0; i++) {
			unsigned at = falling ? w->n_profiles - 1 - i : i;

			/* The one that fills the GPU would be alone. */
			if (w->profile[at].n_starts < 2)
				continue;
			walk_ask(w, "create %u, round %u", w->profile[at].id, round);
			(void)walk_create(w, &w->profile[at], -1, 0, false);
		}
	walk_remaining(w, "then");
	walk_destroy_all(w);
}

void walk_gpu_instances(struct walk *w)
{
	for (unsigned i = 0; i < w->n_profiles && w->r >= 0; i++) {
		fill(w, &w->profile[i]);
		each_start(w, &w->profile[i]);
		wrong_places(w, &w->profile[i]);
		pairs(w, i);
	}
	if (w->r < 0)
		return;
	wrong_profiles(w);
	mixed(w, false);
	mixed(w, true);
}
