/* SPDX-License-Identifier: Apache-2.0 */
/* GPU performance monitoring: samples, and metrics between two of them, also of GPU instances */
#include "sim/sim.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "sim/gpm.h"
#include "sim/reading.h"

/*
 * A sample is memory of NVIDIA's library; here it is a slot, and its handle says which and of which
 * generation, so that one that was freed, twice, or is garbage is INVALID_ARGUMENT. Slots come in
 * blocks that are made when they are needed and stay: no lock, and nothing grows without end.
 */
#define BLOCKS	   64u
#define BLOCK_SIZE 64u

struct sample {
	atomic_uint generation; /* odd while it is allocated */
	atomic_bool taken;	/* it holds a reading */
	atomic_uint where;	/* GPU, and GPU instance + 1 */
	atomic_uint busy, memory_busy;
};

static _Atomic(struct sample *) blocks[BLOCKS];

static struct sample *block(unsigned i)
{
	struct sample *b = atomic_load(&blocks[i]), *expected = NULL;

	if (b)
		return b;
	b = calloc(BLOCK_SIZE, sizeof(*b));
	if (b && !atomic_compare_exchange_strong(&blocks[i], &expected, b)) {
		free(b);
		b = expected;
	}
	return b;
}

static struct sample *sample_of(nvmlGpmSample_t handle, struct sim_ref *ref)
{
	struct sample *b;

	if (!sim_ref(handle, ref) || ref->kind != SIM_GPM_SAMPLE || ref->gi >= BLOCKS ||
	    ref->gpu >= BLOCK_SIZE)
		return NULL;
	b = atomic_load(&blocks[ref->gi]);
	if (!b || ref->generation % 2 == 0 ||
	    atomic_load(&b[ref->gpu].generation) != ref->generation)
		return NULL;
	return &b[ref->gpu];
}

SIM_ENTRY(nvmlGpmSampleAlloc, (nvmlGpmSample_t * gpmSample), (gpmSample))
{
	if (!gpmSample)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct sample *b = block(i);

		for (unsigned k = 0; b && k < BLOCK_SIZE; k++) {
			unsigned g = atomic_load(&b[k].generation);

			if (g % 2 || !atomic_compare_exchange_strong(&b[k].generation, &g, g + 1))
				continue;
			atomic_store(&b[k].taken, false);
			*gpmSample = sim_handle((struct sim_ref){ .kind = SIM_GPM_SAMPLE,
								  .gpu = (uint8_t)k,
								  .gi = (uint8_t)i,
								  .generation = g + 1 });
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_MEMORY;
}

SIM_ENTRY(nvmlGpmSampleFree, (nvmlGpmSample_t gpmSample), (gpmSample))
{
	struct sim_ref ref;
	struct sample *s = sample_of(gpmSample, &ref);
	unsigned g;

	if (!s)
		return NVML_ERROR_INVALID_ARGUMENT;
	g = ref.generation;
	return atomic_compare_exchange_strong(&s->generation, &g, g + 1)
		       ? NVML_SUCCESS
		       : NVML_ERROR_INVALID_ARGUMENT;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Hopper and later count this; on Ampere there is nothing to ask. */
static bool supported(const struct sim_dev *dev)
{
	return dev->board->architecture >= NVML_DEVICE_ARCH_HOPPER;
}

static nvmlReturn_t take(const struct sim_dev *dev, const struct lab_gi *gi, nvmlGpmSample_t handle)
{
	struct sim_ref ref;
	struct sample *s = sample_of(handle, &ref);

	if (!s)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!supported(dev))
		return NVML_ERROR_NOT_SUPPORTED;
	atomic_store(&s->where, dev->ref.gpu | (gi ? gi->id + 1u : 0u) << 8);
	atomic_store(&s->busy, sim_busy(dev, gi));
	atomic_store(&s->memory_busy, sim_set_or(dev->gpu.set.utilization_memory, 0));
	atomic_store(&s->taken, true);
	return NVML_SUCCESS;
}

/* A MIG device's is that of its GPU instance. */
SIM_ENTRY(nvmlGpmSampleGet, (nvmlDevice_t device, nvmlGpmSample_t gpmSample), (device, gpmSample))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live(device, &dev);

	return status == NVML_SUCCESS ? take(&dev, sim_is_mig(&dev) ? dev.gi : NULL, gpmSample)
				      : status;
}

SIM_ENTRY(nvmlGpmMigSampleGet,
	  (nvmlDevice_t device, unsigned int gpuInstanceId, nvmlGpmSample_t gpmSample),
	  (device, gpuInstanceId, gpmSample))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent_all(device, &dev);

	if (status == NVML_SUCCESS)
		status = sim_alive(&dev);
	if (status != NVML_SUCCESS)
		return status;
	if (!dev.gpu.mig_current)
		return NVML_ERROR_NOT_SUPPORTED;
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (dev.gpu.gi[i].used && dev.gpu.gi[i].id == gpuInstanceId)
			return take(&dev, &dev.gpu.gi[i], gpmSample);
	return NVML_ERROR_INVALID_ARGUMENT;
}

/* --- metrics -------------------------------------------------------------------------------- */

/*
 * Between two samples: the mean of what they read. How busy a lab's GPU is "lab set" says; how its
 * work is spread over kinds of instructions nothing says, nor does a lab move data: 0, as on an
 * idle H200 (measured).
 */
static double value_of(unsigned metric, const struct sample *a, const struct sample *b)
{
	switch (metric) {
	case 1: /* graphics */
	case 2: /* multiprocessors */
		return (atomic_load(&a->busy) + atomic_load(&b->busy)) / 2.0;
	case 10: /* memory bandwidth */
		return (atomic_load(&a->memory_busy) + atomic_load(&b->memory_busy)) / 2.0;
	default:
		return 0;
	}
}

static void fill(nvmlGpmMetric_t *m, const struct sample *a, const struct sample *b)
{
	struct sim_gpm_name name;

	m->value = 0;
	if (m->metricId < 1 || m->metricId > sim_gpm_highest(sim_const()->driver_major)) {
		m->nvmlReturn = NVML_ERROR_INVALID_ARGUMENT;
		return;
	}
	name = sim_gpm_name(m->metricId);
	m->nvmlReturn = NVML_SUCCESS;
	m->value = value_of(m->metricId, a, b);
	/* nvml.h's pointers are not const; callers only print what they point to. */
	m->metricInfo.shortName = (char *)(uintptr_t)name.short_name;
	m->metricInfo.longName = (char *)(uintptr_t)name.long_name;
	m->metricInfo.unit = (char *)(uintptr_t)name.unit;
}

SIM_ENTRY(nvmlGpmMetricsGet, (nvmlGpmMetricsGet_t * metricsGet), (metricsGet))
{
	const struct sample *a, *b;
	struct sim_ref ref;

	if (!metricsGet)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (metricsGet->version != NVML_GPM_METRICS_GET_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	a = sample_of(metricsGet->sample1, &ref);
	b = sample_of(metricsGet->sample2, &ref);
	/* Both must have been read, and of the same GPU or instance. */
	if (!a || !b || !atomic_load(&a->taken) || !atomic_load(&b->taken) ||
	    atomic_load(&a->where) != atomic_load(&b->where) ||
	    metricsGet->numMetrics > NVML_GPM_METRIC_MAX)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < metricsGet->numMetrics; i++)
		fill(&metricsGet->metrics[i], a, b);
	return NVML_SUCCESS;
}

/* --- support -------------------------------------------------------------------------------- */

SIM_ENTRY(nvmlGpmQueryDeviceSupport, (nvmlDevice_t device, nvmlGpmSupport_t *gpmSupport),
	  (device, gpmSupport))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!gpmSupport)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpmSupport->version != NVML_GPM_SUPPORT_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	gpmSupport->isSupportedDevice = supported(&dev);
	return NVML_SUCCESS;
}

/* Off on an H200 (measured); nothing here can switch it on. */
SIM_ENTRY(nvmlGpmQueryIfStreamingEnabled, (nvmlDevice_t device, unsigned int *state),
	  (device, state))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!state)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!supported(&dev))
		return NVML_ERROR_NOT_SUPPORTED;
	*state = NVML_FEATURE_DISABLED;
	return NVML_SUCCESS;
}
