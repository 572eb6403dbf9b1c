/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "fuzz/replay.h"
#include "observe/observe.h"
#include "spec/snapshot_json.h"

/*
 * The reader of recordings: whatever it is given, it refuses with a sentence and a place, or gives
 * a snapshot that keeps what the planner and the pictures rely on, and that can be written and read
 * again to the same text.
 */

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_profile(const struct mig_board *b, const struct mig_gi_profile *p)
{
	check(p->n_starts >= 1 && p->n_starts <= MIG_MAX_STARTS && p->size && p->slices);
	check(p->slices <= b->compute_slices && p->n_ci <= MIG_MAX_CI_PROFILES);
	for (unsigned i = 0; i < p->n_starts; i++)
		check(p->starts[i] + p->size <= b->units);
	check(strlen(p->name) < sizeof(p->name));
	for (unsigned i = 0; i < p->n_ci; i++)
		check(p->ci[i].slices && p->ci[i].slices <= p->slices && p->ci[i].span);
}

static void check_gi(const struct mig_gpu *gpu, unsigned n)
{
	const struct mig_gi *gi = &gpu->gi[n];

	check(gi->id <= MIG_MAX_GI_ID && gi->n_ci <= MIG_MAX_CI);
	check(gi->profile == UINT8_MAX || gi->profile < gpu->board.n_gi);
	for (unsigned i = 0; i < n; i++)
		check(gpu->gi[i].id < gi->id);
	for (unsigned c = 0; c < gi->n_ci; c++) {
		check(gi->ci[c].id < MIG_MAX_CI);
		check(gi->ci[c].profile == UINT8_MAX ||
		      (gi->profile != UINT8_MAX &&
		       gi->ci[c].profile < gpu->board.gi[gi->profile].n_ci));
		check(strlen(gi->ci[c].uuid) < sizeof(gi->ci[c].uuid));
	}
}

static void check_gpu(const struct mig_gpu *gpu)
{
	check(gpu->board.n_gi <= MIG_MAX_GI_PROFILES && gpu->n_gi <= MIG_MAX_GI);
	check(gpu->mode <= MIG_MODE_ON && gpu->pending <= MIG_MODE_ON);
	for (unsigned i = 0; i < gpu->board.n_gi; i++)
		check_profile(&gpu->board, &gpu->board.gi[i]);
	for (unsigned i = 0; i < gpu->n_gi; i++)
		check_gi(gpu, i);
}

/* The same text again, and the same once more from that. */
static void again(struct mig_snapshot *s)
{
	_cleanup_free_ char *text = observe_text(s), *second = NULL;
	struct mig_snapshot *back = NULL;
	struct mig_error err = { 0 };

	check(text != NULL);
	if (spec_snapshot_parse(s->source, text, strlen(text), &back, &err) < 0) {
		fprintf(stderr, "%s\n%s\n", err.msg, text);
		abort();
	}
	second = observe_text(back);
	check(second && !strcmp(text, second));
	mig_snapshot_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mig_snapshot *s = NULL;
	struct mig_error err = { 0 };

	if (spec_snapshot_parse("fuzz", (const char *)data, size, &s, &err) < 0) {
		check(strncmp(err.msg, "fuzz:", 5) == 0);
		return 0;
	}
	check(s->recorded);
	for (uint32_t i = 0; i < s->n_gpu; i++)
		check_gpu(&s->gpu[i]);
	again(s);
	mig_snapshot_free(s);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
