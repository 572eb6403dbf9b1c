/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_SMI_CTX_H
#define MIGKIT_SMI_SMI_CTX_H

#include "smi/dialect.h"
#include "smi/smi.h"

/* What all parts of one run share. Inside src/smi only. */
struct smi {
	struct nvml_api *api;
	const struct smi_env *env;
	FILE *out;
	const struct smi_dialect *d;
	char driver[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
	unsigned int n_gpus;
};

struct smi_gpu {
	nvmlDevice_t dev;
	nvmlReturn_t status; /* of the look-up; those that were selected have none */
	unsigned int index;
	char bus_id[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE]; /* "(null)": unknown */
};

/* The GPUs that a command is about, ascending by index. */
struct smi_gpus {
	struct smi_gpu *gpu;
	unsigned int n;
};

void smi_gpus_free(struct smi_gpus *gpus);

/*
 * Resolves the value of -i (NULL: all). Returns 0, or prints what NVIDIA's program prints and
 * returns its exit code.
 */
int smi_select(struct smi *smi, const char *list, struct smi_gpus *ret);

/* Exit code of a failing call: its status, where that is in nvidia-smi's documented list. */
int smi_exit_code(nvmlReturn_t status);
const char *smi_error(const struct smi *smi, nvmlReturn_t status);
const char *smi_main_error(const struct smi *smi, nvmlReturn_t status);
const char *smi_handle_error(const struct smi *smi, nvmlReturn_t status);

/* Bytes as the MiB that nvidia-smi shows. */
static inline unsigned long long smi_mib(const struct smi *smi, unsigned long long bytes)
{
	return (bytes + (smi->d->rounds_mib_up ? (1u << 20) - 1 : 0)) >> 20;
}

/* 0, or an exit code, when a sentence was printed. */
int smi_may_change(const struct smi *smi, const char *what);

/* The commands. Each returns an exit code. */
int smi_mig(struct smi *smi, int argc, char **argv);
int smi_mig_help(struct smi *smi);
int smi_help(struct smi *smi);
int smi_list(struct smi *smi);
int smi_summary(struct smi *smi, const char *ids);
int smi_query(struct smi *smi, const char *ids, const char *option, const char *fields,
	      const char *format);
int smi_set_mig_mode(struct smi *smi, const char *ids, unsigned int mode, bool fail_on_warning);
int smi_set_persistence(struct smi *smi, const char *ids, unsigned int mode, bool fail_on_warning);
int smi_reset(struct smi *smi, const char *ids);

#endif
