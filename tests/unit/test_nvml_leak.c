/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=300 */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>

#include "nvml/nvml_api.h"
#include "unit/lab_fixture.h"

/*
 * Ten million calls of all kinds, as an exporter makes in a month: reads, lists, changes, inits and
 * shutdowns, event sets, GPM samples. Afterwards the process has what it had after the first few:
 * bytes from malloc, resident pages, descriptors, mappings.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { CALLS = 300000 }; /* the sanitizer finds each leak by itself, and slowly */
#define SANITIZED_OR(condition) true
#else
enum { CALLS = 10000000 };
#define SANITIZED_OR(condition) (condition)
#endif
enum { WARM_UP = 20000, READS_A_ROUND = 20, RESIDENT_SLACK_KIB = 512 };

static struct nvml_api api;
static unsigned long calls;
/* These are no part of what migctl calls, so they are looked up here. */
static nvmlReturn_t (*sample_alloc)(void **);
static nvmlReturn_t (*sample_free)(void *);
static nvmlReturn_t (*sample_get)(nvmlDevice_t, void *);

#define OK(call)                              \
	do {                                  \
		calls++;                      \
		CHECK_EQ(call, NVML_SUCCESS); \
	} while (0)

static void read_much(nvmlDevice_t dev, nvmlDevice_t mig)
{
	unsigned current, pending, n = 0;
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	nvmlProcessInfo_t processes[4];
	nvmlDeviceAttributes_t attributes;
	nvmlUtilization_t utilization;
	nvmlMemory_t memory;
	nvmlPciInfo_t pci;

	for (unsigned i = 0; i < READS_A_ROUND; i++) {
		OK(api.nvmlDeviceGetMigMode(dev, &current, &pending));
		OK(api.nvmlDeviceGetUUID(i % 2 ? dev : mig, text, sizeof(text)));
		OK(api.nvmlDeviceGetName(i % 2 ? dev : mig, text, sizeof(text)));
		OK(api.nvmlDeviceGetMemoryInfo(i % 2 ? dev : mig, &memory));
		OK(api.nvmlDeviceGetAttributes_v2(mig, &attributes));
		OK(api.nvmlDeviceGetPciInfo_v3(dev, &pci));
		n = 4;
		OK(api.nvmlDeviceGetComputeRunningProcesses_v3(mig, &n, processes));
		OK(api.nvmlSystemGetDriverVersion(text, sizeof(text)));
		OK(api.nvmlDeviceGetHandleByPciBusId_v2(pci.busId, &dev));
		calls++;
		CHECK_EQ(api.nvmlDeviceGetUtilizationRates(mig, &utilization),
			 NVML_ERROR_NOT_SUPPORTED);
	}
}

static void change(nvmlDevice_t dev)
{
	nvmlGpuInstance_t gi, list[MIG_MAX_GI];
	nvmlComputeInstance_t ci;
	unsigned n;

	OK(api.nvmlDeviceCreateGpuInstance(dev, 19, &gi));
	OK(api.nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci));
	OK(api.nvmlDeviceGetGpuInstances(dev, 19, list, &n));
	OK(api.nvmlComputeInstanceDestroy(ci));
	OK(api.nvmlGpuInstanceDestroy(gi));
	OK(api.nvmlDeviceSetPersistenceMode(dev, NVML_FEATURE_ENABLED));
}

static void wait_for_events(nvmlDevice_t dev)
{
	nvmlEventData_t data;
	nvmlEventSet_t set;

	OK(api.nvmlEventSetCreate(&set));
	OK(api.nvmlDeviceRegisterEvents(dev, nvmlEventTypeXidCriticalError, set));
	calls++;
	CHECK_EQ(api.nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
	OK(api.nvmlEventSetFree(set));
}

static void take_samples(nvmlDevice_t dev)
{
	nvmlReturn_t r;
	void *sample = NULL;

	calls++;
	r = sample_alloc(&sample);
	if (r == NVML_ERROR_NOT_SUPPORTED)
		return;
	CHECK_EQ(r, NVML_SUCCESS);
	calls++;
	(void)sample_get(dev, sample);
	OK(sample_free(sample));
}

/* As go-nvml does it: the library is opened and closed around every init and shutdown. */
static void open_again(const char *path)
{
	struct nvml_api again = { 0 };
	struct mig_error err = { 0 };

	CHECK_EQ(nvml_api_open(&again, path, &err), 0);
	OK(again.nvmlInit_v2());
	OK(again.nvmlShutdown());
	nvml_api_close(&again);
}

static void run(const char *path, unsigned long until)
{
	nvmlDevice_t dev, mig;

	for (unsigned long round = 0; calls < until; round++) {
		OK(api.nvmlInit_v2());
		OK(api.nvmlDeviceGetHandleByIndex_v2(0, &dev));
		OK(api.nvmlDeviceGetMigDeviceHandleByIndex(dev, 0, &mig));
		read_much(dev, mig);
		if (round % 4 == 0)
			change(dev);
		wait_for_events(dev);
		take_samples(dev);
		OK(api.nvmlShutdown());
		if (round % 64 == 0)
			open_again(path);
	}
}

struct use {
	size_t heap;
	unsigned long resident_kib;
	unsigned descriptors, mappings;
};

static unsigned long number_after(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long value = 0;
	char line[256];

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = strtoul(line + strlen(key), NULL, 10);
	fclose(f);
	return value;
}

static unsigned lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned n = 0;
	int c;

	CHECK(f != NULL);
	while ((c = fgetc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static unsigned entries_of(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct use use(void)
{
	struct use u = { .resident_kib = number_after("RssAnon:"),
			 .descriptors = entries_of("/proc/self/fd"),
			 .mappings = lines_of("/proc/self/maps") };
	struct mallinfo2 m = mallinfo2();

	u.heap = m.uordblks + m.hblkhd;
	return u;
}

static void make_mig_device(void)
{
	nvmlComputeInstance_t ci;
	nvmlGpuInstance_t gi;
	nvmlReturn_t now;
	nvmlDevice_t dev;

	OK(api.nvmlInit_v2());
	OK(api.nvmlDeviceGetHandleByIndex_v2(0, &dev));
	OK(api.nvmlDeviceSetMigMode(dev, 1, &now));
	OK(api.nvmlDeviceCreateGpuInstance(dev, 9, &gi));
	OK(api.nvmlGpuInstanceCreateComputeInstance(gi, 0, &ci));
	OK(api.nvmlShutdown());
}

int main(void)
{
	const char *build = getenv("MIGKIT_BUILD");
	struct mig_error err = { 0 };
	struct use before, after;
	struct fixture f;
	char path[PATH_MAX];
	void *library;

	CHECK(build != NULL);
	fixture_lab(&f, "h100-80gb-sxm", "580.159.04", 2, MIG_NUMBERING_X);
	setenv("MIGKIT_LAB", f.dir, 1);
	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build);
	CHECK_EQ(nvml_api_open(&api, path, &err), 0);
	library = dlopen(path, RTLD_NOW);
	CHECK(library != NULL);
	*(void **)&sample_alloc = dlsym(library, "nvmlGpmSampleAlloc");
	*(void **)&sample_free = dlsym(library, "nvmlGpmSampleFree");
	*(void **)&sample_get = dlsym(library, "nvmlGpmSampleGet");
	CHECK(sample_alloc && sample_free && sample_get);
	make_mig_device();
	run(path, WARM_UP);
	before = use();
	run(path, WARM_UP + CALLS);
	after = use();
	printf("%lu calls: heap %zu -> %zu bytes, anonymous memory %lu -> %lu KiB, descriptors "
	       "%u -> %u, mappings %u -> %u\n",
	       calls, before.heap, after.heap, before.resident_kib, after.resident_kib,
	       before.descriptors, after.descriptors, before.mappings, after.mappings);
	CHECK_EQ(after.heap, before.heap);
	CHECK_EQ(after.descriptors, before.descriptors);
	CHECK(SANITIZED_OR(after.mappings <= before.mappings));
	CHECK(SANITIZED_OR(after.resident_kib <= before.resident_kib + RESIDENT_SLACK_KIB));
	dlclose(library);
	nvml_api_close(&api);
	fixture_end(&f);
	return 0;
}
