/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_DRAW_H
#define MIGKIT_CLI_DRAW_H

#include "cli/goal.h"
#include "render/render.h"

/* What "migctl draw" draws: pictures, and what they point into. */
struct draw_scene {
	char id[32]; /* "gpu", "board", "plan", "layouts": of the whole picture */
	char title[400];
	char about[768]; /* first sentences of the description */
	char note[512];	 /* what a reader must know before believing it; "" nothing */
	unsigned columns;
	struct render_stack stack;
	struct render_picture *pictures;
	struct render_gpu *gpus;
	struct render_plan plan;
	struct render_layouts layouts;
	struct render_layout *rows;
	struct draw_line {
		char text[256];
	} * lines;
};

/* The GPUs as they are. */
int draw_scene_gpus(const struct cli_source *source, struct draw_scene *ret,
		    struct mig_error *reterr);
/* A board, or a GPU's, as it would be with these instances and no others. */
int draw_scene_layout(const struct cli_subject *subject, char *const *words, unsigned n,
		      struct draw_scene *ret, struct mig_error *reterr);
/* All layouts to which nothing can be added. */
int draw_scene_maximal(const struct cli_subject *subject, bool plain, struct draw_scene *ret,
		       struct mig_error *reterr);
/* Before and after. */
int draw_scene_plan(const struct cli_subject *subject, char *const *words, unsigned n,
		    struct draw_scene *ret, struct mig_error *reterr);

void draw_scene_free(struct draw_scene *scene);

#endif
