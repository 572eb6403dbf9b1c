/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spec/request.h"

const struct mig_gpu *cli_place_gpu(const struct mig_snapshot *s, const char *word, size_t len)
{
	for (uint32_t i = 0; i < s->n_gpu; i++) {
		const struct mig_gpu *g = &s->gpu[i];
		char index[16];

		snprintf(index, sizeof(index), "%u", g->index);
		if ((strlen(index) == len && !strncmp(index, word, len)) ||
		    (strlen(g->uuid) == len && !strncasecmp(g->uuid, word, len)) ||
		    (strlen(g->bus_id) == len && !strncasecmp(g->bus_id, word, len)) ||
		    (len && strlen(g->serial) == len && !strncmp(g->serial, word, len)))
			return g;
	}
	return NULL;
}

static int bad_word(const char *word, struct mig_error *reterr)
{
	return mig_fail(reterr, -EINVAL,
			"'%.60s' names no MIG device: a profile such as 1g.10gb, with @START or "
			"without; a device as GPU/GI or GPU/GI/CI by their ids, such as 0/2/0, by "
			"its UUID, or by a name of 'migctl name'",
			word);
}

int cli_place_device(const struct mig_snapshot *s, const char *uuid, const struct mig_gpu **ret_gpu,
		     const struct mig_gi **ret_gi, const struct mig_ci **ret_ci,
		     struct mig_error *reterr)
{
	for (uint32_t g = 0; g < s->n_gpu; g++)
		for (uint32_t i = 0; i < s->gpu[g].n_gi; i++)
			for (unsigned c = 0; c < s->gpu[g].gi[i].n_ci; c++) {
				if (strcasecmp(s->gpu[g].gi[i].ci[c].uuid, uuid) != 0)
					continue;
				*ret_gpu = &s->gpu[g];
				*ret_gi = &s->gpu[g].gi[i];
				*ret_ci = &s->gpu[g].gi[i].ci[c];
				return 0;
			}
	return mig_fail(reterr, -ENOENT,
			"there is no MIG device %.60s: 'migctl devices' shows what there is", uuid);
}

static int take_uuid(const struct mig_snapshot *s, const char *word, struct cli_place *ret,
		     struct mig_error *reterr)
{
	const struct mig_gi *gi;
	const struct mig_ci *ci;
	int r = cli_place_device(s, word, &ret->gpu, &gi, &ci, reterr);

	if (r >= 0)
		snprintf(ret->uuid, sizeof(ret->uuid), "%s", ci->uuid);
	return r;
}

const struct mig_gi *cli_place_gi(const struct mig_gpu *gpu, const char *profile, int start)
{
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		if (gi->start == start && gi->profile < gpu->board.n_gi &&
		    !strcmp(gpu->board.gi[gi->profile].name, profile))
			return gi;
	}
	return NULL;
}

int cli_place_number(const char **at)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)**at))
		return -1;
	n = strtoul(*at, &end, 10);
	*at = end;
	return n > 255 ? -1 : (int)n;
}

/* "2", "2/0"; false: something else. */
static bool take_ids(const char *at, struct cli_place *ret)
{
	ret->gi = cli_place_number(&at);
	if (ret->gi >= 0 && *at == '/') {
		at++;
		ret->ci = cli_place_number(&at);
		if (ret->ci < 0)
			return false;
	}
	return ret->gi >= 0 && !*at;
}

/* "1c.3g.40gb" of one board. */
static bool take_ci_profile(const struct mig_board *board, const char *word, struct cli_place *ret)
{
	for (unsigned i = 0; i < board->n_gi; i++)
		for (unsigned c = 0; c < board->gi[i].n_ci; c++)
			if (!strcasecmp(board->gi[i].ci[c].name, word)) {
				memcpy(ret->profile, board->gi[i].ci[c].name, sizeof(ret->profile));
				ret->whole = !strcmp(ret->profile, board->gi[i].name);
				return true;
			}
	return false;
}

static int take_gi_profile(const struct mig_board *board, const char *word, struct cli_place *ret,
			   struct mig_error *reterr)
{
	struct spec_request req;
	int r = spec_request_parse_one(board, word, &req, reterr);

	if (r < 0)
		return r;
	memcpy(ret->profile, board->gi[req.profile].name, sizeof(ret->profile));
	ret->start = req.start;
	ret->whole = true;
	return 0;
}

/* Of the first GPU whose board has it; else what is wrong with it on the first of all. */
static int take_profile(const struct mig_snapshot *s, const char *word, struct cli_place *ret,
			struct mig_error *reterr)
{
	int r = 0;

	for (uint32_t g = 0; g < s->n_gpu; g++) {
		const struct mig_gpu *gpu = &s->gpu[g];

		if ((ret->gpu && ret->gpu != gpu) || gpu->status || !gpu->board.n_gi)
			continue;
		if (take_ci_profile(&gpu->board, word, ret)) {
			return 0;
		}
		if (take_gi_profile(&gpu->board, word, ret, r < 0 ? NULL : reterr) >= 0)
			return 0;
		r = -EINVAL;
	}
	return r < 0 ? r
		     : mig_fail(
			       reterr, -ENOTSUP,
			       "no GPU here says which profiles it has: 'migctl status' shows them");
}

int cli_place_parse(const struct mig_snapshot *s, const char *word, struct cli_place *ret,
		    struct mig_error *reterr)
{
	const char *slash = strchr(word, '/');

	*ret = (struct cli_place){ .gi = -1, .ci = -1, .start = -1 };
	if (!strncasecmp(word, "MIG-", 4))
		return take_uuid(s, word, ret, reterr);
	/* No profile has a letter in front. */
	if (!*word || strchr(word, ',') || (!slash && isalpha((unsigned char)*word)))
		return bad_word(word, reterr);
	if (!slash)
		return take_profile(s, word, ret, reterr);
	ret->gpu = cli_place_gpu(s, word, (size_t)(slash - word));
	if (!ret->gpu)
		return mig_fail(reterr, -ENOENT, "there is no GPU %.*s",
				(int)(slash - word > 60 ? 60 : slash - word), word);
	if (take_ids(slash + 1, ret))
		return 0;
	ret->gi = ret->ci = -1;
	/* Behind the slash a number alone is an id, never a profile's. */
	if (!strpbrk(slash + 1, "gG") || strchr(slash + 1, '/'))
		return bad_word(word, reterr);
	return take_profile(s, slash + 1, ret, reterr);
}

bool cli_place_takes(const struct cli_place *p, const struct mig_gpu *gpu, const struct mig_gi *gi,
		     const struct mig_ci *ci)
{
	return (!p->gpu || !strcmp(p->gpu->uuid, gpu->uuid)) && (p->gi < 0 || p->gi == gi->id) &&
	       (p->ci < 0 || p->ci == ci->id) && (!p->uuid[0] || !strcmp(p->uuid, ci->uuid)) &&
	       (!p->profile[0] || !strcmp(p->profile, ci->name)) &&
	       (p->start < 0 || p->start == gi->start);
}
