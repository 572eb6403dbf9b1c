/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/render.h"
#include "render/width.h"

/*
 * A GPU as two rows of cells under one ruler:
 *
 *             0       1       2       3       4  ...
 *   memory  +-------------------------------+---
 *           | GI 2                          | GI 1
 *           | 3g.40gb                       | ...
 *   compute +-------+-------+-------+-------+---
 *           | CI 0  | CI 1  | free  |unused | ...
 *
 * The compute slices of a GI are drawn from its first memory slice on: NVML names the memory
 * placement and the number of compute slices only. That is also how the placement tables of the
 * boards work out: 2g at 4 and 1g at 6 leave no compute slice over.
 */

#define ALL_COLUMNS 80 /* where nobody says how many there are */
#define BOX_LINES   2  /* id and name */
#define USER_LINES  2  /* of processes in a box, before it says how many more there are */

struct grid {
	struct render_pen *pen;
	const struct render_gpu *gpu;
	int x;				/* column of the left border */
	int unit;			/* columns of a placement unit */
	int slice;			/* columns of a compute slice */
	int memory_y, compute_y, end_y; /* rows of the horizontal borders */
	int titles;			/* lines of the title */
};

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

/* "GI 2"; on a board nobody has given numbers yet. */
static const char *name_id(char text[16], const char *what, unsigned id)
{
	if (id == RENDER_NO_ID)
		snprintf(text, 16, "%s", what);
	else
		snprintf(text, 16, "%s %u", what, id);
	return text;
}

static void put_id(const struct grid *g, int x, int y, int w, const char *what, unsigned id,
		   enum render_style style)
{
	char text[16];

	render_put_in_box(g->pen, x, y, w, name_id(text, what, id), style);
}

/* By place, so that an instance keeps its colour when others come and go. */
static enum render_style tint(const struct render_gi *gi)
{
	return (enum render_style)(RENDER_TINT + gi->start % RENDER_N_TINTS);
}

/* How much memory is in use, as far as a box has room for it. */
static void put_memory(const struct grid *g, int x, int y, int w, const struct render_memory *m)
{
	bool full = g->pen->ops->text_width(g->pen, m->full) < w;

	render_put_in_box(g->pen, x, y, w, full ? m->full : m->brief, RENDER_PLAIN);
}

/* "(sign) PID NAME", without the sign or the name where the box is too narrow for them. */
static void put_user(const struct grid *g, int x, int y, int w, const struct render_user *user)
{
	char text[64], pid[16];
	int width;

	snprintf(pid, sizeof(pid), "%u", user->pid);
	snprintf(text, sizeof(text), "%s %s", pid, user->name);
	width = g->pen->ops->text_width(g->pen, user->name[0] ? text : pid);
	if (!user->name[0] || width + 2 >= w) {
		snprintf(text, sizeof(text), "%s", pid);
		width = g->pen->ops->text_width(g->pen, pid);
	}
	if (width + 2 >= w) {
		render_put_in_box(g->pen, x, y, w, text, RENDER_HERE);
		return;
	}
	x += width + 2 <= w - 3 ? 2 : 1;
	g->pen->ops->sign(g->pen, x, y, RENDER_SIGN_DOT, RENDER_HERE);
	render_put(g->pen, x + 2, y, width, text, RENDER_HERE);
}

/* A line for each of the first processes; of one more than there is room for, its own line. */
static int user_lines(const struct render_users *users)
{
	return (int)users->n <= USER_LINES + 1 ? (int)users->n : USER_LINES + 1;
}

static void put_users(const struct grid *g, int x, int y, int w, const struct render_users *users)
{
	int lines = user_lines(users);
	unsigned named = (unsigned)lines == users->n ? users->n : USER_LINES;
	char text[48];

	for (unsigned i = 0; i < named; i++)
		put_user(g, x, y + (int)i, w, &users->user[i]);
	if (named == users->n)
		return;
	snprintf(text, sizeof(text), "+%u%s", users->n - named, g->gpu->words->more ?: " more");
	render_put_in_box(g->pen, x, y + (int)named, w, text, RENDER_HERE);
}

/* Cells that nobody has: memory is counted in slices, each a box of its own. */
static void draw_free_memory(const struct grid *g, uint32_t taken)
{
	int h = g->compute_y - g->memory_y + 1;

	for (unsigned s = 0; s < g->gpu->memory_slices; s++) {
		int x = g->x + (int)s * g->slice;

		if (taken & 1u << s)
			continue;
		render_begin(g->pen, &(struct render_part){ .kind = "free-memory",
							    .number = (int)s,
							    .start = (int)s * g->slice / g->unit,
							    .size = g->slice / g->unit });
		g->pen->ops->box(g->pen, x, g->memory_y, g->slice + 1, h, RENDER_FAINT);
		render_put_in_box(g->pen, x, g->memory_y + 1, g->slice, g->gpu->words->free,
				  RENDER_FAINT);
		render_end(g->pen);
	}
}

static void draw_compute_cell(const struct grid *g, unsigned slice, const char *kind,
			      const char *word)
{
	int x = g->x + (int)slice * g->slice;
	int h = g->end_y - g->compute_y + 1;

	render_begin(g->pen,
		     &(struct render_part){
			     .kind = kind, .number = (int)slice, .start = (int)slice, .size = 1 });
	g->pen->ops->box(g->pen, x, g->compute_y, g->slice + 1, h, RENDER_FAINT);
	render_put_in_box(g->pen, x, g->compute_y + 1, g->slice, word, RENDER_FAINT);
	render_end(g->pen);
}

static void draw_ci(const struct grid *g, const struct render_ci *ci, unsigned first,
		    enum render_style style)
{
	int x = g->x + (int)(first + ci->start) * g->slice, w = ci->slices * g->slice;
	int y = g->compute_y;
	const char *dot = strchr(ci->name, '.');
	char name[MIG_PROFILE_NAME], title[RENDER_TITLE];

	render_ci_title(g->gpu, ci, title, sizeof(title));
	render_begin(g->pen,
		     &(struct render_part){ .kind = "ci",
					    .number = ci->id == RENDER_NO_ID ? ci->start : ci->id,
					    .state = ci->in_use ? "busy" : NULL,
					    .title = title,
					    .profile = ci->name,
					    .start = (int)first + ci->start,
					    .size = ci->slices });

	snprintf(name, sizeof(name), "%s", ci->name);
	/* In a narrow box the CI's own part has to do; the GI's name stands above it. */
	if (dot && (int)render_width(name) >= w)
		name[dot - ci->name] = 0;
	g->pen->ops->box(g->pen, x, y, w + 1, g->end_y - y + 1, style);
	put_id(g, x, y + 1, w, "CI", ci->id, style);
	render_put_in_box(g->pen, x, y + 2, w, name, style);
	if (ci->users.n)
		put_users(g, x, y + 3, w, &ci->users);
	else if (ci->in_use)
		render_put_in_box(g->pen, x, y + 3, w, g->gpu->words->in_use, RENDER_HERE);
	render_end(g->pen);
}

/* The first compute slice below a GI, and how many of the board's lie below its memory. */
static unsigned compute_below(const struct render_gpu *gpu, const struct render_gi *gi,
			      unsigned *ret_n)
{
	unsigned per_slice = gpu->units / gpu->memory_slices;
	unsigned first = gi->start / per_slice, n = gi->size / per_slice;

	if (!n)
		n = 1;
	if (first + n > gpu->compute_slices)
		n = first < gpu->compute_slices ? gpu->compute_slices - first : 0;
	*ret_n = n;
	return first;
}

static void draw_gi_compute(const struct grid *g, const struct render_gi *gi,
			    enum render_style style)
{
	const struct render_words *words = g->gpu->words;
	unsigned n, first = compute_below(g->gpu, gi, &n);
	uint32_t cut = 0;

	for (unsigned c = 0; c < gi->n_ci; c++)
		for (unsigned s = 0; s < gi->ci[c].slices && gi->ci[c].start + s < 32; s++)
			cut |= 1u << (gi->ci[c].start + s);
	for (unsigned s = 0; s < n; s++) {
		if (s >= gi->slices)
			draw_compute_cell(g, first + s, "unused", words->unused);
		else if (gi->n_ci && !(cut & 1u << s))
			draw_compute_cell(g, first + s, "free-compute", words->free);
	}
	if (!gi->n_ci) {
		int x = g->x + (int)first * g->slice, w = gi->slices * g->slice;

		render_begin(g->pen, &(struct render_part){ .kind = "no-ci",
							    .start = (int)first,
							    .size = gi->slices });
		g->pen->ops->box(g->pen, x, g->compute_y, w + 1, g->end_y - g->compute_y + 1,
				 style);
		render_put_in_box(g->pen, x, g->compute_y + 1, w,
				  gi->hidden ? words->hidden ?: "?" : words->no_ci, RENDER_HERE);
		render_end(g->pen);
	}
	for (unsigned c = 0; c < gi->n_ci; c++)
		draw_ci(g, &gi->ci[c], first, style);
}

static void draw_gi(const struct grid *g, const struct render_gi *gi)
{
	int x = g->x + gi->start * g->unit, w = gi->size * g->unit;
	enum render_style style = tint(gi);
	char title[RENDER_TITLE];
	int lines;

	render_gi_title(g->gpu, gi, title, sizeof(title));
	render_begin(g->pen,
		     &(struct render_part){ .kind = "gi",
					    .number = gi->id == RENDER_NO_ID ? gi->start : gi->id,
					    .title = title,
					    .profile = gi->name,
					    .start = gi->start,
					    .size = gi->size });

	g->pen->ops->box(g->pen, x, g->memory_y, w + 1, g->compute_y - g->memory_y + 1, style);
	put_id(g, x, g->memory_y + 1, w, "GI", gi->id, style);
	lines = render_put_name(g->pen, x, g->memory_y + 2, w, gi->name, style);
	put_memory(g, x, g->memory_y + 2 + lines, w, &gi->memory);
	draw_gi_compute(g, gi, style);
	render_end(g->pen);
}

/* What is free first: where borders meet, the instance's colour shows. */
static void draw_instances(const struct grid *g)
{
	const struct render_gpu *gpu = g->gpu;
	unsigned per_slice = gpu->units / gpu->memory_slices;
	uint32_t taken = 0, computing = 0;

	for (unsigned i = 0; i < gpu->n_gi; i++) {
		unsigned n, first = compute_below(gpu, &gpu->gi[i], &n);

		for (unsigned u = 0; u < gpu->gi[i].size; u++)
			taken |= 1u << ((gpu->gi[i].start + u) / per_slice);
		computing |= ((1u << n) - 1) << first;
	}
	draw_free_memory(g, taken);
	for (unsigned s = 0; s < gpu->compute_slices; s++)
		if (!(computing & 1u << s))
			draw_compute_cell(g, s, "free-compute", gpu->words->free);
	for (unsigned i = 0; i < gpu->n_gi; i++)
		draw_gi(g, &gpu->gi[i]);
}

static const char *mode_words(const struct render_gpu *gpu)
{
	if (gpu->mode)
		return gpu->mode;
	if (gpu->pending != gpu->mig)
		return gpu->pending ? gpu->words->pending_on : gpu->words->pending_off;
	return gpu->mig ? gpu->words->mig_on : gpu->words->mig_off;
}

/* The name, and the mode at the right; below it where the name is too long for both. */
static int draw_title(const struct grid *g, bool draw)
{
	const struct render_gpu *gpu = g->gpu;
	const char *mode = mode_words(gpu);
	int all = (int)(gpu->columns ?: ALL_COLUMNS), w = g->pen->ops->text_width(g->pen, mode);
	int right = g->x + g->unit * (gpu->units ?: 1) + 1, name_end, lines, x;
	char text[128];

	if (gpu->index == RENDER_NO_INDEX)
		snprintf(text, sizeof(text), "%s", gpu->name);
	else
		snprintf(text, sizeof(text), "GPU %u  %s", gpu->index, gpu->name);
	name_end = g->x + g->pen->ops->text_width(g->pen, text);
	lines = name_end + 2 + w > max_int(all, right) ? 2 : 1;
	if (!draw)
		return lines;
	render_put(g->pen, g->x, 0, max_int(all, right) - g->x, text, RENDER_STRONG);
	x = max_int(right - w, lines == 1 ? name_end + 2 : g->x);
	g->pen->ops->text(g->pen, x, lines - 1, mode,
			  gpu->pending == gpu->mig ? RENDER_PLAIN : RENDER_HERE);
	return lines;
}

/* Lines that the fullest box of a row needs. */
static int memory_lines(const struct grid *g)
{
	const struct render_gpu *gpu = g->gpu;
	int lines = gpu->n_gi ? BOX_LINES : 1;

	if (!gpu->mig)
		return 1 + (gpu->memory.brief[0] != 0);
	for (unsigned i = 0; i < gpu->n_gi; i++) {
		const struct render_gi *gi = &gpu->gi[i];

		lines = max_int(lines, 1 + (gi->memory.brief[0] != 0) +
					       render_put_name(g->pen, 0, -1, gi->size * g->unit,
							       gi->name, RENDER_PLAIN));
	}
	return lines;
}

static int compute_lines(const struct render_gpu *gpu)
{
	int lines = 1;

	if (!gpu->mig)
		return max_int(1, user_lines(&gpu->users));
	for (unsigned i = 0; i < gpu->n_gi; i++) {
		for (unsigned c = 0; c < gpu->gi[i].n_ci; c++) {
			const struct render_ci *ci = &gpu->gi[i].ci[c];
			int users = ci->users.n ? user_lines(&ci->users) : ci->in_use;

			lines = max_int(lines, BOX_LINES + users);
		}
	}
	return lines;
}

/* One box where it is not known what the GPU could be divided into. */
static void draw_whole(const struct grid *g)
{
	const struct render_gpu *gpu = g->gpu;
	int y = g->memory_y, w = g->slice;

	g->pen->ops->box(g->pen, g->x, y, w + 1, g->end_y - y + 1, RENDER_PLAIN);
	render_put_in_box(g->pen, g->x, ++y, w, gpu->words->undivided, RENDER_PLAIN);
	if (gpu->memory.brief[0])
		put_memory(g, g->x, ++y, w, &gpu->memory);
	put_users(g, g->x, y + 1, w, &gpu->users);
}

static void draw_undivided(const struct grid *g)
{
	const struct render_gpu *gpu = g->gpu;
	int w = gpu->memory_slices * g->slice;

	g->pen->ops->box(g->pen, g->x, g->memory_y, w + 1, g->compute_y - g->memory_y + 1,
			 RENDER_PLAIN);
	render_put_in_box(g->pen, g->x, g->memory_y + 1, w, gpu->words->undivided, RENDER_PLAIN);
	put_memory(g, g->x, g->memory_y + 2, w, &gpu->memory);
	w = gpu->compute_slices * g->slice;
	g->pen->ops->box(g->pen, g->x, g->compute_y, w + 1, g->end_y - g->compute_y + 1,
			 RENDER_PLAIN);
	put_users(g, g->x, g->compute_y + 1, w, &gpu->users);
}

void render_gpu(struct render_pen *pen, const void *what)
{
	const struct render_gpu *gpu = what;
	const struct render_words *words = gpu->words;
	struct grid g = { .pen = pen, .gpu = gpu };
	char title[RENDER_TITLE];
	int labels = max_int(pen->ops->text_width(pen, words->memory),
			     pen->ops->text_width(pen, words->compute));
	int room = gpu->columns ? max_int((int)gpu->columns - labels - 2, 1) : 0;

	render_gpu_title(gpu, mode_words(gpu), title, sizeof(title));
	g.x = labels + 1;
	/* Of unknown slices it is as wide as the others of most machines. */
	g.unit = gpu->units ? render_unit_columns(gpu->units, (unsigned)room)
			    : 8 * render_unit_columns(8, (unsigned)room);
	g.slice = gpu->units ? g.unit * gpu->units / gpu->memory_slices : g.unit;
	g.titles = draw_title(&g, false);
	g.memory_y = g.titles + (gpu->units > 0);
	g.compute_y = g.memory_y + memory_lines(&g) + 1;
	g.end_y = g.compute_y + compute_lines(gpu) + 1;
	if (!gpu->units)
		g.end_y = g.compute_y + user_lines(&gpu->users);
	render_begin(pen, &(struct render_part){
				  .kind = "gpu",
				  .number = gpu->index == RENDER_NO_INDEX ? 0 : (int)gpu->index,
				  .title = title });
	(void)draw_title(&g, true);
	render_ruler(pen, g.x, g.titles, gpu->units, g.unit);
	if (gpu->units) {
		pen->ops->text(pen, 0, g.memory_y + 1, words->memory, RENDER_FAINT);
		pen->ops->text(pen, 0, g.compute_y + 1, words->compute, RENDER_FAINT);
		if (gpu->mig)
			draw_instances(&g);
		else
			draw_undivided(&g);
		render_ruler(pen, g.x, g.end_y + 1, gpu->compute_slices, g.slice);
	} else {
		draw_whole(&g);
	}
	render_end(pen);
}
