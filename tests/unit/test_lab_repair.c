/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "lab/format.h"
#include "unit/lab_fixture.h"

/*
 * The file is not synced, so a crash of the whole machine may tear the current copy of the state.
 * Then the copy before it is taken; with both torn, one sentence and nothing else. Each look is a
 * process of its own in effect: the map is checked anew by every lab_open().
 */

static void state_path(const struct fixture *f, char path[400])
{
	snprintf(path, 400, "%s/" LAB_STATE_FILE, f->dir);
}

/* Turns over one byte in the middle of a copy: 0 the current one, 1 the other. */
static void tear(const struct fixture *f, unsigned which)
{
	struct lab_header h;
	char path[400];
	uint8_t byte;
	off_t at;
	int fd;

	state_path(f, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(pread(fd, &h, sizeof(h), 0) == sizeof(h));
	at = (off_t)(h.copy_offset[(h.seq + which) % 2] + h.copy_size / 2);
	CHECK(pread(fd, &byte, 1, at) == 1);
	byte ^= 0x40;
	CHECK(pwrite(fd, &byte, 1, at) == 1);
	close(fd);
}

static unsigned persistence(const struct fixture *f)
{
	struct lab *lab = fixture_open(f);
	struct lab_gpu gpu;

	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	lab_close(lab);
	return gpu.persistence;
}

static void set(const struct fixture *f, bool on)
{
	struct lab *lab = fixture_open(f);

	CHECK_EQ(lab_set_persistence(lab, 0, on), 0);
	lab_close(lab);
}

int main(void)
{
	struct mig_error err = { 0 };
	struct fixture f;
	struct lab *lab;

	fixture_lab(&f, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	set(&f, true);
	CHECK_EQ(persistence(&f), 1);
	tear(&f, 0);
	CHECK_EQ(persistence(&f), 0); /* the state before the last change */
	set(&f, true);		      /* and work goes on, on the torn copy as well */
	CHECK_EQ(persistence(&f), 1);
	set(&f, false);
	CHECK_EQ(persistence(&f), 0);
	tear(&f, 1); /* the copy that nobody reads is nobody's concern */
	CHECK_EQ(persistence(&f), 0);
	tear(&f, 0);
	CHECK_EQ(lab_open(f.dir, 0, &lab, &err), -EBADMSG);
	CHECK(strstr(err.msg, "neither copy of its state is whole") != NULL);
	fixture_end(&f);
	return 0;
}
