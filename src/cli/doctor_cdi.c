/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/doctor.h"
#include "observe/proc.h"
#include "spec/yaml_doc.h"

/*
 * CDI files say to container runtimes which device files a device has. nvidia-ctk writes one of the
 * layout that there is when it runs: a device for each GPU without MIG mode ("0", "GPU-...") and
 * for each MIG device ("0:1", "mig0:1", "MIG-..."), with the nodes of the GPU and of both
 * instances.
 */

static const struct spec_kind kind_cdi = { .what = "CDI file",
					   .grammar = "neither YAML nor JSON",
					   .most = 4 * 1024 * 1024 };

#define NAME_MAX_BYTES 96
#define MINORS	       65536

/* What all files of NVIDIA's GPUs offer, and the file that is being read. */
struct cdi {
	struct doctor *d;
	bool *caps, *gpus; /* by minor number: some device has that node */
	char *first;	   /* file of nvidia.com/gpu */
	FILE *stale;	   /* words on what is no more */
	unsigned n_stale;
};

/* A device's nodes: minors; several GPUs or instances in "all" alone. */
struct device {
	char name[NAME_MAX_BYTES];
	int gpu, gi_minor, ci_minor; /* -1: none */
	int dead;		     /* minor of an instance that is no more; -1: none */
	bool several;
};

static void stale(struct cdi *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void stale(struct cdi *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->stale)
		return;
	fputs(c->n_stale++ ? ", " : "", c->stale);
	va_start(ap, fmt);
	vfprintf(c->stale, fmt, ap);
	va_end(ap);
}

/* --- a device --------------------------------------------------------------------------------- */

static void take_node(const struct cdi *c, const char *path, struct device *dev)
{
	const struct cli_capability *cap;
	bool is_gpu;
	int minor = doctor_node_minor(path, &is_gpu);

	if (minor < 0)
		return;
	if (is_gpu) {
		dev->several = dev->several || (dev->gpu >= 0 && dev->gpu != minor);
		dev->gpu = minor;
		return;
	}
	cap = doctor_capability(c->d, minor);
	/* Those of MIG's configuration and monitor are of no instance. */
	if (!cap)
		return;
	if (cap->ci < 0) {
		dev->several = dev->several || (dev->gi_minor >= 0 && dev->gi_minor != minor);
		dev->gi_minor = minor;
	} else {
		dev->several = dev->several || (dev->ci_minor >= 0 && dev->ci_minor != minor);
		dev->ci_minor = minor;
	}
	if (!doctor_is_there(c->d, cap))
		dev->dead = minor;
}

static void take_nodes(struct spec_doc *doc, const struct cdi *c, const yaml_node_t *map,
		       struct device *dev)
{
	const yaml_node_t *edits = spec_get(doc, map, "containerEdits"), *nodes;

	nodes = edits && edits->type == YAML_MAPPING_NODE ? spec_get(doc, edits, "deviceNodes")
							  : NULL;
	if (!nodes || nodes->type != YAML_SEQUENCE_NODE)
		return;
	for (const yaml_node_item_t *i = nodes->data.sequence.items.start;
	     i < nodes->data.sequence.items.top; i++) {
		const yaml_node_t *node = spec_node(doc, *i);
		const char *path = NULL;

		if (node && node->type == YAML_MAPPING_NODE) {
			path = spec_scalar(spec_get(doc, node, "hostPath"));
			path = path ?: spec_scalar(spec_get(doc, node, "path"));
		}
		if (path)
			take_node(c, path, dev);
	}
}

/* The MIG device that "0:1" or "mig0:1" means; -1 where a name is of another form. */
static int by_index(const struct doctor *d, const char *name, const struct mig_gpu **ret_gpu,
		    const struct mig_gi **ret_gi, const struct mig_ci **ret_ci)
{
	unsigned gpu, index;
	int n = 0;

	*ret_gpu = NULL;
	*ret_ci = NULL;
	if (!strncmp(name, "mig", 3))
		name += 3;
	if (sscanf(name, "%u:%u%n", &gpu, &index, &n) != 2 || name[n])
		return -1;
	for (uint32_t g = 0; g < d->s->n_gpu; g++) {
		if (d->s->gpu[g].index != gpu)
			continue;
		*ret_gpu = &d->s->gpu[g];
		for (uint32_t i = 0; i < d->s->gpu[g].n_gi; i++) {
			const struct mig_gi *gi = &d->s->gpu[g].gi[i];

			for (unsigned k = 0; k < gi->n_ci; k++) {
				if (gi->ci[k].mig_index != (int)index)
					continue;
				*ret_gi = gi;
				*ret_ci = &gi->ci[k];
			}
		}
	}
	return 0;
}

/* Whether every MIG device has told its index and its UUID: else a name may be of one that has not.
 */
static bool knows_names(const struct doctor *d)
{
	for (uint32_t g = 0; g < d->s->n_gpu; g++)
		for (uint32_t i = 0; i < d->s->gpu[g].n_gi; i++)
			for (unsigned k = 0; k < d->s->gpu[g].gi[i].n_ci; k++)
				if (!d->s->gpu[g].gi[i].ci[k].uuid[0] ||
				    d->s->gpu[g].gi[i].ci[k].mig_index < 0)
					return false;
	return doctor_all_sure(d);
}

static bool has_uuid(const struct doctor *d, const char *uuid)
{
	for (uint32_t g = 0; g < d->s->n_gpu; g++)
		for (uint32_t i = 0; i < d->s->gpu[g].n_gi; i++)
			for (unsigned k = 0; k < d->s->gpu[g].gi[i].n_ci; k++)
				if (!strcmp(d->s->gpu[g].gi[i].ci[k].uuid, uuid))
					return true;
	return false;
}

/* Whether its name means another MIG device now than the one whose nodes it has. */
static bool renamed(struct cdi *c, const struct device *dev)
{
	const struct mig_gpu *gpu;
	const struct mig_gi *gi;
	const struct mig_ci *ci;
	int now;

	if (by_index(c->d, dev->name, &gpu, &gi, &ci) < 0 || !knows_names(c->d))
		return false;
	if (!ci) {
		stale(c, "%s", dev->name);
		return true;
	}
	now = doctor_minor_of(c->d, gpu, gi->id, ci->id);
	if (now < 0 || dev->ci_minor < 0 || now == dev->ci_minor)
		return false;
	stale(c, "%s (now GI %u, CI %u)", dev->name, gi->id, ci->id);
	return true;
}

static void judge(struct cdi *c, const struct device *dev)
{
	const struct mig_gpu *gpu = doctor_gpu_of_minor(c->d, dev->gpu);

	if (dev->dead >= 0) {
		const struct cli_capability *cap = doctor_capability(c->d, dev->dead);

		stale(c,
		      cap->ci < 0 ? "%s (nvidia-cap%d: GPU %d, GI %d)"
				  : "%s (nvidia-cap%d: GPU %d, GI %d, CI %d)",
		      dev->name, dev->dead, cap->gpu, cap->gi, cap->ci);
		return;
	}
	if (!strncmp(dev->name, "MIG-", 4) && !has_uuid(c->d, dev->name) && knows_names(c->d)) {
		stale(c, "%s", dev->name);
		return;
	}
	if (renamed(c, dev))
		return;
	/* A whole GPU that is divided: CUDA has nothing on it. */
	if (gpu && dev->gi_minor < 0 && dev->ci_minor < 0 && !dev->several && doctor_is_sure(gpu) &&
	    gpu->mode == MIG_MODE_ON) {
		stale(c, "%s (all of GPU %u, which is in MIG mode)", dev->name, gpu->index);
		return;
	}
	/* "all" has the nodes of every device and is none. */
	if (dev->several)
		return;
	if (dev->ci_minor >= 0)
		c->caps[dev->ci_minor] = true;
	else if (dev->gpu >= 0 && dev->gi_minor < 0)
		c->gpus[dev->gpu] = true;
}

/* --- a file ----------------------------------------------------------------------------------- */

static bool is_nvidia(const char *kind)
{
	return kind && !strncmp(kind, "nvidia.com/", strlen("nvidia.com/"));
}

static void take_devices(struct spec_doc *doc, struct cdi *c, const yaml_node_t *devices)
{
	for (const yaml_node_item_t *i = devices->data.sequence.items.start;
	     i < devices->data.sequence.items.top; i++) {
		struct device dev = { .gpu = -1, .gi_minor = -1, .ci_minor = -1, .dead = -1 };
		const yaml_node_t *map = spec_node(doc, *i);
		const char *name;

		if (!map || map->type != YAML_MAPPING_NODE)
			continue;
		name = spec_scalar(spec_get(doc, map, "name"));
		if (!name)
			continue;
		proc_text(name, strlen(name), dev.name, sizeof(dev.name));
		take_nodes(doc, c, map, &dev);
		judge(c, &dev);
	}
}

/* Reads a file; 0: it is one of NVIDIA's devices; 1: it is another's; else a refusal. */
static int take_file(struct cdi *c, const char *path, bool *ret_gpu, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(spec_doc_done) struct spec_doc doc = { 0 };
	const yaml_node_t *root, *devices;
	const char *kind;
	size_t size;
	int r = spec_file_read_kind(path, &kind_cdi, &text, &size, reterr);

	if (r >= 0)
		r = spec_doc_load_kind(&doc, path, text, size, &kind_cdi, reterr);
	if (r < 0)
		return r;
	root = spec_root(&doc);
	kind = root->type == YAML_MAPPING_NODE ? spec_scalar(spec_get(&doc, root, "kind")) : NULL;
	if (!is_nvidia(kind))
		return 1;
	*ret_gpu = !strcmp(kind, "nvidia.com/gpu");
	devices = spec_get(&doc, root, "devices");
	if (devices && devices->type == YAML_SEQUENCE_NODE)
		take_devices(&doc, c, devices);
	return 0;
}

static void make_anew(struct doctor *d, struct doctor_finding *f)
{
	_cleanup_free_ char *path = doctor_quoted(f->file ?: "");
	_cleanup_free_ char *root = doctor_quoted(d->root);

	/* In a lab it needs the lab's files, and is told where the driver's libraries lie. */
	if (d->lab)
		doctor_command(d, f,
			       "migctl lab exec --proc -- nvidia-ctk cdi generate "
			       "--driver-root=%s --dev-root=/ --output=%s",
			       root ?: "", path ?: "");
	else
		doctor_command(d, f, "sudo nvidia-ctk cdi generate --output=%s", path ?: "");
}

static void look_at(struct cdi *c, const char *path)
{
	struct mig_error error = { 0 };
	char full[PATH_MAX + 320];
	_cleanup_free_ char *words = NULL;
	struct doctor_finding *f;
	bool is_gpu = false;
	size_t size = 0;
	int r;

	snprintf(full, sizeof(full), "%s%s", c->d->root, path);
	c->n_stale = 0;
	c->stale = open_memstream(&words, &size);
	r = take_file(c, full, &is_gpu, &error);
	if (c->stale)
		fclose(c->stale);
	c->stale = NULL;
	if (r < 0) {
		doctor_not_seen(c->d, CLI_NONE, error.msg, "the CDI file %s", path);
		return;
	}
	if (r == 0 && is_gpu && !c->first)
		c->first = strdup(path);
	if (!words || !c->n_stale)
		return;
	f = doctor_new(c->d, DOCTOR_PROBLEM, "cdi-stale", CLI_NONE, CLI_NONE);
	doctor_file(c->d, f, path);
	doctor_what(c->d, f, "%s shows an old layout: %u of its devices %s not as they say: %s",
		    path, c->n_stale, c->n_stale == 1 ? "is" : "are", words);
	make_anew(c->d, f);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_spec(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && name[0] != '.' && (!strcmp(dot, ".yaml") || !strcmp(dot, ".json"));
}

static void look_into(struct cdi *c, const char *folder)
{
	char full[PATH_MAX + 64], path[320];
	const struct dirent *e;
	char *names[64];
	size_t n = 0;
	DIR *dir;

	snprintf(full, sizeof(full), "%s%s", c->d->root, folder);
	dir = opendir(full);
	if (!dir) {
		if (errno != ENOENT && errno != ENOTDIR)
			doctor_not_seen(c->d, CLI_NONE, doctor_why(errno), "CDI files in %s",
					folder);
		return;
	}
	while ((e = readdir(dir)) && n < ARRAY_SIZE(names))
		if (is_spec(e->d_name) && (names[n] = strdup(e->d_name)))
			n++;
	closedir(dir);
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		look_at(c, path);
		free(names[i]);
	}
}

/* --- what no file has ------------------------------------------------------------------------- */

static unsigned say_lacks(const struct cdi *c, const struct mig_gpu *gpu, FILE *out, unsigned n)
{
	if (!doctor_is_sure(gpu) || gpu->minor >= MINORS)
		return n;
	if (gpu->mode != MIG_MODE_ON) {
		if (!c->gpus[gpu->minor])
			fprintf(out, "%sGPU %u", n++ ? ", " : "", gpu->index);
		return n;
	}
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		for (unsigned k = 0; k < gi->n_ci; k++) {
			int minor = doctor_minor_of(c->d, gpu, gi->id, gi->ci[k].id);

			if (minor < 0 || minor >= MINORS || c->caps[minor])
				continue;
			fprintf(out, "%sMIG device %u/%u/%u (nvidia-cap%d)", n++ ? ", " : "",
				gpu->index, gi->id, gi->ci[k].id, minor);
		}
	}
	return n;
}

static void lacks(const struct cdi *c)
{
	struct doctor *d = c->d;
	_cleanup_free_ char *words = NULL;
	struct doctor_finding *f;
	unsigned n = 0;
	size_t size;
	FILE *out = open_memstream(&words, &size);

	for (uint32_t i = 0; out && i < d->s->n_gpu; i++)
		n = say_lacks(c, &d->s->gpu[i], out, n);
	if (out)
		fclose(out);
	if (!n || !words)
		return;
	f = doctor_new(d, DOCTOR_PROBLEM, "cdi-lacks", CLI_NONE, CLI_NONE);
	doctor_file(d, f, c->first);
	doctor_what(d, f, "%s shows an old layout: no CDI file has %s", c->first, words);
	make_anew(d, f);
}

void doctor_cdi(struct doctor *d)
{
	struct cdi c = { .d = d };
	_cleanup_free_ bool *caps = calloc(MINORS, sizeof(*caps));
	_cleanup_free_ bool *gpus = calloc(MINORS, sizeof(*gpus));

	if (!caps || !gpus) {
		d->failed = true;
		return;
	}
	c.caps = caps;
	c.gpus = gpus;
	look_into(&c, "/etc/cdi");
	look_into(&c, "/var/run/cdi");
	if (c.first && !knows_names(d))
		doctor_not_seen(d, CLI_NONE, "not every MIG device tells its place and its name",
				"whether all names in the CDI files are right");
	if (c.first)
		lacks(&c);
	free(c.first);
}
