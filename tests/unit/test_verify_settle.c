/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which value of a switch a transcript agrees with, on made-up drivers: alone, hidden behind
 * another one, by no value, and where it cannot be told; and transcripts as text.
 */
#include <errno.h>

#include "unit/check.h"
#include "verify/verify.h"

/* The switches of a driver that there is not. */
enum { CHIP, PLACE, IDS, DEAD, MODE, N };
static const struct verify_switch switches[N] = {
	[CHIP] = { .name = "chip", .n = 2, .value = { "I", "X" }, .of_chip = true },
	[PLACE] = { .name = "place", .n = 3, .value = { "low", "high", "middle" } },
	[IDS] = { .name = "ids", .n = 2, .value = { "lowest", "next" } },
	[DEAD] = { .name = "dead", .n = 2, .value = { "a", "b" } },
	[MODE] = { .name = "mode", .n = 1, .value = { "x" } },
};

static void note(struct verify_transcript *t, const char *what, const char *answer)
{
	CHECK_EQ(verify_note(t, what, answer), 0);
}

/* Ids matter only where an instance is low or in the middle; each place has its own questions. */
static void walk(const uint8_t *v, struct verify_transcript *t)
{
	static const char *const starts[] = { "0", "7", "3" };

	note(t, "profiles", "19 20");
	note(t, "id of the first", v[CHIP] ? "13" : "7");
	note(t, "start of the first", starts[v[PLACE]]);
	if (v[PLACE] != 1) {
		note(t, "id that comes next", v[IDS] ? "1" : "0");
		note(t, "and then", v[IDS] ? "2" : "0");
	}
	note(t, "end", "well");
}

struct known {
	unsigned n;
	uint8_t value[64][VERIFY_MAX_SWITCHES];
	struct verify_transcript t[64];
	int fail; /* the call that fails; 0: none */
};

static int reference(void *arg, const uint8_t *value, const struct verify_transcript **ret,
		     struct mig_error *reterr)
{
	struct known *k = arg;

	if (k->fail && !--k->fail)
		return mig_fail(reterr, -EIO, "no reference");
	for (unsigned i = 0; i < k->n; i++)
		if (!memcmp(k->value[i], value, N)) {
			*ret = &k->t[i];
			return 0;
		}
	CHECK(k->n < 64);
	memcpy(k->value[k->n], value, N);
	walk(value, &k->t[k->n]);
	*ret = &k->t[k->n++];
	return 0;
}

static void drop(struct known *k)
{
	for (unsigned i = 0; i < k->n; i++)
		verify_transcript_free(&k->t[i]);
	*k = (struct known){ 0 };
}

static void judge(const struct verify_transcript *gpu, struct known *k, struct verify_verdict *ret)
{
	struct mig_error err = { 0 };

	CHECK_EQ(verify_settle(gpu, switches, N, reference, k, ret, &err), 0);
	CHECK_EQ(ret->ruling[DEAD].finding, VERIFY_NO_MATTER);
	CHECK_EQ(ret->ruling[MODE].finding, VERIFY_NOT_TRIED);
}

/* Every combination is found, and explains all that differs. */
static void combinations(void)
{
	for (unsigned i = 0; i < 2 * 3 * 2 * 2; i++) {
		const uint8_t v[VERIFY_MAX_SWITCHES] = { i % 2, i / 2 % 3, i / 6 % 2, i / 12 };
		struct verify_transcript gpu = { 0 };
		struct verify_verdict got;
		struct known k = { 0 };

		walk(v, &gpu);
		judge(&gpu, &k, &got);
		CHECK_EQ(got.ruling[CHIP].finding, VERIFY_SETTLED);
		CHECK_EQ(got.ruling[CHIP].value, v[CHIP]);
		CHECK_EQ(got.ruling[PLACE].finding, VERIFY_SETTLED);
		CHECK_EQ(got.ruling[PLACE].value, v[PLACE]);
		/* Where no id is asked for, every value is right. */
		CHECK_EQ(got.ruling[IDS].finding,
			 v[PLACE] == 1 ? VERIFY_NO_MATTER : VERIFY_SETTLED);
		CHECK_EQ(got.ruling[IDS].value, v[PLACE] == 1 ? 0 : v[IDS]);
		CHECK_EQ(got.n_differences, (v[PLACE] != 0) + (v[PLACE] != 1 && v[IDS] ? 2 : 0));
		for (size_t d = 0; d < got.n_differences; d++)
			CHECK_EQ(got.difference[d].rule,
				 strstr(got.difference[d].what, "start") ? PLACE : IDS);
		CHECK_EQ(got.compared + got.not_reached, 6);
		verify_verdict_free(&got);
		verify_transcript_free(&gpu);
		drop(&k);
	}
}

/* What no value says is a difference by itself, and settles nothing. */
static void neither(void)
{
	struct verify_transcript gpu = { 0 };
	struct verify_verdict got;
	struct known k = { 0 };

	note(&gpu, "profiles", "19 20 21");
	note(&gpu, "id of the first", "7");
	note(&gpu, "start of the first", "5");
	note(&gpu, "id that comes next", "1");
	note(&gpu, "and then", "9");
	note(&gpu, "what nobody asks", "0");
	judge(&gpu, &k, &got);
	CHECK_EQ(got.ruling[CHIP].finding, VERIFY_SETTLED);
	CHECK_EQ(got.ruling[PLACE].finding, VERIFY_NEITHER);
	CHECK_EQ(got.ruling[IDS].finding, VERIFY_NEITHER);
	CHECK_EQ(got.ruling[IDS].asked, 2);
	CHECK_EQ(got.ruling[IDS].agree[1], 1);
	CHECK_EQ(got.n_differences, 4);
	CHECK_STR(got.difference[0].what, "profiles");
	CHECK_STR(got.difference[0].seen, "19 20 21");
	CHECK_STR(got.difference[0].expected, "19 20");
	CHECK_EQ(got.difference[0].rule, -1);
	CHECK_EQ(got.difference[1].rule, -1);
	CHECK_EQ(got.difference[2].rule, IDS);
	CHECK_EQ(got.not_reached, 2);
	verify_verdict_free(&got);
	verify_transcript_free(&gpu);
	drop(&k);
}

/* A GPU that was never asked. */
static void nothing(void)
{
	struct verify_transcript gpu = { 0 };
	struct verify_verdict got;
	struct known k = { 0 };

	note(&gpu, "profiles", "19 20");
	judge(&gpu, &k, &got);
	CHECK_EQ(got.ruling[PLACE].finding, VERIFY_NOT_REACHED);
	CHECK_EQ(got.ruling[CHIP].finding, VERIFY_NOT_REACHED);
	CHECK_EQ(got.n_differences, 0);
	verify_verdict_free(&got);
	/* And a reference that fails, whichever. */
	for (int n = 1; n < 60; n++) {
		struct mig_error err = { 0 };
		int r;

		k.fail = n;
		r = verify_settle(&gpu, switches, N, reference, &k, &got, &err);
		if (!r)
			CHECK(k.fail > 0);
		else
			CHECK_STR(err.msg, "no reference");
		verify_verdict_free(&got);
	}
	verify_transcript_free(&gpu);
	drop(&k);
}

static int read_text(const char *text, struct verify_transcript *ret)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int r;

	CHECK(f != NULL);
	*ret = (struct verify_transcript){ 0 };
	r = verify_read(f, ret);
	fclose(f);
	return r;
}

static void texts(void)
{
	static const char *const bad[] = { "a\tb\n", "a\tb\nend 2 0 0\n", "end\n", "nonsense\n",
					   "a\tb",   "end 1 0 0\n" };
	struct verify_transcript t = { .creates = 3, .destroys = 4 }, back;
	size_t size, hint = 0;
	char *text;
	FILE *f = open_memstream(&text, &size);

	note(&t, "a\nb\tc", "\x7f\x01");
	note(&t, "d", "");
	CHECK_EQ(verify_write(&t, f), 0);
	fclose(f);
	CHECK_EQ(read_text(text, &back), 0);
	CHECK_EQ(back.n, 2);
	CHECK_EQ(back.creates, 3);
	CHECK_EQ(back.destroys, 4);
	CHECK_STR(verify_answer(&back, "a?b?c", &hint), "??");
	CHECK_STR(verify_answer(&back, "d", &hint), "");
	CHECK(!verify_answer(&back, "e", &hint));
	verify_transcript_free(&back);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(read_text(bad[i], &back), -EBADMSG);
		verify_transcript_free(&back);
	}
	verify_transcript_free(&t);
	free(text);
}

int main(void)
{
	combinations();
	neither();
	nothing();
	texts();
	return 0;
}
