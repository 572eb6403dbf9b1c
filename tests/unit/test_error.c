/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <migkit/error.h>

#include "check.h"

static void a_failure_carries_code_and_sentence(void)
{
	struct mig_error e = { .nvml = 4 };

	CHECK_EQ(mig_fail(&e, -EINVAL, "profile %d: 0 to %d", 40, 39), -EINVAL);
	CHECK_EQ(e.code, -EINVAL);
	CHECK_EQ(e.nvml, 0);
	CHECK_STR(e.msg, "profile 40: 0 to 39");
}

static void nobody_needs_to_listen(void)
{
	CHECK_EQ(mig_fail(NULL, -EIO, "%s", "lost"), -EIO);
	CHECK_EQ(mig_fail_wrap(NULL, -EIO, "%s", "lost"), -EIO);
}

static void context_goes_before(void)
{
	struct mig_error e = { 0 };

	mig_fail(&e, -ENOENT, "no such file");
	CHECK_EQ(mig_fail_wrap(&e, e.code, "board '%s'", "a30"), -ENOENT);
	CHECK_STR(e.msg, "board 'a30': no such file");
}

static void a_long_sentence_is_cut(void)
{
	struct mig_error e = { 0 };
	char word[2 * sizeof(e.msg)];

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	mig_fail(&e, -EINVAL, "%s", word);
	CHECK_EQ(strlen(e.msg), sizeof(e.msg) - 1);
	mig_fail_wrap(&e, -EINVAL, "%s", word);
	CHECK_EQ(strlen(e.msg) < sizeof(e.msg), 1);
}

int main(void)
{
	a_failure_carries_code_and_sentence();
	nobody_needs_to_listen();
	context_goes_before();
	a_long_sentence_is_cut();
	return 0;
}
