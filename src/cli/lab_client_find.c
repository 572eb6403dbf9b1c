/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
#include "cli/names.h"
#include "lab/lab.h"

/* What the words of "lab client start" mean on a lab's GPUs. */

int lab_client_find_gpu(const struct lab *lab, const struct lab_state *st, const char *word,
			unsigned *ret, struct mig_error *reterr)
{
	int at[3];
	int r;

	(void)lab;
	for (unsigned i = 0; i < st->n_gpus; i++) {
		if (!strcasecmp(word, st->gpu[i].uuid)) {
			*ret = i;
			return 0;
		}
	}
	if (!strncasecmp(word, "GPU-", 4))
		return mig_fail(reterr, -ENOENT, "the lab has no GPU %s", word);
	r = lab_parse_instance(word, at, reterr);
	if (r < 0)
		return r;
	if (at[1] >= 0)
		return mig_fail(reterr, -EINVAL,
				"--gpu %s: a GPU is one number; an instance is named by --device",
				word);
	if ((unsigned)at[0] >= st->n_gpus)
		return mig_fail(reterr, -ENOENT, "there is no GPU %d: this lab has %u", at[0],
				st->n_gpus);
	*ret = (unsigned)at[0];
	return 0;
}

static void set_device(struct lab_client *ret, unsigned gpu, int gi, int ci)
{
	ret->gpu = (uint8_t)gpu;
	ret->gi = (int8_t)gi;
	ret->ci = (int8_t)ci;
}

static bool find_uuid(const struct lab_state *st, const char *uuid, struct lab_client *ret)
{
	for (unsigned i = 0; i < st->n_gpus; i++) {
		const struct lab_gpu *gpu = &st->gpu[i];
		uint8_t gi[MIG_MAX_GI * MIG_MAX_CI], ci[MIG_MAX_GI * MIG_MAX_CI];
		unsigned n = lab_mig_devices(gpu, gi, ci, ARRAY_SIZE(gi));

		for (unsigned d = 0; d < n; d++) {
			const struct lab_gi *g = &gpu->gi[gi[d]];
			char this[48];

			lab_mig_uuid(gpu, g, g->ci[ci[d]].start, this);
			if (!strcasecmp(this, uuid)) {
				set_device(ret, i, g->id, g->ci[ci[d]].id);
				return true;
			}
		}
	}
	return false;
}

/* The one MIG device of the instance at a place. */
static int find_named(const struct lab *lab, const struct lab_state *st,
		      const struct engine_name *name, struct lab_client *ret,
		      struct mig_error *reterr)
{
	for (unsigned i = 0; i < st->n_gpus; i++) {
		const struct mig_board *board = lab_board(lab, &st->gpu[i]);

		for (unsigned g = 0; g < MIG_MAX_GI && !strcmp(st->gpu[i].uuid, name->uuid); g++) {
			const struct lab_gi *gi = &st->gpu[i].gi[g];
			unsigned n = 0;

			if (!gi->used || gi->start != name->start ||
			    strcmp(board->gi[gi->profile].name, name->profile) != 0)
				continue;
			for (unsigned c = 0; c < MIG_MAX_CI; c++)
				if (gi->ci[c].used && !n++)
					set_device(ret, i, gi->id, gi->ci[c].id);
			if (n == 1)
				return 0;
			return mig_fail(reterr, -EINVAL,
					"--device %s: there are %u MIG devices at that place: say "
					"which one by its UUID (MIG-...) or as GPU/GI/CI",
					name->name, n);
		}
	}
	return mig_fail(reterr, -ENOENT,
			"--device %s: there is no instance at that place, %s@%u, now", name->name,
			name->profile, name->start);
}

int lab_client_find_device(const struct lab *lab, const char *dir, const struct lab_state *st,
			   const char *word, struct lab_client *ret, struct mig_error *reterr)
{
	struct engine_name name;
	int at[3];
	int r = cli_name_look_up_in(dir, word, &name, reterr);

	if (r)
		return r < 0 ? r : find_named(lab, st, &name, ret, reterr);
	if (!strncasecmp(word, "MIG-", 4))
		return find_uuid(st, word, ret)
			       ? 0
			       : mig_fail(reterr, -ENOENT,
					  "the lab has no MIG device %s: 'migctl lab status' shows "
					  "what there is",
					  word);
	r = lab_parse_instance(word, at, reterr);
	if (r < 0)
		return r;
	if (at[2] < 0)
		return mig_fail(reterr, -EINVAL,
				"--device %s: a MIG device is its UUID (MIG-...), GPU/GI/CI, such "
				"as 0/2/0, or a name of 'migctl name'",
				word);
	if ((unsigned)at[0] >= st->n_gpus)
		return mig_fail(reterr, -ENOENT, "there is no GPU %d: this lab has %u", at[0],
				st->n_gpus);
	if (at[1] > MIG_MAX_GI_ID || at[2] >= MIG_MAX_CI)
		return mig_fail(reterr, -ENOENT, "there is no MIG device %s", word);
	set_device(ret, (unsigned)at[0], at[1], at[2]);
	return 0;
}
