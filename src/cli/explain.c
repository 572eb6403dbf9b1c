/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <migkit/names.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/names.h"
#include "spec/request.h"

/*
 * "migctl explain": whether one more instance can be created, what is in the way, and the smallest
 * changes that make room. Of a compute instance the same in each GPU instance that may have it.
 */

struct args {
	struct cli_subject_args subject;
	const char *gi;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt explain_opts[] = {
	OPT_STR("gi", 'g', A(gi), "GI",
		"PROFILE is that of a compute instance, in this GPU instance (its id)"),
	CLI_KEEP_OPT(A(subject)), CLI_SUBJECT_OPTS(A(subject)), OPT_END
};
#undef A

/* Ways that lose nothing come first; some of either kind are shown. */
static unsigned choose_ways(const struct mig_plan_way *all, unsigned n,
			    struct mig_plan_way ret[EXPLAIN_WAYS])
{
	unsigned moves = 0, chosen = 0;

	while (moves < n && all[moves].again)
		moves++;
	for (unsigned i = 0; i < n && chosen < EXPLAIN_WAYS; i++) {
		bool spare = n - moves < EXPLAIN_WAYS / 2;

		if (i < moves && i >= EXPLAIN_WAYS / 2 && !spare)
			continue;
		ret[chosen++] = all[i];
	}
	return chosen;
}

static void look(struct explain_found *f, unsigned profile, int start)
{
	const struct explain_scope *c = &f->scope;
	struct mig_plan_way all[EXPLAIN_FIND];
	mig_slots can = mig_plan_free(c->table, c->state.now);
	unsigned n;

	f->profile = profile;
	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++) {
		const struct mig_slot *slot = mig_plan_slot(c->table, i);

		if ((can >> i & 1) && slot->profile == profile &&
		    (start < 0 || slot->start == start))
			f->fits = true;
	}
	f->remaining = mig_plan_remaining(c->table, c->state.now, profile);
	f->by_default = mig_plan_default_start(c->table, c->state.now, profile);
	if (f->fits)
		return;
	n = mig_plan_ways(c->table, &c->state, profile, start, all, EXPLAIN_FIND);
	f->n_ways = choose_ways(all, n, f->way);
	explain_why_not(c, profile, start, f->reason, sizeof(f->reason));
}

static int on_gpu(struct explain_answer *a, const char *word, struct mig_error *reterr)
{
	struct spec_request req;
	int r = spec_request_parse_one(a->s->board, word, &req, reterr);

	if (r < 0)
		return r;
	a->gi_profile = req.profile;
	a->start = req.start;
	a->n = 1;
	a->found[0].scope = explain_on_gpu(a->s);
	look(&a->found[0], a->gi_profile, a->start);
	memcpy(a->reason, a->found[0].reason, sizeof(a->reason));
	return 0;
}

/* Position of a compute instance of that name in a GI profile; -1: it has none. */
static int ci_of(const struct mig_gi_profile *gi, const char *name, size_t len)
{
	for (unsigned i = 0; i < gi->n_ci; i++)
		if (strlen(gi->ci[i].name) == len && !strncmp(gi->ci[i].name, name, len))
			return (int)i;
	return -1;
}

/* "1c.3g.40gb" or "1c.3g.40gb@2": the first GI profile that may have it, and the start. */
static int find_ci(struct explain_answer *a, const char *word, struct mig_error *reterr)
{
	const struct mig_board *b = a->s->board;
	size_t len = strcspn(word, "@:");
	unsigned long start;
	char *end;

	while (a->gi_profile < b->n_gi && ci_of(&b->gi[a->gi_profile], word, len) < 0)
		a->gi_profile++;
	if (a->gi_profile == b->n_gi)
		return mig_fail(
			reterr, -EINVAL,
			"'%.60s', column 1: %s has no compute instance %.*s: 'migctl boards "
			"%s' lists them",
			word, cli_board_short_name(b), (int)(len < 40 ? len : 40), word,
			b->key[0] ? b->key : "BOARD");
	a->ci_profile = (unsigned)ci_of(&b->gi[a->gi_profile], word, len);
	a->start = -1;
	if (!word[len])
		return 0;
	if (word[len] == ':')
		return mig_fail(reterr, -EINVAL,
				"'%.60s', column %zu: a colon is not used here: a start is written "
				"%.*s@START",
				word, len + 1, (int)len, word);
	start = strtoul(word + len + 1, &end, 10);
	if (word[len + 1] < '0' || word[len + 1] > '9' || *end || start > 31)
		return mig_fail(reterr, -EINVAL,
				"'%.60s', column %zu: behind '@' stands a start, counted from the "
				"GPU instance's first slice",
				word, len + 2);
	a->start = (int)start;
	return 0;
}

/* Which starts there are is known only from the GPU instance that it is to be in. */
static int check_start(const struct explain_scope *c, unsigned ci, int start,
		       struct mig_error *reterr)
{
	uint64_t starts = 0;
	char text[64];

	for (unsigned i = 0; i < mig_plan_n_slots(c->table); i++)
		if (mig_plan_slot(c->table, i)->profile == ci)
			starts |= UINT64_C(1) << mig_plan_slot(c->table, i)->start;
	if (start < 0 || (starts >> start & 1))
		return 0;
	return mig_fail(reterr, -EINVAL, "%s cannot start at %d of a %s: it starts at %s",
			c->of->ci[ci].name, start, c->of->name,
			cli_starts_text(starts, text, sizeof(text)));
}

static int look_in(struct explain_answer *a, unsigned gi_profile, unsigned ci,
		   const struct mig_gi *gi, struct mig_error *reterr)
{
	struct explain_found *f = &a->found[a->n];
	int r = explain_in_gi(a->s, gi_profile, gi, &f->scope, reterr);

	if (r < 0)
		return r;
	a->n++;
	r = check_start(&f->scope, ci, a->start, reterr);
	if (r >= 0)
		look(f, ci, a->start);
	return r;
}

static bool is_named(const struct mig_gi *gi, const char *id)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", gi->id);
	return !id || !strcmp(text, id);
}

/* Nothing fits in any of them: the first one's reason, or that there is none. */
static void ci_reason(struct explain_answer *a)
{
	const char *gi_name = a->s->board->gi[a->gi_profile].name;

	for (unsigned i = 0; i < a->n; i++)
		if (a->found[i].fits)
			return;
	if (!a->n)
		snprintf(a->reason, sizeof(a->reason),
			 "GPU %u has no %s, in which it would be ('migctl explain %s' says whether "
			 "one fits)",
			 a->s->gpu->index, gi_name, gi_name);
	else if (a->found[0].scope.gi)
		snprintf(a->reason, sizeof(a->reason), "in GI %u (%s), %.180s",
			 a->found[0].scope.gi->id, a->found[0].scope.of->name, a->found[0].reason);
	else
		memcpy(a->reason, a->found[0].reason, sizeof(a->reason));
}

static int in_gis(struct explain_answer *a, const char *word, const char *gi_id,
		  struct mig_error *reterr)
{
	const struct mig_gpu *gpu = a->s->gpu;
	const struct mig_board *b = a->s->board;
	size_t len = strcspn(word, "@:");
	bool seen = false;
	int r = find_ci(a, word, reterr), ci;

	if (r >= 0 && !gpu)
		r = look_in(a, a->gi_profile, a->ci_profile, NULL, reterr);
	for (unsigned i = 0; r >= 0 && gpu && i < gpu->n_gi; i++) {
		if (!is_named(&gpu->gi[i], gi_id))
			continue;
		seen = true;
		ci = ci_of(&b->gi[gpu->gi[i].profile], word, len);
		if (ci >= 0)
			r = look_in(a, gpu->gi[i].profile, (unsigned)ci, &gpu->gi[i], reterr);
		else if (gi_id)
			r = mig_fail(reterr, -EINVAL,
				     "GPU instance %s is a %s: %.*s is cut out of a %s", gi_id,
				     b->gi[gpu->gi[i].profile].name, (int)(len < 40 ? len : 40),
				     word, b->gi[a->gi_profile].name);
	}
	if (r < 0)
		return r;
	if (gi_id && !seen)
		return mig_fail(reterr, -ENOENT, "GPU %u has no GPU instance %s", gpu->index,
				gi_id);
	ci_reason(a);
	return 0;
}

/* Whether a word names a compute instance that is less than its GPU instance. */
static bool names_ci(const char *word)
{
	char name[64];
	struct mig_name parsed;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "@:"), word);
	return mig_name_parse(name, &parsed, NULL) >= 0 && parsed.ci_slices;
}

static int answer(struct explain_answer *a, const struct args *args, const char *word,
		  struct mig_error *reterr)
{
	if (!strncmp(word, "MIG ", 4))
		word += 4;
	/* In a GPU instance, "3g.40gb" is the compute instance that fills it. */
	a->ci = args->gi || names_ci(word);
	if (args->gi && !a->s->gpu)
		return mig_fail(reterr, -EINVAL,
				"--gi names an instance of a GPU: a board has none");
	return a->ci ? in_gis(a, word, args->gi, reterr) : on_gpu(a, word, reterr);
}

int cmd_explain(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ struct explain_found *found = calloc(EXPLAIN_SCOPES, sizeof(*found));
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(cli_subject_close) struct cli_subject s = { 0 };
	struct explain_answer a = { .s = &s, .found = found };
	struct cli_named named;
	struct args args = { 0 };
	int r;

	if (!found)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = cli_parse(cmd, &args, &argc, argv, reterr);
	if (r >= 0 && !args.subject.board)
		r = cli_names_replace(&named, argc, argv, &args.subject.source, reterr);
	if (r >= 0)
		r = cli_source_out(&args.subject.source, &out, reterr);
	if (r < 0)
		return r;
	cli_out_main_list(out, "ways");
	r = cli_subject_open(&args.subject, CLI_SUBJECT_STATE, &s, reterr);
	if (r >= 0)
		r = answer(&a, &args, argv[0], reterr);
	if (r >= 0) {
		r = explain_print(out, &a);
		if (r < 0)
			mig_fail(reterr, r, "cannot print the answer: %s", strerror(-r));
	}
	if (r >= 0)
		r = cli_out_end(out, reterr);
	for (unsigned i = 0; i < a.n; i++)
		explain_scope_close(&found[i].scope);
	if (r < 0)
		return r;
	return a.reason[0] ? CLI_EXIT_UNAVAILABLE : CLI_EXIT_OK;
}
