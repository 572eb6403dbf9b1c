/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "fuzz/replay.h"
#include "spec/board_yaml.h"
#include <migkit/driver.h>
#include <migkit/plan.h>

/*
 * The board parser: whatever it is given, it refuses with a sentence or gives a board that every
 * driver can show or refuse with a sentence, and whose instances fit on it; the planner makes its
 * tables of it, or says why it is no GPU.
 */

static const struct mig_board_def *find(void *arg, const char *key)
{
	(void)arg;
	return mig_board_find(key);
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void plan(const struct mig_board *b)
{
	struct mig_plan_table *t = NULL;
	struct mig_error err = { 0 };
	int slot;

	if (mig_plan_table_new(b, mig_profiles_all(b), &t, &err) < 0) {
		check(err.msg[0] && !t);
		return;
	}
	for (unsigned k = 0; k < b->n_gi; k++) {
		slot = mig_plan_slot_at(t, k, b->gi[k].starts[0]);
		check(slot >= 0 && (mig_plan_free(t, 0) >> slot & 1));
		check(mig_plan_remaining(t, 0, k) <= b->gi[k].total);
	}
	mig_plan_table_free(t);
}

static void show(const struct mig_board_def *def)
{
	_cleanup_free_ struct mig_board *b = calloc(1, sizeof(*b));
	struct mig_error err = { 0 };
	char version[24];

	for (unsigned i = 0; b && mig_driver_branch_at(i); i++) {
		snprintf(version, sizeof(version), "%u.99.99", mig_driver_branch_at(i));
		if (mig_board_resolve(def, version, b, &err) < 0) {
			check(err.msg[0]);
			continue;
		}
		check(b->n_gi <= MIG_MAX_GI_PROFILES && b->architecture && b->name[0]);
		for (unsigned k = 0; k < b->n_gi; k++) {
			const struct mig_gi_profile *p = &b->gi[k];

			check(p->n_ci && p->ci[p->n_ci - 1].is_default && p->ci[0].name[0]);
			check(p->starts[p->n_starts - 1] + p->size <= b->units);
			check(p->memory_mb <= b->memory_total_mib);
		}
		if (!mig_driver_branch_at(i + 1))
			plan(b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct mig_board_def *def = calloc(1, sizeof(*def));
	struct mig_source sources[64];
	struct spec_board_env env = { .sources = sources, .find = find };
	struct mig_error err = { 0 };
	unsigned n;

	while (env.n_sources < ARRAY_SIZE(sources) && mig_source_at(env.n_sources)) {
		sources[env.n_sources] = *mig_source_at(env.n_sources);
		env.n_sources++;
	}
	if (!def)
		return 0;
	if (spec_board_parse("fuzz", (const char *)data, size, &env, def, &err) < 0)
		check(strncmp(err.msg, "fuzz:", 5) == 0);
	else if (!def->lacks[0])
		show(def);
	err = (struct mig_error){ 0 };
	if (spec_sources_parse("fuzz", (const char *)data, size, sources, ARRAY_SIZE(sources), &n,
			       &err) < 0)
		check(strncmp(err.msg, "fuzz:", 5) == 0);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
