/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_ROOT_H
#define MIGKIT_LAB_ROOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"

/*
 * A lab's folder is also the root of its machine: the files that programs read beside NVML lie in
 * it where a driver has them (proc/driver/nvidia, dev/nvidia0, sys/bus/pci ...). Most of them are
 * written once; the capability folders and nodes of instances follow the layout.
 */

/* Folders of capabilities that are not in use now: a rename puts one in its place. */
#define LAB_ROOT_SPARE ".spare"
/* What every instance's node is a link of; see root_node(). */
#define LAB_ROOT_CAP_NODE LAB_ROOT_SPARE "/cap"
#define LAB_ROOT_CAPS	  "proc/driver/nvidia/capabilities"
#define LAB_ROOT_CAP_DEV  "dev/nvidia-caps/nvidia-cap"

/*
 * Minor number of a capability (OGKM's nv-caps.c; the listing of two measured drivers agrees): the
 * driver counts up over a fixed table of 32 GPUs of 15 GPU instances of 8 compute instances.
 */
#define LAB_CAP_CONFIG	   1u
#define LAB_CAP_MONITOR	   2u
#define LAB_CAP_GPUS	   32u
#define LAB_CAP_MINORS	   (3u + 135u * LAB_CAP_GPUS)
#define LAB_CAP_MODE_READ  0444u
#define LAB_CAP_MODE_ADMIN 0400u

/* One for all, as on the two measured GPUs, which share a line. */
#define LAB_ROOT_IRQ 41u

static inline unsigned lab_cap_minor(unsigned gpu, unsigned gi, int ci)
{
	return 3 + 135 * gpu + 9 * gi + (ci < 0 ? 0 : 1 + (unsigned)ci);
}

/* --- root_file.c: a tree being written; the first error stays, what follows does nothing ----- */

struct root {
	int fd; /* of the lab's folder; every path is relative to it */
	int error;
};

void root_dir(struct root *root, const char *path);
void root_data(struct root *root, const char *path, mode_t mode, const void *data, size_t size);
void root_text(struct root *root, const char *path, mode_t mode, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void root_link(struct root *root, const char *path, const char *target);
/*
 * A device node that leads to no device. Never of a real driver's number: that would be the real
 * GPU. See root_file.c.
 */
void root_node(struct root *root, const char *path, mode_t mode);

/* --- the parts ------------------------------------------------------------------------------ */

void root_proc(struct root *root, const struct lab_const *con, const struct lab_state *st);
void root_pci(struct root *root, const struct lab_const *con, const struct lab_state *st);
/* "0000:07:00.0", as the kernel writes it */
void root_bus_id(const struct lab_gpu *gpu, char ret[24]);

/* root_make.c: all that is written once, into a lab's new folder. */
int lab_root_make(const char *dir, const struct lab_spec *spec, const struct lab_const *con,
		  const struct lab_state *st);
void lab_root_remove(const char *dir);

/* --- root_follow.c: under the lab's lock ---------------------------------------------------- */

/* The instances of a GPU, by id. */
struct root_have {
	uint16_t gi;
	uint8_t ci[MIG_MAX_GI_ID + 1];
	uint8_t pad; /* is compared as a whole */
};

struct lab_blocks;

struct root_follow {
	const struct lab *lab;
	int fd;	       /* of the lab's folder, where there is something to do */
	int caps_fd;   /* of LAB_ROOT_CAPS in it */
	bool whole;    /* what is there is not known: everything is compared */
	bool failed;   /* some file could not be changed */
	uint16_t gpus; /* bit n: the instances of GPU n change, ... */
	struct root_have from[LAB_MAX_GPUS], to[LAB_MAX_GPUS]; /* ... in this way */
};

/* Before the state is published: what is new gets its files. differ: lab_difference() */
void root_follow_begin(struct root_follow *f, const struct lab *lab, const struct lab_state *before,
		       const struct lab_state *after, const struct lab_blocks *differ);
/* After it: what is gone loses them. */
void root_follow_end(struct root_follow *f, const struct lab *lab, const struct lab_state *after);

#endif
