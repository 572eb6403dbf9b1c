/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_LAB_FIXTURE_H
#define MIGKIT_TESTS_LAB_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <migkit/driver.h>

#include "lab/lab.h"
#include "model/boards.h"
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

static inline int fixture_remove(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void fixture_clear(const char *dir)
{
	(void)nftw(dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void fixture_end(struct fixture *f)
{
	fixture_clear(f->base);
	CHECK(access(f->base, F_OK) != 0);
}

/* A lab's folder again under another name, byte for byte. */
static inline void fixture_copy(const char *from, const char *to)
{
	static const char *const names[] = { LAB_STATE_FILE, LAB_HOLDERS_FILE };

	fixture_clear(to);
	CHECK(!mkdir(to, 0755));
	for (unsigned i = 0; i < 2; i++) {
		char a[600], b[600], buffer[65536];
		FILE *in, *out;
		size_t n;

		snprintf(a, sizeof(a), "%.500s/%s", from, names[i]);
		snprintf(b, sizeof(b), "%.500s/%s", to, names[i]);
		in = fopen(a, "re");
		out = fopen(b, "we");
		CHECK(in && out);
		while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
			CHECK(fwrite(buffer, 1, n, out) == n);
		fclose(in);
		CHECK(!fclose(out));
	}
}

#endif
