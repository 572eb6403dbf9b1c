/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/place.h"

/* "migctl create 0/2/1c,2c": compute instances in a GPU instance that is there, beside what it has.
 */

/* The second slash of "GPU/GI/CUT", where digits are between the two; NULL: it is another word. */
static const char *behind_gi(const char *word)
{
	const char *at = strchr(word, '/');

	if (!at || at == word || !isdigit((unsigned char)at[1]))
		return NULL;
	for (at++; isdigit((unsigned char)*at);)
		at++;
	return *at == '/' ? at : NULL;
}

const char *create_in_gi(int argc, char *const *argv)
{
	for (int i = 0; i < argc; i++)
		if (behind_gi(argv[i]))
			return argv[i];
	return NULL;
}

int create_gpu_of(int argc, char *const *argv, char *ret, size_t size, struct mig_error *reterr)
{
	const char *first = create_in_gi(argc, argv);
	size_t len = strcspn(first, "/");

	for (int i = 0; i < argc; i++) {
		if (!behind_gi(argv[i]))
			return mig_fail(
				reterr, -EINVAL,
				"'%.60s' makes a GPU instance and '%.60s' compute instances "
				"in one that is there: a command for each",
				argv[i], first);
		if (strcspn(argv[i], "/") != len || strncmp(argv[i], first, len) != 0)
			return mig_fail(
				reterr, -EINVAL,
				"'%.60s' is on another GPU than '%.60s': a command for each",
				argv[i], first);
	}
	if (len >= size || memchr(first, ',', len))
		return mig_fail(reterr, -EINVAL, "'%.60s' names no GPU", first);
	snprintf(ret, size, "%.*s", (int)len, first);
	return 0;
}

static const struct mig_gi *find_gi(const struct mig_gpu *gpu, int id)
{
	for (uint32_t i = 0; i < gpu->n_gi; i++)
		if (gpu->gi[i].id == id)
			return &gpu->gi[i];
	return NULL;
}

static int add_in(const struct cli_subject *s, const char *word, struct engine_layout *to,
		  struct mig_error *reterr)
{
	const char *at = strchr(word, '/') + 1, *cut = behind_gi(word) + 1;
	const struct mig_gi *gi;
	int id = cli_place_number(&at);

	gi = id < 0 ? NULL : find_gi(s->gpu, id);
	if (!gi)
		return mig_fail(
			reterr, -ENOENT,
			"there is no GPU instance %.*s: 'migctl status' shows what there is",
			(int)(cut - 1 - word), word);
	if (gi->profile >= s->board->n_gi || gi->start == MIG_START_UNKNOWN)
		return mig_fail(reterr, -EIO, "the driver does not say where %.*s lies",
				(int)(cut - 1 - word), word);
	return create_more(s, gi, cut, engine_find_gi(to, s->board->gi[gi->profile].id, gi->start),
			   reterr);
}

static int check_twice(int argc, char *const *argv, struct mig_error *reterr)
{
	for (int i = 0; i < argc; i++) {
		size_t len = (size_t)(behind_gi(argv[i]) - argv[i]);

		for (int k = 0; k < i; k++)
			if (!strncmp(argv[k], argv[i], len + 1))
				return mig_fail(
					reterr, -EINVAL,
					"'%.60s' and '%.60s' are of one GPU instance: cut it "
					"in one word",
					argv[k], argv[i]);
	}
	return 0;
}

int create_ci_plan(const struct cli_subject *s, int argc, char *const *argv, struct engine_op *op,
		   struct mig_error *reterr)
{
	struct engine_gpu *gpu;
	int r = check_twice(argc, argv, reterr);

	if (r >= 0)
		r = act_add_gpu(op, s->gpu, &gpu, reterr);
	for (int i = 0; i < argc && r >= 0; i++)
		r = add_in(s, argv[i], &gpu->to, reterr);
	return r;
}
