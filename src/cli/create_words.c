/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/explain.h"
#include "spec/request.h"

/* "3g.40gb/1c,2c": a GPU instance, and behind the slash how it is cut into compute instances. */

#define MAX_WORDS 32

int create_parse(const struct mig_board *board, char *const *words, unsigned n,
		 struct create_request *ret, unsigned cap, struct mig_error *reterr)
{
	struct spec_request req[MAX_WORDS];
	char *plain[MAX_WORDS], *text[MAX_WORDS];
	const char *cut[MAX_WORDS] = { NULL };
	int found = 0;

	if (n > MAX_WORDS || cap < MAX_WORDS)
		return mig_fail(reterr, -EINVAL, "at most %d words are taken at once", MAX_WORDS);
	for (unsigned i = 0; i < n; i++) {
		size_t len = strcspn(words[i], "/");

		text[i] = plain[i] = strndup(words[i], len);
		if (!text[i])
			found = mig_fail(reterr, -ENOMEM, "out of memory");
		/* A cut belongs to the request that its word ends. */
		if (found >= 0)
			found = spec_requests_parse(board, plain, i + 1, req, MAX_WORDS,
						    i + 1 == n || words[i][len] ? reterr : NULL);
		if (found == -EINVAL && i + 1 < n && !words[i][len])
			found = 0; /* "2x" says nothing until the next word */
		if (words[i][len] && found > 0)
			cut[found - 1] = words[i] + len + 1;
		if (found < 0) {
			n = i + 1;
			break;
		}
	}
	for (unsigned i = 0; i < n; i++)
		free(text[i]);
	for (int i = 0; i < found; i++)
		ret[i] = (struct create_request){ .profile = req[i].profile,
						  .count = req[i].count,
						  .start = req[i].start,
						  .cut = cut[i] };
	return found;
}

/* --- how a GPU instance is cut ---------------------------------------------------------------- */

/* By name, or by slices alone: of two with the same slices the one that fills the instance. */
static int find_ci(const struct mig_gi_profile *p, const char *word, size_t len)
{
	int by_slices = -1;
	unsigned long slices;
	char *end;

	for (unsigned i = 0; i < p->n_ci; i++)
		if (strlen(p->ci[i].name) == len && !strncasecmp(p->ci[i].name, word, len))
			return (int)i;
	slices = strtoul(word, &end, 10);
	if (end == word || end != word + len - 1 || tolower((unsigned char)*end) != 'c')
		return -1;
	for (unsigned i = 0; i < p->n_ci; i++)
		if (p->ci[i].slices == slices && (by_slices < 0 || p->ci[i].is_default))
			by_slices = (int)i;
	return by_slices;
}

static int unknown_ci(const struct mig_gi_profile *p, const char *word, size_t len,
		      struct mig_error *reterr)
{
	char have[200] = "";

	for (unsigned i = 0; i < p->n_ci; i++)
		cli_text_add(have, sizeof(have), "%s%s", i ? ", " : "", p->ci[i].name);
	return mig_fail(reterr, -EINVAL,
			"'%.*s' is no compute instance of %s; there are: %s (1c is short for the "
			"one with one slice; none leaves the instance without any)",
			(int)(len > 40 ? 40 : len), word, p->name, have);
}

/* One word between commas: "1c", "2x1c", "1c.3g.40gb". */
static int take_cut(const struct mig_gi_profile *p, const char *word, size_t len,
		    struct mig_counts *counts, struct mig_error *reterr)
{
	const char *all = word;
	size_t all_len = len;
	unsigned long times = 1;
	char *end;
	int at;

	times = strtoul(word, &end, 10);
	if (end != word && tolower((unsigned char)*end) == 'x' && (size_t)(end - word) < len) {
		len -= (size_t)(end + 1 - word);
		word = end + 1;
	} else {
		times = 1;
	}
	at = len ? find_ci(p, word, len) : -1;
	if (at < 0 || !times || times > MIG_MAX_CI)
		return unknown_ci(p, all, all_len, reterr);
	counts->n[at] = (uint8_t)(counts->n[at] + times);
	return 0;
}

static int count_cuts(const struct mig_gi_profile *p, const char *cut, struct mig_counts *ret,
		      struct mig_error *reterr)
{
	*ret = (struct mig_counts){ 0 };
	if (!cut) {
		for (unsigned i = 0; i < p->n_ci; i++)
			if (p->ci[i].is_default)
				ret->n[i] = 1;
		return 0;
	}
	if (!strcasecmp(cut, "none"))
		return 0;
	for (size_t len;; cut += len + 1) {
		int r;

		len = strcspn(cut, ",");
		r = take_cut(p, cut, len, ret, reterr);
		if (r < 0 || !cut[len])
			return r;
	}
}

static void take_slots(const struct mig_gi_profile *p, const struct mig_plan_table *table,
		       mig_slots slots, struct engine_gi *gi)
{
	for (unsigned i = 0; i < mig_plan_n_slots(table); i++) {
		const struct mig_slot *slot = mig_plan_slot(table, i);
		struct engine_ci *ci = &gi->ci[gi->n_ci];

		if (!(slots >> i & 1) || gi->n_ci == MIG_MAX_CI)
			continue;
		*ci = (struct engine_ci){ .profile_id = p->ci[slot->profile].id,
					  .start = slot->start,
					  .size = slot->size };
		memcpy(ci->name, p->ci[slot->profile].name, sizeof(ci->name));
		gi->n_ci++;
	}
}

int create_cut(const struct mig_board *board, unsigned profile, const char *cut,
	       struct engine_gi *gi, struct mig_error *reterr)
{
	const struct mig_gi_profile *p = &board->gi[profile];
	struct mig_plan_table *table = NULL;
	struct mig_slot slots[MIG_PLAN_MAX_SLOTS];
	struct mig_plan_goal goal = { 0 };
	struct mig_plan_state state = { 0 };
	struct mig_plan_change change;
	int r = count_cuts(p, cut, &goal.counts, reterr);

	if (r >= 0)
		r = mig_plan_table_new_ci(p, slots, mig_ci_slots_by_family(board, profile, slots),
					  &table, reterr);
	if (r < 0)
		return r;
	r = mig_plan_change(table, &state, &goal, &change, 1, reterr);
	if (r == -ENOSPC)
		r = mig_fail(reterr, -ENOTSUP,
			     "%s cannot be cut into %s: it has %u compute slices; nothing was "
			     "changed",
			     p->name, cut ? cut : "one", p->slices);
	else if (r >= 0)
		take_slots(p, table, change.target, gi);
	mig_plan_table_free(table);
	return r < 0 ? r : 0;
}

/* What the board calls for in a GPU instance that has some already. */
static int plan_more(const struct explain_scope *c, const char *cut, struct engine_gi *gi,
		     struct mig_error *reterr)
{
	struct mig_plan_goal goal = { .at = c->state.now };
	struct mig_plan_change change;
	struct mig_counts have;
	int r = count_cuts(c->of, cut, &goal.counts, reterr);

	if (r < 0)
		return r;
	have = mig_plan_counts(c->table, c->state.now);
	for (unsigned i = 0; i < c->of->n_ci; i++)
		goal.counts.n[i] = (uint8_t)(goal.counts.n[i] + have.n[i]);
	r = mig_plan_change(c->table, &c->state, &goal, &change, 1, reterr);
	if (r == -ENOSPC)
		return mig_fail(
			reterr, -ENOTSUP,
			"GPU instance %u of GPU %u, a %s with %u compute instance%s, has no "
			"room for %.60s; nothing was changed",
			c->gi->id, c->s->gpu->index, c->of->name, c->gi->n_ci,
			c->gi->n_ci == 1 ? "" : "s", cut);
	if (r >= 0)
		take_slots(c->of, c->table, change.create, gi);
	return r < 0 ? r : 0;
}

int create_more(const struct cli_subject *s, const struct mig_gi *in, const char *cut,
		struct engine_gi *gi, struct mig_error *reterr)
{
	struct explain_scope c;
	int r;

	if (!gi || !*cut || !strcasecmp(cut, "none"))
		return mig_fail(reterr, -EINVAL,
				"which compute instances shall GPU instance %u get? Such as "
				"%u/%u/1c or %u/%u/%s",
				in->id, s->gpu->index, in->id, s->gpu->index, in->id,
				s->board->gi[in->profile].name);
	r = explain_in_gi(s, in->profile, in, &c, reterr);
	if (r < 0)
		return r;
	r = plan_more(&c, cut, gi, reterr);
	explain_scope_close(&c);
	return r;
}
