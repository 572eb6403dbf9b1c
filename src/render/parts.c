/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "render/parts.h"
#include "render/width.h"

void render_path_begin(struct render_path *path, const char *id)
{
	*path = (struct render_path){ 0 };
	snprintf(path->id, sizeof(path->id), "%s", id);
}

void render_path_push(struct render_path *path, const struct render_part *part)
{
	size_t length = strlen(path->id);

	if (path->depth < RENDER_MAX_DEPTH)
		path->length[path->depth] = length;
	path->depth++;
	snprintf(path->id + length, sizeof(path->id) - length, "-%s-%d", part->kind, part->number);
}

void render_path_pop(struct render_path *path)
{
	path->depth--;
	if (path->depth < RENDER_MAX_DEPTH)
		path->id[path->length[path->depth]] = 0;
}

/* A pen that draws nothing and remembers the parts. */
struct finder {
	struct render_pen pen; /* first: the ops get this */
	struct render_path path;
	struct render_found *found;
	size_t n, cap;
	bool failed;
};

static void find_box(struct render_pen *pen, int x, int y, int w, int h, enum render_style style)
{
	(void)pen, (void)x, (void)y, (void)w, (void)h, (void)style;
}

static void find_bar(struct render_pen *pen, int x, int y, int w, unsigned joins,
		     enum render_style style)
{
	(void)pen, (void)x, (void)y, (void)w, (void)joins, (void)style;
}

static void find_text(struct render_pen *pen, int x, int y, const char *s, enum render_style style)
{
	(void)pen, (void)x, (void)y, (void)s, (void)style;
}

static void find_sign(struct render_pen *pen, int x, int y, enum render_sign sign,
		      enum render_style style)
{
	(void)pen, (void)x, (void)y, (void)sign, (void)style;
}

static int find_text_width(const struct render_pen *pen, const char *s)
{
	(void)pen;
	return (int)render_width(s);
}

static struct render_found *next(struct finder *f)
{
	struct render_found *more;

	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 32;
		more = realloc(f->found, f->cap * sizeof(*more));
		if (!more) {
			f->failed = true;
			return NULL;
		}
		f->found = more;
	}
	f->found[f->n] = (struct render_found){ 0 };
	return &f->found[f->n++];
}

static void find_begin(struct render_pen *pen, const struct render_part *part)
{
	struct finder *f = (struct finder *)pen;
	struct render_found *found;

	render_path_push(&f->path, part);
	found = f->failed ? NULL : next(f);
	if (!found)
		return;
	memcpy(found->id, f->path.id, sizeof(found->id));
	snprintf(found->kind, sizeof(found->kind), "%s", part->kind);
	snprintf(found->state, sizeof(found->state), "%s", part->state ? part->state : "");
	snprintf(found->profile, sizeof(found->profile), "%s", part->profile ? part->profile : "");
	snprintf(found->title, sizeof(found->title), "%s", part->title ? part->title : "");
	found->start = part->start;
	found->size = part->size;
	found->depth = f->path.depth;
}

static void find_end(struct render_pen *pen)
{
	render_path_pop(&((struct finder *)pen)->path);
}

static const struct render_pen_ops find_ops = {
	.box = find_box,
	.bar = find_bar,
	.line = find_box,
	.text = find_text,
	.sign = find_sign,
	.text_width = find_text_width,
	.begin = find_begin,
	.end = find_end,
};

int render_parts(const char *id, render_draw_fn draw, const void *what, struct render_found **ret,
		 size_t *ret_n)
{
	struct finder f = { .pen.ops = &find_ops };

	render_path_begin(&f.path, id);
	draw(&f.pen, what);
	if (f.failed) {
		free(f.found);
		return -ENOMEM;
	}
	*ret = f.found;
	*ret_n = f.n;
	return 0;
}
