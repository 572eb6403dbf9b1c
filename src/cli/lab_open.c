/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chosen.h"
#include "cli/lab_open.h"
#include "lab/lab.h"

int lab_open_named(const char *name, struct lab **ret, struct mig_error *reterr)
{
	char dir[PATH_MAX];
	int r = cli_lab_which(name, dir, reterr);

	if (r < 0)
		return r;
	return lab_open(dir, 0, ret, reterr);
}

int lab_explain(const char *dir, struct mig_error *reterr)
{
	struct lab *lab;
	int r = lab_open(dir, 0, &lab, reterr);

	if (r < 0)
		return r;
	lab_close(lab);
	return 0;
}

void lab_closep(struct lab **lab)
{
	if (*lab)
		lab_close(*lab);
	*lab = NULL;
}

int lab_parse_instance(const char *word, int ret[3], struct mig_error *reterr)
{
	const char *at = word;

	ret[0] = ret[1] = ret[2] = -1;
	for (int i = 0; i < 3; i++) {
		char *end;
		unsigned long n;

		errno = 0;
		n = strtoul(at, &end, 10);
		if (errno || *at < '0' || *at > '9' || n > 255 || (*end && *end != '/'))
			break;
		ret[i] = (int)n;
		if (!*end)
			return 0;
		at = end + 1;
	}
	return mig_fail(reterr, -EINVAL,
			"'%.60s' is no GPU or instance: write GPU, GPU/GI or GPU/GI/CI in numbers, "
			"such as 0, 0/2 or 0/2/0",
			word);
}

int lab_parse_memory(const char *word, unsigned long long *ret, struct mig_error *reterr)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = { { "", 20 },  { "MiB", 20 }, { "M", 20 }, { "GiB", 30 },
		      { "G", 30 }, { "KiB", 10 }, { "K", 10 }, { "TiB", 40 } };
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(word, &end, 10);
	if (errno || *word < '0' || *word > '9')
		end = NULL;
	for (size_t i = 0; end && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(end, units[i].unit) != 0)
			continue;
		if (n > (1ULL << 50) >> units[i].shift)
			break;
		*ret = n << units[i].shift;
		return 0;
	}
	return mig_fail(reterr, -EINVAL,
			"'%.60s' is no amount of memory: write a whole number of MiB, or with a "
			"unit, such as 512MiB or 2GiB",
			word);
}
