/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_RENDER_RENDER_H
#define MIGKIT_RENDER_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/board.h>

#include "render/pen.h"

/*
 * The drawings. Each takes a plain value that its caller filled (from NVML, from a board's table,
 * from a plan), and words in the reader's language; each is a render_draw_fn for render_term_print.
 */

/* What a picture says in words. */
struct render_words {
	const char *memory;  /* label of the line of memory slices */
	const char *compute; /* label of the line of compute slices */
	const char *free;    /* nobody has it */
	const char *unused;  /* a compute slice that the GI's profile leaves out */
	const char *no_ci;   /* a GI without compute instance */
	const char *in_use;  /* a process runs there */
	const char *more;    /* behind a number: further processes; NULL: " more" */
	const char *hidden;  /* what is there cannot be read; NULL: "?" */
	const char *mig_on, *mig_off;
	const char *pending_on, *pending_off; /* asked for, waits for a reset */
	const char *undivided;		      /* MIG off: the whole GPU is one */
};

/* A board as it could be set up: nothing has a number yet. */
#define RENDER_NO_ID	UINT8_MAX
#define RENDER_NO_INDEX UINT32_MAX

#define RENDER_MAX_USERS 3

/* Who runs somewhere. */
struct render_users {
	unsigned n; /* all of them; the first are named */
	struct render_user {
		uint32_t pid;
		char name[32];
	} user[RENDER_MAX_USERS];
};

/* What a box says of its memory: the longest that fits; "" nothing. */
struct render_memory {
	char full[64];	/* "13MiB of 40192MiB used" */
	char brief[24]; /* "13MiB" */
};

struct render_ci {
	uint8_t id;
	uint8_t start, slices; /* compute slices, counted from the GI's first */
	bool in_use;
	struct render_users users; /* n 0: not known who */
	char name[MIG_PROFILE_NAME];
};

struct render_gi {
	uint8_t id;
	uint8_t start, size; /* in placement units */
	uint8_t slices;	     /* compute slices */
	uint8_t n_ci;
	bool hidden; /* its compute instances could not be read */
	char name[MIG_PROFILE_NAME];
	struct render_memory memory;
	struct render_ci ci[MIG_MAX_CI];
};

struct render_gpu {
	const struct render_words *words;
	unsigned index;
	char name[64];
	uint8_t compute_slices; /* 7 or 4 */
	uint8_t memory_slices;	/* 8 or 4 */
	uint8_t units;		/* placement units: 8, 4 or 12; 0: not known, one box is drawn */
	unsigned columns;	/* room for all of it; 0: 80 */
	bool mig, pending;
	const char *mode;	     /* said instead of these two: a GPU without MIG; NULL: none */
	struct render_memory memory; /* of the whole GPU */
	struct render_users users;   /* on no instance */
	uint8_t n_gi;
	struct render_gi gi[MIG_MAX_GI];
};

/* In words, as titles of the picture's parts. */
#define RENDER_TITLE 256
void render_gpu_title(const struct render_gpu *gpu, const char *mode, char *buf, size_t size);
void render_gi_title(const struct render_gpu *gpu, const struct render_gi *gi, char *buf,
		     size_t size);
void render_ci_title(const struct render_gpu *gpu, const struct render_ci *ci, char *buf,
		     size_t size);
/* "4-7", "2" */
const char *render_place(char buf[16], unsigned start, unsigned size);

/* One GPU: memory slices on one line, compute slices on the next, instances as boxes. */
void render_gpu(struct render_pen *pen, const void *gpu);

struct render_block {
	uint8_t start, size; /* in placement units */
	char name[MIG_PROFILE_NAME];
};

struct render_layout {
	uint8_t n;
	struct render_block block[MIG_MAX_GI];
};

struct render_layouts {
	const struct render_words *words;
	uint8_t units, memory_slices;
	unsigned n;
	const struct render_layout *layout;
	unsigned columns;	/* room: where it is enough, they stand side by side; 0: 80 */
	const unsigned *number; /* of each, to be shown; NULL: from 1 */
};

/* Numbered layouts, one a line, each block as wide as its memory. */
void render_layouts(struct render_pen *pen, const void *layouts);

/* What a plan does to an instance. */
enum render_fate { RENDER_STAYS = 0, RENDER_GOES, RENDER_COMES };

struct render_plan_block {
	uint8_t start, size; /* in placement units */
	uint8_t fate;	     /* enum render_fate */
	bool pinned, busy;   /* must stay: told to, or a process runs there */
	int gi;		     /* id; -1: none yet */
	char name[MIG_PROFILE_NAME];
};

/* How the GPU looks at one moment. */
struct render_stage {
	const char *label; /* "before" */
	uint8_t n;
	struct render_plan_block block[MIG_MAX_GI];
};

struct render_plan_words {
	const char *free, *stays, *goes, *comes; /* "free", "stays", "goes", "new" */
	const char *pinned, *busy;		 /* "pinned", "in use" */
};

#define RENDER_MAX_STAGES 4

struct render_plan {
	const struct render_plan_words *words;
	const char *title; /* NULL: none */
	int gpu;	   /* index, or -1: a board */
	uint8_t units, memory_slices;
	unsigned columns; /* room; 0: 80 */
	uint8_t n;
	struct render_stage stage[RENDER_MAX_STAGES];
};

/*
 * Stages below one another, instances as boxes over one ruler: before and after, what stays, goes
 * and comes, each with a sign and a word of its own.
 */
void render_plan(struct render_pen *pen, const void *plan);

struct render_picture {
	render_draw_fn draw;
	const void *what;
};

/* Pictures below one another with a blank line between them. */
struct render_stack {
	const char *title; /* NULL: none */
	const char *note;  /* below them, broken into lines; NULL or "": none */
	unsigned n;
	const struct render_picture *picture;
};

/* A line of text: what is said in place of a picture. */
void render_line(struct render_pen *pen, const void *text);
void render_stack(struct render_pen *pen, const void *stack);

#define RENDER_MAX_FLOW 6

enum render_place { RENDER_AHEAD = 0, RENDER_NOW, RENDER_PASSED };

struct render_flow_step {
	const char *text;
	enum render_place place;
};

struct render_flow {
	const char *title;
	const char *here; /* the words beside the mark */
	unsigned n;
	struct render_flow_step step[RENDER_MAX_FLOW];
	/* Steps that belong together get a frame with a caption; first > last: none. */
	unsigned group_first, group_last;
	const char *group;
};

/* Steps from left to right with the current place marked. */
void render_flow(struct render_pen *pen, const void *flow);

#endif
