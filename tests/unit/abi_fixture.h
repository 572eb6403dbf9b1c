/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_ABI_FIXTURE_H
#define MIGKIT_TESTS_ABI_FIXTURE_H

#include "nvml/nvml_api.h"
#include "unit/lab_fixture.h"

/* The built simulated driver, opened by the loader as migctl opens it, on a lab of its own. */
static inline void abi_open(struct nvml_api *nvml)
{
	const char *build = getenv("MIGKIT_BUILD");
	struct mig_error err = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build ? build : "build");
	if (nvml_api_open(nvml, path, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
}

static inline void abi_lab(struct fixture *f, struct nvml_api *nvml, const char *board,
			   const char *driver, unsigned gpus, uint8_t numbering)
{
	fixture_lab(f, board, driver, gpus, numbering);
	CHECK(setenv("MIGKIT_LAB", f->dir, 1) == 0);
	abi_open(nvml);
	CHECK_EQ(nvml->nvmlInit_v2(), NVML_SUCCESS);
}

/* As abi_lab with one GPU, but only root may change it, as on hardware; others may look. */
static inline void abi_lab_of_root(struct fixture *f, struct nvml_api *nvml, const char *board,
				   const char *driver)
{
	struct mig_error err = { 0 };
	struct lab_spec spec;

	fixture_make(f);
	fixture_spec(&spec, f->dir, board, driver, 1, MIG_NUMBERING_I);
	spec.permissions_real = true;
	CHECK_EQ(lab_create(&spec, &err), 0);
	CHECK_EQ(chmod(f->base, 0755), 0);
	CHECK(setenv("MIGKIT_LAB", f->dir, 1) == 0);
	abi_open(nvml);
	CHECK_EQ(nvml->nvmlInit_v2(), NVML_SUCCESS);
}

static inline void abi_end(struct fixture *f, struct nvml_api *nvml)
{
	CHECK_EQ(nvml->nvmlShutdown(), NVML_SUCCESS);
	nvml_api_close(nvml);
	fixture_end(f);
}

#endif
