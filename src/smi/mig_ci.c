/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/mig.h"

#include <string.h>

#include "base/util.h"
#include "smi/row.h"

/* These tables are the same in all branches. */
static const char ci_profiles_head[] =
	"+--------------------------------------------------------------------------------------+\n"
	"| Compute instance profiles:                                                           |\n"
	"| GPU     GPU       Name             Profile  Instances   Exclusive       Shared       |\n"
	"|       Instance                       ID     Free/Total     SM       DEC   ENC   OFA  |\n"
	"|         ID                                                          CE    JPEG       |\n"
	"|======================================================================================|\n";
static const char ci_profile[] =
	"| %3s%7s       %-18s%4s%-1s     %-14s%-10s%-6s%-6s%-4s|\n"
	"|                                                                      %-6s%-10s|\n"
	"+--------------------------------------------------------------------------------------+\n";
static const char cis_head[] =
	"+--------------------------------------------------------------------+\n"
	"| Compute instances:                                                 |\n"
	"| GPU     GPU       Name             Profile   Instance   Placement  |\n"
	"|       Instance                       ID        ID       Start:Size |\n"
	"|         ID                                                         |\n"
	"|====================================================================|\n";
static const char ci_row[] =
	"| %3s%7s       %-18s%4s%10s          %-8s|\n"
	"+--------------------------------------------------------------------+\n";

struct profiles {
	struct mig_ci_profile p[MIG_CI_PROFILES];
	unsigned int n;
	/* The default: the one with most slices; the last of those, as 535 and 550 take id 7 of
	 * Hopper's 1g of double memory where id 0 is there too. */
	unsigned int best;
};

static nvmlReturn_t profiles_of(struct smi *smi, const struct mig_gi *gi, struct profiles *ret)
{
	unsigned int index;

	ret->n = ret->best = 0;
	for (index = 0; index < smi->d->ci_profiles; index++) {
		nvmlReturn_t r = mig_ci_profile(smi, gi, index, &ret->p[ret->n]);

		if (r == NVML_ERROR_NOT_SUPPORTED)
			continue;
		if (r)
			return r;
		if (ret->p[ret->n].slices >= ret->p[ret->best].slices)
			ret->best = ret->n;
		ret->n++;
	}
	return NVML_SUCCESS;
}

static void profile_row(struct smi *smi, unsigned int gpu, const struct mig_gi *gi,
			const struct mig_ci_profile *p, bool is_default, unsigned int free_now)
{
	struct smi_cells c;
	unsigned int i = 0;

#define CELL(...) snprintf(c.text[i++], SMI_CELL, __VA_ARGS__)
	CELL("%u", gpu);
	CELL("%u", gi->info.id);
	CELL("%s", p->name);
	CELL("%u", p->id);
	CELL("%s", is_default ? "*" : "");
	CELL("%u/%u", free_now, p->count);
	CELL("%u", p->sm);
	CELL("%u", p->dec);
	CELL("%u", p->enc);
	CELL("%u", p->ofa);
	CELL("%u", p->ce);
	CELL("%u", p->jpeg);
#undef CELL
	smi_row(smi->out, ci_profile, &c);
}

static nvmlReturn_t profile_rows(struct smi *smi, const struct mig_gi *gi)
{
	struct profiles all;
	unsigned int i, n, gpu;
	nvmlReturn_t r = profiles_of(smi, gi, &all);

	if (!r)
		r = mig_gpu_index(smi, gi->gpu, &gpu);
	for (i = 0; !r && i < all.n; i++) {
		r = smi->api->nvmlGpuInstanceGetComputeInstanceRemainingCapacity(gi->handle,
										 all.p[i].id, &n);
		if (!r)
			profile_row(smi, gpu, gi, &all.p[i], i == all.best, n);
	}
	return r;
}

int mig_list_ci_profiles(struct smi *smi, const struct mig_gis *gis)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i;

	fputs(ci_profiles_head, smi->out);
	for (i = 0; !r && i < gis->n; i++)
		r = profile_rows(smi, &gis->gi[i]);
	if (r)
		fprintf(smi->out, "Failed to display compute instance profiles: %s\n",
			smi_error(smi, r));
	return smi_exit_code(r);
}

/* The placements of a profile; *ret is to be freed. */
static nvmlReturn_t placements_of(struct smi *smi, const struct mig_gi *gi, unsigned int id,
				  nvmlComputeInstancePlacement_t **ret, unsigned int *ret_n)
{
	nvmlReturn_t r;

	*ret_n = 0;
	r = smi->api->nvmlGpuInstanceGetComputeInstancePossiblePlacements(gi->handle, id, NULL,
									  ret_n);
	if (r)
		return r;
	*ret = calloc(*ret_n + 1, sizeof(**ret));
	if (!*ret)
		return NVML_ERROR_MEMORY;
	return smi->api->nvmlGpuInstanceGetComputeInstancePossiblePlacements(gi->handle, id, *ret,
									     ret_n);
}

static nvmlReturn_t placement_line(struct smi *smi, const struct mig_gi *gi, unsigned int id)
{
	_cleanup_free_ nvmlComputeInstancePlacement_t *at = NULL;
	unsigned int i, n, gpu;
	nvmlReturn_t r = placements_of(smi, gi, id, &at, &n);

	if (!r)
		r = mig_gpu_index(smi, gi->gpu, &gpu);
	if (r)
		return r;
	fprintf(smi->out, "GPU %2u GI %2u Profile ID %2u %s: {", gpu, gi->info.id, id,
		n == 1 ? "Placement " : "Placements");
	for (i = 0; i < n; i++)
		fprintf(smi->out, "%s%u", i ? "," : "", at[i].start);
	fprintf(smi->out, "}:%u\n", n ? at[0].size : 0);
	return NVML_SUCCESS;
}

int mig_list_ci_placements(struct smi *smi, const struct mig_gis *gis)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i, k;

	for (i = 0; !r && i < gis->n; i++) {
		struct profiles all;

		r = profiles_of(smi, &gis->gi[i], &all);
		for (k = 0; !r && k < all.n; k++)
			r = placement_line(smi, &gis->gi[i], all.p[k].id);
	}
	if (r)
		fprintf(smi->out, "Failed to display compute instance placements: %s\n",
			smi_error(smi, r));
	return smi_exit_code(r);
}

static nvmlReturn_t find_profile(struct smi *smi, const struct mig_gi *gi,
				 const struct mig_wish *wish, struct mig_ci_profile *ret)
{
	struct profiles all;
	unsigned int i;
	nvmlReturn_t r = profiles_of(smi, gi, &all);

	if (!r && !all.n)
		r = NVML_ERROR_NOT_SUPPORTED;
	if (r)
		return r;
	for (i = 0; i < all.n; i++) {
		bool is_default = !strcmp(wish->profile, "default") && i == all.best;

		if (is_default || mig_wish_is(wish, all.p[i].id, all.p[i].name)) {
			*ret = all.p[i];
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t create(struct smi *smi, const struct mig_gi *gi, const struct mig_wish *wish,
			   unsigned int id, nvmlComputeInstance_t *ret)
{
	_cleanup_free_ nvmlComputeInstancePlacement_t *all = NULL;
	nvmlComputeInstancePlacement_t at;
	unsigned int n;
	nvmlReturn_t r;

	if (wish->start < 0)
		return smi->api->nvmlGpuInstanceCreateComputeInstance(gi->handle, id, ret);
	r = placements_of(smi, gi, id, &all, &n);
	if (r)
		return r;
	at.start = (unsigned int)wish->start;
	at.size = n ? all[0].size : 0;
	return smi->api->nvmlGpuInstanceCreateComputeInstanceWithPlacement(gi->handle, id, &at,
									   ret);
}

nvmlReturn_t mig_create_ci(struct smi *smi, const struct mig_gi *gi, const char *typed)
{
	struct mig_ci_profile profile;
	nvmlComputeInstanceInfo_t info;
	nvmlComputeInstance_t ci;
	struct mig_wish wish;
	unsigned int gpu;
	nvmlReturn_t r = mig_gpu_index(smi, gi->gpu, &gpu);

	if (r)
		return r;
	if (!mig_wish_parse(typed, smi->d->ci_placements, &wish)) {
		fprintf(smi->out,
			"Unable to create a GPU instace on GPU %2u using profile %s: "
			"invalid placement syntax\n",
			gpu, typed);
		return NVML_ERROR_INVALID_ARGUMENT;
	}
	r = find_profile(smi, gi, &wish, &profile);
	if (!r)
		r = create(smi, gi, &wish, profile.id, &ci);
	if (r) {
		fprintf(smi->out,
			"Unable to create a compute instance on GPU %2u GPU instance ID "
			"%2u using profile %s: %s\n",
			gpu, gi->info.id, typed, smi_error(smi, r));
		return r;
	}
	r = smi->api->nvmlComputeInstanceGetInfo_v2(ci, &info);
	if (r) {
		fprintf(smi->out,
			"Unable to query a compute instance on GPU %2u GPU instance ID "
			"%2u: %s\n",
			gpu, gi->info.id, smi_error(smi, r));
		return r;
	}
	fprintf(smi->out,
		"Successfully created compute instance ID %2u on GPU %2u GPU instance ID "
		"%2u using profile %s (ID %2u)\n",
		info.id, gpu, gi->info.id, profile.name, profile.id);
	return NVML_SUCCESS;
}

static nvmlReturn_t create_all(struct smi *smi, const struct mig_gi *gi, char *wishes)
{
	nvmlReturn_t r = NVML_SUCCESS;
	char *word, *rest;

	for (word = strtok_r(wishes, ",", &rest); !r && word; word = strtok_r(NULL, ",", &rest))
		r = mig_create_ci(smi, gi, word);
	return r;
}

int mig_create_cis(struct smi *smi, const struct mig_gis *gis, const char *wishes)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i;

	for (i = 0; !r && i < gis->n; i++) {
		_cleanup_free_ char *copy = strdup(wishes ? wishes : "default");

		r = copy ? create_all(smi, &gis->gi[i], copy) : NVML_ERROR_MEMORY;
	}
	if (r)
		fprintf(smi->out, "Failed to create compute instances: %s\n", smi_error(smi, r));
	return smi_exit_code(r);
}

int mig_list_cis(struct smi *smi, const struct mig_cis *cis)
{
	nvmlReturn_t r = NVML_SUCCESS;
	unsigned int i;

	fputs(cis_head, smi->out);
	for (i = 0; i < cis->n; i++) {
		const struct mig_ci *ci = &cis->ci[i];
		struct smi_cells c;
		unsigned int gpu;

		r = mig_gpu_index(smi, ci->gi->gpu, &gpu);
		if (r)
			break;
		snprintf(c.text[0], SMI_CELL, "%u", gpu);
		snprintf(c.text[1], SMI_CELL, "%u", ci->gi->info.id);
		snprintf(c.text[2], SMI_CELL, "%s", ci->profile.name);
		snprintf(c.text[3], SMI_CELL, "%u", ci->info.profileId);
		snprintf(c.text[4], SMI_CELL, "%u", ci->info.id);
		snprintf(c.text[5], SMI_CELL, "%u:%u", ci->info.placement.start,
			 ci->info.placement.size);
		smi_row(smi->out, ci_row, &c);
	}
	if (r)
		fprintf(smi->out, "Failed to display compute instances: %s\n", smi_error(smi, r));
	return smi_exit_code(r);
}

int mig_destroy_cis(struct smi *smi, const struct mig_cis *cis)
{
	unsigned int i;

	for (i = 0; i < cis->n; i++) {
		const struct mig_ci *ci = &cis->ci[i];
		unsigned int gpu;
		nvmlReturn_t r = mig_gpu_index(smi, ci->gi->gpu, &gpu);
		bool asked = !r;

		if (asked)
			r = smi->api->nvmlComputeInstanceDestroy(ci->handle);
		if (r) {
			if (asked)
				fprintf(smi->out,
					"Unable to destroy compute instance ID %2u from GPU %2u "
					"GPU instance ID %2u: %s\n",
					ci->info.id, gpu, ci->gi->info.id, smi_error(smi, r));
			fprintf(smi->out, "Failed to destroy compute instances: %s\n",
				smi_error(smi, r));
			return smi_exit_code(r);
		}
		fprintf(smi->out,
			"Successfully destroyed compute instance ID %2u from GPU %2u GPU "
			"instance ID %2u\n",
			ci->info.id, gpu, ci->gi->info.id);
	}
	return 0;
}
