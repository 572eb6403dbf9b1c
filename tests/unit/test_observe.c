/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=240 */
/*
 * Snapshots of a simulated machine, and what becomes of them when a call is refused: every call in
 * turn, with every kind of code, for all GPUs and for one of two.
 */
#include <errno.h>
#include <stdint.h>

#include "observe/observe.h"
#include "spec/snapshot_json.h"
#include "unit/abi_fixture.h"

typedef nvmlReturn_t any_call(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

static const char *const names[] = {
#define NAME(sym, need, args) #sym,
	NVML_CALLS(NAME)
#undef NAME
};
#define N_CALLS (sizeof(names) / sizeof(names[0]))
#define WISH	(OBSERVE_ALL & ~(unsigned)OBSERVE_HOLDERS)

/* One call stands in for another: it fails with the code, of one GPU (first argument) or always. */
static struct {
	any_call *real;
	nvmlReturn_t code;
	bool always;
	uintptr_t first;
	unsigned n;
} stand_in;

static nvmlReturn_t refuse(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e,
			   uintptr_t f)
{
	if (!stand_in.always && a != stand_in.first)
		return stand_in.real(a, b, c, d, e, f);
	stand_in.n++;
	return stand_in.code;
}

static void replace(struct nvml_api *api, size_t i, any_call *fn)
{
	memcpy((char *)api + offsetof(struct nvml_api, nvmlInit) + i * sizeof(fn), &fn, sizeof(fn));
}

static any_call *call(const struct nvml_api *api, size_t i)
{
	any_call *fn;

	memcpy(&fn, (const char *)api + offsetof(struct nvml_api, nvmlInit) + i * sizeof(fn),
	       sizeof(fn));
	return fn;
}

static struct mig_snapshot *take(const struct nvml_api *api, const char *gpus, unsigned wish)
{
	struct mig_error err = { 0 };
	struct mig_snapshot *s = NULL;
	int r = observe_machine(api, gpus, wish, &s, &err);

	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
	return s;
}

/* MIG on and instances on GPU 0: a 3g with two 1c, a 2g, a 1g+me without a compute instance. */
static void set_up(const struct nvml_api *api)
{
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlDevice_t dev;

	CHECK_EQ(api->nvmlDeviceGetHandleByIndex_v2(0, &dev), 0);
	CHECK_EQ(api->nvmlDeviceSetMigMode(dev, 1, &activation), 0);
	CHECK_EQ(api->nvmlDeviceCreateGpuInstance(dev, 9, &gi), 0);
	CHECK_EQ(api->nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci), 0);
	CHECK_EQ(api->nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci), 0);
	CHECK_EQ(api->nvmlDeviceCreateGpuInstance(dev, 14, &gi), 0);
	CHECK_EQ(api->nvmlGpuInstanceCreateComputeInstance(gi, 1, &ci), 0);
	CHECK_EQ(api->nvmlDeviceCreateGpuInstance(dev, 20, &gi), 0);
}

static void whole(const struct mig_snapshot *s)
{
	const struct mig_gpu *gpu = &s->gpu[0];
	const struct mig_gi *gi;

	CHECK_EQ(s->n_gpu, 2);
	CHECK(s->lab && s->privileged && !s->recorded);
	CHECK_STR(s->source, "lab lab");
	CHECK_STR(s->driver, "580.65.06");
	CHECK_STR(s->cuda, "13.0");
	CHECK_EQ(gpu->status, 0);
	CHECK_STR(gpu->board.key, "a100-80gb-sxm");
	CHECK_EQ(gpu->board_origin, MIG_BOARD_FROM_NVML);
	CHECK_EQ(gpu->board.n_gi, 7);
	CHECK_EQ(gpu->mode, MIG_MODE_ON);
	CHECK_EQ(gpu->n_gi, 3);
	/* The lab counts as boards of kind X do: a 3g at 4 is number 1. */
	CHECK_EQ(gpu->board.numbering, MIG_NUMBERING_X);
	gi = &gpu->gi[0];
	CHECK_EQ(gi->id, 1);
	CHECK_STR(gpu->board.gi[gi->profile].name, "3g.40gb");
	CHECK_EQ(gi->start, 4);
	CHECK_EQ(gi->size, 4);
	CHECK_EQ(gi->n_ci, 2);
	CHECK_STR(gi->ci[1].name, "1c.3g.40gb");
	CHECK_EQ(gi->ci[1].start, 1);
	CHECK_EQ(gi->ci[1].sm.value, 14);
	CHECK_EQ(gi->ci[1].mig_index, 1);
	CHECK(!strncmp(gi->ci[1].uuid, "MIG-", 4));
	CHECK_EQ(gi->ci_starts[0], 7);
	CHECK_EQ(gpu->gi[2].n_ci, 0);
	CHECK_EQ(gpu->remaining[0].value, 1); /* 1g.10gb, beside 3g, 2g and 1g+me */
	CHECK_EQ(s->gpu[1].mode, MIG_MODE_OFF);
	CHECK_EQ(s->gpu[1].n_gi, 0);
	CHECK_EQ(s->gpu[1].remaining[0].value, 7);
}

/* A reading is what it was, or says why it is not there; never 0 for want of an answer. */
static void honest(const struct mig_reading *r, const struct mig_reading *was)
{
	if (r->status) {
		CHECK_EQ(r->value, 0);
		return;
	}
	CHECK_EQ(was->status, 0);
	CHECK_EQ(r->value, was->value);
}

static const struct mig_ci *find_ci(const struct mig_gpu *gpu, unsigned gi, unsigned ci)
{
	for (unsigned g = 0; g < gpu->n_gi; g++)
		for (unsigned c = 0; gpu->gi[g].id == gi && c < gpu->gi[g].n_ci; c++)
			if (gpu->gi[g].ci[c].id == ci)
				return &gpu->gi[g].ci[c];
	return NULL;
}

static void honest_gpu(const struct mig_gpu *gpu, const struct mig_gpu *was, bool older_memory)
{
	/* The older call counts what the driver holds for itself as used, too (measured). */
	if (!older_memory)
		honest(&gpu->memory_used, &was->memory_used);
	honest(&gpu->memory_total, &was->memory_total);
	CHECK(!gpu->uuid[0] || !strcmp(gpu->uuid, was->uuid));
	for (unsigned i = 0; i < gpu->board.n_gi && gpu->board.n_gi == was->board.n_gi; i++)
		honest(&gpu->remaining[i], &was->remaining[i]);
	for (unsigned g = 0; g < gpu->n_gi; g++) {
		const struct mig_gi *gi = &gpu->gi[g];

		CHECK(gi->profile == UINT8_MAX || gi->profile < gpu->board.n_gi);
		for (unsigned c = 0; c < gi->n_ci; c++) {
			const struct mig_ci *old = find_ci(was, gi->id, gi->ci[c].id);

			CHECK(old != NULL);
			if (!older_memory)
				honest(&gi->ci[c].memory_used, &old->memory_used);
			honest(&gi->ci[c].sm, &old->sm);
			CHECK(!gi->ci[c].uuid[0] || !strcmp(gi->ci[c].uuid, old->uuid));
			CHECK(gi->ci[c].start == MIG_START_UNKNOWN ||
			      gi->ci[c].start == old->start);
		}
	}
}

/* What was observed can be written, and what was written can be read: the same text again. */
static void round_trip(const struct mig_snapshot *s)
{
	char *text = observe_text(s), *again;
	struct mig_snapshot *back = NULL;
	struct mig_error err = { 0 };
	int r;

	CHECK(text != NULL);
	r = spec_snapshot_parse("recording", text, strlen(text), &back, &err);
	if (r < 0)
		fprintf(stderr, "%s\n%s\n", err.msg, text);
	CHECK_EQ(r, 0);
	CHECK(back->recorded);
	CHECK_STR(back->source, "recording");
	snprintf(back->source, sizeof(back->source), "%s", s->source);
	again = observe_text(back);
	CHECK_STR(again, text);
	free(text);
	free(again);
	mig_snapshot_free(back);
}

static const nvmlReturn_t codes[] = {
	NVML_ERROR_NO_PERMISSION,
	NVML_ERROR_NOT_SUPPORTED,
	NVML_ERROR_FUNCTION_NOT_FOUND,
	NVML_ERROR_INSUFFICIENT_SIZE,
	NVML_ERROR_INVALID_ARGUMENT,
	NVML_ERROR_GPU_IS_LOST,
	NVML_ERROR_TIMEOUT,
	NVML_ERROR_NOT_FOUND,
	NVML_ERROR_UNKNOWN,
	(nvmlReturn_t)777, /* of a driver younger than this program */
};

/* Every call of the table fails in turn, of all GPUs. Returns how many calls were ever made. */
static unsigned all_calls_fail(const struct nvml_api *real, const struct mig_snapshot *was)
{
	unsigned asked = 0;

	for (size_t i = 0; i < N_CALLS; i++) {
		bool used = false;

		for (size_t k = 0; k < sizeof(codes) / sizeof(codes[0]); k++) {
			struct nvml_api api = *real;
			struct mig_snapshot *s = NULL;
			struct mig_error err = { 0 };
			int r;

			stand_in.code = codes[k];
			stand_in.always = true;
			stand_in.n = 0;
			replace(&api, i, refuse);
			r = observe_machine(&api, NULL, WISH, &s, &err);
			used |= stand_in.n > 0;
			if (r < 0) {
				/* Without a count of GPUs there is nothing to show. */
				CHECK_STR(names[i], "nvmlDeviceGetCount_v2");
				CHECK_EQ(r, -EIO);
				CHECK_EQ(err.nvml, codes[k]);
				continue;
			}
			CHECK_EQ(s->n_gpu, 2);
			for (unsigned g = 0; g < 2; g++)
				honest_gpu(&s->gpu[g], &was->gpu[g],
					   !strcmp(names[i], "nvmlDeviceGetMemoryInfo_v2"));
			round_trip(s);
			mig_snapshot_free(s);
		}
		asked += used;
	}
	return asked;
}

/* Everything that a file would hold of a GPU. */
static void same_gpu(const struct mig_gpu *a, const struct mig_gpu *b)
{
	struct mig_gpu copies[2] = { *a, *b };
	const struct mig_snapshot one = { .n_gpu = 1, .gpu = &copies[0] };
	const struct mig_snapshot two = { .n_gpu = 1, .gpu = &copies[1] };
	char *first = observe_text(&one), *second = observe_text(&two);

	CHECK(first && second);
	CHECK_STR(first, second);
	free(first);
	free(second);
}

/* The same of GPU 1 alone: GPU 0 is shown as if nothing were. */
static void one_gpu_fails(const struct nvml_api *real, const struct mig_snapshot *was)
{
	nvmlDevice_t dev;
	unsigned failed = 0;

	CHECK_EQ(real->nvmlDeviceGetHandleByIndex_v2(1, &dev), 0);
	for (size_t i = 0; i < N_CALLS; i++) {
		bool index = !strcmp(names[i], "nvmlDeviceGetHandleByIndex_v2");
		struct nvml_api api = *real;
		struct mig_snapshot *s;

		if (strncmp(names[i], "nvmlDevice", 10) ||
		    !strcmp(names[i], "nvmlDeviceGetCount_v2"))
			continue;
		stand_in.real = call(real, i);
		stand_in.code = NVML_ERROR_GPU_IS_LOST;
		stand_in.always = false;
		stand_in.first = index ? 1 : (uintptr_t)dev;
		stand_in.n = 0;
		replace(&api, i, refuse);
		s = take(&api, NULL, WISH);
		CHECK_EQ(s->n_gpu, 2);
		same_gpu(&s->gpu[0], &was->gpu[0]);
		CHECK_EQ(s->gpu[1].index, 1);
		if (stand_in.n) {
			CHECK_EQ(s->gpu[1].status, NVML_ERROR_GPU_IS_LOST);
			/* A list has an older form, which failed under one name with the newer. */
			CHECK(!strncmp(s->gpu[1].failed_call, names[i],
				       strlen(s->gpu[1].failed_call)));
			CHECK(s->gpu[1].failed_call[0]);
			failed++;
		}
		round_trip(s);
		mig_snapshot_free(s);
	}
	CHECK(failed >= 14);
}

/* Who may not manage a GPU sees the MIG devices: their profiles, and where the ids tell it, places.
 */
static void not_root(const struct nvml_api *real, const struct mig_snapshot *was)
{
	static const char *const kept[] = { "nvmlDeviceGetGpuInstances",
					    "nvmlDeviceGetGpuInstanceById",
					    "nvmlDeviceGetGpuInstancePossiblePlacements",
					    "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
					    "nvmlDeviceGetGpuInstanceRemainingCapacity" };
	struct nvml_api api = *real;
	struct mig_snapshot *s;
	const struct mig_gpu *gpu;

	stand_in.code = NVML_ERROR_NO_PERMISSION;
	stand_in.always = true;
	for (size_t i = 0; i < N_CALLS; i++)
		for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
			if (!strcmp(names[i], kept[k]))
				replace(&api, i, refuse);
	s = take(&api, NULL, WISH);
	gpu = &s->gpu[0];
	CHECK(!s->privileged);
	CHECK_EQ(gpu->status, 0);
	CHECK_EQ(gpu->gi_status, NVML_ERROR_NO_PERMISSION);
	CHECK_EQ(gpu->remaining[0].status, NVML_ERROR_NO_PERMISSION);
	/* Placements then are those of our data. */
	CHECK_EQ(gpu->board_origin, MIG_BOARD_FROM_DATA);
	CHECK(gpu->board.gi[0].unconfirmed & MIG_UNCONFIRMED_PLACEMENT);
	CHECK_EQ(gpu->board.gi[0].n_starts, 7);
	/* The 1g+me has no compute instance, so no device, and is not seen. */
	CHECK_EQ(gpu->n_gi, 2);
	CHECK_EQ(gpu->gi[0].n_ci, 2);
	CHECK_STR(gpu->board.gi[gpu->gi[0].profile].name, "3g.40gb");
	CHECK_STR(gpu->gi[0].ci[0].name, "1c.3g.40gb");
	CHECK_EQ(gpu->gi[0].ci[0].sm.value, 14);
	CHECK_STR(gpu->gi[0].ci[1].uuid, was->gpu[0].gi[0].ci[1].uuid);
	/* Id 1 is at 0 or at 4: which, nothing tells. Where a 1c lies neither. */
	CHECK_EQ(gpu->gi[0].start, MIG_START_UNKNOWN);
	CHECK_EQ(gpu->gi[0].ci[0].start, MIG_START_UNKNOWN);
	/* A compute instance that fills its GI can lie in one place only. */
	CHECK_EQ(gpu->gi[1].ci[0].start, 0);
	round_trip(s);
	mig_snapshot_free(s);
}

static nvmlReturn_t (*real_uuid)(nvmlDevice_t dev, char *uuid, unsigned int length);

/* Before R470 a MIG device was called after its GPU and its place: 49 characters. */
static nvmlReturn_t old_uuid(nvmlDevice_t dev, char *uuid, unsigned int length)
{
	static const char old[] = "MIG-GPU-41a1f688-5655-0c85-0419-f213ca3104cc/13/0";
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	nvmlReturn_t status = real_uuid(dev, text, sizeof(text));

	if (status)
		return status;
	if (!strncmp(text, "MIG-", 4))
		snprintf(text, sizeof(text), "%s", old);
	if (strlen(text) >= length)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(uuid, text, strlen(text) + 1);
	return NVML_SUCCESS;
}

static void old_uuids(const struct nvml_api *real)
{
	struct nvml_api api = *real;
	struct mig_snapshot *s;

	real_uuid = real->nvmlDeviceGetUUID;
	api.nvmlDeviceGetUUID = old_uuid;
	s = take(&api, "0", OBSERVE_BASE);
	CHECK_EQ(s->n_gpu, 1);
	CHECK(!strncmp(s->gpu[0].uuid, "GPU-", 4));
	CHECK_STR(s->gpu[0].gi[0].ci[0].uuid, "MIG-GPU-41a1f688-5655-0c85-0419-f213ca3104cc/13/0");
	round_trip(s);
	mig_snapshot_free(s);
}

static void choices(const struct nvml_api *api, const struct mig_snapshot *was)
{
	static const struct {
		const char *list;
		const char *why;
	} wrong[] = {
		{ "2", "(0 to 1)" },
		{ "0,7", "no GPU '7'" },
		{ "GPU-nobody", "no GPU 'GPU-nobody'" },
		{ "00000000:FF:00.0", "no GPU '00000000:FF:00.0'" },
		{ "", "empty word" },
		{ "0,,1", "empty word" },
	};
	char bus[64], list[160];
	struct mig_snapshot *s;
	unsigned domain, b, d;

	CHECK_EQ(sscanf(was->gpu[1].bus_id, "%x:%x:%x", &domain, &b, &d), 3);
	snprintf(bus, sizeof(bus), "%x:%x:%x.0", domain, b, d);
	{
		const char *right[] = {
			"1", was->gpu[1].uuid, was->gpu[1].serial, was->gpu[1].bus_id, bus, "1,1"
		};

		for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
			s = take(api, right[i], OBSERVE_BASE);
			CHECK_EQ(s->n_gpu, 1);
			CHECK_EQ(s->gpu[0].index, 1);
			mig_snapshot_free(s);
		}
	}
	snprintf(list, sizeof(list), "%s,0", was->gpu[1].uuid);
	s = take(api, list, OBSERVE_BASE);
	CHECK_EQ(s->n_gpu, 2);
	CHECK_EQ(s->gpu[0].index, 0);
	mig_snapshot_free(s);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct mig_error err = { 0 };
		int r = observe_machine(api, wrong[i].list, OBSERVE_BASE, &s, &err);

		CHECK(r == -ENOENT || r == -EINVAL);
		if (!strstr(err.msg, wrong[i].why))
			fprintf(stderr, "%s: %s\n", wrong[i].list, err.msg);
		CHECK(strstr(err.msg, wrong[i].why) != NULL);
	}
}

/* What was not wished for is not asked, and says so. */
static void wishes(const struct nvml_api *api)
{
	struct mig_snapshot *s = take(api, "1", OBSERVE_BASE);

	CHECK_EQ(s->gpu[0].memory_used.status, MIG_NOT_ASKED);
	CHECK_EQ(s->gpu[0].remaining[0].status, MIG_NOT_ASKED);
	CHECK_EQ(s->gpu[0].process_status, MIG_NOT_ASKED);
	CHECK_EQ(s->gpu[0].board_origin, MIG_BOARD_NONE);
	mig_snapshot_free(s);
	/* In MIG mode instances can be listed by profile alone, so that the board is there. */
	s = take(api, "0", OBSERVE_BASE);
	CHECK_EQ(s->gpu[0].board_origin, MIG_BOARD_FROM_NVML);
	CHECK_EQ(s->gpu[0].n_gi, 3);
	CHECK_EQ(s->gpu[0].gi[0].ci[0].memory_used.status, MIG_NOT_ASKED);
	mig_snapshot_free(s);
}

/* Drivers of R450 have neither names of profiles nor a call for the architecture. */
static void old_driver(void)
{
	const struct mig_board_def *def = mig_board_find("a100-40gb-sxm");
	struct mig_board *data = calloc(1, sizeof(*data));
	struct mig_snapshot *s;
	struct nvml_api api;
	struct fixture f;

	CHECK(data != NULL);
	abi_lab(&f, &api, "a100-40gb-sxm", "450.80.02", 1, MIG_NUMBERING_I);
	CHECK_EQ(mig_board_resolve(def, "450.80.02", data, NULL), 0);
	s = take(&api, NULL, WISH);
	CHECK_EQ(s->gpu[0].board.n_gi, data->n_gi);
	for (unsigned i = 0; i < data->n_gi; i++) {
		CHECK_STR(s->gpu[0].board.gi[i].name, data->gi[i].name);
		CHECK_EQ(s->gpu[0].board.gi[i].n_starts, data->gi[i].n_starts);
	}
	CHECK(s->gpu[0].board.mode_needs_reset);
	CHECK(!s->gpu[0].board.gi_beside_4g3g);
	round_trip(s);
	mig_snapshot_free(s);
	free(data);
	abi_end(&f, &api);
}

/* Every board that can be simulated: what NVML lists is what the board's file says, in its order.
 */
static void every_board(void)
{
	const struct mig_board_def *def;
	struct mig_board *data = calloc(1, sizeof(*data));

	CHECK(data != NULL);
	for (unsigned n = 0; (def = mig_board_at(n)); n++) {
		struct mig_snapshot *s;
		struct nvml_api api;
		struct fixture f;

		if (mig_board_resolve(def, "580.159.04", data, NULL) < 0)
			continue;
		abi_lab(&f, &api, def->key, "580.159.04", 1, data->numbering);
		s = take(&api, NULL, WISH);
		round_trip(s);
		/* A workstation board whose display ports are on has no MIG mode: beside others. */
		if (data->mode_display_off) {
			CHECK(!s->gpu[0].mig_capable);
			CHECK_EQ(s->gpu[0].mode_status, NVML_ERROR_NOT_SUPPORTED);
			CHECK_EQ(s->gpu[0].status, 0);
		} else {
			const struct mig_board *b = &s->gpu[0].board;

			CHECK_EQ(b->n_gi, data->n_gi);
			CHECK_EQ(b->units, data->units);
			CHECK_EQ(b->compute_slices, data->compute_slices);
			CHECK_EQ(b->memory_slices, data->memory_slices);
			CHECK_EQ(b->mode_needs_reset, data->mode_needs_reset);
			CHECK_EQ(b->mode_persistent, data->mode_persistent);
			CHECK_EQ(b->gi_beside_4g3g, data->gi_beside_4g3g);
			CHECK_EQ(b->numbering_fixed, data->numbering_fixed);
			for (unsigned i = 0; i < b->n_gi; i++) {
				CHECK_STR(b->gi[i].name, data->gi[i].name);
				CHECK_EQ(b->gi[i].id, data->gi[i].id);
				CHECK_EQ(b->gi[i].index, data->gi[i].index);
				CHECK_EQ(b->gi[i].media, data->gi[i].media);
				CHECK_EQ(b->gi[i].size, data->gi[i].size);
				CHECK(!memcmp(b->gi[i].starts, data->gi[i].starts,
					      sizeof(b->gi[i].starts)));
				CHECK_EQ(b->gi[i].n_ci, data->gi[i].n_ci);
			}
		}
		mig_snapshot_free(s);
		abi_end(&f, &api);
	}
	free(data);
}

int main(void)
{
	struct mig_snapshot *was;
	struct nvml_api api;
	struct fixture f;

	abi_lab(&f, &api, "a100-80gb-sxm", "580.65.06", 2, MIG_NUMBERING_X);
	set_up(&api);
	was = take(&api, NULL, WISH);
	whole(was);
	round_trip(was);
	/* All but the older forms of calls, which newer drivers are not asked for. */
	CHECK(all_calls_fail(&api, was) >= 30);
	one_gpu_fails(&api, was);
	not_root(&api, was);
	old_uuids(&api);
	choices(&api, was);
	wishes(&api);
	mig_snapshot_free(was);
	abi_end(&f, &api);
	old_driver();
	every_board();
	return 0;
}
