/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/mig.h"

#include <string.h>

#include "base/util.h"
#include "smi/row.h"

struct profiles {
	struct mig_gi_profile p[NVML_GPU_INSTANCE_PROFILE_COUNT];
	unsigned int n;
};

/* The order of -lgip and -lgipp: by slices, memory, id (seen with figures set at will). */
static int by_size(const void *a, const void *b)
{
	const struct mig_gi_profile *x = a, *y = b;

	if (x->slices != y->slices)
		return x->slices < y->slices ? -1 : 1;
	if (x->memory_mb != y->memory_mb)
		return x->memory_mb < y->memory_mb ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static nvmlReturn_t profiles_of(struct smi *smi, nvmlDevice_t dev, struct profiles *ret)
{
	unsigned int index;

	ret->n = 0;
	for (index = 0; index < smi->d->gi_profiles && ret->n < ARRAY_SIZE(ret->p); index++) {
		nvmlReturn_t r = mig_gi_profile(smi, dev, index, &ret->p[ret->n]);

		if (r == NVML_SUCCESS)
			ret->n++;
		else if (r != NVML_ERROR_NOT_SUPPORTED)
			return r;
	}
	qsort(ret->p, ret->n, sizeof(ret->p[0]), by_size);
	return NVML_SUCCESS;
}

static void profile_row(struct smi *smi, unsigned int gpu, const struct mig_gi_profile *p,
			unsigned int free_now)
{
	struct smi_cells c;
	unsigned int i = 0;

#define CELL(...) snprintf(c.text[i++], SMI_CELL, __VA_ARGS__)
	CELL("%u", gpu);
	CELL("%s", p->name);
	CELL("%u", p->id);
	CELL("%u/%u", free_now, p->count);
	CELL("%.2f", (double)p->memory_mb / 1024);
	CELL("%s", p->p2p ? "Yes" : "No");
	CELL("%u", p->sm);
	CELL("%u", p->dec);
	CELL("%u", p->enc);
	CELL("%u", p->ce);
	CELL("%u", p->jpeg);
	CELL("%u", p->ofa);
#undef CELL
	smi_row(smi->out, smi->d->mig->gi_profile, &c);
	fputs(smi->d->mig->gi_profiles_line, smi->out);
}

/* One GPU's rows; each: whether the table of profiles or the list of placements is wanted. */
static nvmlReturn_t profile_rows(struct smi *smi, const struct smi_gpu *gpu)
{
	struct profiles all;
	unsigned int i, index, n;
	nvmlReturn_t r = smi->api->nvmlDeviceGetIndex(gpu->dev, &index);

	if (!r)
		r = profiles_of(smi, gpu->dev, &all);
	for (i = 0; !r && i < all.n; i++) {
		r = smi->api->nvmlDeviceGetGpuInstanceRemainingCapacity(gpu->dev, all.p[i].id, &n);
		if (!r)
			profile_row(smi, index, &all.p[i], n);
	}
	return r;
}

int mig_list_gi_profiles(struct smi *smi, const struct smi_gpus *gpus)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i;

	fputs(smi->d->mig->gi_profiles_head, smi->out);
	for (i = 0; !r && i < gpus->n; i++)
		r = profile_rows(smi, &gpus->gpu[i]);
	if (r)
		fprintf(smi->out, "Failed to display GPU instance profiles: %s\n",
			smi_error(smi, r));
	return smi_exit_code(r);
}

static nvmlReturn_t placement_line(struct smi *smi, unsigned int gpu, nvmlDevice_t dev,
				   unsigned int id)
{
	_cleanup_free_ nvmlGpuInstancePlacement_t *at = NULL;
	unsigned int i, n;
	nvmlReturn_t r = mig_gi_placements(smi, dev, id, &at, &n);

	if (r)
		return r;
	fprintf(smi->out, "GPU %2u Profile ID %2u %s: {", gpu, id,
		n == 1 ? "Placement " : "Placements");
	for (i = 0; i < n; i++)
		fprintf(smi->out, "%s%u", i ? "," : "", at[i].start);
	fprintf(smi->out, "}:%u\n", n ? at[0].size : 0);
	return NVML_SUCCESS;
}

int mig_list_gi_placements(struct smi *smi, const struct smi_gpus *gpus)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i, k, index;

	for (i = 0; !r && i < gpus->n; i++) {
		nvmlDevice_t dev = gpus->gpu[i].dev;
		struct profiles all;

		r = smi->api->nvmlDeviceGetIndex(dev, &index);
		if (!r)
			r = profiles_of(smi, dev, &all);
		for (k = 0; !r && k < all.n; k++)
			r = placement_line(smi, index, dev, all.p[k].id);
	}
	if (r)
		fprintf(smi->out, "Failed to display GPU instance placements: %s\n",
			smi_error(smi, r));
	return smi_exit_code(r);
}

int mig_list_gis(struct smi *smi, const struct smi_gpus *gpus)
{
	_cleanup_(mig_gis_free) struct mig_gis gis = { 0 };
	nvmlReturn_t r = mig_find_gis(smi, gpus, &gis);
	unsigned int i;

	if (!r && !gis.n)
		r = NVML_ERROR_NOT_FOUND;
	if (r == NVML_ERROR_NOT_FOUND) {
		fprintf(smi->out, "No GPU instances found: %s\n", smi_error(smi, r));
		return smi_exit_code(r);
	}
	if (!r)
		fputs(smi->d->mig->gis_head, smi->out);
	for (i = 0; !r && i < gis.n; i++) {
		const struct mig_gi *gi = &gis.gi[i];
		struct smi_cells c;
		unsigned int gpu;

		r = mig_gpu_index(smi, gi->gpu, &gpu);
		if (r)
			break;
		snprintf(c.text[0], SMI_CELL, "%u", gpu);
		snprintf(c.text[1], SMI_CELL, "%s", gi->profile.name);
		snprintf(c.text[2], SMI_CELL, "%u", gi->info.profileId);
		snprintf(c.text[3], SMI_CELL, "%u", gi->info.id);
		snprintf(c.text[4], SMI_CELL, "%u:%u", gi->info.placement.start,
			 gi->info.placement.size);
		smi_row(smi->out, smi->d->mig->gi, &c);
		fputs(smi->d->mig->gis_line, smi->out);
	}
	if (r)
		fprintf(smi->out, "Failed to display GPU instances: %s\n", smi_error(smi, r));
	return smi_exit_code(r);
}

int mig_destroy_gis(struct smi *smi, const struct mig_gis *gis)
{
	unsigned int i;

	for (i = 0; i < gis->n; i++) {
		const struct mig_gi *gi = &gis->gi[i];
		unsigned int gpu;
		nvmlReturn_t r = mig_gpu_index(smi, gi->gpu, &gpu);
		bool asked = !r;

		if (asked)
			r = smi->api->nvmlGpuInstanceDestroy(gi->handle);
		if (r) {
			if (asked)
				fprintf(smi->out,
					"Unable to destroy GPU instance ID %2u from GPU %2u: %s\n",
					gi->info.id, gpu, smi_error(smi, r));
			fprintf(smi->out, "Failed to destroy GPU instances: %s\n",
				smi_error(smi, r));
			return smi_exit_code(r);
		}
		fprintf(smi->out, "Successfully destroyed GPU instance ID %2u from GPU %2u\n",
			gi->info.id, gpu);
	}
	return 0;
}
