/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/gpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <migkit/boards.h>
#include <migkit/driver.h>
#include <migkit/names.h>

#include "base/util.h"
#include "model/boards.h"

/*
 * Which media engines a profile claims, by NVML's index: a driver before R510 has no call that
 * tells the name.
 */
static enum mig_media media_of(unsigned index)
{
	switch (index) {
	case NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1:
	case NVML_GPU_INSTANCE_PROFILE_2_SLICE_REV1:
		return MIG_MEDIA_ME;
	case NVML_GPU_INSTANCE_PROFILE_1_SLICE_GFX:
	case NVML_GPU_INSTANCE_PROFILE_2_SLICE_GFX:
	case NVML_GPU_INSTANCE_PROFILE_4_SLICE_GFX:
	case NVML_GPU_INSTANCE_PROFILE_3_SLICE_GFX:
		return MIG_MEDIA_GFX;
	case NVML_GPU_INSTANCE_PROFILE_1_SLICE_NO_ME:
	case NVML_GPU_INSTANCE_PROFILE_2_SLICE_NO_ME:
		return MIG_MEDIA_NO_ME;
	case NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME:
	case NVML_GPU_INSTANCE_PROFILE_2_SLICE_ALL_ME:
		return MIG_MEDIA_ME_ALL;
	default:
		return MIG_MEDIA_PLAIN;
	}
}

static void set_name(struct mig_gi_profile *p, const char *name)
{
	struct mig_name parsed;

	if (mig_name_parse(name, &parsed, NULL) < 0)
		return;
	(void)mig_name_format(&parsed, p->name, sizeof(p->name));
	p->media = (uint8_t)parsed.media;
}

static nvmlReturn_t ask_info(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu,
			     unsigned index, struct mig_gi_profile *ret)
{
	nvmlGpuInstanceProfileInfo_v2_t v2 = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstanceProfileInfo_t v1 = { 0 };
	nvmlReturn_t status =
		OBSERVE_CALL(o, gpu, nvmlDeviceGetGpuInstanceProfileInfoV, dev, index, &v2);

	if (status == NVML_ERROR_FUNCTION_NOT_FOUND ||
	    status == NVML_ERROR_ARGUMENT_VERSION_MISMATCH) {
		v2.name[0] = '\0';
		status = OBSERVE_CALL(o, gpu, nvmlDeviceGetGpuInstanceProfileInfo, dev, index, &v1);
		v2.id = v1.id;
		v2.isP2pSupported = v1.isP2pSupported;
		v2.sliceCount = v1.sliceCount;
		v2.instanceCount = v1.instanceCount;
		v2.multiprocessorCount = v1.multiprocessorCount;
		v2.copyEngineCount = v1.copyEngineCount;
		v2.decoderCount = v1.decoderCount;
		v2.encoderCount = v1.encoderCount;
		v2.jpegCount = v1.jpegCount;
		v2.ofaCount = v1.ofaCount;
		v2.memorySizeMB = v1.memorySizeMB;
	}
	if (status)
		return status;
	*ret = (struct mig_gi_profile){
		.id = (uint16_t)v2.id,
		.index = (uint16_t)index,
		.slices = (uint8_t)v2.sliceCount,
		.total = (uint8_t)v2.instanceCount,
		.memory_mb = (uint32_t)v2.memorySizeMB,
		.sm = (uint16_t)v2.multiprocessorCount,
		.ce = (uint8_t)v2.copyEngineCount,
		.dec = (uint8_t)v2.decoderCount,
		.enc = (uint8_t)v2.encoderCount,
		.jpeg = (uint8_t)v2.jpegCount,
		.ofa = (uint8_t)v2.ofaCount,
		.p2p = (uint8_t)v2.isP2pSupported,
		.media = (uint8_t)media_of(index),
	};
	v2.name[sizeof(v2.name) - 1] = '\0';
	set_name(ret, v2.name);
	return NVML_SUCCESS;
}

static int by_start(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* The order of -lgip: by slices, memory, id (src/smi/mig_gi.c). */
static int by_size(const void *a, const void *b)
{
	const struct mig_gi_profile *p = a, *q = b;

	if (p->slices != q->slices)
		return p->slices < q->slices ? -1 : 1;
	if (p->memory_mb != q->memory_mb)
		return p->memory_mb < q->memory_mb ? -1 : 1;
	return (p->id > q->id) - (p->id < q->id);
}

/* Room for what any driver lists: it writes as many as it has, however many were asked for. */
#define PLACEMENTS 64

static nvmlReturn_t ask_placements(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu,
				   struct mig_gi_profile *p)
{
	nvmlGpuInstancePlacement_t list[PLACEMENTS] = { { 0 } };
	unsigned int n = PLACEMENTS;
	nvmlReturn_t status = OBSERVE_MANAGED(o, gpu, nvmlDeviceGetGpuInstancePossiblePlacements_v2,
					      dev, p->id, list, &n);

	if (status == NVML_ERROR_FUNCTION_NOT_FOUND) {
		n = PLACEMENTS;
		status = OBSERVE_MANAGED(o, gpu, nvmlDeviceGetGpuInstancePossiblePlacements, dev,
					 p->id, list, &n);
	}
	if (status)
		return status;
	/* More than a board's value holds would be a layout of a kind that we don't know. */
	if (!n || n > MIG_MAX_STARTS)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < n; i++) {
		if (list[i].size != list[0].size || list[i].start > 63 || !list[i].size ||
		    list[i].start + list[i].size > 64)
			return NVML_ERROR_UNKNOWN;
		p->starts[i] = (uint8_t)list[i].start;
	}
	qsort(p->starts, n, sizeof(p->starts[0]), by_start);
	p->n_starts = (uint8_t)n;
	p->size = (uint8_t)list[0].size;
	return NVML_SUCCESS;
}

/* The board of our data that is the same product: by PCI id, and by name where two share one. */
static bool find_data(const struct observe *o, const struct mig_gpu *gpu, struct mig_board *ret)
{
	const struct mig_board_def *def;
	bool found = false;

	for (unsigned i = 0; (def = mig_board_at(i)); i++) {
		const struct mig_figure *id = &def->fig[MIG_FIG_PCI_DEVICE_ID];
		struct mig_board board;

		if (!id->n || (uint32_t)id->v[0].value != gpu->board.pci_device_id)
			continue;
		if (mig_board_resolve(def, o->s->driver, &board, NULL) < 0)
			continue;
		if (!found || !strcmp(board.name, gpu->name))
			*ret = board;
		found = true;
	}
	return found;
}

static const struct mig_gi_profile *profile_of(const struct mig_board *board, unsigned id)
{
	for (unsigned i = 0; board && i < board->n_gi; i++)
		if (board->gi[i].id == id)
			return &board->gi[i];
	return NULL;
}

/*
 * A profile whose placements the driver does not tell (an ordinary user; +me before R470's _v2):
 * those of our data for the same product, else of a listed profile of the same memory.
 */
static bool borrow_placements(const struct mig_board *data, const struct mig_board *board,
			      struct mig_gi_profile *p)
{
	const struct mig_gi_profile *from = profile_of(data, p->id);

	for (unsigned i = 0; !from && i < board->n_gi; i++)
		if (board->gi[i].n_starts && board->gi[i].memory_mb == p->memory_mb &&
		    board->gi[i].slices == p->slices)
			from = &board->gi[i];
	if (!from)
		return false;
	memcpy(p->starts, from->starts, sizeof(p->starts));
	p->n_starts = from->n_starts;
	p->size = from->size;
	p->unconfirmed |= MIG_UNCONFIRMED_PLACEMENT;
	return true;
}

static void list_profiles(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu,
			  const struct mig_board *data)
{
	struct mig_board *b = &gpu->board;

	/* Up to the first that is no index any more; later drivers have more than the header. */
	for (unsigned index = 0; index < 64 && b->n_gi < MIG_MAX_GI_PROFILES; index++) {
		nvmlReturn_t status = ask_info(o, dev, gpu, index, &b->gi[b->n_gi]);

		if (status == NVML_ERROR_INVALID_ARGUMENT || status == NVML_ERROR_GPU_IS_LOST)
			break;
		b->n_gi += !status;
	}
	qsort(b->gi, b->n_gi, sizeof(b->gi[0]), by_size);
	for (unsigned i = 0; i < b->n_gi; i++)
		(void)ask_placements(o, dev, gpu, &b->gi[i]);
	gpu->board_origin = b->n_gi ? MIG_BOARD_FROM_NVML : MIG_BOARD_NONE;
	for (unsigned i = b->n_gi; i-- > 0;) {
		if (b->gi[i].n_starts)
			continue;
		gpu->board_origin = MIG_BOARD_FROM_DATA;
		if (!borrow_placements(data, b, &b->gi[i]))
			memmove(&b->gi[i], &b->gi[i + 1], (--b->n_gi - i) * sizeof(b->gi[0]));
	}
}

/* What follows from the profiles and placements, and from the chip and the driver. */
static void set_geometry(const struct observe *o, struct mig_board *b)
{
	bool has_4g3g = false;

	for (unsigned i = 0; i < b->n_gi; i++) {
		const struct mig_gi_profile *p = &b->gi[i];
		unsigned end = p->starts[p->n_starts - 1] + p->size;

		if (p->slices > b->compute_slices)
			b->compute_slices = p->slices;
		if (end > b->units)
			b->units = (uint8_t)end;
		has_4g3g |= p->slices == 3;
	}
	/* Boards of seven compute slices have eight of memory; those of four have four (guide). */
	b->memory_slices = b->compute_slices > 4 ? 8 : b->compute_slices;
	b->numbering = b->units == 8 ? MIG_NUMBERING_I : MIG_NUMBERING_QUARTER;
	b->numbering_fixed = b->units != 8;
	/* Ampere alone: a mode change there takes a reset, and the mode survives a reboot. */
	b->mode_needs_reset = b->mode_persistent = b->architecture == NVML_DEVICE_ARCH_AMPERE;
	b->gi_beside_4g3g = !has_4g3g || mig_driver_major(o->s->driver) >= 510;
}

static void name_profiles(struct mig_board *b)
{
	for (unsigned i = 0; i < b->n_gi; i++) {
		struct mig_gi_profile *p = &b->gi[i];
		struct mig_name name = { .gi_slices = p->slices, .media = p->media };

		if (p->name[0])
			continue;
		name.memory_gb = mig_board_name_gb(b->memory_total_mib, p->size, b->units);
		(void)mig_name_format(&name, p->name, sizeof(p->name));
	}
}

static void set_ci_profiles(const struct mig_board *data, struct mig_board *b)
{
	for (unsigned i = 0; i < b->n_gi; i++) {
		const struct mig_gi_profile *same = profile_of(data, b->gi[i].id);

		if (!same || !same->n_ci) {
			observe_ci_by_family(b, &b->gi[i]);
			continue;
		}
		b->gi[i].n_ci = same->n_ci;
		memcpy(b->gi[i].ci, same->ci, sizeof(same->ci));
	}
}

void observe_board(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	_cleanup_free_ struct mig_board *data = calloc(1, sizeof(*data));
	struct mig_board *b = &gpu->board;
	unsigned int arch = 0;
	int major = 0, minor = 0;

	if (!data)
		return;
	snprintf(b->name, sizeof(b->name), "%.63s", gpu->name);
	if (!OBSERVE_CALL(o, gpu, nvmlDeviceGetCudaComputeCapability, dev, &major, &minor)) {
		b->cc_major = (uint32_t)major;
		b->cc_minor = (uint32_t)minor;
	}
	/* R450 has no call for the architecture; all that have MIG there are Ampere. */
	if (!OBSERVE_CALL(o, gpu, nvmlDeviceGetArchitecture, dev, &arch))
		b->architecture = arch;
	else if (major == 8)
		b->architecture = NVML_DEVICE_ARCH_AMPERE;
	if (gpu->memory_total.status == MIG_NOT_ASKED)
		observe_memory(o, dev, gpu, &gpu->memory_used, &gpu->memory_free,
			       &gpu->memory_total);
	if (!gpu->memory_total.status)
		b->memory_total_mib = (uint32_t)(gpu->memory_total.value >> 20);
	if (find_data(o, gpu, data)) {
		snprintf(b->key, sizeof(b->key), "%s", data->key);
		if (!b->memory_total_mib)
			b->memory_total_mib = data->memory_total_mib;
	} else {
		free(data);
		data = NULL;
	}
	list_profiles(o, dev, gpu, data);
	set_geometry(o, b);
	name_profiles(b);
	set_ci_profiles(data, b);
}

void observe_remaining(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	for (unsigned i = 0; i < gpu->board.n_gi; i++) {
		unsigned int n = 0;
		nvmlReturn_t status =
			OBSERVE_MANAGED(o, gpu, nvmlDeviceGetGpuInstanceRemainingCapacity, dev,
					gpu->board.gi[i].id, &n);

		gpu->remaining[i] =
			(struct mig_reading){ .status = (int32_t)status, .value = status ? 0 : n };
	}
}
