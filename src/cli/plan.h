/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_PLAN_H
#define MIGKIT_CLI_PLAN_H

#include "cli/goal.h"

/* Shared by the files of "migctl plan", and by "migctl explain" where it proposes a change. */

#define PLAN_ALTERNATIVES 3
#define PLAN_NEAREST	  5
#define PLAN_LINES	  6
#define PLAN_MAX_CHANGES  6 /* whose steps are printed at once */

/* What "migctl plan" found. */
struct plan_answer {
	const struct cli_subject *s;
	struct mig_plan_goal goal;
	/* With --need: what was asked for, and which profile serves each. */
	unsigned n_needs;
	struct mig_need need[MIG_MAX_GI];
	uint8_t serves[MIG_MAX_GI];
	/* Best first; none: it does not fit. */
	unsigned n;
	struct mig_plan_change change[PLAN_ALTERNATIVES];
	/* Of each: an order of creation that ends there without starts, or how many were tried. */
	struct mig_plan_order order[PLAN_ALTERNATIVES];
	bool ordered[PLAN_ALTERNATIVES];
	/* Why it does not fit, which instances would have to go, and requests that do fit. */
	char reason[CLI_PLAN_TEXT];
	mig_slots must_go;
	unsigned n_nearest;
	char nearest[PLAN_NEAREST][CLI_PLAN_TEXT];
};

/* Reads the words of --need. */
int plan_needs_parse(const struct cli_list *words, struct plan_answer *a, struct mig_error *reterr);
/* The goal that serves the needs. -ENOSPC: none does. */
int plan_needs_goal(struct plan_answer *a, struct mig_error *reterr);
/* Fills what is said about needs that no layout serves. */
void plan_needs_why_not(struct plan_answer *a);
/* "12GiB,28SM" */
const char *plan_need_text(const struct mig_need *need, char *buf, size_t size);

enum plan_action {
	PLAN_ENABLE_MIG,
	PLAN_RESET_GPU,
	PLAN_DESTROY_CI, /* all compute instances of a GPU instance */
	PLAN_DESTROY_GI,
	PLAN_CREATE_GI, /* with the compute instance that fills it */
};

struct plan_step {
	enum plan_action action;
	int slot; /* -1: the whole GPU */
};

#define PLAN_MAX_STEPS (2 + 3 * MIG_MAX_GI)

/* In the order in which they can be done; order may be NULL. Returns how many. */
unsigned plan_steps(const struct cli_subject *s, const struct mig_plan_change *change,
		    const struct mig_plan_order *order, struct plan_step ret[PLAN_MAX_STEPS]);
const char *plan_action_name(enum plan_action action);
/* "destroy GI 9 (1g.10gb)" */
const char *plan_step_text(const struct cli_subject *s, const struct plan_step *step, char *buf,
			   size_t size);

/* The steps in nvidia-smi's words; ordered: they work without starts. Returns how many lines. */
unsigned plan_lines(const struct cli_subject *s, const struct plan_step *steps, unsigned n,
		    bool ordered, char ret[PLAN_LINES][CLI_PLAN_TEXT]);
/* Profile ids of an order: "9,14,19". */
const char *plan_order_text(const struct cli_subject *s, const struct mig_plan_order *order,
			    char *buf, size_t size);

/* A list of the steps of n changes, and one of nvidia-smi's lines; order: of each, or NULL. */
int plan_print_steps(struct cli_out *out, const struct cli_subject *s,
		     const struct mig_plan_change *change, const struct mig_plan_order *order,
		     unsigned n);
/* One of nvidia-smi's lines, of the plan or way of that number. */
struct plan_command {
	uint32_t plan;
	char command[CLI_PLAN_TEXT];
};
/* Their list, and where they belong, if not on this machine. */
int plan_print_commands(struct cli_out *out, const struct cli_subject *s,
			const struct plan_command *commands, size_t n);
/* The empty list of steps. */
int plan_print_no_steps(struct cli_out *out);
int plan_print(struct cli_out *out, const struct plan_answer *a);

#endif
