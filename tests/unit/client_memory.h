/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_CLIENT_MEMORY_H
#define MIGKIT_TESTS_CLIENT_MEMORY_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvml/nvml_calls.h"
#include "unit/check.h"

/* A process's memory in KiB, as the kernel counts it (smaps_rollup). */
struct memory {
	long resident; /* all of it: also what it shares with others, as a library's code */
	long owned;    /* what is there for it alone */
};

static inline struct memory client_memory(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	struct memory m = { 0 };
	char line[256];

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		const char *colon = strchr(line, ':');

		if (!strncmp(line, "Rss:", 4))
			m.resident = strtol(colon + 1, NULL, 10);
		if (!strncmp(line, "Private_", 8) && colon)
			m.owned += strtol(colon + 1, NULL, 10);
	}
	fclose(f);
	return m;
}

/* What a small program does: it loads the library and asks who is there. */
static inline void client_ask(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	__typeof__(&nvmlInit_v2) init;
	__typeof__(&nvmlDeviceGetCount_v2) get_count;
	__typeof__(&nvmlDeviceGetHandleByIndex_v2) get_handle;
	__typeof__(&nvmlDeviceGetName) get_name;
	__typeof__(&nvmlShutdown) end;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	nvmlDevice_t dev;
	unsigned count;

	CHECK(library != NULL);
	*(void **)&init = dlsym(library, "nvmlInit_v2");
	*(void **)&get_count = dlsym(library, "nvmlDeviceGetCount_v2");
	*(void **)&get_handle = dlsym(library, "nvmlDeviceGetHandleByIndex_v2");
	*(void **)&get_name = dlsym(library, "nvmlDeviceGetName");
	*(void **)&end = dlsym(library, "nvmlShutdown");
	CHECK(init && get_count && get_handle && get_name && end);
	CHECK_EQ(init(), NVML_SUCCESS);
	CHECK_EQ(get_count(&count), NVML_SUCCESS);
	CHECK_EQ(get_handle(0, &dev), NVML_SUCCESS);
	CHECK_EQ(get_name(dev, name, sizeof(name)), NVML_SUCCESS);
	CHECK_EQ(end(), NVML_SUCCESS);
}

#endif
