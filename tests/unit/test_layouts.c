/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "model/boards.h"
#include "plan/layouts.h"
#include "unit/check.h"

/*
 * The enumeration against a brute force that knows nothing of it (every subset of all placements,
 * checked pair by pair), against the published counts, and its order against NVIDIA's figure.
 */

static struct mig_board board_of(const char *key, const char *driver)
{
	struct mig_error err = { 0 };
	struct mig_board b;

	CHECK(mig_board_find(key));
	CHECK_EQ(mig_board_resolve(mig_board_find(key), driver, &b, &err), 0);
	return b;
}

static plan_profiles ids(const struct mig_board *b, const int *list, int n)
{
	plan_profiles set = 0;

	for (unsigned i = 0; i < b->n_gi; i++)
		for (int k = 0; k < n; k++)
			if (b->gi[i].id == list[k])
				set |= (plan_profiles)1 << i;
	return set;
}

#define IDS(b, ...) \
	ids(b, (const int[]){ __VA_ARGS__ }, (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)))

static size_t count(const struct mig_board *b, plan_profiles set, bool maximal)
{
	struct plan_layout *v = NULL;
	size_t n = 0;

	CHECK_EQ(plan_layouts(b, set, maximal, &v, &n, NULL), 0);
	free(v);
	return n;
}

/* The other way: all placements in a row, each taken or not. */
struct brute {
	struct {
		unsigned mask, profile, slices;
		enum mig_media media;
	} p[64];
	unsigned n;
	bool beside;
	unsigned chosen[64], n_chosen;
	size_t all, maximal;
};

static bool brute_clash(const struct brute *b, unsigned i, unsigned k)
{
	unsigned a = b->p[i].slices, c = b->p[k].slices;
	enum mig_media m = b->p[i].media, o = b->p[k].media;

	return (b->p[i].mask & b->p[k].mask) || (m == MIG_MEDIA_ME && o == MIG_MEDIA_ME) ||
	       (m == MIG_MEDIA_ME_ALL && o != MIG_MEDIA_NO_ME) ||
	       (o == MIG_MEDIA_ME_ALL && m != MIG_MEDIA_NO_ME) ||
	       (!b->beside && ((a == 4 && c == 3) || (a == 3 && c == 4)));
}

static bool brute_free(const struct brute *b, unsigned i)
{
	for (unsigned k = 0; k < b->n_chosen; k++)
		if (brute_clash(b, i, b->chosen[k]))
			return false;
	return true;
}

static void brute_walk(struct brute *b, unsigned i)
{
	bool room = false;

	if (i == b->n) {
		for (unsigned k = 0; k < b->n; k++)
			room |= brute_free(b, k);
		b->all += b->n_chosen > 0;
		b->maximal += b->n_chosen > 0 && !room;
		return;
	}
	brute_walk(b, i + 1);
	if (!brute_free(b, i))
		return;
	b->chosen[b->n_chosen++] = i;
	brute_walk(b, i + 1);
	b->n_chosen--;
}

static void against_brute_force(const struct mig_board *board, plan_profiles set)
{
	struct brute b = { .beside = board->gi_beside_4g3g };

	for (unsigned i = 0; i < board->n_gi; i++) {
		const struct mig_gi_profile *p = &board->gi[i];

		if (!(set & (plan_profiles)1 << i))
			continue;
		for (unsigned k = 0; k < p->n_starts; k++) {
			b.p[b.n].mask = ((1u << p->size) - 1) << p->starts[k];
			b.p[b.n].profile = i;
			b.p[b.n].slices = p->slices;
			b.p[b.n++].media = p->media;
		}
	}
	brute_walk(&b, 0);
	CHECK_EQ(count(board, set, false), b.all);
	CHECK_EQ(count(board, set, true), b.maximal);
}

static void published_counts(void)
{
	struct mig_board a100 = board_of("a100-40gb-sxm", "580.126.09");
	struct mig_board old = board_of("a100-40gb-sxm", "470.82.01");
	struct mig_board h100 = board_of("h100-80gb-sxm", "580.159.04");
	struct mig_board a30 = board_of("a30", "535.183.01");
	struct mig_board rtx = board_of("rtx-pro-6000-server", "580.105.08");
	plan_profiles plain = plan_profiles_plain(&a100);

	CHECK_EQ(plain, IDS(&a100, 19, 14, 9, 5, 0));
	CHECK_EQ(count(&a100, plain, false), 297);
	CHECK_EQ(count(&a100, plain, true), 19);
	CHECK_EQ(count(&old, plan_profiles_plain(&old), true), 18);
	CHECK_EQ(count(&a100, plain | IDS(&a100, 15), false), 722);
	CHECK_EQ(count(&a100, plain | IDS(&a100, 15), true), 78);
	CHECK_EQ(count(&a100, plain | IDS(&a100, 20), false), 1088);
	CHECK_EQ(count(&a100, plan_profiles_all(&a100), false), 2318);
	CHECK_EQ(count(&h100, plan_profiles_plain(&h100), true), 19);
	CHECK_EQ(count(&a30, plan_profiles_plain(&a30), false), 25);
	CHECK_EQ(count(&a30, plan_profiles_plain(&a30), true), 5);
	CHECK_EQ(count(&a30, plan_profiles_all(&a30), false), 75);
	/* Twelve units; tests/boards/test_every_board.py counts them by its own enumeration. */
	CHECK_EQ(count(&rtx, plan_profiles_plain(&rtx), true), 5);
	CHECK_EQ(count(&rtx, plan_profiles_all(&rtx), false), 716);
}

/* How many of each profile: one decimal digit per profile. */
static unsigned long multiset(const struct plan_layout *l)
{
	unsigned long key = 0, digit;

	for (unsigned i = 0; i < l->n; i++) {
		digit = 1;
		for (unsigned k = 0; k < l->slot[i].profile; k++)
			digit *= 10;
		key += digit;
	}
	return key;
}

static bool contained(unsigned long a, unsigned long b)
{
	for (; a; a /= 10, b /= 10)
		if (a % 10 > b % 10)
			return false;
	return true;
}

static void multisets(const char *key, plan_profiles (*set)(const struct mig_board *), bool with_15,
		      size_t distinct, size_t outer)
{
	struct mig_board b = board_of(key, "580.126.09");
	plan_profiles profiles = set(&b) | (with_15 ? IDS(&b, 15) : 0);
	unsigned long seen[512];
	struct plan_layout *v = NULL;
	size_t n = 0, n_seen = 0, n_outer = 0, k;

	CHECK_EQ(plan_layouts(&b, profiles, false, &v, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		for (k = 0; k < n_seen && seen[k] != multiset(&v[i]); k++)
			;
		if (k == n_seen)
			seen[n_seen++] = multiset(&v[i]);
		CHECK(n_seen < 512);
	}
	CHECK_EQ(n_seen, distinct);
	for (size_t i = 0; i < n_seen; i++) {
		for (k = 0; k < n_seen; k++)
			if (k != i && contained(seen[i], seen[k]))
				break;
		n_outer += k == n_seen;
	}
	CHECK_EQ(n_outer, outer);
	free(v);
}

/* NVIDIA's figure: the whole, then each filling of the left half with each of the right. */
static void order_of_the_figure(void)
{
	static const char *const left[] = { "4@0",	   "3@0",	  "2@0 2@2",
					    "2@0 1@2 1@3", "1@0 1@1 2@2", "1@0 1@1 1@2 1@3" };
	static const char *const right[] = { "3@4", "2@4 1@6", "1@4 1@5 1@6" };
	struct mig_board b = board_of("a100-80gb-pcie", "515.86.01");
	struct plan_layout *v = NULL;
	char want[64], got[64];
	size_t n = 0;
	int len;

	CHECK_EQ(plan_layouts(&b, plan_profiles_plain(&b), true, &v, &n, NULL), 0);
	CHECK_EQ(n, 19);
	for (size_t i = 0; i < n; i++) {
		len = 0;
		for (unsigned k = 0; k < v[i].n; k++)
			len += snprintf(got + len, sizeof(got) - (size_t)len, "%s%u@%u",
					k ? " " : "", b.gi[v[i].slot[k].profile].slices,
					v[i].slot[k].start);
		if (i == 0)
			snprintf(want, sizeof(want), "7@0");
		else
			snprintf(want, sizeof(want), "%s %s", left[(i - 1) / 3],
				 right[(i - 1) % 3]);
		CHECK_STR(got, want);
	}
	free(v);
}

int main(void)
{
	struct mig_board b;

	published_counts();
	multisets("a100-80gb-sxm", plan_profiles_plain, false, 37, 12);
	multisets("a100-80gb-sxm", plan_profiles_plain, true, 77, 28);
	multisets("a30", plan_profiles_plain, false, 9, 4);
	order_of_the_figure();
	for (unsigned i = 0; mig_board_at(i); i++) {
		b = board_of(mig_board_at(i)->key, "580.126.09");
		against_brute_force(&b, plan_profiles_plain(&b));
		against_brute_force(&b, plan_profiles_all(&b));
	}
	b = board_of("a100-80gb-pcie", "470.82.01");
	against_brute_force(&b, plan_profiles_all(&b));
	return 0;
}
