/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_GOAL_H
#define MIGKIT_CLI_GOAL_H

#include <migkit/plan.h>

#include "cli/opt.h"
#include "cli/source.h"

/*
 * What a planning command is about: one GPU as it is now, of the driver, the lab or a recording; or
 * a board by itself, which has nothing on it.
 */
struct cli_subject_args {
	struct cli_source_args source;
	const char *board;    /* --board KEY|FILE */
	const char *driver;   /* --driver, of a board */
	struct cli_list keep; /* --keep GI,... or all */
};

/* Rows of an option table: S is the offset of the struct cli_subject_args in the command's args. */
#define CLI_SUBJECT_OPTS(S)                                                                        \
	CLI_SOURCE_OPTS((S) + offsetof(struct cli_subject_args, source)),                          \
		OPT_STR("board", 'b', (S) + offsetof(struct cli_subject_args, board),              \
			"BOARD|FILE",                                                              \
			"an empty board by its key ('migctl boards') or file (.yaml), no GPU"),    \
		OPT_STR("driver", 'd', (S) + offsetof(struct cli_subject_args, driver), "VERSION", \
			"the board as that driver shows it; the newest without it")

#define CLI_KEEP_OPT(S)                                                                \
	OPT_LIST("keep", 'k', (S) + offsetof(struct cli_subject_args, keep), "GI,...", \
		 "GPU instances that must stay, by id, or all")

struct cli_subject {
	struct cli_source source; /* not of a board */
	bool opened;
	const struct mig_gpu *gpu;     /* NULL: a board */
	const struct mig_board *board; /* of the GPU, or .own */
	struct mig_board own;
	char driver[32]; /* whose board it is */
	struct mig_plan_table *table;
	struct mig_plan_state state; /* pinned: busy, or kept */
	mig_slots busy, kept;
};

/* How much of a GPU is asked for. */
enum cli_subject_wish {
	CLI_SUBJECT_BOARD, /* its board: profiles and starts, which anybody may read */
	CLI_SUBJECT_STATE, /* and what stands on it */
};

/* The table is that of all profiles of the board. */
int cli_subject_open(const struct cli_subject_args *args, enum cli_subject_wish wish,
		     struct cli_subject *ret, struct mig_error *reterr);
void cli_subject_close(struct cli_subject *subject);

/* First facts of an output: where it is from, which GPU, which board. */
int cli_subject_heading(const struct cli_subject *subject, struct cli_out *out);
/* Whether no output of hardware confirms some of the places that an answer rests on. */
bool cli_subject_unconfirmed(const struct cli_subject *subject);
/* Which these are. */
void cli_subject_doubts(const struct cli_subject *subject, struct cli_out *out);
/* All that a reader must know before believing an answer: doubts, MIG off, unread processes. */
void cli_subject_remarks(const struct cli_subject *subject, struct cli_out *out);

/* "A100 80GB PCIe" */
const char *cli_board_short_name(const struct mig_board *board);
/* Whether MIG mode has to be turned on first. */
bool cli_subject_mode_off(const struct cli_subject *subject);
/* The instance that the GPU has in a slot; NULL: none. */
const struct mig_gi *cli_subject_gi(const struct cli_subject *subject, unsigned slot);

/* The goal that words name, as src/spec/request.h reads them. */
int cli_goal_from_words(const struct cli_subject *subject, char *const *words, unsigned n,
			struct mig_plan_goal *ret, struct mig_error *reterr);

/* Appends to a text of that size; cut, never overrun. */
void cli_text_add(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Texts of what the planner says; they are cut, never overrun. Slots ascend by start:
 * "3g.40gb@4 2g.20gb@0"; counts are in the order of -lgip: "3g.40gb 2x2g.20gb"; instances are by
 * id where they have one: "GI 1 (3g.40gb) and GI 9 (1g.10gb)".
 */
const char *cli_slots_text(const struct mig_board *board, const struct mig_plan_table *table,
			   mig_slots slots, char *buf, size_t size);
const char *cli_counts_text(const struct mig_board *board, const struct mig_counts *counts,
			    char *buf, size_t size);
const char *cli_instances_text(const struct cli_subject *subject, mig_slots slots, char *buf,
			       size_t size);
/* Why no layout holds a goal, with what a person can check: "together they need ...". */
const char *cli_reason_text(const struct mig_board *board, const struct mig_plan_table *table,
			    const struct mig_plan_goal *goal, const struct mig_plan_reason *reason,
			    char *buf, size_t size);
/* Of pinned instances that are in the way: "GI 7 (1g.10gb) would have to go, and ...". */
void cli_must_go_text(const struct cli_subject *subject, mig_slots slots, char *buf, size_t size);
/* "memory slices", or what a board counts its placements in. */
const char *cli_units_name(const struct mig_board *board);
/* "0,2,4" */
const char *cli_starts_text(uint64_t starts, char *buf, size_t size);
/* "3, 5 and 6"; "none" */
const char *cli_units_text(uint64_t units, char *buf, size_t size);

#define CLI_PLAN_TEXT 256

#endif
