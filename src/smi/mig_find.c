/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/mig.h"

#include <string.h>

#include "base/util.h"

/* Drivers before R510 report no names; their nvidia-smi made them from the figures. */
static void name_gi_profile(struct mig_gi_profile *p)
{
	bool media = p->index == NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1 ||
		     p->index == NVML_GPU_INSTANCE_PROFILE_2_SLICE_REV1;

	snprintf(p->name, sizeof(p->name), "MIG %ug.%llugb%s", p->slices,
		 (p->memory_mb + 1023) / 1024, media ? "+me" : "");
}

nvmlReturn_t mig_gi_profile(struct smi *smi, nvmlDevice_t dev, unsigned int index,
			    struct mig_gi_profile *ret)
{
	nvmlGpuInstanceProfileInfo_v2_t v2 = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstanceProfileInfo_t v1 = { 0 };
	bool has_name = smi->d->names_by_driver;
	nvmlReturn_t r;

	if (has_name)
		r = smi->api->nvmlDeviceGetGpuInstanceProfileInfoV(dev, index, &v2);
	else
		r = smi->api->nvmlDeviceGetGpuInstanceProfileInfo(dev, index, &v1);
	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->index = index;
#define TAKE(to, from) ret->to = has_name ? v2.from : v1.from
	TAKE(id, id);
	TAKE(slices, sliceCount);
	TAKE(count, instanceCount);
	TAKE(sm, multiprocessorCount);
	TAKE(ce, copyEngineCount);
	TAKE(dec, decoderCount);
	TAKE(enc, encoderCount);
	TAKE(jpeg, jpegCount);
	TAKE(ofa, ofaCount);
	TAKE(p2p, isP2pSupported);
	TAKE(memory_mb, memorySizeMB);
#undef TAKE
	if (has_name)
		snprintf(ret->name, sizeof(ret->name), "%.*s", (int)sizeof(v2.name) - 1, v2.name);
	else
		name_gi_profile(ret);
	return NVML_SUCCESS;
}

/* Those names had no "+me". */
static void name_ci_profile(const struct mig_gi *gi, struct mig_ci_profile *p)
{
	const struct mig_gi_profile *g = &gi->profile;
	unsigned long long gib = (g->memory_mb + 1023) / 1024;

	if (p->slices == g->slices)
		snprintf(p->name, sizeof(p->name), "MIG %ug.%llugb", g->slices, gib);
	else
		snprintf(p->name, sizeof(p->name), "MIG %uc.%ug.%llugb", p->slices, g->slices, gib);
}

nvmlReturn_t mig_ci_profile(struct smi *smi, const struct mig_gi *gi, unsigned int index,
			    struct mig_ci_profile *ret)
{
	const unsigned int engines = NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED;
	nvmlComputeInstanceProfileInfo_v2_t v2 = { .version = nvmlComputeInstanceProfileInfo_v2 };
	nvmlComputeInstanceProfileInfo_t v1 = { 0 };
	bool has_name = smi->d->names_by_driver;
	nvmlReturn_t r;

	if (has_name)
		r = smi->api->nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi->handle, index,
									    engines, &v2);
	else
		r = smi->api->nvmlGpuInstanceGetComputeInstanceProfileInfo(gi->handle, index,
									   engines, &v1);
	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->index = index;
#define TAKE(to, from) ret->to = has_name ? v2.from : v1.from
	TAKE(id, id);
	TAKE(slices, sliceCount);
	TAKE(count, instanceCount);
	TAKE(sm, multiprocessorCount);
	TAKE(ce, sharedCopyEngineCount);
	TAKE(dec, sharedDecoderCount);
	TAKE(enc, sharedEncoderCount);
	TAKE(jpeg, sharedJpegCount);
	TAKE(ofa, sharedOfaCount);
#undef TAKE
	if (has_name)
		snprintf(ret->name, sizeof(ret->name), "%.*s", (int)sizeof(v2.name) - 1, v2.name);
	else
		name_ci_profile(gi, ret);
	return NVML_SUCCESS;
}

nvmlReturn_t mig_gi_placements(struct smi *smi, nvmlDevice_t dev, unsigned int id,
			       nvmlGpuInstancePlacement_t **ret, unsigned int *ret_n)
{
	nvmlReturn_t r;

	*ret_n = 0;
	r = smi->api->nvmlDeviceGetGpuInstancePossiblePlacements_v2(dev, id, NULL, ret_n);
	if (r == NVML_ERROR_FUNCTION_NOT_FOUND) {
		*ret_n = 32; /* the first form of the call has no way to ask how many there are */
		*ret = calloc(*ret_n, sizeof(**ret));
		if (!*ret)
			return NVML_ERROR_MEMORY;
		return smi->api->nvmlDeviceGetGpuInstancePossiblePlacements(dev, id, *ret, ret_n);
	}
	if (r)
		return r;
	*ret = calloc(*ret_n + 1, sizeof(**ret));
	if (!*ret)
		return NVML_ERROR_MEMORY;
	return smi->api->nvmlDeviceGetGpuInstancePossiblePlacements_v2(dev, id, *ret, ret_n);
}

static nvmlReturn_t gis_of_profile(struct smi *smi, const struct smi_gpu *gpu,
				   const struct mig_gi_profile *p, struct mig_gis *ret)
{
	_cleanup_free_ nvmlGpuInstance_t *handles = calloc(p->count + 1, sizeof(*handles));
	struct mig_gi *grown;
	unsigned int i, n = 0;
	nvmlReturn_t r;

	if (!handles)
		return NVML_ERROR_MEMORY;
	r = smi->api->nvmlDeviceGetGpuInstances(gpu->dev, p->id, handles, &n);
	if (r || !n)
		return r;
	grown = realloc(ret->gi, (ret->n + n) * sizeof(*grown));
	if (!grown)
		return NVML_ERROR_MEMORY;
	ret->gi = grown;
	for (i = 0; i < n; i++) {
		struct mig_gi *gi = &ret->gi[ret->n];

		*gi = (struct mig_gi){ .gpu = gpu, .handle = handles[i], .profile = *p };
		r = smi->api->nvmlGpuInstanceGetInfo(gi->handle, &gi->info);
		if (r)
			return r;
		ret->n++;
	}
	return NVML_SUCCESS;
}

nvmlReturn_t mig_find_gis(struct smi *smi, const struct smi_gpus *gpus, struct mig_gis *ret)
{
	unsigned int i, index;

	for (i = 0; i < gpus->n; i++) {
		for (index = 0; index < smi->d->gi_profiles; index++) {
			struct mig_gi_profile p;
			nvmlReturn_t r = mig_gi_profile(smi, gpus->gpu[i].dev, index, &p);

			if (r == NVML_ERROR_NOT_SUPPORTED)
				continue;
			if (!r)
				r = gis_of_profile(smi, &gpus->gpu[i], &p, ret);
			if (r)
				return r;
		}
	}
	return NVML_SUCCESS;
}

static nvmlReturn_t cis_of_profile(struct smi *smi, const struct mig_gi *gi,
				   const struct mig_ci_profile *p, struct mig_cis *ret)
{
	_cleanup_free_ nvmlComputeInstance_t *handles = calloc(p->count + 1, sizeof(*handles));
	struct mig_ci *grown;
	unsigned int i, n = 0;
	nvmlReturn_t r;

	if (!handles)
		return NVML_ERROR_MEMORY;
	r = smi->api->nvmlGpuInstanceGetComputeInstances(gi->handle, p->id, handles, &n);
	if (r || !n)
		return r;
	grown = realloc(ret->ci, (ret->n + n) * sizeof(*grown));
	if (!grown)
		return NVML_ERROR_MEMORY;
	ret->ci = grown;
	for (i = 0; i < n; i++) {
		struct mig_ci *ci = &ret->ci[ret->n];

		*ci = (struct mig_ci){ .gi = gi, .handle = handles[i], .profile = *p };
		r = smi->api->nvmlComputeInstanceGetInfo_v2(ci->handle, &ci->info);
		if (r)
			return r;
		ret->n++;
	}
	return NVML_SUCCESS;
}

nvmlReturn_t mig_find_cis(struct smi *smi, const struct mig_gis *gis, struct mig_cis *ret)
{
	unsigned int i, index;

	for (i = 0; i < gis->n; i++) {
		for (index = 0; index < smi->d->ci_profiles; index++) {
			struct mig_ci_profile p;
			nvmlReturn_t r = mig_ci_profile(smi, &gis->gi[i], index, &p);

			if (r == NVML_ERROR_NOT_SUPPORTED)
				continue;
			if (!r)
				r = cis_of_profile(smi, &gis->gi[i], &p, ret);
			if (r)
				return r;
		}
	}
	return NVML_SUCCESS;
}

/*
 * "1x" is 1, 4294967297 is 1; a word without a number stands for the number before it. Where that
 * is the first, it was 0 up to R525, and is left to chance since: nobody's id here.
 */
static bool listed(const struct smi *smi, const char *ids, unsigned int id)
{
	_cleanup_free_ char *copy = strdup(ids ? ids : "");
	bool known = smi->d->word_is_id_0;
	unsigned int n = 0;
	char *word, *rest, *end;

	if (!copy)
		return false;
	for (word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		unsigned int got = (unsigned int)strtol(word, &end, 10);

		if (end != word) {
			n = got;
			known = true;
		}
		if (known && n == id)
			return true;
	}
	return false;
}

void mig_keep_gis(const struct smi *smi, struct mig_gis *gis, const char *ids)
{
	unsigned int i, n = 0;

	for (i = 0; i < gis->n; i++)
		if (listed(smi, ids, gis->gi[i].info.id))
			gis->gi[n++] = gis->gi[i];
	gis->n = n;
}

void mig_keep_cis(const struct smi *smi, struct mig_cis *cis, const char *ids)
{
	unsigned int i, n = 0;

	for (i = 0; i < cis->n; i++)
		if (listed(smi, ids, cis->ci[i].info.id))
			cis->ci[n++] = cis->ci[i];
	cis->n = n;
}

bool mig_wish_parse(const char *word, bool placements, struct mig_wish *ret)
{
	size_t len = placements ? strcspn(word, ":") : strlen(word);
	char *end;

	memset(ret, 0, sizeof(*ret));
	ret->start = -1;
	if (!len)
		return false;
	snprintf(ret->profile, sizeof(ret->profile), "%.*s", (int)len, word);
	ret->id = (unsigned int)strtol(ret->profile, &end, 10);
	ret->is_id = end != ret->profile && !*end;
	/* A start that is no number, or negative, is no start; a large one is cut to 32 bits. */
	word += len;
	word += strspn(word, ":");
	ret->start = (int)strtol(word, &end, 10);
	if (end == word || ret->start < 0)
		ret->start = -1;
	return true;
}

bool mig_wish_is(const struct mig_wish *wish, unsigned int id, const char *name)
{
	if (wish->is_id)
		return wish->id == id;
	if (!strcmp(wish->profile, name))
		return true;
	return !strncmp(name, "MIG ", 4) && !strcmp(wish->profile, name + 4);
}
