/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_DOCTOR_H
#define MIGKIT_CLI_DOCTOR_H

#include "cli/capability.h"
#include "cli/source.h"

/*
 * "migctl doctor": each check is a function of its own that looks at the machine and leaves what it
 * found, and what it could not look at. All only read.
 */

enum doctor_severity {
	DOCTOR_PROBLEM, /* something does not work, or is not what it says */
	DOCTOR_NOTE,	/* works, and could be better */
};

/* What was found: where, the evidence in a sentence, and the command that mends it. */
struct doctor_finding {
	enum doctor_severity severity;
	const char *check;   /* which check found it, a word that stays: "pending-mode" */
	int32_t gpu, gi, ci; /* CLI_NONE: not of one */
	char *file, *what, *command;
};

/* What could not be looked at, and why; never taken for well. */
struct doctor_unseen {
	int32_t gpu; /* CLI_NONE: of the machine */
	char *what, *why;
};

struct doctor {
	struct cli_source source;
	struct mig_snapshot *s; /* of all GPUs; NULL: the driver does not start */
	bool lab;		/* commands are for a lab's shell */
	const char *root;	/* of the machine: a lab's folder, or "" */
	uint64_t left_out;	/* bit n: -i leaves the nth GPU of the snapshot out */
	char container[96];	/* what tells that this is one; "": none */
	struct cli_capabilities caps;
	size_t n, n_unseen;
	struct doctor_finding *finding;
	struct doctor_unseen *unseen;
	struct doctor_finding spill; /* what is not wanted, or has no room */
	bool failed;		     /* for want of memory */
};

/*
 * A new finding: doctor_what() and doctor_command() say the rest. gpu is an index or CLI_NONE; one
 * of a GPU that -i leaves out goes nowhere.
 */
struct doctor_finding *doctor_new(struct doctor *d, enum doctor_severity severity,
				  const char *check, int32_t gpu, int32_t gi);
void doctor_what(struct doctor *d, struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_command(struct doctor *d, struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A file below the root, as this machine names it. */
void doctor_file(struct doctor *d, struct doctor_finding *f, const char *path);
/* why: a sentence's end, "only root may read it". */
void doctor_not_seen(struct doctor *d, int32_t gpu, const char *why, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

void doctor_done(struct doctor *d);

/* The word for a shell: as it is, or in quotes. The caller frees it; NULL: no memory. */
char *doctor_quoted(const char *word);
/* The end of a sentence on a file that cannot be read. */
const char *doctor_why(int error);
bool doctor_leaves_out(const struct doctor *d, const struct mig_gpu *gpu);

/* --- doctor_layout.c: which instances there are ------------------------------------------------
 */

/* Whether what the snapshot says of the GPU's MIG devices is all of them. */
bool doctor_is_sure(const struct mig_gpu *gpu);
bool doctor_all_sure(const struct doctor *d);
const struct mig_gpu *doctor_gpu_of_minor(const struct doctor *d, int minor);
const struct mig_gi *doctor_gi_of(const struct mig_gpu *gpu, int gi);
const struct mig_ci *doctor_ci_of(const struct mig_gi *gi, int ci);
/* The capability of /dev/nvidia-caps/nvidia-capMINOR; NULL: of no instance. */
const struct cli_capability *doctor_capability(const struct doctor *d, int minor);
/* Its minor number; -1: the driver's table does not say. ci -1: the GPU instance's. */
int doctor_minor_of(const struct doctor *d, const struct mig_gpu *gpu, int gi, int ci);
/* Whether an instance that a capability stands for is there; also where nobody can say. */
bool doctor_is_there(const struct doctor *d, const struct cli_capability *cap);

/*
 * The number in "/dev/nvidia-caps/nvidia-cap12", or in "/dev/nvidia3" (*ret_gpu); -1: neither. A
 * lab's own path is taken, too.
 */
int doctor_node_minor(const char *path, bool *ret_gpu);

/* --- the checks -------------------------------------------------------------------------------
 */

/* doctor_driver.c. Whether the failing of nvmlInit is a finding: else it is an error. */
bool doctor_driver_down(struct doctor *d, const struct mig_error *error);
void doctor_versions(struct doctor *d);
void doctor_unlisted(struct doctor *d);
/* doctor_gpu.c: lost, waiting for a reset or a row, persistence. */
void doctor_condition(struct doctor *d, const struct mig_gpu *gpu);
/* doctor_mig.c: pending mode, nothing to run on. */
void doctor_mode(struct doctor *d, const struct mig_gpu *gpu);
void doctor_instances(struct doctor *d, const struct mig_gpu *gpu);
/* doctor_files.c: device files of the driver, of GPUs and of instances. */
void doctor_device_files(struct doctor *d);
/* doctor_cdi.c, doctor_slurm.c: what programs on this machine still take for the layout. */
void doctor_cdi(struct doctor *d);
void doctor_slurm(struct doctor *d);

#endif
