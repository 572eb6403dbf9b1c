/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/util.h"
#include <migkit/driver.h>

/*
 * Data-center branches that know MIG and the CUDA version that each brought (CUDA release notes,
 * table of toolkit and driver versions).
 */
static const struct {
	unsigned major;
	uint32_t cuda;
} branches[] = {
	{ 450, 11000 }, { 455, 11010 }, { 460, 11020 }, { 465, 11030 }, { 470, 11040 },
	{ 495, 11050 }, { 510, 11060 }, { 515, 11070 }, { 520, 11080 }, { 525, 12000 },
	{ 530, 12010 }, { 535, 12020 }, { 545, 12030 }, { 550, 12040 }, { 555, 12050 },
	{ 560, 12060 }, { 565, 12070 }, { 570, 12080 }, { 575, 12090 }, { 580, 13000 },
};

/* Reads up to max digits; leaves *s behind them. False: none, or more than max. */
static bool digits(const char **s, unsigned max, unsigned *ret)
{
	unsigned n = 0, value = 0;

	while (**s >= '0' && **s <= '9') {
		if (++n > max)
			return false;
		value = value * 10 + (unsigned)(**s - '0');
		(*s)++;
	}
	*ret = value;
	return n > 0;
}

/* Up to three numbers separated by dots; returns how many, 0 for anything else. */
static unsigned split(const char *version, unsigned part[3])
{
	static const unsigned width[3] = { 3, 3, 3 };
	unsigned n = 0;

	part[0] = part[1] = part[2] = 0;
	for (;;) {
		if (!digits(&version, width[n], &part[n]))
			return 0;
		n++;
		if (!*version)
			break;
		if (*version++ != '.' || n == 3)
			return 0;
	}
	return part[0] >= 100 ? n : 0;
}

static uint32_t code_of(const unsigned part[3])
{
	return part[0] * 1000000u + part[1] * 1000u + part[2];
}

int mig_driver_parse_code(const char *version, uint32_t *ret, struct mig_error *reterr)
{
	unsigned part[3];

	if (!split(version, part))
		return mig_fail(
			reterr, -EINVAL,
			"'%.40s' is no driver version: write it as 515.86.01, or the branch alone "
			"as 515",
			version);
	*ret = code_of(part);
	return 0;
}

int mig_driver_parse(const char *version, struct mig_driver *ret, struct mig_error *reterr)
{
	unsigned part[3];

	if (split(version, part) < 2)
		return mig_fail(reterr, -EINVAL,
				"'%.40s' is no driver version: write it in full, as 515.86.01",
				version);
	for (size_t i = 0; i < ARRAY_SIZE(branches); i++) {
		if (branches[i].major != part[0])
			continue;
		*ret = (struct mig_driver){
			.major = part[0],
			.minor = part[1],
			.patch = part[2],
			.code = code_of(part),
			.cuda = branches[i].cuda,
		};
		return 0;
	}
	return mig_fail(
		reterr, -EINVAL,
		"driver branch %u of '%.40s' is not known here: the oldest known is %u, the "
		"newest %u, and not every number between is a branch",
		part[0], version, branches[0].major, branches[ARRAY_SIZE(branches) - 1].major);
}

void mig_driver_format(uint32_t code, char *buf, unsigned size)
{
	unsigned major = code / 1000000, minor = code / 1000 % 1000, patch = code % 1000;

	if (patch)
		snprintf(buf, size, "%u.%u.%02u", major, minor, patch);
	else if (minor)
		snprintf(buf, size, "%u.%u", major, minor);
	else
		snprintf(buf, size, "%u", major);
}

unsigned mig_driver_major(const char *version)
{
	unsigned part[3];

	return split(version, part) ? part[0] : 0;
}

uint32_t mig_driver_cuda(const char *version)
{
	struct mig_driver d;

	return mig_driver_parse(version, &d, NULL) < 0 ? 0 : d.cuda;
}

unsigned mig_driver_branch_at(unsigned i)
{
	return i < ARRAY_SIZE(branches) ? branches[i].major : 0;
}
