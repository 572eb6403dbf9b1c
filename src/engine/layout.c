/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "observe/observe.h"

static void take_cis(const struct mig_gi_profile *p, const struct mig_gi *gi, struct engine_gi *ret)
{
	for (unsigned i = 0; i < gi->n_ci; i++) {
		const struct mig_ci *ci = &gi->ci[i];
		struct engine_ci *to = &ret->ci[ret->n_ci++];

		*to = (struct engine_ci){ .id = ci->id, .start = ci->start, .size = ci->size };
		to->profile_id = ci->profile < p->n_ci ? p->ci[ci->profile].id : UINT8_MAX;
		memcpy(to->name, ci->name, sizeof(to->name));
	}
}

int engine_layout_of(const struct mig_gpu *gpu, struct engine_layout *ret, struct mig_error *reterr)
{
	*ret = (struct engine_layout){ 0 };
	if (gpu->status)
		return observe_gpu_answers(gpu, reterr);
	if (gpu->gi_status && gpu->mode == MIG_MODE_ON)
		return mig_fail(reterr, -EACCES, "the instances of GPU %u cannot be read (%s)",
				gpu->index, observe_status_name(gpu->gi_status));
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];
		struct engine_gi *to = &ret->gi[ret->n_gi++];

		if (gi->profile >= gpu->board.n_gi || gi->start == MIG_START_UNKNOWN)
			return mig_fail(reterr, -EIO,
					"the driver does not say where GPU instance %u of GPU %u "
					"lies, or of which profile it is",
					gi->id, gpu->index);
		if (gi->ci_status)
			return mig_fail(reterr, -EIO,
					"the compute instances of GPU instance %u of GPU %u cannot "
					"be read (%s)",
					gi->id, gpu->index, observe_status_name(gi->ci_status));
		*to = (struct engine_gi){ .id = gi->id, .start = gi->start, .size = gi->size };
		to->profile_id = gpu->board.gi[gi->profile].id;
		memcpy(to->name, gpu->board.gi[gi->profile].name, sizeof(to->name));
		take_cis(&gpu->board.gi[gi->profile], gi, to);
	}
	return 0;
}

struct engine_gi *engine_find_gi(struct engine_layout *layout, unsigned profile_id, unsigned start)
{
	for (uint32_t i = 0; i < layout->n_gi; i++)
		if (layout->gi[i].profile_id == profile_id && layout->gi[i].start == start)
			return &layout->gi[i];
	return NULL;
}

static const struct engine_gi *find_gi(const struct engine_layout *l, const struct engine_gi *like)
{
	for (uint32_t i = 0; i < l->n_gi; i++)
		if (l->gi[i].profile_id == like->profile_id && l->gi[i].start == like->start)
			return &l->gi[i];
	return NULL;
}

static bool has_ci(const struct engine_gi *gi, const struct engine_ci *like)
{
	for (unsigned i = 0; gi && i < gi->n_ci; i++)
		if (gi->ci[i].profile_id == like->profile_id && gi->ci[i].start == like->start)
			return true;
	return false;
}

static bool contains(const struct engine_layout *a, const struct engine_layout *b)
{
	for (uint32_t i = 0; i < b->n_gi; i++) {
		const struct engine_gi *gi = find_gi(a, &b->gi[i]);

		if (!gi || gi->n_ci != b->gi[i].n_ci)
			return false;
		for (unsigned c = 0; c < b->gi[i].n_ci; c++)
			if (!has_ci(gi, &b->gi[i].ci[c]))
				return false;
	}
	return true;
}

bool engine_layout_same(const struct engine_layout *a, const struct engine_layout *b)
{
	return a->n_gi == b->n_gi && contains(a, b);
}

static void add(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void add(char *buf, size_t size, const char *fmt, ...)
{
	size_t at = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + at, size - at, fmt, ap);
	va_end(ap);
}

const char *engine_layout_text(const struct engine_layout *l, char *buf, size_t size)
{
	snprintf(buf, size, "%s", l->n_gi ? "" : "no instances");
	for (uint32_t i = 0; i < l->n_gi; i++) {
		const struct engine_gi *gi = &l->gi[i];

		add(buf, size, "%s%s", i ? " " : "", gi->name);
		if (gi->start != ENGINE_ANYWHERE)
			add(buf, size, "@%u", gi->start);
		/* The one that fills the instance is not worth a word. */
		if (gi->n_ci == 1 && !strcmp(gi->ci[0].name, gi->name))
			continue;
		add(buf, size, gi->n_ci ? " (" : " (none");
		for (unsigned c = 0; c < gi->n_ci; c++)
			add(buf, size, "%s%s@%u", c ? " " : "", gi->ci[c].name, gi->ci[c].start);
		add(buf, size, ")");
	}
	return buf;
}

/* --- from one layout to another --------------------------------------------------------------- */

struct list {
	struct engine_step *step;
	unsigned n;
	uint8_t gpu;
};

static void push(struct list *l, enum engine_do what, const struct engine_gi *gi,
		 const struct engine_ci *ci)
{
	struct engine_step *s = &l->step[l->n++];

	*s = (struct engine_step){ .what = (uint8_t)what, .gpu = l->gpu };
	s->gi = (struct engine_gi){
		.id = gi->id, .start = gi->start, .size = gi->size, .profile_id = gi->profile_id
	};
	memcpy(s->gi.name, gi->name, sizeof(s->gi.name));
	if (ci)
		s->ci = *ci;
}

/* Compute instances go first: a GPU instance goes only when it has none. */
static void push_destroys(struct list *l, const struct engine_layout *now,
			  const struct engine_layout *to, const struct engine_layout *other)
{
	for (uint32_t i = 0; i < now->n_gi; i++) {
		const struct engine_gi *gi = &now->gi[i];
		const struct engine_gi *theirs = find_gi(other, gi), *wanted = find_gi(to, gi);

		if (!theirs)
			continue;
		for (unsigned c = 0; c < gi->n_ci; c++)
			if (has_ci(theirs, &gi->ci[c]) && !has_ci(wanted, &gi->ci[c]))
				push(l, ENGINE_DESTROY_CI, gi, &gi->ci[c]);
		if (!wanted)
			push(l, ENGINE_DESTROY_GI, gi, NULL);
	}
}

static void push_creates(struct list *l, const struct engine_layout *now,
			 const struct engine_layout *to, const struct engine_layout *other)
{
	for (uint32_t i = 0; i < to->n_gi; i++) {
		const struct engine_gi *gi = &to->gi[i];
		const struct engine_gi *there = find_gi(now, gi), *theirs = find_gi(other, gi);

		if (!there && theirs)
			continue; /* it was not ours to make, and somebody else took it away */
		if (!there)
			push(l, ENGINE_CREATE_GI, gi, NULL);
		for (unsigned c = 0; c < gi->n_ci; c++)
			if (!has_ci(there, &gi->ci[c]) && !has_ci(theirs, &gi->ci[c]))
				push(l, ENGINE_CREATE_CI, gi, &gi->ci[c]);
	}
}

unsigned engine_steps(unsigned gpu, const struct engine_layout *now, const struct engine_layout *to,
		      const struct engine_layout *other, struct engine_step *ret)
{
	struct list l = { .step = ret, .gpu = (uint8_t)gpu };

	push_destroys(&l, now, to, other);
	push_creates(&l, now, to, other);
	return l.n;
}
