/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/mig.h"

#include "base/util.h"

nvmlReturn_t mig_gpu_index(struct smi *smi, const struct smi_gpu *gpu, unsigned int *ret)
{
	return smi->api->nvmlDeviceGetIndex(gpu->dev, ret);
}

/* Keeps the GPUs that know MIG mode and, if only_enabled, have it on; returns how many know it. */
static unsigned int keep_mig(struct smi *smi, struct smi_gpus *gpus, bool only_enabled)
{
	unsigned int i, n = 0, supported = 0;

	for (i = 0; i < gpus->n; i++) {
		unsigned int current = 0, pending = 0;

		if (smi->api->nvmlDeviceGetMigMode(gpus->gpu[i].dev, &current, &pending))
			continue;
		supported++;
		if (only_enabled && current != NVML_DEVICE_MIG_ENABLE)
			continue;
		gpus->gpu[n++] = gpus->gpu[i];
	}
	gpus->n = n;
	return supported;
}

static int list_or_create(struct smi *smi, const struct mig_args *a, const struct smi_gpus *gpus)
{
	int code;

	if (a->given[MIG_OPT_LGIP])
		return mig_list_gi_profiles(smi, gpus);
	if (a->given[MIG_OPT_LGIPP])
		return mig_list_gi_placements(smi, gpus);
	code = mig_args_check(smi, a, MIG_OPT_CGI);
	if (code)
		return code;
	if (a->given[MIG_OPT_CGI])
		return mig_create_gis(smi, gpus, a->value[MIG_OPT_CGI], a->given[MIG_OPT_C]);
	return mig_list_gis(smi, gpus);
}

static int on_cis(struct smi *smi, const struct mig_args *a, const struct mig_gis *gis)
{
	_cleanup_(mig_cis_free) struct mig_cis cis = { 0 };
	nvmlReturn_t r = mig_find_cis(smi, gis, &cis);

	if (a->given[MIG_OPT_LCI] && r && r != NVML_ERROR_NOT_FOUND) {
		fprintf(smi->out, "Failed to display compute instances: %s\n", smi_error(smi, r));
		return smi_exit_code(r);
	}
	if (!a->given[MIG_OPT_LCI] && a->given[MIG_OPT_CI])
		mig_keep_cis(smi, &cis, a->value[MIG_OPT_CI]);
	if (!r && !cis.n)
		r = NVML_ERROR_NOT_FOUND;
	if (r) {
		fprintf(smi->out, "No compute instances found: %s\n", smi_error(smi, r));
		return smi_exit_code(r);
	}
	if (a->given[MIG_OPT_LCI])
		return mig_list_cis(smi, &cis);
	return a->given[MIG_OPT_DCI] ? mig_destroy_cis(smi, &cis) : 0;
}

static int on_gis(struct smi *smi, const struct mig_args *a, const struct smi_gpus *gpus)
{
	_cleanup_(mig_gis_free) struct mig_gis gis = { 0 };
	nvmlReturn_t r = mig_find_gis(smi, gpus, &gis);

	if (a->given[MIG_OPT_GI])
		mig_keep_gis(smi, &gis, a->value[MIG_OPT_GI]);
	if (!r && !gis.n)
		r = NVML_ERROR_NOT_FOUND;
	if (r) {
		fprintf(smi->out, "No GPU instances found: %s\n", smi_error(smi, r));
		return smi_exit_code(r);
	}
	if (a->given[MIG_OPT_DGI])
		return mig_destroy_gis(smi, &gis);
	if (a->given[MIG_OPT_LCIP])
		return mig_list_ci_profiles(smi, &gis);
	if (a->given[MIG_OPT_LCIPP])
		return mig_list_ci_placements(smi, &gis);
	if (a->given[MIG_OPT_CCI])
		return mig_create_cis(smi, &gis, a->value[MIG_OPT_CCI]);
	return on_cis(smi, a, &gis);
}

/* nvidia-smi takes the first of these that is given, whatever the order on the line. */
static const char *change_of(const struct mig_args *a)
{
	static const struct {
		enum mig_opt opt;
		const char *change; /* NULL: it only looks */
	} order[] = {
		{ MIG_OPT_LGIP, NULL },	     { MIG_OPT_LGIPP, NULL },
		{ MIG_OPT_CGI, "mig -cgi" }, { MIG_OPT_LGI, NULL },
		{ MIG_OPT_DGI, "mig -dgi" }, { MIG_OPT_LCIP, NULL },
		{ MIG_OPT_LCIPP, NULL },     { MIG_OPT_CCI, "mig -cci" },
		{ MIG_OPT_LCI, NULL },	     { MIG_OPT_DCI, "mig -dci" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (a->given[order[i].opt])
			return order[i].change;
	return NULL;
}

static bool wants_help(const struct smi *smi, const struct mig_args *a)
{
	unsigned int o;

	if (a->given[MIG_OPT_HELP])
		return true;
	for (o = 0; o < MIG_OPT_COUNT; o++)
		if (a->given[o] && !(o == MIG_OPT_ID && smi->d->mig_help_alone))
			return false;
	return true;
}

static int run(struct smi *smi, const struct mig_args *a, struct smi_gpus *gpus)
{
	bool profiles = a->given[MIG_OPT_LGIP] || a->given[MIG_OPT_LGIPP];
	unsigned int supported;
	int code;

	supported = keep_mig(smi, gpus, !(profiles && smi->d->profiles_without_mig));
	if (!supported && smi->d->tells_unsupported) {
		fputs("No MIG-supported devices found.\n", smi->out);
		return 6;
	}
	if (!gpus->n) {
		fputs("No MIG-enabled devices found.\n", smi->out);
		return smi->d->no_mig_code;
	}
	code = mig_args_check(smi, a, MIG_OPT_GI);
	if (!code)
		code = mig_args_check(smi, a, MIG_OPT_CI);
	if (code)
		return code;
	if (profiles || a->given[MIG_OPT_CGI] || a->given[MIG_OPT_LGI])
		return list_or_create(smi, a, gpus);
	return on_gis(smi, a, gpus);
}

int smi_mig(struct smi *smi, int argc, char **argv)
{
	_cleanup_(mig_args_free) struct mig_args a = { 0 };
	_cleanup_(smi_gpus_free) struct smi_gpus gpus = { 0 };
	const char *change;
	int code = mig_args_parse(smi, argc, argv, &a);

	if (code)
		return code;
	if (wants_help(smi, &a))
		return smi_mig_help(smi);
	change = change_of(&a);
	code = change ? smi_may_change(smi, change) : 0;
	if (!code)
		code = mig_args_check(smi, &a, MIG_OPT_ID);
	if (!code)
		code = smi_select(smi, a.given[MIG_OPT_ID] ? a.value[MIG_OPT_ID] : NULL, &gpus);
	return code ? code : run(smi, &a, &gpus);
}
