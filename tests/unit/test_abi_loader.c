/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls, and the library before and after init. */
#include <errno.h>
#include <stdint.h>

#include "nvml/migkit_export.h"
#include "nvml/nvml_layout.h"
#include "unit/abi_fixture.h"

typedef nvmlReturn_t any_call(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

static const char *const names[] = {
#define NAME(sym, need, args) #sym,
	NVML_CALLS(NAME)
#undef NAME
};
#define N_CALLS (sizeof(names) / sizeof(names[0]))

/* The i-th call of the table: its members are pointers to functions, in the order of the list. */
static any_call *call(const struct nvml_api *nvml, size_t i)
{
	any_call *fn;

	memcpy(&fn, (const char *)nvml + offsetof(struct nvml_api, nvmlInit) + i * sizeof(fn),
	       sizeof(fn));
	return fn;
}

static bool starts_or_ends(const char *name)
{
	return !strncmp(name, "nvmlInit", 8) || !strcmp(name, "nvmlInternalGetExportTable");
}

static void no_library(void)
{
	struct mig_error err = { 0 };
	struct nvml_api nvml;

	CHECK_EQ(nvml_api_open(&nvml, "/nowhere/libnvidia-ml.so.1", &err), -ENOENT);
	CHECK(strstr(err.msg, "/nowhere/libnvidia-ml.so.1") != NULL);
	CHECK(nvml.dl == NULL);
	CHECK_EQ(nvml_api_open(&nvml, "libc.so.6", &err), -ENOSYS);
	CHECK(strstr(err.msg, "nvmlInit") != NULL);
	nvml_api_close(&nvml);
}

static void before_init(const struct nvml_api *nvml)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		if (starts_or_ends(names[i]))
			continue;
		errno = 4711;
		if (call(nvml, i)(0, 0, 0, 0, 0, 0) != NVML_ERROR_UNINITIALIZED)
			fprintf(stderr, "%s\n", names[i]);
		CHECK_EQ(call(nvml, i)(0, 0, 0, 0, 0, 0), NVML_ERROR_UNINITIALIZED);
		CHECK_EQ(errno, 4711);
	}
}

/* Null pointers everywhere are refused and never followed. */
static void nothing_given(const struct nvml_api *nvml)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		nvmlReturn_t r;

		if (starts_or_ends(names[i]) || !strcmp(names[i], "nvmlShutdown"))
			continue;
		errno = 4711;
		r = call(nvml, i)(0, 0, 0, 0, 0, 0);
		if (r != NVML_ERROR_INVALID_ARGUMENT && r != NVML_ERROR_NOT_SUPPORTED)
			fprintf(stderr, "%s: %d\n", names[i], r);
		CHECK(r == NVML_ERROR_INVALID_ARGUMENT || r == NVML_ERROR_NOT_SUPPORTED);
		CHECK_EQ(errno, 4711);
	}
	/* A real handle, and nothing to write to. */
	for (size_t i = 0; i < N_CALLS; i++) {
		nvmlDevice_t gpu;
		nvmlReturn_t r;

		if (strncmp(names[i], "nvmlDeviceGet", 13) ||
		    !strncmp(names[i] + 13, "Handle", 6) ||
		    !strcmp(names[i], "nvmlDeviceGetCount") ||
		    !strcmp(names[i], "nvmlDeviceGetCount_v2"))
			continue;
		CHECK_EQ(nvml->nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
		r = call(nvml, i)((uintptr_t)gpu, 0, 0, 0, 0, 0);
		if (r == NVML_SUCCESS)
			fprintf(stderr, "%s wrote to nowhere\n", names[i]);
		CHECK(r != NVML_SUCCESS);
	}
}

static void counted(const struct nvml_api *nvml)
{
	unsigned n = 0;

	CHECK_EQ(nvml->nvmlInit(), NVML_SUCCESS);
	CHECK_EQ(nvml->nvmlInitWithFlags(NVML_INIT_FLAG_NO_ATTACH), NVML_SUCCESS);
	CHECK_EQ(nvml->nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml->nvmlDeviceGetCount_v2(&n), NVML_SUCCESS);
	CHECK_EQ(n, 2);
	CHECK_EQ(nvml->nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml->nvmlDeviceGetCount_v2(&n), NVML_ERROR_UNINITIALIZED);
	CHECK_EQ(nvml->nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
}

static void no_lab(const struct nvml_api *nvml)
{
	CHECK(unsetenv("MIGKIT_LAB") == 0);
	errno = 4711;
	CHECK_EQ(nvml->nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	CHECK(setenv("MIGKIT_LAB", "/nowhere", 1) == 0);
	CHECK_EQ(nvml->nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	CHECK_EQ(errno, 4711);
}

static void versions(const struct nvml_api *nvml)
{
	char text[80];
	int cuda = 0;

	CHECK_EQ(nvml->nvmlSystemGetDriverVersion(text, sizeof(text)), NVML_SUCCESS);
	CHECK_STR(text, "580.159.04");
	CHECK_EQ(nvml->nvmlSystemGetNVMLVersion(text, sizeof(text)), NVML_SUCCESS);
	CHECK_STR(text, "13.580.159.04");
	CHECK_EQ(nvml->nvmlSystemGetCudaDriverVersion_v2(&cuda), NVML_SUCCESS);
	CHECK_EQ(cuda, 13000);
	memset(text, 'x', sizeof(text));
	CHECK_EQ(nvml->nvmlSystemGetDriverVersion(text, 10), NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(nvml->nvmlSystemGetDriverVersion(text, 11), NVML_SUCCESS);
	CHECK_EQ(text[11], 'x');
	CHECK_STR(nvml->nvmlErrorString(NVML_ERROR_IN_USE), "In use by another client");
	CHECK_STR(nvml->nvmlErrorString(NVML_ERROR_UNKNOWN), "Unknown Error");
	CHECK_STR(nvml->nvmlErrorString(12345), "Unknown Error");
}

static void export_tables(const struct nvml_api *nvml, const char *dir)
{
	static const unsigned char ours[16] = MIGKIT_EXPORT_UUID;
	unsigned char other[16] = { 0 };
	const struct migkit_export *mine;
	const void *table = NULL;

	CHECK_EQ(nvml->nvmlInternalGetExportTable(&table, ours), NVML_SUCCESS);
	mine = table;
	CHECK_EQ(mine->size, sizeof(*mine));
	CHECK_EQ(mine->abi, MIGKIT_EXPORT_ABI);
	CHECK(mine->version[0] >= '0' && mine->version[0] <= '9');
	CHECK(mine->lab_dir() == NULL);
	CHECK_EQ(mine->gpu_reset(0), NVML_ERROR_UNINITIALIZED);
	CHECK_EQ(nvml->nvmlInternalGetExportTable(&table, other), NVML_ERROR_NOT_FOUND);

	CHECK_EQ(nvml->nvmlInit_v2(), NVML_SUCCESS);
	CHECK_STR(mine->lab_dir(), dir);
	CHECK_EQ(mine->gpu_reset(0), NVML_SUCCESS);
	CHECK_EQ(mine->gpu_reset(2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml->nvmlShutdown(), NVML_SUCCESS);
}

int main(void)
{
	struct fixture f;
	struct nvml_api nvml;

	no_library();
	abi_open(&nvml);
	before_init(&nvml);
	no_lab(&nvml);

	fixture_lab(&f, "h100-80gb-sxm", "580.159.04", 2, MIG_NUMBERING_I);
	CHECK(setenv("MIGKIT_LAB", f.dir, 1) == 0);
	export_tables(&nvml, f.dir);
	counted(&nvml);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	versions(&nvml);
	nothing_given(&nvml);
	abi_end(&f, &nvml);
	return 0;
}
