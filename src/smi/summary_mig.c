/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/summary.h"

#include "base/util.h"

/* One MIG device, as far as the table shows it. */
struct device {
	unsigned int gpu, index, gi, ci;
	nvmlDeviceAttributes_t attributes;
	unsigned long long used, total, bar1_used, bar1_total;
	char ecc[8];
};

static bool ecc_errors(struct smi *smi, nvmlDevice_t dev, char *cell, size_t size)
{
	unsigned long long n = 0;
	nvmlReturn_t r;

	r = smi->api->nvmlDeviceGetMemoryErrorCounter(dev, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						      NVML_VOLATILE_ECC, NVML_MEMORY_LOCATION_SRAM,
						      &n);
	if (r == NVML_ERROR_NOT_SUPPORTED)
		snprintf(cell, size, "N/A");
	else
		snprintf(cell, size, "%llu", n);
	return !r || r == NVML_ERROR_NOT_SUPPORTED;
}

/* false: something is missing, and nvidia-smi leaves the device out. */
static bool read_device(struct smi *smi, const struct smi_gpu *gpu, unsigned int index,
			struct device *ret)
{
	nvmlBAR1Memory_t bar1;
	nvmlDevice_t dev;

	*ret = (struct device){ .gpu = gpu->index, .index = index };
	if (smi->api->nvmlDeviceGetMigDeviceHandleByIndex(gpu->dev, index, &dev) ||
	    smi->api->nvmlDeviceGetGpuInstanceId(dev, &ret->gi) ||
	    smi->api->nvmlDeviceGetComputeInstanceId(dev, &ret->ci) ||
	    smi->api->nvmlDeviceGetAttributes_v2(dev, &ret->attributes) ||
	    summary_memory(smi, dev, &ret->used, &ret->total) ||
	    smi->api->nvmlDeviceGetBAR1MemoryInfo(dev, &bar1))
		return false;
	ret->bar1_used = bar1.bar1Used;
	ret->bar1_total = bar1.bar1Total;
	return ecc_errors(smi, dev, ret->ecc, sizeof(ret->ecc));
}

/* sibling: the instance's memory stands in the row above already. */
static void device_row(struct smi *smi, const struct device *d, bool sibling)
{
	struct smi_cells c;
	unsigned int i = 0;

#define CELL(...) snprintf(c.text[i++], SMI_CELL, __VA_ARGS__)
	CELL("%u", d->gpu);
	CELL("%u", d->gi);
	CELL("%u", d->ci);
	CELL("%u", d->index);
	if (!sibling)
		CELL(" %5lluMiB / %5lluMiB", smi_mib(smi, d->used), smi_mib(smi, d->total));
	CELL("%u", d->attributes.multiprocessorCount);
	CELL("%s", d->ecc);
	CELL("%u", d->attributes.sharedCopyEngineCount);
	CELL("%u", d->attributes.sharedEncoderCount);
	CELL("%u", d->attributes.sharedDecoderCount);
	CELL("%u", d->attributes.sharedOfaCount);
	CELL("%u", d->attributes.sharedJpegCount);
	if (!sibling)
		CELL(" %5lluMiB / %5lluMiB", smi_mib(smi, d->bar1_used),
		     smi_mib(smi, d->bar1_total));
#undef CELL
	smi_row(smi->out, sibling ? smi->d->summary->mig_sibling : smi->d->summary->mig_device, &c);
}

struct table {
	struct device last;
	bool any;
};

static void add(struct smi *smi, struct table *t, const struct device *d)
{
	bool sibling = t->any && smi->d->summary->mig_sibling && d->gpu == t->last.gpu &&
		       d->gi == t->last.gi;

	if (t->any)
		fputs(sibling ? smi->d->summary->mig_sibling_line : smi->d->summary->mig_line,
		      smi->out);
	device_row(smi, d, sibling);
	t->last = *d;
	t->any = true;
}

void summary_mig_devices(struct smi *smi, const struct smi_gpus *gpus)
{
	struct table t = { .any = false };
	unsigned int i, k;

	fputs(smi->d->summary->mig_head, smi->out);
	for (i = 0; i < gpus->n; i++) {
		unsigned int max = 0;

		if (!summary_mig_enabled(smi, &gpus->gpu[i]) ||
		    smi->api->nvmlDeviceGetMaxMigDeviceCount(gpus->gpu[i].dev, &max))
			continue;
		for (k = 0; k < max; k++) {
			struct device d;

			if (read_device(smi, &gpus->gpu[i], k, &d))
				add(smi, &t, &d);
		}
	}
	fputs(t.any ? smi->d->summary->mig_line : smi->d->summary->mig_none, smi->out);
}
