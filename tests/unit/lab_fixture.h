/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_LAB_FIXTURE_H
#define MIGKIT_TESTS_LAB_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "model/boards.h"
#include "model/driver.h"
#include "unit/check.h"

/* A lab in a folder of its own under TMPDIR, for tests that use src/lab without any program. */
struct fixture {
	char base[256];
	char dir[300];
};

static inline void fixture_spec(struct lab_spec *spec, const char *dir, const char *key,
				const char *driver, unsigned gpus, uint8_t numbering)
{
	struct mig_error err = { 0 };
	const struct mig_board_def *def = mig_board_find(key);

	memset(spec, 0, sizeof(*spec));
	CHECK(def != NULL);
	spec->dir = dir;
	spec->name = "test";
	spec->driver_version = driver;
	spec->cuda_version = mig_driver_cuda(driver);
	spec->seed = 1;
	spec->n_gpus = gpus;
	for (unsigned i = 0; i < gpus; i++) {
		CHECK_EQ(mig_board_resolve(def, driver, &spec->gpu[i].board, &err), 0);
		spec->gpu[i].numbering = numbering;
	}
}

static inline void fixture_make(struct fixture *f)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(f->base, sizeof(f->base), "%s/migkit-test.XXXXXX", tmp ? tmp : "/tmp");
	CHECK(mkdtemp(f->base) != NULL);
	snprintf(f->dir, sizeof(f->dir), "%s/lab", f->base);
}

static inline void fixture_lab(struct fixture *f, const char *key, const char *driver,
			       unsigned gpus, uint8_t numbering)
{
	struct mig_error err = { 0 };
	struct lab_spec spec;
	int r;

	fixture_make(f);
	fixture_spec(&spec, f->dir, key, driver, gpus, numbering);
	r = lab_create(&spec, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
}

static inline struct lab *fixture_open(const struct fixture *f)
{
	struct mig_error err = { 0 };
	struct lab *lab = NULL;
	int r = lab_open(f->dir, 0, &lab, &err);

	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
	return lab;
}

static inline void fixture_end(struct fixture *f)
{
	char command[700];

	snprintf(command, sizeof(command), "rm -rf '%s'", f->base);
	CHECK_EQ(system(command), 0);
}

#endif
