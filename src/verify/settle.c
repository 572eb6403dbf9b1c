/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "verify/verify.h"

/*
 * Which value of each switch a GPU agrees with. Nothing here knows what a switch is about: a value
 * is judged by the answers that it changes. Switches can hide each other (where an instance goes
 * decides what fits beside it), so the values that agree with most answers are looked for together,
 * one switch after the other, until none gets better.
 */

#define ROUNDS 3

struct search {
	const struct verify_transcript *gpu;
	const struct verify_switch *sw;
	unsigned n;
	verify_reference_fn reference;
	void *arg;
	struct mig_error *reterr;
	uint8_t best[VERIFY_MAX_SWITCHES];
	struct verify_verdict *verdict;
};

static int ask(struct search *s, const uint8_t *value, const struct verify_transcript **ret)
{
	return s->reference(s->arg, value, ret, s->reterr);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static size_t agreement(const struct verify_transcript *gpu, const struct verify_transcript *ref)
{
	size_t n = 0, hint = 0;

	for (size_t i = 0; i < gpu->n; i++)
		n += same(verify_answer(ref, gpu->record[i].what, &hint), gpu->record[i].answer);
	return n;
}

/* Takes the value of one switch that agrees with most; 1: it is another one than before. */
static int improve(struct search *s, unsigned k)
{
	uint8_t value[VERIFY_MAX_SWITCHES], was = s->best[k];
	const struct verify_transcript *ref;
	size_t most;
	int r;

	memcpy(value, s->best, sizeof(value));
	r = ask(s, value, &ref);
	if (r < 0)
		return r;
	most = agreement(s->gpu, ref);
	for (unsigned v = 0; v < s->sw[k].n; v++) {
		size_t n;

		value[k] = (uint8_t)v;
		if (v == was)
			continue;
		r = ask(s, value, &ref);
		if (r < 0)
			return r;
		n = agreement(s->gpu, ref);
		if (n <= most)
			continue;
		most = n;
		s->best[k] = (uint8_t)v;
	}
	return s->best[k] != was;
}

static int find_best(struct search *s)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool better = false;

		for (unsigned k = 0; k < s->n; k++) {
			int r = s->sw[k].n > 1 ? improve(s, k) : 0;

			if (r < 0)
				return r;
			better = better || r > 0;
		}
		if (!better)
			break;
	}
	return 0;
}

/* --- one switch ------------------------------------------------------------------------------- */

/* Whether the values lead to different transcripts at all. */
static bool differ(const struct verify_transcript *const *ref, unsigned n)
{
	for (unsigned v = 1; v < n; v++) {
		if (ref[v]->n != ref[0]->n || agreement(ref[0], ref[v]) != ref[0]->n)
			return true;
	}
	return false;
}

static void count(const struct verify_transcript *gpu, const struct verify_transcript *const *ref,
		  unsigned n, struct verify_ruling *ret)
{
	size_t hint[VERIFY_MAX_VALUES] = { 0 };

	for (size_t i = 0; i < gpu->n; i++) {
		const struct verify_record *q = &gpu->record[i];
		const char *answer[VERIFY_MAX_VALUES];
		bool all = true;

		for (unsigned v = 0; v < n; v++) {
			answer[v] = verify_answer(ref[v], q->what, &hint[v]);
			all = all && same(answer[v], answer[0]);
		}
		if (all)
			continue;
		ret->asked++;
		for (unsigned v = 0; v < n; v++)
			ret->agree[v] += same(answer[v], q->answer);
	}
}

static int rule_on(struct search *s, unsigned k)
{
	const struct verify_transcript *ref[VERIFY_MAX_VALUES];
	struct verify_ruling *ret = &s->verdict->ruling[k];
	uint8_t value[VERIFY_MAX_SWITCHES];
	unsigned n = s->sw[k].n, full = 0;

	if (n < 2)
		return 0;
	memcpy(value, s->best, sizeof(value));
	for (unsigned v = 0; v < n; v++) {
		int r;

		value[k] = (uint8_t)v;
		r = ask(s, value, &ref[v]);
		if (r < 0)
			return r;
	}
	ret->value = s->best[k];
	ret->finding = VERIFY_NO_MATTER;
	if (!differ(ref, n))
		return 0;
	count(s->gpu, ref, n, ret);
	for (unsigned v = 0; v < n; v++) {
		if (ret->agree[v] < ret->asked)
			continue;
		ret->value = v;
		full++;
	}
	if (!ret->asked || full > 1)
		ret->finding = VERIFY_NOT_REACHED;
	else
		ret->finding = full ? VERIFY_SETTLED : VERIFY_NEITHER;
	return 0;
}

/* --- differences ------------------------------------------------------------------------------ */

/* The rule that, by itself or with the others, makes the simulated answer the GPU's. */
static int explain(struct search *s, struct verify_difference *d,
		   const struct verify_transcript *best)
{
	size_t hint = 0;

	d->rule = -1;
	if (!same(verify_answer(best, d->what, &hint), d->seen))
		return 0;
	for (unsigned k = 0; k < s->n; k++) {
		const struct verify_transcript *without;
		uint8_t value[VERIFY_MAX_SWITCHES];
		int r;

		if (!s->best[k] || s->sw[k].of_chip)
			continue;
		memcpy(value, s->best, sizeof(value));
		value[k] = 0;
		r = ask(s, value, &without);
		if (r < 0)
			return r;
		hint = 0;
		if (!same(verify_answer(without, d->what, &hint), d->seen)) {
			d->rule = (int)k;
			return 0;
		}
	}
	return 0;
}

static int compare(struct search *s)
{
	const struct verify_transcript *expected, *best;
	uint8_t value[VERIFY_MAX_SWITCHES] = { 0 };
	struct verify_verdict *v = s->verdict;
	size_t hint = 0;
	int r;

	for (unsigned k = 0; k < s->n; k++)
		value[k] = s->sw[k].of_chip ? s->best[k] : 0;
	r = ask(s, value, &expected);
	if (r >= 0)
		r = ask(s, s->best, &best);
	if (r < 0)
		return r;
	v->difference = calloc(s->gpu->n + 1, sizeof(*v->difference));
	if (!v->difference)
		return mig_fail(s->reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->gpu->n && r >= 0; i++) {
		const struct verify_record *q = &s->gpu->record[i];
		struct verify_difference *d = &v->difference[v->n_differences];
		const char *answer = verify_answer(expected, q->what, &hint);

		if (!answer) {
			v->not_reached++;
			continue;
		}
		v->compared++;
		if (same(answer, q->answer))
			continue;
		*d = (struct verify_difference){ q->what, q->answer, answer, -1 };
		r = explain(s, d, best);
		v->n_differences++;
	}
	v->not_reached += expected->n - v->compared;
	return r;
}

int verify_settle(const struct verify_transcript *gpu, const struct verify_switch *sw, unsigned n,
		  verify_reference_fn reference, void *arg, struct verify_verdict *ret,
		  struct mig_error *reterr)
{
	struct search s = { .gpu = gpu,
			    .sw = sw,
			    .n = n,
			    .reference = reference,
			    .arg = arg,
			    .reterr = reterr,
			    .verdict = ret };
	int r;

	*ret = (struct verify_verdict){ 0 };
	r = find_best(&s);
	for (unsigned k = 0; k < n && r >= 0; k++)
		r = rule_on(&s, k);
	if (r >= 0)
		r = compare(&s);
	return r;
}

void verify_verdict_free(struct verify_verdict *verdict)
{
	free(verdict->difference);
	*verdict = (struct verify_verdict){ 0 };
}
