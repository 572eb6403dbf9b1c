/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "model/boards.h"
#include "spec/request.h"
#include "unit/check.h"

/* What words of a request mean, and what is said about those that mean nothing. */

static struct mig_board a100, a30;

static void resolve(const char *key, struct mig_board *ret)
{
	CHECK(mig_board_find(key));
	CHECK_EQ(mig_board_resolve(mig_board_find(key), "580.159.04", ret, NULL), 0);
}

/* "3g.40gb@4 2x1g.10gb": what was understood of words, with "|" between them. */
static const char *understood(const struct mig_board *board, const char *line)
{
	static char text[600];
	char copy[200], *rest = copy, *words[16];
	unsigned n = 0;
	struct spec_request req[8];
	struct mig_error err = { 0 };
	size_t used = 0;
	int r;

	snprintf(copy, sizeof(copy), "%s", line);
	while (rest && n < ARRAY_SIZE(words))
		words[n++] = strsep(&rest, "|");
	r = spec_requests_parse(board, words, n, req, ARRAY_SIZE(req), &err);
	text[0] = 0;
	if (r < 0)
		snprintf(text, sizeof(text), "%s", err.msg);
	for (int i = 0; i < r; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%ux%s", i ? " " : "",
					 req[i].count, board->gi[req[i].profile].name);
		if (req[i].start >= 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "@%d",
						 req[i].start);
	}
	return text;
}

static void check_meant(void)
{
	CHECK_STR(understood(&a100, "3g.40gb|2x2g.20gb|1g.10gb@6"),
		  "1x3g.40gb 2x2g.20gb 1x1g.10gb@6");
	CHECK_STR(understood(&a100, "2 x 1g.10gb"), "2x1g.10gb");
	CHECK_STR(understood(&a100, "2|x|1g.10gb"), "2x1g.10gb");
	CHECK_STR(understood(&a100, "2x|1g.10gb"), "2x1g.10gb");
	CHECK_STR(understood(&a100, "2|x1g.10gb"), "2x1g.10gb");
	CHECK_STR(understood(&a100, "MIG 1g.10gb+me"), "1x1g.10gb+me");
	CHECK_STR(understood(&a100, "2|x|MIG|1g.10gb|19"), "2x1g.10gb 1x1g.10gb");
	/* Numbers are ids, as in nvidia-smi: 9 is no count of what follows. */
	CHECK_STR(understood(&a100, "9|14|19@6"), "1x3g.40gb 1x2g.20gb 1x1g.10gb@6");
	CHECK_STR(understood(&a100, "9@04"), "1x3g.40gb@4");
	CHECK_STR(understood(&a100, "2x19"), "2x1g.10gb");
	CHECK_STR(understood(&a100, "99x1g.10gb"), "99x1g.10gb");
	CHECK_STR(understood(&a100, "| "), "");
	/* The same id is another profile on another board. */
	CHECK_STR(understood(&a30, "14|5"), "1x1g.6gb 1x2g.12gb");
}

static void check_refused(void)
{
	CHECK_STR(understood(&a100, "1g.10gb|2x3g.20gb"),
		  "'2x3g.20gb', column 3: A100 80GB PCIe has no 3g.20gb; nearest: 3g.40gb");
	CHECK_STR(understood(&a100, "1g.12gb+me"),
		  "'1g.12gb+me', column 1: A100 80GB PCIe has no 1g.12gb+me; nearest: 1g.10gb+me");
	CHECK_STR(understood(&a30, "3g.20gb"),
		  "'3g.20gb', column 1: A30 has no 3g.20gb; nearest: 4g.24gb");
	CHECK_STR(understood(&a30, "7"),
		  "'7', column 1: A30 has no profile with the id 7; it has 14 (1g.6gb), 21 "
		  "(1g.6gb+me), 5 (2g.12gb), 6 (2g.12gb+me), 0 (4g.24gb) (a count is written "
		  "2x1g.6gb)");
	CHECK_STR(understood(&a30, "foo"),
		  "'foo', column 1: A30 has no profile 'foo'; it has 1g.6gb, 1g.6gb+me, 2g.12gb, "
		  "2g.12gb+me, 4g.24gb");
	CHECK_STR(understood(&a100, "3g.40gb:4"),
		  "'3g.40gb:4', column 8: a colon is not used here: a start is written "
		  "3g.40gb@START, a count Nx3g.40gb");
	CHECK_STR(understood(&a100, "9,14"),
		  "'9,14', column 2: blanks stand between profiles, not commas");
	CHECK_STR(understood(&a100, "3g.40gb@2"),
		  "'3g.40gb@2', column 9: 3g.40gb cannot start at 2 on A100 80GB PCIe: it starts "
		  "at 0 or 4");
	CHECK_STR(understood(&a100, "2g.20gb@"),
		  "'2g.20gb@', column 9: behind '@' stands a start: 0, 2 or 4 for 2g.20gb");
	CHECK_STR(understood(&a100, "2x1g.10gb@6"),
		  "'2x1g.10gb@6', column 3: 2 instances cannot all start at 6: give each its own "
		  "start, or none");
	CHECK_STR(understood(&a100, "1c.3g.40gb"),
		  "'1c.3g.40gb', column 1: 1c.3g.40gb is a compute instance inside a GPU instance: "
		  "name the GPU instance, 3g.40gb");
	CHECK_STR(understood(&a100, "0x1g.10gb"),
		  "'0x1g.10gb', column 1: a count is 1 to 99, not 0");
	CHECK_STR(understood(&a100, "1000000000000x1g.10gb"),
		  "'1000000000000x1g.10gb', column 1: a count is 1 to 99, not 100000000000");
	CHECK_STR(understood(&a100, "2x"), "'2x', column 3: a profile must follow the count");
	CHECK_STR(understood(&a100, "x|1g.10gb"),
		  "'x', column 1: a count stands before 'x': 2x3g.40gb");
	CHECK_STR(
		understood(&a100, "1g.10gb @6"),
		"'1g.10gb @6', column 9: a profile is missing: PROFILE[@START], such as 3g.40gb@4");
	CHECK_STR(understood(&a100,
			     "1g.10gb|1g.10gb|1g.10gb|1g.10gb|1g.10gb|1g.10gb|1g.10gb|1g.10gb|19"),
		  "'19', column 1: more than 8 requests at once");
}

static const char *one(const char *word)
{
	static char text[600];
	struct spec_request req;
	struct mig_error err = { 0 };

	if (spec_request_parse_one(&a100, word, &req, &err) < 0)
		snprintf(text, sizeof(text), "%s", err.msg);
	else
		snprintf(text, sizeof(text), "%s@%d", a100.gi[req.profile].name, req.start);
	return text;
}

static void check_one(void)
{
	CHECK_STR(one("3g.40gb@4"), "3g.40gb@4");
	CHECK_STR(one("MIG 7g.80gb"), "7g.80gb@-1");
	CHECK_STR(one("1x19"), "1g.10gb@-1");
	CHECK_STR(one("2x1g.10gb"), "'2x1g.10gb', column 1: only one instance can be asked for "
				    "here, without a count");
	CHECK_STR(one("1g.10gb 19"), "'1g.10gb 19', column 9: only one profile can be named here");
	CHECK_STR(one(" "), "' ': a profile is missing: PROFILE[@START], such as 3g.40gb@4");
}

/* "3 x 12288 MiB, 28 SM" */
static const char *need(const char *word)
{
	static char text[600];
	struct mig_need needs[MIG_MAX_GI];
	struct mig_error err = { 0 };
	int r = spec_needs_parse(word, needs, ARRAY_SIZE(needs), &err);

	if (r < 0) {
		snprintf(text, sizeof(text), "%s", err.msg);
		return text;
	}
	for (int i = 1; i < r; i++)
		CHECK(needs[0].memory_mib == needs[i].memory_mib && needs[0].sm == needs[i].sm);
	snprintf(text, sizeof(text), "%dx %lluMiB %uSM", r, (unsigned long long)needs[0].memory_mib,
		 needs[0].sm);
	return text;
}

static void check_needs(void)
{
	CHECK_STR(need("30GiB"), "1x 30720MiB 0SM");
	CHECK_STR(need("3x12GiB,28SM"), "3x 12288MiB 28SM");
	CHECK_STR(need("28sm,12gib"), "1x 12288MiB 28SM");
	CHECK_STR(need("9.5GiB"), "1x 9728MiB 0SM");
	/* A billion bytes is less than a GiB; nothing that is asked for is rounded away. */
	CHECK_STR(need("20GB"), "1x 19074MiB 0SM");
	CHECK_STR(need("1MB"), "1x 1MiB 0SM");
	CHECK_STR(need("0.5MiB"), "1x 1MiB 0SM");
	CHECK_STR(need("1024TiB"), "1x 1073741824MiB 0SM");
	CHECK_STR(need("30"), "'30', column 3: a unit is missing: GiB, MiB, GB or SM");
	CHECK_STR(need("30XB"), "'30XB', column 3: the units are GiB, MiB, GB and SM");
	CHECK_STR(need("0GiB"),
		  "'0GiB', column 1: memory is more than nothing and at most 1024TiB");
	CHECK_STR(need("1025TiB"),
		  "'1025TiB', column 1: memory is more than nothing and at most 1024TiB");
	CHECK_STR(need("0SM"), "'0SM', column 1: multiprocessors are 1 to 9999, whole");
	CHECK_STR(need("1.5SM"), "'1.5SM', column 1: multiprocessors are 1 to 9999, whole");
	CHECK_STR(need("1GiB,2GiB"), "'1GiB,2GiB', column 6: memory is given twice");
	CHECK_STR(need("1SM,2SM"), "'1SM,2SM', column 5: multiprocessors are given twice");
	CHECK_STR(need("9x1GiB"), "'9x1GiB', column 1: a GPU holds 8 instances at most");
	CHECK_STR(need("0x1GiB"), "'0x1GiB', column 1: a count is 1 to 99, not 0");
	CHECK_STR(need("12GiB,"), "'12GiB,', column 7: a need is memory, multiprocessors or both: "
				  "30GiB, 28SM, 12GiB,28SM");
	CHECK_STR(need("3g.40gb"), "'3g.40gb', column 2: the units are GiB, MiB, GB and SM");
}

int main(void)
{
	resolve("a100-80gb-pcie", &a100);
	resolve("a30", &a30);
	check_meant();
	check_refused();
	check_one();
	check_needs();
	return 0;
}
