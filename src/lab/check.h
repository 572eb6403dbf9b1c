/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_CHECK_H
#define MIGKIT_LAB_CHECK_H

#include "lab/lab.h"
#include "lab/root.h"
#include "lab/trouble.h"

/*
 * A look for all that is wrong with a lab. Each part tells every breach that it finds, and goes on
 * wherever the next can still be looked at; what would lead out of a table is not followed.
 */
struct lab_checking {
	const struct lab_const *con;
	const struct lab_state *st;
	lab_told_fn told;
	void *arg;
	unsigned breaches;
	const char *copy; /* before each sentence: which state it is about, or "" */
	int gpu;	  /* and which GPU; -1: none */
};

void lab_breach(struct lab_checking *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Worth knowing, and nothing wrong. */
void lab_note(struct lab_checking *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A lab_told_fn that keeps the first breach; arg is a struct mig_error. */
void lab_keep_first(void *arg, bool breach, const char *sentence);

/* Whether a text of a file has an end. */
bool lab_text_ends(const char *text, size_t size);
/* A place that is free has nothing left in it. */
bool lab_all_zero(const void *data, size_t size);

/* check_const.c. false: the GPUs' states can't be looked at with these tables. */
bool lab_check_const(struct lab_checking *c);
/* check_gpu.c: all of them. */
void lab_check_gpus(struct lab_checking *c);
/* The state, with constants that are possible. */
void lab_check_state(struct lab_checking *c);
/* The orders of trouble; c->st may be NULL: then only what is in them. */
void lab_check_trouble(struct lab_checking *c, const struct lab_trouble *t);

/* check_root.c: what is there of the files of instances, as bits by id. */
#define LAB_CAP_LAST (3 + 135 * LAB_CAP_GPUS - 1)

struct lab_files_seen {
	bool there; /* there are such files at all */
	uint8_t gi[LAB_MAX_GPUS][2];
	uint8_t ci[LAB_MAX_GPUS][MIG_MAX_GI_ID + 1];
	uint16_t wrong[LAB_MAX_GPUS]
		      [MIG_MAX_GI_ID + 1]; /* that say another number; bit 8: the GI's */
	uint8_t node[LAB_CAP_LAST / 8 + 1];
};

/* Under the lab's lock, so that they are of one moment with the state. */
void lab_files_look(const char *dir, unsigned n_gpus, struct lab_files_seen *ret);
void lab_files_check(struct lab_checking *c, const struct lab_files_seen *seen);

#endif
