/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_RENDER_PARTS_H
#define MIGKIT_RENDER_PARTS_H

#include <stddef.h>

#include "render/pen.h"

/* What is in a picture: its parts by id, without a picture. */

/* Ids of nested parts: "gpu-0", in it "gpu-0-gi-2". */
#define RENDER_MAX_DEPTH 8
struct render_path {
	unsigned depth;
	size_t length[RENDER_MAX_DEPTH]; /* of the id around each part */
	char id[128];
};

void render_path_begin(struct render_path *path, const char *id);
void render_path_push(struct render_path *path, const struct render_part *part);
void render_path_pop(struct render_path *path);

struct render_found {
	char id[128];
	char kind[16], state[16];
	char profile[32];
	int start, size; /* size 0: it has none */
	unsigned depth;	 /* 1: of the picture itself */
	char title[256];
};

/* All parts of a drawing, in the order in which they are drawn; the caller frees *ret. -ENOMEM. */
int render_parts(const char *id, render_draw_fn draw, const void *what, struct render_found **ret,
		 size_t *ret_n);

#endif
