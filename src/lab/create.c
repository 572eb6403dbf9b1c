/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"
#include "lab/root.h"
#include "lab/trace.h"

/* Repeatable random numbers (splitmix64): the same seed gives the same UUIDs and serials. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Bus ids of the eight GPUs of a DGX A100, then free ones: what people are used to see. */
static const uint8_t usual_bus[LAB_MAX_GPUS] = { 0x07, 0x0f, 0x47, 0x4e, 0x87, 0x90, 0xb7, 0xbd,
						 0x0b, 0x13, 0x4b, 0x52, 0x8b, 0x94, 0xbb, 0xc1 };

static unsigned board_position(struct lab_const *con, const struct mig_board *board)
{
	struct mig_board shaped = *board;
	unsigned i;

	lab_rules_shape_board(con->rule, &shaped);
	for (i = 0; i < con->n_boards; i++)
		if (!memcmp(&con->board[i], &shaped, sizeof(shaped)))
			return i;
	con->board[i] = shaped;
	con->n_boards++;
	return i;
}

static void fill_gpu(struct lab_gpu *gpu, const struct lab_gpu_spec *spec, unsigned n,
		     uint64_t *random)
{
	uint64_t a = next_random(random), b = next_random(random);

	gpu->numbering = spec->numbering;
	gpu->minor = n;
	gpu->ecc_current = gpu->ecc_pending = 1;
	gpu->pci_domain = spec->has_bus_id ? spec->pci_domain : 0;
	gpu->pci_bus = spec->has_bus_id ? spec->pci_bus : usual_bus[n];
	gpu->pci_device = spec->has_bus_id ? spec->pci_device : 0;
	gpu->pcie_switch = spec->pcie_switch;
	gpu->numa_node = spec->numa_node;
	snprintf(gpu->uuid, sizeof(gpu->uuid), "GPU-%08x-%04x-%04x-%04x-%012llx",
		 (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xffff),
		 (unsigned)(b >> 48), (unsigned long long)(b & 0xffffffffffffu));
	snprintf(gpu->serial, sizeof(gpu->serial), "16%011llu",
		 (unsigned long long)(next_random(random) % 100000000000u));
	for (size_t i = 0; i < sizeof(gpu->set) / sizeof(int32_t); i++)
		((int32_t *)&gpu->set)[i] = LAB_AUTO;
	gpu->energy_at_us = gpu->loaded_at_us = lab_now_us();
}

static void fill_machine(const struct lab_machine *m, struct lab_const *con)
{
	con->n_cpus = m->n_cpus;
	con->n_nodes = m->n_nodes;
	con->nodes_per_socket = m->nodes_per_socket;
	con->nvlink = m->nvlink;
	con->nvlinks = m->nvlinks;
	memcpy(con->machine, m->name, sizeof(con->machine));
	memcpy(con->node, m->node, sizeof(con->node));
	if (m->n_nodes)
		return;
	con->n_cpus = 64;
	con->n_nodes = con->nodes_per_socket = 1;
	con->node[0].cpus[0] = UINT64_MAX;
}

static void fill(const struct lab_spec *spec, struct lab_const *con, struct lab_state *st)
{
	uint64_t random = spec->seed;

	snprintf(con->name, sizeof(con->name), "%s", spec->name);
	snprintf(con->driver_version, sizeof(con->driver_version), "%s", spec->driver_version);
	con->driver_major = (uint32_t)strtoul(spec->driver_version, NULL, 10);
	con->cuda_version = spec->cuda_version;
	con->n_gpus = spec->n_gpus;
	con->permissions_real = spec->permissions_real;
	con->persistenced = spec->persistenced;
	con->owner_uid = geteuid();
	con->seed = spec->seed;
	memcpy(con->rule, spec->rule, sizeof(con->rule));
	fill_machine(&spec->machine, con);
	st->boot = 1;
	st->n_gpus = spec->n_gpus;
	for (unsigned i = 0; i < spec->n_gpus; i++) {
		fill_gpu(&st->gpu[i], &spec->gpu[i], i, &random);
		st->gpu[i].board = (uint8_t)board_position(con, &spec->gpu[i].board);
	}
}

static uint64_t round_up(uint64_t n)
{
	return (n + 4095) & ~(uint64_t)4095;
}

static void fill_header(struct lab_header *h, const struct lab_const *con)
{
	memcpy(h->magic, LAB_MAGIC, sizeof(h->magic));
	h->format = LAB_FORMAT;
	h->header_size = LAB_HEADER_SIZE;
	h->const_offset = LAB_HEADER_SIZE;
	h->const_size = lab_const_size(con->n_boards);
	h->copy_size = lab_state_size(con->n_gpus);
	h->copy_offset[0] = h->const_offset + round_up(h->const_size);
	h->copy_offset[1] = h->copy_offset[0] + round_up(h->copy_size + sizeof(uint64_t));
	h->trouble_size = sizeof(struct lab_trouble);
	h->trouble_offset[0] = h->copy_offset[1] + round_up(h->copy_size + sizeof(uint64_t));
	h->trouble_offset[1] = h->trouble_offset[0] + round_up(h->trouble_size + sizeof(uint64_t));
	h->live_offset = h->trouble_offset[1] + round_up(h->trouble_size + sizeof(uint64_t));
	h->file_size = h->live_offset + round_up(sizeof(struct lab_live));
	h->calls_sum = lab_calls_sum;
	h->const_sum = lab_sum(con, h->const_size);
	h->header_sum = lab_sum(h, offsetof(struct lab_header, header_sum));
}

static int write_all(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *p = data;

	while (size) {
		ssize_t n = pwrite(fd, p, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* Data that is kept twice, each time with its sum before it. */
static int write_copies(int fd, const uint64_t offset[2], const void *data, size_t size)
{
	uint64_t sum = lab_copy_sum(data, size);
	int r = 0;

	for (unsigned c = 0; r >= 0 && c < 2; c++) {
		r = write_all(fd, &sum, sizeof(sum), offset[c]);
		if (r >= 0)
			r = write_all(fd, data, size, offset[c] + sizeof(sum));
	}
	return r;
}

static int write_state_file(const char *dir, const struct lab_const *con,
			    const struct lab_state *st)
{
	_cleanup_free_ struct lab_trouble *none = calloc(1, sizeof(*none));
	struct lab_header h = { 0 };
	char path[4096 + 32];
	_cleanup_close_ int fd = -1;
	int r;

	if (!none)
		return -ENOMEM;
	fill_header(&h, con);
	h.root_boot = st->boot;
	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	/* All blocks now: a full disk must be an error here, not a SIGBUS in somebody's process. */
	r = -posix_fallocate(fd, 0, (off_t)h.file_size);
	if (r >= 0)
		r = write_copies(fd, h.copy_offset, st, h.copy_size);
	if (r >= 0)
		r = write_copies(fd, h.trouble_offset, none, h.trouble_size);
	if (r >= 0)
		r = write_all(fd, con, h.const_size, h.const_offset);
	if (r >= 0)
		r = write_all(fd, &h, sizeof(h), 0);
	return r;
}

static int write_holders_file(const char *dir)
{
	char path[4096 + 32];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/" LAB_HOLDERS_FILE, dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : 0;
}

static void remove_files(const char *dir)
{
	char path[4096 + 32];

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/" LAB_HOLDERS_FILE, dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/" LAB_TRACE_SOCKET, dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/" LAB_TRACE_LOST, dir);
	(void)unlink(path);
	lab_root_remove(dir);
	(void)rmdir(dir);
}

static int check_spec(const struct lab_spec *spec, struct mig_error *reterr)
{
	if (spec->n_gpus < 1 || spec->n_gpus > LAB_MAX_GPUS)
		return mig_fail(reterr, -EINVAL, "a lab has 1 to %d GPUs, not %u", LAB_MAX_GPUS,
				spec->n_gpus);
	for (unsigned i = 0; i < spec->n_gpus; i++)
		for (unsigned k = 0; k < i; k++)
			if (spec->gpu[i].has_bus_id && spec->gpu[k].has_bus_id &&
			    spec->gpu[i].pci_domain == spec->gpu[k].pci_domain &&
			    spec->gpu[i].pci_bus == spec->gpu[k].pci_bus &&
			    spec->gpu[i].pci_device == spec->gpu[k].pci_device)
				return mig_fail(reterr, -EINVAL,
						"GPUs %u and %u have the same bus id", k, i);
	return 0;
}

/* Made beside its place and renamed into it: nobody ever sees half a lab. */
int lab_create(const struct lab_spec *spec, struct mig_error *reterr)
{
	_cleanup_free_ struct lab_const *con = calloc(1, sizeof(*con));
	_cleanup_free_ struct lab_state *st = calloc(1, sizeof(*st));
	char tmp[4096];
	int r;

	if (!con || !st)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = check_spec(spec, reterr);
	if (r < 0)
		return r;
	fill(spec, con, st);
	r = lab_check(con, st, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, r, "the lab would break its own rules");
	if (snprintf(tmp, sizeof(tmp), "%s.new.XXXXXX", spec->dir) >= (int)sizeof(tmp))
		return mig_fail(reterr, -ENAMETOOLONG, "the lab's path is too long");
	if (!mkdtemp(tmp))
		return mig_fail(reterr, -errno, "cannot make the lab's folder %s: %s", spec->dir,
				strerror(errno));
	r = chmod(tmp, 0755) < 0 ? -errno : write_state_file(tmp, con, st);
	if (r >= 0)
		r = write_holders_file(tmp);
	if (r >= 0)
		r = lab_root_make(tmp, spec, con, st);
	if (r >= 0 && rename(tmp, spec->dir) < 0)
		r = -errno;
	if (r < 0) {
		remove_files(tmp);
		if (r == -ENOTEMPTY || r == -EEXIST)
			return mig_fail(reterr, -EEXIST, "there is a lab in %s already", spec->dir);
		return mig_fail(reterr, r, "cannot make the lab in %s: %s", spec->dir,
				strerror(-r));
	}
	return 0;
}

/* The header is marked first: processes that have the file mapped see that the lab is gone. */
static int mark_destroyed(const char *dir, struct mig_error *reterr)
{
	char path[4096 + 32];
	_cleanup_close_ int fd = -1;
	struct lab_header h;
	uint64_t yes = 1;
	int r;

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot destroy the lab in %s: %s", dir,
				strerror(errno));
	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    memcmp(h.magic, LAB_MAGIC, sizeof(h.magic)) != 0)
		return mig_fail(reterr, -EBADMSG,
				"%s is not a lab's state file: remove the folder yourself if it "
				"may go",
				path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			break;
	r = write_all(fd, &yes, sizeof(yes), offsetof(struct lab_header, destroyed));
	return r < 0 ? mig_fail(reterr, r, "cannot write to %s: %s", path, strerror(-r)) : 0;
}

int lab_destroy(const char *dir, struct mig_error *reterr)
{
	int r = mark_destroyed(dir, reterr);

	if (r < 0)
		return r;
	remove_files(dir);
	if (!access(dir, F_OK))
		return mig_fail(reterr, -ENOTEMPTY,
				"the lab is gone, but %s holds other files and stays", dir);
	return 0;
}
