/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "render/width.h"

/* Characters that must not begin a line: closing brackets and stops, ASCII and fullwidth. */
static bool closes(uint32_t c)
{
	static const uint32_t marks[] = {
		'.',	',',	';',	':',	'!',	'?',	')',	']',	'}',	'\'',
		'"',	0x2019, 0x201d, 0x2026, 0x3001, 0x3002, 0x300b, 0x300d, 0x300f, 0x3011,
		0xff01, 0xff09, 0xff0c, 0xff0e, 0xff1a, 0xff1b, 0xff1f, 0,
	};

	for (unsigned i = 0; marks[i]; i++)
		if (c == marks[i])
			return true;
	return false;
}

/* Characters that must not end a line. */
static bool opens(uint32_t c)
{
	return c == '(' || c == '[' || c == '{' || c == 0x300a || c == 0x300c || c == 0x300e ||
	       c == 0x3010 || c == 0xff08;
}

/* Whether a line may break between two characters that stand side by side. */
static bool may_break(uint32_t before, uint32_t after)
{
	if (before == ' ')
		return true;
	if (after == ' ' || closes(after) || opens(before))
		return false;
	return render_char_width(before) == 2 || render_char_width(after) == 2;
}

/* Bytes of the next line of s: the longest that fits and ends where a break is allowed. */
static size_t line_length(const char *s, unsigned columns)
{
	size_t at = 0, last = 0;
	unsigned used = 0, n;
	uint32_t c, before = 0;

	while ((n = render_decode(s + at, &c)) > 0 && c != '\n') {
		if (at > 0 && may_break(before, c))
			last = at;
		if (c != ' ' && used + render_char_width(c) > columns)
			return last ? last : (at ? at : n);
		used += render_char_width(c);
		at += n;
		before = c;
	}
	return at;
}

void render_wrap(FILE *out, const char *text, unsigned columns, unsigned indent, const char *mark)
{
	unsigned room = columns > indent + 10 ? columns - indent : 10;

	while (*text) {
		size_t n = line_length(text, room), shown = n;
		unsigned blanks = indent;

		while (shown && text[shown - 1] == ' ')
			shown--;
		if (mark) {
			fputs(mark, out);
			blanks -= render_width(mark) < indent ? render_width(mark) : indent;
		}
		mark = NULL;
		fprintf(out, "%*s%.*s\n", shown ? (int)blanks : 0, "", (int)shown, text);
		text += n;
		while (*text == ' ')
			text++;
		if (*text == '\n')
			text++;
	}
}
