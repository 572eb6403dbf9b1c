/* SPDX-License-Identifier: Apache-2.0 */
/* Performance states, clock offsets, and what held the clocks back. */
#include "sim/sim.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim/clock.h"
#include "sim/numbers.h"
#include "sim/reading.h"
#include "sim/text.h"

/* --- states --------------------------------------------------------------------------------- */

/* A state stands for a memory clock: P0 the highest, P2 the one below (measured on H200). */
static unsigned state_mem_mhz(const struct mig_board *board, nvmlPstates_t state)
{
	if (state == NVML_PSTATE_0)
		return board->max_mem_mhz;
	return (unsigned)state == 2 ? board->second_mem_mhz : 0;
}

/* size is in bytes; the rest of the array is filled with "unknown". Lowest state first. */
SIM_ENTRY(nvmlDeviceGetSupportedPerformanceStates,
	  (nvmlDevice_t device, nvmlPstates_t *pstates, unsigned int size), (device, pstates, size))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned n = 0, room = size / sizeof(*pstates);

	if (status != NVML_SUCCESS)
		return status;
	if (!pstates)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (room < (dev.board->second_mem_mhz ? 2u : 1u))
		return NVML_ERROR_INSUFFICIENT_SIZE;
	if (dev.board->second_mem_mhz)
		pstates[n++] = (nvmlPstates_t)2;
	pstates[n++] = NVML_PSTATE_0;
	while (n < room && n < NVML_MAX_GPU_PERF_PSTATES)
		pstates[n++] = NVML_PSTATE_UNKNOWN;
	return NVML_SUCCESS;
}

/* Measured on H200: UNKNOWN for a state that the board does not have. */
SIM_ENTRY(nvmlDeviceGetMinMaxClockOfPState,
	  (nvmlDevice_t device, nvmlClockType_t type, nvmlPstates_t pstate,
	   unsigned int *minClockMHz, unsigned int *maxClockMHz),
	  (device, type, pstate, minClockMHz, maxClockMHz))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned mem;

	if (status != NVML_SUCCESS)
		return status;
	if (!minClockMHz || !maxClockMHz || (unsigned)type >= NVML_CLOCK_COUNT ||
	    (unsigned)pstate > NVML_PSTATE_15)
		return NVML_ERROR_INVALID_ARGUMENT;
	mem = state_mem_mhz(dev.board, pstate);
	if (!mem)
		return NVML_ERROR_UNKNOWN;
	if (type == NVML_CLOCK_VIDEO)
		return NVML_ERROR_NOT_SUPPORTED;
	*minClockMHz = type == NVML_CLOCK_MEM ? mem : sim_min_sm_mhz(dev.board);
	*maxClockMHz = type == NVML_CLOCK_MEM ? mem : dev.board->max_sm_mhz;
	return NVML_SUCCESS;
}

/*
 * A number of these texts, which say most of theirs more than once: up to eight digits in a word,
 * the first one lowest, so that putting it is one store.
 */
struct digits {
	uint64_t text;
	uint32_t n, value;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a word's lowest byte comes first");

static struct digits digits_of(unsigned v)
{
	struct digits ret = { .value = v };

	for (; v || !ret.n; v /= 10, ret.n++)
		ret.text = ret.text << 8 | ('0' + v % 10);
	return ret;
}

/* Eight bytes at once where there is room: what comes next overwrites those behind the digits. */
static inline void put_digits(struct sim_text *to, const struct digits *d)
{
	if (to->room - to->n > sizeof(d->text) && d->n <= sizeof(d->text)) {
		memcpy(to->to + to->n, &d->text, sizeof(d->text));
		to->n += d->n;
	} else {
		sim_put_number(to, d->value);
	}
}

/* What a board may be, of both texts. */
struct bounds {
	struct digits min, max;
};

static struct bounds bounds_of(const struct mig_board *b)
{
	return (struct bounds){ digits_of(sim_min_sm_mhz(b)), digits_of(b->max_sm_mhz) };
}

/*
 * "nvclock=..., memclock=..." as an H200 writes it; memory transfers twice a clock. The text goes
 * in and out as a value, so that its place stays in a register.
 */
static struct sim_text put_clocks(const struct bounds *b, const struct digits *sm, unsigned mem,
				  struct sim_text to)
{
	struct digits mhz = digits_of(mem), rate = digits_of(2 * mem);

	SIM_PUT(&to, "nvclock=");
	put_digits(&to, sm);
	SIM_PUT(&to, ", nvclockmin=");
	put_digits(&to, &b->min);
	SIM_PUT(&to, ", nvclockmax=");
	put_digits(&to, &b->max);
	SIM_PUT(&to, ", nvclockeditable=0, memclock=");
	put_digits(&to, &mhz);
	SIM_PUT(&to, ", memclockmin=");
	put_digits(&to, &mhz);
	SIM_PUT(&to, ", memclockmax=");
	put_digits(&to, &mhz);
	SIM_PUT(&to, ", memclockeditable=0, memTransferRate=");
	put_digits(&to, &rate);
	SIM_PUT(&to, ", memTransferRatemin=");
	put_digits(&to, &rate);
	SIM_PUT(&to, ", memTransferRatemax=");
	put_digits(&to, &rate);
	SIM_PUT(&to, ", memTransferRateeditable=0");
	return to;
}

SIM_ENTRY(nvmlDeviceGetCurrentClockFreqs,
	  (nvmlDevice_t device, nvmlDeviceCurrentClockFreqs_t *currentClockFreqs),
	  (device, currentClockFreqs))
{
	struct sim_text to = { .room = sizeof(currentClockFreqs->str) };
	struct bounds bounds;
	struct digits sm;
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!currentClockFreqs)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (currentClockFreqs->version != nvmlDeviceCurrentClockFreqs_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	to.to = currentClockFreqs->str;
	bounds = bounds_of(dev.board);
	sm = digits_of(sim_sm_mhz(&dev));
	(void)put_clocks(&bounds, &sm, sim_mem_mhz(&dev), to);
	return NVML_SUCCESS;
}

/* What the text of a board's modes is made of. */
struct modes_key {
	unsigned min_sm, max_sm, n_mem, mem[2]; /* MHz */
};

/*
 * A text that was made once, kept for the life of the process: making it takes three times as long
 * as all else of the call. It follows from its key alone, so it is never out of date.
 */
struct modes {
	const struct modes *next;
	struct modes_key key;
	size_t size; /* of the text, with its NUL */
	char text[];
};

static const struct modes *_Atomic kept_modes;

static struct modes_key modes_key(const struct mig_board *board)
{
	struct modes_key key = { .min_sm = sim_min_sm_mhz(board), .max_sm = board->max_sm_mhz };

	key.n_mem = sim_mem_clocks(board, key.mem);
	return key;
}

static size_t put_modes(const struct modes_key *key, char *str, size_t room)
{
	const struct bounds bounds = { digits_of(key->min_sm), digits_of(key->max_sm) };
	struct sim_text to = { .to = str, .room = room };

	for (unsigned i = 0; i < key->n_mem; i++) { /* slowest first */
		if (i)
			SIM_PUT(&to, " ; perf=1, ");
		else
			SIM_PUT(&to, "perf=0, ");
		to = put_clocks(&bounds, &bounds.min, key->mem[key->n_mem - 1 - i], to);
	}
	return to.n + 1;
}

/* Not where there is no memory for it. Two at once may both keep it; either serves. */
static void keep_modes(const struct modes_key *key, const char *text, size_t size)
{
	struct modes *m = malloc(sizeof(*m) + size);

	if (!m)
		return;
	m->key = *key;
	m->size = size;
	memcpy(m->text, text, size);
	m->next = atomic_load(&kept_modes);
	while (!atomic_compare_exchange_weak(&kept_modes, &m->next, m))
		;
}

static const struct modes *find_modes(const struct modes_key *key)
{
	const struct modes *m = atomic_load_explicit(&kept_modes, memory_order_acquire);

	while (m && memcmp(&m->key, key, sizeof(*key)) != 0)
		m = m->next;
	return m;
}

SIM_ENTRY(nvmlDeviceGetPerformanceModes, (nvmlDevice_t device, nvmlDevicePerfModes_t *perfModes),
	  (device, perfModes))
{
	const struct modes *kept;
	struct modes_key key;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!perfModes)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (perfModes->version != nvmlDevicePerfModes_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	key = modes_key(dev.board);
	kept = find_modes(&key);
	if (kept)
		memcpy(perfModes->str, kept->text, kept->size);
	else
		keep_modes(&key, perfModes->str,
			   put_modes(&key, perfModes->str, sizeof(perfModes->str)));
	return NVML_SUCCESS;
}

/* GPU, memory, video engines, bus: those four exist (measured on H200). In MIG mode none is told.
 */
SIM_ENTRY(nvmlDeviceGetDynamicPstatesInfo,
	  (nvmlDevice_t device, nvmlGpuDynamicPstatesInfo_t *pDynamicPstatesInfo),
	  (device, pDynamicPstatesInfo))
{
	nvmlGpuDynamicPstatesInfo_t info = { 0 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!pDynamicPstatesInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.gpu.mig_current)
		return NVML_ERROR_NOT_SUPPORTED;
	for (unsigned i = 0; i < 4; i++)
		info.utilization[i].bIsPresent = 1;
	info.utilization[0].percentage = sim_set_or(dev.gpu.set.utilization_gpu, 0);
	info.utilization[1].percentage = sim_set_or(dev.gpu.set.utilization_memory, 0);
	*pDynamicPstatesInfo = info;
	return NVML_SUCCESS;
}

/* Clocks adapt to the voltage (measured on H200); older boards were not asked. */
SIM_ENTRY(nvmlDeviceGetAdaptiveClockInfoStatus,
	  (nvmlDevice_t device, unsigned int *adaptiveClockStatus), (device, adaptiveClockStatus))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!adaptiveClockStatus)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.board->architecture < NVML_DEVICE_ARCH_HOPPER)
		return NVML_ERROR_NOT_SUPPORTED;
	*adaptiveClockStatus = NVML_ADAPTIVE_CLOCKING_INFO_STATUS_ENABLED;
	return NVML_SUCCESS;
}

SIM_REFUSED(nvmlDeviceGetClkMonStatus, (nvmlDevice_t device, nvmlClkMonStatus_t *status_),
	    (device, status_), status_)

/* --- offsets -------------------------------------------------------------------------------- */

/* Measured on H200: an offset of 0 that may be from 0 to 0, so there is none to set. */
static nvmlReturn_t no_offset(nvmlDevice_t device, int *one, int *two)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!one || !two)
		return NVML_ERROR_INVALID_ARGUMENT;
	*one = *two = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetGpcClkVfOffset, (nvmlDevice_t device, int *offset), (device, offset))
{
	return no_offset(device, offset, offset);
}

SIM_ENTRY(nvmlDeviceGetMemClkVfOffset, (nvmlDevice_t device, int *offset), (device, offset))
{
	return no_offset(device, offset, offset);
}

SIM_ENTRY(nvmlDeviceGetGpcClkMinMaxVfOffset, (nvmlDevice_t device, int *minOffset, int *maxOffset),
	  (device, minOffset, maxOffset))
{
	return no_offset(device, minOffset, maxOffset);
}

SIM_ENTRY(nvmlDeviceGetMemClkMinMaxVfOffset, (nvmlDevice_t device, int *minOffset, int *maxOffset),
	  (device, minOffset, maxOffset))
{
	return no_offset(device, minOffset, maxOffset);
}

SIM_REFUSED_SET(nvmlDeviceSetGpcClkVfOffset, (nvmlDevice_t device, int offset), (device, offset),
		offset == 0)
SIM_REFUSED_SET(nvmlDeviceSetMemClkVfOffset, (nvmlDevice_t device, int offset), (device, offset),
		offset == 0)

/* The newer form of the same, for a clock in a state of the board. */
SIM_ENTRY(nvmlDeviceGetClockOffsets, (nvmlDevice_t device, nvmlClockOffset_t *info), (device, info))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != nvmlClockOffset_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if ((unsigned)info->type >= NVML_CLOCK_COUNT || (unsigned)info->pstate > NVML_PSTATE_15)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->type == NVML_CLOCK_VIDEO || !state_mem_mhz(dev.board, info->pstate))
		return NVML_ERROR_NOT_SUPPORTED;
	info->clockOffsetMHz = 0;
	info->minClockOffsetMHz = 0;
	info->maxClockOffsetMHz = 0;
	return NVML_SUCCESS;
}

SIM_REFUSED_V(nvmlDeviceSetClockOffsets, nvmlClockOffset_t, nvmlClockOffset_v1)

/* --- violations ----------------------------------------------------------------------------- */

/*
 * Nanoseconds that a policy held the clocks down since the driver started the GPU, at a time in
 * microseconds (measured on H200: an idle GPU counts low utilization and time below its application
 * clocks, and nothing else). A lab's GPU is idle but for what "lab set" fixes, which counts
 * nowhere.
 */
SIM_ENTRY(nvmlDeviceGetViolationStatus,
	  (nvmlDevice_t device, nvmlPerfPolicyType_t perfPolicyType, nvmlViolationTime_t *violTime),
	  (device, perfPolicyType, violTime))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	uint64_t now = lab_now_us();
	unsigned type = (unsigned)perfPolicyType;

	if (status != NVML_SUCCESS)
		return status;
	if (!violTime || type >= NVML_PERF_POLICY_COUNT ||
	    (type > NVML_PERF_POLICY_RELIABILITY && type < NVML_PERF_POLICY_TOTAL_APP_CLOCKS))
		return NVML_ERROR_INVALID_ARGUMENT;
	violTime->referenceTime = now;
	violTime->violationTime = 0;
	if ((type == NVML_PERF_POLICY_LOW_UTILIZATION ||
	     type >= NVML_PERF_POLICY_TOTAL_APP_CLOCKS) &&
	    now > dev.gpu.loaded_at_us)
		violTime->violationTime = (now - dev.gpu.loaded_at_us) * 1000;
	return NVML_SUCCESS;
}
