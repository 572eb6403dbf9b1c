/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/util.h"
#include "plan/layouts.h"

plan_profiles plan_profiles_all(const struct mig_board *board)
{
	return (plan_profiles)((UINT64_C(1) << board->n_gi) - 1);
}

plan_profiles plan_profiles_plain(const struct mig_board *board)
{
	const struct mig_gi_profile *p, *q;
	plan_profiles plain = 0;
	bool least;

	for (unsigned i = 0; i < board->n_gi; i++) {
		p = &board->gi[i];
		least = p->media == MIG_MEDIA_PLAIN;
		for (unsigned k = 0; k < board->n_gi; k++) {
			q = &board->gi[k];
			if (q->media == MIG_MEDIA_PLAIN && q->slices == p->slices &&
			    q->size < p->size)
				least = false;
		}
		if (least)
			plain |= (plan_profiles)1 << i;
	}
	return plain;
}

/* Whether two profiles may stand on one board at all, wherever they are. */
static bool may_share(const struct mig_board *board, const struct mig_gi_profile *a,
		      const struct mig_gi_profile *b)
{
	unsigned slices = (unsigned)a->slices * 16 + b->slices;

	/* Drivers before R510 refuse a 4g beside a 3g though their slices don't overlap. */
	if (!board->gi_beside_4g3g && (slices == 0x43 || slices == 0x34))
		return false;
	/* One set of media engines: +me has it, +me.all has even the decoders of the others. */
	if (a->media == MIG_MEDIA_ME && b->media == MIG_MEDIA_ME)
		return false;
	if (a->media == MIG_MEDIA_ME_ALL)
		return b->media == MIG_MEDIA_NO_ME;
	if (b->media == MIG_MEDIA_ME_ALL)
		return a->media == MIG_MEDIA_NO_ME;
	return true;
}

bool plan_fits(const struct mig_board *board, const struct plan_layout *layout, unsigned profile,
	       unsigned start)
{
	const struct mig_gi_profile *p = &board->gi[profile], *q;
	unsigned same = 0;
	bool known = false;

	for (unsigned i = 0; i < p->n_starts; i++)
		known |= p->starts[i] == start;
	if (!known || layout->n == MIG_MAX_GI)
		return false;
	for (unsigned i = 0; i < layout->n; i++) {
		q = &board->gi[layout->slot[i].profile];
		if (start < layout->slot[i].start + (unsigned)q->size &&
		    layout->slot[i].start < start + p->size)
			return false;
		if (!may_share(board, p, q))
			return false;
		same += layout->slot[i].profile == profile;
	}
	return same < p->total;
}

bool plan_is_maximal(const struct mig_board *board, plan_profiles profiles,
		     const struct plan_layout *layout)
{
	for (unsigned i = 0; i < board->n_gi; i++) {
		if (!(profiles & (plan_profiles)1 << i))
			continue;
		for (unsigned k = 0; k < board->gi[i].n_starts; k++)
			if (plan_fits(board, layout, i, board->gi[i].starts[k]))
				return false;
	}
	return true;
}

struct search {
	const struct mig_board *board;
	plan_profiles profiles;
	bool only_maximal;
	uint8_t order[MIG_MAX_GI_PROFILES]; /* positions, larger profiles first */
	unsigned n_order;
	struct plan_layout now;
	struct plan_layout *found;
	size_t n, cap;
};

static int keep(struct search *s)
{
	struct plan_layout *more;
	size_t cap;

	if (!s->now.n || (s->only_maximal && !plan_is_maximal(s->board, s->profiles, &s->now)))
		return 0;
	if (s->n == s->cap) {
		cap = s->cap ? 2 * s->cap : 64;
		more = realloc(s->found, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->found = more;
		s->cap = cap;
	}
	s->found[s->n++] = s->now;
	return 0;
}

/* Everything that can stand from this unit on: each instance that starts here, then none. */
static int visit(struct search *s, unsigned unit)
{
	unsigned profile;
	int r;

	if (unit >= s->board->units)
		return keep(s);
	for (unsigned i = 0; i < s->n_order; i++) {
		profile = s->order[i];
		if (!plan_fits(s->board, &s->now, profile, unit))
			continue;
		s->now.slot[s->now.n++] = (struct plan_slot){ (uint8_t)profile, (uint8_t)unit };
		r = visit(s, unit + s->board->gi[profile].size);
		s->now.n--;
		if (r < 0)
			return r;
	}
	return visit(s, unit + 1);
}

static bool larger(const struct mig_gi_profile *a, const struct mig_gi_profile *b)
{
	return a->slices != b->slices ? a->slices > b->slices : a->size > b->size;
}

/* Insertion keeps equal ones in the order of -lgip. */
static void sort_profiles(struct search *s)
{
	unsigned k;

	for (unsigned i = 0; i < s->board->n_gi; i++) {
		if (!(s->profiles & (plan_profiles)1 << i))
			continue;
		for (k = s->n_order; k > 0; k--) {
			if (!larger(&s->board->gi[i], &s->board->gi[s->order[k - 1]]))
				break;
			s->order[k] = s->order[k - 1];
		}
		s->order[k] = (uint8_t)i;
		s->n_order++;
	}
}

int plan_layouts(const struct mig_board *board, plan_profiles profiles, bool only_maximal,
		 struct plan_layout **ret, size_t *ret_n, struct mig_error *reterr)
{
	struct search s = { .board = board, .profiles = profiles, .only_maximal = only_maximal };

	sort_profiles(&s);
	if (visit(&s, 0) < 0) {
		free(s.found);
		return mig_fail(reterr, -ENOMEM, "out of memory for the layouts of %s", board->key);
	}
	*ret = s.found;
	*ret_n = s.n;
	return 0;
}
