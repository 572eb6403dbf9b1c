/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_VERIFY_VERIFY_H
#define MIGKIT_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <migkit/board.h>
#include <migkit/error.h>

#include "nvml/nvml_api.h"

/*
 * What a GPU in MIG mode answers, held against what the simulated driver answers for its board. The
 * same walk is gone on both: it asks, creates and destroys, and writes down each question with its
 * answer. Answers hold no handle and no UUID, so that two GPUs of one kind give the same ones.
 */

/* --- transcript.c ----------------------------------------------------------------------------- */

struct verify_record {
	char *what, *answer; /* one line each */
};

struct verify_transcript {
	size_t n, room;
	struct verify_record *record; /* in the order of the walk; each what once */
	unsigned creates, destroys;   /* that were carried out */
};

/* -ENOMEM; what comes from the driver may hold anything, and is made one line. */
int verify_note(struct verify_transcript *t, const char *what, const char *answer);
/* NULL: was not asked. hint: where the last one was found; *hint 0 at first. */
const char *verify_answer(const struct verify_transcript *t, const char *what, size_t *hint);
void verify_transcript_free(struct verify_transcript *t);
/* As text, from one process to another. -EBADMSG: it is not whole. */
int verify_write(const struct verify_transcript *t, FILE *to);
int verify_read(FILE *from, struct verify_transcript *ret);

/* --- walk.c ----------------------------------------------------------------------------------- */

enum verify_do { VERIFY_CREATE_GI, VERIFY_DESTROY_GI, VERIFY_CREATE_CI, VERIFY_DESTROY_CI };

/* A change that is about to be made. Starts -1: where the driver chooses. */
struct verify_change {
	enum verify_do what;
	unsigned gi_profile, gi_id, ci_profile, ci_id;
	int gi_start, ci_start;
	char gi_name[MIG_PROFILE_NAME], ci_name[MIG_PROFILE_NAME];
};

struct verify_hooks {
	/* negative: the walk ends here, and returns that */
	int (*before)(void *arg, const struct verify_change *change, struct mig_error *reterr);
	/* NVML's status; start of a GPU instance that is there now, -1: none, or not known */
	void (*after)(void *arg, int status, int start);
	void *arg;
};

/*
 * Goes through it all on a GPU without instances, and leaves none if it returns 0. -EIO and the
 * like, with the sentence and NVML's code: a call failed in a way that is no answer, and what was
 * made until then may still be there. hooks may be NULL.
 */
int verify_walk(const struct nvml_api *api, nvmlDevice_t dev, const struct verify_hooks *hooks,
		struct verify_transcript *ret, struct mig_error *reterr);

/* --- settle.c --------------------------------------------------------------------------------- */

#define VERIFY_MAX_SWITCHES 33
#define VERIFY_MAX_VALUES   4

/* One of the simulated driver's switches: a rule that hardware has not settled. */
struct verify_switch {
	const char *name;
	unsigned n; /* values; 1: is not tried */
	const char *value[VERIFY_MAX_VALUES];
	/* A property of the single chip and not of its kind: no value is a difference. */
	bool of_chip;
};

enum verify_finding {
	VERIFY_NOT_TRIED = 0,
	VERIFY_NO_MATTER,   /* every value leads to the same answers */
	VERIFY_NOT_REACHED, /* the GPU never came to where they differ */
	VERIFY_NEITHER,	    /* no value explains all answers */
	VERIFY_SETTLED,
};

struct verify_ruling {
	enum verify_finding finding;
	unsigned value;			   /* that agrees best; settled: with all */
	unsigned asked;			   /* questions that values answer differently */
	unsigned agree[VERIFY_MAX_VALUES]; /* how many of them each answers as the GPU */
};

struct verify_difference {
	const char *what, *seen, *expected; /* of the transcripts */
	int rule;			    /* switch that explains it; -1: none */
};

struct verify_verdict {
	struct verify_ruling ruling[VERIFY_MAX_SWITCHES];
	struct verify_difference *difference;
	size_t n_differences;
	size_t compared;    /* questions that both were asked */
	size_t not_reached; /* asked of one alone, as an answer before it led elsewhere */
	unsigned references;
};

/* The simulated driver's transcript with these values of the switches; the caller keeps it. */
typedef int (*verify_reference_fn)(void *arg, const uint8_t *value,
				   const struct verify_transcript **ret, struct mig_error *reterr);

/*
 * Which value of each switch the GPU agrees with, and where it differs from the first values.
 * Strings of *ret are those of the transcripts.
 */
int verify_settle(const struct verify_transcript *gpu, const struct verify_switch *sw, unsigned n,
		  verify_reference_fn reference, void *arg, struct verify_verdict *ret,
		  struct mig_error *reterr);
void verify_verdict_free(struct verify_verdict *verdict);

#endif
