/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "lab/check.h"
#include "lab/root.h"

/* The files of instances (root.h) beside the layout that they are to show. */

static DIR *open_folder(int fd, const char *path)
{
	int at = openat(fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = at < 0 ? NULL : fdopendir(at);

	if (!dir && at >= 0)
		close(at);
	return dir;
}

/* The number behind the prefix in "gi12"; -1: another kind of name. */
static long number_in(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	long n = 0;

	if (strncmp(name, prefix, len) != 0 || !name[len])
		return -1;
	for (name += len; *name; name++) {
		if (*name < '0' || *name > '9' || n > 0xffff)
			return -1;
		n = n * 10 + (*name - '0');
	}
	return n;
}

/* Which of "prefix0" to "prefixN" are in a folder, as bits from *bits on. */
static bool numbered(int fd, const char *path, const char *prefix, unsigned last, uint8_t *bits)
{
	DIR *dir = open_folder(fd, path);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		long n = number_in(e->d_name, prefix);

		if (n >= 0 && n <= (long)last)
			bits[n / 8] |= (uint8_t)(1u << n % 8);
	}
	if (dir)
		closedir(dir);
	return dir != NULL;
}

static bool has_bit(const uint8_t *bits, unsigned n)
{
	return bits[n / 8] >> n % 8 & 1;
}

/* What the capability says of itself is its node's number. */
static bool access_right(int fd, const char *folder, unsigned minor)
{
	char path[160], text[96], want[96];
	_cleanup_close_ int in = -1;
	int n = snprintf(want, sizeof(want), "DeviceFileMinor: %u\n", minor);

	snprintf(path, sizeof(path), "%s/access", folder);
	in = openat(fd, path, O_RDONLY | O_CLOEXEC);
	return in >= 0 && read(in, text, sizeof(text)) > n && !memcmp(text, want, (size_t)n);
}

static void look_at_gpu(int fd, unsigned gpu, struct lab_files_seen *ret)
{
	char path[128];

	snprintf(path, sizeof(path), LAB_ROOT_CAPS "/gpu%u/mig", gpu);
	(void)numbered(fd, path, "gi", MIG_MAX_GI_ID, ret->gi[gpu]);
	for (unsigned gi = 0; gi <= MIG_MAX_GI_ID; gi++) {
		char inner[144];

		if (!has_bit(ret->gi[gpu], gi))
			continue;
		snprintf(path, sizeof(path), LAB_ROOT_CAPS "/gpu%u/mig/gi%u", gpu, gi);
		if (!access_right(fd, path, lab_cap_minor(gpu, gi, -1)))
			ret->wrong[gpu][gi] |= 1u << 8;
		(void)numbered(fd, path, "ci", MIG_MAX_CI - 1, &ret->ci[gpu][gi]);
		for (int ci = 0; ci < MIG_MAX_CI; ci++) {
			if (!(ret->ci[gpu][gi] >> ci & 1))
				continue;
			snprintf(inner, sizeof(inner), "%s/ci%d", path, ci);
			if (!access_right(fd, inner, lab_cap_minor(gpu, gi, ci)))
				ret->wrong[gpu][gi] |= (uint16_t)(1u << ci);
		}
	}
}

void lab_files_look(const char *dir, unsigned n_gpus, struct lab_files_seen *ret)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0 || faccessat(fd, LAB_ROOT_CAPS, F_OK, 0) < 0)
		return;
	ret->there = numbered(fd, "dev/nvidia-caps", "nvidia-cap", LAB_CAP_LAST, ret->node);
	for (unsigned i = 0; i < n_gpus && i < LAB_MAX_GPUS; i++)
		look_at_gpu(fd, i, ret);
}

/* One instance: its folder, what is in it, and its node. ci -1: the GPU instance. */
static void check_one(struct lab_checking *c, const struct lab_files_seen *seen, unsigned gpu,
		      const struct lab_gi *gi, int ci)
{
	bool there = ci < 0 ? has_bit(seen->gi[gpu], gi->id) : seen->ci[gpu][gi->id] >> ci & 1;
	unsigned minor = lab_cap_minor(gpu, gi->id, ci);
	char name[24];

	if (ci < 0)
		snprintf(name, sizeof(name), "gi%u", gi->id);
	else
		snprintf(name, sizeof(name), "gi%u/ci%d", gi->id, ci);
	if (!there)
		lab_breach(c, "the capability's folder of %s is missing", name);
	else if (seen->wrong[gpu][gi->id] >> (ci < 0 ? 8 : ci) & 1)
		lab_breach(c, "the capability's file of %s does not say that it is number %u", name,
			   minor);
	if (!has_bit(seen->node, minor))
		lab_breach(c, "the node nvidia-cap%u of %s is missing", minor, name);
}

static void check_gpu(struct lab_checking *c, const struct lab_files_seen *seen, unsigned n)
{
	uint16_t gis = (uint16_t)(seen->gi[n][0] | seen->gi[n][1] << 8);
	const struct lab_gpu *gpu = &c->st->gpu[n];
	uint8_t cis[MIG_MAX_GI_ID + 1];

	memcpy(cis, seen->ci[n], sizeof(cis));
	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *gi = &gpu->gi[i];

		if (!gi->used || gi->id > MIG_MAX_GI_ID)
			continue;
		check_one(c, seen, n, gi, -1);
		gis &= (uint16_t) ~(1u << gi->id);
		for (unsigned k = 0; k < MIG_MAX_CI; k++) {
			if (!gi->ci[k].used || gi->ci[k].id >= MIG_MAX_CI)
				continue;
			check_one(c, seen, n, gi, gi->ci[k].id);
			cis[gi->id] &= (uint8_t) ~(1u << gi->ci[k].id);
		}
	}
	for (unsigned id = 0; id <= MIG_MAX_GI_ID; id++) {
		if (gis >> id & 1)
			lab_breach(c, "there is a capability's folder of gi%u, which is not there",
				   id);
		for (unsigned k = 0; k < MIG_MAX_CI && !(gis >> id & 1); k++)
			if (cis[id] >> k & 1)
				lab_breach(c,
					   "there is a capability's folder of gi%u/ci%u, which is "
					   "not there",
					   id, k);
	}
}

void lab_files_check(struct lab_checking *c, const struct lab_files_seen *seen)
{
	if (!seen->there) {
		lab_breach(c, "the files of its machine are missing: " LAB_ROOT_CAPS
			      " and dev/nvidia-caps");
		return;
	}
	for (unsigned i = 0; i < c->st->n_gpus; i++) {
		c->gpu = (int)i;
		check_gpu(c, seen, i);
	}
	c->gpu = -1;
}
