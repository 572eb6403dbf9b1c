/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "cli/lab_latency.h"
#include "fuzz/replay.h"

/*
 * The reader of "migctl lab latency FILE": it refuses with a sentence and a
 * place, or gives each call a time that is bounded and a source that ends.
 */

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct spec_latency *l = calloc(1, sizeof(*l));
	struct mig_error err = { 0 };

	if (!l)
		return 0;
	if (spec_latency_parse("fuzz", (const char *)data, size, lab_latency_find, l, &err) < 0) {
		check(strncmp(err.msg, "fuzz:", 5) == 0);
		return 0;
	}
	for (unsigned i = 0; i < SPEC_LATENCY_CALLS; i++) {
		const struct spec_latency_figure *f = &l->call[i];

		check(f->us <= SPEC_LATENCY_MAX_S * 1000000u);
		check(strnlen(f->source, sizeof(f->source)) < sizeof(f->source));
		check(f->given || (!f->us && !f->own && !f->source[0]));
	}
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
