/* SPDX-License-Identifier: Apache-2.0 */
#include "render/render.h"

/*
 * A plan as stages over one ruler:
 *
 *           0       1       2       3       4       5       6       7
 *         +-------------------------------+---------------+-------+-------+
 *  before | 3g.40gb                       | 2g.20gb       | free  | free  |
 *         | GI 2                          | GI 3          |       |       |
 *         | = stays                       | - goes        |       |       |
 *         +-------------------------------+---------------+-------+-------+
 *
 * The sign in front of the word is what a page without colours and a person who does not read the
 * language have.
 */

struct stages {
	struct render_pen *pen;
	const struct render_plan *plan;
	int x;	  /* column of the left border */
	int unit; /* columns of a placement unit */
	int name_lines, id_lines, note_lines;
};

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

static const char fate_sign[] = { [RENDER_STAYS] = '=', [RENDER_GOES] = '-', [RENDER_COMES] = '+' };

static const char *const fate_class
	[] = { [RENDER_STAYS] = "stays", [RENDER_GOES] = "goes", [RENDER_COMES] = "comes" };

static const char *fate_word(const struct render_plan_words *words, unsigned fate)
{
	const char *const word[] = { [RENDER_STAYS] = words->stays,
				     [RENDER_GOES] = words->goes,
				     [RENDER_COMES] = words->comes };

	return word[fate];
}

static enum render_style fate_style(const struct render_plan_block *block)
{
	if (block->fate == RENDER_COMES)
		return RENDER_GOOD;
	if (block->fate == RENDER_GOES)
		return RENDER_HERE;
	return (enum render_style)(RENDER_TINT + block->start % RENDER_N_TINTS);
}

/* Why it must stay: a process counts more than a wish. */
static const char *note_of(const struct render_plan_words *words,
			   const struct render_plan_block *block)
{
	if (block->busy)
		return words->busy;
	return block->pinned ? words->pinned : NULL;
}

static void count_lines(struct stages *s)
{
	s->name_lines = 1;
	for (unsigned i = 0; i < s->plan->n; i++) {
		const struct render_stage *stage = &s->plan->stage[i];

		for (unsigned b = 0; b < stage->n; b++) {
			const struct render_plan_block *block = &stage->block[b];

			s->name_lines = max_int(
				s->name_lines, render_put_name(s->pen, 0, -1, block->size * s->unit,
							       block->name, RENDER_PLAIN));
			if (block->gi >= 0)
				s->id_lines = 1;
			if (note_of(s->plan->words, block))
				s->note_lines = 1;
		}
	}
}

static void draw_block(const struct stages *s, const struct render_plan_block *block, int y, int h)
{
	const struct render_plan_words *words = s->plan->words;
	enum render_style style = fate_style(block);
	int x = s->x + block->start * s->unit, w = block->size * s->unit;
	const char *note = note_of(words, block);
	char text[64], title[128], place[16];

	if (block->gi >= 0)
		snprintf(text, sizeof(text), "GI %d, ", block->gi);
	else
		text[0] = 0;
	snprintf(title, sizeof(title), "%s%s at %s, %s%s%s", text, block->name,
		 render_place(place, block->start, block->size), fate_word(words, block->fate),
		 note ? ", " : "", note ? note : "");
	render_begin(s->pen, &(struct render_part){ .kind = "block",
						    .number = block->start,
						    .state = fate_class[block->fate],
						    .title = title,
						    .profile = block->name,
						    .start = block->start,
						    .size = block->size });
	s->pen->ops->box(s->pen, x, y, w + 1, h, style);
	y++;
	render_put_name(s->pen, x, y, w, block->name, style);
	y += s->name_lines;
	if (block->gi >= 0) {
		snprintf(text, sizeof(text), "GI %d", block->gi);
		render_put_in_box(s->pen, x, y, w, text, style);
	}
	y += s->id_lines;
	snprintf(text, sizeof(text), "%c %s", fate_sign[block->fate],
		 fate_word(words, block->fate));
	render_put_in_box(s->pen, x, y, w, text, style);
	if (note)
		render_put_in_box(s->pen, x, y + 1, w, note, RENDER_STRONG);
	render_end(s->pen);
}

/* Free memory, a box for each slice or what is left of it: being free together is not being one. */
static void draw_free(const struct stages *s, uint32_t taken, int y, int h)
{
	unsigned units = s->plan->units, per_slice = units / s->plan->memory_slices, end;

	for (unsigned u = 0; u < units; u = end) {
		int x = s->x + (int)u * s->unit, w;

		end = u + 1;
		if (taken & 1u << u)
			continue;
		while (end < units && end % per_slice && !(taken & 1u << end))
			end++;
		w = (int)(end - u) * s->unit;
		render_begin(s->pen, &(struct render_part){ .kind = "free",
							    .number = (int)u,
							    .start = (int)u,
							    .size = (int)(end - u) });
		s->pen->ops->box(s->pen, x, y, w + 1, h, RENDER_FAINT);
		render_put_in_box(s->pen, x, y + 1, w, s->plan->words->free, RENDER_FAINT);
		render_end(s->pen);
	}
}

static void draw_stage(const struct stages *s, unsigned row, int y, int h)
{
	const struct render_stage *stage = &s->plan->stage[row];
	uint32_t taken = 0;

	for (unsigned b = 0; b < stage->n; b++)
		taken |= ((1u << stage->block[b].size) - 1) << stage->block[b].start;
	render_begin(s->pen, &(struct render_part){
				     .kind = "stage", .number = (int)row, .title = stage->label });
	s->pen->ops->text(s->pen, 0, y + 1, stage->label, RENDER_STRONG);
	draw_free(s, taken, y, h);
	for (unsigned b = 0; b < stage->n; b++)
		draw_block(s, &stage->block[b], y, h);
	render_end(s->pen);
}

void render_plan(struct render_pen *pen, const void *what)
{
	const struct render_plan *plan = what;
	struct stages s = { .pen = pen, .plan = plan };
	int y = 0, h;

	for (unsigned i = 0; i < plan->n; i++)
		s.x = max_int(s.x, pen->ops->text_width(pen, plan->stage[i].label) + 1);
	s.unit = render_unit_columns(
		plan->units,
		plan->columns ? (unsigned)max_int((int)plan->columns - s.x - 1, 1) : 0);
	count_lines(&s);
	h = s.name_lines + s.id_lines + s.note_lines + 3; /* two borders, what becomes of it */
	if (plan->title)
		pen->ops->text(pen, s.x, y++, plan->title, RENDER_STRONG);
	render_ruler(pen, s.x, y++, plan->units, s.unit);
	for (unsigned i = 0; i < plan->n; i++, y += h)
		draw_stage(&s, i, y, h);
}
