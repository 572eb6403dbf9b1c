/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "cli/lesson.h"
#include "render/width.h"
#include "unit/check.h"

/* The lesson's data as it was compiled in: nothing is missing in any language. */

static void check_text(const char *text)
{
	CHECK(text != NULL);
	CHECK(*text != 0);
	/* Sentences are UTF-8 without control characters but line breaks. */
	for (uint32_t c; *text; text += render_decode(text, &c)) {
		render_decode(text, &c);
		CHECK(c != 0xfffd);
		CHECK(c >= ' ' || c == '\n');
	}
}

static void test_sentences(void)
{
	for (unsigned l = 0; l < LESSON_N_LANGUAGES; l++) {
		CHECK(lesson_language_names[l] != NULL);
		CHECK_EQ(lesson_find_language(lesson_language_names[l]), l);
		for (unsigned i = 0; i < SAY_MAX; i++)
			check_text(lesson_texts[l][i]);
	}
	CHECK(lesson_language_names[LESSON_N_LANGUAGES] == NULL);
	CHECK_EQ(lesson_find_language("xx"), -1);
}

static void test_steps(void)
{
	unsigned n = 0, parts = 0;

	for (const struct lesson_step *step = lesson_steps; step->id; step++, n++) {
		for (unsigned l = 0; l < LESSON_N_LANGUAGES; l++) {
			check_text(step->why[l]);
			/* A sentence is there in every language or in none. */
			CHECK(!step->then[l] == !step->then[0]);
			CHECK(!step->part[l] == !step->part[0]);
			if (step->then[l])
				check_text(step->then[l]);
		}
		parts += step->part[0] != NULL;
		CHECK(step->prepare && step->run);
		/* A step shows something. */
		CHECK(*step->run || step->picture != LESSON_PICTURE_NONE);
	}
	CHECK(n > 20);
	CHECK(parts > 5);
	CHECK(lesson_steps[0].part[0] != NULL);
}

static void test_locale(void)
{
	unsetenv("LC_ALL");
	unsetenv("LC_MESSAGES");
	unsetenv("LC_CTYPE");
	setenv("LANG", "zh_TW.UTF-8", 1);
	CHECK_STR(lesson_language_names[lesson_find_language(NULL)], "zh-TW");
	setenv("LC_ALL", "en_US.UTF-8", 1);
	CHECK_STR(lesson_language_names[lesson_find_language(NULL)], "en");
	/* Big5 on the terminal: our UTF-8 would be noise. */
	unsetenv("LC_ALL");
	setenv("LANG", "zh_TW", 1);
	CHECK_STR(lesson_language_names[lesson_find_language(NULL)], "en");
}

int main(void)
{
	test_sentences();
	test_steps();
	test_locale();
	return 0;
}
