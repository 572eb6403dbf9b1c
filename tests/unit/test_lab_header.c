/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "lab/format.h"
#include "unit/lab_fixture.h"

/*
 * The header of a lab's file holds bounds for pointers. Its sum proves no more than that somebody
 * computed it, so each of these has a right sum and a bound that leads out of the file: a sentence,
 * never a crash.
 */

static const size_t offsets[] = {
	offsetof(struct lab_header, const_offset),
	offsetof(struct lab_header, copy_offset[0]),
	offsetof(struct lab_header, copy_offset[1]),
	offsetof(struct lab_header, trouble_offset[0]),
	offsetof(struct lab_header, trouble_offset[1]),
	offsetof(struct lab_header, live_offset),
};

static void path_of(const struct fixture *f, char path[400])
{
	snprintf(path, 400, "%s/" LAB_STATE_FILE, f->dir);
}

static void put_header(const struct fixture *f, const struct lab_header *h)
{
	char path[400];
	int fd;

	path_of(f, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(pwrite(fd, h, sizeof(*h), 0) == sizeof(*h));
	close(fd);
}

static void refused(const struct fixture *f, const struct lab_header *good, size_t at,
		    uint64_t value)
{
	struct mig_error err = { 0 };
	struct lab_header bad = *good;
	struct lab *lab = NULL;

	memcpy((uint8_t *)&bad + at, &value, sizeof(value));
	bad.header_sum = lab_sum(&bad, offsetof(struct lab_header, header_sum));
	put_header(f, &bad);
	CHECK_EQ(lab_open(f->dir, 0, &lab, &err), -EBADMSG);
	if (!strstr(err.msg, "its header points outside it"))
		fprintf(stderr, "offset %zu, value %llx: %s\n", at, (unsigned long long)value,
			err.msg);
	CHECK(strstr(err.msg, "its header points outside it") != NULL);
}

int main(void)
{
	struct lab_header good;
	struct fixture f;
	char path[400];
	int fd;

	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", 2, MIG_NUMBERING_X);
	path_of(&f, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(pread(fd, &good, sizeof(good), 0) == sizeof(good));
	close(fd);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		/* The first three wrap around when a size is added to them. */
		const uint64_t values[] = { UINT64_MAX - 7,
					    UINT64_MAX - good.copy_size - 7,
					    UINT64_MAX - good.const_size + 1 - 8,
					    (uint64_t)1 << 63,
					    good.file_size,
					    good.file_size - 8,
					    good.copy_offset[1] + 4,
					    0,
					    128 };

		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			refused(&f, &good, offsets[i], values[v] & ~(uint64_t)3);
	}
	refused(&f, &good, offsetof(struct lab_header, const_size), UINT64_MAX - 4095);
	refused(&f, &good, offsetof(struct lab_header, copy_size), UINT64_MAX - 4095);
	refused(&f, &good, offsetof(struct lab_header, copy_size), good.copy_size + 4);
	put_header(&f, &good);
	lab_close(fixture_open(&f));
	fixture_end(&f);
	return 0;
}
