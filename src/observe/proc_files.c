/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "observe/proc.h"

/*
 * Device files of a process: what /proc/PID/fd leads to, and what is mapped of them (a mapping
 * keeps a device busy after its descriptor is closed). A file counts by the numbers of its node,
 * not by its name: a container may call it otherwise, and in a lab /dev/nvidia0 is /dev/null.
 */

/* Minor numbers of the driver's own major (OGKM, nv-chardev-numbers.h): GPUs up to 247. */
#define MAX_GPU_MINOR 247

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool number(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	*ret = (uint32_t)n;
	return n < UINT32_MAX && (!*end || !strcmp(end, " (deleted)"));
}

static void set_path(const char *path, struct proc_device *ret)
{
	size_t n = strlen(path), cut = strlen(" (deleted)");

	if (n > cut && !strcmp(path + n - cut, " (deleted)"))
		n -= cut;
	proc_text(path, n, ret->path, sizeof(ret->path));
}

bool proc_device_by_name(const char *path, struct proc_device *ret)
{
	static const char dev[] = "/dev/nvidia", cap[] = "/dev/nvidia-caps/nvidia-cap";

	*ret = (struct proc_device){ .kind = PROC_COMMON };
	if (!begins(path, dev))
		return false;
	set_path(path, ret);
	if (number(path + strlen(dev), &ret->minor))
		ret->kind = PROC_GPU;
	else if (begins(path, cap) && number(path + strlen(cap), &ret->minor))
		ret->kind = PROC_CAP;
	else
		ret->minor = 0;
	return true;
}

bool proc_device_by_number(const struct proc_world *world, const char *path, dev_t rdev,
			   struct proc_device *ret)
{
	/* A sandbox may hand devices in without listing them in its /proc/devices. */
	if (!world->n_majors)
		return rdev != makedev(1, 3) && proc_device_by_name(path, ret);
	for (unsigned i = 0; i < world->n_majors; i++) {
		if (world->major[i].number != major(rdev))
			continue;
		*ret = (struct proc_device){ .kind = world->major[i].kind, .minor = minor(rdev) };
		if (ret->kind == PROC_GPU && ret->minor > MAX_GPU_MINOR)
			ret->kind = PROC_COMMON;
		if (ret->kind == PROC_COMMON)
			ret->minor = 0;
		set_path(path, ret);
		return true;
	}
	return false;
}

/* "195 nvidia", "195 nvidia-frontend" (before R550), "241 nvidia-caps", "238 nvidia-uvm" ... */
static void read_majors(struct proc_world *world)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX + 32], line[128], name[64];
	unsigned n;

	snprintf(path, sizeof(path), "%s/proc/devices", world->root);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && !begins(line, "Block")) {
		uint8_t kind = PROC_COMMON;

		if (sscanf(line, "%u %63s", &n, name) != 2 || !begins(name, "nvidia"))
			continue;
		if (!strcmp(name, "nvidia") || !strcmp(name, "nvidia-frontend"))
			kind = PROC_GPU;
		else if (!strcmp(name, "nvidia-caps"))
			kind = PROC_CAP;
		if (world->n_majors == ARRAY_SIZE(world->major))
			break;
		world->major[world->n_majors].number = n;
		world->major[world->n_majors++].kind = kind;
	}
}

void proc_world_init(struct proc_world *ret, const char *root, const char *lab_dir)
{
	char path[PATH_MAX + 32];
	struct stat sb;

	*ret = (struct proc_world){ 0 };
	snprintf(ret->root, sizeof(ret->root), "%s", root);
	if (!lab_dir) {
		read_majors(ret);
		return;
	}
	snprintf(ret->lab, sizeof(ret->lab), "%s", lab_dir);
	snprintf(path, sizeof(path), "%s/dev/nvidia-caps", lab_dir);
	if (stat(path, &sb) == 0) {
		ret->caps_dev = sb.st_dev;
		ret->caps_ino = sb.st_ino;
	}
}

/*
 * Whether the process lives on the lab's machine, as "lab exec" makes it: its /dev/nvidia-caps is
 * the lab's folder, bound there.
 */
static bool on_machine(const struct proc_world *world, pid_t pid)
{
	char path[PATH_MAX + 64];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/proc/%ld/root/dev/nvidia-caps", world->root, (long)pid);
	return world->caps_ino && stat(path, &sb) == 0 && sb.st_dev == world->caps_dev &&
	       sb.st_ino == world->caps_ino;
}

static void hold(struct proc_held *held, const struct proc_device *d)
{
	for (unsigned i = 0; i < held->n; i++) {
		const struct proc_device *have = &held->device[i];

		if (have->kind == d->kind && have->minor == d->minor &&
		    (d->kind != PROC_COMMON || !strcmp(have->path, d->path)))
			return;
	}
	if (held->n < PROC_MAX_DEVICES)
		held->device[held->n++] = *d;
}

struct search {
	const struct proc_world *world;
	pid_t pid;
	int machine; /* on the lab's machine: 1, 0; -1: not looked yet */
	struct proc_held *held;
};

/* link: where it leads by name; node: the way to it by /proc, or NULL where there is none. */
static void look(struct search *s, const char *link, const char *node)
{
	const struct proc_world *w = s->world;
	struct proc_device d;
	struct stat sb;

	if (w->lab[0]) {
		size_t n = strlen(w->lab);

		/* A program may also be told that the driver's root is the lab's folder. */
		if (!strncmp(link, w->lab, n) && link[n] == '/') {
			if (proc_device_by_name(link + n, &d))
				hold(s->held, &d);
			return;
		}
		if (!proc_device_by_name(link, &d))
			return;
		if (s->machine < 0)
			s->machine = on_machine(w, s->pid);
		if (s->machine)
			hold(s->held, &d);
		return;
	}
	/* Only nodes in /dev are looked at closer: stat() on a dead network file system hangs. */
	if (!begins(link, "/dev/"))
		return;
	if (node && stat(node, &sb) == 0) {
		if (S_ISCHR(sb.st_mode) && proc_device_by_number(w, link, sb.st_rdev, &d))
			hold(s->held, &d);
	} else if (proc_device_by_name(link, &d)) {
		hold(s->held, &d);
	}
}

static int look_at_fds(struct search *s)
{
	char path[PATH_MAX + 64], node[PATH_MAX + 384], link[PATH_MAX];
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%ld/fd", s->world->root, (long)s->pid);
	dir = opendir(path);
	if (!dir)
		return errno == EACCES || errno == EPERM ? -EACCES : -ESRCH;
	while ((e = readdir(dir))) {
		ssize_t n;

		if (e->d_name[0] == '.')
			continue;
		snprintf(node, sizeof(node), "%s/%s", path, e->d_name);
		n = readlink(node, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		/* In a tree that a test brought there are names only. */
		look(s, link, s->world->root[0] ? NULL : node);
	}
	closedir(dir);
	return 0;
}

/* "7f00-7f10 rw-s 00000000 00:06 470   /dev/nvidia0" */
static void look_at_maps(struct search *s)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX + 64], line[PATH_MAX + 128];

	snprintf(path, sizeof(path), "%s/proc/%ld/maps", s->world->root, (long)s->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *name = strstr(line, "/dev/nvidia");

		line[strcspn(line, "\n")] = '\0';
		if (name && name > line && name[-1] == ' ')
			look(s, name, NULL);
	}
}

/* Threads of the kernel and zombies have no files, and nobody may look for them. */
static bool has_no_files(const struct proc_world *world, pid_t pid)
{
	enum { PF_KTHREAD = 0x00200000 };
	char text[1024];
	const char *behind;
	unsigned flags;
	char state;

	if (proc_read(world->root, pid, "stat", text, sizeof(text)) <= 0)
		return false;
	/* The name is in parentheses and may hold any. */
	behind = strrchr(text, ')');
	if (!behind || sscanf(behind, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return false;
	return state == 'Z' || state == 'X' || (flags & PF_KTHREAD);
}

int proc_held(const struct proc_world *world, pid_t pid, struct proc_held *ret)
{
	struct search s = { .world = world, .pid = pid, .machine = -1, .held = ret };
	int r;

	ret->n = 0;
	r = look_at_fds(&s);
	if (r < 0)
		return has_no_files(world, pid) ? -ESRCH : r;
	if (!s.held->n)
		look_at_maps(&s);
	return 0;
}
