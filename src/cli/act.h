/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_ACT_H
#define MIGKIT_CLI_ACT_H

#include "cli/goal.h"
#include "engine/claims.h"
#include "engine/engine.h"
#include "model/stops.h"

/*
 * What acting commands have in common: the lock and the journal, who is in the way and how long to
 * wait for them, what is said before and after. Plan, show, act: what is shown is the operation
 * that is then carried out.
 */

struct act_args {
	struct cli_source_args source; /* without --snapshot: a recording cannot be changed */
	bool dry_run;
	uint64_t wait; /* seconds */
	bool evict, yes;
	uint64_t grace; /* seconds between asking a process to end and ending it */
};

#define ACT_OPTS(S)                                                                               \
	OPT_STR("id", 'i', (S) + offsetof(struct act_args, source.gpus), "GPU,...",               \
		"these GPUs only: index, UUID, serial number or PCI bus id"),                     \
		OPT_U64("wait", 'w', (S) + offsetof(struct act_args, wait), "SECONDS",            \
			"wait that long for who is in the way, and for other commands"),          \
		OPT_FLAG("dry-run", 'n', (S) + offsetof(struct act_args, dry_run),                \
			 "say what would be done, and change nothing"),                           \
		OPT_ENUM("output", 'o', (S) + offsetof(struct act_args, source.format), "FORMAT", \
			 cli_formats, "how to print"),                                            \
		OPT_FLAG("no-color", 0, (S) + offsetof(struct act_args, source.no_color),         \
			 "no colour, also on a terminal")

/* Of those that processes can be in the way of. */
#define ACT_EVICT_OPTS(S)                                                                \
	OPT_FLAG("evict", 0, (S) + offsetof(struct act_args, evict),                     \
		 "ask the processes that are in the way to end, and end them after the " \
		 "grace time; only with --yes"),                                         \
		OPT_U64("grace", 0, (S) + offsetof(struct act_args, grace), "SECONDS",   \
			"the grace time of --evict (10)"),                               \
		OPT_FLAG("yes", 'y', (S) + offsetof(struct act_args, yes),               \
			 "yes, end other people's processes")

#define ACT_GRACE 10

/* Where changes are written down. */
#define ACT_STATE "/var/lib/migkit"

/* --evict without --yes, --yes without --evict: -EINVAL. */
int act_check_args(const struct act_args *args, struct mig_error *reterr);

struct act {
	struct cli_nvml nvml;
	bool open;
	struct engine engine;
	char dir[PATH_MAX]; /* of the journal */
	char boot[40];
	char command[256]; /* what was typed */
	/* Further list of its output, also where there is nothing to tell: "instances" that are
	 * new, "gpus" and what came of each. */
	enum act_list { ACT_LIST_NONE, ACT_LIST_NEW, ACT_LIST_GPUS } list;
	/* The door of the claims, while devices are destroyed; act_unlock() leaves it. */
	struct engine_claims claims;
	bool claiming;
};

/* "migctl create 3g.20gb 1g.5gb" */
void act_command(const struct cli_cmd *cmd, int argc, char *const *argv, char *ret, size_t size);

/* Opens the lab or the driver; where the journal is. */
int act_open(struct act *act, struct mig_error *reterr);
/*
 * Takes the machine's lock; whoever has it is waited for as long as --wait says. -ECANCELED: an
 * earlier command was cut off half way, and the sentence says which and what to do. One that was
 * cut off before or after all its steps is settled here, and so is a "run --create"; what such runs
 * have left is destroyed.
 */
int act_lock(struct act *act, const struct act_args *args, struct mig_error *reterr);
/* The lock alone, for what changes no GPU: whatever was cut off stays as it is. */
int act_lock_only(struct act *act, const struct act_args *args, struct mig_error *reterr);
void act_unlock(struct act *act);
void act_close(struct act *act);
/*
 * act_right.c: of an error that says that something is not permitted, adds to its sentence what is
 * missing: which file has which mode, and whether this is a container. Returns r.
 */
int act_refused(const struct act *act, int r, struct mig_error *reterr);

/* The operation's heading: command, boot; no GPU yet. NULL: out of memory. */
struct engine_op *act_op(const struct act *act);
/* Adds a GPU that has this now and is to have the same, which the caller then changes. */
int act_add_gpu(struct engine_op *op, const struct mig_gpu *gpu, struct engine_gpu **ret,
		struct mig_error *reterr);

/* --- act_hold.c: who is in the way ------------------------------------------------------------ */

/* One change that processes may be in the way of. */
struct act_change {
	const struct mig_gpu *gpu;
	struct mig_change change;
	char what[64]; /* "GPU instance 1 of GPU 0" */
};

/*
 * -EBUSY with the sentence: "GPU instance 1 of GPU 0 is held by python3 (4711, alice)". The pids of
 * those in the way are in ret_pids, *ret_n of them.
 */
int act_in_the_way(const struct mig_snapshot *s, const struct act_change *changes, unsigned n,
		   uint32_t *ret_pids, unsigned cap, unsigned *ret_n, struct mig_error *reterr);

/*
 * Runs attempt() until it is not -EBUSY, or the time of --wait is over; with --evict the processes
 * that it named are asked to end, and ended after the grace time. attempt() holds the lock only
 * while it runs.
 */
#define ACT_MAX_PIDS 64
struct act_busy {
	uint32_t pid[ACT_MAX_PIDS];
	unsigned n;
};
int act_until_free(const struct act_args *args,
		   int (*attempt)(void *arg, struct act_busy *busy, struct mig_error *reterr),
		   void *arg, struct mig_error *reterr);

/* --- act_made.c: what runs have -----------------------------------------------------------------
 */

/*
 * -EBUSY: a run has one of the MIG devices that would go. Otherwise none can take one until
 * act_unlock(). The processes of those runs are in *busy.
 */
int act_claimed(struct act *act, const struct act_change *changes, unsigned n, bool dry_run,
		struct act_busy *busy, struct mig_error *reterr);
/* Destroys instances that "run --create" made and nobody uses any more. The lock is held. */
void act_made_end(struct act *act);
/* Whether what was cut off was a step of such a run, and is at an end now. The lock is held. */
bool act_made_settle(struct act *act, struct engine_op *left);

/* --- act_show.c ------------------------------------------------------------------------------- */

/* The machine, and the steps that there are to do. */
int act_show_steps(struct cli_out *out, const struct act *act, const struct mig_snapshot *s,
		   const struct engine_op *op, bool dry_run);
/*
 * What came of it: the result, what each GPU has now, the instances that were made. Returns an exit
 * code, or -errno with the sentence of what failed.
 */
int act_show_result(struct cli_out *out, struct act *act, const struct engine_op *op,
		    const struct engine_report *report, struct mig_error *reterr);
/* Of an operation that did not come to its end: -errno with the sentence; 0: it did. */
int act_failed(const struct engine_op *op, const struct engine_report *report,
	       struct mig_error *reterr);
/* The end of a dry run. */
int act_show_dry(struct cli_out *out, const struct act *act, struct mig_error *reterr);
/* The list of "mode" and "reset". */
struct act_gpu_row {
	uint32_t gpu;
	const char *result;
	char why[480];
};
int act_show_gpus(struct cli_out *out, const struct act_gpu_row *rows, size_t n);

/* Runs the operation and shows what came of it. */
int act_run(struct cli_out *out, struct act *act, struct engine_op *op, struct mig_error *reterr);

/* --- create.c --------------------------------------------------------------------------------- */

/* What those words make on the subject's GPU, beside what it has: its operation. */
int create_plan(const struct cli_subject *s, int argc, char *const *argv, struct engine_op *op,
		struct mig_error *reterr);

/* --- create_words.c --------------------------------------------------------------------------- */

/* What is to be made of one profile, and how it is cut: "2x3g.40gb@4/1c,2c". */
struct create_request {
	uint8_t profile, count;
	int start;	 /* -1: any */
	const char *cut; /* behind the slash; NULL: one compute instance that fills it */
};
int create_parse(const struct mig_board *board, char *const *words, unsigned n,
		 struct create_request *ret, unsigned cap, struct mig_error *reterr);
/* create_ci.c: "GPU/GI/CUT", compute instances in a GPU instance that is there. */
const char *create_in_gi(int argc, char *const *argv); /* the first such word; NULL: none */
/* The GPU of such words, as it was typed; -EINVAL: not all are such, or of one GPU. */
int create_gpu_of(int argc, char *const *argv, char *ret, size_t size, struct mig_error *reterr);
int create_ci_plan(const struct cli_subject *s, int argc, char *const *argv, struct engine_op *op,
		   struct mig_error *reterr);
/* Adds to what is to be in the GPU instance "in" a further cut, beside what is there. */
int create_more(const struct cli_subject *s, const struct mig_gi *in, const char *cut,
		struct engine_gi *gi, struct mig_error *reterr);
/* Fills the compute instances of a GPU instance that is to be made. */
int create_cut(const struct mig_board *board, unsigned profile, const char *cut,
	       struct engine_gi *gi, struct mig_error *reterr);

#endif
