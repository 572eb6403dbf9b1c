/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>

#include "base/util.h"
#include "render/render.h"
#include "render/width.h"
#include "unit/check.h"

/* Drawings compared line by line: what a person sees is the specification. */

static const struct render_words words = {
	.memory = "memory",
	.compute = "compute",
	.free = "free",
	.unused = "unused",
	.no_ci = "no CI",
	.in_use = "in use",
	.mig_on = "MIG on",
	.mig_off = "MIG off",
	.pending_on = "MIG off, waits to be on",
	.pending_off = "MIG on, waits to be off",
	.undivided = "one GPU",
};

static char *drawn(bool utf8, bool color, render_draw_fn draw, const void *what)
{
	struct render_term term = { .utf8 = utf8, .color = color };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	CHECK_EQ(render_term_print(f, &term, 0, draw, what), 0);
	fclose(f);
	return text;
}

static struct render_gpu lesson_gpu(void)
{
	return (struct render_gpu){
		.words = &words,
		.name = "NVIDIA A100 80GB PCIe",
		.compute_slices = 7,
		.memory_slices = 8,
		.units = 8,
		.mig = true,
		.pending = true,
		.n_gi = 2,
		.gi = {
			{ .id = 1, .start = 4, .size = 4, .slices = 3, .name = "3g.40gb", .n_ci = 2,
			  .ci = { { .id = 0, .start = 0, .slices = 1, .name = "1c.3g.40gb",
				    .in_use = true },
				  { .id = 1, .start = 1, .slices = 1, .name = "1c.3g.40gb" } } },
			{ .id = 2, .start = 0, .size = 4, .slices = 3, .name = "3g.40gb" },
		},
	};
}

static void test_gpu(void)
{
	struct render_gpu gpu = lesson_gpu();
	char *text = drawn(true, false, render_gpu, &gpu);

	CHECK_STR(text,
		  "        GPU 0  NVIDIA A100 80GB PCIe                               MIG on\n"
		  "            0       1       2       3       4       5       6       7\n"
		  "        ┌───────────────────────────────┬───────────────────────────────┐\n"
		  "memory  │ GI 2                          │ GI 1                          │\n"
		  "        │ 3g.40gb                       │ 3g.40gb                       │\n"
		  "        ├───────────────────────┬───────┼───────┬───────┬───────┬───────┘\n"
		  "compute │ no CI                 │unused │ CI 0  │ CI 1  │ free  │\n"
		  "        │                       │       │ 1c    │ 1c    │       │\n"
		  "        │                       │       │in use │       │       │\n"
		  "        └───────────────────────┴───────┴───────┴───────┴───────┘\n"
		  "            0       1       2       3       4       5       6\n");
	free(text);
}

/* Without UTF-8 the same drawing has the same shape, in ASCII only. */
static void test_ascii(void)
{
	struct render_gpu gpu = lesson_gpu();
	char *text = drawn(false, false, render_gpu, &gpu);

	for (const char *p = text; *p; p++)
		CHECK((unsigned char)*p < 0x80);
	CHECK(strstr(text, "compute | no CI                 |unused | CI 0  | CI 1  | free  |\n"));
	CHECK(strstr(text, "        +-----------------------+-------+-------+-------+-------+\n"));
	free(text);
}

/* Colour adds escapes and changes nothing else: taken out, the same bytes remain. */
static void test_color_adds_nothing(void)
{
	struct render_gpu gpu = lesson_gpu();
	char *plain = drawn(true, false, render_gpu, &gpu);
	char *color = drawn(true, true, render_gpu, &gpu);
	size_t n = 0;

	CHECK(strcmp(plain, color) != 0);
	for (const char *p = color; *p; p++) {
		if (*p == '\033') {
			p = strchr(p, 'm');
			CHECK(p != NULL);
			continue;
		}
		color[n++] = *p;
	}
	color[n] = 0;
	CHECK_STR(color, plain);
	free(plain);
	free(color);
}

/* Who runs where, and the memory in use: as much of it as a box has room for. */
static void test_gpu_users(void)
{
	struct render_gpu gpu = lesson_gpu();
	struct render_ci *ci = gpu.gi[0].ci;
	char *text;

	ci[0].users = (struct render_users){ 1, { { 4711, "python3" } } };
	ci[1].users = (struct render_users){ 5, { { 8, "a" }, { 4194303, "b" }, { 9, "c" } } };
	gpu.gi[0].memory = (struct render_memory){ "1634MiB of 40192MiB used", "1634MiB" };
	gpu.gi[1].hidden = true;
	text = drawn(true, false, render_gpu, &gpu);
	CHECK_STR(text,
		  "        GPU 0  NVIDIA A100 80GB PCIe                               MIG on\n"
		  "            0       1       2       3       4       5       6       7\n"
		  "        ┌───────────────────────────────┬───────────────────────────────┐\n"
		  "memory  │ GI 2                          │ GI 1                          │\n"
		  "        │ 3g.40gb                       │ 3g.40gb                       │\n"
		  "        │                               │ 1634MiB of 40192MiB used      │\n"
		  "        ├───────────────────────┬───────┼───────┬───────┬───────┬───────┘\n"
		  "compute │ ?                     │unused │ CI 0  │ CI 1  │ free  │\n"
		  "        │                       │       │ 1c    │ 1c    │       │\n"
		  "        │                       │       │● 4711 │ ● 8 a │       │\n"
		  "        │                       │       │       │4194303│       │\n"
		  "        │                       │       │       │+3 more│       │\n"
		  "        └───────────────────────┴───────┴───────┴───────┴───────┘\n"
		  "            0       1       2       3       4       5       6\n");
	free(text);
	/* In a wide terminal there is room for the name. */
	gpu.columns = 200;
	text = drawn(false, false, render_gpu, &gpu);
	CHECK(strstr(text, "|* 4711 python3 |"));
	free(text);
	/* In a narrow one the memory is brief. */
	gpu.columns = 40;
	text = drawn(false, false, render_gpu, &gpu);
	CHECK(strstr(text, "| 1634MiB       |"));
	free(text);
}

/* MIG off: who is on the whole GPU; its slices need not be known. */
static void test_gpu_undivided(void)
{
	struct render_gpu gpu = {
		.words = &words,
		.name = "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
		.index = 3,
		.pending = true,
		.memory = { "1634MiB of 97887MiB used", "1634MiB" },
		.users = { 2, { { 4711, "python3" }, { 4712, "" } } },
	};
	char *text = drawn(false, false, render_gpu, &gpu);

	CHECK_STR(text,
		  "        GPU 3  NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition\n"
		  "                                                  MIG off, waits to be on\n"
		  "        +---------------------------------------------------------------+\n"
		  "        | one GPU                                                       |\n"
		  "        | 1634MiB of 97887MiB used                                      |\n"
		  "        | * 4711 python3                                                |\n"
		  "        | * 4712                                                        |\n"
		  "        +---------------------------------------------------------------+\n");
	free(text);
}

/* A board of four slices counted in twelve units; a name that needs a line more. */
static void test_other_boards(void)
{
	struct render_gpu gpu = {
		.words = &words,
		.name = "Board",
		.compute_slices = 4,
		.memory_slices = 4,
		.units = 12,
		.mig = true,
		.pending = true,
		.n_gi = 1,
		.gi = { { .id = 5,
			  .start = 6,
			  .size = 3,
			  .slices = 1,
			  .name = "1g.24gb+me.all",
			  .n_ci = 1,
			  .ci = { { .slices = 1, .name = "1g.24gb+me.all" } } } }
	};
	char *text = drawn(true, false, render_gpu, &gpu);

	CHECK(strstr(text, "│ free         │ free         │ GI 5         │ free         │\n"));
	CHECK(strstr(text, "│1g.24gb+me.all│"));
	free(text);
	gpu = lesson_gpu();
	gpu.mig = false;
	gpu.n_gi = 0;
	text = drawn(true, false, render_gpu, &gpu);
	CHECK(strstr(text, "MIG off, waits to be on\n"));
	CHECK(strstr(text, "│ one GPU  "));
	free(text);
	gpu = lesson_gpu();
	gpu.n_gi = 1;
	gpu.gi[0] = (struct render_gi){ .id = 7, .size = 1, .slices = 1, .name = "1g.10gb+me" };
	text = drawn(true, false, render_gpu, &gpu);
	CHECK(strstr(text, "│ GI 7  │ free  │"));
	CHECK(strstr(text, "│1g.10gb│"));
	CHECK(strstr(text, "│ +me   │"));
	free(text);
}

static void test_wide_text(void)
{
	struct render_words zh = words;
	struct render_gpu gpu = lesson_gpu();
	char *text;

	zh.memory = "記憶體";
	zh.compute = "運算";
	zh.no_ci = "沒有 CI";
	zh.free = "空閒";
	gpu.words = &zh;
	text = drawn(true, false, render_gpu, &gpu);
	CHECK(strstr(text, "記憶體 │ GI 2                          │"));
	CHECK(strstr(text, "運算   │ 沒有 CI               │unused │ CI 0  │ CI 1  │ 空閒  │\n"));
	free(text);
}

static void test_layouts(void)
{
	static const struct render_layout rows[] = {
		{ 1, { { 0, 8, "7g.80gb" } } },
		{ 2, { { 0, 4, "4g.40gb" }, { 4, 4, "3g.40gb" } } },
		{ 3, { { 0, 4, "4g.40gb" }, { 4, 2, "2g.20gb" }, { 6, 1, "1g.10gb" } } },
	};
	struct render_layouts l = { &words, 8, 8, ARRAY_SIZE(rows), rows };
	char *text = drawn(true, false, render_layouts, &l);

	CHECK_STR(text, "        0       1       2       3       4       5       6       7\n"
			"    ┌───────────────────────────────────────────────────────────────┐\n"
			"  1 │ 7g.80gb                                                       │\n"
			"    ├───────────────────────────────┬───────────────────────────────┤\n"
			"  2 │ 4g.40gb                       │ 3g.40gb                       │\n"
			"  3 │ 4g.40gb                       │ 2g.20gb       │1g.10gb│       │\n"
			"    └───────────────────────────────┴───────────────┴───────┴───────┘\n");
	free(text);
}

/* What tells two profiles apart is never what is cut. */
static void test_layouts_short_names(void)
{
	static const struct render_layout rows[] = {
		{ 2, { { 0, 1, "1g.10gb+me" }, { 1, 1, "1g.10gb" } } },
		{ 2, { { 0, 1, "1g.10gb" }, { 1, 1, "1g.10gb+me" } } },
	};
	struct render_layouts l = { &words, 8, 8, ARRAY_SIZE(rows), rows };
	char *text = drawn(true, false, render_layouts, &l);

	CHECK(strstr(text, "│ 1g+me │1g.10gb│"));
	CHECK(strstr(text, "│1g.10gb│ 1g+me │"));
	free(text);
	l.columns = 40;
	text = drawn(true, false, render_layouts, &l);
	CHECK(strstr(text, "│1g+│ 1g│") || strstr(text, "│1g+│1g │"));
	free(text);
}

/* Where there is room for two columns the rows are shared out, read downwards. */
static void test_layouts_beside(void)
{
	struct render_layout rows[8] = { 0 };
	struct render_layouts l = { &words, 4, 4, ARRAY_SIZE(rows), rows, .columns = 160 };
	char *text;

	for (unsigned i = 0; i < 8; i++)
		rows[i] = (struct render_layout){ 1, { { 0, 4, "4g.24gb" } } };
	text = drawn(true, false, render_layouts, &l);
	CHECK(strstr(text, "\n  1 │ 4g.24gb                                                       │"
			   "     5 │ 4g.24gb"));
	CHECK(strstr(text, "\n  4 │") && !strstr(text, "\n  5 │"));
	free(text);
	l.columns = 138; /* one less than two need */
	text = drawn(true, false, render_layouts, &l);
	CHECK(strstr(text, "\n  8 │"));
	free(text);
}

static struct render_plan lesson_plan(void)
{
	static const struct render_plan_words plan_words = {
		.free = "free",
		.stays = "stays",
		.goes = "goes",
		.comes = "new",
		.pinned = "pinned",
		.busy = "in use",
	};

	return (struct render_plan){
		.words = &plan_words,
		.title = "GPU 0",
		.units = 8,
		.memory_slices = 8,
		.n = 2,
		.stage = {
			{ "before", 3, { { 0, 4, RENDER_STAYS, false, true, 2, "3g.40gb" },
					 { 4, 2, RENDER_GOES, false, false, 5, "2g.20gb" },
					 { 6, 1, RENDER_STAYS, true, false, 11, "1g.10gb+me" } } },
			{ "after", 3, { { 0, 4, RENDER_STAYS, false, true, 2, "3g.40gb" },
					{ 5, 1, RENDER_COMES, false, false, -1, "1g.10gb" },
					{ 6, 1, RENDER_STAYS, true, false, 11, "1g.10gb+me" } } },
		},
	};
}

static void test_plan(void)
{
	struct render_plan plan = lesson_plan();
	char *text = drawn(true, false, render_plan, &plan);

	CHECK_STR(text,
		  "       GPU 0\n"
		  "           0       1       2       3       4       5       6       7\n"
		  "       ┌───────────────────────────────┬───────────────┬───────┬───────┐\n"
		  "before │ 3g.40gb                       │ 2g.20gb       │1g.10gb│ free  │\n"
		  "       │                               │               │ +me   │       │\n"
		  "       │ GI 2                          │ GI 5          │ GI 11 │       │\n"
		  "       │ = stays                       │ - goes        │= stays│       │\n"
		  "       │ in use                        │               │pinned │       │\n"
		  "       └───────────────────────────────┴───────────────┴───────┴───────┘\n"
		  "       ┌───────────────────────────────┬───────┬───────┬───────┬───────┐\n"
		  "after  │ 3g.40gb                       │ free  │1g.10gb│1g.10gb│ free  │\n"
		  "       │                               │       │       │ +me   │       │\n"
		  "       │ GI 2                          │       │       │ GI 11 │       │\n"
		  "       │ = stays                       │       │ + new │= stays│       │\n"
		  "       │ in use                        │       │       │pinned │       │\n"
		  "       └───────────────────────────────┴───────┴───────┴───────┴───────┘\n");
	free(text);
}

/* A wide terminal makes wide boxes, a narrow one narrow ones; labels are never cut. */
static void test_plan_width(void)
{
	static const unsigned room[][2] = { { 40, 40 }, { 80, 80 }, { 100, 96 }, { 200, 136 } };
	struct render_plan plan = lesson_plan();

	for (unsigned i = 0; i < ARRAY_SIZE(room); i++) {
		char *text;
		size_t n;

		plan.columns = room[i][0];
		text = drawn(false, false, render_plan, &plan);
		n = strcspn(strchr(strchr(text, '\n') + 1, '\n') + 1, "\n");
		CHECK_EQ(n, room[i][1]);
		CHECK(strstr(text, "before |"));
		free(text);
	}
}

static void test_flow(void)
{
	struct render_flow flow = {
		.title = "Flow",
		.here = "here",
		.n = 3,
		.step = { { "a", RENDER_PASSED }, { "b", RENDER_NOW }, { "c" } },
		.group_first = 1,
		.group_last = 1,
		.group = "g"
	};
	char *text = drawn(true, false, render_flow, &flow);

	CHECK_STR(text, "Flow\n"
			"         ┌─ g ───┐\n"
			"┌───┐    │ ┌───┐ │    ┌───┐\n"
			"│ a │ →  │ │ b │ │ →  │ c │\n"
			"└───┘    │ └───┘ │    └───┘\n"
			"         └───────┘\n"
			"  ✓          ▲ here\n");
	free(text);
}

static char *wrapped(const char *text, unsigned columns, unsigned indent)
{
	char *ret = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&ret, &size);

	CHECK(f != NULL);
	render_wrap(f, text, columns, indent, NULL);
	fclose(f);
	return ret;
}

static void test_wrap(void)
{
	char *text = wrapped("one two three four five", 15, 2);

	CHECK_STR(text, "  one two three\n  four five\n");
	free(text);
	/* East Asian text breaks anywhere, but not before a stop. */
	text = wrapped("一二三四五六七，八九", 14, 0);
	CHECK_STR(text, "一二三四五六\n七，八九\n");
	free(text);
	text = wrapped("用 nvidia-smi 看", 12, 0);
	CHECK_STR(text, "用\nnvidia-smi\n看\n");
	free(text);
	/* A word longer than the line is cut, never lost. */
	text = wrapped("abcdefghijklmnop", 10, 0);
	CHECK_STR(text, "abcdefghij\nklmnop\n");
	free(text);
	text = wrapped("a\nb", 40, 1);
	CHECK_STR(text, " a\n b\n");
	free(text);
}

static void test_wrap_mark(void)
{
	char *ret = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&ret, &size);

	CHECK(f != NULL);
	render_wrap(f, "one two three four", 14, 2, "▸");
	fclose(f);
	CHECK_STR(ret, "▸ one two\n  three four\n");
	free(ret);
}

static void test_utf8(void)
{
	uint32_t c;

	CHECK_EQ(render_width("記憶體 ab"), 9);
	CHECK_EQ(render_fit("記憶體", 5), 6);
	/* Broken input is one sign a byte, and never read past its end. */
	CHECK_EQ(render_decode("\xe8\xa8", &c), 1);
	CHECK_EQ(c, 0xfffd);
	CHECK_EQ(render_decode("\xc0\x80", &c), 1);
	CHECK_EQ(c, 0xfffd);
	CHECK_EQ(render_decode("\xed\xa0\x80", &c), 1);
	CHECK_EQ(render_decode("\xf0\x9f\x98\x80", &c), 4);
	CHECK_EQ(c, 0x1f600);
	for (uint32_t i = 1; i < 0x110000; i += 97) {
		char buf[5] = { 0 };

		if (i >= 0xd800 && i <= 0xdfff)
			continue;
		render_encode(i, buf);
		CHECK_EQ(render_decode(buf, &c), strlen(buf));
		CHECK_EQ(c, i);
	}
}

static void test_locale_names(void)
{
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	setenv("LANG", "zh_TW.UTF-8", 1);
	CHECK(render_locale_is_utf8());
	setenv("LC_ALL", "C", 1);
	CHECK(!render_locale_is_utf8());
	setenv("NO_COLOR", "1", 1);
	CHECK(!render_term_detect(stdout, RENDER_COLOR_AUTO).color);
	CHECK(render_term_detect(stdout, RENDER_COLOR_ALWAYS).color);
}

static void all_in_this_locale(void)
{
	test_gpu();
	test_ascii();
	test_color_adds_nothing();
	test_gpu_users();
	test_gpu_undivided();
	test_other_boards();
	test_wide_text();
	test_layouts();
	test_layouts_short_names();
	test_layouts_beside();
	test_plan();
	test_plan_width();
	test_flow();
	test_wrap();
	test_wrap_mark();
	test_utf8();
}

int main(void)
{
	/* Widths must be the same whether the C library knows them or our own table has to. */
	all_in_this_locale();
	test_locale_names();
	CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
	all_in_this_locale();
	return 0;
}
