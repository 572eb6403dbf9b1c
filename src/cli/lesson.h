/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LESSON_H
#define MIGKIT_CLI_LESSON_H

#include <limits.h>
#include <stdbool.h>

#include <migkit/error.h>

#include "render/render.h"

/*
 * migctl lesson. What it says and does is data (data/lesson/); here is how a step is played: say
 * why, run the command in the shell of the lesson's lab, say what was seen, draw the GPU.
 */

/* The machine of the lesson's author. */
#define LESSON_BOARD	 "a100-80gb-pcie"
#define LESSON_DRIVER	 "515.86.01"
#define LESSON_NUMBERING "X"
#define LESSON_BUS_ID	 "00000001:00:00.0"

/* Sentences that belong to no step: "flow-setup" in data/lesson/ is SAY_FLOW_SETUP. */
enum lesson_saying {
	SAY_TITLE,
	SAY_INTRO,
	SAY_SOURCE,
	SAY_SOURCE_ASCII, /* where the title of the lesson cannot be shown */
	SAY_NARROW,
	SAY_PAUSE,
	SAY_FLOW_SETUP,
	SAY_FLOW_TAKEDOWN,
	SAY_FLOW_ENABLE,
	SAY_FLOW_CREATE_GI,
	SAY_FLOW_CREATE_CI,
	SAY_FLOW_USE,
	SAY_FLOW_DESTROY_CI,
	SAY_FLOW_DESTROY_GI,
	SAY_FLOW_DISABLE,
	SAY_FLOW_LEVELS,
	SAY_HERE,
	SAY_DONE,
	SAY_WORD_MEMORY,
	SAY_WORD_COMPUTE,
	SAY_WORD_FREE,
	SAY_WORD_UNUSED,
	SAY_WORD_NO_CI,
	SAY_WORD_IN_USE,
	SAY_WORD_MIG_ON,
	SAY_WORD_MIG_OFF,
	SAY_WORD_PENDING_ON,
	SAY_WORD_PENDING_OFF,
	SAY_WORD_UNDIVIDED,
	SAY_OUTRO,
	SAY_OUTRO_KEPT,
	SAY_MAX
};

#define LESSON_N_LANGUAGES 2

enum lesson_flow { LESSON_FLOW_NONE = 0, LESSON_FLOW_SETUP, LESSON_FLOW_TAKEDOWN };
enum lesson_picture { LESSON_PICTURE_GPU = 0, LESSON_PICTURE_LAYOUTS, LESSON_PICTURE_NONE };

struct lesson_step {
	const char *id;
	const char *part[LESSON_N_LANGUAGES]; /* NULL: no new part begins */
	const char *why[LESSON_N_LANGUAGES];
	const char *then[LESSON_N_LANGUAGES]; /* NULL: nothing to add */
	enum lesson_flow flow;
	unsigned place;		    /* in the flow */
	const char *const *prepare; /* not shown; ends with NULL */
	const char *const *run;	    /* shown; ends with NULL */
	int rc;			    /* exit code of the last command */
	enum lesson_picture picture;
};

/* Made from data/lesson/ by tools/make-lesson. The steps end with one without id. */
extern const char *const lesson_language_names[LESSON_N_LANGUAGES + 1];
extern const char *const lesson_texts[LESSON_N_LANGUAGES][SAY_MAX];
extern const struct lesson_step lesson_steps[];

struct lesson {
	unsigned language; /* position in lesson_language_names */
	struct render_words words;
	struct render_term term;
	unsigned columns;     /* of running text */
	bool narrow;	      /* the terminal has no room for nvidia-smi's widest table */
	unsigned part;	      /* number of the part we are in */
	char lab[PATH_MAX];   /* folder of the lesson's lab */
	char state[PATH_MAX]; /* temporary folder that holds it; "": the user's own (--keep) */
};

static inline const char *lesson_say(const struct lesson *l, enum lesson_saying what)
{
	return lesson_texts[l->language][what];
}

/* lesson_lang.c: the language of that name, NULL: what the environment asks for. -1: none such. */
int lesson_find_language(const char *name);

/* lesson_lab.c: the lab, and commands in its shell. */
int lesson_lab_begin(struct lesson *l, const char *keep, struct mig_error *reterr);
void lesson_lab_end(struct lesson *l);
/*
 * Runs one line as a person would type it in the lab's shell; returns its exit code. quiet: its
 * output is of no interest, unless it fails.
 */
int lesson_run(struct lesson *l, const char *line, bool quiet, struct mig_error *reterr);
/* Whether somebody pressed Ctrl-C or closed the pipe: the lesson ends and takes its lab with it. */
bool lesson_interrupted(void);
/* At the very end: dies of the signal that came meanwhile, as if it had not been caught. */
void lesson_stop_as_asked(void);

/* lesson_gpu.c: what a picture needs, read from the chosen lab by NVML. */
int lesson_read_gpu(const struct render_words *words, struct render_gpu *ret,
		    struct mig_error *reterr);
/* UUID of a MIG device of GPU 0. */
int lesson_mig_uuid(unsigned device, char ret[96], struct mig_error *reterr);

/* lesson_show.c: what appears on the screen. */
void lesson_show_text(const struct lesson *l, const char *text);
/* The sentence that begins a step. */
void lesson_show_why(const struct lesson *l, const char *text);
void lesson_show_heading(const struct lesson *l, const char *text);
void lesson_show_command(const struct lesson *l, const char *line);
int lesson_show_flow(const struct lesson *l, enum lesson_flow flow, unsigned place, bool started);
int lesson_show_gpu(const struct lesson *l, struct mig_error *reterr);
int lesson_show_layouts(const struct lesson *l, struct mig_error *reterr);

#endif
