/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"
#include "lab/lab.h"

struct args {
	const char *lab;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_set_opts[] = {
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};
#undef A

#define MAX_PAIRS 32

struct pair {
	char key[32];
	char value[32];
};

/* "key=value"; an amount of memory with a unit becomes MiB, as the lab takes it. */
static int split(const char *word, struct pair *ret, struct mig_error *reterr)
{
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : 0;
	unsigned long long bytes;
	int r;

	if (!equals || n == 0 || n >= sizeof(ret->key) || strlen(equals + 1) >= sizeof(ret->value))
		return mig_fail(reterr, -EINVAL, "'%.60s' is no KEY=VALUE, such as temperature=33",
				word);
	snprintf(ret->key, sizeof(ret->key), "%.*s", (int)n, word);
	snprintf(ret->value, sizeof(ret->value), "%s", equals + 1);
	if (strcmp(ret->key, "memory-used") != 0 || !strcmp(ret->value, "auto"))
		return 0;
	r = lab_parse_memory(ret->value, &bytes, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, r, "memory-used");
	snprintf(ret->value, sizeof(ret->value), "%llu", bytes >> 20);
	return 0;
}

int cmd_lab_set(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct pair pairs[MAX_PAIRS];
	struct args a = { 0 };
	int where[3];
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = lab_parse_instance(argv[0], where, reterr);
	if (r < 0)
		return r;
	if (where[2] >= 0)
		return mig_fail(reterr, -EINVAL,
				"a compute instance has no readings of its own: set them on %d/%d",
				where[0], where[1]);
	if (argc - 1 > MAX_PAIRS)
		return mig_fail(reterr, -EINVAL, "at most %d readings at once", MAX_PAIRS);
	for (int i = 1; i < argc; i++) {
		r = split(argv[i], &pairs[i - 1], reterr);
		if (r < 0)
			return r;
	}
	r = lab_open_named(a.lab, &lab, reterr);
	/* All of them or none: each is checked before the first is set. */
	for (int i = 1; i < argc && r >= 0; i++)
		r = lab_check_reading(lab, (unsigned)where[0], where[1], pairs[i - 1].key,
				      pairs[i - 1].value, reterr);
	for (int i = 1; i < argc && r >= 0; i++)
		r = lab_set_reading(lab, (unsigned)where[0], where[1], pairs[i - 1].key,
				    pairs[i - 1].value, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
