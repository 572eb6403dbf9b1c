/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "engine/names.h"
#include "fuzz/replay.h"

/* The file of names, which an administrator may have edited: what is taken from it is a name and a
 * place, each once, and is read as the same when it was written again. */

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void look(const struct engine_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct engine_name *e = &names->name[i];

		check(engine_name_check(e->name, NULL) == 0);
		check(engine_name_find(names, e->name) == e);
		check(!strncmp(e->uuid, "GPU-", 4) && e->profile[0] && !strchr(e->profile, '/'));
	}
}

static void again(const struct engine_names *names)
{
	struct engine_names back = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	check(f && engine_names_print(f, names) && fclose(f) == 0);
	check(engine_names_parse(text, size, "names.json", &back, NULL) == 0);
	check(back.n == names->n);
	check(!names->n || !memcmp(back.name, names->name, names->n * sizeof(*names->name)));
	engine_names_free(&back);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_names names = { 0 };
	struct mig_error err = { 0 };

	if (engine_names_parse((const char *)data, size, "names.json", &names, &err) < 0) {
		check(!strncmp(err.msg, "names.json", 10) && !names.name);
		return 0;
	}
	look(&names);
	again(&names);
	engine_names_free(&names);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
