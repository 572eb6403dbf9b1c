/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>

#include "base/util.h"
#include "engine/journal.h"
#include "fuzz/replay.h"

/*
 * The journal of changes: whatever it holds, its operations keep what recovering relies on, and one
 * that is written down again is read as the same.
 */

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_layout(const struct engine_layout *l)
{
	char text[100];

	check(l->n_gi <= MIG_MAX_GI);
	for (uint32_t i = 0; i < l->n_gi; i++) {
		check(l->gi[i].n_ci <= MIG_MAX_CI && strlen(l->gi[i].name) < MIG_PROFILE_NAME);
		for (unsigned c = 0; c < l->gi[i].n_ci; c++)
			check(strlen(l->gi[i].ci[c].name) < MIG_PROFILE_NAME);
	}
	check(strlen(engine_layout_text(l, text, sizeof(text))) < sizeof(text));
}

/* Steps of every way between the two ends fit into their room. */
static void check_ways(const struct engine_gpu *gpu)
{
	static struct engine_step step[ENGINE_MAX_STEPS];

	check(engine_steps(0, &gpu->from, &gpu->to, &gpu->from, step) <= ENGINE_MAX_STEPS);
	check(engine_steps(0, &gpu->to, &gpu->from, &gpu->to, step) <= ENGINE_MAX_STEPS);
	check(engine_steps(0, &gpu->from, &gpu->from, &gpu->to, step) <= ENGINE_MAX_STEPS);
}

static void again(const struct engine_op *op)
{
	static struct engine_op whole;
	struct engine_history back;
	int fd = memfd_create("journal", MFD_CLOEXEC);
	FILE *f;

	memset(&whole, 0, sizeof(whole));
	memcpy(&whole, op, offsetof(struct engine_op, gpu) + op->n_gpu * sizeof(op->gpu[0]));
	check(engine_journal_begin(fd, &whole, NULL) == 0);
	check(lseek(fd, 0, SEEK_SET) == 0);
	f = fdopen(fd, "r");
	check(f != NULL);
	engine_history_parse(f, &back);
	fclose(f);
	check(back.n == 1 && !back.n_bad && back.entry[0].op->id == op->id);
	check(back.entry[0].op->n_gpu == op->n_gpu);
	for (uint32_t g = 0; g < op->n_gpu; g++) {
		check(engine_layout_same(&op->gpu[g].from, &back.entry[0].op->gpu[g].from) ==
		      engine_layout_same(&op->gpu[g].from, &op->gpu[g].from));
		check(!strcmp(op->gpu[g].uuid, back.entry[0].op->gpu[g].uuid));
	}
	engine_history_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_history h;
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	if (!f)
		return 0;
	engine_history_parse(f, &h);
	fclose(f);
	(void)engine_unfinished(&h);
	for (size_t i = 0; i < h.n; i++) {
		check(h.entry[i].op->n_gpu >= 1 && h.entry[i].op->n_gpu <= ENGINE_MAX_GPUS);
		for (uint32_t g = 0; g < h.entry[i].op->n_gpu; g++) {
			check_layout(&h.entry[i].op->gpu[g].from);
			check_layout(&h.entry[i].op->gpu[g].to);
			check_ways(&h.entry[i].op->gpu[g]);
		}
		again(h.entry[i].op);
	}
	engine_history_free(&h);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
