/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/holders.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "nvml/migkit_export.h"
#include "observe/gpu.h"
#include "observe/proc.h"

/* Instances that capabilities stand for: /proc/driver/nvidia-caps/mig-minors, by minor number. */
struct cap {
	int16_t gpu; /* the GPU's minor number; -1: of no instance */
	int16_t gi, ci;
};

struct holders {
	struct proc_world world;
	struct mig_snapshot *s;
	const struct migkit_export *lab; /* NULL: a real driver */
	uint32_t capacity;		 /* of s->process; 0: not ours yet */
	struct cap *cap;		 /* NULL: not read yet */
};

#define MAX_CAPS 65536

/* --- adding ----------------------------------------------------------------------------------- */

static bool has_record(const struct mig_snapshot *s, uint32_t gpu, uint32_t pid)
{
	for (uint32_t i = 0; i < s->n_process; i++)
		if (s->process[i].gpu == gpu && s->process[i].pid == pid)
			return true;
	return false;
}

static bool covered(const struct mig_snapshot *s, const struct mig_process *p)
{
	for (uint32_t i = 0; i < s->n_process; i++) {
		const struct mig_process *q = &s->process[i];

		if (q->gpu == p->gpu && q->pid == p->pid && q->gi == p->gi &&
		    (p->ci < 0 || q->ci == p->ci))
			return true;
	}
	return false;
}

static struct mig_process blank(uint32_t gpu, pid_t pid, enum mig_process_kind kind)
{
	return (struct mig_process){ .gpu = gpu,
				     .gi = -1,
				     .ci = -1,
				     .pid = (uint32_t)pid,
				     .kind = kind,
				     .uid = UINT32_MAX,
				     .memory = { .status = MIG_NOT_ASKED } };
}

static int add(struct holders *h, const struct mig_process *p)
{
	struct mig_snapshot *s = h->s;
	struct mig_process *have = observe_find_process(s, p);

	if (have) {
		have->kind |= p->kind;
		return 0;
	}
	return observe_append_process(s, &h->capacity, p);
}

/* --- a lab's ---------------------------------------------------------------------------------- */

static int add_lab_holder(struct holders *h, const struct migkit_holder *from)
{
	int r = 0;

	for (uint32_t i = 0; i < h->s->n_gpu && r == 0; i++) {
		const struct mig_gpu *gpu = &h->s->gpu[i];
		struct mig_process p;

		if (from->gpu >= 0 && (uint32_t)from->gpu != gpu->index)
			continue;
		p = blank(gpu->index, (pid_t)from->pid,
			  from->compute ? MIG_PROCESS_COMPUTE : MIG_PROCESS_ATTACHED);
		p.gi = from->gi;
		p.ci = from->ci;
		proc_text(from->name, strnlen(from->name, sizeof(from->name)), p.name,
			  sizeof(p.name));
		if (from->compute)
			p.memory = (struct mig_reading){ .value = from->memory };
		r = add(h, &p);
	}
	return r;
}

/* NVML has no list of those that only have its simulated driver open; the lab has. */
static int ask_lab(struct holders *h)
{
	_cleanup_free_ struct migkit_holder *list = NULL;
	unsigned n = 64, room;
	int r = 0;

	do {
		room = n;
		free(list);
		list = calloc(room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		h->s->holders.lab_status = h->lab->holders(&n, list);
	} while (h->s->holders.lab_status == NVML_ERROR_INSUFFICIENT_SIZE && n > room);
	if (h->s->holders.lab_status)
		return 0;
	for (unsigned i = 0; i < n && r == 0; i++)
		r = add_lab_holder(h, &list[i]);
	return r;
}

/* --- device files ----------------------------------------------------------------------------- */

static int read_caps(struct holders *h)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX + 64], line[128];

	h->cap = calloc(MAX_CAPS, sizeof(*h->cap));
	if (!h->cap)
		return -ENOMEM;
	for (unsigned i = 0; i < MAX_CAPS; i++)
		h->cap[i].gpu = -1;
	snprintf(path, sizeof(path), "%s/proc/driver/nvidia-caps/mig-minors",
		 h->world.lab[0] ? h->world.lab : h->world.root);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned gpu, gi, ci = 0, minor;
		bool is_ci =
			sscanf(line, "gpu%3u/gi%2u/ci%2u/access %u", &gpu, &gi, &ci, &minor) == 4;

		if (!is_ci && sscanf(line, "gpu%3u/gi%2u/access %u", &gpu, &gi, &minor) != 3)
			continue;
		if (minor < MAX_CAPS)
			h->cap[minor] = (struct cap){ (int16_t)gpu, (int16_t)gi,
						      (int16_t)(is_ci ? (int)ci : -1) };
	}
	return 0;
}

/* The instance of a capability; gpu -1: of none, as config and monitor are. */
static int cap_of(struct holders *h, uint32_t minor, struct cap *ret)
{
	int r = h->cap ? 0 : read_caps(h);

	*ret = r < 0 || minor >= MAX_CAPS ? (struct cap){ -1, -1, -1 } : h->cap[minor];
	return r;
}

/* Which GPU a device file belongs to, by minor number; -1: to no one. */
static int gpu_of(struct holders *h, const struct proc_device *d, struct cap *ret)
{
	*ret = (struct cap){ -1, -1, -1 };
	if (d->kind == PROC_GPU)
		return (int)d->minor;
	if (d->kind == PROC_CAP && cap_of(h, d->minor, ret) == 0)
		return ret->gpu;
	return -1;
}

static void append_file(const char *path, struct mig_process *p)
{
	static const char more[] = " ...";
	size_t n = strlen(p->files), room = sizeof(p->files) - sizeof(more);

	if (n + 1 + strlen(path) <= room)
		snprintf(p->files + n, sizeof(p->files) - n, "%s%s", n ? " " : "", path);
	else if (n && n <= room)
		snprintf(p->files + n, sizeof(p->files) - n, "%s", more);
}

/* The files that concern a record: of its GPU, of its instance, and those of no GPU. */
static void set_files(struct holders *h, const struct proc_held *held, int minor,
		      struct mig_process *p)
{
	p->files[0] = '\0';
	for (unsigned i = 0; i < held->n; i++) {
		struct cap cap;
		int gpu = gpu_of(h, &held->device[i], &cap);

		if (gpu >= 0 && gpu != minor)
			continue;
		if (cap.gpu >= 0 && p->gi >= 0 &&
		    (cap.gi != p->gi || (cap.ci >= 0 && p->ci >= 0 && cap.ci != p->ci)))
			continue;
		append_file(held->device[i].path, p);
	}
}

/* The instances whose capabilities the process has open; first those of compute instances. */
static int add_caps(struct holders *h, const struct proc_held *held, const struct mig_gpu *gpu,
		    pid_t pid)
{
	int r = 0;

	for (int of_ci = 1; of_ci >= 0; of_ci--) {
		for (unsigned i = 0; i < held->n && r == 0; i++) {
			struct mig_process p = blank(gpu->index, pid, MIG_PROCESS_FILE);
			struct cap cap;

			if (held->device[i].kind != PROC_CAP ||
			    gpu_of(h, &held->device[i], &cap) != gpu->minor || cap.gpu < 0 ||
			    of_ci != (cap.ci >= 0))
				continue;
			p.gi = cap.gi;
			p.ci = cap.ci;
			if (!covered(h->s, &p))
				r = add(h, &p);
		}
	}
	return r;
}

static bool holds_gpu(struct holders *h, const struct proc_held *held, int minor)
{
	struct cap cap;

	for (unsigned i = 0; i < held->n; i++)
		if (minor >= 0 && gpu_of(h, &held->device[i], &cap) == minor)
			return true;
	return false;
}

/* Whether it holds a GPU at all, be it one that was not asked for. */
static bool holds_any_gpu(struct holders *h, const struct proc_held *held)
{
	struct cap cap;

	for (unsigned i = 0; i < held->n; i++)
		if (gpu_of(h, &held->device[i], &cap) >= 0)
			return true;
	return false;
}

static int add_held(struct holders *h, const struct proc_held *held, pid_t pid)
{
	struct mig_snapshot *s = h->s;
	int r = 0;

	for (uint32_t i = 0; i < s->n_gpu && r == 0; i++) {
		const struct mig_gpu *gpu = &s->gpu[i];
		struct mig_process p = blank(gpu->index, pid, MIG_PROCESS_FILE);

		if (!holds_gpu(h, held, gpu->minor))
			continue;
		r = add_caps(h, held, gpu, pid);
		if (r == 0 && !has_record(s, gpu->index, pid))
			r = add(h, &p);
		for (uint32_t k = 0; k < s->n_process && r == 0; k++)
			if (s->process[k].gpu == gpu->index && s->process[k].pid == (uint32_t)pid)
				set_files(h, held, gpu->minor, &s->process[k]);
	}
	if (r == 0 && held->n && !holds_any_gpu(h, held)) {
		struct mig_process p = blank(MIG_NO_GPU, pid, MIG_PROCESS_FILE);

		set_files(h, held, -1, &p);
		r = add(h, &p);
	}
	return r;
}

static int search(struct holders *h)
{
	_cleanup_free_ struct proc_held *held = malloc(sizeof(*held));
	char path[PATH_MAX + 8];
	const struct dirent *e;
	int r = 0;
	DIR *dir;

	if (!held)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/proc", h->world.root);
	dir = opendir(path);
	if (!dir)
		return 0;
	h->s->holders.asked = true;
	while (r == 0 && (e = readdir(dir))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (*end || pid <= 0 || (!h->world.root[0] && pid == (long)getpid()))
			continue;
		r = proc_held(&h->world, (pid_t)pid, held);
		if (r == 0)
			r = add_held(h, held, (pid_t)pid);
		else if (r == -EACCES)
			h->s->holders.n_unread++;
		if (r == -EACCES || r == -ESRCH)
			r = 0;
	}
	closedir(dir);
	return r;
}

/* --- how far that saw ------------------------------------------------------------------------- */

/* The first pid namespace has this inode since Linux 3.8 (linux/proc_ns.h). */
#define FIRST_PID_NS "pid:[4026531836]"

static bool in_pid_namespace(void)
{
	char link[64];
	ssize_t n = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return strcmp(link, FIRST_PID_NS) != 0;
}

/* Process 1 is always there; who does not see it is shown no others' (hidepid=2). */
static bool others_are_hidden(const char *root)
{
	char path[PATH_MAX + 16];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/proc/1", root);
	return stat(path, &sb) < 0;
}

/*
 * A pid that NVML has told may be another process's in our pid namespace. Of a lab it never is: the
 * lab asks the kernel, which answers in our numbers.
 */
static bool may_describe(const struct mig_snapshot *s, const struct mig_process *p, bool lab)
{
	return lab || !s->holders.namespaced || p->files[0];
}

static void describe_all(struct holders *h)
{
	struct mig_snapshot *s = h->s;

	for (uint32_t i = 0; i < s->n_process; i++)
		if (may_describe(s, &s->process[i], h->lab != NULL))
			proc_describe(h->world.root, &s->process[i]);
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct migkit_export *lab_of(const struct nvml_api *api)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	const struct migkit_export *lab;
	const void *table = NULL;

	if (!api || api->nvmlInternalGetExportTable(&table, uuid))
		return NULL;
	lab = table;
	return lab->size >= sizeof(*lab) ? lab : NULL;
}

int observe_holders_below(const char *root, const struct nvml_api *api,
			  struct mig_snapshot *snapshot, struct mig_error *reterr)
{
	struct holders h = { .s = snapshot, .lab = lab_of(api) };
	int r = 0;

	proc_world_init(&h.world, root, h.lab ? h.lab->lab_dir() : NULL);
	snapshot->holders = (struct mig_holders_seen){
		.hidden = others_are_hidden(root),
		.namespaced = !root[0] && in_pid_namespace(),
	};
	if (h.lab)
		r = ask_lab(&h);
	if (r == 0)
		r = search(&h);
	if (r == 0)
		describe_all(&h);
	free(h.cap);
	return r < 0 ? mig_fail(reterr, r, "out of memory") : 0;
}

int observe_holders(const struct nvml_api *api, struct mig_snapshot *snapshot,
		    struct mig_error *reterr)
{
	return observe_holders_below("", api, snapshot, reterr);
}

void observe_describe_process(struct mig_process *p)
{
	struct proc_held held;
	struct proc_world world;

	if (in_pid_namespace()) {
		proc_world_init(&world, "", NULL);
		/* Without a real driver's devices it is a lab's, whose pids are ours. */
		if (world.n_majors && (proc_held(&world, (pid_t)p->pid, &held) < 0 || !held.n))
			return;
	}
	proc_describe("", p);
}
