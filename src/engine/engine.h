/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_ENGINE_H
#define MIGKIT_ENGINE_ENGINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <migkit/error.h>
#include <migkit/snapshot.h>

#include "nvml/nvml_api.h"

/*
 * Carrying changes out. An operation says of each GPU what it had and what it shall have; steps
 * follow from the two. Whoever acts holds the machine's lock, and each step is written to the
 * journal before it is done and after it. A step that fails makes everything go back; what could
 * not go back, and what a killed process left half done, is there for engine_recover().
 */

#define ENGINE_MAX_GPUS 16

/* Now, UTC: "2026-11-30T01:16:22Z". */
void engine_now(char ret[32]);
/* Who this is, behind sudo. */
void engine_user(char *ret, size_t size);

/* --- what a GPU has --------------------------------------------------------------------------- */

/* Instances are known by their place: ids are the driver's, and may be others after a way back. */
struct engine_ci {
	uint8_t id, profile_id, start, size;
	char name[MIG_PROFILE_NAME]; /* "1c.3g.40gb" */
};

struct engine_gi {
	uint8_t id, start, size, n_ci;
	uint16_t profile_id;
	char name[MIG_PROFILE_NAME]; /* "3g.40gb" */
	struct engine_ci ci[MIG_MAX_CI];
};

struct engine_layout {
	uint32_t n_gi;
	struct engine_gi gi[MIG_MAX_GI];
};

/* Of a GPU of a snapshot that was taken with OBSERVE_BOARD. -EIO: it lists no instances or no
 * places. */
int engine_layout_of(const struct mig_gpu *gpu, struct engine_layout *ret,
		     struct mig_error *reterr);
struct engine_gi *engine_find_gi(struct engine_layout *layout, unsigned profile_id, unsigned start);
/* The same instances at the same places, whatever their ids. */
bool engine_layout_same(const struct engine_layout *a, const struct engine_layout *b);
/* "3g.40gb@4 (1c.3g.40gb@0 1c.3g.40gb@1) 1g.10gb@0"; "no instances". Cut, never overrun. */
const char *engine_layout_text(const struct engine_layout *layout, char *buf, size_t size);

/* --- operations ------------------------------------------------------------------------------- */

enum engine_mode { ENGINE_MODE_KEEP = 0, ENGINE_MODE_ON, ENGINE_MODE_OFF };

struct engine_gpu {
	char uuid[48];
	uint32_t index;
	uint8_t mode;		       /* enum engine_mode: what it shall be */
	uint8_t reset;		       /* 1: is to be reset */
	uint8_t mode_was, pending_was; /* enum mig_mode_state */
	struct engine_layout from, to;
};

struct engine_op {
	uint64_t id; /* counted in the journal */
	char command[256];
	char user[40];
	char time[32]; /* UTC, "2026-11-30T01:16:22Z" */
	char boot[40]; /* of the machine, or "" */
	uint32_t pid;
	uint8_t typed; /* 1: see engine_begin_typed() */
	uint8_t trial; /* 1: see engine_trial_begin(); the change that is made now is below */
	uint8_t doing, doing_start, pending;
	uint16_t doing_profile;
	uint32_t n_gpu;
	struct engine_gpu gpu[ENGINE_MAX_GPUS];
};

enum engine_do {
	ENGINE_SET_MODE,
	ENGINE_RESET,
	ENGINE_DESTROY_CI,
	ENGINE_DESTROY_GI,
	ENGINE_CREATE_GI,
	ENGINE_CREATE_CI,
};

struct engine_step {
	uint8_t what;	     /* enum engine_do */
	uint8_t gpu;	     /* position in the operation */
	uint8_t on;	     /* of a mode */
	struct engine_gi gi; /* without its .ci */
	struct engine_ci ci;
};

#define ENGINE_MAX_STEPS (2 + 2 * MIG_MAX_GI * (1 + MIG_MAX_CI))

/*
 * From what a GPU has now to what it shall have. other: the far end of the operation. Only what
 * belongs to the operation is touched: destroyed is what other has and to has not, created what to
 * has and other has not; instances that somebody else made meanwhile stay.
 */
unsigned engine_steps(unsigned gpu, const struct engine_layout *now, const struct engine_layout *to,
		      const struct engine_layout *other, struct engine_step *ret);
/* All of an operation, as they are done; room for ENGINE_MAX_STEPS of each GPU. */
unsigned engine_all_steps(const struct engine_op *op, struct engine_step *ret);
/* "create 3g.40gb at 4" */
const char *engine_step_text(const struct engine_step *step, char *buf, size_t size);
const char *engine_do_name(enum engine_do what);

/* --- the machine ------------------------------------------------------------------------------ */

/* Resets one GPU, by a way that NVML has not. 0; -EBUSY somebody has it open; -ENOTSUP cannot. */
typedef int (*engine_reset_fn)(void *arg, const struct engine_gpu *gpu, struct mig_error *reterr);

struct engine {
	const struct nvml_api *api; /* initialised */
	const char *dir; /* of the journal and the lock: /var/lib/migkit of the machine */
	engine_reset_fn reset;
	void *arg;
	int lock;    /* of engine_lock() */
	int journal; /* open for appending */
};

/*
 * Takes the machine's lock and opens the journal; makes the folder if it is not there. -EBUSY:
 * somebody else acts, and the sentence says who. -EACCES, -EROFS, -ENOSPC: the folder cannot be
 * written, and nothing may be changed then.
 */
int engine_lock(struct engine *e, const char *command, struct mig_error *reterr);
void engine_unlock(struct engine *e);

/* How an operation ended. */
enum engine_result {
	ENGINE_DONE = 0,
	ENGINE_BACK,	/* a step failed, and all is as it was */
	ENGINE_PARTLY,	/* a step failed, and not all is as it was */
	ENGINE_PENDING, /* the mode waits for a reset that could not be done */
};
const char *engine_result_name(enum engine_result result);

struct engine_report {
	enum engine_result result;
	int status;				   /* NVML's code of the step that failed; 0 */
	char failed[160];			   /* that step: "create 1g.10gb at 6 on GPU 0" */
	char call[64];				   /* NVML's call */
	char why[480];				   /* a sentence */
	unsigned n_steps;			   /* of the way there that were done */
	struct engine_layout now[ENGINE_MAX_GPUS]; /* what there is, by position in the operation */
	uint8_t mode[ENGINE_MAX_GPUS], pending[ENGINE_MAX_GPUS];
	bool known[ENGINE_MAX_GPUS]; /* it could be read */
};

/*
 * Carries an operation out and looks whether it came so. The lock is held. Fills op's id, user,
 * time and pid. Signals that end a process wait until the step is over, and then count as a step
 * that failed. Returns 0 with *ret filled in, or -errno where nothing was begun.
 */
int engine_run(struct engine *e, struct engine_op *op, struct engine_report *ret,
	       struct mig_error *reterr);

/*
 * An operation whose steps are somebody else's: nvidia-smi's grammar does what was typed, call by
 * call. What every GPU has is written down before, and what the changed ones have after it. One
 * that is cut off between the two has no way back, as nobody knows what was wanted.
 */
int engine_begin_typed(struct engine *e, struct engine_op *op, struct mig_error *reterr);
/* code: what the command ends with. */
void engine_end_typed(struct engine *e, struct engine_op *op, int code);

/*
 * A trial: an operation on one GPU without instances, whose changes are not known before, and that
 * leaves none behind ("migctl verify"). Each change is written down before it is made and after;
 * what it has made so far is gpu[0].to, also for those who read the journal of one that was cut
 * off. Its way back and its way on are the same: what it made goes, and what others made meanwhile
 * stays.
 */
#define ENGINE_ANYWHERE UINT8_MAX /* a start that the driver chooses */
struct engine_trial {
	struct engine *e;
	struct engine_op *op; /* of one GPU, from and to without instances */
	sigset_t was;
};

/* Until engine_trial_end() signals that end a process wait. */
int engine_trial_begin(struct engine_trial *t, struct mig_error *reterr);
/* -EINTR: a signal came. */
int engine_trial_stopped(struct mig_error *reterr);
/* Before a change. -EINTR: a signal came; other -errno: it cannot be written down. Make none then.
 */
int engine_trial_step(struct engine_trial *t, const struct engine_step *step,
		      struct mig_error *reterr);
/* After it: NVML's status, and the start of a GPU instance that is there now; -1: none, not known.
 */
void engine_trial_did(struct engine_trial *t, int status, int start);
/* Destroys what is left, and looks. why: of one that failed; "". */
void engine_trial_end(struct engine_trial *t, const char *why, struct engine_report *ret);
/* What of now the operation's trial has made. */
void engine_trial_left(const struct engine_op *op, const struct engine_layout *now,
		       struct engine_layout *ret);

/* --- what was, and what was left -------------------------------------------------------------- */

/* An operation as the journal has it. */
struct engine_entry {
	struct engine_op *op;
	bool ended;
	char result[16]; /* of an ended one: "done", "back", "partly" ... */
	char why[480];	 /* "" */
	char ended_at[32];
	uint32_t n_steps; /* that were done */
};

struct engine_history {
	size_t n;
	struct engine_entry *entry; /* oldest first */
	size_t n_bad;		    /* lines that could not be read */
};

/* 0 entries where there is no journal yet. */
int engine_history_read(const char *dir, struct engine_history *ret, struct mig_error *reterr);
/*
 * The last operation, behind some or none of those before it: for who changes something, as a
 * journal of years is large and only its end matters then.
 */
int engine_history_last(const char *dir, struct engine_history *ret, struct mig_error *reterr);
void engine_history_free(struct engine_history *history);

/* The last operation, if it has not ended or ended partly; NULL: nothing is half done. */
const struct engine_entry *engine_unfinished(const struct engine_history *history);

enum engine_way { ENGINE_WAY_BACK, ENGINE_WAY_ON };

/* Ends an unfinished operation: back to what was, or on to what was wanted. The lock is held. */
int engine_recover(struct engine *e, struct engine_op *op, enum engine_way way,
		   struct engine_report *ret, struct mig_error *reterr);

/*
 * An operation that was cut off is at an end all the same where it had not begun to change anything
 * or was through with it, where the machine was started anew since (instances are gone then), and
 * where it was of a mode, which everybody sees as it is. Writes that down; false: it is half done.
 */
bool engine_settle(struct engine *e, const struct engine_op *op, const char *boot);

#endif
