/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/mig.h"

#include <string.h>

#include "base/util.h"

/* One GPU and the word that was typed for a GPU instance on it. */
struct job {
	const struct smi_gpu *gpu;
	unsigned int index;
	const char *typed;
	struct mig_wish wish;
	struct mig_gi_profile profile;
};

static nvmlReturn_t unable(struct smi *smi, const struct job *job, nvmlReturn_t r)
{
	fprintf(smi->out, "Unable to create a GPU instance on GPU %2u using profile %s: %s\n",
		job->index, job->typed, smi_error(smi, r));
	return r;
}

/* INVALID_ARGUMENT: the board offers nothing of that id or name. */
static nvmlReturn_t find_profile(struct smi *smi, struct job *job)
{
	unsigned int index;

	for (index = 0; index < smi->d->gi_profiles; index++) {
		nvmlReturn_t r = mig_gi_profile(smi, job->gpu->dev, index, &job->profile);

		if (r == NVML_ERROR_NOT_SUPPORTED)
			continue;
		if (r)
			return r;
		if (mig_wish_is(&job->wish, job->profile.id, job->profile.name))
			return NVML_SUCCESS;
	}
	return NVML_ERROR_INVALID_ARGUMENT;
}

/* The size that goes with a start: that of any placement of the profile. */
static nvmlReturn_t placement_size(struct smi *smi, const struct job *job, unsigned int *ret)
{
	_cleanup_free_ nvmlGpuInstancePlacement_t *at = NULL;
	unsigned int n = 0;
	nvmlReturn_t r = mig_gi_placements(smi, job->gpu->dev, job->profile.id, &at, &n);

	*ret = !r && n ? at[0].size : 0;
	return r;
}

static nvmlReturn_t create(struct smi *smi, const struct job *job, nvmlGpuInstance_t *ret)
{
	nvmlGpuInstancePlacement_t at = { 0 };
	nvmlReturn_t r;

	if (job->wish.start < 0) {
		r = smi->api->nvmlDeviceCreateGpuInstance(job->gpu->dev, job->profile.id, ret);
		return r ? unable(smi, job, r) : r;
	}
	at.start = (unsigned int)job->wish.start;
	r = placement_size(smi, job, &at.size);
	if (r)
		return r; /* nvidia-smi has no line for this */
	r = smi->api->nvmlDeviceCreateGpuInstanceWithPlacement(job->gpu->dev, job->profile.id, &at,
							       ret);
	return r ? unable(smi, job, r) : r;
}

/* -C: nvidia-smi looks the new instance up among all of its GPU before it cuts into it. */
static nvmlReturn_t default_ci(struct smi *smi, const struct job *job, unsigned int gi_id)
{
	const struct smi_gpus one = { .gpu = (struct smi_gpu *)job->gpu, .n = 1 };
	_cleanup_(mig_gis_free) struct mig_gis gis = { 0 };
	nvmlReturn_t r = mig_find_gis(smi, &one, &gis);
	unsigned int i;

	for (i = 0; !r && i < gis.n; i++)
		if (gis.gi[i].info.id == gi_id)
			return mig_create_ci(smi, &gis.gi[i], "default");
	if (!r)
		r = NVML_ERROR_NOT_FOUND;
	fprintf(smi->out,
		"Unable to create a default compute instance on GPU %2u GPU instance ID "
		"%2u: %s\n",
		job->index, gi_id, smi_error(smi, r));
	return r;
}

static nvmlReturn_t create_one(struct smi *smi, struct job *job, bool with_ci)
{
	nvmlGpuInstanceInfo_t info;
	nvmlGpuInstance_t gi;
	nvmlReturn_t r;

	if (!mig_wish_parse(job->typed, smi->d->gi_placements, &job->wish)) {
		/* The missing letter is NVIDIA's. */
		fprintf(smi->out,
			"Unable to create a GPU instace on GPU %2u using profile %s: "
			"invalid placement syntax\n",
			job->index, job->typed);
		return NVML_ERROR_INVALID_ARGUMENT;
	}
	r = find_profile(smi, job);
	if (r)
		return unable(smi, job, r);
	r = create(smi, job, &gi);
	if (r)
		return r;
	r = smi->api->nvmlGpuInstanceGetInfo(gi, &info);
	if (r) {
		fprintf(smi->out, "Unable to query a GPU instance on GPU %2u: %s\n", job->index,
			smi_error(smi, r));
		return r;
	}
	fprintf(smi->out,
		"Successfully created GPU instance ID %2u on GPU %2u using profile %s "
		"(ID %2u)\n",
		info.id, job->index, job->profile.name, job->profile.id);
	return with_ci ? default_ci(smi, job, info.id) : NVML_SUCCESS;
}

static nvmlReturn_t create_all(struct smi *smi, const struct smi_gpu *gpu, char *wishes,
			       bool with_ci)
{
	struct job job = { .gpu = gpu };
	nvmlReturn_t r = smi->api->nvmlDeviceGetIndex(gpu->dev, &job.index);
	char *word, *rest;

	for (word = strtok_r(wishes, ",", &rest); !r && word; word = strtok_r(NULL, ",", &rest)) {
		job.typed = word;
		r = create_one(smi, &job, with_ci);
	}
	return r;
}

int mig_create_gis(struct smi *smi, const struct smi_gpus *gpus, const char *wishes, bool with_ci)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i;

	for (i = 0; !r && i < gpus->n; i++) {
		_cleanup_free_ char *copy = strdup(wishes);

		r = copy ? create_all(smi, &gpus->gpu[i], copy, with_ci) : NVML_ERROR_MEMORY;
	}
	if (r)
		fprintf(smi->out, "Failed to create GPU instances: %s\n", smi_error(smi, r));
	return smi_exit_code(r);
}
