/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "plan/table.h"

/* Tables: the slots of a board or of a GPU instance, and which of them exclude each other. */

mig_profiles mig_profiles_all(const struct mig_board *board)
{
	return (mig_profiles)((UINT64_C(1) << board->n_gi) - 1);
}

mig_profiles mig_profiles_plain(const struct mig_board *board)
{
	const struct mig_gi_profile *p, *q;
	mig_profiles plain = 0;
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
			plain |= (mig_profiles)1 << i;
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
	/*
	 * One set of media engines: +me has its JPEG and OFA (a second one was refused on hardware,
	 * Insufficient Resources), +me.all has even the decoders of the others (nvml.h: only -me
	 * profiles can be created beside it).
	 */
	if (a->media == MIG_MEDIA_ME && b->media == MIG_MEDIA_ME)
		return false;
	if (a->media == MIG_MEDIA_ME_ALL)
		return b->media == MIG_MEDIA_NO_ME;
	if (b->media == MIG_MEDIA_ME_ALL)
		return a->media == MIG_MEDIA_NO_ME;
	return true;
}

static uint64_t span(unsigned start, unsigned size)
{
	return (size < 64 ? (UINT64_C(1) << size) - 1 : UINT64_MAX) << start;
}

/* Slots come in from outside: from NVML, a board file or a recording. */
static int add_slot(struct mig_plan_table *t, unsigned profile, unsigned start, unsigned size,
		    struct mig_error *reterr)
{
	struct mig_slot *slot = &t->slot[t->n_slots];

	if (!size || start + size > t->units)
		return mig_fail(reterr, -EINVAL, "%s: %s at %u, %u long, leaves the %u units",
				t->what, t->name[profile], start, size, t->units);
	if (t->n_slots == MIG_PLAN_MAX_SLOTS)
		return mig_fail(reterr, -EINVAL, "%s: more than %d placements; that is no GPU",
				t->what, MIG_PLAN_MAX_SLOTS);
	if (t->at[profile][start] >= 0)
		return mig_fail(reterr, -EINVAL, "%s: %s has the start %u twice", t->what,
				t->name[profile], start);
	slot->profile = (uint8_t)profile;
	slot->start = (uint8_t)start;
	slot->size = (uint8_t)size;
	slot->slices = t->slices_of[profile];
	t->at[profile][start] = 0;
	t->n_slots++;
	return 0;
}

/* By start, then by the order of -lgip: the order of all ties. */
static void number_slots(struct mig_plan_table *t)
{
	struct mig_slot slot;
	unsigned k;

	for (unsigned i = 1; i < t->n_slots; i++) {
		slot = t->slot[i];
		for (k = i; k > 0; k--) {
			const struct mig_slot *q = &t->slot[k - 1];

			if (q->start < slot.start ||
			    (q->start == slot.start && q->profile < slot.profile))
				break;
			t->slot[k] = *q;
		}
		t->slot[k] = slot;
	}
	for (unsigned i = 0; i < t->n_slots; i++) {
		t->at[t->slot[i].profile][t->slot[i].start] = (int16_t)i;
		t->of_profile[t->slot[i].profile] |= plan_bit(i);
		t->units_of[i] = span(t->slot[i].start, t->slot[i].size);
	}
}

static void relate_slots(struct mig_plan_table *t)
{
	for (unsigned i = 0; i < t->n_slots; i++) {
		for (unsigned k = 0; k < t->n_slots; k++) {
			unsigned a = t->slot[i].profile, b = t->slot[k].profile;

			if (t->units_of[i] & t->units_of[k])
				t->overlaps[i] |= plan_bit(k);
			if ((t->rivals[a] >> b & 1) || (a == b && t->total[a] <= 1))
				t->excludes[i] |= plan_bit(k);
		}
		t->excludes[i] |= t->overlaps[i];
	}
}

static struct mig_plan_table *table_alloc(struct mig_error *reterr)
{
	struct mig_plan_table *t = calloc(1, sizeof(*t));

	if (!t) {
		mig_fail(reterr, -ENOMEM, "out of memory for the tables of the planner");
		return NULL;
	}
	memset(t->at, -1, sizeof(t->at));
	return t;
}

static void table_freep(struct mig_plan_table **t)
{
	mig_plan_table_free(*t);
}

#define _cleanup_table_ _cleanup_(table_freep)

/* What is common to both kinds once slots, rules and pairs stand. */
static int finish(struct mig_plan_table *t, struct mig_error *reterr)
{
	int r;

	relate_slots(t);
	r = plan_make_rows(t);
	if (r == -E2BIG)
		return mig_fail(reterr, -EINVAL, "%s: more than %d layouts; that is no GPU",
				t->what, PLAN_MAX_LAYOUTS);
	if (r >= 0)
		r = plan_make_sets(t);
	if (r >= 0)
		r = plan_make_choices(t);
	if (r >= 0)
		r = plan_count_masks(t);
	if (r < 0)
		return mig_fail(reterr, r, "%s: out of memory for its layouts", t->what);
	return 0;
}

/*
 * The driver weighs a start by all pairs of profile and start that stay free, also of profiles that
 * this table leaves out.
 */
static int weigh_pairs(struct mig_plan_table *t, const struct mig_board *board,
		       struct mig_error *reterr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < board->n_gi; i++) {
		const struct mig_gi_profile *p = &board->gi[i];

		for (unsigned s = 0; s < p->n_starts; s++, n++) {
			uint64_t pair;

			if (n == 64)
				return mig_fail(reterr, -EINVAL,
						"%s: more than 64 placements; that is no GPU",
						t->what);
			if (p->starts[s] >= 64)
				continue;
			pair = span(p->starts[s], p->size);
			t->pairs |= UINT64_C(1) << n;
			for (unsigned k = 0; k < t->n_slots; k++)
				if (t->units_of[k] & pair)
					t->covers[k] |= UINT64_C(1) << n;
		}
	}
	return 0;
}

/* A GH200 put profile 15 at 4, 0, 2; see doc/unconfirmed.md, placement-1g-double. */
static bool middle_first(const struct mig_board *board, const struct mig_gi_profile *p)
{
	return board->units == 8 && !board->mode_needs_reset && p->slices == 1 && p->size == 2;
}

static int take_profile(struct mig_plan_table *t, const struct mig_board *board, unsigned i,
			bool counts, struct mig_error *reterr)
{
	const struct mig_gi_profile *p = &board->gi[i];
	int r = 0;

	snprintf(t->name[i], sizeof(t->name[i]), "%.*s", MIG_PROFILE_NAME - 1, p->name);
	t->total[i] = counts ? p->total : 0;
	t->slices_of[i] = p->slices;
	t->size_of[i] = p->size;
	t->choice[i] = middle_first(board, p) ? PLAN_CHOICE_MIDDLE_FIRST : PLAN_CHOICE_MOST_ROOM;
	for (unsigned k = 0; k < board->n_gi; k++)
		if (!may_share(board, p, &board->gi[k]))
			t->rivals[i] |= (mig_profiles)1 << k;
	if (p->n_starts > MIG_MAX_STARTS)
		return mig_fail(reterr, -EINVAL, "%s: %s has %u starts, at most %d", t->what,
				t->name[i], p->n_starts, MIG_MAX_STARTS);
	for (unsigned s = 0; counts && p->total && s < p->n_starts && r >= 0; s++)
		r = add_slot(t, i, p->starts[s], p->size, reterr);
	return r;
}

int mig_plan_table_new(const struct mig_board *board, mig_profiles profiles,
		       struct mig_plan_table **ret, struct mig_error *reterr)
{
	_cleanup_table_ struct mig_plan_table *t = table_alloc(reterr);
	int r = 0;

	if (!t)
		return -ENOMEM;
	snprintf(t->what, sizeof(t->what), "%.31s", board->key[0] ? board->key : "board");
	if (board->n_gi > MIG_MAX_GI_PROFILES || !board->units || board->units > 64)
		return mig_fail(reterr, -EINVAL,
				"%s: %u profiles on %u placement units; that is "
				"no GPU",
				t->what, board->n_gi, board->units);
	if (profiles & ~mig_profiles_all(board))
		return mig_fail(reterr, -EINVAL, "%s has %u profiles; others were asked for",
				t->what, board->n_gi);
	t->n_profiles = board->n_gi;
	t->units = board->units;
	t->slices = board->compute_slices;
	/* Placements alone keep instances within the compute slices (1g ends at 6, 2g at 5). */
	t->max_slices = UINT32_MAX;
	t->max_instances = MIG_MAX_GI;
	for (unsigned i = 0; i < board->n_gi && r >= 0; i++)
		r = take_profile(t, board, i, profiles >> i & 1, reterr);
	if (r < 0)
		return r;
	number_slots(t);
	r = weigh_pairs(t, board, reterr);
	if (r >= 0)
		r = finish(t, reterr);
	if (r >= 0)
		*ret = TAKE_PTR(t);
	return r;
}

/*
 * Spans on whole multiples of their size: Hopper and later, where the driver chooses as for GPU
 * instances. Up to Ampere a span may start anywhere, and the lowest free one is taken. Both rules
 * are those of NVIDIA's open kernel modules; a GI in which they differ has spans that tell.
 */
static bool aligned(const struct mig_plan_table *t)
{
	for (unsigned i = 0; i < t->n_slots; i++)
		if (t->slot[i].start % t->slot[i].size)
			return false;
	return true;
}

int mig_plan_table_new_ci(const struct mig_gi_profile *gi, const struct mig_slot *slots, unsigned n,
			  struct mig_plan_table **ret, struct mig_error *reterr)
{
	_cleanup_table_ struct mig_plan_table *t = table_alloc(reterr);
	int r = 0;

	if (!t)
		return -ENOMEM;
	snprintf(t->what, sizeof(t->what), "%.*s", MIG_PROFILE_NAME - 1, gi->name);
	if (gi->n_ci > MIG_MAX_CI_PROFILES)
		return mig_fail(reterr, -EINVAL, "%s: %u compute instance profiles, at most %d",
				t->what, gi->n_ci, MIG_MAX_CI_PROFILES);
	t->n_profiles = gi->n_ci;
	t->units = 64;
	t->slices = t->max_slices = gi->slices;
	t->max_instances = MIG_MAX_CI;
	for (unsigned i = 0; i < gi->n_ci; i++) {
		snprintf(t->name[i], sizeof(t->name[i]), "%.*s", MIG_PROFILE_NAME - 1,
			 gi->ci[i].name);
		t->total[i] = gi->ci[i].total;
		t->slices_of[i] = gi->ci[i].slices;
		t->size_of[i] = gi->ci[i].span;
	}
	for (unsigned i = 0; i < n && r >= 0; i++) {
		if (slots[i].profile >= gi->n_ci)
			return mig_fail(reterr, -EINVAL, "%s has no compute instance profile %u",
					t->what, slots[i].profile);
		t->size_of[slots[i].profile] = slots[i].size;
		if (t->total[slots[i].profile])
			r = add_slot(t, slots[i].profile, slots[i].start, slots[i].size, reterr);
	}
	if (r < 0)
		return r;
	number_slots(t);
	t->units = 0;
	for (unsigned i = 0; i < t->n_slots; i++)
		if (t->slot[i].start + t->slot[i].size > (int)t->units)
			t->units = t->slot[i].start + (unsigned)t->slot[i].size;
	for (unsigned i = 0; i < t->n_profiles; i++)
		t->choice[i] = aligned(t) ? PLAN_CHOICE_MOST_ROOM : PLAN_CHOICE_LOWEST;
	for (unsigned i = 0; i < t->n_slots; i++) {
		t->pairs |= plan_bit(i);
		for (unsigned k = 0; k < t->n_slots; k++)
			if (t->units_of[i] & t->units_of[k])
				t->covers[i] |= plan_bit(k);
	}
	r = finish(t, reterr);
	if (r >= 0)
		*ret = TAKE_PTR(t);
	return r;
}

void mig_plan_table_free(struct mig_plan_table *table)
{
	if (!table)
		return;
	free(table->row);
	free(table->row_hash);
	free(table->set);
	free(table->set_hash);
	free(table->by_sum);
	free(table->grouped);
	free(table->remaining);
	free(table->chosen);
	free(table);
}

unsigned mig_plan_n_slots(const struct mig_plan_table *table)
{
	return table->n_slots;
}

const struct mig_slot *mig_plan_slot(const struct mig_plan_table *table, unsigned slot)
{
	return slot < table->n_slots ? &table->slot[slot] : NULL;
}

int mig_plan_slot_at(const struct mig_plan_table *table, unsigned profile, unsigned start)
{
	return profile < table->n_profiles && start < 64 ? table->at[profile][start] : -1;
}

size_t mig_plan_n_layouts(const struct mig_plan_table *table)
{
	return table->n_rows;
}

mig_slots mig_plan_layout(const struct mig_plan_table *table, size_t i)
{
	return i < table->n_rows ? table->row[i].slots : 0;
}

bool mig_plan_is_layout(const struct mig_plan_table *table, mig_slots slots)
{
	return plan_find(table, slots) != PLAN_NONE;
}

mig_slots mig_plan_excludes(const struct mig_plan_table *table, unsigned slot)
{
	return slot < table->n_slots ? table->excludes[slot] : 0;
}

mig_slots mig_plan_free(const struct mig_plan_table *table, mig_slots now)
{
	uint32_t row = plan_find(table, now);

	return row == PLAN_NONE ? 0 : table->row[row].free;
}

unsigned mig_plan_room(const struct mig_plan_table *table, mig_slots now)
{
	uint32_t row = plan_find(table, now);

	return row == PLAN_NONE ? 0 : table->row[row].room;
}

struct mig_counts mig_plan_counts(const struct mig_plan_table *table, mig_slots slots)
{
	struct mig_counts counts = { 0 };
	unsigned slot;

	PLAN_EACH(slot, slots)
	if (slot < table->n_slots)
		counts.n[table->slot[slot].profile]++;
	return counts;
}

unsigned plan_sum(const struct mig_plan_table *t, const struct mig_counts *counts,
		  unsigned *ret_units, unsigned *ret_slices)
{
	unsigned sum = 0, units = 0, slices = 0;

	for (unsigned i = 0; i < t->n_profiles; i++) {
		sum += counts->n[i];
		units += counts->n[i] * (unsigned)t->size_of[i];
		slices += counts->n[i] * (unsigned)t->slices_of[i];
	}
	*ret_units = units;
	*ret_slices = slices;
	return sum;
}
