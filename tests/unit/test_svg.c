/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "render/parts.h"
#include "render/render.h"
#include "render/svg.h"
#include "unit/check.h"

/* What the SVG pen makes of a drawing; that it shows the right thing is tests/render's. */

static void draw_parts(struct render_pen *pen, const void *what)
{
	const char *name = what;

	render_begin(pen, &(struct render_part){ .kind = "gpu", .number = 3, .title = name });
	render_begin(pen, &(struct render_part){ .kind = "gi",
						 .number = 2,
						 .state = "busy",
						 .title = "GI 2",
						 .profile = "1g.5gb+me",
						 .start = 0,
						 .size = 1 });
	pen->ops->box(pen, 0, 0, 9, 3, RENDER_TINT);
	pen->ops->text(pen, 1, 1, name, RENDER_STRONG);
	render_end(pen);
	render_begin(pen, &(struct render_part){ .kind = "free", .number = 1 });
	pen->ops->bar(pen, 8, 1, 5, 0, RENDER_FAINT);
	pen->ops->text(pen, 9, 1, "  ", RENDER_FAINT);
	pen->ops->sign(pen, 10, 1, RENDER_SIGN_ARROW, RENDER_GOOD);
	pen->ops->line(pen, 0, 4, 1, 3, RENDER_FAINT);
	render_end(pen);
	render_end(pen);
}

static char *svg_of(const struct render_svg *svg, render_draw_fn draw, const void *what)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	CHECK_EQ(render_svg_print(f, svg, draw, what), 0);
	fclose(f);
	return text;
}

static void test_parts_are_groups(void)
{
	static const struct render_svg svg = { "pic", "A title", "What it is" };
	char *text = svg_of(&svg, draw_parts, "one");

	CHECK(strstr(text, "<g id=\"pic-gpu-3\" class=\"gpu\">\n"));
	CHECK(strstr(text, "<g id=\"pic-gpu-3-gi-2\" class=\"gi busy\" data-profile=\"1g.5gb+me\" "
			   "data-start=\"0\" data-size=\"1\">\n"));
	CHECK(strstr(text, "<g id=\"pic-gpu-3-free-1\" class=\"free\">\n"));
	CHECK(strstr(text, "<title>GI 2</title>"));
	CHECK(strstr(text, "aria-labelledby=\"pic-title pic-desc\""));
	CHECK(strstr(text, "<title id=\"pic-title\">A title</title>"));
	CHECK(strstr(text, "<desc id=\"pic-desc\">What it is. one: GI 2.</desc>"));
	/* 13 cells of 8 and 7 lines of 20, with the margin. */
	CHECK(strstr(text, "viewBox=\"0 0 128 164\""));
	CHECK(strstr(text, "<rect class=\"tint0\" x=\"16\" y=\"22\" width=\"64\" height=\"40\"/>"));
	CHECK(strstr(text, ">→</text>"));
	free(text);
}

/* A name from a driver may hold anything; the picture stays well-formed. */
static void test_escapes(void)
{
	static const struct render_svg svg = { "pic", "a<b>&\"c\"", NULL };
	char *text = svg_of(&svg, draw_parts, "x\001<&\xff");

	CHECK(strstr(text, "<title id=\"pic-title\">a&lt;b&gt;&amp;&quot;c&quot;</title>"));
	CHECK(strstr(text, ">x\xef\xbf\xbd&lt;&amp;\xef\xbf\xbd</text>"));
	CHECK(!strchr(text, '\001'));
	free(text);
}

static void test_records(void)
{
	struct render_found *found = NULL;
	size_t n = 0;

	CHECK_EQ(render_parts("pic", draw_parts, "one", &found, &n), 0);
	CHECK_EQ(n, 3);
	CHECK_STR(found[1].id, "pic-gpu-3-gi-2");
	CHECK_STR(found[1].kind, "gi");
	CHECK_STR(found[1].state, "busy");
	CHECK_STR(found[1].profile, "1g.5gb+me");
	CHECK_EQ(found[1].depth, 2);
	CHECK_STR(found[2].id, "pic-gpu-3-free-1");
	CHECK_EQ(found[2].size, 0);
	free(found);
}

/* Pictures below one another: the second begins where the first ends, a line between them. */
static void test_stack(void)
{
	static const struct render_picture pictures[] = { { render_line, "one" },
							  { draw_parts, "two" } };
	static const struct render_stack stack = { "Title",
						   "A note of two words and more than "
						   "a line has room for, so that it is "
						   "broken at a blank",
						   ARRAY_SIZE(pictures), pictures };
	struct render_term term = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	CHECK_EQ(render_term_print(f, &term, 0, render_stack, &stack), 0);
	fclose(f);
	CHECK(strstr(text, "Title\n\none\n\n+-------+\n|two"));
	CHECK(strstr(text, "\nA note of two words and more than a line has room for, so that it is "
			   "broken\nat a blank\n"));
	free(text);
}

int main(void)
{
	test_parts_are_groups();
	test_escapes();
	test_records();
	test_stack();
	return 0;
}
