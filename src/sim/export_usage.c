/* SPDX-License-Identifier: Apache-2.0 */
/* How busy a GPU was of late: by process, and as the samples that the driver keeps */
#include "sim/sim.h"

#include <string.h>

#include "sim/reading.h"

/* --- by process ----------------------------------------------------------------------------- */

/*
 * What "lab set" says of the GPU, dealt out evenly to its compute processes; what is left over goes
 * to the first ones, so that the sum is the GPU's.
 */
static unsigned share(unsigned total, unsigned n, unsigned i)
{
	return total / n + (i < total % n);
}

struct usage {
	struct lab_client client[LAB_MAX_CLIENTS];
	unsigned n, gpu, memory;
	uint64_t now;
};

/*
 * NOT_SUPPORTED in MIG mode (nvml.h), NOT_FOUND where no process did anything (measured on an idle
 * H200). A lab reads at this moment, so nothing is older than the caller's last look but a look
 * into the future.
 */
static nvmlReturn_t usage_of(nvmlDevice_t device, unsigned long long last_seen, struct usage *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	int n;

	if (status != NVML_SUCCESS)
		return status;
	if (dev.gpu.mig_current)
		return NVML_ERROR_NOT_SUPPORTED;
	n = lab_clients_of(sim_lab(), dev.ref.gpu, -1, -1, ret->client, LAB_MAX_CLIENTS);
	if (n < 0)
		return sim_status(n);
	ret->n = n < LAB_MAX_CLIENTS ? (unsigned)n : LAB_MAX_CLIENTS;
	ret->gpu = sim_busy(&dev, NULL);
	ret->memory = sim_set_or(dev.gpu.set.utilization_memory, 0);
	ret->now = lab_now_us();
	if (ret->n == 0 || ret->gpu + ret->memory == 0 || last_seen >= ret->now)
		return NVML_ERROR_NOT_FOUND;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetProcessUtilization,
	  (nvmlDevice_t device, nvmlProcessUtilizationSample_t *utilization,
	   unsigned int *processSamplesCount, unsigned long long lastSeenTimeStamp),
	  (device, utilization, processSamplesCount, lastSeenTimeStamp))
{
	struct usage u;
	nvmlReturn_t status = usage_of(device, lastSeenTimeStamp, &u);
	unsigned room;

	if (!processSamplesCount && (status == NVML_SUCCESS || status == NVML_ERROR_NOT_FOUND))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (status != NVML_SUCCESS)
		return status;
	room = *processSamplesCount;
	*processSamplesCount = u.n;
	if (!utilization || room < u.n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < u.n; i++)
		utilization[i] = (nvmlProcessUtilizationSample_t){
			.pid = u.client[i].pid,
			.timeStamp = u.now,
			.smUtil = share(u.gpu, u.n, i),
			.memUtil = share(u.memory, u.n, i),
		};
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetProcessesUtilizationInfo,
	  (nvmlDevice_t device, nvmlProcessesUtilizationInfo_t *procesesUtilInfo),
	  (device, procesesUtilInfo))
{
	nvmlProcessesUtilizationInfo_t *info = procesesUtilInfo;
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	struct usage u;
	unsigned room;

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != nvmlProcessesUtilizationInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	status = usage_of(device, info->lastSeenTimeStamp, &u);
	if (status != NVML_SUCCESS)
		return status;
	room = info->processSamplesCount;
	info->processSamplesCount = u.n;
	if (!info->procUtilArray || room < u.n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < u.n; i++)
		info->procUtilArray[i] = (nvmlProcessUtilizationInfo_v1_t){
			.timeStamp = u.now,
			.pid = u.client[i].pid,
			.smUtil = share(u.gpu, u.n, i),
			.memUtil = share(u.memory, u.n, i),
		};
	return NVML_SUCCESS;
}

/* --- samples -------------------------------------------------------------------------------- */

/*
 * The driver keeps the last 119 readings of power, one each 20 ms, and the last 71 of how busy the
 * engines are, one each 200 ms (measured on an H200). A lab remembers no history: its buffer is
 * full of what is set now, at the times at which the driver would have read.
 */
enum { POWER_PERIOD_US = 20000, POWER_SAMPLES = 119, USE_PERIOD_US = 200000, USE_SAMPLES = 71 };

/* By constants, which is a multiplication: a division takes as long as reading the GPU. */
static uint64_t periods(uint64_t us, unsigned period)
{
	return period == POWER_PERIOD_US ? us / POWER_PERIOD_US : us / USE_PERIOD_US;
}

/* Types that nvml.h has beside those of nvmlSamplingType_t that MIG GPUs are asked for. */
enum { MODULE_POWER = 7, JPEG_USE = 8, OFA_USE = 9 };

struct series {
	unsigned value, period, n;
};

/* Clocks are not kept (NOT_FOUND), a module's power is refused (both measured). */
static nvmlReturn_t series_of(const struct sim_dev *dev, unsigned type, struct series *ret)
{
	*ret = (struct series){ .period = USE_PERIOD_US, .n = USE_SAMPLES };
	if (type > OFA_USE || type == MODULE_POWER)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (type == NVML_PROCESSOR_CLK_SAMPLES || type == NVML_MEMORY_CLK_SAMPLES)
		return NVML_ERROR_NOT_FOUND;
	if (type == NVML_TOTAL_POWER_SAMPLES) {
		*ret = (struct series){ .value = lab_power_mw(dev->board, &dev->gpu),
					.period = POWER_PERIOD_US,
					.n = POWER_SAMPLES };
		return NVML_SUCCESS;
	}
	/* As all readings of how busy the whole GPU is (nvml.h). */
	if (dev->gpu.mig_current)
		return NVML_ERROR_NOT_SUPPORTED;
	if (type == NVML_GPU_UTILIZATION_SAMPLES)
		ret->value = sim_busy(dev, NULL);
	else if (type == NVML_MEMORY_UTILIZATION_SAMPLES)
		ret->value = sim_set_or(dev->gpu.set.utilization_memory, 0);
	return NVML_SUCCESS;
}

/*
 * Each is one store of both its words, four of them in a step: there are up to 119, which is more
 * than half of the call.
 */
typedef uint64_t pair_of_words __attribute__((vector_size(16)));

static void put_samples(nvmlSample_t first, unsigned period, unsigned n, nvmlSample_t *ret)
{
	const pair_of_words one = { period, 0 }, four = one * 4;
	pair_of_words a, b, c, d;

	_Static_assert(sizeof(first) == sizeof(a) && offsetof(nvmlSample_t, timeStamp) == 0,
		       "a time and a value");
	memcpy(&a, &first, sizeof(a));
	b = a + one;
	c = b + one;
	d = c + one;
	for (; n >= 4; n -= 4, ret += 4) {
		memcpy(&ret[0], &a, sizeof(a));
		memcpy(&ret[1], &b, sizeof(b));
		memcpy(&ret[2], &c, sizeof(c));
		memcpy(&ret[3], &d, sizeof(d));
		a += four;
		b += four;
		c += four;
		d += four;
	}
	for (; n; n--, ret++, a += one)
		memcpy(ret, &a, sizeof(a));
}

SIM_ENTRY(nvmlDeviceGetSamples,
	  (nvmlDevice_t device, nvmlSamplingType_t type, unsigned long long lastSeenTimeStamp,
	   nvmlValueType_t *sampleValType, unsigned int *sampleCount, nvmlSample_t *samples),
	  (device, type, lastSeenTimeStamp, sampleValType, sampleCount, samples))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	struct series s;
	nvmlSample_t sample = { .sampleValue = { .ullVal = 0 } };
	uint64_t newest, seen;
	unsigned n;

	if (status != NVML_SUCCESS)
		return status;
	if (!sampleValType || !sampleCount || (samples && *sampleCount == 0))
		return NVML_ERROR_INVALID_ARGUMENT;
	status = series_of(&dev, (unsigned)type, &s);
	if (status != NVML_SUCCESS)
		return status;
	/* One grid for all callers, so that what was seen once is not seen again. */
	newest = periods(lab_now_us(), s.period);
	seen = periods(lastSeenTimeStamp, s.period);
	if (newest <= seen)
		return NVML_ERROR_NOT_FOUND;
	n = newest - seen < s.n ? (unsigned)(newest - seen) : s.n;
	*sampleValType = NVML_VALUE_TYPE_UNSIGNED_INT;
	if (samples && *sampleCount < n)
		n = *sampleCount;
	*sampleCount = n;
	if (!samples)
		return NVML_SUCCESS;
	sample.timeStamp = (newest - (n - 1)) * s.period;
	sample.sampleValue.uiVal = s.value;
	put_samples(sample, s.period, n, samples);
	return NVML_SUCCESS;
}
