/* SPDX-License-Identifier: Apache-2.0 */
/* Field values: readings by number */
#include "sim/sim.h"

#include "sim/reading.h"
#include "sim/topology.h"

/*
 * One table: which number is read how, as what type. Types, scopes and codes are those of an H200
 * with driver 580 (measured, every number with scopes 0 to 3, 17 and all ones), where a dedicated
 * function exists the value is its value. Numbers without a row that the driver knows answer
 * NOT_SUPPORTED, others INVALID_ARGUMENT. A value that nothing in a lab moves is 0.
 *
 * The recording left the power limits (187 to 190, 192) and the distances to temperatures (193 to
 * 196) untouched; nvidia-smi prints them on the same driver, and their types are from there.
 */

enum scope {
	ANY,	  /* no meaning */
	SMALL,	  /* no meaning, but all ones are refused */
	LINK,	  /* an NVLink */
	LINK_ALL, /* an NVLink, or all of them together */
	LINK_NEW, /* an NVLink, on Hopper and later */
	LANE,	  /* a lane of the PCIe link */
	POWER,	  /* NVML_POWER_SCOPE_*: the GPU, its module, its memory */
	POWER_GPU /* the same where only the GPU has one */
};

#define ALL_ONES     0xffffffffu
#define LARGEST	     36u /* a scope that cannot be one: an H200 takes 17 and refuses all ones */
#define FI_ENERGY    191u
#define SCOPE_MEMORY 2u

/* What is asked for: a number of a GPU, at a moment. */
struct asked {
	const struct sim_dev *dev;
	unsigned id;
	uint64_t now_us;
};

/* false: this board has no such reading. */
typedef bool read_fn(const struct asked *a, uint64_t *ret);

static bool zero(const struct asked *a, uint64_t *ret)
{
	(void)a;
	*ret = 0;
	return true;
}

static uint64_t set_or_0(int32_t set)
{
	return set > 0 ? (uint64_t)set : 0;
}

static bool ecc_mode(const struct asked *a, uint64_t *ret)
{
	*ret = a->id == 1 ? a->dev->gpu.ecc_current : a->dev->gpu.ecc_pending;
	return true;
}

static bool ecc_errors(const struct asked *a, uint64_t *ret)
{
	const int32_t counters[] = { a->dev->gpu.set.ecc_volatile_corrected,
				     a->dev->gpu.set.ecc_volatile,
				     a->dev->gpu.set.ecc_aggregate_corrected,
				     a->dev->gpu.set.ecc_aggregate };

	*ret = set_or_0(counters[a->id - 3]);
	return a->dev->gpu.ecc_current;
}

static bool remapped(const struct asked *a, uint64_t *ret)
{
	const int32_t rows[] = { a->dev->gpu.set.remapped_correctable,
				 a->dev->gpu.set.remapped_uncorrectable,
				 a->dev->gpu.set.remap_pending > 0, a->dev->gpu.set.remap_failure };

	*ret = set_or_0(rows[a->id - 142]);
	return true;
}

/* Of them those that are not in use yet; 301 of correctable errors, 302 of others. */
static bool waiting_rows(const struct asked *a, uint64_t *ret)
{
	*ret = a->id == 302 ? sim_waiting_rows(a->dev) : 0;
	return true;
}

/*
 * 226: a reset is due; 230: which action would help, 1 being a reset. The others are about draining
 * and PCIe atomics.
 */
static bool recovery(const struct asked *a, uint64_t *ret)
{
	*ret = (a->id == 226 || a->id == 230) && a->dev->gpu.needs_reset;
	return true;
}

/* Nanoseconds: an idle GPU is below its clocks for want of work all the time, for nothing else. */
static bool policy(const struct asked *a, uint64_t *ret)
{
	uint64_t since = a->dev->gpu.loaded_at_us;

	*ret = 0;
	if ((a->id == 78 || a->id == 80 || a->id == 81) && a->now_us > since)
		*ret = (a->now_us - since) * 1000;
	return true;
}

static bool memory_temperature(const struct asked *a, uint64_t *ret)
{
	*ret = (uint64_t)sim_temperature(a->dev);
	return true;
}

static bool energy(const struct asked *a, uint64_t *ret)
{
	*ret = lab_energy_mj(a->dev->board, &a->dev->gpu, a->now_us);
	return true;
}

static bool links(const struct asked *a, uint64_t *ret)
{
	*ret = a->id == 147 && a->dev->con->nvlink != LAB_NVLINK_SWITCH ? 0 : sim_links(a->dev);
	return sim_links(a->dev) > 0;
}

/* Counters of each of twelve links by numbers of their own: an A100's. Hopper has none of them. */
static bool old_link_counter(const struct asked *a, uint64_t *ret)
{
	*ret = 0;
	return sim_links_active(a->dev) && a->dev->board->architecture < NVML_DEVICE_ARCH_HOPPER;
}

static bool old_link_speed(const struct asked *a, uint64_t *ret)
{
	*ret = sim_link_mbps(a->dev);
	return sim_links_active(a->dev) && a->dev->board->architecture < NVML_DEVICE_ARCH_HOPPER;
}

/* Of a link: 164 speed, 165 state, 166 version, 167 low power, 168 after how many units idle. */
static bool link(const struct asked *a, uint64_t *ret)
{
	const uint64_t values[] = { sim_link_mbps(a->dev), sim_links_active(a->dev),
				    sim_link_version(a->dev), 1, 500 };

	*ret = values[a->id - 164];
	return true;
}

/* The smallest and largest threshold, its unit (100 us) and whether there is one, on Hopper. */
static bool link_threshold(const struct asked *a, uint64_t *ret)
{
	*ret = a->id == 200 ? 0x1fff : a->id == 223 ? 1 : a->id == 224 ? 0 : 2;
	return sim_links_active(a->dev) && a->dev->board->architecture >= NVML_DEVICE_ARCH_HOPPER;
}

/* Hopper changes its MIG mode without a reset, and tells its profiles with MIG off. */
static bool mig_without_reset(const struct asked *a, uint64_t *ret)
{
	*ret = !a->dev->board->mode_needs_reset;
	return true;
}

static bool power(const struct asked *a, uint64_t *ret)
{
	const struct mig_board *b = a->dev->board;

	switch (a->id) {
	case NVML_FI_DEV_POWER_AVERAGE:
	case NVML_FI_DEV_POWER_INSTANT:
		*ret = lab_power_mw(b, &a->dev->gpu);
		break;
	case NVML_FI_DEV_POWER_MIN_LIMIT:
		*ret = b->power_min_mw;
		break;
	case NVML_FI_DEV_POWER_MAX_LIMIT:
		*ret = b->power_max_mw;
		break;
	case NVML_FI_DEV_POWER_DEFAULT_LIMIT:
		*ret = b->power_limit_mw;
		break;
	default:
		*ret = sim_power_limit_mw(a->dev);
		break;
	}
	return true;
}

/* Distances to the highest operating temperature: 0 at it, negative beyond (measured on H100). */
static bool distance(const struct asked *a, uint64_t *ret)
{
	int max = sim_max_temperature(a->dev->board), v = 0;

	if (a->id == NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)
		v = max - a->dev->board->shutdown_c;
	else if (a->id == NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)
		v = max - a->dev->board->slowdown_c;
	*ret = (uint64_t)(int64_t)v;
	return max > 0;
}

/* In the order of their numbers: find() relies on it. */
static const struct row {
	uint16_t first, last;
	uint8_t type; /* nvmlValueType_t */
	uint8_t scope;
	read_fn *read;
	bool known; /* by the driver, without asking the GPU */
} rows[] = {
#define ULL NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
#define UI  NVML_VALUE_TYPE_UNSIGNED_INT
	{ 1, 2, ULL, ANY, ecc_mode, true },
	{ 3, 6, ULL, ANY, ecc_errors },
	{ 32, 59, ULL, ANY, old_link_counter }, /* errors of links 0 to 5, and totals */
	{ 74, 81, ULL, ANY, policy },
	{ 82, 82, UI, ANY, memory_temperature },
	{ 83, 83, ULL, ANY, energy },
	{ 84, 90, UI, ANY, old_link_speed },
	{ 91, 91, UI, ANY, links, true },
	{ 94, 95, UI, ANY, zero },		 /* PCIe replays */
	{ 96, 119, ULL, ANY, old_link_counter }, /* errors of links 6 to 11 */
	{ 132, 137, UI, ANY, old_link_speed },
	{ 138, 141, ULL, LINK_ALL, zero }, /* KiB sent and received */
	{ 142, 145, ULL, ANY, remapped },
	{ 146, 146, UI, LINK, zero },		  /* number of the link at the other end */
	{ 147, 147, UI, ANY, links, true },	  /* to a switch */
	{ 148, 160, ULL, ANY, old_link_counter }, /* memory errors of links */
	{ 161, 163, ULL, LINK_ALL, zero },	  /* replays, recoveries, CRC errors */
	{ 164, 166, UI, LINK, link },
	{ 167, 168, UI, LINK_NEW, link },
	{ 169, 169, UI, SMALL, zero }, /* PCIe recoveries */
	{ 173, 182, UI, SMALL, zero }, /* PCIe errors by kind */
	{ 183, 183, UI, LANE, zero },
	{ 184, 184, UI, SMALL, mig_without_reset, true },
	{ 185, 185, UI, POWER, power },
	{ 186, 190, UI, POWER_GPU, power },
	{ 191, 191, ULL, POWER_GPU, energy },
	{ 192, 192, UI, POWER_GPU, power },
	{ 193, 196, NVML_VALUE_TYPE_SIGNED_INT, SMALL, distance, true },
	{ 197, 198, UI, SMALL, zero }, /* PCIe bytes */
	{ 199, 199, UI, SMALL, mig_without_reset, true },
	{ 200, 200, UI, SMALL, link_threshold },
	{ 223, 225, UI, SMALL, link_threshold },
	{ 226, 230, UI, ANY, recovery, true },
	{ 269, 271, ULL, ANY, zero }, /* time that clocks were held down */
	{ 301, 302, ULL, ANY, waiting_rows },
#undef ULL
#undef UI
};

/*
 * Highest number that a driver knows: its nvml.h's NVML_FI_MAX, by the CUDA release it came with;
 * or what its nvidia-smi asks for, that of R535 for the reset status, 226 and 227.
 */
static unsigned highest(unsigned driver)
{
	static const struct {
		uint16_t since, highest;
	} known[] = { { 575, 302 }, { 555, 273 }, { 535, 227 }, { 530, 199 },
		      { 525, 169 }, { 520, 166 }, { 510, 160 }, { 0, 146 } };
	unsigned i = 0;

	while (driver < known[i].since)
		i++;
	return known[i].highest;
}

/* Numbers of nvml.h that an H200 does not know, among those that it does. */
static bool unknown(unsigned id)
{
	return id == 274 || (id >= 289 && id <= 293) || (id >= 296 && id <= 300);
}

/* What a scope may be; an A100 has links whose state and speed are asked for without one. */
static nvmlReturn_t check_scope(const struct sim_dev *dev, const struct row *row, unsigned id,
				unsigned scope)
{
	bool is_link = scope < sim_links(dev);

	switch (row->scope) {
	case LINK:
	case LINK_ALL:
		if (!sim_links_active(dev) || sim_links(dev) == 0)
			return NVML_ERROR_NOT_SUPPORTED;
		if (row->scope == LINK_ALL && scope == ALL_ONES)
			return NVML_SUCCESS;
		return is_link ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
	case LINK_NEW:
		if (!sim_links_active(dev) || dev->board->architecture < NVML_DEVICE_ARCH_HOPPER)
			return NVML_ERROR_NOT_SUPPORTED;
		return is_link ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
	case SMALL:
		return scope < LARGEST ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
	case LANE:
		return scope < 16 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
	case POWER:
	case POWER_GPU:
		if (scope == NVML_POWER_SCOPE_GPU ||
		    (row->scope == POWER && scope == SCOPE_MEMORY && dev->board->memory_power_mw))
			return NVML_SUCCESS;
		/* A module's is not known, a memory's of some boards: N/A in nvidia-smi. */
		return scope <= SCOPE_MEMORY || id == FI_ENERGY ? NVML_ERROR_NOT_SUPPORTED
								: NVML_ERROR_INVALID_ARGUMENT;
	default:
		return NVML_SUCCESS;
	}
}

/* By halves, as rows are in order: a look at each was half of what a value took. */
static const struct row *find(unsigned id)
{
	size_t from = 0, to = sizeof(rows) / sizeof(rows[0]);

	while (from < to) {
		size_t i = (from + to) / 2;

		if (id > rows[i].last)
			from = i + 1;
		else if (id < rows[i].first)
			to = i;
		else
			return &rows[i];
	}
	return NULL;
}

static nvmlReturn_t read_value(const struct sim_dev *dev, uint64_t now, nvmlFieldValue_t *f,
			       uint64_t *ret)
{
	const struct asked asked = { .dev = dev, .id = f->fieldId, .now_us = now };
	const struct row *row = find(f->fieldId);
	nvmlReturn_t status;

	if (f->fieldId < 1 || f->fieldId > highest(dev->con->driver_major) || unknown(f->fieldId))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!row)
		return NVML_ERROR_NOT_SUPPORTED;
	status = check_scope(dev, row, f->fieldId, f->scopeId);
	if (status == NVML_SUCCESS && !row->known)
		status = sim_alive(dev);
	if (status != NVML_SUCCESS)
		return status;
	if (row->scope == POWER && f->scopeId == SCOPE_MEMORY)
		*ret = dev->board->memory_power_mw;
	else if (!row->read(&asked, ret))
		return NVML_ERROR_NOT_SUPPORTED;
	f->valueType = (nvmlValueType_t)row->type;
	return NVML_SUCCESS;
}

/* It takes nanoseconds, so the microseconds that it took are none. */
static void field(const struct sim_dev *dev, uint64_t now, nvmlFieldValue_t *f)
{
	uint64_t value = 0;

	f->nvmlReturn = read_value(dev, now, f, &value);
	f->timestamp = f->latencyUsec = 0;
	if (f->nvmlReturn != NVML_SUCCESS)
		return;
	f->timestamp = (long long)now;
	f->value.ullVal = 0;
	if (f->valueType == NVML_VALUE_TYPE_UNSIGNED_LONG_LONG)
		f->value.ullVal = value;
	else if (f->valueType == NVML_VALUE_TYPE_SIGNED_INT)
		f->value.siVal = (int)(int64_t)value;
	else
		f->value.uiVal = (unsigned)value;
}

/* Readings by number: all of one moment, and with one time. */
SIM_ENTRY(nvmlDeviceGetFieldValues,
	  (nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values),
	  (device, valuesCount, values))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	uint64_t now;

	if (status != NVML_SUCCESS)
		return status;
	if (!values || valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	/* They are of one copy of the GPU, and looking at the clock takes longer than a value does.
	 */
	now = lab_now_us();
	for (int i = 0; i < valuesCount; i++)
		field(&dev, now, &values[i]);
	return NVML_SUCCESS;
}

/* Counters that may be cleared are the links' (nvml.h); in a lab they are 0 and stay so. */
SIM_ENTRY(nvmlDeviceClearFieldValues,
	  (nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values),
	  (device, valuesCount, values))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	uint64_t now;

	if (status != NVML_SUCCESS)
		return status;
	if (!values || valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	status = sim_may_manage();
	if (status != NVML_SUCCESS)
		return status;
	now = lab_now_us();
	for (int i = 0; i < valuesCount; i++) {
		uint64_t value;

		values[i].nvmlReturn = read_value(&dev, now, &values[i], &value);
		if (values[i].nvmlReturn == NVML_SUCCESS &&
		    (find(values[i].fieldId)->scope != LINK_ALL))
			values[i].nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
	}
	return NVML_SUCCESS;
}
