/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <migkit/driver.h>
#include <migkit/names.h>

#include "unit/check.h"

/* The grammar of profile names, and driver versions. */

static void names_there_and_back(void)
{
	static const struct {
		const char *text;
		struct mig_name name;
	} cases[] = {
		{ "1g.5gb", { 0, 1, 5, MIG_MEDIA_PLAIN } },
		{ "7g.141gb", { 0, 7, 141, MIG_MEDIA_PLAIN } },
		{ "1g.10gb+me", { 0, 1, 10, MIG_MEDIA_ME } },
		{ "1c.3g.40gb", { 1, 3, 40, MIG_MEDIA_PLAIN } },
		{ "1c.3g.40gb+me", { 1, 3, 40, MIG_MEDIA_ME } },
		{ "2g.48gb+me.all", { 0, 2, 48, MIG_MEDIA_ME_ALL } },
		{ "1g.24gb-me", { 0, 1, 24, MIG_MEDIA_NO_ME } },
		{ "4g.96gb+gfx", { 0, 4, 96, MIG_MEDIA_GFX } },
		{ "1g.0gb", { 0, 1, 0, MIG_MEDIA_PLAIN } }, /* Thor */
	};
	struct mig_name name;
	char buf[MIG_PROFILE_NAME], full[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(mig_name_parse(cases[i].text, &name, NULL), 0);
		CHECK_EQ(name.ci_slices, cases[i].name.ci_slices);
		CHECK_EQ(name.gi_slices, cases[i].name.gi_slices);
		CHECK_EQ(name.memory_gb, cases[i].name.memory_gb);
		CHECK_EQ(name.media, cases[i].name.media);
		CHECK_EQ(mig_name_format(&name, buf, sizeof(buf)), strlen(cases[i].text));
		CHECK_STR(buf, cases[i].text);
		snprintf(full, sizeof(full), "MIG %s", cases[i].text);
		CHECK_EQ(mig_name_parse(full, &name, NULL), 0);
	}
}

static void names_refused(void)
{
	static const char *const bad[] = {
		"",	      "3g",
		"3g.40",      "3g.40GB",
		"3G.40gb",    "g.40gb",
		"0g.40gb",    "03g.40gb",
		"3g.40gb+",   "3g.40gb+ME",
		"3g.40gb ",   " 3g.40gb",
		"3g40gb",     "0c.3g.40gb",
		"4c.3g.40gb", "c.3g.40gb",
		"MIG3g.40gb", "MIG  3g.40gb",
		"-3g.40gb",   "3g.040gb",
		"3g.99999gb", "3g.40gb+me+me",
		"9",
	};
	struct mig_name name = { 9, 9, 9, MIG_MEDIA_GFX };
	struct mig_error err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct mig_error){ 0 };
		if (mig_name_parse(bad[i], &name, &err) != -EINVAL)
			fprintf(stderr, "accepted: '%s'\n", bad[i]);
		CHECK_EQ(err.code, -EINVAL);
		CHECK(err.msg[0]);
		CHECK_EQ(name.gi_slices, 9);
	}
}

static void drivers_known(void)
{
	struct mig_driver d;
	char buf[16];

	CHECK_EQ(mig_driver_parse("515.86.01", &d, NULL), 0);
	CHECK_EQ(d.major, 515);
	CHECK_EQ(d.minor, 86);
	CHECK_EQ(d.patch, 1);
	CHECK_EQ(d.code, 515086001);
	CHECK_EQ(d.cuda, 11070);
	CHECK_EQ(mig_driver_parse("580.159.04", &d, NULL), 0);
	CHECK_EQ(d.cuda, 13000);
	CHECK_EQ(mig_driver_parse("525.53", &d, NULL), 0);
	CHECK_EQ(d.code, 525053000);
	CHECK_EQ(mig_driver_cuda("450.80.02"), 11000);
	CHECK_EQ(mig_driver_cuda("535.183.01"), 12020);
	CHECK_EQ(mig_driver_cuda("550.54.14"), 12040);
	CHECK_EQ(mig_driver_cuda("12.1"), 0);
	CHECK_EQ(mig_driver_major("570.169"), 570);
	CHECK_EQ(mig_driver_major("nonsense"), 0);
	mig_driver_format(515086001, buf, sizeof(buf));
	CHECK_STR(buf, "515.86.01");
	mig_driver_format(570169000, buf, sizeof(buf));
	CHECK_STR(buf, "570.169");
	mig_driver_format(470000000, buf, sizeof(buf));
	CHECK_STR(buf, "470");
	for (unsigned i = 1; mig_driver_branch_at(i); i++)
		CHECK(mig_driver_branch_at(i) > mig_driver_branch_at(i - 1));
}

static void drivers_refused(void)
{
	static const char *const bad[] = {
		"",	      "515",	     "515.",	   "515.86.",	 ".86.01",    "515.86.01.1",
		"515.86.01 ", " 515.86.01",  "515,86,01",  "v515.86.01", "515.1234",  "5150.86.01",
		"99.1",	      "515.86.01-x", "-515.86.01", "516.01.01",	 "600.10.01",
	};
	struct mig_driver d = { .major = 7 };
	struct mig_error err;
	uint32_t code;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct mig_error){ 0 };
		if (mig_driver_parse(bad[i], &d, &err) != -EINVAL)
			fprintf(stderr, "accepted: '%s'\n", bad[i]);
		CHECK_EQ(err.code, -EINVAL);
		CHECK(err.msg[0]);
		CHECK_EQ(d.major, 7);
	}
	CHECK_EQ(mig_driver_parse_code("515", &code, NULL), 0);
	CHECK_EQ(code, 515000000);
	CHECK_EQ(mig_driver_parse_code("51", &code, NULL), -EINVAL);
}

int main(void)
{
	names_there_and_back();
	names_refused();
	drivers_known();
	drivers_refused();
	return 0;
}
