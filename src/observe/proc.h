/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_PROC_H
#define MIGKIT_OBSERVE_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <migkit/error.h>
#include <migkit/snapshot.h>

#include "nvml/nvml_api.h"

/*
 * What /proc tells of processes. Every path is below a root, so that a test can bring a /proc of
 * its own; "" is the host's.
 */

/* --- proc_text.c, proc_cgroup.c: one process ---------------------------------------------------
 */

/* Whole files are read up to this; what is longer is cut. */
#define PROC_TEXT 8192

/* The bytes of root/proc/PID/NAME and a NUL behind them; -1: it cannot be read. */
ssize_t proc_read(const char *root, pid_t pid, const char *name, char *ret, size_t size);

/*
 * Any bytes as text that can be printed and put into JSON: UTF-8 without control characters, cut
 * between characters; a NUL stands between words. ret may be from.
 */
void proc_text(const char *from, size_t n, char *ret, size_t size);

/* User, name, command, unit and container; what cannot be read stays as it is. */
void proc_describe(const char *root, struct mig_process *p);

/*
 * Unit and container of the text of /proc/PID/cgroup, of either version. A unit below a user's own
 * manager is "user@1000.service/app.service", a job of Slurm "slurm/job_12". A container is
 * "docker://ID", "cri-o://ID" ... as Kubernetes writes it, or "ID" where only that is known.
 */
void proc_cgroup(const char *text, struct mig_process *p);

/* --- proc_files.c: device files --------------------------------------------------------------- */

enum proc_device_kind {
	PROC_GPU = 1, /* /dev/nvidia0: minor is the GPU's */
	PROC_CAP,     /* /dev/nvidia-caps/nvidia-cap12: minor is the capability's */
	PROC_COMMON,  /* /dev/nvidiactl, /dev/nvidia-uvm ...: of no one GPU */
};

struct proc_device {
	uint8_t kind;
	uint32_t minor;
	char path[56]; /* as the process has it */
};

#define PROC_MAX_DEVICES 128

struct proc_held {
	unsigned n;
	struct proc_device device[PROC_MAX_DEVICES]; /* each once */
};

/* Which device files count: those of the real driver, or those of one lab. */
struct proc_world {
	char root[PATH_MAX];
	char lab[PATH_MAX]; /* the lab's folder; "": the real driver */
	dev_t caps_dev;	    /* of a lab: its dev/nvidia-caps, by which its machine is known */
	ino_t caps_ino;
	unsigned n_majors; /* of the real driver, from /proc/devices */
	struct {
		unsigned number;
		uint8_t kind; /* enum proc_device_kind */
	} major[16];
};

void proc_world_init(struct proc_world *ret, const char *root, const char *lab_dir);
/* By its name alone; false: it is none of the driver's. */
bool proc_device_by_name(const char *path, struct proc_device *ret);
/*
 * By the numbers of its node, or by its name where nobody tells which are the driver's; false: they
 * are not the driver's.
 */
bool proc_device_by_number(const struct proc_world *world, const char *path, dev_t rdev,
			   struct proc_device *ret);
/*
 * The device files that a process has open or mapped. 0; -EACCES: not ours to see; -ESRCH: it is
 * gone, or it can hold nothing (a thread of the kernel, a zombie).
 */
int proc_held(const struct proc_world *world, pid_t pid, struct proc_held *ret);

/* --- holders.c -------------------------------------------------------------------------------- */

/* observe_holders() with a root of its own. */
int observe_holders_below(const char *root, const struct nvml_api *api,
			  struct mig_snapshot *snapshot, struct mig_error *reterr);

#endif
