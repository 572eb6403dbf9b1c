/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
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

int lab_client_find_device(const struct lab_state *st, const char *word, struct lab_client *ret,
			   struct mig_error *reterr)
{
	int at[3];
	int r;

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
		return mig_fail(
			reterr, -EINVAL,
			"--device %s: a MIG device is its UUID (MIG-...) or GPU/GI/CI, such "
			"as 0/2/0",
			word);
	if ((unsigned)at[0] >= st->n_gpus)
		return mig_fail(reterr, -ENOENT, "there is no GPU %d: this lab has %u", at[0],
				st->n_gpus);
	if (at[1] > MIG_MAX_GI_ID || at[2] >= MIG_MAX_CI)
		return mig_fail(reterr, -ENOENT, "there is no MIG device %s", word);
	set_device(ret, (unsigned)at[0], at[1], at[2]);
	return 0;
}
