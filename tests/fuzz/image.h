/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_IMAGE_H
#define MIGKIT_TESTS_IMAGE_H

#include <fcntl.h>
#include <sys/mman.h>

#include "lab/format.h"
#include "unit/lab_fixture.h"

/*
 * Labs for fuzzing. Making one takes far longer than an input may; so its file is kept in memory,
 * and written back before each input. All labs of a process lie in one folder, which goes with it.
 */
struct image {
	char dir[320];
	char path[400]; /* of its file */
	size_t size;
	uint8_t *file;	/* the lab's file, mapped */
	uint8_t *saved; /* as it was made */
};

static struct fixture image_home;

static void image_end(void)
{
	fixture_clear(image_home.base);
}

static void image_make(struct image *im, struct lab_spec *spec, unsigned number)
{
	struct mig_error err = { 0 };
	struct stat sb;
	int fd;

	if (!image_home.base[0]) {
		fixture_make(&image_home);
		atexit(image_end);
	}
	snprintf(im->dir, sizeof(im->dir), "%s/lab%u", image_home.base, number);
	spec->dir = im->dir;
	if (lab_create(spec, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	snprintf(im->path, sizeof(im->path), "%s/lab%u/" LAB_STATE_FILE, image_home.base, number);
	fd = open(im->path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && !fstat(fd, &sb));
	im->size = (size_t)sb.st_size;
	im->file = mmap(NULL, im->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	im->saved = malloc(im->size);
	CHECK(im->file != MAP_FAILED && im->saved);
	close(fd);
	memcpy(im->saved, im->file, im->size);
}

#endif
