/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/lab_exec.h"

/*
 * The lab's files over the host's. Folders of the lab are bound, so that they follow the layout.
 * Where the kernel offers no mount point and lets nobody make one (/proc/driver/nvidia of a host
 * without a driver), the folder above is laid anew: an empty file system over it, with all that was
 * in it bound into it again, and the lab's beside that. What is the real driver's is left out then,
 * so that a machine is never half real.
 */

/* Where the host's own folder stays when links to it lie over it. */
#define HOST ".host"

static void miss(struct lab_mounts *m, const char *path)
{
	for (unsigned i = 0; i < m->n_missing; i++)
		if (!strcmp(m->missing[i], path))
			return;
	if (m->n_missing < LAB_MOUNT_MAX)
		snprintf(m->missing[m->n_missing++], sizeof(m->missing[0]), "%s", path);
}

static int bind(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int lay_empty(struct lab_mounts *m, const char *path)
{
	struct stat sb;

	if (mount("tmpfs", path, "tmpfs", MS_NOSUID, "mode=755") < 0)
		return -errno;
	if (m->n_own < ARRAY_SIZE(m->own) && stat(path, &sb) == 0)
		m->own[m->n_own++] = sb.st_dev;
	return 0;
}

static bool is_own(const struct lab_mounts *m, const char *path)
{
	struct stat sb;

	if (stat(path, &sb) < 0)
		return false;
	for (unsigned i = 0; i < m->n_own; i++)
		if (m->own[i] == sb.st_dev)
			return true;
	return false;
}

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* A real driver's, or a display of its: nvidia0, nvidia-caps, nvidia_drm, dri ... */
static bool is_real(const char *name)
{
	return !strncmp(name, "nvidia", 6) || !strcmp(name, "dri");
}

/* An entry of the working folder, which lies hidden below "path", again in "path". */
static void carry_over(const char *path, const char *name)
{
	char to[PATH_MAX], target[PATH_MAX];
	struct stat sb;
	ssize_t n;

	if (lstat(name, &sb) < 0 || snprintf(to, sizeof(to), "%s/%s", path, name) >= PATH_MAX)
		return;
	if (S_ISLNK(sb.st_mode)) {
		n = readlink(name, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			(void)!symlink(target, to);
		}
		return;
	}
	/* It finds its /dev/pts beside it, which a bound one would not: see keep_ptmx(). */
	if (!strcmp(to, "/dev/ptmx")) {
		if (access("pts/ptmx", R_OK | W_OK) == 0)
			(void)!symlink("pts/ptmx", to);
		return;
	}
	if (S_ISDIR(sb.st_mode) ? mkdir(to, 0755) < 0 : make_file(to) < 0)
		return;
	if (bind(name, to) < 0)
		(void)remove(to);
}

/*
 * The working folder is the way back to what was there: a path that leads to "path" ends in what
 * lies over it, but "." does not.
 */
static int lay_anew(struct lab_mounts *m, const char *path)
{
	const struct dirent *e;
	DIR *dir;
	int r;

	if (chdir(path) < 0)
		return -errno;
	dir = opendir(".");
	if (!dir)
		return -errno;
	r = lay_empty(m, path);
	while (r >= 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !is_real(e->d_name))
			carry_over(path, e->d_name);
	closedir(dir);
	return r;
}

/*
 * Terminals for who may not open /dev/pts/ptmx (where systemd has mounted it, that is root alone):
 * the node in a copy of the host's /dev, with all real nodes in it covered.
 */
static void keep_ptmx(struct lab_mounts *m, int host)
{
	char path[PATH_MAX];
	const struct dirent *e;
	struct stat sb;
	DIR *dir;

	if (host < 0 || lstat("/dev/ptmx", &sb) == 0 || mkdir("/dev/" HOST, 0755) < 0)
		return;
	if (move_mount(host, "", AT_FDCWD, "/dev/" HOST, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return;
	dir = opendir("/dev/" HOST);
	while (dir && (e = readdir(dir))) {
		if (!is_real(e->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/" HOST "/%s", e->d_name);
		if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
			(void)lay_empty(m, path);
		else
			(void)bind("/dev/null", path);
	}
	if (dir)
		closedir(dir);
	(void)!symlink(HOST "/ptmx", "/dev/ptmx");
}

/* Links for all of /proc that is not a process, and the host's own below HOST. */
static int lay_proc(struct lab_mounts *m)
{
	char self[32], target[PATH_MAX], link[PATH_MAX];
	_cleanup_close_ int host = -1;
	const struct dirent *e;
	DIR *dir;
	int r;

	dir = opendir("/proc");
	if (!dir)
		return -errno;
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	/* A copy taken before something lies over it: a bind of later would bring that along. */
	host = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	r = host < 0 ? -errno : lay_empty(m, "/proc");
	if (r >= 0)
		r = mkdir("/proc/" HOST, 0555) < 0 || move_mount(host, "", AT_FDCWD, "/proc/" HOST,
								 MOVE_MOUNT_F_EMPTY_PATH) < 0
			    ? -errno
			    : 0;
	while (r >= 0 && (e = readdir(dir))) {
		const char *name = e->d_name;

		if (name[0] == '.' || !strcmp(name, "driver") || !strcmp(name, "modules") ||
		    !strcmp(name, "devices") ||
		    (name[0] >= '0' && name[0] <= '9' && strcmp(name, self) != 0))
			continue;
		snprintf(target, sizeof(target), HOST "/%s", name);
		snprintf(link, sizeof(link), "/proc/%s", name);
		(void)!symlink(target, link);
	}
	closedir(dir);
	if (r < 0)
		return r;
	m->proc_linked = true;
	if (mkdir("/proc/driver", 0555) < 0)
		return -errno;
	/* The host's driver folder once more below HOST: whatever is real in it goes. */
	if (chdir("/proc/" HOST "/driver") == 0 && (dir = opendir("."))) {
		while ((e = readdir(dir)))
			if (is_real(e->d_name))
				(void)lay_empty(m, e->d_name);
			else if (e->d_name[0] != '.')
				carry_over("/proc/driver", e->d_name);
		closedir(dir);
	}
	return 0;
}

/* Makes sure that there is something to mount on; touches no file system of the host. */
static int need(struct lab_mounts *m, const char *path, bool folder)
{
	char above[PATH_MAX], *slash;
	struct stat sb;
	int r = 0;

	if (stat(path, &sb) == 0)
		return 0;
	snprintf(above, sizeof(above), "%s", path);
	do {
		slash = strrchr(above, '/');
		*slash = '\0';
	} while (slash > above && stat(above, &sb) < 0);
	if (slash == above)
		return -ENOENT; /* nothing of it is there */
	if (!is_own(m, above))
		r = strcmp(above, "/proc") != 0 ? lay_anew(m, above) : -ENOENT;
	/* Step by step: what was laid anew may have brought some of them. */
	for (size_t at = strlen(above); r >= 0 && path[at]; at += 1 + strcspn(path + at + 1, "/")) {
		size_t end = at + 1 + strcspn(path + at + 1, "/");

		memcpy(above, path, end);
		above[end] = '\0';
		if (!path[end] && !folder)
			r = make_file(above);
		else if (mkdir(above, 0755) < 0 && errno != EEXIST)
			r = -errno;
	}
	return r;
}

/* "/proc/devices" of the lab in its place. */
static void place(struct lab_mounts *m, const char *path, bool folder)
{
	char from[PATH_MAX + 64];
	int r;

	snprintf(from, sizeof(from), "%s%s", m->dir, path);
	r = need(m, path, folder);
	if (r >= 0)
		r = bind(from, path);
	if (r < 0)
		miss(m, path);
}

/* Every entry of a folder of the lab, such as sys/module. */
static void place_each(struct lab_mounts *m, const char *path, bool nested)
{
	char from[PATH_MAX + 64], sub[PATH_MAX];
	const struct dirent *e;
	DIR *dir;

	snprintf(from, sizeof(from), "%s%s", m->dir, path);
	dir = opendir(from);
	if (!dir) {
		miss(m, path);
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name) >= PATH_MAX)
			continue;
		if (nested)
			place_each(m, sub, false);
		else
			place(m, sub, true);
	}
	closedir(dir);
}

/* The devices: of /dev/null, for a node of a real driver's number would be the real GPU. */
static void place_devices(struct lab_mounts *m)
{
	_cleanup_close_ int host =
		open_tree(AT_FDCWD, "/dev", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	char from[PATH_MAX + 64], to[PATH_MAX];
	const struct dirent *e;
	DIR *dir;

	snprintf(from, sizeof(from), "%s/dev", m->dir);
	dir = opendir(from);
	if (!dir || lay_anew(m, "/dev") < 0) {
		miss(m, "/dev/nvidia*");
		if (dir)
			closedir(dir);
		return;
	}
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "nvidia", 6) != 0 || !strcmp(e->d_name, "nvidia-caps"))
			continue;
		snprintf(to, sizeof(to), "/dev/%s", e->d_name);
		if (make_file(to) < 0 || bind("null", to) < 0)
			miss(m, to);
	}
	closedir(dir);
	keep_ptmx(m, host);
	place(m, "/dev/nvidia-caps", true);
}

static void place_proc(struct lab_mounts *m)
{
	static const char *const files[] = { "/proc/driver", "/proc/devices", "/proc/modules" };
	bool all = true;

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		all = all && access(files[i], F_OK) == 0;
	/* First, for it would hide what is in place before. */
	if (all || !m->proc || lay_proc(m) < 0)
		(void)lay_anew(m, files[0]);
	place(m, "/proc/driver/nvidia", true);
	place(m, "/proc/driver/nvidia-caps", true);
	place(m, files[1], false);
	place(m, files[2], false);
}

/* Real GPUs in sysfs, seen before any of it is changed: nothing is left of them. */
static void hide_real_gpus(struct lab_mounts *m)
{
	static const char devices[] = "/sys/bus/pci/devices";
	char path[PATH_MAX], real[PATH_MAX], vendor[16];
	DIR *dir = opendir(devices);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s/vendor", devices, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!f)
			continue;
		if (!fgets(vendor, sizeof(vendor), f))
			vendor[0] = '\0';
		fclose(f);
		snprintf(path, sizeof(path), "%s/%s", devices, e->d_name);
		if (!strncmp(vendor, "0x10de", 6) && realpath(path, real))
			(void)lay_empty(m, real);
	}
	if (dir)
		closedir(dir);
}

void lab_mount_all(struct lab_mounts *m)
{
	_cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	place_devices(m);
	place_proc(m);
	hide_real_gpus(m);
	place_each(m, "/sys/devices", true);
	if (lay_anew(m, "/sys/module") < 0)
		miss(m, "/sys/module/nvidia");
	else
		place_each(m, "/sys/module", false);
	place(m, "/sys/bus/pci", true);
	/* Where the caller was; it may lie in a folder that is hidden now. */
	if (here < 0 || fchdir(here) < 0)
		(void)!chdir("/");
}

void lab_mount_none(struct lab_mounts *m)
{
	static const char *const all[] = {
		"/dev/nvidia*",	 "/proc/driver/nvidia", "/proc/driver/nvidia-caps", "/proc/devices",
		"/proc/modules", "/sys/bus/pci",	"/sys/module/nvidia"
	};

	m->n_missing = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		miss(m, all[i]);
}
