/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_SUMMARY_H
#define MIGKIT_SMI_SUMMARY_H

#include "smi/row.h"
#include "smi/smi_ctx.h"

/* The parts of plain "nvidia-smi". Inside src/smi only. */

bool summary_mig_enabled(struct smi *smi, const struct smi_gpu *gpu);
void summary_gpu(struct smi *smi, const struct smi_gpu *gpu);
void summary_mig_devices(struct smi *smi, const struct smi_gpus *gpus);
void summary_processes(struct smi *smi, const struct smi_gpus *gpus);

/* What a cell shows instead of a value that cannot be read. */
static inline const char *summary_error(nvmlReturn_t r)
{
	return r == NVML_ERROR_NOT_SUPPORTED ? "N/A" : "ERR!";
}

/* Memory without what the driver reserves; drivers before R510 count that as used. */
nvmlReturn_t summary_memory(struct smi *smi, nvmlDevice_t dev, unsigned long long *ret_used,
			    unsigned long long *ret_total);

#endif
