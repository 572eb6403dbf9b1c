/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_EXPLAIN_H
#define MIGKIT_CLI_EXPLAIN_H

#include "cli/plan.h"

/* Shared by the files of "migctl explain". */

/*
 * Where something is to be created: on the GPU, or in one of its GPU instances. The planner answers
 * both alike, and so does all that is printed.
 */
struct explain_scope {
	const struct cli_subject *s;
	const struct mig_gi_profile *of; /* the GPU instance's profile; NULL: the GPU */
	const struct mig_gi *gi;	 /* which one; NULL: the GPU, or an empty one of a board */
	struct mig_plan_table *table;
	bool own;	/* the table is this scope's */
	bool by_family; /* its starts are the family's rule: no driver told them */
	struct mig_plan_state state;
	mig_slots busy;
};

/* On the GPU. */
struct explain_scope explain_on_gpu(const struct cli_subject *s);
/* In a GPU instance of that profile; gi NULL: an empty one. */
int explain_in_gi(const struct cli_subject *s, unsigned profile, const struct mig_gi *gi,
		  struct explain_scope *ret, struct mig_error *reterr);
void explain_scope_close(struct explain_scope *scope);

const char *explain_profile_name(const struct explain_scope *scope, unsigned profile);
/* "GI 9 (1g.10gb) and GI 7 (1g.10gb)", "CI 0 (1c.3g.40gb)" */
const char *explain_who(const struct explain_scope *scope, mig_slots slots, char *buf, size_t size);
/* "memory slices", "compute slices" */
const char *explain_units(const struct explain_scope *scope);

/* Why a profile cannot be created (start -1: anywhere); to be read behind "No: ". */
void explain_why_not(const struct explain_scope *scope, unsigned profile, int start, char *buf,
		     size_t size);

#define EXPLAIN_WAYS   6  /* that are shown: as many as can be of either kind */
#define EXPLAIN_FIND   64 /* among which they are chosen */
#define EXPLAIN_SCOPES MIG_MAX_GI

/* What was found in one scope. */
struct explain_found {
	struct explain_scope scope;
	unsigned profile; /* in the scope's table */
	bool fits;
	unsigned remaining;
	int by_default; /* start that the driver would choose; -1 */
	unsigned n_ways;
	struct mig_plan_way way[EXPLAIN_WAYS];
	char reason[CLI_PLAN_TEXT]; /* ""; fits */
};

struct explain_answer {
	const struct cli_subject *s;
	bool ci; /* a compute instance is asked for */
	/*
	 * Position on the board; of a compute instance that of a GPU instance that may have it, and
	 * its own position in there: +me variants have compute instances of the same names.
	 */
	unsigned gi_profile, ci_profile;
	int start;  /* -1: any */
	unsigned n; /* scopes */
	struct explain_found *found;
	char reason[CLI_PLAN_TEXT]; /* of the whole; "": it fits */
};

int explain_print(struct cli_out *out, const struct explain_answer *a);

#endif
