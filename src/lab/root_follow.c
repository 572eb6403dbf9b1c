/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * The capability files of instances follow the layout: a folder with its "access" file for each GI
 * and CI, and a node. A folder that is not in use waits in LAB_ROOT_SPARE, so that an instance that
 * comes and goes costs a rename each. As on hardware the nodes of destroyed instances stay until
 * the machine is rebooted (transcript 13: cap12 and cap13 of an earlier GI).
 *
 * Dying anywhere is harmless: the header's root_seq says of which state the files are, and is
 * marked before the first of them changes. Whoever changes the lab next and finds another number
 * compares everything. An NVML call never fails because of files.
 */

#define MARK_CHANGING UINT64_MAX

#ifdef LAB_CRASH_TEST
/* Test build only: the process dies as by kill -9 just before its n-th change of a file. */
static long test_die_at_file;
#define STEP()                                               \
	do {                                                 \
		if (test_die_at_file && !--test_die_at_file) \
			kill(getpid(), SIGKILL);             \
	} while (0)
#else
#define STEP() ((void)0)
#endif

struct cap {
	unsigned gpu; /* minor number */
	unsigned gi;
	int ci; /* -1: the GI's own */
};

static struct root_have have_of(const struct lab_gpu *gpu)
{
	struct root_have h = { 0 };

	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *gi = &gpu->gi[i];

		if (!gi->used || gi->id > MIG_MAX_GI_ID)
			continue;
		h.gi |= (uint16_t)(1u << gi->id);
		for (unsigned c = 0; c < MIG_MAX_CI; c++)
			if (gi->ci[c].used && gi->ci[c].id < 8)
				h.ci[gi->id] |= (uint8_t)(1u << gi->ci[c].id);
	}
	return h;
}

/* snprintf() would be a fifth of what a change costs this process. */
static char *put_number(char *to, unsigned n)
{
	char digit[16], *p = digit + sizeof(digit);

	*--p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return stpcpy(to, p);
}

static void cap_path(const struct cap *c, const char *const part[3], char ret[128])
{
	char *to = put_number(stpcpy(ret, part[0]), c->gpu);

	to = put_number(stpcpy(to, part[1]), c->gi);
	if (c->ci >= 0)
		(void)put_number(stpcpy(to, part[2]), (unsigned)c->ci);
}

/* Relative to the folder of the capabilities, from which the kernel has fewer names to look up. */
static void place_path(const struct cap *c, char ret[128])
{
	static const char *const part[] = { "gpu", "/mig/gi", "/ci" };

	cap_path(c, part, ret);
}

static void spare_path(const struct cap *c, char ret[128])
{
	static const char *const part[] = { LAB_ROOT_SPARE "/gpu", "-gi", "-ci" };

	cap_path(c, part, ret);
}

/* 0 or -errno */
static int move(int from_fd, const char *from, int to_fd, const char *to)
{
	STEP();
	return renameat(from_fd, from, to_fd, to) < 0 ? -errno : 0;
}

static void remove_folder(int fd, const char *path)
{
	char access[160];

	snprintf(access, sizeof(access), "%s/access", path);
	STEP();
	(void)unlinkat(fd, access, 0);
	STEP();
	(void)unlinkat(fd, path, AT_REMOVEDIR);
}

/* Under one name at a time, and moved into its place only when it is whole. */
static int new_folder(const struct root_follow *f, unsigned minor, const char *place)
{
	const int fd = f->fd;
	static const char name[] = LAB_ROOT_SPARE "/new", file[] = LAB_ROOT_SPARE "/new/access";
	_cleanup_close_ int out = -1;
	char text[96];
	int n = snprintf(text, sizeof(text),
			 "DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1\n", minor,
			 LAB_CAP_MODE_READ);

	STEP();
	if (mkdirat(fd, name, 0777) < 0 && errno != EEXIST)
		return -errno;
	STEP();
	(void)unlinkat(fd, file, 0); /* of somebody who died here */
	STEP();
	out = openat(fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (out < 0)
		return -errno;
	STEP();
	if (write(out, text, (size_t)n) != n)
		return -EIO;
	return move(fd, name, f->caps_fd, place);
}

static int look_for_node(const struct root_follow *f, unsigned minor)
{
	char path[64];
	int file;

	(void)put_number(stpcpy(path, LAB_ROOT_CAP_DEV), minor);
	if (faccessat(f->fd, path, F_OK, 0) >= 0)
		return 0;
	STEP();
	if (linkat(f->fd, LAB_ROOT_CAP_NODE, f->fd, path, 0) >= 0 || errno == EEXIST)
		return 0;
	/* No links here, or not to a node of somebody else's (fs.protected_hardlinks). */
	STEP();
	file = openat(f->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (file < 0)
		return -errno;
	close(file);
	return 0;
}

/* Looked for once in a boot by who has the lab open: nothing but a reboot takes nodes away. */
static int ensure_node(const struct root_follow *f, unsigned minor)
{
	uint64_t *seen = f->lab->map->nodes.seen, bit = 1ull << minor % 64;
	int r;

	if (minor >= LAB_CAP_MINORS)
		return -EINVAL; /* a GPU's minor number that no driver gives */
	if (seen[minor / 64] & bit)
		return 0;
	r = look_for_node(f, minor);
	if (r >= 0)
		seen[minor / 64] |= bit;
	return r;
}

/*
 * What cannot be moved is tried once more by a descriptor of which the kernel was asked, for the
 * number may be another folder's now.
 */
static int try_add(struct root_follow *f, const struct cap *c)
{
	unsigned minor = lab_cap_minor(c->gpu, c->gi, c->ci);
	char place[128], spare[128];
	int r = ensure_node(f, minor);

	if (r < 0)
		return r;
	place_path(c, place);
	spare_path(c, spare);
	r = move(f->fd, spare, f->caps_fd, place);
	return r == -ENOENT ? new_folder(f, minor, place) : r;
}

/* Whether there are folders to work in, after a look at what their descriptors are. */
static bool look_anew(struct root_follow *f)
{
	f->fd = lab_dir_fd_anew(f->lab, &f->caps_fd);
	return f->fd >= 0;
}

static void add(struct root_follow *f, const struct cap *c)
{
	int r = try_add(f, c);

	if (r < 0 && look_anew(f))
		r = try_add(f, c);
	f->failed = f->failed || r < 0;
}

static void drop(struct root_follow *f, const struct cap *c)
{
	char place[128], spare[128];
	int r;

	place_path(c, place);
	spare_path(c, spare);
	r = move(f->caps_fd, place, f->fd, spare);
	if (r < 0 && look_anew(f))
		r = move(f->caps_fd, place, f->fd, spare);
	if (r >= 0 || r == -ENOENT)
		return;
	if (r == -ENOTEMPTY || r == -EEXIST)
		remove_folder(f->caps_fd, place); /* a spare one is there already */
	else
		f->failed = true;
}

/* Instances of "to" that "from" lacks: outer folders come first. */
static void add_missing(struct root_follow *f, unsigned gpu, const struct root_have *from,
			const struct root_have *to)
{
	for (unsigned gi = 0; gi <= MIG_MAX_GI_ID; gi++) {
		if (!(to->gi >> gi & 1))
			continue;
		if (!(from->gi >> gi & 1))
			add(f, &(struct cap){ gpu, gi, -1 });
		for (int ci = 0; ci < 8; ci++)
			if ((to->ci[gi] & ~from->ci[gi]) >> ci & 1)
				add(f, &(struct cap){ gpu, gi, ci });
	}
}

/* Instances of "from" that "to" lacks: inner folders go first. */
static void drop_gone(struct root_follow *f, unsigned gpu, const struct root_have *from,
		      const struct root_have *to)
{
	for (unsigned gi = 0; gi <= MIG_MAX_GI_ID; gi++) {
		if (!(from->gi >> gi & 1))
			continue;
		for (int ci = 0; ci < 8; ci++)
			if ((from->ci[gi] & ~to->ci[gi]) >> ci & 1)
				drop(f, &(struct cap){ gpu, gi, ci });
		if (!(to->gi >> gi & 1))
			drop(f, &(struct cap){ gpu, gi, -1 });
	}
}

static DIR *open_folder(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* The number behind the prefix in "gi12"; -1: it is another kind of name. */
static long number_in(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	unsigned long n;
	char *end;

	if (strncmp(name, prefix, len) != 0 || name[len] < '0' || name[len] > '9')
		return -1;
	n = strtoul(name + len, &end, 10);
	return *end || n > 0xffff ? -1 : (long)n;
}

/* Which of the folders "prefix0" to "prefixN" are in a folder, as bits. */
static uint32_t numbered(struct root_follow *f, const char *path, const char *prefix, unsigned last)
{
	DIR *dir = open_folder(f->caps_fd, path);
	const struct dirent *e;
	uint32_t found = 0;

	while (dir && (e = readdir(dir))) {
		long n = number_in(e->d_name, prefix);

		if (n >= 0 && n <= (long)last)
			found |= 1u << n;
	}
	if (dir)
		closedir(dir);
	return found;
}

static struct root_have have_in_tree(struct root_follow *f, unsigned gpu)
{
	struct root_have h = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "gpu%u/mig", gpu);
	h.gi = (uint16_t)numbered(f, path, "gi", MIG_MAX_GI_ID);
	for (unsigned gi = 0; gi <= MIG_MAX_GI_ID; gi++) {
		if (!(h.gi >> gi & 1))
			continue;
		place_path(&(struct cap){ gpu, gi, -1 }, path);
		h.ci[gi] = (uint8_t)numbered(f, path, "ci", 7);
	}
	return h;
}

/* /dev is made anew when a machine starts, and with it the nodes of instances long gone. */
static void after_reboot(struct root_follow *f)
{
	DIR *dir = open_folder(f->fd, "dev/nvidia-caps");
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (number_in(e->d_name, "nvidia-cap") <= (long)LAB_CAP_MONITOR)
			continue;
		STEP();
		if (unlinkat(dirfd(dir), e->d_name, 0) < 0 && errno != ENOENT)
			f->failed = true;
	}
	if (dir)
		closedir(dir);
}

/* Also of those that have their folder: whoever died may have had only that. */
static void ensure_nodes(struct root_follow *f, unsigned gpu, const struct root_have *have)
{
	for (unsigned gi = 0; gi <= MIG_MAX_GI_ID; gi++)
		for (int ci = -1; ci < 8; ci++)
			if (ci < 0 ? have->gi >> gi & 1 : have->ci[gi] >> ci & 1)
				if (ensure_node(f, lab_cap_minor(gpu, gi, ci)) < 0)
					f->failed = true;
}

static uint64_t header_word(const struct lab *lab, size_t offset)
{
	return lab_word_load(lab->map->ro, offset);
}

static void mark(const struct lab *lab, uint64_t seq)
{
	lab_word_store(lab->map->rw, offsetof(struct lab_header, root_seq), seq);
}

/* Most changes are of one GPU. */
static void compare(struct root_follow *f, const struct lab_state *before,
		    const struct lab_state *after, const struct lab_blocks *differ)
{
	for (unsigned i = 0; i < after->n_gpus; i++) {
		size_t at = offsetof(struct lab_state, gpu) + i * sizeof(struct lab_gpu) +
			    offsetof(struct lab_gpu, gi);

		if (!lab_any_block(differ, at, at + sizeof(after->gpu[i].gi)))
			continue;
		f->from[i] = have_of(&before->gpu[i]);
		f->to[i] = have_of(&after->gpu[i]);
		if (memcmp(&f->from[i], &f->to[i], sizeof(f->to[i])) != 0)
			f->gpus |= 1u << i;
	}
}

void root_follow_begin(struct root_follow *f, const struct lab *lab, const struct lab_state *before,
		       const struct lab_state *after, const struct lab_blocks *differ)
{
	f->lab = lab;
	f->fd = f->caps_fd = -1;
	f->gpus = 0;
	f->failed = false;
	f->whole = header_word(lab, offsetof(struct lab_header, root_seq)) != before->seq ||
		   header_word(lab, offsetof(struct lab_header, root_boot)) != after->boot;
	if (!f->whole)
		compare(f, before, after, differ);
	if (!f->whole && !f->gpus)
		return;
	mark(lab, MARK_CHANGING);
	lab_nodes_of_boot(lab->map, after->boot);
	f->fd = f->whole ? lab_dir_fd_anew(lab, &f->caps_fd) : lab_dir_fd(lab, &f->caps_fd);
	f->failed = f->fd < 0;
	for (unsigned rest = f->gpus; rest && f->fd >= 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		add_missing(f, after->gpu[i].minor, &f->from[i], &f->to[i]);
	}
}

/* Everything compared with what is there, whoever left it so. */
static void follow_whole(struct root_follow *f, const struct lab *lab,
			 const struct lab_state *after)
{
	bool rebooted = header_word(lab, offsetof(struct lab_header, root_boot)) != after->boot;

	if (f->caps_fd < 0) {
		f->failed = true; /* a copy of a lab without its files */
		return;
	}
	if (rebooted)
		after_reboot(f);
	for (unsigned i = 0; i < after->n_gpus; i++) {
		unsigned minor = after->gpu[i].minor;

		f->from[i] = have_in_tree(f, minor);
		f->to[i] = have_of(&after->gpu[i]);
		drop_gone(f, minor, &f->from[i], &f->to[i]);
		add_missing(f, minor, &f->from[i], &f->to[i]);
		ensure_nodes(f, minor, &f->to[i]);
	}
	if (!f->failed)
		lab_word_store(lab->map->rw, offsetof(struct lab_header, root_boot), after->boot);
}

void root_follow_end(struct root_follow *f, const struct lab *lab, const struct lab_state *after)
{
	if (f->whole && f->fd >= 0)
		follow_whole(f, lab, after);
	for (unsigned rest = f->gpus; rest && f->fd >= 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		drop_gone(f, after->gpu[i].minor, &f->from[i], &f->to[i]);
	}
	if (!f->failed)
		mark(lab, after->seq);
}
