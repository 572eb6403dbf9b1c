/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/doctor.h"
#include "nvml/nvml_abi.h"

/*
 * Device files. Whoever may open the node of an instance in /dev/nvidia-caps may use it; which
 * node, and with which mode, the driver's files in /proc say. They are made by nvidia-modprobe, or
 * by a container's runtime, which hands in those of the instances that were asked for.
 */

#define CAPABILITIES "/proc/driver/nvidia/capabilities"
#define MODE_BITS    0777

/* The file "Key: number" in the driver's own form; what is not there leaves *ret. */
static int read_number(const struct doctor *d, const char *path, const char *key, unsigned *ret)
{
	char full[PATH_MAX + 128], line[128], format[64];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	f = fopen(full, "re");
	if (!f)
		return -errno;
	snprintf(format, sizeof(format), "%s: %%u", key);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, format, ret) == 1)
			return 0;
	return -ENODATA;
}

/* A node that should be there: whose, and how it is made. */
struct node {
	const char *check, *path;
	const char *make; /* the command on a real driver */
	const char *of;	  /* "MIG device 0/1/0" */
	unsigned mode;
	int32_t gpu, gi, ci;
	bool later; /* the first program that needs it makes it */
};

static struct doctor_finding *new_finding(struct doctor *d, enum doctor_severity severity,
					  const struct node *n)
{
	struct doctor_finding *f = doctor_new(d, severity, n->check, n->gpu, n->gi);

	f->ci = n->ci;
	doctor_file(d, f, n->path);
	return f;
}

static void missing(struct doctor *d, const struct node *n)
{
	struct doctor_finding *f = new_finding(d, n->later ? DOCTOR_NOTE : DOCTOR_PROBLEM, n);
	_cleanup_free_ char *path = doctor_quoted(f->file ?: n->path);

	if (n->later)
		doctor_what(d, f,
			    "%s is missing: the first CUDA program makes it, but no container can "
			    "be given it before",
			    n->path);
	else
		doctor_what(d, f, "%s is missing, so no program can open %s", n->path, n->of);
	/* A lab's nodes lead to no device: see root_node() of src/lab. */
	if (d->lab)
		doctor_command(d, f, "mknod -m %03o %s c %s", n->mode, path ?: n->path,
			       geteuid() ? "0 0" : "1 3");
	else
		doctor_command(d, f, "%s", n->make);
}

static void wrong_mode(struct doctor *d, const struct node *n, unsigned mode)
{
	unsigned lacks = n->mode & ~mode;
	struct doctor_finding *f = new_finding(d, lacks ? DOCTOR_PROBLEM : DOCTOR_NOTE, n);
	_cleanup_free_ char *path = doctor_quoted(f->file ?: n->path);

	doctor_what(d, f, "%s has the mode %04o where the driver says %04o, so %s", n->path, mode,
		    n->mode,
		    lacks ? "some users cannot open it" : "more users than that can open it");
	doctor_command(d, f, "sudo chmod %04o %s", n->mode, path ?: n->path);
}

static void look_at_node(struct doctor *d, const struct node *n)
{
	char full[PATH_MAX + 128];
	struct stat sb;

	snprintf(full, sizeof(full), "%s%s", d->root, n->path);
	if (stat(full, &sb) < 0) {
		if (errno == ENOENT)
			missing(d, n);
		else
			doctor_not_seen(d, n->gpu, doctor_why(errno), "%s", n->path);
		return;
	}
	if (!S_ISCHR(sb.st_mode)) {
		/* Where no node can be made a lab has empty files. */
		if (!d->lab) {
			struct doctor_finding *f = new_finding(d, DOCTOR_PROBLEM, n);

			doctor_what(d, f, "%s is no device file", n->path);
			doctor_command(d, f, "sudo rm -r %s && %s", n->path, n->make);
		}
		return;
	}
	if ((sb.st_mode & MODE_BITS) != n->mode)
		wrong_mode(d, n, sb.st_mode & MODE_BITS);
}

/* --- the driver's and the GPUs' --------------------------------------------------------------- */

static void common_nodes(struct doctor *d)
{
	unsigned mode = 0666;
	char path[64], make[64], of[32];

	/* In decimal; 438 by default. */
	(void)read_number(d, "/proc/driver/nvidia/params", "DeviceFileMode", &mode);
	look_at_node(d,
		     &(struct node){ "device-file", "/dev/nvidiactl", "sudo nvidia-modprobe -c 255",
				     "the driver", mode, CLI_NONE, CLI_NONE, CLI_NONE });
	look_at_node(d, &(struct node){ "device-file", "/dev/nvidia-uvm",
					"sudo nvidia-modprobe -c 0 -u", "CUDA's memory", mode,
					CLI_NONE, CLI_NONE, CLI_NONE, true });
	for (uint32_t i = 0; i < d->s->n_gpu; i++) {
		const struct mig_gpu *gpu = &d->s->gpu[i];

		if (gpu->status || doctor_leaves_out(d, gpu))
			continue;
		if (gpu->minor < 0) {
			doctor_not_seen(d, (int32_t)gpu->index,
					"the driver does not tell its number",
					"the device files of GPU %u", gpu->index);
			continue;
		}
		snprintf(path, sizeof(path), "/dev/nvidia%d", gpu->minor);
		snprintf(make, sizeof(make), "sudo nvidia-modprobe -c %d", gpu->minor);
		snprintf(of, sizeof(of), "GPU %u", gpu->index);
		look_at_node(d, &(struct node){ "device-file", path, make, of, mode,
						(int32_t)gpu->index, CLI_NONE, CLI_NONE });
	}
}

/* --- instances' ------------------------------------------------------------------------------- */

/* Makes the instance anew, and with it its files. */
static void make_anew(struct doctor *d, struct doctor_finding *f, const struct mig_gpu *gpu,
		      const struct mig_gi *gi, const struct mig_ci *ci)
{
	const struct mig_gi_profile *p =
		gi->profile < gpu->board.n_gi ? &gpu->board.gi[gi->profile] : NULL;

	if (ci)
		doctor_command(d, f,
			       "sudo nvidia-smi mig -i %u -gi %u -ci %u -dci && sudo nvidia-smi "
			       "mig -i %u -gi %u -cci",
			       gpu->index, gi->id, ci->id, gpu->index, gi->id);
	else if (p && gi->start != MIG_START_UNKNOWN)
		doctor_command(d, f,
			       "sudo nvidia-smi mig -i %u -gi %u -dci && sudo nvidia-smi mig -i %u "
			       "-gi %u -dgi && sudo nvidia-smi mig -i %u -cgi %u:%u -C",
			       gpu->index, gi->id, gpu->index, gi->id, gpu->index, p->id,
			       gi->start);
	else
		doctor_command(d, f, "sudo reboot");
}

static void instance(struct doctor *d, const struct mig_gpu *gpu, const struct mig_gi *gi,
		     const struct mig_ci *ci)
{
	int minor = doctor_minor_of(d, gpu, gi->id, ci ? ci->id : -1);
	char node[64], file[80], path[96], make[160], of[64];
	unsigned mode = 0444;
	int r;

	if (minor < 0)
		return;
	cli_capability_files(&d->caps, gpu->minor, gi->id, ci ? ci->id : -1, node, file);
	snprintf(path, sizeof(path), "%s", file);
	r = read_number(d, path, "DeviceFileMode", &mode);
	if (r == -ENOENT) {
		struct doctor_finding *f = doctor_new(d, DOCTOR_PROBLEM, "capability-file",
						      (int32_t)gpu->index, gi->id);

		f->ci = ci ? ci->id : CLI_NONE;
		doctor_file(d, f, path);
		doctor_what(d, f,
			    "the driver's %s is missing, so no program can be given the instance; "
			    "the command makes the instance anew, which ends what runs there",
			    path);
		make_anew(d, f, gpu, gi, ci);
	} else if (r < 0) {
		doctor_not_seen(d, (int32_t)gpu->index, doctor_why(-r), "%s", path);
	}
	snprintf(make, sizeof(make), "sudo nvidia-modprobe -f %s", path);
	snprintf(of, sizeof(of), ci ? "MIG device %u/%u/%u" : "GPU instance %u/%u", gpu->index,
		 gi->id, ci ? ci->id : 0u);
	look_at_node(d, &(struct node){ "capability-file", node, make, of, mode,
					(int32_t)gpu->index, gi->id, ci ? ci->id : CLI_NONE });
}

/* Those of MIG's configuration and of its monitoring are there with MIG off, too (measured). */
static void management(struct doctor *d)
{
	static const struct {
		const char *node, *file, *of;
		unsigned mode;
	} own[] = {
		{ "/dev/nvidia-caps/nvidia-cap1", CAPABILITIES "/mig/config", "MIG's configuration",
		  0400 },
		{ "/dev/nvidia-caps/nvidia-cap2", CAPABILITIES "/mig/monitor", "MIG's monitoring",
		  0444 },
	};
	char make[128];

	for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
		unsigned mode = own[i].mode;
		int r = read_number(d, own[i].file, "DeviceFileMode", &mode);

		if (r < 0) {
			doctor_not_seen(d, CLI_NONE, doctor_why(-r), "%s", own[i].file);
			continue;
		}
		snprintf(make, sizeof(make), "sudo nvidia-modprobe -f %s", own[i].file);
		look_at_node(d, &(struct node){ "capability-file", own[i].node, make, own[i].of,
						mode, CLI_NONE, CLI_NONE, CLI_NONE });
	}
}

static bool has_instances(const struct doctor *d)
{
	for (uint32_t i = 0; i < d->s->n_gpu; i++)
		if (d->s->gpu[i].n_gi)
			return true;
	return false;
}

static void of_gpu(struct doctor *d, const struct mig_gpu *gpu)
{
	if (!d->caps.n || doctor_leaves_out(d, gpu) || !doctor_is_sure(gpu))
		return;
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		instance(d, gpu, gi, NULL);
		for (unsigned c = 0; c < gi->n_ci; c++)
			instance(d, gpu, gi, &gi->ci[c]);
	}
}

/* --- in a container --------------------------------------------------------------------------- */

static bool is_there(const struct doctor *d, const char *path)
{
	char full[PATH_MAX + 128];

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	return access(full, F_OK) == 0;
}

/* A MIG device that the driver shows here and no program here can open. */
static void not_handed_in(struct doctor *d, const struct mig_gpu *gpu, const struct mig_gi *gi,
			  const struct mig_ci *ci)
{
	char gi_node[64], ci_node[64], access_file[80];
	struct doctor_finding *f;

	cli_capability_files(&d->caps, gpu->minor, gi->id, -1, gi_node, access_file);
	cli_capability_files(&d->caps, gpu->minor, gi->id, ci->id, ci_node, access_file);
	if (!gi_node[0] || !ci_node[0] || (is_there(d, gi_node) && is_there(d, ci_node)))
		return;
	f = doctor_new(d, DOCTOR_NOTE, "not-in-container", (int32_t)gpu->index, gi->id);
	f->ci = ci->id;
	doctor_file(d, f, is_there(d, gi_node) ? ci_node : gi_node);
	doctor_what(d, f,
		    "the MIG device is not this container's: its runtime did not hand in %s and %s",
		    gi_node, ci_node);
	doctor_command(d, f, "docker run --rm --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=%s IMAGE",
		       ci->uuid[0] ? ci->uuid : "all");
}

static void container(struct doctor *d, const struct mig_gpu *gpu)
{
	if (doctor_leaves_out(d, gpu) || !doctor_is_sure(gpu))
		return;
	for (uint32_t i = 0; i < gpu->n_gi; i++)
		for (unsigned c = 0; c < gpu->gi[i].n_ci; c++)
			not_handed_in(d, gpu, &gpu->gi[i], &gpu->gi[i].ci[c]);
	if (gpu->gi_status == NVML_ERROR_NO_PERMISSION &&
	    !is_there(d, "/dev/nvidia-caps/nvidia-cap2")) {
		struct doctor_finding *f = doctor_new(d, DOCTOR_NOTE, "not-in-container",
						      (int32_t)gpu->index, CLI_NONE);

		doctor_file(d, f, "/dev/nvidia-caps/nvidia-cap2");
		doctor_what(d, f,
			    "this container may not see all instances of the GPU, nor change them "
			    "(with NVIDIA_MIG_CONFIG_DEVICES=all it may do both)");
		doctor_command(d, f,
			       "docker run --rm --runtime=nvidia --cap-add SYS_ADMIN -e "
			       "NVIDIA_VISIBLE_DEVICES=all -e NVIDIA_MIG_MONITOR_DEVICES=all "
			       "IMAGE");
	}
}

void doctor_device_files(struct doctor *d)
{
	if (!d->caps.n && has_instances(d))
		doctor_not_seen(d, CLI_NONE, "/proc/driver/nvidia-caps/mig-minors does not tell",
				"which device files the instances have");
	if (!d->container[0]) {
		common_nodes(d);
		management(d);
	}
	for (uint32_t i = 0; i < d->s->n_gpu; i++) {
		if (d->container[0])
			container(d, &d->s->gpu[i]);
		else
			of_gpu(d, &d->s->gpu[i]);
	}
}
