/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for what a driver lists: it writes as many as there are. */
#define HANDLES 64

static unsigned profile_at(const struct mig_board *board, unsigned id)
{
	for (unsigned i = 0; i < board->n_gi; i++)
		if (board->gi[i].id == id)
			return i;
	return UINT8_MAX;
}

static unsigned ci_profile_at(const struct mig_gi_profile *p, unsigned id)
{
	for (unsigned i = 0; p && i < p->n_ci; i++)
		if (p->ci[i].id == id)
			return i;
	return UINT8_MAX;
}

static int by_gi_id(const void *a, const void *b)
{
	return ((const struct mig_gi *)a)->id - ((const struct mig_gi *)b)->id;
}

static int by_ci_id(const void *a, const void *b)
{
	return ((const struct mig_ci *)a)->id - ((const struct mig_ci *)b)->id;
}

static struct mig_gi *find_gi(struct mig_gpu *gpu, unsigned id)
{
	for (unsigned i = 0; i < gpu->n_gi; i++)
		if (gpu->gi[i].id == id)
			return &gpu->gi[i];
	return NULL;
}

static struct mig_ci *find_ci(struct mig_gi *gi, unsigned id)
{
	for (unsigned i = 0; i < gi->n_ci; i++)
		if (gi->ci[i].id == id)
			return &gi->ci[i];
	return NULL;
}

struct mig_ci *observe_find_ci(struct mig_gpu *gpu, unsigned gi, unsigned ci)
{
	struct mig_gi *g = find_gi(gpu, gi);

	return g ? find_ci(g, ci) : NULL;
}

static struct mig_ci new_ci(unsigned id)
{
	return (struct mig_ci){
		.id = (uint8_t)id,
		.profile = UINT8_MAX,
		.start = MIG_START_UNKNOWN,
		.mig_index = -1,
		.memory_used = { .status = MIG_NOT_ASKED },
		.memory_total = { .status = MIG_NOT_ASKED },
		.sm = { .status = MIG_NOT_ASKED },
	};
}

static void set_ci_profile(const struct mig_gi_profile *p, unsigned at, struct mig_ci *ci)
{
	ci->profile = (uint8_t)at;
	if (!p || at >= p->n_ci)
		return;
	memcpy(ci->name, p->ci[at].name, sizeof(ci->name));
	ci->sm = (struct mig_reading){ .value = p->ci[at].sm };
	ci->size = p->ci[at].span;
}

static nvmlReturn_t ask_ci_info(struct observe *o, nvmlGpuInstance_t handle, struct mig_gpu *gpu,
				unsigned index, struct mig_ci_profile *ret)
{
	nvmlComputeInstanceProfileInfo_v2_t v2 = { .version = nvmlComputeInstanceProfileInfo_v2 };
	nvmlComputeInstanceProfileInfo_t v1 = { 0 };
	const unsigned engine = NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED;
	nvmlReturn_t status = OBSERVE_CALL(o, gpu, nvmlGpuInstanceGetComputeInstanceProfileInfoV,
					   handle, index, engine, &v2);

	if (status == NVML_ERROR_FUNCTION_NOT_FOUND ||
	    status == NVML_ERROR_ARGUMENT_VERSION_MISMATCH) {
		v2.name[0] = '\0';
		status = OBSERVE_CALL(o, gpu, nvmlGpuInstanceGetComputeInstanceProfileInfo, handle,
				      index, engine, &v1);
		v2.id = v1.id;
		v2.sliceCount = v1.sliceCount;
		v2.instanceCount = v1.instanceCount;
		v2.multiprocessorCount = v1.multiprocessorCount;
	}
	if (status)
		return status;
	v2.name[sizeof(v2.name) - 1] = '\0';
	*ret = (struct mig_ci_profile){
		.id = (uint8_t)v2.id,
		.slices = (uint8_t)v2.sliceCount,
		.total = (uint8_t)v2.instanceCount,
		.sm = (uint16_t)v2.multiprocessorCount,
	};
	snprintf(ret->name, sizeof(ret->name), "%.23s",
		 strncmp(v2.name, "MIG ", 4) ? v2.name : v2.name + 4);
	return NVML_SUCCESS;
}

/* The default one fills the GI; of two of the same slices it has the more multiprocessors. */
static void mark_default(struct mig_gi_profile *p)
{
	struct mig_ci_profile *best = NULL;

	for (unsigned i = 0; i < p->n_ci; i++)
		if (p->ci[i].slices == p->slices && (!best || p->ci[i].sm > best->sm))
			best = &p->ci[i];
	if (best)
		best->is_default = 1;
}

/*
 * A GPU instance tells its CI profiles, which nothing else does: they take the place of what the
 * board's value had from our data or from the family's rule. The span comes with the placements.
 */
static void ask_ci_profiles(struct observe *o, nvmlGpuInstance_t handle, struct mig_gpu *gpu,
			    struct mig_gi_profile *p)
{
	struct mig_gi_profile before = *p;

	p->n_ci = 0;
	memset(p->ci, 0, sizeof(p->ci));
	for (unsigned index = 0; index < 16 && p->n_ci < MIG_MAX_CI_PROFILES; index++) {
		struct mig_ci_profile *ci = &p->ci[p->n_ci];
		nvmlReturn_t status = ask_ci_info(o, handle, gpu, index, ci);
		unsigned was;

		if (status == NVML_ERROR_INVALID_ARGUMENT || status == NVML_ERROR_GPU_IS_LOST)
			break;
		if (status)
			continue;
		was = ci_profile_at(&before, ci->id);
		ci->span = was == UINT8_MAX ? ci->slices : before.ci[was].span;
		ci->unconfirmed = MIG_UNCONFIRMED_PLACEMENT;
		if (!ci->name[0] && was != UINT8_MAX)
			memcpy(ci->name, before.ci[was].name, sizeof(ci->name));
		p->n_ci++;
	}
	if (!p->n_ci) {
		*p = before;
		return;
	}
	mark_default(p);
}

static void ask_ci_starts(struct observe *o, nvmlGpuInstance_t handle, struct mig_gpu *gpu,
			  struct mig_gi_profile *p, struct mig_gi *gi)
{
	for (unsigned i = 0; i < p->n_ci; i++) {
		nvmlComputeInstancePlacement_t list[HANDLES] = { { 0 } };
		unsigned int n = HANDLES;

		if (OBSERVE_MANAGED(o, gpu, nvmlGpuInstanceGetComputeInstancePossiblePlacements,
				    handle, p->ci[i].id, list, &n))
			continue;
		for (unsigned k = 0; k < n && k < HANDLES; k++) {
			if (list[k].start > 31 || !list[k].size || list[k].size > 32)
				continue;
			gi->ci_starts[i] |= 1u << list[k].start;
			p->ci[i].span = (uint8_t)list[k].size;
			p->ci[i].unconfirmed &= ~(uint32_t)MIG_UNCONFIRMED_PLACEMENT;
		}
	}
}

static void add_ci(struct observe *o, nvmlComputeInstance_t handle, struct mig_gpu *gpu,
		   struct mig_gi *gi, const struct mig_gi_profile *p)
{
	nvmlComputeInstanceInfo_t info = { .placement = { .start = MIG_START_UNKNOWN } };
	nvmlComputeInstanceInfo_v1_t v1 = { 0 };
	struct mig_ci *ci = &gi->ci[gi->n_ci];
	nvmlReturn_t status = OBSERVE_CALL(o, gpu, nvmlComputeInstanceGetInfo_v2, handle, &info);

	if (status == NVML_ERROR_FUNCTION_NOT_FOUND) {
		status = OBSERVE_CALL(o, gpu, nvmlComputeInstanceGetInfo, handle, &v1);
		info.id = v1.id;
		info.profileId = v1.profileId;
	}
	/* Gone between the two calls: somebody destroys what we list. */
	if (status || gi->n_ci == MIG_MAX_CI)
		return;
	*ci = new_ci(info.id);
	set_ci_profile(p, ci_profile_at(p, info.profileId), ci);
	ci->start = (uint8_t)info.placement.start;
	if (info.placement.size)
		ci->size = (uint8_t)info.placement.size;
	gi->n_ci++;
}

static void list_cis(struct observe *o, nvmlGpuInstance_t handle, struct mig_gpu *gpu,
		     struct mig_gi *gi, const struct mig_gi_profile *p)
{
	for (unsigned i = 0; i < p->n_ci; i++) {
		nvmlComputeInstance_t list[HANDLES];
		unsigned int n = HANDLES;
		nvmlReturn_t status = OBSERVE_MANAGED(o, gpu, nvmlGpuInstanceGetComputeInstances,
						      handle, p->ci[i].id, list, &n);

		if (status && !gi->ci_status)
			gi->ci_status = (int32_t)status;
		for (unsigned k = 0; !status && k < n && k < HANDLES; k++)
			add_ci(o, list[k], gpu, gi, p);
	}
	qsort(gi->ci, gi->n_ci, sizeof(gi->ci[0]), by_ci_id);
}

static void add_gi(struct observe *o, nvmlGpuInstance_t handle, struct mig_gpu *gpu)
{
	struct mig_gi *gi = &gpu->gi[gpu->n_gi];
	struct mig_gi_profile *p;
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlReturn_t status;

	if (gpu->n_gi == MIG_MAX_GI)
		return;
	status = OBSERVE_CALL(o, gpu, nvmlGpuInstanceGetInfo, handle, &info);
	if (status) {
		/* One that has just gone is none; after another code the list is not whole. */
		if (status != NVML_ERROR_INVALID_ARGUMENT && status != NVML_ERROR_NOT_FOUND)
			gpu->gi_status = (int32_t)status;
		return;
	}
	*gi = (struct mig_gi){
		.id = (uint8_t)info.id,
		.profile = (uint8_t)profile_at(&gpu->board, info.profileId),
		.start = (uint8_t)info.placement.start,
		.size = (uint8_t)info.placement.size,
	};
	gpu->n_gi++;
	if (gi->profile == UINT8_MAX)
		return;
	p = &gpu->board.gi[gi->profile];
	ask_ci_profiles(o, handle, gpu, p);
	if (o->wish & (OBSERVE_BOARD | OBSERVE_REMAINING))
		ask_ci_starts(o, handle, gpu, p, gi);
	list_cis(o, handle, gpu, gi, p);
}

static void list_gis(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	for (unsigned i = 0; i < gpu->board.n_gi && !gpu->gi_status; i++) {
		nvmlGpuInstance_t list[HANDLES];
		unsigned int n = HANDLES;
		nvmlReturn_t status = OBSERVE_MANAGED(o, gpu, nvmlDeviceGetGpuInstances, dev,
						      gpu->board.gi[i].id, list, &n);

		gpu->gi_status = (int32_t)status;
		for (unsigned k = 0; !status && k < n && k < HANDLES; k++)
			add_gi(o, list[k], gpu);
	}
	qsort(gpu->gi, gpu->n_gi, sizeof(gpu->gi[0]), by_gi_id);
}

/* An instance's profile by what its MIG device says of it. */
static unsigned profile_like(const struct mig_board *b, const nvmlDeviceAttributes_t *a)
{
	unsigned same = UINT8_MAX;

	for (unsigned i = 0; i < b->n_gi; i++) {
		const struct mig_gi_profile *p = &b->gi[i];

		if (p->slices != a->gpuInstanceSliceCount || p->memory_mb != a->memorySizeMB)
			continue;
		/* Media engines tell "1g.10gb" from "1g.10gb+me". */
		if (p->dec == a->sharedDecoderCount && p->jpeg == a->sharedJpegCount &&
		    p->enc == a->sharedEncoderCount && p->ofa == a->sharedOfaCount)
			return i;
		if (same == UINT8_MAX)
			same = i;
	}
	return same;
}

static unsigned ci_profile_like(const struct mig_gi_profile *p, const nvmlDeviceAttributes_t *a)
{
	for (unsigned i = 0; i < p->n_ci; i++)
		if (p->ci[i].slices == a->computeInstanceSliceCount &&
		    p->ci[i].sm == a->multiprocessorCount)
			return i;
	for (unsigned i = 0; i < p->n_ci; i++)
		if (p->ci[i].slices == a->computeInstanceSliceCount)
			return i;
	return UINT8_MAX;
}

/* Who may not list instances still sees the MIG devices that he may use. */
static struct mig_ci *ci_of_device(struct observe *o, nvmlDevice_t mig, struct mig_gpu *gpu,
				   unsigned gi_id, unsigned ci_id)
{
	nvmlDeviceAttributes_t a = { 0 };
	nvmlReturn_t status = OBSERVE_CALL(o, gpu, nvmlDeviceGetAttributes_v2, mig, &a);
	struct mig_gi *gi = find_gi(gpu, gi_id);
	const struct mig_gi_profile *p = NULL;
	struct mig_ci *ci;

	if (!gi) {
		if (gpu->n_gi == MIG_MAX_GI)
			return NULL;
		gi = &gpu->gi[gpu->n_gi++];
		*gi = (struct mig_gi){
			.id = (uint8_t)gi_id,
			.profile = (uint8_t)(status ? UINT8_MAX : profile_like(&gpu->board, &a)),
			.start = MIG_START_UNKNOWN,
			.ci_status = gpu->gi_status,
		};
	}
	if (gi->n_ci == MIG_MAX_CI)
		return NULL;
	if (gi->profile != UINT8_MAX) {
		p = &gpu->board.gi[gi->profile];
		gi->size = p->size;
	}
	ci = &gi->ci[gi->n_ci++];
	*ci = new_ci(ci_id);
	if (p && !status)
		set_ci_profile(p, ci_profile_like(p, &a), ci);
	if (p && a.computeInstanceSliceCount == p->slices)
		ci->start = 0;
	ci->sm = (struct mig_reading){ .status = (int32_t)status, .value = a.multiprocessorCount };
	return ci;
}

/* "NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb" is the device of a 1c.3g.20gb. */
static void name_of_device(struct observe *o, nvmlDevice_t mig, struct mig_gpu *gpu,
			   struct mig_ci *ci)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = "";
	const char *at;

	if (OBSERVE_CALL(o, gpu, nvmlDeviceGetName, mig, name, sizeof(name)))
		return;
	at = strstr(name, " MIG ");
	if (at)
		snprintf(ci->name, sizeof(ci->name), "%.23s", at + 5);
}

static void memory_of_device(struct observe *o, nvmlDevice_t mig, struct mig_gpu *gpu,
			     struct mig_gi *gi, struct mig_ci *ci)
{
	struct mig_reading unused;

	/* The memory is the GI's: what one device said holds for the others. */
	for (unsigned i = 0; i < gi->n_ci; i++)
		if (!gi->ci[i].memory_used.status) {
			ci->memory_used = gi->ci[i].memory_used;
			ci->memory_total = gi->ci[i].memory_total;
			return;
		}
	observe_memory(o, mig, gpu, &ci->memory_used, &unused, &ci->memory_total);
}

static void add_device(struct observe *o, nvmlDevice_t mig, struct mig_gpu *gpu, unsigned index)
{
	unsigned int gi = 0, ci = 0;
	struct mig_ci *at;

	if (OBSERVE_CALL(o, gpu, nvmlDeviceGetGpuInstanceId, mig, &gi) ||
	    OBSERVE_CALL(o, gpu, nvmlDeviceGetComputeInstanceId, mig, &ci))
		return;
	at = observe_find_ci(gpu, gi, ci);
	if (!at)
		at = ci_of_device(o, mig, gpu, gi, ci);
	if (!at)
		return;
	at->mig_index = (int32_t)index;
	if (OBSERVE_CALL(o, gpu, nvmlDeviceGetUUID, mig, at->uuid, sizeof(at->uuid)))
		at->uuid[0] = '\0';
	if (!at->name[0])
		name_of_device(o, mig, gpu, at);
	if (o->wish & OBSERVE_MEMORY)
		memory_of_device(o, mig, gpu, find_gi(gpu, gi), at);
}

static void list_devices(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	unsigned int n = 0;

	if (OBSERVE_CALL(o, gpu, nvmlDeviceGetMaxMigDeviceCount, dev, &n))
		return;
	/* The count is a ceiling; an index without a device is NOT_FOUND, and others may follow. */
	for (unsigned i = 0; i < n && o->n_mig < MIG_MAX_GI * MIG_MAX_CI; i++) {
		nvmlDevice_t mig;
		nvmlReturn_t status =
			OBSERVE_CALL(o, gpu, nvmlDeviceGetMigDeviceHandleByIndex, dev, i, &mig);

		if (status == NVML_ERROR_GPU_IS_LOST)
			return;
		if (status)
			continue;
		o->mig[o->n_mig++] = mig;
		add_device(o, mig, gpu, i);
	}
	qsort(gpu->gi, gpu->n_gi, sizeof(gpu->gi[0]), by_gi_id);
	for (unsigned i = 0; i < gpu->n_gi; i++)
		qsort(gpu->gi[i].ci, gpu->gi[i].n_ci, sizeof(gpu->gi[i].ci[0]), by_ci_id);
}

/*
 * The logical start that an id means on a board of that kind: ids name physical places, 0 the
 * whole, 1-2 halves, 3-6 quarters, 7-14 eighths; boards of kind X count from the middle.
 */
static unsigned start_of_id(const struct mig_board *b, const struct mig_gi *gi, unsigned kind)
{
	unsigned parts = gi->size ? b->units / gi->size : 0, at;

	if (parts <= 1)
		return gi->id ? MIG_START_UNKNOWN : 0;
	if (gi->id < parts - 1 || gi->id - (parts - 1) >= parts)
		return MIG_START_UNKNOWN;
	at = (gi->id - (parts - 1)) * gi->size;
	return kind == MIG_NUMBERING_X ? at ^ (b->units / 2u) : at;
}

static bool kind_fits(const struct mig_gpu *gpu, unsigned kind)
{
	for (unsigned i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];
		unsigned start = start_of_id(&gpu->board, gi, kind);
		const struct mig_gi_profile *p;
		bool allowed = false;

		if (gi->profile == UINT8_MAX)
			continue;
		p = &gpu->board.gi[gi->profile];
		for (unsigned s = 0; s < p->n_starts; s++)
			allowed |= p->starts[s] == start;
		if (!allowed || (gi->start != MIG_START_UNKNOWN && gi->start != start))
			return false;
	}
	return true;
}

bool observe_numbering_shown(const struct mig_gpu *gpu)
{
	return gpu->board.units == 8 &&
	       kind_fits(gpu, MIG_NUMBERING_I) != kind_fits(gpu, MIG_NUMBERING_X);
}

/*
 * Which kind of numbering the board has shows in the instances; where it does, it also says where
 * those lie whose place the driver did not tell.
 */
static void learn_numbering(struct mig_gpu *gpu)
{
	struct mig_board *b = &gpu->board;

	if (b->units == 8) {
		if (!observe_numbering_shown(gpu))
			return;
		b->numbering = kind_fits(gpu, MIG_NUMBERING_I) ? MIG_NUMBERING_I : MIG_NUMBERING_X;
	} else if (!kind_fits(gpu, b->numbering)) {
		return;
	}
	for (unsigned i = 0; i < gpu->n_gi; i++)
		if (gpu->gi[i].start == MIG_START_UNKNOWN && gpu->gi[i].profile != UINT8_MAX)
			gpu->gi[i].start = (uint8_t)start_of_id(b, &gpu->gi[i], b->numbering);
}

void observe_instances(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	o->n_mig = 0;
	list_gis(o, dev, gpu);
	list_devices(o, dev, gpu);
	learn_numbering(gpu);
}
