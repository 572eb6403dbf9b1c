/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does to a simulated machine what it is told, and says what came of it: the other side of the
 * model in mig.py. It judges nothing.
 *
 *   MIGKIT_LAB=FOLDER model_drive LIBRARY <questions >answers
 *
 * A question is a line, a letter and numbers; each is answered by one line, which begins with the
 * same letter. Where the answer of f is that of the f before, it is "f =".
 *
 *   a ID...        profile ids that f and p ask about
 *   g GPU          the GPU meant from here on; its UUID
 *   C ID           creates a GPU instance     W ID START SIZE  at that place
 *   D GI           destroys it
 *   c GI ID        creates a compute instance w GI ID START SIZE
 *   d GI CI        destroys it
 *   m MODE         MIG mode: what the call and what the activation said
 *   r              resets the GPU             b  reboots the machine
 *   f              modes, room for each profile, GPU instances in the order of each list
 *   h GI           the same of what is in it
 *   u              MIG devices by index, and their UUIDs
 *   p              profiles of the GPU        q GI  those in a GPU instance
 *   z              what was destroyed last, asked by its old handles
 *   !              writes what has been answered so far
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvml/migkit_export.h"
#include "nvml/nvml_abi.h"

enum { IDS = 32, LIST = 16, CI_PROFILES = 10, GI_INDICES = 19, LINE = 1 << 16 };

#define CALLS(X)                                                                                  \
	X(nvmlInit_v2, (void))                                                                    \
	X(nvmlShutdown, (void))                                                                   \
	X(nvmlInternalGetExportTable, (const void **table, const void *uuid))                     \
	X(nvmlDeviceGetHandleByIndex_v2, (unsigned i, nvmlDevice_t *dev))                         \
	X(nvmlDeviceGetUUID, (nvmlDevice_t dev, char *uuid, unsigned size))                       \
	X(nvmlDeviceGetMigMode, (nvmlDevice_t dev, unsigned *current, unsigned *pending))         \
	X(nvmlDeviceSetMigMode, (nvmlDevice_t dev, unsigned mode, int *activation))               \
	X(nvmlDeviceGetMaxMigDeviceCount, (nvmlDevice_t dev, unsigned *count))                    \
	X(nvmlDeviceGetMigDeviceHandleByIndex, (nvmlDevice_t dev, unsigned i, nvmlDevice_t *mig)) \
	X(nvmlDeviceGetGpuInstanceId, (nvmlDevice_t dev, unsigned *id))                           \
	X(nvmlDeviceGetComputeInstanceId, (nvmlDevice_t dev, unsigned *id))                       \
	X(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, (nvmlDevice_t mig, nvmlDevice_t * dev))   \
	X(nvmlDeviceGetGpuInstanceProfileInfo,                                                    \
	  (nvmlDevice_t dev, unsigned i, nvmlGpuInstanceProfileInfo_t *info))                     \
	X(nvmlDeviceGetGpuInstancePossiblePlacements_v2,                                          \
	  (nvmlDevice_t dev, unsigned id, nvmlGpuInstancePlacement_t *places, unsigned *count))   \
	X(nvmlDeviceGetGpuInstanceRemainingCapacity,                                              \
	  (nvmlDevice_t dev, unsigned id, unsigned *count))                                       \
	X(nvmlDeviceCreateGpuInstance, (nvmlDevice_t dev, unsigned id, nvmlGpuInstance_t *gi))    \
	X(nvmlDeviceCreateGpuInstanceWithPlacement,                                               \
	  (nvmlDevice_t dev, unsigned id, const nvmlGpuInstancePlacement_t *place,                \
	   nvmlGpuInstance_t *gi))                                                                \
	X(nvmlGpuInstanceDestroy, (nvmlGpuInstance_t gi))                                         \
	X(nvmlDeviceGetGpuInstances,                                                              \
	  (nvmlDevice_t dev, unsigned id, nvmlGpuInstance_t *list, unsigned *count))              \
	X(nvmlDeviceGetGpuInstanceById, (nvmlDevice_t dev, unsigned id, nvmlGpuInstance_t *gi))   \
	X(nvmlGpuInstanceGetInfo, (nvmlGpuInstance_t gi, nvmlGpuInstanceInfo_t * info))           \
	X(nvmlGpuInstanceGetComputeInstanceProfileInfo,                                           \
	  (nvmlGpuInstance_t gi, unsigned i, unsigned engines,                                    \
	   nvmlComputeInstanceProfileInfo_t *info))                                               \
	X(nvmlGpuInstanceGetComputeInstancePossiblePlacements,                                    \
	  (nvmlGpuInstance_t gi, unsigned id, nvmlComputeInstancePlacement_t *places,             \
	   unsigned *count))                                                                      \
	X(nvmlGpuInstanceGetComputeInstanceRemainingCapacity,                                     \
	  (nvmlGpuInstance_t gi, unsigned id, unsigned *count))                                   \
	X(nvmlGpuInstanceCreateComputeInstance,                                                   \
	  (nvmlGpuInstance_t gi, unsigned id, nvmlComputeInstance_t *ci))                         \
	X(nvmlGpuInstanceCreateComputeInstanceWithPlacement,                                      \
	  (nvmlGpuInstance_t gi, unsigned id, const nvmlComputeInstancePlacement_t *place,        \
	   nvmlComputeInstance_t *ci))                                                            \
	X(nvmlComputeInstanceDestroy, (nvmlComputeInstance_t ci))                                 \
	X(nvmlGpuInstanceGetComputeInstances,                                                     \
	  (nvmlGpuInstance_t gi, unsigned id, nvmlComputeInstance_t *list, unsigned *count))      \
	X(nvmlGpuInstanceGetComputeInstanceById,                                                  \
	  (nvmlGpuInstance_t gi, unsigned id, nvmlComputeInstance_t *ci))                         \
	X(nvmlComputeInstanceGetInfo_v2,                                                          \
	  (nvmlComputeInstance_t ci, nvmlComputeInstanceInfo_t * info))

static struct {
#define X(name, arguments) nvmlReturn_t(*name) arguments;
	CALLS(X)
#undef X
} nvml;

static const struct migkit_export *ours;
static nvmlDevice_t gpu;
static unsigned gpu_index;
static char gpu_uuid[96];
static unsigned ids[IDS], n_ids;
static char line[LINE], before[LINE];
static size_t used;
static struct {
	nvmlGpuInstance_t gi;
	nvmlComputeInstance_t ci;
	nvmlDevice_t mig;
} gone;

__attribute__((noreturn)) static void stop(const char *what, const char *detail)
{
	fprintf(stderr, "model_drive: %s: %s\n", what, detail);
	exit(1);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + used, LINE - used, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= LINE - used)
		stop("answer", "too long");
	used += (size_t)n;
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		stop("dlopen", dlerror());
#define X(name, arguments) *(void **)&nvml.name = dlsym(library, #name);
	CALLS(X)
#undef X
}

/* Where a driver of that age has no such function, the answer is NVML's code for it. */
#define ASK(name, ...) (nvml.name ? nvml.name(__VA_ARGS__) : NVML_ERROR_FUNCTION_NOT_FOUND)

static void begin(void)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	const void *table = NULL;

	if (nvml.nvmlInit_v2())
		stop("nvmlInit_v2", "failed");
	if (nvml.nvmlInternalGetExportTable(&table, uuid) || !table)
		stop("nvmlInternalGetExportTable", "this is not the simulated driver");
	ours = table;
}

static void choose(unsigned index)
{
	gpu_index = index;
	if (nvml.nvmlDeviceGetHandleByIndex_v2(index, &gpu) ||
	    nvml.nvmlDeviceGetUUID(gpu, gpu_uuid, sizeof(gpu_uuid)))
		stop("nvmlDeviceGetHandleByIndex_v2", "failed");
}

static void tell_gi(nvmlReturn_t status, nvmlGpuInstance_t gi)
{
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlGpuInstance_t again = NULL;

	say(" %d", status);
	if (status)
		return;
	status = nvml.nvmlGpuInstanceGetInfo(gi, &info);
	say(" %d: %u %u@%u+%u%s", status, info.id, info.profileId, info.placement.start,
	    info.placement.size, info.device == gpu ? "" : " of another GPU");
	status = nvml.nvmlDeviceGetGpuInstanceById(gpu, info.id, &again);
	if (status || again != gi)
		say(" by id: %d%s", status, again == gi ? "" : " another");
}

static void create_gi(unsigned id, const unsigned *place)
{
	nvmlGpuInstancePlacement_t at = { 0 };
	nvmlGpuInstance_t gi = NULL;
	nvmlReturn_t status;

	if (place) {
		at.start = place[0];
		at.size = place[1];
		status = ASK(nvmlDeviceCreateGpuInstanceWithPlacement, gpu, id, &at, &gi);
	} else {
		status = nvml.nvmlDeviceCreateGpuInstance(gpu, id, &gi);
	}
	tell_gi(status, gi);
}

static void destroy_gi(unsigned id)
{
	nvmlGpuInstance_t gi = NULL;
	nvmlReturn_t status = nvml.nvmlDeviceGetGpuInstanceById(gpu, id, &gi);

	if (status) {
		say(" by id: %d", status);
		return;
	}
	status = nvml.nvmlGpuInstanceDestroy(gi);
	say(" %d", status);
	if (!status)
		gone.gi = gi;
}

static void tell_ci(nvmlReturn_t status, nvmlGpuInstance_t gi, nvmlComputeInstance_t ci)
{
	nvmlComputeInstanceInfo_t info = { 0 };
	nvmlComputeInstance_t again = NULL;

	say(" %d", status);
	if (status)
		return;
	status = nvml.nvmlComputeInstanceGetInfo_v2(ci, &info);
	say(" %d: %u %u@%u+%u%s", status, info.id, info.profileId, info.placement.start,
	    info.placement.size, info.gpuInstance == gi ? "" : " of another GPU instance");
	status = nvml.nvmlGpuInstanceGetComputeInstanceById(gi, info.id, &again);
	if (status || again != ci)
		say(" by id: %d%s", status, again == ci ? "" : " another");
}

static int find_gi(unsigned id, nvmlGpuInstance_t *ret)
{
	nvmlReturn_t status = nvml.nvmlDeviceGetGpuInstanceById(gpu, id, ret);

	if (status)
		say(" no GPU instance: %d", status);
	return status == NVML_SUCCESS;
}

static void create_ci(unsigned gi_id, unsigned id, const unsigned *place)
{
	nvmlComputeInstancePlacement_t at = { 0 };
	nvmlComputeInstance_t ci = NULL;
	nvmlGpuInstance_t gi;
	nvmlReturn_t status;

	if (!find_gi(gi_id, &gi))
		return;
	if (place) {
		at.start = place[0];
		at.size = place[1];
		status = ASK(nvmlGpuInstanceCreateComputeInstanceWithPlacement, gi, id, &at, &ci);
	} else {
		status = nvml.nvmlGpuInstanceCreateComputeInstance(gi, id, &ci);
	}
	tell_ci(status, gi, ci);
}

static void destroy_ci(unsigned gi_id, unsigned id)
{
	nvmlComputeInstanceInfo_t info = { 0 };
	nvmlComputeInstance_t ci = NULL;
	nvmlGpuInstance_t gi;
	nvmlReturn_t status;

	if (!find_gi(gi_id, &gi))
		return;
	status = nvml.nvmlGpuInstanceGetComputeInstanceById(gi, id, &ci);
	if (status) {
		say(" by id: %d", status);
		return;
	}
	nvml.nvmlComputeInstanceGetInfo_v2(ci, &info);
	status = nvml.nvmlComputeInstanceDestroy(ci);
	say(" %d", status);
	if (!status) {
		gone.ci = ci;
		gone.mig = info.device;
	}
}

static void set_mode(unsigned mode)
{
	int activation = -1;
	nvmlReturn_t status = nvml.nvmlDeviceSetMigMode(gpu, mode, &activation);

	say(" %d", status);
	if (!status)
		say(" %d", activation);
}

static void reboot(void)
{
	int status = ours->reboot();

	say(" %d", status);
	nvml.nvmlShutdown();
	begin();
	choose(gpu_index);
}

static void list_gis(unsigned id)
{
	nvmlGpuInstance_t list[LIST];
	unsigned count = LIST;
	nvmlReturn_t status = nvml.nvmlDeviceGetGpuInstances(gpu, id, list, &count);

	if (status) {
		say("=!%d", status);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		nvmlGpuInstanceInfo_t info = { 0 };

		status = nvml.nvmlGpuInstanceGetInfo(list[i], &info);
		say("%c%u@%u+%u", i ? ',' : '=', info.id, info.placement.start,
		    info.placement.size);
		if (status || info.profileId != id)
			say("!%d profile %u", status, info.profileId);
	}
}

static void state(void)
{
	unsigned current = 9, pending = 9, count = 99;
	nvmlReturn_t status = nvml.nvmlDeviceGetMigMode(gpu, &current, &pending);

	status = status ? status : nvml.nvmlDeviceGetMaxMigDeviceCount(gpu, &count);
	if (status)
		say(" !%d", status);
	else
		say(" mode %u %u devices %u", current, pending, count);
	for (unsigned i = 0; i < n_ids; i++) {
		status = nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(gpu, ids[i], &count);
		say(status ? " %u:!%d" : " %u:%d", ids[i], status ? (int)status : (int)count);
		list_gis(ids[i]);
	}
	say(" ids ");
	for (unsigned id = 0; id < LIST; id++) {
		nvmlGpuInstance_t gi;

		status = nvml.nvmlDeviceGetGpuInstanceById(gpu, id, &gi);
		if (!status || status == NVML_ERROR_NOT_FOUND)
			say("%c", status ? '.' : '+');
		else
			say("!%d", status);
	}
	if (!strcmp(line, before)) {
		used = 1;
		say(" =");
	} else {
		memcpy(before, line, used + 1);
	}
}

static void list_cis(nvmlGpuInstance_t gi, unsigned id)
{
	nvmlComputeInstance_t list[LIST];
	unsigned count = LIST;
	nvmlReturn_t status = nvml.nvmlGpuInstanceGetComputeInstances(gi, id, list, &count);

	if (status) {
		say("=!%d", status);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		nvmlComputeInstanceInfo_t info = { 0 };

		status = nvml.nvmlComputeInstanceGetInfo_v2(list[i], &info);
		say("%c%u@%u+%u", i ? ',' : '=', info.id, info.placement.start,
		    info.placement.size);
		if (status || info.profileId != id || info.gpuInstance != gi)
			say("!%d profile %u", status, info.profileId);
	}
}

static void inside(unsigned gi_id)
{
	nvmlComputeInstance_t ci;
	nvmlGpuInstance_t gi;
	nvmlReturn_t status;

	if (!find_gi(gi_id, &gi))
		return;
	for (unsigned id = 0; id < CI_PROFILES; id++) {
		unsigned count = 99;

		status = nvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity(gi, id, &count);
		say(status ? " %u:!%d" : " %u:%d", id, status ? (int)status : (int)count);
		list_cis(gi, id);
	}
	say(" ids ");
	for (unsigned id = 0; id < LIST; id++) {
		status = nvml.nvmlGpuInstanceGetComputeInstanceById(gi, id, &ci);
		if (!status || status == NVML_ERROR_NOT_FOUND)
			say("%c", status ? '.' : '+');
		else
			say("!%d", status);
	}
}

/* Whose UUID the device in a compute instance's info answers with. */
static char whose(unsigned gi_id, unsigned ci_id, const char *mig_uuid)
{
	nvmlComputeInstanceInfo_t info = { 0 };
	nvmlComputeInstance_t ci;
	nvmlGpuInstance_t gi;
	char uuid[96];

	if (nvml.nvmlDeviceGetGpuInstanceById(gpu, gi_id, &gi) ||
	    nvml.nvmlGpuInstanceGetComputeInstanceById(gi, ci_id, &ci) ||
	    nvml.nvmlComputeInstanceGetInfo_v2(ci, &info) ||
	    nvml.nvmlDeviceGetUUID(info.device, uuid, sizeof(uuid)))
		return '?';
	return !strcmp(uuid, mig_uuid) ? 'm' : !strcmp(uuid, gpu_uuid) ? 'p' : '?';
}

static void devices(void)
{
	unsigned count = 0;

	nvml.nvmlDeviceGetMaxMigDeviceCount(gpu, &count);
	for (unsigned i = 0; i < count + 2; i++) {
		unsigned gi_id = 99, ci_id = 99;
		nvmlDevice_t mig, parent = NULL;
		char uuid[96];
		nvmlReturn_t status = nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, i, &mig);

		if (status) {
			say(" !%d", status);
			continue;
		}
		nvml.nvmlDeviceGetGpuInstanceId(mig, &gi_id);
		nvml.nvmlDeviceGetComputeInstanceId(mig, &ci_id);
		status = nvml.nvmlDeviceGetUUID(mig, uuid, sizeof(uuid));
		say(" %u/%u=%s%c", gi_id, ci_id, status ? "?" : uuid, whose(gi_id, ci_id, uuid));
		status = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig, &parent);
		if (status || parent != gpu)
			say(" parent %d", status);
	}
}

static void places(unsigned n, const nvmlGpuInstancePlacement_t *list)
{
	for (unsigned i = 0; i < n; i++)
		say("%c%u+%u", i ? ',' : '=', list[i].start, list[i].size);
}

static void profiles(void)
{
	nvmlReturn_t status;

	for (unsigned i = 0; i < GI_INDICES; i++) {
		nvmlGpuInstanceProfileInfo_t info = { 0 };

		status = nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, i, &info);
		if (status) {
			say(" #%u!%d", i, status);
			continue;
		}
		say(" #%u=%u,%u,%u,%u,%u,%u,%u,%u,%u", i, info.id, info.sliceCount,
		    info.instanceCount, info.multiprocessorCount, info.copyEngineCount,
		    info.decoderCount, info.encoderCount, info.jpegCount, info.ofaCount);
	}
	for (unsigned i = 0; i < n_ids; i++) {
		nvmlGpuInstancePlacement_t list[LIST];
		unsigned count = LIST;

		status = ASK(nvmlDeviceGetGpuInstancePossiblePlacements_v2, gpu, ids[i], list,
			     &count);
		say(" %u", ids[i]);
		if (status)
			say("!%d", status);
		else
			places(count, list);
	}
}

static void inner_profiles(unsigned gi_id)
{
	nvmlGpuInstance_t gi;
	nvmlReturn_t status;

	if (!find_gi(gi_id, &gi))
		return;
	for (unsigned i = 0; i < CI_PROFILES; i++) {
		nvmlComputeInstanceProfileInfo_t info = { 0 };

		status = nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, i, 0, &info);
		if (status)
			say(" #%u!%d", i, status);
		else
			say(" #%u=%u,%u,%u", i, info.id, info.sliceCount, info.instanceCount);
	}
	for (unsigned i = 0; i < CI_PROFILES; i++) {
		nvmlComputeInstancePlacement_t list[LIST];
		nvmlGpuInstancePlacement_t same[LIST];
		unsigned count = LIST;

		status = ASK(nvmlGpuInstanceGetComputeInstancePossiblePlacements, gi, i, list,
			     &count);
		say(" %u", i);
		if (status) {
			say("!%d", status);
			continue;
		}
		for (unsigned k = 0; k < count; k++)
			same[k] = (nvmlGpuInstancePlacement_t){ list[k].start, list[k].size };
		places(count, same);
	}
}

/* A handle that names nothing must not name what has come into its place. */
static void stale(void)
{
	nvmlGpuInstanceInfo_t gi = { 0 };
	nvmlComputeInstanceInfo_t ci = { 0 };
	char uuid[96];

	if (gone.gi)
		say(" GI %d %d", nvml.nvmlGpuInstanceGetInfo(gone.gi, &gi),
		    nvml.nvmlGpuInstanceDestroy(gone.gi));
	if (gone.ci)
		say(" CI %d %d %d", nvml.nvmlComputeInstanceGetInfo_v2(gone.ci, &ci),
		    nvml.nvmlComputeInstanceDestroy(gone.ci),
		    nvml.nvmlDeviceGetUUID(gone.mig, uuid, sizeof(uuid)));
}

static void act(char what, unsigned n, const unsigned *v)
{
	switch (what) {
	case 'a':
		memcpy(ids, v, n * sizeof(*v));
		n_ids = n;
		break;
	case 'g':
		choose(v[0]);
		before[0] = '\0';
		say(" %s", gpu_uuid);
		break;
	case 'C':
	case 'W':
		create_gi(v[0], what == 'W' ? v + 1 : NULL);
		break;
	case 'D':
		destroy_gi(v[0]);
		break;
	case 'c':
	case 'w':
		create_ci(v[0], v[1], what == 'w' ? v + 2 : NULL);
		break;
	case 'd':
		destroy_ci(v[0], v[1]);
		break;
	case 'm':
		set_mode(v[0]);
		break;
	case 'r':
		say(" %d", ours->gpu_reset(gpu_index));
		break;
	case 'b':
		reboot();
		break;
	default:
		stop("no such question", line);
	}
}

static void ask(char what, unsigned n, const unsigned *v)
{
	switch (what) {
	case 'f':
		state();
		break;
	case 'h':
		inside(v[0]);
		break;
	case 'u':
		devices();
		break;
	case 'p':
		profiles();
		break;
	case 'q':
		inner_profiles(v[0]);
		break;
	case 'z':
		stale();
		break;
	default:
		act(what, n, v);
		break;
	}
}

int main(int argc, char **argv)
{
	static char question[1024], out[1 << 18];

	if (argc != 2)
		stop("usage", "model_drive LIBRARY");
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	load(argv[1]);
	begin();
	choose(0);
	while (fgets(question, sizeof(question), stdin)) {
		unsigned v[IDS] = { 0 }, n = 0;
		char *p = question + 1, *end;

		if (question[0] == '!') {
			fflush(stdout);
			continue;
		}
		for (; n < IDS; p = end) {
			unsigned long value = strtoul(p, &end, 10);

			if (end == p)
				break;
			v[n++] = (unsigned)value;
		}
		used = 0;
		say("%c", question[0]);
		ask(question[0], n, v);
		line[used++] = '\n';
		fwrite(line, 1, used, stdout);
	}
	nvml.nvmlShutdown();
	return 0;
}
