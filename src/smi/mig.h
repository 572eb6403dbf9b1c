/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_MIG_H
#define MIGKIT_SMI_MIG_H

#include <stdlib.h>

#include "smi/smi_ctx.h"

/* The parts of "nvidia-smi mig". Inside src/smi only. */

enum mig_opt {
	MIG_OPT_HELP,
	MIG_OPT_ID,
	MIG_OPT_GI,
	MIG_OPT_CI,
	MIG_OPT_LGIP,
	MIG_OPT_LGIPP,
	MIG_OPT_C,
	MIG_OPT_CGI,
	MIG_OPT_DGI,
	MIG_OPT_LGI,
	MIG_OPT_LCIP,
	MIG_OPT_LCIPP,
	MIG_OPT_CCI,
	MIG_OPT_DCI,
	MIG_OPT_LCI,
	MIG_OPT_COUNT
};

struct mig_args {
	bool given[MIG_OPT_COUNT];
	const char *value[MIG_OPT_COUNT]; /* NULL: given without a value */
	bool dashed[MIG_OPT_COUNT];	  /* it had one that this branch cannot read */
	char *words;			  /* what the values point into */
};

/* 0, or an exit code after saying what is wrong. *ret is freed by mig_args_free() either way. */
int mig_args_parse(struct smi *smi, int argc, char **argv, struct mig_args *ret);
void mig_args_free(struct mig_args *args);
/* 0, or says that the value of an option was not understood. */
int mig_args_check(struct smi *smi, const struct mig_args *args, enum mig_opt opt);

struct mig_gi_profile {
	unsigned int index, id, slices, count;
	unsigned int sm, ce, dec, enc, jpeg, ofa;
	bool p2p;
	unsigned long long memory_mb;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE]; /* "MIG 3g.40gb" */
};

struct mig_ci_profile {
	unsigned int index, id, slices, count;
	unsigned int sm, ce, dec, enc, jpeg, ofa;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE]; /* "MIG 1c.3g.40gb" */
};

struct mig_gi {
	const struct smi_gpu *gpu;
	nvmlGpuInstance_t handle;
	nvmlGpuInstanceInfo_t info;
	struct mig_gi_profile profile;
};

struct mig_ci {
	const struct mig_gi *gi;
	nvmlComputeInstance_t handle;
	nvmlComputeInstanceInfo_t info;
	struct mig_ci_profile profile;
};

struct mig_gis {
	struct mig_gi *gi;
	unsigned int n;
};

struct mig_cis {
	struct mig_ci *ci;
	unsigned int n;
};

static inline void mig_gis_free(struct mig_gis *gis)
{
	free(gis->gi);
	gis->gi = NULL;
}

static inline void mig_cis_free(struct mig_cis *cis)
{
	free(cis->ci);
	cis->ci = NULL;
}

#define MIG_CI_PROFILES 8 /* most profile indices of compute instances that any branch asks for */

/* NVML_ERROR_NOT_SUPPORTED: the board lacks this profile index. */
nvmlReturn_t mig_gi_profile(struct smi *smi, nvmlDevice_t dev, unsigned int index,
			    struct mig_gi_profile *ret);
nvmlReturn_t mig_ci_profile(struct smi *smi, const struct mig_gi *gi, unsigned int index,
			    struct mig_ci_profile *ret);

/* The placements of a profile id; *ret is to be freed, whatever is returned. */
nvmlReturn_t mig_gi_placements(struct smi *smi, nvmlDevice_t dev, unsigned int id,
			       nvmlGpuInstancePlacement_t **ret, unsigned int *ret_n);

/*
 * The instances of the GPUs in the order of nvidia-smi: by profile index, then as NVML lists them.
 * They are appended; what was found before an error stays.
 */
nvmlReturn_t mig_find_gis(struct smi *smi, const struct smi_gpus *gpus, struct mig_gis *ret);
nvmlReturn_t mig_find_cis(struct smi *smi, const struct mig_gis *gis, struct mig_cis *ret);
/* Keeps those whose id is in a list as given to -gi or -ci. */
void mig_keep_gis(const struct smi *smi, struct mig_gis *gis, const char *ids);
void mig_keep_cis(const struct smi *smi, struct mig_cis *cis, const char *ids);

/* A word of -cgi or -cci: "9", "3g.40gb:4". */
struct mig_wish {
	char profile[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	bool is_id;
	unsigned int id;
	int start; /* -1: where the driver likes */
};

/* false: the word has no profile (":4"). placements: whether ":START" is understood. */
bool mig_wish_parse(const char *word, bool placements, struct mig_wish *ret);
bool mig_wish_is(const struct mig_wish *wish, unsigned int id, const char *name);

/* The index that nvidia-smi prints for a device. */
nvmlReturn_t mig_gpu_index(struct smi *smi, const struct smi_gpu *gpu, unsigned int *ret);

int mig_list_gi_profiles(struct smi *smi, const struct smi_gpus *gpus);
int mig_list_gi_placements(struct smi *smi, const struct smi_gpus *gpus);
int mig_create_gis(struct smi *smi, const struct smi_gpus *gpus, const char *wishes, bool with_ci);
int mig_list_gis(struct smi *smi, const struct smi_gpus *gpus);
int mig_destroy_gis(struct smi *smi, const struct mig_gis *gis);

int mig_list_ci_profiles(struct smi *smi, const struct mig_gis *gis);
int mig_list_ci_placements(struct smi *smi, const struct mig_gis *gis);
int mig_create_cis(struct smi *smi, const struct mig_gis *gis, const char *wishes);
int mig_list_cis(struct smi *smi, const struct mig_cis *cis);
int mig_destroy_cis(struct smi *smi, const struct mig_cis *cis);
/* One compute instance; what is printed on failure names typed. */
nvmlReturn_t mig_create_ci(struct smi *smi, const struct mig_gi *gi, const char *typed);

#endif
